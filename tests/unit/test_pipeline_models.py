"""Which models run: one none of whose rows are in a batch does not, one whose text changed does."""

from __future__ import annotations

import itertools
import random
import unicodedata
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from bienho.contracts import casts, catalogue
from bienho.contracts.models import Model
from bienho.indicators import models as indicator_models
from bienho.pipeline import models as pipeline_models
from bienho.pipeline.derive import derive
from bienho.pipeline.models import ModelRunner, rows_of
from bienho.standards.xml130.map import models
from bienho.surveillance.cases import models as case_models
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

    assert {"conformed.tb_care", "conformed.unmapped"} == run(tb)
    assert held("conformed.tb_care") + held("conformed.unmapped") == 1
    assert run({}) == set()
    assert held("conformed.tb_care") + held("conformed.unmapped") == 0


_numbers = itertools.count()


class Tables:
    """A lake's tables in memory, as far as `derive` asks for them."""

    def __init__(self) -> None:
        self.commits = 0
        self.data_path = Path(f"lake-{next(_numbers)}")
        self.connection = duckdb.connect()
        self.connection.execute("ATTACH ':memory:' AS lake")
        for contract in catalogue().values():
            columns = ", ".join(f'"{field.name}" {field.physical_type}' for field in contract.fields)
            self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS lake.{contract.zone}")
            self.connection.execute(f"CREATE TABLE lake.{contract.id} ({columns})")

    def take(self, name: str, table: pa.Table) -> None:
        self.commits += 1
        self.connection.register("incoming", table)
        self.connection.execute(f"INSERT INTO lake.{name} BY NAME SELECT * FROM incoming")

    def commit(self, work: Callable[[duckdb.DuckDBPyConnection], None], **_: Any) -> None:
        self.commits += 1
        work(self.connection)


def test_texts_composed_once_give_the_same_and_are_not_what_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name in pieces, with blanks, a mark and nothing at all, each said by several rows."""
    name, table = "standard.xml130_4", "conformed.observation"
    words = ["Hồng cầu", unicodedata.normalize("NFD", "Hồng cầu"), "\u00a0Tế bào ", " * ", " \t", "", None, "Máu*"]
    rows = [
        {"version_id": 1_000_001, "row_no": place + 1, "MA_CHI_SO": "A1", "TEN_CHI_SO": word, "GIA_TRI": "5"}
        for place, word in enumerate(words * 3)
    ]
    given = arrow_rows(name, rows)
    made = {}
    for many in (1, 10**9):
        monkeypatch.setattr(pipeline_models, "MANY", many)
        monkeypatch.setattr(pipeline_models, "SHARED", 2)
        one = runner([model for model in models() if model.name == table])
        one.bind_rows({name: given})
        one.bind_empty(other for other in TABLES if other != name)
        run = one._connection.execute
        made[many] = run(f"FROM {one.compute()[table]} ORDER BY ALL").fetchall()
        held = run(f"SELECT DISTINCT TEN_CHI_SO FROM memory.{name}").fetchall()
        assert (len(held) < len(words)) == (many == 1)
        run("ATTACH ':memory:' AS lake; CREATE SCHEMA lake.standard")
        run(catalogue()[name].ddl())
        one.store_rows(one._connection, [name])
        stored = run(f"SELECT TEN_CHI_SO FROM lake.{name} ORDER BY row_no").fetchall()
        assert [text for (text,) in stored] == words * 3
    assert made[1] == made[10**9] != []


def test_a_text_that_comes_back_computes_again() -> None:
    """An upgrade and the way back with nothing received between: the numbers there are those of the other text."""
    lake: Any = Tables()
    assert [derive(lake, revision) for revision in ("one", "one", "two", "one", "one")] == [3, 0, 3, 3, 0]
    assert [derive(lake, "one", full=True) for _ in range(2)] == [3, 3]
    assert lake.connection.execute("SELECT count(*) FROM lake.journal.batch").fetchone() == (3,)


def test_a_model_follows_the_lists_it_reads() -> None:
    lake: Any = Tables()
    derive(lake, "one")
    for state in ("a", "b"):
        row = {"batch_id": 0, "stage": "reference", "model_revision": state}
        lake.connection.execute("DELETE FROM lake.journal.batch WHERE stage = 'reference'")
        lake.take("journal.batch", arrow_rows("journal.batch", [row]))
        assert [derive(lake, "one") for _ in range(2)] == [2, 0]


def test_cases_followed_batch_by_batch_are_those_computed_whole() -> None:
    """Visits that come late, move in time, lose their diagnosis or their person, in batches."""
    chance = random.Random(5)
    lake: Any = Tables()
    run = lake.connection.execute
    run(casts.MACROS)
    lake.take("reference.notifiable", built_in()["reference.notifiable"])
    tables = ("notifiable_visit", "notifiable_case")
    current: dict[int, int] = {}
    for batch in range(1, 6):
        given: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for seq in range(batch * 40, batch * 40 + 40):
            version, dossier, code = (
                seq * 1_000_000,
                chance.randrange(60),
                chance.choice(["A97.0", "A97.0", "B05.9", "I10.0"]),
            )
            day = date(2026, 1, 1) + timedelta(days=chance.randrange(200))
            head = {"version_id": version, "patient_key": f"p{chance.randrange(9)}", "facility_code": "52001"}
            head |= {"encounter_key": f"k{dossier}", "service_date": day}
            given["conformed.encounter"].append(head | {"commune_divided": False})
            given["conformed.condition"].append(head | {"icd10": code, "category3": code[:3], "rank": 1})
            received = datetime(2026, 1, 1, 5, tzinfo=UTC) + timedelta(days=batch)
            given["standard.delivery"].append({"delivery_seq": seq, "received_at": received})
            given["journal.change"].append({"batch_id": batch, "version_id": version})
            if before := current.get(dossier):
                given["standard.superseded"].append({"version_id": before, "dossier_key": f"k{dossier}"})
                given["journal.change"].append({"batch_id": batch, "version_id": before})
            current[dossier] = version
        given["journal.batch"].append({"batch_id": batch, "stage": "ingest", "versions": 40})
        for name, rows in given.items():
            lake.take(name, arrow_rows(name, rows))
        derive(lake, "one")
        visits, step = (run(f"FROM lake.derived.{name} ORDER BY ALL").fetchall() for name in tables)
        derive(lake, "one", full=True)
        assert [visits, step] == [run(f"FROM lake.derived.{name} ORDER BY ALL").fetchall() for name in tables]
    assert len(step) > 10


def test_what_concerns_no_model_is_not_looked_at_again() -> None:
    """A visit without a listed diagnosis changes its week, and leaves the cases of its patient as they are."""
    lake: Any = Tables()
    run = lake.connection.execute
    run(casts.MACROS)
    lake.take("reference.notifiable", built_in()["reference.notifiable"])
    seen = []
    for batch, code in enumerate(("A97.0", "I10.0", "A97.0"), start=1):
        head = {"version_id": batch * 1_000_000, "patient_key": "p", "facility_code": "52001", "encounter_key": code}
        head |= {"service_date": date(2026, 1, batch), "week_start": date(2025, 12, 29), "commune_divided": False}
        lake.take("conformed.encounter", arrow_rows("conformed.encounter", [head]))
        said = {key: head[key] for key in ("version_id", "service_date")}
        said |= {"icd10": code, "category3": code[:3], "rank": 1}
        lake.take("conformed.condition", arrow_rows("conformed.condition", [said]))
        received = {"delivery_seq": batch, "received_at": datetime(2026, 1, batch, tzinfo=UTC)}
        lake.take("standard.delivery", arrow_rows("standard.delivery", [received]))
        lake.take(
            "journal.change", arrow_rows("journal.change", [{"batch_id": batch, "version_id": batch * 1_000_000}])
        )
        row = {"batch_id": batch, "stage": "ingest", "versions": 1}
        lake.take("journal.batch", arrow_rows("journal.batch", [row]))
        assert derive(lake, "one") == 3
        if batch == 1:  # marked, to see whether it is computed again
            run("UPDATE lake.derived.notifiable_case SET episode = 77")
        seen.append(run("SELECT episode, encounters FROM lake.derived.notifiable_case").fetchall())
    assert seen == [[(77, 1)], [(77, 1)], [(1, 2)]]
    assert run("SELECT sum(encounters) FROM lake.derived.facility_week_chapter").fetchone() == (3,)


def test_what_a_derived_model_reads_of_another_is_by_version() -> None:
    """Else what came into it or went from it could not be told, and no more than one of them."""
    made = {model.name: model for model in (*indicator_models(), *case_models())}
    sources = {name: sorted(made.keys() & set(model.reads)) for name, model in made.items()}
    assert sources["derived.notifiable_case"] == ["derived.notifiable_visit"]
    for read in filter(None, sources.values()):
        (source,) = read
        assert made[source].partition == ("version_id",)
        assert not sources[source]
