"""A few hundred records of few people, with the errors of every day: RECORDS and their truth, from a seed."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa

FAMILIES = ("Nguyễn", "Nguyễn", "Nguyễn", "Trần", "Lê", "Võ", "Đinh", "Phan")
MIDDLES = ("Thị", "Văn", "Thị Thu", "Quốc", "Minh", "Ngọc")
GIVENS = ("Hoa", "Hà", "Hùng", "Lan", "Dũng", "Phượng", "Bảo", "Anh", "An", "Tuấn", "Khánh", "Vy")
PLAIN = str.maketrans("ễầêõúọịăơưốảùũàạáđĐ", "eaeouoiaouoauuaaadD")
NAMES = (
    "record_id", "facility_code", "patient_local_id", "full_name", "birth_date", "sex", "personal_id", "insurance_no",
    "phone", "address_text", "commune_code", "province_code", "ethnic_code", "visit_date",
)  # fmt: skip


def few_records(people: int, seed: int) -> tuple[pa.Table, pa.Table]:
    """(RECORDS, truth) of `people` persons in households of three, one to four records each."""
    r = random.Random(seed)
    rows, truth = list[dict[str, Any]](), list[dict[str, Any]]()
    for person in range(people):
        year, house = r.randrange(1940, 2020), person // 3
        male = r.random() < 0.5
        middle = r.choice([one for one in MIDDLES if one.startswith("Thị") != male])
        century = (0 if male else 1) + (2 if year >= 2000 else 0)
        told = {
            "full_name": f"{r.choice(FAMILIES)} {middle} {r.choice(GIVENS)}",
            "birth_date": f"{year}{r.randrange(1, 13):02d}{r.randrange(2, 29):02d}",
            "sex": "1" if male else "2",
            "personal_id": f"052{century}{year % 100:02d}{r.randrange(10**6):06d}",
            "insurance_no": f"{r.randrange(10**9, 10**10)}",
            "phone": f"09{random.Random(house).randrange(10**8):08d}",
            "address_text": f"{house % 97 + 1} Lê Lợi",
            "commune_code": "21583",
            "province_code": "52",
            "ethnic_code": "01",
        }
        for _ in range(r.randrange(1, 5)):
            row = told | {"facility_code": r.choice(("52001", "52004")), "patient_local_id": f"BN{person}"}
            if r.random() < 0.15:
                row["full_name"] = row["full_name"].translate(PLAIN)
            if r.random() < 0.15:
                row["birth_date"] = row["birth_date"][:4] + "0000"
            for field, rate in (("personal_id", 0.4), ("insurance_no", 0.4), ("phone", 0.3), ("patient_local_id", 0.5)):
                if r.random() < rate:
                    row[field] = ""
            rows.append(row | {"record_id": f"R{len(rows):05d}", "visit_date": "20250310"})
            truth.append({"record_id": rows[-1]["record_id"], "person": f"P{person}", "household": f"H{house}"})
    return pa.Table.from_pylist(rows).select(NAMES), pa.Table.from_pylist(truth)
