"""How the work stands: what waits, what runs, what failed; for pages, the doctor and whoever asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from bienho.config import Home, Limits
from bienho.database import Database, Role, storage_errors
from bienho.lake import RawStore
from bienho.pipeline.backlog import Backlog, measure, read_progress
from bienho.pipeline.catalog import current_catalog
from bienho.pipeline.worker.queue import TABLE, is_running

LATE = timedelta(minutes=15)
NIGHTLY_LATE = timedelta(hours=36)
State = Literal["running", "waiting", "again", "failed", "late", "done", "never"]
_READ = """
    SELECT task, status, attempts, scheduled_at, asked_at, started_at, ended_at FROM jobs.standing
    WHERE status IN ('todo', 'doing') OR ended_at IS NOT NULL ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class Job:
    """One job as the queue knows it."""

    task: str
    status: str
    attempts: int
    scheduled_at: datetime | None
    asked_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class KindStanding:
    """One kind of job. `since` is when the state began; `attempts` how often the job there was tried before."""

    name: str
    state: State
    since: datetime | None
    last_done: datetime | None
    attempts: int = 0

    @property
    def is_bad(self) -> bool:
        return self.state in ("failed", "late")


@dataclass(frozen=True, slots=True)
class Standing:
    """`derived_behind`: deliveries in the lake that `derived` does not count yet."""

    worker: bool
    backlog: Backlog
    is_full: bool
    derived_behind: int
    kinds: tuple[KindStanding, ...]


def standing(home: Home, database: Database, raw: RawStore, limits: Limits, now: datetime) -> Standing:
    """As of `now`, asked with the rights of the pages."""
    catalog = current_catalog(home)
    with database.connect(Role.WEB, autocommit=True) as connection, storage_errors(database.place):
        alive = is_running(connection)
        progress = read_progress(connection, catalog)
        backlog = measure(raw, connection, catalog)
        rows = [Job(*row) for row in connection.execute(_READ)]
    kinds = tuple(judge(name, [row for row in rows if row.task == name], alive, now) for name in TABLE)
    return Standing(alive, backlog, backlog.is_full(limits), progress.last_seq - progress.derived_seq, kinds)


def judge(name: str, rows: Sequence[Job], alive: bool, now: datetime) -> KindStanding:
    """The state of one kind by its jobs, the oldest first."""
    done = max((row.ended_at for row in rows if row.status == "succeeded" and row.ended_at), default=None)
    for row in rows:
        if row.status == "doing":
            # without a worker nobody is at it: it goes on when there is one
            return KindStanding(name, "running" if alive else "waiting", row.started_at, done, row.attempts)
    for row in rows:
        if row.status == "todo":
            due = max(row.scheduled_at or row.asked_at, row.asked_at)
            state: State = "late" if now - due > LATE else "again" if row.attempts else "waiting"
            return KindStanding(name, state, due, done, row.attempts)
    ended = [row for row in rows if row.ended_at]
    last = max(ended, key=lambda row: row.ended_at or now, default=None)
    if last is None:
        return KindStanding(name, "never", None, None)
    if last.status == "failed":
        return KindStanding(name, "failed", last.ended_at, done, last.attempts)
    if TABLE[name].cron and alive and done is not None and now - done > NIGHTLY_LATE:
        return KindStanding(name, "late", done, done)
    return KindStanding(name, "done", last.ended_at, done)
