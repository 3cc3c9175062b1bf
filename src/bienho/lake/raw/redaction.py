"""What is left of records after an erasure: files of their own beside the segments, sealed under the segment's key.

One is written whole and synced before the frame in the segment names it; those no frame names any more are removed, by
the same call or, after a kill, by the next.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from bienho.lake.raw.writer import sync_path

NAME = re.compile(r"left-(\d{12})-([0-9a-f]+)\.red")


def left_path(folder: Path, seq: int, erasure: str) -> Path:
    """Where the bytes lie that an erasure left of a record."""
    return folder / f"left-{seq:012d}-{erasure}.red"


def write_left(folder: Path, seq: int, erasure: str, sealed: bytes) -> None:
    """Durable when this returns; OSError."""
    path = left_path(folder, seq, erasure)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(sealed)
        file.flush()
        os.fsync(file.fileno())
    sync_path(folder)


def left_files(folder: Path) -> Iterator[tuple[Path, int, str]]:
    """(path, sequence, erasure) of every such file."""
    for name in sorted(os.listdir(folder)):
        if match := NAME.fullmatch(name):
            yield folder / name, int(match[1]), match[2]
