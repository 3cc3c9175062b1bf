"""Arrays of numbers and of keys as PostgreSQL reads them, packed at once: an adapter for any list looks at every value.

What a statement is asked about is given by `numbers` and `keys`; both cost less than sending the statement does.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import psycopg
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

INT8, INT8S, BYTEA, BYTEAS = 20, 1016, 17, 1001
KEY_BYTES = 16
_HEAD = struct.Struct(">iiiii").pack
_NONE = struct.Struct(">iii").pack
_NUMBER = np.dtype([("size", ">i4"), ("value", ">i8")])
_KEY = np.dtype([("size", ">i4"), ("value", f"V{KEY_BYTES}")])


class Numbers(bytes):
    """A bigint[] in PostgreSQL's binary form."""


class Keys(bytes):
    """A bytea[] in PostgreSQL's binary form."""


def numbers(values: Collection[int]) -> Numbers:
    """Numbers of 64 bits."""
    if not values:
        return Numbers(_NONE(0, 0, INT8))
    rows = np.empty(len(values), _NUMBER)
    rows["size"], rows["value"] = 8, np.fromiter(values, np.int64, len(values))
    return Numbers(_HEAD(1, 0, INT8, len(rows), 1) + rows.tobytes())


def keys(ids: Iterable[str]) -> Keys:
    """Record ids, 32 hex digits each."""
    packed = bytes.fromhex("".join(ids))
    if not packed:
        return Keys(_NONE(0, 0, BYTEA))
    rows = np.empty(len(packed) // KEY_BYTES, _KEY)
    rows["size"], rows["value"] = KEY_BYTES, np.frombuffer(packed, _KEY["value"])
    return Keys(_HEAD(1, 0, BYTEA, len(rows), 1) + rows.tobytes())


class _Packed(Dumper):
    format = Format.BINARY

    def dump(self, obj: bytes) -> Buffer:
        return obj


class _Numbers(_Packed):
    oid = INT8S


class _Keys(_Packed):
    oid = BYTEAS


def register(cursor: psycopg.Cursor[Any]) -> None:
    """Let statements of this cursor be given `Numbers` and `Keys`, and nothing else for these types."""
    cursor.adapters.register_dumper(Numbers, _Numbers)
    cursor.adapters.register_dumper(Keys, _Keys)
