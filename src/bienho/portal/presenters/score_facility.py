"""One facility's scores: six dimensions against its peers, the trend, the rows behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from bienho.portal import formats, words
from bienho.portal.components import Cell, Chart, Column, Fact, Facts, Figure, State, Table
from bienho.portal.desk import Desk, Row
from bienho.portal.formats import DASH, number
from bienho.portal.language import t
from bienho.portal.listing import Listing, Select, Show
from bienho.portal.presenters.findings import where
from bienho.portal.presenters.scores import (
    FACILITY_HREF,
    LOSS,
    ROWS_HREF,
    SCORE,
    Scope,
    cause,
    dimension_title,
    dimensions,
    mark,
    points,
)
from bienho.quality.scores import TOTAL, standing

WEEKS_SHOWN = 26
FROZEN = "quality.score_frozen"
SIXTH = Decimal("0.000001")


def figures(scope: Scope, held: Mapping[str, Row], *, readable: bool) -> list[Figure]:
    """The score over all and each dimension, beside the quarters of facilities of one kind."""
    made = []
    for name in (TOTAL, *dimensions()):
        row = held.get(name)
        more = {} if name == TOTAL else {"chieu": name}
        made.append(
            Figure(
                dimension_title(name),
                points(row["score"]) if row else formats.WITHHELD,
                t("điểm"),
                _peers(row),
                formats.week(scope.week),
                mark(scope),
                scope.url(ROWS_HREF, **more) if readable else "#nguyen-nhan",
                "" if row else t("Tuần này không có hồ sơ để xét chiều này."),
            )
        )
    return made


def _peers(row: Row | None) -> str:
    if row is None or row["peers"] is None:
        return t("chưa đủ 5 cơ sở cùng loại để so")
    return t(
        "{n} cơ sở cùng loại: giữa {m}; một phần tư dưới {a}, một phần tư trên {b}",
        n=number(row["peers"]), m=row["peer_middle"], a=row["peer_low"], b=row["peer_high"],
    )  # fmt: skip


def facts(desk: Desk, scope: Scope, held: Mapping[str, Row]) -> Facts:
    """What the numbers stand on: dossiers, formula, what was frozen."""
    one = held.get(TOTAL) or next(iter(held.values()))
    formula = standing()
    expected = DASH if one["expected"] is None else number(one["expected"])
    frozen = desk.totals(FROZEN, ["formula"], {"score": ("max", "score")}, [*scope.filter, ("dimension", "=", TOTAL)])
    reviewed = formula.reviewer if formula.reviewer != "chưa duyệt" else t("chưa duyệt")
    items = [
        Fact(t("Hồ sơ của tuần"), number(one["dossiers"])),
        Fact(t("Số mong đợi"), expected, note=t("trung vị các ngày cùng thứ trong 26 tuần trước")),
        Fact(t("Công thức"), formula.name, note=t("người duyệt: {who}", who=reviewed)),
    ]
    items += [Fact(t("Điểm lúc chốt tuần"), points(row["score"]), note=row["formula"]) for row in frozen]
    return Facts(items)


def trend(desk: Desk, scope: Scope) -> Chart:
    """The score over all by week; weeks without a score are gaps."""
    since = scope.week - timedelta(weeks=WEEKS_SHOWN - 1)
    window = [
        ("facility_code", "=", scope.facility), ("dataset", "=", scope.dataset), ("dimension", "=", TOTAL),
        ("week_start", ">=", since), ("week_start", "<=", scope.week),
    ]  # fmt: skip
    found = desk.totals(
        SCORE, ["week_start"], {"s": ("max", "score"), "m": ("max", "peer_middle")}, window, [("week_start", "asc")]
    )
    values = [
        {"ngan": f"{row['week_start']:%d/%m}", "so": float(row["s"]), "tuan": formats.week(row["week_start"]),
         "hien": points(row["s"])}
        for row in found
    ]  # fmt: skip
    spec = {
        "data": {"values": values},
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {"field": "ngan", "type": "ordinal", "sort": None, "title": t("Tuần bắt đầu ngày"),
                  "axis": {"labelAngle": 0, "labelOverlap": True}},
            "y": {"field": "so", "type": "quantitative", "title": t("điểm"), "scale": {"domain": [0, 100]}},
            "tooltip": [{"field": "tuan", "title": t("Tuần")}, {"field": "hien", "title": t("Điểm chung")}],
        },
    }  # fmt: skip
    table = Table(
        "dien-bien-bang",
        t("Điểm chung theo tuần"),
        [Column("tuan", t("Tuần"), "date", lead=True), Column("s", t("Điểm chung"), "number"),
         Column("m", t("Giữa các cơ sở cùng loại"), "number")],
        [
            {"tuan": Cell(formats.week(row["week_start"]), replace(scope, week=row["week_start"]).url(FACILITY_HREF)),
             "s": Cell(points(row["s"]), raw=row["s"]), "m": Cell(points(row["m"]), raw=row["m"])}
            for row in reversed(found)
        ],
        dense=True,
    )  # fmt: skip
    newest = t("Tuần đang xem: {v} điểm.", v=points(found[-1]["s"])) if found else ""
    return Chart(
        "dien-bien", t("Điểm chung, {n} tuần có điểm", n=len(found)), newest, spec, table,
        svg_url=scope.url(FACILITY_HREF, xuat="dien-bien.svg"), csv_url=scope.url(FACILITY_HREF, xuat="dien-bien.csv"),
    )  # fmt: skip


def rows(scope: Scope) -> Listing:
    """Every row that cost points, dearest first."""
    chosen = [(name, dimension_title(name)) for name in dimensions()]
    return Listing(
        id="dong-mat-diem",
        caption=t("Từng dòng làm mất điểm; cộng lại đúng phần điểm còn thiếu"),
        dataset=LOSS,
        needs=("loss_no", "dimension", "code", "rule", "owner", "version_id", "delivery_id", "dossier_key",
               "table_name", "row_no", "field", "day", "points", "points_total"),
        order=("points_total", "desc"),
        tie="loss_no",
        fixed=scope.filter,
        keeps=("co_so", "tuan", "bo"),
        selects=(
            Select("chieu", t("Chiều"), "dimension", options=chosen),
            Select("ma", t("Nguyên nhân"), "code", kind="text"),
        ),
        shows=(
            Show("ma", t("Nguyên nhân"), lambda r: Cell(r["code"], note=_rule(r)), "code", sort="code", lead=True),
            Show("chieu", t("Chiều"), lambda r: Cell(dimension_title(r["dimension"])), sort="dimension"),
            Show("dau", t("Ở đâu"), _place, sort="field", about=t("Bảng, dòng (đếm từ 1) và trường trong hồ sơ")),
            Show("ngay", t("Ngày"), lambda r: Cell(formats.day(r["day"])), "date", sort="day"),
            Show("p", t("Điểm chiều"), lambda r: _exact(r["points"]), "number", sort="points"),
            Show("pt", t("Điểm chung"), lambda r: _exact(r["points_total"]), "number", sort="points_total"),
            Show("ai", t("Ai sửa"), lambda r: Cell(words.word(words.OWNERS, r["owner"])), sort="owner"),
            Show("sua", t("Cách sửa"), lambda r: Cell(words.fix(r["code"])),
                 about=t("Việc phải làm để hết phát hiện này")),
        ),
        empty=State("good", t("Không mất điểm nào"), t("Tuần này không có dòng nào làm mất điểm.")),
    )  # fmt: skip


def _rule(row: Row) -> str:
    return cause({**row, "field": None}) if row["rule"] is None else t("kiểm tra số {n}", n=row["rule"])


def _exact(value: Decimal) -> Cell:
    return Cell(number(value, 6), raw=value)


def _place(row: Row) -> Cell:
    if row["dossier_key"]:
        return Cell(where(row), f"/ho-so/{row['dossier_key']}/?phan=phat-hien", note=row["dossier_key"][:8])
    if row["delivery_id"]:
        return Cell(t("cả lần nhận"), f"/giao-nhan/{row['delivery_id']}/", note=row["delivery_id"])
    return Cell(t("hồ sơ chưa gửi trong ngày"))
