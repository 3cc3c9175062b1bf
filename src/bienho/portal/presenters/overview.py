"""The first page: what came in, from whom, how late, what to do now."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from bienho.portal import formats
from bienho.portal.components import (
    Badge,
    Cell,
    Chart,
    Column,
    Figure,
    Map,
    State,
    Table,
    TodoList,
)
from bienho.portal.desk import Desk, Row
from bienho.portal.formats import number
from bienho.portal.language import t
from bienho.portal.presenters import numbers, scores
from bienho.portal.presenters.communes import commune_map, nothing_yet
from bienho.portal.presenters.delays import RANKED_FROM, Delays, delays
from bienho.portal.presenters.overview_figures import desk_of_quality, figures
from bienho.portal.presenters.overview_todo import silent, todo
from bienho.portal.presenters.received import DAYS_SHOWN, Day, days_received
from bienho.portal.presenters.rules import reached
from bienho.portal.ways import first_open
from bienho.quality.sending_days import SILENT_DAYS

LATE_SHOWN = 10
DELIVERY = "standard.delivery"
BY_WEEK = ("derived.facility_week_chapter", "week_start", "encounters")


@dataclass(slots=True)
class Overview:
    """The parts of the page; None where a part is not for its reader, a State where it could not be read."""

    todo: TodoList | State
    figures: list[Figure] | State
    per_day: Chart | State | None
    per_week: Chart | State | None
    facilities: Table | State | None
    map: Map | State | None
    fresh: str


def overview(desk: Desk) -> Overview:
    """All parts of the page that its reader may see; each is read by itself, so a broken one leaves the rest."""
    recent = desk.try_part(lambda: days_received(desk)) if desk.sees(DELIVERY, action="query") else None
    last = desk.try_part(lambda: _last_by_facility(desk)) if desk.sees(DELIVERY) else None
    days = recent if isinstance(recent, list) else None
    facilities = last if isinstance(last, list) else []
    judged = desk.sees(DELIVERY, action="query") and desk.sees("conformed.encounter", action="query")
    late = desk.try_part(lambda: delays(desk)) if judged else None
    newest = max((row["last"] for row in facilities), default=None)
    return Overview(
        todo=desk.try_part(lambda: todo(desk, facilities)),
        figures=desk.try_part(lambda: figures(desk, days, facilities, late, newest)),
        per_day=_per_day(desk, recent) if isinstance(recent, list) else recent,
        per_week=desk.try_part(lambda: _per_week(desk)) if desk.sees(*BY_WEEK) else None,
        facilities=_facility_table(desk, facilities, late) if _has_others(desk, last) else _broken(last),
        map=_map(desk),
        fresh=_fresh(desk, newest),
    )


def _has_others(desk: Desk, last: list[Row] | State | None) -> bool:
    """Whether there is a choice of facilities to look at: of one alone the other parts of the page say all."""
    return isinstance(last, list) and (len(last) != 1 or reached(desk) is None)


def _broken(last: list[Row] | State | None) -> State | None:
    return last if isinstance(last, State) else None


def _fresh(desk: Desk, newest: datetime | None) -> str:
    if newest:
        return t("Lần nhận mới nhất: {when}", when=formats.moment(newest))
    return t("Chưa nhận lần nào") if desk.sees(DELIVERY) else ""


def _map(desk: Desk) -> Map | State | None:
    """Where patients live; for whoever may not count visits, where the data loses points."""
    if desk.sees("conformed.encounter", "commune_canonical"):
        return desk.try_part(lambda: commune_map(desk))
    asking = desk_of_quality(desk)
    return desk.try_part(lambda: _score_map(asking)) if asking.sees("quality.score") else None


def _score_map(desk: Desk) -> Map | None:
    scope = scores.newest(desk)
    return scores.commune_map(desk, scope, scores.of_week(desk, scope)) if scope else None


def _last_by_facility(desk: Desk) -> list[Row]:
    measures = {
        "last": ("max", "received_at"),
        "deliveries": ("count", None),
        "hoso": ("sum", "hoso_found"),
        "flawed": ("sum", "accepted_with_findings"),
        "quarantined": ("sum", "quarantined"),
    }
    return desk.totals(DELIVERY, ["facility_code"], measures, order=[("last", "asc")])


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


def _facility_table(desk: Desk, facilities: list[Row], late: Delays | State | None) -> Table:
    """Whom to remind first: silent ones, then the latest ones; without delays, those not heard of for longest."""
    known = late.by_facility if isinstance(late, Delays) else {}
    quiet = {row["facility_code"] for row in silent(desk, facilities)}

    def urgency(row: Row) -> tuple[bool, float, datetime]:
        delay = known.get(row["facility_code"])
        days = delay.middle if delay and delay.ranked else -1
        return row["facility_code"] not in quiet, -days, row["last"]

    rows = []
    for row in sorted((row for row in facilities if row["facility_code"]), key=urgency)[:LATE_SHOWN]:
        code = row["facility_code"]
        delay = known.get(code)
        rows.append(
            {
                "ten": Cell(desk.facility_name(code), _facility_way(desk, code), note=code),
                "cuoi": Cell(formats.ago(row["last"], desk.now), note=formats.moment(row["last"]), raw=row["last"]),
                "giua": Cell(number(delay.middle) if delay else formats.DASH),
                "cham": Cell(number(delay.late) if delay else formats.DASH),
                "hs": Cell(number(row["hoso"]), note=t("{n} lần nhận", n=number(row["deliveries"]))),
                "sai": Cell(formats.percent((row["flawed"] or 0) / row["hoso"]) if row["hoso"] else formats.DASH),
                "tt": Cell("", badge=Badge(t("Im lặng"), "act") if code in quiet else Badge(t("Có gửi"), "ok")),
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


def _facility_way(desk: Desk, code: str) -> str:
    asked = urlencode({"co_so": code})
    return first_open(desk.actor, (f"/giao-nhan/?{asked}", ""), (f"/chat-luong/co-so/?{asked}", ""))[0]


def _late_note() -> str:
    return t(
        "Cơ sở im lặng quá {d} ngày đứng trước, rồi đến cơ sở gửi chậm nhất. Chậm: số ngày từ lúc ra viện đến ngày lập"
        " tệp (NGAYLAP) của lần gửi đầu; cột thứ nhất là trung vị, cột kế bên là số ngày mà 95 % hồ sơ không vượt quá."
        " Hồ sơ ra viện 12 tháng qua; cơ sở có dưới {n} hồ sơ không xếp theo độ chậm.",
        d=SILENT_DAYS,
        n=RANKED_FROM,
    )
