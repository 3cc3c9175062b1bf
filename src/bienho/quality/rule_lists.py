"""Where a check's list of codes lies among the reference tables, as SQL giving (code, valid_from, valid_to)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

import pyarrow as pa

from bienho.quality.rule_text import Ask

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
            there = _WHOLE.format(_system(name))
        parts.append(f"SELECT '{name}' AS list WHERE {there}")
    return " UNION ALL ".join(parts)


def known_lists(names: Collection[str], whole: Collection[str], value_sets: Collection[str]) -> frozenset[str]:
    """The same for whoever has asked which code systems have a complete edition and which value sets have rows."""
    return frozenset(
        name
        for name in names
        if (name.removeprefix(VALUE_SET) in value_sets if name.startswith(VALUE_SET) else _system(name) in whole)
    )


def _system(name: str) -> str:
    return "commune" if name.startswith("commune") else name


BUILT_IN = frozenset({"province", "commune", "commune_province", "value_set MA_DOITUONG_KCB"})
"""Lists that come with the program (a test compares); the others are there after `bienho codes import`."""


_OPEN = 10**9
_EPOCH = date(1970, 1, 1)


class CodeLists:
    """What the lists say of the codes that were asked for; each code is asked for once."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, tuple[tuple[int, int], ...]]] = {}
        self._asked: dict[str, set[str]] = {}

    def of(self, name: str) -> Mapping[str, tuple[tuple[int, int], ...]]:
        """Code → (first day, day after the last) of its windows, in days since 1970; codes not in the list are not."""
        return self._known.get(name, {})

    def learn(self, ask: Ask, wanted: Mapping[str, Collection[str]]) -> None:
        """Ask the reference tables, in one statement, for the codes of lists that are not known yet."""
        new = {name: sorted(set(codes) - self._asked.get(name, set())) for name, codes in wanted.items()}
        new = {name: codes for name, codes in new.items() if codes}
        if not new:
            return
        pairs = [(name, code) for name, codes in new.items() for code in codes]
        incoming = pa.table({"list": [name for name, _ in pairs], "code": [code for _, code in pairs]})
        every = " UNION ALL ".join(
            f"SELECT '{name}' AS list, code, valid_from, valid_to FROM ({source(name)})"
            f" WHERE code IN (SELECT code FROM given WHERE list = '{name}')"
            for name in new
        )
        # a copy: joins with what lies in Arrow may be refused
        rows = ask(f"WITH given AS MATERIALIZED (FROM incoming) {every}", incoming)
        for name, code, start, end in zip(*(column.to_pylist() for column in rows.columns), strict=True):
            if start is not None:
                window = (start - _EPOCH).days, _OPEN if end is None else (end - _EPOCH).days
                known = self._known.setdefault(name, {})
                known[code] = (*known.get(code, ()), window)
        for name, codes in new.items():
            self._asked.setdefault(name, set()).update(codes)
