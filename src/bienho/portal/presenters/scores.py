"""Scores of data quality: which week and dataset is looked at, and the province by facility."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from statistics import median
from urllib.parse import urlencode

from django.http import HttpRequest

from bienho.contracts import catalogue
from bienho.governance.decision import Request, decide
from bienho.portal import formats, words
from bienho.portal.components import Area, Badge, Cell, Column, Field, Figure, Form, Map, State, Table
from bienho.portal.components.map import levels, shapes
from bienho.portal.desk import Desk, Row
from bienho.portal.formats import DASH, number
from bienho.portal.language import current_language, t
from bienho.portal.presenters.communes import commune_name
from bienho.quality.scores import TOTAL, standing

SCORE, LOSS = "quality.score", "quality.score_loss"
HREF, FACILITY_HREF, ROWS_HREF, TRIAL_HREF = (
    "/chat-luong/",
    "/chat-luong/co-so/",
    "/chat-luong/dong/",
    "/chat-luong/thu/",
)
VISITS = "xml130.visit"
LOW = 80
"""Below this a facility stands among those to be helped first (house policy, not law)."""
CAUSES_SHOWN = 12
FIGURES = {
    name: ("max", name)
    for name in (
        "score", "share", "units", "losses", "dossiers", "expected", "peers", "peer_low", "peer_middle", "peer_high",
    )
}  # fmt: skip
ByFacility = dict[str, dict[str, Row]]


@dataclass(frozen=True, slots=True)
class Scope:
    """Which scores are looked at; `week` is a Monday, `facility` '' for all."""

    dataset: str
    week: date
    closed: bool
    weeks: tuple[date, ...]
    facility: str = ""

    @property
    def filter(self) -> list[tuple[str, str, object]]:
        own: list[tuple[str, str, object]] = [("facility_code", "=", self.facility)] if self.facility else []
        return [("dataset", "=", self.dataset), ("week_start", "=", self.week), *own]

    def url(self, href: str, **more: str) -> str:
        """An address of these pages about the same week and dataset."""
        parts = {"co_so": self.facility, "tuan": self.week.isoformat(), "bo": self.dataset, **more}
        return f"{href}?{urlencode({name: value for name, value in parts.items() if value})}"


def asked(desk: Desk, request: HttpRequest) -> Scope | None:
    """The scope of an address; the newest closed week where it names none, None where nothing has a score."""
    facility = request.GET.get("co_so", "").replace("\0", "").strip()[:40]
    dataset = request.GET.get("bo", "").replace("\0", "").strip()[:40] or VISITS
    closed = _weeks(desk, dataset, facility)
    if not closed:
        return None
    try:
        wanted = date.fromisoformat(request.GET.get("tuan", ""))
        if not 2000 <= wanted.year <= 2100:
            raise ValueError
        week = wanted - timedelta(days=wanted.weekday())
    except ValueError:
        week = _newest(closed)
    return Scope(dataset, week, closed.get(week, False), tuple(closed), facility)


def newest(desk: Desk) -> Scope | None:
    """The newest closed week of visits; None where nothing has a score."""
    closed = _weeks(desk, VISITS, "")
    if not closed:
        return None
    week = _newest(closed)
    return Scope(VISITS, week, closed[week], tuple(closed), "")


def _weeks(desk: Desk, dataset: str, facility: str) -> dict[date, bool]:
    """Week, newest first → whether it is closed."""
    own = [("facility_code", "=", facility)] if facility else []
    found = desk.totals(
        SCORE, ["week_start", "standing"], {"n": ("count", None)}, [("dataset", "=", dataset), *own],
        order=[("week_start", "desc")],
    )  # fmt: skip
    return {row["week_start"]: row["standing"] == "closed" for row in found}


def _newest(closed: dict[date, bool]) -> date:
    return next((one for one, done in closed.items() if done), next(iter(closed)))


def behind(desk: Desk, scope: Scope, found: ByFacility) -> State | None:
    """Says so where scores have followed what came and the rows that explain them have not; None where they add up."""
    if not desk.sees(LOSS, "facility_code", "points_total"):
        return None
    told = desk.totals(LOSS, ["facility_code"], {"p": ("sum", "points_total")}, scope.filter)
    explained = {row["facility_code"]: row["p"] for row in told}
    unlike = sum(
        100 - held[TOTAL]["score"] != (explained.get(code) or 0) for code, held in found.items() if TOTAL in held
    )
    if not unlike:
        return None
    return State(
        "partial",
        t("Điểm vừa theo lần nhận mới"),
        t("Các dòng giải thích điểm của {n} cơ sở còn theo sau, chậm nhất một giờ nữa thì khớp.", n=number(unlike)),
    )


def nothing_yet() -> State:
    return State(
        "empty",
        t("Chưa có điểm"),
        t("Điểm của tuần hiện ở đây sau khi kho nhận hồ sơ và chấm điểm; việc nền chấm mỗi giờ."),
        do=t("Chấm ngay trên máy chủ: `bienho job scores`."),
    )


def dimension_title(code: str) -> str:
    """The word for a dimension, or for the score over all."""
    if code == TOTAL:
        return t("Điểm chung")
    found = next(one for one in standing().dimensions if one.id == code)
    return found.title_en if current_language() == "en" else found.title_vi


def dimensions() -> list[str]:
    """Codes of the six, in the order of the formula."""
    return [one.id for one in standing().dimensions]


def points(value: Decimal | None) -> str:
    """Points with one decimal."""
    return DASH if value is None else number(value, 1)


def mark(scope: Scope) -> Badge:
    return Badge(t("đã qua hạn gửi"), "ok") if scope.closed else Badge(t("tạm tính"), "warn")


def filters(desk: Desk, scope: Scope, action: str) -> Form:
    """Week and dataset; the facility, if one is looked at, stays."""
    found = desk.totals(SCORE, ["dataset"], {"n": ("count", None)}, order=[("dataset", "asc")])
    sets = [(row["dataset"], row["dataset"].removeprefix("xml130.")) for row in found]
    weeks = sorted({*scope.weeks, scope.week}, reverse=True)
    fields = [
        Field("tuan", t("Tuần"), "choice", scope.week.isoformat(),
              options=[(week.isoformat(), formats.week(week)) for week in weeks]),
        Field("bo", t("Bộ dữ liệu"), "choice", scope.dataset,
              options=[(code, words.word(words.DOCUMENTS, name)) for code, name in sets]),
    ]  # fmt: skip
    kept = [Field("co_so", "", "hidden", scope.facility)] if scope.facility else []
    return Form("pham-vi", [*fields, *kept], t("Xem"), action, inline=True, title=t("Tuần và bộ dữ liệu"))


def of_week(desk: Desk, scope: Scope) -> ByFacility:
    """Facility → dimension → row of `quality.score`."""
    rows = desk.totals(SCORE, ["facility_code", "dimension"], FIGURES, scope.filter)
    found: ByFacility = {}
    for row in rows:
        found.setdefault(row["facility_code"], {})[row["dimension"]] = row
    return found


def _totals(found: ByFacility) -> list[Decimal]:
    return [held[TOTAL]["score"] for held in found.values() if TOTAL in held]


def figures(desk: Desk, scope: Scope, found: ByFacility) -> list[Figure]:
    """The province in three numbers, each beside that of the week before."""
    before = of_week(desk, replace(scope, week=scope.week - timedelta(weeks=1)))
    now, then = _totals(found), _totals(before)
    low, low_then = (sum(score < LOW for score in one) for one in (now, then))
    fresh = formats.week(scope.week)
    worst = desk.totals(
        LOSS, ["dimension"], {"p": ("sum", "points_total")}, scope.filter, order=[("p", "desc")], limit=1
    )
    lost = worst[0] if worst else None
    return [
        Figure(
            t("Điểm ở giữa các cơ sở"),
            points(median(now)) if now else formats.WITHHELD,
            t("điểm"),
            t("tuần trước đó: {v}", v=points(median(then)) if then else DASH),
            fresh,
            mark(scope),
            "#xep-hang",
            "" if now else t("Không cơ sở nào có hồ sơ trong tuần."),
        ),
        Figure(
            t("Cơ sở dưới {n} điểm", n=LOW),
            number(low),
            t("trong {n} cơ sở", n=number(len(now))),
            t("tuần trước đó: {v}", v=number(low_then)),
            fresh,
            Badge(t("cần giúp trước"), "act") if low else Badge(t("không có"), "ok"),
            "#xep-hang",
        ),
        Figure(
            t("Chiều mất nhiều điểm nhất"),
            dimension_title(lost["dimension"]) if lost else DASH,
            "",
            t("{p} điểm, cộng mọi cơ sở", p=points(lost["p"])) if lost else t("không mất điểm nào"),
            fresh,
            mark(scope),
            "#nguyen-nhan",
        ),
    ]


def ranking(desk: Desk, scope: Scope, found: ByFacility) -> Table:
    """Facilities, the lowest score first."""
    order = sorted(found, key=lambda code: (found[code].get(TOTAL, {"score": Decimal(-1)})["score"], code))
    rows = []
    for place, code in enumerate(order, 1):
        held = found[code]
        any_ = held.get(TOTAL) or next(iter(held.values()))
        rows.append(
            {
                "hang": Cell(number(place), raw=place),
                "cs": Cell(desk.facility_name(code), replace(scope, facility=code).url(FACILITY_HREF), note=code),
                **{name: _score_cell(held.get(name)) for name in (TOTAL, *dimensions())},
                "hs": Cell(number(any_["dossiers"]), raw=any_["dossiers"], note=_expected(any_)),
            }
        )
    return Table(
        "xep-hang",
        t("Cơ sở theo điểm, thấp nhất trước: {week}", week=formats.week(scope.week)),
        [
            Column("hang", t("Thứ tự"), "number"),
            Column("cs", t("Cơ sở"), lead=True),
            *(
                Column(name, dimension_title(name), "number", about=about(name), origin=f"{SCORE}.score")
                for name in (TOTAL, *dimensions())
            ),
            Column("hs", t("Hồ sơ"), "number", about=t("Hồ sơ của tuần, và số mong đợi theo các tuần trước")),
        ],
        rows,
        empty=nothing_yet(),
        csv_url=scope.url(HREF, xuat="xep-hang.csv"),
        note=t("“—” là chiều chưa xét được: tuần không có hồ sơ nào của chiều đó."),
        dense=True,
    )


def about(code: str) -> str:
    """What a dimension asks."""
    return {
        TOTAL: t("Trung bình các chiều xét được, theo trọng số của công thức"),
        "dung": t("Giá trị đúng dạng, đúng bộ mã, đúng thứ tự ngày"),
        "du": t("Có đủ trường bắt buộc; số hồ sơ không ít hơn hẳn các tuần trước"),
        "sach": t("Không gửi trùng, không có phần bị cách ly, không có chữ lạc"),
        "song": t("Gửi ngay sau khi kết thúc lượt khám, trong 7 ngày làm việc"),
        "thong_nhat": t("Mã chuẩn tìm thấy trong danh mục; các bảng khớp nhau"),
        "dung_chung": t("Nối được với người, đúng phiên bản trao đổi đang hiệu lực"),
    }[code]


def _score_cell(row: Row | None) -> Cell:
    return Cell(DASH) if row is None else Cell(points(row["score"]), raw=row["score"])


def _expected(row: Row) -> str:
    return "" if row["expected"] is None else t("mong đợi {n}", n=number(row["expected"]))


def causes(desk: Desk, scope: Scope, *, readable: bool = False) -> Table:
    """What would bring most points back, who mends it, how; `readable`: the reader may open the rows behind."""
    measures = {"p": ("sum", "points_total"), "n": ("count", None), "cs": ("count_distinct", "facility_code")}
    found = desk.totals(
        LOSS, ["dimension", "code", "field", "owner"], measures, scope.filter, [("p", "desc")], CAUSES_SHOWN
    )
    columns = [
        Column("ma", t("Nguyên nhân"), "code", lead=True),
        Column("chieu", t("Chiều")),
        Column(
            "p", t("Điểm lấy lại được"), "number", about=t("Tổng điểm chung mà các dòng của nguyên nhân này làm mất")
        ),
        Column("n", t("Số dòng"), "number"),
        *([] if scope.facility else [Column("cs", t("Số cơ sở"), "number")]),
        Column("ai", t("Ai sửa")),
        Column("sua", t("Cách sửa")),
    ]
    rows = [
        {
            "ma": Cell(row["code"], scope.url(ROWS_HREF, ma=row["code"]) if readable else "", note=cause(row)),
            "chieu": Cell(dimension_title(row["dimension"])),
            "p": Cell(points(row["p"]), raw=row["p"]),
            "n": Cell(number(row["n"]), raw=row["n"]),
            "cs": Cell(number(row["cs"]), raw=row["cs"]),
            "ai": Cell(words.word(words.OWNERS, row["owner"])),
            "sua": Cell(words.fix(row["code"])),
        }
        for row in found
    ]
    good = State("good", t("Không mất điểm nào"), t("Tuần này không có dòng nào làm mất điểm."))
    return Table("nguyen-nhan", t("Sửa gì thì điểm tăng nhiều nhất"), columns, rows, empty=good, dense=True,
                 csv_url=scope.url(FACILITY_HREF if scope.facility else HREF, xuat="nguyen-nhan.csv"))  # fmt: skip


def cause(row: Row) -> str:
    """What stands under a code: its field, or what it means in words."""
    return row["field"] or (t(words.CAUSES[row["code"]]) if row["code"] in words.CAUSES else "")


def may_open_rows(desk: Desk) -> bool:
    """Whether a link to the rows is shown; nothing is recorded, and the gate is asked again behind the link."""
    return decide(Request("", desk.actor, desk.purpose, "read", catalogue()[LOSS], ("dossier_key",))).allowed


def commune_map(desk: Desk, scope: Scope, found: ByFacility) -> Map:
    """Points lost by the commune in which facilities stand: the darker, the more."""
    profile = desk.profile
    lost: dict[str, list[tuple[Decimal, str]]] = {}
    for code, held in found.items():
        known = profile.facility_by_code.get(code)
        if known and known.commune in profile.commune_by_code and TOTAL in held:
            lost.setdefault(known.commune, []).append((Decimal(100) - held[TOTAL]["score"], code))
    mean = {place: sum((one for one, _ in held), Decimal(0)) / len(held) for place, held in lost.items()}
    # where nothing is lost there is still a facility: the lowest step, not none
    least = Decimal("0.001")
    values = {place: float(max(mean[place], least)) if place in mean else 0.0 for place in profile.commune_by_code}
    step, bounds = levels(values)
    paths = shapes(profile.id).paths
    areas = [
        Area(
            one.code,
            t("{name}: mất {p} điểm", name=commune_name(one), p=points(mean[one.code]))
            if one.code in mean
            else t("{name}: không có điểm", name=commune_name(one)),
            step[one.code],
            replace(scope, facility=max(lost[one.code])[1]).url(FACILITY_HREF) if one.code in lost else "#xep-hang",
            paths[one.code],
        )
        for one in sorted(profile.communes, key=lambda c: (-c.lat, c.lon))
        if one.code in paths
    ]
    summary = t("{k} xã, phường có cơ sở được chấm điểm; màu đậm là mất nhiều điểm.", k=number(len(mean)))
    legend, lower = [(0, t("không có"))], 0.0
    for place, bound in enumerate(bounds, 1):
        legend.append((place, f"{number(lower, 1)}–{number(bound, 1)}"))
        lower = bound
    table = Table(
        "ban-do-bang",
        t("Điểm mất theo xã, phường nơi cơ sở đóng"),
        [Column("xa", t("Xã, phường"), lead=True), Column("n", t("Số cơ sở"), "number"),
         Column("p", t("Điểm mất, trung bình"), "number")],
        [
            {"xa": Cell(commune_name(profile.commune_by_code[place])), "n": Cell(number(len(lost[place]))),
             "p": Cell(points(mean[place]), raw=mean[place])}
            for place in sorted(mean, key=lambda place: (-mean[place], place))
        ],
        dense=True,
    )  # fmt: skip
    return Map(
        "ban-do",
        t("Điểm mất theo xã, phường nơi cơ sở đóng"),
        summary,
        areas,
        legend,
        table,
        t("Ô bản đồ tính từ điểm trung tâm xã, không phải địa giới pháp lý."),
        csv_url=scope.url(HREF, xuat="ban-do-bang.csv"),
    )
