"""The page of review has words for whatever the index may say, and marks what differs without losing a letter."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bienho.linkage.model.comparisons import COMPARISONS
from bienho.linkage.model.rules import vetoes
from bienho.linkage.persons.worklist import HARM
from bienho.pipeline.reviewing import FIELDS, compare
from bienho.portal.components.pair import parts
from bienho.portal.presenters.linkage_words import EVIDENCE, REASONS, RISKS
from bienho.portal.presenters.persons import TITLES
from bienho.standards import decision

ONE = {
    "patient_key": "a" * 32, "facility_code": "64001", "HO_TEN": "Nguyễn Thị Hồng Vân", "NGAY_SINH": "19850311",
    "GIOI_TINH": "2", "MA_THE_BHYT": "GD4646412345678", "SO_CCCD": "064185012345",
}  # fmt: skip


def test_every_level_every_constraint_and_every_reason_has_words() -> None:
    assert {one.name: {level.key for level in one.levels} for one in COMPARISONS} == {
        name: set(levels) for name, levels in EVIDENCE.items()
    }
    levels = {one.name: np.zeros(1, np.int8) for one in COMPARISONS}
    assert set(vetoes(levels)) == set(RISKS) == set(HARM)
    assert tuple(REASONS) == decision.REASONS
    assert set(TITLES) == set(FIELDS.values())


def test_what_is_told_of_a_pair() -> None:
    other = {**ONE, "patient_key": "b" * 32, "facility_code": "64020", "NGAY_SINH": "19851103", "SO_CCCD": ""}
    told = {comparison: (level, side) for comparison, level, side in compare(ONE, other).evidence}
    assert told["birth"] == ("swapped", "for")
    assert told["insurance"] == ("same", "for")
    assert told["personal"] == ("", "neither")
    assert compare(ONE, {**other, "SO_CCCD": "064185098765"}).veto == "cccd"


@settings(max_examples=100, deadline=None)
@given(st.text("abc ", max_size=12), st.text("abc ", max_size=12))
def test_no_letter_is_lost_where_two_values_are_cut(left: str, right: str) -> None:
    one, other = parts(left, right)
    assert ["".join(text for text, _ in side) for side in (one, other)] == [left, right]
    assert left != right or not any(differs for _, differs in (*one, *other))
