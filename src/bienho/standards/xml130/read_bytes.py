"""What bytes say as text: whole files in base64, byte order marks, declared encodings, NOIDUNGFILE.

Everything becomes UTF-8 without mark and declaration. A byte that its encoding does not know becomes bytes that are
no UTF-8, so that the parser refuses the one record it stands in and nothing is silently altered.
"""

from __future__ import annotations

import binascii
import codecs
import re
from functools import lru_cache

import pybase64

from bienho.standards.xml130.read_codes import Bad

PACKED_BEHIND = b"<NOIDUNGFILE>"
"""Where the base64 of a sub-file begins, as the guides print it."""
_BLANKS = b" \t\r\n"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_PACKED = re.compile(rb"[\sA-Za-z0-9+/_=-]{4,}")
_DECLARATION = re.compile(rb"\s*<\?xml\s[^>]*?\?>")
_ENCODING = re.compile(rb"encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_DECLARATION_BYTES = 160
"""What is longer is looked at anew each time."""
_CODECS = {"ascii", "iso8859-1", "cp1252", "cp1258"}
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def unpacked(data: bytes) -> bytes:
    """The XML when a whole file came as base64 (as in the portal's form field fileHSBase64), else the bytes given."""
    packed = data.removeprefix(codecs.BOM_UTF8)
    if not _PACKED.fullmatch(packed[:256]):
        return data
    try:
        inner = decode_base64(packed)
    except binascii.Error:
        return data
    start = inner[:64].lstrip(_BLANKS + b"\0")
    return inner if start.startswith((b"<", *(mark for mark, _ in _BOMS))) else data


def decode_base64(packed: bytes) -> bytes:
    """Base64 with any white space, with or without padding, in the plain or the URL alphabet; binascii.Error."""
    packed = packed.translate(_URL_SAFE, _BLANKS)
    return strict_base64(packed + b"=" * (-len(packed) % 4))


def strict_base64(packed: bytes) -> bytes:
    """Base64 in the plain alphabet without anything else; binascii.Error.

    Python's own reader decides, as it always has. The quick one, eight times as fast, refuses everything that one
    refuses and a little more (padding behind a whole last group); a test holds that.
    """
    try:
        return pybase64.b64decode(packed, validate=True)
    except binascii.Error:
        return binascii.a2b_base64(packed, strict_mode=True)


def written_xml(text: str) -> str:
    """The XML in a text that is XML and no base64, from its first tag on; '' where it is none."""
    start = text.lstrip(" \t\r\n\ufeff")
    return start if start.startswith("<") else ""


def decode_content(text: str, table: str) -> bytes:
    """Bytes of NOIDUNGFILE: base64, or XML written as text. Bad IN-BASE64.

    XML written as text has come through the encoding of its envelope: it is UTF-8 now, and its own declaration, which
    says nothing any more, is left out.
    """
    written = written_xml(text)
    if written:
        return _undeclared(written.encode())[0]
    try:
        return decode_base64(text.encode())
    except binascii.Error:
        raise Bad("IN-BASE64", table) from None


def plain_utf8(data: bytes) -> tuple[bytes, bool]:
    """(UTF-8 without mark and declaration, whether the declared encoding was a lie).

    The byte order mark decides, then the zero bytes of UTF-16, then whether the bytes are UTF-8, then the declaration:
    UTF-16 declared over UTF-8 is a habit of one programming environment. Vietnamese windows-1258 becomes base letters
    with combining marks, as that code page writes them.
    """
    if data[:1] != b"<" or data[1:2] == b"\0":
        marked = _marked(data)
        if marked is not None:
            return marked
    body, named = _undeclared(data)
    if named is None or named == "utf-8" or body.isascii():
        return body, named is not None and named.startswith("utf-16")
    try:
        body.decode()
    except UnicodeDecodeError:
        return (_recoded(body, named), False) if named in _CODECS else (body, True)
    return body, True


def _marked(data: bytes) -> tuple[bytes, bool] | None:
    """As `plain_utf8`, of bytes whose first ones name their encoding; None of any other."""
    mark, codec = next((one for one in _BOMS if data.startswith(one[0])), (b"", _wide(data)))
    if not codec:
        return None
    body, named = _undeclared(_recoded(data[len(mark) :], codec))
    return body, named is not None and not codec.startswith(named)


def _wide(data: bytes) -> str:
    """The UTF-16 of bytes without a mark, '' when they are none."""
    if data[1:2] == data[3:4] == b"\0" and b"\0" not in (data[:1], data[2:3]):
        return "utf-16-le"
    if data[:1] == data[2:3] == b"\0" and b"\0" not in (data[1:2], data[3:4]):
        return "utf-16-be"
    return ""


def _undeclared(data: bytes) -> tuple[bytes, str | None]:
    """(bytes behind the declaration, the name Python has for the declared encoding; None without one)."""
    first = data.find(b">", 0, _DECLARATION_BYTES) + 1
    # a declaration holds no other > but its last, and there are few of them
    end, named = _declared(data[:first]) if first else _declaration(data)
    return (data[end:] if end else data), named


def _declaration(data: bytes) -> tuple[int, str | None]:
    """(where the declaration ends, the name of the declared encoding)."""
    match = _DECLARATION.match(data)
    if match is None:
        return 0, None
    named = _ENCODING.search(match[0])
    if named is None:
        return match.end(), None
    try:
        return match.end(), codecs.lookup(named[1].decode("ascii")).name
    except LookupError:
        return match.end(), "?"


_declared = lru_cache(256)(_declaration)


def _recoded(data: bytes, codec: str) -> bytes:
    """UTF-8 of bytes in another encoding; what does not decode becomes bytes no UTF-8 has."""
    if codec == "utf-8":
        return data
    if codec.startswith("utf-16"):
        # a torn file may end in the middle of a unit
        data = data[: len(data) & ~1]
        return data.decode(codec, "surrogatepass").encode("utf-8", "surrogatepass")
    return data.decode(codec, "surrogateescape").encode("utf-8", "surrogatepass")
