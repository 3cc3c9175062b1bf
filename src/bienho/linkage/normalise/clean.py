"""`clean`: records as received become columns that can be compared, row for row, without a loop over rows.

Every column is folded over its distinct texts; numbers that already stand as they should are told by a pattern over the
whole column, so that only the others are looked at one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bienho.core.errors import InputError
from bienho.linkage.normalise import codes, dates, names, numbers
from bienho.linkage.normalise import places as where
from bienho.linkage.normalise.few import clean_one
from bienho.linkage.normalise.places import Places, places_of
from bienho.linkage.records import CLEAN, OPTIONAL, REQUIRED

FEW = 100
"""Records up to which each is looked at by itself."""
TEXTS = (*REQUIRED, *OPTIONAL[:-1])
_CCCD = r"^\d{12}$"
_CARD = r"^[A-Z]{2}[1-5]\d{12}$"
_SOCIAL = r"^\d{10}$"
_PHONE = r"^0[35789]\d{8}$"
_SHORT_PHONE = r"^(?:0|\+84|84)?([35789]\d{2})[. -]?(\d{3})[. -]?(\d{3})$"
"""A mobile without its zero, with the country or with separators."""


def clean(records: pa.Table, places: Places | None = None) -> pa.Table:
    """Columns of CLEAN for RECORDS, in the same order; `places` says what codes of communes mean (default: Gia Lai).

    Pure: the same records give the same rows, each by itself. Errors: InputError IN-LINK-COLUMNS when a column is
    missing.
    """
    if missing := sorted(set(REQUIRED) - set(records.column_names)):
        raise InputError(
            "IN-LINK-COLUMNS",
            f"Bảng bản ghi cần ghép thiếu cột: {', '.join(missing)}.",
            hint="Các cột bắt buộc: " + ", ".join(REQUIRED),
            who="người chuẩn bị tệp",
        )
    places = places or places_of()
    if records.num_rows <= FEW:
        return _each(records, places)
    return _columns({name: _text(records, name) for name in TEXTS}, _arrived(records), places)


def _each(records: pa.Table, places: Places) -> pa.Table:
    """CLEAN of a few records, without a kernel of Arrow: each costs more than a record."""
    nothing = [None] * records.num_rows
    told = [_as_text(records, name).to_pylist() if name in records.column_names else nothing for name in TEXTS]
    arrived = records["arrived"].to_pylist() if "arrived" in records.column_names else range(records.num_rows)
    cleaned = [
        clean_one(dict(zip(TEXTS, (text or None for text in texts), strict=True)), order, places)
        for texts, order in zip(zip(*told, strict=True), arrived, strict=True)
    ]
    return pa.Table.from_pylist(cleaned, schema=CLEAN)


def _columns(table: dict[str, pa.Array], arrived: pa.Array, places: Places) -> pa.Table:
    """CLEAN of many records: texts by column, '' as null."""
    visit = _by_distinct(table["visit_date"], lambda text: (dates.day_number(text),), [pa.int32()])[0]
    ethnic = _one(table["ethnic_code"], codes.ethnic)
    columns = {
        "record_id": table["record_id"],
        "facility_code": _one(table["facility_code"], codes.facility),
        "patient_local_id": _one(table["patient_local_id"], codes.local),
        "arrived": arrived,
        **_names(table, ethnic),
        **_births(table["birth_date"], visit),
        "sex": _one(table["sex"], codes.sex),
        **_personal(table["personal_id"]),
        **_insurance(table["insurance_no"]),
        "phone": _phones(table["phone"]),
        **_places(table, visit, places),
        "ethnic": ethnic,
        "visit": visit,
    }
    columns["mother_id"] = _parent_ids(table["mother_id"])
    return pa.table([columns[field.name] for field in CLEAN], schema=CLEAN)


def _text(records: pa.Table, name: str) -> pa.Array:
    """A column as texts in one piece, '' as null; all null where an optional one is absent."""
    if name not in records.column_names:
        return pa.nulls(records.num_rows, pa.string())
    column = _as_text(records, name)
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return pc.if_else(pc.equal(whole, ""), pa.scalar(None, pa.string()), whole)


def _as_text(records: pa.Table, name: str) -> pa.ChunkedArray:
    column = records[name]
    return column if column.type == pa.string() else column.cast(pa.string())


def _arrived(records: pa.Table) -> pa.Array:
    if "arrived" in records.column_names:
        return records["arrived"].cast(pa.int64()).combine_chunks()
    return pa.array(np.arange(records.num_rows))


def _by_distinct(
    texts: pa.Array, rule: Callable[[str | None], Sequence[Any]], types: Sequence[pa.DataType]
) -> list[pa.Array]:
    """A rule of several values over the distinct texts of a column, one array a value."""
    encoded = texts.dictionary_encode(null_encoding="encode")
    found = [rule(text) for text in encoded.dictionary.to_pylist()]
    return [pa.array([one[place] for one in found], kind).take(encoded.indices) for place, kind in enumerate(types)]


def _one(texts: pa.Array, rule: Callable[[str | None], str | None]) -> pa.Array:
    return _by_distinct(texts, lambda text: (rule(text),), [pa.string()])[0]


def _names(table: dict[str, pa.Array], ethnic: pa.Array) -> dict[str, pa.Array]:
    text, flag, number = pa.string(), pa.bool_(), pa.int8()
    kinds = [text, text, flag, text, text, text, text, number, text, text, text]
    parts = dict(zip(names.Name._fields, _by_distinct(table["full_name"], names.parse, kinds), strict=True))
    told = _marker_sex(parts["marker"], ethnic, parts["people"])
    plain = parts["plain"]
    mother, father = (_one(table[name], _plain_name) for name in ("mother_name", "father_name"))
    return {
        "name": parts["name"],
        "name_plain": plain,
        "name_marked": parts["marked"],
        "family": parts["family"],
        "middle": parts["middle"],
        "given": parts["given"],
        "name_sorted": _one(plain, names.in_order),
        "newborn_of": parts["newborn_of"],
        "newborn_no": parts["newborn_no"],
        "name_sex": pc.coalesce(parts["sex"], told),
        "mother": pc.coalesce(mother, parts["newborn_of"]),
        "father": father,
    }


def _plain_name(text: str | None) -> str | None:
    return names.parse(text).plain


def _marker_sex(marker: pa.Array, ethnic: pa.Array, clan: pa.Array) -> pa.Array:
    """What Y and A say, over the few combinations there are."""
    rows = np.flatnonzero(pc.is_valid(marker).to_numpy(zero_copy_only=False))
    some = [column.take(pa.array(rows)).to_pylist() for column in (marker, ethnic, clan)]
    told: NDArray[np.object_] = np.full(len(marker), None, dtype=object)
    known: dict[tuple[str | None, ...], str | None] = {}
    for row, key in zip(rows, zip(*some, strict=True), strict=True):
        if key not in known:
            known[key] = names.marker_sex(*key)
        told[row] = known[key]
    return pa.array(told, pa.string())


def _births(texts: pa.Array, visit: pa.Array) -> dict[str, pa.Array]:
    """A day of birth after the visit was of the century before; a year alone, or beyond a life, is not known."""
    kinds = [pa.int16(), pa.int8(), pa.int8(), pa.bool_()]
    year, month, day, placeholder = _by_distinct(texts, dates.birth, kinds)
    seen = pc.year(visit.cast(pa.date32())).cast(pa.int16())
    later = pc.fill_null(pc.greater(year, seen), False)
    earlier = pc.if_else(placeholder, pa.scalar(None, pa.int16()), pc.subtract(year, pa.scalar(100, pa.int16())))
    year = pc.if_else(later, earlier, year)
    age = pc.subtract(pc.coalesce(seen, year), year)
    sound = pc.fill_null(pc.and_(pc.less_equal(age, dates.OLDEST), pc.greater(year, dates.SOONEST)), False)
    nothing = pa.scalar(None, pa.int8())
    return {
        "birth_year": pc.if_else(sound, year, pa.scalar(None, pa.int16())),
        "birth_month": pc.if_else(sound, month, nothing),
        "birth_day": pc.if_else(sound, day, nothing),
        "birth_placeholder": placeholder,
    }


def _split(texts: pa.Array, pattern: str) -> tuple[pa.Array, pa.Array]:
    """(texts of the pattern, the others): each null where the other has a text."""
    fits = pc.fill_null(pc.match_substring_regex(texts, pattern), False)
    nothing = pa.scalar(None, pa.string())
    return pc.if_else(fits, texts, nothing), pc.if_else(fits, nothing, texts)


def _real(digits: pa.Array, size: int) -> pa.Array:
    """Digits that are no filler, as `numbers.is_filler` says."""
    filler = pc.or_(
        pc.is_in(digits, value_set=_fillers(size)),
        pc.fill_null(pc.match_substring_regex(digits, f"({numbers.SAME_TAIL})$"), False),
    )
    return pc.if_else(filler, pa.scalar(None, pa.string()), digits)


@cache
def _fillers(size: int) -> pa.Array:
    return pa.array(sorted(numbers.fillers(size)))


def _ids(texts: pa.Array) -> tuple[pa.Array, pa.Array]:
    """(CCCD, CMND)."""
    ready, rest = _split(texts, _CCCD)
    ready = pc.if_else(pc.ends_with(ready, "000000"), pa.scalar(None, pa.string()), _real(ready, numbers.CCCD))
    cccd, cmnd = _by_distinct(rest, numbers.personal_numbers, [pa.string(), pa.string()])
    return pc.coalesce(ready, cccd), cmnd


def _personal(texts: pa.Array) -> dict[str, pa.Array]:
    cccd, cmnd = _ids(texts)
    century = pc.utf8_slice_codeunits(cccd, 3, 4).cast(pa.int16())
    years = pc.utf8_slice_codeunits(cccd, 4, 6).cast(pa.int16())
    half = pc.divide(century, pa.scalar(2, pa.int16()))
    year = pc.add(pc.add(pc.multiply(half, pa.scalar(100, pa.int16())), years), pa.scalar(1900, pa.int16()))
    female = pc.equal(pc.subtract(century, pc.multiply(half, pa.scalar(2, pa.int16()))), 1)
    return {
        "cccd": cccd,
        "cccd_birth_year": year,
        "cccd_sex": pc.if_else(female, "2", "1"),
        "cccd_province": pc.utf8_slice_codeunits(cccd, 0, 3),
        "cmnd": cmnd,
        "id_tail": pc.coalesce(pc.utf8_slice_codeunits(cccd, 6, 12), cmnd),
    }


def _parent_ids(texts: pa.Array) -> pa.Array:
    return pc.coalesce(*_ids(texts))


def _insurance(texts: pa.Array) -> dict[str, pa.Array]:
    cards, rest = _split(texts, _CARD)
    social, rest = _split(rest, _SOCIAL)
    ready = _real(pc.coalesce(pc.utf8_slice_codeunits(cards, 5, 15), social), numbers.SOCIAL)
    head = pc.if_else(pc.is_valid(ready), pc.utf8_slice_codeunits(cards, 0, 5), pa.scalar(None, pa.string()))
    insurance, prefix = _by_distinct(rest, numbers.card, [pa.string(), pa.string()])
    return {"insurance": pc.coalesce(ready, insurance), "insurance_prefix": pc.coalesce(head, prefix)}


def _phones(texts: pa.Array) -> pa.Array:
    ready, rest = _split(texts, _PHONE)
    close = pc.replace_substring_regex(rest, _SHORT_PHONE, r"0\1\2\3")
    more, _ = _split(close, _PHONE)
    rest = pc.if_else(pc.is_valid(more), pa.scalar(None, pa.string()), rest)
    ready = _real(pc.coalesce(ready, more), numbers.SOCIAL)
    behind = pc.is_in(pc.utf8_slice_codeunits(ready, 1, 10), value_set=_fillers(numbers.SOCIAL - 1))
    ready = pc.if_else(behind, pa.scalar(None, pa.string()), ready)
    return pc.coalesce(ready, _one(rest, numbers.phone))


def _places(table: dict[str, pa.Array], visit: pa.Array, places: Places) -> dict[str, pa.Array]:
    """Codes by the day of the visit; a record without a code has the commune its address names."""
    words, named = _by_distinct(
        table["address_text"], lambda text: where.address(text, places), [pa.string(), pa.string()]
    )
    before = pc.fill_null(pc.less(visit, places.merged), False)
    told = _one(table["commune_code"], where.commune_code)
    text = [pa.string(), pa.string()]
    then, old = _by_distinct(told, lambda code: places.commune(code, before=True), text)
    since, retired = _by_distinct(told, lambda code: places.commune(code, before=False), text)
    commune = pc.coalesce(pc.if_else(before, then, since), named)
    province = _one(table["province_code"], where.province_code)
    province = pc.if_else(
        before,
        _one(province, lambda code: places.province_of(code, before=True)),
        _one(province, lambda code: places.province_of(code, before=False)),
    )
    here = pc.is_in(commune, value_set=pa.array(sorted(places.here)))
    return {
        "address": words,
        "commune": commune,
        "commune_old": pc.if_else(before, old, retired),
        "province": pc.if_else(here, pa.scalar(places.province), province),
    }
