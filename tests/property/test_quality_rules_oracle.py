"""The rules and the slow judge agree on random damage (20,000 dossiers more: `python -m bench.agree`)."""

from __future__ import annotations

import random
from datetime import date

import pytest

from support.rule_cases import damaged, example, judge_all, lists
from support.slow_rules import judge

DOSSIERS = 400


@pytest.mark.parametrize("seed", [1])
def test_both_find_the_same(seed: int) -> None:
    r = random.Random(seed)
    tables, edition = example({}, ())
    cases = [damaged(tables, edition, r, date(2025, 9, 5), lists()) for _ in range(DOSSIERS)]
    found = judge_all(cases).places
    differing = [
        (number, sorted(judge(case) ^ places, key=str))
        for number, (case, places) in enumerate(zip(cases, found, strict=True))
        if judge(case) != places
    ]
    assert not differing, differing[:5]
    broken = {place[0] for places in found for place in places}
    assert len(broken) > 60, "the damage reaches too few rules to say much"
