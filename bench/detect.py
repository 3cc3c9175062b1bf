"""What the detectors cost and what they are worth: CPU of this process, beside the times R took for the same work.

The machine R was timed on was another one of two cores, so the ratio says an order, not a digit; where R is installed
it is run on the same series too (`beside_r`). `quiet`: false alarms on series without outbreaks.
Scenarios, real series and forecasts need the facts beside the checkout (BIENHO_SHARED) and are left out without them.
`twin`: outbreaks of a twin that never leaves the memory.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import date, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from bench import outbreaks
from bench.beside import r_is_here
from bench.measure import mean
from bienho.config import load_profile
from bienho.surveillance import METHODS, Panel, ScanOptions, detect, scan
from bienho.surveillance.evaluate import Quality, agreement, real_series, twin_outbreaks, without_outbreaks
from bienho.surveillance.evaluate.quality import wilson
from bienho.surveillance.forecast import MEMBERS, evaluate, published
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
SEED = outbreaks.SEED
# `r`: R on the same series, a quarter of an hour of one core; the others take some minutes each.
PARTS = ("timed", "power", "r", "forecast")
# Series without outbreaks of these seeds; nominal 1 %, and the range that is promised.
QUIET_SEEDS, NOMINAL = (1, 2, 3, 4, 5), (0.008, 0.013)
# Seconds R 4.2.2 with surveillance 1.20.3 took for the same number of series and weeks, one core.
R_NEWEST, R_YEAR = 71.0, 337.8
TWIN_PERSONS, TWIN_MONTHS, TWIN_OUTBREAKS = 400_000, 80, 60.0
PLAIN = {name: (name, dict[str, str]()) for name in METHODS}
# WIS one to three months ahead of ARIMA(2,0,0)(1,0,0)12 at the same origins, measured elsewhere.
DENGUE_BAR = (71.5, 95.3, 116.1)


def run(
    *, rounds: int, persons: int, dossiers: int, only: str | None = None, keep: Callable[[object], object] = repr
) -> dict[str, object]:
    """What is timed comes first and alone; the rest, whose figures hang on no clock, on as many processes as cores.

    only    one of `PARTS`
    keep    is given what stands so far, whenever more stands
    """
    del persons, dossiers
    began, figures = time.monotonic(), dict[tuple[str, ...], Any]()

    def put(place: tuple[str, ...], figure: Any) -> None:
        figures[place] = figure
        print(f"{time.monotonic() - began:6.0f} s  {' '.join(place)}", file=sys.stderr, flush=True)
        keep(_shaped(figures))

    wanted = PARTS if only is None else (only,)
    if "timed" in wanted:
        for place, work in _timed(rounds):
            put(place, work())
    tasks = {place: work for part in ("r", "power", "forecast") if part in wanted for place, work in _tasks(part)}
    with ProcessPoolExecutor(mp_context=get_context("fork"), max_workers=len(os.sched_getaffinity(0))) as pool:
        under_way = {pool.submit(work): place for place, work in tasks.items()}
        for done in as_completed(under_way):
            put(under_way[done], done.result())
    return _shaped(figures)


def _timed(rounds: int) -> Iterator[tuple[tuple[str, ...], Callable[[], Any]]]:
    newest = without_outbreaks(COMMUNES * DISEASES, years=6, seed=SEED)
    year = without_outbreaks(SERIES, years=8, seed=SEED)
    for name in ("farrington", "ensemble"):
        yield (name, "newest_week"), partial(_week, newest, name, rounds)
        yield (name, "year"), partial(_year, year, name, min(rounds, 2))
    yield ("scan",), partial(_scans, rounds)


def _week(panel: Panel, name: str, rounds: int) -> dict[str, object]:
    spent = _spent(partial(detect, panel, name, last=1), rounds)
    return {"series": panel.series, "cpu_s": spent, "limit_s": 2.0, "r_s": R_NEWEST}


def _year(panel: Panel, name: str, rounds: int) -> dict[str, object]:
    spent = _spent(partial(detect, panel, name, last=WEEKS), rounds)
    return {"series": panel.series, "weeks": WEEKS, "cpu_s": spent, "limit_s": 15.0, "r_s": R_YEAR}


def _tasks(part: str) -> Iterator[tuple[tuple[str, ...], Callable[[], Any]]]:
    """What no other task waits for, the longest first; a place is the way to it in the figures."""
    designs = FACTS / "data" / "noufaily2013_28_scenarios.csv"
    facts = FACTS.is_dir()
    if part == "r" and facts and r_is_here():
        for size in outbreaks.SIZES:
            yield (
                ("scenarios", "beside_r", "weeks_of_outbreaks", f"{size:g}"),
                partial(outbreaks.weeks_of_outbreaks, designs, size),
            )
        yield ("scenarios", "beside_r", "quiet"), outbreaks.quiet
        for size in outbreaks.SIZES:
            yield ("scenarios", "beside_r", "all_weeks", f"{size:g}"), partial(outbreaks.all_weeks, designs, size)
    if part == "power":
        yield ("twin",), _twin_figures
        for name in METHODS:
            yield ("quiet", name), partial(_quiet, name)
        for size in outbreaks.SIZES if facts else ():
            yield ("scenarios", "methods", f"{size:g}"), partial(_scenarios, designs, size)
            yield ("scenarios", "as_published", f"{size:g}"), partial(outbreaks.as_published, designs, size)
        if facts:
            yield ("agreement",), _agreement
            yield ("real",), _real
    if part == "forecast" and facts:
        for disease in published.BEGIN:
            yield ("forecast", disease), partial(_forecast, disease)


def _shaped(figures: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    """The figures as a tree in an order of their own; what is found size by size becomes one list."""
    shaped: dict[str, Any] = {
        "threads": os.environ.get("OPENBLAS_NUM_THREADS"),
        "quiet": {"series": SERIES, "weeks": WEEKS, "nominal": 0.01, "promised": NOMINAL},
        "scenarios": {"seed": SEED, "replicates": outbreaks.REPLICATES},
    }
    for place, figure in sorted(figures.items(), key=lambda pair: _rank(pair[0])):
        here = shaped
        for step in place[:-1]:
            here = here.setdefault(step, {})
        here[place[-1]] = figure
    scenarios = shaped["scenarios"]
    beside = scenarios.get("beside_r", {})
    for of, name in ((scenarios, "methods"), (scenarios, "as_published"), (beside, "weeks_of_outbreaks"),
                     (beside, "all_weeks")):  # fmt: skip
        if name in of:
            of[name] = [line for one in of[name].values() for line in (one if isinstance(one, list) else [one])]
    if beside:
        scenarios["beside_r"] = {"settings": outbreaks.HOUSE} | beside
    return shaped


def _rank(place: tuple[str, ...]) -> tuple[int, ...]:
    order = ("farrington", "ensemble", "scan", "quiet", "twin", "agreement", "real", "scenarios", "forecast")
    return (order.index(place[0]), *(int(step) if step.isdigit() else 0 for step in place))


def _twin_figures() -> dict[str, Any]:
    return {"persons": TWIN_PERSONS, "months": TWIN_MONTHS, "methods": [_told(one) for one in _twin()]}


def _agreement() -> dict[str, Any]:
    agreed = list(agreement(FACTS / "reference"))
    return {
        "outputs": len(agreed),
        "largest_relative": max(one.worst for one in agreed),
        "alarms_that_differ": sum(one.alarms_differ for one in agreed),
    }


def _real() -> list[dict[str, object]]:
    return [_told(one) for one in real_series(FACTS / "reference" / "inputs", PLAIN)]


def _scenarios(designs: Path, size: float) -> list[dict[str, object]]:
    return [_told(one) for one in outbreaks.by_method(designs, PLAIN, size)]


def _forecast(disease: str) -> dict[str, Any]:
    first, counts, heat = published.read(FACTS, disease)
    models = {"ensemble": MEMBERS, "plain": ("plain",), "seasonal": ("seasonal",)}
    scored = {name: evaluate(counts, first.month, members, heat) for name, members in models.items()}
    return {"bar_wis": DENGUE_BAR if disease == "dengue" else None} | {
        name: {
            "origins": one.origins,
            "wis": [round(float(value), 1) for value in one.wis.mean(axis=0)],
            "within": [round(value, 3) for value in (one.within50, one.within80, one.within95)],
            "brier": round(one.brier, 3),
        }
        for name, one in scored.items()
    }


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


def _quiet(name: str) -> dict[str, Any]:
    """Share of periods that alarm where nothing happened: the default methods by seed, the others once."""
    seeds = QUIET_SEEDS if name in ("farrington", "ensemble") else QUIET_SEEDS[:1]
    shares = []
    for seed in seeds:
        alarm = detect(without_outbreaks(SERIES, years=8, seed=seed), name, last=WEEKS).alarm
        shares.append(float(alarm.mean()))
    low, high = wilson(round(sum(shares) * alarm.size), len(shares) * alarm.size)
    return {
        "by_seed": dict(zip(seeds, (round(one, 5) for one in shares), strict=True)),
        "false_rate": round(float(np.mean(shares)), 5), "low": round(low, 5), "high": round(high, 5),
    }  # fmt: skip


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
