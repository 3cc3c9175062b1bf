"""What codes of the data are called on pages, and in which tone."""

from __future__ import annotations

from bienho.portal.components import Badge
from bienho.portal.components.badge import Tone
from bienho.portal.language import later, t

OUTCOMES: dict[str, tuple[str, Tone]] = {
    "accepted": (later("Nhận sạch"), "ok"),
    "accepted_with_findings": (later("Nhận, có phát hiện"), "warn"),
    "quarantined": (later("Có phần cách ly"), "act"),
    "duplicates": (later("Trùng, đã có"), "quiet"),
    "duplicate": (later("Trùng, đã có"), "quiet"),
    "refused": (later("Từ chối"), "act"),
}
SEVERITIES: dict[str, tuple[str, Tone]] = {
    "error": (later("Sai"), "act"),
    "warning": (later("Cần xem"), "warn"),
    "info": (later("Lưu ý"), "info"),
}
OWNERS = {
    "facility": later("Cơ sở gửi dữ liệu"),
    "sender": later("Cơ sở gửi dữ liệu"),
    "operator": later("Người vận hành kho"),
    "so-y-te": later("Sở Y tế"),
}
VERSIONS = {"3176": "QĐ 3176", "4750": "QĐ 4750", "130": "QĐ 130", "4210": "QĐ 4210"}
EVIDENCE = {
    "structure": later("theo cấu trúc tệp"),
    "date": later("theo ngày ra viện"),
    "door": later("theo nơi nhận"),
}
SOURCES = {
    "folder": later("Thư mục"),
    "file": later("Tệp"),
    "api": later("Kết nối trực tiếp"),
    "upload": later("Tải lên"),
}
ZONES = {
    "standard": later("Chuẩn nhận"),
    "conformed": later("Chuẩn hóa"),
    "quality": later("Chất lượng"),
    "derived": later("Số liệu"),
    "reference": later("Danh mục mã"),
    "journal": later("Nhật ký ghi"),
}
CLASSES: dict[str, tuple[str, Tone]] = {
    "open": (later("Mở"), "ok"),
    "personal": (later("Cá nhân"), "info"),
    "sensitive": (later("Nhạy cảm"), "warn"),
    "text": (later("Văn bản có thể lộ danh tính"), "warn"),
}
FIXES = {
    "IN-CAST": later(
        "Xuất lại trường này đúng kiểu của quyết định (ngày yyyymmddHHMM, số dùng dấu chấm), rồi gửi lại hồ sơ."
    ),
    "IN-MISSING": later("Điền trường bắt buộc trong phần mềm của cơ sở, rồi gửi lại hồ sơ."),
    "IN-REQUIRED": later("Điền trường bắt buộc trong phần mềm của cơ sở, rồi gửi lại hồ sơ."),
    "IN-TOO-LONG": later("Rút ngắn nội dung theo độ dài của quyết định, rồi gửi lại hồ sơ."),
    "IN-COUNT": later("Sửa số hồ sơ khai ở đầu tệp cho bằng số hồ sơ thật trong tệp."),
    "IN-NO-MA-LK": later("Bổ sung mã liên kết cho lượt khám, rồi gửi lại hồ sơ."),
    "IN-NO-XML1": later("Thêm bảng XML1 vào hồ sơ, rồi gửi lại."),
    "IN-SHAPE-VAULTED": later("Trường mã, số hoặc ngày đang chứa chữ: chuyển nội dung về đúng trường, rồi gửi lại."),
    "IN-UNKNOWN-ELEMENT": later("Bỏ thẻ không có trong quyết định, hoặc dùng đúng tên thẻ."),
    "IN-DUPLICATE-ELEMENT": later("Mỗi trường chỉ xuất một lần trong một dòng."),
    "IN-TRUNCATED": later("Tệp bị cắt giữa chừng: xuất lại và gửi lại cả tệp."),
    "IN-BASE64": later("Mã hóa base64 của bảng bị hỏng: xuất lại và gửi lại hồ sơ."),
    "IN-SUBFILE-XML": later("Bảng con không phải XML hợp lệ: xuất lại và gửi lại hồ sơ."),
}
GENERAL_FIX = later("Sửa trong phần mềm của cơ sở rồi gửi lại cả hồ sơ; lần gửi mới sẽ thay lần cũ.")


def outcome(code: str | None) -> Badge:
    text, tone = OUTCOMES.get(code or "", (code or "—", "quiet"))
    return Badge(t(text), tone)


def severity(code: str | None) -> Badge:
    text, tone = SEVERITIES.get(code or "", (code or "—", "quiet"))
    return Badge(t(text), tone)


def data_class(code: str) -> Badge:
    text, tone = CLASSES.get(code, (code, "quiet"))
    return Badge(t(text), tone)


def word(table: dict[str, str], code: str | None) -> str:
    """The page's word for a code, or the code itself."""
    return t(table[code]) if code in table else (code or "—")


def fix(code: str) -> str:
    """How to mend a finding of that code."""
    return t(FIXES.get(code, GENERAL_FIX))
