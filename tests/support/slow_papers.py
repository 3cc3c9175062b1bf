"""The mapping of check-ins, certificates, births, assessments, referrals, HIV and TB care again, in plain Python.

An oracle for the SQL models, row by row, like `slow_map`; names of codes come from the list as written, not as loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from bienho.core.documents import read_yaml
from bienho.terminology import Icd10Code
from support import slow_map
from support.slow_map import Row, at, day, decimal, facility, integer, moment, present, text, years

SEX = {"1": "male", "2": "female", "3": "other"}
YES_NO = {1: True, 0: False}


@cache
def _names() -> Mapping[tuple[str, str, str], str]:
    entries = read_yaml((files("bienho.terminology") / "data" / "value_sets.yaml").read_text(encoding="utf-8"))
    return {
        (entry["value_set"], version, code): name
        for entry in entries
        if not entry.get("valid_from") and not entry.get("valid_to")
        for version in entry["formats"]
        for code, name in entry["values"].items()
    }


def named(value_set: str, value: str | None, version: str, on: date | None) -> str | None:
    return _names().get((value_set, version, text(value) or "")) if on else None


def icd10(value: str | None) -> str | None:
    code = Icd10Code.parse(value or "")
    return code.code if code else None


def age(born: date | None, on: date | None) -> int | None:
    return years(born, on) if born and on and born <= on else None


def visit_type(value: str | None) -> str | None:
    clean = text(value) or ""
    return clean.zfill(2) if clean.isascii() and clean.isdigit() and len(clean) <= 2 else None


def check_in(d: Row, x: Row) -> dict[str, Any] | None:
    """Columns of conformed.check_in the oracle knows; None for a row without a check-in in it."""
    items = {
        "service": ("MA_DICH_VU", "TEN_DICH_VU"),
        "drug": ("MA_THUOC", "TEN_THUOC"),
        "supply": ("MA_VAT_TU", "TEN_VAT_TU"),
    }
    kind = next((name for name, fields in items.items() if present(*(x.get(f) for f in fields))), None)
    asked = ("NGAY_VAO", "NGAY_VAO_NOI_TRU", "NGAY_YL", "MA_LOAI_KCB", "MA_DOITUONG_KCB", "LY_DO_VNT", "MA_LY_DO_VNT")
    if not kind and not present(*(x.get(f) for f in asked)):
        return None
    on = day(x.get("NGAY_VAO")) or day(x.get("NGAY_YL"))
    two, version = visit_type(x.get("MA_LOAI_KCB")), d["format_version"]
    classes = slow_map.CLASS if on and on < date(2026, 8, 1) else slow_map.CLASS_2026
    group = slow_map.category(text(x.get("MA_DOITUONG_KCB")), version) if on else None
    born = moment(x.get("NGAY_SINH"))
    return {
        "facility_canonical": facility(d["facility_code"], on),
        "encounter_key": d["encounter_key"],
        "status": "in-progress" if at(x.get("NGAY_VAO_NOI_TRU")) else "arrived",
        "visit_type": two,
        "encounter_class": classes.get(two or "") if on else None,
        "arrived_at": at(x.get("NGAY_VAO")),
        "service_date": on,
        "week_start": on - timedelta(days=on.weekday()) if on else None,
        "patient_category": group,
        "emergency": group == "emergency",
        "insured": x.get("MA_THE_BHYT") == "*",
        "sex": SEX.get(text(x.get("GIOI_TINH")) or "") if on else None,
        "birth_precision": born[1] if born else None,
        "age_years": age(day(x.get("NGAY_SINH")), on),
        "has_admission_reason": x.get("LY_DO_VNT") == "*",
        "item_kind": kind,
        "item_code": text(x.get(items[kind][0])) if kind else None,
        "item_name": text(x.get(items[kind][1])) if kind else None,
        "ordered_at": at(x.get("NGAY_YL")),
    }


DOCUMENTS: dict[str, dict[str, str]] = {
    "XML7": {
        "issued_on": "NGAY_CT", "admitted_at": "NGAY_VAO", "discharged_at": "NGAY_RA", "department_code": "MA_KHOA_RV",
        "rest_days": "SO_NGAY_NGHI", "rest_from": "NGOAITRU_TUNGAY", "rest_to": "NGOAITRU_DENNGAY",
        "pregnancy_ended": "MA_DINH_CHI_THAI", "pregnancy_ended_at": "THOIGIAN_DINHCHI", "gestation_weeks": "TUOI_THAI",
        "has_cause": "NGUYENNHAN_DINHCHI", "has_diagnosis": "CHAN_DOAN_RV", "has_treatment": "PP_DIEUTRI",
        "has_note": "GHI_CHU",
    },
    "XML8": {
        "issued_on": "NGAY_CT", "admitted_at": "NGAY_VAO", "discharged_at": "NGAY_RA", "visit_type_code": "MA_LOAI_KCB",
        "result_code": "KET_QUA_DTRI", "child_born_on": "NGAY_SINHCON", "child_died_on": "NGAY_CONCHET",
        "children_died": "SO_CONCHET", "has_admission_diagnosis": "CHAN_DOAN_VAO", "has_diagnosis": "CHAN_DOAN_RV",
        "has_course": "QT_BENHLY", "has_results": "TOMTAT_KQ", "has_treatment": "PP_DIEUTRI", "has_note": "GHI_CHU",
    },
    "XML10": {
        "issued_on": "NGAY_CT", "rest_days": "SO_NGAY", "rest_from": "TU_NGAY", "rest_to": "DEN_NGAY",
        "has_diagnosis": "CHAN_DOAN_RV",
    },
    "XML11": {
        "issued_on": "NGAY_CT", "form_code": "MAU_SO", "rest_days": "SO_NGAY_NGHI", "rest_from": "TU_NGAY",
        "rest_to": "DEN_NGAY", "pregnancy_ended": "MA_DINH_CHI_THAI", "gestation_weeks": "TUOI_THAI",
        "has_cause": "NGUYENNHAN_DINHCHI", "has_diagnosis": "CHAN_DOAN_RV", "has_treatment": "PP_DIEUTRI",
    },
}  # fmt: skip
NUMBERS = {"XML7": ("SO_LUU_TRU",), "XML10": ("SO_SERI", "SO_CT"), "XML11": ("SO_CT", "SO_SERI", "SO_KCB")}
PARENTS = ("MA_CHA", "MA_ME", "HO_TEN_CHA", "HO_TEN_ME", "NGUOI_GIAM_HO")
TYPES = {"XML7": "discharge", "XML8": "summary", "XML10": "antenatal-rest", "XML11": "sick-leave"}


def document(d: Row, table: str, x: Row, on: date | None) -> dict[str, Any] | None:
    """A certificate or summary; columns its table does not have are empty."""
    fields = DOCUMENTS[table]
    # A form number or a kind of visit does not make a certificate.
    telling = [f for c, f in fields.items() if c not in ("form_code", "visit_type_code")]
    if not present(*(x.get(f) for f in (*telling, *NUMBERS.get(table, ())))):
        return None
    row: dict[str, Any] = {"facility_canonical": facility(d["facility_code"], on), "service_date": on}
    for column in {name for known in DOCUMENTS.values() for name in known}:
        value = x.get(fields.get(column, ""))
        if column.startswith("has_"):
            row[column] = value == "*"
        elif column.endswith("_at"):
            row[column] = at(value)
        elif column.endswith(("_on", "_from", "_to")):
            row[column] = day(value)
        elif column.endswith("_code"):
            row[column] = text(value)
        else:
            row[column] = integer(value)
    row["pregnancy_ended"] = YES_NO.get(row["pregnancy_ended"])
    results = dict(enumerate(slow_map.RESULTS[: slow_map.RESULT_COUNT[d["format_version"]]], 1))
    row["result"] = results.get(int(row["result_code"])) if on and (row["result_code"] or "").isdecimal() else None
    if row["result_code"] and row["result_code"] != str(integer(row["result_code"])):
        row["result"] = None
    return row | {"type": TYPES[table], "names_parent": any(x.get(name) == "*" for name in PARENTS)}


def birth(d: Row, x: Row, on: date | None) -> dict[str, Any] | None:
    telling = (
        "NGAY_SINH_CON", "GIOI_TINH_CON", "CAN_NANG_CON", "HO_TEN_CON", "SO_CON", "LAN_SINH", "SO_CON_SONG",
        "SINHCON_PHAUTHUAT", "SINHCON_DUOI32TUAN", "NOI_SINH_CON", "TINH_TRANG_CON", "GHI_CHU", "NGAY_CT", "SO",
        "QUYEN_SO",
    )  # fmt: skip
    if not present(*(x.get(name) for name in telling)):
        return None
    born = day(x.get("NGAY_SINH_CON"))
    on = on or born
    return {
        "facility_canonical": facility(d["facility_code"], on),
        "born_at": at(x.get("NGAY_SINH_CON")),
        "born_on": born,
        "sex": SEX.get(text(x.get("GIOI_TINH_CON")) or "") if on else None,
        "weight_text": text(x.get("CAN_NANG_CON")),
        "weight_grams": decimal(x.get("CAN_NANG_CON"), 2),
        "children_born": integer(x.get("SO_CON")),
        "birth_order": integer(x.get("LAN_SINH")),
        "by_surgery": YES_NO.get(integer(x.get("SINHCON_PHAUTHUAT")) or 0) if integer(x.get("SINHCON_PHAUTHUAT"))
        is not None else None,
        "mother_age_years": age(day(x.get("NGAYSINH_NND")), born),
        **slow_map.residence(x, on),
        "issued_on": day(x.get("NGAY_CT")),
        "has_condition": x.get("TINH_TRANG_CON") == "*",
        "service_date": on,
    }  # fmt: skip


def assessment(d: Row, x: Row) -> dict[str, Any] | None:
    telling = (
        "NGAY_HOP", "KHAM_GIAM_DINH", "MA_DOI_TUONG", "DANG_HUONG_CHE_DO", "TYLE_TTCT_CU", "TYLE_TTCT_MOI",
        "TONG_TYLE_TTCT", "DANG_KHUYETTAT", "MUC_DO_KHUYETTAT", "SO_BIEN_BAN", "NGAY_CHUNG_TU", "NGAY_DE_NGHI",
        "KET_QUA_KHAM", "DE_NGHI", "DUOC_XACDINH",
    )  # fmt: skip
    if not present(*(x.get(name) for name in telling)):
        return None
    version = d["format_version"]
    on = day(x.get("NGAY_HOP")) or day(x.get("NGAY_CHUNG_TU")) or day(x.get("NGAY_DE_NGHI"))
    return {
        "encounter_key": d["encounter_key"],
        "facility_canonical": facility(d["facility_code"], on),
        "held_on": day(x.get("NGAY_HOP")),
        "kind_code": text(x.get("KHAM_GIAM_DINH")),
        "kind_name": named("KHAM_GIAM_DINH", x.get("KHAM_GIAM_DINH"), version, on),
        "disability_name": named("DANG_KHUYETTAT", x.get("DANG_KHUYETTAT"), version, on),
        "disability_level_name": named("MUC_DO_KHUYETTAT", x.get("MUC_DO_KHUYETTAT"), version, on),
        "injury_rate_new": rate(x.get("TYLE_TTCT_MOI")),
        "injury_rate_total": rate(x.get("TONG_TYLE_TTCT")),
        "age_years": age(day(x.get("NGAY_SINH")), on),
        **slow_map.residence(x, on),
        "has_result": x.get("KET_QUA_KHAM") == "*",
        "service_date": on,
    }


def rate(value: str | None) -> Any:
    number = decimal(value, 2)
    return number if number is not None and abs(number) < 10_000 else None


def referral(d: Row, x: Row, on: date | None) -> dict[str, Any] | None:
    telling = (
        "SO_HOSO", "SO_CHUYENTUYEN", "GIAY_CHUYEN_TUYEN", "MA_CSKCB_DI", "MA_CSKCB_DEN", "NGAY_VAO",
        "NGAY_VAO_NOI_TRU", "NGAY_RA", "DAU_HIEU_LS", "CHAN_DOAN_RV", "QT_BENHLY", "TOMTAT_KQ", "PP_DIEUTRI",
        "MA_BENH_CHINH", "MA_BENH_KT", "MA_BENH_YHCT", "TEN_DICH_VU", "TEN_THUOC", "TINH_TRANG_CT", "MA_LOAI_RV",
        "MA_LYDO_CT", "HUONG_DIEU_TRI", "PHUONGTIEN_VC",
    )  # fmt: skip
    if not present(*(x.get(name) for name in telling)):
        return None
    on = on or day(x.get("NGAY_RA")) or day(x.get("NGAY_VAO"))
    endings = {str(i + 1): r for i, r in enumerate(slow_map.DISCHARGE[: 4 if d["format_version"] == "4210" else 5])}
    return {
        "issuer_canonical": facility(text(x.get("MA_CSKCB")), on),
        "from_codes": text(x.get("MA_CSKCB_DI")),
        "from_canonical": facility(text(x.get("MA_CSKCB_DI")), on),
        "to_canonical": facility(text(x.get("MA_CSKCB_DEN")), on),
        "reason_name": named("MA_LYDO_CT", x.get("MA_LYDO_CT"), d["format_version"], on),
        "discharge_disposition": endings.get(text(x.get("MA_LOAI_RV")) or "") if on else None,
        "admitted_list": text(x.get("NGAY_VAO")),
        "admitted_at": at(x.get("NGAY_VAO")),
        "main_icd10": icd10(x.get("MA_BENH_CHINH")),
        "drug_names": text(x.get("TEN_THUOC")),
        "escorted": x.get("HOTEN_NGUOI_HT") == "*",
        "has_condition": x.get("TINH_TRANG_CT") == "*",
        "service_date": on,
    }


def appointment(d: Row, x: Row, on: date | None) -> dict[str, Any] | None:
    telling = (
        "SO_GIAYHEN_KL", "NGAY_HEN_KL", "NGAY_CT", "NGAY_VAO", "NGAY_VAO_NOI_TRU", "NGAY_RA", "CHAN_DOAN_RV",
        "MA_BENH_CHINH", "MA_BENH_KT", "MA_BENH_YHCT",
    )  # fmt: skip
    if not present(*(x.get(name) for name in telling)):
        return None
    on = on or day(x.get("NGAY_RA")) or day(x.get("NGAY_VAO"))
    due, left = moment(x.get("NGAY_HEN_KL")), day(x.get("NGAY_RA")) or on
    return {
        "issuer_canonical": facility(text(x.get("MA_CSKCB")), on),
        "due_at": due[0] if due else None,
        "due_on": due[0].date() if due else None,
        "due_precision": due[1] if due else None,
        "days_after_discharge": (due[0].date() - left).days if due and left else None,
        "issued_on": day(x.get("NGAY_CT")),
        "patient_category": slow_map.category(text(x.get("MA_DOITUONG_KCB")), d["format_version"]) if on else None,
        "main_code": text(x.get("MA_BENH_CHINH")),
        "main_icd10": icd10(x.get("MA_BENH_CHINH")),
        "service_date": on,
    }


# column → (field, value set)
CODES: dict[str, dict[str, tuple[str, str]]] = {
    "XML6": {
        "first_line": ("MA_BAC_PHAC_DO_BD", "MA_BAC_PHAC_DO"),
        "reason": ("MA_LYDO_DTRI", "MA_LYDO_DTRI"),
        "tb_treatment": ("LOAI_DTRI_LAO", "LOAI_DTRI_LAO"),
        "tb_screening": ("SANG_LOC_LAO", "SANG_LOC_LAO"),
        "tb_result": ("KQ_DTRI_LAO", "KQ_DTRI_LAO"),
        "viral_load_reason": ("MA_LYDO_XNTL_VR", "MA_LYDO_XNTL_VR"),
        "viral_load": ("KQ_XNTL_VR", "KQ_XNTL_VR"),
        "subject": ("MA_LOAI_BN", "MA_LOAI_BN"),
        "stage": ("GIAI_DOAN_LAM_SANG", "GIAI_DOAN_LAM_SANG"),
        "pcr_round": ("LAN_XN_PCR", "LAN_XN_PCR"),
        "pcr": ("MA_KQ_XN_PCR", "MA_KQ_XN_PCR"),
        "line": ("MA_BAC_PHAC_DO", "MA_BAC_PHAC_DO"),
        "change_reason": ("LY_DO_CHUYEN_PHAC_DO", "LY_DO_CHUYEN_PHAC_DO"),
    },
    "XML15": {
        "site": ("PHANLOAI_LAO_VITRI", "PHANLOAI_LAO_VITRI"),
        "history": ("PHANLOAI_LAO_TS", "PHANLOAI_LAO_TS"),
        "hiv": ("PHANLOAI_LAO_HIV", "PHANLOAI_LAO_HIV"),
        "bacteria": ("PHANLOAI_LAO_VK", "PHANLOAI_LAO_VK"),
        "resistance": ("PHANLOAI_LAO_KT", "PHANLOAI_LAO_KT"),
        "treatment": ("LOAI_DTRI_LAO", "LOAI_DTRI_LAO"),
    },
}
# Fields of a person, not of the care; STT and the facility say nothing by themselves.
IDENTITY = {
    "MA_LK", "STT", "MA_BN", "HO_TEN", "MA_THE_BHYT", "SO_CCCD", "NGAY_SINH", "GIOI_TINH", "DIA_CHI", "MATINH_CU_TRU",
    "MAHUYEN_CU_TRU", "MAXA_CU_TRU", "MA_CSKCB", "DU_PHONG",
}  # fmt: skip


def care(d: Row, table: str, x: Row, on: date | None) -> dict[str, Any] | None:
    """A row of hiv_care or tb_care: any field but those of the person makes one."""
    if not present(*(value for name, value in x.items() if name.isupper() and name not in IDENTITY)):
        return None
    row: dict[str, Any] = {
        "care_facility_canonical": facility(text(x.get("MA_CSKCB")), on),
        "arv_started_on": day(x.get("BDDT_ARV")),
        "service_date": on,
    }
    for column, (field, value_set) in CODES[table].items():
        row[f"{column}_code"] = text(x.get(field))
        row[f"{column}_name"] = named(value_set, x.get(field), d["format_version"], on)
    return row
