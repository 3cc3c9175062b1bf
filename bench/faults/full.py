"""A home on a disk of a few megabytes that is filled up before commands are given: DuckDB meets the end of it itself.

Needs the right to mount; without it the siege's other ways (a refused write, a limit on file size) are what there is.
"""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.faults.nursery import Nursery
from bench.faults.points import Fault
from bench.faults.siege import Siege, Work, undisturbed, works_of
from bench.homes import temporary_home
from bienho.synthetic import Plan

MEGABYTES = 64
WORKS, FILES_A_WORK = 8, 4
LEFT_BYTES = (0, 40_000, 120_000, 400_000)
"""What is still free when a command begins: nothing, too little for raw, too little for the lake, enough by chance."""


def on_a_small_disk(nursery: Nursery, seed: int) -> int | str:
    """How many commands failed for want of space; the end state was compared as after a siege."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="bienho-small-") as name, _mounted(Path(name, "disk")) as disk:
        if disk is None:
            return "not tried: needs the right to mount"
        folder = Path(name)
        plan = Plan(persons=80, months=2, seed=seed)
        works: list[Work] = [
            (*work, "--json") for work in works_of(folder / "files", plan, FILES_A_WORK)[:WORKS]
        ] + [("run", "--json")]  # fmt: skip
        state = undisturbed(nursery, folder, works)
        with temporary_home("small", ready=True, parent=disk) as made:
            siege = Siege(made, nursery, folder, chance)
            for work in works:
                for left in LEFT_BYTES:
                    with _filled(disk, chance.randrange(left + 1)):
                        siege.refuse(work, [Fault("disk", effect="small")])
                siege.suffer(work, ())
            siege.judge(state)
            return siege.told.disk_faults["small"]


@contextmanager
def _mounted(folder: Path) -> Iterator[Path | None]:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m,mode=0755", "none", str(folder)]
    try:
        mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    try:
        yield folder if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def _filled(disk: Path, left: int) -> Iterator[None]:
    """All of the disk but `left` bytes taken, for the time of the block."""
    filler = disk / "filler"
    found = os.statvfs(disk)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, found.f_bavail * found.f_frsize - left))
    try:
        yield
    finally:
        filler.unlink()
