"""Promise 1: the twin's names, ids, phones and addresses are nowhere in clear, in any dress, outside the vault.

Searched: every column of every lake table (all versions) by SELECT, DuckLake's own catalog with its statistics, every
table of PostgreSQL with the portal's sessions, PostgreSQL's files and logs, raw segments, Parquet files, the home, a
backup; and every route of a running portal: addresses, headers, cookies, pages, error pages, downloads, server output.
A second home takes in one dossier with a name in a field that stays in the lake, and the name is found in every place.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import psycopg
import pytest

from bienho.database import Role, places
from bienho.governance import accounts
from bienho.pipeline import App, ask, open_app
from bienho.pipeline import backup as backups
from bienho.pipeline.ingest import ingest
from bienho.standards.xml130.write import write_delivery
from support.browsing import ROUTES, Visitor, serving
from support.dumps import dump_lake, dump_postgresql, postgresql_folder
from support.homes import Made, temporary_home
from support.leak_visits import (
    DOSSIERS,
    answer_for_people,
    choose_notices,
    come_as_a_system,
    dossier_keys,
    known_people,
    link_for_doctor,
    link_for_officer,
    link_for_practice,
    link_for_viewer,
    look_at_identifiers,
    look_at_the_own_account,
    mend,
    open_in_an_emergency,
    review_persons,
    schedule_a_report,
    send_and_connect,
    type_a_name,
    write_a_visit,
    write_papers,
)
from support.leaks import Leak, Searcher
from support.province import PURPOSE, Province
from support.xml130_samples import make_tables

pytestmark = pytest.mark.database

MOST = {
    "dossier": DOSSIERS, "dossier?phan": 3, "delivery": 2, "number?chuong&co_so&tuan": 1, "dossiers?trang": 2,
    "score-facility?bo&co_so&tuan": 2, "score-rows?bo&chieu&co_so&tuan": 1, "score-trial?bo&tuan": 1,
}  # fmt: skip
#: A name that no rule of shape can tell from the name of a service.
PLANTED = "NGUYỄN THỊ TRỒNG THỬ"


@pytest.fixture(scope="module")
def needles(province: Province) -> set[str]:
    """Direct identifiers of people whose dossiers were taken in, and the visit and patient numbers of those."""
    people = known_people(province)
    known = {row["person_id"] for row in people}
    fields = ("name", "personal_id", "insurance_card", "insurance_number", "phone", "address", "address_before_merger")
    found = {row[name] for row in people for name in fields if row[name]}
    for row in province.truth("dossiers"):
        if row["person_id"] in known:
            found |= {row["ma_lk"], row["ma_bn"]}
    return {needle for needle in found if needle and len(needle) >= 6}


@pytest.fixture(scope="module")
def searcher(needles: set[str], tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    made = Searcher(needles, tmp_path_factory.mktemp("needles"))
    assert made.forms > 10_000
    return made


# ── the portal ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Visit:
    """What came out of the portal: answers by route below `pages`, the server's output, (route, status) seen."""

    pages: Path
    log: Path
    seen: set[tuple[str, int]]


@pytest.fixture(scope="module")
def visit(province: Province, tmp_path_factory: pytest.TempPathFactory) -> Visit:
    """All that can be asked of the portal, asked: as a stranger, as the demo account, as one who may see little."""
    folder = tmp_path_factory.mktemp("portal")
    pages, log = folder / "pages", folder / "server.log"
    with serving(province.made, log) as portal:
        stranger, reader, viewer = (Visitor(portal, pages) for _ in range(3))
        outside = [f"/dang-nhap/dich-vu/{step}" for step in ("", "tro-ve/")]
        stranger.follow(["/", "/ho-so/", "/robots.txt", "/dang-nhap/", "/khong-co/", *outside], most={})
        keys = dossier_keys(province)
        sent = come_as_a_system(province, stranger, keys[0])
        reader.sign_in(portal.link)
        reader.follow(["/", "/huong-dan/", "/he-thong/thanh-phan/", *(f"/ho-so/{key}/" for key in keys)], most=MOST)
        look_at_identifiers(reader, keys[0], known_people(province)[0]["name"])
        review_persons(reader)
        write_papers(reader)
        schedule_a_report(province, reader)
        choose_notices(reader)
        type_a_name(reader, known_people(province)[0])
        reader.post("/huong-dan/", "/ngon-ngu/", {"ngon_ngu": "en", "tiep": "/"})
        reader.follow(["/", f"/ho-so/{keys[0]}/", "/phat-hien/"], most={"dossier": 1, "overview": 1}, otherwise=0)
        viewer.sign_in(link_for_viewer(province))
        for path in ("/", "/ho-so/", f"/ho-so/{keys[0]}/"):
            viewer.ask(path)
        doctor = Visitor(portal, pages)
        doctor.sign_in(link_for_doctor(province))
        open_in_an_emergency(doctor, reader, keys[0], known_people(province)[0]["name"])
        officer = Visitor(portal, pages)
        officer.sign_in(link_for_officer(province))
        send_and_connect(officer, sent)
        writer = Visitor(portal, pages)
        writer.sign_in(link_for_practice(province))
        write_a_visit(province, writer, known_people(province)[0])
        answer_for_people(province, reader)
        mender = Visitor(portal, pages)
        mend(province, mender, reader)
        break_things(province, reader, keys[0])
        look_at_the_own_account(reader)
        reader.post("/huong-dan/", "/dang-xuat/", {})
        seen = {route for one in (stranger, reader, viewer, doctor, officer, mender, writer) for route in one.kept}
    return Visit(pages, log, seen)


def break_things(province: Province, reader: Visitor, key: str) -> None:
    """Pages while the sessions' table is away, and while the lake's files are."""
    with province.app.database.connect(Role.ADMIN, autocommit=True) as admin:
        admin.execute("ALTER TABLE governance.session RENAME TO away")
        try:
            reader.ask(f"/ho-so/{key}/")
        finally:
            admin.execute("ALTER TABLE governance.away RENAME TO session")
    lake = province.app.home.lake_dir / "lake"
    away = lake.rename(lake.with_name("away"))
    try:
        for path in ("/ho-so/", f"/ho-so/{key}/", "/phat-hien/"):
            reader.ask(path)
    finally:
        away.rename(lake)


def test_every_route_of_the_portal_was_read(visit: Visit) -> None:
    answered = {route for route, status in visit.seen if status in (200, 201, 302)}
    assert answered >= ROUTES, ROUTES - answered
    statuses = {status for _, status in visit.seen}
    assert statuses >= {200, 302, 400, 403, 404, 405, 413, 500, 503}, statuses


def test_only_the_look_at_identifiers_shows_them(visit: Visit, searcher: Searcher) -> None:
    """Neither another page nor what the server writes: names are found where they are shown, so the search works."""
    assert visit.log.stat().st_size > 0
    found = searcher.search(visit.pages, visit.log)
    places = {Path(leak.place).parent.name for leak in found}
    shown = {"identify", "emergency-look", "mending-numbers", "visits", "visit", "visit-paper"}
    opened = "person-review-open"  # whose names these are depends on whom the index is in doubt about
    wrong = [leak for leak in found if Path(leak.place).parent.name not in {*shown, opened}]
    assert places - {opened} == shown, wrong[:5]


# ── the stores ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_in_lake_catalog_postgresql_files_logs_and_backup(
    province: Province, visit: Visit, searcher: Searcher, tmp_path: Path
) -> None:
    provoke_errors(province)
    copy = tmp_path / "backup.bin"
    backups.backup(province.app, copy)
    lake, postgresql = (
        dump_lake(province.app, tmp_path / "lake"),
        dump_postgresql(province.app, tmp_path / "postgresql"),
    )
    assert (postgresql / "governance.session.txt").stat().st_size > 0
    data = postgresql_folder(province.app)
    leaks = searcher.search(lake, postgresql, copy, province.made.home.path, data, data.parent)
    assert leaks == [], leaks[:5]


def provoke_errors(province: Province) -> None:
    """Questions that fail with a name in them: neither log nor audit may keep it."""
    name = province.truth("people")[0]["name"]
    for sql in (f"SELECT '{name}' FROM standard.nowhere", f"SELECT CAST('{name}' AS INTEGER) FROM standard.delivery"):
        with pytest.raises(Exception):  # noqa: B017 - which error it is does not matter here
            ask.query(province.app, PURPOSE, sql, at=None, with_identifiers=False)
    with province.app.database.connect(Role.ADMIN) as admin, pytest.raises(Exception):  # noqa: B017
        admin.execute("SELECT %s::integer", (name,))


# ── the search can fail ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Leaky:
    """A home that took in one dossier with a name where the contract has none, and what looks for that name."""

    made: Made
    app: App
    searcher: Searcher


@pytest.fixture(scope="module")
def leaky(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Leaky]:
    folder = tmp_path_factory.mktemp("leaky")
    tables = make_tables("3176", lines=1)
    tables["XML3"][0]["TEN_DICH_VU"] = PLANTED
    file = folder / "gửi.xml"
    file.write_bytes(write_delivery([tables], facility="64001", created="20260103", version="3176"))
    with temporary_home("nhà rò", ready=True) as made, open_app(made.home.path) as app:
        assert ingest(app, [file]).dossiers == 1
        yield Leaky(made, app, Searcher({PLANTED}, folder))


def in_the_lake(leaky: Leaky, folder: Path, _: pytest.MonkeyPatch) -> Path:
    return dump_lake(leaky.app, folder / "lake")


def in_the_statistics(leaky: Leaky, folder: Path, _: pytest.MonkeyPatch) -> Path:
    return dump_postgresql(leaky.app, folder / "tables") / "lake.ducklake_file_column_stats.txt"


def in_a_file_of_postgresql(leaky: Leaky, folder: Path, _: pytest.MonkeyPatch) -> Path:
    dump_postgresql(leaky.app, folder / "checkpoint")
    return postgresql_folder(leaky.app)


def in_a_log(leaky: Leaky, folder: Path, _: pytest.MonkeyPatch) -> Path:
    """PostgreSQL's own log when the setting that keeps values out of it is lifted."""
    with leaky.app.database.connect(Role.ADMIN, autocommit=True) as admin:
        admin.execute("SET log_min_messages = 'error'")
        with pytest.raises(psycopg.DataError):
            admin.execute("SELECT %s::integer", (PLANTED,))
    place = places.locate(leaky.app.home, create=False)
    assert place is not None
    return place.log


def in_a_page(leaky: Leaky, folder: Path, _: pytest.MonkeyPatch) -> Path:
    with serving(leaky.made, folder / "server.log") as portal:
        visitor = Visitor(portal, folder / "pages")
        visitor.sign_in(portal.link)
        visitor.follow(["/ho-so/"], most={"dossiers": 1, "dossier": 1}, otherwise=0)
    return folder / "pages" / "dossier"


class Unsealed(io.RawIOBase):
    """The place of the sealed stream, without the seal."""

    def __init__(self, target: BinaryIO, _key: bytes) -> None:
        self._target = target

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._target.write(data)


def in_a_backup(leaky: Leaky, folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """A backup whose seal is left out, of a home where an account bears the name."""
    by = accounts.ensure_demo_account(leaky.app.database, leaky.app.home).actor("cli")
    accounts.add(leaky.app.database, leaky.app.home, by=by, account_id="trong-thu", name=PLANTED, roles=["viewer"])
    patch.setattr(backups, "SealedWriter", Unsealed)
    backups.backup(leaky.app, folder / "backup.bin")
    return folder / "backup.bin"


PLACES = (in_the_lake, in_the_statistics, in_a_file_of_postgresql, in_a_log, in_a_page, in_a_backup)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_a_planted_value_is_found(
    place: Callable[[Leaky, Path, pytest.MonkeyPatch], Path],
    leaky: Leaky,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: list[Leak] = leaky.searcher.search(place(leaky, tmp_path, monkeypatch))
    assert found, place.__name__
