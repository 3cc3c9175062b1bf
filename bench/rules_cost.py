"""What all rules cost over a million dossiers, on two cores; beside it a plain scan.

Two processes each make twins, one after the other, and judge them a part at a time as when the whole lake is judged
again; each part `TIMES` times, of which nothing is kept, because to make a dossier costs twenty times as much as to
judge it. They wait for each other before every measure, so that both cores judge at once and what the clock shows is
what two cores take.
"""

from __future__ import annotations

import multiprocessing as mp
import shutil
import tempfile
import time
from collections import Counter
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from bench.judged import House, Twin, lists_of
from bienho.synthetic import Plan

PERSONS, MONTHS, SEED = 6_000, 12, 20261128
A_PART = 18_500
"""About as many dossiers a twin of this size has."""
LINES = 30
TIMES = 4
PROCESSES = 2
ASKED_S = 45


def cost(dossiers: int) -> dict[str, Any]:
    """CPU and clock of all rules over at least `dossiers`, as they are and with their lines repeated until there are
    `LINES` a dossier.
    """
    parts = -(-dossiers // (A_PART * TIMES * PROCESSES))
    spawned = mp.get_context("spawn")
    barrier = spawned.Barrier(PROCESSES)
    told = spawned.SimpleQueue()
    workers = [spawned.Process(target=_work, args=(number, parts, barrier, told)) for number in range(PROCESSES)]
    for worker in workers:
        worker.start()
    shares = [told.get() for _ in workers]
    for worker in workers:
        worker.join()
    return {
        "checks": shares[0]["checks"],
        "processes": PROCESSES,
        **{name: _told([share[name] for share in shares]) for name in ("as_they_are", "with_more_lines")},
        "target_a_million_on_2_cores_s": ASKED_S,
    }


def _work(number: int, parts: int, barrier: Barrier, told: Any) -> None:
    """One process: its parts made, judged and scanned. `wall_us` is taken between two meetings of all processes."""
    spent: dict[str, Any] = {name: Counter[str]() for name in ("as_they_are", "with_more_lines")}
    try:
        for part in range(parts):
            with tempfile.TemporaryDirectory(prefix="bienho-bench-") as folder:
                plan = Plan(persons=PERSONS, months=MONTHS, seed=SEED + part * PROCESSES + number)
                twin = Twin(plan, Path(folder) / "part")
                shutil.rmtree(Path(folder) / "part")
            house = House(twin.versions, lists_of(twin.versions))
            del twin
            if not part:
                house.judge()  # what a process pays once
            for name in ("as_they_are", "with_more_lines"):
                if name == "with_more_lines":
                    house.lengthen(LINES)
                _measure(house, spent[name], barrier)
            spent["checks"] = len(house.plan.checks)
        told.put(spent)
    except BaseException:
        barrier.abort()
        told.put({})
        raise


def _measure(house: House, spent: Counter[str], barrier: Barrier) -> None:
    lines, dossiers = house.size()
    barrier.wait()
    began = time.perf_counter()
    cpu = sum(house.judge() for _ in range(TIMES))
    barrier.wait()
    wall = time.perf_counter() - began
    scan = sum(house.scan() for _ in range(TIMES))
    spent.update({"different": dossiers, "dossiers": dossiers * TIMES, "lines": lines * TIMES})
    spent.update({"rules_us": round(cpu * 1e6), "wall_us": round(wall * 1e6), "scan_us": round(scan * 1e6)})


def _told(shares: list[Counter[str]]) -> dict[str, Any]:
    spent: Counter[str] = sum(shares, Counter())
    wall = max(share["wall_us"] for share in shares) / 1e6
    return {
        "different_dossiers": spent["different"],
        "dossiers": spent["dossiers"],
        "lines": spent["lines"],
        "lines_per_dossier": round(spent["lines"] / spent["dossiers"], 1),
        "rules_s_on_2_cores": round(wall, 1),
        "rules_cpu_s": round(spent["rules_us"] / 1e6, 2),
        "scan_cpu_s": round(spent["scan_us"] / 1e6, 2),
        "ratio_to_scan": round(spent["rules_us"] / spent["scan_us"], 2),
        "cpu_us_per_dossier": round(spent["rules_us"] / spent["dossiers"], 1),
        "s_per_million_dossiers": round(wall / spent["dossiers"] * 1e6, 1),
    }
