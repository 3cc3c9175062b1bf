"""Packs of records whose persons are known: whole, repeatable, and as hard as their kind says."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from bench.linkage_packs import COLUMNS, KINDS, TRUTH, pack
from bienho.linkage.records import REQUIRED

SIZE = 900


@pytest.fixture(scope="module")
def packs() -> dict[str, tuple[pa.Table, pa.Table]]:
    return {kind: pack(kind, SIZE, 7) for kind in KINDS}


def per_person(records: pa.Table, truth: pa.Table) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for record, told in zip(records.to_pylist(), truth.to_pylist(), strict=True):
        assert record["record_id"] == told["record_id"]
        found.setdefault(told["person"], []).append(record)
    return found


def test_a_pack_has_the_columns_of_records_and_the_rows_asked_for(packs: dict[str, tuple[pa.Table, pa.Table]]) -> None:
    assert COLUMNS == REQUIRED
    for records, truth in packs.values():
        assert records.column_names == list(COLUMNS)
        assert truth.column_names == list(TRUTH)
        assert records.num_rows == truth.num_rows == pc.count_distinct(records["record_id"]).as_py() == SIZE
        assert records["visit_date"].to_pylist() == sorted(records["visit_date"].to_pylist())


def test_the_same_seed_gives_the_same_rows_and_another_others(packs: dict[str, tuple[pa.Table, pa.Table]]) -> None:
    assert pack("usual", SIZE, 7)[0].equals(packs["usual"][0])
    assert not pack("usual", SIZE, 8)[0].equals(packs["usual"][0])


def test_persons_have_up_to_six_records_at_several_facilities(packs: dict[str, tuple[pa.Table, pa.Table]]) -> None:
    persons = per_person(*packs["usual"])
    assert max(map(len, persons.values())) <= 6
    assert sum(len({one["facility_code"] for one in some}) > 1 for some in persons.values()) > 100
    assert {one["visit_date"] < "20250701" for some in persons.values() for one in some} == {True, False}


def test_three_in_five_persons_without_numbers(packs: dict[str, tuple[pa.Table, pa.Table]]) -> None:
    def bare(kind: str) -> float:
        persons = per_person(*packs[kind])
        without = [not any(one["personal_id"] or one["insurance_no"] for one in some) for some in persons.values()]
        return sum(without) / len(without)

    assert bare("usual") < 0.15
    assert 0.55 < bare("no_ids") < 0.75


def test_twice_the_errors_are_more(packs: dict[str, tuple[pa.Table, pa.Table]]) -> None:
    def unmarked(kind: str) -> int:
        return sum(name.isascii() for name in packs[kind][0]["full_name"].to_pylist())

    assert unmarked("twice") > unmarked("usual") > 0


def test_neighbours_of_a_dense_pack_live_together() -> None:
    communes = {
        kind: pc.count_distinct(pack("usual", 300, 3, dense=kind)[0]["commune_code"]).as_py() for kind in (0, 1)
    }
    assert communes[1] * 3 < communes[0]
