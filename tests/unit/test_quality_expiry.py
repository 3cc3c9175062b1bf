"""Expiry of quarantine: by local days, exact at midnight, the same whichever way it is asked."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from bienho.quality import days_left, last_day, open_since


@pytest.mark.parametrize(
    ("received", "last"),
    [
        (datetime(2026, 1, 1, 16, 59, tzinfo=UTC), date(2026, 1, 31)),
        (datetime(2026, 1, 1, 17, 0, tzinfo=UTC), date(2026, 2, 1)),
        (datetime(2028, 2, 27, 17, 0, tzinfo=UTC), date(2028, 3, 29)),
    ],
)
def test_days_are_counted_in_vietnam(received: datetime, last: date) -> None:
    assert last_day(received, 30) == last
    assert days_left(received, 30, last) == 0
    assert days_left(received, 30, last + timedelta(days=1)) == -1


def test_the_condition_for_a_list_and_the_days_left_agree() -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    for hours in range(0, 24 * 12, 1):
        received = start + timedelta(hours=hours)
        for as_of in (date(2026, 3, 5), date(2026, 3, 9)):
            assert (received >= open_since(as_of, 4)) is (days_left(received, 4, as_of) >= 0)
