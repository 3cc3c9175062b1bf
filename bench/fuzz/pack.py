"""How a sub-file is packed into NOIDUNGFILE. The first group gives the same rows."""

from __future__ import annotations

import base64
import codecs
import gzip
import random
import unicodedata
from collections.abc import Callable
from xml.sax.saxutils import escape

from bench.fuzz.encoding import bare, code_page_bytes, scar


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def plain(chance: random.Random, text: str) -> str:
    return _base64(text.encode())


def wrapped(chance: random.Random, text: str) -> str:
    width, end = chance.choice((4, 64, 64, 76, 76, 77)), chance.choice(("\n", "\r\n", " ", "\t", "\r"))
    packed = _base64(text.encode())
    return end + end.join(packed[place : place + width] for place in range(0, len(packed), width)) + end


def unpadded(chance: random.Random, text: str) -> str:
    return _base64(text.encode()).rstrip("=")


def marked(chance: random.Random, text: str) -> str:
    return _base64(codecs.BOM_UTF8 + text.encode())


def escaped(chance: random.Random, text: str) -> str:
    return escape(bare(text))


def utf16(chance: random.Random, text: str) -> str:
    return _base64(f'<?xml version="1.0" encoding="utf-16"?>{bare(text)}'.encode("utf-16"))


def lie(chance: random.Random, text: str) -> str:
    name = chance.choice(("utf-16", "x-none", "UTF-32", "hex", "TCVN5712"))
    return _base64(f'<?xml version="1.0" encoding="{name}"?>{bare(text)}'.encode())


def code_page(chance: random.Random, text: str) -> str:
    """windows-1258, the code page of Vietnam; its texts come out in its own decomposed form."""
    data = code_page_bytes(bare(text))
    return plain(chance, text) if data is None else _base64(b'<?xml version="1.0" encoding="windows-1258"?>' + data)


SAME_PACKING = (code_page, plain, plain, plain, plain, wrapped, wrapped, unpadded, marked, escaped, utf16, lie)


def cut(chance: random.Random, text: str) -> str:
    packed = _base64(text.encode())
    return packed[: chance.randint(0, len(packed))] if chance.random() < 0.5 else packed[chance.randint(1, 7) :]


def bad_character(chance: random.Random, text: str) -> str:
    packed = _base64(text.encode())
    place = chance.randint(0, len(packed))
    return (
        packed[:place]
        + chance.choice(("!", "=", "==", "-", "_", "ệ", "&lt;", ".", "&#0;", "\x00", "%"))
        + packed[place:]
    )


def twice(chance: random.Random, text: str) -> str:
    return _base64(_base64(text.encode()).encode())


_WRONG: tuple[Callable[[bytes, str], str], ...] = (
    *(lambda data, text, fixed=fixed: fixed for fixed in ("", " ", "x", "=", "====", "A", "AA==", "PA==")),
    lambda data, text: text,
    lambda data, text: base64.urlsafe_b64encode(data).decode(),
    lambda data, text: data.hex(),
    lambda data, text: _base64(gzip.compress(data, 1, mtime=0)),
    lambda data, text: _base64(b"\x00" + data),
    lambda data, text: _base64(data + b"\x00"),
    lambda data, text: _base64(data)[::-1],
    lambda data, text: f"<![CDATA[{bare(text)}]]>",
    lambda data, text: f"<![CDATA[{_base64(data)}]]>",
    lambda data, text: f"<a/>{text}",
    lambda data, text: _base64(data) + "<x/>",
    lambda data, text: f"<x>{_base64(data)}</x>",
    lambda data, text: _base64(b"%PDF-1.7\n" + data),
    lambda data, text: _base64(b"<html><body>502"),
    lambda data, text: "data:text/xml," + _base64(data),
)


def other_packing(chance: random.Random, text: str) -> str:
    return chance.choice(_WRONG)(text.encode(), text)


def legacy(chance: random.Random, text: str) -> str:
    """A code page of Vietnam or a wide encoding, declared rightly, wrongly or not at all."""
    codec = chance.choice(("cp1258", "cp1252", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "latin-1", "mac_roman"))
    declared = chance.choice(("windows-1258", codec, "utf-8", "utf-16", "iso-8859-1", ""))
    body = unicodedata.normalize(chance.choice(("NFC", "NFD")), bare(text))
    head = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    mark = (
        chance.choice((b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        if chance.random() < 0.3
        else b""
    )
    return _base64(mark + (head + body).encode(codec, chance.choice(("replace", "xmlcharrefreplace"))))


def bytes_inside(chance: random.Random, text: str) -> str:
    return _base64(scar(chance, text.encode()))


OTHER_PACKING = (cut, bad_character, twice, other_packing, other_packing, legacy, legacy, bytes_inside, bytes_inside)
