"""Lenient reader of XML130 deliveries: 4210, 130, 4750, 3176.

Sources: decisions 4210/QĐ-BYT, 130/QĐ-BYT, 4750/QĐ-BYT, 3176/QĐ-BYT; envelope by letters 3190/BHXH-CNTT and
1245/BHXH-CNTT. One HOSO is held at a time; one that cannot be read never touches its neighbours. Text is kept
exactly as the XML says it; nothing is trimmed or normalised.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache

from bienho.config.limits import DEFAULT, Limits
from bienho.contracts import Shape
from bienho.core.errors import InputError, LimitError
from bienho.core.finding import Finding
from bienho.core.parted import Parted
from bienho.standards.xml130.read_bare import BareFile
from bienho.standards.xml130.read_bytes import plain_utf8, unpacked
from bienho.standards.xml130.read_check_all import check_all
from bienho.standards.xml130.read_checks import sound
from bienho.standards.xml130.read_codes import UNREADABLE, Bad, found, log_fault
from bienho.standards.xml130.read_hoso import HosoFile
from bienho.standards.xml130.read_model import Draft, Item, Unreadable
from bienho.standards.xml130.read_split import Cut, cut, first_tag
from bienho.standards.xml130.versions import BARE, Document, wire_of

_HEAD: Mapping[str, Shape] = {"MACSKCB": "code", "NGAYLAP": "date", "SOLUONGHOSO": "number"}
_WORD_MAX = 16
"""What is longer is looked at anew each time."""


@dataclass(slots=True)
class Envelope:
    """A readable file. `facility` is MACSKCB, `created` NGAYLAP, `declared_count` SOLUONGHOSO, trimmed (None:
    absent or blank); a bare file has only a facility, the one of all its rows. `document` is what it holds, `signed`
    whether CHUKYDONVI is there and not empty. `dossiers` reads anew on every use, in file order."""

    facility: str | None
    created: str | None
    declared_count: str | None
    findings: tuple[Finding, ...]
    document: Document
    signed: bool
    _file: HosoFile | BareFile = field(repr=False)

    @property
    def source(self) -> HosoFile | BareFile:
        """The file as it was cut."""
        return self._file

    @property
    def dossiers(self) -> Iterator[Item]:
        """Every document in file order; `hoso` is its place in the file from 1; a torn end is one more."""
        for item in self._file.items():
            yield from check_all([item], self._file.limits)

    @property
    def drafts(self) -> Iterator[Draft]:
        """As `dossiers`, to be given to `check_all` together with many others."""
        return self._file.items()


def read_delivery(
    data: bytes | Parted,
    limits: Limits = DEFAULT,
    *,
    door_version: str | None = None,
    door_facility: str | None = None,
    board_facility: str | None = None,
) -> Envelope:
    """Open a dossier envelope or a bare file (XML0, XML12), as XML or as base64 of the whole; taken apart or not.

    `door_version` is the edition the way in promised (a versioned API path), if any. XML12 has no facility code: its
    facility is `door_facility`, asserted by the way in, else `board_facility`, the province's assessment board.

    Raises Unreadable when no record can be told from another (IN-NOT-XML, IN-DOCTYPE, IN-TRUNCATED, IN-NOT-ENVELOPE,
    IN-NO-HOSO; IN-READER for a fault of this reader), LimitError beyond a limit of the whole file (LIM-DELIVERY-BYTES,
    LIM-HOSO).
    """
    if len(data) > limits.delivery_bytes:
        raise LimitError("LIM-DELIVERY-BYTES", UNREADABLE["LIM-DELIVERY-BYTES"], who="cơ sở gửi")
    if isinstance(data, Parted):
        return _of_parted(data, limits, door_version) or read_delivery(
            data.whole(), limits, door_version=door_version, door_facility=door_facility, board_facility=board_facility
        )
    try:
        text, lied = plain_utf8(unpacked(data))
        table = _bare_tables().get(first_tag(text))
        wire = wire_of(table) if table else None
        parts = cut(text, wire.row, wire.root) if wire and wire.row else cut(text)
        if len(parts.spans) > limits.hoso_per_delivery:
            raise LimitError("LIM-HOSO", UNREADABLE["LIM-HOSO"], who="cơ sở gửi")
        if table:
            file = BareFile(table, text, parts, limits, door_facility or None, board_facility or None, door_version)
            return _envelope(file, BARE[table], lied, {"MACSKCB": file.facility})
        return _visits(text, parts, lied, limits, door_version)
    except Bad as bad:
        raise Unreadable(bad.code, bad.message, who="cơ sở gửi") from None
    except InputError:
        raise
    except Exception as error:
        log_fault(error)
        raise Unreadable("IN-READER", UNREADABLE["IN-READER"], who="người quản trị") from None


def _of_parted(data: Parted, limits: Limits, door_version: str | None) -> Envelope | None:
    """An envelope read by its text alone; None for whatever has to be read whole.

    A run of base64 holds no markup, so the text is cut where the whole would be. What has a mark anywhere but in a
    HOSO is refused by `cut`, as the head of a file with a zero byte in it is.
    """
    if data.text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return None
    try:
        text, lied = plain_utf8(data.text)
        if first_tag(text) in _bare_tables():
            return None
        parts = cut(text)
        if len(parts.spans) > limits.hoso_per_delivery:
            return None
        return _visits(text, parts, lied, limits, door_version, data)
    except (Bad, InputError):
        return None
    except Exception as error:
        log_fault(error)
        return None


def _visits(
    text: bytes, parts: Cut, lied: bool, limits: Limits, door_version: str | None, parted: Parted | None = None
) -> Envelope:
    if parts.head.root != "GIAMDINHHS":
        raise Bad("IN-NOT-ENVELOPE")
    texts = parts.head.texts
    said = {name: _sound(texts.get(name) or "", shape) for name, shape in _HEAD.items()}
    facility, created, declared = said["MACSKCB"], said["NGAYLAP"], said["SOLUONGHOSO"]
    file = HosoFile(text, parts, limits, facility, created, declared, door_version, parted)
    return _envelope(file, "visit", lied, said)


def _sound(text: str, shape: Shape) -> str | None:
    return _sound_word(text, shape) if len(text) <= _WORD_MAX else sound(text, shape)


_sound_word = lru_cache(1024)(sound)


def _envelope(file: HosoFile | BareFile, document: Document, lied: bool, said: Mapping[str, str | None]) -> Envelope:
    parts = file.cut
    if not file.count and parts.open_tail is None:
        raise Bad("IN-NO-HOSO" if parts.ended else "IN-TRUNCATED")
    texts = parts.head.texts
    notes = [found("IN-ENCODING")] if lied else []
    strange = [name for name, text in said.items() if name in texts and text is None]
    notes += [found("IN-HEAD-SHAPE", field=name) for name in strange if name != "SOLUONGHOSO"]  # IN-HOSO-COUNT says it
    return Envelope(
        said.get("MACSKCB"),
        said.get("NGAYLAP"),
        said.get("SOLUONGHOSO"),
        (*notes, *file.findings()),
        document,
        parts.head.signed,
        file,
    )


@cache
def _bare_tables() -> dict[str, str]:
    """Root of a bare file → its table; the list alone is a root too, as 4210 wrote lists."""
    return {name: table for table in BARE for name in (wire_of(table).root, wire_of(table).rows) if name}
