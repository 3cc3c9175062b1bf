"""How right the linkage of this release is: measured once on packs of made-up people, kept with the program.

The file is written by `python -m bench.linkage_estimate`, which links packs that the weights were not learned from.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from bienho.pipeline.persons import matched_by

NAME = "linkage_estimate.json"


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
def estimate() -> Estimate:
    """The stored estimate."""
    said = json.loads((files("bienho.pipeline") / NAME).read_text(encoding="utf-8"))
    return Estimate(
        said["precision"],
        said["recall"],
        said["whole"],
        said["records"],
        said["packs"],
        said["matched_by"] == matched_by(),
    )
