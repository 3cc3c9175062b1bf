"""The rule list once more, row by row in plain Python, written from its text: what the SQL of `quality` must agree
with.

`judge(case)` gives (rule, table, row, field); row None: of the table as a whole. A value that cannot be read is judged
by no rule but those of its format. Amounts are equal when they differ by half a hundredth at most. It shares no
condition with the rule files; only the sizes of fields come from the contracts.
"""

from __future__ import annotations

from bienho.contracts import catalogue
from support.slow_rules_lines import lines
from support.slow_rules_papers import papers
from support.slow_rules_visit import Case, Place, visit_places


def judge(case: Case) -> set[Place]:
    """Every place where a rule is broken."""
    found = set()
    for place in (*visit_places(case), *lines(case), *papers(case)):
        rule, table, row, name = place
        if not (name and row and _told_by_reading(case, rule, table, row, name)):
            found.add(place)
    return found


def _told_by_reading(case: Case, rule: int, table: str, row: int, name: str) -> bool:
    """A text longer than its field is told by reading, under the number of the field's format rule."""
    declared = catalogue()[f"standard.xml130_{table[3:]}"].by_name[name]
    text = case.rows(table)[row - 1][name]
    long = declared.max_length is not None and text is not None and len(text) > declared.max_length
    return bool(declared.format_rule == rule and long)
