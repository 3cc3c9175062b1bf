"""Doing work in one lake transaction: its notes, its retries."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bienho.core.ids import delivery_id, delivery_seq

_ID = re.compile(r"D\d{12,}")


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how long to wait when another transaction came first: base · 2ⁿ seconds, each half by chance."""

    attempts: int = 8
    base_seconds: float = 0.05
    longest_seconds: float = 5.0
    sleep: Callable[[float], None] = field(default=time.sleep)
    chance: Callable[[], float] = field(default=random.random)

    def wait(self, attempt: int) -> None:
        """Sleep after failed attempt number `attempt` (from 1)."""
        longest = min(self.base_seconds * 2 ** (attempt - 1), self.longest_seconds)
        self.sleep(longest * (0.5 + 0.5 * self.chance()))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One committed state of the lake; `deliveries` are the ids its commit names, `time` is when it was committed."""

    id: int
    time: datetime
    author: str | None
    message: str | None
    deliveries: tuple[str, ...]


def fold(deliveries: Sequence[str]) -> str:
    """Delivery ids as one short text: runs of following sequences as `first..last`, in ascending order."""
    plain = sorted({text for text in deliveries if not _ID.fullmatch(text)})
    numbers = sorted({delivery_seq(text) for text in deliveries if _ID.fullmatch(text)})
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    folded = [delivery_id(a) if a == b else f"{delivery_id(a)}..{delivery_id(b)}" for a, b in runs]
    return ",".join([*folded, *plain])


def unfold(text: str | None) -> tuple[str, ...]:
    """The ids `fold` wrote."""
    found: list[str] = []
    for part in (text or "").split(","):
        first, dots, last = part.partition("..")
        if dots:
            found.extend(delivery_id(n) for n in range(delivery_seq(first), delivery_seq(last) + 1))
        elif part:
            found.append(part)
    return tuple(found)
