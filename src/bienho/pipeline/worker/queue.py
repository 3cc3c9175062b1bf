"""The queue: what kinds of jobs there are, asking for one, and whether a worker is there to do it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

import psycopg

from bienho.core.deferred import deferred
from bienho.core.errors import BusyError
from bienho.database import Database, Role
from bienho.database.failures import stopped

if TYPE_CHECKING:
    import procrastinate
else:
    procrastinate = deferred("procrastinate")

QUEUE = "bienho"
WRITER = "writer"
PRESENCE_LOCK = 7_206_004
TAKE_IN, DERIVE, SIGNATURES, DROP, OUTGOING, REPORTS, LINK, NOTICES, SCORES, COMPACT, RETAIN, CLEAN, PRUNE = KINDS = (
    "take-in",
    "derive",
    "signatures",
    "drop",
    "outgoing",
    "reports",
    "link",
    "notices",
    "scores",
    "compact",
    "retain",
    "clean",
    "prune",
)
_PRESENT = """
    SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = %s
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of job. Of one `lock` one job runs at a time; `priority`: higher first, also past one that waits to be
    tried again; `cron` in UTC (Vietnam is 7 hours ahead)."""

    name: str
    lock: str
    priority: int
    cron: str | None = None


# What is received goes before everything; at night, from 1 o'clock in Vietnam, the house is cleaned.
TABLE = {
    kind.name: kind
    for kind in (
        Kind(TAKE_IN, WRITER, 20),
        Kind(DERIVE, WRITER, 10, "0 18 * * *"),
        Kind(SIGNATURES, "signatures", 10, "5 18 * * *"),
        Kind(DROP, "drop", 15),
        Kind(OUTGOING, "outgoing", 5),
        Kind(REPORTS, "reports", 5, "0 23 * * *"),
        Kind(LINK, WRITER, 5, "10 * * * *"),
        Kind(NOTICES, "notices", 5, "*/5 * * * *"),
        Kind(SCORES, WRITER, 5, "25 * * * *"),
        Kind(COMPACT, WRITER, 0, "10 18 * * *"),
        Kind(RETAIN, WRITER, 0, "20 18 * * *"),
        Kind(CLEAN, WRITER, 0, "30 18 * * *"),
        Kind(PRUNE, "prune", 0, "40 18 * * *"),
    )
}


def settings(database: Database) -> dict[str, Any]:
    """Arguments of a connection to the queue's own schema, as the worker."""
    given = {**database.options, **database.parameters(Role.WORKER)}
    options = f"{given.pop('options', '')} -c search_path=jobs".strip()
    return {**given, "options": options, "application_name": "bienho-jobs"}


def worker_queue(database: Database) -> procrastinate.App:
    """The queue as the worker drives it, without its tasks; to be opened with `open_async`."""
    connector = procrastinate.PsycopgConnector(kwargs=settings(database), min_size=1, max_size=4)
    return procrastinate.App(connector=connector)


class Asking:
    """Asks for jobs. Use as a context manager; StorageError STO-DATABASE-STOPPED when the database is gone."""

    def __init__(self, database: Database) -> None:
        self._place = database.place
        self._queue = procrastinate.App(
            connector=procrastinate.SyncPsycopgConnector(kwargs=settings(database), min_size=1, max_size=1)
        )

    def ask(self, name: str) -> bool:
        """Put a job into the queue unless one of its kind waits there already; True when it was put there.

        One that waits has not looked yet, so it will see everything that is there now.
        """
        with _errors(self._place):
            if list(self._queue.job_manager.list_jobs(task=name, status="todo")):
                return False
            kind = TABLE[name]
            self._queue.configure_task(name, queue=QUEUE, lock=kind.lock, priority=kind.priority).defer()
            return True

    def __enter__(self) -> Asking:
        with _errors(self._place):
            self._queue.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.close()


@contextmanager
def _errors(place: str) -> Iterator[None]:
    try:
        yield
    except procrastinate.exceptions.ConnectorException:
        raise stopped(place) from None


def is_running(connection: psycopg.Connection) -> bool:
    """Whether a worker is alive now; any role may ask. Its lock ends with its process, so this is no memory."""
    row = connection.execute(_PRESENT, (PRESENCE_LOCK,)).fetchone()
    return bool(row and row[0])


@contextmanager
def presence(database: Database) -> Iterator[psycopg.Connection]:
    """Be the worker of this installation. BusyError BUSY-WORKER when there is one; yields a connection of its own."""
    with database.connect(Role.WORKER, autocommit=True, application_name="bienho-worker-presence") as connection:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (PRESENCE_LOCK,)).fetchone()
        if not row or not row[0]:
            raise BusyError(
                "BUSY-WORKER",
                "Đã có một tiến trình nền đang chạy cho thư mục dữ liệu này.",
                hint="Mỗi kho chỉ có một tiến trình nền (`bienho serve` đã mở sẵn); dừng cái kia nếu cần chạy ở đây.",
                who="Quản trị hệ thống",
            )
        yield connection
