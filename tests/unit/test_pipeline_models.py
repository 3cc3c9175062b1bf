"""Which models run: one none of whose rows are in a batch does not, one whose text changed does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import pytest

from bienho.contracts import casts, catalogue
from bienho.contracts.models import Model
from bienho.pipeline.derive import derive
from bienho.pipeline.models import ModelRunner, rows_of
from bienho.standards.xml130.map import models
from support.model_runner import arrow_rows, built_in, dossier

DOSSIER = "standard.xml130_dossier"
TABLES = [f"standard.xml130_{number}" for number in range(16)]


def runner(given: list[Model]) -> ModelRunner:
    connection = duckdb.connect()
    connection.execute(casts.MACROS)
    made = ModelRunner(connection, given)
    made.bind_rows(built_in())
    made.bind_rows({DOSSIER: arrow_rows(DOSSIER, [dossier(1_000_001)])})
    return made


@pytest.mark.parametrize("model", [one for one in models() if rows_of(one)], ids=lambda one: one.name)
def test_heads_and_lists_alone_give_no_row(model: Model) -> None:
    """The other inputs are there as empty queries, which the runner does not know to be empty."""
    made = runner([model])
    made.bind_queries(
        {name: f"SELECT * FROM (SELECT * FROM {_table(name)}) WHERE false" for name in sorted(rows_of(model))}
    )
    outputs = made.compute()
    assert list(outputs) == [model.name]
    assert made._connection.execute(f"SELECT count(*) FROM {outputs[model.name]}").fetchone() == (0,)


def _table(name: str) -> str:
    """Something with the columns of a dataset."""
    schema = arrow_rows(name, []).schema
    kinds = {"string": "VARCHAR", "int64": "BIGINT", "int32": "INTEGER", "bool": "BOOLEAN", "date32[day]": "DATE"}
    columns = ", ".join(f'NULL::{kinds.get(str(field.type), "VARCHAR")} AS "{field.name}"' for field in schema)
    return f"(SELECT {columns})"


def test_only_models_with_rows_run_and_a_later_batch_is_not_told_of_an_earlier_one() -> None:
    made = runner(models())
    empty = {name: arrow_rows(name, []) for name in TABLES}
    tb = {"standard.xml130_15": arrow_rows("standard.xml130_15", [{"version_id": 1_000_001, "row_no": 1}])}

    def run(tables: dict) -> set[str]:
        made.bind_rows({**empty, **tables})
        return set(made.compute())

    def held(name: str) -> int:
        return made._connection.execute(f"SELECT count(*) FROM memory.{name}").fetchone()[0]

    assert {"conformed.tb_care", "conformed.unmapped", "conformed.person_link"} == run(tb)
    assert held("conformed.tb_care") + held("conformed.unmapped") == 1
    assert run({}) == {"conformed.person_link"}
    assert held("conformed.tb_care") + held("conformed.unmapped") == 0


class Tables:
    """A lake's tables in memory, as far as `derive` asks for them."""

    def __init__(self) -> None:
        self.commits = 0
        self.connection = duckdb.connect()
        self.connection.execute("ATTACH ':memory:' AS lake")
        for contract in catalogue().values():
            columns = ", ".join(f'"{field.name}" {field.physical_type}' for field in contract.fields)
            self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS lake.{contract.zone}")
            self.connection.execute(f"CREATE TABLE lake.{contract.id} ({columns})")

    def commit(self, work: Callable[[duckdb.DuckDBPyConnection], None], **_: Any) -> None:
        self.commits += 1
        work(self.connection)


def test_a_text_that_comes_back_computes_again() -> None:
    """An upgrade and the way back with nothing received between: the numbers there are those of the other text."""
    lake: Any = Tables()
    assert [derive(lake, revision) for revision in ("one", "one", "two", "one", "one")] == [1, 0, 1, 1, 0]
    assert [derive(lake, "one", full=True) for _ in range(2)] == [1, 1]
    assert lake.connection.execute("SELECT count(*) FROM lake.journal.batch").fetchone() == (1,)
