"""What every kind of dirt has in common: how an error is told, and the written dossier it is put into."""

from __future__ import annotations

from dataclasses import dataclass

from bienho.standards.xml130.write import layout

Files = list[tuple[str, str]]
"""One HOSO as (LOAIHOSO, text of NOIDUNGFILE)."""
Subfiles = list[tuple[str, bytes]]

FOUND = "accepted_with_findings"
ASIDE = "quarantined"
CLEAN = "accepted"
LOST = "lost"


@dataclass(frozen=True, slots=True)
class Injected:
    """What was done: `outcome` is what the house of today must say of the dossier, `code` what the reader must find or
    give as its reason (None: nothing, or another room does), `rule` the number of the check.

    `row`: the row of the table from 1. `was`: the class of what stood there, as the list of entry errors has it (never
    a value of its own: the truth of people holds that)."""

    kind: str
    table: str
    field: str
    outcome: str
    rule: int | None
    note: str
    code: str | None = None
    row: int | None = None
    was: str | None = None


def wire_name(field: str, version: str, table: str = "XML1") -> str:
    """Name of a field on the wire."""
    return next(f.wire for f in layout(table, version) if f.official == field)
