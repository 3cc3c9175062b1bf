"""Errors planted into the tables of a clean twin (see the README above); `plant` says what stands where."""

from __future__ import annotations

from plausibility.planted.of_dossiers import DOSSIER_ERRORS
from plausibility.planted.of_people import PEOPLE_ERRORS
from plausibility.planted.sheets import Planted, Sheets, Tables

KINDS = (*DOSSIER_ERRORS, *PEOPLE_ERRORS)
"""Every error that can be planted."""


def plant(tables: Tables, kinds: tuple[str, ...], seed: int) -> tuple[dict[str, object], list[Planted]]:
    """A copy of `tables` with one error of each kind, each on people of its own, and what was planted."""
    sheets = Sheets(tables, seed)
    makers = DOSSIER_ERRORS | PEOPLE_ERRORS  # what few people are fit for comes first, the crowd last
    planted = [maker(sheets) for kind, maker in makers.items() if kind in kinds]
    return sheets.tables(), planted


__all__ = ["KINDS", "Planted", "plant"]
