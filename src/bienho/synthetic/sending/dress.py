"""Clothes of whole files beyond the writer's styles: other encodings, decomposed letters, zip archives.

They act on written bytes, so the writer stays strict. What a dress changes is how text is written, never what it says;
`CHANGES_TEXT` lists those after which the text as received has other code points than in plain files.
"""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from collections.abc import Sequence
from functools import lru_cache

from bienho.standards.xml130.write import STYLES, Style

Subfiles = list[tuple[str, bytes]]
CHANGES_TEXT = frozenset({"nfd", "windows_1258", "windows_1258_nested"})
DRESSES = tuple(sorted((set(STYLES) - {"canonical"}) | CHANGES_TEXT | {"utf16", "zip"}))
"""Every dress a file of dossiers may wear besides the canonical one."""
BARE_DRESSES: tuple[str, ...] = (
    "bom",
    "cdata",
    "crlf",
    "lower_case",
    "nfd",
    "no_declaration",
    "self_closed",
    "shuffled",
    "utf16",
)
"""Dresses of check-ins and assessments."""

_TONES = "\u0300\u0301\u0303\u0309\u0323"  # windows-1258 writes tones as marks of their own
_DECLARATION = re.compile(r"^\ufeff?<\?xml[^>]*\?>\s*")
_EPOCH = (1980, 1, 1, 0, 0, 0)


def style_of(dress: str) -> Style:
    """The writer's style under a dress."""
    return STYLES["nested" if dress == "windows_1258_nested" else dress if dress in STYLES else "canonical"]


def dress_subfile(data: bytes, dress: str) -> bytes:
    """The bytes of one sub-file in its dress."""
    if dress == "nfd":
        return unicodedata.normalize("NFD", data.decode()).encode()
    if dress == "utf16":
        return _declared(data, "utf-16").encode("utf-16")
    if dress == "windows_1258":
        return windows_1258(_declared(data, "windows-1258"))
    return data


def dress_file(data: bytes, dress: str) -> bytes:
    """The bytes of one envelope, or of one bare file, in its dress."""
    if dress == "utf16":
        return _declared(data, "utf-16").encode("utf-16")
    if dress == "windows_1258_nested":
        return windows_1258(_declared(data, "windows-1258"))
    return data


def dress_bare(data: bytes, dress: str) -> bytes:
    """The bytes of a file of check-ins or assessments in its dress."""
    return dress_file(dress_subfile(data, dress) if dress == "nfd" else data, dress)


def archive(envelopes: Sequence[bytes]) -> bytes:
    """A zip of envelopes in the order of their names, stored: what deflate gives differs between its builds."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as packed:
        for number, data in enumerate(envelopes, 1):
            packed.writestr(zipfile.ZipInfo(f"{number:03d}.xml", _EPOCH), data)
    return out.getvalue()


def _declared(data: bytes, encoding: str) -> str:
    return f'<?xml version="1.0" encoding="{encoding}"?>' + _DECLARATION.sub("", data.decode())


def windows_1258(text: str) -> bytes:
    """Text in windows-1258: tones as combining marks, letters the code page lacks as references."""
    return "".join(map(_in_1258, text)).encode("cp1258", "xmlcharrefreplace")


@lru_cache(maxsize=2048)
def _in_1258(letter: str) -> str:
    if letter.isascii() or _fits(letter):
        return letter
    parts = unicodedata.normalize("NFD", letter)
    base = unicodedata.normalize("NFC", "".join(part for part in parts if part not in _TONES))
    pair = base + "".join(part for part in parts if part in _TONES)
    return pair if _fits(pair) else letter


def _fits(text: str) -> bool:
    try:
        text.encode("cp1258")
    except UnicodeEncodeError:
        return False
    return True
