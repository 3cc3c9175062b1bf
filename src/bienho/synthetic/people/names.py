"""Names put together from published parts by people, side, sex and generation; never a copy of a real person's."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

from bienho.synthetic.chance import Weighted
from bienho.synthetic.reference import document

KINH = "Kinh"


@cache
def _weights(*path: str) -> Weighted[str]:
    node: Any = document("names.yaml")
    for step in path:
        node = node[step]
    return Weighted(node.items())


def _generation(table: str, year: int) -> dict[str, Any]:
    steps: list[dict[str, Any]] = document("names.yaml")[table]
    return next(step for step in steps if year <= step["until"])


def ethnic_code(people: str) -> str:
    """MA_DANTOC of a people (list 121-TCTK/1979)."""
    return "01" if people == KINH else str(document("names.yaml")["peoples"][people]["code"])


def family_name(r: random.Random, people: str, side: str) -> str:
    """A family or clan name; '' for peoples without one."""
    return _weights("family", side).draw(r) if people == KINH else _weights("peoples", people, "families").draw(r)


def full_name(r: random.Random, people: str, family: str, sex: str, birth_year: int) -> str:
    """A full name as written on papers; `sex` is 'F' or 'M'."""
    if people == KINH:
        return _kinh(r, family, sex, birth_year)
    custom = document("names.yaml")["peoples"][people]
    if custom["custom"] == "kinh":
        return _kinh(r, family, sex, birth_year)
    side = "female" if sex == "F" else "male"
    given = r.choice(custom[side])
    marker = _weights("peoples", people, f"{side}_marker").draw(r)
    if custom["custom"] == "given_clan":
        return f"{marker}{given} {family}"
    return f"{family} {marker}{given}".strip()


def _kinh(r: random.Random, family: str, sex: str, birth_year: int) -> str:
    side = "female" if sex == "F" else "male"
    given = _given(birth_year, side).draw(r)
    middles: list[str] = document("names.yaml")["middle"][side]
    parts = [family]
    if r.random() < _generation("marker", birth_year)[side]:
        parts.append("Thị" if sex == "F" else "Văn")
    roll = r.random()
    four = roll < _generation("four_syllables", birth_year)["share"]
    wanted = 4 if four else 2 if roll > 0.99 else 3
    while len(parts) + 1 < wanted:
        middle = r.choice(middles)
        if middle != given and middle not in parts:
            parts.append(middle)
    return " ".join([*parts, given])


@cache
def _given(birth_year: int, side: str) -> Weighted[str]:
    names: list[str] = _generation("given", birth_year)[side]
    # The lists are in order of frequency: the weight falls off slowly.
    return Weighted((name, 1 / (3 + place)) for place, name in enumerate(names))
