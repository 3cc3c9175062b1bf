"""Public holidays of Vietnam and working days, from a list that stands beside this module."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from importlib import resources

from bienho.core.documents import read_yaml

_FIXED = ((1, 1), (4, 30), (5, 1), (9, 2))


@cache
def _lunar() -> dict[str, list[date]]:
    told: dict[str, list[date]] = read_yaml((resources.files("bienho.core") / "holidays.yaml").read_text("utf-8"))
    return told


@cache
def holidays(first: int, last: int) -> frozenset[date]:
    """Public holidays of the years `first` to `last`: Tết from its eve to the fifth day, Hùng Kings, fixed ones.

    Labour Code 45/2019/QH14, article 112. After the last year of the list only the fixed ones are known.
    """
    days = {date(year, month, day) for year in range(first, last + 1) for month, day in _FIXED}
    for tet in _lunar()["tet"]:
        days.update(tet + timedelta(days=after) for after in range(-1, 5))
    return frozenset(days | set(_lunar()["hung_kings"]))


def calendar(first: date, last: date) -> Iterator[tuple[date, bool, int]]:
    """Every day from `first` to `last` with whether it is a holiday, and how many working days end by it since `first`.

    Working days are Monday to Friday without holidays; those between two days are the difference of their numbers.
    """
    off = holidays(first.year, last.year)
    worked, day = 0, first
    while day <= last:
        free = day in off
        worked += day.weekday() < 5 and not free
        yield day, free, worked
        day += timedelta(days=1)
