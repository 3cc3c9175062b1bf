"""Dates as facilities write them become numbers of year, month and day."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date
from typing import NamedTuple

OLDEST = 110
"""Years of age beyond which a date of birth is a slip."""
SOONEST = 1850
"""No year of birth of a record is as early."""
_EPOCH = date(1970, 1, 1).toordinal()
_NUMBERS = re.compile(r"\d+")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:\d{2}|\d{4}|\d{6})?(?:\.0)?")


class Birth(NamedTuple):
    """A date of birth; None is not known. `placeholder`: 0000 or 01/01 stood for a day nobody knew."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    placeholder: bool = False


def birth(text: str | None) -> Birth:
    """A date of birth: `19851103`, with a time, `19850000`, `19851100`, `03/11/1985`, `1985-11-03`, `11/1985`, `1985`.

    A month above 12 with a day that could be one was turned. A day that month does not have is not known; whoever
    wrote 1900-01-01 knew nothing.
    """
    year, month, day = _parts(text or "")
    if not year or not 1800 < year < 2200:
        return Birth()
    if month > 12 >= day > 0:
        month, day = day, month
    if month > 12:
        month = day = 0
    if (year, month, day) == (1900, 1, 1):
        return Birth(placeholder=True)
    if not month or (month, day) == (1, 1):
        return Birth(year, placeholder=True)
    return Birth(year, month, day if 0 < day <= monthrange(year, month)[1] else None)


def _parts(text: str) -> tuple[int, int, int]:
    """(year, month, day) as written, 0 for what is not."""
    text = text.strip()
    if compact := _COMPACT.fullmatch(text):
        return int(compact[1]), int(compact[2]), int(compact[3])
    found = _NUMBERS.findall(text[:40])
    numbers = [int(one) for one in found[:3]]
    if len(found) >= 3 and len(found[0]) == 4:
        return numbers[0], numbers[1], numbers[2]
    if len(found) >= 3 and len(found[2]) in (2, 4) and len(found[0]) <= 2:
        year = numbers[2] if len(found[2]) == 4 else 2000 + numbers[2]  # after the visit: a century too late
        return year, numbers[1], numbers[0]
    if len(found) == 2 and len(found[1]) == 4 and len(found[0]) <= 2:
        return numbers[1], numbers[0], 0
    if len(found) >= 1 and len(found[0]) == 4 and len(found) <= 2:
        return numbers[0], numbers[1] if len(found) == 2 and len(found[1]) == 2 else 0, 0
    if len(found) == 1 and len(found[0]) == 6:
        return int(found[0][:4]), int(found[0][4:]), 0
    return 0, 0, 0


def day_number(text: str | None) -> int | None:
    """Days from 1970-01-01 to a whole date, None where it is none."""
    year, month, day = _parts(text or "")
    if not 1900 <= year <= 2199 or not 1 <= month <= 12 or not 1 <= day <= monthrange(year, month)[1]:
        return None
    return date(year, month, day).toordinal() - _EPOCH


def year_of(number: int | None) -> int | None:
    """Year of a day counted from 1970-01-01."""
    return None if number is None else date.fromordinal(number + _EPOCH).year
