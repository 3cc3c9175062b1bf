"""Dossiers for tests of the XML130 rooms: plausible texts for every field of every edition, made by a seed."""

from __future__ import annotations

import random
from datetime import UTC, datetime

from bienho.standards.xml130 import Dossier, Versioned
from bienho.standards.xml130.versions import contract_of
from bienho.standards.xml130.write import TABLES, layout

Tables = dict[str, list[dict[str, str]]]
DAYS = {"4210": "20220310", "130": "20230911", "4750": "20240520", "3176": "20260102"}


def text_for(table: str, name: str, limit: int | None, day: str, rng: random.Random) -> str:
    """A sound text for a field."""
    field = contract_of(table).by_name[name]
    kind = field.received_type or ""
    texts = {
        "date": day,
        "date_list": day,
        "date_or_datetime": day,
        "datetime": day + "0930",
        "partial_datetime": "199002000000",
        "integer": str(rng.randint(1, 9)),
        "decimal_list": "3100",
        "decimal(6,2)": str(rng.randint(1, 99)),
    }
    if kind in texts:
        return texts[kind]
    if kind:
        return f"{rng.randint(1, 9999)}.{rng.randint(10, 99)}"
    text = f"Ghi chú & <{rng.randint(0, 99)}>, đủ dấu" if field.shape == "free" else f"K{rng.randint(0, 9)}.A1"
    return text[: limit or 1000]


def make_tables(version: str = "3176", lines: int = 2, seed: int = 1, ma_lk: str = "LK-0001") -> Tables:
    """XML1 and `lines` rows of XML2 … XML5, every field of the edition filled, official names."""
    rng = random.Random(f"{version}/{lines}/{seed}")
    tables: Tables = {}
    for table in TABLES:
        tables[table] = []
        for number in range(1 if table == "XML1" else lines):
            row = {
                field.official: text_for(table, field.official, field.max_length, DAYS[version], rng)
                for field in layout(table, version)
            }
            row["MA_LK"] = ma_lk
            if "STT" in row:
                row["STT"] = str(number + 1)
            tables[table].append(row)
    tables["XML1"][0]["MA_CSKCB"] = "64001"
    return tables


def versioned(dossier: Dossier, number: int = 1) -> Versioned:
    """A dossier under made-up names."""
    return Versioned(
        version_id=number * 1_000_000 + dossier.hoso,
        delivery_seq=number,
        dossier=dossier,
        dossier_key=f"{number:032x}",
        patient_key=f"{number:032x}",
        record_id=f"{number:032x}",
        content_digest=f"{number:032x}",
        received_at=datetime(2026, 1, 3, tzinfo=UTC),
    )
