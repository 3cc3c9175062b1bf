"""What the outside world saw of a home's life: receipts given out, what was synced, which faults went off.

One line per event in a file beside the home. A command writes its lines into a pipe, which no limit on files reaches
and which holds what was written when the writer is killed; who started it keeps them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Events:
    """The log of one home. `descriptor`: where lines go instead of the file."""

    def __init__(self, path: Path, descriptor: int = -1) -> None:
        self.path = path
        self._descriptor = descriptor

    def note(self, kind: str, **told: Any) -> None:
        if self._descriptor < 0:
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(self._descriptor, json.dumps({"event": kind, **told}).encode() + b"\n")

    def all(self) -> Iterator[dict[str, Any]]:
        """Every event so far, in order."""
        if self.path.exists():
            for line in self.path.read_bytes().split(b"\n")[:-1]:
                yield json.loads(line)

    def receipts(self) -> dict[int, str]:
        """Receipt sequence → sha256 of every receipt that left the raw store."""
        return {one["seq"]: one["sha256"] for one in self.all() if one["event"] == "receipt"}

    def fired(self) -> list[str]:
        """Points at which a fault went off, in order."""
        return [one["point"] for one in self.all() if one["event"] == "fired"]
