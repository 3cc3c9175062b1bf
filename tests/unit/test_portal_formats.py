"""Numbers, money, dates and weeks as the house writes them, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from bienho.portal import formats
from bienho.portal.language import use_language

NOW = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def vietnamese() -> Iterator[None]:
    use_language("vi")
    yield
    use_language("vi")


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (1234567.8, 1, "1.234.567,8"),
        (1234567, 0, "1.234.567"),
        (0, 0, "0"),
        (Decimal("10.500"), 3, "10,5"),
        (-1200, 0, "-1.200"),
        (None, 0, "—"),
    ],
)
def test_number(value: float | Decimal | None, decimals: int, text: str) -> None:
    assert formats.number(value, decimals) == text


def test_number_in_english() -> None:
    use_language("en")
    assert formats.number(1234567.8, 1) == "1,234,567.8"
    assert formats.money(Decimal("12340000000")) == "12.34 billion VND"


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Decimal("12340000000"), "12,34 tỷ đồng"),
        (Decimal("428400000.00"), "428,4 triệu đồng"),
        (999999, "999.999 đồng"),
        (1.5e6, "1,5 triệu đồng"),
        (None, "—"),
    ],
)
def test_money(amount: Decimal | float | None, text: str) -> None:
    assert formats.money(amount) == text


def test_dates_are_local() -> None:
    late = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
    assert formats.day(late) == "23/11/2026"
    assert formats.moment(late) == "23/11/2026 01:00"
    assert formats.moment(datetime(2026, 11, 22, 18, 0)) == "22/11/2026 18:00"
    assert formats.day(date(2026, 1, 2)) == "02/01/2026"
    assert formats.day(None) == formats.moment(None) == "—"


def test_week() -> None:
    assert formats.week(date(2026, 11, 16)) == "Tuần 47/2026 (16–22/11)"
    use_language("en")
    assert formats.week(date(2026, 11, 16)) == "Week 47/2026 (16–22/11)"


@pytest.mark.parametrize(
    ("back", "text"),
    [
        (timedelta(minutes=5), "5 phút trước"),
        (timedelta(hours=23, minutes=59), "23 giờ trước"),
        (timedelta(days=3, hours=2), "3 ngày trước"),
        (timedelta(seconds=-5), "0 phút trước"),
    ],
)
def test_ago(back: timedelta, text: str) -> None:
    assert formats.ago(NOW - back, NOW) == text


def test_size_and_percent() -> None:
    assert formats.size(900) == "900 B"
    assert formats.size(18_000) == "17,6 KB"
    assert formats.size(5 * 1024 * 1024) == "5 MB"
    assert formats.percent(0.9731) == "97,3 %"
    assert formats.percent(None) == "—"
