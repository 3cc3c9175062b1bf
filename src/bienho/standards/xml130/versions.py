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

import yaml

from bienho.contracts import Contract, catalogue

Evidence = Literal["structure", "date", "door"]
TABLES = ("XML1", "XML2", "XML3", "XML4", "XML5")
"""Tables taken into the lake."""


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
    data: dict[str, Any] = yaml.safe_load(text)
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
    """The contract of XML1 … XML5."""
    return catalogue()[f"standard.xml130_{table.removeprefix('XML')}"]


@cache
def field_ranks(table: str) -> Mapping[str, int]:
    """Official field → rank of the edition that brought it."""
    return {field.name: rank_of(field.introduced_in or "130") for field in contract_of(table).official_fields}


@lru_cache(maxsize=1024)
def newest_rank(table: str, names: frozenset[str]) -> int:
    """Rank of the newest edition some element name asks for; unknown names ask for nothing."""
    by_name, new_names = field_ranks(table), set(renamed(table).values())
    # a renamed field under its new name was not written by 4210
    return max((max(by_name[name], name in new_names) for name in names if name in by_name), default=0)


@cache
def renamed(table: str) -> Mapping[str, str]:
    """Name in 4210 → official name, for fields 130 renamed."""
    return {field.renamed_from: field.name for field in contract_of(table).official_fields if field.renamed_from}


@cache
def names_4210(table: str) -> Mapping[str, str]:
    """Official name → name in 4210, for fields 130 renamed."""
    return {official: old for old, official in renamed(table).items()}


@cache
def dropped_4210(table: str) -> frozenset[str]:
    """Names of 4210 without a successor in the same table."""
    return frozenset(_data()["dropped_4210"].get(table, ()))


@cache
def marks_4210() -> frozenset[str]:
    """Names in XML1 that only 4210 uses."""
    return frozenset(_data()["marks_4210"])


def day_of(text: str | None) -> date | None:
    """Calendar day of a yyyymmdd… text, None when it is none."""
    if not text or len(text) < 8 or not text[:8].isascii() or not text[:8].isdigit():
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return None


def detect(
    needed: int, is_4210: bool, moments: Collection[str | None], door: str | None = None
) -> tuple[str, Evidence]:
    """(edition, evidence).

    `needed` is the rank of the newest element present, `is_4210` whether XML1 wears the names of 4210, `moments` the
    dates to judge by, best first (NGAY_RA, NGAY_VAO, NGAYLAP), `door` what the way in said. Structure overrules the
    door; the door overrules the date.
    """
    known = editions()
    if is_4210 and needed == 0:
        return known[0].name, "structure"
    if door is not None and rank_of(door) >= needed:
        return door, "door"
    day = next((found for moment in moments if (found := day_of(moment))), None)
    if day is None:
        return known[-1].name, "structure"
    in_force = [edition for edition in known if edition.in_force(day)]
    admitting = [edition for edition in in_force if edition.rank >= needed]
    if admitting:
        return admitting[-1].name, "date"
    return known[needed].name, "structure"
