"""What must be done now: the first thing on a page, at most five items, each with who acts and by when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from bienho.portal.components.state import State


@dataclass(frozen=True, slots=True)
class Todo:
    """One thing to do; without `href` there is no page of it that is open to the reader."""

    tone: Literal["act", "warn", "info"]
    title: str
    text: str
    who: str
    due: str
    href: str
    link: str


@dataclass(frozen=True, slots=True)
class TodoList:
    title: str
    items: Sequence[Todo]
    good: State
    component: ClassVar[str] = "todo"
