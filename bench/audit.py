"""What the record of looks costs ingest: the same files taken in with it and, in this process only, without it.

A twin's files are dealt into small shares, and two homes take in the same share one after the other, each as the
command does it: the caller's leave asked, then everything in raw and in the lake. In one of the two `AuditLog.append`
does nothing. Which home that is, and which of the two comes first, alternates, so that neither a home that has grown
nor a machine that grows slower favours a side; the first share only warms up. CPU-seconds are those of the whole
process tree with PostgreSQL, because time of the wall says more about the neighbours.

`ratio` is with over without: the geometric mean of the pairs with its 95 % interval (Student's t over the logarithms).
A share is far smaller than what one command takes in, and one command writes one event whatever it takes in: the price
is seen larger than it is. `event_cpu_ms` is the price of one event by itself, decided and written, the least of several
blocks, and `events_share_percent` what it is of a share: a second way to the same figure, without the noise of ingest.
"""

from __future__ import annotations

import gc
import math
import statistics
import tempfile
from collections.abc import Sequence
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
PAIRS = 20
"""Pairs of a round."""
EVENTS = 200
BLOCKS = 5
TARGET_PERCENT = 5.0
#: Student's t at 97.5 % by degrees of freedom; beyond the table, that of a hundred pairs is near enough.
STUDENT = (0.0, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145)
NORMAL = 1.98


def run(*, rounds: int, persons: int, dossiers: int) -> dict[str, object]:
    """Figures of `rounds` times PAIRS pairs over a twin of `persons`."""
    del dossiers
    spent: dict[bool, list[float]] = {True: [], False: []}
    written: list[int] = []
    with tempfile.TemporaryDirectory(prefix="bienho-bench-corpus-") as folder:
        made = generate(Plan(persons=persons, months=12, seed=SEED), Path(folder, "files"))
        given = dealt(sorted(path for path in Path(folder, "files").rglob("*") if path.is_file()), rounds * PAIRS + 1)
        with fresh_app() as one, fresh_app() as other:
            for pair, files in enumerate(given):
                homes = (one, other) if pair % 4 < 2 else (other, one)
                for app in homes:
                    recorded = (app is one) == (pair % 2 == 0)
                    cpu, events = taken_in(app, files, recorded=recorded)
                    if pair:
                        spent[recorded].append(cpu)
                        written += [events] if recorded else []
    price = event_price()
    events = max(written)
    share = 100 * events * price / 1_000 / statistics.fmean(spent[False])
    return {
        "persons": persons,
        "files": made.files,
        "pairs": len(spent[True]),
        "files_of_one_share": len(given[0]),
        "cpu_s_with_record": mean(spent[True]),
        "cpu_s_without": mean(spent[False]),
        "ratio": interval(spent[True], spent[False]),
        "events_of_one_share": events,
        "event_cpu_ms": round(price, 3),
        "events_share_percent": round(share, 3),
        "target_percent": TARGET_PERCENT,
    }


def dealt(files: Sequence[Path], shares: int) -> list[list[Path]]:
    """The files in so many shares of one size and one mix; what is left over is left out."""
    each = len(files) // shares
    return [list(files[n :: len(files) // each][:each]) for n in range(shares)]


def taken_in(app: App, files: Sequence[Path], *, recorded: bool) -> tuple[float, int]:
    """CPU-seconds of one ingest as the command does it, and how many events it wrote."""
    silent = nullcontext() if recorded else mock.patch.object(audit.AuditLog, "append", return_value=0)
    before = events_in(app)
    gc.collect()
    with silent, spending(app.home) as one:
        ask.permit(app, "ingest", "files")
        ingest(app, files, threads=1, compute=False)
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
        reach = (STUDENT[count - 1] if count <= len(STUDENT) else NORMAL) * statistics.stdev(logs) / math.sqrt(count)
        found |= {"low": round(math.exp(middle - reach), 4), "high": round(math.exp(middle + reach), 4)}
    return found
