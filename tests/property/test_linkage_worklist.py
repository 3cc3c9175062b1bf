"""What the order of the worklist must hold, over any pairs."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from bienho.linkage.persons.worklist import HARM, UNSETTLED, WORKLIST, doubt, gain, worklist

PAIRS = st.lists(
    st.tuples(
        st.integers(0, 30), st.integers(31, 60), st.floats(-20, 60), st.sampled_from([None, *HARM, "new"]),
        st.integers(0, 400), st.integers(0, 400),
    ),
    max_size=25,
    unique_by=lambda row: row[:2],
)  # fmt: skip


def table(rows: list[tuple]) -> pa.Table:
    named = [(f"{row[0]:032x}", f"{row[1]:032x}", *row[2:]) for row in rows]
    return pa.table([list(column) for column in zip(*named, strict=True)] or [[]] * 6, schema=UNSETTLED)


@settings(max_examples=60, deadline=None)
@given(PAIRS, st.randoms(use_true_random=False), st.integers(0, 30))
def test_a_function_of_the_set(rows: list[tuple], chance: random.Random, most: int) -> None:
    mixed = list(rows)
    chance.shuffle(mixed)
    first = worklist(table(rows), most)
    assert first.schema == WORKLIST
    assert first.equals(worklist(table(mixed), most))
    assert first.num_rows == min(most, len(rows))
    worth = first["gain"].to_pylist()
    assert worth == sorted(worth, reverse=True)
    left_out = sorted(np.round(gain(table(rows)), 9), reverse=True)[most:]
    assert not worth or not left_out or worth[-1] >= left_out[0]


@settings(max_examples=60, deadline=None)
@given(PAIRS.filter(bool))
def test_more_behind_it_is_worth_more(rows: list[tuple]) -> None:
    busier = [(*row[:4], row[4] + 1, row[5] + 1) for row in rows]
    plain, more = gain(table(rows)), gain(table(busier))
    assert (plain >= 0).all()
    assert np.isfinite(plain).all()
    assert (more >= plain).all()


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 59), st.floats(0.01, 1))
def test_the_less_sure_the_more(weight: float, step: float) -> None:
    none = np.array([False])
    near, far = (doubt(np.array([one]), none)[0] for one in (weight, weight + step))
    assert near >= far, "doubt falls as the weight leaves even odds"
    assert np.isclose(doubt(np.array([-weight]), none)[0], near), "as sure of two persons as of one"


def test_a_contradiction_is_worth_more_than_certainty() -> None:
    sure = [(0, 31, 30.0, None, 1, 1), (1, 32, 30.0, "cccd", 1, 1), (2, 33, 0.0, None, 1, 1)]
    plain, contradicted, even = gain(table(sure))
    assert contradicted > even > plain
