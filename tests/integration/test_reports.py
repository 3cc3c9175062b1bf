"""Scheduled reports over a real gate: rights at the run and at the opening, the record, the seal, the pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from bienho.cli import reports as commands
from bienho.cli.main import main
from bienho.config import DEFAULT
from bienho.core.errors import DeniedError, IntegrityError, UsageError
from bienho.database import Role
from bienho.governance import Actor, Denied, Membership, accounts, audit, people
from bienho.governance.changes import SYSTEM
from bienho.governance.report_doors import ReportDoors
from bienho.governance.reports import Report, checked
from bienho.lake import Lake, RawStore
from bienho.pipeline import App
from bienho.pipeline.reports import run_due
from support import portal
from support.governed import Governed, governed, table

pytestmark = pytest.mark.database
DATASET = "derived.facility_week_chapter"
DUE = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 0, 30, tzinfo=UTC)
OWNER = Actor("chu", "Người lập", ("operator",), "portal", (), "two")
READER = Actor("nhan", "Người nhận", ("viewer",), "portal", (), "two")
NEAR = Actor(
    "gan", "Người một cơ sở", ("facility-data-officer",), "portal",
    (Membership("facility-data-officer", "bv", frozenset({"52001"}), None),), "two",
)  # fmt: skip
OTHER = Actor("khac", "Người khác", ("operator",), "portal", (), "two")
GIVEN: dict[str, Any] = {
    "name": "tuan-kham", "title_vi": "Lượt khám theo tuần", "owner": "chu", "purpose": "van-hanh", "dataset": DATASET,
    "columns": ["facility_code", "week_start", "chapter", "encounters"], "cadence": "week",
    "readers": ["nhan", "gan"], "since": date(2026, 11, 2),
}  # fmt: skip


@pytest.fixture(scope="module")
def house() -> Iterator[Governed]:
    with governed() as made:
        home = made.made
        rows = [
            {"facility_code": code, "week_start": week, "chapter": "X", "encounters": n}
            for n, (code, week) in enumerate(
                [("52001", date(2026, 11, 16)), ("52002", date(2026, 11, 16)), ("52001", date(2026, 11, 9))], 7
            )
        ]
        with Lake.open(home.home, home.database, read_only=False) as lake:

            def fill(connection: Any) -> None:
                connection.register("incoming", table(DATASET, rows))
                connection.execute(f"INSERT INTO lake.{DATASET} BY NAME SELECT * FROM incoming")
                connection.unregister("incoming")

            lake.commit(fill, author="test", message="fill", deliveries=())
        for one in (OWNER, READER, NEAR, OTHER):
            accounts.create(
                home.database, home.home, accounts.new(one.account_id, one.name, one.roles if one is OWNER else ()),
                by=SYSTEM,
            )  # fmt: skip
        yield made


@pytest.fixture
def doors(house: Governed) -> ReportDoors:
    return ReportDoors(house.made.database, house.made.keys, house.made.home)


def added(doors: ReportDoors, **more: Any) -> Report:
    return doors.add(OWNER, checked({**GIVEN, **more}), NOW)


def said(doors: ReportDoors) -> dict[str, Any]:
    return audit.recent(doors.db, limit=1)[0]


def test_a_report_runs_as_its_owner_and_opens_to_whoever_may_read_it_then(house: Governed, doors: ReportDoors) -> None:
    report = added(doors)
    assert doors.book.due(DUE) == [(report, DUE)]
    run = doors.run(house.gate, report, DUE, NOW)
    assert (run.state, run.lines) == ("made", 2)
    assert doors.book.due(DUE + timedelta(days=6)) == []
    last = said(doors)
    assert (last["subtype"], last["agent"][0]["who"], last["agent"][0]["network"]) == ("report-run", "chu", "worker")
    exported = audit.recent(doors.db, limit=2)[1]
    assert (exported["subtype"], exported["outcomeDesc"]) == ("export", "allowed")
    _, result = doors.open(house.gate, READER, "tuan-kham", DUE)
    assert [(row["facility_code"], row["encounters"]) for row in result.table.to_pylist()] == [
        ("52001", 7),
        ("52002", 8),
    ]
    assert (said(doors)["subtype"], said(doors)["agent"][0]["who"]) == ("read", "nhan")
    with pytest.raises(Denied, match="DENY-REPORT-REACH"):  # named as a reader, but it has rows beyond theirs
        doors.open(house.gate, NEAR, "tuan-kham", DUE)
    assert said(doors)["outcomeDesc"] == "denied"
    with pytest.raises(Denied):  # a reader who lost the role
        doors.open(house.gate, replace(READER, roles=("digital-team-member",)), "tuan-kham", DUE)
    for name in ("tuan-kham", "khong-co"):
        with pytest.raises(DeniedError, match="DENY-REPORT"):
            doors.open(house.gate, OTHER, name, DUE)
        with pytest.raises(DeniedError, match="DENY-REPORT"):
            doors.one(OTHER, name)
    with pytest.raises(UsageError, match="USE-REPORT-RUN"):
        doors.open(house.gate, READER, "tuan-kham", DUE - timedelta(days=7))


def test_what_a_form_claims_counts_for_nothing_at_the_run(house: Governed, doors: ReportDoors) -> None:
    """The rights at the door it was made through were those of a facility; the account itself holds no role."""
    report = doors.add(NEAR, checked({**GIVEN, "name": "tuan-gan", "owner": "gan", "readers": ["nhan"]}), NOW)
    assert doors.run(house.gate, report, DUE, NOW).state == "refused"
    assert doors.book.runs("tuan-gan")[0].code == "DENY-NO-ROLE"


def test_lapsed_authority_refuses_the_run_and_is_shown(house: Governed, doors: ReportDoors) -> None:
    report = added(doors, name="het-quyen")
    db, home = house.made.database, house.made.home
    with db.connect(Role.ADMIN, autocommit=True) as admin:
        admin.execute("UPDATE governance.account SET roles = '{digital-team-member}' WHERE account_id = 'chu'")
        refused = doors.run(house.gate, report, DUE, NOW)
        admin.execute("UPDATE governance.account SET roles = '{operator}', active = false WHERE account_id = 'chu'")
        closed = doors.run(house.gate, report, DUE, NOW + timedelta(minutes=1))
        admin.execute("UPDATE governance.account SET active = true WHERE account_id = 'chu'")
    assert (refused.state, closed.state, closed.code) == ("refused", "refused", "DENY-ACCOUNT")
    assert refused.code.startswith("DENY-")
    assert "het-quyen" not in {one.name for one, _ in doors.book.due(DUE)}
    assert "het-quyen" in {one.name for one, _ in doors.book.due(DUE, again=True)}
    assert doors.run(house.gate, report, DUE, NOW + timedelta(minutes=2)).state == "made"
    assert audit.verify(db, house.made.keys, home).ok


def test_nobody_makes_or_ends_what_is_not_theirs(house: Governed, doors: ReportDoors) -> None:
    added(doors, name="cua-chu")
    with pytest.raises(UsageError, match="USE-REPORT"):
        doors.add(OTHER, checked({**GIVEN, "name": "cua-chu", "owner": "khac"}), NOW)
    with pytest.raises(DeniedError, match="DENY-REPORT"):
        doors.end(OTHER, "cua-chu", NOW)
    with pytest.raises(Denied):
        doors.add(replace(OTHER, roles=("clinician",)), checked({**GIVEN, "name": "kham", "owner": "khac"}), NOW)
    with pytest.raises(UsageError, match="USE-REPORT"):
        added(doors, name="cua-chu", readers=["khong-co"])
    assert added(doors, name="cua-chu", title_vi="Tên mới").revision == 2
    doors.end(OWNER, "cua-chu", NOW)
    assert doors.book.find("cua-chu") is None


def test_what_a_run_brought_is_sealed_and_bound_to_its_place(house: Governed, doors: ReportDoors) -> None:
    report = added(doors, name="niem-phong")
    doors.run(house.gate, report, DUE, NOW)
    with house.made.database.connect(Role.ADMIN, autocommit=True) as admin:
        row = admin.execute("SELECT sealed FROM governance.report_run WHERE name = 'niem-phong'").fetchone()
        assert row is not None
        assert b"52001" not in bytes(row[0])
        admin.execute("UPDATE governance.report_run SET due = due + 7 WHERE name = 'niem-phong'")
    with pytest.raises(IntegrityError, match="INT-REPORT"):
        doors.book.result("niem-phong", DUE + timedelta(days=7))
    with house.made.database.connect(Role.GOVERNANCE) as connection, pytest.raises(Exception, match="permission"):
        connection.execute("DELETE FROM governance.report_run")


def test_pages_show_ones_own_and_what_is_addressed_to_one(house: Governed, doors: ReportDoors) -> None:
    made = house.made
    portal.ACTORS.update({one.account_id: one for one in (OWNER, READER, OTHER)})  # type: ignore[dict-item]
    for one in (OWNER, READER, OTHER):
        portal.ensure(made.database, made.home, one)
    portal.use(
        house.gate,  # type: ignore[arg-type]
        database=made.database, keys=made.keys, home=made.home, clock=lambda: NOW,
    )  # fmt: skip
    browsers = {one.account_id: portal.signed_in(one.account_id) for one in (OWNER, READER, OTHER)}
    form = {
        "ten": "trang-bao-cao", "tieu_de": "Báo cáo của trang", "bo": DATASET, "cot": ["facility_code", "encounters"],
        "co_so": "52001", "nhip": "week", "muc_dich": "van-hanh", "gui": "nhan",
    }  # fmt: skip
    assert browsers["chu"].get("/bao-cao/lap/").status_code == 200
    wrong = browsers["chu"].post("/bao-cao/lap/", {**form, "ten": "Sai Tên"})
    assert wrong.status_code == 400
    assert "Tên báo cáo không hợp lệ" in wrong.content.decode()
    assert browsers["chu"].post("/bao-cao/lap/", form)["Location"] == "/bao-cao/trang-bao-cao/"
    again = browsers["chu"].get("/bao-cao/lap/?ten=trang-bao-cao").content.decode()
    assert "Báo cáo của trang" in again
    assert "Báo cáo của trang" not in browsers["khac"].get("/bao-cao/lap/?ten=trang-bao-cao").content.decode()
    report = doors.book.find("trang-bao-cao")
    assert report is not None
    doors.run(house.gate, report, DUE, NOW)
    shown = browsers["nhan"].get("/bao-cao/").content.decode()
    assert "Mở kỳ mới của «Báo cáo của trang»" in shown
    page = browsers["nhan"].get("/bao-cao/trang-bao-cao/20261123/").content.decode()
    assert "52001" in page
    assert "52002" not in page
    assert browsers["nhan"].get("/bao-cao/trang-bao-cao/20261123/?xuat=ket-qua.csv").content.startswith(b"\xef\xbb\xbf")
    assert browsers["nhan"].get("/bao-cao/trang-bao-cao/20261399/").status_code == 404
    assert browsers["nhan"].post("/bao-cao/trang-bao-cao/bo/").status_code == 403
    assert browsers["khac"].get("/bao-cao/trang-bao-cao/").status_code == 403
    assert "trang-bao-cao" not in browsers["khac"].get("/bao-cao/").content.decode()
    assert browsers["chu"].post("/bao-cao/trang-bao-cao/bo/").status_code == 302
    for one in (OWNER, READER, OTHER):
        portal.ACTORS.pop(one.account_id)
    portal.use(portal.base().gate)  # type: ignore[arg-type]


def test_commands_make_run_list_and_open(house: Governed, doors: ReportDoors, monkeypatch: pytest.MonkeyPatch) -> None:
    made = house.made
    app = App(made.home, made.keys, made.database, RawStore(made.home, made.keys), house.vault, DEFAULT)
    monkeypatch.setattr(App, "reading", lambda _app: nullcontext(house.gate))
    monkeypatch.setattr(commands, "open_app", lambda _home: nullcontext(app))
    monkeypatch.setattr(people, "caller", lambda *_: replace(OWNER, door="cli", assurance="none"))

    def said(*words: str) -> str:
        result = CliRunner().invoke(main, ["report", *words])
        assert result.exit_code == 0, result.output
        return result.output

    said("add", "bang-lenh", "--title", "Bằng lệnh", "--column", "encounters", "--to", "nhan", "--purpose", "van-hanh")
    assert doors.book.find("bang-lenh") is not None
    report = doors.book.find("bang-lenh")
    assert report is not None
    doors.book.put(replace(report, since=date(2026, 11, 2)), NOW)
    assert json.loads(said("run", "--due", "2026-11-25", "--json"))["made"] >= 1
    assert run_due(app, date(2026, 11, 29), NOW) == {"made": 0, "refused": 0, "failed": 0}
    listed = {one["report"]: one for one in json.loads(said("list", "--json"))}
    assert (listed["bang-lenh"]["last_due"], listed["bang-lenh"]["last_state"]) == ("2026-11-23", "made")
    assert json.loads(said("open", "bang-lenh", "2026-11-23", "--json")) == [{"encounters": 7}, {"encounters": 8}]
    said("remove", "bang-lenh")
    assert "bang-lenh" not in said("list")
