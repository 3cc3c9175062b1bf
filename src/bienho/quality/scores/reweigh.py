"""Scores of a week once more under other weights, from the rows that cost points under the formula that stands.

For looking before deciding: weights of dimensions, severities, faults, delays and of what was set aside may differ.
What else would be judged (limits, expected numbers, weeks, a severity that weighs nothing now) needs the sources:
`pipeline.score_ask.simulate`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from bienho.quality.scores.formula import TOTAL, WHOLE, Formula

_MICRO = Decimal("0.000001")
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Lost:
    """Rows of `quality.score_loss` of one facility and week that are alike: `count` of them, `lost` together.

    `version`: the dossier, None for what is about none; `loose`: what was set aside.
    """

    dimension: str
    code: str
    rule: int | None
    severity: str
    version: int | None
    count: int
    lost: int
    loose: bool = False


def reweigh(formula: Formula, units: Mapping[str, int], rows: Iterable[Lost]) -> dict[str, Decimal]:
    """Dimension, and `TOTAL` where any has a weight → score; `units`: dimension → what it is counted over.

    The same digits as the steps of the scores give for a formula that differs in weights alone.
    """
    weigh = _Weights(formula)
    lost: dict[str, int] = defaultdict(int)
    dossiers: dict[tuple[str, int], int] = defaultdict(int)
    for row in rows:
        if row.loose:
            lost[row.dimension] += row.count * formula.quarantine * WHOLE
        elif row.code == _COPY:
            lost[row.dimension] += row.count * weigh.of(row) * WHOLE
        elif row.version is None:
            lost[row.dimension] += row.lost
        else:
            dossiers[row.dimension, row.version] += row.count * weigh.of(row)
    for (dimension, _), weight in dossiers.items():
        lost[dimension] += min(weight, WHOLE) * WHOLE
    return _whole(formula, {name: (200 * lost[name] + count) // (2 * count) for name, count in units.items()})


def reshare(formula: Formula, scores: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """The same where only weights of dimensions differ: the score of each dimension stays."""
    return _whole(formula, {name: int((_HUNDRED - score) / _MICRO) for name, score in scores.items()})


def _whole(formula: Formula, points: Mapping[str, int]) -> dict[str, Decimal]:
    """Scores from points lost in millionths."""
    found = {name: _HUNDRED - number * _MICRO for name, number in points.items()}
    shares = {one.id: one.weight for one in formula.dimensions if one.id in points}
    whole = sum(shares.values())
    if whole:
        summed = sum(share * points[name] for name, share in shares.items())
        found[TOTAL] = _HUNDRED - (2 * summed + whole) // (2 * whole) * _MICRO
    return found


_COPY = "IN-DUPLICATE"
"""A dossier sent again as it was: it is no dossier of its own, and each costs by itself."""


class _Weights:
    """What a row weighs, in thousandths of a dossier."""

    def __init__(self, formula: Formula) -> None:
        self._severity = formula.severity
        self._late = {one.code: one.weight for one in formula.late}
        self._codes = {one.code: one.weight for one in formula.faults if one.code and one.weight is not None}
        self._rules = {one.rule: one.weight for one in formula.faults if one.rule and one.weight is not None}

    def of(self, row: Lost) -> int:
        for known, key in ((self._late, row.code), (self._rules, row.rule), (self._codes, row.code)):
            if key in known:
                return known[key]  # type: ignore[index]
        return self._severity.get(row.severity, 0)
