"""Dossiers for tests of the XML130 rooms: plausible texts for every field of every edition, made by a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime

from bienho.standards.xml130 import Dossier, Versioned
from bienho.standards.xml130.versions import contract_of, known_tables, rank_of, wire_of
from bienho.standards.xml130.write import BARE, TABLES, layout

Tables = dict[str, list[dict[str, str]]]
COMMON = TABLES[:5]
"""XML1 … XML5, which every edition has."""
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
        "datetime_list": day + "0930",
        "partial_datetime": "199002000000",
        "integer": str(rng.randint(1, 9)),
        "decimal_list": "3100",
        "decimal(6,2)": str(rng.randint(1, 99)),
    }
    if kind in texts:
        return texts[kind][: limit or 1000]
    if kind:
        number = f"{rng.randint(1, 9999)}.{rng.randint(10, 99)}"
        return number if len(number) <= (limit or 1000) else number[0]
    text = f"Ghi chú & <{rng.randint(0, 99)}>, đủ dấu" if field.shape == "free" else f"K{rng.randint(0, 9)}.A1"
    return text[: limit or 1000]


def tables_of(version: str) -> tuple[str, ...]:
    """Tables an edition has in a dossier envelope."""
    return tuple(table for table in TABLES if table not in BARE and known_tables()[table] <= rank_of(version))


def make_rows(
    table: str, version: str = "3176", count: int = 2, seed: int = 1, ma_lk: str = "LK-0001"
) -> list[dict[str, str]]:
    """Rows of one table, every field of the edition filled, official names."""
    rng = random.Random(f"{version}/{count}/{seed}/{table}")
    rows = []
    for number in range(count):
        row = {
            field.official: text_for(table, field.official, field.max_length, DAYS[version], rng)
            for field in layout(table, version)
        }
        if table != "XML12":
            row["MA_LK"] = ma_lk
        if "STT" in row:
            row["STT"] = str(number + 1)
        if "MA_CSKCB" in row:
            row["MA_CSKCB"] = "64001"
        rows.append(row)
    return rows


def make_tables(
    version: str = "3176",
    lines: int = 2,
    seed: int = 1,
    ma_lk: str = "LK-0001",
    tables: Sequence[str] = COMMON,
) -> Tables:
    """One row of single tables (XML1 …) and `lines` rows of the others."""
    counts = {table: 1 if wire_of(table).single else lines for table in tables}
    return {table: make_rows(table, version, count, seed, ma_lk) for table, count in counts.items()}


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
