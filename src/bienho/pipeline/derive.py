"""Brings `derived` up to date: whole touched partitions are computed again, never deltas (design 8.11)."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from bienho.contracts import catalogue
from bienho.contracts.models import Model
from bienho.indicators import models as indicator_models
from bienho.lake import Lake
from bienho.pipeline.models import ModelRunner


def derive(lake: Lake, conformed_revision: str, *, full: bool = False) -> int:
    """Recompute what the batches since each model's last run have touched; returns the number of models run.

    A model is computed whole when asked, when its SQL or that of `conformed` changed, when rows were rewritten by a
    replay or a remap, or when it has no partition.
    """
    connection = lake.connection
    runner = ModelRunner(connection, indicator_models())
    last = _number(
        connection,
        "SELECT coalesce(max(batch_id), 0) FROM (SELECT batch_id FROM lake.journal.change UNION ALL"
        " SELECT batch_id FROM lake.journal.batch WHERE stage IN ('replay', 'remap', 'erase'))",
    )
    ran = 0
    for model in runner.models:
        revision = f"{conformed_revision}+{ModelRunner(connection, [model]).revision}"
        done = last_run(connection, model.name, revision)
        if done is not None and done >= last and not full:
            continue
        whole = full or done is None or _rewritten(connection, done)
        _refresh(lake, model, None if whole else done, last, revision)
        ran += 1
    return ran


def last_run(connection: duckdb.DuckDBPyConnection, name: str, revision: str) -> int | None:
    """The batch a model followed to when it last ran; None when it never ran, or last ran with another text.

    A text that comes back after another one does not find its old rows: the newest run stands for what is there.
    """
    newest = connection.execute(
        "SELECT batch_id, model_revision FROM lake.journal.batch WHERE stage = ? ORDER BY batch_id DESC LIMIT 1",
        [f"derived {name}"],
    ).fetchone()
    return int(newest[0]) if newest and newest[1] == revision else None


def _rewritten(connection: duckdb.DuckDBPyConnection, since: int) -> bool:
    """Whether rows were taken out since a batch: the partitions they lay in can no longer be told from them."""
    return bool(
        _number(
            connection,
            "SELECT count(*) FROM lake.journal.batch"
            f" WHERE stage IN ('replay', 'remap', 'erase') AND batch_id > {int(since)}",
        )
    )


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


def _number(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0
