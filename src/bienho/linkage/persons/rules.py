"""The numbers that decide who is one person once pairs are weighed, and what a person may not be joined of."""

from __future__ import annotations

from dataclasses import dataclass

STEPS = 1024
"""Weights are counted in whole steps of 1/1024 bit: sums of whole numbers do not depend on their order."""


@dataclass(frozen=True, slots=True)
class Rules:
    """All weights are log2 match weights (bits); `years` is a number of years.

    link    a pair of this weight or more, without a veto, may join two records
    floor   a pair below this weight says no more than one that was never weighed
    absent  what such a pair counts for when two groups are compared
    stop    two groups join while the mean over all pairs between them is this or more
    bound   no single pair counts for more than this, so that one strong pair does not carry many weak ones
    years   years of birth further apart than this are of two people
    """

    link: float = 6.0
    floor: float = 0.0
    absent: float = -3.0
    stop: float = 1.0
    bound: float = 20.0
    years: int = 12

    def __post_init__(self) -> None:
        if not self.absent <= self.floor <= self.link <= self.bound or not self.absent < self.stop <= self.link:
            raise ValueError("absent <= floor <= link <= bound and absent < stop <= link")


RULES = Rules()
