"""Statements put together from honest and hostile pieces: accepted if and only if every piece is honest."""

from __future__ import annotations

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from bienho.governance.engine_check import second_opinion
from bienho.governance.sql_check import SqlRefused, check
from support.examples import some

DATASETS = {"standard.xml130_1", "conformed.encounter"}

GOOD_VALUES = ["1", "version_id", "upper('x')", "CASE WHEN 1 = 1 THEN 2 END", "[1, 2][1]", "concat('glob(x)', '')"]
BAD_VALUES = [
    "getenv('HOME')", '"getenv"(\'HOME\')', "current_setting('x')", "(SELECT content FROM read_text('/x'))", "now()",
    "(SELECT max(path) FROM duckdb_databases())", "random()", "(SELECT 1 FROM '/etc/passwd')", "getvariable('v')",
    "list_aggregate([1], 'sum')", "repeat('a', 9)", "[getenv('X') for x in [1]][1]", "(FROM query('SELECT 1'))", "$1",
]  # fmt: skip
GOOD_TABLES = ["standard.xml130_1", '"standard"."XML130_1"', "conformed.encounter", "(SELECT 5 AS version_id)", "base"]
BAD_TABLES = [
    "lake.standard.xml130_1", "read_csv('/x')", "'/x.parquet'", "duckdb_secrets()", "information_schema.tables",
    "sqlite_master", "standard.other", "query_table('x')", "standard.xml130_1 AT (VERSION => 1)", "pg_class",
    "(SUMMARIZE standard.xml130_1)", "__ducklake_metadata_lake.ducklake_table", "glob('*')", "inner_only",
    "(PIVOT standard.xml130_1 ON version_id)", "standard.xml130_1 TABLESAMPLE 1%",
]  # fmt: skip
SHAPES = [
    "SELECT {v} FROM {t} AS a",
    "SELECT a.version_id FROM {t} AS a WHERE {v} IS NOT NULL",
    "SELECT a.version_id FROM {t} AS a ORDER BY {v}",
    "SELECT a.version_id FROM {t} AS a UNION ALL SELECT {v} FROM standard.xml130_1",
    "SELECT * FROM standard.xml130_1 s, {t} AS a WHERE EXISTS (SELECT {v} FROM {t} AS b)",
    "SELECT (SELECT min(a.version_id) FROM {t} AS a), {v} FROM standard.xml130_1",
    "SELECT x FROM (SELECT {v} AS x FROM {t} AS a) AS q",
    "WITH c AS (SELECT {v} AS x FROM {t} AS a), d AS (WITH inner_only AS (SELECT 1 AS i) SELECT i FROM inner_only)"
    " SELECT x, i FROM c, d",
    "SELECT s.version_id FROM standard.xml130_1 s LEFT JOIN {t} AS a ON a.version_id = s.version_id AND {v} IS NULL",
    "SELECT version_id FROM standard.xml130_1"
    " QUALIFY rank() OVER (ORDER BY {v}) IN (SELECT a.version_id FROM {t} AS a)",
    "SELECT q.x FROM standard.xml130_1 s, LATERAL (SELECT {v} AS x FROM {t} AS a LIMIT 1) AS q",
]


ENGINE = duckdb.connect()


def _accepted(sql: str) -> tuple[str, set[str]] | None:
    """The rendered text and its stand-in names, or None when the statement was refused."""
    try:
        checked = check(sql, DATASETS)
        names = [relation.placeholder for relation in checked.relations] + checked.cte_names
        second_opinion(ENGINE, checked.text, names)
    except SqlRefused:
        return None
    return checked.text, set(names)


@settings(max_examples=some(250), deadline=None)
@given(
    st.sampled_from(SHAPES),
    st.sampled_from(GOOD_VALUES + BAD_VALUES),
    st.sampled_from(GOOD_TABLES + BAD_TABLES),
    st.sampled_from(["", "/* x */ ", "-- x\n"]),
)
def test_a_statement_passes_exactly_when_every_piece_is_honest(shape: str, value: str, table: str, note: str) -> None:
    base = "WITH base AS (SELECT 3 AS version_id) SELECT * FROM ({body}) AS whole"
    sql = note + base.format(body=shape.format(v=value, t=table))
    accepted = _accepted(sql)
    assert (accepted is not None) == (value in GOOD_VALUES and table in GOOD_TABLES), sql
    if accepted is not None:
        text, names = accepted
        assert ENGINE.get_table_names(text) <= names  # the engine's own list of the tables a text names
