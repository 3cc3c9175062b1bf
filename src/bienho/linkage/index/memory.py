"""An index in memory: for files without a home, and what the one in PostgreSQL is held to in tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bienho.linkage.index.store import Cause, Ints, Move, Tie
from bienho.linkage.persons import SAME, Decision
from bienho.linkage.records import CLEAN

TIES = pa.schema([("left", pa.string()), ("right", pa.string()), ("weight", pa.float64()), ("veto", pa.string())])


class MemoryStore:
    """Dictionaries; see `Store`. `history` has (record, before, after, cause) in the order of change."""

    def __init__(self) -> None:
        self._records: dict[str, pa.Table] = {}
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

    def holders(self, digests: Sequence[int]) -> tuple[Ints, list[str]]:
        found = [(digest, one) for digest in set(digests) for one in self._holders.get(digest, ())]
        return np.array([digest for digest, _ in found], np.int64), [one for _, one in found]

    def keep(self, clean: pa.Table, keys: Mapping[str, Sequence[int]]) -> set[str]:
        for place, one in enumerate(clean.column("record_id").to_pylist()):
            self._records[one] = clean.slice(place, 1)
            self._keys[one] = list(keys.get(one, ()))
            for digest in self._keys[one]:
                self._holders[digest].add(one)
        return set(clean.column("record_id").to_pylist())

    def drop(self, ids: Collection[str]) -> None:
        for one in ids:
            if self._records.pop(one, None) is None:
                continue
            for digest in self._keys.pop(one):
                self._holders[digest].discard(one)
            for other in self._ties.pop(one, {}):
                del self._ties[other][one]
            self._persons.pop(one, None)

    def records(self, ids: Collection[str]) -> pa.Table:
        return pa.concat_tables([CLEAN.empty_table(), *(self._records[one] for one in ids if one in self._records)])

    def tie(self, ties: Iterable[Tie]) -> None:
        for one in ties:
            self._ties[one.left][one.right] = self._ties[one.right][one.left] = one

    def untie(self, pairs: Collection[tuple[str, str]]) -> None:
        for left, right in pairs:
            if self._ties[left].pop(right, None):
                del self._ties[right][left]

    def component(self, ids: Collection[str]) -> set[str]:
        found = set(ids) & self._records.keys()
        waiting = list(found)
        while waiting:
            one = waiting.pop()
            near = {other for other, tie in self._ties.get(one, {}).items() if tie.joins}
            near |= {side for said in self._decisions.get(one, ()) if said.verdict == SAME for side in said[1:3]}
            new = (near & self._records.keys()) - found
            found |= new
            waiting.extend(new)
        return found

    def ties(self, ids: Collection[str]) -> pa.Table:
        here = set(ids)
        rows = [
            {"left": tie.left, "right": tie.right, "weight": tie.weight, "veto": tie.veto}
            for one in here
            for other, tie in self._ties.get(one, {}).items()
            if one < other and other in here
        ]
        return pa.Table.from_pylist(rows, schema=TIES)

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
        whole = self.records(list(self._records))
        return whole.take(pc.sort_indices(whole.column("record_id")))
