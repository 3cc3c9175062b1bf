"""The rules over the rows of a batch, and over the whole lake again when rules, code lists or waivers changed.

Findings of rules are a function of `standard`, the texts of the vault and `reference`, as `conformed` is of `standard`
and `reference` (law 4). Checks that the lake alone can answer are asked again of the whole lake; those that must see a
text of the vault only while it is at hand: in the batch that brought it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cache

import duckdb
import pyarrow as pa

from bienho.contracts import catalogue
from bienho.pipeline.models import ModelRunner
from bienho.quality.rule_findings import check_words, findings_sql, judged_by
from bienho.quality.rule_judge import Plan, checks, judge, of_vault, plan
from bienho.quality.rule_lists import REFERENCES, CodeLists, presence
from bienho.quality.rule_model import Check
from bienho.quality.rule_rows import HEADS, MACROS
from bienho.standards.xml130 import TABLES, Versioned, columns

FOUND = "temp.rule_found"
TAKE_OUT = "DELETE FROM lake.quality.finding WHERE starts_with(code, 'RULE-')"
_CHUNK = 20_000
"""Dossiers judged at once over the whole lake: what bounds the memory of it."""


class RuleScan:
    """Reads the rules once per set of tables and lists, and judges the rows it is given.

    `as_of`: by the rules of that day, whatever the day of service.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, runner: ModelRunner, as_of: date | None = None) -> None:
        self._connection = connection
        self._as_of = as_of
        self._runner = runner
        self._present: frozenset[str] | None = None
        self._lists = CodeLists()
        connection.execute(MACROS)

    def forget_lists(self) -> None:
        """To be called when reference tables changed."""
        self._present = None
        self._lists = CodeLists()

    def run(self, tables: Mapping[str, pa.Table], versions: Sequence[Versioned]) -> dict[int, int]:
        """Judge a batch whose tables are bound; `FOUND` then holds its rows of `quality.finding`.

        Version → how many; empty when there are none, and `FOUND` may then not be there.
        """
        if not versions:
            return {}
        present = frozenset(table for table in TABLES if tables[columns.dataset_of(table)].num_rows)
        asked = self._plan(present)
        if not self._judge(asked, tables, columns.texts(versions, asked.texts)):
            return {}
        counted = self._connection.execute(f"SELECT version_id, count(*) FROM {FOUND} GROUP BY version_id")
        return dict(counted.fetchall())

    def again(self, counts: Mapping[str, int]) -> Callable[[duckdb.DuckDBPyConnection], None]:
        """Judge the whole lake by what it holds, a part at a time; what is given back puts the findings in, in a
        transaction. `counts`: dataset → rows of it.
        """
        present = frozenset(table for table in TABLES if counts[columns.dataset_of(table)])
        asked = self._plan(present, without=of_vault(checks(), self._ask))
        read = {columns.dataset_of(table): names for table, names in asked.columns.items()}
        versions = [
            one for (one,) in self._connection.execute(f"SELECT version_id FROM lake.{HEADS} ORDER BY 1").fetchall()
        ]
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE rule_all AS {_none()}")
        for start in range(0, len(versions), _CHUNK):
            part = versions[start : start + _CHUNK]
            within = f"WHERE version_id BETWEEN {part[0]} AND {part[-1]}"
            self._runner.bind_queries({HEADS: f"SELECT * FROM lake.{HEADS} {within}"})
            tables = {HEADS: self._connection.execute(f"FROM {HEADS}").to_arrow_table()}
            for name, fields in read.items():
                chosen = ", ".join(["version_id", "row_no", *(f'"{field}"' for field in fields)])
                tables[name] = self._connection.execute(f"SELECT {chosen} FROM lake.{name} {within}").to_arrow_table()
            self._judge(asked, tables, {})
            self._connection.execute(f"INSERT INTO rule_all BY NAME FROM {FOUND}")

        def work(connection: duckdb.DuckDBPyConnection) -> None:
            # what only a text of the vault could show was found when it was at hand, and stays
            stays = " OR ".join(
                f"(rule = {check.rule} AND table_name = '{check.table}' AND field = '{check.field}')"
                for check in of_vault(checks(), self._ask)
            )
            connection.execute(f"{TAKE_OUT} AND NOT ({stays})")
            connection.execute("INSERT INTO lake.quality.finding BY NAME FROM temp.rule_all")

        return work

    def _plan(self, present: frozenset[str], without: tuple[Check, ...] = ()) -> Plan:
        if self._present is None:
            self._runner.ready(REFERENCES)
            needed = frozenset(name for check in checks() for name in check.needs)
            self._present = frozenset(name for (name,) in self._connection.execute(presence(needed)).fetchall())
        asked = tuple(check for check in checks() if check not in without) if without else checks()
        return plan(asked, present, self._present, self._ask)

    def _ask(self, sql: str, incoming: pa.Table) -> pa.Table:
        self._connection.register("incoming", incoming)
        try:
            return self._connection.execute(sql).to_arrow_table()
        finally:
            self._connection.unregister("incoming")

    def _judge(self, asked: Plan, tables: Mapping[str, pa.Table], texts: Mapping[str, pa.Table]) -> int:
        connection = self._connection
        hits = judge(self._ask, asked, tables, texts, self._lists, self._as_of)
        if not hits.num_rows:
            connection.execute(f"CREATE OR REPLACE TEMP TABLE rule_found AS {_none()}")
            return 0
        for name, table in (("rule_hit", hits), ("rule_check", check_words(asked.checks))):
            # copied, as a runner copies what it binds: joins with what lies in Arrow may be refused
            connection.register("incoming", table)
            connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM incoming")
            connection.unregister("incoming")
        sql = findings_sql("temp.rule_hit", "temp.rule_check")
        connection.execute(f"CREATE OR REPLACE TEMP TABLE rule_found AS {sql}")
        row = connection.execute(f"SELECT count(*) FROM {FOUND}").fetchone()
        return int(row[0]) if row else 0


def revision_of(runner: ModelRunner) -> str:
    """What rows that follow from `standard` and `reference` were made by: models, casts, rules."""
    return f"{runner.revision}-{judged_by()}"


@cache
def _none() -> str:
    """Rows of findings, none of them."""
    columns = ", ".join(
        f'NULL::{field.physical_type} AS "{field.name}"' for field in catalogue()["quality.finding"].fields
    )
    return f"SELECT {columns} WHERE false"
