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

from bienho.linkage.index.packing import Row, table
from bienho.linkage.index.store import Cause, Matcher, Move, Pairs, Store, Tie, ordered
from bienho.linkage.model.blocking import CROWD
from bienho.linkage.persons import DECISIONS, FIRM, Decision, resolve
from bienho.linkage.records import CLEAN

Keys = Callable[[pa.Table], dict[str, list[int]]]
Rows = dict[str, Row]
"""Rows of CLEAN by record."""
NEEDED = pa.schema([CLEAN.field(name) for name in ("record_id", "arrived", *FIRM)])
TIES = pa.schema([("left", pa.string()), ("right", pa.string()), ("weight", pa.float64()), ("veto", pa.string())])


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
        rows = {row["record_id"]: row for row in clean.to_pylist()}
        if len(rows) < clean.num_rows:
            raise ValueError("a record is there twice")
        return self._change(rows, self._digests(clean), rows.keys(), cause)

    def remove(self, ids: Collection[str], cause: Cause) -> Changes:
        """Records go: their patient was erased, or nothing of theirs is current any more."""
        return self._change({}, {}, ids, cause)

    def decide(self, decisions: Sequence[Decision], cause: Cause) -> Changes:
        """People have said of pairs that they are, or are not, one person; of records that may come later too."""
        self._store.decide(decisions)
        return Changes(self._settle({side for one in decisions for side in one[1:3]}, {}, {}, set(), cause))

    def undecide(self, decisions: Sequence[Decision], cause: Cause) -> Changes:
        """As if these had not been said."""
        touched = {side for one in decisions for side in one[1:3]}
        near, _ = self._store.component(touched)
        self._store.undecide(decisions)
        return Changes(self._settle(near, {}, {}, set(), cause))

    def _change(self, rows: Rows, fresh: Mapping[str, Sequence[int]], ids: Collection[str], cause: Cause) -> Changes:
        store = self._store
        old = store.keys(ids)
        gone = Counter(digest for keys in old.values() for digest in keys)
        come = Counter(digest for keys in fresh.values() for digest in keys)
        digests = sorted(gone.keys() | come.keys())
        before, held = store.holders(digests, self._crowd + 1 + sum(gone.values()))
        touched, was = set[str](), dict[str, str]()
        if old:
            (touched, _), was = store.component(old), store.persons(old)
            store.drop(old)
        kept = store.keep(list(rows.values()), fresh) if rows else set()
        come = Counter(digest for one in kept for digest in fresh.get(one, ()))
        after = {digest: before.get(digest, 0) - gone[digest] + come[digest] for digest in digests}
        pairs = self._met(kept, fresh, after, [(digest, one) for digest, one in held if one not in old])
        risen = [one for one in digests if before.get(one, 0) <= self._crowd < after[one]]
        fallen = [one for one in digests if after[one] <= self._crowd < before.get(one, 0)]
        if risen:
            touched |= self._untie(risen, kept)
        if fallen:
            pairs |= self._within(fallen, kept)
        known = {one: rows[one] for one in kept}
        self._know({side for pair in pairs for side in pair}, known)
        ties = self._weigh(pairs, known)
        if ties:
            store.tie(ties)
        # a tie of a new record is found from there; one between others may be of two of one person
        touched |= kept | {side for tie in ties for side in tie[:2] if not kept.intersection(tie[:2])}
        return Changes(self._settle(touched, was, known, kept, cause), len(pairs))

    def _met(
        self,
        kept: Collection[str],
        fresh: Mapping[str, Sequence[int]],
        after: Mapping[int, int],
        held: Iterable[tuple[int, str]],
    ) -> Pairs:
        """Pairs of a new record and any other under a key that is no crowd's; `held` by those there before."""
        new: dict[int, list[str]] = {}
        for one in kept:
            for digest in fresh.get(one, ()):
                if 1 < after[digest] <= self._crowd:
                    new.setdefault(digest, []).append(one)
        found = {ordered(one, other) for digest, one in held for other in new.get(digest, ())}
        return found | _pairs(new.values())

    def _within(self, digests: Sequence[int], kept: Collection[str]) -> Pairs:
        """Pairs of records that were there before and meet under keys that are no crowd's any more, not tied yet."""
        under: dict[int, list[str]] = {}
        for digest, one in self._store.holders(digests)[1]:
            if one not in kept:
                under.setdefault(digest, []).append(one)
        found = _pairs(under.values())
        return found - self._store.between({side for pair in found for side in pair})

    def _untie(self, digests: Sequence[int], kept: Collection[str]) -> set[str]:
        """Take out ties between records that meet under no other key; the records they were of."""
        ids = {one for _, one in self._store.holders(digests)[1]}.difference(kept)
        keys = {one: set(found) for one, found in self._store.keys(ids).items()}
        common = {pair: keys[pair[0]] & keys[pair[1]] for pair in self._store.between(ids)}
        sizes = self._store.sizes(sorted({one for found in common.values() for one in found}), self._crowd + 1)
        lost = {pair for pair, found in common.items() if all(sizes.get(one, 0) > self._crowd for one in found)}
        self._store.untie(lost)
        return {side for pair in lost for side in pair}

    def _weigh(self, pairs: Pairs, known: Rows) -> list[Tie]:
        """The pairs that say something, weighed; whose row is not known cannot be opened any more."""
        asked = sorted(pair for pair in pairs if pair[0] in known and pair[1] in known)
        if not asked:
            return []
        told = self._matcher.tell([known[one] for one, _ in asked], [known[other] for _, other in asked])
        rules = self._matcher.rules
        least = min(rules.floor, self._matcher.review)
        return [
            Tie(*pair, weight, veto, joins=veto is None and weight >= rules.link)
            for pair, (weight, veto) in zip(asked, told, strict=True)
            if weight >= least
        ]

    def _know(self, ids: Collection[str], known: Rows) -> None:
        """Let the rows of these be known as well."""
        if strange := [one for one in ids if one not in known]:
            known |= {row["record_id"]: row for row in self._store.records(strange)}

    def _settle(
        self, touched: Collection[str], was: Mapping[str, str], known: Rows, kept: Collection[str], cause: Cause
    ) -> tuple[Move, ...]:
        """Persons anew for the components of what was touched. `was`: persons of records that were taken out; `kept`:
        records that are new, or there again."""
        store = self._store
        members, ties = store.component(touched)
        decisions = store.decisions(members)
        after = {one: one for one in members}
        if ties or decisions:
            self._know(members, known)
            persons = resolve(
                table([known[one] for one in members if one in known], NEEDED),
                pa.table([list(column) for column in zip(*ties, strict=True)] or [[]] * len(TIES), schema=TIES),
                _table(decisions),
                rules=self._matcher.rules,
            )
            after = dict(zip(persons["record_id"].to_pylist(), persons["person_id"].to_pylist(), strict=True))
        before = {**was, **store.persons([one for one in members if one not in kept])}
        moves = [
            Move(one, before.get(one), after.get(one))
            for one in sorted(before.keys() | after.keys())
            if before.get(one) != after.get(one)
        ]
        # a record that came again is its own person until it is told whose it was, and its ties are new
        again = [Move(one, after[one], after[one]) for one in was if after.get(one) == was[one]]
        store.assign([*moves, *again], cause)
        return tuple(moves)


def _pairs(groups: Iterable[Sequence[str]]) -> Pairs:
    """All pairs within each group."""
    return {ordered(one, other) for some in groups for place, one in enumerate(some) for other in some[place + 1 :]}


def _table(decisions: Iterable[Decision]) -> pa.Table:
    return pa.Table.from_pylist([one._asdict() for one in decisions], schema=DECISIONS)
