"""`python -m bench.soak [--minutes N] [--seed S]`: random deliveries, resends and kills, for as long as you like.

Each turn takes in a few files of a seeded twin (some twice) and, more often than not, kills the command with SIGKILL at
a random moment; sometimes PostgreSQL is killed too. In the end everything is brought up to date and `rebuild --compare`
must find the lake in use equal to a lake built from raw. The first difference or unexpected failure stops the soak.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bienho.config import Home
from bienho.database import places, remove_database, server

FILES_A_TURN = 25
KILL_SHARE = 0.6
POSTGRES_KILL_SHARE = 0.15
COMPARE_EVERY = 20
RUN_SECONDS_MAX = 600


@dataclass
class Soak:
    """One home under stress; every choice comes from `chance`, so a seed repeats the plan (not the timing)."""

    home: Path
    files: list[Path]
    chance: random.Random
    turns: int = 0
    kills: int = 0
    postgres_kills: int = 0
    compared: int = 0

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "bienho", "--home", str(self.home), *arguments]

    def must(self, *arguments: str) -> str:
        done = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, timeout=RUN_SECONDS_MAX, check=False
        )
        if done.returncode != 0:
            raise SystemExit(f"soak: {' '.join(arguments)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def turn(self) -> None:
        self.turns += 1
        wanted = [str(path) for path in self.chance.choices(self.files, k=FILES_A_TURN)]
        process = subprocess.Popen(
            self.command("ingest", *wanted, "--json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        if self.chance.random() < KILL_SHARE:
            try:
                process.wait(timeout=self.chance.uniform(0.2, 6))
            except subprocess.TimeoutExpired:
                self.kill(process)
        out, err = process.communicate(timeout=RUN_SECONDS_MAX)
        # 0 = done, 5 = the database went away under it (StorageError), -9 = our kill.
        if process.returncode not in (0, 5, -signal.SIGKILL):
            raise SystemExit(f"soak: ingest ended with {process.returncode}\n{out}{err}")
        if self.turns % COMPARE_EVERY == 0:
            self.compare()

    def kill(self, process: subprocess.Popen[str]) -> None:
        if self.chance.random() < POSTGRES_KILL_SHARE:
            home = Home.open(self.home)
            place = places.locate(home, create=False)
            running = server.postmaster(place.data) if place else None
            if running:
                os.kill(running.pid, signal.SIGKILL)
                self.postgres_kills += 1
        if process.poll() is None:
            process.kill()
            self.kills += 1

    def compare(self) -> None:
        self.must("run", "--json")
        self.must("rebuild", "--compare", "--json")
        self.compared += 1
        print(
            f"turn {self.turns}: equal to a rebuild ({self.kills} kills, {self.postgres_kills} of PostgreSQL)",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bienho-soak-"))
    os.environ["XDG_CONFIG_HOME"] = str(folder / "config")
    os.environ.pop("BIENHO_DATABASE_URL", None)
    home = folder / "home"
    soak = Soak(home, [], random.Random(given.seed))
    try:
        soak.must(
            "synth", "--out", str(folder / "files"), "--persons", "400", "--months", "6", "--seed", str(given.seed)
        )
        soak.files = sorted(
            path for path in (folder / "files").rglob("*") if path.is_file() and "truth" not in path.parts
        )
        soak.must("init")
        end = time.monotonic() + given.minutes * 60
        while time.monotonic() < end:
            soak.turn()
        soak.compare()
        print(json.dumps({"seed": given.seed, "turns": soak.turns, "kills": soak.kills, "compared": soak.compared}))
    finally:
        if (home / "home.json").exists():
            remove_database(Home.open(home))
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
