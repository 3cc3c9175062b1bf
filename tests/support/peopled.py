"""A house with two administrators and its first units, and the steps of sign-in for tests of people."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest

from bienho.config import load_profile
from bienho.core.errors import BienhoError
from bienho.governance import Actor, accounts, audit, people
from bienho.governance.people import credentials, factors, memberships, signing_in
from support.homes import Made, temporary_home

START = datetime.now(UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DOC = "12/QĐ-SYT"
GOOD = "bốn con voi uống trà"
OTHER = "năm con kiến leo núi"
BOSS = Actor("boss", "Sếp", ("administrator",), "cli")
ORIGIN, RP = "https://kho.example.vn", "kho.example.vn"


@contextmanager
def peopled() -> Iterator[Made]:
    with temporary_home() as home:
        people.units.ensure(home.database, home.home, people.units.first_units(load_profile()), START)
        demo = accounts.ensure_demo_account(home.database, home.home).actor("cli")
        for name, roles in (("boss", ["administrator"]), ("boss2", ["administrator"])):
            accounts.add(home.database, home.home, by=demo, account_id=name, name=f"Sếp {name}", roles=roles)
        yield home


def account(made: Made, name: str, *roles: str) -> str:
    accounts.add(made.database, made.home, by=BOSS, account_id=name, name=f"Người {name}", roles=roles)
    return name


def with_password(made: Made, name: str, now: datetime = START, password: str = GOOD) -> str:
    token = credentials.invite(made.database, made.home, by=BOSS, account_id=name, now=now)
    return credentials.accept(made.database, made.home, token=token, password=password, door="portal", now=now)


def with_device(made: Made, name: str, now: datetime = START) -> tuple[pyotp.TOTP, list[str]]:
    by = Actor(name, name, (), "portal", assurance="one")
    device = pyotp.parse_uri(factors.begin_totp(made.database, made.home, by=by, now=now))
    assert isinstance(device, pyotp.TOTP)
    return device, factors.confirm_totp(made.database, made.home, by=by, code=device.at(now), now=now)


def place(name: str) -> str:
    """An address of its own for each account, so that tests do not make one another wait."""
    return "10." + ".".join(str(byte) for byte in hashlib.sha256(name.encode()).digest()[:3])


def first_step(
    made: Made, name: str, now: datetime, password: str = GOOD, address: str | None = None
) -> signing_in.Entered:
    where = place(name) if address is None else address
    return signing_in.with_password(
        made.database, made.home, account_id=name, password=password, address=where, door="portal", now=now
    )


def second_step(made: Made, entered: signing_in.Entered, code: str, now: datetime) -> signing_in.Entered:
    where = place(entered.account_id)
    return signing_in.with_code(made.database, made.home, token=entered.token, code=code, address=where, now=now)


def refused(call: Any, *given: Any, **named: Any) -> str:
    with pytest.raises(BienhoError) as error:
        call(*given, **named)
    return error.value.code


def last_event(made: Made) -> dict[str, Any]:
    return audit.recent(made.database, limit=1)[0]


def give(made: Made, who: str, unit: str, role: str, now: datetime = START, until: datetime | None = None) -> int:
    return memberships.give(
        made.database, made.home, by=BOSS, account_id=who, unit=unit, role=role, document=DOC, now=now, until=until
    ).membership_id
