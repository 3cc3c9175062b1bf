"""`gate.identify`: each mark is replaced by the text of its own record, table and row; nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest

from bienho.config import Limits
from bienho.core.errors import LimitError, UsageError
from bienho.governance import Actor, Denied, Membership, audit, reasons
from support.governed import FACILITY, NOTES, PEOPLE, Governed, actor, governed

pytestmark = pytest.mark.database

OPEN, QUALITY = "tra-cuu-ho-so", "chat-luong"


@pytest.fixture(scope="module")
def house() -> Iterator[Governed]:
    with governed(Limits(query_rows=100)) as made:
        yield made


def relation(house: Governed) -> pa.Table:
    first, second = house.records
    return pa.table(
        {
            "row_no": [2, 1, 1, 1, 3, None],
            "table_name": ["XML5", "XML5", "XML5", "XML5", "XML5", "XML5"],
            "record_id": [first, second, second, None, first, first],
            "DIEN_BIEN_LS": ["*", "*", "", "*", "*", None],
            "STT": ["1", "*", "3", "4", "5", "6"],
        }
    )


def test_marks_become_the_text_of_their_own_row(house: Governed) -> None:
    given = relation(house)
    decision, filled = house.gate.identify(actor(), OPEN, given, ["DIEN_BIEN_LS"])
    assert filled.column("DIEN_BIEN_LS").to_pylist() == [NOTES[1], NOTES[0], "", "*", "*", None]
    assert filled.drop_columns(["DIEN_BIEN_LS"]).equals(given.drop_columns(["DIEN_BIEN_LS"]))
    assert filled.schema.names == given.schema.names
    assert "khong-con-dinh-danh:2" in decision.obligations
    assert "khong-luu-ban-sao-dinh-danh" in decision.obligations


def test_rows_without_table_are_the_first_row_of_xml1(house: Governed) -> None:
    given = pa.table({"record_id": list(house.records), "HO_TEN": ["*", "*"], "MA_LK": ["*", "*"]})
    _, filled = house.gate.identify(actor(), OPEN, given, ["HO_TEN", "MA_LK"])
    assert [tuple(row.values())[1:] for row in filled.to_pylist()] == list(PEOPLE)


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ({"record_id": ["a" * 32]}, []),
        ({"HO_TEN": ["*"]}, ["HO_TEN"]),
        ({"record_id": ["a" * 32], "HO_TEN": ["*"]}, ["DIA_CHI"]),
        ({"record_id": ["a" * 32], "SEALED": ["*"]}, ["SEALED"]),
        ({"record_id": ["a" * 32], "HO_TEN": ["*"], "table_name": ["vault"]}, ["HO_TEN"]),
        ({"record_id": ["'; DROP"], "HO_TEN": ["*"]}, ["HO_TEN"]),
    ],
)
def test_what_cannot_be_placed_is_refused(house: Governed, columns: dict[str, list[str]], names: list[str]) -> None:
    with pytest.raises(UsageError):
        house.gate.identify(actor(), OPEN, pa.table(columns), names)


def test_too_many_rows_at_once_are_refused(house: Governed) -> None:
    given = pa.table({"record_id": [house.records[0]] * 101, "HO_TEN": ["*"] * 101})
    with pytest.raises(LimitError, match="LIM-IDENTIFY"):
        house.gate.identify(actor(), OPEN, given, ["HO_TEN"])


def test_nothing_comes_back_of_an_erased_person() -> None:
    with governed() as house:
        house.vault.erase([house.patients[0]], "Điều 14 Luật 91/2025/QH15")
        given = pa.table({"record_id": list(house.records), "HO_TEN": ["*", "*"]})
        decision, filled = house.gate.identify(actor(), OPEN, given, ["HO_TEN"])
        assert filled.column("HO_TEN").to_pylist() == ["*", PEOPLE[1][0]]
        assert "khong-con-dinh-danh:1" in decision.obligations
        assert house.gate.payload(actor(), OPEN, house.records[0]) == {}


def officer(facility: str, role: str = "facility-data-officer") -> Actor:
    return Actor("it", "IT", (role,), "portal", (Membership(role, f"cs-{facility}", frozenset({facility}), None),))


def test_a_facility_gets_its_own_numbers_and_nothing_else_of_the_vault(house: Governed) -> None:
    given = pa.table({"record_id": list(house.records), "HO_TEN": ["*", "*"], "MA_LK": ["*", "*"]})
    reason = reasons.written("sua-ho-so")
    _, filled = house.gate.identify(officer(FACILITY), QUALITY, given, ["MA_LK"], reason, number_only=True)
    assert filled.column("MA_LK").to_pylist() == [number for _, number in PEOPLE]
    assert filled.column("HO_TEN").to_pylist() == ["*", "*"]
    event = audit.recent(house.made.database, limit=1)[0]
    assert event["subtype"] == "dossier-number"
    assert {one["what"]["identifier"] for one in event["entity"] if one["type"] == "Encounter"} == {*house.dossiers}
    for columns in (["HO_TEN"], ["MA_LK", "HO_TEN"]):
        with pytest.raises(UsageError, match="MA_LK"):
            house.gate.identify(officer(FACILITY), QUALITY, given, columns, reason, number_only=True)
    for who in (officer("52002"), officer(FACILITY, "station-worker"), actor("operator"), actor("identifier-reader")):
        with pytest.raises(Denied):
            house.gate.identify(who, QUALITY, given, ["MA_LK"], reason, number_only=True)
    with pytest.raises(Denied):  # the other action stays closed to the officer
        house.gate.identify(officer(FACILITY), QUALITY, given, ["MA_LK"], reason)
