"""What codes of the data are called on pages, and in which tone."""

from __future__ import annotations

from bienho.portal.components import Badge
from bienho.portal.components.badge import Tone
from bienho.portal.language import later, t

OUTCOMES: dict[str, tuple[str, Tone]] = {
    "accepted": (later("Nhận sạch"), "ok"),
    "accepted_with_findings": (later("Nhận, có phát hiện"), "warn"),
    "quarantined": (later("Có phần cách ly"), "act"),
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
SIGNATURES: dict[str, tuple[str, Tone]] = {
    "valid": (later("Hợp lệ"), "ok"),
    "absent": (later("Không có chữ ký"), "warn"),
    "signer_not_evaluable": (later("Khớp nội dung, chưa xét được người ký"), "info"),
    "invalid_digest": (later("Nội dung đã đổi sau khi ký"), "act"),
    "invalid_signature": (later("Chữ ký sai"), "act"),
    "untrusted_signer": (later("Người ký chưa được tin cậy"), "warn"),
    "expired": (later("Chứng thư đã hết hạn"), "act"),
    "not_yet_valid": (later("Chứng thư chưa có hiệu lực"), "act"),
    "weak_algorithm": (later("Thuật toán ký yếu"), "warn"),
    "malformed": (later("Không đọc được chữ ký"), "act"),
    "wrong_reference": (later("Chữ ký không bao trùm cả tệp"), "act"),
    "several": (later("Có nhiều chữ ký"), "act"),
    "too_big": (later("Tệp quá lớn để xét chữ ký"), "info"),
    "no_envelope": (later("Không phải tệp hồ sơ"), "quiet"),
    "redacted": (later("Một phần đã được xóa theo quyết định"), "quiet"),
}
VERSIONS = {"3176": "QĐ 3176", "4750": "QĐ 4750", "130": "QĐ 130", "4210": "QĐ 4210"}
EVIDENCE = {
    "structure": later("theo cấu trúc tệp"),
    "date": later("theo ngày của hồ sơ"),
    "door": later("theo nơi nhận"),
}
DOCUMENTS = {
    "visit": later("Lượt khám, chữa bệnh"),
    "check_in": later("Lượt đến"),
    "assessment": later("Giám định y khoa"),
}
STANDARDISED = {
    "visit": later("Lượt khám và các dòng"),
    "check_in": later("Lượt đến"),
    "assessment": later("Biên bản giám định y khoa"),
}
SOURCES = {
    "folder": later("Thư mục"),
    "file": later("Tệp"),
    "cli": later("Dòng lệnh trên máy chủ"),
    "api": later("Kết nối trực tiếp"),
    "upload": later("Tải lên"),
    "drop": later("Thư mục thả tệp"),
    "portal-form": later("Lượt khám ghi trên cổng"),
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
    "marker": (later("Dấu của phần nằm trong két"), "quiet"),
}
RESEND = later("Xuất lại từ phần mềm của cơ sở rồi gửi lại cả tệp.")
SPLIT = later("Chia dữ liệu thành nhiều tệp nhỏ hơn rồi gửi lại.")
FIXES = {
    "IN-NOT-XML": RESEND,
    "IN-TRUNCATED": later("Tệp bị đứt khi chép hoặc khi xuất: xuất lại và gửi lại cả tệp."),
    "IN-DOCTYPE": later("Bỏ dòng khai báo DOCTYPE ở đầu XML rồi gửi lại."),
    "IN-NOT-ENVELOPE": later("Xuất đúng tệp hồ sơ có thẻ gốc GIAMDINHHS rồi gửi lại."),
    "IN-NO-HOSO": later("Kiểm tra bộ lọc khi xuất: tệp chưa có hồ sơ nào."),
    "IN-NO-FACILITY": later("Khai mã cơ sở (MACSKCB) trong phần mềm rồi xuất lại."),
    "IN-NO-XML1": later("Thêm bảng XML1 vào hồ sơ rồi gửi lại."),
    "IN-DUPLICATE-XML1": later("Tách mỗi lượt khám thành một hồ sơ riêng rồi gửi lại."),
    "IN-NO-SO-BIEN-BAN": later("Bổ sung số biên bản giám định (SO_BIEN_BAN) rồi gửi lại."),
    "IN-NO-MA-LK": later("Bổ sung mã liên kết (MA_LK) cho lượt khám rồi gửi lại."),
    "IN-BASE64": RESEND,
    "IN-SUBFILE-XML": RESEND,
    "IN-HOSO-COUNT": later("Sửa SOLUONGHOSO cho bằng số hồ sơ thật trong tệp."),
    "IN-ENVELOPE-XML": RESEND,
    "IN-TAIL-MISSING": later("Kiểm tra phần mềm có ghi hết tệp trước khi gửi."),
    "IN-FACILITY-MISMATCH": later("Sửa để MA_CSKCB trong XML1 và MACSKCB của tệp là một."),
    "IN-FACILITY-FROM-TABLE": later("Ghi mã cơ sở vào MACSKCB ở đầu phong bì."),
    "IN-POISON": later(
        "Cơ sở không phải gửi lại. Quản trị hệ thống báo nhóm phát triển mã lần nhận này;"
        " sau khi nâng cấp, chạy `bienho quarantine replay` với mã đó."
    ),
    "IN-ERASED": later(
        "Cơ sở không phải gửi lại. Cần quyết định mới về người bệnh đã xóa: quản trị hệ thống và cán bộ an toàn"
        " thông tin cùng làm, xem docs/keys.md."
    ),
    "IN-FACILITY-FOREIGN": later("Gửi bằng tài khoản của cơ sở ghi trong hồ sơ, hoặc sửa mã cơ sở trong phần mềm."),
    "IN-FACILITY-ACCOUNT": later("Chọn đúng tệp của cơ sở, hoặc gửi bằng tài khoản của cơ sở ghi trong tệp."),
    "IN-FACILITY-ASSERTED": later("Kiểm tra tệp có đúng của cơ sở gửi không, hoặc sửa mã cơ sở đã khai."),
    "IN-MA-LK-MISMATCH": later("Sửa MA_LK của dòng cho giống XML1 rồi gửi lại hồ sơ."),
    "IN-REQUIRED": later("Điền trường bắt buộc trong phần mềm của cơ sở rồi gửi lại hồ sơ."),
    "IN-LENGTH": later("Rút ngắn nội dung theo độ dài của quyết định rồi gửi lại hồ sơ."),
    "IN-CAST": later("Xuất trường này đúng kiểu (ngày yyyymmddHHMM, số dùng dấu chấm) rồi gửi lại hồ sơ."),
    "IN-SHAPE-VAULTED": later("Trường mã, số hoặc ngày đang chứa chữ: chuyển nội dung về đúng trường rồi gửi lại."),
    "IN-UNKNOWN-ELEMENT": later("Bỏ thẻ không có trong quyết định, hoặc dùng đúng tên thẻ."),
    "IN-DUPLICATE-ELEMENT": later("Mỗi trường chỉ xuất một lần trong một dòng."),
    "IN-NESTED-ELEMENT": later("Xuất trường này là chữ, không chứa thẻ con."),
    "IN-OLD-NAME": later("Nâng cấp phần mềm để xuất tên trường theo quyết định hiện hành."),
    "IN-SPLIT-TABLE": later("Gộp mỗi bảng vào một FILEHOSO."),
    "IN-EMPTY-SUBFILE": later("Bỏ FILEHOSO không có dòng nào, hoặc kiểm tra vì sao bảng rỗng."),
    "IN-UNKNOWN-TABLE": later("Dùng đúng tên bảng của quyết định trong LOAIHOSO."),
    "IN-TRAVELS-ALONE": later("Gửi XML0 và XML12 thành tệp riêng, không đưa vào phong bì hồ sơ."),
    "IN-FACILITY-ASSUMED": later("Khai mã cơ sở khi gửi bảng XML12."),
    "IN-MORE-FINDINGS": later("Sửa các lỗi đã ghi rồi gửi lại để thấy phần còn lại."),
    "IN-STRAY-TEXT": later("Đặt mọi nội dung vào thẻ của nó; bỏ chữ nằm giữa các thẻ."),
    "IN-HEAD-SHAPE": later("Ghi đúng mã cơ sở (MACSKCB) và ngày lập (NGAYLAP) ở đầu phong bì."),
    "IN-ENCODING": later("Xuất tệp với bảng mã UTF-8."),
    "IN-DUPLICATE": later("Không cần sửa: nội dung này đã có trong kho."),
    "SCORE-LINK": later("Ghi số định danh cá nhân (SO_CCCD) hoặc số thẻ bảo hiểm y tế rồi gửi lại hồ sơ."),
    "SCORE-PERSON": later("Ghi đúng giới tính và ngày sinh rồi gửi lại hồ sơ."),
    "SCORE-EDITION": later("Nâng cấp phần mềm để xuất theo quyết định đang hiệu lực rồi gửi lại."),
    "SCORE-FACILITY": later("Sở Y tế bổ sung mã cơ sở vào danh mục: `bienho codes import facility`."),
    "SCORE-COMMUNE": later("Ghi mã xã, phường cư trú theo danh mục đang hiệu lực rồi gửi lại hồ sơ."),
    "SCORE-VISIT-TYPE": later("Ghi mã loại khám chữa bệnh theo bộ mã của quyết định rồi gửi lại hồ sơ."),
    "SCORE-DIAGNOSIS": later("Ghi một mã bệnh chính có trong danh mục ICD-10 rồi gửi lại hồ sơ."),
    "SCORE-LATE": later("Gửi hồ sơ ngay khi kết thúc lượt khám; bật gửi tự động trong phần mềm."),
    "SCORE-LATE-LEGAL": later("Gửi hồ sơ trong 7 ngày làm việc kể từ ngày ra."),
    "SCORE-VOLUME": later("Kiểm tra ngày này còn hồ sơ nào chưa gửi; gửi bù."),
    "SIG-ABSENT": later("Ký số cả tệp trong phần mềm của cơ sở trước khi gửi."),
    "SIG-NO-ANCHORS": later("Sở Y tế nhập danh sách chứng thư gốc: `bienho codes import trust-anchors TỆP.pem`."),
    "SIG-DIGEST": later("Ký ở bước cuối cùng rồi gửi đúng tệp vừa ký; không mở ra ghi lại."),
    "SIG-VALUE": later("Ký lại tệp; nếu vẫn sai thì kiểm tra phần mềm ký."),
    "SIG-UNTRUSTED": later("Ký bằng chứng thư của nhà cung cấp được chấp nhận và kèm chứng thư trung gian."),
    "SIG-EXPIRED": later("Gia hạn chứng thư rồi ký và gửi lại."),
    "SIG-NOT-YET": later("Ký bằng chứng thư đang có hiệu lực rồi gửi lại."),
    "SIG-WEAK": later("Đặt phần mềm ký dùng SHA-256, khóa RSA từ 2048 bit hoặc ECDSA P-256."),
    "SIG-MALFORMED": later("Đặt đúng một thẻ Signature chuẩn XMLDSig, kèm chứng thư, trong CHUKYDONVI."),
    "SIG-REFERENCE": later("Ký cả tệp: một Reference, URI trống, biến đổi enveloped-signature và C14N."),
    "SIG-SEVERAL": later("Chỉ để một chữ ký trong tệp."),
    "SIG-TOO-BIG": later("Chia thành nhiều tệp nhỏ hơn rồi ký từng tệp."),
    "IN-READER": later(
        "Lỗi của bộ đọc, không phải của cơ sở: người vận hành báo nhóm phát triển, rồi đọc lại từ bản gốc."
    ),
    "LIM-DELIVERY-BYTES": SPLIT,
    "LIM-HOSO": SPLIT,
    "LIM-FILES": later("Kiểm tra hồ sơ: số FILEHOSO lớn bất thường."),
    "LIM-SUBFILE-BYTES": later("Kiểm tra hồ sơ: một bảng lớn bất thường."),
    "LIM-DOSSIER-BYTES": later("Kiểm tra hồ sơ: lượng chữ lớn bất thường."),
    "LIM-ROWS": later("Kiểm tra hồ sơ: số dòng của một bảng lớn bất thường."),
    "LIM-ELEMENTS": later("Kiểm tra phần mềm: một dòng có quá nhiều thẻ."),
    "LIM-TEXT": later("Rút ngắn nội dung của trường rồi gửi lại hồ sơ."),
    "IN-ZIP": later("Nén lại rồi gửi lại cả tệp zip."),
    "IN-ZIP-EMPTY": later("Kiểm tra khi nén: tệp zip chưa có tệp hồ sơ nào."),
    "IN-ZIP-MEMBER": later("Nén lại bằng kiểu nén thông thường (deflate) rồi gửi lại cả tệp zip."),
    "IN-ZIP-ENCRYPTED": later("Bỏ mật khẩu của tệp zip rồi gửi lại."),
    "LIM-DEPTH": later("Kiểm tra phần mềm: thẻ XML lồng nhau quá sâu."),
}
CAUSES = {
    "SCORE-LINK": later("không có số để nối với người"),
    "SCORE-PERSON": later("thiếu giới tính hoặc ngày sinh"),
    "SCORE-EDITION": later("phiên bản hồ sơ đã hết hiệu lực"),
    "SCORE-FACILITY": later("mã cơ sở ngoài danh mục"),
    "SCORE-COMMUNE": later("mã xã cư trú ngoài danh mục"),
    "SCORE-VISIT-TYPE": later("mã loại khám ngoài bộ mã"),
    "SCORE-DIAGNOSIS": later("mã bệnh chính ngoài danh mục"),
    "SCORE-LATE": later("gửi sau hơn 1 ngày làm việc"),
    "SCORE-LATE-LEGAL": later("gửi sau hơn 7 ngày làm việc"),
    "SCORE-VOLUME": later("ít hồ sơ hơn hẳn thường ngày"),
    "IN-DUPLICATE": later("gửi lại y như cũ"),
}
"""Causes of lost points that no finding tells in words."""
CADENCES = (
    later("mỗi đợt ghi"),
    later("hằng tuần"),
    later("mỗi lần tính lại"),
    later("mỗi lần gửi"),
    later("khi có ấn bản mới"),
)
"""How contracts say when a dataset changes."""
GENERAL_FIX = later("Sửa trong phần mềm của cơ sở rồi gửi lại cả hồ sơ; lần gửi mới sẽ thay lần cũ.")


def outcome(code: str | None) -> Badge:
    text, tone = OUTCOMES.get(code or "", (code or "—", "quiet"))
    return Badge(t(text), tone)


def severity(code: str | None) -> Badge:
    text, tone = SEVERITIES.get(code or "", (code or "—", "quiet"))
    return Badge(t(text), tone)


def signature(status: str) -> Badge:
    text, tone = SIGNATURES.get(status, (status, "quiet"))
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
