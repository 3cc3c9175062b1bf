"""What the jobs do, how failures are told, and which are tried again."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from procrastinate import App as Queue
from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.jobs import Job

from bienho.core.errors import BienhoError, StorageError
from bienho.database import Role
from bienho.lake import Lake
from bienho.pipeline import jobs, notices, outgoing, reports, scores, signatures
from bienho.pipeline.app import App
from bienho.pipeline.backlog import measure, read_progress
from bienho.pipeline.catalog import current_catalog
from bienho.pipeline.drop import Drops
from bienho.pipeline.ingest import catch_up, compute_derived, open_writer
from bienho.pipeline.isolation import is_transient
from bienho.pipeline.score_sums import Sums
from bienho.pipeline.worker.queue import (
    CLEAN,
    COMPACT,
    DERIVE,
    DROP,
    LINK,
    NOTICES,
    OUTGOING,
    PRUNE,
    QUEUE,
    REPORTS,
    RETAIN,
    SCORES,
    SIGNATURES,
    TABLE,
    TAKE_IN,
    Asking,
)
from bienho.quality.expiry import LOCAL

MOST_RETRIES = 8
LONGEST_WAIT = 60
SCORE_SECONDS = 3.0
FOLLOW_SECONDS = 300.0
"""While files keep coming, how long what follows them may wait."""
REST, MOST_REST = 2.0, 1.0
KEPT_HOURS = 30 * 24
Work = Callable[[], dict[str, Any]]
log = logging.getLogger(__name__)


class Patience(BaseRetryStrategy):
    """Storage and busy errors are tried again after 2, 4, 8 … 60 seconds, eight times; nothing else is."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if not is_transient(exception) or job.attempts >= MOST_RETRIES:
            return None
        return RetryDecision(retry_in={"seconds": min(LONGEST_WAIT, 2 ** (job.attempts + 1))})


class Rest:
    """Waits, when called, `REST` times as long as went by since it was called last: work that is in no hurry takes that
    part of a processor only, and beside it files are taken in as if it were not there."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    def __call__(self) -> None:
        time.sleep(min(MOST_REST, (time.monotonic() - self._since) * REST))
        self._since = time.monotonic()


@dataclass(frozen=True, slots=True)
class Duties:
    """The jobs over one opened home. `stop` is asked between batches: what is left waits in raw."""

    app: App
    asking: Asking
    stop: Callable[[], bool]
    drops: Drops
    followed: dict[str, float] = field(default_factory=dict)
    """When what follows a job was asked for last, by the job."""

    def table(self) -> dict[str, Work]:
        """Kind → what it does."""
        named: dict[str, Work] = {TAKE_IN: self.take_in, DERIVE: self.derive, SIGNATURES: self.signatures}
        named |= {REPORTS: self.reports, DROP: self.drop, OUTGOING: self.outgoing, NOTICES: self.notices}
        for name in (LINK, SCORES, COMPACT, RETAIN, CLEAN):
            named[name] = self._maintenance(name)
        return named

    def take_in(self) -> dict[str, Any]:
        """Everything in raw that is not in the lake yet, and its scores; then what follows from it is asked for, or
        done where so much comes in that it would not get its turn."""
        app = self.app
        if not self._is_behind():
            return {"deliveries": 0}
        with app.writing() as lake, open_writer(app, lake, current_catalog(app.home)) as writer:
            done = catch_up(app.raw, writer, stop=self.stop)
            self._score(lake)
            busy = self._is_behind()
            if busy and self._has_waited():
                # jobs that come after taking in do not get their turn while something waits to be taken in
                compute_derived(writer)
                self.asking.ask(SIGNATURES)
        if not busy:
            self.followed[TAKE_IN] = time.monotonic()
            for name in (DERIVE, SIGNATURES):
                self.asking.ask(name)
        return {"deliveries": done}

    def _score(self, lake: Lake) -> None:
        """Scores follow what was taken in, not oftener than every few seconds while more waits; a lake that was never
        scored, or whose rows were rewritten, is left to the job."""
        now = time.monotonic()
        if now - self.followed.get(SCORES, -SCORE_SECONDS) < SCORE_SECONDS and self._is_behind():
            return
        self.followed[SCORES] = now
        try:
            with self.app.database.connect(Role.WORKER, autocommit=True) as connection:
                scores.follow(lake, Sums(connection, lake.catalog))
        except Exception as error:
            # what was taken in is in the lake; the hourly job computes everything, and tells of a fault as its own
            broken(SCORES, error)

    def _is_behind(self) -> bool:
        with self.app.database.connect(Role.WORKER, autocommit=True) as connection:
            return measure(self.app.raw, connection, current_catalog(self.app.home)).deliveries > 0

    def _has_waited(self) -> bool:
        """Whether what follows taking in has waited long enough; then it waits anew."""
        now = time.monotonic()
        if now - self.followed.setdefault(TAKE_IN, now) < FOLLOW_SECONDS:
            return False
        self.followed[TAKE_IN] = now
        return True

    def derive(self) -> dict[str, Any]:
        """`derived` follows the lake."""
        with self.app.writing() as lake, open_writer(self.app, lake, current_catalog(self.app.home)) as writer:
            return {"models": compute_derived(writer)}

    def signatures(self) -> dict[str, Any]:
        """Signatures without a verdict; the writer lock is taken for the commits only, and nobody waits for it."""
        return signatures.bring_up_to_date(self.app, newcomers=False, rest=Rest()).as_dict()

    def drop(self) -> dict[str, Any]:
        """Files that facilities dropped; what came of them is taken in at once."""
        told = self.drops.take()
        if told["received"]:
            self.asking.ask(TAKE_IN)
        return told

    def outgoing(self) -> dict[str, Any]:
        """Notices and forwarded files that are due; sending them is an act in the world, so it may ask the clock."""
        return outgoing.send_due(self.app, datetime.now(UTC))

    def reports(self) -> dict[str, Any]:
        """Reports that are due today in Vietnam: running them is an act in the world, so it may ask the clock."""
        now = datetime.now(UTC)
        return reports.run_due(self.app, now.astimezone(LOCAL).date(), now)

    def notices(self) -> dict[str, Any]:
        """Notices that are due; sending them is an act in the world, so it may ask the clock."""
        return notices.run(self.app, datetime.now(UTC))

    def _maintenance(self, name: str) -> Work:
        return lambda: jobs.run(self.app, name)

    def follow(self) -> None:
        """Ask for what is behind: a receipt whose job was never asked for, a lake that `derived` has not followed."""
        app = self.app
        catalog = current_catalog(app.home)
        if self.drops.look():
            self.asking.ask(DROP)
        with app.database.connect(Role.WORKER, autocommit=True) as connection:
            if outgoing.is_due(app, connection):
                self.asking.ask(OUTGOING)
            progress = read_progress(connection, catalog)
            behind = measure(app.raw, connection, catalog).deliveries
            recent = {
                name
                for (name,) in connection.execute(
                    "SELECT DISTINCT task FROM jobs.standing WHERE status IN ('todo', 'doing')"
                    " OR status = 'failed' AND ended_at > now() - interval '5 minutes'"
                )
            }
        if behind:
            wanted = TAKE_IN
        elif progress.derived_seq < progress.last_seq:
            wanted = DERIVE
        else:
            return
        if wanted not in recent:
            self.asking.ask(wanted)

    def make_up(self) -> None:
        """Ask for nightly jobs that this machine slept through."""
        with self.app.database.connect(Role.WORKER, autocommit=True) as connection:
            done = {
                name
                for (name,) in connection.execute(
                    "SELECT DISTINCT task FROM jobs.standing"
                    " WHERE status IN ('todo', 'doing') OR ended_at > now() - interval '24 hours'"
                )
            }
        for kind in TABLE.values():
            if kind.cron and kind.name not in done:
                self.asking.ask(kind.name)


def bind(queue: Queue, duties: Duties) -> None:
    """Give the queue its tasks and their hours."""
    table: dict[str, Callable[..., Any]] = {name: _sync(name, work) for name, work in duties.table().items()}
    table[PRUNE] = _prune(queue)
    for name, work in table.items():
        kind = TABLE[name]
        task = queue.task(name=name, queue=QUEUE, lock=kind.lock, priority=kind.priority, retry=Patience())(work)
        if kind.cron:
            queue.periodic(cron=kind.cron)(task)


def _sync(name: str, work: Work) -> Callable[..., dict[str, Any]]:
    def run(timestamp: int | None = None) -> dict[str, Any]:
        try:
            return work()
        except BienhoError:
            raise
        except Exception as error:
            raise broken(name, error) from None

    return run


def _prune(queue: Queue) -> Callable[..., Awaitable[None]]:
    async def run(timestamp: int | None = None) -> None:
        await queue.job_manager.delete_old_jobs(
            nb_hours=KEPT_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
        )

    return run


def broken(name: str, error: Exception) -> StorageError:
    """A fault of the program in a job, without the exception's text: it may quote a value. The log has the place."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
    log.error("job %s broke off: %s at %s", name, type(error).__name__, place)
    return StorageError(
        "STO-JOB",
        f"Việc nền `{name}` dừng vì lỗi của chương trình ({type(error).__name__}).",
        hint="Dữ liệu đã nhận không mất. Gửi nhật ký tiến trình nền cho nhóm phát triển.",
        who="Quản trị hệ thống",
    )
