"""Files a facility sends through a door: envelopes of one visit or more, and log-ins of a facility's system."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from bienho.config import load_profile
from bienho.governance import Actor, people
from bienho.governance.people import portal_api, systems
from bienho.standards.xml130.write import write_delivery
from support.peopled import DOC
from support.xml130_samples import make_tables

OWN, OTHER = "52001", "52002"
BY = Actor("boss", "Sếp", ("administrator",), "cli")
HERE = ("127.0.0.1",)


def envelope(*visits: str, facility: str = OWN, seed: int = 1) -> bytes:
    """A file of these visits; another `seed` says something else about them."""
    sent = [make_tables("3176", lines=1, seed=seed, ma_lk=visit) for visit in visits]
    for tables in sent:
        for row in (row for rows in tables.values() for row in rows if "MA_CSKCB" in row):
            row["MA_CSKCB"] = facility
    return write_delivery(sent, facility=facility, created="20260103", version="3176")


def enrol(
    made: Any, now: datetime, *, name: str = "52001-his", unit: str = "cs-52001", addresses: Sequence[str] = HERE,
    scopes: Sequence[str] = ("send", "receipt"),
) -> str:  # fmt: skip
    """A system of a unit that may send as clients of the portal do; its password."""
    people.units.ensure(made.database, made.home, people.units.first_units(load_profile()), now)
    systems.add(
        made.database, made.home, by=BY, client_id=name, name=f"Hệ thống {name}", unit=unit, scopes=scopes,
        document=DOC, expires_at=now + timedelta(days=300), now=now,
    )  # fmt: skip
    return portal_api.give(made.database, made.home, by=BY, client_id=name, addresses=addresses, document=DOC, now=now)
