"""Rules of quality: all of them with their state, and how often each found something in the last weeks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from django.http import HttpRequest

from bienho.contracts import catalogue
from bienho.governance.decision import Request, decide
from bienho.portal import formats, words
from bienho.portal.components import Badge, Cell, Column, Field, Form, State, Tab, Table, Tabs
from bienho.portal.components.badge import Tone
from bienho.portal.desk import Desk, Row
from bienho.portal.formats import DASH, number
from bienho.portal.language import current_language, later, t
from bienho.portal.paging import PER_PAGE, asked_page, last_page, turning
from bienho.portal.presenters.scores import LOSS, SCORE
from bienho.quality.rule_lists import known_lists
from bienho.quality.rule_manual import SEVERITIES, STATES
from bienho.quality.rule_model import UNREVIEWED, Rule, rules

HREF = "/chat-luong/quy-tac/"
FINDING, EXCUSED, WAIVER = "quality.finding", "quality.finding_waived", "reference.rule_waiver"
WEEKS = 12
WAIVED = "waived"
USUAL = "-n"
"""Order of the list when none is asked for: what fails most first."""
TONES: dict[str, Tone] = {"evaluable": "ok", "behaviour": "info", "not_evaluable": "warn", "off": "quiet"}
WHY = {
    "RULE-REQUIRED": later("Thiếu giá trị này thì không tính đúng, không nối được, hoặc không thanh toán được."),
    "RULE-FORMAT": later("Viết sai dạng thì máy của nơi nhận không đọc được giá trị."),
    "RULE-VALUE": later("Giá trị ngoài bộ mã không có nghĩa ở nơi nhận."),
    "RULE-LIST": later("Mã ngoài danh mục của ngày khám không ghép được với số liệu của tỉnh và cả nước."),
    "RULE-ORDER": later("Thời điểm sai thứ tự làm sai số ngày điều trị và số liệu theo tuần."),
    "RULE-SUM": later("Số tiền không khớp thì quyết toán và số liệu chi phí đều sai."),
    "RULE-CROSS": later("Hai nơi nói khác nhau thì không biết nơi nào đúng."),
    "RULE-TABLE": later("Bảng thừa hoặc thiếu so với loại khám thì hồ sơ bị trả lại."),
    "RULE-BUSINESS": later("Trái quy định thanh toán thì chi phí có thể bị từ chối."),
}
HELD_WHY = later("Giá trị không đọc được thì không dùng để tính được; bộ đọc báo ngay khi nhận.")


@dataclass(frozen=True, slots=True)
class Seen:
    """What the reader may know beside the rules: `reach` the facilities they see, None for all; `facility` the one
    asked for or ''; `last` the Monday of the newest week with a score."""

    facility: str
    reach: frozenset[str] | None
    last: date | None
    lists: frozenset[str]
    waivers: Sequence[Row]
    today: date

    @property
    def since(self) -> date | None:
        return self.last - timedelta(weeks=WEEKS - 1) if self.last else None

    def window(self, weeks_before: int = 0) -> list[tuple[str, str, object]]:
        """Conditions on rows of lost points: twelve weeks, or those so many weeks before them."""
        last = (self.last or self.today) - timedelta(weeks=weeks_before)
        own: list[tuple[str, str, object]] = [("facility_code", "=", self.facility)] if self.facility else []
        return [("week_start", ">=", last - timedelta(weeks=WEEKS - 1)), ("week_start", "<=", last), *own]

    def url(self, href: str, **more: str) -> str:
        """An address of these pages about the same facility."""
        parts = {"co_so": self.facility, **more}
        query = urlencode({name: value for name, value in parts.items() if value})
        return f"{href}?{query}" if query else href

    @property
    def running(self) -> dict[int, list[Row]]:
        """Rule → waivers that hold today."""
        found: dict[int, list[Row]] = {}
        for row in self.waivers:
            if row["valid_from"] <= self.today < row["valid_to"]:
                found.setdefault(row["rule"], []).append(row)
        return found


def look(desk: Desk, request: HttpRequest) -> Seen:
    facility = request.GET.get("co_so", "").replace("\0", "").strip()[:40]
    own = [("facility_code", "=", facility)] if facility else []
    newest = desk.totals(SCORE, (), {"week": ("max", "week_start")}, own)[0]["week"]
    whole = desk.totals("reference.code_system_edition", ["code_system"], {"n": ("count", None)},
                        [("complete", "=", True)])  # fmt: skip
    sets = desk.totals("reference.value_set", ["value_set"], {"n": ("count", None)})
    needed = {name for rule in rules() for check in rule.checks for name in check.needs}
    lists = known_lists(needed, {row["code_system"] for row in whole}, {row["value_set"] for row in sets})
    reach = reached(desk)
    waivers = desk.rows(
        WAIVER, ["rule", "facility_code", "reason", "decided_by", "valid_from", "valid_to"], (), [("valid_to", "asc")]
    )
    shown = [one for one in waivers if (reach is None or one["facility_code"] in reach)
             and facility in ("", one["facility_code"])]  # fmt: skip
    return Seen(facility, reach, newest, lists, shown, formats.local(desk.now).date())


def reached(desk: Desk) -> frozenset[str] | None:
    """Facilities whose findings the reader may count, None for all. Nothing is recorded: the gate is asked for rows."""
    rows = decide(Request("", desk.actor, desk.purpose, "aggregate", catalogue()[FINDING], ("rule",))).reach
    if rows is None:
        return None
    every = [facilities for facilities, _ in rows]
    return None if None in every else frozenset(code for one in every for code in one or ())


def title(rule: Rule) -> str:
    """The rule's title; the words of rules are Vietnamese, and have an English title each."""
    return t(rule.title)


def state(rule: Rule, seen: Seen) -> tuple[str, str]:
    return rule.status(seen.lists)


def state_badge(code: str) -> Badge:
    return Badge(t(STATES[code]), TONES[code])


def source_words(parts: Sequence[str]) -> str:
    return "; ".join(t(one) for one in parts)


def reviewer(rule: Rule) -> str:
    return t("chưa duyệt") if rule.reviewer == UNREVIEWED else rule.reviewer


def counts(desk: Desk, seen: Seen) -> Mapping[int, Row]:
    """Rule → {n, hs, cs}: findings, dossiers, facilities of the twelve weeks; empty before the first score."""
    if seen.last is None:
        return {}
    measures = {"n": ("count", None), "hs": ("count_distinct", "version_id"), "cs": ("count_distinct", "facility_code")}
    found = desk.totals(LOSS, ["rule"], measures, [*seen.window(), ("rule", "not_null", None)])
    return {row["rule"]: row for row in found}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks of the list."""

    state: str
    severity: str
    text: str
    order: str
    page: int

    @classmethod
    def of(cls, request: HttpRequest) -> Asked:
        def given(name: str, known: Sequence[str]) -> str:
            value = request.GET.get(name, "")
            return value if value in known else ""

        return cls(
            given("tinh_trang", (*STATES, WAIVED)),
            given("muc_do", tuple(SEVERITIES)),
            request.GET.get("tim", "").replace("\0", "").strip()[:80],
            given("sap", ("so", "-so", "n", "-n")) or USUAL,
            asked_page(request),
        )

    def url(self, seen: Seen, **changes: str) -> str:
        parts = {"tinh_trang": self.state, "muc_do": self.severity, "tim": self.text, "sap": self.order, **changes}
        if parts["sap"] == USUAL:
            del parts["sap"]
        return seen.url(HREF, **parts)

    def fits(self, rule: Rule, seen: Seen) -> bool:
        """Whether a rule is found by severity and text; the state is the tabs' business."""
        if self.severity and rule.severity != self.severity:
            return False
        said = " ".join(
            [str(rule.id), rule.title, title(rule), rule.group, *rule.tables, *rule.fields, rule.source,
             *rule.held_by, *(check.code for check in rule.checks)]
        ).casefold()  # fmt: skip
        return all(word in said.split() if word.isdigit() else word in said for word in self.text.casefold().split())

    def of_state(self, rule: Rule, seen: Seen, wanted: str) -> bool:
        return wanted == "" or (rule.id in seen.running if wanted == WAIVED else state(rule, seen)[0] == wanted)


def tabs(asked: Asked, seen: Seen) -> Tabs:
    fitting = [rule for rule in rules() if asked.fits(rule, seen)]
    names = {"": t("Tất cả"), **{code: t(text) for code, text in STATES.items()}, WAIVED: t("có cơ sở được miễn")}
    items = [
        Tab(text, asked.url(seen, tinh_trang=code, trang=""), asked.state == code,
            number(sum(asked.of_state(rule, seen, code) for rule in fitting)))
        for code, text in names.items()
    ]  # fmt: skip
    return Tabs(t("Tình trạng"), items)


def filters(asked: Asked, seen: Seen) -> Form:
    fields = [
        Field("tim", t("Tìm"), value=asked.text, help=t("Số, tên, trường, bảng hoặc mã của quy tắc")),
        Field("muc_do", t("Mức độ"), "choice", asked.severity,
              options=[("", t("Tất cả")), *((code, t(text)) for code, (text, _) in words.SEVERITIES.items())]),
        Field("tinh_trang", "", "hidden", asked.state),
        Field("co_so", "", "hidden", seen.facility),
        Field("sap", "", "hidden", asked.order if asked.order != USUAL else ""),
    ]  # fmt: skip
    used = asked.text or asked.severity
    asked_for = [one for one in fields if one.kind != "hidden" or one.value]
    bare = asked.url(seen, tim="", muc_do="") if used else ""
    return Form("quy-tac-loc", asked_for, t("Tìm"), HREF, inline=True, title=t("Tìm quy tắc"), reset_url=bare)


def table(asked: Asked, seen: Seen, found: Mapping[int, Row], *, whole: bool) -> Table:
    """The rules asked for, a page of them, or all for a file."""
    chosen = [one for one in rules() if asked.fits(one, seen) and asked.of_state(one, seen, asked.state)]
    column, down = asked.order.removeprefix("-"), asked.order.startswith("-")
    often = {one.id: found[one.id]["n"] if one.id in found else 0 for one in chosen}
    chosen.sort(key=lambda one: (often[one.id] if column == "n" else one.id) * (-1 if down else 1))
    page = min(asked.page, last_page(len(chosen)))
    first = (page - 1) * PER_PAGE
    shown = chosen if whole else chosen[first : first + PER_PAGE]

    def sort(name: str) -> tuple[str, str]:
        now = "" if name != column else "desc" if down else "asc"
        return asked.url(seen, sap=name if now == "desc" else f"-{name}", trang=""), now

    return Table(
        "quy-tac",
        t("Quy tắc xét hồ sơ"),
        [
            Column("so", t("Số"), "number", False, *sort("so"), about=t("Số của quy tắc trong danh sách quy tắc")),
            Column("ten", t("Quy tắc"), lead=True),
            Column("muc", t("Mức độ")),
            Column("tt", t("Tình trạng")),
            Column("n", t("Phát hiện, {n} tuần", n=WEEKS), "number", False, *sort("n")),
            Column("cs", t("Số cơ sở"), "number"),
            Column("mien", t("Đang miễn"), "number", about=t("Số cơ sở được miễn hôm nay")),
            Column("duyet", t("Người duyệt")),
        ],
        [_line(one, seen, found.get(one.id)) for one in shown],
        pagination=turning(
            page, len(chosen), lambda there: asked.url(seen, trang=str(there)), t("Quy tắc xét hồ sơ")
        ) if chosen else None,
        empty=State("empty", t("Không có quy tắc nào khớp"), t("Bỏ bớt điều kiện lọc để thấy nhiều hơn."),
                    href=seen.url(HREF), link=t("Bỏ lọc")),
        csv_url=asked.url(seen, xuat="quy-tac.csv"),
        note="" if seen.last else t("Chưa đếm được: việc nền chấm điểm mỗi giờ, sau lần nhận đầu tiên."),
    )  # fmt: skip


def _line(rule: Rule, seen: Seen, row: Row | None) -> dict[str, Cell]:
    code, why = state(rule, seen)
    excused = len({one["facility_code"] for one in seen.running.get(rule.id, ())})
    counted = seen.last is not None and code == "evaluable"
    places = f"{', '.join(rule.tables[:2])}{' …' if len(rule.tables) > 2 else ''}"
    return {
        "so": Cell(number(rule.id), raw=rule.id),
        "ten": Cell(title(rule), seen.url(f"{HREF}{rule.id}/"), note=places, lang=_tongue()),
        "muc": Cell("", badge=words.severity(rule.severity), raw=rule.severity),
        "tt": Cell(t(STATES[code]), badge=state_badge(code), note=why if code == "not_evaluable" else "",
                   lang="vi" if code == "not_evaluable" and why else ""),
        "n": Cell(number(row["n"] if row else 0), raw=row["n"] if row else 0) if counted or row else Cell(DASH),
        "cs": Cell(number(row["cs"] if row else 0), raw=row["cs"] if row else 0) if counted or row else Cell(DASH),
        "mien": Cell(number(excused), raw=excused) if excused else Cell(DASH, raw=0),
        "duyet": Cell(reviewer(rule)),
    }  # fmt: skip


def _tongue() -> str:
    return "" if current_language() == "en" else "vi"
