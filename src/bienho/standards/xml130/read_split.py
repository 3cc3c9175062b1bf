"""Cuts an envelope into its HOSO without building a tree of the whole, so that a bad HOSO stays alone.

In XML a `<` outside comments, CDATA and processing instructions always starts a tag; with those blanked out, HOSO tags
can be found as bytes. What lies outside the HOSO (the skeleton) is small and is parsed strictly.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from lxml import etree

from bienho.standards.xml130.read_codes import Bad
from bienho.standards.xml130.read_rows import Element, local_name

HUGE_TEXT = 9_000_000
_DECLARATION = re.compile(rb"\s*<\?xml\s[^>]*?\?>")
_ENCODING = re.compile(rb"encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_OPAQUE = re.compile(rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>", re.DOTALL)
_MARKUP = re.compile(rb"<[!?]")
_EXACT = re.compile(rb"<(/?)HOSO(?=[\s>/])")
_ANY = re.compile(rb"<(/?)(?:[\w.-]+:)?HOSO(?=[\s>/])", re.IGNORECASE)
_END = re.compile(rb"</\s*(?:[\w.-]+:)?GIAMDINHHS\s*>", re.IGNORECASE)
_CODECS = {"utf-8", "utf-16", "utf-16-le", "utf-16-be", "ascii", "iso8859-1", "cp1252", "cp1258"}
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True, slots=True)
class Span:
    """One HOSO as bytes [start, end); `whole` False when its end tag is missing."""

    start: int
    end: int
    whole: bool


@dataclass(frozen=True, slots=True)
class Cut:
    """A cut envelope: `spans` in file order, the parsed skeleton, whether that was sound, whether the end is there."""

    spans: tuple[Span, ...]
    skeleton: Element
    sound: bool
    ended: bool
    open_tail: int | None


def parser(size: int, *, recover: bool = False) -> etree.XMLParser:
    """A parser that opens nothing and resolves nothing; the limits of libxml2 on text size are lifted only when the
    input, itself bounded by the caller, is longer than they are."""
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        remove_comments=True,
        remove_pis=True,
        huge_tree=size > HUGE_TEXT,
        recover=recover,
    )


_SMALL = parser(0)


def parse(data: bytes) -> Element:
    """Root of UTF-8 bytes without declaration. Bad IN-DOCTYPE; etree.XMLSyntaxError when not well formed."""
    if b"<!DOCTYPE" in data and b"<!DOCTYPE" in _OPAQUE.sub(b"", data):
        raise Bad("IN-DOCTYPE")
    return etree.fromstring(data, _SMALL if len(data) <= HUGE_TEXT else parser(len(data)))


def plain_utf8(data: bytes) -> tuple[bytes, bool]:
    """(UTF-8 without mark and declaration, whether the declared encoding was a lie).

    UTF-16 and the Windows code pages met in Vietnam are turned into UTF-8; a declaration of UTF-16 on bytes that are
    not (a habit of one programming environment) is overlooked. Bytes that do not decode are left to the parser.
    """
    for mark, codec in _BOMS:
        if data.startswith(mark):
            data = data[len(mark) :]
            if codec != "utf-8":
                data = data.decode(codec, "replace").encode()
            return data[_head(data) :], False
    match = _DECLARATION.match(data)
    if match is None:
        return data, False
    named = _ENCODING.search(match[0])
    body = data[match.end() :]
    if named is None:
        return body, False
    try:
        codec = codecs.lookup(named[1].decode("ascii")).name
    except LookupError:
        return body, True
    if codec == "utf-8":
        return body, False
    if codec not in _CODECS or codec.startswith("utf-16"):
        return body, True
    try:
        return body.decode(codec).encode(), False
    except UnicodeDecodeError:
        return body, True


def _head(data: bytes) -> int:
    match = _DECLARATION.match(data)
    return match.end() if match else 0


def cut(data: bytes) -> Cut:
    """Cut UTF-8 bytes. Bad IN-NOT-XML, IN-DOCTYPE or IN-TRUNCATED when not even a skeleton can be read."""
    masked = _OPAQUE.sub(_blank, data) if _MARKUP.search(data) else data
    result = _cut(data, masked, _EXACT)
    if any(local_name(one).upper() == "HOSO" for one in result.skeleton.iter()):
        result = _cut(data, masked, _ANY)
    return result


def _blank(match: re.Match[bytes]) -> bytes:
    return b" " * len(match[0])


def _cut(data: bytes, masked: bytes, tag: re.Pattern[bytes]) -> Cut:
    spans, outside, open_tail = _spans(masked, tag)
    pieces = b"".join(data[start:end] for start, end in outside)
    ended = open_tail is None and _END.search(masked, max((span.end for span in spans), default=0)) is not None
    try:
        # sound outside the HOSO: the root is closed, be it by <GIAMDINHHS/>
        return Cut(spans, parse(pieces), True, open_tail is None, open_tail)
    except etree.XMLSyntaxError:
        root = _recovered(pieces)
    if root is None or (not spans and open_tail is None):
        # Torn only when something of an envelope was seen: a page of a proxy that ends early is no envelope.
        envelope = root is not None and local_name(root).upper() == "GIAMDINHHS"
        raise Bad("IN-TRUNCATED" if envelope and not ended else "IN-NOT-XML")
    return Cut(spans, root, False, ended, open_tail)


def _recovered(pieces: bytes) -> Element | None:
    """What can be saved of a torn or faulty skeleton."""
    try:
        root: Element | None = etree.fromstring(pieces, parser(len(pieces), recover=True))
    except etree.XMLSyntaxError:
        return None
    return root


def _spans(masked: bytes, tag: re.Pattern[bytes]) -> tuple[tuple[Span, ...], list[tuple[int, int]], int | None]:
    """(HOSO spans, pieces outside them, start of a HOSO left open at the end)."""
    spans: list[Span] = []
    outside: list[tuple[int, int]] = []
    last, opened = 0, None
    for match in tag.finditer(masked):
        if match[1]:
            if opened is None:
                continue
            end = masked.find(b">", match.end()) + 1 or len(masked)
            spans.append(Span(opened, end, True))
            last, opened = end, None
            continue
        if opened is None:
            outside.append((last, match.start()))
        else:
            spans.append(Span(opened, match.start(), False))
        opened = match.start()
        close = masked.find(b">", match.end())
        if close > 0 and masked[close - 1 : close] == b"/":
            spans.append(Span(opened, close + 1, True))
            last, opened = close + 1, None
    if opened is None:
        outside.append((last, len(masked)))
    return tuple(spans), outside, opened
