"""Which pairs people should look at first: those where an answer changes most.

The gain of an answer is how unsure the pair is × how much hangs on it × how much harm a wrong join would do. It is a
reckoning of this project, not a measured cost; what it must hold is in `tests/property/test_linkage_worklist.py`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float64]

UNSETTLED = pa.schema(
    [
        ("left", pa.string()), ("right", pa.string()), ("weight", pa.float64()), ("veto", pa.string()),
        ("left_visits", pa.int64()), ("right_visits", pa.int64()),
    ]
)  # fmt: skip
"""A pair of records of two persons, `left` < `right`: log2 odds of a match, the constraint it breaks or null, and how
many visits stand behind the person of each side (0 or more)."""

WORKLIST = UNSETTLED.append(pa.field("gain", pa.float64()))

HARM = {"cccd": 3.0, "sex": 2.0, "birth": 2.0, "twins": 3.0}
"""A wrong join over a broken constraint mixes two people who are surely two, and is noticed latest."""
CONTRADICTED = 0.1
"""Least chance on either side that is left to a pair whose weight says yes and a constraint no."""


def doubt(weight: Floats, contradicted: npt.NDArray[np.bool_]) -> Floats:
    """How unsure a pair is, in bits: 1 at even odds, 0 where the weight leaves no question."""
    chance = 1 / (1 + np.exp2(-np.clip(weight, -60, 60)))
    chance = np.where(contradicted, np.clip(chance, CONTRADICTED, 1 - CONTRADICTED), chance)
    other = 1 - chance
    with np.errstate(divide="ignore", invalid="ignore"):
        bits = -(chance * np.log2(chance) + other * np.log2(other))
    return np.nan_to_num(bits, nan=0.0)


def gain(pairs: pa.Table) -> Floats:
    """What an answer to each pair of UNSETTLED is worth; never below 0."""
    vetoes = pairs["veto"].to_pylist()
    weight = np.asarray(pairs["weight"], np.float64)
    visits = [np.maximum(np.asarray(pairs[name], np.float64), 1) for name in ("left_visits", "right_visits")]
    harm = np.array([1.0 if veto is None else HARM.get(veto, 2.0) for veto in vetoes], np.float64)
    contradicted = np.array([veto is not None for veto in vetoes], bool)
    return doubt(weight, contradicted) * np.log2(1 + visits[0] * visits[1]) * harm


def worklist(pairs: pa.Table, most: int) -> pa.Table:
    """The `most` pairs worth most, best first (schema WORKLIST); of equal ones the lesser names. Any order of rows in
    gives the same rows out."""
    worth = np.round(gain(pairs), 9)
    found = pairs.append_column("gain", pa.array(worth, pa.float64()))
    order = [("gain", "descending"), ("left", "ascending"), ("right", "ascending")]
    return found.sort_by(order).slice(0, most).cast(WORKLIST)
