"""A join is risky by all records of both persons, not by the two that were asked about."""

from __future__ import annotations

import pytest

from bienho.linkage.index import Cause, Index, MemoryStore, digester
from bienho.linkage.index.contradictions import contradictions
from bienho.linkage.persons import Decision
from support.few_people import ByHand, record, table

CAUSE = Cause("delivery", "D1")
A1, A2, B1, B2 = (letter * 32 for letter in "1234")
HOA = {"given": "hoa", "birth_year": 1950, "sex": "2"}


def told(**values: dict[str, object]) -> tuple[dict[tuple[str, str], str], MemoryStore]:
    """What joining the persons of A1, A2 and of B1, B2 breaks, asked about A1 and B1."""
    rows = [record(one, place, **HOA) for place, one in enumerate((A1, A2, B1, B2))]
    for row, name in zip(rows, ("a1", "a2", "b1", "b2"), strict=True):
        row |= values.get(name, {})
    store, matcher = MemoryStore(), ByHand()
    index = Index(store, matcher, digester(bytes(32), matcher))
    index.add(table(rows), CAUSE)
    said = [(A1, A2, "same"), (B1, B2, "same"), (A1, B1, "different")]
    index.decide([Decision(place, *one) for place, one in enumerate(said)], CAUSE)  # type: ignore[arg-type]
    persons = store.everyone()
    assert (persons[A1], persons[B1]) == (persons[A2], persons[B2])
    assert persons[A1] != persons[B1]
    return contradictions(store, matcher, [(A1, B1)]), store


@pytest.mark.parametrize(
    ("left", "right", "broken"),
    [
        ({"cccd": "064150000001"}, {"cccd": "064150000002"}, "cccd"),
        ({"sex": "1"}, {}, "sex"),
        ({}, {"birth_year": 1980}, "birth"),
    ],
)
def test_what_other_records_hold_makes_a_join_risky(
    left: dict[str, object], right: dict[str, object], broken: str
) -> None:
    assert told(a2=left, b2=right)[0] == {(A1, B1): broken}


def test_a_join_that_breaks_nothing_is_nobodys_second_word() -> None:
    assert told()[0] == {}
    assert told(a2={"birth_year": None, "sex": None}, b2={"birth_year": 1961})[0] == {}
