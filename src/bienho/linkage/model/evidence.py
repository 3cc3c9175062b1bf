"""What speaks for and against two records being of one person, as codes that pages put into words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from bienho.linkage.model.comparisons import COMPARISONS

SILENT = ""
"""Level of a comparison for which one of the two records says nothing."""
PLAIN = 2.0
"""A level that one kind of pair reaches this many times as often as the other says something."""


class Evidence(NamedTuple):
    """One comparison of a pair: the key of the level it ended in, and what that says."""

    comparison: str
    level: str
    side: Literal["for", "against", "neither"]


def evidence(pair: Mapping[str, Any]) -> list[Evidence]:
    """Of one row of PAIRS, in the order of `COMPARISONS`."""
    found = []
    for comparison in COMPARISONS:
        number = pair[comparison.name]
        if not number:
            found.append(Evidence(comparison.name, SILENT, "neither"))
            continue
        level = comparison.levels[number - 1]
        found.append(Evidence(comparison.name, level.key, _side(level.match, level.random)))
    return found


def _side(match: float, random: float) -> Literal["for", "against", "neither"]:
    if match >= PLAIN * random:
        return "for"
    return "against" if random >= PLAIN * match else "neither"
