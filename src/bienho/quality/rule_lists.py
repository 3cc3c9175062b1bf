"""Where a check's list of codes lies among the reference tables, as SQL giving (code, valid_from, valid_to)."""

from __future__ import annotations

VALUE_SET = "value_set "
"""A list called `value_set NAME` is that value set; which values are of which edition is the rule's business."""
_WHOLE = "EXISTS (SELECT 1 FROM reference.code_system_edition WHERE code_system = '{0}' AND complete)"
_SOURCES = {
    "icd10": (
        "SELECT code, valid_from, valid_to FROM reference.icd10"
        " UNION SELECT code_nodot, valid_from, valid_to FROM reference.icd10"
    ),
    "facility": "SELECT code, valid_from, valid_to FROM reference.facility",
    "province": "SELECT code, valid_from, valid_to FROM reference.province WHERE basis <> 'late'",
    "commune": "SELECT code, valid_from, valid_to FROM reference.commune",
    "commune_province": "SELECT province AS code, valid_from, valid_to FROM reference.commune",
}
REFERENCES = (
    "reference.icd10",
    "reference.facility",
    "reference.province",
    "reference.commune",
    "reference.value_set",
    "reference.code_system_edition",
    "reference.rule_waiver",
)
"""Reference tables that findings depend on: when one of them changes, everything is judged again."""


def source(name: str) -> str:
    """The codes of a list with their days."""
    if name.startswith(VALUE_SET):
        value_set = name.removeprefix(VALUE_SET)
        return f"SELECT code, valid_from, valid_to FROM reference.value_set WHERE value_set = '{value_set}'"
    return _SOURCES[name]


def presence(names: frozenset[str]) -> str:
    """SELECT giving the names of those lists that are there: absence of a code from a list that is not known to be
    complete proves nothing, so such a list counts as missing."""
    parts = []
    for name in sorted(names):
        if name.startswith(VALUE_SET):
            there = f"EXISTS (SELECT 1 FROM reference.value_set WHERE value_set = '{name.removeprefix(VALUE_SET)}')"
        else:
            there = _WHOLE.format("commune" if name.startswith("commune") else name)
        parts.append(f"SELECT '{name}' AS list WHERE {there}")
    return " UNION ALL ".join(parts)


BUILT_IN = frozenset({"province", "commune", "commune_province", "value_set MA_DOITUONG_KCB"})
"""Lists that come with the program (a test compares); the others are there after `bienho codes import`."""
