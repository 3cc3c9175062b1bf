"""Each column of a common table carries its own field of the dossier, and no other."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from bienho.contracts import catalogue
from bienho.standards.xml130 import map as xml130_map
from support.model_runner import dossier, fetch, run, warehouse

MONEY_LINE = {
    "cost_group_code": "MA_NHOM",
    "scope_code": "PHAM_VI",
    "payment_code": "MA_PTTT",
    "quantity": "SO_LUONG",
    "insured_rate": "TYLE_TT_BH",
    "benefit_rate": "MUC_HUONG",
    "amount_hospital": "THANH_TIEN_BV",
    "amount_insured": "THANH_TIEN_BH",
    "other_state": "T_NGUONKHAC_NSNN",
    "other_foreign": "T_NGUONKHAC_VTNN",
    "other_domestic": "T_NGUONKHAC_VTTN",
    "other_rest": "T_NGUONKHAC_CL",
    "other_paid": "T_NGUONKHAC",
    "self_paid": "T_BNTT",
    "copaid": "T_BNCCT",
    "insurer_paid": "T_BHTT",
    "ordered_on": "NGAY_YL",
}
PAPER = {"admitted_at": "NGAY_VAO", "discharged_at": "NGAY_RA", "issued_on": "NGAY_CT"}
REST = {"issued_on": "NGAY_CT", "rest_days": "SO_NGAY_NGHI", "rest_from": "TU_NGAY", "rest_to": "DEN_NGAY"}
DIAGNOSES = {"main_code": "MA_BENH_CHINH", "accompanying_codes": "MA_BENH_KT", "traditional_codes": "MA_BENH_YHCT"}
PLACE = {"province_code": "MATINH_CU_TRU", "commune_code": "MAXA_CU_TRU", "district_code": "MAHUYEN_CU_TRU"}
LINE = {"line_no": "STT", "cost_group_code": "MA_NHOM", "unit": "DON_VI_TINH", "quantity": "SO_LUONG"}
LINE |= {"department_code": "MA_KHOA", "ordered_at": "NGAY_YL", "performed_at": "NGAY_TH_YL"}
# (common table, XML table) → column → field
WIRING: dict[tuple[str, str], dict[str, str]] = {
    ("encounter", "1"): {
        "visit_type_code": "MA_LOAI_KCB",
        "admitted_at": "NGAY_VAO",
        "inpatient_from": "NGAY_VAO_NOI_TRU",
        "discharged_at": "NGAY_RA",
        "treatment_days": "SO_NGAY_DTRI",
        "discharge_code": "MA_LOAI_RV",
        "result_code": "KET_QUA_DTRI",
        "department_list": "MA_KHOA",
        "referral_from_code": "MA_NOI_DI",
        "referral_to_code": "MA_NOI_DEN",
        "patient_category_code": "MA_DOITUONG_KCB",
        "injury_code": "MA_TAI_NAN",
        "province_code": "MATINH_CU_TRU",
        "commune_code": "MAXA_CU_TRU",
    },
    ("patient", "1"): {
        "birth_date": "NGAY_SINH",
        "sex_code": "GIOI_TINH",
        "blood_group": "NHOM_MAU",
        "nationality_code": "MA_QUOCTICH",
        "ethnic_code": "MA_DANTOC",
        "occupation_code": "MA_NGHE_NGHIEP",
        "province_code": "MATINH_CU_TRU",
        "commune_code": "MAXA_CU_TRU",
        "district_code": "MAHUYEN_CU_TRU",
    },
    ("claim", "1"): {
        "drugs": "T_THUOC",
        "supplies": "T_VTYT",
        "total_hospital": "T_TONGCHI_BV",
        "total_insured": "T_TONGCHI_BH",
        "self_paid": "T_BNTT",
        "copaid": "T_BNCCT",
        "insurer_paid": "T_BHTT",
        "other_paid": "T_NGUONKHAC",
        "insurer_paid_fee": "T_BHTT_GDV",
        "settled_at": "NGAY_TTOAN",
        "settlement_year": "NAM_QT",
        "settlement_month": "THANG_QT",
        "registered_facility_code": "MA_DKBD",
        "card_from": "GT_THE_TU",
        "card_to": "GT_THE_DEN",
        "copay_exempt_from": "NGAY_MIEN_CCT",
        "five_years_on": "NAM_NAM_LIEN_TUC",
        "area_code": "MA_KHUVUC",
    },
    ("medication_request", "2"): LINE
    | {
        "drug_code": "MA_THUOC",
        "drug_name": "TEN_THUOC",
        "strength": "HAM_LUONG",
        "form": "DANG_BAO_CHE",
        "route_code": "DUONG_DUNG",
        "registration_number": "SO_DANG_KY",
        "tender": "TT_THAU",
        "processing_code": "MA_PP_CHEBIEN",
        "supplied_by": "MA_CSKCB_THUOC",
        "service_code": "MA_DICH_VU",
        "funding_code": "NGUON_CTRA",
    },
    ("procedure", "3"): LINE
    | {
        "service_code": "MA_DICH_VU",
        "service_name": "TEN_DICH_VU",
        "icd9_codes": "MA_PTTT_QT",
        "reason_codes": "MA_BENH",
        "bed_codes": "MA_GIUONG",
        "resulted_at": "NGAY_KQ",
        "anesthesia_code": "PP_VO_CAM",
        "body_site_code": "VI_TRI_TH_DVKT",
        "machine_codes": "MA_MAY",
        "fuel_code": "MA_XANG_DAU",
    },
    ("supply", "3"): LINE
    | {
        "supply_code": "MA_VAT_TU",
        "supply_name": "TEN_VAT_TU",
        "service_code": "MA_DICH_VU",
        "package_code": "GOI_VTYT",
        "product_code": "MA_HIEU_SP",
        "tender": "TT_THAU",
    },
    ("observation", "4"): {
        "line_no": "STT",
        "service_code": "MA_DICH_VU",
        "code": "MA_CHI_SO",
        "name": "TEN_CHI_SO",
        "value_text": "GIA_TRI",
        "unit": "DON_VI_DO",
        "observed_at": "NGAY_KQ",
    },
    ("clinical_note", "5"): {"line_no": "STT", "noted_at": "THOI_DIEM_DBLS"},
    ("check_in", "0"): {
        "line_no": "STT",
        "visit_type_code": "MA_LOAI_KCB",
        "arrived_at": "NGAY_VAO",
        "inpatient_from": "NGAY_VAO_NOI_TRU",
        "patient_category_code": "MA_DOITUONG_KCB",
        "registered_facility_code": "MA_DKBD",
        "card_from": "GT_THE_TU",
        "card_to": "GT_THE_DEN",
        "birth_date": "NGAY_SINH",
        "admission_reason_code": "MA_LY_DO_VNT",
        "item_code": "MA_DICH_VU",
        "item_name": "TEN_DICH_VU",
        "ordered_at": "NGAY_YL",
    },
    ("document", "7"): PAPER
    | {
        "department_code": "MA_KHOA_RV",
        "rest_days": "SO_NGAY_NGHI",
        "rest_from": "NGOAITRU_TUNGAY",
        "rest_to": "NGOAITRU_DENNGAY",
        "pregnancy_ended_at": "THOIGIAN_DINHCHI",
        "gestation_weeks": "TUOI_THAI",
    },
    ("document", "8"): PAPER
    | {
        "visit_type_code": "MA_LOAI_KCB",
        "result_code": "KET_QUA_DTRI",
        "child_born_on": "NGAY_SINHCON",
        "child_died_on": "NGAY_CONCHET",
        "children_died": "SO_CONCHET",
    },
    ("document", "10"): REST | {"rest_days": "SO_NGAY"},
    ("document", "11"): REST | {"gestation_weeks": "TUOI_THAI", "form_code": "MAU_SO"},
    ("birth", "9"): PLACE
    | {
        "born_at": "NGAY_SINH_CON",
        "born_on": "NGAY_SINH_CON",
        "sex_code": "GIOI_TINH_CON",
        "weight_text": "CAN_NANG_CON",
        "children_born": "SO_CON",
        "birth_order": "LAN_SINH",
        "children_alive": "SO_CON_SONG",
        "mother_birth_date": "NGAYSINH_NND",
        "mother_nationality_code": "MA_QUOCTICH",
        "mother_ethnic_code": "MA_DANTOC_NND",
        "issued_on": "NGAY_CT",
    },
    ("assessment", "12"): PLACE
    | {
        "held_on": "NGAY_HOP",
        "chair_code": "CHUC_VU",
        "kind_code": "KHAM_GIAM_DINH",
        "subject_codes": "MA_DOI_TUONG",
        "benefit_codes": "DANG_HUONG_CHE_DO",
        "injury_rate_before": "TYLE_TTCT_CU",
        "injury_rate_new": "TYLE_TTCT_MOI",
        "injury_rate_total": "TONG_TYLE_TTCT",
        "disability_code": "DANG_KHUYETTAT",
        "disability_level_code": "MUC_DO_KHUYETTAT",
        "documents_on": "NGAY_CHUNG_TU",
        "requested_on": "NGAY_DE_NGHI",
        "birth_date": "NGAY_SINH",
    },
    ("referral", "13"): DIAGNOSES
    | {
        "issuer_code": "MA_CSKCB",
        "from_codes": "MA_CSKCB_DI",
        "to_code": "MA_CSKCB_DEN",
        "reason_code": "MA_LYDO_CT",
        "discharge_code": "MA_LOAI_RV",
        "admitted_at": "NGAY_VAO",
        "inpatient_from": "NGAY_VAO_NOI_TRU",
        "discharged_at": "NGAY_RA",
        "service_names": "TEN_DICH_VU",
        "drug_names": "TEN_THUOC",
    },
    ("appointment", "14"): PAPER
    | DIAGNOSES
    | {
        "issuer_code": "MA_CSKCB",
        "due_at": "NGAY_HEN_KL",
        "due_on": "NGAY_HEN_KL",
        "inpatient_from": "NGAY_VAO_NOI_TRU",
        "patient_category_code": "MA_DOITUONG_KCB",
    },
    ("hiv_care", "6"): {
        "care_facility_code": "MA_CSKCB",
        "confirmed_on": "NGAYKD_HIV",
        "sample_facility_code": "NOI_LAY_MAU_XN",
        "test_facility_code": "NOI_XN_KD",
        "arv_facility_code": "NOI_BDDT_ARV",
        "arv_started_on": "BDDT_ARV",
        "first_regimen_code": "MA_PHAC_DO_DIEU_TRI_BD",
        "first_line_code": "MA_BAC_PHAC_DO_BD",
        "reason_code": "MA_LYDO_DTRI",
        "tb_treatment_code": "LOAI_DTRI_LAO",
        "tb_screening_code": "SANG_LOC_LAO",
        "tb_regimen_code": "PHACDO_DTRI_LAO",
        "tb_from": "NGAYBD_DTRI_LAO",
        "tb_to": "NGAYKT_DTRI_LAO",
        "tb_result_code": "KQ_DTRI_LAO",
        "viral_load_reason_code": "MA_LYDO_XNTL_VR",
        "viral_load_sampled_on": "NGAY_XN_TLVR",
        "viral_load_code": "KQ_XNTL_VR",
        "viral_load_on": "NGAY_KQ_XN_TLVR",
        "subject_code": "MA_LOAI_BN",
        "stage_code": "GIAI_DOAN_LAM_SANG",
        "risk_group_code": "NHOM_DOI_TUONG",
        "state_codes": "MA_TINH_TRANG_DK",
        "pcr_round_code": "LAN_XN_PCR",
        "pcr_sampled_on": "NGAY_XN_PCR",
        "pcr_on": "NGAY_KQ_XN_PCR",
        "pcr_code": "MA_KQ_XN_PCR",
        "pregnancy_known_on": "NGAY_NHAN_TT_MANG_THAI",
        "cotrimoxazole_started_on": "NGAY_BAT_DAU_DT_CTX",
        "action_codes": "MA_XU_TRI",
        "action_from": "NGAY_BAT_DAU_XU_TRI",
        "action_to": "NGAY_KET_THUC_XU_TRI",
        "regimen_code": "MA_PHAC_DO_DIEU_TRI",
        "line_code": "MA_BAC_PHAC_DO",
        "arv_days": "SO_NGAY_CAP_THUOC_ARV",
        "regimen_changed_on": "NGAY_CHUYEN_PHAC_DO",
        "change_reason_code": "LY_DO_CHUYEN_PHAC_DO",
    },
    ("tb_care", "15"): {
        "line_no": "STT",
        "care_facility_code": "MA_CSKCB",
        "site_code": "PHANLOAI_LAO_VITRI",
        "history_code": "PHANLOAI_LAO_TS",
        "hiv_code": "PHANLOAI_LAO_HIV",
        "bacteria_code": "PHANLOAI_LAO_VK",
        "resistance_code": "PHANLOAI_LAO_KT",
        "treatment_code": "LOAI_DTRI_LAO",
        "regimen_code": "PHACDO_DTRI_LAO",
        "treated_from": "NGAYBD_DTRI_LAO",
        "treated_to": "NGAYKT_DTRI_LAO",
        "result_code": "KET_QUA_DTRI_LAO",
        "hiv_confirmed_on": "NGAYKD_HIV",
        "arv_started_on": "BDDT_ARV",
        "cotrimoxazole_started_on": "NGAY_BAT_DAU_DT_CTX",
    },
    ("claim_item", "2"): MONEY_LINE | {"unit_price_hospital": "DON_GIA"},
    ("claim_item", "3"): MONEY_LINE
    | {
        "unit_price_hospital": "DON_GIA_BV",
        "unit_price_insured": "DON_GIA_BH",
        "service_rate": "TYLE_TT_DV",
        "package_ceiling": "T_TRANTT",
    },
}


# (common table, XML table) → flag → fields of which any text in the vault raises it
FLAGS: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {
    ("check_in", "0"): {"insured": ("MA_THE_BHYT",), "has_admission_reason": ("LY_DO_VNT",)},
    ("document", "7"): {
        "has_diagnosis": ("CHAN_DOAN_RV",),
        "has_treatment": ("PP_DIEUTRI",),
        "has_cause": ("NGUYENNHAN_DINHCHI",),
        "has_note": ("GHI_CHU",),
        "names_parent": ("MA_CHA", "MA_ME", "HO_TEN_CHA", "HO_TEN_ME"),
    },
    ("document", "8"): {
        "has_admission_diagnosis": ("CHAN_DOAN_VAO",),
        "has_diagnosis": ("CHAN_DOAN_RV",),
        "has_course": ("QT_BENHLY",),
        "has_results": ("TOMTAT_KQ",),
        "has_treatment": ("PP_DIEUTRI",),
        "has_note": ("GHI_CHU",),
        "names_parent": ("HO_TEN_CHA", "HO_TEN_ME", "NGUOI_GIAM_HO"),
    },
    ("document", "10"): {"has_diagnosis": ("CHAN_DOAN_RV",)},
    ("document", "11"): {
        "has_diagnosis": ("CHAN_DOAN_RV",),
        "has_treatment": ("PP_DIEUTRI",),
        "has_cause": ("NGUYENNHAN_DINHCHI",),
        "names_parent": ("HO_TEN_CHA", "HO_TEN_ME"),
    },
    ("birth", "9"): {
        "has_child_name": ("HO_TEN_CON",),
        "names_father": ("HO_TEN_CHA",),
        "has_birth_place": ("NOI_SINH_CON",),
        "has_condition": ("TINH_TRANG_CON",),
        "has_note": ("GHI_CHU",),
    },
    ("assessment", "12"): {
        "insured": ("MA_THE_BHYT",),
        "has_result": ("KET_QUA_KHAM",),
        "has_request": ("DE_NGHI",),
        "has_conclusion": ("DUOC_XACDINH",),
    },
    ("referral", "13"): {
        "has_signs": ("DAU_HIEU_LS",),
        "has_diagnosis": ("CHAN_DOAN_RV",),
        "has_course": ("QT_BENHLY",),
        "has_results": ("TOMTAT_KQ",),
        "has_treatment": ("PP_DIEUTRI",),
        "has_condition": ("TINH_TRANG_CT",),
        "has_plan": ("HUONG_DIEU_TRI",),
        "has_transport": ("PHUONGTIEN_VC",),
        "escorted": ("HOTEN_NGUOI_HT",),
    },
    ("appointment", "14"): {"has_diagnosis": ("CHAN_DOAN_RV",)},
}
DATED = {"0": "NGAY_VAO", "12": "NGAY_HOP"}  # a field that makes a row of the table whatever else is in it


def typed(dataset: str) -> tuple[dict[str, str], dict[str, Any]]:
    """A row in which every field differs from every other, as text and as the value it means."""
    texts: dict[str, str] = {}
    values: dict[str, Any] = {}
    for number, field in zip(count(1), catalogue()[dataset].official_fields, strict=False):
        kind = field.received_type or ""
        if field.in_vault:
            texts[field.name], values[field.name] = "*", None
        elif "date" in kind:
            day = date(2026, 1, 1) + timedelta(days=number)
            texts[field.name] = f"{day:%Y%m%d}" if kind in ("date", "date_list") else f"{day:%Y%m%d}0000"
            values[field.name] = day
        elif kind == "integer" or kind.startswith("decimal"):
            texts[field.name], values[field.name] = str(number), Decimal(number)
        else:
            texts[field.name] = values[field.name] = f"{field.name}-{number}"
    return texts, values


def plain(value: Any) -> Any:
    """A cell as the test compares it: moments by their day, numbers by value."""
    if isinstance(value, datetime):
        return value.date()
    return Decimal(value) if isinstance(value, int) else value


@pytest.mark.parametrize(("table", "source"), WIRING)
def test_each_column_carries_its_field(table: str, source: str) -> None:
    dataset = f"standard.xml130_{source}"
    texts, values = typed(dataset)
    if table == "procedure":  # a supply code would make the line a supply
        texts["MA_VAT_TU"] = ""
    connection = warehouse(
        {"standard.xml130_dossier": [dossier(1)], dataset: [{"version_id": 1, "row_no": 1, **texts}]}
    )
    run(connection, [m for m in xml130_map.models() if m.table == table])
    (row,) = [
        r for r in fetch(connection, f"FROM conformed.{table}") if r.get("table_name", f"XML{source}") == f"XML{source}"
    ]
    connection.close()
    for column, field in WIRING[table, source].items():
        wanted = values[field]
        if isinstance(wanted, Decimal) and isinstance(row[column], str):
            wanted = str(wanted)
        assert plain(row[column]) == wanted, (column, field)


@pytest.mark.parametrize(("table", "source"), FLAGS)
def test_each_flag_says_that_its_own_text_lies_in_the_vault(table: str, source: str) -> None:
    dataset, dated = f"standard.xml130_{source}", DATED.get(source, "NGAY_CT")
    if source == "13":
        dated = "NGAY_RA"
    names = [field.name for field in catalogue()[dataset].vault_fields]
    rows = [{"version_id": 1, "row_no": n, dated: "20260201", name: "*"} for n, name in enumerate(names, 1)]
    connection = warehouse({"standard.xml130_dossier": [dossier(1)], dataset: rows})
    run(connection, [m for m in xml130_map.models() if m.table == table])
    found = fetch(connection, f"FROM conformed.{table} ORDER BY row_no")
    connection.close()
    flags = {name for name in found[0] if name.startswith(("has_", "names_")) or name in ("insured", "escorted")}
    assert FLAGS[table, source].keys() <= flags
    for name, row in zip(names, found, strict=True):
        raised = {flag for flag in flags if row[flag]}
        assert raised == {flag for flag, fields in FLAGS[table, source].items() if name in fields}, name
