"""One cleaned record as one text, to be sealed, and back: the columns of CLEAN in their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from bienho.linkage.records import CLEAN

_BETWEEN = "\x1f"
_NOTHING = "\x1e"
_TRUE, _FALSE = "1", "0"


def pack(clean: pa.Table) -> list[str]:
    """One text a row. ValueError where a value holds a separator, which cleaning takes out."""
    columns = [_texts(clean.column(field.name).to_pylist(), field.type) for field in CLEAN]
    packed = [_BETWEEN.join(row) for row in zip(*columns, strict=True)]
    if any(text.count(_BETWEEN) != len(CLEAN) - 1 for text in packed):
        raise ValueError("a separator in a value")
    return packed


def _texts(values: list[Any], kind: pa.DataType) -> list[str]:
    if pa.types.is_boolean(kind):
        return [_NOTHING if value is None else _TRUE if value else _FALSE for value in values]
    return [_NOTHING if value is None else str(value) for value in values]


def unpack(texts: Sequence[str]) -> pa.Table:
    """The rows again, in the order given. ValueError for what `pack` did not make."""
    rows = [text.split(_BETWEEN) for text in texts]
    if any(len(row) != len(CLEAN) for row in rows):
        raise ValueError("not a record of this form")
    columns = zip(*rows, strict=True) if rows else [()] * len(CLEAN)
    return pa.table([_column(column, field.type) for field, column in zip(CLEAN, columns, strict=True)], schema=CLEAN)


def _column(texts: Sequence[str], kind: pa.DataType) -> pa.Array:
    value: Callable[[str], Any] = str
    if pa.types.is_integer(kind):
        value = int
    elif pa.types.is_boolean(kind):
        value = _TRUE.__eq__
    return pa.array([None if text == _NOTHING else value(text) for text in texts], kind)
