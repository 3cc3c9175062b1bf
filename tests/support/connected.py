"""Programs of facilities at the door of systems: a client, its token, and what it asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.test import Client

from bienho.config import Home
from bienho.database import Database
from bienho.governance import Actor
from bienho.governance.people import systems
from bienho.pipeline import App
from bienho.sources import Delivery, receive
from support.fake_gate import NOW
from support.matrix import DELIVERIES

BY = Actor("an", "An", ("administrator",), "cli")

REHEARSED = {
    "outcome": "accepted", "reason": None, "bytes": 3, "dossiers": 0, "accepted": 0, "accepted_with_findings": 0,
    "quarantined": 0, "duplicates": 0, "superseded": 0, "findings": [], "quarantine": [], "signature": [],
    "national": [],
}  # fmt: skip
"""What a portal without a rehearsal of its own says of every file."""


@dataclass(frozen=True)
class System:
    """One program with a token; asks as a program would, over Django's own client."""

    token: str

    def get(self, path: str, **query: str) -> Any:
        return Client().get(path, query, headers={"Authorization": f"Bearer {self.token}"})

    def post(self, path: str, body: bytes | dict[str, Any], kind: str = "application/xml") -> Any:
        as_json = isinstance(body, dict)
        data = orjson.dumps(body) if as_json else body
        return Client().post(
            path, data, "application/json" if as_json else kind, headers={"Authorization": f"Bearer {self.token}"}
        )


def aligned(app: App) -> None:
    """The first two receipts of a home are those of the two deliveries that `matrix.fill` has in its lake."""
    if app.raw.last_seq() == 0:
        sent = [Delivery(b"<x/>", NOW, source="api", facility_asserted=facility) for facility in DELIVERIES]
        receive(app.raw, sent)


def connect(db: Database, home: Home, name: str, unit: str, now: datetime, *scopes: str) -> System:
    """A new client of a unit, with a token of these scopes."""
    secret = systems.add(
        db, home, by=BY, client_id=name, name=f"Phần mềm {name}", unit=unit, scopes=scopes or ("send", "receipt"),
        document="1/SYT", expires_at=now + timedelta(days=30), now=now - timedelta(minutes=1),
    )  # fmt: skip
    form = {"grant_type": "client_credentials", "client_id": name, "client_secret": secret or ""}
    body = "&".join(f"{key}={value}" for key, value in form.items())
    answer = Client().post("/oauth2/token", body, "application/x-www-form-urlencoded")
    assert answer.status_code == 200, answer.content
    return System(answer.json()["access_token"])
