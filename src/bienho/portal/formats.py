"""How the portal writes numbers, dates, weeks and money (house rules of the portal).

Vietnamese: `1.234.567,8`, `23/11/2026`, `Tuần 47/2026 (16–22/11)`, `12,5 tỷ đồng`. English keeps the dates and turns
the separators of numbers. A missing value is a dash; a value held back is `—*` and its reason stands beside it.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

from bienho.core.epiweek import EpiWeek
from bienho.portal.language import current_language, t

DASH = "—"
WITHHELD = "—*"
LOCAL = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")
MILLION = 1_000_000
BILLION = 1_000_000_000
SECONDS_PER_DAY = 86_400

Number = int | float | Decimal
"""What may be written as a number."""


def number(value: Number | None, decimals: int = 0) -> str:
    """Grouped number with at most `decimals` decimals; zeros at the end are not written."""
    if value is None:
        return DASH
    text = f"{value:,.{decimals}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if current_language() == "en":
        return text
    return text.translate(str.maketrans(",.", ".,"))


def percent(share: float | None, decimals: int = 1) -> str:
    """A share 0…1 as `97,3 %`."""
    return DASH if share is None else f"{number(share * 100, decimals)} %"


def money(amount: Number | None) -> str:
    """Amount in đồng written in đồng, triệu đồng or tỷ đồng by its size."""
    if amount is None:
        return DASH
    size = abs(Decimal(amount))
    if size >= BILLION:
        return t("{n} tỷ đồng", n=number(Decimal(amount) / BILLION, 2))
    if size >= MILLION:
        return t("{n} triệu đồng", n=number(Decimal(amount) / MILLION, 1))
    return t("{n} đồng", n=number(amount))


def local(moment: datetime) -> datetime:
    """Receipts are UTC with a zone; people read local time. A moment without a zone is local already."""
    return moment if moment.tzinfo is None else moment.astimezone(LOCAL)


def day(value: date | datetime | None) -> str:
    """dd/MM/yyyy in local time."""
    if value is None:
        return DASH
    if isinstance(value, datetime):
        value = local(value)
    return f"{value:%d/%m/%Y}"


def moment(value: datetime | None) -> str:
    """dd/MM/yyyy HH:mm in local time."""
    return DASH if value is None else f"{local(value):%d/%m/%Y %H:%M}"


def week(start: date | None) -> str:
    """The epidemiological week that holds `start`."""
    if start is None:
        return DASH
    label = EpiWeek.of(start).label_vi()
    return label.replace("Tuần", "Week", 1) if current_language() == "en" else label


def ago(then: datetime | None, now: datetime) -> str:
    """How long before `now`, in the largest unit that is not zero."""
    if then is None:
        return t("chưa gửi lần nào")
    seconds = max((now - then).total_seconds(), 0)
    if seconds < 3600:
        return t("{n} phút trước", n=number(int(seconds // 60)))
    if seconds < SECONDS_PER_DAY:
        return t("{n} giờ trước", n=number(int(seconds // 3600)))
    return t("{n} ngày trước", n=number(int(seconds // SECONDS_PER_DAY)))


def size(count: int | None) -> str:
    """Bytes in B, KB or MB."""
    if count is None:
        return DASH
    if count < 1024:
        return f"{number(count)} B"
    if count < 1024 * 1024:
        return f"{number(count / 1024, 1)} KB"
    return f"{number(count / 1024 / 1024, 1)} MB"
