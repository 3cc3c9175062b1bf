"""How right the linkage of this release is: measured once on packs of made-up people, kept with the program.

The file is written by `python -m bench.linkage_estimate`, which links packs that the weights were not learned from.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from bienho.pipeline.persons import matched_by

NAME = "linkage_estimate.json"


Kind = Literal["usual", "twice", "no_ids"]
"""What the made-up people are like: most show an identity number and errors are as measured; twice the errors; three
in five never show a number (`bench/linkage_packs.py`)."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Shares from 0 to 1: `precision` and `recall` of pairs, `whole`: persons found whole and unmixed. `current`:
    whether it was measured with the weights and the code of this very program."""

    precision: float
    recall: float
    whole: float
    records: int
    packs: int
    current: bool


@cache
def estimate(kind: Kind = "usual") -> Estimate:
    """The stored estimate of one kind of people."""
    said = json.loads((files("bienho.pipeline") / NAME).read_text(encoding="utf-8"))
    found = said["kinds"][kind]
    current = said["matched_by"] == matched_by()
    return Estimate(found["precision"], found["recall"], found["whole"], said["records"], said["packs"], current)
