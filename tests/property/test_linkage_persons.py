"""Persons: a function of three sets, as a slow clusterer finds them, and the same from a component alone."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from bienho.linkage.persons import DECISIONS, Decision, Rules, resolve
from support.slow_persons import Pair, Row, slow_resolve

RULES = Rules(link=5.0, floor=0.0, absent=-3.0, stop=1.0, bound=12.0, years=12)
CLEANED = pa.schema(
    [
        ("record_id", pa.string()), ("arrived", pa.int64()), ("cccd", pa.string()), ("cccd_birth_year", pa.int16()),
        ("cccd_sex", pa.string()), ("sex", pa.string()), ("name_sex", pa.string()), ("birth_year", pa.int16()),
    ]
)  # fmt: skip
PAIRED = pa.schema([("left", pa.string()), ("right", pa.string()), ("weight", pa.float64()), ("veto", pa.string())])
World = tuple[list[Row], list[Pair], list[Decision]]


@st.composite
def worlds(draw: st.DrawFn, most: int = 9) -> World:
    count = draw(st.integers(1, most))
    names = [f"r{number}" for number in draw(st.permutations(range(count)))]
    firm = st.sampled_from([None, None, "A", "B"])
    records = []
    for place, name in enumerate(names):
        number, sex = draw(firm), draw(st.sampled_from([None, "1", "1", "2"]))
        year = draw(st.sampled_from([None, 1950, 1958, 1970]))
        records.append(
            {"record_id": name, "arrived": draw(st.sampled_from([place, 0])), "cccd": number, "cccd_birth_year": None,
             "cccd_sex": None, "sex": sex, "name_sex": None, "birth_year": year, "firm_number": number is not None}
        )  # fmt: skip
    between = [(one, other) for one in sorted(names) for other in sorted(names) if one < other]
    weight = st.sampled_from([-5.0, 0.5, 4.9, 5.0, 5.5, 7.0, 7.0, 9.25, 30.0])
    veto = st.sampled_from([None] * 6 + ["twins"])
    chosen = draw(st.lists(st.sampled_from(between), unique=True)) if between else []
    pairs = [Pair(*pair, draw(weight), draw(veto)) for pair in chosen]
    said = draw(st.lists(st.sampled_from(between), max_size=5)) if between else []
    verdict = st.sampled_from(["same", "different"])
    return records, pairs, [Decision(order, *pair, draw(verdict)) for order, pair in enumerate(said)]


def found(world: World, seed: int | None = None) -> dict[str, str]:
    records, pairs, decisions = world
    if seed is not None:
        rng = random.Random(seed)
        records, pairs, decisions = (rng.sample(one, len(one)) for one in (records, pairs, decisions))
    persons = resolve(_table(records, CLEANED), _pairs(pairs), _decided(decisions), rules=RULES)
    return dict(zip(persons["record_id"].to_pylist(), persons["person_id"].to_pylist(), strict=True))


@settings(max_examples=300, deadline=None)
@given(worlds())
def test_a_slow_clusterer_finds_the_same_persons(world: World) -> None:
    assert found(world) == slow_resolve(*world, RULES)


@settings(max_examples=60, deadline=None)
@given(worlds(), st.integers(0, 1000))
def test_the_order_of_rows_is_nothing(world: World, seed: int) -> None:
    assert found(world, seed) == found(world)


@settings(max_examples=60, deadline=None)
@given(worlds(), worlds(6))
def test_what_happens_in_one_component_says_nothing_about_another(one: World, other: World) -> None:
    moved = (
        [row | {"record_id": "a" + row["record_id"], "arrived": row["arrived"] + 100} for row in other[0]],
        [pair._replace(left="a" + pair.left, right="a" + pair.right) for pair in other[1]],
        [
            said._replace(left="a" + said.left, right="a" + said.right, decided_at=said.decided_at + 2)
            for said in other[2]
        ],
    )
    together = tuple(left + right for left, right in zip(one, moved, strict=True))
    assert found(together) == found(one) | found(moved)


@settings(max_examples=60, deadline=None)
@given(worlds(), st.data())
def test_a_decision_taken_back_leaves_no_trace(world: World, data: st.DataObject) -> None:
    """Merge then unmerge: what a later decision of the other kind and its absence leave are told by the pair alone."""
    records, pairs, decisions = world
    persons = found((records, pairs, []))
    joined = [one for one in decisions if one.verdict == "same"]
    if joined:
        apart = [one._replace(verdict="different", decided_at=one.decided_at + 100) for one in joined]
        after = found((records, pairs, joined + apart))
        assert after == found((records, pairs, apart))
        untouched = {side for one in joined for side in one[1:3]}
        for record, person in persons.items():
            if not any(persons[side] == person for side in untouched):
                assert after[record] == person


def _table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist([{name: row[name] for name in schema.names} for row in rows], schema=schema)


def _pairs(pairs: list[Pair]) -> pa.Table:
    return pa.Table.from_pylist([pair._asdict() for pair in pairs], schema=PAIRED)


def _decided(decisions: list[Decision]) -> pa.Table:
    return pa.Table.from_pylist([one._asdict() for one in decisions], schema=DECISIONS)
