"""What the record of looks costs ingest: the same files taken in with it and, in this process only, without it.

A pair is two takings-in of one corpus into fresh homes, each as the command does it: the caller's leave asked, then
everything in raw and in the lake. In one of them `AuditLog.append` does nothing. Which comes first alternates from pair
to pair, so that a machine that grows slower or faster favours neither; the first pair only warms up. CPU-seconds are
those of the whole process tree with PostgreSQL, because time of the wall says more about the neighbours.

`ratio` is with over without: the geometric mean of the pairs with its 95 % interval (Student's t over the logarithms).
A busy machine widens the interval; what lies within it cannot be told from nothing. `event_cpu_ms` is the price of one
event by itself, decided and written, the least of several blocks, and `events_share_percent` what the events of one
ingest cost by that price: a second way to the same figure, without the noise of ingest.
"""

from __future__ import annotations

import gc
import math
import statistics
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

from bench.measure import fresh_app, mean, spending
from bienho.database import Role
from bienho.governance import audit
from bienho.pipeline import App, ask
from bienho.pipeline.ingest import ingest
from bienho.synthetic import Plan, generate

SEED = 20261123
EVENTS = 200
BLOCKS = 5
TARGET_PERCENT = 5.0
#: Student's t at 97.5 % by degrees of freedom; beyond the table the normal distribution is near enough.
STUDENT = (0.0, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145)


def run(*, rounds: int, persons: int, dossiers: int) -> dict[str, object]:
    """Figures of `rounds` pairs over a twin of `persons`."""
    del dossiers
    spent: dict[str, list[float]] = {"with": [], "without": []}
    written: list[int] = []
    with tempfile.TemporaryDirectory(prefix="bienho-bench-corpus-") as folder:
        corpus = Path(folder, "files")
        made = generate(Plan(persons=persons, months=12, seed=SEED), corpus)
        for pair in range(-1, rounds):
            order = ("with", "without") if pair % 2 else ("without", "with")
            for kind in order:
                cpu, events = taken_in(corpus, recorded=kind == "with")
                if pair >= 0:
                    spent[kind].append(cpu)
                    written += [events] if kind == "with" else []
    price = event_price()
    events = max(written)
    share = 100 * events * price / 1_000 / statistics.fmean(spent["without"])
    return {
        "persons": persons,
        "files": made.files,
        "pairs": rounds,
        "cpu_s_with_record": mean(spent["with"]),
        "cpu_s_without": mean(spent["without"]),
        "ratio": interval(spent["with"], spent["without"]),
        "events_of_one_ingest": events,
        "event_cpu_ms": round(price, 3),
        "events_share_percent": round(share, 3),
        "target_percent": TARGET_PERCENT,
    }


def taken_in(corpus: Path, *, recorded: bool) -> tuple[float, int]:
    """CPU-seconds of one ingest as the command does it, and how many events it wrote."""
    silent = nullcontext() if recorded else mock.patch.object(audit.AuditLog, "append", return_value=0)
    with fresh_app() as app:
        before = events_in(app)
        gc.collect()
        with silent, spending(app.home) as one:
            ask.permit(app, "ingest", "files")
            ingest(app, [corpus], threads=1, compute=False)
        return one.cpu_s, events_in(app) - before


def event_price() -> float:
    """CPU of one event in milliseconds, PostgreSQL's part included; the least mean of the blocks."""
    means = []
    with fresh_app() as app:
        for _ in range(BLOCKS):
            with spending(app.home) as one:
                for _ in range(EVENTS):
                    ask.permit(app, "ingest", "files")
            with (
                mock.patch.object(audit.AuditLog, "append", return_value=0),
                spending(app.home) as bare,
            ):
                for _ in range(EVENTS):
                    ask.permit(app, "ingest", "files")
            means.append((one.cpu_s - bare.cpu_s) / EVENTS * 1_000)
    return min(means)


def events_in(app: App) -> int:
    with app.database.connect(Role.GOVERNANCE) as connection:
        row: Any = connection.execute("SELECT seq FROM governance.audit_head").fetchone()
    return int(row[0])


def interval(having: list[float], lacking: list[float]) -> dict[str, float]:
    """Geometric mean of the pairs' ratios and its 95 % interval; one pair has none."""
    logs = [math.log(a / b) for a, b in zip(having, lacking, strict=True)]
    middle, count = statistics.fmean(logs), len(logs)
    found = {"mean": round(math.exp(middle), 4)}
    if count > 1:
        reach = (STUDENT[count - 1] if count <= len(STUDENT) else 1.96) * statistics.stdev(logs) / math.sqrt(count)
        found |= {"low": round(math.exp(middle - reach), 4), "high": round(math.exp(middle + reach), 4)}
    return found
