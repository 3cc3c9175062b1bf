"""What an account sends for its own facility: asked of the policies, looked at, kept with a receipt; one way for every
such door (API, page). And what can be said of a delivery between its receipt and its place in the lake.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from types import TracebackType
from typing import Any

from bienho.core.errors import DeniedError, StorageError, UsageError
from bienho.core.ids import delivery_id, delivery_seq
from bienho.database import Role, storage_errors
from bienho.governance import Actor, Request, decide, permits
from bienho.governance.decision import Action
from bienho.governance.purposes import OPERATIONS
from bienho.lake import RawHeader, Receipt
from bienho.pipeline.app import App
from bienho.pipeline.backlog import measure, read_progress, refuse_when_full
from bienho.pipeline.catalog import current_catalog
from bienho.pipeline.door import Door
from bienho.pipeline.worker.queue import TAKE_IN, Asking
from bienho.sources import ACCOUNT_DOORS, receive

MOST_WAITING = 20_000
"""Of what waits, so many are looked through for a file's digest; the rest is told of once it is taken in."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A receipt: the bytes are on disk. `sha256` hex of the bytes as sent; `received_at` UTC."""

    delivery: str
    facility: str
    bytes: int
    sha256: str
    received_at: datetime

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "delivery": self.delivery,
            "facility": self.facility,
            "bytes": self.bytes,
            "sha256": self.sha256,
            "received_at": self.received_at.isoformat(),
        }


class Sending:
    """The sending side of an opened home. Safe to share between threads; use as a context manager."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._asking: Asking | None = None

    def __enter__(self) -> Sending:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            asking, self._asking = self._asking, None
        if asking is not None:
            asking.__exit__(kind, error, trace)

    def send(self, actor: Actor, data: bytes, facility: str, source: str) -> Sent:
        """Keep what an actor sends for one of its facilities ('' where it has one only) and wake the worker.

        Denied or DeniedError DENY-FACILITY (recorded), UsageError USE-FACILITY, BusyError BUSY-BACKLOG, InputError and
        LimitError of the door (the attempt is logged, no byte is kept), StorageError: nothing was received.
        """
        own = self.facility_of(actor, facility)
        receipt, received_at = take(self._app, data, own, source)
        self._wake()
        return Sent(receipt.delivery_id, own, receipt.size, receipt.sha256, received_at)

    def facility_of(self, actor: Actor, wanted: str) -> str:
        """The facility an actor sends for; see `facility_of`."""
        return facility_of(self._app, actor, wanted, "send")

    def waiting(self, actor: Actor, delivery: str) -> Sent | None:
        """A delivery that has a receipt, sent for a facility of the actor; None for any other and for none.

        The receipt says what the sender knows already, so it is shown to the sender only, before the lake has it too.
        """
        header = self._header(delivery_seq(delivery))
        if header is None or header.source not in ACCOUNT_DOORS:
            return None
        own = header.facility_asserted
        if own is None or own not in own_facilities(actor):
            return None
        return Sent(delivery_id(header.seq), own, header.size, header.sha256, header.received_at)

    def waiting_files(self, actor: Actor, digests: Collection[str]) -> dict[str, str]:
        """sha256 → delivery id of an actor's files that have a receipt and are not in the lake yet."""
        app, own = self._app, own_facilities(actor)
        with app.database.connect(Role.WORKER, autocommit=True) as connection, storage_errors(app.database.place):
            last = read_progress(connection, current_catalog(app.home)).last_seq
        return {
            header.sha256: delivery_id(header.seq)
            for header in islice(app.raw.headers(last), MOST_WAITING)
            if header.sha256 in digests and header.source in ACCOUNT_DOORS and header.facility_asserted in own
        }

    def keys(self, facility: str, numbers: Sequence[str]) -> list[str]:
        """Dossier keys of visits by their MA_LK, in the order given; '' for an empty number. Nothing is looked up."""
        return [self._app.vault.dossier_key(facility, one) if one.strip() else "" for one in numbers]

    def _header(self, seq: int) -> RawHeader | None:
        raw = self._app.raw
        return next(raw.headers(seq - 1), None) if 0 < seq <= raw.last_seq() else None

    def _wake(self) -> None:
        """Ask for the job at once; there is a receipt already, and a worker finds what waits by itself."""
        with self._lock, suppress(StorageError):
            if self._asking is None:
                self._asking = Asking(self._app.database).__enter__()
            self._asking.ask(TAKE_IN)


def take(
    app: App, data: bytes, facility: str, source: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> tuple[Receipt, datetime]:
    """Bytes of an account for its facility through the door; the receipt once they are on disk, and when they came.

    BusyError BUSY-BACKLOG, InputError and LimitError of the door (the attempt is logged, no byte is kept),
    StorageError: nothing was received.
    """
    with app.database.connect(Role.WORKER, autocommit=True) as connection, storage_errors(app.database.place):
        refuse_when_full(measure(app.raw, connection, current_catalog(app.home)), app.limits)
        delivery = Door(connection, app.limits, source=source, now=now).admit_bytes(data, facility)
    (receipt,) = receive(app.raw, [delivery])
    return receipt, delivery.received_at


def facility_of(app: App, actor: Actor, wanted: str, action: Action) -> str:
    """The facility an actor speaks for ('' wanted: its only one), asked of the policies and recorded.

    Denied, DeniedError DENY-FACILITY for a facility that is not the actor's, UsageError USE-FACILITY for none named.
    """
    codes = own_facilities(actor, action)
    if wanted and wanted not in codes and codes:
        permits.note(app.database, app.keys, app.home, actor, action, "", "denied", policy=["DENY-FACILITY"])
        raise DeniedError(
            "DENY-FACILITY",
            "Tài khoản này không thuộc cơ sở đã nêu.",
            hint=f"Cơ sở của tài khoản: {', '.join(codes)}.",
            who="bên gửi",
        )
    permits.permit(app.database, app.keys, app.home, actor, action, wanted)
    if not wanted and len(codes) != 1:
        raise UsageError("USE-FACILITY", "Cần nêu cho cơ sở nào.", hint=f"Các cơ sở của tài khoản: {', '.join(codes)}.")
    return wanted or codes[0]


def own_facilities(actor: Actor, action: Action = "send") -> tuple[str, ...]:
    """Codes of the facilities for which the policies let an actor do this, sorted: one question per membership."""
    found: set[str] = set()
    for one in actor.memberships:
        alone = replace(actor, roles=(one.role,), memberships=(one,))
        if one.facilities and decide(Request("", alone, OPERATIONS, action, None)).allowed:
            found |= one.facilities
    return tuple(sorted(found))
