"""The first page: what came in, from whom, how late, what to do now."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from bienho.portal import formats, words
from bienho.portal.components import (
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
from bienho.portal.desk import Desk, Row
from bienho.portal.formats import number
from bienho.portal.language import t
from bienho.portal.presenters import numbers, quarantine
from bienho.portal.presenters.communes import commune_map, nothing_yet
from bienho.portal.presenters.delays import RANKED_FROM, Delay, Delays, delays
from bienho.quality.sending_days import SILENT_DAYS

DAYS_SHOWN = 30
WEEK = 7
LATE_SHOWN = 10
MOST_TODO = 5


#: The gate groups by days of UTC; a day here begins at midnight in Vietnam, {shift} seconds earlier.
PER_DAY = """
SELECT CAST(floor((epoch(received_at) + {shift}) / 86400) AS INTEGER) AS day, count(*) AS deliveries,
    sum(hoso_found) AS found, sum(accepted) AS accepted, sum(duplicates) AS duplicates
FROM standard.delivery
WHERE (epoch(received_at) + {shift}) / 86400 >= {first}
GROUP BY 1
"""
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Day:
    """What came in on one local day: deliveries; dossiers found in them, accepted without findings, known before."""

    day: date
    deliveries: int
    found: int
    accepted: int
    duplicates: int


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
    recent = desk.try_part(lambda: days_received(desk))
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


def days_received(desk: Desk) -> list[Day]:
    """Deliveries by local day over the shown days and as many before them; days without one are left out."""
    today = formats.local(desk.now).date()
    first = today - timedelta(days=2 * DAYS_SHOWN - 1)
    shift = int(formats.LOCAL.utcoffset(None).total_seconds())
    rows = desk.answer(PER_DAY.format(shift=shift, first=(first - EPOCH).days), versions="all")
    return [
        Day(
            EPOCH + timedelta(days=int(row["day"])),
            int(row["deliveries"]),
            int(row["found"] or 0),
            int(row["accepted"] or 0),
            int(row["duplicates"] or 0),
        )
        for row in rows
    ]


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
    return [row for row in facilities if row["facility_code"] and row["last"] < limit]


def _todo(desk: Desk, facilities: list[Row]) -> TodoList:
    """The five most urgent things, worst first."""
    found = [*_todo_quarantine(desk), *_todo_silent(desk, facilities), *_todo_findings(desk)]
    found += _todo_never(desk, facilities)
    good = State("good", t("Không có việc gấp"), t("Các cơ sở đang gửi đều, không có hồ sơ cách ly hay phát hiện sai."))
    return TodoList(t("Việc cần làm bây giờ"), found[:MOST_TODO], good if facilities else nothing_yet())


def _todo_quarantine(desk: Desk) -> list[Todo]:
    rows = quarantine.by_facility(desk)
    if not rows:
        return []
    known = [row for row in rows if row["facility_code"]]
    names = ", ".join(desk.facility_name(row["facility_code"]) for row in known[:2])
    unknown = sum(row["n"] for row in rows if not row["facility_code"])
    title = t("{n} mục đang cách ly, chưa vào kho", n=number(sum(row["n"] for row in rows)))
    said = [t("Của {k} cơ sở; nhiều nhất: {names}.", k=number(len(known)), names=names)] if known else []
    text = " ".join([*said, *([t("{n} mục chưa rõ cơ sở gửi.", n=number(unknown))] if unknown else [])])
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
    measures = {
        "n": ("count", None),
        "hs": ("count_distinct", "version_id"),
        "lan": ("count_distinct", "delivery_id"),
    }
    rows = desk.totals("quality.finding", ["owner"], measures, [("severity", "=", "error")], [("n", "desc")])
    found = []
    for row in rows[:2]:
        many, places = number(row["n"]), number(row["hs"])
        title = t("{n} phát hiện sai ở {hs} hồ sơ", n=many, hs=places)
        text = t("Hồ sơ đã vào kho nhưng có trường sai, cần gửi lại.")
        if not row["hs"]:
            title = t("{n} phát hiện sai ở {k} lần nhận", n=many, k=number(row["lan"]))
            text = t("Sai ở cả tệp, như chữ ký; cần gửi lại tệp.")
        link = f"/phat-hien/?muc_do=error&don_vi={row['owner']}"
        owner = words.word(words.OWNERS, row["owner"])
        found.append(Todo("act", title, text, owner, t("trong tuần này"), link, t("Xem phát hiện")))
    return [*found, *_todo_warnings(desk)]


def _todo_warnings(desk: Desk) -> list[Todo]:
    """One thing to do, whatever their number: the most frequent kind is named with its repair."""
    measures = {"n": ("count", None), "cs": ("count_distinct", "facility_code")}
    kinds = desk.totals("quality.finding", ["code"], measures, [("severity", "=", "warning")], [("n", "desc")])
    if not kinds:
        return []
    most = kinds[0]
    title = t("{n} phát hiện cần xem, {k} loại", n=number(sum(row["n"] for row in kinds)), k=number(len(kinds)))
    text = t(
        "Chưa làm sai con số. Loại gặp nhiều nhất: {n}, ở {k} cơ sở. {fix}",
        n=number(most["n"]),
        k=number(most["cs"]),
        fix=words.fix(most["code"]),
    )
    link, owner = "/phat-hien/?muc_do=warning", t("Cơ sở gửi dữ liệu")
    return [Todo("warn", title, text, owner, t("trong tháng này"), link, t("Xem phát hiện"))]


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


def _between(days: list[Day], last: date) -> list[Day]:
    """The `WEEK` days up to `last`."""
    return [one for one in days if last - timedelta(days=WEEK) < one.day <= last]


def _figures(desk: Desk, days: list[Day], newest: datetime | None, late: Delays | State) -> list[Figure]:
    counts = {"n": ("count", None), "patients": ("count_distinct", "patient_key")}
    documents = {row["document"]: row for row in desk.totals("standard.xml130_dossier", ["document"], counts)}
    known = documents.pop("visit", {"n": 0, "patients": 0})
    others = sum(row["n"] for row in documents.values())
    of_patients = t("của {n} mã người bệnh tại cơ sở", n=number(known["patients"]))
    apart = t("; không kể {n} lượt đến, giám định", n=number(others)) if others else ""
    quarantined = sum(row["n"] for row in quarantine.by_facility(desk))
    today = formats.local(desk.now).date()
    now, before = _between(days, today), _between(days, today - timedelta(days=WEEK))
    received, received_before = sum(one.deliveries for one in now), sum(one.deliveries for one in before)
    fresh = t("đến {when}", when=formats.moment(newest))
    counted = Badge(t("đếm đủ"), "ok")
    clean_now, clean_before = _clean(now), _clean(before)
    return [
        Figure(
            t("Hồ sơ khám bệnh hiện hành"),
            number(known["n"]),
            t("hồ sơ"),
            of_patients + apart,
            fresh,
            counted,
            "/ho-so/",
        ),
        Figure(
            t("Lần nhận trong 7 ngày"),
            number(received),
            t("lần"),
            _against(received, received_before),
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
            t("Đang cách ly, chờ xử lý"),
            number(quarantined),
            t("mục"),
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


def _clean(days: list[Day]) -> float | None:
    taken = sum(one.found - one.duplicates for one in days)
    return sum(one.accepted for one in days) / taken if taken else None


def _against(now: int, before: int) -> str:
    if not before:
        return t("7 ngày trước đó không nhận lần nào")
    change = number(abs(now - before) / before * 100)
    if now == before:
        return t("bằng 7 ngày trước đó")
    return (
        t("tăng {p} % so với 7 ngày trước", p=change) if now > before else t("giảm {p} % so với 7 ngày trước", p=change)
    )


def _per_day(desk: Desk, found: list[Day]) -> Chart | State:
    today = formats.local(desk.now).date()
    days = [today - timedelta(days=back) for back in range(DAYS_SHOWN - 1, -1, -1)]
    shown = [one for one in found if one.day >= days[0]]
    if not shown:
        return State(
            "empty",
            t("{n} ngày qua không nhận hồ sơ nào", n=DAYS_SHOWN),
            t("Biểu đồ theo ngày hiện lại ở đây khi có lần nhận mới."),
        )
    if len(shown) == 1:
        return _one_day(shown[0])
    dossiers = Counter({one.day: one.found for one in shown})
    deliveries = Counter({one.day: one.deliveries for one in shown})
    values = [{"ngay": day.isoformat(), "so": dossiers[day], "lan": deliveries[day]} for day in days]
    total = sum(dossiers[day] for day in days)
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
            "Tổng {n} hồ sơ, kể cả lượt đến, giám định và bản gửi lại; nhiều nhất ngày {d} với {k}.",
            n=number(total),
            d=formats.day(peak),
            k=number(dossiers[peak]),
        ),
        spec,
        table,
        svg_url="?xuat=theo-ngay.svg",
        csv_url="?xuat=theo-ngay.csv",
    )


def _one_day(only: Day) -> State:
    """A chart of one bar says less than a sentence."""
    return State(
        "empty",
        t("Mọi hồ sơ đến trong một ngày"),
        t(
            "{n} hồ sơ, kể cả lượt đến, giám định và bản gửi lại, ngày {d}. Biểu đồ theo ngày hiện ở đây từ ngày nhận"
            " thứ hai.",
            n=number(only.found),
            d=formats.day(only.day),
        ),
    )


def _per_week(desk: Desk) -> Chart | State:
    """Encounters by week of discharge: when care was given, not when its data came."""
    definition = numbers.find("encounters")
    if definition is None:
        return nothing_yet()
    return numbers.by_week(desk, definition, numbers.Scope("", None, ""))


def _facility_table(desk: Desk, facilities: list[Row], late: Delays | State) -> Table:
    """Whom to remind first: silent ones, then the latest ones; without delays, those not heard of for longest."""
    known = late.by_facility if isinstance(late, Delays) else {}
    silent = {row["facility_code"] for row in _silent(desk, facilities)}

    def urgency(row: Row) -> tuple[bool, float, datetime]:
        delay = known.get(row["facility_code"])
        days = delay.middle if delay and delay.ranked else -1
        return row["facility_code"] not in silent, -days, row["last"]

    rows = []
    for row in sorted((row for row in facilities if row["facility_code"]), key=urgency)[:LATE_SHOWN]:
        code = row["facility_code"]
        delay = known.get(code)
        rows.append(
            {
                "ten": Cell(desk.facility_name(code), f"/giao-nhan/?{urlencode({'co_so': code})}", note=code),
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
        empty=nothing_yet(),
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
