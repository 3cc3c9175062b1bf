"""The way of the data, from the bytes received to the number it counts in, each step a link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Step:
    title: str
    value: str
    text: str
    href: str = ""
    current: bool = False


@dataclass(frozen=True, slots=True)
class Trail:
    label: str
    steps: Sequence[Step]
    component: ClassVar[str] = "trail"
