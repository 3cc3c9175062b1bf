"""One rule: what to do now, what it asks and why, how often and where, examples, waivers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from textwrap import wrap

from bienho.contracts import catalogue
from bienho.governance.decision import Request, decide
from bienho.portal import formats, words
from bienho.portal.components import (
    Badge,
    Cell,
    Chart,
    Column,
    Fact,
    Facts,
    Figure,
    State,
    Table,
    Todo,
    TodoList,
)
from bienho.portal.desk import Desk, Row
from bienho.portal.formats import DASH, number
from bienho.portal.language import later, t
from bienho.portal.presenters.rules import (
    EXCUSED,
    FINDING,
    HELD_WHY,
    HREF,
    WEEKS,
    WHY,
    Seen,
    reviewer,
    source_words,
    state,
    state_badge,
)
from bienho.portal.presenters.scores import FACILITY_HREF, LOSS, SCORE
from bienho.quality.rule_manual import Change, changes, sources
from bienho.quality.rule_model import EDITIONS, UNREVIEWED, Check, Rule

FACILITIES_DRAWN = 12
NAME_WIDTH = 28
SOON = timedelta(days=30)
"""How long before its end a waiver is spoken of."""
NUMBERS = {"n": ("count", None), "hs": ("count_distinct", "version_id")}
CODES = {
    "RULE-REQUIRED": later("thiếu giá trị"),
    "RULE-FORMAT": later("sai dạng"),
    "RULE-VALUE": later("ngoài bộ mã hoặc ngoài khoảng"),
    "RULE-LIST": later("ngoài danh mục"),
    "RULE-ORDER": later("sai thứ tự thời điểm"),
    "RULE-SUM": later("không khớp phép tính"),
    "RULE-CROSS": later("hai nơi mâu thuẫn"),
    "RULE-TABLE": later("bảng thừa hoặc thiếu"),
    "RULE-BUSINESS": later("trái quy định thanh toán"),
}


def of_rule(rule: Rule, seen: Seen) -> list[tuple[str, str, object]]:
    own: list[tuple[str, str, object]] = [("facility_code", "=", seen.facility)] if seen.facility else []
    return [("rule", "=", rule.id), *own]


# ── what to do, and how often ─────────────────────────────────────────────────────────────────────────────────────


def todo(desk: Desk, rule: Rule, seen: Seen, open_: Sequence[Row]) -> TodoList:
    """What follows from the rule for whoever reads; `open_`: open findings by facility."""
    code, why = state(rule, seen)
    items: list[Todo] = []
    if open_:
        count = sum(row["n"] for row in open_)
        who = desk.facility_name(open_[0]["facility_code"]) if len(open_) == 1 else t("{n} cơ sở", n=len(open_))
        items.append(
            Todo("act", t("Sửa {n} chỗ rồi gửi lại hồ sơ", n=number(count)),
                 t("Sửa tại: {where}", where=t(rule.screen)), who, t("trước khi tuần được chốt"),
                 f"/phat-hien/?kiem_tra={rule.id}" if may_open_findings(desk) else "#co-so",
                 t("Xem từng chỗ") if may_open_findings(desk) else t("Xem cơ sở nào"))
        )  # fmt: skip
    for row in seen.running.get(rule.id, ()):
        if row["valid_to"] - seen.today <= SOON:
            name = desk.facility_name(row["facility_code"])
            items.append(
                Todo("warn", t("Sắp hết miễn: {name}", name=name),
                     t("Hết ngày này, hồ sơ lại bị xét; quyết định gia hạn hay để hết."), t("Sở Y tế"),
                     formats.day(row["valid_to"]), "#mien", t("Xem phần miễn"))
            )  # fmt: skip
    if code == "not_evaluable" and seen.reach is None:
        items.append(
            Todo("info", t("Chưa xét được quy tắc này"), t("Còn thiếu: {what}.", what=why), t("Sở Y tế"),
                 t("khi có danh mục"), "#can-cu", t("Xem căn cứ"))
        )  # fmt: skip
    if rule.reviewer == UNREVIEWED and seen.reach is None:
        items.append(
            Todo("info", t("Chưa có người duyệt quy tắc"),
                 t("Đọc câu hỏi, ví dụ và nguồn bên dưới; báo người vận hành ghi tên người duyệt hoặc chỗ cần đổi."),
                 t("Sở Y tế"), t("khi rà soát quy tắc"), "#can-cu", t("Xem căn cứ"))
        )  # fmt: skip
    good = State("good", t("Không có việc phải làm"), t("Không hồ sơ nào đang sai quy tắc này."))
    return TodoList(t("Việc cần làm"), items, good)


def may_open_findings(desk: Desk) -> bool:
    """Whether a link to the findings is shown; the gate is asked again behind it."""
    return decide(Request("", desk.actor, desk.purpose, "read", catalogue()[FINDING], ("dossier_key",))).allowed


def opened(desk: Desk, rule: Rule, seen: Seen) -> list[Row]:
    """Open findings of current dossiers by facility."""
    return desk.totals(FINDING, ["facility_code"], NUMBERS, of_rule(rule, seen), [("n", "desc")])


def figures(desk: Desk, rule: Rule, seen: Seen, open_: Sequence[Row]) -> list[Figure]:
    """Open now, in the last twelve weeks, at how many facilities; each beside what it is to be compared with."""
    mine = ("rule", "=", rule.id)
    counted = {**NUMBERS, "cs": ("count_distinct", "facility_code")}
    now, then = (desk.totals(LOSS, (), counted, [*seen.window(back), mine])[0] for back in (0, WEEKS))
    own = [("facility_code", "=", seen.facility)] if seen.facility else []
    every = desk.totals(SCORE, (), {"cs": ("count_distinct", "facility_code")}, own)[0]["cs"]
    excused = desk.totals(EXCUSED, (), {"n": ("count", None)}, of_rule(rule, seen))[0]["n"]
    waiting = sum(row["n"] for row in open_)
    fresh = formats.week(seen.last)
    mark = Badge(t("xét mọi hồ sơ"), "ok") if state(rule, seen)[0] == "evaluable" else state_badge(state(rule, seen)[0])
    return [
        Figure(t("Đang phải sửa"), number(waiting), t("chỗ"),
               t("{n} chỗ được miễn không tính", n=number(excused)), t("mọi hồ sơ hiện hành"),
               Badge(t("phải sửa"), "act") if waiting else mark, "#co-so"),
        Figure(t("Phát hiện trong {n} tuần", n=WEEKS), number(now["n"]), t("trong {n} hồ sơ", n=number(now["hs"])),
               t("{n} tuần trước đó: {v}", n=WEEKS, v=number(then["n"])), fresh, mark, "#theo-tuan"),
        Figure(t("Số cơ sở gặp"), number(now["cs"]), t("trong {n} cơ sở", n=number(every)),
               t("{n} tuần trước đó: {v}", n=WEEKS, v=number(then["cs"])), fresh, mark, "#co-so"),
    ]  # fmt: skip


def weeks(desk: Desk, rule: Rule, seen: Seen) -> Chart | State:
    """Findings by week of the visit; weeks without one are zero."""
    if seen.since is None or seen.last is None:
        return State("empty", t("Chưa đếm được"), t("Số theo tuần hiện ở đây sau khi việc nền chấm điểm lần đầu."))
    found = desk.totals(LOSS, ["week_start"], NUMBERS, [*seen.window(), ("rule", "=", rule.id)])
    by_week = {row["week_start"]: row for row in found}
    every = [seen.since + timedelta(weeks=place) for place in range(WEEKS)]
    counted = [int(by_week[week]["n"]) if week in by_week else 0 for week in every]
    values = [
        {"ngan": f"{week:%d/%m}", "n": count, "tuan": formats.week(week)}
        for week, count in zip(every, counted, strict=True)
    ]
    spec = {
        "data": {"values": values},
        "mark": "bar",
        "encoding": {
            "x": {"field": "ngan", "type": "ordinal", "sort": None, "title": t("Tuần bắt đầu ngày"),
                  "axis": {"labelAngle": 0, "labelOverlap": True}},
            "y": {"field": "n", "type": "quantitative", "title": t("phát hiện"), "axis": {"tickMinStep": 1}},
            "tooltip": [{"field": "tuan", "title": t("Tuần")}, {"field": "n", "title": t("Phát hiện")}],
        },
    }  # fmt: skip
    rows = [
        {"tuan": Cell(formats.week(week)),
         "n": _count(by_week[week]["n"] if week in by_week else 0),
         "hs": _count(by_week[week]["hs"] if week in by_week else 0)}
        for week in reversed(every)
    ]  # fmt: skip
    columns = [Column("tuan", t("Tuần"), "date", lead=True), Column("n", t("Phát hiện"), "number"),
               Column("hs", t("Hồ sơ"), "number")]  # fmt: skip
    name, href = t("Phát hiện theo tuần của lượt khám"), f"{HREF}{rule.id}/"
    last = t("Tuần mới nhất: {n}; cả {k} tuần: {total}.", n=number(counted[-1]), k=WEEKS,
             total=number(sum(row["n"] for row in found)))  # fmt: skip
    return Chart("theo-tuan-hinh", name, last, spec, Table("theo-tuan-bang", name, columns, rows, dense=True),
                 svg_url=seen.url(href, xuat="theo-tuan-hinh.svg"),
                 csv_url=seen.url(href, xuat="theo-tuan-hinh.csv"))  # fmt: skip


def facilities(desk: Desk, rule: Rule, seen: Seen, open_: Sequence[Row]) -> Chart | State:
    """Where: facilities of the twelve weeks, and what is open there now."""
    measures = {**NUMBERS, "w": ("max", "week_start")}
    order = [("n", "desc"), ("facility_code", "asc")]
    found = desk.totals(LOSS, ["facility_code"], measures, [*seen.window(), ("rule", "=", rule.id)], order)
    waiting = {row["facility_code"]: row["n"] for row in open_}
    rest = [{"facility_code": code, "n": 0, "hs": 0, "w": None} for code in waiting
            if code not in {row["facility_code"] for row in found}]  # fmt: skip
    if not found and not rest:
        return State("good", t("Không cơ sở nào gặp"), t("Trong {n} tuần không hồ sơ nào sai quy tắc này.", n=WEEKS))
    drawn = [
        {"ten": "\n".join(wrap(desk.facility_name(row["facility_code"]), NAME_WIDTH)), "n": row["n"]}
        for row in found[:FACILITIES_DRAWN]
    ]
    spec = {
        "data": {"values": drawn},
        # the page's font is wider than the one the drawing is measured with
        "padding": {"left": 30, "top": 5, "right": 5, "bottom": 5},
        "mark": "bar",
        "encoding": {
            # hospitals differ in the last words of their names: a name is broken, not cut
            "y": {"field": "ten", "type": "nominal", "sort": None, "title": None,
                  "axis": {"labelExpr": "split(datum.label, '\\n')", "labelLimit": 230}},
            "x": {"field": "n", "type": "quantitative", "title": t("phát hiện"), "axis": {"tickMinStep": 1}},
            "tooltip": [{"field": "ten", "title": t("Cơ sở")}, {"field": "n", "title": t("Phát hiện")}],
        },
    }  # fmt: skip
    rows = [
        {"cs": Cell(desk.facility_name(row["facility_code"]), f"{FACILITY_HREF}?co_so={row['facility_code']}",
                    note=row["facility_code"]),
         "n": _count(row["n"]), "hs": _count(row["hs"]), "mo": _count(waiting.get(row["facility_code"], 0)),
         "w": Cell(formats.week(row["w"]))}
        for row in [*found, *rest]
    ]  # fmt: skip
    columns = [Column("cs", t("Cơ sở"), lead=True), Column("n", t("Phát hiện, {n} tuần", n=WEEKS), "number"),
               Column("hs", t("Hồ sơ"), "number"), Column("mo", t("Đang phải sửa"), "number"),
               Column("w", t("Tuần gần nhất"), "date")]  # fmt: skip
    name, href = t("Cơ sở gặp nhiều nhất, {n} tuần", n=WEEKS), f"{HREF}{rule.id}/"
    said = t("{n} cơ sở gặp; hình vẽ {k} cơ sở đầu.", n=number(len(found)), k=len(drawn))
    return Chart("co-so-hinh", name, said, spec, Table("co-so-bang", name, columns, rows, dense=True),
                 height=40 + 46 * max(len(drawn), 1),
                 svg_url=seen.url(href, xuat="co-so-hinh.svg"),
                 csv_url=seen.url(href, xuat="co-so-hinh.csv"))  # fmt: skip


def places(desk: Desk, rule: Rule, seen: Seen) -> Table:
    """In which field of the dossier."""
    found = desk.totals(LOSS, ["table_name", "field", "code"], NUMBERS,
                        [*seen.window(), ("rule", "=", rule.id)], [("n", "desc")])  # fmt: skip
    rows = [
        {"truong": Cell(row["field"] or t("cả bảng"), note=row["table_name"] or ""), "ma": Cell(row["code"]),
         "n": _count(row["n"]), "hs": _count(row["hs"])}
        for row in found
    ]  # fmt: skip
    return Table("cho", t("Ở trường nào"),
                 [Column("truong", t("Trường"), "code", lead=True), Column("ma", t("Mã"), "code"),
                  Column("n", t("Phát hiện, {n} tuần", n=WEEKS), "number"), Column("hs", t("Hồ sơ"), "number")],
                 rows, dense=True)  # fmt: skip


def _count(value: int) -> Cell:
    return Cell(number(value), raw=value)


# ── what it asks ──────────────────────────────────────────────────────────────────────────────────────────────────


def facts(rule: Rule, seen: Seen) -> Facts:
    """What it is, why, from where, who checked."""
    code, why = state(rule, seen)
    reasons = list(dict.fromkeys(t(WHY[check.code]) for check in rule.checks)) or [t(HELD_WHY)]
    items = [
        Fact(t("Vì sao"), " ".join(reasons)),
        Fact(t("Mức độ"), "", badge=words.severity(rule.severity)),
        Fact(t("Tình trạng"), "", badge=state_badge(code), note=why),
        Fact(t("Nguồn"), rule.source, note=source_words(sources(rule))),
        Fact(t("Người duyệt"), reviewer(rule)),
        Fact(t("Nhóm"), t(rule.group)),
        Fact(t("Bảng"), ", ".join(rule.tables), code=True),
        Fact(t("Trường"), ", ".join(rule.fields) or t("cả bảng"), code=bool(rule.fields)),
        Fact(t("Sửa tại"), t(rule.screen)),
    ]
    if rule.held_by:
        items.append(Fact(t("Bộ đọc báo khi nhận"), ", ".join(rule.held_by), code=True))
    if rule.note:
        items.append(Fact(t("Ghi chú"), rule.note))
    items.append(Fact(t("Trang in trên máy chủ"), f"bienho quality rule {rule.id}", code=True))
    return Facts(items)


def questions(rule: Rule) -> Table | State:
    """Each question once, with the fields and the dossiers it is asked of."""
    told: dict[tuple[str, str, str, str], list[str]] = {}
    for check in rule.checks:
        told.setdefault((check.found, check.expect, window(check), check.code), []).append(
            f"{check.table}.{check.field}" if check.field else check.table
        )
    if not told:
        if rule.held_by:
            return State("good", t("Bộ đọc xét khi nhận"), t("Không hỏi lại lần nữa; sai thì có phát hiện ngay."))
        return State("empty", t("Chưa có câu hỏi nào trên dòng dữ liệu"), rule.behaviour or rule.missing)
    rows = [
        {"bao": Cell(found, note=code, lang="vi"), "can": Cell(expect, lang="vi"), "hs": Cell(span),
         "o": Cell(", ".join(dict.fromkeys(where))), "loai": Cell(t(CODES[code]))}
        for (found, expect, span, code), where in told.items()
    ]  # fmt: skip
    return Table("cau-hoi", t("Báo khi nào"),
                 [Column("bao", t("Báo khi"), lead=True), Column("loai", t("Loại")), Column("can", t("Cần")),
                  Column("o", t("Ở đâu"), "code"), Column("hs", t("Hồ sơ nào"))], rows, dense=True)  # fmt: skip


def window(check: Check) -> str:
    """Editions and days of service a question is asked of."""
    first, last = EDITIONS[check.first], EDITIONS[check.last]
    if (check.first, check.last) == (0, len(EDITIONS) - 1):
        said = t("mọi phiên bản")
    elif first == last:
        said = t("phiên bản {v}", v=first)
    else:
        said = t("phiên bản {a} đến {b}", a=first, b=last)
    since = t("ngày phục vụ từ {d}", d=formats.day(check.since)) if check.since else ""
    until = t("ngày phục vụ trước {d}", d=formats.day(check.until)) if check.until else ""
    return ", ".join(part for part in (said, since, until) if part)


def examples(rule: Rule) -> Table:
    """The passing and the failing example side by side, as on the manual page."""
    good, bad = ([(_place(one), one) for one in changes(given)] for given in (rule.good, rule.bad))
    right, wrong = dict(good), dict(bad)
    rows = [
        {"cho": Cell(place), "dung": _said(right.get(place)), "sai": _said(wrong.get(place))}
        for place in dict.fromkeys([place for place, _ in (*good, *bad)])
    ]
    return Table("vi-du", t("Một hồ sơ đúng và một hồ sơ sai"),
                 [Column("cho", t("Chỗ"), "code", lead=True), Column("dung", t("Đúng, không báo")),
                  Column("sai", t("Sai, sẽ báo"))], rows, dense=True,
                 note=t("Giá trị đặt ra để minh họa; không lấy từ hồ sơ nào. “—” là giữ như hồ sơ mẫu."))  # fmt: skip


def _place(one: Change) -> str:
    return {"edition": t("phiên bản"), "cell": one.place}.get(one.kind, one.place)


def _said(one: Change | None) -> Cell:
    if one is None:
        return Cell(DASH)
    if one.kind == "absent":
        return Cell(t("không có bảng"))
    if one.kind == "row":
        return Cell(t("thêm dòng: {cells}", cells=one.text) if one.text else t("thêm một dòng như dòng đã có"))
    return Cell(one.text or t("(trống)"))


def waivers(desk: Desk, rule: Rule, seen: Seen) -> Table | State:
    """Decisions that let a facility off, with their last day."""
    mine = [row for row in seen.waivers if row["rule"] == rule.id]
    if not mine:
        how = t("Sở Y tế quyết định miễn có thời hạn thì người vận hành nhập danh mục `rule-waiver`.")
        return State("empty", t("Không cơ sở nào được miễn"), how)
    rows = [
        {"cs": Cell(desk.facility_name(row["facility_code"]), note=row["facility_code"]),
         "tt": Cell("", badge=_standing(row, seen)), "tu": Cell(formats.day(row["valid_from"])),
         "den": Cell(formats.day(row["valid_to"])), "ly_do": Cell(row["reason"], lang="vi"),
         "ai": Cell(row["decided_by"], lang="vi")}
        for row in sorted(mine, key=lambda row: row["valid_to"], reverse=True)
    ]  # fmt: skip
    return Table("mien-bang", t("Cơ sở được miễn"),
                 [Column("cs", t("Cơ sở"), lead=True), Column("tt", t("Tình trạng")),
                  Column("tu", t("Từ ngày phục vụ"), "date"), Column("den", t("Hết từ ngày"), "date"),
                  Column("ly_do", t("Lý do")), Column("ai", t("Ai quyết định"))], rows, dense=True)  # fmt: skip


def _standing(row: Row, seen: Seen) -> Badge:
    if seen.today < row["valid_from"]:
        return Badge(t("chưa tới"), "quiet")
    if seen.today >= row["valid_to"]:
        return Badge(t("đã hết"), "quiet")
    return Badge(t("đang miễn"), "warn" if row["valid_to"] - seen.today <= SOON else "info")
