"""Taking in beside a running worker: the bytes are stored here, the worker does the rest, this process waits.

Without a worker, the caller is the writer, as ever.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path

import psycopg

from bienho.core.errors import InputError, StorageError
from bienho.core.ids import delivery_id
from bienho.database import Role, storage_errors
from bienho.lake import Lake
from bienho.lake.failures import lake_errors
from bienho.pipeline import ingest as direct
from bienho.pipeline.app import App
from bienho.pipeline.backlog import Progress, measure, read_progress, refuse_when_full
from bienho.pipeline.catalog import current_catalog
from bienho.pipeline.door import Door
from bienho.pipeline.ingest import catch_up, compute_derived, groups, open_writer
from bienho.pipeline.replay import STEP
from bienho.pipeline.report import DeliveryReport, IngestReport
from bienho.pipeline.worker.queue import DERIVE, TAKE_IN, Asking, is_running
from bienho.sources import Delivery, FoundFile, find_files, receive

POLL_SECONDS = 0.1
GRACE_SECONDS = 30.0
"""How long a worker may be away (it is started again) before the caller does the work itself."""
STUCK_SECONDS = 120.0
"""How long nothing may move, with no job in the queue, before waiting is given up."""
PATIENCE_SECONDS = 60.0
"""How long a full backlog may stand still before a sender is told to come again."""
_QUEUED = "SELECT EXISTS (SELECT FROM jobs.standing WHERE task = ANY(%s) AND status IN ('todo', 'doing'))"
_COUNTED = """
    SELECT delivery_seq, outcome, reason, accepted, accepted_with_findings, quarantined, duplicates, superseded
    FROM lake.standard.delivery SEMI JOIN wanted USING (delivery_seq) ORDER BY delivery_seq
"""


def ingest(
    app: App,
    paths: Iterable[str | Path],
    *,
    facility: str | None = None,
    progress: direct.Progress | None = None,
) -> IngestReport:
    """As `ingest.ingest`; beside a running worker the writer lock is left to it.

    BusyError BUSY-BACKLOG when too much waits and the worker does not get on; StorageError STO-WORKER-STUCK when what
    was received (and is safe) is not taken in.
    """
    given = list(paths)
    with app.database.connect(Role.WORKER, autocommit=True) as connection, storage_errors(app.database.place):
        if is_running(connection):
            return _Through(app, connection, progress).ingest(list(find_files(given)), facility)
    return direct.ingest(app, given, facility=facility, progress=progress)


class _Through:
    """One ingest that waits for the worker."""

    def __init__(self, app: App, connection: psycopg.Connection, show: direct.Progress | None) -> None:
        self._app = app
        self._connection = connection
        self._show = show
        self._report = IngestReport()
        self._names: dict[int, str] = {}
        self._waiting: deque[tuple[int, int]] = deque()
        self._done = self._total = 0
        self._last = Progress()
        self._moved = self._seen = time.monotonic()

    def ingest(self, found: Sequence[FoundFile], facility: str | None) -> IngestReport:
        self._total = sum(file.size for file in found)
        with Asking(self._app.database) as asking:
            door = Door(self._connection, self._app.limits, source="cli")
            for group in groups(found, lambda file: file.size, self._app.limits):
                self._wait_for_room()
                self._receive(door, group, facility)
                asking.ask(TAKE_IN)
            self._wait()
        if self._names:
            self._count()
        return self._report

    def _receive(self, door: Door, group: Sequence[FoundFile], facility: str | None) -> None:
        deliveries: list[Delivery] = []
        sizes = []
        for file in group:
            try:
                deliveries.append(door.admit(file, facility))
                sizes.append(file.size)
            except InputError as error:
                self._report.refuse(file.given, error)
                self._done += file.size
        for receipt, delivery, size in zip(receive(self._app.raw, deliveries), deliveries, sizes, strict=True):
            self._names[receipt.seq] = delivery.path
            self._waiting.append((receipt.seq, size))
        self._look()

    def _wait_for_room(self) -> None:
        """Back-pressure: a full house is waited for while it empties, and told when it does not."""
        while True:
            backlog = measure(self._app.raw, self._connection, self._catalog)
            if not backlog.is_full(self._app.limits):
                return
            self._look()
            if time.monotonic() - self._moved > PATIENCE_SECONDS:
                refuse_when_full(backlog, self._app.limits)
            time.sleep(POLL_SECONDS)

    def _wait(self) -> None:
        """Until everything received here is in `standard` and counted in `derived`."""
        last = max(self._names, default=0)
        while min(self._last.last_seq, self._last.derived_seq) < last:
            time.sleep(POLL_SECONDS)
            self._look()

    @property
    def _catalog(self) -> str:
        return current_catalog(self._app.home)

    def _look(self) -> None:
        """See how far the worker is, and that there is one."""
        now = time.monotonic()
        progress = read_progress(self._connection, self._catalog)
        if (progress.last_seq, progress.derived_seq) != (self._last.last_seq, self._last.derived_seq):
            self._moved = now
        self._last = progress
        while self._waiting and self._waiting[0][0] <= progress.last_seq:
            self._done += self._waiting.popleft()[1]
        if self._show:
            self._show(self._done, self._total)
        if is_running(self._connection):
            self._seen = now
        if now - self._seen > GRACE_SECONDS:
            self._take_over()
        elif now - self._moved > STUCK_SECONDS and not self._queued():
            raise StorageError(
                "STO-WORKER-STUCK",
                "Tiến trình nền không xử lý tiếp được. Các tệp đã có biên nhận và không mất.",
                hint="Xem `bienho doctor`; sửa xong, tiến trình nền tự làm tiếp, không cần gửi lại.",
                who="Quản trị hệ thống",
            )

    def _queued(self) -> bool:
        row = self._connection.execute(_QUEUED, ([TAKE_IN, DERIVE],)).fetchone()
        return bool(row and row[0])

    def _take_over(self) -> None:
        """The worker is gone: be the writer."""
        with self._app.writing() as lake, open_writer(self._app, lake, self._catalog) as writer:
            catch_up(self._app.raw, writer)
            compute_derived(writer)
        self._seen = time.monotonic()

    def _count(self) -> None:
        """The report, from what the lake holds of the deliveries received here."""
        report = self._report
        with (
            lake_errors("Đọc kết quả"),
            Lake.open(self._app.home, self._app.database, read_only=True, catalog=self._catalog) as lake,
        ):
            connection = lake.connection
            connection.execute(
                "CREATE TEMP TABLE wanted AS SELECT unnest(?::BIGINT[]) AS delivery_seq", [list(self._names)]
            )
            for seq, outcome, reason, accepted, flawed, aside, copies, replacing in connection.execute(
                _COUNTED
            ).fetchall():
                report.deliveries.append(DeliveryReport(delivery_id(seq), self._names[seq], outcome, reason))
                report.accepted += accepted
                report.accepted_with_findings += flawed
                report.quarantined += aside
                report.duplicates += copies
                report.superseded += replacing
                report.dossiers += accepted + flawed + aside + copies
            # signatures are judged apart and belong to no ingest
            row = connection.execute(
                "SELECT count(*) FROM lake.quality.finding SEMI JOIN wanted USING (delivery_seq)"
                " WHERE NOT starts_with(code, 'SIG-')"
            ).fetchone()
            report.findings += row[0] if row else 0
            for name in lake.table_counts():
                table = name.removeprefix("standard.xml130_")
                if table.isdigit():
                    row = connection.execute(
                        f"SELECT count(*) FROM lake.{name} AS t SEMI JOIN wanted AS w"
                        f" ON t.version_id // {STEP} = w.delivery_seq WHERE t.version_id BETWEEN ? AND ?",
                        [min(self._names) * STEP, (max(self._names) + 1) * STEP],
                    ).fetchone()
                    report.rows[f"XML{table}"] += row[0] if row else 0
