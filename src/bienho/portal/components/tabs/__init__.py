"""Tabs as plain links: each is an address of its own and works without script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Tab:
    title: str
    href: str
    current: bool = False
    count: str = ""


@dataclass(frozen=True, slots=True)
class Tabs:
    label: str
    items: Sequence[Tab]
    component: ClassVar[str] = "tabs"
