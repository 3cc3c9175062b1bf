"""The index ends in the persons of a batch, whatever came first, went, came again or was decided, and when."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from bienho.linkage.index import Cause, Index, MemoryStore, Move, digester
from bienho.linkage.persons import DECISIONS, Decision, resolve
from support.few_people import ByHand, some_decisions, some_records, table

KEY = bytes(range(32))
CAUSE = Cause("delivery", "D1")


def batch(rows: list[dict[str, Any]], decisions: list[Decision], crowd: int) -> dict[str, str]:
    """All pairs under all keys, at once and without an index."""
    clean, matcher = table(rows), ByHand()
    if not rows:
        return {}
    held = matcher.blocks(clean).to_pylist()
    groups: dict[tuple[int, str], list[str]] = {}
    for row in held:
        groups.setdefault((row["rule"], row["key"]), []).append(row["record_id"])
    pairs = sorted({(one, two) for g in groups.values() if len(g) <= crowd for one in g for two in g if one < two})
    places = {row["record_id"]: place for place, row in enumerate(rows)}
    left, right = (pa.array([places[pair[side]] for pair in pairs], pa.int64()) for side in (0, 1))
    scored = matcher.score(clean.take(left), clean.take(right))
    said = pa.Table.from_pylist([one._asdict() for one in decisions], schema=DECISIONS)
    persons = resolve(clean, scored, said, rules=matcher.rules)
    return dict(zip(persons["record_id"].to_pylist(), persons["person_id"].to_pylist(), strict=True))


def empty(crowd: int) -> tuple[MemoryStore, Index]:
    store, matcher = MemoryStore(), ByHand()
    return store, Index(store, matcher, digester(KEY, matcher), crowd=crowd)


@pytest.mark.parametrize("seed", range(6))
def test_any_way_to_the_same_records_ends_in_the_persons_of_a_batch(seed: int) -> None:
    rng = random.Random(seed)
    crowd = rng.choice([3, 5, 9, 1000])
    rows = some_records(rng, 13)
    decisions = some_decisions(rng, [row["record_id"] for row in rows], 5)
    strangers = some_records(rng, 4)
    expected = batch(rows, decisions, crowd)
    for _ in range(2):
        store, index = empty(crowd)
        said = [*decisions, *_about(strangers, rows, rng)]
        acts: list[tuple[str, Any]] = [("decide", one) for one in said]
        acts += [("stranger", one) for one in strangers]
        for row in rows:
            acts += [("add", row), ("wrong", row)] if rng.random() < 0.3 else [("add", row)]
        rng.shuffle(acts)
        here = set[str]()
        for kind, what in acts:
            if kind == "decide":
                index.decide([what], CAUSE)
            elif kind == "wrong":
                index.add(table([what | {"given": "khac", "phone": "0900000001"}]), CAUSE)
            else:
                index.add(table([what]), CAUSE)
            here |= {what["record_id"]} if kind in ("stranger",) else set()
        index.add(table(rows), CAUSE)  # sent again, in bulk
        index.remove(sorted(here), CAUSE)
        assert store.everyone() == expected
        assert _replayed(store) == expected, "the history tells another story"


@pytest.mark.parametrize("seed", range(4))
def test_merge_then_unmerge_restores_every_row(seed: int) -> None:
    rng = random.Random(100 + seed)
    rows = some_records(rng, 12)
    names = [row["record_id"] for row in rows]
    store, index = empty(5)
    index.add(table(rows), CAUSE)
    before = store.everyone()
    for decision in some_decisions(rng, names, 6):
        changes = index.decide([decision], Cause("decision", "D2"))
        assert changes.moves == tuple(
            Move(one, before[one], now) for one, now in sorted(store.everyone().items()) if now != before[one]
        )
        index.undecide([decision], Cause("decision", "D3"))
        assert store.everyone() == before


def test_what_is_remembered_of_keys_says_nothing_of_them() -> None:
    matcher = ByHand()
    clean = table(some_records(random.Random(1), 8))
    one, other = (digester(key, matcher)(clean) for key in (KEY, bytes(32)))
    assert one.keys() == other.keys()
    assert not {held for keys in one.values() for held in keys} & {held for keys in other.values() for held in keys}
    assert pc.sum(pc.is_valid(clean["given"])).as_py() == 8


def _about(strangers: list[dict[str, Any]], rows: list[dict[str, Any]], rng: random.Random) -> list[Decision]:
    """People say of strangers, who will go again, that they are this one and that one."""
    names = [(stranger["record_id"], rng.choice(rows)["record_id"]) for stranger in strangers for _ in (0, 1)]
    return [Decision(100 + place, *sorted(pair), "same") for place, pair in enumerate(names)]


def _replayed(store: MemoryStore) -> dict[str, str]:
    persons: dict[str, str] = {}
    for (record, before, after), _ in store.history:
        assert persons.get(record) == before
        if after is None:
            del persons[record]
        else:
            persons[record] = after
    return persons
