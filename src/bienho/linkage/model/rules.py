"""What is settled without weighing: safe rules that make a link, and what forbids one until a person decides."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bienho.linkage.model.comparisons import COMPARISONS

_PLACE = {c.name: {level.key: number for number, level in enumerate(c.levels, 1)} for c in COMPARISONS}
Levels = dict[str, npt.NDArray[np.int8]]
Flags = npt.NDArray[np.bool_]

SURE = 16.0
"""Bits given to a pair that a safe rule settles, where weighing gave less."""

MODEL = "model"


def reached(levels: Levels, comparison: str, *keys: str) -> Flags:
    """Where a comparison ended in one of these levels."""
    return np.isin(levels[comparison], [_PLACE[comparison][key] for key in keys])


def safe_rules(levels: Levels) -> dict[str, Flags]:
    """Name of the rule → where it holds; the first that holds is told."""
    same_name = reached(levels, "name", "marked", "plain", "marks", "turned", "syllable_lost")
    like_name = same_name | reached(levels, "name", "letter", "close")
    same_birth = reached(levels, "birth", "same", "swapped", "year_by_one", "digit")
    near_birth = same_birth | reached(levels, "birth", "year_only", "two_parts")
    return {
        "cccd": reached(levels, "personal", "cccd") & ((like_name & near_birth) | same_name),
        "cmnd": reached(levels, "personal", "cmnd") & like_name & near_birth,
        "insurance": reached(levels, "insurance", "same") & same_name & near_birth,
        "local": reached(levels, "local", "same") & same_name & near_birth,
    }


def vetoes(levels: Levels) -> dict[str, Flags]:
    """Name of the constraint → where it forbids a silent join; the first that holds is told."""
    return {
        "cccd": reached(levels, "personal", "cccd_other", "cccd_digit"),
        "sex": reached(levels, "sex", "other"),
        "birth": reached(levels, "birth", "far"),
        "twins": reached(levels, "mother", "numbered_apart"),
    }


def named(found: dict[str, Flags], otherwise: str | None) -> npt.NDArray[np.object_]:
    """The first name that holds, by row."""
    names = np.full(len(next(iter(found.values()))), otherwise, dtype=object)
    for name, where in reversed(found.items()):
        names[where] = name
    return names
