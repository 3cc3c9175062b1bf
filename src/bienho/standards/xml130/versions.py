"""Which decision a dossier follows (design 8.14): the newest in force on NGAY_RA that admits the elements present.

Windows are data (`versions.yaml`, with their standing).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Literal

from bienho.contracts import Contract, Wire, catalogue
from bienho.core.documents import read_yaml
from bienho.core.errors import IntegrityError

Evidence = Literal["structure", "date", "door"]
Document = Literal["visit", "check_in", "assessment"]
TABLES = tuple(f"XML{number}" for number in (*range(1, 16), 0))
"""Every table of the family, XML1 first; check-in, which comes from the visit's first hour, last."""
BARE: Mapping[str, Document] = {"XML0": "check_in", "XML12": "assessment"}
"""Tables that travel as a file of their own, never in a dossier envelope → the document such a file holds."""


@dataclass(frozen=True, slots=True)
class Edition:
    """One decision: in force for discharges in [start, end]; `end` None is open. `rank` 0 is the oldest."""

    name: str
    rank: int
    start: date
    end: date | None

    def in_force(self, day: date) -> bool:
        return self.start <= day and (self.end is None or day <= self.end)


@cache
def _data() -> dict[str, Any]:
    text = resources.files("bienho.standards.xml130").joinpath("versions.yaml").read_text(encoding="utf-8")
    data: dict[str, Any] = read_yaml(text)
    return data


@cache
def editions() -> tuple[Edition, ...]:
    """Editions, oldest first."""
    return tuple(
        Edition(entry["name"], rank, entry["from"], entry["until"]) for rank, entry in enumerate(_data()["editions"])
    )


@cache
def rank_of(name: str) -> int:
    """Place of an edition in time, 0 the oldest; KeyError for an unknown name."""
    return {edition.name: edition.rank for edition in editions()}[name]


@cache
def known_tables() -> Mapping[str, int]:
    """Every LOAIHOSO the family knows → rank of the edition that brought it."""
    return {table: rank_of(name) for table, name in _data()["tables"].items()}


@cache
def contract_of(table: str) -> Contract:
    """The contract of XML0 … XML15."""
    return catalogue()[f"standard.xml130_{table.removeprefix('XML')}"]


@cache
def wire_of(table: str) -> Wire:
    """Element names of a table's sub-file."""
    wire = contract_of(table).wire
    if wire is None:
        raise IntegrityError("INT-CONTRACT", f"Hợp đồng của bảng {table} thiếu tên thẻ bao.")
    return wire


@lru_cache(maxsize=1024)
def editions_of(table: str, names: frozenset[str]) -> tuple[int, int]:
    """(oldest, newest) rank of the editions that can have written these element names into a table.

    An earlier name or a dropped field bounds from above; one of 4210 does not (`marks_4210` decides there). Where the
    names contradict each other the newer ones win. Unknown names ask for nothing.
    """
    last = editions()[-1].rank
    low, highs = known_tables()[table], [last]
    for field in contract_of(table).official_fields:
        new_since = rank_of(field.renamed_in) if field.renamed_in else 0
        since = rank_of(field.introduced_in or "130")
        if field.name in names:
            # a renamed field under its new name was not written by the edition before
            low = max(low, since, new_since)
            highs += [rank_of(field.dropped_in) - 1] if field.dropped_in else []
        if field.renamed_from in names:
            low = max(low, since)
            highs += [new_since - 1] if new_since > 1 else []
    return low, min(high for high in highs if high >= low)


@cache
def renamed(table: str) -> Mapping[str, str]:
    """Earlier name → official name, for fields a later edition renamed."""
    return {field.renamed_from: field.name for field in contract_of(table).official_fields if field.renamed_from}


@cache
def wire_names(table: str, edition: str) -> Mapping[str, str]:
    """Official name → the name a field had in an edition, where they differ."""
    rank = rank_of(edition)
    return {
        field.name: field.renamed_from
        for field in contract_of(table).official_fields
        if field.renamed_from and field.renamed_in and rank < rank_of(field.renamed_in)
    }


@cache
def dropped_4210(table: str) -> frozenset[str]:
    """Names of 4210 without a successor in the same table."""
    return frozenset(_data()["dropped_4210"].get(table, ()))


@cache
def sizes(edition: str) -> Mapping[str, int]:
    """`XML1.SO_CCCD` → size in characters that an edition prints, where newer editions have a larger one."""
    return dict(_data()["sizes"].get(edition, {}))


@cache
def marks_4210() -> frozenset[str]:
    """Names in XML1 that only 4210 uses."""
    return frozenset(_data()["marks_4210"])


def day_of(text: str | None) -> date | None:
    """Calendar day of a yyyymmdd… text, blanks around it forgiven; None when it is none."""
    return _day((text or "").strip()[:8])


@lru_cache(maxsize=8192)
def _day(digits: str) -> date | None:
    if len(digits) < 8 or not digits.isascii() or not digits.isdigit():
        return None
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None


def detect(
    span: tuple[int, int], is_4210: bool, moments: Collection[str | None], door: str | None = None
) -> tuple[str, Evidence]:
    """(edition, evidence).

    `span` are the ranks of the oldest and newest edition the elements admit, `is_4210` whether XML1 wears the names of
    4210, `moments` the dates to judge by, best first (NGAY_RA, NGAY_VAO, NGAYLAP), `door` what the way in said.
    Structure overrules the door; the door overrules the date.
    """
    known, (oldest, newest) = editions(), span
    if is_4210 and oldest == 0:
        return known[0].name, "structure"
    if door is not None and oldest <= rank_of(door) <= newest:
        return door, "door"
    day = next((found for moment in moments if (found := day_of(moment))), None)
    if day is None:
        return known[newest].name, "structure"
    in_force = [edition for edition in known if edition.in_force(day)]
    admitting = [edition for edition in in_force if oldest <= edition.rank <= newest]
    if admitting:
        return admitting[-1].name, "date" if admitting[-1] is in_force[-1] else "structure"
    return known[oldest].name, "structure"
