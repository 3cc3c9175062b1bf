"""Every rule of cleaning by its examples: the tables of the room's own README, run both ways."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from bienho.core.errors import InputError
from bienho.linkage import CLEAN, RECORDS, clean
from bienho.linkage.normalise.clean import FEW

README = Path(__file__).parents[2] / "src" / "bienho" / "linkage" / "normalise" / "README.md"
LINE = re.compile(r"^\| ([^|]+) \| ((?:\w+ `[^|]*`(?:, )?)+) \| ((?:\w+ `[^|]*`(?:, )?)+) \|$", re.M)
CELL = re.compile(r"(\w+) `([^`]*)`")


def unescaped(text: str) -> str:
    return re.sub(r"\\u([0-9a-f]{4})", lambda code: chr(int(code[1], 16)), text)


def examples() -> list[tuple[str, dict[str, str], dict[str, str]]]:
    """(rule, fields of the record, columns it becomes)."""
    lines = LINE.findall(README.read_text(encoding="utf-8"))
    return [
        (rule, {field: unescaped(text) for field, text in CELL.findall(record)}, dict(CELL.findall(becomes)))
        for rule, record, becomes in lines
    ]


EXAMPLES = examples()


def cleaned(records: list[dict[str, str]]) -> list[dict[str, Any]]:
    return clean(pa.Table.from_pylist(records, schema=RECORDS)).to_pylist()


def shown(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def wrong(found: list[dict[str, Any]]) -> list[str]:
    return [
        f"{rule}: {column} is {shown(row[column])!r}, not {expected!r}"
        for (rule, _, becomes), row in zip(EXAMPLES, found, strict=True)
        for column, expected in becomes.items()
        if shown(row[column]) != expected
    ]


def test_the_examples_are_read_and_cover_every_column() -> None:
    lines = [line for line in README.read_text(encoding="utf-8").splitlines() if re.match(r"\| .*`.*`.* \|$", line)]
    assert len(EXAMPLES) == len(lines) > FEW
    told = {column for _, _, becomes in EXAMPLES for column in becomes}
    copied = {"record_id", "patient_local_id", "arrived", "father", "visit"}
    assert told | copied == set(CLEAN.names)


def test_every_rule_by_column() -> None:
    assert not wrong(cleaned([record for _, record, _ in EXAMPLES]))


def test_every_rule_record_by_record() -> None:
    assert not wrong([row for _, record, _ in EXAMPLES for row in cleaned([record])])


def test_rows_stay_in_their_order_and_keep_their_names() -> None:
    records = [{"record_id": f"R{n}", "patient_local_id": f" B{n} ", "visit_date": "20260102"} for n in range(FEW + 1)]
    for some in (records, records[:3]):
        rows = cleaned(some)
        assert [row["record_id"] for row in rows] == [record["record_id"] for record in some]
        assert [row["patient_local_id"] for row in rows] == [record["patient_local_id"].strip() for record in some]
        assert {row["visit"] for row in rows} == {20_455}


def test_the_order_of_receipt_is_given_or_that_of_the_rows() -> None:
    told = pa.Table.from_pylist([{"record_id": "a", "arrived": 7}, {"record_id": "b", "arrived": 3}], schema=RECORDS)
    assert clean(told)["arrived"].to_pylist() == [7, 3]
    assert clean(told.drop_columns(["arrived"]))["arrived"].to_pylist() == [0, 1]


def test_no_records_are_no_rows() -> None:
    assert clean(RECORDS.empty_table()).equals(CLEAN.empty_table())


def test_a_missing_column_is_named() -> None:
    with pytest.raises(InputError) as caught:
        clean(RECORDS.empty_table().drop_columns(["sex"]))
    assert caught.value.code == "IN-LINK-COLUMNS"
    assert "sex" in caught.value.message
