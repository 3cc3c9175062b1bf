"""What a place shows when it has no data to show: empty, loading, error, partial, denied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True, slots=True)
class State:
    """Empty says what will appear and how to get it there; error what happened, what is safe, what to do, a code."""

    kind: Literal["empty", "loading", "error", "partial", "denied", "good"]
    title: str
    text: str = ""
    safe: str = ""
    do: str = ""
    code: str = ""
    href: str = ""
    link: str = ""
    component: ClassVar[str] = "state"
