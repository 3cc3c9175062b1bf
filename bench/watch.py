"""What the bench of doors sees of a running house: when findings and scores are there, whose CPU it took, its jobs."""

from __future__ import annotations

import statistics
import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import psutil

from bench.measure import postgres_cpu
from bienho.database import Role
from bienho.pipeline import App
from bienho.pipeline.backlog import read_progress
from bienho.pipeline.catalog import current_catalog

EVERY_S = 0.1
_JOBS = """
    SELECT task, count(*), coalesce(sum(extract(epoch FROM ended_at - started_at)), 0)
    FROM jobs.standing WHERE status = 'succeeded' AND started_at > to_timestamp(%s) GROUP BY task ORDER BY task
"""
What = Literal["taken", "scored"]


class Watch:
    """Notes when findings and scores of deliveries could be seen, as `pipeline.progress` tells it to pages."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.seen: dict[What, list[tuple[int, float]]] = {"taken": [], "scored": []}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        catalog = current_catalog(self._app.home)
        with self._app.database.connect(Role.WORKER, autocommit=True) as connection:
            while not self._stop.wait(EVERY_S):
                progress = read_progress(connection, catalog)
                for what, last in (("taken", progress.last_seq), ("scored", progress.scored_seq)):
                    seen = self.seen[what]  # type: ignore[index]
                    if not seen or last > seen[-1][0]:
                        seen.append((last, time.time()))

    def wait(self, seq: int, seconds: float) -> None:
        """Until findings and scores of everything up to `seq` were seen, or so many seconds."""
        end = time.time() + seconds
        while time.time() < end and any(not seen or seen[-1][0] < seq for seen in self.seen.values()):
            time.sleep(EVERY_S)
        self._stop.set()
        self._thread.join()

    def delays(self, moments: Sequence[tuple[int, float]], what: What) -> list[float]:
        """Seconds from each (sequence, moment of its answer) until it could be seen; never counts as without end."""
        lasts = [last for last, _ in self.seen[what]]
        found = []
        for seq, moment in moments:
            place = bisect_left(lasts, seq)
            at = self.seen[what][place][1] if place < len(lasts) else float("inf")
            found.append(max(0.0, at - moment))
        return found

    def batches(self) -> dict[str, float]:
        """How many batches were seen, how many deliveries one held and how far one came after the other."""
        seen = self.seen["taken"]
        sizes = [after[0] - before[0] for before, after in pairwise(seen)]
        gaps = [after[1] - before[1] for before, after in pairwise(seen)]
        if not sizes:
            return {"count": 0}
        return {
            "count": len(sizes),
            "deliveries_median": statistics.median(sizes),
            "deliveries_max": max(sizes),
            "apart_s_median": round(statistics.median(gaps), 2),
            "apart_s_max": round(max(gaps), 2),
        }


class Tree:
    """CPU of the server, of its worker and what that starts, and of PostgreSQL since it was made."""

    def __init__(self, pid: int, app: App) -> None:
        self._server, self._app = psutil.Process(pid), app
        self._before = self._now()

    def _now(self) -> dict[str, float]:
        children = self._server.children(recursive=True)
        return {
            "server": sum(self._server.cpu_times()[:2]),
            "worker": sum(_used(child) for child in children),
            "postgres": postgres_cpu(self._app.home),
        }

    def spent(self) -> dict[str, float]:
        return {name: value - self._before[name] for name, value in self._now().items()}


def _used(process: psutil.Process) -> float:
    """CPU of a process and of those it has reaped."""
    try:
        return sum(process.cpu_times()[:4])
    except psutil.NoSuchProcess:
        return 0.0


def settled(app: App, seconds: float = 600) -> None:
    """Wait until the worker has done what it found to make up for: the night's work of a house that slept."""
    end, quiet = time.time() + seconds, 0
    with app.database.connect(Role.WORKER, autocommit=True) as connection:
        while time.time() < end and quiet < 20:
            row = connection.execute(
                "SELECT count(*) FILTER (WHERE status IN ('todo', 'doing')), count(*) FROM jobs.standing"
            ).fetchone()
            quiet = quiet + 1 if row and row[1] and not row[0] else 0
            time.sleep(EVERY_S)


def jobs_done(app: App, since: float) -> dict[str, dict[str, float]]:
    """Kind → how many jobs ended well and how many seconds of the wall they took."""
    with app.database.connect(Role.WORKER, autocommit=True) as connection:
        rows: list[tuple[Any, ...]] = connection.execute(_JOBS, (since,)).fetchall()
    return {task: {"count": count, "seconds": round(float(seconds), 1)} for task, count, seconds in rows}


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, 95 and 99 of a hundred, and the most."""
    ranked = sorted(values)
    if not ranked:
        return {}
    places = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: round(ranked[min(len(ranked) - 1, int(len(ranked) * part))], 1) for name, part in places.items()}
