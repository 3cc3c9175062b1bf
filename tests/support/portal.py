"""A portal over the fake gate, with a real PostgreSQL for Django: once per test process; or as a server of its own.

with standing_alone() as link:      # the sign-in address of a portal in a process of its own
"""

from __future__ import annotations

import atexit
import functools
import multiprocessing
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

from django.db import connections
from django.test import Client

from bienho.config import Home
from bienho.database import Database
from bienho.governance import accounts
from bienho.governance.changes import SYSTEM
from bienho.portal import entry, serve, settings, signin
from bienho.portal.house import House
from bienho.portal.rates import RATES
from support import forks, rooms
from support.assets import shared_assets
from support.fake_gate import NOW, FakeActor, FakeGate, fake_gate
from support.homes import temporary_home
from support.papers import lay_out

ACTOR = FakeActor()
VIEWER = FakeActor("test-2", "Người không được mở định danh", ("operator",))
ACTORS = {actor.account_id: actor for actor in (ACTOR, VIEWER)}


@functools.cache
def base() -> House:
    """The house of this process, with Django set up. Its clock stands still."""
    stack = ExitStack()
    atexit.register(stack.close)
    made = stack.enter_context(temporary_home())
    accounts.ensure_demo_account(made.database, made.home)
    for actor in ACTORS.values():
        ensure(made.database, made.home, actor)
    house = House(made.home, made.keys, made.database, fake_gate(), ACTORS.get, clock=lambda: NOW)
    with shared_assets(made.home):
        settings.set_up(house)
    stack.callback(connections.close_all)
    return house


def ensure(db: Database, home: Home, actor: Any) -> None:
    """An account in that house: sessions are governance's, and whoever has one has an account."""
    if accounts.find(db, actor.account_id) is None:
        accounts.create(db, home, accounts.new(actor.account_id, actor.name), by=SYSTEM)


@functools.cache
def papers() -> str:
    """Lays out agreements, decisions and an emergency in the house of this process, once; the emergency's id."""
    return lay_out(base())


@functools.cache
def empty_gate() -> FakeGate:
    return fake_gate(empty=True)


def client(actor: FakeActor = ACTOR, gate: FakeGate | None = None) -> Client:
    """A browser without a screen, signed in as `actor` through the real sign-in."""
    ensure(base().database, base().home, actor)
    use(gate or FakeGate(base().gate.connection))  # type: ignore[attr-defined]
    return signed_in(actor.account_id)


def signed_in(account_id: str) -> Client:
    """A browser of an account that the house in use knows."""
    browser = Client()
    answer = browser.post("/dang-nhap/", {"ma": signin.new_token(account_id, entry.house().clock())})
    assert answer.status_code == 302, answer.status_code
    return browser


def use(gate: FakeGate, **changes: Any) -> House:
    """Put another gate behind the pages of this process; nobody has asked anything yet."""
    RATES.forget()
    house = replace(base(), gate=gate, **changes)
    settings.set_up(house)
    return house


@contextmanager
def standing_alone() -> Iterator[str]:
    """The sign-in address of a portal that runs as a process of its own until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    ours, theirs = multiprocessing.Pipe(duplex=False)
    server = forks.start(_stand_alone, dict(os.environ), port, theirs)
    theirs.close()
    try:
        yield str(ours.recv())
    finally:
        ours.close()
        server.terminate()
        server.join(30)
        assert server.exitcode == 0, server.exitcode


def _stand_alone(environment: Mapping[str, str], port: int, ready: Connection) -> None:
    os.environ.clear()
    os.environ.update(environment)
    try:
        _serve(port, ready)
    finally:
        atexit._run_exitfuncs()  # a fork ends without: its database would go on


def _serve(port: int, ready: Connection) -> None:
    rooms.seed(base().database, base().home)
    ACTORS[ACTOR.account_id] = replace(ACTOR, roles=(*ACTOR.roles, "administrator"))
    settings.set_up(replace(base(), first_steps=rooms.first_steps))
    token = signin.new_token(ACTOR.account_id, base().clock())
    papers()
    serve.listen("127.0.0.1", port, on_ready=lambda: ready.send(serve.link(token, port=port)))
