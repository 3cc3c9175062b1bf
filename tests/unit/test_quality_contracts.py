"""ODCS quality sections: each kind counts what is wrong in a small table, against a count by hand."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from bienho.contracts import catalogue
from bienho.contracts.quality import quality_check
from bienho.pipeline.contract_checks import measure
from bienho.quality.contract_quality import failing, measure_sql, rows_sql

DAY = date(2026, 1, 10)


def counted(entry: dict[str, object], column: str | None = None) -> int | None:
    """What one check measures over a table of five rows."""
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA z")
    connection.execute(
        "CREATE TABLE z.t AS SELECT * FROM (VALUES (1, 'A', DATE '2026-01-01', DATE '2026-01-02'),"
        " (2, 'B', DATE '2026-01-05', DATE '2026-01-03'), (2, 'C', NULL, NULL), (4, '', NULL, NULL),"
        " (5, NULL, NULL, NULL)) AS v(id, code, first, last)"
    )
    connection.execute("CREATE TABLE z.other AS SELECT unnest([1, 2, 4]) AS id")
    given = quality_check({"name": "n", "description": "d", **entry}, column)
    contract = type("C", (), {"id": "z.t", "quality": (given,), "key": ("id",)})()
    ((name, number),) = connection.execute(measure_sql(contract, DAY) or "").fetchall()
    assert name == "n"
    return number  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("entry", "column", "number"),
    [
        ({"type": "library", "metric": "nullValues", "mustBe": 0}, "code", 1),
        ({"type": "library", "metric": "missingValues", "mustBe": 0}, "code", 2),
        (
            {"type": "library", "metric": "invalidValues", "arguments": {"validValues": ["A", ""]}, "mustBe": 0},
            "code",
            2,
        ),
        ({"type": "library", "metric": "invalidValues", "arguments": {"pattern": "[AB]"}, "mustBe": 0}, "code", 2),
        ({"type": "library", "metric": "duplicateValues", "mustBe": 0}, "id", 1),
        ({"type": "library", "metric": "rowCount", "mustBeGreaterOrEqualTo": 1}, None, 5),
        ({"type": "custom", "engine": "bienho", "implementation": {"must": "last >= first"}, "mustBe": 0}, None, 1),
        ({"type": "custom", "engine": "bienho", "implementation": {"references": "z.other.id"}, "mustBe": 0}, "id", 1),
        ({"type": "custom", "engine": "bienho", "implementation": {"freshness": "first"}, "mustBe": 0}, None, 5),
        ({"type": "sql", "query": "SELECT sum(id) FROM z.t", "mustBe": 14}, None, 14),
    ],
)
def test_each_kind_counts(entry: dict[str, object], column: str | None, number: int) -> None:
    assert counted(entry, column) == number


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "library", "metric": "shoeSize", "mustBe": 0},
        {"type": "library", "metric": "rowCount"},
        {"type": "custom", "engine": "other", "implementation": {"must": "true"}, "mustBe": 0},
        {"type": "sql", "mustBe": 0},
        {"type": "sql", "query": "SELECT 1", "mustBe": 0, "colour": "red"},
    ],
)
def test_what_the_profile_does_not_know_is_refused(entry: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="quality"):
        quality_check({"name": "n", "description": "d", **entry}, None)


def test_contracts_use_it_and_their_checks_run() -> None:
    using = [contract for contract in catalogue().values() if contract.quality]
    assert len(using) >= 2
    connection = duckdb.connect()
    for contract in catalogue().values():
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {contract.zone}")
        connection.execute(contract.ddl().replace("lake.", "", 1))
    found = list(measure(connection, using, DAY))
    assert {one.number for one in found} <= {0, None}
    assert {one.check.name for one in found if one.holds is False} == {"some_visits"}
    for contract in using:
        for check in contract.quality:
            sql = rows_sql(contract, check)
            assert (sql is None) == (failing(check) is None)
            if sql:
                assert connection.execute(sql).fetchall() == []
