"""Visits a practice writes here: the list, one that was sent with receipt and findings, the papers printed of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bienho.core.errors import DeniedError, InputError
from bienho.core.ids import delivery_id, version_id
from bienho.governance.visit_book import Draft, Sent
from bienho.pipeline.visits import Drug, Practice, Sheet, Visit, Writing, communes
from bienho.portal import words
from bienho.portal.components import (
    Badge,
    Cell,
    Column,
    Fact,
    Facts,
    Field,
    FindingList,
    Form,
    Pagination,
    State,
    Table,
)
from bienho.portal.desk import Desk
from bienho.portal.formats import DASH, moment, number
from bienho.portal.language import t
from bienho.portal.presenters import findings
from bienho.portal.presenters.visit_form import REASONS, SEXES
from bienho.portal.presenters.visit_lists import name_of

HREF = "/kham-benh/"
PER_PAGE = 20
PAPERS = ("don-thuoc", "giay-chuyen")
CHILD_MONTHS = 72
SET_ASIDE = "quarantined"


def no_practice() -> DeniedError:
    """What is said to a clinician of another kind of facility."""
    return DeniedError(
        "DENY-VISIT-PRACTICE",
        "Tài khoản này không thuộc phòng khám, cơ sở ngoài công lập nào có mã cơ sở.",
        hint="Cơ sở có phần mềm thì gửi hồ sơ từ phần mềm; phòng khám chưa có mã thì đề nghị Sở Y tế cấp.",
        who="người quản trị tài khoản",
    )


def start_form(practices: Sequence[Practice]) -> Form:
    """The button that begins a visit; whoever works at two practices says at which."""
    fields = []
    if len(practices) > 1:
        fields = [Field("co_so", t("Phòng khám"), "choice", options=[(one.facility, one.name) for one in practices])]
    return Form("moi", fields, t("Ghi lượt khám mới"), f"{HREF}moi/", "post")


def drafts(found: Sequence[Draft]) -> Table | None:
    """Visits that are not sent yet."""
    if not found:
        return None
    rows = []
    for one in found:
        sheet = Sheet.kept(one.texts)
        rows.append(
            {
                "ten": Cell(sheet["ho_ten"] or t("Chưa ghi tên"), f"{HREF}{one.visit_id}/"),
                "benh": Cell(sheet["chan_doan"] or DASH),
                "luc": Cell(moment(one.saved_at)),
            }
        )
    columns = [Column("ten", t("Người bệnh"), lead=True), Column("benh", t("Chẩn đoán")), Column("luc", t("Lưu lúc"))]
    return Table("nhap", t("Chưa gửi; tự xóa sau 7 ngày không sửa"), columns, rows)


def sent(desk: Desk, writing: Writing, found: Sequence[Sent], page: int) -> Table:
    """Visits that were sent, with what became of them."""
    standing = _standing(desk, [one.delivery_seq for one in found[:PER_PAGE]])
    rows = []
    for one in found[:PER_PAGE]:
        try:
            sheet = writing.read(one)
            name, told = sheet["ho_ten"], sheet["chan_doan"]
        except InputError:
            name, told = t("Đã xóa theo quyết định"), DASH
        again = t("lần gửi {n}", n=number(one.version)) if one.version > 1 else ""
        rows.append(
            {
                "ten": Cell(name, f"{HREF}{one.visit_id}/"),
                "benh": Cell(told),
                "luc": Cell(moment(one.sent_at), note=again),
                "tt": Cell("", badge=standing[one.delivery_seq]),
            }
        )
    columns = [
        Column("ten", t("Người bệnh"), lead=True),
        Column("benh", t("Chẩn đoán")),
        Column("luc", t("Gửi lúc"), "date"),
        Column("tt", t("Tình trạng")),
    ]
    more, back = len(found) > PER_PAGE, page > 1
    turning = None
    if more or back:
        turning = Pagination(
            t("Trang {n}", n=number(page)), f"?trang={page - 1}" if back else "", f"?trang={page + 1}" if more else "",
            number(page), number(page + more),
        )  # fmt: skip
    empty = State("empty", t("Chưa gửi lượt khám nào"), t("Lượt khám đã gửi hiện ở đây cùng biên nhận và kết quả xét."))
    return Table("da-gui", t("Đã gửi"), columns, rows, turning, empty)


def _standing(desk: Desk, places: Sequence[int]) -> dict[int, Badge]:
    """Delivery → how it stands: not judged yet, set aside, or taken in with so many findings."""
    if not places:
        return {}
    asked = [("delivery_id", "in", [delivery_id(seq) for seq in places])]
    rows = desk.rows("standard.delivery", ["delivery_id", "outcome"], asked)
    outcomes = {row["delivery_id"]: row["outcome"] for row in rows}
    counted = desk.totals("quality.finding", ["delivery_id"], {"n": ("count", None)}, asked)
    found = {row["delivery_id"]: row["n"] for row in counted}
    standing = {}
    for seq in places:
        name = delivery_id(seq)
        if name not in outcomes:
            standing[seq] = Badge(t("Đang chờ xét"), "info")
        elif outcomes[name] == SET_ASIDE:
            standing[seq] = words.outcome(SET_ASIDE)
        elif found.get(name):
            standing[seq] = Badge(t("Đã vào kho, {n} phát hiện", n=number(found[name])), "warn")
        else:
            standing[seq] = Badge(t("Đã vào kho, không có phát hiện"), "ok")
    return standing


def receipt(desk: Desk, versions: Sequence[Sent]) -> Facts:
    """The receipt of the newest version and how it stands."""
    newest = versions[0]
    items = [
        Fact(t("Biên nhận"), delivery_id(newest.delivery_seq), code=True),
        Fact(t("Gửi lúc"), moment(newest.sent_at), note=t("lần gửi {n}", n=number(newest.version))),
        Fact(t("Tình trạng"), "", badge=_standing(desk, [newest.delivery_seq])[newest.delivery_seq]),
    ]
    return Facts(items)


def judged(desk: Desk, newest: Sent) -> FindingList | State:
    """What was found in the newest version, each with how to mend it; before it was judged, that it waits."""
    asked = [("delivery_id", "=", delivery_id(newest.delivery_seq))]
    rows = desk.rows("standard.delivery", ["outcome"], asked)
    if not rows:
        return State(
            "loading",
            t("Đã nhận, đang chờ xét"),
            t("Thường xong trong vài giây. Lượt khám đã có biên nhận và không mất."),
            href=f"{HREF}{newest.visit_id}/",
            link=t("Xem lại kết quả"),
        )
    if rows[0]["outcome"] == SET_ASIDE:
        return State(
            "error",
            t("Hồ sơ bị cách ly, chưa vào kho"),
            t("Máy chủ không xét được hồ sơ này."),
            do=t("Bấm Sửa và gửi lại; nếu vẫn vậy, báo đầu mối dữ liệu của Sở mã biên nhận."),
        )
    return findings.of_dossier(desk, version_id(newest.delivery_seq, 1))


def told(sheet: Sheet) -> Facts:
    """What was sent, in short."""
    drugs = "; ".join(f"{one['ten']} {one['ham_luong']} × {one['so_luong']} {one['don_vi']}" for one in sheet.drugs)
    codes = " · ".join(filter(None, (sheet["benh_chinh"], sheet["benh_kem"])))
    return Facts(
        [
            Fact(t("Người bệnh"), sheet["ho_ten"], note=sheet["ngay_sinh"]),
            Fact(
                t("Chẩn đoán"),
                sheet["chan_doan"],
                note=codes,
            ),
            Fact(t("Đơn thuốc"), drugs or DASH),
            Fact(t("Lúc đến khám"), sheet["vao_luc"]),
            Fact(t("Hẹn khám lại"), sheet["tai_kham"] or DASH),
            Fact(t("Nơi chuyển đến"), sheet["noi_den"] or t("Không chuyển")),
        ]
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One drug as it is printed."""

    name: str
    count: str
    use: str


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper of one visit: (label, value) pairs, the drugs of a prescription, what stands under them."""

    title: str
    practice: str
    facility: str
    pairs: Sequence[tuple[str, str]]
    drugs: Sequence[Line]
    notes: Sequence[str]
    place: str
    day: str
    doctor: str
    licence: str
    prescription: bool


def paper(desk: Desk, kind: str, practice: Practice, sheet: Sheet, visit: Visit, draft: bool) -> Paper:
    """A prescription or a referral. Numbers that another body gives stay blank lines."""
    prescription = kind == PAPERS[0]
    person = _person(sheet, visit)
    names = [f"{sheet['chan_doan']} ({visit.disease})"]
    names += [f"{name_of(desk, code)} ({code})".strip() for code in visit.others]
    pairs = [*person, (t("Chẩn đoán"), "; ".join(names))]
    if not prescription:
        pairs += _moved(desk, sheet, visit)
    notes = []
    if prescription:
        notes = [f"{t('Lời dặn')}: {visit.advice}"] if visit.advice else []
        notes += [t("Hẹn khám lại ngày {day}.", day=f"{visit.again:%d/%m/%Y}")] if visit.again else []
        notes.append(t("Đơn thuốc có giá trị trong 5 ngày kể từ ngày kê đơn."))
    if draft:
        notes.append(t("Bản nháp, lượt khám chưa gửi."))
    return Paper(
        t("Đơn thuốc") if prescription else t("Giấy chuyển cơ sở khám bệnh, chữa bệnh"),
        practice.name,
        practice.facility,
        [(label, value) for label, value in pairs if value],
        [_line(one) for one in visit.drugs] if prescription else [],
        notes,
        desk.profile.name_vi,
        _day(visit.left),
        desk.actor.name,
        visit.doctor,
        prescription,
    )


def _person(sheet: Sheet, visit: Visit) -> list[tuple[str, str]]:
    months = _months(visit)
    born = sheet["ngay_sinh"]
    if months < CHILD_MONTHS:
        born = t("{born} ({n} tháng tuổi)", born=born, n=months)
    place = communes().get(visit.commune, visit.commune)
    return [
        (t("Họ và tên"), visit.name),
        (t("Ngày sinh"), born),
        (t("Giới tính"), t(SEXES[visit.sex])),
        (t("Cân nặng"), f"{number(visit.weight, 2)} kg"),
        (t("Số định danh cá nhân"), visit.personal_id),
        (t("Địa chỉ"), f"{visit.address}, {place}"),
        (t("Điện thoại"), visit.phone),
        (t("Người đưa trẻ đến khám"), visit.brought_by),
    ]


def _moved(desk: Desk, sheet: Sheet, visit: Visit) -> list[tuple[str, str]]:
    moved = visit.referral
    if moved is None:
        return []
    drugs = "; ".join(f"{one.name} {one.strength}" for one in visit.drugs)
    return [
        (t("Số giấy chuyển"), moved.number),
        (t("Nơi chuyển đến"), f"{desk.facility_name(moved.to)} ({moved.to})"),
        (t("Khám từ"), f"{visit.came:%d/%m/%Y %H:%M}"),
        (t("Dấu hiệu lâm sàng"), moved.signs),
        (t("Quá trình bệnh lý"), moved.course),
        (t("Tóm tắt kết quả cận lâm sàng"), moved.tests),
        (t("Thuốc, thủ thuật đã dùng"), "; ".join(filter(None, (drugs, visit.treatment)))),
        (t("Tình trạng lúc chuyển"), moved.state),
        (t("Lý do chuyển"), t(REASONS[moved.reason])),
        (t("Hướng điều trị tiếp"), moved.plan),
        (t("Chuyển lúc"), f"{visit.left:%d/%m/%Y %H:%M}"),
        (t("Phương tiện vận chuyển"), moved.transport),
        (t("Người hộ tống"), ", ".join(filter(None, (moved.escort, moved.escort_title)))),
    ]


def _line(drug: Drug) -> Line:
    dose = t(
        "Mỗi lần {n} {unit}, ngày {times} lần, trong {days} ngày",
        n=number(drug.per_time, 3), unit=drug.unit.lower(), times=drug.times, days=drug.days,
    )  # fmt: skip
    use = f"{dose}. {drug.advice}".strip()
    count = f"{drug.quantity:f}"
    # a single digit is written with a zero before it, so that nobody puts another there
    shown = f"0{count}" if len(count) == 1 else number(drug.quantity, 3)
    return Line(f"{drug.name} {drug.strength}".strip(), f"{shown} {drug.unit}", use)


def _months(visit: Visit) -> int:
    year, month, day = int(visit.birth[:4]), int(visit.birth[4:6] or 1) or 1, int(visit.birth[6:8] or 1) or 1
    came = visit.came
    return (came.year - year) * 12 + came.month - month - (came.day < day)


def _day(moment: datetime) -> str:
    return t("ngày {d} tháng {m} năm {y}", d=f"{moment:%d}", m=f"{moment:%m}", y=moment.year)
