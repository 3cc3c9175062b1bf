"""A portal over the fake gate, with a real PostgreSQL for Django: once per test process; or as a server of its own.

python -m support.portal PORT      serves until SIGTERM; prints the sign-in address on its first line
"""

from __future__ import annotations

import atexit
import functools
import sys
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from django.db import connections
from django.test import Client

from bienho.portal import serve, settings, signin
from bienho.portal.house import House
from support.fake_gate import NOW, FakeActor, FakeGate, fake_gate
from support.homes import temporary_home

ACTOR = FakeActor()
VIEWER = FakeActor("test-2", "Người không được mở định danh", ("operator",))
ACTORS = {actor.account_id: actor for actor in (ACTOR, VIEWER)}


@functools.cache
def base() -> House:
    """The house of this process, with Django set up. Its clock stands still."""
    stack = ExitStack()
    atexit.register(stack.close)
    made = stack.enter_context(temporary_home())
    house = House(made.home, made.keys, made.database, fake_gate(), ACTORS.get, clock=lambda: NOW)
    settings.set_up(house)
    stack.callback(connections.close_all)
    return house


@functools.cache
def empty_gate() -> FakeGate:
    return fake_gate(empty=True)


def client(actor: FakeActor = ACTOR, gate: FakeGate | None = None) -> Client:
    """A browser without a screen, signed in as `actor` through the real sign-in."""
    house = use(gate or FakeGate(base().gate.connection))  # type: ignore[attr-defined]
    browser = Client()
    answer = browser.post("/dang-nhap/", {"ma": signin.new_token(actor.account_id, house.clock())})
    assert answer.status_code == 302, answer.status_code
    return browser


def use(gate: FakeGate, **changes: Any) -> House:
    """Put another gate behind the pages of this process."""
    house = replace(base(), gate=gate, **changes)
    settings.set_up(house)
    return house


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    port = int(sys.argv[1])
    token = signin.new_token(ACTOR.account_id, base().clock())
    serve.listen("127.0.0.1", port, on_ready=lambda: _tell(serve.link(token, port=port)))
