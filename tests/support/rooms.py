"""Made-up staff in the units of the province, for the pages about rights: seeded once per house."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from bienho.config import Home, load_profile
from bienho.database import Database
from bienho.governance import Actor, accounts, people
from bienho.governance.people import memberships, reviews
from bienho.pipeline.start import GUIDES, Step
from support.fake_gate import NOW

DOC = "45/QĐ-SYT"
HOSPITAL, STATION, CENTRE = "cs-52001", "cs-52102", "cs-52013"
#: account, name, unit, role, given so many days ago, lasting so many days from now (0: no end agreed).
STAFF = (
    ("duong.rcom", "Rơ Châm Thị Dương", "quan-tri", "security-officer", 20, 0),
    ("hung.le", "Lê Quốc Hùng", "so-y-te", "leader", 100, 0),
    ("hoa.tran", "Trần Thị Hòa", HOSPITAL, "leader", 160, 0),
    ("quyen.nguyen", "Nguyễn Văn Quyền", HOSPITAL, "facility-data-officer", 170, 0),
    ("bluk.hnie", "H'Bluk Niê", HOSPITAL, "clinician", 190, 0),
    ("anh.dang", "Đặng Minh Ánh", HOSPITAL, "clinician", 60, 12),
    ("khanh.pham", "Phạm Quốc Khánh", HOSPITAL, "clinician", 230, 0),
    ("siu.thoa", "Siu H'Thoa", STATION, "station-worker", 175, 0),
    ("mai.vo", "Võ Thị Ngọc Mai", "cdc", "epidemiologist", 40, 300),
    ("tam.huynh", "Huỳnh Đức Tâm", "nghiep-vu-y", "room-officer", 20, 0),
    ("tam.huynh", "Huỳnh Đức Tâm", "nghiep-vu-y", "viewer", 20, 0),
    ("lam.bui", "Bùi Văn Lâm", CENTRE, "facility-data-officer", 10, 0),
    ("yen.le", "Lê Thị Hải Yến", "xa-21583", "commune-officer", 90, 0),
)
CHIEF = Actor("chi.nguyen", "Nguyễn Thị Mai Chi", ("administrator",), "cli")


def seed(db: Database, home: Home) -> dict[tuple[str, str], int]:
    """Units, accounts, memberships, contacts and one answered review; (account, role) → membership."""
    people.units.ensure(db, home, people.units.first_units(load_profile()), NOW)
    accounts.create(db, home, accounts.Account(CHIEF.account_id, CHIEF.name, None, CHIEF.roles, True), by=CHIEF)
    viewer = accounts.Account("test-1", "Người xem thử", None, (), True)
    accounts.create(db, home, viewer, by=CHIEF, replace_nothing=True)
    for account, name in dict.fromkeys((account, name) for account, name, *_ in STAFF):
        accounts.create(db, home, accounts.new(account, name), by=CHIEF)
    made = {}
    for account, _, unit, role, ago, last in STAFF:
        made[account, role] = memberships.give(
            db, home, by=CHIEF, account_id=account, unit=unit, role=role, document=DOC,
            now=NOW - timedelta(days=ago), until=NOW + timedelta(days=last) if last else None,
        ).membership_id  # fmt: skip
    named: dict[str, Any] = {"by": CHIEF, "document": DOC, "now": NOW - timedelta(days=9)}
    contact = people.contacts.name_contact
    contact(db, home, **named, unit="so-y-te", matter="data", account_id="tam.huynh")
    contact(db, home, **named, unit="so-y-te", matter="security", account_id="duong.rcom")
    contact(db, home, **named, unit=HOSPITAL, matter="data", name="Nguyễn Văn Quyền", phone="0269 3824 000")
    reviews.confirm(db, home, by=CHIEF, membership_id=made["yen.le", "commune-officer"], now=NOW - timedelta(days=2))
    return made


def actor(db: Database, account: str, assurance: str = "two", now: datetime = NOW) -> Actor:
    """Somebody as they come through the portal."""
    found = people.actor_of(db, account, "portal", assurance, now)  # type: ignore[arg-type]
    assert found is not None
    return found


def first_steps(now: datetime) -> list[Step]:
    """A house that has come half of the way."""
    half = len(GUIDES) // 2
    return [Step(code, int(place < half), 1, now if place < half else None) for place, code in enumerate(GUIDES)]
