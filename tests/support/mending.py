"""A real home where a hospital sent dossiers with errors yesterday and another has been silent; a portal over it.

    with mending_home() as (made, folder):
        with serving_to(made, "it.mot", "can.bo") as served:     # one one-time sign-in address each

Dossiers are the rule files' own example with a field spoiled; the numbers under which the hospital knows them are in
`NUMBERS`. `resend` sends them once more, mended.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import ports
from bienho.governance import accounts
from bienho.governance.actor import Actor
from bienho.governance.changes import SYSTEM
from bienho.governance.people import actor_of, contacts, memberships
from bienho.pipeline import jobs, open_app
from bienho.pipeline.ingest import ingest
from bienho.portal import serve, settings, signin
from bienho.portal.house import House
from bienho.standards.xml130.write import write_delivery
from support import forks
from support.assets import shared_assets
from support.homes import Made, temporary_home
from support.rule_cases import Tables, example

OURS, SILENT = "52001", "52002"
IT, IT_SILENT, OFFICER = "it.mot", "it.hai", "can.bo"
NUMBERS = ("HSBA-2026-A1", "HSBA-2026-A2", "HSBA-2026-A3")
RULE = 38
"""KET_QUA_DTRI is of a list. Two of the three dossiers have it wrong."""
UNITS = {
    IT: (f"cs-{OURS}", "facility-data-officer"),
    IT_SILENT: (f"cs-{SILENT}", "facility-data-officer"),
    OFFICER: ("nghiep-vu-y", "room-officer"),
}
BOSS = Actor("sep", "Sếp", ("administrator",), "cli")


def tables(number: str, *, right: bool, facility: str = OURS) -> Tables:
    """The example under another number, of a facility; wrong: KET_QUA_DTRI is no code."""
    made, _ = example({} if right else {"XML1.KET_QUA_DTRI": "9"}, ("XML1",))
    kept = {name: made[name] for name in ("XML1", "XML2", "XML3", "XML4", "XML5")}
    for rows in kept.values():
        for row in rows:
            row["MA_LK"] = number
            if "MA_CSKCB" in row:
                row["MA_CSKCB"] = facility
    return kept


def send(made: Made, folder: Path, name: str, dossiers: list[Tables], facility: str, came: datetime | None) -> str:
    """Take one file in, as if it came then (None: now); its delivery id."""
    path = folder / f"{name}.xml"
    path.write_bytes(write_delivery(dossiers, facility=facility, created="20250905", version="3176"))
    with open_app(made.home.path) as app:
        report = ingest(app, [path], came=(lambda _: came) if came else None)
        jobs.run(app, "scores")
    assert report.refused == report.quarantined == 0
    return str(report.deliveries[0].id)


def resend(made: Made, folder: Path) -> str:
    """The first dossier again, mended; the id of the delivery."""
    return send(made, folder, "gui-lai", [tables(NUMBERS[0], right=True)], OURS, None)


@contextmanager
def mending_home(folder: Path) -> Iterator[tuple[Made, str]]:
    """The home, and the id of yesterday's delivery."""
    now = datetime.now(UTC)
    with temporary_home(ready=True) as made:
        _people(made, now)
        send(made, folder, "im-lang", [tables("LK-S1", right=True, facility=SILENT)], SILENT, now - timedelta(days=10))
        wrong = [tables(NUMBERS[0], right=False), tables(NUMBERS[1], right=False), tables(NUMBERS[2], right=True)]
        yield made, send(made, folder, "hom-qua", wrong, OURS, now - timedelta(days=1))


def _people(made: Made, now: datetime) -> None:
    db, home = made.database, made.home
    accounts.create(db, home, accounts.new(BOSS.account_id, BOSS.name, BOSS.roles), by=SYSTEM)
    for name, (unit, role) in UNITS.items():
        accounts.create(db, home, accounts.new(name, f"Người {name}"), by=SYSTEM)
        memberships.give(db, home, by=BOSS, account_id=name, unit=unit, role=role, document="1/SYT", now=now)
    contacts.name_contact(
        db, home, by=BOSS, unit="so-y-te", matter="data", document="1/SYT", now=now, name="Chuyên viên Mẫu",
        phone="0269 000 000",
    )  # fmt: skip


@dataclass(frozen=True)
class Served:
    """Account → its one-time sign-in address; `pid` is the server's."""

    links: Mapping[str, str]
    pid: int

    def cpu_seconds(self) -> float:
        """What the server has computed so far, whatever else the machine does."""
        spent = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(spent[11]) + int(spent[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving_to(made: Made, *names: str) -> Iterator[Served]:
    """A portal in a process of its own until the block ends."""
    given = (str(made.home.path), names, ports.free())
    with shared_assets(made.home), forks.serving(_live, made.environment, *given) as (server, links):
        yield Served(links, int(server.pid or 0))


def _live(home: str, names: tuple[str, ...], port: int, ready: Callable[[dict[str, str]], None]) -> None:
    with open_app(Path(home)) as app, app.reading() as gate:

        def find_actor(account_id: str) -> Actor | None:
            return actor_of(app.database, account_id, "portal", "none", datetime.now(UTC))

        settings.set_up(House(app.home, app.keys, app.database, gate, find_actor, limits=app.limits))
        links = {name: serve.link(signin.new_token(name, datetime.now(UTC)), port=port) for name in names}
        serve.listen("127.0.0.1", port, on_ready=lambda: ready(links))
