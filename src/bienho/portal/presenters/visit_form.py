"""The sheet of a visit as a form: labels, what may be picked, what is wrong beside its field and how to mend it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from bienho.pipeline.visits import DRUG, MOST_DRUGS, Fault, Sheet, communes, occupations
from bienho.portal.components import Field, Group, Offers, Press, VisitSheet
from bienho.portal.desk import Desk
from bienho.portal.formats import local
from bienho.portal.language import later, t
from bienho.portal.presenters import visit_lists as lists

ID = "kham"
BLANK_LINES = 3
SEXES = {"1": later("Nam"), "2": later("Nữ"), "3": later("Chưa xác định")}
RESULTS = {
    "1": later("Khỏi"), "2": later("Đỡ"), "3": later("Không thay đổi"), "4": later("Nặng hơn"), "5": later("Tử vong"),
    "6": later("Tiên lượng nặng, xin về"), "7": later("Chưa xác định"), "8": later("Tử vong ngoại viện"),
}  # fmt: skip
REASONS = {
    "1": later("Đủ điều kiện chuyển, phù hợp quy định"),
    "2": later("Vượt khả năng đáp ứng của cơ sở"),
    "3": later("Theo yêu cầu người bệnh/đại diện"),
}
ROUTES = {
    "1.01": later("uống"), "2.10": later("tiêm bắp"), "3.05": later("dùng ngoài"), "6.01": later("nhỏ mắt"),
}  # fmt: skip
"""Routes offered before there is a list of the Ministry's; any code of its form is taken."""
FAULTS = {
    "needed": later("Cần điền ô này."),
    "choice": later("Chọn một mục trong danh sách."),
    "number": later("Ghi số trong khoảng hợp lý, dấu phẩy trước phần lẻ, ví dụ 52,5."),
    "times": later("Ghi số lần trong ngày, từ 1 đến 24."),
    "days": later("Ghi số ngày, từ 1 đến 90."),
    "id": later("Ghi 12 số căn cước, 9 số CMND, hoặc hộ chiếu gồm một chữ hoa và 7 số."),
    "phone": later("Ghi 8 đến 14 chữ số, không có dấu cách."),
    "birth": later("Ghi ngày/tháng/năm như 02/03/1980, hoặc chỉ năm."),
    "birth-order": later("Ngày sinh phải trước lúc đến khám và không quá 130 năm."),
    "moment": later("Ghi ngày và giờ như 27/11/2026 08:30, hoặc chỉ giờ nếu là hôm nay."),
    "future": later("Thời điểm này chưa đến; kiểm tra lại ngày giờ."),
    "before": later("Lúc khám xong phải sau lúc đến khám."),
    "day": later("Ghi ngày như 05/12/2026, hoặc số ngày kể từ hôm nay."),
    "again": later("Ngày hẹn phải sau ngày khám."),
    "commune": later("Chọn xã, phường trong danh sách, hoặc ghi mã 5 số; người ngoài tỉnh thì đổi cả mã tỉnh."),
    "province": later("Ghi mã tỉnh 2 số."),
    "icd10": later("Ghi mã ICD-10 như J20.9, hoặc gõ tên bệnh rồi chọn trong danh sách."),
    "too-many": later("Nhiều nhất 12 bệnh kèm theo."),
    "route": later("Ghi mã đường dùng như 1.01 (uống)."),
    "staff": later("Ghi số giấy phép hành nghề, không có dấu cách."),
    "facility": later("Chọn cơ sở trong danh sách, hoặc ghi mã cơ sở 5 ký tự."),
}
_CLIPPED = later("Có thể là: {codes}. Ghi mã của bệnh đúng.")


def resolved(desk: Desk, sheet: Sheet) -> tuple[Sheet, dict[str, str]]:
    """The sheet with codes where words were typed, and what to say where several codes may be meant.

    Works without any script: the same words lead to the same code as in the list of the browser.
    """
    told: dict[str, str] = {}
    code, several = lists.disease_of(desk, sheet["benh_chinh"]) if sheet["benh_chinh"] else ("", [])
    changed = {"xa": lists.commune_of(sheet["xa"]), "noi_den": sheet["noi_den"].upper()}
    if code:
        changed["benh_chinh"] = code
        if not sheet["chan_doan"]:
            changed["chan_doan"] = lists.name_of(desk, code)
    elif several:
        told["benh_chinh"] = t(_CLIPPED, codes="; ".join(f"{one.code} {one.name}" for one in several))
    return sheet.having(**changed), told


def form(
    desk: Desk,
    key: str,
    sheet: Sheet,
    revision: int,
    saved_at: datetime,
    faults: Sequence[Fault] = (),
    told: Mapping[str, str] | None = None,
    more: int = 0,
) -> VisitSheet:
    """The whole form. `more`: further blank lines of drugs; `told`: what to say in place of a fault's own words."""
    wrong: dict[str, str] = {}
    for fault in faults:
        wrong.setdefault(fault.field, (told or {}).get(fault.field) or t(FAULTS[fault.code]))
    before = lists.drugs(desk)
    make = _Fields(sheet, wrong)
    return VisitSheet(
        ID,
        f"/kham-benh/{key}/",
        [_person(desk, make), _visit(make), _drugs(sheet, wrong, more), _end(make), _referral(make), _staff(make)],
        [
            Press("gui", t("Gửi lượt khám"), keys="Control+Enter"),
            Press("luu", t("Lưu nháp"), quiet=True),
            Press("in", t("Lưu và xem đơn thuốc"), quiet=True),
        ],
        revision,
        t("Đã lưu nháp lúc {time}", time=f"{local(saved_at):%H:%M}"),
        _offers(desk, before),
        f"/kham-benh/{key}/luu/",
        "/kham-benh/ma/",
        {one["ten"]: {name: text for name, text in one.items() if name != "ten"} for one in before},
    )


class _Fields:
    """Makes fields with their text and what is wrong with it."""

    def __init__(self, sheet: Sheet, wrong: Mapping[str, str]) -> None:
        self.sheet = sheet
        self.wrong = wrong

    def text(
        self, name: str, label: str, help: str = "", *, needed: bool = False, offers: str = "", digits: bool = False
    ) -> Field:
        return Field(
            name, label, value=self.sheet[name], help=help, error=self.wrong.get(name, ""), required=needed,
            offers=offers, digits=digits,
        )  # fmt: skip

    def area(self, name: str, label: str, help: str = "", *, needed: bool = False) -> Field:
        return Field(
            name, label, "area", self.sheet[name], help=help, error=self.wrong.get(name, ""), required=needed, rows=2
        )

    def choice(self, name: str, label: str, options: Mapping[str, str], help: str = "", empty: str = "") -> Field:
        first = [("", empty or t("Chọn…"))]
        return Field(
            name, label, "choice", self.sheet[name], options=[*first, *options.items()], help=help,
            error=self.wrong.get(name, ""), required=not empty,
        )  # fmt: skip


def _person(desk: Desk, make: _Fields) -> Group:
    jobs = {code: f"{code} {name}" for code, name in occupations().items()}
    fields = [
        make.text("ho_ten", t("Họ và tên"), needed=True),
        make.text("ngay_sinh", t("Ngày sinh"), t("Ngày/tháng/năm, hoặc chỉ năm."), needed=True, digits=True),
        make.choice("gioi_tinh", t("Giới tính"), {code: t(text) for code, text in SEXES.items()}),
        make.text("cccd", t("Số định danh cá nhân"), t("Bắt buộc khi kê đơn cho người từ 72 tháng tuổi."), digits=True),
        make.text("xa", t("Xã, phường"), t("Gõ tên hoặc mã."), needed=True, offers="ds-xa"),
        make.text("dia_chi", t("Số nhà, đường, thôn"), needed=True),
        make.text("can_nang", t("Cân nặng (kg)"), needed=True, digits=True),
        make.choice("nghe", t("Nghề nghiệp"), jobs),
        make.text("dien_thoai", t("Điện thoại"), digits=True),
        make.choice("dan_toc", t("Dân tộc"), dict(lists.LISTS.peoples(desk))),
        make.text("tinh", t("Mã tỉnh"), t("Đổi khi người bệnh ở tỉnh khác."), needed=True, digits=True),
        make.text("nguoi_dua", t("Người đưa trẻ đến khám"), t("Bắt buộc khi kê đơn cho trẻ dưới 72 tháng tuổi.")),
        make.text("ma_bn", t("Mã người bệnh"), t("Để trống thì phần mềm cấp; khám lại thì chép từ lượt trước.")),
    ]
    return Group("nhom-nguoi", t("Người bệnh"), fields)


def _visit(make: _Fields) -> Group:
    fields = [
        make.text("benh_chinh", t("Bệnh chính (ICD-10)"), t("Gõ mã hoặc tên bệnh."), needed=True, offers="ds-benh"),
        make.text("chan_doan", t("Chẩn đoán"), t("Để trống thì ghi tên của mã bệnh."), needed=True),
        make.text("benh_kem", t("Mã bệnh kèm theo"), t("Cách nhau dấu chấm phẩy."), offers="ds-benh"),
        make.text("ly_do", t("Lý do đến khám"), needed=True),
        make.text("vao_luc", t("Lúc đến khám"), t("Để trống là bây giờ.")),
        make.text("ra_luc", t("Lúc khám xong"), t("Để trống là lúc gửi.")),
        make.text("dich_vu", t("Dịch vụ khám"), needed=True),
        make.text("ma_dich_vu", t("Mã dịch vụ"), t("Theo danh mục của Bộ Y tế.")),
        make.text("gia_dich_vu", t("Giá khám (đồng)"), digits=True),
    ]
    return Group("nhom-benh-ly", t("Khám và chẩn đoán"), fields)


def _drugs(sheet: Sheet, wrong: Mapping[str, str], more: int) -> Group:
    count = min(MOST_DRUGS, len(sheet.drugs) + max(more, BLANK_LINES if not sheet.drugs else 1))
    lines = []
    for place in range(1, count + 1):
        texts = sheet.drugs[place - 1] if place <= len(sheet.drugs) else {**dict.fromkeys(DRUG, ""), "duong": "1.01"}
        lines.append([_drug(f"thuoc-{place}-", name, texts[name], wrong) for name in _LABELS])
    lead = t("Đơn có giá trị 5 ngày. Quá 30 ngày thuốc chỉ với bệnh trong danh mục của Thông tư 26/2025/TT-BYT.")
    return Group("nhom-thuoc", t("Đơn thuốc"), [], lead, lines=lines)


_LABELS = {
    "ten": later("Tên thuốc"), "ham_luong": later("Hàm lượng"), "don_vi": later("Đơn vị"), "moi_lan": later("Mỗi lần"),
    "lan": later("Lần/ngày"), "ngay": later("Số ngày"), "so_luong": later("Số lượng"), "duong": later("Đường dùng"),
    "gia": later("Đơn giá"), "ma": later("Mã thuốc"), "so_dk": later("Số đăng ký"), "cach_dung": later("Cách dùng"),
}  # fmt: skip
_OFFERED = {"ten": "ds-ten-thuoc", "duong": "ds-duong"}
_NUMBERS = {"moi_lan", "lan", "ngay", "so_luong", "gia"}


def _drug(before: str, name: str, text: str, wrong: Mapping[str, str]) -> Field:
    unlisted = name == "ma" and not text
    return Field(
        before + name, t(_LABELS[name]), value=text, error=wrong.get(before + name, ""),
        help=t("Trống: ngoài danh mục.") if unlisted else "", offers=_OFFERED.get(name, ""), digits=name in _NUMBERS,
    )  # fmt: skip


def _end(make: _Fields) -> Group:
    fields = [
        make.choice("ket_qua", t("Kết quả"), {code: t(text) for code, text in RESULTS.items()}),
        make.text("tai_kham", t("Hẹn khám lại"), t("Ngày, hoặc số ngày kể từ hôm nay."), digits=True),
        make.area("loi_dan", t("Lời dặn")),
        make.area("xu_tri", t("Hướng điều trị, thủ thuật đã làm")),
    ]
    return Group("nhom-ket-thuc", t("Kết thúc lượt khám"), fields)


def _referral(make: _Fields) -> Group:
    moved = {"1": t("Có chuyển")}
    fields = [
        make.choice("chuyen", t("Chuyển cơ sở khác"), moved, empty=t("Không chuyển")),
        make.text("noi_den", t("Nơi chuyển đến"), t("Mã cơ sở 5 ký tự."), offers="ds-co-so"),
        make.text("so_giay", t("Số giấy chuyển"), t("Theo sổ của phòng khám.")),
        make.choice("ly_do_chuyen", t("Lý do chuyển"), {c: t(x) for c, x in REASONS.items()}, empty=t("Chọn…")),
        make.area("dau_hieu", t("Dấu hiệu lâm sàng")),
        make.area("benh_ly", t("Quá trình bệnh lý")),
        make.area("can_lam_sang", t("Tóm tắt kết quả cận lâm sàng")),
        make.area("tinh_trang", t("Tình trạng lúc chuyển")),
        make.area("huong", t("Hướng điều trị tiếp")),
        make.text("phuong_tien", t("Phương tiện vận chuyển")),
        make.text("nguoi_ho_tong", t("Người hộ tống")),
        make.text("chuc_danh", t("Chức danh người hộ tống")),
    ]
    return Group("nhom-chuyen", t("Chuyển cơ sở khám, chữa bệnh"), fields, t("Chỉ mở khi chuyển."), closed=True)


def _staff(make: _Fields) -> Group:
    fields = [
        make.text("ma_bac_si", t("Số giấy phép hành nghề của người khám"), t("Lần sau tự điền."), needed=True),
        make.text("ma_phu_trach", t("Số giấy phép của người phụ trách"), t("Để trống là người khám.")),
    ]
    return Group("nhom-nguoi-kham", t("Người khám"), fields)


def _offers(desk: Desk, before: Sequence[Mapping[str, str]]) -> list[Offers]:
    return [
        Offers("ds-xa", [(name, code) for code, name in communes().items()]),
        Offers("ds-benh", [(one.code, one.name) for one in lists.LISTS.diseases(desk)[: lists.LISTED]]),
        Offers("ds-co-so", lists.facilities(desk)),
        Offers("ds-duong", [(code, t(text)) for code, text in ROUTES.items()]),
        Offers("ds-ten-thuoc", [(one["ten"], one["ham_luong"]) for one in before]),
    ]


def same_patient(key: str) -> Field:
    """Tells a new visit whose patient comes again."""
    return Field("tu", "", "hidden", key)
