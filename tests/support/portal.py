"""A portal over the fake gate, with a real PostgreSQL for Django: once per test process; or as a server of its own.

with standing_alone() as link:      # the sign-in address of a portal in a process of its own
"""

from __future__ import annotations

import atexit
import functools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import connections
from django.test import Client

from bench import ports
from bienho.config import Home
from bienho.database import Database
from bienho.governance import Membership, accounts
from bienho.governance.changes import SYSTEM
from bienho.pipeline import open_app
from bienho.pipeline.connecting import Connecting
from bienho.pipeline.sending import Sending
from bienho.portal import entry, serve, settings, signin
from bienho.portal.house import House
from bienho.portal.rates import RATES
from support import forks, rooms, told
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
    use(gate) if gate else use_usual()
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


def use_usual() -> House:
    """Put the house of this process as it was made behind its pages again."""
    return use(FakeGate(base().gate.connection))  # type: ignore[attr-defined]


@contextmanager
def standing_alone(stand: Callable[[int, Callable[[str], None]], None] | None = None) -> Iterator[str]:
    """The sign-in address of a portal that runs as a process of its own until the block ends; `stand` serves it."""
    with forks.serving(stand or _stand_alone, os.environ, ports.free()) as (_, address):
        yield address


def _stand_alone(port: int, ready: Callable[[str], None]) -> None:
    rooms.seed(base().database, base().home)
    told.lay_out(base(), ACTOR)
    roles = (*ACTOR.roles, "administrator")
    own = Membership("facility-data-officer", "cs-52001", frozenset({"52001"}), None)
    held = (own, *(Membership(role, "so-y-te", None, None) for role in roles))
    ACTORS[ACTOR.account_id] = replace(ACTOR, roles=(*roles, own.role), memberships=held)
    with open_app(base().home.path) as app, Sending(app) as sending:
        doors = {"sending": sending, "rehearse": rehearsed, "connecting": Connecting(app)}
        settings.set_up(replace(base(), first_steps=rooms.first_steps, **doors))
        token = signin.new_token(ACTOR.account_id, base().clock())
        papers()
        serve.listen("127.0.0.1", port, on_ready=lambda: ready(serve.link(token, port=port)))


def rehearsed(data: bytes, facility: str, keys: bool, moment: datetime) -> dict[str, Any]:
    """A verdict on every file: one finding of one dossier, one dossier set aside."""
    place = {"table": "XML2", "row": 3, "field": "NGUON_CTRA", "hoso": 1, "ma_lk": "BA-0001"}
    said = {
        "code": "RULE-VALUE",
        "severity": "error",
        "owner": "facility",
        "rule": 103,
        "message": "Nguồn ngoài bộ mã.",
    }
    aside = {"hoso": 2, "code": "IN-NO-XML1", "message": "Hồ sơ không có bảng XML1.", "ma_lk": None}
    answer = {"hoso": 0, "code": "200", "title": "Nhận được", "fix": "", "known": "letter", "because": ""}
    counts = {"dossiers": 2, "accepted": 1, "accepted_with_findings": 0, "quarantined": 1}
    return {
        **counts, "outcome": "quarantined", "reason": "IN-NO-XML1", "duplicates": 0, "superseded": 0, "signature": [],
        "findings": [{**place, **said}], "quarantine": [aside], "national": [answer], "bytes": len(data),
    }  # fmt: skip
