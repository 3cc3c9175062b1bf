"""Name and value pairs of one thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bienho.portal.components.badge import Badge


@dataclass(frozen=True, slots=True)
class Fact:
    """`clipped` shows the start of a long code; hovering tells it whole, a click shows and selects it whole."""

    name: str
    value: str
    href: str = ""
    badge: Badge | None = None
    code: bool = False
    clipped: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    items: Sequence[Fact]
    component: ClassVar[str] = "facts"
