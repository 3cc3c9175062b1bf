"""What the index of persons compares, in words: levels of its comparisons, constraints, reasons of answers."""

from __future__ import annotations

from bienho.portal.language import later

EVIDENCE: dict[str, dict[str, str]] = {
    "name": {
        "marked": later("cùng họ tên, cả dấu"),
        "plain": later("cùng họ tên, không xét dấu"),
        "marks": later("cùng họ tên, khác dấu"),
        "turned": later("cùng họ tên, khác thứ tự"),
        "syllable_lost": later("cùng họ và tên, một bên thiếu chữ đệm"),
        "letter_known": later("tên khác một chữ cái, cả hai đều là tên thường gặp"),
        "letter": later("họ tên khác một chữ cái"),
        "close": later("họ tên gần giống"),
        "family_given": later("cùng họ và tên, khác chữ đệm"),
        "sibling": later("cùng họ và chữ đệm, khác tên"),
        "family": later("chỉ cùng họ"),
        "given": later("chỉ cùng tên"),
        "other": later("khác họ tên"),
    },
    "birth": {
        "same": later("cùng ngày sinh"),
        "swapped": later("khác ngày sinh: ngày và tháng đổi chỗ"),
        "year_only": later("cùng năm sinh; một bên chỉ có năm"),
        "year_by_one": later("cùng ngày và tháng sinh, năm lệch một hoặc một trăm"),
        "digit": later("ngày sinh khác một chữ số"),
        "two_parts": later("ngày sinh khác một phần (ngày, tháng hoặc năm)"),
        "year_near": later("năm sinh gần nhau; một bên chỉ có năm"),
        "year": later("chỉ cùng năm sinh"),
        "other": later("khác ngày sinh"),
        "far": later("năm sinh cách nhau hơn 12 năm"),
    },
    "sex": {"same": later("cùng giới tính"), "other": later("khác giới tính")},
    "personal": {
        "cccd": later("cùng số định danh"),
        "cccd_borrowed": later("cùng số định danh, nhưng số ấy có vẻ của người nhà"),
        "cccd_digit": later("số định danh khác một chữ số"),
        "cccd_slip": later("số định danh khác một chữ số, một bên không chắc"),
        "cmnd": later("cùng số CMND"),
        "cmnd_digit": later("số CMND khác một chữ số"),
        "cccd_unsure": later("khác số định danh, có số không chắc của chính người ấy"),
        "cmnd_other": later("khác số CMND"),
        "cccd_other": later("khác số định danh"),
    },
    "insurance": {
        "same": later("cùng số thẻ"),
        "digit": later("số thẻ khác một chữ số"),
        "other": later("khác số thẻ"),
    },
    "phone": {
        "same": later("cùng số điện thoại"),
        "digit": later("số điện thoại khác một chữ số"),
        "other": later("khác số điện thoại"),
    },
    "address": {
        "same": later("cùng địa chỉ"),
        "near": later("địa chỉ gần giống"),
        "other": later("khác địa chỉ"),
    },
    "commune": {"same": later("cùng xã"), "other": later("khác xã")},
    "ethnic": {
        "same_few": later("cùng dân tộc, dân tộc ít người"),
        "same": later("cùng dân tộc"),
        "other": later("khác dân tộc"),
    },
    "local": {
        "same": later("cùng mã người bệnh ở cùng cơ sở"),
        "other": later("khác mã người bệnh ở cùng cơ sở"),
    },
    "mother": {
        "numbered_apart": later("hai trẻ được đánh số khác nhau của một lần sinh"),
        "same": later("cùng tên mẹ"),
        "near": later("tên mẹ gần giống"),
        "other": later("khác tên mẹ"),
    },
}
"""Comparison → level → words; a test holds it against the comparisons of the index."""

RISKS: dict[str | None, tuple[str, str]] = {
    "cccd": (
        later("Hai số định danh khác nhau"),
        later("Cả hai số đều hợp lệ. Trả lời “Một người” cần người thứ hai đồng ý."),
    ),
    "sex": (
        later("Hai giới tính khác nhau"),
        later("Không bản ghi nào tự mâu thuẫn. Trả lời “Một người” cần người thứ hai đồng ý."),
    ),
    "birth": (
        later("Hai thế hệ"),
        later(
            "Năm sinh cách nhau hơn 12 năm: có thể là cha con, mẹ con. Trả lời “Một người” cần người thứ hai đồng ý."
        ),
    ),
    "twins": (
        later("Có thể là sinh đôi"),
        later("Hai trẻ được đánh số của một lần sinh. Trả lời “Một người” cần người thứ hai đồng ý."),
    ),
}

REASONS: dict[str, str] = {
    "papers": later("So giấy tờ trong hai hồ sơ"),
    "asked": later("Đã hỏi người bệnh"),
    "facility": later("Đã hỏi cơ sở"),
    "twins": later("Sinh đôi"),
    "kin": later("Người nhà của nhau"),
    "entry-error": later("Lỗi nhập liệu"),
    "other": later("Căn cứ khác"),
}
