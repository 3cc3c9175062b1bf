"""Brings the scores of data quality up to date.

A stage of its own, after everything it reads. `refresh` computes everything, the rows that explain the scores too:
hourly by the worker, and by `bienho run`. Between two of them `follow` lets the scores themselves, not those rows,
follow each take-in: what came and what it replaced is added to and taken from the sums scores are computed from. Only
weeks whose rows changed are written. Scores are a function of the lake's current rows and the newest day of receipt; no
clock is asked.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date

import duckdb
import pyarrow as pa

from bienho.contracts import catalogue
from bienho.lake import SUPERSEDED, Lake
from bienho.pipeline import journal as journals
from bienho.pipeline.journal import Journal, read_journal
from bienho.pipeline.models import ModelRunner
from bienho.pipeline.score_changes import since
from bienho.pipeline.score_sums import FIGURES, KEYS, Standing, Sums
from bienho.quality.scores import (
    DAY,
    KEPT,
    KEPT_COLUMNS,
    LOSS,
    READS,
    RESULT,
    SUM,
    Formula,
    changed,
    judged,
    standing,
    steps,
)

STAGE = "scores"
SCORE, LOSSES, RUN = "quality.score", "quality.score_loss", "quality.score_run"
TABLES = (SCORE, LOSSES, RUN)
HELD = {SCORE: RESULT, LOSSES: LOSS}
"""Dataset → where a computation leaves its rows."""
_NEWEST = """
    SELECT DATE '1970-01-01' + CAST((epoch_ms(max(received_at)) + 25200000) // 86400000 AS INTEGER), max(delivery_seq)
    FROM lake.standard.delivery WHERE kind = 'xml130' AND delivery_seq > {after}
"""
_NEVER = date(1970, 1, 5)
_MADE = re.compile(r"CREATE OR REPLACE TEMP TABLE (\w+)")
_LEFT = ("score_sum_stored", "score_sum_moved", "score_day_stored", "score_day_moved", "score_kept")


def refresh(lake: Lake, sums: Sums | None = None) -> bool:
    """Compute the scores again where something they follow has changed; True when they were computed.

    With `sums` these are counted anew with them, and computed too where they are no use to `follow`.
    """
    if follows(lake) and (sums is None or _usable(lake, sums.standing())):
        return False
    formula, (last, revision) = standing(), _state(lake)
    as_of, through = _newest(lake)
    journal, counts = read_journal(lake), lake.table_counts()
    sources = {name: _current(name, counts) for name in READS}
    with computed(lake.connection, formula, as_of or _NEVER, sources):

        def work(writing: duckdb.DuckDBPyConnection) -> None:
            for name, held in HELD.items():
                _replace(writing, name, held, there=bool(counts[name]))
            _note_run(writing, formula, as_of, through, through)
            writing.execute("DELETE FROM lake.journal.batch WHERE stage = ?", [STAGE])
            writing.execute(
                "INSERT INTO lake.journal.batch BY NAME SELECT ? AS batch_id, ? AS stage, ? AS model_revision",
                [last, STAGE, revision],
            )

        lake.commit(work, author="bienho-worker", message=f"{STAGE} {last}", deliveries=())
        if sums is not None:
            stands = Standing(journal.last_change, journal.last_seq, as_of, through, _made_of(journal))
            sums.put(stands, _counted(lake.connection), whole=True)
    return True


def follow(lake: Lake, sums: Sums) -> bool:
    """Let the scores follow what was taken in since they were computed; False where only `refresh` can do that: never
    counted, another formula, another code list or model, rows rewritten."""
    known, journal = sums.standing(), read_journal(lake)
    if known is None or not _usable(lake, known):
        return False
    if journal.last_seq == known.last_seq:
        return True
    formula = standing()
    day, seq = _newest(lake, known.last_seq)
    as_of = max((one for one in (known.as_of, day) if one is not None), default=None)
    through = seq if seq is not None else known.through
    stands = Standing(journal.last_change, journal.last_seq, as_of, through, known.made_of)
    with (
        lake.single_threaded(),
        since(lake, known) as sources,
        _bound(lake.connection, formula, as_of or _NEVER, sources),
    ):
        for statement in changed(formula, as_of or _NEVER):
            lake.connection.execute(statement)
        # on another day every facility's weeks stand otherwise
        only = _keep_others(lake.connection) if as_of == known.as_of else None
        touched = _added(lake.connection, sums.read(only), formula, as_of or _NEVER)
        for statement in judged(formula, as_of or _NEVER, kept=only is not None):
            lake.connection.execute(statement)

        def work(writing: duckdb.DuckDBPyConnection) -> None:
            _replace(writing, SCORE, RESULT)
            told = writing.execute(f"SELECT losses_through FROM lake.{RUN}").fetchone()
            _note_run(writing, formula, as_of, through, told[0] if told else None)

        before = lake.commits
        lake.commit(work, author="bienho-worker", message=f"{STAGE} so far {journal.last_change}", deliveries=())
        journals.follow(lake, before, {})
        # after the lake: killed in between, the same is counted again from where the sums stand
        sums.put(stands, touched, whole=False)
    return True


def made(lake: Lake) -> bool:
    """Whether this lake was ever scored."""
    return STAGE in read_journal(lake).stages


def follows(lake: Lake) -> bool:
    """Whether the scores there are those of today's formula over what is in the lake, and explained to their end."""
    done = read_journal(lake).stages.get(STAGE)
    return done is not None and (done.batch_id, done.revision) == _state(lake)


@contextmanager
def computed(
    connection: duckdb.DuckDBPyConnection, formula: Formula, as_of: date, sources: Mapping[str, str | pa.Table]
) -> Iterator[None]:
    """The rows of `HELD` for the time of the block; `sources`: a query or rows for each of `READS`."""
    with _bound(connection, formula, as_of, sources):
        for statement in steps(formula, as_of):
            connection.execute(statement)
        yield


@contextmanager
def _bound(
    connection: duckdb.DuckDBPyConnection, formula: Formula, as_of: date, sources: Mapping[str, str | pa.Table]
) -> Iterator[None]:
    """What the steps read, by name, for the time of the block; tables they leave go with it."""
    runner = ModelRunner(connection, [])
    runner.bind_queries({name: text for name, text in sources.items() if isinstance(text, str)})
    runner.bind_rows({name: rows for name, rows in sources.items() if not isinstance(rows, str)})
    runner.ready(READS)
    given = formula.tables(as_of)
    try:
        for name, table in given.items():
            _copy(connection, name, table)
        yield
    finally:
        # by name: to ask DuckDB for its temporary tables lists those of the lake too, a quarter of a second
        for name in (*given, *_MADE.findall("".join(steps(formula, as_of))), *_LEFT):
            connection.execute(f"DROP TABLE IF EXISTS temp.{name}")


def _copy(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    connection.register("incoming", table)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM incoming")
    connection.unregister("incoming")


def _added(
    connection: duckdb.DuckDBPyConnection, stored: Mapping[str, pa.Table], formula: Formula, as_of: date
) -> dict[str, pa.Table]:
    """Let `SUM` and `DAY`, which hold by how much they change, become what they are now; those that changed."""
    first = formula.first_week(as_of)
    touched = {}
    for name, table in stored.items():
        key, short = ", ".join(KEYS[name]), name.removeprefix("temp.")
        _copy(connection, f"{short}_stored", table)
        figures = ", ".join(f"CAST(sum({figure}) AS BIGINT) AS {figure}" for figure in FIGURES[name])
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {short}_moved AS SELECT DISTINCT {key} FROM {name}")
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {short} AS SELECT {key}, {figures}"
            f" FROM (FROM temp.{short}_stored UNION ALL BY NAME FROM {name}) GROUP BY ALL"
        )
        touched[name] = connection.execute(f"FROM {name} SEMI JOIN temp.{short}_moved USING ({key})").to_arrow_table()
    # weeks and days that have left the window since they were counted
    connection.execute(f"DELETE FROM {SUM} WHERE week_start < ?", [first])
    connection.execute(f"DELETE FROM {DAY} WHERE day < ?", [formula.first_counted(as_of)])
    return touched


def _keep_others(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The facilities of which something came; the scores of all others, as they stand, into `KEPT`."""
    names = f"SELECT facility_code FROM {SUM} UNION SELECT facility_code FROM {DAY}"
    found = [name for (name,) in connection.execute(names).fetchall()]
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {KEPT.removeprefix('temp.')} AS SELECT {', '.join(KEPT_COLUMNS)}"
        f" FROM lake.{SCORE} WHERE facility_code NOT IN (SELECT unnest(?::VARCHAR[]))",
        [found],
    )
    return found


def _counted(connection: duckdb.DuckDBPyConnection) -> dict[str, pa.Table]:
    return {name: connection.execute(f"FROM {name}").to_arrow_table() for name in KEYS}


def _usable(lake: Lake, known: Standing | None) -> bool:
    """Whether what came since `known` can be added to it."""
    journal = read_journal(lake)
    if known is None or known.made_of != _made_of(journal) or journal.last_rewrite > known.batch_id:
        return False
    twin = journal.stages.get("twin")  # rows without a receipt
    return made(lake) and known.batch_id <= journal.last_change and (twin is None or twin.batch_id <= known.batch_id)


def _made_of(journal: Journal) -> str:
    """Names what the sums are made of and by, apart from the dossiers and how they were mapped: another mapping
    rewrites rows, which the journal tells."""
    lists = journal.stages.get("reference")
    made_by = [*steps(standing(), _NEVER), repr(standing())]
    return hashlib.sha256("\0".join([lists.revision or "" if lists else "", *made_by]).encode()).hexdigest()[:16]


def _state(lake: Lake) -> tuple[int, str]:
    """(the newest batch that changed rows, what the scores are made of and by)."""
    journal = read_journal(lake)
    told = f"{journal.mapped_by or ''}\0{_made_of(journal)}\0{_newest(lake)!r}"
    return journal.last_change, hashlib.sha256(told.encode()).hexdigest()[:16]


def _newest(lake: Lake, after: int = 0) -> tuple[date | None, int | None]:
    """(local day of the newest receipt, its sequence) of what facilities sent `after` a receipt."""
    as_of, through = lake.connection.execute(_NEWEST.format(after=after)).fetchone() or (None, None)
    return as_of, through


def _current(name: str, counts: Mapping[str, int]) -> str | pa.Table:
    """The current rows of a dataset; of one without rows not even a query: to scan it takes longer than a full one."""
    contract = catalogue()[name]
    if not counts[name]:
        return contract.arrow_schema().empty_table()
    query = f"SELECT {', '.join(READS[name])} FROM lake.{name}"
    replaced = contract.versioned and counts[SUPERSEDED]
    return f"{query} ANTI JOIN lake.{SUPERSEDED} USING (version_id)" if replaced else query


def _note_run(
    writing: duckdb.DuckDBPyConnection, formula: Formula, as_of: date | None, through: int | None, losses: int | None
) -> None:
    writing.execute(f"DELETE FROM lake.{RUN}")
    writing.execute(
        f"INSERT INTO lake.{RUN} BY NAME"
        " SELECT ? AS formula, ?::DATE AS as_of, ? AS through, ?::BIGINT AS losses_through WHERE ?",
        [formula.name, as_of, through, losses, as_of is not None],
    )


def _replace(writing: duckdb.DuckDBPyConnection, name: str, held: str, *, there: bool = True) -> None:
    """The rows of `held` in place of those in the lake, week by week and only where they differ."""
    if not there:
        writing.execute(f"INSERT INTO lake.{name} BY NAME SELECT * FROM {held}")
        return
    columns = ", ".join(field.name for field in catalogue()[name].fields)
    now, made = f"SELECT {columns} FROM lake.{name}", f"SELECT {columns} FROM {held}"
    differ = f"({made} EXCEPT ALL {now}) UNION ALL ({now} EXCEPT ALL {made})"
    weeks = [week for (week,) in writing.execute(f"SELECT DISTINCT week_start FROM ({differ}) ORDER BY 1").fetchall()]
    if weeks:
        those = "WHERE week_start IN (SELECT unnest(?::DATE[]))"
        writing.execute(f"DELETE FROM lake.{name} {those}", [weeks])
        writing.execute(f"INSERT INTO lake.{name} BY NAME {made} {those}", [weeks])
