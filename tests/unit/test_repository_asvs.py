"""docs/asvs.md: all requirements are there, and whatever is said to hold one exists."""

from __future__ import annotations

import ast
import csv
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from support.sources import tree
from tools import asvs_table
from tools.asvs_table import Requirement

ROOT = Path(__file__).resolve().parents[2]
# ASVS 5.0.0: requirements per chapter and per level.
CHAPTERS = (30, 13, 31, 16, 13, 47, 19, 13, 7, 36, 24, 12, 21, 13, 21, 17, 12)
LEVELS = {1: 70, 2: 183, 3: 92}
FOUND = asvs_table.requirements()


@cache
def names_in(path: Path) -> frozenset[str]:
    return frozenset(
        node.name for node in tree(path).body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def missing(by: str) -> bool:
    """Whether a test or place that is named is not there."""
    path, _, test = by.partition("::")
    if test:
        return not (ROOT / path).is_file() or test not in names_in(ROOT / path)
    path, colon, text = by.partition(":")
    return not (colon and text and (ROOT / path).is_file() and text in (ROOT / path).read_text(encoding="utf-8"))


def test_all_345_are_there_once_and_in_order() -> None:
    ids = [tuple(int(part) for part in one.id[1:].split(".")) for one in FOUND]
    assert ids == sorted(set(ids))
    counts = Counter(one.chapter for one in FOUND)
    assert tuple(counts[number] for number in range(1, 18)) == CHAPTERS
    assert Counter(one.level for one in FOUND) == LEVELS
    sections = Counter(one.id.rpartition(".")[0] for one in FOUND)
    last = {one.id.rpartition(".")[0]: int(one.id.rpartition(".")[2]) for one in FOUND}
    assert sections == last, "a number within a section is left out"


def wrong(one: Requirement) -> str:
    """What is wrong with a line, '' when nothing is."""
    if not 0 < len(one.asks.split()) <= 12 or not all(one.by):
        return "words"
    if one.status == "held":
        return ", ".join(by for by in one.by if missing(by))
    if one.status == "not applicable":
        return "" if one.by[0] in asvs_table.reasons() else "reason"
    return "" if one.status == "not held" and len(one.by[0].split()) <= 16 else "status"


def test_each_says_what_holds_it_or_why_not() -> None:
    assert {one.id: told for one in FOUND if (told := wrong(one))} == {}


def test_every_reason_is_used() -> None:
    assert set(asvs_table.reasons()) == {one.by[0] for one in FOUND if one.status == "not applicable"}


def test_every_requirement_of_level_1_that_applies_is_held() -> None:
    assert [one.id for one in FOUND if one.level == 1 and one.status == "not held"] == []


def test_the_page_is_as_the_data_say() -> None:
    assert asvs_table.PAGE.read_text(encoding="utf-8") == asvs_table.page()
    assert asvs_table.main(["--check"]) == 0


@pytest.mark.parametrize(
    "by",
    [
        "tests/unit/test_repository_asvs.py::test_nowhere",
        "tests/nowhere.py::test_x",
        "docs/asvs.md:niêm phong chì",
        "docs/asvs.md",
    ],
)
def test_what_is_not_there_is_noticed(by: str) -> None:
    assert missing(by)


def test_data_are_plain() -> None:
    with (ROOT / "tools" / "asvs" / "requirements.csv").open(encoding="utf-8", newline="") as file:
        assert {len(line) for line in csv.reader(file)} == {5}
