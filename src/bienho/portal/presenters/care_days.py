"""The calendar of one facility: of which days of care dossiers came, came late, are fewer than usual, or missing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from bienho.portal import formats
from bienho.portal.components import Cell, Column, Field, Form, Table
from bienho.portal.components.calendar import Calendar, Day, Month
from bienho.portal.desk import Desk
from bienho.portal.formats import DASH, number
from bienho.portal.language import later, t
from bienho.portal.presenters.mending import Scope
from bienho.portal.presenters.scores import LOSS, VISITS
from bienho.quality.sending_days import LATE_CODES, RECENT_DAYS, USUAL_WEEKS, DayState, Mood, states

HREF = "/sua-du-lieu/lich/"
ENCOUNTER = "conformed.encounter"
MONTHS_SHOWN = 3
STATES: dict[Mood, tuple[str, str]] = {
    "ok": ("✓", later("đã gửi")),
    "late": ("◷", later("gửi chậm")),
    "few": ("½", later("ít hơn thường lệ")),
    "missing": ("✕", later("thiếu")),
    "waiting": ("…", later("chưa đến hạn")),
    "none": ("·", later("thường không có hồ sơ")),
}
"""Mood → (sign, word). Worst of those that hold is shown; the table says all."""


def months(desk: Desk, given: str) -> tuple[date, date]:
    """First days of the first and of the last month shown; `given` (yyyy-MM) names the last, today's otherwise."""
    try:
        last = date.fromisoformat(f"{given}-01")
        if not 2000 <= last.year <= 2100:
            raise ValueError
    except ValueError:
        last = formats.local(desk.now).date().replace(day=1)
    first = last
    for _ in range(MONTHS_SHOWN - 1):
        first = (first - timedelta(days=1)).replace(day=1)
    return first, last


def read(desk: Desk, scope: Scope, first: date, last: date) -> list[DayState]:
    """The days of the months from `first` to `last` of one facility, up to today. Two looks."""
    today = formats.local(desk.now).date()
    end = min(_after(last) - timedelta(days=1), today)
    return _read(desk, scope, first, end) if end >= first else []


def _read(desk: Desk, scope: Scope, first: date, end: date) -> list[DayState]:
    since = first - timedelta(weeks=USUAL_WEEKS)
    mine = [("facility_code", "=", scope.facility)]
    visits = desk.totals(
        ENCOUNTER, ["service_date"], {"n": ("count", None)},
        [*mine, ("service_date", ">=", since), ("service_date", "<=", end)],
    )  # fmt: skip
    lost = desk.totals(
        LOSS, ["day"], {"n": ("count_distinct", "version_id")},
        [*mine, ("dataset", "=", VISITS), ("code", "in", list(LATE_CODES)), ("day", ">=", first), ("day", "<=", end)],
    )  # fmt: skip
    counts = {row["service_date"]: row["n"] for row in visits}
    return states(counts, {row["day"]: row["n"] for row in lost}, first, end, formats.local(desk.now).date())


def recent(desk: Desk, scope: Scope) -> list[DayState]:
    """The last `RECENT_DAYS` days up to today."""
    today = formats.local(desk.now).date()
    return _read(desk, scope, today - timedelta(days=RECENT_DAYS - 1), today)


def _after(month: date) -> date:
    """The first day of the next month."""
    return (month + timedelta(days=32)).replace(day=1)


def said(one: DayState) -> str:
    """The state of a day in words."""
    parts = [t(STATES[one.mood][1])]
    if one.count:
        parts.append(t("{n} hồ sơ", n=number(one.count)))
    if one.late:
        parts.append(t("{n} hồ sơ chậm", n=number(one.late)))
    if one.usual is not None and one.mood in ("few", "missing"):
        parts.append(t("thường lệ {n}", n=number(one.usual, 1)))
    return ", ".join(parts)


def calendar(scope: Scope, found: list[DayState], first: date, last: date) -> Calendar:
    """The months as tables of weeks, and the days as one table behind."""
    by_day = {one.day: one for one in found}
    shown, month = [], first
    while month <= last:
        shown.append(Month(t("Tháng {m}/{y}", m=month.month, y=month.year), _weeks(month, by_day)))
        month = _after(month)
    missing, few, late = (sum(one.mood == mood for one in found) for mood in ("missing", "few", "late"))
    summary = t(
        "Theo ngày kết thúc lượt khám. {a} ngày thiếu, {b} ngày ít hơn thường lệ, {c} ngày gửi chậm; thường lệ là mức"
        " giữa của các ngày cùng thứ trong {w} tuần trước.",
        a=number(missing), b=number(few), c=number(late), w=USUAL_WEEKS,
    )  # fmt: skip
    weekdays = [
        (t("T2"), t("Thứ hai")), (t("T3"), t("Thứ ba")), (t("T4"), t("Thứ tư")), (t("T5"), t("Thứ năm")),
        (t("T6"), t("Thứ sáu")), (t("T7"), t("Thứ bảy")), (t("CN"), t("Chủ nhật")),
    ]  # fmt: skip
    legend = [(mood, mark, t(word)) for mood, (mark, word) in STATES.items()]
    return Calendar("lich", t("Lịch gửi hồ sơ"), summary, weekdays, shown, legend, table(scope, found))


def _weeks(month: date, by_day: Mapping[date, DayState]) -> list[list[Day | None]]:
    monday = month - timedelta(days=month.weekday())
    weeks = []
    while monday < _after(month):
        days = [monday + timedelta(days=place) for place in range(7)]
        weeks.append([_cell(day, by_day.get(day)) if day.month == month.month else None for day in days])
        monday += timedelta(weeks=1)
    return weeks


def _cell(day: date, state: DayState | None) -> Day:
    if state is None:
        return Day(day, "waiting", "", t("chưa đến ngày"), "")
    mark, _ = STATES[state.mood]
    return Day(day, state.mood, mark, said(state), number(state.count) if state.count else "")


def table(scope: Scope, found: list[DayState]) -> Table:
    """The days, the newest first."""
    rows = [
        {
            "ngay": Cell(formats.day(one.day), raw=one.day),
            "tt": Cell(t(STATES[one.mood][1])),
            "n": Cell(number(one.count), raw=one.count),
            "cham": Cell(number(one.late), raw=one.late),
            "tl": Cell(number(one.usual, 1), raw=one.usual) if one.usual is not None else Cell(DASH),
        }
        for one in reversed(found)
    ]
    return Table(
        "lich-bang",
        t("Từng ngày khám"),
        [
            Column("ngay", t("Ngày"), "date", lead=True, about=t("Ngày kết thúc lượt khám")),
            Column("tt", t("Tình trạng")),
            Column("n", t("Hồ sơ"), "number", about=t("Hồ sơ hiện hành của ngày đó")),
            Column("cham", t("Gửi chậm"), "number", about=t("Hồ sơ gửi sau hơn 1 ngày làm việc")),
            Column("tl", t("Thường lệ"), "number", about=t("Mức giữa của các ngày cùng thứ trong 8 tuần trước")),
        ],
        rows,
        csv_url=scope.url(HREF, xuat="lich-bang.csv"),
        dense=True,
    )


def chooser(desk: Desk, scope: Scope, last: date) -> Form:
    """Which month is the last shown."""
    today = formats.local(desk.now).date().replace(day=1)
    options, month = [], today
    for _ in range(24):
        options.append((f"{month:%Y-%m}", t("Tháng {m}/{y}", m=month.month, y=month.year)))
        month = (month - timedelta(days=1)).replace(day=1)
    chosen = f"{last:%Y-%m}"
    if chosen not in dict(options):
        options.append((chosen, t("Tháng {m}/{y}", m=last.month, y=last.year)))
    fields = [
        Field("thang", t("Đến tháng"), "choice", chosen, options=options),
        *([Field("co_so", "", "hidden", scope.facility)] if scope.several else []),
    ]
    return Form("lich-loc", fields, t("Xem"), HREF, inline=True, title=t("Chọn tháng"))
