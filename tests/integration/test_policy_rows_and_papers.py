"""Rows by reach through every door, agreements, emergencies, replay and commands, on one real house."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from bienho.core.errors import DeniedError, UsageError
from bienho.database import Role
from bienho.governance import Actor, Agreements, Denied, Emergencies, Membership, audit, permits
from bienho.governance import purposes as purposes_module
from bienho.governance.agreements import checked
from bienho.governance.replay import replay
from support.governed import FACILITY, Governed, actor, governed

pytestmark = pytest.mark.database
OPEN = "tra-cuu-ho-so"
NOW = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
PAPER = {
    "code": "bhxh-tinh",
    "title_vi": "Chia sẻ với Bảo hiểm xã hội tỉnh",
    "parties": ["Sở Y tế", "Bảo hiểm xã hội tỉnh"],
    "units": ["bhxh"],
    "purpose": "kiem-tra",
    "datasets": ["standard.xml130_1"],
    "classes": ["open", "sensitive", "marker"],
    "articles": ["Nghị định 278/2025/NĐ-CP"],
    "starts": "2026-01-01",
    "until": "2027-12-31",
}


@pytest.fixture(scope="module")
def house() -> Iterator[Governed]:
    with governed(rows=70) as made:
        yield made


def member(role: str, *facilities: str, communes: frozenset[str] | None = None, unit: str = "u") -> Actor:
    return Actor("binh", "Bình", (), "cli", (Membership(role, unit, frozenset(facilities), communes),))


def count(house: Governed, who: Actor, dataset: str, purpose: str = OPEN) -> int:
    _, reader = house.gate.aggregate(who, purpose, dataset, [], {"n": ("count", None)})
    return int(reader.read_all().column("n")[0].as_py())


@pytest.mark.parametrize(
    ("dataset", "mine"),
    [("conformed.encounter", 10), ("standard.xml130_1", 2), ("standard.xml130_5", 4), ("standard.xml130_dossier", 2)],
)
def test_an_account_of_one_facility_counts_its_own_rows_by_every_door(house: Governed, dataset: str, mine: int) -> None:
    own, other = member("clinician", FACILITY), member("clinician", "99999")
    everyone = count(house, actor("clinician"), dataset)
    assert everyone >= mine
    assert count(house, own, dataset) == mine
    assert count(house, other, dataset) == 0
    for who, expected in ((own, mine), (other, 0)):
        _, rows = house.gate.read(who, OPEN, dataset, ["version_id"])
        assert rows.read_all().num_rows == expected
        for sql in (
            f"SELECT version_id FROM {dataset}",
            f"SELECT version_id FROM {dataset} WHERE true OR version_id = 1",
            f"WITH a AS (SELECT * FROM {dataset}) SELECT b.version_id FROM a b",
            f"SELECT version_id FROM {dataset} UNION ALL SELECT version_id FROM {dataset} WHERE false",
        ):
            _, found = house.gate.query(who, OPEN, sql)
            assert found.read_all().num_rows == expected, sql


def test_a_commune_limits_by_the_patients_current_commune(house: Governed) -> None:
    nowhere = Actor("xa", "Xã", (), "cli", (Membership("clinician", "x", None, frozenset({"23551"})),))
    assert count(house, nowhere, "conformed.encounter") == 0
    assert count(house, nowhere, "standard.xml130_1") == 0
    assert count(house, nowhere, "reference.icd10") == count(house, actor("clinician"), "reference.icd10")


def test_identifiers_out_of_reach_are_not_opened(house: Governed) -> None:
    own, other = member("identifier-reader", FACILITY), member("identifier-reader", "99999")
    relation = pa.table({"record_id": [house.records[0]], "HO_TEN": ["*"]})
    assert house.gate.payload(own, OPEN, house.records[0])["XML1"]
    assert house.gate.identify(own, OPEN, relation, ["HO_TEN"])[1].column("HO_TEN")[0].as_py() != "*"
    sql = "SELECT HO_TEN FROM standard.xml130_1"
    assert house.gate.query(own, OPEN, sql, with_identifiers=True)[1].read_all().num_rows == 2
    assert house.gate.query(other, OPEN, sql, with_identifiers=True)[1].read_all().num_rows == 0
    for call in (
        lambda: house.gate.payload(other, OPEN, house.records[0]),
        lambda: house.gate.identify(other, OPEN, relation, ["HO_TEN"]),
        lambda: house.gate.permit_bytes(other, OPEN, "D000000000001"),
    ):
        with pytest.raises(Denied, match="ROW-REACH"):
            call()
        assert audit.recent(house.made.database, limit=1)[0]["category"] == "decision"


def test_a_purpose_needs_its_agreement_in_force(house: Governed, monkeypatch: pytest.MonkeyPatch) -> None:
    book = Agreements(house.made.database)
    known = purposes_module.PURPOSES["kiem-tra"]
    monkeypatch.setitem(purposes_module.PURPOSES, "kiem-tra", dataclasses.replace(known, agreement="bhxh-tinh"))
    who = member("identifier-reader", FACILITY, unit="bhxh")
    with pytest.raises(Denied, match="AGREEMENT-IN-FORCE"):
        count(house, who, "standard.xml130_1", "kiem-tra")
    paper = checked(PAPER)
    book.draft(paper, "an", NOW)
    book.move("bhxh-tinh", "submit", "an", NOW)
    with pytest.raises(DeniedError, match="DENY-AGREEMENT-PERSON"):
        book.move("bhxh-tinh", "pass-legal", "an", NOW)
    with pytest.raises(UsageError, match="USE-AGREEMENT-STATE"):
        book.move("bhxh-tinh", "start", "luat", NOW)
    book.move("bhxh-tinh", "pass-legal", "luat", NOW)
    book.move("bhxh-tinh", "pass-security", "an-toan", NOW)
    with pytest.raises(UsageError, match="USE-AGREEMENT-DOCUMENT"):
        book.move("bhxh-tinh", "sign", "giam-doc", NOW)
    assert book.move("bhxh-tinh", "sign", "giam-doc", NOW, "12/SYT-NVY").state == "to-sign"
    with pytest.raises(DeniedError, match="DENY-AGREEMENT-PERSON"):
        book.move("bhxh-tinh", "sign", "giam-doc", NOW, "12/SYT-NVY")
    assert book.move("bhxh-tinh", "sign", "bhxh-giam-doc", NOW, "12/SYT-NVY").state == "signed"
    with pytest.raises(Denied, match="AGREEMENT-IN-FORCE"):
        count(house, who, "standard.xml130_1", "kiem-tra")
    book.move("bhxh-tinh", "start", "giam-doc", NOW)
    assert count(house, who, "standard.xml130_1", "kiem-tra") == 2
    decision, _ = house.gate.read(who, "kiem-tra", "standard.xml130_1", None)
    assert "version_id" in decision.columns
    assert "patient_key" not in decision.columns
    with pytest.raises(Denied, match="AGREEMENT-SCOPE"):
        count(house, who, "conformed.encounter", "kiem-tra")
    with pytest.raises(Denied):
        count(house, member("identifier-reader", FACILITY, unit="khac"), "standard.xml130_1", "kiem-tra")
    book.move("bhxh-tinh", "suspend", "giam-doc", NOW)
    with pytest.raises(Denied, match="AGREEMENT-IN-FORCE"):
        count(house, who, "standard.xml130_1", "kiem-tra")
    assert not book.terms_on("bhxh-tinh", datetime(2028, 1, 2, tzinfo=UTC)).in_force
    assert [step.state for step in book.history("bhxh-tinh")][-2:] == ["in-force", "suspended"]
    with (
        pytest.raises(psycopg.Error, match=r"append-only|permission denied"),
        house.made.database.connect(Role.GOVERNANCE) as connection,
    ):
        connection.execute("UPDATE governance.agreement_step SET state = 'in-force'")


def test_a_partner_and_an_inspector_see_what_a_paper_in_force_names(house: Governed) -> None:
    book = Agreements(house.made.database)
    partner = member("partner-system", FACILITY, "52002", unit="doi-tac")
    inspector = Actor("thanh", "Thanh", (), "portal", (Membership("inspector", "thanh-tra", None, None),))
    with pytest.raises(Denied, match="AGREEMENT-IN-FORCE"):
        count(house, partner, "conformed.encounter", "chia-se")
    shared = {**PAPER, "code": "chia-se-1", "purpose": "chia-se", "units": ["doi-tac"], "classes": ["open"]}
    in_force(book, {**shared, "datasets": ["reference.icd10"]})
    in_force(book, {**shared, "code": "chia-se-2", "datasets": ["conformed.encounter"], "facilities": [FACILITY]})
    decision, rows = house.gate.read(partner, "chia-se", "conformed.encounter", None)
    assert decision.agreement == "chia-se-2"
    assert "patient_key" in decision.hidden
    assert rows.read_all().num_rows == 10
    assert count(house, partner, "reference.icd10", "chia-se") == 0
    for dataset in ("conformed.claim", "standard.xml130_1"):
        with pytest.raises(Denied, match="AGREEMENT-SCOPE"):
            count(house, partner, dataset, "chia-se")
    with pytest.raises(Denied, match="AGREEMENT-IN-FORCE"):
        count(house, member("partner-system", FACILITY, unit="khac"), "conformed.encounter", "chia-se")
    ordered = {**PAPER, "purpose": "thanh-tra", "units": ["thanh-tra"], "datasets": ["conformed.encounter"]}
    in_force(book, {**ordered, "code": "quyet-dinh-1", "classes": ["open", "personal"]})
    with pytest.raises(Denied, match="DEFAULT-DENY"):  # it names no facility
        count(house, inspector, "conformed.encounter", "thanh-tra")
    book.move("quyet-dinh-1", "end", "giam-doc", NOW)
    in_force(book, {**ordered, "code": "quyet-dinh-2", "classes": ["open", "personal"], "facilities": ["52002"]})
    decision, rows = house.gate.query(inspector, "thanh-tra", "SELECT facility_code FROM conformed.encounter")
    assert set(rows.read_all().column("facility_code").to_pylist()) == {"52002"}
    assert decision.agreement == "quyet-dinh-2"
    book.move("quyet-dinh-2", "suspend", "giam-doc", NOW)
    with pytest.raises(Denied, match="AGREEMENT-IN-FORCE"):
        house.gate.query(inspector, "thanh-tra", "SELECT facility_code FROM conformed.encounter")


def in_force(book: Agreements, given: dict[str, Any]) -> None:
    paper = checked(given)
    book.draft(paper, "an", NOW)
    for move, by in (
        ("submit", "an"), ("pass-legal", "luat"), ("pass-security", "an-toan"), ("sign", "giam-doc"),
        ("sign", "doi-tac-giam-doc"), ("start", "giam-doc"),
    ):  # fmt: skip
        book.move(paper.code, move, by, NOW, "12/SYT-NVY" if move == "sign" else "")


def test_an_emergency_opens_one_dossier_for_its_owner_and_is_reviewed_by_another(house: Governed) -> None:
    made, gate = house.made, house.gate
    doctor = member("clinician", "99999")

    def opened(who: Actor, now: datetime, reason: str = "cap-cuu-nguoi-benh", key: str = house.dossiers[0]) -> Any:
        return permits.break_glass(made.database, made.keys, made.home, who, OPEN, key, reason, "", now)

    with pytest.raises(Denied):
        gate.payload(doctor, OPEN, house.records[0])
    with pytest.raises(Denied):
        opened(actor("operator"), datetime.now(UTC))
    for reason, key in (
        ("tu-y", house.dossiers[0]),
        ("o-dich-khan-cap", house.dossiers[0]),
        ("cap-cuu-nguoi-benh", "x"),
    ):
        with pytest.raises(UsageError):
            opened(doctor, datetime.now(UTC), reason, key)
    one = opened(doctor, datetime.now(UTC))
    assert "BTG" in audit.recent(made.database, limit=1)[0]["purposeOfEvent"]
    assert gate.payload(doctor, OPEN, house.records[0], emergency=one.emergency_id)["XML1"][0]["HO_TEN"]
    event = audit.recent(made.database, limit=1)[0]
    assert event["purposeOfEvent"] == [OPEN, "BTG", "reason:cap-cuu-nguoi-benh"]
    with pytest.raises(Denied, match="EMERGENCY-DOSSIER"):
        gate.payload(doctor, OPEN, house.records[1], emergency=one.emergency_id)
    other = dataclasses.replace(doctor, account_id="khac")
    with pytest.raises(DeniedError, match="DENY-EMERGENCY"):
        gate.payload(other, OPEN, house.records[0], emergency=one.emergency_id)
    over = opened(doctor, datetime(2026, 1, 5, tzinfo=UTC))
    assert over.review_by == date(2026, 1, 8)
    with pytest.raises(DeniedError, match="DENY-EMERGENCY"):
        gate.payload(doctor, OPEN, house.records[0], emergency=over.emergency_id)
    book = Emergencies(made.database)
    assert [found.emergency_id for found in book.waiting()] == [over.emergency_id, one.emergency_id]
    with pytest.raises(DeniedError, match="DENY-EMERGENCY-REVIEW"):
        book.review(doctor, one.emergency_id, "dung", NOW)
    assert book.review(actor("administrator"), one.emergency_id, "dung", NOW).verdict == "dung"
    assert [found.emergency_id for found in book.waiting()] == [over.emergency_id]


def test_a_decision_is_made_again_from_its_event(house: Governed) -> None:
    house.gate.query(member("clinician", FACILITY), OPEN, "SELECT * FROM standard.xml130_1")
    with pytest.raises(Denied):
        house.gate.read(actor("viewer"), "van-hanh", "standard.xml130_1", None)
    for event in audit.recent(house.made.database, limit=2):
        then, now, found = replay(house.made.database, str(event["seq"]))
        assert then == now
        assert found
        assert all(one.same for one in found)
        assert replay(house.made.database, event["id"], as_of=date(2026, 11, 26))[2] == found
    with pytest.raises(UsageError, match="USE-EVENT-UNKNOWN"):
        replay(house.made.database, "999999")


def test_a_command_asks_who_calls_and_is_recorded(house: Governed) -> None:
    made = house.made
    permits.permit(made.database, made.keys, made.home, actor("operator"), "ingest", "files")
    event = audit.recent(made.database, limit=1)[0]
    assert (event["category"], event["subtype"], event["outcomeDesc"]) == ("change", "ingest", "allowed")
    with pytest.raises(Denied):
        permits.permit(made.database, made.keys, made.home, actor("viewer"), "rebuild", "")
    event = audit.recent(made.database, limit=1)[0]
    assert (event["category"], event["outcomeDesc"]) == ("decision", "denied")
    production = type(made.home)(made.home.path, made.home.home_id, "production")
    with pytest.raises(DeniedError, match="DENY-ACCOUNT"):
        permits.permit_caller(made.database, made.keys, production, "ingest", "files")
    assert audit.recent(made.database, limit=1)[0]["agent"][0]["who"].startswith("os:")
    assert audit.verify(made.database, made.keys, made.home).ok
