"""The rows behind one line of the worklist, the help of its rule beside them, and the file that goes to whoever mends.

In the file each dossier stands under the number the facility knows it by (MA_LK). That number lies in the vault: the
gate opens it for the facility's own data officer, for this and nothing else, and records every dossier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from bienho.contracts import VAULT_MARKER, catalogue
from bienho.governance import reasons
from bienho.governance.decision import Request, decide
from bienho.governance.identifying import OWN_NUMBER
from bienho.portal import formats, words
from bienho.portal.components import Cell, Column, Fact, Facts, Field, Form, State, Table
from bienho.portal.desk import Desk, Row
from bienho.portal.formats import DASH, number
from bienho.portal.language import t
from bienho.portal.listing import EXPORT_ROWS
from bienho.portal.paging import PER_PAGE, turning
from bienho.portal.presenters import rules
from bienho.portal.presenters.deliveries import short
from bienho.portal.presenters.findings import said, where
from bienho.portal.presenters.mending import HREF, ROWS_HREF, Kind, Scope, effort_badge, of_kind
from bienho.portal.presenters.rule import CODES

NUMBERS_HREF = "/sua-du-lieu/dong/ma-ho-so/"
REASON = "sua-ho-so"
FIRST_TABLE = {"visit": "XML1", "check_in": "XML0"}
"""Kind of document → the table whose first row has the facility's number; minutes of an assessment have none."""
ROWS = """
WITH {open}
SELECT o.finding_id, o.version_id, o.delivery_id, o.dossier_key, o.table_name, o.row_no, o.field, o.code, o.rule,
    o.severity, o.owner, o.message, d.record_id, d.document, r.received_at, count(*) OVER () AS total
FROM found AS o
JOIN standard.delivery AS r ON r.delivery_seq = o.delivery_seq
LEFT JOIN standard.xml130_dossier AS d ON d.version_id = o.version_id
ORDER BY r.delivery_seq DESC, o.version_id, o.finding_id
LIMIT {limit} OFFSET {offset}
"""


def rows(desk: Desk, scope: Scope, page: int, *, whole: bool) -> list[Row]:
    """Rows of one page, or for a file; every row has how many there are in all (`total`)."""
    limit, offset = (EXPORT_ROWS, 0) if whole else (PER_PAGE, (page - 1) * PER_PAGE)
    sql = ROWS.format(open=scope.open_sql(), limit=limit, offset=offset)
    return desk.answer(sql, export=whole)


def table(
    scope: Scope, found: Sequence[Row], page: int, own: Mapping[str, str] | None = None, *, whole: bool = False
) -> Table:
    """The rows as a table; `own`: record → the facility's number, None where it is not opened; `whole`: for a file."""
    total = found[0]["total"] if found else 0
    numbered = [Column("lk", t("Mã hồ sơ của cơ sở (MA_LK)"), "code", about=t("Mã liên kết cơ sở đã ghi khi gửi"),
                       origin="standard.xml130_1.MA_LK")] if own is not None else []  # fmt: skip
    return Table(
        "dong-sua",
        t("Từng chỗ phải sửa"),
        [*numbered, *(_all_columns() if whole else _page_columns(scope))],
        [_line(row, own) for row in found],
        pagination=turning(page, total, lambda there: scope.url(ROWS_HREF, trang=str(there)), t("Từng chỗ phải sửa"))
        if found and not whole
        else None,
        empty=State("good", t("Không còn chỗ nào phải sửa"),
                    t("Mọi phát hiện loại này đã hết, hoặc bộ lọc đang bỏ chúng ra."),
                    href=scope.url(HREF, loai=""), link=t("Việc phải sửa")),
        csv_url=scope.url(ROWS_HREF, xuat="dong-sua.csv"),
        note=_cut(total) if total > EXPORT_ROWS else "",
    )  # fmt: skip


def _all_columns() -> list[Column]:
    """Each thing in a column of its own, as a file is sorted and filtered."""
    return [
        Column("hs", t("Hồ sơ"), "code", about=t("Khóa của hồ sơ trong kho; tìm được ở ô tìm kiếm")),
        Column("bang", t("Bảng"), "code"),
        Column("dong", t("Dòng"), "number", about=t("Thứ tự dòng trong bảng, đếm từ 1")),
        Column("truong", t("Trường"), "code"),
        Column("tin", t("Điều sai"), lead=True, about=t("Lời giải thích; không chứa dữ liệu của người bệnh")),
        Column("sua", t("Cách sửa"), about=t("Việc phải làm để hết phát hiện này")),
        Column("tai", t("Sửa tại"), about=t("Màn hình trong phần mềm của cơ sở")),
        Column("muc", t("Mức độ")),
        Column("nhan", t("Nhận lúc"), "date"),
        Column("lan", t("Lần nhận"), "code"),
    ]


def _page_columns(scope: Scope) -> list[Column]:
    """What a reader needs beside the help; of one rule every row is mended alike, and the help says how."""
    alike = bool(scope.kind)
    return [
        Column("hs", t("Hồ sơ"), "code"),
        Column("dau", t("Ở đâu"), "code"),
        Column("tin", t("Điều sai"), lead=True),
        *([] if alike else [Column("sua", t("Cách sửa"))]),
        Column("muc", t("Mức độ")),
        Column("khi", t("Nhận lúc"), "date"),
    ]


def _cut(total: int) -> str:
    return t(
        "Tệp tải về chỉ có {n} dòng đầu trong {total} dòng, theo thứ tự đang xem. Lọc hẹp lại để lấy phần còn lại.",
        n=number(EXPORT_ROWS), total=number(total),
    )  # fmt: skip


def _line(row: Row, own: Mapping[str, str] | None) -> dict[str, Cell]:
    rule = of_kind(str(row["rule"])) if row["rule"] is not None else None
    level = words.severity(row["severity"])
    line = {
        "hs": Cell(short(row["dossier_key"]), f"/ho-so/{row['dossier_key']}/?phan=phat-hien", raw=row["dossier_key"])
        if row["dossier_key"] else Cell(where(row)),
        "bang": Cell(row["table_name"] or DASH),
        "dong": Cell(number(row["row_no"]), raw=row["row_no"]) if row["row_no"] else Cell(DASH),
        "truong": Cell(row["field"] or DASH),
        "tin": Cell(said(row), note=t("kiểm tra số {n}", n=row["rule"]) if row["rule"] is not None else row["code"],
                    lang="vi"),
        "dau": Cell(where(row)),
        "sua": Cell(words.fix(row["code"])),
        "tai": Cell(t(rule.screen) if rule else DASH),
        "muc": Cell("", badge=level, raw=level.text),
        "nhan": Cell(formats.moment(row["received_at"]), raw=row["received_at"]),
        "khi": Cell(formats.moment(row["received_at"]), f"/giao-nhan/{row['delivery_id']}/", note=row["delivery_id"]),
        "lan": Cell(row["delivery_id"], f"/giao-nhan/{row['delivery_id']}/"),
    }  # fmt: skip
    if own is not None:
        line["lk"] = Cell(own.get(row["record_id"] or "", DASH))
    return line


def may_number(desk: Desk) -> bool:
    """Whether the file with the facility's own numbers is offered; the gate is asked again when it is made."""
    contract = catalogue()["standard.xml130_1"]
    return decide(Request("", desk.actor, desk.purpose, "dossier-number", contract, (OWN_NUMBER,))).allowed


def own_numbers(desk: Desk, found: Sequence[Row]) -> dict[str, str]:
    """Record → the number of its dossier at the facility. One recorded look; Denied for whoever may not."""
    places = {row["record_id"]: FIRST_TABLE[row["document"]] for row in found if row["document"] in FIRST_TABLE}
    records = list(places)
    relation = pa.table(
        {
            "record_id": pa.array(records, pa.string()),
            "table_name": pa.array([places[one] for one in records], pa.string()),
            "row_no": pa.array([1] * len(records), pa.int32()),
            OWN_NUMBER: pa.array([VAULT_MARKER] * len(records), pa.string()),
        }
    )
    gate = desk.house.gate
    _, filled = gate.identify(
        desk.actor, desk.purpose, relation, [OWN_NUMBER], reasons.written(REASON), number_only=True
    )
    numbers = zip(records, filled.column(OWN_NUMBER).to_pylist(), strict=True)
    return {record: text for record, text in numbers if text != VAULT_MARKER}


def numbers_form(scope: Scope) -> Form:
    """The button that makes the file with the facility's numbers: a POST, because it opens something of the vault."""
    kept = {
        "co_so": scope.facility, "ngay": formats.day(scope.day) if scope.day else "", "khoa": scope.ward,
        "muc_do": scope.severity, "loai": scope.kind,
    }  # fmt: skip
    fields = [
        Field("dang", t("Dạng tệp"), "choice", "xlsx", options=[("xlsx", "XLSX"), ("csv", "CSV")]),
        *(Field(name, "", "hidden", value) for name, value in kept.items() if value),
    ]
    return Form("tai-ma", fields, t("Tải tệp kèm mã hồ sơ (MA_LK)"), NUMBERS_HREF, "post", inline=True,
                title=t("Tải tệp để sửa trong phần mềm của cơ sở"))  # fmt: skip


def help_beside(desk: Desk, scope: Scope, found: Sequence[Row]) -> Facts | None:
    """What the rule asks, why, where and how it is mended; None when rows of several kinds are shown."""
    if not scope.kind:
        return None
    rule = of_kind(scope.kind)
    if rule is None:
        fields = list(dict.fromkeys(row["field"] for row in found if row["field"]))
        return Facts(
            [
                Fact(t("Mã phát hiện"), scope.kind, code=True),
                Fact(t("Cách sửa"), words.fix(scope.kind)),
                *([Fact(t("Trường"), ", ".join(fields), code=True)] if fields else []),
            ]
        )
    asked = list(dict.fromkeys((one.found, one.expect, one.example) for one in rule.checks))
    whys = list(dict.fromkeys(t(rules.WHY[one.code]) for one in rule.checks)) or [t(rules.HELD_WHY)]
    kinds = list(dict.fromkeys(t(CODES[one.code]) for one in rule.checks))
    items = [
        Fact(t("Sửa tại"), t(rule.screen)),
        *(
            Fact(t("Báo khi"), what, note=_wanted(expect, example))
            for what, expect, example in asked[:3]
        ),
        Fact(t("Vì sao"), " ".join(whys)),
        *([Fact(t("Loại"), ", ".join(kinds))] if kinds else []),
        Fact(t("Mức độ"), "", badge=words.severity(rule.severity)),
        Fact(t("Trang của quy tắc"), t("Quy tắc {n}: ví dụ, căn cứ, ai gặp", n=rule.id),
             f"{rules.HREF}{rule.id}/?co_so={scope.facility}"),
    ]  # fmt: skip
    if found:
        shown = {**found[0], "dossiers": 1, "tables": 1, "fields": len({row["field"] for row in found})}
        items.insert(1, Fact(t("Công sửa"), "", badge=effort_badge(Kind(scope.kind, rule, shown))))
    return Facts(items)


def _wanted(expect: str, example: str) -> str:
    return (
        t("Cần: {what}. Ví dụ đúng: {example}", what=expect, example=example)
        if example
        else t("Cần: {what}", what=expect)
    )


def title(scope: Scope) -> str:
    """What the rows are, for the head of the page."""
    rule = of_kind(scope.kind)
    if rule is not None:
        return t("Sửa: {title}", title=rules.title(rule))
    return t("Sửa: {title}", title=scope.kind) if scope.kind else t("Mọi chỗ phải sửa")


def lines(desk: Desk, scope: Scope, total: int) -> list[tuple[str, str]]:
    """Which rows a file has, in words."""
    asked = [
        *([t("ngày nhận {d}", d=formats.day(scope.day))] if scope.day else []),
        *([t("khoa {k}", k=scope.ward)] if scope.ward else []),
        *([words.severity(scope.severity).text] if scope.severity else []),
        *([title(replace(scope))] if scope.kind else []),
    ]
    return [
        (t("Cơ sở"), f"{desk.facility_name(scope.facility)} ({scope.facility})"),
        (t("Bộ lọc"), "; ".join(asked) or t("không lọc")),
        (t("Số dòng"), _cut(total) if total > EXPORT_ROWS else number(total)),
    ]
