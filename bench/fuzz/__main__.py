"""`python -m bench.fuzz [--cases N] [--seed S]`: mutated envelopes through the reader, judged by what must always hold.

`--case N` makes one case again: same seed, same number, same bytes. Ends with 1 when a promise broke, when a worker
held more memory than allowed, or when less than 90 % of the reader's branches were reached.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import queue
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from bench.fuzz import cases, seeds, worker
from bench.fuzz.oracle import Fault, Judge
from bench.fuzz.worker import MEMORY_MIB, Orders, Step

CASES = 1_000_000
REACH_CASES = 6_000
REACH_PERCENT = 90.0
SILENCE_S = 120
"""Wall seconds without a word from a worker before it is taken for hung where no signal reaches."""
READER = ("read*.py", "columns.py")
SHOWN = 3


@dataclass
class Total:
    """What all workers found together."""

    faults: list[Fault] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    done: int = 0
    compared: int = 0
    worst_s: float = 0.0
    worst_case: int = -1
    rss_mib: float = 0.0

    def add(self, step: Step) -> None:
        self.faults += step.faults
        self.outcomes += step.outcomes
        self.compared += step.compared
        self.rss_mib = max(self.rss_mib, step.rss_mib)
        if step.worst_s > self.worst_s:
            self.worst_s, self.worst_case = step.worst_s, step.worst_case


class Hand:
    """One worker process and the range it must get through, whatever happens to the process."""

    def __init__(self, seed: int, first: int, last: int) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._orders = Orders(seed, first, last)
        self.done = first
        self.start()

    def start(self) -> None:
        self._reports: Any = self._context.Queue()
        self._current: Any = self._context.Value("q", self._orders.first)
        self._process = self._context.Process(
            target=worker.work, args=(self._orders, self._reports, self._current), daemon=True
        )
        self._heard = time.monotonic()
        self._process.start()

    @property
    def finished(self) -> bool:
        return self.done >= self._orders.last

    def listen(self, total: Total) -> None:
        """Take what the worker told; a worker that died is replaced by one that leaves its last case out."""
        try:
            while True:
                step = self._reports.get(timeout=0.2)
                total.add(step)
                total.done += step.upto - self.done
                self.done, self._heard = step.upto, time.monotonic()
        except queue.Empty:
            pass
        silent = time.monotonic() - self._heard > SILENCE_S
        if self.finished or (self._process.is_alive() and not silent):
            return
        if silent:
            self._process.kill()
        self._process.join()
        culprit = self._current.value
        total.faults.append(Fault(culprit, f"the process died: {self._process.exitcode}"))
        self._orders = Orders(self._orders.seed, self.done, self._orders.last, {*self._orders.skip, culprit})
        self.start()


def run(seed: int, first: int, count: int, workers: int, kept: Callable[[Total, float], object]) -> tuple[Total, float]:
    """Judge cases first … first + count in `workers` processes; (what was found, wall seconds).

    `kept` is given what is known so far now and then: a run of an hour that is stopped has not run for nothing.
    """
    began = shown = time.monotonic()
    named = 0
    bounds = [first + count * place // workers for place in range(workers + 1)]
    hands = [Hand(seed, low, high) for low, high in pairwise(bounds) if high > low]
    total = Total()
    while not all(hand.finished for hand in hands):
        for hand in hands:
            if not hand.finished:
                hand.listen(total)
        if time.monotonic() - shown > 10:
            shown = time.monotonic()
            print(
                f"  {total.done:,} of {count:,} cases, {total.done / (shown - began):,.0f}/s, "
                f"{len(total.faults)} faults, worst {total.worst_s:.2f} s, {total.rss_mib:.0f} MiB",
                flush=True,
            )
            for fault in total.faults[named:]:
                print(f"    case {fault.number}: {fault.what}", flush=True)
            named = len(total.faults)
            kept(total, shown - began)
    return total, time.monotonic() - began


def plainly(seed: int, first: int, count: int) -> Judge:
    """The same in this process, for whoever measures it from outside."""
    seeds.warm()
    judge = Judge()
    for number in range(first, first + count):
        judge.take(cases.make(seed, number))
    judge.settle()
    return judge


def reach(seed: int, count: int) -> dict[str, Any]:
    """Share of the reader's branches that `count` cases reach."""
    with tempfile.TemporaryDirectory() as scratch:
        data, report = Path(scratch, "data"), Path(scratch, "report.json")
        include = ",".join(f"*/standards/xml130/{name}" for name in READER)
        common = [sys.executable, "-m", "coverage"]
        arguments = ["-m", "bench.fuzz", "--plainly", "--seed", str(seed), "--cases", str(count)]
        for command in (
            [*common, "run", "--branch", f"--include={include}", f"--data-file={data}", *arguments],
            [*common, "json", "-q", f"--data-file={data}", "-o", str(report)],
        ):
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        told = json.loads(report.read_text(encoding="utf-8"))
    files = {
        Path(name).name: [one["summary"]["covered_branches"], one["summary"]["num_branches"], one["missing_branches"]]
        for name, one in sorted(told["files"].items())
    }
    totals = told["totals"]
    percent = 100 * totals["covered_branches"] / totals["num_branches"]
    return {
        "cases": count,
        "branches": totals["num_branches"],
        "reached": totals["covered_branches"],
        "percent": round(percent, 1),
        "by_file": {name: f"{covered} of {every}" for name, (covered, every, _) in files.items()},
        "not_reached": {name: missing for name, (_, _, missing) in files.items() if missing},
    }


def again(seed: int, number: int, out: Path | None) -> int:
    """One case once more, told in full."""
    case = cases.make(seed, number)
    if out:
        out.write_bytes(case.data)
    judge = Judge()
    # twice: a sequence of names is learned at its second sighting
    for _ in range(2):
        judge.take(case)
    judge.settle()
    print(f"case {number} of seed {seed}: {len(case.data)} bytes, {', '.join(case.trail) or 'unchanged'}")
    print(f"limits {case.limits}, door {case.door}, {judge.worst_s:.3f} s, {dict(judge.outcomes)}")
    for what in sorted({fault.what for fault in judge.faults}):
        print(f"FAULT {what}")
    return int(bool(judge.faults))


def machine() -> dict[str, object]:
    return {
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "load_before": [round(value, 2) for value in psutil.getloadavg()],
    }


def told(seed: int, workers: int, total: Total, seconds: float, before: dict[str, object]) -> dict[str, Any]:
    first: dict[str, list[int]] = {}
    for fault in total.faults:
        first.setdefault(fault.what, []).append(fault.number)
    return {
        "machine": before,
        "seed": seed,
        "cases": total.done,
        "workers": workers,
        "seconds": round(seconds, 1),
        "cases_per_s": round(total.done / seconds, 1),
        "worst_case": {"cpu_s": round(total.worst_s, 3), "case": total.worst_case},
        "memory_mib": {"most": round(total.rss_mib, 1), "limit": MEMORY_MIB},
        "hoso_compared_with_what_was_written": total.compared,
        "outcomes": dict(total.outcomes.most_common()),
        "faults": {what: {"times": len(numbers), "cases": numbers[:SHOWN]} for what, numbers in first.items()},
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--case", type=int, help="make and judge this one case again")
    parser.add_argument("--out", type=Path, help="with --case: write its bytes here")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--reach", type=int, default=REACH_CASES, help="cases of the run that counts branches; 0: none")
    parser.add_argument("--plainly", action="store_true", help="in this process, without limits and report")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args()
    if given.case is not None:
        return again(given.seed, given.case, given.out)
    if given.plainly:
        plainly(given.seed, given.first, given.cases)
        return 0
    before = machine()

    def keep(total: Total, seconds: float) -> dict[str, Any]:
        figures = told(given.seed, given.workers, total, seconds, before)
        if given.json:
            given.json.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return figures

    total, seconds = run(given.seed, given.first, given.cases, given.workers, keep)
    figures = keep(total, seconds)
    if given.reach:
        figures["reach"] = reach(given.seed, given.reach)
    text = json.dumps(figures, indent=2, ensure_ascii=False)
    print(text)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")
    enough = not given.reach or figures["reach"]["percent"] >= REACH_PERCENT
    return int(bool(total.faults) or total.rss_mib > MEMORY_MIB or not enough)


if __name__ == "__main__":
    sys.exit(main())
