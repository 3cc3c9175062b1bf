"""What a facility has to mend: open findings by rule, with the money they touch, the points they cost, the effort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Literal
from urllib.parse import urlencode

from django.http import Http404, HttpRequest

from bienho.contracts import catalogue
from bienho.governance import permits
from bienho.governance.decision import Denied, Request, decide
from bienho.governance.scope import CODE
from bienho.portal import formats, words
from bienho.portal.components import Badge, Cell, Column, Field, Form, State, Table
from bienho.portal.components.badge import Tone
from bienho.portal.desk import Desk, Row
from bienho.portal.formats import DASH, number
from bienho.portal.language import later, t
from bienho.portal.presenters import rules
from bienho.portal.presenters.scores import VISITS, points
from bienho.quality.rule_model import Rule
from bienho.quality.rule_model import rules as every_rule

HREF, ROWS_HREF, DONE_HREF = "/sua-du-lieu/", "/sua-du-lieu/dong/", "/sua-du-lieu/da-xong/"
FINDING = "quality.finding"
MADE_OF = (FINDING, "quality.score_loss", "conformed.claim")
POINT_WEEKS = 12

SORTS = ("diem", "tien", "so", "de")
Effort = Literal["low", "middle", "high"]
EFFORTS: dict[Effort, tuple[str, Tone]] = {
    "low": (later("Ít"), "ok"),
    "middle": (later("Vừa"), "info"),
    "high": (later("Nhiều"), "warn"),
}
WORK: dict[Effort, str] = {
    "low": later("một ô ở một màn hình"),
    "middle": later("vài ô ở một màn hình"),
    "high": later("nhiều bảng hoặc cả hồ sơ"),
}
_ORDER: dict[Effort, int] = {"low": 0, "middle": 1, "high": 2}
_ACROSS = frozenset({"RULE-CROSS", "RULE-TABLE", "RULE-SUM"})
"""Codes of questions whose answer stands in several tables: mending one field may not be enough."""

#: Open findings of the facility, as asked: the gate gives those of current versions. Everything else of these pages
#: stands on `found`; what stands on it more than once reads it once.
OPEN = """
found AS MATERIALIZED (
    SELECT f.finding_id, f.version_id, f.delivery_seq, f.delivery_id, f.dossier_key, f.table_name, f.row_no, f.field,
        f.code, f.rule, f.severity, f.owner, f.message, coalesce(CAST(f.rule AS VARCHAR), f.code) AS kind
    FROM quality.finding AS f
    WHERE f.facility_code = '{facility}'{where}
)"""
#: Three kinds of line (`part`): each kind of finding; all of them, each dossier once; those that came on `fresh`.
WORKLIST = """
WITH {open}, part AS MATERIALIZED (
    SELECT kind, version_id, delivery_seq, count(*) AS n, min(rule) AS rule, min(code) AS code, min(field) AS field,
        count(DISTINCT concat(table_name, '.', field)) AS fields, count(DISTINCT table_name) AS tables,
        min(severity) AS severity, min(owner) AS owner
    FROM found GROUP BY kind, version_id, delivery_seq
), paid AS MATERIALIZED (
    SELECT c.version_id, c.total_hospital AS money, c.insurer_paid AS insured FROM conformed.claim AS c
    WHERE c.version_id IN (SELECT version_id FROM part)
), lost AS (
    SELECT coalesce(CAST(l.rule AS VARCHAR), l.code) AS kind, sum(l.points_total) AS points
    FROM quality.score_loss AS l
    WHERE l.facility_code = '{facility}' AND l.dataset = '{dataset}'
        AND l.week_start >= DATE '{since}' AND l.version_id IN (SELECT version_id FROM part)
    GROUP BY 1
), each AS (
    SELECT version_id, sum(n) AS n, max(delivery_seq) AS delivery_seq FROM part
    WHERE version_id IS NOT NULL GROUP BY version_id
)
SELECT 'kind' AS part, p.kind, min(p.rule) AS rule, min(p.code) AS code, min(p.field) AS field,
    max(p.fields) AS fields, max(p.tables) AS tables, min(p.severity) AS severity, min(p.owner) AS owner,
    CAST(sum(p.n) AS BIGINT) AS n, count(DISTINCT p.version_id) AS dossiers,
    count(DISTINCT p.delivery_seq) AS deliveries, sum(paid.money) AS money, sum(paid.insured) AS insured,
    max(lost.points) AS points
FROM part AS p
LEFT JOIN paid ON paid.version_id = p.version_id
LEFT JOIN lost ON lost.kind = p.kind
GROUP BY p.kind
UNION ALL BY NAME
SELECT 'all' AS part, CAST((SELECT sum(n) FROM part) AS BIGINT) AS n, count(*) AS dossiers, sum(paid.money) AS money,
    sum(paid.insured) AS insured
FROM each AS e LEFT JOIN paid ON paid.version_id = e.version_id
UNION ALL BY NAME
SELECT 'fresh' AS part, CAST(sum(e.n) AS BIGINT) AS n, count(*) AS dossiers
FROM each AS e WHERE e.delivery_seq IN ({fresh})
"""
#: Deliveries that came between two instants, in seconds since 1970.
CAME = "SELECT delivery_seq FROM standard.delivery WHERE epoch(received_at) >= {start} AND epoch(received_at) < {end}"


@dataclass(frozen=True, slots=True)
class Scope:
    """What of which facility is looked at. `day` is the local day of receipt, `ward` one code of MA_KHOA."""

    facility: str
    day: date | None = None
    ward: str = ""
    severity: str = ""
    order: str = SORTS[0]
    kind: str = ""
    errors: tuple[str, ...] = ()
    several: bool = False

    def url(self, href: str, **changes: str) -> str:
        """An address of these pages about the same things; the facility stands in it where the reader has several."""
        parts = {
            "co_so": self.facility if self.several else "",
            "ngay": formats.day(self.day) if self.day else "",
            "khoa": self.ward,
            "muc_do": self.severity,
            "sap": "" if self.order == SORTS[0] else self.order,
            "loai": self.kind,
            **changes,
        }
        query = urlencode({name: value for name, value in parts.items() if value})
        return f"{href}?{query}" if query else href

    @property
    def filtered(self) -> bool:
        return bool(self.day or self.ward or self.severity)

    def open_sql(self) -> str:
        """The CTE of the open findings asked for. Every text in it is a code of `CODE`'s form."""
        parts = []
        if self.severity:
            parts.append(f"f.severity = '{self.severity}'")
        if self.kind:
            parts.append(f"coalesce(CAST(f.rule AS VARCHAR), f.code) = '{self.kind}'")
        if self.day is not None:
            parts.append(f"f.delivery_seq IN ({came(self.day)})")
        if self.ward:
            parts.append(
                f"f.version_id IN (SELECT version_id FROM conformed.encounter WHERE facility_code = '{self.facility}'"
                f" AND list_contains(string_split(department_list, ';'), '{self.ward}'))"
            )
        return OPEN.format(facility=self.facility, where="".join(f"\n        AND {part}" for part in parts))


def came(day: date) -> str:
    """SQL of the deliveries of one local day."""
    start = int(datetime.combine(day, time(), formats.LOCAL).timestamp())
    return CAME.format(start=start, end=start + formats.SECONDS_PER_DAY)


def may_mend(desk: Desk) -> bool:
    """Whether the worklist is shown to this reader; nothing is recorded, the gate is asked again behind the link."""
    return may_read(desk.actor, desk.purpose)


def may_begin(actor: Any, purpose: str) -> bool:
    """Whether the fix loop is for this reader at all: they may see all that it is made of."""
    return may_read(actor, purpose) and all(permits.may_see(actor, one, purpose, "query") for one in MADE_OF)


def may_read(actor: object, purpose: str) -> bool:
    columns = ("dossier_key", "message")
    return decide(Request("", actor, purpose, "query", catalogue()[FINDING], columns)).allowed  # type: ignore[arg-type]


def asked(desk: Desk, request: HttpRequest) -> Scope | None:
    """The scope of an address; None where the reader has several facilities and names none. Http404 for one that is
    not theirs, Denied for whoever may not see all that the fix loop is made of."""
    for dataset in MADE_OF:
        decision = decide(Request("", desk.actor, desk.purpose, "query", catalogue()[dataset], ()))
        if not decision.allowed:
            raise Denied(decision)
    reach = rules.reached(desk)
    given = request.GET if request.method == "GET" else request.POST
    facility = given.get("co_so", "").replace("\0", "").strip()
    several = reach is None or len(reach) != 1
    if not facility and reach is not None and len(reach) == 1:
        facility = next(iter(reach))
    if not facility:
        return None
    if not CODE.match(facility) or (reach and facility not in reach):  # who reaches nothing is refused by the gate
        raise Http404
    ward, kind = given.get("khoa", "").strip(), given.get("loai", "").strip()
    severity, order, day = given.get("muc_do", ""), given.get("sap", ""), given.get("ngay", "").strip()
    wrong = []
    try:
        chosen = datetime.strptime(day, "%d/%m/%Y").date() if day else None
        if chosen is not None and not 2000 <= chosen.year <= 2100:
            raise ValueError
    except ValueError:
        chosen, wrong = None, ["ngay"]
    return Scope(
        facility,
        chosen,
        ward if CODE.match(ward) else "",
        severity if severity in words.SEVERITIES else "",
        order if order in SORTS else SORTS[0],
        kind if CODE.match(kind) else "",
        tuple(wrong),
        several,
    )


@dataclass(frozen=True, slots=True)
class Kind:
    """All open findings of one rule, or of one code that no rule has; `points` over `POINT_WEEKS` weeks."""

    kind: str
    rule: Rule | None
    row: Row

    @property
    def title(self) -> str:
        return rules.title(self.rule) if self.rule is not None else self.row["code"]

    @property
    def note(self) -> str:
        """The small line under the title: the rule's number or the field, and who mends it when not the facility."""
        who = "" if self.row["owner"] in ("facility", "sender") else words.word(words.OWNERS, self.row["owner"])
        what = t("quy tắc {n}", n=self.rule.id) if self.rule is not None else self.row["field"] or ""
        return " · ".join(part for part in (what, who) if part)

    @property
    def work(self) -> str:
        """What mending takes, and on which screen of the facility's own program."""
        told = t(WORK[self.effort])
        return f"{told}: {t(self.rule.screen)}" if self.rule is not None else told

    @property
    def effort(self) -> Effort:
        """One field of one screen is little work; what stands in several tables, or is a whole file, is much."""
        row, rule = self.row, self.rule
        if not row["dossiers"] or row["field"] is None or row["tables"] > 1:
            return "high"
        if rule is not None and ({one.code for one in rule.checks} & _ACROSS or len(rule.tables) > 2):
            return "high"
        return "low" if row["fields"] <= 1 else "middle"

    @property
    def place(self) -> str:
        """Where in the facility's own program it is mended."""
        return t(self.rule.screen) if self.rule is not None else DASH


@dataclass(frozen=True, slots=True)
class Worklist:
    """The kinds in the order asked for; `whole` of them all, `fresh` of what came yesterday: `n`, `dossiers`, and of
    the whole `money` and `insured`, each dossier counted once."""

    kinds: Sequence[Kind]
    whole: Row
    fresh: Row


def worklist(desk: Desk, scope: Scope) -> Worklist:
    """What is to be mended, in one look."""
    today = formats.local(desk.now).date()
    sql = WORKLIST.format(
        open=scope.open_sql(), facility=scope.facility, dataset=VISITS, fresh=came(today - timedelta(days=1)),
        since=(today - timedelta(weeks=POINT_WEEKS)).isoformat(),
    )  # fmt: skip
    known = {str(rule.id): rule for rule in every_rule()}
    rows = desk.answer(sql)
    parts = {row["part"]: {**row, "n": row["n"] or 0} for row in rows if row["part"] != "kind"}
    found = [Kind(row["kind"], known.get(row["kind"]), row) for row in rows if row["part"] == "kind"]
    keys = {
        "diem": lambda one: (-(one.row["points"] or 0), -(one.row["money"] or 0), -one.row["n"]),
        "tien": lambda one: (-(one.row["money"] or 0), -one.row["n"]),
        "so": lambda one: (-one.row["n"], -(one.row["money"] or 0)),
        "de": lambda one: (_ORDER[one.effort], -(one.row["points"] or 0), -one.row["n"]),
    }
    found.sort(key=lambda one: (*keys[scope.order](one), one.kind))
    return Worklist(found, parts["all"], parts["fresh"])


def effort_badge(kind: Kind) -> Badge:
    text, tone = EFFORTS[kind.effort]
    return Badge(t(text), tone)


def table(scope: Scope, found: Sequence[Kind]) -> Table:
    """The worklist by rule; each line opens its rows, with the rule's help beside."""

    def sort(name: str) -> tuple[str, str]:
        return scope.url(HREF, sap="" if name == SORTS[0] else name), "desc" if scope.order == name else ""

    easiest = (scope.url(HREF, sap="de"), "asc" if scope.order == "de" else "")
    rows = [
        {
            "ten": Cell(
                one.title,
                scope.url(ROWS_HREF, loai=one.kind, sap=""),
                note=one.note,
            ),
            "muc": Cell("", badge=words.severity(one.row["severity"]), raw=words.severity(one.row["severity"]).text),
            "n": Cell(number(one.row["n"]), raw=one.row["n"], note=_where(one.row)),
            "p": Cell(points(one.row["points"]), raw=one.row["points"]) if one.row["points"] else Cell(DASH),
            "tien": _money(one.row),
            "cong": Cell("", badge=effort_badge(one), raw=effort_badge(one).text, note=one.work),
            "sua": Cell(words.fix(one.row["code"])),
        }
        for one in found
    ]  # fmt: skip
    return Table(
        "viec-sua",
        t("Phát hiện đang mở, theo quy tắc"),
        [
            Column("ten", t("Quy tắc"), lead=True),
            Column("muc", t("Mức độ")),
            Column("n", t("Chỗ phải sửa"), "number", False, *sort("so")),
            Column("p", t("Điểm lấy lại"), "number", False, *sort("diem"),
                   about=t("Tổng điểm chung mất vì các phát hiện này, cộng {n} tuần gần nhất", n=POINT_WEEKS)),
            Column("tien", t("Tiền liên quan"), "number", False, *sort("tien"),
                   about=t("Tổng chi phí của các hồ sơ có phát hiện này; dòng nhỏ là phần bảo hiểm thanh toán")),
            Column("cong", t("Công sửa"), "text", False, *easiest,
                   about=t("Theo số ô và số màn hình phải mở trong phần mềm của cơ sở")),
            Column("sua", t("Cách sửa")),
        ],
        rows,
        empty=_nothing(scope),
        csv_url=scope.url(HREF, xuat="viec-sua.csv"),
        note=t(
            "Điểm cộng {n} tuần gần nhất. Một hồ sơ có nhiều phát hiện thì tiền của nó nằm ở nhiều dòng.", n=POINT_WEEKS
        ) if rows else "",
        dense=True,
    )  # fmt: skip


def _where(row: Row) -> str:
    if row["dossiers"]:
        return t("{n} hồ sơ", n=number(row["dossiers"]))
    return t("{n} lần nhận", n=number(row["deliveries"]))


def _money(row: Row) -> Cell:
    if row["money"] is None:
        return Cell(DASH)
    note = t("bảo hiểm: {m}", m=formats.money(row["insured"])) if row["insured"] is not None else ""
    return Cell(formats.money(row["money"]), raw=row["money"], note=note)


def _nothing(scope: Scope) -> State:
    if scope.filtered:
        return State("empty", t("Không có phát hiện nào khớp bộ lọc"), t("Bỏ bớt điều kiện lọc để thấy nhiều hơn."),
                     href=scope.url(HREF, ngay="", khoa="", muc_do=""), link=t("Bỏ lọc"))  # fmt: skip
    return State(
        "good",
        t("Không có phát hiện nào đang mở"),
        t("Khi một hồ sơ có trường sai, việc phải sửa hiện ở đây theo quy tắc."),
    )


def wards(desk: Desk, scope: Scope) -> list[str]:
    """Codes of the wards (MA_KHOA) that dossiers of the facility went through."""
    mine = [("facility_code", "=", scope.facility)]
    rows = desk.totals("conformed.encounter", ["department_list"], {"n": ("count", None)}, mine)
    codes = {code.strip() for row in rows for code in (row["department_list"] or "").split(";")}
    return sorted(code for code in codes if CODE.match(code))


def filters(scope: Scope, of_wards: Sequence[str], action: str = HREF) -> Form:
    """Day of receipt, ward, severity."""
    severities = [("", t("Tất cả")), *((code, t(text)) for code, (text, _) in words.SEVERITIES.items())]
    shown = [*of_wards, *([scope.ward] if scope.ward and scope.ward not in of_wards else [])]
    fields = [
        Field("ngay", t("Ngày nhận"), value=formats.day(scope.day) if scope.day else "", hint="dd/MM/yyyy",
              error=t("Ghi ngày dạng dd/MM/yyyy, ví dụ 18/11/2026.") if "ngay" in scope.errors else ""),
        Field("khoa", t("Khoa (MA_KHOA)"), "choice", scope.ward,
              options=[("", t("Mọi khoa")), *((code, code) for code in shown)]),
        Field("muc_do", t("Mức độ"), "choice", scope.severity, options=severities),
        *([Field("co_so", "", "hidden", scope.facility)] if scope.several else []),
        *([Field("sap", "", "hidden", scope.order)] if scope.order != SORTS[0] and action == HREF else []),
        *([Field("loai", "", "hidden", scope.kind)] if scope.kind else []),
    ]  # fmt: skip
    bare = scope.url(action, ngay="", khoa="", muc_do="") if scope.filtered else ""
    return Form("viec-sua-loc", fields, t("Lọc"), action, inline=True, title=t("Lọc việc phải sửa"), reset_url=bare)


def chooser(desk: Desk) -> Table:
    """Facilities with open findings, for whoever has several: most first."""
    measures = {"n": ("count", None), "hs": ("count_distinct", "version_id")}
    order = [("n", "desc"), ("facility_code", "asc")]
    found = [row for row in desk.totals(FINDING, ["facility_code"], measures, order=order) if row["facility_code"]]
    rows = [
        {
            "cs": Cell(desk.facility_name(row["facility_code"]), f"{HREF}?{urlencode({'co_so': row['facility_code']})}",
                       note=row["facility_code"]),
            "n": Cell(number(row["n"]), raw=row["n"]),
            "hs": Cell(number(row["hs"]), raw=row["hs"]),
        }
        for row in found
    ]  # fmt: skip
    return Table(
        "chon-co-so",
        t("Chọn cơ sở: nhiều phát hiện đang mở nhất trước"),
        [Column("cs", t("Cơ sở"), lead=True), Column("n", t("Chỗ phải sửa"), "number"),
         Column("hs", t("Hồ sơ"), "number")],
        rows,
        empty=State("good", t("Không có phát hiện nào đang mở"),
                    t("Khi một hồ sơ có trường sai, việc phải sửa hiện ở đây theo quy tắc.")),
        csv_url=f"{HREF}?xuat=chon-co-so.csv",
        dense=True,
    )  # fmt: skip


def of_kind(kind: str) -> Rule | None:
    """The rule a kind of finding belongs to, None for a code that no rule has."""
    return next((rule for rule in every_rule() if str(rule.id) == kind), None)


def yesterday(desk: Desk, scope: Scope) -> Scope:
    """The same list, of what came in yesterday."""
    return replace(scope, day=formats.local(desk.now).date() - timedelta(days=1), ward="", severity="", kind="")
