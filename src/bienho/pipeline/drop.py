"""Folders into which facilities drop files, one each: what lies there and no longer grows is taken, with a receipt.

    drop/52001/ho-so.xml              put there by SFTP, or by a copy on the network
    drop/52001/done/D…-ho-so.xml      the same file after its receipt, and beside it D…-ho-so.xml.json
    drop/52001/refused/…              what was refused, with the reason beside it

Who may write into a folder speaks for its facility: that right is the operating system's to give. A folder is opened
without following links, and everything in it by that handle: who owns it can lead nobody elsewhere.
"""

from __future__ import annotations

import logging
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from bienho.config import read_doors
from bienho.core.errors import InputError
from bienho.database import Role, storage_errors
from bienho.governance import Actor, permits
from bienho.pipeline.app import App
from bienho.pipeline.backlog import measure
from bienho.pipeline.catalog import current_catalog
from bienho.pipeline.door import Door
from bienho.sources import receive

SOURCE = "drop"
DONE, REFUSED = "done", "refused"
UNFINISHED = (".part", ".partial", ".tmp", ".filepart", ".crdownload", "~")
STABLE_SECONDS = 10.0
"""How long a file must have the same size and time before it is taken: clients that do not rename are slow."""
MOST_AT_ONCE = 200
NAME_MAX = 150
log = logging.getLogger(__name__)
_FACILITY = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,39}")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


@dataclass(frozen=True, slots=True)
class Found:
    """One file in a facility's folder; `mark` changes when it does."""

    facility: str
    name: str
    mark: tuple[int, int, int]


@dataclass(slots=True)
class Drops:
    """Watches the folders of a home; remembers between looks what it saw. `clock` gives seconds."""

    app: App
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _seen: dict[tuple[str, str], tuple[tuple[int, int, int], float]] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """The folder that holds those of the facilities; it need not be there."""
        return Path(read_doors(self.app.home).drop or self.app.home.path / "drop")

    def look(self) -> list[Found]:
        """What is ready to be taken now, the oldest first; everything else is remembered for the next look."""
        found = list(self._files())
        moment = self.clock()
        known = {(one.facility, one.name): one for one in found}
        self._seen = {
            key: self._seen[key] if key in self._seen and self._seen[key][0] == one.mark else (one.mark, moment)
            for key, one in known.items()
        }
        ready = [one for key, one in known.items() if moment - self._seen[key][1] >= STABLE_SECONDS]
        return sorted(ready, key=lambda one: (one.mark[1], one.facility, one.name))[:MOST_AT_ONCE]

    def take(self) -> dict[str, int]:
        """Take what is ready; {received, refused, left}. One whose taking was cut off is taken again, as a copy.

        A full house leaves the rest for later. StorageError: what was not received lies where it lay.
        """
        app, told = self.app, {"received": 0, "refused": 0, "left": 0}
        ready = self.look()
        if not ready:
            return told
        with app.database.connect(Role.WORKER, autocommit=True) as connection, storage_errors(app.database.place):
            door = Door(connection, app.limits, source=SOURCE, now=self.now)
            for one in ready:
                if measure(app.raw, connection, current_catalog(app.home)).is_full(app.limits):
                    break
                told[self._take(door, one)] += 1
                self._seen.pop((one.facility, one.name), None)
        return told

    def _take(self, door: Door, one: Found) -> str:
        """received, refused or left: what changed or is gone, and a folder in which no paper can be put beside."""
        try:
            with (
                _folder(self.root / one.facility) as folder,
                _beside(folder, DONE) as done,
                _beside(folder, REFUSED) as refused,
            ):
                data = _content(folder, one, self.app.limits.delivery_bytes)
                try:
                    delivery = door.admit_bytes(data, one.facility)
                except InputError as error:
                    self._note(one.facility, "denied", error.code)
                    new = f"{self.now():%Y%m%dT%H%M%S}-{one.name}"
                    _move(folder, one.name, refused, new, {"refused": True, **error.as_dict()})
                    return "refused"
                self._note(one.facility, "allowed", "drop-folder")
                (receipt,) = receive(self.app.raw, [delivery])
                told = {
                    "delivery": receipt.delivery_id, "facility": one.facility, "bytes": receipt.size,
                    "sha256": receipt.sha256, "received_at": delivery.received_at.isoformat(),
                }  # fmt: skip
                _move(folder, one.name, done, f"{receipt.delivery_id}-{one.name}", told)
                return "received"
        except OSError as error:
            log.warning("the drop folder of %s cannot be used: %s", one.facility, type(error).__name__)
            return "left"

    def _note(self, facility: str, outcome: str, rule: str) -> None:
        app, actor = self.app, Actor(f"drop:{facility}", facility, (), "worker")
        permits.note(app.database, app.keys, app.home, actor, "send", facility, outcome, policy=[rule])

    def _files(self) -> Iterator[Found]:
        root = self.root
        names = sorted(os.listdir(root)) if root.is_dir() else []
        for facility in names:
            if not _FACILITY.fullmatch(facility):
                continue
            try:
                with _folder(root / facility) as folder:
                    yield from _below(folder, facility)
            except OSError:  # a link, a file, or a folder that is closed to this account: doctor tells
                continue


def _below(folder: int, facility: str) -> list[Found]:
    found = []
    for name in sorted(os.listdir(folder)):
        if name.startswith(".") or name.lower().endswith(UNFINISHED) or name in (DONE, REFUSED):
            continue
        told = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISREG(told.st_mode):
            found.append(Found(facility, name, (told.st_size, told.st_mtime_ns, told.st_ino)))
    return found


@contextmanager
def _folder(path: Path) -> Iterator[int]:
    handle = os.open(path, _FOLDER)
    try:
        yield handle
    finally:
        os.close(handle)


def _content(folder: int, one: Found, most: int) -> bytes:
    """The bytes of a file as it was seen; FileNotFoundError when it is gone or another by now."""
    handle = os.open(one.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    with os.fdopen(handle, "rb") as file:
        told = os.fstat(file.fileno())
        if not stat.S_ISREG(told.st_mode) or (told.st_size, told.st_mtime_ns, told.st_ino) != one.mark:
            raise FileNotFoundError(one.name)
        return file.read(most + 1)


@contextmanager
def _beside(folder: int, name: str) -> Iterator[int]:
    """A folder in the folder, made where there is none; OSError for a link that stands there."""
    with suppress(FileExistsError):
        os.mkdir(name, 0o770, dir_fd=folder)
    handle = os.open(name, _FOLDER, dir_fd=folder)
    try:
        yield handle
    finally:
        os.close(handle)


def _move(folder: int, name: str, target: int, new: str, told: dict[str, Any]) -> None:
    """Put what is told of a file into the target, then the file beside it, both to stay there after a crash."""
    stem, ending = os.path.splitext(new)
    short = stem[: NAME_MAX - len(ending)] + ending[:20]
    paper = os.open(f"{short}.json", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o640, dir_fd=target)
    with os.fdopen(paper, "wb") as file:
        file.write(orjson.dumps(told, option=orjson.OPT_INDENT_2))
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileNotFoundError):  # its owner has taken it away; the receipt stands
        os.rename(name, short, src_dir_fd=folder, dst_dir_fd=target)
    os.fsync(target)
