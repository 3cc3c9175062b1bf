"""Where one is in the portal, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Crumb:
    title: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Crumbs:
    items: Sequence[Crumb]
    label: str = ""
    component: ClassVar[str] = "crumbs"
