"""The pages over a real house of people, in this process: a clock that tests move, browsers, systems, a proxy.

doors = Doors.open(mode="production")
browser = doors.browser()
doors.password_step(browser, "ai.do")
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pyotp
from django.http import HttpResponse
from django.test import Client

from bienho.config import Doors as Reached
from bienho.config import Home, load_profile
from bienho.database import Database
from bienho.governance import people
from bienho.portal import entry
from support import peopled, portal
from support.fake_gate import FakeGate

ADDRESS, HOST = "https://kho.example.vn", "kho.example.vn"
PROXY = "127.0.0.9"
SECRET = re.compile(r"otpauth://totp/\S*secret=([A-Z2-7]{32})")
CODE = re.compile(r"\b[a-z2-7]{4}(?:-[a-z2-7]{4}){3}\b")


@dataclass
class Doors:
    """`now` is the clock of pages; `database` and `home` are what helpers of `peopled` need."""

    database: Database
    home: Home
    now: datetime = peopled.START
    reached: Reached = field(default_factory=lambda: Reached(ADDRESS, frozenset({PROXY}), certificates=True))

    @classmethod
    def open(cls, mode: str = "production", **more: Any) -> Doors:
        base = portal.base()
        made = cls(base.database, replace(base.home, mode=mode), **more)
        made.use()
        return made

    def use(self, **more: Any) -> None:
        """Put this house behind the pages of the process."""

        def find_actor(account_id: str) -> Any:
            return people.actor_of(self.database, account_id, "portal", "none", self.now)

        gate = more.pop("gate", None) or FakeGate(portal.base().gate.connection)  # type: ignore[attr-defined]
        given = {"find_actor": find_actor, "home": self.home, "clock": lambda: self.now, "doors": self.reached, **more}
        portal.use(gate, **given)

    def later(self, **passed: float) -> datetime:
        self.now += timedelta(**passed)
        return self.now

    def browser(self, address: str = "10.1.2.3", **more: Any) -> Client:
        """A browser that comes by HTTPS through the proxy from this address."""
        said = {"X-Forwarded-For": address, "X-Forwarded-Proto": "https", "Host": HOST}
        return Client(headers=said, REMOTE_ADDR=PROXY, **more)

    def cookie(self, browser: Client) -> str:
        found = browser.cookies.get(entry.cookie_name(entry.house()))
        return found.value if found else ""

    def with_factors(self, name: str, *roles: str) -> tuple[pyotp.TOTP, list[str]]:
        """A new account with a password and a device."""
        peopled.with_password(self, peopled.account(self, name, *roles), self.now)  # type: ignore[arg-type]
        return peopled.with_device(self, name, self.now)  # type: ignore[arg-type]

    def password_step(self, browser: Client, name: str, password: str = peopled.GOOD, **more: str) -> HttpResponse:
        return browser.post("/dang-nhap/", {"tai_khoan": name, "mat_khau": password, **more})

    def sign_in(self, name: str, device: pyotp.TOTP, browser: Client | None = None) -> Client:
        """Both steps; the clock moves on by one step of the device, because a code works once."""
        browser = browser or self.browser(peopled.place(name))
        self.later(seconds=60)
        assert self.password_step(browser, name).status_code == 302
        answer = browser.post("/dang-nhap/lop-hai/", {"ma_so": device.at(self.now)})
        assert answer.status_code == 302, answer.content.decode()
        return browser


def ensure_units(made: Doors) -> None:
    people.units.ensure(made.database, made.home, people.units.first_units(load_profile()), peopled.START)
