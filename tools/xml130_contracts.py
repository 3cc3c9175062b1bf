"""Write the contracts of standard.xml130_1 … xml130_5 from contracts/sources/xml130_fields.csv.

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
    "XML1": ("Tổng hợp lượt khám, chữa bệnh", "Visit summary", "một dòng tổng hợp của một phiên bản hồ sơ"),
    "XML2": ("Chi tiết thuốc", "Drug lines", "một dòng thuốc của một phiên bản hồ sơ"),
    "XML3": ("Dịch vụ kỹ thuật, giường, vật tư y tế", "Services, beds and supplies", "một dòng dịch vụ hoặc vật tư"),
    "XML4": ("Kết quả cận lâm sàng", "Laboratory and imaging results", "một kết quả cận lâm sàng"),
    "XML5": ("Diễn biến lâm sàng", "Clinical progress notes", "một dòng diễn biến lâm sàng"),
}
EXCEPTIONS = {
    "XML1": "NGAY_SINH ở lại hồ vì cần tính tuổi; bản xuất cho người ngoài chỉ đưa tuổi hoặc năm.",
    "XML2": "TEN_THUOC, HAM_LUONG, DANG_BAO_CHE, DON_VI_TINH, TT_THAU là tên, số trong danh mục, không nói về ai.",
    "XML3": "TEN_DICH_VU, TEN_VAT_TU, DON_VI_TINH, TT_THAU là tên, số trong danh mục, không nói về ai.",
    "XML4": "TEN_CHI_SO, GIA_TRI, DON_VI_DO là tên chỉ số và kết quả đo; mô tả và kết luận bằng lời nằm trong két.",
    "XML5": "Không có: mọi lời văn nằm trong két.",
}


def field(row: Mapping[str, str]) -> dict[str, Any]:
    """One ODCS property of an official field; always text as received."""
    custom: list[tuple[str, Any]] = [("stt", int(row["stt"])), ("vault", row["vault"] == "true")]
    optional = {
        "shape": row["shape"],
        "receivedType": row["received_type"],
        "codeSystem": row["code_system"],
        "introducedIn": row["introduced_in"],
        "renamedFrom": row["renamed_from"],
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


def technical() -> list[dict[str, Any]]:
    """version_id and row_no, the key of every line table."""
    return [
        {
            "name": name,
            "logicalType": "integer",
            "physicalType": physical,
            "required": True,
            "primaryKey": True,
            "classification": "open",
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
    custom = {
        "titleVi": f"{table} · {title_vi}",
        "titleEn": f"{table} · {title_en}",
        "zone": "standard",
        "ownerUnit": "so-y-te",
        "legalBasis": "Quyết định 130/QĐ-BYT, 4750/QĐ-BYT, 3176/QĐ-BYT; trước đó 4210/QĐ-BYT",
        "cadence": "mỗi lần gửi",
        "versioned": True,
        "standardTable": table,
        "exceptions": EXCEPTIONS[table],
    }
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
                "properties": technical() + [field(row) for row in rows],
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


def documents() -> dict[str, str]:
    """File name → text of every generated contract."""
    with (ROOT / "sources" / "xml130_fields.csv").open(encoding="utf-8", newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["stt"]]
    return {
        f"xml130_{table.removeprefix('XML')}.yaml": render(
            contract(table, [row for row in rows if row["table"] == table])
        )
        for table in TITLES
    }


def main() -> None:
    for name, text in documents().items():
        (ROOT / "datasets" / "standard" / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
