"""A disk that keeps only what was synced, and one that refuses.

`WatchedDisk` stands in for the module `os` in the two files that write raw. It notes every fsync of a file (with the
size it had) and of a folder (with the names it held). `lose_power` then makes the folder what a disk may hold after the
power went: whatever no fsync covered is gone, cut, or zero, by chance.
"""

from __future__ import annotations

import errno
import os
import random
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.faults.events import Events
from bienho.lake.raw import store, writer

# The lock holds no bytes; whether its name survives is of no matter.
NO_CONTENT = {"lock"}
FREE_SIZE = {"watermark"}
"""Written in place and never synced: may come back whole or empty."""


class WatchedDisk:
    """`os` as the raw store sees it. `passed` is told of each write and fsync and may raise what a disk would."""

    def __init__(self, events: Events, passed: Callable[[str], None], *, forgets: str = "") -> None:
        self._events = events
        self._passed = passed
        self._forgets = forgets

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def write(self, descriptor: int, data: Any) -> int:
        try:
            self._passed("write")
        except OSError:
            # A full disk takes what still fits.
            os.write(descriptor, bytes(data)[: len(data) // 2])
            raise
        return os.write(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        found = os.fstat(descriptor)
        kind = "folder" if stat.S_ISDIR(found.st_mode) else "file"
        if self._forgets == kind:
            return
        self._passed("sync")
        os.fsync(descriptor)
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        if kind == "folder":
            self._events.note("folder", names=sorted(os.listdir(path)))
        else:
            self._events.note("file", name=path.name, size=found.st_size)


def watch(events: Events, passed: Callable[[str], None], *, forgets: str = "") -> None:
    """Put the watched disk under the raw store of this process. `forgets` (file or folder) takes that fsync out: what
    the check must then find."""
    disk = WatchedDisk(events, passed, forgets=forgets)
    for module in (store, writer):
        assert module.os is os  # type: ignore[attr-defined]
        module.os = disk  # type: ignore[attr-defined]


def full(_: str) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def broken(_: str) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def note_durable(folder: Path, events: Events) -> None:
    """Take what lies in a raw folder now for durable: where the watching begins."""
    for path in folder.iterdir():
        events.note("file", name=path.name, size=path.stat().st_size)
    events.note("folder", names=sorted(os.listdir(folder)))


def lose_power(folder: Path, events: Events, chance: random.Random) -> int:
    """Make a raw folder what a disk may hold after the power went; how many bytes were lost."""
    sizes: dict[str, int] = {}
    names: set[str] = set()
    for event in events.all():
        if event["event"] == "file":
            sizes[event["name"]] = event["size"]
        elif event["event"] == "folder":
            names = set(event["names"])
    lost = 0
    for path in sorted(folder.iterdir()):
        size = path.stat().st_size
        durable = sizes.get(path.name, 0)
        if path.name in NO_CONTENT:
            continue
        if path.name not in names and chance.random() < 0.7:
            lost += size
            path.unlink()
        elif path.name in FREE_SIZE:
            if chance.random() < 0.5:
                os.truncate(path, 0)
        elif size > durable:
            lost += size - durable
            _forget(path, durable, size, chance)
    return lost


def _forget(path: Path, durable: int, size: int, chance: random.Random) -> None:
    """Bytes beyond what was synced: gone, cut somewhere, or pages that never got their content."""
    how = chance.choice(("gone", "gone", "cut", "zero"))
    if how == "cut":
        os.truncate(path, chance.randrange(durable, size))
    else:
        os.truncate(path, durable)
        if how == "zero":
            os.truncate(path, size)
