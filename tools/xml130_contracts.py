"""Write the contracts of standard.xml130_0 … xml130_15 from contracts/sources/xml130_fields.csv.

Run from the repository root: `python tools/xml130_contracts.py`. The result is committed; a test compares it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1] / "src" / "bienho" / "contracts"
TITLES = {
    "XML0": ("Trạng thái khám, chữa bệnh", "Check-in", "một lượt người bệnh đến của một phiên bản hồ sơ đến khám"),
    "XML1": ("Tổng hợp lượt khám, chữa bệnh", "Visit summary", "một dòng tổng hợp của một phiên bản hồ sơ"),
    "XML2": ("Chi tiết thuốc", "Drug lines", "một dòng thuốc của một phiên bản hồ sơ"),
    "XML3": ("Dịch vụ kỹ thuật, giường, vật tư y tế", "Services, beds and supplies", "một dòng dịch vụ hoặc vật tư"),
    "XML4": ("Kết quả cận lâm sàng", "Laboratory and imaging results", "một kết quả cận lâm sàng"),
    "XML5": ("Diễn biến lâm sàng", "Clinical progress notes", "một dòng diễn biến lâm sàng"),
    "XML6": ("Chăm sóc và điều trị HIV/AIDS", "HIV/AIDS care", "một dòng bệnh án HIV/AIDS"),
    "XML7": ("Giấy ra viện", "Discharge certificate", "một giấy ra viện"),
    "XML8": ("Tóm tắt hồ sơ bệnh án", "Medical record summary", "một bản tóm tắt hồ sơ bệnh án"),
    "XML9": ("Giấy chứng sinh", "Birth certificate slip", "một người con trên giấy chứng sinh"),
    "XML10": ("Giấy nghỉ dưỡng thai", "Antenatal rest certificate", "một giấy nghỉ dưỡng thai"),
    "XML11": ("Giấy nghỉ việc hưởng bảo hiểm xã hội", "Sick-leave certificate", "một giấy nghỉ việc"),
    "XML12": ("Giám định y khoa", "Medical assessment board", "một biên bản giám định y khoa"),
    "XML13": ("Giấy chuyển tuyến", "Referral slip", "một giấy chuyển tuyến"),
    "XML14": ("Giấy hẹn khám lại", "Re-examination appointment", "một giấy hẹn khám lại"),
    "XML15": ("Điều trị bệnh lao", "Tuberculosis treatment", "một dòng điều trị lao"),
}
NOTHING = "Không có: mọi họ tên, mã số, địa chỉ, lời văn nằm trong két."
EXCEPTIONS = {
    "XML0": "TEN_DICH_VU, TEN_THUOC, TEN_VAT_TU là tên trong danh mục, không nói về ai.",
    "XML1": "NGAY_SINH ở lại hồ vì cần tính tuổi; bản xuất cho người ngoài chỉ đưa tuổi hoặc năm.",
    "XML2": "TEN_THUOC, HAM_LUONG, DANG_BAO_CHE, DON_VI_TINH, TT_THAU là tên, số trong danh mục, không nói về ai.",
    "XML3": "TEN_DICH_VU, TEN_VAT_TU, DON_VI_TINH, TT_THAU là tên, số trong danh mục, không nói về ai.",
    "XML4": "TEN_CHI_SO, GIA_TRI, DON_VI_DO là tên chỉ số và kết quả đo; mô tả và kết luận bằng lời nằm trong két.",
    "XML5": "Không có: mọi lời văn nằm trong két.",
    "XML9": "Ngày sinh của mẹ và con ở lại hồ vì cần tính tuổi; họ tên, số giấy tờ, nơi ở đều nằm trong két.",
    "XML13": "TEN_DICH_VU, TEN_THUOC (mẫu 4750) là tên trong danh mục, không nói về ai.",
}
# Root, list and row element of the sub-file; without a row the fields stand under the root.
WIRES: dict[str, tuple[str, ...]] = {
    "XML0": ("CHI_TIEU_TRANG_THAI_KCB", "DSACH_TRANG_THAI_KCB", "TRANG_THAI_KCB"),
    "XML1": ("TONG_HOP",),
    "XML2": ("CHITIEU_CHITIET_THUOC", "DSACH_CHI_TIET_THUOC", "CHI_TIET_THUOC"),
    "XML3": ("CHITIEU_CHITIET_DVKT_VTYT", "DSACH_CHI_TIET_DVKT", "CHI_TIET_DVKT"),
    "XML4": ("CHITIEU_CHITIET_DICHVUCANLAMSANG", "DSACH_CHI_TIET_CLS", "CHI_TIET_CLS"),
    "XML5": ("CHITIEU_CHITIET_DIENBIENLAMSANG", "DSACH_CHI_TIET_DIEN_BIEN_BENH", "CHI_TIET_DIEN_BIEN_BENH"),
    "XML6": tuple(f"{part}HO_SO_BENH_AN_CHAM_SOC_VA_DIEU_TRI_HIV_AIDS" for part in ("CHI_TIEU_", "DSACH_", "")),
    "XML7": ("CHI_TIEU_DU_LIEU_GIAY_RA_VIEN",),
    "XML8": ("CHI_TIEU_DU_LIEU_TOM_TAT_HO_SO_BENH_AN",),
    "XML9": ("CHI_TIEU_DU_LIEU_GIAY_CHUNG_SINH", "DSACH_GIAYCHUNGSINH", "DU_LIEU_GIAY_CHUNG_SINH"),
    "XML10": ("CHI_TIEU_DU_LIEU_GIAY_NGHI_DUONG_THAI",),
    "XML11": ("CHI_TIEU_DU_LIEU_GIAY_CHUNG_NHAN_NGHI_VIEC_HUONG_BAO_HIEM_XA_HOI",),
    "XML12": ("CHI_TIEU_GIAM_DINH_YKHOA", "DSACH_GIAM_DINH_YKHOA", "GIAM_DINH_YKHOA"),
    "XML13": ("CHI_TIEU_GIAYCHUYENTUYEN",),
    "XML14": ("CHI_TIEU_GIAYHEN_KHAMLAI",),
    "XML15": ("CHI_TIEU_DIEUTRI_BENHLAO", "DSACH_CHITIET_DIEUTRI_BENHLAO", "CHITIET_DIEUTRI_BENHLAO"),
}
BARE = ("XML0", "XML12")  # never inside a dossier envelope
# A row of these says by itself that someone is in care: even its keys are sensitive.
SENSITIVE = ("XML6", "XML15")
IN_4210 = ("XML1", "XML2", "XML3", "XML4", "XML5")


def field(row: Mapping[str, str]) -> dict[str, Any]:
    """One ODCS property of an official field; always text as received."""
    custom: list[tuple[str, Any]] = [("stt", int(row["stt"]))] if row["stt"] else []
    custom.append(("vault", row["vault"] == "true"))
    optional = {
        "shape": row["shape"],
        "receivedType": row["received_type"],
        "codeSystem": row["code_system"],
        "introducedIn": row["introduced_in"],
        "renamedFrom": row["renamed_from"],
        "renamedIn": row["renamed_in"],
        "droppedIn": row["dropped_in"],
        "requiredFrom": row["required_from"],
        "requiredUntil": row["required_until"],
        "requiredWhen": row["required_when"],
        "requiredRule": int(row["required_rule"]) if row["required_rule"] else None,
        "formatRule": int(row["format_rule"]) if row["format_rule"] else None,
    }
    custom.extend((key, value) for key, value in optional.items() if value)
    result: dict[str, Any] = {
        "name": row["field"],
        "logicalType": "string",
        "physicalType": "VARCHAR",
        "required": row["required"] == "always",
        "classification": row["data_class"],
        "description": row["description_vi"],
    }
    if row["check_length"]:
        result["logicalTypeOptions"] = {"maxLength": int(row["check_length"])}
    result["customProperties"] = [{"property": key, "value": value} for key, value in custom]
    return result


def technical(table: str) -> list[dict[str, Any]]:
    """version_id and row_no, the key of every table."""
    return [
        {
            "name": name,
            "logicalType": "integer",
            "physicalType": physical,
            "required": True,
            "primaryKey": True,
            "classification": "sensitive" if table in SENSITIVE else "open",
            "description": description,
        }
        for name, physical, description in (
            ("version_id", "BIGINT", "Phiên bản hồ sơ: số thứ tự nhận × 1.000.000 + thứ tự HOSO trong tệp"),
            ("row_no", "INTEGER", "Thứ tự dòng trong tệp con, đếm từ 1"),
        )
    ]


def contract(table: str, rows: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """The ODCS document of one table."""
    number = table.removeprefix("XML")
    title_vi, title_en, grain = TITLES[table]
    since_4210 = "; trước đó 4210/QĐ-BYT" if table in IN_4210 else ""
    custom: dict[str, Any] = {
        "titleVi": f"{table} · {title_vi}",
        "titleEn": f"{table} · {title_en}",
        "zone": "standard",
        "ownerUnit": "so-y-te",
        "legalBasis": f"Quyết định 130/QĐ-BYT, 4750/QĐ-BYT, 3176/QĐ-BYT{since_4210}",
        "cadence": "mỗi lần gửi",
        "versioned": True,
        "standardTable": table,
        "exceptions": EXCEPTIONS.get(table, NOTHING),
        **dict(zip(("wireRoot", "wireList", "wireRow"), WIRES[table], strict=False)),
    }
    if table in BARE:
        custom["bare"] = True
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"standard.xml130_{number}",
        "version": "1.0.0",
        "status": "active",
        "name": f"xml130_{number}",
        "domain": "kham-chua-benh",
        "description": {
            "purpose": f"Bảng {table} đúng như cơ sở gửi: {title_vi.lower()}.",
            "usage": "Chữ như nhận: NULL là không có thẻ, chữ rỗng là thẻ rỗng, dấu * là chữ giữ trong két.",
        },
        "schema": [
            {
                "name": f"xml130_{number}",
                "physicalName": f"standard.xml130_{number}",
                "physicalType": "table",
                "logicalType": "object",
                "dataGranularityDescription": grain,
                "properties": technical(table) + [field(row) for row in rows],
            }
        ],
        "slaProperties": [{"property": "retention", "value": 10, "unit": "y"}],
        "customProperties": [{"property": key, "value": value} for key, value in custom.items()],
    }


def render(document: Mapping[str, Any]) -> str:
    """YAML as committed: order kept, Vietnamese readable, one blank nowhere."""
    out = io.StringIO()
    yaml.safe_dump(dict(document), out, allow_unicode=True, sort_keys=False, width=120)
    return out.getvalue()


def in_order(rows: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """The fields of one table as columns: by stt, a dropped one where its edition had it."""
    ordered = [row for row in rows if row["stt"]]
    for row in rows:
        if row["dropped_in"]:
            names = [one["field"] for one in ordered]
            ordered.insert(names.index(row["place_after"]) + 1, row)
    return ordered


def documents() -> dict[str, str]:
    """File name → text of every generated contract."""
    with (ROOT / "sources" / "xml130_fields.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    return {
        f"xml130_{table.removeprefix('XML')}.yaml": render(
            contract(table, in_order([row for row in rows if row["table"] == table]))
        )
        for table in TITLES
    }


def main() -> None:
    for name, text in documents().items():
        (ROOT / "datasets" / "standard" / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
