"""Brings the scores of data quality up to date.

A stage of its own, after everything it reads: hourly by the worker, and by `bienho run`. Only weeks whose rows changed
are written. Scores are a function of the lake's current rows and the newest day of receipt; no clock is asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date

import duckdb
import pyarrow as pa

from bienho.contracts import catalogue
from bienho.lake import Lake
from bienho.pipeline.journal import read_journal
from bienho.pipeline.models import ModelRunner
from bienho.quality.scores import LOSS, READS, RESULT, Formula, standing, steps

STAGE = "scores"
SCORE, LOSSES, RUN = "quality.score", "quality.score_loss", "quality.score_run"
TABLES = (SCORE, LOSSES, RUN)
HELD = {SCORE: RESULT, LOSSES: LOSS}
"""Dataset → where a computation leaves its rows."""
_NEWEST = """
    SELECT DATE '1970-01-01' + CAST((epoch_ms(max(received_at)) + 25200000) // 86400000 AS INTEGER), max(delivery_seq)
    FROM lake.standard.delivery WHERE kind = 'xml130'
"""
_NEVER = date(1970, 1, 5)


def refresh(lake: Lake) -> bool:
    """Compute the scores again where something they follow has changed; True when they were computed."""
    if follows(lake):
        return False
    formula, (last, revision) = standing(), _state(lake)
    as_of, through = _newest(lake)
    sources = {name: _current(name) for name in READS}
    with computed(lake.connection, formula, as_of or _NEVER, sources):

        def work(writing: duckdb.DuckDBPyConnection) -> None:
            for name, held in HELD.items():
                _replace(writing, name, held)
            writing.execute(f"DELETE FROM lake.{RUN}")
            writing.execute(
                f"INSERT INTO lake.{RUN} BY NAME SELECT ? AS formula, ?::DATE AS as_of, ? AS through WHERE ?",
                [formula.name, as_of, through, as_of is not None],
            )
            writing.execute("DELETE FROM lake.journal.batch WHERE stage = ?", [STAGE])
            writing.execute(
                "INSERT INTO lake.journal.batch BY NAME SELECT ? AS batch_id, ? AS stage, ? AS model_revision",
                [last, STAGE, revision],
            )

        lake.commit(work, author="bienho-worker", message=f"{STAGE} {last}", deliveries=())
    return True


def made(lake: Lake) -> bool:
    """Whether this lake was ever scored."""
    return STAGE in read_journal(lake).stages


def follows(lake: Lake) -> bool:
    """Whether the scores there are those of today's formula over what is in the lake."""
    done = read_journal(lake).stages.get(STAGE)
    return done is not None and (done.batch_id, done.revision) == _state(lake)


@contextmanager
def computed(
    connection: duckdb.DuckDBPyConnection, formula: Formula, as_of: date, sources: Mapping[str, str | pa.Table]
) -> Iterator[None]:
    """The rows of `HELD` for the time of the block; `sources`: a query or rows for each of `READS`."""
    runner = ModelRunner(connection, [])
    runner.bind_queries({name: text for name, text in sources.items() if isinstance(text, str)})
    runner.bind_rows({name: rows for name, rows in sources.items() if not isinstance(rows, str)})
    runner.ready(READS)
    before = _temporary(connection)
    try:
        for name, table in formula.tables(as_of).items():
            connection.register("incoming", table)
            connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM incoming")
            connection.unregister("incoming")
        for statement in steps(formula, as_of):
            connection.execute(statement)
        yield
    finally:
        for name in _temporary(connection) - before:
            connection.execute(f"DROP TABLE temp.{name}")


def _temporary(connection: duckdb.DuckDBPyConnection) -> set[str]:
    rows = connection.execute("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall()
    return {name for (name,) in rows}


def _state(lake: Lake) -> tuple[int, str]:
    """(the newest batch that changed rows, what the scores are made of and by)."""
    journal = read_journal(lake)
    lists = journal.stages.get("reference")
    made_of = [journal.mapped_by or "", lists.revision or "" if lists else "", repr(_newest(lake))]
    made_by = [*steps(standing(), _NEVER), repr(standing())]
    return journal.last_change, hashlib.sha256("\0".join(made_of + made_by).encode()).hexdigest()[:16]


def _newest(lake: Lake) -> tuple[date | None, int | None]:
    """(local day of the newest receipt, its sequence) of what facilities sent."""
    as_of, through = lake.connection.execute(_NEWEST).fetchone() or (None, None)
    return as_of, through


def _current(name: str) -> str:
    query = f"SELECT {', '.join(READS[name])} FROM lake.{name}"
    return f"{query} ANTI JOIN lake.standard.superseded USING (version_id)" if catalogue()[name].versioned else query


def _replace(writing: duckdb.DuckDBPyConnection, name: str, held: str) -> None:
    """The rows of `held` in place of those in the lake, week by week and only where they differ."""
    columns = ", ".join(field.name for field in catalogue()[name].fields)
    there, made = f"SELECT {columns} FROM lake.{name}", f"SELECT {columns} FROM {held}"
    differ = f"({made} EXCEPT ALL {there}) UNION ALL ({there} EXCEPT ALL {made})"
    weeks = [week for (week,) in writing.execute(f"SELECT DISTINCT week_start FROM ({differ}) ORDER BY 1").fetchall()]
    if weeks:
        changed = "WHERE week_start IN (SELECT unnest(?::DATE[]))"
        writing.execute(f"DELETE FROM lake.{name} {changed}", [weeks])
        writing.execute(f"INSERT INTO lake.{name} BY NAME {made} {changed}", [weeks])
