"""The quick way through a HOSO that is written as the guides print it, with nothing odd in it.

The elements of its FILEHOSO are found as bytes and its sub-files become blocks; nothing is found in it but old names.
Whatever is not exactly so gives None and goes the patient way (`read_hoso`), which is also the oracle of this
module's tests: the same dossier, and never one where the patient way sets aside.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from bienho.config.limits import Limits
from bienho.core.finding import Finding
from bienho.core.parted import MARK
from bienho.standards.xml130.read_block import Block, Blocks, Layout, Texts
from bienho.standards.xml130.read_bytes import decode_base64, plain_utf8, strict_base64
from bienho.standards.xml130.read_checks import blank, sound
from bienho.standards.xml130.read_codes import Bad, found
from bienho.standards.xml130.read_document import Parts, admitted, stale_names, surely_within_vault
from bienho.standards.xml130.read_model import Dossier, Piece
from bienho.standards.xml130.read_plain import read_block
from bienho.standards.xml130.read_rows import SubFile
from bienho.standards.xml130.versions import BARE, TABLES, Evidence, day_of, detect, marks_4210

_BLANK = rb"[ \t\r\n]*"
_OPENING = re.compile(rb"<HOSO>" + _BLANK)
_FILE = re.compile(
    rb"<FILEHOSO>" + _BLANK + rb"<LOAIHOSO>(XML[0-9]{1,2})</LOAIHOSO>" + _BLANK + rb"<NOIDUNGFILE>" + _BLANK
)
_MARKED = re.compile(_FILE.pattern + re.escape(MARK) + _BLANK + rb"</NOIDUNGFILE>" + _BLANK + rb"</FILEHOSO>" + _BLANK)
_SHAPE_BYTES = 2_048
_CONTENT_END = b"</NOIDUNGFILE>"
_FILE_END = re.compile(_CONTENT_END + _BLANK + rb"</FILEHOSO>" + _BLANK)
_DECLARATION = re.compile(
    rb"(?:\xef\xbb\xbf)?[ \t\r\n]*<\?xml version=\"1\.0\" encoding=\"[uU][tT][fF]-8\" ?\?>" + _BLANK
)
_PLACES = {table: place for place, table in enumerate(TABLES)}
_TABLES = {table.encode(): table for table in TABLES if table not in BARE}


def dossier_of(
    blocks: Mapping[str, Block], *, hoso: int, facility: str | None, created: str | None, door: str | None
) -> Dossier | None:
    """The dossier of the sub-files of a HOSO, its rows not yet checked (`check_rows`); None when it is for the patient
    way. `facility` and `created` are what the envelope says.
    """
    first = blocks.get("XML1")
    if first is None or first.count != 1:
        return None
    number, own, ma_bn, *moments = first.first("MA_LK", "MA_CSKCB", "MA_BN", "NGAY_RA", "NGAY_VAO")
    if not number or not number.strip() or not _one_visit(blocks, number):
        return None
    if not facility or (own and own != facility and sound(own, "code") not in (None, facility)):
        return None
    moment = next(filter(day_of, (*moments, created)), None)
    names = tuple((table, block.layout.names) for table, block in blocks.items())
    edition, evidence = _edition(names, (moment or "").strip()[:8], door)
    notes: list[Finding] = []
    for table, block in blocks.items():
        if block.layout.received:
            notes += [
                found("IN-OLD-NAME", table, None, name) for name in stale_names(table, edition, block.layout.names)
            ]
    return Dossier(
        hoso,
        facility,
        number,
        ma_bn,
        edition,
        evidence,
        Blocks({table: blocks[table] for table in sorted(blocks, key=_PLACES.__getitem__)}),
        received_names={table: block.layout.received for table, block in blocks.items() if block.layout.received},
        findings=tuple(notes),
    )


def pieces_of(data: bytes, limits: Limits, bodies: Sequence[bytes] = ()) -> dict[str, Piece] | None:
    """Table → its sub-file, in the order of the HOSO; None when it is for the patient way.

    `bodies`: what was packed where there are marks in `data` (`core.parted`), in their order.
    """
    # no run, however it is folded, is longer than its bytes and half of them
    if not surely_within_vault(len(data) + sum(map(len, bodies)) * 3 // 2):
        return None
    tables = _all_packed(data) if bodies and len(data) <= _SHAPE_BYTES else None
    if tables is None or len(tables) > limits.files_per_hoso:
        return _pieces(data, limits, bodies)
    pieces: dict[str, Piece] = {}
    for table, body in zip(tables, bodies, strict=True):
        piece = _of_body(body, limits)
        if piece is None:
            return None
        pieces[table] = piece
    return pieces


@lru_cache(512)
def _all_packed(data: bytes) -> tuple[str, ...] | None:
    """Tables of a HOSO that is nothing but marks between tags: there are not many such texts. None of any other."""
    opening = _OPENING.match(data)
    place = opening.end() if opening else 0
    tables: list[str] = []
    while (file := _MARKED.match(data, place)) is not None:
        tables.append(_TABLES.get(file[1], ""))
        place = file.end()
    sound = opening and data[place:] == b"</HOSO>" and all(tables) and len(set(tables)) == len(tables)
    return tuple(tables) if sound else None


def _pieces(data: bytes, limits: Limits, bodies: Sequence[bytes]) -> dict[str, Piece] | None:
    opening = _OPENING.match(data)
    if opening is None:
        return None
    place = opening.end()
    pieces: dict[str, Piece] = {}
    left = iter(bodies)
    while True:
        if bodies and (file := _MARKED.match(data, place)) is not None:
            piece, place = _of_body(next(left, b""), limits), file.end()
        elif (file := _FILE.match(data, place)) is not None:
            piece, place = _written(data, file.end(), limits)
        else:
            break
        table = _TABLES.get(file[1])
        if piece is None or table is None or table in pieces or len(pieces) >= limits.files_per_hoso:
            return None
        pieces[table] = piece
    return pieces if data[place:] == b"</HOSO>" and next(left, None) is None else None


def _written(data: bytes, start: int, limits: Limits) -> tuple[Piece | None, int]:
    """(the sub-file whose NOIDUNGFILE has its content from `start`, where its FILEHOSO ends)."""
    end = data.find(_CONTENT_END, start)
    after = _FILE_END.match(data, end) if end > start else None
    return (_piece(data[start:end], limits), after.end()) if after else (None, start)


def _piece(content: bytes, limits: Limits) -> Piece | None:
    """The bytes of one NOIDUNGFILE, packed or nested."""
    if content.startswith(b"<"):
        return Piece(content, 0, None) if len(content) <= limits.subfile_bytes else None
    try:
        body = strict_base64(content)
    except binascii.Error:
        try:
            body = decode_base64(content)
        except binascii.Error:
            return None
    return _of_packed(body) if body and max(len(body), len(content) * 2 // 3) <= limits.subfile_bytes else None


def _of_body(body: bytes, limits: Limits) -> Piece | None:
    """The sub-file that was packed, where it is by far no longer than it may be."""
    return _of_packed(body) if body and len(body) <= limits.subfile_bytes // 2 else None


def _of_packed(body: bytes) -> Piece | None:
    declared = _DECLARATION.match(body)
    if declared is not None:
        return Piece(body, declared.end(), body)
    plain, lied = plain_utf8(body)
    return None if lied else Piece(plain, 0, body)


def block_of(table: str, piece: Piece, limits: Limits) -> Block | None:
    """Rows of one sub-file; None when it is for the patient way."""
    block = read_block(table, piece.plain, limits)
    return block if block is not None or piece.packed is None else _parsed(table, piece.packed, limits)


def _parsed(table: str, body: bytes, limits: Limits) -> Block | None:
    """Rows of a sub-file that is not plainly written, when nothing in it is odd but its dress."""
    try:
        file = Parts(limits).read(table, body)
    except Bad:
        return None
    if not file.rows or file.unknown or file.doubled or file.nested or file.outside:
        return None
    return _as_block(table, file)


def _as_block(table: str, file: SubFile) -> Block:
    fields = tuple(dict.fromkeys(name for row in file.rows for name in row))
    rows: list[Texts] = [tuple(map(row.get, fields)) for row in file.rows]
    return Block(Layout(table, fields, frozenset(file.names), file.received, sparse=True), rows)


def _one_visit(blocks: Mapping[str, Block], number: str) -> bool:
    """Whether no row names another visit."""
    for block in blocks.values():
        said = block.column("MA_LK") if "MA_LK" in block.layout.places else ()
        if said.count(number) != len(said) and any(text != number and not blank(text or "") for text in said):
            return False
    return True


@lru_cache(maxsize=4096)
def _edition(tables: Collection[tuple[str, frozenset[str]]], day: str, door: str | None) -> tuple[str, Evidence]:
    names = dict(tables)
    is_4210 = not marks_4210().isdisjoint(names["XML1"])
    return detect(admitted(names.items()), is_4210, (day,), door)
