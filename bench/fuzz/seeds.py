"""Sound sub-files to start from: every table of every edition, in several dresses, made by the project's strict writer.

They are small (required fields and a few others, one to three rows), because a million cases must be affordable.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache, partial

from bienho.contracts import Field
from bienho.core.errors import InputError
from bienho.standards.xml130.versions import BARE, TABLES, contract_of
from bienho.standards.xml130.write import STYLES, Style, write_assessment, write_check_in, write_subfile
from bienho.standards.xml130.write_layout import VERSIONS, layout, shape

Row = dict[str, str]
MA_LK = "LK-1"
FACILITY = "64001"
KEYS = ("MA_LK", "MA_CSKCB", "SO_BIEN_BAN", "NGAY_HOP")
DAYS = {"4210": "20220310", "130": "20230911", "4750": "20240520", "3176": "20260102"}
DRESSES: tuple[Style, ...] = (*STYLES.values(), Style(indent=True, cdata=True, shuffle=3), Style(sub_declaration=False))
_WRITERS = {"XML0": write_check_in, "XML12": write_assessment}
POOL = 8
"""Sub-files kept per table and edition."""


@dataclass(frozen=True, slots=True)
class Seed:
    """One sound sub-file and the rows that must come out of it."""

    table: str
    text: str
    rows: tuple[Row, ...]


@cache
def tables_of(version: str) -> tuple[str, ...]:
    """Every table this edition knows, XML1 first."""
    return tuple(table for table in TABLES if _known(table, version))


def _known(table: str, version: str) -> bool:
    try:
        return bool(layout(table, version))
    except InputError:
        return False


@cache
def inside(version: str) -> tuple[str, ...]:
    """Tables beside XML1 that travel in an envelope of this edition."""
    return tuple(table for table in tables_of(version) if table != "XML1" and table not in BARE)


@cache
def alone(version: str) -> tuple[str, ...]:
    """Tables of this edition that travel as a file of their own."""
    return tuple(table for table in tables_of(version) if table in BARE)


@cache
def pool(table: str, version: str) -> tuple[Seed, ...]:
    """Seeds of one table in one edition; always the same ones.

    The fields of a table are chosen once: a reader that learns sequences of names meets the same ones again, as it does
    with the files of one hospital.
    """
    chance = random.Random(f"{table}/{version}")
    chosen = {one.official: one.required or chance.random() < 0.12 for one in layout(table, version)}
    seeds = []
    for number in range(POOL):
        style = DRESSES[(number + len(table) * len(version)) % len(DRESSES)] if number > POOL // 2 else DRESSES[0]
        single = shape(table, version).row is None
        rows = [_row(table, version, chosen, chance) for _ in range(1 if single else chance.choice((1, 1, 2)))]
        data = _WRITERS.get(table, partial(write_subfile, table))(rows, version=version, style=style)
        seeds.append(Seed(table, data.decode().removeprefix("\ufeff"), tuple(rows)))
    return tuple(seeds)


def _row(table: str, version: str, chosen: dict[str, bool], chance: random.Random) -> Row:
    row = {
        one.official: _text(contract_of(table).by_name[one.official], one.max_length, version, chance)
        if one.required or chance.random() < 0.9
        else ""
        for one in layout(table, version)
        if chosen[one.official] or one.official in KEYS
    }
    keys = {"MA_LK": MA_LK, "MA_CSKCB": FACILITY, "SO_BIEN_BAN": "BB-1", "NGAY_HOP": DAYS[version]}
    row.update((name, text) for name, text in keys.items() if name in row)
    return row


def _text(field: Field, limit: int | None, version: str, chance: random.Random) -> str:
    day = DAYS[version]
    kind = field.received_type or ""
    by_kind = {
        "date": day,
        "date_list": day,
        "date_or_datetime": day,
        "datetime": day + "0930",
        "partial_datetime": "199002000000",
        "integer": str(chance.randint(1, 9)),
        "decimal_list": "3100",
        "decimal(6,2)": str(chance.randint(1, 99)),
    }
    if kind in by_kind:
        return by_kind[kind][: limit or 40]
    if kind:
        return f"{chance.randint(1, 999)}.{chance.randint(10, 99)}"[: limit or 10]
    if field.shape == "free":
        return chance.choice(("Sốt & ho", "Đau < 3 ngày", "khoẻ", "a]b", " hai  blanks "))[: limit or 40]
    return f"K{chance.randint(0, 9)}.A1"[: limit or 40]


def warm() -> None:
    """Make every seed once, so that no case is charged for it."""
    for version in VERSIONS:
        for table in tables_of(version):
            pool(table, version)
