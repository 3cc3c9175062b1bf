"""What people decided about pairs, brought to groups that are surely one person and pairs that surely are not.

A later decision wins over an earlier one, over the same pair and where several pairs contradict each other: "A is B"
and "B is C" said after "A is not C" join all three; said before, the newest of the two stays and the older one is not
followed. The order is that of receipt; the result does not depend on the order in which they are handed over.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

import pyarrow as pa

SAME = "same"
DIFFERENT = "different"
DECISIONS = pa.schema(
    [("left", pa.string()), ("right", pa.string()), ("verdict", pa.string()), ("decided_at", pa.int64())]
)
"""`decided_at` is the order of receipt, not a time: equal for two decisions only where they say the same."""


class Decision(NamedTuple):
    """One verdict on two records; `left` < `right`."""

    decided_at: int
    left: str
    right: str
    verdict: Literal["same", "different"]


class Standing(NamedTuple):
    """What holds after all decisions: `joined` maps a record to the least record of its group (only records of groups
    of two or more), `apart` are pairs of different groups; `unheard` are decisions that newer ones contradict."""

    joined: dict[str, str]
    apart: list[tuple[str, str]]
    unheard: list[Decision]


def standing(decisions: Iterable[Decision]) -> Standing:
    """ValueError for a verdict that is neither `same` nor `different`, or about one record twice."""
    newest: dict[tuple[str, str], Decision] = {}
    for one in decisions:
        if one.verdict not in (SAME, DIFFERENT) or one.left >= one.right:
            raise ValueError("a decision is same or different of two records, the lesser one left")
        pair = (one.left, one.right)
        newest[pair] = max(one, newest.get(pair, one))
    groups = _Groups()
    apart, unheard = list[tuple[str, str]](), list[Decision]()
    for one in sorted(newest.values(), reverse=True):
        if one.verdict == SAME:
            heard = groups.join(one.left, one.right)
        elif heard := groups.part(one.left, one.right):
            apart.append((one.left, one.right))
        if not heard:
            unheard.append(one)
    joined = {record: groups.of(record) for record in groups.members()}
    return Standing(joined, sorted(apart), sorted(unheard))


def of_table(decisions: pa.Table) -> Iterable[Decision]:
    """The rows of a table of schema DECISIONS; the two records in either order."""
    for left, right, verdict, decided_at in zip(
        *(decisions.column(name).to_pylist() for name in DECISIONS.names), strict=True
    ):
        yield Decision(decided_at, min(left, right), max(left, right), verdict)


class _Groups:
    """Groups of records that are one, each known by its least record, and the groups they must not meet."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}
        self._enemies: dict[str, set[str]] = {}

    def of(self, record: str) -> str:
        root = record
        while (above := self._parent.get(root, root)) != root:
            root = above
        while record != root:
            self._parent[record], record = root, self._parent.get(record, root)
        return root

    def members(self) -> list[str]:
        return sorted(set(self._parent) | set(self._parent.values()))

    def join(self, left: str, right: str) -> bool:
        one, other = sorted((self.of(left), self.of(right)))
        if one == other:
            return True
        if other in self._enemies.get(one, ()):
            return False
        self._parent[other] = one
        self._parent.setdefault(one, one)
        for enemy in self._enemies.pop(other, set()):
            self._enemies[enemy].discard(other)
            self._oppose(one, enemy)
        return True

    def part(self, left: str, right: str) -> bool:
        one, other = self.of(left), self.of(right)
        if one == other:
            return False
        self._oppose(one, other)
        return True

    def _oppose(self, one: str, other: str) -> None:
        self._enemies.setdefault(one, set()).add(other)
        self._enemies.setdefault(other, set()).add(one)
