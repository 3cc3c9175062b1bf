"""What would be broken by joining two persons of an index: looked for between all records of the one and of the other.

The pair that people are asked about weighs most of all between the two; another of their records may hold what
forbids the join.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bienho.linkage.index.packing import table
from bienho.linkage.index.store import Matcher, Store
from bienho.linkage.persons.constraints import firm

Pair = tuple[str, str]
AT_ONCE = 200_000
"""Pairs of records compared at a time."""


def contradictions(store: Store, matcher: Matcher, pairs: Collection[Pair]) -> dict[Pair, str]:
    """Of pairs of records: the constraint that a join of their two persons breaks, for those that break one.

    The veto of the first two records, in the order of their ids, between which there is one; else `cccd`, `sex` or
    `birth` where what two of them hold cannot be one person's.
    """
    everyone, _ = store.component({side for pair in pairs for side in pair})
    person = store.persons(everyone)
    members: dict[str, list[str]] = {}
    for one in sorted(everyone):
        members.setdefault(person[one], []).append(one)
    crossing: list[tuple[Pair, str, str]] = []
    found: dict[Pair, str] = {}
    for pair in sorted(pairs):
        sides = [members[person[side]] for side in pair]
        crossing += [(pair, one, other) for one in sides[0] for other in sides[1] if one != other]
        if len(crossing) >= AT_ONCE:
            found |= _among(store, matcher, crossing)
            crossing = []
    return found | _among(store, matcher, crossing)


def _among(store: Store, matcher: Matcher, crossing: Sequence[tuple[Pair, str, str]]) -> dict[Pair, str]:
    if not crossing:
        return {}
    rows = table(store.records({side for one in crossing for side in one[1:]}))
    ids = rows["record_id"].combine_chunks()
    left, right = (
        np.asarray(pc.index_in(pa.array([one[side] for one in crossing]), value_set=ids), np.int64) for side in (1, 2)
    )
    vetoes = matcher.score(rows.take(pa.array(left)), rows.take(pa.array(right)))["veto"].to_pylist()
    held = firm(rows)
    span = np.maximum(held.high[left], held.high[right]) - np.minimum(held.low[left], held.low[right])
    known = (held.high[left] > 0) & (held.high[right] > 0)
    broken = {
        "cccd": (held.number[left] >= 0) & (held.number[right] >= 0) & (held.number[left] != held.number[right]),
        "sex": (held.sex[left] > 0) & (held.sex[right] > 0) & (held.sex[left] != held.sex[right]),
        "birth": known & (span > matcher.rules.years),
    }
    found: dict[Pair, str] = {}
    for place, (pair, _, _) in enumerate(crossing):
        what = vetoes[place] or next((name for name, where in broken.items() if where[place]), None)
        if what:
            found.setdefault(pair, what)
    return found
