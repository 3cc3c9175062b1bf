"""Numbers on papers: identity card (CMND, CCCD), insurance card, phone. Texts in, digits or None out.

The structure of a CCCD (province, century and sex, year) is evidence that the columns beside it carry; nothing is
refused for it, since registers are corrected. A filler (`000000000000`) is nobody's number and becomes None.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from bienho.linkage.normalise.syllables import unmarked

CCCD, CMND, CARD, SOCIAL = 12, 9, 15, 10
"""How many characters each number has; the social number is the last ten of a card."""
SAME_TAIL = "|".join(f"{digit}{{7}}" for digit in range(10))
"""Pattern of seven equal digits, which no real number ends in but by rare chance."""
_SAME_TAIL = re.compile(f"({SAME_TAIL})$")
_FLOAT = re.compile(r"\s*(\d)[.,](\d+)[eE]\+?(\d{1,2})\s*")
_DIGITS = str.maketrans({"O": "0", "o": "0", "Q": "0", "I": "1", "l": "1", "|": "1"})
_CARD = re.compile(r"([A-Z]{2}[1-5]\d{2})(\d{10})(?!\d)")
# Old prefixes of mobile numbers of eleven digits, replaced in 2018.
_OLD_MOBILE = {
    "0120": "070", "0121": "079", "0122": "077", "0123": "083", "0124": "084", "0125": "085", "0126": "076",
    "0127": "081", "0128": "078", "0129": "082", "0162": "032", "0163": "033", "0164": "034", "0165": "035",
    "0166": "036", "0167": "037", "0168": "038", "0169": "039", "0186": "056", "0188": "058", "0199": "059",
}  # fmt: skip


class PersonalNumbers(NamedTuple):
    """What a field for an identity number holds: a CCCD of 12 digits, a CMND of 9, or both."""

    cccd: str | None = None
    cmnd: str | None = None


class Card(NamedTuple):
    """An insurance card: the last ten digits, and the five characters before where they were written."""

    insurance: str | None = None
    prefix: str | None = None


def is_filler(digits: str) -> bool:
    """Whether digits only fill a field: one, two or three repeated, a run up or down, seven equal at the end."""
    return digits in fillers(len(digits)) or _SAME_TAIL.search(digits) is not None


@cache
def fillers(size: int) -> frozenset[str]:
    """Every filler of a size but for those that only end in equal digits, for looking many up at once."""
    repeated = {(f"{n:0{period}d}" * size)[:size] for period in (1, 2, 3) for n in range(10**period)}
    runs = {"".join(str((n + step * place) % 10) for place in range(size)) for n in range(10) for step in (1, 9)}
    return frozenset(repeated | runs)


def personal_numbers(text: str | None) -> PersonalNumbers:
    """CCCD and CMND in a text.

    Read: separators, O for 0, a number of Excel (`64190001234`, `6.4190001234E+10`, `52085012345.0`), a lost zero in
    front, both numbers side by side. Eleven or ten digits are a CCCD without its zeros, eight a CMND without its zero.
    """
    cccd = cmnd = None
    for digits in _groups(text or ""):
        full = digits if len(digits) != CCCD - 1 else f"0{digits}"
        full = f"00{digits}" if len(digits) == CCCD - 2 and digits[0] != "0" else full
        full = f"0{digits}" if len(digits) == CMND - 1 else full
        if is_filler(digits) or is_filler(full) or full.endswith("000000"):
            continue
        if len(full) == CCCD and cccd is None:
            cccd = full
        elif len(full) == CMND and cmnd is None:
            cmnd = full
    return PersonalNumbers(cccd, cmnd)


def _groups(text: str) -> list[str]:
    """Runs of digits in a text; what separators cut (`064 190 001 234`) is put together where that gives one number."""
    if number := _FLOAT.fullmatch(text):
        head, rest, power = number[1], number[2], int(number[3])
        return [(head + rest)[: power + 1]] if len(rest) >= power else []
    text = re.sub(r"(?<=\d)\.0$", "", text.strip()).translate(_DIGITS)
    whole = re.sub(r"[\s.\-_'’`]", "", text)
    if re.fullmatch(r"\d{8,12}", whole):
        return [whole]
    return re.findall(r"\d{8,12}", text) if re.search(r"\d{8}", text) and not re.search(r"\d{13}", text) else []


def card(text: str | None) -> Card:
    """The insurance card in a text: 15 characters, or the ten digits that cards show since 2021.

    O and I among the digits are 0 and 1; nine digits are ten without their zero; of several cards the first counts.
    """
    if not text:
        return Card()
    whole = re.sub(r"[\s.\-_]", "", unmarked(text).upper())
    head, tail = whole[:2], whole[2:].translate(_DIGITS)
    if found := _CARD.match(head + tail) or _CARD.search(whole):
        return Card() if is_filler(found[2]) else Card(found[2], found[1])
    digits = whole.translate(_DIGITS)
    if re.fullmatch(r"\d{9}(\.0)?", digits):
        digits = f"0{digits[:9]}"
    if found := re.fullmatch(r"(?:[A-Z]{2}\d?)?(\d{10})(?:\D.*)?", digits):
        return Card() if is_filler(found[1]) else Card(found[1])
    return Card()


def phone(text: str | None) -> str | None:
    """The first phone number in a text, in the form of today: `+84905…`, `905…`, `0165…` (2018) and separators read.

    A mobile has 10 digits from 03, 05, 07, 08, 09, a landline 11 from 02.
    """
    for part in re.split(r"[/;,|]|\s-\s|(?<=\d{9})\s{2,}", text or ""):
        digits = re.sub(r"\D", "", re.sub(r"(?<=\d)\.0$", "", part.strip()))
        digits = re.sub(r"^(?:00)?84(?=\d{9,10}$)", "0", digits)
        if len(digits) == SOCIAL - 1 and digits[0] in "35789":
            digits = f"0{digits}"
        if len(digits) == SOCIAL + 1 and digits.startswith("01"):
            digits = _OLD_MOBILE.get(digits[:4], f"0{digits[2:4]}") + digits[4:]
        if re.fullmatch(r"0[35789]\d{8}|02\d{9}", digits) and not is_filler(digits) and not is_filler(digits[1:]):
            return digits
    return None
