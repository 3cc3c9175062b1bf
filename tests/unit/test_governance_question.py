"""Structured questions: a slow plain-Python reading of the same question is the oracle; bad names never reach SQL."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bienho.contracts import catalogue
from bienho.core.errors import LimitError, UsageError
from bienho.governance import question
from support.examples import some

CONTRACT = catalogue()["quality.finding"]
COLUMNS = ("version_id", "code", "row_no")
ROWS = st.lists(
    st.tuples(
        st.integers(1, 5) | st.none(),
        st.sampled_from(["A", "B'", 'C"', "", "Ă%"]) | st.none(),
        st.integers(0, 3) | st.none(),
    ),
    max_size=12,
)
TEXTS = st.sampled_from(["A", "B'", 'C"', "", "Ă%", "' OR 1=1 --"])
CONDITIONS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["version_id", "row_no"]), st.sampled_from(sorted(question.COMPARISONS)), st.integers(0, 4)
        ),
        st.tuples(st.just("code"), st.sampled_from(["=", "!="]), TEXTS),
        st.tuples(st.just("code"), st.just("in"), st.lists(TEXTS, max_size=3)),
        st.tuples(st.sampled_from(COLUMNS), st.sampled_from(["is_null", "not_null"]), st.none()),
    ),
    max_size=3,
)


def holds(row: dict[str, Any], condition: tuple[str, str, Any]) -> bool:
    name, op, value = condition
    cell = row[name]
    if op in ("is_null", "not_null"):
        return (cell is None) == (op == "is_null")
    if cell is None:
        return False
    tests = {
        "=": lambda: cell == value, "!=": lambda: cell != value, "<": lambda: cell < value, "<=": lambda: cell <= value,
        ">": lambda: cell > value, ">=": lambda: cell >= value, "in": lambda: cell in value,
    }  # fmt: skip
    return bool(tests[op]())


def run(rows: list[tuple[Any, ...]], asked: question.Question) -> list[tuple[Any, ...]]:
    con = duckdb.connect()
    con.execute("CREATE TABLE f (version_id BIGINT, code VARCHAR, row_no INTEGER)")
    if rows:
        con.executemany("INSERT INTO f VALUES (?, ?, ?)", rows)
    return con.execute(asked.over("f"), asked.values).fetchall()


@settings(max_examples=some(60), deadline=None)
@given(ROWS, CONDITIONS, st.integers(0, 5) | st.none(), st.integers(0, 3))
def test_rows_are_those_a_plain_reading_finds(
    rows: list[tuple[Any, ...]], conditions: list[tuple[str, str, Any]], limit: int | None, offset: int
) -> None:
    order = [("version_id", "asc"), ("code", "desc"), "-row_no"]
    asked = question.rows(CONTRACT, COLUMNS, conditions, order, limit, offset)
    kept = [row for row in rows if all(holds(dict(zip(COLUMNS, row, strict=True)), c) for c in conditions)]
    for place, down in ((2, True), (1, True), (0, False)):
        filled = [row for row in kept if row[place] is not None]
        empty = [row for row in kept if row[place] is None]
        kept = sorted(filled, key=lambda row: _bytes(row[place]), reverse=down) + empty
    wanted = kept[offset:] if limit is None else kept[offset : offset + limit]
    assert run(rows, asked) == wanted


def _bytes(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


@settings(max_examples=some(40), deadline=None)
@given(ROWS, CONDITIONS)
def test_groups_add_up_to_a_plain_reading(rows: list[tuple[Any, ...]], conditions: list[tuple[str, str, Any]]) -> None:
    measures = {"n": ("count", None), "kinds": ("count_distinct", "version_id"), "total": ("sum", "row_no")}
    asked = question.groups(CONTRACT, ["code"], measures, conditions, ["code"], None)
    kept = [row for row in rows if all(holds(dict(zip(COLUMNS, row, strict=True)), c) for c in conditions)]
    wanted = set()
    for code in {row[1] for row in kept}:
        group = [row for row in kept if row[1] == code]
        numbers = [row[2] for row in group if row[2] is not None]
        versions = {row[0] for row in group} - {None}
        wanted.add((code, len(group), len(versions), sum(numbers) if numbers else None))
    got = run(rows, asked)
    assert len(got) == len(wanted)
    assert set(got) == wanted


def test_a_group_may_be_a_period() -> None:
    contract = catalogue()["standard.xml130_dossier"]
    asked = question.groups(
        contract, [("month", "received_at")], {"n": ("count", None)}, (), ["received_at_month"], None
    )
    con = duckdb.connect()
    con.execute("CREATE TABLE d (received_at TIMESTAMP)")
    con.execute("INSERT INTO d VALUES ('2026-01-05'), ('2026-01-31 23:00'), ('2026-02-01')")
    assert [n for _, n in con.execute(asked.over("d"), asked.values).fetchall()] == [2, 1]


@pytest.mark.parametrize(
    "broken",
    [
        lambda: question.rows(CONTRACT, ["no_such"], (), (), None, 0),
        lambda: question.rows(CONTRACT, ['code" FROM x --'], (), (), None, 0),
        lambda: question.rows(CONTRACT, ["code"], [("no_such", "=", 1)], (), None, 0),
        lambda: question.rows(CONTRACT, ["code"], [("code", "~", "x")], (), None, 0),
        lambda: question.rows(CONTRACT, ["code"], [("code", "= 1 OR 1", "x")], (), None, 0),
        lambda: question.rows(CONTRACT, ["code"], [("code", "=", object())], (), None, 0),
        lambda: question.rows(CONTRACT, ["code"], [("code", "in", "abc")], (), None, 0),
        lambda: question.rows(CONTRACT, ["code"], [("code", "like", 3)], (), None, 0),
        lambda: question.rows(CONTRACT, ["code"], (), [("code", "asc; DROP")], None, 0),
        lambda: question.rows(CONTRACT, ["code"], (), ["no_such"], None, 0),
        lambda: question.rows(CONTRACT, ["code"], (), (), -1, 0),
        lambda: question.rows(CONTRACT, ["code"], (), (), True, 0),
        lambda: question.groups(CONTRACT, ["code"], {}, (), (), None),
        lambda: question.groups(CONTRACT, ["code"], {"code": ("count", None)}, (), (), None),
        lambda: question.groups(CONTRACT, ["code"], {"n) FROM x --": ("count", None)}, (), (), None),
        lambda: question.groups(CONTRACT, ["code"], {"n": ("median", "row_no")}, (), (), None),
        lambda: question.groups(CONTRACT, ["code"], {"n": ("sum", None)}, (), (), None),
        lambda: question.groups(CONTRACT, [("hour", "code")], {"n": ("count", None)}, (), (), None),
        lambda: question.rows(CONTRACT, ["code"], [("code", "in", ["x"] * 10_001)], (), None, 0),
    ],
)
def test_what_is_no_question_is_refused(broken: Any) -> None:
    with pytest.raises((UsageError, LimitError)):
        broken()


def test_the_log_keeps_keys_and_digests_values() -> None:
    key = "0123456789abcdef" * 2
    filters = [("dossier_key", "=", key), ("code", "=", "IN-X"), ("code", "in", ["A", "B"]), ("bad name", "=", "x")]
    noted = question.described(CONTRACT, filters, lambda value: f"digest-of-{len(str(value))}")
    assert noted == [
        {"column": "dossier_key", "op": "=", "value": key},
        {"column": "code", "op": "=", "value": {"digest": "digest-of-4"}},
        {"column": "code", "op": "in", "value": [{"digest": "digest-of-1"}, {"digest": "digest-of-1"}]},
        {"op": "?"},
    ]


def test_a_name_in_a_key_filter_is_no_key() -> None:
    noted = question.described(CONTRACT, [("dossier_key", "=", "Nguyễn Văn A")], lambda value: "d")
    assert noted[0]["value"] == {"digest": "d"}
