"""What reading would give of what writing would write, without the file in between.

For dossiers that are made and not received: no file is as cheap as none. Every text is taken as it is, so this holds
for rows that `write_delivery` accepts and that the checks find nothing in; whoever uses it looks now and then whether
the reader says the same.
"""

from __future__ import annotations

from functools import lru_cache

import orjson

from bienho.standards.xml130.read_block import Block, Blocks, Layout, Row
from bienho.standards.xml130.read_document import admitted
from bienho.standards.xml130.read_model import Dossier, Tables
from bienho.standards.xml130.versions import TABLES, Evidence, day_of, detect, marks_4210, wire_names


def as_read(tables: Tables, *, facility: str, version: str) -> Dossier:
    """The dossier of a canonical file of this facility with these tables alone, written in this version.

    Rows of a table have the same fields in the same order; ValueError where they have not so many as the first.
    """
    held = {table: tables[table] for table in TABLES if tables.get(table)}
    head = held["XML1"][0]
    moment = next((text for name in ("NGAY_RA", "NGAY_VAO") if day_of(text := head.get(name, ""))), "")
    blocks = {table: _Mapped(table, rows, version) for table, rows in held.items()}
    span, is_4210 = _structure(tuple(block.layout for block in blocks.values()))
    edition, evidence = _edition(span, is_4210, moment[:8])
    return Dossier(
        1, facility, head["MA_LK"], head.get("MA_BN"), edition, evidence, Blocks({**blocks}),
        received_names={table: dict(wire) for table in held if (wire := wire_names(table, version))},
    )  # fmt: skip


class _Mapped(Block):
    """A block made of mappings: who wants them, or their JSON, has it from them."""

    __slots__ = ("_mappings",)

    def __init__(self, table: str, rows: list[Row], version: str) -> None:
        fields = tuple(rows[0])
        if set(map(len, rows)) != {len(fields)}:
            raise ValueError(f"rows of {table} differ in their fields")
        super().__init__(_layout(table, fields, version), list(map(tuple, map(dict.values, rows))))
        self._mappings = rows

    def mappings(self) -> list[Row]:
        return self._mappings

    def json(self) -> bytes:
        return orjson.dumps(self._mappings, option=orjson.OPT_SORT_KEYS)


@lru_cache(maxsize=4096)
def _layout(table: str, fields: tuple[str, ...], version: str) -> Layout:
    received = wire_names(table, version)
    names = frozenset(received.get(name, name).upper() for name in fields)
    return Layout(table, fields, names, dict(received))


@lru_cache(maxsize=4096)
def _structure(layouts: tuple[Layout, ...]) -> tuple[tuple[int, int], bool]:
    """What the reader sees of an edition in the names of tables and fields."""
    received = {layout.table: layout.names for layout in layouts}
    return admitted(received.items()), not marks_4210().isdisjoint(received["XML1"])


@lru_cache(maxsize=8192)
def _edition(span: tuple[int, int], is_4210: bool, day: str) -> tuple[str, Evidence]:
    return detect(span, is_4210, (day,))
