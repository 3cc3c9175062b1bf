"""Records come one by one or by the million, go, are sent again, are decided about: the persons are those of a batch.

A pair is looked at when it shares a key that at most `crowd` records hold. That is a property of the records that are
there, not of the order in which they came, so a key that a new record makes too common unties the pairs that met under
it alone, and one that falls below the line again ties them. Persons are made anew for the components that were touched,
by `persons.resolve`, which is a function of what is in a component.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from bienho.linkage.index.store import Cause, Matcher, Move, Store, Tie
from bienho.linkage.model.blocking import CROWD
from bienho.linkage.persons import DECISIONS, Decision, resolve

Keys = Callable[[pa.Table], dict[str, list[int]]]
Pairs = set[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Changes:
    """What an addition, a removal or a decision changed: `moves` in the order of record ids; `weighed` pairs."""

    moves: tuple[Move, ...] = ()
    weighed: int = 0

    @property
    def persons(self) -> frozenset[str]:
        """Every person that gained or lost a record."""
        return frozenset(side for move in self.moves for side in move[1:] if side is not None)


class Index:
    """`digests` makes the keyed digests of the blocking keys of a table of CLEAN."""

    def __init__(self, store: Store, matcher: Matcher, digests: Keys, *, crowd: int = CROWD) -> None:
        self._store = store
        self._matcher = matcher
        self._digests = digests
        self._crowd = crowd

    def add(self, clean: pa.Table, cause: Cause) -> Changes:
        """Records come, or come again with other content. Each record at most once in a table (ValueError)."""
        ids = clean.column("record_id").to_pylist()
        if len(set(ids)) < len(ids):
            raise ValueError("a record is there twice")
        return self._change(clean, ids, cause)

    def remove(self, ids: Collection[str], cause: Cause) -> Changes:
        """Records go: their patient was erased, or nothing of theirs is current any more."""
        return self._change(None, ids, cause)

    def decide(self, decisions: Sequence[Decision], cause: Cause) -> Changes:
        """People have said of pairs that they are, or are not, one person; of records that may come later too."""
        self._store.decide(decisions)
        return Changes(self._settle({side for one in decisions for side in one[1:3]}, {}, None, cause))

    def undecide(self, decisions: Sequence[Decision], cause: Cause) -> Changes:
        """As if these had not been said."""
        touched = {side for one in decisions for side in one[1:3]}
        near = self._store.component(touched)
        self._store.undecide(decisions)
        return Changes(self._settle(near, {}, None, cause))

    def _change(self, clean: pa.Table | None, ids: Collection[str], cause: Cause) -> Changes:
        store = self._store
        old = store.keys(ids)
        fresh = self._digests(clean) if clean is not None else {}
        gone = Counter(digest for keys in old.values() for digest in keys)
        come = Counter(digest for keys in fresh.values() for digest in keys)
        digests = sorted(gone.keys() | come.keys())
        before = store.sizes(digests, self._crowd + 1 + sum(gone.values()))
        touched, was = set[str](), dict[str, str]()
        if old:
            touched, was = store.component(old), store.persons(old)
            store.drop(old)
        kept = store.keep(clean, fresh) if clean is not None else set()
        come = Counter(digest for one in kept for digest in fresh.get(one, ()))
        after = {digest: before.get(digest, 0) - gone[digest] + come[digest] for digest in digests}
        pairs = self._met(kept, fresh, after)
        risen = [one for one in digests if before.get(one, 0) <= self._crowd < after[one]]
        fallen = [one for one in digests if after[one] <= self._crowd < before.get(one, 0)]
        if risen:
            touched |= self._untie(risen, kept)
        if fallen:
            pairs |= self._within(fallen, kept)
        if clean is not None:
            clean = clean.filter(pc.is_in(clean["record_id"], pa.array(sorted(kept), pa.string())))
        known = self._rows({side for pair in pairs for side in pair}, clean)
        ties = self._weigh(pairs, known)
        if ties:
            store.tie(ties)
        touched |= kept | {side for tie in ties for side in tie[:2]}
        return Changes(self._settle(touched, was, known, cause), len(pairs))

    def _met(self, kept: Collection[str], fresh: Mapping[str, Sequence[int]], after: Mapping[int, int]) -> Pairs:
        """Pairs of a new record and any other that meet under a key that is no crowd's."""
        held = [(digest, one) for one in kept for digest in fresh.get(one, ()) if after[digest] <= self._crowd]
        shared = sorted({digest for digest, _ in held if after[digest] > 1})
        if not shared:
            return set()
        new: dict[int, list[str]] = {digest: [] for digest in shared}
        for digest, one in held:
            if digest in new:
                new[digest].append(one)
        digests, records = self._store.holders(shared)
        found: Pairs = set()
        for digest, one in zip(digests.tolist(), records, strict=True):
            for other in new[digest]:
                if one < other:
                    found.add((one, other))
                elif other < one:
                    found.add((other, one))
        return found

    def _within(self, digests: Sequence[int], kept: Collection[str]) -> Pairs:
        """Pairs of records that were there before and meet under keys that are no crowd's any more, not tied yet."""
        found = self._pairs_under(digests)
        ids = {side for pair in found for side in pair}
        ties = self._store.ties(ids)
        there = set(zip(ties["left"].to_pylist(), ties["right"].to_pylist(), strict=True))
        return {pair for pair in found - there if pair[0] not in kept and pair[1] not in kept}

    def _untie(self, digests: Sequence[int], kept: Collection[str]) -> set[str]:
        """Take out ties between records that meet under no other key; the records they were of."""
        held, records = self._store.holders(digests)
        ids = set(records) - set(kept)
        ties = self._store.ties(ids)
        keys = {one: set(found) for one, found in self._store.keys(ids).items()}
        pairs = set(zip(ties["left"].to_pylist(), ties["right"].to_pylist(), strict=True))
        common = {pair: keys[pair[0]] & keys[pair[1]] for pair in pairs}
        sizes = self._store.sizes(sorted({one for found in common.values() for one in found}), self._crowd + 1)
        lost = {pair for pair, found in common.items() if all(sizes.get(one, 0) > self._crowd for one in found)}
        self._store.untie(lost)
        return {side for pair in lost for side in pair}

    def _pairs_under(self, digests: Sequence[int]) -> Pairs:
        held, records = self._store.holders(digests)
        under: dict[int, list[str]] = {}
        for digest, one in zip(held.tolist(), records, strict=True):
            under.setdefault(digest, []).append(one)
        return {
            (one, other) if one < other else (other, one)
            for group in under.values()
            for place, one in enumerate(group)
            for other in group[place + 1 :]
        }

    def _weigh(self, pairs: Pairs, rows: pa.Table) -> list[Tie]:
        """The pairs that say something, weighed; `rows` holds the records of both sides."""
        if not pairs:
            return []
        ordered = sorted(pairs)
        place = {one: number for number, one in enumerate(rows["record_id"].to_pylist())}
        left, right = (pa.array([place[pair[side]] for pair in ordered]) for side in (0, 1))
        scored = self._matcher.score(rows.take(left), rows.take(right))
        rules = self._matcher.rules
        told = scored.filter(pc.greater_equal(scored["weight"], min(rules.floor, self._matcher.review)))
        columns = (told[name].to_pylist() for name in ("left", "right", "weight", "veto"))
        return [
            Tie(one, other, weight, veto, joins=veto is None and weight >= rules.link)
            for one, other, weight, veto in zip(*columns, strict=True)
        ]

    def _rows(self, ids: Collection[str], known: pa.Table | None) -> pa.Table:
        """CLEAN of records: what is known of them already, and those of these that are not."""
        if known is None:
            return self._store.records(ids)
        others = set(ids).difference(known["record_id"].to_pylist())
        return pa.concat_tables([known, self._store.records(others)]) if others else known

    def _settle(
        self, touched: Collection[str], was: Mapping[str, str], known: pa.Table | None, cause: Cause
    ) -> tuple[Move, ...]:
        """Persons anew for the components of what was touched. `was`: persons of records that were taken out."""
        store = self._store
        members = store.component(touched)
        ties, decisions = store.ties(members), store.decisions(members)
        if ties.num_rows or decisions:
            rows = self._rows(members, known)
            rows = rows.filter(pc.is_in(rows["record_id"], pa.array(sorted(members), pa.string())))
            persons = resolve(rows, ties, _table(decisions), rules=self._matcher.rules)
            after = dict(zip(persons["record_id"].to_pylist(), persons["person_id"].to_pylist(), strict=True))
        else:
            after = {one: one for one in members}
        before = {**was, **store.persons(members)}
        moves = [
            Move(one, before.get(one), after.get(one))
            for one in sorted(before.keys() | after.keys())
            if before.get(one) != after.get(one)
        ]
        again = [Move(one, after[one], after[one]) for one in was if one in after and was[one] == after[one]]
        store.assign([*moves, *again], cause)
        return tuple(moves)


def _table(decisions: Iterable[Decision]) -> pa.Table:
    return pa.Table.from_pylist([one._asdict() for one in decisions], schema=DECISIONS)
