"""Deliveries: the list, and one delivery with its receipt, dossiers, findings and what was set aside."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from bienho.portal import formats, words
from bienho.portal.components import Badge, Cell, Column, Fact, Facts, State, Table
from bienho.portal.desk import Desk, Row
from bienho.portal.formats import number
from bienho.portal.language import t
from bienho.portal.listing import Listing, Select, Show

COLUMNS = (
    "delivery_seq",
    "delivery_id",
    "source",
    "bytes",
    "sha256",
    "received_at",
    "facility_asserted",
    "facility_code",
    "hoso_declared",
    "hoso_found",
    "outcome",
    "reason",
    "accepted",
    "accepted_with_findings",
    "quarantined",
    "duplicates",
    "superseded",
)


def facility_options(desk: Desk, dataset: str = "standard.delivery") -> list[tuple[str, str]]:
    """Facilities that have sent, by name."""
    rows = desk.totals(dataset, ["facility_code"], {"n": ("count", None)})
    named = [(row["facility_code"], desk.facility_name(row["facility_code"])) for row in rows if row["facility_code"]]
    return sorted(named, key=lambda pair: pair[1])


def listing(desk: Desk) -> Listing:
    outcomes = [(code, t(words.OUTCOMES[code][0])) for code in ("accepted", "accepted_with_findings", "quarantined")]
    return Listing(
        id="giao-nhan",
        caption=t("Các lần nhận dữ liệu"),
        dataset="standard.delivery",
        needs=COLUMNS,
        order=("delivery_seq", "desc"),
        tie="delivery_seq",
        selects=(
            Select("co_so", t("Cơ sở"), "facility_code", options=facility_options(desk)),
            Select("ket_qua", t("Kết quả"), "outcome", options=outcomes),
            Select("tu_ngay", t("Từ ngày"), "received_at", kind="since"),
            Select("den_ngay", t("Đến ngày"), "received_at", kind="until"),
        ),
        shows=(
            Show("ma", t("Mã giao nhận"), _link, "code", sort="delivery_seq", lead=True),
            Show("luc", t("Nhận lúc"), lambda r: moment_cell(r["received_at"]), "date", sort="received_at"),
            Show("co_so", t("Cơ sở"), lambda r: _facility(desk, r), sort="facility_code"),
            Show("hs", t("Hồ sơ"), lambda r: _count(r["hoso_found"]), "number", sort="hoso_found"),
            Show(
                "sai",
                t("Có phát hiện"),
                lambda r: _count(r["accepted_with_findings"]),
                "number",
                sort="accepted_with_findings",
            ),
            Show("cach", t("Cách ly"), lambda r: _count(r["quarantined"]), "number", sort="quarantined"),
            Show("trung", t("Trùng"), lambda r: _count(r["duplicates"]), "number", sort="duplicates", shown=False),
            Show("thay", t("Thay bản cũ"), lambda r: _count(r["superseded"]), "number", sort="superseded", shown=False),
            Show(
                "dl",
                t("Dung lượng"),
                lambda r: Cell(formats.size(r["bytes"]), raw=r["bytes"]),
                "number",
                sort="bytes",
                shown=False,
            ),
            Show("kq", t("Kết quả"), lambda r: Cell("", badge=words.outcome(r["outcome"])), sort="outcome"),
        ),
        empty=State(
            "empty",
            t("Chưa nhận lần nào"),
            t("Mỗi tệp hoặc thư mục cơ sở gửi về sẽ là một dòng ở đây, kèm biên nhận."),
            do=t("Trên máy chủ, chạy `bienho ingest THƯ_MỤC` với các tệp XML của cơ sở."),
        ),
    )


def _link(row: Row) -> Cell:
    return Cell(row["delivery_id"], f"/giao-nhan/{row['delivery_id']}/")


def _facility(desk: Desk, row: Row) -> Cell:
    return Cell(desk.facility_name(row["facility_code"]), note=row["facility_code"] or "")


def moment_cell(value: datetime | None) -> Cell:
    """A moment as people read it, and as itself in a file."""
    return Cell(formats.moment(value), raw=value)


def _count(value: int | None) -> Cell:
    return Cell(number(value) if value else formats.DASH, raw=value or 0)


def find(desk: Desk, delivery_id: str) -> Row | None:
    """One delivery, or None."""
    rows = desk.rows("standard.delivery", COLUMNS, [("delivery_id", "=", delivery_id)], limit=1)
    return rows[0] if rows else None


def receipt(desk: Desk, row: Row) -> Facts:
    """What the receipt says."""
    declared, found = row["hoso_declared"], number(row["hoso_found"] or 0)
    agree = t("khớp nhau") if declared == str(row["hoso_found"]) else t("không khớp: cơ sở kiểm tra lại tệp đã xuất")
    facts = [
        Fact(t("Mã giao nhận"), row["delivery_id"], code=True),
        Fact(t("Kết quả"), "", badge=words.outcome(row["outcome"])),
        Fact(t("Nhận lúc"), formats.moment(row["received_at"]), note=formats.ago(row["received_at"], desk.now)),
        Fact(
            t("Cơ sở ghi trong hồ sơ"),
            desk.facility_name(row["facility_code"]),
            f"/giao-nhan/?{urlencode({'co_so': row['facility_code']})}" if row["facility_code"] else "",
            note=row["facility_code"] or t("hồ sơ của nhiều cơ sở, hoặc tệp không đọc được"),
        ),
        Fact(t("Nơi nhận"), words.word(words.SOURCES, row["source"])),
        Fact(t("Dung lượng"), formats.size(row["bytes"])),
        Fact(
            t("Dấu vân SHA-256"),
            row["sha256"] or formats.DASH,
            code=True,
            clipped=bool(row["sha256"]),
            note=t("của cả tệp như đã nhận; bấm để thấy đủ và chép"),
        ),
        Fact(
            t("Số hồ sơ khai và thấy"),
            f"{declared or formats.DASH} / {found}",
            note=agree if declared else t("tệp loại này không khai số hồ sơ"),
        ),
        Fact(
            t("Đã vào kho"),
            number((row["accepted"] or 0) + (row["accepted_with_findings"] or 0)),
            note=t(
                "{n} sạch, {k} có phát hiện",
                n=number(row["accepted"] or 0),
                k=number(row["accepted_with_findings"] or 0),
            ),
        ),
        Fact(t("Cách ly"), number(row["quarantined"] or 0)),
        Fact(t("Trùng, không tạo bản mới"), number(row["duplicates"] or 0)),
        Fact(t("Thay bản cũ"), number(row["superseded"] or 0)),
    ]
    if row["facility_asserted"]:
        facts.append(Fact(t("Cơ sở người gửi khai"), desk.facility_name(row["facility_asserted"])))
    if row["reason"]:
        facts.append(Fact(t("Lý do"), row["reason"], code=True, note=words.fix(row["reason"])))
    return Facts(facts)


def dossiers(desk: Desk, delivery_id: str) -> Listing:
    """Dossier versions that came with a delivery, replaced ones too."""
    replaced: set[int] = set()
    flawed: dict[int, int] = {}
    judged = desk.sees("quality.finding", "version_id")

    def prepare(rows: list[Row]) -> None:
        ids = [row["version_id"] for row in rows]
        if not ids:
            return
        old = desk.rows("standard.superseded", ["version_id"], [("version_id", "in", ids)])
        replaced.update(row["version_id"] for row in old)
        among, counted = [("version_id", "in", ids)], {"n": ("count", None)}
        found = desk.totals("quality.finding", ["version_id"], counted, among) if judged else []
        flawed.update({row["version_id"]: row["n"] for row in found})

    def state(row: Row) -> Cell:
        if row["version_id"] in replaced:
            return Cell("", badge=Badge(t("Đã có bản mới"), "quiet"))
        if not judged:
            return Cell("", badge=Badge(t("Đang dùng"), "ok"))
        count = flawed.get(row["version_id"], 0)
        return Cell(
            "", badge=Badge(t("{n} phát hiện", n=number(count)), "warn") if count else words.outcome("accepted")
        )

    return Listing(
        id="ho-so-trong-lan",
        caption=t("Hồ sơ trong lần nhận này"),
        dataset="standard.xml130_dossier",
        needs=("version_id", "hoso", "dossier_key", "document", "format_version", "version_evidence"),
        order=("hoso", "asc"),
        tie="version_id",
        fixed=(("delivery_id", "=", delivery_id),),
        versions="all",
        prepare=prepare,
        shows=(
            Show("tt", t("Thứ tự"), lambda r: Cell(number(r["hoso"]), raw=r["hoso"]), "number", sort="hoso"),
            Show(
                "khoa",
                t("Khóa hồ sơ"),
                lambda r: Cell(short(r["dossier_key"]), f"/ho-so/{r['dossier_key']}/", raw=r["dossier_key"]),
                "code",
                lead=True,
                about=t("Khóa của hồ sơ trong kho; không chứa số của người bệnh"),
            ),
            Show("loai", t("Loại hồ sơ"), lambda r: Cell(words.word(words.DOCUMENTS, r["document"] or "visit"))),
            Show(
                "mau",
                t("Định dạng"),
                lambda r: Cell(
                    words.word(words.VERSIONS, r["format_version"]),
                    note=words.word(words.EVIDENCE, r["version_evidence"]),
                ),
                sort="format_version",
            ),
            Show("kq", t("Tình trạng"), state, about=t("Đã có bản mới hay chưa, và số phát hiện đang mở")),
        ),
        empty=State("empty", t("Không có hồ sơ nào vào kho từ lần này"), t("Xem phần cách ly để biết lý do.")),
    )


def set_aside(desk: Desk, delivery_id: str) -> Table | None:
    """What of a delivery is in quarantine; None when nothing is."""
    rows = desk.rows(
        "quality.quarantine",
        ["hoso", "code", "message"],
        [("delivery_id", "=", delivery_id)],
        [("hoso", "asc")],
        limit=200,
    )
    if not rows:
        return None
    return Table(
        "cach-ly-trong-lan",
        t("Những phần chưa vào kho"),
        [
            Column("hs", t("Hồ sơ thứ"), "number"),
            Column("ly", t("Lý do"), lead=True),
            Column("ma", t("Mã"), "code"),
            Column("sua", t("Cách sửa")),
        ],
        [
            {
                "hs": Cell(number(row["hoso"]) if row["hoso"] else t("cả tệp")),
                "ly": Cell(row["message"], lang="vi"),
                "ma": Cell(row["code"]),
                "sua": Cell(words.fix(row["code"])),
            }
            for row in rows
        ],
        caption_hidden=True,
    )


def short(key: str) -> str:
    """A long digest as people read it: its first ten characters."""
    return f"{key[:10]}…"
