"""Every rule by its own examples: the passing one gives no finding of the rule, the failing one gives it."""

from __future__ import annotations

from datetime import date

import pytest

from bienho.quality.rule_model import rules
from support.rule_cases import example, judge_all, lists
from support.slow_rules import judge
from support.slow_rules_visit import Case

RECEIVED = date(2025, 9, 5)
ASKED = [rule for rule in rules() if rule.on and rule.checks]


def cases(which: str) -> list[Case]:
    made = [example(getattr(rule, which), rule.tables) for rule in ASKED]
    return [Case(tables, edition, RECEIVED, lists()) for tables, edition in made]


def test_the_example_breaks_no_rule() -> None:
    tables, edition = example({}, ())
    case = Case(tables, edition, RECEIVED, lists())
    assert judge_all([case]).places == [set()]
    assert judge(case) == set()


def test_the_rule_list_is_whole() -> None:
    assert [rule.id for rule in rules()] == list(range(1, 192))


def test_good_examples_keep_their_rule_and_bad_ones_break_it() -> None:
    good, bad = judge_all(cases("good")).places, judge_all(cases("bad")).places
    kept = {rule.id for rule, found in zip(ASKED, good, strict=True) if any(place[0] == rule.id for place in found)}
    silent = {rule.id for rule, found in zip(ASKED, bad, strict=True) if not any(p[0] == rule.id for p in found)}
    held = {rule.id for rule in ASKED if rule.held_by}
    assert kept == set()
    # the failing example of a rule that reading holds in part may be one that reading finds
    assert silent <= held


def test_the_slow_judge_says_the_same_of_every_example() -> None:
    for which in ("good", "bad"):
        made = cases(which)
        for rule, case, found in zip(ASKED, made, judge_all(made).places, strict=True):
            assert judge(case) == found, (rule.id, which)


@pytest.mark.parametrize("there", ["XML0", "XML12", "XML1", "XML1 XML7", "XML1 XML3 XML14"])
def test_a_batch_may_lack_tables(there: str) -> None:
    tables, edition = example({}, ())
    case = Case({name: rows for name, rows in tables.items() if name in there.split()}, edition, RECEIVED, lists())
    assert judge_all([case]).places == [judge(case)]
