"""The dirt of the twin against the team's facts: errors of entry with their shares, rules with their numbers."""

from __future__ import annotations

import csv
import re

import pytest

from bienho.synthetic.dirt import shares, violations
from bienho.synthetic.reference import rows
from support.facts import SHARED

pytestmark = pytest.mark.shared


def test_errors_of_entry_are_those_of_the_facts() -> None:
    with (SHARED / "facts/gialai/entry_errors.csv").open(encoding="utf-8", newline="") as file:
        facts = [(row["kind"], row["share_guess_pct"]) for row in csv.DictReader(file)]
    assert [(row["kind"], row["share_pct"]) for row in rows("entry_errors.csv")] == facts
    assert len(shares()) == len(facts) == 51


def test_broken_rules_are_rules_of_the_list_and_of_their_table() -> None:
    text = (SHARED / "facts/xml130/rules.md").read_text(encoding="utf-8")
    tables = {int(number): table for number, table in re.findall(r"^\| (\d+) \| ([\w/]+) \|", text, flags=re.M)}
    assert len(tables) > 180
    for way in violations():
        table = tables[way.rule]
        assert way.table in (table, "XML3" if table == "XML2/3" else "", "XML2" if table == "XML2/3" else ""), way
    assert len({way.rule for way in violations()}) >= 60
