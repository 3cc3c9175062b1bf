"""Promise 1: the twin's names, ids, phones and addresses are nowhere in clear, in any dress, outside the vault.

Searched: every column of every lake table (all versions) by SELECT, DuckLake's own catalog with its statistics, every
table of PostgreSQL with the portal's sessions, PostgreSQL's files and logs, raw segments, Parquet files, the home, a
backup; and every route of a running portal: addresses, headers, cookies, pages, error pages, downloads, server output.
A second home takes in one dossier with a name in a field that stays in the lake, and the name is found in every place.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import psycopg
import pytest

from bienho.config import load_profile
from bienho.database import Role, places
from bienho.governance import accounts, people
from bienho.pipeline import App, ask, open_app, reports
from bienho.pipeline import backup as backups
from bienho.pipeline.ingest import ingest
from bienho.portal import signin
from bienho.portal.formats import LOCAL
from bienho.standards.xml130.write import write_delivery
from support.browsing import ROUTES, Visitor, serving, token_of
from support.dumps import dump_lake, dump_postgresql, postgresql_folder
from support.homes import Made, temporary_home
from support.leaks import Leak, Searcher
from support.province import PURPOSE, Province
from support.xml130_samples import make_tables

pytestmark = pytest.mark.database

PEOPLE = 120
DOSSIERS = 3
MOST = {
    "dossier": DOSSIERS, "dossier?phan": 3, "delivery": 2, "number?chuong&co_so&tuan": 1, "dossiers?trang": 2,
    "score-facility?bo&co_so&tuan": 2, "score-rows?bo&chieu&co_so&tuan": 1, "score-trial?bo&tuan": 1,
}  # fmt: skip
#: A name that no rule of shape can tell from the name of a service.
PLANTED = "NGUYỄN THỊ TRỒNG THỬ"
PAPER = {
    "ma": "thu-nghiem", "ten": "Thử nghiệm", "cac_ben": "Sở Y tế", "don_vi": "doi-tac", "muc_dich": "kiem-tra",
    "bo_du_lieu": "standard.delivery", "lop_cot": "open", "dieu_luat": "Nghị định 278/2025/NĐ-CP",
    "tu_ngay": "01/01/2026",
}  # fmt: skip
LOOK = {"muc_dich": "tra-cuu-ho-so", "ly_do": "doi-chieu-co-so", "so_van_ban": ""}


def known_people(province: Province) -> list[dict]:
    visited = {row["person_id"] for row in province.truth("dossiers")}
    return [row for row in province.truth("people") if row["person_id"] in visited][:PEOPLE]


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
        come_as_a_system(province, stranger)
        reader.sign_in(portal.link)
        keys = dossier_keys(province)
        reader.follow(["/", "/huong-dan/", "/he-thong/thanh-phan/", *(f"/ho-so/{key}/" for key in keys)], most=MOST)
        look_at_identifiers(reader, keys[0], known_people(province)[0]["name"])
        write_papers(reader)
        schedule_a_report(province, reader)
        type_a_name(reader, known_people(province)[0])
        reader.post("/huong-dan/", "/ngon-ngu/", {"ngon_ngu": "en", "tiep": "/"})
        reader.follow(["/", f"/ho-so/{keys[0]}/", "/phat-hien/"], most={"dossier": 1, "overview": 1}, otherwise=0)
        viewer.sign_in(link_for_viewer(province))
        for path in ("/", "/ho-so/", f"/ho-so/{keys[0]}/"):
            viewer.ask(path)
        doctor = Visitor(portal, pages)
        doctor.sign_in(link_for_doctor(province))
        open_in_an_emergency(doctor, reader, keys[0], known_people(province)[0]["name"])
        answer_for_people(province, reader)
        break_things(province, reader, keys[0])
        look_at_the_own_account(reader)
        reader.post("/huong-dan/", "/dang-xuat/", {})
        seen = set(stranger.kept) | set(reader.kept) | set(viewer.kept) | set(doctor.kept)
    return Visit(pages, log, seen)


def dossier_keys(province: Province) -> list[str]:
    """Keys of current dossiers of people who are looked for."""
    known = {row["person_id"] for row in known_people(province)}
    rows = [
        row
        for row in province.truth("dossiers")
        if row["person_id"] in known and row["superseded_by"] is None and row["outcome"].startswith("accepted")
    ]
    return [province.app.vault.dossier_key(row["facility"], row["ma_lk"]) for row in rows[:DOSSIERS]]


def look_at_identifiers(reader: Visitor, key: str, name: str) -> None:
    page, form = f"/ho-so/{key}/", f"/ho-so/{key}/dinh-danh/"
    assert reader.post(page, form, LOOK).status == 200
    for wrong in ({"ly_do": ""}, {"muc_dich": PURPOSE}, {"so_van_ban": name}):
        assert reader.post(page, form, {**LOOK, **wrong}, keep="identify-refused").status == 400
    reader.ask(form)


def write_papers(reader: Visitor) -> None:
    """An agreement drafted and submitted, the chain checked."""
    assert reader.post("/thoa-thuan/soan/", "/thoa-thuan/soan/", PAPER).status == 302
    page = "/thoa-thuan/thu-nghiem/"
    assert reader.post(page, f"{page}buoc/", {"buoc": "submit", "ban": "1", "thay": "1"}).status == 302
    reader.ask(f"{page}soan/")
    assert reader.post("/nhat-ky/", "/nhat-ky/kiem-tra/", {}).status == 302
    for path in ("/thoa-thuan/", page):
        reader.ask(path)
    most = {"decisions": 1, "decisions?ket_qua": 1, "decisions?truoc": 2, "decision": 6}
    reader.follow(["/nhat-ky/", "/nhat-ky/?ket_qua=denied"], most=most, otherwise=0)


def schedule_a_report(province: Province, reader: Visitor) -> None:
    """A report made, run, looked at, opened and ended."""
    owner, now = accounts.ensure_demo_account(province.app.database, province.app.home), datetime.now(UTC)
    form = {
        "ten": "luot-kham", "tieu_de": "Lượt khám", "bo": "derived.facility_week_chapter", "cot": "encounters",
        "nhip": "day", "muc_dich": PURPOSE, "gui": owner.account_id,
    }  # fmt: skip
    assert reader.post("/bao-cao/lap/", "/bao-cao/lap/", form).status == 302
    due = now.astimezone(LOCAL).date()
    assert reports.run_due(province.app, due, now) == {"made": 1, "refused": 0, "failed": 0}
    page = "/bao-cao/luot-kham/"
    for path in ("/bao-cao/", page, f"{page}{due:%Y%m%d}/"):
        assert reader.ask(path).status == 200
    assert reader.post(page, f"{page}bo/", {}).status == 302


def open_in_an_emergency(doctor: Visitor, reviewer: Visitor, key: str, name: str) -> None:
    """A clinician opens a dossier out of reach, sees it, and somebody else gives a verdict."""
    doctor.ask(f"/ho-so/{key}/")
    form, wanted = f"/khan-cap/mo/{key}/", {"ly_do": "cap-cuu-nguoi-benh"}
    assert doctor.post(form, form, {**wanted, "so_van_ban": name}, keep="emergency-refused").status == 400
    opened = doctor.post(form, form, wanted)
    place = opened.headers["location"]
    assert doctor.post(place, f"{place}xem/", {}).status == 200
    for page in (place, "/khan-cap/", "/nhat-ky/", "/huong-dan/"):
        doctor.ask(page)
    verdict = {"ket_luan": "dung", "can_cu": "co-ca-cap-cuu"}
    reviewer.ask("/khan-cap/")
    refused = reviewer.post(place, f"{place}ket-luan/", {**verdict, "so_van_ban": name}, keep="emergency-refused")
    assert refused.status == 400
    assert reviewer.post(place, f"{place}ket-luan/", verdict).status == 302


def type_a_name(reader: Visitor, person: dict) -> None:
    """What a reader types into a form must not come back."""
    for text in (person["name"], person["personal_id"], person["phone"]):
        assert reader.post("/huong-dan/", "/tim/", {"q": text}).status == 400
    reader.post("/huong-dan/", "/tim/", {"q": "d1"})
    reader.post("/huong-dan/", "/dang-nhap/", {"ma": person["name"]})
    reader.ask("/tim/", {"q": person["name"]})
    reader.ask("/", Host=str(person["phone"]))
    reader.ask("/tim/", {"q": person["name"] * 100_000})


def look_at_the_own_account(reader: Visitor) -> None:
    """The steps of signing in, for somebody who is in already."""
    for path in ("/tai-khoan/mat-khau/", "/tai-khoan/lop-hai/", "/dang-nhap/lop-hai/", "/dang-nhap/mo-khoa/"):
        reader.ask(path)
    for form in ({"viec": "xin", "tai_khoan": "x", "so_van_ban": "1/QĐ-SYT"}, {}):
        reader.post("/tai-khoan/", "/tai-khoan/khoi-phuc/", form)
    reader.post("/tai-khoan/", "/tai-khoan/noi-khac/", {})
    page = reader.ask("/dang-nhap/", Host="localhost")
    reader.ask("/dang-nhap/khoa-truy-cap/", {"csrfmiddlewaretoken": token_of(page)}, Host="localhost")


def answer_for_people(province: Province, reader: Visitor) -> None:
    """A role given, somebody invited, a role looked at, reviewed and kept."""
    unit = {"don_vi": "cs-52001", "so_van_ban": "1/QĐ-SYT"}
    page, account = f"/quyen/nguoi/?don_vi={unit['don_vi']}", "nguoi-xem"
    role = {"tai_khoan": account, "vai_tro": "clinician"}
    assert reader.post(page, "/quyen/nguoi/giao/", {**unit, **role}).status == 302
    new = {"tai_khoan": "nguoi-moi", "ho_ten": "Người mới", "vai_tro": "facility-data-officer"}
    assert reader.post(page, "/quyen/nguoi/moi/", {**unit, **new}).status == 200
    with province.app.database.connect(Role.ADMIN) as admin:
        row = admin.execute(
            "UPDATE governance.membership SET confirmed_at = now() - interval '190 days' WHERE account_id = %s"
            " RETURNING membership_id",
            (account,),
        ).fetchone()
    assert row
    for path in (f"/quyen/nguoi/{row[0]}/ket-thuc/", f"/quyen/ra-soat/{row[0]}/"):
        assert reader.ask(path).status == 200
    assert reader.post("/quyen/ra-soat/", "/quyen/ra-soat/giu/", {"giu": str(row[0])}).status == 302


def come_as_a_system(province: Province, stranger: Visitor) -> None:
    """A client by its secret: token, who am I, catalogue, the document of the door."""
    app, now = province.app, datetime.now(UTC)
    by = accounts.ensure_demo_account(app.database, app.home).actor("cli")
    people.units.ensure(app.database, app.home, people.units.first_units(load_profile()), now)
    secret = people.systems.add(
        app.database, app.home, by=by, client_id="his", name="HIS", unit="cs-52001", scopes=["reference"],
        document="1/QĐ-SYT", expires_at=now + timedelta(days=1), now=now,
    )  # fmt: skip
    form = {"grant_type": "client_credentials", "client_id": "his", "client_secret": str(secret)}
    token = json.loads(stranger.ask("/oauth2/token", form).text)["access_token"]
    for path in ("/api/v1/me", "/api/v1/datasets", "/api/v1/openapi.json"):
        stranger.ask(path, Authorization=f"Bearer {token}")


def link_for_viewer(province: Province) -> str:
    """The one-time link of an account that may see numbers only."""
    app, token = province.app, "viewer-of-the-leak-search"
    if accounts.find(app.database, "nguoi-xem") is None:
        by = accounts.ensure_demo_account(app.database, app.home).actor("cli")
        accounts.add(app.database, app.home, by=by, account_id="nguoi-xem", name="Người xem", roles=["viewer"])
    return link_of(app, "nguoi-xem", token)


def link_for_doctor(province: Province) -> str:
    """The one-time link of a clinician of a hospital that sent nothing."""
    app, now = province.app, datetime.now(UTC)
    people.units.ensure(app.database, app.home, people.units.first_units(load_profile()), now)
    by = accounts.ensure_demo_account(app.database, app.home).actor("cli")
    accounts.add(app.database, app.home, by=by, account_id="bac-si", name="Bác sĩ trực", roles=["viewer"])
    unit = people.units.list_units(app.database, kind="private-practice")[:1] or people.units.list_units(
        app.database, kind="hospital"
    )
    people.memberships.give(
        app.database, app.home, by=by, account_id="bac-si", unit=unit[0].code, role="clinician", document="1/QĐ-SYT",
        now=now,
    )  # fmt: skip
    return link_of(app, "bac-si", "doctor-of-the-leak-search")


def link_of(app: App, account_id: str, token: str) -> str:
    """The one-time link of an account with a known token."""
    with app.database.connect(Role.ADMIN) as admin:
        admin.execute(
            "INSERT INTO portal.portal_signinlink (digest, account_id, expires_at)"
            " VALUES (%s, %s, now() + interval '5 minutes')",
            (signin.digest(token), account_id),
        )
    return f"/dang-nhap/?ma={token}"


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
    answered = {route for route, status in visit.seen if status in (200, 302)}
    assert answered >= ROUTES, ROUTES - answered
    statuses = {status for _, status in visit.seen}
    assert statuses >= {200, 302, 400, 403, 404, 405, 413, 500, 503}, statuses


def test_only_the_look_at_identifiers_shows_them(visit: Visit, searcher: Searcher) -> None:
    """Neither another page nor what the server writes: names are found where they are shown, so the search works."""
    assert visit.log.stat().st_size > 0
    found = searcher.search(visit.pages, visit.log)
    places = {Path(leak.place).parent.name for leak in found}
    shown = {"identify", "emergency-look"}
    assert places == shown, [leak for leak in found if Path(leak.place).parent.name not in shown][:5]


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
