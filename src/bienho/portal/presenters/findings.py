"""Findings and quarantine: what is wrong, whose it is, how to mend it."""

from __future__ import annotations

from dataclasses import replace

from bienho.portal import words
from bienho.portal.components import Cell, Column, FindingItem, FindingList, State, Tab, Table, Tabs
from bienho.portal.desk import Desk, Row
from bienho.portal.formats import DASH, number
from bienho.portal.language import t
from bienho.portal.listing import Listing, Select, Show
from bienho.portal.presenters.deliveries import facility_options, short

TOP_CODES = 8
NEEDS = (
    "finding_id",
    "version_id",
    "delivery_id",
    "dossier_key",
    "facility_code",
    "table_name",
    "row_no",
    "field",
    "code",
    "rule",
    "severity",
    "owner",
    "message",
)


def rule_number(text: str) -> int:
    """The number of a rule as typed; ValueError for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise ValueError(text)
    return int(text)


def where(row: Row) -> str:
    """Table, row and field of a finding in words."""
    if not row["table_name"]:
        return t("cả lần nhận") if not row["version_id"] else t("cả hồ sơ")
    parts = [row["table_name"]]
    if row["row_no"]:
        parts.append(t("dòng {n}", n=row["row_no"]))
    if row["field"]:
        parts.append(row["field"])
    return " · ".join(parts)


def said(row: Row) -> str:
    """The message; its first word, the field, is left out where the sentence itself begins with it."""
    message, field = str(row["message"]), row["field"]
    return message.removeprefix(f"{field}: ") if field and message.startswith(f"{field}: {field} ") else message


def severity_tabs(desk: Desk, chosen: str) -> Tabs:
    """All and by severity, with counts."""
    counts = {row["severity"]: row["n"] for row in desk.totals("quality.finding", ["severity"], {"n": ("count", None)})}
    items = [Tab(t("Tất cả"), "/phat-hien/", not chosen, number(sum(counts.values())))]
    for code, (title, _) in words.SEVERITIES.items():
        items.append(Tab(t(title), f"/phat-hien/?muc_do={code}", chosen == code, number(counts.get(code, 0))))
    return Tabs(t("Mức độ"), items)


def top_codes(desk: Desk) -> Table | None:
    """The kinds of finding that occur most, worst first: mending one mends many dossiers."""
    measures = {"n": ("count", None), "hs": ("count_distinct", "version_id"), "cs": ("count_distinct", "facility_code")}
    rows = desk.totals(
        "quality.finding", ["code", "field", "severity"], measures, order=[("n", "desc")], limit=TOP_CODES
    )
    if not rows:
        return None
    return Table(
        "nhieu-nhat",
        t("Sửa một chỗ, hết nhiều phát hiện: {n} loại gặp nhiều nhất", n=len(rows)),
        [
            Column("loai", t("Loại"), "code", lead=True),
            Column("muc", t("Mức độ")),
            Column("n", t("Phát hiện"), "number"),
            Column("hs", t("Hồ sơ"), "number"),
            Column("cs", t("Số cơ sở"), "number"),
            Column("sua", t("Cách sửa")),
        ],
        [
            {
                "loai": Cell(row["code"], f"/phat-hien/?ma={row['code']}", note=row["field"] or ""),
                "muc": Cell("", badge=words.severity(row["severity"])),
                "n": Cell(number(row["n"])),
                "hs": Cell(number(row["hs"]) if row["hs"] else DASH, raw=row["hs"]),
                "cs": Cell(number(row["cs"])),
                "sua": Cell(words.fix(row["code"])),
            }
            for row in rows
        ],
        dense=True,
    )


def listing(desk: Desk) -> Listing:
    owners = [(code, words.word(words.OWNERS, code)) for code in ("facility", "so-y-te", "operator")]
    severities = [(code, t(title)) for code, (title, _) in words.SEVERITIES.items()]
    return Listing(
        id="phat-hien",
        caption=t("Các phát hiện đang mở"),
        dataset="quality.finding",
        needs=NEEDS,
        order=("version_id", "desc"),
        tie="finding_id",
        selects=(
            Select("muc_do", t("Mức độ"), "severity", options=severities),
            Select("co_so", t("Cơ sở"), "facility_code", options=facility_options(desk)),
            Select("don_vi", t("Đơn vị sửa"), "owner", options=owners),
            Select("ma", t("Mã phát hiện"), "code", kind="text"),
            Select("kiem_tra", t("Quy tắc số"), "rule", kind="text", convert=rule_number),
        ),
        shows=(
            Show("muc", t("Mức độ"), lambda r: Cell("", badge=words.severity(r["severity"])), sort="severity"),
            Show(
                "tin", t("Điều sai"), _message, lead=True, about=t("Lời giải thích; không chứa dữ liệu của người bệnh")
            ),
            Show("dau", t("Ở đâu"), _place, sort="field", about=t("Bảng, dòng (đếm từ 1) và trường trong hồ sơ")),
            Show("cs", t("Đơn vị sửa"), lambda r: _owner(desk, r), sort="facility_code", about=t("Đơn vị phải sửa")),
            Show(
                "sua",
                t("Cách sửa"),
                lambda r: Cell(words.fix(r["code"])),
                about=t("Việc phải làm để hết phát hiện này"),
            ),
            Show("ma", t("Mã"), lambda r: Cell(r["code"]), "code", sort="code", shown=False),
            Show(
                "lan",
                t("Lần nhận"),
                lambda r: Cell(r["delivery_id"], f"/giao-nhan/{r['delivery_id']}/"),
                "code",
                sort="delivery_id",
                shown=False,
            ),
        ),
        empty=State(
            "good",
            t("Không có phát hiện nào đang mở"),
            t("Khi một hồ sơ có trường sai, nó hiện ở đây kèm đơn vị sửa và cách sửa."),
        ),
    )


def _message(row: Row) -> Cell:
    rule = t("kiểm tra số {n}", n=row["rule"]) if row["rule"] is not None else row["code"]
    return Cell(said(row), note=rule, lang="vi")


def _place(row: Row) -> Cell:
    if row["dossier_key"]:
        return Cell(where(row), f"/ho-so/{row['dossier_key']}/?phan=phat-hien", note=short(row["dossier_key"]))
    return Cell(where(row), f"/giao-nhan/{row['delivery_id']}/", note=row["delivery_id"] or "")


def _owner(desk: Desk, row: Row) -> Cell:
    if row["owner"] in ("facility", "sender"):
        return Cell(desk.facility_name(row["facility_code"]), note=row["facility_code"] or "")
    return Cell(words.word(words.OWNERS, row["owner"]))


def of_dossier(desk: Desk, version_id: int) -> FindingList:
    """The open findings of one dossier version."""
    rows = desk.rows("quality.finding", NEEDS, [("version_id", "=", version_id)], [("finding_id", "asc")], limit=200)
    return _list(desk, rows, t("Hồ sơ này không có phát hiện nào."))


def of_delivery(desk: Desk, delivery_id: str) -> FindingList:
    """Findings about a delivery as a whole; files of an archive that share one are told of once."""
    asked = [("delivery_id", "=", delivery_id), ("version_id", "is_null", None)]
    alike: dict[tuple[str, str], list[Row]] = {}
    for row in desk.rows("quality.finding", NEEDS, asked, [("finding_id", "asc")]):
        alike.setdefault((row["code"], row["field"] or ""), []).append(row)
    empty = t("Không có phát hiện nào về cả lần nhận; phát hiện của từng hồ sơ nằm trong hồ sơ.")
    found = _list(desk, [rows[0] for rows in alike.values()], empty)
    many = t("{n} chỗ như nhau; đây là chỗ đầu")
    items = [
        replace(item, where=many.format(n=number(len(rows)))) if len(rows) > 1 else item
        for item, rows in zip(found.items, alike.values(), strict=True)
    ]
    return replace(found, items=items)


def _list(desk: Desk, rows: list[Row], empty: str) -> FindingList:
    items = [
        FindingItem(
            words.severity(row["severity"]),
            said(row),
            where(row),
            _owner(desk, row).text,
            words.fix(row["code"]),
            row["code"],
        )
        for row in rows
    ]
    return FindingList(items, State("good", t("Không có phát hiện"), empty))
