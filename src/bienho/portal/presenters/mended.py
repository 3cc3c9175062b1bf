"""Findings that a corrected resend closed by itself, and how clean what a facility sends has become.

A finding is closed when the version that replaced its own no longer has it at that place. Lines move when one is put in
before them, so of one field and rule as many count as closed as there are fewer of now; a waiver closes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from bienho.portal import formats, words
from bienho.portal.components import Cell, Chart, Column, State, Table
from bienho.portal.desk import Desk, Row
from bienho.portal.formats import number
from bienho.portal.language import t
from bienho.portal.listing import EXPORT_ROWS
from bienho.portal.paging import PER_PAGE, turning
from bienho.portal.presenters.deliveries import short
from bienho.portal.presenters.findings import said, where
from bienho.portal.presenters.mending import DONE_HREF, HREF, Scope

DAYS_BACK = 90
TREND_WEEKS = 12
_EPOCH = date(1970, 1, 1)
CLOSED = """
WITH gone AS MATERIALIZED (
    SELECT s.version_id, s.by_version_id, d.delivery_id AS by_delivery, d.received_at AS closed_at, d.dossier_key
    FROM standard.superseded AS s
    JOIN standard.xml130_dossier AS d ON d.version_id = s.by_version_id
    WHERE d.facility_code = '{facility}' AND epoch(d.received_at) >= {since}
), every AS MATERIALIZED (
    SELECT finding_id, version_id, delivery_id, table_name, coalesce(row_no, 0) AS row_no, field, code, rule, severity,
        message,
        concat_ws('|', table_name, coalesce(field, ''), code, coalesce(CAST(rule AS VARCHAR), '')) AS place
    FROM quality.finding
    WHERE facility_code = '{facility}'
        AND version_id IN (SELECT version_id FROM gone UNION ALL SELECT by_version_id FROM gone)
), now AS MATERIALIZED (
    SELECT version_id, row_no, place FROM every
    UNION ALL
    SELECT version_id, coalesce(row_no, 0),
        concat_ws('|', table_name, coalesce(field, ''), code, coalesce(CAST(rule AS VARCHAR), ''))
    FROM quality.finding_waived
    WHERE facility_code = '{facility}' AND version_id IN (SELECT by_version_id FROM gone)
), counted AS MATERIALIZED (
    SELECT version_id, place, count(*) AS n FROM now GROUP BY version_id, place
), ranked AS (
    SELECT o.*, g.by_delivery, g.closed_at, g.dossier_key, was.n - coalesce(still.n, 0) AS fewer,
        row_number() OVER (PARTITION BY o.version_id, o.place ORDER BY o.row_no, o.finding_id) AS place_no
    FROM gone AS g
    JOIN every AS o ON o.version_id = g.version_id
    JOIN counted AS was ON was.version_id = o.version_id AND was.place = o.place
    LEFT JOIN counted AS still ON still.version_id = g.by_version_id AND still.place = o.place
    ANTI JOIN now AS w ON w.version_id = g.by_version_id AND w.place = o.place AND w.row_no = o.row_no
)
"""
LIST = """
SELECT finding_id, version_id, delivery_id, dossier_key, table_name, row_no, field, code, rule, severity, message,
    by_delivery, closed_at, count(*) OVER () AS total
FROM ranked WHERE place_no <= fewer ORDER BY closed_at DESC, finding_id LIMIT {limit} OFFSET {offset}
"""
#: Days since 1970 of the local Monday; 1970-01-01 was a Thursday.
TREND = """
SELECT CAST(day - (day + 3) % 7 AS INTEGER) AS monday, count(*) AS dossiers, count(bad.version_id) AS flawed
FROM (
    SELECT version_id, CAST(floor((epoch(received_at) + {shift}) / 86400) AS INTEGER) AS day
    FROM standard.xml130_dossier WHERE facility_code = '{facility}' AND epoch(received_at) >= {since}
) AS d
LEFT JOIN (
    SELECT DISTINCT version_id FROM quality.finding WHERE facility_code = '{facility}' AND severity = 'error'
) AS bad ON bad.version_id = d.version_id
GROUP BY 1 ORDER BY 1
"""


def _sql(desk: Desk, scope: Scope, tail: str) -> str:
    since = int((desk.now - timedelta(days=DAYS_BACK)).timestamp())
    return CLOSED.format(facility=scope.facility, since=since) + tail


def table(desk: Desk, scope: Scope, page: int, *, whole: bool) -> Table:
    """Closed findings, the newest first; `whole`: for a file."""
    limit, offset = (EXPORT_ROWS, 0) if whole else (PER_PAGE, (page - 1) * PER_PAGE)
    found = desk.answer(_sql(desk, scope, LIST.format(limit=limit, offset=offset)), versions="all", export=whole)
    total = found[0]["total"] if found else 0
    return Table(
        "da-xong",
        t("Phát hiện đã hết nhờ gửi lại, {n} ngày qua", n=DAYS_BACK),
        [
            Column("tin", t("Điều đã sai"), lead=True),
            Column("dau", t("Ở đâu")),
            Column("khi", t("Hết lúc"), "date"),
            Column("boi", t("Nhờ lần nhận"), "code"),
            Column("lan", t("Sai ở lần nhận"), "code"),
            Column("muc", t("Mức độ")),
        ],
        [_line(row) for row in found],
        pagination=turning(page, total, lambda there: scope.url(DONE_HREF, trang=str(there)), t("Phát hiện đã hết"))
        if found
        else None,
        empty=State(
            "empty",
            t("Chưa có phát hiện nào hết nhờ gửi lại"),
            t("Sửa trong phần mềm của cơ sở rồi gửi lại cả hồ sơ: phát hiện không còn thì tự sang đây."),
            href=scope.url(HREF),
            link=t("Việc phải sửa"),
        ),
        csv_url=scope.url(DONE_HREF, xuat="da-xong.csv"),
    )  # fmt: skip


def _line(row: Row) -> dict[str, Cell]:
    rule = t("kiểm tra số {n}", n=row["rule"]) if row["rule"] is not None else row["code"]
    return {
        "tin": Cell(said(row), note=rule, lang="vi"),
        "dau": Cell(where(row), f"/ho-so/{row['dossier_key']}/?phan=phien-ban", note=short(row["dossier_key"])),
        "khi": Cell(formats.moment(row["closed_at"]), raw=row["closed_at"]),
        "boi": Cell(row["by_delivery"], f"/giao-nhan/{row['by_delivery']}/"),
        "lan": Cell(row["delivery_id"], f"/giao-nhan/{row['delivery_id']}/"),
        "muc": Cell("", badge=words.severity(row["severity"]), raw=words.severity(row["severity"]).text),
    }


def trend(desk: Desk, scope: Scope) -> Chart | State:
    """The share of dossiers that came in without an error, by week of receipt: versions as they came, resends too."""
    shift = int(formats.LOCAL.utcoffset(None).total_seconds())
    today = formats.local(desk.now).date()
    first = today - timedelta(days=today.weekday(), weeks=TREND_WEEKS - 1)
    since = (first - _EPOCH).days * formats.SECONDS_PER_DAY - shift
    rows = desk.answer(TREND.format(facility=scope.facility, since=since, shift=shift), versions="all")
    if not rows:
        return State("empty", t("{n} tuần qua không nhận hồ sơ nào", n=TREND_WEEKS),
                     t("Xu hướng hiện ở đây khi có hồ sơ mới."))  # fmt: skip
    weeks = [(_EPOCH + timedelta(days=int(row["monday"])), row["dossiers"], row["flawed"]) for row in rows]
    return _drawn(scope, weeks)


def _drawn(scope: Scope, weeks: Sequence[tuple[date, int, int]]) -> Chart:
    values = [
        {"ngan": f"{week:%d/%m}", "so": round(100 * (1 - flawed / dossiers), 1), "tuan": formats.week(week),
         "hs": dossiers}
        for week, dossiers, flawed in weeks
    ]  # fmt: skip
    spec = {
        "data": {"values": values},
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {"field": "ngan", "type": "ordinal", "sort": None, "title": t("Tuần bắt đầu ngày"),
                  "axis": {"labelAngle": 0, "labelOverlap": True}},
            "y": {"field": "so", "type": "quantitative", "title": t("% hồ sơ không sai"),
                  "scale": {"domain": [0, 100]}},
            "tooltip": [{"field": "tuan", "title": t("Tuần")}, {"field": "so", "title": t("% hồ sơ không sai")},
                        {"field": "hs", "title": t("Hồ sơ")}],
        },
    }  # fmt: skip
    name = t("Hồ sơ nhận vào không có lỗi, theo tuần nhận")
    table = Table(
        "xu-huong-bang",
        name,
        [Column("tuan", t("Tuần"), "date", lead=True), Column("p", t("Không sai"), "number"),
         Column("sai", t("Hồ sơ có lỗi"), "number"), Column("hs", t("Hồ sơ"), "number")],
        [
            {"tuan": Cell(formats.week(week)), "p": Cell(formats.percent(1 - flawed / dossiers)),
             "sai": Cell(number(flawed), raw=flawed), "hs": Cell(number(dossiers), raw=dossiers)}
            for week, dossiers, flawed in reversed(weeks)
        ],
        dense=True,
    )  # fmt: skip
    last, before = weeks[-1], weeks[-2] if len(weeks) > 1 else None
    newest = t("Tuần mới nhất: {p} trong {n} hồ sơ.", p=formats.percent(1 - last[2] / last[1]), n=number(last[1]))
    then = t(" Tuần trước đó: {p}.", p=formats.percent(1 - before[2] / before[1])) if before else ""
    return Chart(
        "xu-huong", name, newest + then, spec, table,
        svg_url=scope.url(HREF, xuat="xu-huong.svg"), csv_url=scope.url(HREF, xuat="xu-huong.csv"),
    )  # fmt: skip
