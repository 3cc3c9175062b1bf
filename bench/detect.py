"""What the detectors cost and what they are worth: CPU of this process, beside the times R took for the same work.

The machine R was timed on was another one of two cores, so the ratio says an order, not a digit. `quiet`: false alarms
on series without outbreaks. `scenarios` and `real` need the facts beside the checkout (BIENHO_SHARED) and are left out
without them. `twin`: outbreaks of a twin that never leaves the memory.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.measure import mean
from bienho.config import load_profile
from bienho.surveillance import METHODS, ScanOptions, detect, scan
from bienho.surveillance.evaluate import (
    Quality,
    agreement,
    judge,
    read_scenarios,
    real_series,
    run_scenarios,
    twin_outbreaks,
    without_outbreaks,
)
from bienho.synthetic.events.draw import generator
from bienho.synthetic.events.folk import Folk
from bienho.synthetic.events.immunise import immunise
from bienho.synthetic.events.infection import cases
from bienho.synthetic.events.world import World
from bienho.synthetic.people import blocks, make
from bienho.synthetic.places import Map
from bienho.synthetic.plan import Plan

SHARED = Path(os.environ.get("BIENHO_SHARED", Path(__file__).resolve().parents[2] / "shared"))
FACTS = SHARED / "facts" / "surveillance"
COMMUNES, DISEASES, SERIES, WEEKS = 135, 81, 1000, 52
SEED, REPLICATES = 2013, 100
# Seconds R 4.2.2 with surveillance 1.20.3 took for the same number of series and weeks, one core.
R_NEWEST, R_YEAR = 71.0, 337.8
TWIN_PERSONS, TWIN_MONTHS, TWIN_OUTBREAKS = 400_000, 80, 60.0
# The settings of the stored run of the 28 scenarios, at its share of false alarms (0.91 %) instead of its alpha.
STORED = {
    "b": "5", "w": "3", "noPeriods": "10", "pastWeeksNotIncluded": "26", "weightsThreshold": "2.58",
    "thresholdMethod": "delta", "pThresholdTrend": "0.05",
}  # fmt: skip
PLAIN = {name: (name, dict[str, str]()) for name in METHODS}
LABELLED = {name: one for name, one in PLAIN.items() if name != "farrington-classic"} | {
    "delta 0.0067": ("farrington", STORED | {"alpha": "0.0067"}),
}


def run(*, rounds: int, persons: int, dossiers: int) -> dict[str, object]:
    del persons, dossiers
    newest = without_outbreaks(COMMUNES * DISEASES, years=6, seed=SEED)
    year = without_outbreaks(SERIES, years=8, seed=SEED)
    ours = _spent(lambda: detect(newest, "farrington", last=1), rounds)
    ensemble = _spent(lambda: detect(newest, "ensemble", last=1), 1)
    whole = _spent(lambda: detect(year, "farrington", last=WEEKS), 2)
    figures: dict[str, Any] = {
        "newest_week": {"series": COMMUNES * DISEASES, "cpu_s": ours, "limit_s": 2.0, "r_s": R_NEWEST},
        "newest_week_ensemble": {"series": COMMUNES * DISEASES, "cpu_s": ensemble},
        "year": {"series": SERIES, "weeks": WEEKS, "cpu_s": whole, "limit_s": 15.0, "r_s": R_YEAR},
        "scan": _scans(rounds),
        "quiet": [_told(one) for one in _quiet()],
        "twin": {"persons": TWIN_PERSONS, "months": TWIN_MONTHS, "methods": [_told(one) for one in _twin()]},
    }
    if FACTS.is_dir():
        agreed = list(agreement(FACTS / "reference"))
        figures["agreement"] = {
            "outputs": len(agreed),
            "largest_relative": max(one.worst for one in agreed),
            "alarms_that_differ": sum(one.alarms_differ for one in agreed),
        }
        figures["real"] = [_told(one) for one in real_series(FACTS / "reference" / "inputs", PLAIN)]
        figures["scenarios"] = {"seed": SEED, "replicates": REPLICATES, "methods": [_told(one) for one in _scenarios()]}
    return figures


def _scenarios() -> list[Quality]:
    scenarios = read_scenarios(FACTS / "data" / "noufaily2013_28_scenarios.csv")
    return run_scenarios(scenarios, LABELLED, replicates=REPLICATES, seed=SEED)


def _spent(work: Callable[[], object], rounds: int) -> dict[str, float]:
    spent = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return mean(spent)


def _scans(rounds: int) -> dict[str, object]:
    """Few and many cases in 135 places over 120 days, windows up to 60."""
    found: dict[str, object] = {"places": COMMUNES, "longest_window": 60, "replicates": 999, "limit_s": 10.0}
    for label, level in (("few", 0.05), ("many", 0.6)):
        random = np.random.default_rng(SEED)
        longitude, latitude = 107.5 + 1.8 * random.random(COMMUNES), 13 + 1.5 * random.random(COMMUNES)
        share = random.lognormal(np.log(level) - 0.5, 1, COMMUNES)
        counts = random.poisson(share[:, None] * np.ones(120))
        spent = _spent(partial(scan, counts, longitude, latitude, ScanOptions(replicates=999)), min(rounds, 2))
        found[label] = {"cases": int(counts.sum()), "cpu_s": spent}
    return found


def _quiet() -> list[Quality]:
    panel = without_outbreaks(SERIES, years=8, seed=1)
    found = []
    for name in METHODS:
        alarm = detect(panel, name, last=WEEKS).alarm
        found.append(judge("no outbreak", name, alarm, np.zeros(alarm.shape, dtype=np.int64), panel.frequency))
    return found


def _twin() -> list[Quality]:
    """All cases of a twin by day of onset, seen by a doctor or not, in the last of its years; made block by block."""
    plan = Plan(persons=TWIN_PERSONS, months=TWIN_MONTHS, seed=SEED, start=date(2020, 1, 1), outbreaks=TWIN_OUTBREAKS)
    atlas = Map(load_profile("gialai"))
    world = World(plan, atlas)
    told: dict[str, list[Any]] = {"day": [], "disease": [], "commune": [], "outbreak_no": []}
    codes = [place.code for place in atlas.places]
    for block in blocks(plan, atlas):
        people, moves = make(plan, atlas, block)
        folk = Folk(world, people, moves)
        doses = immunise(world, generator(world.seed, "events", "doses", block.number), folk)
        found = cases(world, generator(world.seed, "events", "cases", block.number), folk, doses)
        told["day"] += found.onset.astype("datetime64[D]").tolist()
        told["disease"] += [world.diseases[number].key for number in found.disease]
        told["commune"] += [codes[number] for number in found.place]
        told["outbreak_no"] += found.outbreak.tolist()
    outbreaks = [
        {
            "outbreak_no": one.number, "disease": world.diseases[one.disease].key,
            "first": _date(one.first), "end": _date(one.first + one.days),
        }
        for one in world.outbreaks
    ]  # fmt: skip
    return twin_outbreaks(told, outbreaks, plan.start, date(2026, 8, 31), PLAIN)


def _date(day: int) -> date:
    return date(1970, 1, 1) + timedelta(days=day)


def _told(one: Quality) -> dict[str, object]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in one.as_dict().items()}
