"""What is known of the world: who may have which disease, which card, which name, which commune when."""

from __future__ import annotations

from datetime import date
from functools import cache

from bienho.config import load_profile

MERGER = date(2025, 7, 1)
_LEVELS = {
    1: "CC TE",
    2: "CK CB KC HN DT DK XD BT TS",
    3: "HT TC CN",
    4: "DN HX CH NN TK HC XK TB NO CT XB TN CS XN MS HD TQ TA TY HG LS PV HS SV GB GD",
    5: "QN CA CY",
}
LEVEL_OF = {letters: str(level) for level, groups in _LEVELS.items() for letters in groups.split()}
"""Level of benefit by the group on a card (decision 1351/QĐ-BHXH)."""


def only_of(code: str) -> str | None:
    """The sex that may have a disease: F, M or both (None); annexes 4.1 and 4.2 of decision 4469/QĐ-BYT, in short."""
    letter, number = code[:1], code[1:3]
    if not number.isdigit():
        return None
    place = int(number)
    if letter == "O":
        return "F"
    if letter == "C":
        return "F" if 51 <= place <= 58 else "M" if 60 <= place <= 63 else None
    if letter == "D":
        return "F" if 25 <= place <= 28 else None
    if letter == "N":
        return "M" if 40 <= place <= 51 else "F" if 70 <= place <= 77 or 80 <= place <= 98 else None
    if letter == "Q":
        return "F" if 50 <= place <= 52 else "M" if 53 <= place <= 55 else None
    return "F" if letter == "Z" and 32 <= place <= 37 else None


def told_by(name: str) -> str | None:
    """The sex a name tells of."""
    parts = name.split()
    if any(part.startswith("H'") for part in parts):
        return "F"
    middle = parts[1] if len(parts) > 2 else ""
    return {"Thị": "F", "Văn": "M"}.get(middle)


@cache
def _communes(merged: bool) -> frozenset[str]:
    profile = load_profile("gialai")
    return frozenset(profile.commune_by_code) if merged else frozenset(m.old_code for m in profile.commune_mapping)


def is_commune(code: str, day: date) -> bool:
    """Whether the province had a commune of that code on a day."""
    return code in _communes(day >= MERGER)
