"""A number that is never alone: comparison, freshness, quality mark, and a link that explains it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bienho.portal.components.badge import Badge


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` is written already; `comparison` says against what; `fresh` as of when; `href` explains the number."""

    title: str
    value: str
    unit: str
    comparison: str
    fresh: str
    quality: Badge
    href: str
    reason: str = ""
    component: ClassVar[str] = "figure"
