"""The first page: what came in, from whom, how late, what to do now."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from bienho.portal import formats, words
from bienho.portal.components import (
    Area,
    Badge,
    Cell,
    Chart,
    Column,
    Figure,
    Map,
    State,
    Table,
    Todo,
    TodoList,
)
from bienho.portal.components.map import levels, shapes
from bienho.portal.desk import Desk, Row
from bienho.portal.formats import number
from bienho.portal.language import current_language, t
from bienho.portal.presenters import numbers
from bienho.portal.presenters.delays import RANKED_FROM, Delay, Delays, delays

DAYS_SHOWN = 30
WEEK = timedelta(days=7)
#: A facility that used to send is called silent after this many days without a delivery (house policy, not law).
SILENT_DAYS = 3
LATE_SHOWN = 10
MOST_TODO = 5


@dataclass(slots=True)
class Overview:
    todo: TodoList | State
    figures: list[Figure] | State
    per_day: Chart | State
    per_week: Chart | State
    facilities: Table | State
    map: Map | State
    fresh: str


def overview(desk: Desk) -> Overview:
    """All parts of the page; each is read by itself, so a closed or broken one leaves the rest."""
    recent = desk.try_part(lambda: _recent(desk))
    last = desk.try_part(lambda: _last_by_facility(desk))
    deliveries = recent if isinstance(recent, list) else []
    facilities = last if isinstance(last, list) else []
    late = desk.try_part(lambda: delays(desk))
    newest = max((row["last"] for row in facilities), default=None)
    return Overview(
        todo=desk.try_part(lambda: _todo(desk, facilities)),
        figures=desk.try_part(lambda: _figures(desk, deliveries, newest, late)),
        per_day=recent if isinstance(recent, State) else _per_day(desk, deliveries),
        per_week=desk.try_part(lambda: _per_week(desk)),
        facilities=last if isinstance(last, State) else _facility_table(desk, facilities, late),
        map=desk.try_part(lambda: commune_map(desk)),
        fresh=t("Lần nhận mới nhất: {when}", when=formats.moment(newest)) if newest else t("Chưa nhận lần nào"),
    )


def _recent(desk: Desk) -> list[Row]:
    """Deliveries of the shown days and the same span before, for comparison."""
    since = desk.now - timedelta(days=2 * DAYS_SHOWN)
    columns = ("received_at", "hoso_found", "accepted", "accepted_with_findings", "quarantined", "duplicates")
    return desk.rows("standard.delivery", columns, [("received_at", ">=", since)], [("received_at", "desc")])


def _last_by_facility(desk: Desk) -> list[Row]:
    measures = {
        "last": ("max", "received_at"),
        "deliveries": ("count", None),
        "hoso": ("sum", "hoso_found"),
        "flawed": ("sum", "accepted_with_findings"),
        "quarantined": ("sum", "quarantined"),
    }
    return desk.totals("standard.delivery", ["facility_code"], measures, order=[("last", "asc")])


def _silent(desk: Desk, facilities: list[Row]) -> list[Row]:
    limit = desk.now - timedelta(days=SILENT_DAYS)
    return [row for row in facilities if row["last"] < limit]


def _todo(desk: Desk, facilities: list[Row]) -> TodoList:
    """The five most urgent things, worst first."""
    found = [*_todo_quarantine(desk), *_todo_silent(desk, facilities), *_todo_findings(desk)]
    found += _todo_never(desk, facilities)
    good = State("good", t("Không có việc gấp"), t("Các cơ sở đang gửi đều, không có hồ sơ cách ly hay phát hiện sai."))
    return TodoList(t("Việc cần làm bây giờ"), found[:MOST_TODO], good if facilities else _nothing_yet())


def _quarantine(desk: Desk) -> list[Row]:
    return desk.totals("quality.quarantine", ["facility_code"], {"n": ("count", None)}, order=[("n", "desc")])


def _todo_quarantine(desk: Desk) -> list[Todo]:
    rows = _quarantine(desk)
    if not rows:
        return []
    names = ", ".join(desk.facility_name(row["facility_code"]) for row in rows[:2])
    title = t("{n} hồ sơ đang cách ly, chưa vào kho", n=number(sum(row["n"] for row in rows)))
    text = t("Của {k} cơ sở; nhiều nhất: {names}.", k=number(len(rows)), names=names)
    return [Todo("act", title, text, t("Cơ sở gửi dữ liệu"), t("hôm nay"), "/cach-ly/", t("Xem lý do"))]


def _todo_silent(desk: Desk, facilities: list[Row]) -> list[Todo]:
    silent = _silent(desk, facilities)
    if not silent:
        return []
    names = ", ".join(desk.facility_name(row["facility_code"]) for row in silent[:2])
    title = t("{n} cơ sở im lặng quá {d} ngày", n=number(len(silent)), d=SILENT_DAYS)
    text = t("Lâu nhất: {names}.", names=names)
    return [Todo("act", title, text, t("Sở Y tế gọi cơ sở"), t("hôm nay"), "#co-so", t("Xem cơ sở"))]


def _todo_findings(desk: Desk) -> list[Todo]:
    measures = {"n": ("count", None), "hs": ("count_distinct", "version_id")}
    shown = [("severity", "in", ["error", "warning"])]
    rows = desk.totals("quality.finding", ["owner", "severity"], measures, shown, [("n", "desc")])
    owners = [row for row in rows if row["severity"] == "error"]
    warnings = sum(row["n"] for row in rows if row["severity"] == "warning")
    found = []
    for row in owners[:2]:
        title = t("{n} phát hiện sai ở {hs} hồ sơ", n=number(row["n"]), hs=number(row["hs"]))
        text = t("Hồ sơ đã vào kho nhưng có trường sai, cần gửi lại.")
        link = f"/phat-hien/?muc_do=error&don_vi={row['owner']}"
        owner = words.word(words.OWNERS, row["owner"])
        found.append(Todo("act", title, text, owner, t("trong tuần này"), link, t("Xem phát hiện")))
    if warnings:
        title = t("{n} phát hiện cần xem", n=number(warnings))
        text = t("Chưa làm sai con số, nhưng lặp lại nhiều thì nên sửa phần mềm.")
        link, owner = "/phat-hien/?muc_do=warning", t("Cơ sở gửi dữ liệu")
        found.append(Todo("warn", title, text, owner, t("trong tháng này"), link, t("Xem phát hiện")))
    return found


def _todo_never(desk: Desk, facilities: list[Row]) -> list[Todo]:
    never = _never(desk, facilities)
    if not never or not facilities:
        return []
    title = t("{n} cơ sở trong danh mục chưa gửi lần nào", n=number(never))
    text = t("Kể cả cơ sở còn mang mã tạm; đối chiếu danh mục trước khi nhắc.")
    return [Todo("info", title, text, t("Sở Y tế"), t("trong tháng này"), "#co-so", t("Xem cơ sở đã gửi"))]


def _never(desk: Desk, facilities: list[Row]) -> int:
    sent = {row["facility_code"] for row in facilities}
    return sum(1 for code in desk.profile.facility_by_code if code not in sent)


def _nothing_yet() -> State:
    return State(
        "empty",
        t("Kho chưa có dữ liệu"),
        t("Sau lần nhận đầu tiên, trang này cho biết cái gì đã về, từ ai, chậm bao lâu."),
        do=t("Trên máy chủ, chạy `bienho ingest THƯ_MỤC` với các tệp XML của cơ sở."),
    )


def _between(rows: list[Row], start: datetime, end: datetime) -> list[Row]:
    return [row for row in rows if start <= row["received_at"] < end]


def _figures(desk: Desk, rows: list[Row], newest: datetime | None, late: Delays | State) -> list[Figure]:
    counts = {"n": ("count", None), "patients": ("count_distinct", "patient_key")}
    known = desk.totals("standard.xml130_dossier", (), counts)[0]
    quarantined = sum(row["n"] for row in _quarantine(desk))
    now, before = _between(rows, desk.now - WEEK, desk.now), _between(rows, desk.now - 2 * WEEK, desk.now - WEEK)
    fresh = t("đến {when}", when=formats.moment(newest))
    counted = Badge(t("đếm đủ"), "ok")
    clean_now, clean_before = _clean(now), _clean(before)
    return [
        Figure(
            t("Hồ sơ hiện hành trong kho"),
            number(known["n"]),
            t("hồ sơ"),
            t("của {n} mã người bệnh tại cơ sở", n=number(known["patients"])),
            fresh,
            counted,
            "/ho-so/",
        ),
        Figure(
            t("Giao dịch nhận trong 7 ngày"),
            number(len(now)),
            t("lần"),
            _against(len(now), len(before)),
            fresh,
            counted,
            "/giao-nhan/",
        ),
        Figure(
            t("Tỷ lệ hồ sơ nhận sạch, 7 ngày"),
            formats.percent(clean_now) if clean_now is not None else formats.WITHHELD,
            "",
            t("7 ngày trước đó: {p}", p=formats.percent(clean_before)),
            fresh,
            Badge(t("theo các kiểm tra hiện có"), "info"),
            "/phat-hien/",
            "" if clean_now is not None else t("7 ngày qua không nhận hồ sơ nào nên không tính được."),
        ),
        _late_figure(late.whole if isinstance(late, Delays) else None),
        Figure(
            t("Hồ sơ đang cách ly"),
            number(quarantined),
            t("hồ sơ"),
            t("mục tiêu: 0"),
            fresh,
            Badge(t("cần xử lý"), "act") if quarantined else Badge(t("không có"), "ok"),
            "/cach-ly/",
        ),
    ]


def _late_figure(whole: Delay | None) -> Figure:
    return Figure(
        t("Chậm bao lâu"),
        number(whole.middle) if whole else formats.WITHHELD,
        t("ngày (trung vị)") if whole else "",
        t("từ ra viện đến lập tệp gửi; 95 % trong {n} ngày", n=number(whole.late)) if whole else "",
        t("ra viện 12 tháng qua"),
        Badge(t("theo ngày lập tệp"), "info"),
        "#co-so",
        ""
        if whole
        else t("Chưa có hồ sơ nào vừa có ngày ra viện vừa có ngày lập tệp, hoặc vai trò này không được đọc."),
    )


def _clean(rows: list[Row]) -> float | None:
    taken = sum((row["hoso_found"] or 0) - (row["duplicates"] or 0) for row in rows)
    return sum(row["accepted"] or 0 for row in rows) / taken if taken else None


def _against(now: int, before: int) -> str:
    if not before:
        return t("7 ngày trước đó không nhận lần nào")
    change = number(abs(now - before) / before * 100)
    if now == before:
        return t("bằng 7 ngày trước đó")
    return (
        t("tăng {p} % so với 7 ngày trước", p=change) if now > before else t("giảm {p} % so với 7 ngày trước", p=change)
    )


def _per_day(desk: Desk, rows: list[Row]) -> Chart | State:
    if not rows:
        return _nothing_yet()
    today = formats.local(desk.now).date()
    days = [today - timedelta(days=back) for back in range(DAYS_SHOWN - 1, -1, -1)]
    dossiers: Counter[date] = Counter()
    deliveries: Counter[date] = Counter()
    for row in rows:
        day = formats.local(row["received_at"]).date()
        dossiers[day] += row["hoso_found"] or 0
        deliveries[day] += 1
    values = [{"ngay": day.isoformat(), "so": dossiers[day], "lan": deliveries[day]} for day in days]
    total = sum(dossiers[day] for day in days)
    if len(deliveries) == 1:
        return _one_day(total, rows[0]["received_at"])
    peak = max(days, key=lambda day: dossiers[day])
    tooltip = [
        {"field": "ngay", "type": "temporal", "title": t("Ngày"), "format": "%d/%m/%Y"},
        {"field": "so", "type": "quantitative", "title": t("Hồ sơ"), "format": ",d"},
        {"field": "lan", "type": "quantitative", "title": t("Lần nhận"), "format": ",d"},
    ]
    spec = {
        "data": {"values": values},
        "mark": {"type": "bar", "width": {"band": 0.72}},
        "encoding": {
            "x": {
                "field": "ngay",
                "type": "temporal",
                "timeUnit": "yearmonthdate",
                "title": None,
                "axis": {"format": "%d/%m", "labelOverlap": True, "tickCount": 8},
            },
            "y": {
                "field": "so",
                "type": "quantitative",
                "title": t("Hồ sơ mỗi ngày"),
                "axis": {"format": ",d", "tickCount": 4},
            },
            "tooltip": tooltip,
        },
    }
    table = Table(
        "theo-ngay-bang",
        t("Hồ sơ và lần nhận theo ngày"),
        [
            Column("ngay", t("Ngày"), "date", lead=True),
            Column("so", t("Hồ sơ"), "number"),
            Column("lan", t("Lần nhận"), "number"),
        ],
        [
            {"ngay": Cell(formats.day(d)), "so": Cell(number(dossiers[d])), "lan": Cell(number(deliveries[d]))}
            for d in reversed(days)
        ],
        dense=True,
    )
    return Chart(
        "theo-ngay",
        t("Hồ sơ nhận được mỗi ngày, {n} ngày gần đây", n=DAYS_SHOWN),
        t(
            "Tổng {n} hồ sơ; nhiều nhất ngày {d} với {k}.",
            n=number(total),
            d=formats.day(peak),
            k=number(dossiers[peak]),
        ),
        spec,
        table,
        svg_url="?xuat=theo-ngay.svg",
        csv_url="?xuat=theo-ngay.csv",
    )


def _one_day(total: int, moment: datetime) -> State:
    """A chart of one bar says less than a sentence."""
    return State(
        "empty",
        t("Mọi hồ sơ đến trong một ngày"),
        t(
            "{n} hồ sơ, ngày {d}. Biểu đồ theo ngày hiện ở đây từ ngày nhận thứ hai.",
            n=number(total),
            d=formats.day(moment),
        ),
    )


def _per_week(desk: Desk) -> Chart | State:
    """Encounters by week of discharge: when care was given, not when its data came."""
    definition = numbers.find("encounters")
    if definition is None:
        return _nothing_yet()
    return numbers.by_week(desk, definition, numbers.Scope("", None, ""))


def _facility_table(desk: Desk, facilities: list[Row], late: Delays | State) -> Table:
    """Whom to remind first: silent ones, then the latest ones; without delays, those not heard of for longest."""
    known = late.by_facility if isinstance(late, Delays) else {}
    silent = {row["facility_code"] for row in _silent(desk, facilities)}

    def urgency(row: Row) -> tuple[bool, float, datetime]:
        delay = known.get(row["facility_code"] or "")
        days = delay.middle if delay and delay.ranked else -1
        return row["facility_code"] not in silent, -days, row["last"]

    rows = []
    for row in sorted(facilities, key=urgency)[:LATE_SHOWN]:
        code = row["facility_code"] or ""
        delay = known.get(code)
        rows.append(
            {
                "ten": Cell(desk.facility_name(code), f"/giao-nhan/?co_so={code}", note=code),
                "cuoi": Cell(formats.ago(row["last"], desk.now), note=formats.moment(row["last"]), raw=row["last"]),
                "giua": Cell(number(delay.middle) if delay else formats.DASH),
                "cham": Cell(number(delay.late) if delay else formats.DASH),
                "hs": Cell(number(row["hoso"]), note=t("{n} lần nhận", n=number(row["deliveries"]))),
                "sai": Cell(formats.percent((row["flawed"] or 0) / row["hoso"]) if row["hoso"] else formats.DASH),
                "tt": Cell("", badge=Badge(t("Im lặng"), "act") if code in silent else Badge(t("Có gửi"), "ok")),
            }
        )
    delayed = [Column("giua", t("Chậm, ngày"), "number"), Column("cham", t("95 % trong"), "number")] if known else []
    return Table(
        "co-so-bang",
        t("{n} cơ sở cần nhắc trước", n=number(len(rows))),
        [
            Column("ten", t("Cơ sở"), lead=True),
            Column("cuoi", t("Lần nhận cuối"), "date"),
            *delayed,
            Column("hs", t("Hồ sơ"), "number"),
            Column("sai", t("Có phát hiện"), "number"),
            Column("tt", t("Tình trạng")),
        ],
        rows,
        empty=_nothing_yet(),
        csv_url="?xuat=co-so-bang.csv",
        dense=True,
        note=_late_note() if known else "",
    )


def _late_note() -> str:
    return t(
        "Cơ sở im lặng quá {d} ngày đứng trước, rồi đến cơ sở gửi chậm nhất. Chậm: số ngày từ lúc ra viện đến ngày lập"
        " tệp (NGAYLAP) của lần gửi đầu; cột thứ nhất là trung vị, cột kế bên là số ngày mà 95 % hồ sơ không vượt quá."
        " Hồ sơ ra viện 12 tháng qua; cơ sở có dưới {n} hồ sơ không xếp theo độ chậm.",
        d=SILENT_DAYS,
        n=RANKED_FROM,
    )


def commune_map(desk: Desk) -> Map | State:
    """Encounters by the commune in force today where the patient lives."""
    rows = desk.totals("conformed.encounter", ["commune_canonical"], {"n": ("count", None)}, order=[("n", "desc")])
    if not rows:
        return _nothing_yet()
    profile = desk.profile
    inside = {row["commune_canonical"]: row["n"] for row in rows if row["commune_canonical"] in profile.commune_by_code}
    outside = sum(row["n"] for row in rows) - sum(inside.values())
    values = {code: inside.get(code, 0) for code in profile.commune_by_code}
    step, bounds = levels(values)
    paths = shapes(profile.id).paths
    areas = [
        Area(
            c.code,
            t("{name}: {n} lượt", name=commune_name(c), n=number(values[c.code])),
            step[c.code],
            f"/ho-so/?xa={c.code}",
            paths[c.code],
        )
        for c in sorted(profile.communes, key=lambda c: (-c.lat, c.lon))
        if c.code in paths
    ]
    return Map(
        "ban-do",
        t("Lượt khám theo nơi cư trú của người bệnh"),
        t(
            "{k} trong {all} xã, phường có người bệnh; {n} lượt ở ngoài tỉnh hoặc chưa rõ xã.",
            k=number(len(inside)),
            all=number(len(values)),
            n=number(outside),
        ),
        areas,
        _legend(bounds, values),
        _commune_table(desk, inside),
        t("Ô bản đồ tính từ điểm trung tâm xã, không phải địa giới pháp lý."),
        csv_url="?xuat=ban-do-bang.csv",
    )


def commune_name(commune: Any) -> str:
    kind = {"xã": t("Xã"), "phường": t("Phường")}.get(commune.type, "")
    return f"{kind} {commune.name}".strip() if current_language() == "vi" else f"{commune.name} ({kind.lower()})"


def _legend(bounds: list[float], values: dict[str, int]) -> list[tuple[int, str]]:
    legend, lower = [(0, t("không có"))], 1
    for step, bound in enumerate(bounds, 1):
        text = number(lower) if lower == bound else f"{number(lower)}–{number(bound)}"
        legend.append((step, text))
        lower = int(bound) + 1
    return legend


def _commune_table(desk: Desk, inside: dict[str, int]) -> Table:
    sides = {side.id: side.name_en if current_language() == "en" else side.name_vi for side in desk.profile.sides}
    rows = []
    for code, n in sorted(inside.items(), key=lambda item: -item[1]):
        commune = desk.profile.commune_by_code[code]
        rows.append(
            {
                "xa": Cell(commune_name(commune), f"/ho-so/?xa={code}"),
                "nua": Cell(sides[commune.side]),
                "n": Cell(number(n), raw=n),
                "ty": Cell(number(n / commune.population * 1000, 2) if commune.population else formats.DASH),
            }
        )
    return Table(
        "ban-do-bang",
        t("Lượt khám theo xã, phường"),
        [
            Column("xa", t("Xã, phường"), lead=True),
            Column("nua", t("Nửa tỉnh")),
            Column("n", t("Lượt khám"), "number"),
            Column("ty", t("Trên 1.000 dân"), "number"),
        ],
        rows,
        dense=True,
    )
