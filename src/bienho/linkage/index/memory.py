"""An index in memory: for files without a home, and what the one in PostgreSQL is held to in tests."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

import pyarrow as pa

from bienho.linkage.index.packing import Row, table
from bienho.linkage.index.store import Cause, Move, Pairs, Tie, Told
from bienho.linkage.persons import SAME, Decision


class MemoryStore:
    """Dictionaries; see `Store`. `history` has (record, before, after, cause) in the order of change."""

    def __init__(self) -> None:
        self._records: dict[str, Row] = {}
        self._keys: dict[str, list[int]] = {}
        self._holders: dict[int, set[str]] = defaultdict(set)
        self._ties: dict[str, dict[str, Tie]] = defaultdict(dict)
        self._decisions: dict[str, set[Decision]] = defaultdict(set)
        self._persons: dict[str, str] = {}
        self.history: list[tuple[Move, Cause]] = []

    def keys(self, ids: Collection[str]) -> dict[str, list[int]]:
        return {one: self._keys[one] for one in ids if one in self._keys}

    def sizes(self, digests: Sequence[int], most: int) -> dict[int, int]:
        return {digest: min(most, len(self._holders.get(digest, ()))) for digest in digests}

    def holders(self, digests: Sequence[int], most: int = sys.maxsize) -> tuple[dict[int, int], list[tuple[int, str]]]:
        held = {digest: self._holders[digest] for digest in digests if digest in self._holders}
        return (
            self.sizes(digests, most),
            [(digest, one) for digest, some in held.items() if len(some) < most for one in some],
        )

    def keep(self, rows: Sequence[Row], digests: Mapping[str, Sequence[int]]) -> set[str]:
        for row in rows:
            one = row["record_id"]
            self._records[one], self._persons[one] = row, one
            self._keys[one] = list(digests.get(one, ()))
            for digest in self._keys[one]:
                self._holders[digest].add(one)
        return {row["record_id"] for row in rows}

    def drop(self, ids: Collection[str]) -> None:
        for one in ids:
            if self._records.pop(one, None) is None:
                continue
            for digest in self._keys.pop(one):
                self._holders[digest].discard(one)
            for other in self._ties.pop(one, {}):
                del self._ties[other][one]
            self._persons.pop(one, None)

    def records(self, ids: Collection[str]) -> list[Row]:
        return [self._records[one] for one in ids if one in self._records]

    def tie(self, ties: Iterable[Tie]) -> None:
        for one in ties:
            self._ties[one.left][one.right] = self._ties[one.right][one.left] = one

    def untie(self, pairs: Collection[tuple[str, str]]) -> None:
        for left, right in pairs:
            if self._ties[left].pop(right, None):
                del self._ties[right][left]

    def component(self, ids: Collection[str]) -> tuple[set[str], list[Told]]:
        found = set(ids) & self._records.keys()
        waiting = list(found)
        while waiting:
            one = waiting.pop()
            near = {other for other, tie in self._ties.get(one, {}).items() if tie.joins}
            near |= {side for said in self._decisions.get(one, ()) if said.verdict == SAME for side in said[1:3]}
            new = (near & self._records.keys()) - found
            found |= new
            waiting.extend(new)
        between = [
            Told(*tie[:4])
            for one in found
            for other, tie in self._ties.get(one, {}).items()
            if one < other and other in found
        ]
        return found, between

    def between(self, ids: Collection[str]) -> Pairs:
        here = set(ids)
        return {(one, other) for one in here for other in self._ties.get(one, {}) if one < other and other in here}

    def decide(self, decisions: Iterable[Decision]) -> None:
        for one in decisions:
            self._decisions[one.left].add(one)
            self._decisions[one.right].add(one)

    def undecide(self, decisions: Iterable[Decision]) -> None:
        for one in decisions:
            self._decisions[one.left].discard(one)
            self._decisions[one.right].discard(one)

    def decisions(self, ids: Collection[str]) -> list[Decision]:
        here = set(ids)
        said = (decision for one in here for decision in self._decisions.get(one, ()) if decision.left == one)
        return [decision for decision in said if decision.right in here]

    def persons(self, ids: Collection[str]) -> dict[str, str]:
        return {one: self._persons[one] for one in ids if one in self._persons}

    def assign(self, moves: Sequence[Move], cause: Cause) -> None:
        for move in moves:
            if move.after is not None:
                self._persons[move.record_id] = move.after
            if move.before != move.after:
                self.history.append((move, cause))

    def everyone(self) -> dict[str, str]:
        """The person of every record."""
        return dict(self._persons)

    def everything(self) -> pa.Table:
        """All records as CLEAN, in the order of their ids."""
        return table([row for _, row in sorted(self._records.items())])
