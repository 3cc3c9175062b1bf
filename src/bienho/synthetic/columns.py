"""Arrow columns from numbers: repeated texts as dictionaries, numbers written out in digits, days, nulls."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bienho.synthetic.draws import Flags, Ints

WORD = pa.dictionary(pa.int16(), pa.string())
"""A text that repeats."""


def words(numbers: Ints, texts: Sequence[str] | pa.Array) -> pa.Array:
    """A dictionary column; every block with the same texts has the same dictionary."""
    values = texts if isinstance(texts, pa.Array) else pa.array(texts, pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(numbers.astype(np.int16)), values)


def days(numbers: Ints, absent: Flags | None = None) -> pa.Array:
    """Days since 1970-01-01 as dates, null where `absent`."""
    return pa.array(numbers.astype(np.int32), mask=absent).cast(pa.date32())


@cache
def _digits(width: int) -> NDArray[np.unsignedinteger]:
    """The numbers below 10^width in as many digits, each as one machine word of `width` bytes."""
    text = "".join(f"{number:0{width}d}" for number in range(10**width))
    return np.frombuffer(text.encode(), dtype=f"<u{width}")


def numerals(numbers: Ints, width: int, absent: Flags | None = None, *, null: bool = False) -> pa.Array:
    """Numbers as texts of `width` digits (9, 10 or 12); where `absent`, '' or null."""
    head = width % 4
    parts = [(numbers // 10**at) % 10_000 for at in range(0, width - head, 4)][::-1]
    kinds = [("h", f"<u{head}")] if head else []
    packed = np.empty(len(numbers), np.dtype([*kinds, *((f"p{n}", "<u4") for n in range(len(parts)))]))
    if head:
        packed["h"] = _digits(head)[numbers // 10 ** (width - head)]
    for n, part in enumerate(parts):
        packed[f"p{n}"] = _digits(4)[part]
    lengths = np.full(len(numbers), width, np.int32)
    if absent is not None:
        packed, lengths[absent] = packed[~absent], 0
    offsets = np.zeros(len(numbers) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    valid = pa.py_buffer(np.packbits(~absent, bitorder="little").tobytes()) if null and absent is not None else None
    return pa.Array.from_buffers(
        pa.string(), len(numbers), [valid, pa.py_buffer(offsets), pa.py_buffer(packed.tobytes())]
    )
