"""A visit as the tables of a dossier in the edition of 3176, and a sheet again from such tables.

What the form asks nothing about stands at what is true of a visit that no insurance pays: category 9, the patient pays
all. `sheet_of` reads back what was sent, so that no second copy of a patient's words is kept for correcting it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from bienho.pipeline.visits.checked import Drug, Referral, Visit
from bienho.pipeline.visits.sheet import DRUG, FIELDS, Sheet
from bienho.standards.xml130.write import layout

VERSION = "3176"
UNLISTED_DRUG = "00.0000"
"""MA_THUOC of what is in no list."""
ROOM = "K01"
BROUGHT_BY = "Người đưa trẻ đến khám: "
"""Begins the line of GHI_CHU that says who brought the child: the format has no field for it."""
_CENT = Decimal("0.01")
_DOSE = re.compile(r"([0-9.]+) .*?/lần \* ([0-9]+) lần/ngày \* ([0-9]+) ngày \[", re.DOTALL)
_SHARED = (
    "MA_CSKCB", "HO_TEN", "NGAY_SINH", "GIOI_TINH", "MA_QUOCTICH", "MA_DANTOC", "MA_NGHE_NGHIEP", "DIA_CHI", "NGAY_VAO",
    "NGAY_RA", "CHAN_DOAN_RV", "MA_BENH_CHINH", "MA_BENH_KT", "MA_LOAI_RV",
)  # fmt: skip

Row = dict[str, str]
Tables = dict[str, list[Row]]
Received = Mapping[str, Sequence[Mapping[str, str | None]]]


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers a visit goes under: MA_LK, MA_BN, MA_HSBA. None of them says anything about the patient."""

    visit: str
    patient: str
    record: str


def tables_of(visit: Visit, facility: str, numbers: Numbers) -> Tables:
    """The rows of XML1, XML2, XML3 and, with a referral, XML13, every field of the edition in them."""
    drugs = [_drug_row(visit, numbers, place, drug) for place, drug in enumerate(visit.drugs, 1)]
    services = [_service_row(visit, numbers)]
    spent = sum((_amount(drug.quantity * drug.price) for drug in visit.drugs), Decimal(0))
    head = _head(visit, facility, numbers, spent, spent + _amount(visit.service_price))
    tables = {"XML1": [head], "XML2": drugs, "XML3": services}
    if visit.referral:
        tables["XML13"] = [_referral_row(visit, visit.referral, numbers, head)]
    return {table: [_full(table, row) for row in rows] for table, rows in tables.items() if rows}


def sheet_of(tables: Received) -> Sheet:
    """The sheet whose dossier these tables are; fields the form does not know are left out."""
    head = _texts(tables["XML1"][0])
    note, _, brought = head["GHI_CHU"].partition(BROUGHT_BY)
    service = _texts(next(iter(tables.get("XML3", ())), {}))
    fields = dict.fromkeys(FIELDS, "") | {
        "ho_ten": head["HO_TEN"], "ngay_sinh": _birth_text(head["NGAY_SINH"]), "gioi_tinh": head["GIOI_TINH"],
        "cccd": head["SO_CCCD"], "dien_thoai": head["DIEN_THOAI"], "ma_bn": head["MA_BN"],
        "dan_toc": head["MA_DANTOC"], "nghe": head["MA_NGHE_NGHIEP"], "tinh": head["MATINH_CU_TRU"],
        "xa": head["MAXA_CU_TRU"], "dia_chi": head["DIA_CHI"], "can_nang": _typed(head["CAN_NANG"]),
        "nguoi_dua": brought.strip(),
        "vao_luc": _moment_text(head["NGAY_VAO"]), "ra_luc": _moment_text(head["NGAY_RA"]), "ly_do": head["LY_DO_VV"],
        "benh_chinh": head["MA_BENH_CHINH"], "chan_doan": head["CHAN_DOAN_RV"],
        "benh_kem": "; ".join(part for part in head["MA_BENH_KT"].split(";") if part), "xu_tri": head["PP_DIEU_TRI"],
        "ket_qua": head["KET_QUA_DTRI"], "loi_dan": note.strip(), "tai_kham": _day_text(head["NGAY_TAI_KHAM"]),
        "dich_vu": service["TEN_DICH_VU"], "ma_dich_vu": service["MA_DICH_VU"],
        "gia_dich_vu": _typed(service["DON_GIA_BV"]), "ma_bac_si": service["MA_BAC_SI"],
        "ma_phu_trach": head["MA_TTDV"],
    }  # fmt: skip
    for row in tables.get("XML13", ())[:1]:
        fields |= _referral_fields(_texts(row))
    drugs = [_drug_fields(_texts(row)) for row in tables.get("XML2", ())]
    return Sheet(fields, tuple(drugs))


def _texts(row: Mapping[str, str | None]) -> Row:
    """A row in which what is absent reads as empty."""
    return defaultdict(str, {name: text or "" for name, text in row.items()})


def _head(visit: Visit, facility: str, numbers: Numbers, spent: Decimal, whole: Decimal) -> Row:
    moved, left = visit.referral, visit.left
    note = [visit.advice] if visit.advice else []
    note += [BROUGHT_BY + visit.brought_by] if visit.brought_by else []
    return {
        "MA_LK": numbers.visit, "STT": "1", "MA_BN": numbers.patient, "MA_HSBA": numbers.record,
        "HO_TEN": visit.name, "SO_CCCD": visit.personal_id, "NGAY_SINH": visit.birth, "GIOI_TINH": visit.sex,
        "MA_QUOCTICH": "000", "MA_DANTOC": visit.people, "MA_NGHE_NGHIEP": visit.job, "DIA_CHI": visit.address,
        "MATINH_CU_TRU": visit.province, "MAXA_CU_TRU": visit.commune, "DIEN_THOAI": visit.phone,
        "LY_DO_VV": visit.reason, "CHAN_DOAN_VAO": visit.diagnosis, "CHAN_DOAN_RV": visit.diagnosis,
        "MA_BENH_CHINH": visit.disease, "MA_BENH_KT": ";".join(visit.others), "MA_DOITUONG_KCB": "9",
        "NGAY_VAO": _stamp(visit.came), "NGAY_RA": _stamp(left), "SO_NGAY_DTRI": "0", "PP_DIEU_TRI": visit.treatment,
        "KET_QUA_DTRI": visit.result, "MA_LOAI_RV": ("5" if moved.reason == "3" else "2") if moved else "1",
        "MA_NOI_DEN": moved.to if moved else "", "GHI_CHU": "\n".join(note), "NGAY_TTOAN": _stamp(left),
        "T_THUOC": _text(spent), "T_TONGCHI_BV": _text(whole), "T_BNTT": _text(whole), "NAM_QT": str(left.year),
        **dict.fromkeys(("T_VTYT", "T_TONGCHI_BH", "T_BNCCT", "T_BHTT", "T_NGUONKHAC", "T_BHTT_GDV"), "0"),
        "THANG_QT": str(left.month), "MA_LOAI_KCB": "01", "MA_KHOA": ROOM, "MA_CSKCB": facility,
        "CAN_NANG": f"{visit.weight:.2f}", "NGAY_TAI_KHAM": f"{visit.again:%Y%m%d}" if visit.again else "",
        "MA_TTDV": visit.head,
    }  # fmt: skip


def _drug_row(visit: Visit, numbers: Numbers, place: int, drug: Drug) -> Row:
    unit, dose = drug.unit.lower(), drug.per_time * drug.times
    money = _text(_amount(drug.quantity * drug.price))
    return {
        "MA_LK": numbers.visit, "STT": str(place), "MA_THUOC": drug.code or UNLISTED_DRUG, "MA_NHOM": "4",
        "TEN_THUOC": drug.name, "DON_VI_TINH": drug.unit, "HAM_LUONG": drug.strength, "DUONG_DUNG": drug.route,
        "LIEU_DUNG": f"{_text(drug.per_time)} {unit}/lần * {drug.times} lần/ngày * {drug.days} ngày"
        f" [{_text(dose)} {unit}/ngày]",
        "CACH_DUNG": drug.advice, "SO_DANG_KY": drug.registration, "SO_LUONG": _text(drug.quantity),
        "DON_GIA": _text(drug.price), "THANH_TIEN_BV": money, "T_BNTT": money, "MA_KHOA": ROOM,
        "MA_BAC_SI": visit.doctor, "NGAY_YL": _stamp(visit.came), "NGAY_TH_YL": _stamp(visit.left), "NGUON_CTRA": "4",
        **_unpaid(),
    }  # fmt: skip


def _service_row(visit: Visit, numbers: Numbers) -> Row:
    money = _text(_amount(visit.service_price))
    return {
        "MA_LK": numbers.visit, "STT": "1", "MA_DICH_VU": visit.service_code, "TEN_DICH_VU": visit.service,
        "MA_NHOM": "13", "DON_VI_TINH": "Lần", "SO_LUONG": "1", "DON_GIA_BV": _text(visit.service_price),
        "DON_GIA_BH": "0", "TYLE_TT_DV": "100", "THANH_TIEN_BV": money, "T_BNTT": money, "MA_KHOA": ROOM,
        "MA_BAC_SI": visit.doctor, "NGUOI_THUC_HIEN": visit.doctor, "MA_BENH": ";".join((visit.disease, *visit.others)),
        "NGAY_YL": _stamp(visit.came), "NGAY_TH_YL": _stamp(visit.came), "NGAY_KQ": _stamp(visit.left), **_unpaid(),
    }  # fmt: skip


def _unpaid() -> Row:
    """A line outside what insurance pays for."""
    none = ("TYLE_TT_BH", "THANH_TIEN_BH", "MUC_HUONG", "T_NGUONKHAC_NSNN", "T_NGUONKHAC_VTNN", "T_NGUONKHAC_VTTN",
            "T_NGUONKHAC_CL", "T_NGUONKHAC", "T_BNCCT", "T_BHTT")  # fmt: skip
    return {**dict.fromkeys(none, "0"), "PHAM_VI": "2", "MA_PTTT": "1"}


def _referral_row(visit: Visit, moved: Referral, numbers: Numbers, head: Row) -> Row:
    return {
        **{name: head[name] for name in _SHARED},
        "MA_LK": numbers.visit, "SO_HOSO": numbers.record, "SO_CHUYENTUYEN": moved.number,
        "GIAY_CHUYEN_TUYEN": moved.number, "MA_CSKCB_DEN": moved.to, "DAU_HIEU_LS": moved.signs,
        "QT_BENHLY": moved.course, "TOMTAT_KQ": moved.tests, "PP_DIEUTRI": visit.treatment,
        "TINH_TRANG_CT": moved.state, "MA_LYDO_CT": moved.reason, "HUONG_DIEU_TRI": moved.plan,
        "PHUONGTIEN_VC": moved.transport, "HOTEN_NGUOI_HT": moved.escort, "CHUCDANH_NGUOI_HT": moved.escort_title,
        "MA_BAC_SI": visit.doctor, "MA_TTDV": visit.head,
    }  # fmt: skip


def _referral_fields(row: Row) -> dict[str, str]:
    return {
        "chuyen": "1", "noi_den": row["MA_CSKCB_DEN"], "so_giay": row["GIAY_CHUYEN_TUYEN"],
        "ly_do_chuyen": row["MA_LYDO_CT"], "dau_hieu": row["DAU_HIEU_LS"], "benh_ly": row["QT_BENHLY"],
        "can_lam_sang": row["TOMTAT_KQ"], "tinh_trang": row["TINH_TRANG_CT"], "huong": row["HUONG_DIEU_TRI"],
        "phuong_tien": row["PHUONGTIEN_VC"], "nguoi_ho_tong": row["HOTEN_NGUOI_HT"],
        "chuc_danh": row["CHUCDANH_NGUOI_HT"],
    }  # fmt: skip


def _drug_fields(row: Row) -> dict[str, str]:
    dose = _DOSE.match(row["LIEU_DUNG"])
    per_time, times, days = dose.groups() if dose else ("", "", "")
    return dict.fromkeys(DRUG, "") | {
        "ten": row["TEN_THUOC"], "ma": row["MA_THUOC"] if row["MA_THUOC"] != UNLISTED_DRUG else "",
        "ham_luong": row["HAM_LUONG"], "don_vi": row["DON_VI_TINH"], "duong": row["DUONG_DUNG"],
        "moi_lan": _typed(per_time), "lan": times, "ngay": days, "so_luong": _typed(row["SO_LUONG"]),
        "gia": _typed(row["DON_GIA"]), "cach_dung": row["CACH_DUNG"], "so_dk": row["SO_DANG_KY"],
    }  # fmt: skip


def _full(table: str, row: Row) -> Row:
    return {field.official: row.get(field.official, "") for field in layout(table, VERSION)}


def _amount(value: Decimal) -> Decimal:
    return value.quantize(_CENT, ROUND_HALF_UP)


def _text(value: Decimal) -> str:
    """A number as the files carry it: a point, no zeros at the end."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _typed(text: str) -> str:
    """A number of the files as people write it here."""
    shown = text.rstrip("0").rstrip(".") if "." in text else text
    return shown.replace(".", ",")


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y%m%d%H%M}"


def _moment_text(stamp: str) -> str:
    return f"{stamp[6:8]}/{stamp[4:6]}/{stamp[:4]} {stamp[8:10]}:{stamp[10:12]}" if len(stamp) == 12 else ""


def _day_text(stamp: str) -> str:
    return f"{stamp[6:8]}/{stamp[4:6]}/{stamp[:4]}" if len(stamp) == 8 else ""


def _birth_text(stamp: str) -> str:
    if stamp[4:6] in ("", "00"):
        return stamp[:4]
    day = "" if stamp[6:8] in ("", "00") else f"{stamp[6:8]}/"
    hour = "" if stamp[8:12] in ("", "0000") else f" {stamp[8:10]}:{stamp[10:12]}"
    return f"{day}{stamp[4:6]}/{stamp[:4]}{hour}"
