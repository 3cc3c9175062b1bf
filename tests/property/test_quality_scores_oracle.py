"""Scores: every point lost is explained by its rows, to the last digit, and a slow judge finds the same scores."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bienho.quality.scores import DIMENSIONS, TOTAL, Lost, reweigh, standing
from support.score_worlds import AS_OF, add_finding, cells, random_world, scored
from support.slow_scores import slow_scores

HUNDRED = Decimal(100)


@pytest.mark.parametrize("seed", range(6))
def test_a_slow_judge_finds_the_same_scores(seed: int) -> None:
    world, formula = random_world(seed), standing()
    if seed % 2:
        volume = replace(formula.volume, tolerance_percent=0, deviations=seed % 3)
        formula = replace(formula, volume=volume, weeks=5, closed_after_days=seed)
    found = {
        (row["facility_code"], row["week_start"], row["dimension"]): row["score"]
        for row in scored(world, formula)["result"]
    }
    assert found == slow_scores(world, formula, AS_OF)
    assert {name for _, _, name in found} == {*DIMENSIONS, TOTAL}


@pytest.mark.parametrize("seed", range(10, 14))
def test_points_lost_over_rows_are_what_the_score_lacks(seed: int) -> None:
    rng = random.Random(seed)
    shares = [rng.randint(0, 16) for _ in DIMENSIONS]
    formula = standing()
    dimensions = [replace(one, weight=share) for one, share in zip(formula.dimensions, shares, strict=True)]
    dimensions[0] = replace(dimensions[0], weight=dimensions[0].weight + 100 - sum(shares))
    world = random_world(seed)
    version = world["standard.xml130_dossier"][0]["version_id"]
    for number in range(100, 135):  # more than a dossier can lose, in thirds that no decimal ends
        add_finding(world, version, number, "RULE-FORMAT", None, "error")
    weights = {"error": 333, "warning": 7, "info": 1}
    weights = {"error": 333, "warning": 7, "info": 1}
    out = scored(world, replace(formula, dimensions=tuple(dimensions), severity=weights))
    summed: dict[Any, Decimal] = defaultdict(Decimal)
    for row in out["loss"]:
        assert row["lost"] > 0
        assert row["points"] >= 0
        cell = (row["facility_code"], row["dataset"], row["week_start"])
        summed[(*cell, row["dimension"])] += row["points"]
        summed[(*cell, TOTAL)] += row["points_total"]
    assert out["result"]
    for row in out["result"]:
        cell = (row["facility_code"], row["dataset"], row["week_start"], row["dimension"])
        assert row["score"] == HUNDRED - summed.pop(cell, Decimal(0)), cell
        assert 0 <= row["score"] <= HUNDRED
    assert not any(summed.values()), "a loss of a week that has no score"


@pytest.mark.parametrize("seed", range(30, 34))
def test_other_weights_are_tried_from_the_rows_that_cost_points(seed: int) -> None:
    """The same digits as the whole computation under those weights, though only lost points are looked at."""
    rng, formula, world = random.Random(seed), standing(), random_world(seed)
    other = replace(
        formula,
        severity={"error": rng.randint(1, 1000), "warning": rng.randint(1, 900), "info": 0},
        quarantine=rng.randint(1, 1000),
        late=tuple(replace(one, weight=rng.randint(1, 1000)) for one in formula.late),
        faults=tuple(one if one.weight is None else replace(one, weight=rng.randint(1, 1000))
                     for one in formula.faults),
    )  # fmt: skip
    shares = [rng.randint(0, 16) for _ in DIMENSIONS]
    shares[0] += 100 - sum(shares)
    other = replace(
        other, dimensions=tuple(replace(one, weight=w) for one, w in zip(formula.dimensions, shares, strict=True))
    )
    now = scored(world, formula)
    then = {
        (row["facility_code"], row["dataset"], row["week_start"], row["dimension"]): row["score"]
        for row in scored(world, other)["result"]
    }
    aside = {row["version_id"] for row in world["quality.quarantine"]}
    units: dict[Any, dict[str, int]] = defaultdict(dict)
    for row in now["result"]:
        if row["dimension"] != TOTAL:
            units[row["facility_code"], row["dataset"], row["week_start"]][row["dimension"]] = row["units"]
    lost: dict[Any, list[Lost]] = defaultdict(list)
    for row in now["loss"]:
        lost[row["facility_code"], row["dataset"], row["week_start"]].append(
            Lost(row["dimension"], row["code"], row["rule"], row["severity"], row["version_id"], 1, row["lost"],
                 row["version_id"] in aside)
        )  # fmt: skip
    tried = {
        (*cell, name): score for cell, held in units.items() for name, score in reweigh(other, held, lost[cell]).items()
    }
    assert tried == then


def test_the_order_of_rows_changes_no_digit() -> None:
    world = random_world(21)
    first = scored(world, standing())
    for rows in world.values():
        random.Random(5).shuffle(rows)
    assert scored(world, standing()) == first
    assert len(cells(first["result"])) > 20
