"""`python -m bench.soak [--kills N] [--histories N] [--minutes M] [--seed S]`: tries to break laws 1, 2 and 4.

Power cuts of raw first; then homes under siege, one after the other, until the command line and PostgreSQL were killed
often enough, at every named point; then random histories side by side. The first law that does not hold stops it, with
the seed that shows it again. Every choice but the moment of death comes from the seed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench.faults import history
from bench.faults.full import on_a_small_disk
from bench.faults.nursery import Nursery
from bench.faults.points import NAMED
from bench.faults.power import cut_power
from bench.faults.senders import among_idle_lines, besiege_door
from bench.faults.siege import Told, besiege
from bench.homes import temporary_home
from bienho.config import Home, create_key
from bienho.pipeline import open_app
from bienho.synthetic import Plan

EACH_POINT = 20
DOOR_KILLS, IDLE_LINES = 20, 1_000
CUTS = 200
WORKS, FILES_A_WORK = 6, 4
JOBS = ("compact", "signatures", "rebuild", "compact", "drop-superseded", "run")
LIVES, STEPS = 50, 8


def power_cuts(folder: Path, seed: int) -> dict[str, Any]:
    """Receipts over many power cuts; and the proof that the check sees a missing fsync."""
    told: dict[str, Any] = {"cuts": CUTS}
    os.environ["XDG_CONFIG_HOME"] = str(folder / "config")
    with Nursery() as nursery:
        for forgets in ("", "file", "folder"):
            home = Home.create(folder / f"raw-{forgets or 'whole'}")
            create_key(home)
            log = folder / f"log-{forgets or 'whole'}"
            given, lost = cut_power(home, nursery, log, cuts=CUTS if not forgets else 20, seed=seed, forgets=forgets)
            name = f"without_fsync_of_{forgets}" if forgets else "as_it_is"
            told[name] = {"receipts": given, "lost": lost}
            if bool(lost) != bool(forgets):
                raise SystemExit(f"soak: seed {seed}: {name}: {lost} of {given} receipts lost")
    return told


def sieges(seed: int, kills: int, minutes: float) -> dict[str, Any]:
    """Homes under siege until enough was killed or, at the end of a siege, the time is over."""
    whole, number = Told(), 0
    began = time.monotonic()
    with Nursery() as nursery:
        while not _enough(whole.kills, kills) and time.monotonic() - began < minutes * 60:
            with tempfile.TemporaryDirectory(prefix="bienho-siege-") as folder:
                plan = Plan(persons=120, months=2, seed=seed * 1_000 + number, dirt=0.05)
                told = besiege(
                    Path(folder), nursery, plan, works=WORKS, files_a_work=FILES_A_WORK, seed=plan.seed, jobs=JOBS
                )  # fmt: skip
            whole.add(told)
            number += 1
            say(f"siege {number}: equal, {whole.kills.total()} kills so far, {time.monotonic() - began:.0f} s")
        small = on_a_small_disk(nursery, seed)
    return {
        "sieges": number,
        "asked_for": kills,
        "kills": whole.kills.total(),
        "kills_by_point": dict(sorted(whole.kills.items())),
        "of_which_postgres_too": whole.postgres_kills,
        "disk_faults": {**whole.disk_faults, "small_disk": small},
        "power_losses": whole.power_losses,
        "unsynced_bytes_lost": whole.bytes_lost,
        "receipts_checked": whole.receipts,
        "seconds": round(time.monotonic() - began),
    }


def senders(seed: int, kills: int) -> dict[str, Any]:
    """A server that is killed again and again while facilities send; the suite of hostile clients is in tests/."""
    began = time.monotonic()
    with temporary_home(ready=True) as made:
        idle = among_idle_lines(made, IDLE_LINES)
    with temporary_home(ready=True) as made:
        told = besiege_door(made, kills=kills, seed=seed)
    say(f"{kills} kills of the server: {told['answered']} answers, none lost, {time.monotonic() - began:.0f} s")
    return {**told, "idle": idle, "seconds": round(time.monotonic() - began)}


def _enough(done: Counter[str], kills: int) -> bool:
    return done.total() >= kills and all(done[point] >= min(EACH_POINT, kills) for point in NAMED)


def histories(seed: int, count: int, minutes: float) -> dict[str, Any]:
    """Random histories, some side by side in each home, until enough lived or the time is over."""
    began, done, homes = time.monotonic(), 0, Counter[str]()
    while done < count and time.monotonic() - began < minutes * 60:
        lives = min(LIVES, count - done)
        with (
            tempfile.TemporaryDirectory(prefix="bienho-histories-") as folder,
            temporary_home(ready=True) as made,
            open_app(made.home.path) as app,
        ):
            try:
                history.live(app, Path(folder), seed * 1_000 + homes["homes"], lives=lives, steps=STEPS)
            except AssertionError as error:
                raise SystemExit(f"soak: histories of seed {seed * 1_000 + homes['homes']}: {error}") from error
        homes["homes"] += 1
        done += lives
        say(f"{done} histories equal their rebuild, {time.monotonic() - began:.0f} s")
    return {"histories": done, "asked_for": count, "homes": homes["homes"], "seconds": round(time.monotonic() - began)}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--histories", type=int, default=1_000)
    parser.add_argument("--minutes", type=float, default=math.inf, help="at most, for kills and for histories each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="also write what was done to this file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bienho-soak-") as folder:
        told = {"seed": given.seed, "power": power_cuts(Path(folder), given.seed)}
    if given.kills:
        told["sieges"] = sieges(given.seed, given.kills, given.minutes)
    if given.kills:
        told["senders"] = senders(given.seed, min(given.kills, DOOR_KILLS))
    if given.histories:
        told["histories"] = histories(given.seed, given.histories, given.minutes)
    text = json.dumps(told, indent=2, ensure_ascii=False)
    print(text)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
