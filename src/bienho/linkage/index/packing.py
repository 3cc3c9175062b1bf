"""One cleaned record as one text, to be sealed, and back: the columns of CLEAN in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bienho.linkage.records import CLEAN

Row = dict[str, Any]
"""One row of CLEAN."""
_BETWEEN = "\x1f"
_NOTHING = "\x1e"
_TRUE, _FALSE = "1", "0"


def pack(clean: pa.Table) -> list[str]:
    """One text a row. ValueError where a value holds a separator, which cleaning takes out."""
    columns = [pc.fill_null(_texts(clean.column(field.name)), _NOTHING) for field in CLEAN]
    packed: list[str] = pc.binary_join_element_wise(*columns, _BETWEEN).to_pylist()
    _check(packed)
    return packed


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_boolean(column.type):
        return pc.if_else(column, _TRUE, _FALSE)
    return column.cast(pa.string())


def pack_rows(rows: Iterable[Row]) -> list[str]:
    """As `pack`, of rows that are no table."""
    packed = [_BETWEEN.join([_text(row[name]) for name in CLEAN.names]) for row in rows]
    _check(packed)
    return packed


def unpack(texts: Iterable[str]) -> list[Row]:
    """The rows again, in the order given. ValueError for what `pack` did not make."""
    found = []
    for text in texts:
        values = text.split(_BETWEEN)
        if len(values) != len(CLEAN):
            raise ValueError("not a record of this form")
        row: Row = {name: None if value == _NOTHING else value for name, value in zip(CLEAN.names, values, strict=True)}
        for name, kind in _OTHER.items():
            if (value := row[name]) is not None:
                row[name] = kind(value)
        found.append(row)
    return found


def table(rows: Sequence[Row], schema: pa.Schema = CLEAN) -> pa.Table:
    """Rows as a table of CLEAN, or of some of its columns."""
    return pa.table([pa.array([row[field.name] for row in rows], field.type) for field in schema], schema=schema)


def _check(packed: Sequence[str]) -> None:
    if any(text.count(_BETWEEN) != len(CLEAN) - 1 for text in packed):
        raise ValueError("a separator in a value")


def _text(value: Any) -> str:
    if value is None:
        return _NOTHING
    if value is True or value is False:
        return _TRUE if value else _FALSE
    return str(value)


_OTHER: dict[str, Callable[[str], Any]] = {
    field.name: _TRUE.__eq__ if pa.types.is_boolean(field.type) else int
    for field in CLEAN
    if not pa.types.is_string(field.type)
}
"""Columns that are no texts → how a value is read."""
