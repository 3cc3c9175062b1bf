"""Two private practices and their doctors in the house of this process, for tests of visits written on the portal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from bienho.config import load_profile
from bienho.governance import Actor, accounts, people
from bienho.governance.people import memberships
from bienho.governance.people.units import Unit
from bienho.pipeline import App, open_app
from bienho.pipeline.catalog import current_catalog
from bienho.pipeline.ingest import catch_up, open_writer
from bienho.pipeline.visits import Writing
from bienho.portal import serve, signin
from support import portal

DOC = "45/QĐ-SYT"
CHIEF = Actor("chi.nguyen", "Nguyễn Thị Mai Chi", ("administrator",), "cli")
PRACTICES = (
    ("pk-binh-an", "Phòng khám Bình An", "52971", "an.bac-si"),
    ("pk-hoa", "Phòng khám Hoa", "52972", "hoa.bs"),
)
DOCTOR, OTHER_DOCTOR = (account for *_, account in PRACTICES)
HOSPITAL_DOCTOR = "benh-vien.bs"


@dataclass(frozen=True)
class Clinic:
    """The opened house and its visits. `now` is the clock of the pages."""

    app: App
    writing: Writing
    now: datetime

    def take_in(self) -> None:
        """What the worker would do with what was received."""
        with self.app.writing() as lake, open_writer(self.app, lake, current_catalog(self.app.home)) as writer:
            catch_up(self.app.raw, writer)

    def actor(self, account: str) -> Actor:
        found = people.actor_of(self.app.database, account, "portal", "none", self.now)
        assert found is not None
        return found


@contextmanager
def clinic(now: datetime) -> Iterator[Clinic]:
    """The practices in the house of this process, a real gate behind its pages. Nobody hears that something came."""
    home = portal.base()
    with open_app(home.home.path) as app, ExitStack() as stack:
        _people(app, now - timedelta(days=30))
        with app.writing():
            pass  # makes the tables
        gate = stack.enter_context(app.reading())
        made = Clinic(app, Writing(app, ask=lambda: None), now)

        def find(account: str) -> Any:
            return people.actor_of(app.database, account, "portal", "none", now)

        portal.use(gate, visits=made.writing, find_actor=find, clock=lambda: now)  # type: ignore[arg-type]
        yield made


def _people(app: App, since: datetime) -> None:
    people.units.ensure(app.database, app.home, people.units.first_units(load_profile()), since)
    units = {one.code for one in people.units.list_units(app.database)}
    for unit, name, facility, account in PRACTICES:
        if unit not in units:
            one = Unit(unit, name, "private-practice", None, facility, None, (), date(2026, 1, 1), document=DOC)
            people.units.add(app.database, app.home, by=CHIEF, unit=one, now=since)
            _give(app, account, unit, since)
    if "pk-hoa" not in units:
        _give(app, HOSPITAL_DOCTOR, "cs-52001", since)


def _give(app: App, account: str, unit: str, since: datetime) -> None:
    accounts.create(app.database, app.home, accounts.new(account, f"BS. {account}"), by=CHIEF)
    memberships.give(
        app.database, app.home, by=CHIEF, account_id=account, unit=unit, role="clinician", document=DOC, now=since
    )


def clinic_alone() -> AbstractContextManager[str]:
    """The sign-in address of a doctor at a portal that runs as a process of its own until the block ends."""
    return portal.standing_alone(_stand_alone)


def _stand_alone(port: int, ready: Callable[[str], None]) -> None:
    now = datetime.now(UTC)
    with clinic(now):
        link = serve.link(signin.new_token(DOCTOR, now), port=port)
        serve.listen("127.0.0.1", port, on_ready=lambda: ready(link))
