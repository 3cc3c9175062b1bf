"""Brings `derived` up to date: whole touched partitions are computed again, never deltas (design 8.11)."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from bienho.contracts import catalogue
from bienho.contracts.models import Model
from bienho.indicators import models as indicator_models
from bienho.lake import Lake
from bienho.pipeline.journal import Journal, read_journal
from bienho.pipeline.models import ModelRunner, revision_of
from bienho.surveillance.cases import models as case_models


def derive(lake: Lake, conformed_revision: str, *, full: bool = False) -> int:
    """Recompute what the batches since each model's last run have touched; returns the number of models run.

    A model is computed whole when asked, when its SQL, that of `conformed` or a list it reads itself changed, when rows
    were rewritten by a replay or a remap, or when it has no partition.
    """
    runner = ModelRunner(lake.connection, (*indicator_models(), *case_models()))
    journal = read_journal(lake)
    last = journal.last_change
    ran = 0
    for model in runner.models:
        revision = f"{conformed_revision}+{revision_of([model])}{_lists(journal, model)}"
        done = last_run(journal, model.name, revision)
        if done is not None and done >= last and not full:
            continue
        # where rows were taken out since, the partitions they lay in can no longer be told from them
        whole = full or done is None or journal.last_rewrite > done
        _refresh(lake, model, None if whole else done, last, revision)
        ran += 1
    return ran


def _lists(journal: Journal, model: Model) -> str:
    """What the code lists were made of, for a model that reads any: a new list makes it whole again."""
    newest = journal.stages.get("reference")
    reads = any(name.startswith("reference.") for name in model.reads)
    return f"+{newest.revision}" if newest and reads else ""


def last_run(journal: Journal, name: str, revision: str) -> int | None:
    """The batch a model followed to when it last ran; None when it never ran, or last ran with another text.

    A text that comes back after another one does not find its old rows: the newest run stands for what is there.
    """
    newest = journal.stages.get(f"derived {name}")
    return newest.batch_id if newest and newest.revision == revision else None


def _refresh(lake: Lake, model: Model, since: int | None, last: int, revision: str) -> None:
    connection = lake.connection
    columns = model.partition if since is not None else ()
    touched = ""
    if columns:
        names = ", ".join(columns)
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE touched AS SELECT DISTINCT {names} FROM lake.conformed.encounter"
            " SEMI JOIN (SELECT version_id FROM lake.journal.change WHERE batch_id > ?) USING (version_id)",
            [since],
        )
        touched = f" SEMI JOIN temp.touched USING ({names})"
    single = ModelRunner(connection, [model])
    single.bind_queries({name: _current(name, touched, columns) for name in model.reads})
    temporary = single.compute()[model.name]

    def work(writing: duckdb.DuckDBPyConnection) -> None:
        if columns:
            match = " AND ".join(f"t.{name} IS NOT DISTINCT FROM d.{name}" for name in columns)
            writing.execute(
                f"DELETE FROM lake.{model.name} AS d WHERE EXISTS (SELECT 1 FROM temp.touched AS t WHERE {match})"
            )
        else:
            writing.execute(f"DELETE FROM lake.{model.name}")
        writing.execute(f"INSERT INTO lake.{model.name} BY NAME SELECT * FROM {temporary}")
        stage = f"derived {model.name}"
        if since is None:
            # computed again for the same batch: one row says by which text, or nobody could tell which came last
            writing.execute("DELETE FROM lake.journal.batch WHERE stage = ? AND batch_id = ?", [stage, last])
        writing.execute(
            "INSERT INTO lake.journal.batch BY NAME SELECT ? AS batch_id, ? AS stage, ? AS model_revision",
            [last, stage, revision],
        )

    lake.commit(work, author="bienho-worker", message=f"derived {model.name} {last}", deliveries=())


def _current(name: str, touched: str, columns: Sequence[str]) -> str:
    """The rows of a lake table a model may see: current versions, and only touched partitions where it has them."""
    contract = catalogue()[name]
    query = f"SELECT * FROM lake.{name}"
    if contract.versioned:
        query += " ANTI JOIN lake.standard.superseded USING (version_id)"
    if touched and set(columns) <= {field.name for field in contract.fields}:
        query += touched
    return query
