"""Promise 3: every look is recorded before data is returned: who, what, for which purpose, under which agreement."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pytest

from bienho.config import Limits
from bienho.core.errors import BienhoError, StorageError, UsageError
from bienho.database import Role
from bienho.governance import audit, reasons
from support.governed import PEOPLE, Governed, actor, governed

pytestmark = pytest.mark.database

OPEN = "tra-cuu-ho-so"


@pytest.fixture(scope="module")
def house() -> Iterator[Governed]:
    with governed(Limits(query_rows=1_000, query_seconds=20)) as made:
        yield made


def doors(house: Governed) -> dict[str, Callable[[], Any]]:
    gate, who = house.gate, actor()
    relation = pa.table({"record_id": [house.records[0]], "HO_TEN": ["*"]})
    return {
        "read": lambda: gate.read(who, OPEN, "standard.xml130_1", ["HO_TEN"], [("dossier_key", "=", "x")][:0]),
        "aggregate": lambda: gate.aggregate(who, OPEN, "standard.xml130_1", [], {"n": ("count", None)}),
        "query": lambda: gate.query(who, OPEN, "SELECT HO_TEN FROM standard.xml130_1"),
        "query with names": lambda: gate.query(
            who, OPEN, "SELECT HO_TEN FROM standard.xml130_1", with_identifiers=True
        ),
        "identify": lambda: gate.identify(who, OPEN, relation, ["HO_TEN"]),
        "payload": lambda: gate.payload(who, OPEN, house.records[0]),
        "bytes": lambda: gate.permit_bytes(who, OPEN, "D000000000001"),
        "audit": lambda: gate.audit_events(who, "kiem-tra"),
    }


DOORS = ["read", "aggregate", "query", "query with names", "identify", "payload", "bytes", "audit"]


@pytest.mark.parametrize("door", DOORS)
def test_each_call_writes_one_event_that_names_who_why_and_under_what(house: Governed, door: str) -> None:
    before = count(house)
    doors(house)[door]()
    assert count(house) == before + 1
    event = newest(house)
    assert event["outcomeDesc"] == "allowed"
    assert event["agent"][0]["who"] == "an.nguyen"
    assert event["agent"][0]["requestor"] is True
    assert "agreement:noi-bo-so-y-te" in event["agent"][0]["policy"]
    assert event["purposeOfEvent"] == ["kiem-tra" if door == "audit" else OPEN]
    assert event["source"]["site"] == house.made.home.home_id
    assert event["entity"]
    assert event["recorded"]


@pytest.mark.parametrize("door", ["identify", "payload"])
def test_the_reason_of_a_look_at_identifiers_stands_in_its_event(house: Governed, door: str) -> None:
    reason = reasons.written("kiem-tra-quyet-dinh", "45/2026/qđ-syt")
    relation = pa.table({"record_id": [house.records[0]], "HO_TEN": ["*"]})
    if door == "identify":
        house.gate.identify(actor(), OPEN, relation, ["HO_TEN"], reason)
    else:
        house.gate.payload(actor(), OPEN, house.records[0], reason)
    assert newest(house)["purposeOfEvent"] == [OPEN, "reason:kiem-tra-quyet-dinh", "document:45/2026/QĐ-SYT"]


@pytest.mark.parametrize("reason", [PEOPLE[0][0], f"sua-ho-so {PEOPLE[0][0]}", "sua-ho-so 052190001234"])
def test_a_reason_in_free_words_opens_nothing_and_is_not_written(house: Governed, reason: str) -> None:
    with pytest.raises(UsageError, match=r"USE-(REASON|DOCUMENT)") as refused:
        house.gate.payload(actor(), OPEN, house.records[0], reason)
    event = newest(house)
    assert event["outcomeDesc"] == "failed"
    for told in (str(event), str(refused.value), str(refused.value.hint)):
        assert PEOPLE[0][0] not in told
        assert "052190001234" not in told


@pytest.mark.parametrize("door", DOORS)
def test_no_event_no_data(house: Governed, door: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: audit.AuditLog, event: Any) -> int:
        raise StorageError("STO-AUDIT", "hỏng")

    monkeypatch.setattr(audit.AuditLog, "append", broken)
    with pytest.raises(StorageError, match="STO-AUDIT"):
        doors(house)[door]()


def test_the_event_is_committed_when_the_first_row_is_seen(house: Governed) -> None:
    before = count(house)
    _, reader = house.gate.read(actor(), OPEN, "standard.xml130_1", ["HO_TEN"])
    assert count(house) == before + 1  # asked on another connection, before anything was taken from the reader
    assert reader.read_all().num_rows == 2


def test_refusals_and_failures_are_recorded(house: Governed) -> None:
    gate = house.gate
    expected = [
        (lambda: gate.read(actor("viewer"), "van-hanh", "standard.xml130_1", None), "denied", "default-deny"),
        (
            lambda: gate.query(actor(), "van-hanh", "SELECT * FROM read_csv('/etc/passwd')"),
            "denied",
            "USE-SQL-FUNCTION",
        ),
        (lambda: gate.read(actor(), "van-hanh", "standard.xml130_1", ["X"]), "failed", "USE-COLUMN"),
        (lambda: gate.query(actor(), "van-hanh", "SELECT nothing FROM standard.xml130_1"), "failed", "USE-QUERY"),
        (
            lambda: gate.query(actor(), "van-hanh", "SELECT CAST(MA_BENH_CHINH AS INT) FROM standard.xml130_1"),
            "failed",
            "USE-QUERY-VALUE",
        ),
        (lambda: gate.query(actor(), "van-hanh", "SELECT i FROM range(1001) r(i)"), "failed", "LIM-QUERY-ROWS"),
        (lambda: gate.read(actor(), "van-hanh", "standard.xml130_1", None, at=10**9), "failed", "USE-SNAPSHOT"),
    ]
    for call, outcome, code in expected:
        with pytest.raises(BienhoError) as failure:
            call()
        event = newest(house)
        assert (event["outcomeDesc"], event["agent"][0]["policy"]) == (outcome, [code])
        assert "J01" not in failure.value.message


def test_opening_names_lists_the_persons(house: Governed) -> None:
    gate, who = house.gate, actor("identifier-reader")
    gate.query(who, OPEN, "SELECT HO_TEN FROM standard.xml130_1 WHERE version_id = 1000002", with_identifiers=True)
    assert touched(newest(house), "Patient") == {house.patients[1]}
    assert touched(newest(house), "Encounter") == {house.dossiers[1]}
    assert touched(newest(house), "Record") == {house.records[1]}
    gate.identify(who, OPEN, pa.table({"record_id": list(house.records), "HO_TEN": ["*", ""]}), ["HO_TEN"])
    assert touched(newest(house), "Patient") == set(house.patients)
    gate.permit_bytes(who, OPEN, "D000000000002")
    assert touched(newest(house), "Patient") == {house.patients[0]}
    seen = house.gate.audit_events(actor("administrator"), "kiem-tra", person=house.patients[1])[1]
    assert {event["agent"][0]["who"] for event in seen} == {"an.nguyen"}
    assert all(house.patients[1] in touched(event, "Patient") for event in seen)


def test_the_record_holds_no_value(house: Governed) -> None:
    gate, who = house.gate, actor()
    secret = "Lê Thị Bí Mật 0987654321"
    gate.read(who, OPEN, "standard.xml130_1", ["HO_TEN"], [("MA_BENH_CHINH", "=", secret)])
    for sql in (
        f"SELECT '{secret}' AS \"{secret}\", HO_TEN FROM standard.xml130_1 -- {secret}",
        "SELECT HO_TEN, DIA_CHI FROM standard.xml130_1",
    ):
        gate.query(who, OPEN, sql, with_identifiers=True)
    with pytest.raises(BienhoError):
        gate.query(who, OPEN, f'SELECT * FROM "{secret}"')
    with pytest.raises(BienhoError):
        gate.read(who, OPEN, secret, [secret], [(secret, secret, secret)], [secret])
    with house.made.database.connect(Role.GOVERNANCE) as connection:
        bodies = "\n".join(body for (body,) in connection.execute("SELECT body FROM governance.audit_event"))
    for text in (secret, "0987654321", "Bí Mật", *(name for name, _ in PEOPLE), "LK0001", "Thôn 1"):
        assert text not in bodies


def test_many_threads_one_chain(house: Governed) -> None:
    before = count(house)
    failures: list[BaseException] = []

    def look() -> None:
        try:
            for _ in range(5):
                _, reader = house.gate.read(actor(), OPEN, "standard.xml130_1", ["version_id"], order=["version_id"])
                assert reader.read_all().column(0).to_pylist() == [1_000_002, 2_000_001]
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=look) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert count(house) == before + 30
    assert audit.verify(house.made.database, house.made.keys, house.made.home).ok


def count(house: Governed) -> int:
    with house.made.database.connect(Role.GOVERNANCE) as connection:
        row = connection.execute("SELECT count(*) FROM governance.audit_event").fetchone()
    assert row is not None
    return int(row[0])


def newest(house: Governed) -> dict[str, Any]:
    return audit.recent(house.made.database, limit=1)[0]


def touched(event: dict[str, Any], kind: str) -> set[str]:
    return {entity["what"]["identifier"] for entity in event["entity"] if entity["type"] == kind}
