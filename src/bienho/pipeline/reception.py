"""Files from many senders at once: each gets its number when its bytes are on disk, and many share one wait for it.

Whoever sends looks at the own file on the own thread and waits. One thread takes all that wait together: counts them,
knows what was sent before, writes the record, appends to raw with one fsync, and wakes the worker. While it waits for
the disk the next group gathers, so a group is as large as the disk is slow.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLong
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any

import psycopg

from bienho.core.errors import BienhoError, BusyError, DeniedError, InputError, StorageError
from bienho.core.ids import delivery_id
from bienho.database import Role, storage_errors
from bienho.governance import audit
from bienho.governance.purposes import OPERATIONS
from bienho.pipeline.app import App
from bienho.pipeline.backlog import measure, refuse_when_full
from bienho.pipeline.catalog import current_catalog
from bienho.pipeline.door import Door, Refusal, look
from bienho.pipeline.worker.queue import TAKE_IN, Asking
from bienho.sources import Delivery, receive
from bienho.sources.portal_api import SOURCE, Kept, Parcel
from bienho.standards.xml130 import claimed_facility, claimed_visits

log = logging.getLogger(__name__)
ANSWER_SECONDS = 25.0
"""Clients give up after 30 seconds; they are told before."""
GROUP_FILES, GROUP_BYTES = 500, 64 * 1024**2
GATHER_SECONDS = 0.04
"""Between two groups where several senders are there: a group costs eight milliseconds, however few files it has. Who
sends alone, one file after the other, waits for nobody."""
WAITING_BYTES = 256 * 1024**2
"""Bytes that may wait for the disk in memory."""
NOTES = 1_000
MOST_VISITS = 2_000
AGAIN_WITHIN = timedelta(minutes=10)
"""What does not plainly tell its visits is known again for so long: a sender that did not get the answer."""
KNOWN_DAYS = 400
WAKE_EVERY = 0.2
"""Seconds between two calls to the worker: it takes everything that is there."""
BACKLOG_EVERY = timedelta(seconds=1)
BEHIND_FILES, PAUSE_PER_FILE, MOST_PAUSE = 1_500, 0.05 / 300, 0.25
"""While more files than that wait for the worker (twice what comes while it takes in at 150 a second), a group is taken
so many seconds later for each of them: senders that wait for their answer send no faster than is taken in, and leave it
the processor."""
VISIT_KEY = "pipeline/sent-visit"
_KNOWN = """
    SELECT facility, visit, content, delivery_seq, received_at FROM pipeline.sent
    JOIN unnest(%s::text[], %s::bytea[]) AS wanted (facility, visit) USING (facility, visit)
"""
_SENT = """
    INSERT INTO pipeline.sent
    SELECT * FROM unnest(%s::text[], %s::bytea[], %s::bytea[], %s::bigint[], %s::timestamptz[])
    ON CONFLICT (facility, visit) DO UPDATE
    SET content = excluded.content, delivery_seq = excluded.delivery_seq, received_at = excluded.received_at
"""
Place = tuple[str, bytes]
"""(facility, digest of a visit)"""


@dataclass(slots=True)
class _Waiting:
    """A parcel that waits for its number. `visits`: digests of its visits, or else (not `plain`) of its bytes."""

    parcel: Parcel
    content: bytes
    visits: tuple[bytes, ...]
    plain: bool
    done: Future[Kept] = field(default_factory=Future)
    repeats: _Waiting | None = None
    kept: Kept | None = None

    def number(self) -> Kept:
        """What was kept of it, or of what it repeats."""
        if self.repeats is not None:
            return replace(self.repeats.number(), again=True)
        if self.kept is None:
            raise ValueError("not kept yet")
        return self.kept

    @property
    def places(self) -> list[Place]:
        return [(self.parcel.facility, visit) for visit in self.visits]


@dataclass(frozen=True, slots=True)
class _Last:
    """What was sent last of a visit: by this group, or before."""

    content: bytes
    seq: int
    received_at: datetime
    by: _Waiting | None = None


class Reception:
    """Takes parcels from any number of threads. Use as a context manager; leaving it answers all that wait."""

    def __init__(self, app: App, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._app = app
        self._now = now
        self._key = app.keys.derive(VISIT_KEY)
        self._condition = threading.Condition()
        self._queue: deque[_Waiting] = deque()
        self._notes: deque[Refusal] = deque(maxlen=NOTES)
        self._bytes = 0
        self._closing = False
        self._desk: _Desk | None = None
        self._thread = threading.Thread(target=self._work, name="reception", daemon=True)

    def __enter__(self) -> Reception:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._condition:
            self._closing = True
            self._condition.notify()
        self._thread.join()

    def keep(self, parcel: Parcel) -> Kept:
        """The number of a file, once its bytes are on disk; the same number for what was sent last of its visits.

        LimitError and DENY-FACILITY: refused and noted. BusyError (backlog, memory, or no answer in time: it may yet be
        kept, and sent again it gets the number it has) and StorageError: to be sent again.
        """
        try:
            self._look(parcel)
            waiting = self._labelled(parcel)
            self._enter(waiting)
            return waiting.done.result(ANSWER_SECONDS)
        except TooLong:
            raise _busy("Chưa trả lời kịp.") from None
        except (InputError, DeniedError) as error:
            self.note(error, parcel.facility, len(parcel.data), hashlib.sha256(parcel.data).hexdigest())
            raise

    def note(self, error: BienhoError, sender: str, size: int, sha256: str | None = None) -> None:
        """Keep in the log that something was turned away; the oldest is dropped where too many come at once."""
        with self._condition:
            self._notes.append(Refusal(error.code, error.message, sender, size, sha256))
            self._condition.notify()

    def _look(self, parcel: Parcel) -> None:
        look(parcel.data, self._app.limits)
        said = claimed_facility(parcel.data)
        if said is not None and said != parcel.facility:
            raise DeniedError(
                "DENY-FACILITY",
                f"MACSKCB trong tệp khác maCSKCB {parcel.facility} của lần gửi.",
                hint="Xuất tệp đúng cơ sở của tài khoản rồi gửi lại.",
                who="cơ sở gửi",
            )

    def _labelled(self, parcel: Parcel) -> _Waiting:
        content = hashlib.sha256(parcel.data).digest()
        visits = claimed_visits(parcel.data, MOST_VISITS)
        told = visits or (b"content:" + content,)
        digests = (hmac.new(self._key, visit, hashlib.sha256).digest()[:16] for visit in told)
        return _Waiting(parcel, content, tuple(dict.fromkeys(digests)), bool(visits))

    def _enter(self, waiting: _Waiting) -> None:
        size = len(waiting.parcel.data)
        with self._condition:
            if self._closing:
                raise _busy("Kho đang dừng.")
            if self._bytes and self._bytes + size > WAITING_BYTES:
                raise _busy("Quá nhiều tệp cùng lúc.")
            self._bytes += size
            self._queue.append(waiting)
            self._condition.notify()

    # ── the one thread ────────────────────────────────────────────────────────────────────────────────────────────

    def _work(self) -> None:
        while True:
            with self._condition:
                owes = self._desk is not None and self._desk.owes
                came = self._condition.wait_for(
                    lambda: bool(self._queue or self._notes or self._closing), WAKE_EVERY if owes else None
                )
                group, notes = self._taken(), [self._notes.popleft() for _ in range(len(self._notes))]
                if self._closing and not group and not notes:
                    break
            if came:
                self._serve(group, notes)
            with self._condition:
                self._bytes -= sum(len(one.parcel.data) for one in group)
            if self._desk is not None:
                self._desk.wake()
            if self._desk is not None and group and not self._closing:
                time.sleep(max(self._desk.pause, GATHER_SECONDS if len(group) > 1 else 0.0))
        if self._desk is not None:
            self._desk.close()

    def _taken(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        size = 0
        while self._queue and len(group) < GROUP_FILES and size <= GROUP_BYTES:
            one = self._queue.popleft()
            size += len(one.parcel.data)
            group.append(one)
        return group

    def _serve(self, group: list[_Waiting], notes: list[Refusal]) -> None:
        try:
            with storage_errors(self._app.database.place):
                if self._desk is None:
                    self._desk = _Desk(self._app, self._now)
                self._desk.serve(group, notes)
        except BienhoError as error:
            self._failed(group, error)
        except Exception as error:
            log.error("reception broke off: %s", type(error).__name__)
            told = StorageError("STO-RECEPTION", "Kho chưa ghi được tệp này.", hint="Gửi lại sau ít phút.")
            self._failed(group, told)

    def _failed(self, group: list[_Waiting], error: BienhoError) -> None:
        """Whoever has no answer yet is told; the connections are made anew for the next group."""
        for one in group:
            if not one.done.done():
                one.done.set_exception(error)
        desk, self._desk = self._desk, None
        if desk is not None and isinstance(error, StorageError):
            desk.close()
        else:
            self._desk = desk


class _Desk:
    """What one thread holds to serve groups: connections to the pipeline's tables, the record, the queue."""

    def __init__(self, app: App, now: Callable[[], datetime]) -> None:
        self._app = app
        self._now = now
        self._stack = ExitStack()
        with ExitStack() as opening:
            self._connection = opening.enter_context(app.database.connect(Role.WORKER, autocommit=True))
            self._asking = opening.enter_context(Asking(app.database))
            self._record = audit.AuditLog(app.database, app.keys, app.home)
            opening.callback(self._record.close)
            self._door = Door(self._connection, app.limits, source=SOURCE, now=now)
            self._connection.execute(
                "DELETE FROM pipeline.sent WHERE received_at < %s", (now() - timedelta(days=KNOWN_DAYS),)
            )
            self._stack = opening.pop_all()
        self.owes = False
        self._asked_at = 0.0
        self._measured: tuple[datetime, BusyError | None] | None = None
        self.pause = 0.0

    def close(self) -> None:
        try:
            self._stack.close()
        except (psycopg.Error, BienhoError):
            log.warning("reception: a connection was gone already")

    def serve(self, group: Sequence[_Waiting], notes: Sequence[Refusal]) -> None:
        """Answer a group. An error means that nobody of it who has no answer yet has been received."""
        for refusal in notes:
            self._door.note(refusal)
        group = [one for one in group if one.done.set_running_or_notify_cancel()]
        if not group:
            return
        self._refuse_when_full()
        allowed = []
        sizes = [(one.parcel.facility, len(one.parcel.data)) for one in group]
        for one, over in zip(group, self._door.allow(sizes), strict=True):
            if over is None:
                allowed.append(one)
            else:
                one.done.set_exception(over)
        latest = self._known(allowed)
        fresh = _told_apart(allowed, latest, self._now())
        if fresh:
            self._keep(fresh, latest)
        for one in allowed:
            one.done.set_result(one.number())
        self.owes = self.owes or bool(fresh)

    def _refuse_when_full(self) -> None:
        """The backlog, looked at once a second."""
        now = self._now()
        if self._measured is None or now - self._measured[0] >= BACKLOG_EVERY:
            app = self._app
            backlog = measure(app.raw, self._connection, current_catalog(app.home))
            self.pause = paused(backlog.deliveries)
            try:
                refuse_when_full(backlog, app.limits)
                self._measured = (now, None)
            except BusyError as error:
                self._measured = (now, error)
        if self._measured[1] is not None:
            raise self._measured[1]

    def _known(self, group: Sequence[_Waiting]) -> dict[Place, _Last]:
        places = list(dict.fromkeys(place for one in group for place in one.places))
        rows = self._connection.execute(_KNOWN, ([place[0] for place in places], [place[1] for place in places]))
        return {(row[0], bytes(row[1])): _Last(bytes(row[2]), row[3], row[4]) for row in rows.fetchall()}

    def _keep(self, fresh: Sequence[_Waiting], latest: dict[Place, _Last]) -> None:
        """The record first, then the bytes, then what a repeat is known by."""
        self._record.append(_event(self._app.home.home_id, fresh))
        now = self._now()
        receipts = receive(
            self._app.raw,
            [
                Delivery(
                    one.parcel.data, now, source=SOURCE, path=f"{one.parcel.username}/{one.parcel.service}",
                    facility_asserted=one.parcel.facility,
                )
                for one in fresh
            ],
        )  # fmt: skip
        for one, receipt in zip(fresh, receipts, strict=True):
            one.kept = Kept(delivery_id(receipt.seq), now)
        numbers = {id(one): receipt.seq for one, receipt in zip(fresh, receipts, strict=True)}
        moved = [(place, last, numbers[id(last.by)]) for place, last in latest.items() if last.by is not None]
        columns: tuple[list[Any], ...] = (
            [place[0] for place, _, _ in moved],
            [place[1] for place, _, _ in moved],
            [last.content for _, last, _ in moved],
            [seq for _, _, seq in moved],
            [now] * len(moved),
        )
        self._connection.execute(_SENT, columns)

    def wake(self) -> None:
        """Ask for the work on what was received, unless that was asked a moment ago: then a moment later."""
        if not self.owes or time.monotonic() - self._asked_at < WAKE_EVERY:
            return
        self.owes, self._asked_at = False, time.monotonic()
        try:
            self._asking.ask(TAKE_IN)
        except Exception as error:
            # what has a number is safe; the worker looks for it every few seconds anyway
            log.warning("reception: the worker could not be woken: %s", type(error).__name__)


def paused(waiting: int) -> float:
    """Seconds by which a group is taken later while so many files wait for the worker."""
    return min(MOST_PAUSE, max(0, waiting - BEHIND_FILES) * PAUSE_PER_FILE)


def _told_apart(group: Sequence[_Waiting], latest: dict[Place, _Last], now: datetime) -> list[_Waiting]:
    """Those that say something new, in order; all others know what they repeat. `latest` moves on with them."""
    fresh = []
    for one in group:
        lasts = [latest.get(place) for place in one.places]
        first = lasts[0]
        same = first is not None and all(
            last is not None and last.content == one.content and (last.seq, last.by) == (first.seq, first.by)
            for last in lasts
        )
        if same and first is not None and (one.plain or now - first.received_at <= AGAIN_WITHIN):
            if first.by is not None:
                one.repeats = first.by
            else:
                one.kept = Kept(delivery_id(first.seq), first.received_at, again=True)
            continue
        fresh.append(one)
        latest.update(dict.fromkeys(one.places, _Last(one.content, 0, now, one)))
    return fresh


def _event(home_id: str, fresh: Sequence[_Waiting]) -> dict[str, Any]:
    """One AuditEvent of a group: the door took it in, for these senders; which files, of whom, by which service."""
    told = audit.event(
        action="C", outcome="allowed", decision_id=uuid.uuid4().hex, actor_id=f"door:{SOURCE}",
        actor_name="Cửa nhận hồ sơ", door=SOURCE, home_id=home_id, purposes=[OPERATIONS], policy=["system-client-send"],
        reason="", category="change", subtype="send",
        entities=[
            {
                "type": "delivery",
                "what": {"identifier": one.content.hex()},
                "detail": {
                    "client": one.parcel.username, "facility": one.parcel.facility, "service": one.parcel.service,
                },
            }
            for one in fresh
        ],
    )  # fmt: skip
    senders = sorted({one.parcel.username for one in fresh})
    told["agent"] += [{"who": f"client:{name}", "name": name, "requestor": True, "network": SOURCE} for name in senders]
    return told


def _busy(why: str) -> BusyError:
    return BusyError("BUSY-RECEPTION", f"{why} Lần gửi này chưa có biên nhận.", hint="Gửi lại sau ít phút.")
