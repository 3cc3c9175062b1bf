"""Writing one group of frames so that it is on disk whole or not at all."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from bienho.core.errors import StorageError
from bienho.lake.raw import frame
from bienho.lake.raw.segment import Segment, segment_path

WRITE_BYTES = 1 << 20
log = logging.getLogger(__name__)


class GroupWriter:
    """One group of frames on its way to disk; until `commit` returns, `undo` leaves the files as they were."""

    def __init__(self, folder: Path, last: Segment | None) -> None:
        self._folder = folder
        self._last = last
        self._made: list[Segment] = []
        self._done: list[tuple[Segment, list[int], int]] = []
        self._offsets: list[int] = []
        self._pending: list[bytes] = []
        self._waiting = 0
        self._descriptor = -1
        self.segment = last
        self.number = last.number if last else 0
        self.end = last.end if last else 0
        self.next_seq = last.next_seq if last else 1
        if last:
            self._descriptor = os.open(segment_path(folder, last.number), os.O_WRONLY)
            os.lseek(self._descriptor, last.end, os.SEEK_SET)

    def roll(self) -> None:
        """Close the segment (durable) and begin the next one."""
        if self._descriptor >= 0:
            self._flush()
            os.fsync(self._descriptor)
            self.close()
        if self.segment:
            self._done.append((self.segment, self._offsets, self.end))
        self.number += 1
        self.segment = Segment(self.number, self.next_seq, frame.SEGMENT_BYTES)
        path = segment_path(self._folder, self.number)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._made.append(self.segment)
        self._offsets = []
        self._add(frame.segment_head(self.number, self.next_seq))
        self.end = frame.SEGMENT_BYTES

    def write(self, pieces: list[bytes]) -> None:
        """Add one frame; bytes go to the file in pieces of about a mebibyte."""
        self._offsets.append(self.end)
        self.next_seq += 1
        for piece in pieces:
            self._add(piece)
            self.end += len(piece)
            if self._waiting >= WRITE_BYTES:
                self._flush()

    def commit(self) -> None:
        """Everything on disk: the file, and the folder when a file is new."""
        self._flush()
        os.fsync(self._descriptor)
        if self._made:
            sync_path(self._folder)

    def undo(self) -> None:
        """Back to the last good end; when even that fails, the next append finds a torn tail and cuts it."""
        self._pending.clear()
        self._waiting = 0
        try:
            for segment in self._made:
                segment_path(self._folder, segment.number).unlink(missing_ok=True)
            if self._last:
                os.truncate(segment_path(self._folder, self._last.number), self._last.end)
        except OSError:
            log.exception("raw: could not shorten segment %08d after a failed write", self.number)

    def publish(self, segments: list[Segment]) -> None:
        """Enter the committed frames into the index."""
        if self.segment:
            self._done.append((self.segment, self._offsets, self.end))
        for segment, offsets, end in self._done:
            segment.offsets.extend(offsets)
            segment.end = end
        segments.extend(self._made)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _add(self, piece: bytes) -> None:
        self._pending.append(piece)
        self._waiting += len(piece)

    def _flush(self) -> None:
        rest = memoryview(b"".join(self._pending))
        self._pending.clear()
        self._waiting = 0
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]


def sync_path(path: Path) -> None:
    """fsync of a file or, after a file was made in it, of a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put_in_place(path: Path, descriptor: int, pieces: Mapping[int, bytes]) -> None:
    """A segment with other bytes at some offsets, by one rename; its length stays. `descriptor` reads it as it is.

    Killed before the rename, a file `.new` is left, which the next call replaces and nobody reads.
    """
    new = path.with_suffix(".new")
    end = os.fstat(descriptor).st_size
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        at = 0
        for offset, piece in sorted(pieces.items()):
            _copy(descriptor, file, at, offset)
            file.write(piece)
            at = offset + len(piece)
        _copy(descriptor, file, at, end)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
    sync_path(path.parent)


def _copy(descriptor: int, file: BinaryIO, at: int, stop: int) -> None:
    while at < stop:
        part = os.pread(descriptor, min(WRITE_BYTES, stop - at), at)
        if not part:
            raise OSError(errno.EIO, "short read")
        file.write(part)
        at += len(part)


def unused(path: Path) -> Path:
    """The path, or the first with a number behind it that does not exist: what was set aside is never overwritten."""
    candidate, count = path, 0
    while candidate.exists():
        count += 1
        candidate = path.with_name(f"{path.name}.{count}")
    return candidate


class DiskError(StorageError):
    """What the disk refused; `message` is Vietnamese and ends without a stop."""

    def __init__(self, code: str, message: str, error: OSError) -> None:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        super().__init__(
            code,
            f"{message} ({reason}).",
            hint="Đĩa đã đầy: giải phóng dung lượng." if full else "Kiểm tra ổ đĩa và quyền của thư mục dữ liệu.",
            who="operator",
        )
