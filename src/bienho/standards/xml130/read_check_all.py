"""The checks of `read_checks` over the rows of many dossiers at once, column by column.

Most columns of a batch are sound as a whole, and that is told by one pattern over their different texts; only dossiers
with a text, or a lack of one, that may be a fault are looked at row by row. So the screen may hold up a sound dossier,
never let a faulty one pass; a property test holds that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from bienho.config.limits import Limits
from bienho.contracts import Field, Shape
from bienho.standards.xml130.read_block import Block, Blocks, Texts
from bienho.standards.xml130.read_checks import PLAIN, SEPARATOR, required_fields
from bienho.standards.xml130.read_codes import Bad, log_fault
from bienho.standards.xml130.read_document import checked
from bienho.standards.xml130.read_model import Dossier, Item, UnreadableDossier
from bienho.standards.xml130.versions import TABLES, contract_of, day_of

_FEW = 8
"""Dossiers up to which looking at every row is cheaper than looking at columns."""


def check_all(items: Sequence[Item], limits: Limits) -> list[Item]:
    """The items, with the rows of those that are in `Blocks` checked."""
    waiting = [
        (place, item, item.tables)
        for place, item in enumerate(items)
        if isinstance(item, Dossier) and isinstance(item.tables, Blocks)
    ]
    result = list(items)
    drafts = [_Draft(dossier, tables.blocks) for _, dossier, tables in waiting]
    held_up = _screen(drafts) if len(waiting) > _FEW else range(len(waiting))
    for number in held_up:
        place, dossier, _ = waiting[number]
        result[place] = _looked_at(dossier, limits)
    return result


@dataclass(frozen=True, slots=True)
class _Draft:
    """A dossier and its tables."""

    dossier: Dossier
    blocks: Mapping[str, Block]
    _required: dict[str, frozenset[str]] = field(default_factory=dict)

    def required(self, table: str) -> frozenset[str]:
        """Fields of a table it must have."""
        known = self._required.get(table)
        if known is None:
            day = day_of(self.blocks["XML1"].first("NGAY_RA")[0])
            known = self._required[table] = required_fields(table, self.dossier.format_version, day)
        return known


def _looked_at(dossier: Dossier, limits: Limits) -> Item:
    try:
        return checked(dossier, limits)
    except Exception as error:
        # A fault of this reader must stay with the one HOSO that shows it, or it blocks every delivery behind it.
        log_fault(error)
        bad = Bad("IN-READER")
        return UnreadableDossier(dossier.hoso, dossier.facility, dossier.ma_lk, bad.code, bad.message)


def _screen(drafts: Sequence[_Draft]) -> list[int]:
    """Places of the dossiers in which something may be found."""
    held_up: set[int] = set()
    for table in TABLES:
        rows: list[Texts] = []
        owners: list[int] = []
        for place, draft in enumerate(drafts):
            block = draft.blocks.get(table)
            if block is not None:
                rows += block.aligned
                owners += [place] * len(block.rows)
        for column, judged in zip(zip(*rows, strict=True), _columns(table), strict=False):
            if judged.field.required:
                _hold_empty(drafts, judged, column, owners, held_up)
            if judged.plain is not None or judged.field.max_length is not None:
                _hold_odd(judged, column, owners, held_up)
    return sorted(held_up)


@dataclass(frozen=True, slots=True)
class _Plain:
    """What tells that one text is sound, and that many are, each with a separator behind it."""

    alone: re.Pattern[str]
    together: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class _Column:
    """A field; `plain` None where any text is sound."""

    table: str
    field: Field
    plain: _Plain | None


@cache
def _columns(table: str) -> tuple[_Column, ...]:
    return tuple(
        _Column(table, field, None if field.in_vault or field.shape == "free" else _plain(field.shape))
        for field in contract_of(table).official_fields
    )


@cache
def _plain(shape: Shape) -> _Plain:
    return _Plain(re.compile(PLAIN[shape]), re.compile(f"(?:(?>{PLAIN[shape]}){SEPARATOR})*+"))


def _hold_empty(
    drafts: Sequence[_Draft], judged: _Column, column: Texts, owners: Sequence[int], held_up: set[int]
) -> None:
    """Note the dossiers that lack a text they must have."""
    # in a column of a shape white space alone is odd, so `_hold_odd` sees it; one that takes any text is asked here
    if all(column) and (judged.plain is not None or not any(map(str.isspace, filter(None, column)))):
        return
    name = judged.field.name
    lacking = {owner for owner, text in zip(owners, column, strict=True) if not text or text.isspace()} - held_up
    held_up.update(owner for owner in lacking if name in drafts[owner].required(judged.table))


def _hold_odd(judged: _Column, column: Texts, owners: Sequence[int], held_up: set[int]) -> None:
    """Note the dossiers with a text that is too long or not of its field's shape."""
    odd: set[str] = set()
    longest = judged.field.max_length
    if longest is not None and max(map(len, filter(None, column)), default=0) > longest:
        odd.update(text for text in column if text and len(text) > longest)
    if judged.plain is not None:
        different = set(filter(None, column))
        if judged.plain.together.fullmatch(SEPARATOR.join(different) + SEPARATOR) is None:
            odd.update(text for text in different if judged.plain.alone.fullmatch(text) is None)
    if odd:
        held_up.update(owner for owner, text in zip(owners, column, strict=True) if text in odd)
