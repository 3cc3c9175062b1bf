"""Where records lie: the index of segment files, what is whole in them and what was cut by a crash.

Three ways a tail may look after a crash, and one it may not:
- the file ends inside a frame (killed between two writes): torn;
- the file has its length but whole pages are still zero (power lost before fsync): torn, since encrypted bytes hold no
  run of zeros;
- anything else that does not check is damage, and so is every gap before a frame that checks: never cut in silence.
"""

from __future__ import annotations

import os
import re
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bienho.core.errors import IntegrityError
from bienho.lake.raw import frame

SEGMENT_NAME = re.compile(r"raw-(\d{8})\.seg")
HOLE = bytes(512)
WINDOW = 1 << 20


def segment_path(folder: Path, number: int) -> Path:
    """Path of a segment file by number."""
    return folder / f"raw-{number:08d}.seg"


def segment_numbers(folder: Path) -> list[int]:
    """Numbers of the segments there, ascending; IntegrityError when one between them is missing."""
    found = sorted(int(m.group(1)) for entry in os.listdir(folder) if (m := SEGMENT_NAME.fullmatch(entry)))
    for expected, number in enumerate(found, start=1):
        if number != expected:
            raise frame.damaged(expected, 0)
    return found


@dataclass(slots=True)
class Segment:
    """One segment as far as it has been looked at: offsets of its frames, and the end of what is whole."""

    number: int
    first_seq: int
    end: int
    offsets: array[int] = field(default_factory=lambda: array("Q"))

    @property
    def next_seq(self) -> int:
        return self.first_seq + len(self.offsets)


def open_segment(descriptor: int, number: int, expected_seq: int, *, size: int) -> Segment | None:
    """A segment whose head checks; None when a crash cut the head itself.

    Raises IntegrityError when the head is damaged or does not follow on the segment before it.
    """
    data = os.pread(descriptor, frame.SEGMENT_BYTES, 0) if size else b""
    if len(data) < frame.SEGMENT_BYTES or not any(data):
        return None
    if frame.parse_segment_head(data, number) != expected_seq:
        raise frame.damaged(number, 0)
    return Segment(number, expected_seq, frame.SEGMENT_BYTES)


def extend(segment: Segment, descriptor: int, *, size: int, verify_from: int) -> bool:
    """Walk the frames from `segment.end` to `size`; True when the walk ended at a torn tail.

    Frames that begin at or after `verify_from` have their whole checksum computed; those before were durable when
    they were acknowledged and are checked when they are read.
    """
    while segment.end < size:
        offset = segment.end
        if size - offset < frame.PREFIX_BYTES:
            return True
        try:
            prefix = frame.parse_prefix(os.pread(descriptor, frame.PREFIX_BYTES, offset), segment.number, offset)
            if prefix.seq != segment.next_seq:
                raise frame.damaged(segment.number, offset)
            if offset + prefix.total > size:
                return True
            if offset >= verify_from and not frame.checks(read_exactly(descriptor, prefix.total, offset)):
                raise frame.damaged(segment.number, offset)
        except IntegrityError:
            if _is_hole(descriptor, segment.number, offset, size):
                return True
            raise
        segment.offsets.append(offset)
        segment.end = offset + prefix.total
    return False


def read_exactly(descriptor: int, count: int, offset: int) -> bytes:
    """`count` bytes at `offset`; shorter only at the end of the file."""
    parts = []
    while count > 0:
        part = os.pread(descriptor, min(count, 1 << 30), offset)
        if not part:
            break
        parts.append(part)
        offset += len(part)
        count -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _is_hole(descriptor: int, number: int, offset: int, size: int) -> bool:
    """Whether the bytes from `offset` hold pages that never reached the disk, and no whole frame after them."""

    def frame_at(position: int) -> bool:
        try:
            frame.parse_prefix(os.pread(descriptor, frame.PREFIX_BYTES, position), number, position)
        except IntegrityError:
            return False
        return True

    hole = _find(descriptor, HOLE, offset, size, lambda _: True)
    return hole and not _find(descriptor, frame.FRAME_MAGIC, offset + 1, size, frame_at)


def _find(descriptor: int, needle: bytes, start: int, size: int, accept: Callable[[int], bool]) -> bool:
    """Whether `needle` occurs from `start` at a place that `accept` takes, looking through windows that overlap."""
    position = start
    while position < size:
        window = read_exactly(descriptor, WINDOW + len(needle), position)
        found = window.find(needle)
        while found >= 0:
            if position + found + frame.PREFIX_BYTES <= size and accept(position + found):
                return True
            found = window.find(needle, found + 1)
        position += WINDOW
    return False
