"""Agreements without a database: which step stands, which moves are open and to whom, what is wrong with a draft."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from bienho.governance.agreements import MOVES, STATES, Agreement, Step, checked, choices, faults, main_way, standing
from bienho.portal import governed

DAY = date(2026, 11, 26)
AT = datetime(2026, 11, 26, tzinfo=UTC)
PAPER: dict[str, Any] = {
    "code": "bhxh-tinh",
    "title_vi": "Chia sẻ",
    "parties": ["Sở Y tế"],
    "units": ["bhxh"],
    "purpose": "kiem-tra",
    "datasets": ["standard.xml130_1"],
    "classes": ["open"],
    "articles": ["Nghị định 278/2025/NĐ-CP"],
    "starts": "2026-01-01",
}
WAY = (
    ("draft", "draft", "an"), ("submit", "legal-review", "an"), ("pass-legal", "security-review", "luat"),
    ("pass-security", "to-sign", "toan"), ("sign", "to-sign", "giam-doc"), ("sign", "signed", "pho"),
    ("start", "in-force", "luat"),
)  # fmt: skip


def history(*revisions: tuple[int, str]) -> list[Step]:
    """Steps of revisions one after another: (how many steps of the way, first day)."""
    steps: list[Step] = []
    for revision, (count, starts) in enumerate(revisions, 1):
        agreement: Agreement = checked({**PAPER, "starts": starts})
        for move, state, by in WAY[:count]:
            steps.append(Step(len(steps) + 1, move, state, by, AT, "", agreement, revision))
    return steps


@pytest.mark.parametrize("count", range(1, 8))
def test_a_single_revision_stands_by_its_last_step(count: int) -> None:
    steps = history((count, "2026-01-01"))
    assert standing(steps, DAY) == steps[-1]


@pytest.mark.parametrize("count", range(1, 7))
def test_a_new_revision_changes_nothing_until_it_is_started(count: int) -> None:
    steps = history((7, "2026-01-01"), (count, "2026-06-01"))
    assert standing(steps, DAY).revision == 1
    assert {one.revision for one in choices(steps, "ai-do", DAY)} == {1, 2}


def test_a_started_revision_stands_from_its_own_first_day() -> None:
    steps = history((7, "2026-01-01"), (7, "2026-12-01"))
    assert standing(steps, date(2026, 11, 30)).revision == 1
    assert standing(steps, date(2026, 12, 1)).revision == 2
    assert {one.revision for one in choices(steps, "ai-do", date(2026, 12, 1))} == {2}


@pytest.mark.parametrize(
    ("count", "who", "open_moves", "barred"),
    [
        (1, "an", {"submit"}, {}),
        (2, "an", {"pass-legal", "return"}, {"pass-legal": "author"}),
        (2, "luat", {"pass-legal", "return"}, {}),
        (4, "an", {"sign", "return"}, {"sign": "author"}),
        (5, "giam-doc", {"sign", "return"}, {"sign": "signed"}),
        (5, "pho", {"sign", "return"}, {}),
        (7, "an", {"suspend", "end"}, {}),
    ],
)
def test_moves_and_the_rule_of_two(count: int, who: str, open_moves: set[str], barred: dict[str, str]) -> None:
    found = choices(history((count, "2026-01-01")), who, DAY)
    assert {one.move.code for one in found} == open_moves
    assert {one.move.code: one.barred for one in found if one.barred} == barred


def test_the_main_way_ends_in_force_and_pages_name_every_state_and_move() -> None:
    assert main_way() == ("draft", "legal-review", "security-review", "to-sign", "signed", "in-force")
    assert governed.STATES.keys() == STATES.keys()
    assert governed.MOVES.keys() == MOVES.keys()
    assert {code: title for code, (title, _) in governed.MOVES.items()} == {m.code: m.title_vi for m in MOVES.values()}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"code": "Sai"}, "code"),
        ({"code": "noi-bo-so-y-te"}, "code"),
        ({"title_vi": " "}, "title_vi"),
        ({"parties": []}, "parties"),
        ({"units": ["b h"]}, "units"),
        ({"units": "bhxh"}, "units"),
        ({"purpose": "tu-y"}, "purpose"),
        ({"purpose": ["kiem-tra"]}, "purpose"),
        ({"datasets": ["standard.khong-co"]}, "datasets"),
        ({"classes": ["secret"]}, "classes"),
        ({"starts": "31/01/2026"}, "starts"),
        ({"until": "2025-01-01"}, "until"),
        ({"until": "mai"}, "until"),
        ({"conditions": "x"}, "conditions"),
        ({"mau": "x"}, "mau"),
    ],
)
def test_each_fault_is_told_by_its_field(change: dict[str, Any], field: str) -> None:
    assert list(faults({**PAPER, **change})) == [field]
    assert not faults(PAPER)
