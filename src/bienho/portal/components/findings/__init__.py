"""Findings as a list: what is wrong, where, who mends it and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bienho.portal.components.badge import Badge
from bienho.portal.components.state import State


@dataclass(frozen=True, slots=True)
class FindingItem:
    """`message` is the finding's own Vietnamese; `where` names table, row and field; `fix` says how to mend it."""

    badge: Badge
    message: str
    where: str
    owner: str
    fix: str
    code: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class FindingList:
    """`empty` is shown when there is nothing wrong."""

    items: Sequence[FindingItem]
    empty: State
    component: ClassVar[str] = "findings"
