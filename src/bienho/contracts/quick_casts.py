"""Shorter ways to say a cast where what a column holds is known: the casts of `casts`, without what they forgive.

Most columns of a batch hold nothing but digits, or plain letters with no blank at the ends. A look at the bytes of a
column tells that for all its texts at once, at a hundredth of what a pattern costs each of them in each model, and the
shorter cast is also planned faster. The value is the same: a property test compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Kind = Literal["text", "moment", "decimal", "integer"]
Fits = frozenset[Kind]
ALL: Fits = frozenset(("text", "moment", "decimal", "integer"))
NONE: Fits = frozenset()

MACROS = """
CREATE OR REPLACE MACRO vn_quick_text(t) AS CASE WHEN t NOT IN ('', '*') THEN t END;
CREATE OR REPLACE MACRO vn_quick_timestamp(t) AS try_strptime(rpad(t, 12, '0'), '%Y%m%d%H%M');
CREATE OR REPLACE MACRO vn_quick_date(t) AS CAST(vn_quick_timestamp(t) AS DATE);
CREATE OR REPLACE MACRO vn_quick_precision(t) AS
  CASE WHEN vn_quick_timestamp(t) IS NULL THEN NULL WHEN rpad(t, 12, '0') LIKE '%0000' THEN 'day' ELSE 'minute' END;
CREATE OR REPLACE MACRO vn_quick_decimal2(t) AS TRY_CAST(t AS DECIMAL(18,2));
CREATE OR REPLACE MACRO vn_quick_decimal3(t) AS TRY_CAST(t AS DECIMAL(18,3));
CREATE OR REPLACE MACRO vn_quick_rate(t) AS TRY_CAST(t AS DECIMAL(6,2));
CREATE OR REPLACE MACRO vn_quick_integer(t) AS TRY_CAST(t AS BIGINT);
"""
"""Session macros beside those of `casts`: `vn_quick_x` is `vn_x` of a text of the kind that `NEEDS` names for it."""
NEEDS: Mapping[str, Kind] = {
    "text": "text",
    "timestamp": "moment",
    "date": "moment",
    "precision": "moment",
    "decimal2": "decimal",
    "decimal3": "decimal",
    "rate": "decimal",
    "integer": "integer",
}
_CAST = re.compile(rf"\bvn_({'|'.join(NEEDS)})\(((?:[a-z]\w*\.)?([A-Z][A-Z0-9_]*))\)")
_TEXT_ONLY = re.compile(
    r"\bvn_text\((?:[a-z]\w*\.)?[A-Z][A-Z0-9_]*\)|\bvn_said\((?:concat\([^()]*\)|[^()]*)\)|'[^']*'|--[^\n]*"
)
_FIELD = re.compile(r"\b[A-Z][A-Z0-9_]*\b")
SAID = "SELECT coalesce(vn_text(text), CASE WHEN vn_said(text) THEN '*' ELSE '' END) AS text FROM incoming"
"""Each text as `vn_text` reads it, '*' and '' where that is nothing: to both macros the same as it was, and composed,
so that of different texts each is composed once, however many rows say it."""
_Bytes = npt.NDArray[np.uint8]
_Places = npt.NDArray[np.int32]
_SIGNIFICANT = 13
"""Characters of a number of which neither part can be longer than `casts` lets it be."""
_WHOLE = 18
_DATED = (8, 12)


def quicker(sql: str, fits: Mapping[str, Fits]) -> str:
    """The SQL of a model with shorter casts of the received fields whose texts `fits` (field → kinds) says enough of.

    Only a field by its own name is taken for one: models give no other meaning to such a name (a test holds that).
    """

    def said(found: re.Match[str]) -> str:
        cast, argument, name = found.groups()
        return f"vn_quick_{cast}({argument})" if NEEDS[cast] in fits.get(name, NONE) else found[0]

    return _CAST.sub(said, sql)


def cast_fields(sql: str) -> set[str]:
    """The received fields of which `quicker` may say something in the SQL of a model."""
    return {found[3] for found in _CAST.finditer(sql)}


def texts_alone(sqls: Iterable[str]) -> frozenset[str]:
    """The received fields that these models cast by `vn_text`, and of which none asks anything else but `vn_said`."""
    cast: set[str] = set()
    other: set[str] = set()
    for sql in sqls:
        cast.update(found[3] for found in _CAST.finditer(sql) if found[1] == "text")
        other.update(_FIELD.findall(_TEXT_ONLY.sub(" ", sql)))
    return frozenset(cast - other)


def fits_of(table: pa.Table, fields: Set[str]) -> dict[str, Fits]:
    """Field → the kinds that all its texts are of, for those of the fields that are columns of the table."""
    return {name: ALL.intersection(*map(_kinds, table.column(name).chunks)) for name in fields & {*table.column_names}}


def _kinds(texts: pa.StringArray) -> Fits:
    _, where, held = texts.buffers()
    if not len(texts):
        return ALL
    offsets = np.frombuffer(where, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    if offsets[0] == offsets[-1]:
        return ALL
    data = np.frombuffer(held, np.uint8)
    within = data[offsets[0] : offsets[-1]]
    least, most = within.min(), within.max()
    if most >= 0x80:
        return NONE
    sizes = offsets[1:] - offsets[:-1]
    longest = sizes.max()
    kinds: set[Kind] = set()
    if least > ord(" ") or _ends_above(ord(" "), data, offsets, sizes):
        kinds.add("text")
    if least >= ord("0") and most <= ord("9"):
        if longest <= _WHOLE:
            kinds.add("integer")
        if longest <= _SIGNIFICANT:
            kinds.add("decimal")
        dated = longest in _DATED and ((sizes == longest) | (sizes == 8) | (sizes == 0)).all()
        if dated and _known(data, offsets[:-1][sizes > 0]):
            kinds.add("moment")
    elif least >= ord(".") and most <= ord("9") and longest <= _SIGNIFICANT and not (within == ord("/")).any():
        if _ends_above(ord("."), data, offsets, sizes):
            kinds.add("decimal")
    return frozenset(kinds)


def _ends_above(mark: int, data: _Bytes, offsets: _Places, sizes: _Places) -> bool:
    """Whether no text begins or ends with the mark or what stands before it."""
    there = sizes > 0
    return bool(data[offsets[:-1][there]].min() > mark and data[offsets[1:][there] - 1].min() > mark)


def _known(data: _Bytes, starts: _Places) -> bool:
    """Whether in all dates that start there (eight digits) the year is of this age and month and day are known."""
    century = data[starts].astype(np.int16) * 10 + data[starts + 1] - 11 * ord("0")
    unknown = ((data[starts + 4] == ord("0")) & (data[starts + 5] == ord("0"))) | (
        (data[starts + 6] == ord("0")) & (data[starts + 7] == ord("0"))
    )
    return bool(century.min() >= 18 and century.max() <= 21 and not unknown.any())
