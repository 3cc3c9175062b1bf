"""The places at which a fault goes off, named by what has just been done. The product knows nothing of them.

`install` wraps the product's functions in this process; a `Fault` says at which passage of which point what happens:
the process dies (SIGKILL), PostgreSQL dies, both do, the disk is full, or fsync fails.
"""

from __future__ import annotations

import functools
import os
import random
import resource
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bench.faults import disk
from bench.faults.events import Events
from bienho.config import Home
from bienho.database import places, server
from bienho.lake import Lake, RawStore, maintenance
from bienho.lake.raw.writer import GroupWriter
from bienho.pipeline import writer
from bienho.pipeline.heads import Heads
from bienho.privacy import vault

POINTS: dict[str, tuple[Any, str]] = {
    "raw-written": (GroupWriter, "_flush"),
    "raw-synced": (GroupWriter, "commit"),
    "vault-open": (vault._Batch, "_add"),
    "vault-committed": (vault.Vault, "seal"),
    "lake-open": (writer, "store"),
    "lake-committed": (Lake, "commit"),
    "heads-moved": (Heads, "move"),
    "compacting": (maintenance, "tidy_table"),
}
"""Name → the function after which it lies; `compacting` lies within."""
NAMED = tuple(POINTS)
MOMENT = "moment"
"""Not a place but a time: some seconds after the command began."""
COMPACTION_SECONDS = 0.06
EFFECTS = ("kill", "postgres", "both")


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong: at the `passage`-th time the point is passed, or `seconds` after the beginning.

    effect: kill, postgres, both (at any point) · full, broken (point `write` or `sync`: ENOSPC, EIO) · limit (no file
    grows beyond `passage` bytes, whoever writes it), small (the disk is, by other hands). `forgets`: an fsync that is
    not made (file, folder).
    """

    point: str
    passage: int = 1
    effect: str = "kill"
    seconds: float = 0.0
    forgets: str = ""


class Trigger:
    """Counts passages and lets the fault go off."""

    def __init__(self, fault: Fault, events: Events, home: Home) -> None:
        self.fault = fault
        self._events = events
        self._home = home
        self._left = fault.passage

    def passed(self) -> bool:
        """Whether this passage was the one."""
        self._left -= 1
        return self._left == 0

    def fire(self) -> None:
        self._events.note("fired", point=self.fault.point, effect=self.fault.effect)
        if self.fault.effect in ("postgres", "both"):
            kill_postgres(self._home)
        if self.fault.effect in ("kill", "both"):
            os.kill(os.getpid(), signal.SIGKILL)

    def later(self, seconds: float) -> None:
        timer = threading.Timer(seconds, self.fire)
        timer.daemon = True
        timer.start()


def install(fault: Fault | None, events: Events, home: Home) -> None:
    """Make this process note its receipts and syncs, and the fault go off in it."""
    _note_receipts(events)
    trigger = Trigger(fault, events, home) if fault else None
    refuses = {"full": disk.full, "broken": disk.broken}.get(fault.effect) if fault else None

    def passed(what: str) -> None:
        if trigger and refuses and trigger.fault.point == what and trigger.passed():
            trigger.fire()
            refuses(what)

    disk.watch(events, passed, forgets=fault.forgets if fault else "")
    if trigger is None or refuses:
        return
    if trigger.fault.effect == "small":
        trigger.fire()
    elif trigger.fault.effect == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (trigger.fault.passage, trigger.fault.passage))
        trigger.fire()
    elif trigger.fault.point == MOMENT:
        trigger.later(trigger.fault.seconds)
    else:
        _wrap(trigger)


def kill_postgres(home: Home) -> None:
    """SIGKILL for the embedded server; its processes find out by themselves."""
    place = places.locate(home, create=False)
    running = server.postmaster(place.data) if place else None
    if running:
        with suppress(ProcessLookupError):
            os.kill(running.pid, signal.SIGKILL)


def _wrap(trigger: Trigger) -> None:
    owner, name = POINTS[trigger.fault.point]
    real: Callable[..., Any] = getattr(owner, name)

    @functools.wraps(real)
    def within(*arguments: Any, **named: Any) -> Any:
        if trigger.passed():
            # by chance of the clock: the merge of one table is a few statements and takes some ten milliseconds
            trigger.later(random.uniform(0, COMPACTION_SECONDS))
        return real(*arguments, **named)

    @functools.wraps(real)
    def after(*arguments: Any, **named: Any) -> Any:
        result = real(*arguments, **named)
        if trigger.passed():
            trigger.fire()
        return result

    setattr(owner, name, within if trigger.fault.point == "compacting" else after)


def _note_receipts(events: Events) -> None:
    """A receipt counts as given the moment the raw store hands it out."""
    real = RawStore.append

    @functools.wraps(real)
    def append(self: RawStore, items: Any) -> Any:
        receipts = real(self, items)
        for receipt in receipts:
            events.note("receipt", seq=receipt.seq, sha256=receipt.sha256)
        return receipts

    RawStore.append = append  # type: ignore[method-assign]
