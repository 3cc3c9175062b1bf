"""Codes of reading: what each says to the sender. The room README explains them with an example each; a test compares.

Messages name tables, rows and fields, never a value.
"""

from __future__ import annotations

import logging
import re

from bienho.core.finding import Finding, Severity

log = logging.getLogger(__name__)

UNREADABLE = {
    "IN-NOT-XML": "Phần này không phải XML đúng cú pháp nên không đọc được.",
    "IN-TRUNCATED": "Tệp bị đứt giữa chừng: phần sau chỗ đứt không có trong tệp.",
    "IN-DOCTYPE": "XML có khai báo DOCTYPE; vì an toàn, hệ thống không nhận loại này.",
    "IN-NOT-ENVELOPE": "Tệp không phải phong bì hồ sơ (GIAMDINHHS), bảng XML0 hay bảng XML12: thẻ gốc lạ.",
    "IN-NO-HOSO": "Tệp không có hồ sơ (HOSO) hay dòng nào.",
    "IN-NO-FACILITY": "Không có mã cơ sở: thiếu MACSKCB của phong bì và MA_CSKCB của bảng.",
    "IN-NO-XML1": "Hồ sơ không có bảng XML1, hoặc XML1 không có trường nào.",
    "IN-DUPLICATE-XML1": "Hồ sơ có nhiều hơn một dòng XML1; một hồ sơ chỉ có một.",
    "IN-NO-MA-LK": "Không có MA_LK nên không biết đây là hồ sơ nào.",
    "IN-NO-SO-BIEN-BAN": "Không có SO_BIEN_BAN nên không biết đây là lần giám định nào.",
    "IN-BASE64": "NOIDUNGFILE không phải base64 đúng và cũng không phải XML.",
    "IN-SUBFILE-XML": "Nội dung bảng sau khi giải base64 không phải XML đúng cú pháp.",
    "IN-READER": "Bộ đọc của kho gặp trường hợp chưa lường trước; phần mềm cần sửa, bên gửi chưa phải làm gì.",
    "LIM-DELIVERY-BYTES": "Tệp lớn hơn cỡ cho phép; hãy chia thành nhiều tệp.",
    "LIM-HOSO": "Tệp có quá nhiều hồ sơ; hãy chia thành nhiều tệp.",
    "LIM-FILES": "Hồ sơ có quá nhiều FILEHOSO.",
    "LIM-SUBFILE-BYTES": "Một bảng của hồ sơ lớn hơn cỡ cho phép.",
    "LIM-DOSSIER-BYTES": "Hồ sơ có quá nhiều chữ để cất vào két.",
    "LIM-ROWS": "Một bảng của hồ sơ có quá nhiều dòng.",
    "LIM-ELEMENTS": "Một dòng có quá nhiều thẻ.",
    "LIM-TEXT": "Một trường có chữ dài hơn cỡ cho phép.",
    "LIM-DEPTH": "Thẻ lồng nhau quá sâu.",
}
"""Reasons why a HOSO or a whole envelope is set aside."""

FINDINGS: dict[str, tuple[Severity, str]] = {
    "IN-HOSO-COUNT": ("warning", "SOLUONGHOSO thiếu hoặc khác số HOSO có trong tệp."),
    "IN-HEAD-SHAPE": ("warning", "Nội dung không giống loại của trường này (mã, số hay ngày) nên không được dùng."),
    "IN-ENVELOPE-XML": ("warning", "Phong bì có chỗ sai cú pháp XML ngoài các HOSO; các HOSO vẫn được đọc."),
    "IN-TAIL-MISSING": ("warning", "Tệp thiếu phần cuối sau HOSO cuối cùng; đủ số hồ sơ đã khai."),
    "IN-FACILITY-MISMATCH": ("warning", "MA_CSKCB trong XML1 khác MACSKCB của phong bì."),
    "IN-FACILITY-FROM-TABLE": ("warning", "Phong bì không có MACSKCB dùng được; mã cơ sở lấy từ MA_CSKCB của XML1."),
    "IN-MA-LK-MISMATCH": ("error", "MA_LK của dòng này khác MA_LK trong XML1."),
    "IN-REQUIRED": ("error", "Thiếu trường bắt buộc, hoặc trường để trống."),
    "IN-LENGTH": ("error", "Chữ dài hơn cỡ mà quyết định cho phép."),
    "IN-SHAPE-VAULTED": ("warning", "Nội dung không giống loại của trường này (mã, số hay ngày) nên được cất vào két."),
    "IN-UNKNOWN-ELEMENT": ("warning", "Thẻ không có trong quyết định; nội dung được giữ trong két."),
    "IN-STRAY-TEXT": ("warning", "Có chữ nằm ngoài các trường, giữa các thẻ; nội dung được giữ trong két."),
    "IN-DUPLICATE-ELEMENT": ("warning", "Trường có mặt hai lần trong một dòng; lần sau được giữ trong két."),
    "IN-NESTED-ELEMENT": ("warning", "Trường chứa thẻ con trong khi phải là chữ; nội dung được giữ nguyên dạng XML."),
    "IN-OLD-NAME": ("info", "Trường mang tên của quyết định cũ hơn; đã đọc theo tên hiện hành."),
    "IN-SPLIT-TABLE": ("info", "Một bảng nằm trong nhiều FILEHOSO; các dòng được nối lại theo thứ tự trong tệp."),
    "IN-EMPTY-SUBFILE": ("warning", "FILEHOSO có LOAIHOSO nhưng bảng không có dòng nào."),
    "IN-UNKNOWN-TABLE": ("warning", "LOAIHOSO không có trong quyết định; nội dung được giữ trong két."),
    "IN-TRAVELS-ALONE": ("warning", "Bảng này phải gửi thành tệp riêng, không trong phong bì; các dòng vẫn được đọc."),
    "IN-FACILITY-ASSUMED": ("info", "Tệp không có mã cơ sở; tạm dùng mã của trung tâm giám định y khoa tỉnh."),
    "IN-MORE-FINDINGS": ("warning", "Hồ sơ có quá nhiều phát hiện; chỉ ghi những phát hiện đầu."),
    "IN-ENCODING": ("warning", "Khai báo bảng mã không đúng với nội dung; đã đọc theo bảng mã thật của tệp."),
}
"""Things wrong in what could be read."""


STRAY = "#text"
"""Key of a text that stands in no field; # cannot occur in an element name."""
_NAME = re.compile(r"[^\W\d][\w.-]{0,63}(?:#[0-9]+)?")


class Bad(Exception):
    """Internal: the HOSO in hand cannot be taken in."""

    def __init__(self, code: str, table: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        where = f"{table}: " if table else ""
        self.message = where + UNREADABLE[code]


def shown(name: str) -> str:
    """An element's name for a finding: whole where it is short and a plain name, else '?'."""
    return name if _NAME.fullmatch(name) else "?"


def found(
    code: str, table: str | None = None, row: int | None = None, field: str | None = None, rule: int | None = None
) -> Finding:
    """A finding with the severity and message of its code."""
    severity, message = FINDINGS[code]
    place = " ".join(part for part in (table, f"dòng {row}" if row else None, field) if part)
    text = f"{place}: {message}" if place else message
    return Finding(code, severity, text, table=table, row=row, field=field, rule=rule)


def strange(name: str, table: str | None = None, row: int | None = None) -> Finding:
    """The finding for something kept that no decision knows: an element's name, or STRAY."""
    if name.startswith(STRAY):
        return found("IN-STRAY-TEXT", table, row)
    return found("IN-UNKNOWN-ELEMENT", table, row, shown(name))


def log_fault(error: Exception) -> None:
    """Name the place of a fault in the reader, never its message: that may hold a value."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else "?"
    log.error("reader fault: %s at %s", type(error).__name__, place)
