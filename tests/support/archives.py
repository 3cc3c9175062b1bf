"""Zips as hospitals and attackers make them. Everything is made in memory; no fixture file is kept."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping

LOCAL = struct.Struct("<4s5H3L2H")
CENTRAL = struct.Struct("<4s6H3L5H2L")
END = struct.Struct("<4s4H2LH")


def zipped(members: Mapping[str, bytes] | Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of (name, bytes), in the order given."""
    pairs = members.items() if isinstance(members, Mapping) else members
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in pairs:
            archive.writestr(zipfile.ZipInfo(name), data, method)  # the same bytes whenever it is made
    return out.getvalue()


def nested(levels: int, inner: bytes) -> bytes:
    """A zip in a zip in a zip …"""
    data = inner
    for _ in range(levels):
        data = zipped([(f"{number}.zip", data) for number in range(4)])
    return data


def overlapping(count: int, size: int) -> bytes:
    """A directory of `count` entries that all point at the same compressed `size` zero bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = bytes(size)
    packed = packer.compress(zeros) + packer.flush()
    check = zlib.crc32(zeros)
    name = b"a.xml"
    local = LOCAL.pack(b"PK\x03\x04", 20, 0, 8, 0, 0, check, len(packed), size, len(name), 0) + name + packed
    entry = CENTRAL.pack(b"PK\x01\x02", 20, 20, 0, 8, 0, 0, check, len(packed), size, len(name), 0, 0, 0, 0, 0, 0)
    directory = (entry + name) * count
    return (
        local + directory + END.pack(b"PK\x05\x06", 0, 0, count % 65536, count % 65536, len(directory), len(local), 0)
    )


def lying(data: bytes, claimed: int) -> bytes:
    """A zip of one deflated member whose directory and head both claim another size than comes out."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(data) + packer.flush()
    check = zlib.crc32(data)
    name = b"a.xml"
    local = LOCAL.pack(b"PK\x03\x04", 20, 0, 8, 0, 0, check, len(packed), claimed, len(name), 0) + name + packed
    entry = CENTRAL.pack(b"PK\x01\x02", 20, 20, 0, 8, 0, 0, check, len(packed), claimed, len(name), 0, 0, 0, 0, 0, 0)
    return local + entry + name + END.pack(b"PK\x05\x06", 0, 0, 1, 1, len(entry) + len(name), len(local), 0)
