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
    ("claim_item", "2"): MONEY_LINE | {"unit_price_hospital": "DON_GIA"},
    ("claim_item", "3"): MONEY_LINE
    | {
        "unit_price_hospital": "DON_GIA_BV",
        "unit_price_insured": "DON_GIA_BH",
        "service_rate": "TYLE_TT_DV",
        "package_ceiling": "T_TRANTT",
    },
}


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
        r for r in fetch(connection, f"FROM conformed.{table}") if r.get("table_name", f"XML{source}")[-1] == source
    ]
    connection.close()
    for column, field in WIRING[table, source].items():
        wanted = values[field]
        if isinstance(wanted, Decimal) and isinstance(row[column], str):
            wanted = str(wanted)
        assert plain(row[column]) == wanted, (column, field)
