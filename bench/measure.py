"""CPU-seconds of everything that works for us: this process, its children, and the embedded PostgreSQL's whole tree."""

from __future__ import annotations

import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from bienho.config import Home, create_key
from bienho.database import places, remove_database, server
from bienho.pipeline import App, open_app, setup


@dataclass
class Spent:
    """Seconds of CPU (ours, PostgreSQL's) and of the wall between entering and leaving `spending`."""

    own_s: float = 0.0
    postgres_s: float = 0.0
    wall_s: float = 0.0

    @property
    def cpu_s(self) -> float:
        return self.own_s + self.postgres_s


def own_cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def postgres_cpu(home: Home) -> float:
    """All CPU the server has used since it started: the postmaster, its living children and those it has reaped."""
    place = places.locate(home, create=False)
    running = server.postmaster(place.data) if place else None
    if running is None:
        return 0.0
    total = 0.0
    postmaster = psutil.Process(running.pid)
    for process in (postmaster, *postmaster.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
        if process.pid == postmaster.pid:
            total += times.children_user + times.children_system
    return total


@contextmanager
def spending(home: Home) -> Iterator[Spent]:
    spent = Spent()
    own, postgres, wall = own_cpu(), postgres_cpu(home), time.perf_counter()
    yield spent
    spent.wall_s = time.perf_counter() - wall
    spent.own_s, spent.postgres_s = own_cpu() - own, postgres_cpu(home) - postgres


@contextmanager
def fresh_app(origin: Literal["raw", "twin"] = "raw") -> Iterator[App]:
    """A new home with its key and first run done, deleted afterwards. XDG_CONFIG_HOME is the caller's business."""
    folder = Path(tempfile.mkdtemp(prefix="bienho-bench-"))
    home = Home.create(folder / "home", origin=origin)
    key = create_key(home)
    try:
        with open_app(home.path) as app:
            setup.first_run(app)
            yield app
    finally:
        remove_database(home)
        key.unlink()
        shutil.rmtree(folder, ignore_errors=True)


def mean(values: list[float], digits: int = 3) -> dict[str, float]:
    """Mean, least and most of the rounds."""
    return {
        "mean": round(statistics.fmean(values), digits),
        "min": round(min(values), digits),
        "max": round(max(values), digits),
    }
