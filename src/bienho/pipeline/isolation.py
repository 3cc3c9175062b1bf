"""Taking a batch in so that one delivery that cannot be processed never holds up the others (law 1).

A batch that fails for what is in it is halved until the one delivery is found; that one is set aside whole, code
IN-POISON, its bytes kept, and the rest goes on in order of receipt. What kills the process leaves no exception: so an
attempt is noted in PostgreSQL before it is made, and whoever finds the note of one that never ended halves the batch.
What lies at the disk, the database or the settings is nobody's delivery: it is raised, and tried again by the caller.
"""

from __future__ import annotations

import errno
import logging
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import duckdb
import psycopg

from bienho.core.errors import BienhoError, BusyError, InputError, StorageError
from bienho.core.ids import delivery_id
from bienho.core.parted import Parted
from bienho.database.failures import translate
from bienho.lake import Lake, RawHeader
from bienho.lake.failures import translated
from bienho.pipeline.backlog import note_derived, note_progress

POISON = "IN-POISON"
FAULTS = frozenset({"STO-LAKE", "STO-JOB"})
"""Storage errors that stand for a fault of the program or of a value: waiting mends neither."""
DIED = "tiến trình dừng đột ngột"
_MACHINE = {
    errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN,
    errno.EACCES, errno.EPERM, errno.ECONNRESET, errno.EPIPE, errno.ETIMEDOUT,
}  # fmt: skip
_BEGIN = """
    INSERT INTO pipeline.attempt AS a (catalog, first_seq, last_seq, times) VALUES (%s, %s, %s, 1)
    ON CONFLICT (catalog, first_seq) DO UPDATE SET begun_at = clock_timestamp(), last_seq = excluded.last_seq,
        times = CASE WHEN a.last_seq = excluded.last_seq THEN a.times + 1 ELSE 1 END
"""
_SUSPECT = """
    INSERT INTO pipeline.attempt (catalog, first_seq, last_seq, times) VALUES (%s, %s, %s, 0) ON CONFLICT DO NOTHING
"""
_FORGIVE = """
    WITH kept AS (UPDATE pipeline.attempt SET times = times - 1
                  WHERE catalog = %(catalog)s AND first_seq = %(seq)s AND times > 1 RETURNING first_seq)
    DELETE FROM pipeline.attempt
    WHERE catalog = %(catalog)s AND first_seq = %(seq)s AND NOT EXISTS (SELECT 1 FROM kept)
"""
Delivered = tuple[RawHeader, bytes | Parted]
B = TypeVar("B", covariant=True)
log = logging.getLogger(__name__)


class Processor(Protocol[B]):
    """What is needed of the writer: commit a batch (of those in `aside`, only that they are set aside and why), and
    tell how far the journal reaches."""

    def process(self, deliveries: Sequence[Delivered], aside: Mapping[int, str]) -> B: ...

    def last_seq(self) -> int: ...


@dataclass(slots=True)
class Isolation:
    """The attempts of one lake. `connection` is the worker's, in autocommit.

    `aside`: sequences that are set aside unread, with what to say of them: a rebuild repeats what the lake says.
    """

    connection: psycopg.Connection
    catalog: str
    most_attempts: int
    aside: dict[int, str] = field(default_factory=dict)

    def follow(self, last_seq: int) -> None:
        """Go on from the journal: what it has is no attempt any more, and progress says what it says."""
        with self.connection.transaction():
            self.connection.execute(
                "DELETE FROM pipeline.attempt WHERE catalog = %s AND first_seq <= %s", (self.catalog, last_seq)
            )
            note_progress(self.connection, self.catalog, last_seq)

    def take(self, writer: Processor[B], deliveries: Sequence[Delivered]) -> Iterator[B]:
        """Commit deliveries in order of receipt, in one batch when nothing is wrong."""
        todo = list(deliveries)
        while todo:
            size, died = self._allowed(todo)
            if size == 1 and died >= self.most_attempts:
                yield self._set_aside(writer, todo[0], DIED)
            else:
                yield from self._try(writer, todo[:size])
            del todo[:size]

    def derived(self, seq: int) -> None:
        """Note that `derived` counts deliveries up to `seq`."""
        note_derived(self.connection, self.catalog, seq)

    def _allowed(self, todo: Sequence[Delivered]) -> tuple[int, int]:
        """How many may be tried at once, and how often the process has died on this one when it is one alone."""
        row = self.connection.execute(
            "SELECT last_seq, times FROM pipeline.attempt WHERE catalog = %s AND first_seq = %s",
            (self.catalog, todo[0][0].seq),
        ).fetchone()
        if row is None:
            return len(todo), 0
        last, times = row
        tried = sum(header.seq <= last for header, _ in todo)
        if tried > 1:
            half = tried // 2
            log.warning("deliveries from %s: the process died on them; half of them now", delivery_id(todo[0][0].seq))
            # when this half is innocent the other is not: so it will not be tried whole again
            self.connection.execute(_SUSPECT, (self.catalog, todo[half][0].seq, last))
            return half, 0
        return 1, times

    def _try(self, writer: Processor[B], part: Sequence[Delivered]) -> Iterator[B]:
        first, last = part[0][0].seq, part[-1][0].seq
        self.connection.execute(_BEGIN, (self.catalog, first, last))
        begun = time.monotonic()
        try:
            batch = writer.process(part, self.aside)
        except BaseException as error:
            cause = blamed(error)
            # Broken after its commit, a batch must not be done twice: the next session goes on from the journal.
            if cause is None or writer.last_seq() >= last:
                # DuckDB closed for good is like a process that died: the note stays, the next session halves.
                if not _closed_duckdb(error):
                    self._forgive(first)
                raise
            _tell(part, error)
            if len(part) == 1:
                yield self._set_aside(writer, part[0], cause)
                return
        else:
            self._ended(first, last, sum(len(data) for _, data in part), time.monotonic() - begun)
            yield batch
            return
        # Noted anew by each half; this note would make the next session halve what is halved already.
        self._forgive(first)
        half = len(part) // 2
        yield from self._try(writer, part[:half])
        yield from self._try(writer, part[half:])

    def _set_aside(self, writer: Processor[B], delivery: Delivered, cause: str) -> B:
        """One delivery into quarantine whole. When even that fails, the machine is at fault, and it is raised."""
        header, _ = delivery
        self.aside[header.seq] = (
            f"Phần mềm không xử lý được tệp này ({cause}). Không phải lỗi của cơ sở gửi; tệp gốc được giữ nguyên."
        )
        batch = writer.process([delivery], self.aside)
        self._ended(header.seq, header.seq, 0, 0.0)
        log.error("%s was set aside: %s", delivery_id(header.seq), POISON)
        return batch

    def _ended(self, first: int, last: int, size: int, seconds: float) -> None:
        with self.connection.transaction():
            self.connection.execute(
                "DELETE FROM pipeline.attempt WHERE catalog = %s AND first_seq BETWEEN %s AND %s",
                (self.catalog, first, last),
            )
            note_progress(self.connection, self.catalog, last, size, seconds)

    def _forgive(self, first: int) -> None:
        """This attempt does not count."""
        try:
            self.connection.execute(_FORGIVE, {"catalog": self.catalog, "seq": first})
        except psycopg.OperationalError:
            log.warning("an attempt could not be taken back: no database")


def forget(connection: psycopg.Connection, catalog: str) -> None:
    """Drop everything noted of a lake that is thrown away."""
    for name in ("attempt", "progress", "score_standing", "score_sum", "score_day"):
        connection.execute(f"DELETE FROM pipeline.{name} WHERE catalog = %s", (catalog,))


def known_poison(lake: Lake) -> dict[int, str]:
    """Deliveries a lake holds set aside unread: sequence → what is said of each."""
    rows = lake.connection.execute(
        "SELECT delivery_seq, message FROM lake.quality.quarantine WHERE code = ? ORDER BY delivery_seq", [POISON]
    ).fetchall()
    return dict(rows)


def blamed(error: BaseException) -> str | None:
    """What to call a failure that lies at what was delivered; None when it lies anywhere else.

    Only the kind of an exception is told: its text may quote a value.
    """
    if not isinstance(error, Exception) or _closed_duckdb(error):
        return None
    known: Exception = error
    if isinstance(error, psycopg.Error):
        known = translate(error, "PostgreSQL") or error
    elif isinstance(error, duckdb.Error):
        known = translated(error, "")
    if isinstance(known, BienhoError):
        # STO-LAKE is what DuckDB refused without a reason of the machine's: a value that fits no column, say
        ours = isinstance(known, InputError) or (isinstance(known, StorageError) and known.code == "STO-LAKE")
        return (type(error).__name__ if known is not error else known.code) if ours else None
    if isinstance(known, psycopg.Error):
        return type(known).__name__ if isinstance(known, psycopg.DataError | psycopg.IntegrityError) else None
    if isinstance(known, OSError) and known.errno in _MACHINE:
        return None
    return type(known).__name__


def is_transient(error: BaseException) -> bool:
    """Whether the same work may succeed when it is done again a little later, with nothing mended."""
    return isinstance(error, StorageError | BusyError) and error.code not in FAULTS


def _closed_duckdb(error: BaseException | None) -> bool:
    """Whether DuckDB refuses everything from now on, told also through an error of the tree."""
    while error is not None and not isinstance(error, duckdb.FatalException | duckdb.InternalException):
        error = error.__cause__ or error.__context__
    return error is not None


def _tell(part: Sequence[Delivered], error: BaseException) -> None:
    """Where it broke, for whoever mends it; never what the exception says."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    place = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames))
    log.warning(
        "a batch of %d from %s failed: %s at %s", len(part), delivery_id(part[0][0].seq), type(error).__name__, place
    )
