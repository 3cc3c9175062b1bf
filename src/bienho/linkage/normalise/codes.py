"""Codes of sex, ethnic group and facility as facilities write them."""

from __future__ import annotations

import re

from bienho.linkage.normalise.syllables import unmarked

_SEX = {
    "1": "1", "nam": "1", "m": "1", "male": "1", "trai": "1",
    "2": "2", "nu": "2", "f": "2", "female": "2", "gai": "2",
}  # fmt: skip
# MA_DANTOC (list 121-TCTK/1979) of peoples of the province who are also written as words.
_PEOPLES = {
    "kinh": "01", "viet": "01", "tay": "02", "thai": "03", "hoa": "04", "muong": "06", "nung": "07", "hmong": "08",
    "mong": "08", "dao": "09", "giarai": "10", "jrai": "10", "gialai": "10", "jarai": "10", "ede": "12", "rade": "12",
    "bana": "13", "bahnar": "13", "banar": "13", "xodang": "14", "sedang": "14", "cham": "17", "chamhroi": "17",
    "hre": "19", "mnong": "20",
}  # fmt: skip


def sex(text: str | None) -> str | None:
    """'1' male, '2' female: 1/2, Nam/Nữ, M/F. 0 means either of two things and is not known."""
    return _SEX.get(unmarked(text).strip().lower().removesuffix(".0")) if text else None


def ethnic(text: str | None) -> str | None:
    """MA_DANTOC of two digits from a number or a name."""
    if not text:
        return None
    plain = re.sub(r"[^a-z0-9]", "", unmarked(text).strip().lower().removesuffix(".0"))
    if plain.isdigit() and plain.isascii():
        return plain.lstrip("0").zfill(2) if 0 < int(plain) < 100 else None
    return _PEOPLES.get(plain)


def facility(text: str | None) -> str | None:
    """A facility code of five characters: `52-001`, `052001` and `52001.0` are 52001; anything else as it is."""
    if not text:
        return None
    plain = re.sub(r"[\s\-.]", "", text.strip().removesuffix(".0")).upper()
    return plain[1:] if len(plain) == 6 and plain[0] == "0" else plain or None


def local(text: str | None) -> str | None:
    """A facility's own number of a patient without blanks around it."""
    return (text or "").strip() or None
