"""What reading would give of what writing would write, without the file in between.

For dossiers that are made and not received: no file is as cheap as none. Every text is taken as it is, so this holds
for rows that `write_delivery` accepts and that the checks find nothing in; whoever uses it looks now and then whether
the reader says the same.
"""

from __future__ import annotations

from functools import lru_cache

from bienho.standards.xml130.read_document import admitted
from bienho.standards.xml130.read_model import Dossier, Tables
from bienho.standards.xml130.versions import TABLES, day_of, detect, marks_4210, wire_names


def as_read(tables: Tables, *, facility: str, version: str) -> Dossier:
    """The dossier of a canonical file of this facility with these tables alone, written in this version."""
    held = {table: tables[table] for table in TABLES if tables.get(table)}
    head = held["XML1"][0]
    moment = next((text for name in ("NGAY_RA", "NGAY_VAO") if day_of(text := head.get(name, ""))), "")
    fields = tuple((table, tuple(rows[0])) for table, rows in held.items())
    span, is_4210 = _structure(fields, version)
    edition, evidence = detect(span, is_4210, (moment[:8],))
    names = {table: wire_names(table, version) for table in held}
    return Dossier(
        1, facility, head["MA_LK"], head.get("MA_BN"), edition, evidence, held,
        received_names={table: dict(wire) for table, wire in names.items() if wire},
    )  # fmt: skip


@lru_cache(maxsize=4096)
def _structure(tables: tuple[tuple[str, tuple[str, ...]], ...], version: str) -> tuple[tuple[int, int], bool]:
    """What the reader sees of an edition in the names of tables and fields."""
    received = {
        table: frozenset(wire_names(table, version).get(name, name).upper() for name in names)
        for table, names in tables
    }
    return admitted(received.items()), not marks_4210().isdisjoint(received["XML1"])
