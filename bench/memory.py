"""The most memory that a process, its children and its PostgreSQL hold: looked at by a process of its own.

`python -m bench.memory PID [DATA]` looks at PID's tree a few times a second until its input ends, and prints two
numbers: the most bytes held at one moment, and how many of them were PostgreSQL's. Bytes are the proportional share,
so that shared pages count once.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

EVERY_S = 0.25
MB = 1 << 20


@dataclass
class Peak:
    """The most that was held at one moment, and PostgreSQL's part of it, in MB."""

    mb: float = 0.0
    postgres_mb: float = 0.0

    def see(self, mb: float, postgres_mb: float) -> None:
        if mb > self.mb:
            self.mb, self.postgres_mb = mb, postgres_mb


@contextmanager
def watching(data: Path | None) -> Iterator[Peak]:
    """Look at this process and at the PostgreSQL of a data folder; the peak is there after the block."""
    peak = Peak()
    command = [sys.executable, "-m", "bench.memory", str(os.getpid()), *([str(data)] if data else [])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as looker:
        assert looker.stdout
        looker.stdout.readline()  # it looks from here on
        try:
            yield peak
        finally:
            told, _ = looker.communicate()
            held, postgres = (int(word) / MB for word in told.split())
            peak.see(held, postgres)


def main(whose: int, data: Path | None) -> None:
    """Look until the input ends."""
    most = postgres_then = 0
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], EVERY_S)[0]:
        own, postgres = (sum(map(_held, part)) for part in _tree(whose, data))
        if own + postgres > most:
            most, postgres_then = own + postgres, postgres
    print(most, postgres_then)


def _tree(whose: int, data: Path | None) -> tuple[list[psutil.Process], list[psutil.Process]]:
    """(that process and its children but this one, PostgreSQL's)."""
    own = psutil.Process(whose)
    try:
        postmaster = psutil.Process(int((data / "postmaster.pid").read_text().split()[0])) if data else None
        found = [postmaster, *postmaster.children(recursive=True)] if postmaster else []
    except (OSError, psutil.NoSuchProcess):
        found = []
    left_out = {one.pid for one in found} | {os.getpid()}
    return [own, *(one for one in own.children(recursive=True) if one.pid not in left_out)], found


def _held(process: psutil.Process) -> int:
    try:
        told = process.memory_full_info()
    except psutil.Error:
        return 0
    return int(getattr(told, "pss", told.uss))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2:] else None)
