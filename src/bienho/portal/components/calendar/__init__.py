"""Months of days, each with a mark and a word: what was sent, what is missing. A table of the days stands behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from bienho.portal.components.table import Table
from bienho.quality.sending_days import Mood


@dataclass(frozen=True, slots=True)
class Day:
    """One day. `said` is its state in words, `text` the small line in its cell; `mark` a sign beside the colour."""

    day: date
    mood: Mood
    mark: str
    said: str
    text: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Month:
    """Weeks from Monday; None where a week has days of another month."""

    title: str
    weeks: Sequence[Sequence[Day | None]]


@dataclass(frozen=True, slots=True)
class Calendar:
    """`weekdays` are the seven heads, short and long; `legend` pairs a mood and mark with its word."""

    id: str
    title: str
    summary: str
    weekdays: Sequence[tuple[str, str]]
    months: Sequence[Month]
    legend: Sequence[tuple[Mood, str, str]]
    table: Table
    component: ClassVar[str] = "calendar"
