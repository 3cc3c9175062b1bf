"""Rows of a slab as JSON, all in one go: the bytes orjson writes of their mappings with sorted keys.

Markup and texts are elements of one Arrow array; taken in the order in which a row says them, what they lie in end to
end is the JSON. No text becomes Python's but one that JSON escapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from bienho.core.deferred import deferred

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa
    import pyarrow.compute as pc
else:  # the process that judges signatures reads no rows
    np, pa, pc = deferred("numpy"), deferred("pyarrow"), deferred("pyarrow.compute")

_ESCAPED = r'["\\\t\n\r]'
"""What JSON escapes of the characters XML allows."""


class Written(NamedTuple):
    """Rows one behind the other, a comma behind each. `ends`: where each begins, and the last ends."""

    data: memoryview
    ends: list[int]


def escaped(texts: pa.StringArray) -> pa.StringArray:
    """The texts as JSON writes them between quotation marks."""
    odd = pc.match_substring_regex(texts, _ESCAPED)
    said = [orjson.dumps(text)[1:-1].decode() for text in texts.filter(odd).to_pylist()]
    return pc.replace_with_mask(texts, odd, pa.array(said, pa.string()))


def whole(texts: pa.StringArray, rows: int, fields: Sequence[str]) -> Written:
    """All texts of all rows. `texts`: field after field, all rows of each, as `escaped` gives them."""
    order = _sorted(fields)
    count = len(order)
    marks = [f'"{fields[place]}":"' for place in order]
    frame = ["{" + marks[0], *('",' + mark for mark in marks[1:]), '"},']
    cells = np.empty((rows, 2 * count + 1), np.int32)
    cells[:, 0::2] = len(texts) + np.arange(count + 1, dtype=np.int32)
    cells[:, 1::2] = np.arange(rows, dtype=np.int32)[:, None] + np.array(order, np.int32) * rows
    return _taken([texts], frame, cells.ravel(), np.arange(rows + 1) * (2 * count + 1))


def held(texts: pa.StringArray, rows: int, fields: Sequence[str], wanted: Sequence[int]) -> Written:
    """As `whole`, of the fields at some places alone, and of no empty text."""
    order = [place for place in _sorted(fields) if place in set(wanted)]
    count = len(order)
    marks = [f'"{fields[place]}":"' for place in order]
    # a field's markup behind another, and as the first of its row; then what ends a row with texts, and is one without
    frame = [*('",' + mark for mark in marks), *("{" + mark for mark in marks), '"},', "{},"]
    ends = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    said = np.ones((rows, 2 * count + 1), bool)
    cells = np.empty(said.shape, np.int32)
    for place, field in enumerate(order):
        own = ends[field * rows : (field + 1) * rows + 1]
        said[:, 2 * place] = said[:, 2 * place + 1] = own[1:] > own[:-1]
    some = said[:, :-1].any(axis=1)
    base = count * rows
    cells[:, :-1:2] = np.arange(base, base + count, dtype=np.int32)
    cells[:, 1::2] = np.arange(rows, dtype=np.int32)[:, None] + np.arange(count, dtype=np.int32) * rows
    cells[:, -1] = np.where(some, base + 2 * count, base + 2 * count + 1)
    if count:
        cells[np.flatnonzero(some), said[some].argmax(axis=1)] += count
    columns = [texts.slice(field * rows, rows) for field in order]
    return _taken(columns, frame, cells[said], np.append(0, np.cumsum(said.sum(axis=1))))


def _sorted(fields: Sequence[str]) -> list[int]:
    return sorted(range(len(fields)), key=fields.__getitem__)


def _taken(
    texts: Sequence[pa.StringArray],
    frame: Sequence[str],
    cells: npt.NDArray[np.int32],
    ends: npt.NDArray[np.int64],
) -> Written:
    """What lies at `cells` of the texts and, behind them, the frame. `ends`: the cells each row begins with."""
    taken: Any = pa.concat_arrays([*texts, pa.array(frame, pa.string())]).take(pa.array(cells))
    _, offsets, data = taken.buffers()
    places = np.frombuffer(offsets, np.int32)[taken.offset + ends]
    return Written(memoryview(data), places.tolist())
