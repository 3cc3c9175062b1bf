"""What training found, as data: no value of a person is in it, and two trainings with one seed give one text."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from bienho.core.errors import ConfigError
from bienho.linkage.model.comparisons import COMPARISONS, KINDS

FORM = 1
Shares = dict[str, dict[str, dict[str, float]]]

KIN_PER_MATCH, TWIN_PER_MATCH = 4.0, 0.03
"""Pairs of one household, and pairs of twins, for every pair of records of one person. A household of the province has
3.5 people, twins are one birth in ninety, and a patient comes two or three times. The second is fitted in training:
twins share their day of birth and commune, so nearly all of them are met; the first only where the broad rules bring
households together."""


@dataclass(frozen=True)
class Weights:
    """How often each kind of pair reaches each level, how rare a match is, and where the two lines are drawn.

    levels      comparison → level → kind of pair → probability
    matches     probability that two records drawn at random are of one person
    kin, twins  pairs of one household, pairs of twins, for every pair of one person
    means       kind of term → probability that two strangers agree on it
    classes     kind of term → digest → class of its share; '' for all others
    broad       whether the broad blocking rules are used
    link        log2 odds from which a pair is a link; review: from which a person is asked
    learned     what training saw: numbers of records and pairs, blocking recall, expected precision; for people to read
    """

    seed: int
    salt: str
    levels: Shares
    matches: float
    means: dict[str, float]
    classes: dict[str, dict[str, int]]
    broad: bool = False
    kin: float = KIN_PER_MATCH
    twins: float = TWIN_PER_MATCH
    link: float = 6.0
    review: float = -3.0
    learned: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """The weights as text, keys in order."""
        return json.dumps({"form": FORM, **asdict(self)}, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Weights:
        """Reads what `to_json` wrote. ConfigError CFG-LINK-WEIGHTS for another form or other comparisons."""
        try:
            given = json.loads(text)
            if given.pop("form") != FORM or set(given) != {one.name for one in fields(cls)}:
                raise ValueError("form")
            weights = cls(**given)
            for comparison in COMPARISONS:
                for level in comparison.levels:
                    if set(weights.levels[comparison.name][level.key]) != set(KINDS):
                        raise ValueError("levels")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                "CFG-LINK-WEIGHTS",
                "Bộ trọng số liên kết không đọc được hoặc thuộc phiên bản khác",
                hint="Huấn luyện lại: bienho link batch không kèm --weights",
                who="người quản trị hệ thống",
            ) from error
        return weights


def untrained() -> Shares:
    """The shares before anything was seen."""
    return {
        comparison.name: {
            level.key: {kind: float(getattr(level, kind)) for kind in KINDS} for level in comparison.levels
        }
        for comparison in COMPARISONS
    }
