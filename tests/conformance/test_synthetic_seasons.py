"""Seasons of the twin against the monthly series of the two old provinces, which stay outside the project."""

from __future__ import annotations

import csv
from datetime import date

import numpy as np
import pytest

from bienho.config import load_profile
from bienho.synthetic import Plan
from bienho.synthetic.events.draw import Array, generator
from bienho.synthetic.events.folk import Folk
from bienho.synthetic.events.immunise import immunise
from bienho.synthetic.events.infection import cases
from bienho.synthetic.events.world import World
from bienho.synthetic.people import blocks, make
from bienho.synthetic.places import Map
from support.facts import SHARED

SERIES = SHARED / "facts" / "surveillance" / "data" / "gdpm_gialai_binhdinh_1980_2017_monthly.csv"
PROVINCES = ("Binh Dinh", "Gia Lai")  # east, west
pytestmark = pytest.mark.shared


def monthly(disease: str, province: str) -> Array:
    """Cases by month of the year over all years of the present provinces."""
    found = np.zeros(12)
    with SERIES.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if (row["disease"], row["province"]) == (disease, province) and row["cases"] not in ("", "NA"):
                found[int(row["month"]) - 1] += float(row["cases"])
    return found


def test_dengue_and_hand_foot_and_mouth_disease_follow_the_months_of_each_half() -> None:
    """Cases of people made, three calendar years, several times the usual rate so that chance tells little."""
    plan = Plan(persons=60_000, months=36, start=date(2025, 1, 1), seed=12, outbreaks=0, versions={"3176": 1.0})
    atlas = Map(load_profile("gialai"))
    world = World(plan, atlas)
    for one in world.diseases:
        one.patch[:] = 12 if one.key in ("dengue", "hfmd") else 0
    counts = np.zeros((2, 2, 12))
    keys = ("dengue", "hfmd")
    for block in blocks(plan, atlas):
        folk = Folk(world, *make(plan, atlas, block))
        found = cases(world, generator(12, block.number), folk, immunise(world, generator(13, block.number), folk))
        for place, key in enumerate(keys):
            mine = found.disease == world.disease_names.index(key)
            side = folk.side[found.person[mine]]
            np.add.at(counts[place], (side, world.days.month(found.onset[mine])), 1)
    for place, key in enumerate(keys):
        for side, province in enumerate(PROVINCES):
            assert counts[place, side].sum() > 500
            assert np.corrcoef(counts[place, side], monthly(key, province))[0, 1] >= 0.9, (key, province)
