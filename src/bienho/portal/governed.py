"""What codes of the governance room are called on pages: states and steps of agreements, actions, answers of the gate.

The words of policies, purposes and roles are reviewed Vietnamese texts and are shown as they are.
"""

from __future__ import annotations

from bienho.governance import EMERGENCIES, PURPOSES, REASONS, ROLES
from bienho.governance.break_glass import EXPLANATIONS, GROUNDS
from bienho.portal.components import Badge
from bienho.portal.components.badge import Tone
from bienho.portal.language import current_language, later, t

STATES: dict[str, tuple[str, Tone]] = {
    "draft": (later("Dự thảo"), "quiet"),
    "legal-review": (later("Thẩm định pháp lý"), "info"),
    "security-review": (later("Thẩm định an toàn"), "info"),
    "to-sign": (later("Chờ ký"), "info"),
    "signed": (later("Đã ký"), "info"),
    "in-force": (later("Có hiệu lực"), "ok"),
    "suspended": (later("Đang tạm dừng"), "warn"),
    "ended": (later("Đã chấm dứt"), "quiet"),
    "expired": (later("Hết hạn"), "quiet"),
}
#: Move → (what it is called, what follows from it).
MOVES: dict[str, tuple[str, str]] = {
    "submit": (
        later("Trình thẩm định pháp lý"),
        later("Nội dung được khóa lại để thẩm định; muốn sửa thì người thẩm định phải trả lại."),
    ),
    "pass-legal": (
        later("Đạt thẩm định pháp lý"),
        later("Bạn xác nhận căn cứ pháp lý, mục đích và phạm vi đúng quy định."),
    ),
    "pass-security": (
        later("Đạt thẩm định an toàn"),
        later("Bạn xác nhận đơn vị nhận, bộ dữ liệu và lớp cột không quá mức cần thiết."),
    ),
    "return": (
        later("Trả lại để sửa"),
        later("Thỏa thuận về lại dự thảo; thẩm định và chữ ký đã có không còn tính."),
    ),
    "sign": (
        later("Ký (hai người khác nhau)"),
        later("Cần hai người khác nhau ký; người soạn không được ký. Ghi số văn bản đã ký."),
    ),
    "start": (
        later("Đưa vào hiệu lực"),
        later("Từ ngày đầu của thỏa thuận, cổng kiểm soát cho xem đúng phạm vi này; bản trước, nếu có, thôi dùng."),
    ),
    "suspend": (
        later("Tạm dừng"),
        later("Mọi lần xem theo thỏa thuận này bị từ chối ngay, cho đến khi cho hiệu lực lại."),
    ),
    "resume": (later("Cho hiệu lực lại"), later("Cổng kiểm soát cho xem lại ngay, đúng phạm vi của thỏa thuận.")),
    "end": (later("Chấm dứt"), later("Không cho hiệu lực lại được; muốn chia sẻ tiếp phải soạn bản mới.")),
}
DRAFTED = later("Soạn")
BARRED = {
    "author": later("Bạn là người soạn hoặc trình bản này: người soạn không tự thẩm định, không được ký."),
    "signed": later("Bạn đã làm bước này; cần một người khác nữa."),
}
ACTIONS = {
    "read": later("Đọc các dòng"),
    "aggregate": later("Tổng hợp số liệu"),
    "query": later("Chạy câu lệnh"),
    "identify": later("Mở định danh"),
    "export": later("Tải về"),
    "share": later("Chia sẻ"),
    "audit": later("Xem nhật ký"),
    "audit-own": later("Xem nhật ký của mình"),
    "audit-check": later("Kiểm tra chuỗi nhật ký"),
    "manage": later("Quản lý tài khoản"),
    "list-accounts": later("Xem danh sách tài khoản"),
    "list-members": later("Xem người trong đơn vị"),
    "manage-members": later("Giao, thu hồi, rà soát vai trò"),
    "erase-ask": later("Đề nghị xóa một người"),
    "erase-confirm": later("Xác nhận xóa một người"),
    "break-glass": later("Mở khẩn cấp"),
    "emergency-review": later("Xét lại mở khẩn cấp"),
    "agreement-read": later("Xem thỏa thuận"),
    "agreement-draft": later("Soạn, trình thỏa thuận"),
    "agreement-review": later("Thẩm định thỏa thuận"),
    "agreement-sign": later("Ký thỏa thuận"),
    "agreement-steer": later("Điều hành thỏa thuận"),
    "ingest": later("Nhận dữ liệu"),
    "replay": later("Đọc lại phần cách ly"),
    "run": later("Chạy việc còn dở"),
    "work": later("Chạy tiến trình nền"),
    "serve": later("Mở cổng"),
    "rebuild": later("Dựng lại kho"),
    "job": later("Chạy một việc nền"),
    "backup": later("Sao lưu"),
    "restore": later("Khôi phục"),
    "import-codes": later("Nhập danh mục mã"),
    "send": later("Gửi hồ sơ của cơ sở"),
    "connect": later("Khai nơi nhận kết quả, nơi chuyển tiếp"),
    "report": later("Lập, sửa, bỏ báo cáo định kỳ"),
    "report-open": later("Mở báo cáo định kỳ"),
    "person-review": later("Xét hai hồ sơ có phải một người"),
    "report-run": later("Chạy báo cáo định kỳ"),
    "dossier-number": later("Lấy mã hồ sơ của cơ sở"),
    "remind": later("Nhắc cơ sở"),
    "remind-answer": later("Trả lời lời nhắc của Sở Y tế"),
    "visit-write": later("Ghi, gửi, xem lại lượt khám"),
    "": later("Thay đổi tài khoản, vai trò"),
}
OUTCOMES: dict[str, tuple[str, Tone]] = {
    "allowed": (later("Cho phép"), "ok"),
    "denied": (later("Từ chối"), "warn"),
    "failed": (later("Không xong"), "quiet"),
}
DOORS = {
    "portal": later("cổng thông tin"),
    "cli": later("dòng lệnh trên máy chủ"),
    "api": later("kết nối hệ thống"),
    "worker": later("tiến trình nền"),
}
ASSURANCES = {
    "none": later("không qua đăng nhập hai lớp"),
    "one": later("mới một lớp đăng nhập"),
    "two": later("đăng nhập hai lớp"),
}
VERDICTS: dict[str, tuple[str, Tone]] = {
    "dung": (later("Đúng: có tình huống khẩn cấp"), "ok"),
    "sai": (later("Sai: không có tình huống khẩn cấp"), "act"),
}


def state(code: str) -> Badge:
    text, tone = STATES.get(code, (code, "quiet"))
    return Badge(t(text), tone)


def outcome(code: str) -> Badge:
    text, tone = OUTCOMES.get(code, (code, "quiet"))
    return Badge(t(text), tone)


def verdict(code: str) -> Badge:
    text, tone = VERDICTS.get(code, (code, "quiet"))
    return Badge(t(text), tone)


def move(code: str) -> str:
    return t(MOVES[code][0]) if code in MOVES else t(DRAFTED)


def action(code: str) -> str:
    return t(ACTIONS[code]) if code in ACTIONS else code


def purpose(code: str) -> str:
    return PURPOSES[code].title_vi if code in PURPOSES else code


def role(code: str) -> str:
    return ROLES[code].title_vi if code in ROLES else code


def reason(code: str) -> str:
    """Title of a reason to open identifiers, in an emergency or not."""
    known = REASONS.get(code) or EMERGENCIES.get(code)
    if known is None:
        return code
    return known.title_en if current_language() == "en" else known.title_vi


def explanation(code: str) -> str:
    return _of(EXPLANATIONS, code)


def ground(code: str) -> str:
    return _of(GROUNDS, code)


def _of(table: dict[str, tuple[str, str]], code: str) -> str:
    return table[code][current_language() == "en"] if code in table else code
