"""Warning and epidemic by the numbers of Circular 15/2026/TT-BYT, Articles 16 and 22. Pure: arrays in, arrays out.

One place of every array is one commune and one disease. Readings where the text leaves room:
- the limit is strict (a count equal to it does not exceed it), so that no case is never a warning;
- SD is that of a sample (n - 1);
- a week above mean + 2 SD is a warning too: Article 22 names the span up to it, Article 16 judges the month;
- cases of one commune count as linked (16.1.c, 22.1.c) until somebody has looked.

The trap: years that the rule itself calls epidemic must not leave the baseline, or it freezes at the lowest years and
the alarm locks on. Only `declared` years leave it, and they come from a register that people keep.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

YEARS = 5
"""Years of a baseline (16.1.b, 22.1.b)."""
LEAST = 3
"""With fewer years there is no baseline."""
LOOK_BACK = 10
"""No year further back than this takes the place of one that was left out."""
LINKED_MONTH, LINKED_WEEK = 5, 3
"""Linked cases that make an epidemic (16.1.c) or a warning (22.1.c) where the disease is not endemic."""


class State(IntEnum):
    """What the numbers say. UNKNOWN: a rule could not be asked; CHECK: group A, a case that is not confirmed yet."""

    UNKNOWN = -1
    NORMAL = 0
    CHECK = 1
    WARNING = 2
    EPIDEMIC = 3


ARTICLES = ("", "16.1", "16.1.a", "16.1.b", "16.1.c", "22.1.a", "22.1.b", "22.1.c")
"""Which rule spoke, by its place; 16.1: which rule holds is not decided."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """Mean and SD of the years that count; `used` and `declared` have a column per year, the last year first.

    `years`: how many count. NaN where there are none (mean) or fewer than two (sd).
    """

    mean: Reals
    sd: Reals
    years: Counts
    used: Flags
    declared: Flags

    @property
    def enough(self) -> Flags:
        return self.years >= LEAST

    @property
    def short(self) -> Flags:
        """History shorter than the law's five years."""
        return self.years < YEARS

    def limit(self, deviations: float) -> Reals:
        """mean + `deviations` SD; NaN where the history is not enough."""
        return np.where(self.enough, self.mean + deviations * self.sd, np.nan)


def baseline(counts: npt.ArrayLike, present: npt.ArrayLike, declared: npt.ArrayLike) -> Baseline:
    """The newest five years that were counted (`present`) and are not `declared` years of epidemic.

    All (n, years), the last year first; a year left out is replaced by an earlier one as far as the columns go.
    """
    values = np.asarray(counts, dtype=np.float64)
    there = np.asarray(present, dtype=bool)
    left_out = np.asarray(declared, dtype=bool) & there
    used = there & ~left_out
    used &= np.cumsum(used, axis=1) <= YEARS
    years = used.sum(axis=1)
    total = np.where(used, values, 0.0).sum(axis=1)
    mean = np.divide(total, years, out=np.full(len(values), np.nan), where=years > 0)
    square = np.where(used, (values - mean[:, None]) ** 2, 0.0).sum(axis=1)
    sd = np.sqrt(np.divide(square, years - 1, out=np.full(len(values), np.nan), where=years > 1))
    # an older declared year would not have been looked at
    looked = np.cumsum(used, axis=1) < YEARS
    return Baseline(mean, sd, years, used, left_out & looked)


def assume_endemic(counts: npt.ArrayLike, present: npt.ArrayLike) -> npt.NDArray[np.int8]:
    """Whether a disease nobody has decided about counts as endemic: 1, 0, or -1 where fewer than three years are known.

    Endemic: cases in at least three of the last five years in this same month. Where they all had none, SD is zero and
    one case would be an epidemic; the law's answer there is the branch of diseases that are not endemic.
    """
    there = np.asarray(present, dtype=bool)[:, :YEARS]
    with_cases = (np.asarray(counts)[:, :YEARS] > 0) & there
    known = there.sum(axis=1) >= LEAST
    return np.where(known, with_cases.sum(axis=1) >= LEAST, -1).astype(np.int8)


@dataclass(frozen=True, slots=True)
class Now:
    """Cases of one day's look: since day 1 of the month, since Monday, and confirmed ones since day 1 of the month."""

    month: Counts
    week: Counts
    confirmed: Counts


@dataclass(frozen=True, slots=True)
class Verdict:
    """`state` (State) and `article` (place in ARTICLES) of every place."""

    state: npt.NDArray[np.int8]
    article: npt.NDArray[np.int8]


def judge(now: Now, month: Baseline, week: Baseline, endemic: npt.ArrayLike, group_a: npt.ArrayLike) -> Verdict:
    """What Articles 16 and 22 say of `now`.

    `month` and `week` are the baselines of the same month and the same ISO week. A disease of group A is an epidemic by
    guidance of its own (16.1.a), which no list holds yet: here it is a warning at most. Where an endemic disease has no
    baseline, or `endemic` is -1 (not decided), the state is UNKNOWN unless there is no case at all.
    """
    decided, first = np.asarray(endemic), np.asarray(group_a, dtype=bool)
    lives_here, stranger, open_ = (~first & (decided == value) for value in (1, 0, -1))
    with np.errstate(invalid="ignore"):
        rules: tuple[tuple[Any, State, str], ...] = (
            (first & (now.confirmed >= 1), State.WARNING, "22.1.a"),
            (first & (now.month >= 1), State.CHECK, "22.1.a"),
            (lives_here & month.enough & (now.month > month.limit(2)), State.EPIDEMIC, "16.1.b"),
            (stranger & (now.month >= LINKED_MONTH), State.EPIDEMIC, "16.1.c"),
            (lives_here & week.enough & (now.week > week.limit(1)), State.WARNING, "22.1.b"),
            (stranger & (now.week >= LINKED_WEEK), State.WARNING, "22.1.c"),
            (open_ & (now.month + now.week > 0), State.UNKNOWN, "16.1"),
            (lives_here & ~(month.enough & week.enough) & (now.month + now.week > 0), State.UNKNOWN, "16.1.b"),
        )
    conditions = [rule[0] for rule in rules]
    state = np.select(conditions, [int(rule[1]) for rule in rules], int(State.NORMAL))
    article = np.select(conditions, [ARTICLES.index(rule[2]) for rule in rules], 0)
    return Verdict(state.astype(np.int8), article.astype(np.int8))
