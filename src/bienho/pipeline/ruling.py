"""The rules over the rows of a batch, and over the whole lake again when rules, code lists or waivers changed.

Findings of rules are a function of `standard`, the texts of the vault and `reference`, as `conformed` is of `standard`
and `reference` (law 4). Checks that the lake alone can answer are asked again of the whole lake. Those that must see a
text of the vault are asked while it is at hand, in the batch that brought it; what they found is kept, waived or not,
so that a waiver made or ended since is followed without the text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cache

import duckdb
import pyarrow as pa

from bienho.contracts import catalogue
from bienho.core.garbage import give_back
from bienho.pipeline.models import ModelRunner
from bienho.pipeline.parts import parts
from bienho.quality.rule_findings import WAIVERS, check_words, findings_sql, judged_by, rule_revision, split_sql
from bienho.quality.rule_judge import Plan, checks, judge, of_vault, plan
from bienho.quality.rule_lists import REFERENCES, CodeLists, presence
from bienho.quality.rule_model import Check
from bienho.quality.rule_rows import HEADS, MACROS, days_of
from bienho.standards.xml130 import TABLES, Versioned, columns

FOUND, WAIVED = "temp.rule_found", "temp.rule_waived"
OPEN, EXCUSED = "quality.finding", "quality.finding_waived"
MADE = {OPEN: "temp.rule_open", EXCUSED: "temp.rule_excused"}
"""Dataset → where its rows gather while the whole lake is judged again."""


class RuleScan:
    """Reads the rules once per set of tables and lists, and judges the rows it is given.

    `as_of`: by the rules of that day, whatever the day of service.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, runner: ModelRunner, as_of: date | None = None) -> None:
        self._connection = connection
        self._as_of = as_of
        self._runner = runner
        self._present: frozenset[str] | None = None
        self._waivers = self.waived = False
        self._lists = CodeLists()
        connection.execute(MACROS)

    def forget_lists(self) -> None:
        """To be called when reference tables changed."""
        self._present = None
        self._lists = CodeLists()

    def run(self, tables: Mapping[str, pa.Table], versions: Sequence[Versioned]) -> dict[int, int]:
        """Judge a batch whose tables are bound; `FOUND` then holds its rows of `quality.finding`, and where `waived` is
        true `WAIVED` those of `quality.finding_waived`.

        Version → how many; empty when there are none, and `FOUND` may then not be there.
        """
        self.waived = False
        if not versions:
            return {}
        present = frozenset(table for table in TABLES if tables[columns.dataset_of(table)].num_rows)
        asked = self._plan(present)
        self._judge(asked, tables, columns.texts(versions, asked.texts))
        counted = self._connection.execute(f"SELECT version_id, count(*) FROM {FOUND} GROUP BY version_id").fetchall()
        return dict(counted)

    def again(self, counts: Mapping[str, int]) -> Callable[[duckdb.DuckDBPyConnection], None]:
        """Judge the whole lake by what it holds, a part at a time; what is given back puts the findings in, in a
        transaction. `counts`: dataset → rows of it.
        """
        present = frozenset(table for table in TABLES if counts[columns.dataset_of(table)])
        without = of_vault(checks(), self._ask)
        read = {columns.dataset_of(table): names for table, names in self._plan(present, without).columns.items()}
        run = self._connection.execute
        kept = self._keep(counts)
        for name in MADE.values():
            run(f"CREATE OR REPLACE TEMP TABLE {name.removeprefix('temp.')} AS {_none()}")
        for part in parts(self._connection):
            self._runner.bind_queries({HEADS: f"SELECT * FROM lake.{HEADS} WHERE {part}"})
            tables = {HEADS: run(f"FROM {HEADS}").to_arrow_table()}
            for name, fields in read.items():
                chosen = ", ".join(["version_id", "row_no", *(f'"{field}"' for field in fields)])
                tables[name] = run(f"SELECT {chosen} FROM lake.{name} WHERE {part}").to_arrow_table()
            # as in the batch that brought them: a check of a table is asked where there are rows of it
            absent = {
                table for table in present if (name := columns.dataset_of(table)) in read and not len(tables[name])
            }
            self._judge(self._plan(present - absent, without), tables, {})
            run(f"INSERT INTO {MADE[OPEN]} BY NAME FROM {FOUND}")
            if self.waived:
                run(f"INSERT INTO {MADE[EXCUSED]} BY NAME FROM {WAIVED}")
            if kept:
                self._copy("rule_day", days_of(self._ask, tables))
                for name, made in MADE.items():
                    run(f"INSERT INTO {made} BY NAME {split_sql('temp.rule_kept', 'temp.rule_day', name == EXCUSED)}")
            del tables
            give_back()

        def work(connection: duckdb.DuckDBPyConnection) -> None:
            for name, made in MADE.items():
                if counts[name]:
                    connection.execute(f"DELETE FROM lake.{name} WHERE starts_with(code, 'RULE-')")
                connection.execute(f"INSERT INTO lake.{name} BY NAME FROM {made}")

        return work

    def _keep(self, counts: Mapping[str, int]) -> bool:
        """Put what only texts of the vault showed, waived or not, into `temp.rule_kept`; whether there is any."""
        places = {(one.rule, one.table, one.field) for one in of_vault(checks(), self._ask)}
        which = " OR ".join(f"(rule = {n} AND table_name = '{t}' AND field = '{f}')" for n, t, f in sorted(places))
        every = [
            f"SELECT * REPLACE ({rule_revision()}::INTEGER AS rule_revision) FROM lake.{name} WHERE {which}"
            for name in MADE
            if counts[name]
        ]
        kept = " UNION ALL ".join(every) or _none()
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE rule_kept AS {kept}")
        return self._connection.execute("SELECT 1 FROM temp.rule_kept LIMIT 1").fetchone() is not None

    def _copy(self, name: str, table: pa.Table) -> None:
        """As a runner copies what it binds: joins with what lies in Arrow may be refused."""
        self._connection.register("incoming", table)
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM incoming")
        self._connection.unregister("incoming")

    def _plan(self, present: frozenset[str], without: tuple[Check, ...] = ()) -> Plan:
        if self._present is None:
            self._runner.ready(REFERENCES)
            needed = frozenset(name for check in checks() for name in check.needs)
            run = self._connection.execute
            self._present = frozenset(name for (name,) in run(presence(needed)).fetchall())
            self._waivers = run(f"SELECT 1 FROM {WAIVERS} LIMIT 1").fetchone() is not None
        asked = tuple(check for check in checks() if check not in without) if without else checks()
        return plan(asked, present, self._present, self._ask)

    def _ask(self, sql: str, incoming: pa.Table) -> pa.Table:
        self._connection.register("incoming", incoming)
        try:
            return self._connection.execute(sql).to_arrow_table()
        finally:
            self._connection.unregister("incoming")

    def _judge(self, asked: Plan, tables: Mapping[str, pa.Table], texts: Mapping[str, pa.Table]) -> None:
        hits = judge(self._ask, asked, tables, texts, self._lists, self._as_of)
        run = self._connection.execute
        self.waived = False
        if not hits.num_rows:
            run(f"CREATE OR REPLACE TEMP TABLE rule_found AS {_none()}")
            return
        self._runner.ready([HEADS])
        self._copy("rule_hit", hits)
        self._copy("rule_check", check_words(asked.checks))
        given = ("temp.rule_hit", "temp.rule_check")
        run(f"CREATE OR REPLACE TEMP TABLE rule_found AS {findings_sql(*given, False if self._waivers else None)}")
        if self._waivers:
            run(f"CREATE OR REPLACE TEMP TABLE rule_waived AS {findings_sql(*given, True)}")
            self.waived = run(f"SELECT 1 FROM {WAIVED} LIMIT 1").fetchone() is not None


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
