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
from bienho.quality.rule_lists import REFERENCES, presence
from bienho.quality.rule_sql import MACROS, Compiled, checks, compile_checks, text_checks
from bienho.standards.xml130 import TABLES, Versioned, columns

FOUND = "temp.rule_found"
TAKE_OUT = "DELETE FROM lake.quality.finding WHERE starts_with(code, 'RULE-')"
HEADS = "standard.xml130_dossier"
_CHUNK = 20_000
"""Dossiers judged at once over the whole lake: what bounds the memory of it."""


class RuleScan:
    """Compiles once per set of tables and lists, and judges the rows that a runner has bound.

    `as_of`: by the rules of that day, whatever the day of service.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, runner: ModelRunner, as_of: date | None = None) -> None:
        self._connection = connection
        self._as_of = as_of
        self._runner = runner
        self._lists: frozenset[str] | None = None
        self._compiled: dict[tuple[bool, frozenset[str]], Compiled] = {}
        connection.execute(MACROS)
        connection.execute("CREATE SCHEMA IF NOT EXISTS memory.text")

    def forget_lists(self) -> None:
        """To be called when reference tables changed."""
        self._lists = None
        self._compiled.clear()

    def run(self, tables: Mapping[str, pa.Table], versions: Sequence[Versioned]) -> dict[int, int]:
        """Judge a batch whose tables are bound; `FOUND` then holds its rows of `quality.finding`.

        Version → how many; empty when there are none, and `FOUND` may then not be there.
        """
        if not versions:
            return {}
        present = frozenset(table for table in TABLES if tables[columns.dataset_of(table)].num_rows)
        compiled = self._compile(True, present)
        for name, table in columns.texts(versions, compiled.texts).items():
            self._connection.register("incoming", table)
            self._connection.execute(f"CREATE OR REPLACE TABLE memory.{name} AS SELECT * FROM incoming")
            self._connection.unregister("incoming")
        try:
            if not self._judge(compiled):
                return {}
            counted = self._connection.execute(f"SELECT version_id, count(*) FROM {FOUND} GROUP BY version_id")
            return dict(counted.fetchall())
        finally:
            for table in compiled.texts:
                self._connection.execute(f"DROP TABLE memory.text.xml130_{table.removeprefix('XML')}")

    def again(self, counts: Mapping[str, int]) -> Callable[[duckdb.DuckDBPyConnection], None]:
        """Judge the whole lake by what it holds, a part at a time; what is given back puts the findings in, in a
        transaction. `counts`: dataset → rows of it.
        """
        present = frozenset(table for table in TABLES if counts[columns.dataset_of(table)])
        compiled = self._compile(False, present)
        versions = [
            one for (one,) in self._connection.execute(f"SELECT version_id FROM lake.{HEADS} ORDER BY 1").fetchall()
        ]
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE rule_all AS {_none()}")
        for start in range(0, len(versions), _CHUNK):
            part = versions[start : start + _CHUNK]
            names = [HEADS, *map(columns.dataset_of, sorted(present))]
            within = f"WHERE version_id BETWEEN {part[0]} AND {part[-1]}"
            self._runner.bind_queries({name: f"SELECT * FROM lake.{name} {within}" for name in names})
            self._judge(compiled)
            self._connection.execute(f"INSERT INTO rule_all BY NAME FROM {FOUND}")

        def work(connection: duckdb.DuckDBPyConnection) -> None:
            # what only a text of the vault could show was found when it was at hand, and stays
            stays = " OR ".join(
                f"(rule = {check.rule} AND table_name = '{check.table}' AND field = '{check.field}')"
                for check in text_checks()
            )
            connection.execute(f"{TAKE_OUT} AND NOT ({stays})")
            connection.execute("INSERT INTO lake.quality.finding BY NAME FROM temp.rule_all")

        return work

    def _compile(self, texts: bool, present: frozenset[str]) -> Compiled:
        if self._lists is None:
            self._runner.ready(REFERENCES)
            needed = frozenset(name for check in checks(True) for name in check.needs)
            self._lists = frozenset(name for (name,) in self._connection.execute(presence(needed)).fetchall())
        key = (texts, present)
        if key not in self._compiled:
            self._compiled[key] = compile_checks(checks(texts), present, self._lists, self._as_of)
        return self._compiled[key]

    def _judge(self, compiled: Compiled) -> int:
        connection = self._connection
        connection.execute(f"CREATE OR REPLACE TEMP TABLE rule_hit AS {compiled.sql}")
        row = connection.execute("SELECT count(*) FROM rule_hit").fetchone()
        if row and row[0]:
            connection.register("incoming", check_words(compiled.checks))
            connection.execute("CREATE OR REPLACE TEMP TABLE rule_check AS SELECT * FROM incoming")
            connection.unregister("incoming")
            sql = findings_sql("temp.rule_hit", "temp.rule_check")
            connection.execute(f"CREATE OR REPLACE TEMP TABLE rule_found AS {sql}")
        else:
            connection.execute(f"CREATE OR REPLACE TEMP TABLE rule_found AS {_none()}")
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
