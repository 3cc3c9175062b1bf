"""From the bytes of an envelope to the common tables, in all four formats: same facts, same rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bienho import indicators
from bienho.standards.xml130 import Dossier, Versioned, columns, read_delivery
from bienho.standards.xml130 import map as xml130_map
from bienho.standards.xml130.write import VERSIONS, Style, write_delivery
from support.model_runner import fetch, put, run, warehouse

MONEY = {"T_BNTT": "0", "T_BNCCT": "0", "T_BHTT": "150000", "T_NGUONKHAC": "0"}
NEWER = {
    "T_NGUONKHAC_NSNN": "0",
    "T_NGUONKHAC_VTNN": "0",
    "T_NGUONKHAC_VTTN": "0",
    "T_NGUONKHAC_CL": "0",
    "THANH_TIEN_BH": "150000",
}
LINE = {
    "MA_LK": "LK1", "STT": "1", "DON_VI_TINH": "Lần", "PHAM_VI": "1", "SO_LUONG": "1", "TYLE_TT_BH": "100",
    "THANH_TIEN_BV": "150000", "MUC_HUONG": "100", "MA_KHOA": "K01", "MA_BAC_SI": "CCHN1", "NGAY_YL": "202506300730",
    "MA_PTTT": "1", **MONEY,
}  # fmt: skip
VISIT = {
    "MA_LK": "LK1", "STT": "1", "MA_BN": "BN1", "HO_TEN": "Người Thử", "NGAY_SINH": "199003040000", "GIOI_TINH": "2",
    "DIA_CHI": "Nơi thử", "MA_THE_BHYT": "DN4640123456789", "MA_DKBD": "52001", "GT_THE_TU": "20250101",
    "GT_THE_DEN": "20251231", "CHAN_DOAN_RV": "Viêm phổi", "MA_BENH_CHINH": "J18.9", "MA_BENH_KT": "I10;E11.9",
    "NGAY_VAO": "202506300700", "NGAY_RA": "202506301100", "SO_NGAY_DTRI": "0", "KET_QUA_DTRI": "1",
    "MA_LOAI_RV": "1", "T_THUOC": "150000", "T_VTYT": "0", "T_TONGCHI_BV": "300000", "T_BHTT_GDV": "0",
    "NAM_QT": "2025", "THANG_QT": "6", "MA_KHOA": "K01", "MA_CSKCB": "52001", "CAN_NANG": "55.50", **MONEY,
    "T_BHTT": "300000",
}  # fmt: skip
LATER = {
    "MA_QUOCTICH": "000", "MA_DANTOC": "01", "MA_NGHE_NGHIEP": "00", "MATINH_CU_TRU": "52", "MAHUYEN_CU_TRU": "540",
    "MAXA_CU_TRU": "21550", "LY_DO_VV": "Ho", "CHAN_DOAN_VAO": "Ho", "T_TONGCHI_BH": "300000", "MA_HSBA": "HS1",
    "MA_TTDV": "1234567890",
}  # fmt: skip


def tables(version: str) -> dict[str, list[dict[str, str]]]:
    old = version == "4210"
    kind = {"MA_LOAI_KCB": "1", "MA_DOITUONG_KCB": "2"} if old else {"MA_LOAI_KCB": "01", "MA_DOITUONG_KCB": "2"}
    newer = {} if old else NEWER
    drug = {"MA_THUOC": "40.17", "MA_NHOM": "4", "TEN_THUOC": "Thuốc thử", "HAM_LUONG": "1", "DUONG_DUNG": "1.01"}
    drug |= {"LIEU_DUNG": "1", "DON_GIA": "150000", "SO_DANG_KY": "VD-1", "TT_THAU": "1;G1;N1;2025"}
    service = {"MA_DICH_VU": "02.1897", "TEN_DICH_VU": "Khám bệnh", "MA_NHOM": "13", "DON_GIA_BH": "150000"}
    service |= {"MA_BENH": "J18.9"}
    if not old:
        drug |= {"NGUON_CTRA": "1"}
        service |= {"DON_GIA_BV": "150000", "TYLE_TT_DV": "100"}
    note = {"MA_LK": "LK1", "STT": "1", "DIEN_BIEN_LS": "Đỡ ho", "THOI_DIEM_DBLS": "202506300800"}
    result = {"MA_LK": "LK1", "STT": "1", "MA_DICH_VU": "23.0075", "TEN_CHI_SO": "Glucose", "GIA_TRI": "5.6"}
    result |= {"NGAY_KQ": "202506300900"}
    return {
        "XML1": [VISIT | kind | ({} if old else LATER)],
        "XML2": [LINE | newer | drug],
        "XML3": [LINE | newer | service],
        "XML4": [result if old else result | {"MA_BS_DOC_KQ": "CCHN1"}],
        "XML5": [note if old else note | {"NGUOI_THUC_HIEN": "CCHN1"}],
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_a_dossier_becomes_the_same_facts_in_every_format(version: Any) -> None:
    data = write_delivery([tables(version)], facility="52001", created="20250630", version=version, style=Style())
    (read,) = list(read_delivery(data).dossiers)
    assert isinstance(read, Dossier)
    one = Versioned(7_000_001, 7, read, "d" * 32, "p" * 32, "r" * 32, "c" * 32, datetime(2025, 7, 1, tzinfo=UTC))
    connection = warehouse({})
    for dataset, table in columns.build([one]).items():
        put(connection, dataset, table)
    run(connection, [*xml130_map.models(), *indicators.models()])

    (encounter,) = fetch(connection, "FROM conformed.encounter")
    assert encounter["format_version"] == read.format_version
    facts = (
        "visit_type",
        "encounter_class",
        "discharge_disposition",
        "result",
        "sex",
        "age_years",
        "insured",
        "emergency",
    )
    assert [encounter[name] for name in facts] == ["01", "AMB", "home", "cured", "female", 35, True, True]
    assert encounter["commune_canonical"] == (None if version == "4210" else "21601")
    codes = fetch(connection, "SELECT rank, icd10, chapter FROM conformed.condition ORDER BY rank")
    assert [tuple(c.values()) for c in codes] == [(1, "J18.9", "X"), (2, "I10", "IX"), (3, "E11.9", "IV")]
    (claim,) = fetch(connection, "FROM conformed.claim")
    assert (claim["drugs"], claim["total_hospital"], claim["insurer_paid"]) == (150000, 300000, 300000)
    lines = fetch(connection, "SELECT kind, amount_hospital FROM conformed.claim_item ORDER BY kind")
    assert [tuple(line.values()) for line in lines] == [("medication", 150000), ("procedure", 150000)]
    (procedure,) = fetch(connection, "FROM conformed.procedure")
    assert (procedure["service_code"], procedure["category"]) == ("02.1897", "exam")
    (result,) = fetch(connection, "FROM conformed.observation WHERE category = 'laboratory'")
    assert (result["name"], result["value_number"]) == ("Glucose", 5.6)
    (note,) = fetch(connection, "FROM conformed.clinical_note")
    assert note["has_progress"]
    assert not fetch(connection, "FROM conformed.unmapped")
    (cell,) = fetch(connection, "FROM derived.facility_week_chapter")
    assert (cell["chapter"], cell["encounters"], cell["patients"], cell["cost"]) == ("X", 1, 1, 300000)
    connection.close()
