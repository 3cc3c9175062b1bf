"""Two records side by side; what differs is marked inside the values and said in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import ClassVar

from bienho.portal.components.badge import Badge

Part = tuple[str, bool]
"""A stretch of a value, and whether the other value has it not."""


@dataclass(frozen=True, slots=True)
class PairRow:
    """One field of both; `told` says in words how they stand to each other."""

    title: str
    left: Sequence[Part]
    right: Sequence[Part]
    told: Badge


@dataclass(frozen=True, slots=True)
class Pair:
    """`left` and `right` head the two columns; `opened`: the values came from the vault for this one look."""

    caption: str
    field: str
    left: str
    right: str
    told: str
    rows: Sequence[PairRow]
    component: ClassVar[str] = "pair"


def parts(left: str, right: str) -> tuple[list[Part], list[Part]]:
    """Both values cut where they differ: by words where there are several, else by letters."""
    wordy = " " in left or " " in right
    one, other = (_cut(text, wordy) for text in (left, right))
    found: tuple[list[Part], list[Part]] = ([], [])
    for kind, a, b, c, d in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        for side, stretch in ((0, one[a:b]), (1, other[c:d])):
            if stretch:
                found[side].append(("".join(stretch), kind != "equal"))
    return found


def _cut(text: str, wordy: bool) -> list[str]:
    if not wordy:
        return list(text)
    words = text.split(" ")
    return [word + (" " if place < len(words) - 1 else "") for place, word in enumerate(words)]
