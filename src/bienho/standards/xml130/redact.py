"""What is left of a delivery after some of its documents were erased: the others, each at its old place (law 13).

An emptied element stays where one was taken out, so that those behind it keep their numbers. What is written is UTF-8
without a declaration, in a zip under names of our own: those of the sender may name the person. A signature over the
whole is gone with it. The result is read again and compared before it is given: a neighbour is never touched.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from bienho.config.limits import DEFAULT, Limits
from bienho.core.errors import InputError
from bienho.standards.xml130.archive import is_archive, members
from bienho.standards.xml130.read import read_delivery
from bienho.standards.xml130.read_archive import read_received
from bienho.standards.xml130.read_bare import BareFile
from bienho.standards.xml130.read_bytes import plain_utf8, unpacked
from bienho.standards.xml130.read_hoso import HosoFile
from bienho.standards.xml130.read_model import Dossier, Item
from bienho.standards.xml130.read_split import Cut
from bienho.standards.xml130.versions import wire_of

DOOR = "-"
"""Any facility: who sent it does not matter here, only that rows without one are read as those with one."""


@dataclass(frozen=True, slots=True)
class Redacted:
    """`data`: what is left, b"" when nothing is. `places`: all that were emptied, further rows of a document too."""

    data: bytes
    places: frozenset[int]


def redact(data: bytes, hoso: Collection[int], limits: Limits = DEFAULT) -> Redacted | None:
    """A delivery without the documents at some places (from 1).

    None when that cannot be done without touching other people's: rows that are found by their fields only, or a zip
    with a member that cannot be opened. When nothing is left, also of what no reader understands, it is empty.
    """
    whole = frozenset(hoso)
    try:
        before = list(read_received(data, limits, door_facility=DOOR).dossiers)
    except InputError:
        return Redacted(b"", whole) if 0 in hoso else None
    if 0 not in hoso:
        left = _archive(data, hoso, limits) if is_archive(data) else _file(data, hoso, 0, limits)
        if left is not None and _same(before, left[0], left[1], limits):
            return Redacted(left[0], left[1])
    everything = whole | {item.hoso for item in before}
    return Redacted(b"", everything) if 0 in hoso or everything == whole else None


def _same(before: Iterable[Item], made: bytes, places: frozenset[int], limits: Limits) -> bool:
    """Whether everybody else still says the same at the same place, and nothing else is there."""

    def seen(items: Iterable[Item]) -> list[tuple[object, ...]]:
        return [
            (one.hoso, one.facility, one.ma_bn, one.content)
            if isinstance(one, Dossier)
            else (one.hoso, one.facility, one.code)
            for one in items
            if one.hoso not in places
        ]

    try:
        return seen(before) == seen(read_received(made, limits, door_facility=DOOR).dossiers)
    except InputError:
        return False


def _archive(data: bytes, hoso: Collection[int], limits: Limits) -> tuple[bytes, frozenset[int], int] | None:
    files: list[bytes] = []
    places: frozenset[int] = frozenset()
    before = 0
    for member in members(data, limits):
        if not isinstance(member.content, bytes):
            return None
        left = _file(member.content, hoso, before, limits)
        if left is None:
            return None
        files.append(left[0])
        places |= left[1]
        before += left[2]
    whole = sum(map(len, files))
    # stored, raw compresses it better than a zip does; but what is bigger than a delivery may be is not read again
    method = zipfile.ZIP_STORED if whole < limits.delivery_bytes // 2 else zipfile.ZIP_DEFLATED
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method, compresslevel=9) as archive:
        for ordinal, content in enumerate(files, 1):
            archive.writestr(zipfile.ZipInfo(f"{ordinal:06d}.xml"), content, method)
    return packed.getvalue(), places, before


def _file(data: bytes, hoso: Collection[int], before: int, limits: Limits) -> tuple[bytes, frozenset[int], int] | None:
    """(what is left of one file, the places emptied, how many places it takes); None when it cannot be done.

    `before`: places taken by the files in front of it.
    """
    try:
        envelope = read_delivery(data, limits, door_facility=DOOR)
        places = [item.hoso for item in envelope.drafts]
    except InputError:
        return (data, frozenset(), 1) if before + 1 not in hoso else (b"<x></x>", frozenset({before + 1}), 1)
    file, count = envelope.source, max(places, default=0)
    mine = {place for place in places if before + place in hoso}
    if isinstance(file, BareFile):
        mine = {row for place in mine for row in (file.places_of(place) or (place,))}
    if not mine:
        return data, frozenset(), count
    left = _without(plain_utf8(unpacked(data))[0], file, mine)
    return (left, frozenset(before + place for place in mine), count) if left is not None else None


def _without(text: bytes, file: HosoFile | BareFile, mine: set[int]) -> bytes | None:
    cut: Cut = file.cut
    name = (wire_of(file.table).row if isinstance(file, BareFile) else "HOSO") or ""
    last_place = len(cut.spans)
    if not name or not mine <= set(range(1, last_place + 2)):
        return None
    emptied = f"<{name}></{name}>".encode()
    pieces, last = [], 0
    for number, span in enumerate(cut.spans, 1):
        if number in mine:
            pieces += [text[last : span.start], emptied]
            last = span.end
    if last_place + 1 not in mine or cut.open_tail is None:
        return b"".join([*pieces, text[last:]])
    # the torn end goes whole: what stands behind it cannot be told from it
    return b"".join([*pieces, text[last : cut.open_tail], f"<{name}>".encode()])
