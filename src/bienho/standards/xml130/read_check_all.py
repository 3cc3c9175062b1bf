"""The checks of `read_checks` over the rows of many dossiers at once, column by column.

Most columns of a batch are sound as a whole, and that is told by a glance at their bytes, or by one pattern over their
different texts; only dossiers with a text, or a lack of one, that may be a fault are looked at row by row. So the
screen may hold up a sound dossier, never let a faulty one pass; a property test holds that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bienho.config.limits import Limits
from bienho.contracts import Field, Shape
from bienho.contracts.glance import Glance, glances_at
from bienho.standards.xml130.read_block import Block, Blocks, Slab, SlabBlock, Texts, python_texts
from bienho.standards.xml130.read_checks import PLAIN, SEPARATOR, required_fields
from bienho.standards.xml130.read_codes import Bad, log_fault
from bienho.standards.xml130.read_document import checked
from bienho.standards.xml130.read_gather import finished
from bienho.standards.xml130.read_model import Dossier, Draft, Item, UnreadableDossier
from bienho.standards.xml130.versions import TABLES, contract_of, day_of

Owners = npt.NDArray[np.int64]
_NOBODY = -1
_FEW = 8
"""Dossiers up to which looking at every row is cheaper than looking at columns."""


def check_all(drafts: Sequence[Draft], limits: Limits) -> list[Item]:
    """The drafts read, and the rows of those that are in `Blocks` checked."""
    items = finished(drafts, limits)
    del drafts  # the bytes of sub-files, where the caller kept none
    waiting = [
        (place, item, item.tables)
        for place, item in enumerate(items)
        if isinstance(item, Dossier) and isinstance(item.tables, Blocks)
    ]
    result = list(items)
    held_up = (
        _screen([_Draft(dossier, tables.blocks) for _, dossier, tables in waiting])
        if len(waiting) > _FEW
        else range(len(waiting))
    )
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
    lines: dict[str, tuple[list[Texts], list[int]]] = {table: ([], []) for table in TABLES}
    slabs: dict[int, tuple[str, Slab, list[tuple[int, int, int]]]] = {}
    for place, draft in enumerate(drafts):
        for table, block in draft.blocks.items():
            if isinstance(block, SlabBlock):
                known = slabs.get(id(block.slab))
                if known is None:
                    known = slabs[id(block.slab)] = table, block.slab, []
                known[2].append((block.start, block.count, place))
            else:
                lines[table][0].extend(block.aligned)
                lines[table][1].extend([place] * block.count)
    for table, slab, runs in slabs.values():
        _screen_slab(drafts, table, slab, runs, held_up)
    for table, (rows, owners) in lines.items():
        for column, judged in zip(zip(*rows, strict=True), _columns(table), strict=False):
            if judged.field.required:
                _hold_empty(drafts, judged, column, owners, held_up)
            if judged.plain is not None or judged.field.max_length is not None:
                _hold_odd(judged, column, owners, held_up)
    return sorted(held_up)


def _screen_slab(
    drafts: Sequence[_Draft], table: str, slab: Slab, runs: Sequence[tuple[int, int, int]], held_up: set[int]
) -> None:
    """As the columns of `_screen`; `runs`: from which row on how many are of which draft. Some may be of none."""
    glances = glances_at(slab.texts, len(slab.layout.fields))
    owners: Owners | None = None  # most slabs are sound: nobody asks whose a row is
    for judged in _columns(table):
        required = judged.field.required
        if not required and judged.plain is None and judged.field.max_length is None:
            continue
        place = slab.layout.places.get(judged.field.name)
        said = not required
        if place is not None:
            array = slab.array(place)
            said = said or glances[place].says_something()
            if said and _is_sound(judged, glances[place], array):
                continue
        elif said:
            continue
        if place is None:
            _hold_lacking(drafts, judged, {draft for _, _, draft in runs}, held_up)
            continue
        if owners is None:
            owners = _owners(slab, runs)
        _hold_some(drafts, judged, array, owners, held_up, said=said)


def _owners(slab: Slab, runs: Sequence[tuple[int, int, int]]) -> Owners:
    """Of each row its draft, _NOBODY where it belongs to none."""
    owners = np.full(slab.rows, _NOBODY, np.int64)
    starts, counts, numbers = np.array(runs, np.int64).T
    firsts = np.cumsum(counts) - counts
    owners[np.repeat(starts - firsts, counts) + np.arange(counts.sum())] = np.repeat(numbers, counts)
    return owners


def _hold_some(
    drafts: Sequence[_Draft],
    judged: _Column,
    array: pa.StringArray,
    owners: Owners,
    held_up: set[int],
    *,
    said: bool,
) -> None:
    """Note the dossiers of a column in which a glance did not tell that all is sound; `said`: no text is lacking."""
    different = python_texts(pc.unique(array))
    if not said:
        lacking = [text for text in different if not text or text.isspace()]
        if lacking:
            rows = pc.is_in(array, value_set=pa.array(lacking, pa.string())).to_numpy(zero_copy_only=False)
            _hold_lacking(drafts, judged, set(owners[rows].tolist()), held_up)
    odd = _odd(judged, set(filter(None, different)))
    if odd:
        rows = pc.is_in(array, value_set=pa.array(list(odd), pa.string())).to_numpy(zero_copy_only=False)
        held_up.update(owner for owner in owners[rows].tolist() if owner != _NOBODY)


def _is_sound(judged: _Column, glance: Glance, array: pa.StringArray) -> bool:
    """Whether a glance tells that no text is too long or not of its field's shape."""
    longest = judged.field.max_length
    if longest is not None and glance.longest > longest and pc.max(pc.utf8_length(array)).as_py() > longest:
        return False
    if judged.plain is None or not glance.longest:
        return True
    shape = judged.field.shape
    if shape == "date":
        return glance.sized((8, 12)) and glance.digits() and glance.centuries(19, 20)
    if shape == "number":
        return glance.numbers(15, 6, zeros=6)
    return glance.codes()


def _hold_lacking(drafts: Sequence[_Draft], judged: _Column, lacking: set[int], held_up: set[int]) -> None:
    """Note those of the dossiers that lack a text which must have it."""
    held_up.update(
        owner for owner in lacking - held_up - {_NOBODY} if judged.field.name in drafts[owner].required(judged.table)
    )


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
    odd = _odd(judged, set(filter(None, column)))
    if odd:
        held_up.update(owner for owner, text in zip(owners, column, strict=True) if text in odd)


def _odd(judged: _Column, different: set[str]) -> set[str]:
    """Which of the texts are too long or not of their field's shape."""
    odd: set[str] = set()
    longest = judged.field.max_length
    if longest is not None and max(map(len, different), default=0) > longest:
        odd.update(text for text in different if len(text) > longest)
    if judged.plain is not None and judged.plain.together.fullmatch(SEPARATOR.join(different) + SEPARATOR) is None:
        odd.update(text for text in different if judged.plain.alone.fullmatch(text) is None)
    return odd
