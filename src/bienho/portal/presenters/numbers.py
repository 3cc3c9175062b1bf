"""A number that explains itself: definition, query, snapshot, what lies behind it, as chart and table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest

from bienho.indicators import Definition, explain, load_definitions
from bienho.portal import formats
from bienho.portal.components import Badge, Cell, Chart, Column, Fact, Facts, Field, Figure, Form, State, Table
from bienho.portal.desk import Desk, Row
from bienho.portal.formats import number
from bienho.portal.language import current_language, later, t
from bienho.portal.presenters.deliveries import facility_options

WEEKS_SHOWN = 26
DELIVERIES_SHOWN = 20
AXIS_MILLIONS = "format(datum.value / 1e6, ',.1~f')"
AXIS_COUNTS = "format(datum.value, ',d')"
UNITS = (later("lượt"), later("người"))
"""Units that definitions use."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which cells of the derived table are looked at."""

    facility: str
    week: date | None
    chapter: str

    @classmethod
    def asked(cls, request: HttpRequest) -> Scope:
        try:
            week = date.fromisoformat(request.GET.get("tuan", ""))
        except ValueError:
            week = None
        return cls(request.GET.get("co_so", "").strip(), week, request.GET.get("chuong", "").strip())

    @property
    def filter(self) -> list[tuple[str, str, Any]]:
        found: list[tuple[str, str, Any]] = []
        if self.facility:
            found.append(("facility_code", "=", self.facility))
        if self.week:
            found.append(("week_start", "=", self.week))
        if self.chapter:
            found.append(("chapter", "=", self.chapter))
        return found

    @property
    def query(self) -> dict[str, str]:
        parts = {"co_so": self.facility, "tuan": self.week.isoformat() if self.week else "", "chuong": self.chapter}
        return {name: value for name, value in parts.items() if value}


def title(definition: Definition) -> str:
    return definition.title_en if current_language() == "en" else definition.title_vi


def find(indicator: str) -> Definition | None:
    return next((d for d in load_definitions() if d.id == indicator), None)


def value(definition: Definition, amount: Any) -> str:
    """A value of the indicator as people read it."""
    return formats.money(amount) if definition.unit == "đồng" else number(amount)


def unit(definition: Definition) -> str:
    """The word after a value; money has its own in `value`."""
    return "" if definition.unit == "đồng" else t(definition.unit)


def figures(desk: Desk) -> list[Figure] | State:
    """One card per indicator: the newest whole week against the week before."""
    weeks = _weeks(desk, 3)
    if not weeks:
        return _nothing()
    this_week = formats.local(desk.now).date() - timedelta(days=formats.local(desk.now).weekday())
    whole = [week for week in weeks if week < this_week] or weeks
    cards = []
    for definition in load_definitions():
        now = total(desk, definition, [("week_start", "=", whole[0])])
        before = total(desk, definition, [("week_start", "=", whole[0] - timedelta(days=7))])
        cards.append(
            Figure(
                title(definition),
                value(definition, now) if now is not None else formats.WITHHELD,
                unit(definition),
                t("tuần trước đó: {v}", v=value(definition, before)),
                formats.week(whole[0]),
                reviewed(definition),
                f"/chi-so/{definition.id}/",
                "" if now is not None else _no_sum(),
            )
        )
    return cards


def total(desk: Desk, definition: Definition, filter: Sequence[tuple[str, str, Any]]) -> Any:
    """The indicator over several cells; None when it cannot be added up or nothing is there."""
    if not definition.additive:
        rows = desk.rows(definition.model, [definition.column], filter, limit=2)
        return rows[0][definition.column] if len(rows) == 1 else None
    return desk.totals(definition.model, (), {"v": ("sum", definition.column)}, filter)[0]["v"]


def _no_sum() -> str:
    return t("Số này đếm riêng từng ô (cơ sở, tuần, chương), cộng lại sẽ đếm trùng người. Chọn một ô để xem.")


def reviewed(definition: Definition) -> Badge:
    return Badge(t("đã duyệt"), "ok") if definition.reviewed else Badge(t("định nghĩa chưa duyệt"), "warn")


def _weeks(desk: Desk, limit: int) -> list[date]:
    rows = desk.totals(
        "derived.facility_week_chapter",
        ["week_start"],
        {"n": ("count", None)},
        order=[("week_start", "desc")],
        limit=limit,
    )
    return [row["week_start"] for row in rows]


def _nothing() -> State:
    return State(
        "empty",
        t("Chưa tính con số nào"),
        t("Con số hiện ở đây sau khi có hồ sơ chuẩn hóa và bước tính đã chạy."),
        do=t("Trên máy chủ, chạy `bienho run`."),
    )


def filters(desk: Desk, definition: Definition, scope: Scope) -> Form:
    chapters = desk.totals(definition.model, ["chapter"], {"n": ("count", None)}, order=[("chapter", "asc")])
    names = chapter_names(desk)
    options = [("", t("Tất cả"))]
    weeks = sorted({*_weeks(desk, 60), *([scope.week] if scope.week else [])}, reverse=True)
    return Form(
        "pham-vi",
        [
            Field(
                "co_so",
                t("Cơ sở"),
                "choice",
                scope.facility,
                options=[*options, *facility_options(desk, definition.model)],
            ),
            Field(
                "tuan",
                t("Tuần"),
                "choice",
                scope.week.isoformat() if scope.week else "",
                options=[*options, *((w.isoformat(), formats.week(w)) for w in weeks)],
            ),
            Field(
                "chuong",
                t("Chương bệnh"),
                "choice",
                scope.chapter,
                options=[*options, *((r["chapter"], chapter_label(names, r["chapter"])) for r in chapters)],
            ),
        ],
        t("Xem"),
        inline=True,
        reset_url=f"/chi-so/{definition.id}/" if scope.query else "",
        title=t("Phạm vi của con số"),
    )


def chapter_names(desk: Desk) -> dict[str, str]:
    column = "title_en" if current_language() == "en" else "title_vi"
    rows = desk.rows("reference.icd_chapter", ["chapter", column], limit=100)
    return {row["chapter"]: row[column] for row in rows}


def chapter_label(names: dict[str, str], chapter: str) -> str:
    return f"{chapter} · {names[chapter]}" if chapter in names else chapter


def answer(desk: Desk, definition: Definition, scope: Scope) -> Figure:
    """The number asked for."""
    amount = total(desk, definition, scope.filter)
    compared = t("cả tỉnh, mọi tuần") if not scope.query else t("trong phạm vi đã chọn")
    if scope.week:
        earlier = Scope(scope.facility, scope.week - timedelta(days=7), scope.chapter)
        compared = t("tuần trước đó: {v}", v=value(definition, total(desk, definition, earlier.filter)))
    return Figure(
        scope_words(desk, scope),
        value(definition, amount) if amount is not None else formats.WITHHELD,
        unit(definition),
        compared,
        t("ảnh chụp số {n}", n=desk.snapshot) if desk.snapshot is not None else "",
        reviewed(definition),
        "#dinh-nghia",
        ""
        if amount is not None
        else (_no_sum() if not definition.additive else t("Không có ô nào trong phạm vi này.")),
    )


def scope_words(desk: Desk, scope: Scope) -> str:
    """Of whom and when the number is, in words."""
    parts = []
    if scope.facility:
        parts.append(desk.facility_name(scope.facility))
    if scope.week:
        parts.append(formats.week(scope.week))
    if scope.chapter:
        parts.append(t("Chương bệnh {c}", c=scope.chapter))
    return ", ".join(parts) or t("Toàn tỉnh")


def by_week(desk: Desk, definition: Definition, scope: Scope) -> Chart | State:
    """Weekly series of an additive indicator, or of one cell of another."""
    cells = [f for f in scope.filter if f[0] != "week_start"]
    if not definition.additive and len(cells) < 2:
        return State("empty", t("Chưa vẽ được theo tuần"), _no_sum())
    newest = scope.week or next(iter(_weeks(desk, 1)), None)
    if newest is None:
        return _nothing()
    window = [("week_start", ">", newest - timedelta(weeks=WEEKS_SHOWN)), ("week_start", "<=", newest)]
    found = desk.totals(definition.model, ["week_start"], {"v": ("sum", definition.column)}, [*cells, *window])
    rows = _every_week(found, newest)
    extra = urlencode(scope.query)
    url = f"?{extra}&xuat=theo-tuan" if extra else "?xuat=theo-tuan"
    last = {"week": formats.week(newest), "v": value(definition, rows[-1]["v"])}
    if scope.week:
        caption = t("{title}, {n} tuần đến tuần đã chọn", title=title(definition), n=len(rows))
        summary = t("Tuần đã chọn: {week}, {v}.", **last)
    else:
        caption = t("{title}, {n} tuần gần nhất", title=title(definition), n=len(rows))
        summary = t("Mới nhất: {week}, {v}. Tuần cuối có thể chưa đủ.", **last)
    return Chart(
        "theo-tuan",
        caption,
        summary,
        _week_spec(definition, rows),
        _week_table(definition, scope, rows),
        svg_url=f"{url}.svg",
        csv_url=f"{url}.csv",
    )


def _every_week(found: list[Row], newest: date) -> list[Row]:
    """The shown weeks up to `newest`, oldest first: in a week that no row speaks of nothing was counted."""
    amounts = {row["week_start"]: row["v"] for row in found}
    weeks = [newest - timedelta(weeks=back) for back in range(WEEKS_SHOWN - 1, -1, -1)]
    return [{"week_start": week, "v": amounts.get(week, 0)} for week in weeks]


def _week_spec(definition: Definition, rows: list[Row]) -> dict[str, Any]:
    money = definition.unit == "đồng"
    values = [
        {
            "tuan": formats.week(row["week_start"]),
            "ngan": f"{row['week_start']:%d/%m}",
            "so": float(row["v"] or 0),
            "hien": value(definition, row["v"]),
        }
        for row in rows
    ]
    return {
        "data": {"values": values},
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {
                "field": "ngan",
                "type": "ordinal",
                "sort": None,
                "title": t("Tuần bắt đầu ngày"),
                "axis": {"labelAngle": 0, "labelOverlap": True},
            },
            "y": {
                "field": "so",
                "type": "quantitative",
                "title": t("triệu đồng") if money else unit(definition),
                "axis": {
                    "labelExpr": AXIS_MILLIONS if money else AXIS_COUNTS,
                    "tickCount": 5 if money else min(5, max(1, *(int(row["v"] or 0) for row in rows))),
                },
            },
            "tooltip": [{"field": "tuan", "title": t("Tuần")}, {"field": "hien", "title": title(definition)}],
        },
    }


def _week_table(definition: Definition, scope: Scope, rows: list[Row]) -> Table:
    return Table(
        "theo-tuan-bang",
        t("{title} theo tuần", title=title(definition)),
        [
            Column("tuan", t("Tuần"), "date", lead=True, about=t("Tuần dịch tễ, từ thứ hai đến chủ nhật")),
            Column("so", title(definition), "number", about=definition.why, origin=_origin(definition)),
        ],
        [
            {
                "tuan": Cell(formats.week(row["week_start"]), _here(definition, scope, row["week_start"])),
                "so": Cell(value(definition, row["v"]), raw=row["v"]),
            }
            for row in reversed(rows)
        ],
        dense=True,
    )


def _here(definition: Definition, scope: Scope, week: date) -> str:
    return f"/chi-so/{definition.id}/?{urlencode({**scope.query, 'tuan': week.isoformat()})}"


def by_chapter(desk: Desk, definition: Definition, scope: Scope) -> Table | None:
    """Cells by chapter; only what may be added up."""
    if not definition.additive:
        return None
    rows = desk.totals(
        definition.model, ["chapter"], {"v": ("sum", definition.column)}, scope.filter, [("v", "desc")], 40
    )
    if not rows:
        return None
    names = chapter_names(desk)
    whole = sum(row["v"] or 0 for row in rows)
    return Table(
        "theo-chuong",
        t("{title} theo chương bệnh", title=title(definition)),
        [
            Column("c", t("Chương ICD-10"), lead=True),
            Column("v", title(definition), "number", about=definition.why, origin=_origin(definition)),
            Column("p", t("Tỷ trọng"), "number", about=t("Phần trăm trên tổng trong phạm vi đã chọn")),
        ],
        [
            {
                "c": Cell(
                    chapter_label(names, row["chapter"]),
                    f"/chi-so/{definition.id}/?{urlencode({**scope.query, 'chuong': row['chapter']})}",
                ),
                "v": Cell(value(definition, row["v"]), raw=row["v"]),
                "p": _share(row["v"], whole),
            }
            for row in rows
        ],
        csv_url="?" + urlencode({**scope.query, "xuat": "theo-chuong.csv"}),
        dense=True,
    )


def _share(part: Any, whole: Any) -> Cell:
    share = float(part or 0) / float(whole) if whole else None
    return Cell(formats.percent(share), raw=None if share is None else round(share * 100, 1))


def _origin(definition: Definition) -> str:
    return f"{definition.model}.{definition.column}"


def meaning(definition: Definition) -> Facts:
    return Facts(
        [
            Fact(t("Vì sao đếm"), definition.why),
            Fact(t("Tử số"), definition.numerator),
            Fact(t("Mẫu số"), definition.denominator),
            Fact(t("Đơn vị tính"), definition.unit),
            Fact(t("Căn cứ pháp lý"), definition.legal_basis),
            Fact(t("Người soạn"), definition.authored_by),
            Fact(t("Người duyệt"), definition.checked_by if definition.reviewed else t("chưa duyệt")),
            Fact(
                t("Soát lần này, lần sau"),
                f"{formats.day(definition.date_reviewed)}, {formats.day(definition.next_review)}",
            ),
        ]
    )


def counts_patients(definition: Definition) -> bool:
    """Whether a number counts patients of facilities, who may be one person at several."""
    return definition.column == "patients"


def query(definition: Definition, upstream: Sequence[Any] = ()) -> tuple[str, Sequence[tuple[str, tuple[str, ...]]]]:
    """(SQL text of the model, lineage of tables)."""
    found = explain(definition.id, tuple(upstream))
    return found.sql, found.lineage


def _of_chapter(desk: Desk, scope: Scope) -> set[int]:
    """Versions of the facility whose main diagnosis is of the chapter."""
    named = scope.chapter != "chưa phân loại"
    chapter = ("chapter", "=", scope.chapter) if named else ("chapter", "is_null", None)
    rows = desk.rows(
        "conformed.condition", ["version_id"], [("facility_code", "=", scope.facility), ("rank", "=", 1), chapter]
    )
    return {row["version_id"] for row in rows}


def behind(desk: Desk, scope: Scope) -> tuple[Table | State, str]:
    """Deliveries behind the number, newest first, and where to see the dossiers themselves."""
    dossiers = f"/ho-so/?{urlencode(scope.query)}" if scope.query else "/ho-so/"
    filters = [f for f in scope.filter if f[0] != "chapter"]
    if not scope.facility:
        rows = _newest(desk, [])
        note = t(
            "Mọi lần nhận đã xử lý; {n} lần gần nhất ở đây. Chọn cơ sở và tuần để thấy đúng các lần đứng sau một ô.",
            n=len(rows),
        )
        return _deliveries(desk, rows, note), dossiers
    encounters = desk.rows("conformed.encounter", ["version_id"], filters, [("version_id", "desc")], 10_000)
    counted = {row["version_id"] for row in encounters}
    if scope.chapter:
        counted &= _of_chapter(desk, scope)
    sequences = sorted({version // 1_000_000 for version in counted}, reverse=True)
    rows = _newest(desk, [("delivery_seq", "in", sequences[:1000])]) if sequences else []
    note = t("{n} lần nhận có hồ sơ trong phạm vi này.", n=number(len(sequences)))
    return _deliveries(desk, rows, note), dossiers


def _newest(desk: Desk, filter: Sequence[tuple[str, str, Any]]) -> list[Row]:
    columns = ["delivery_seq", "delivery_id", "received_at", "facility_code", "hoso_found"]
    return desk.rows("standard.delivery", columns, filter, [("delivery_seq", "desc")], DELIVERIES_SHOWN)


def _deliveries(desk: Desk, rows: list[Row], note: str) -> Table:
    return Table(
        "lan-nhan",
        t("Lần nhận đứng sau con số"),
        [
            Column("ma", t("Mã giao nhận"), "code", lead=True),
            Column("luc", t("Nhận lúc"), "date"),
            Column("cs", t("Cơ sở")),
            Column("hs", t("Hồ sơ"), "number"),
        ],
        [
            {
                "ma": Cell(row["delivery_id"], f"/giao-nhan/{row['delivery_id']}/"),
                "luc": Cell(formats.moment(row["received_at"])),
                "cs": Cell(desk.facility_name(row["facility_code"])),
                "hs": Cell(number(row["hoso_found"])),
            }
            for row in rows
        ],
        empty=_nothing(),
        note=note,
        dense=True,
    )
