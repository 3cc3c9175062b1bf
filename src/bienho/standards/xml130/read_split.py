"""Cuts a file into its records (HOSO of an envelope, rows of a bare table) without building a tree of the whole.

So a bad record stays alone. In XML a `<` outside comments, CDATA and processing instructions always starts a tag; with
those blanked out, the tags of records can be found as bytes. What lies outside them (the head) is small and is read
strictly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from lxml import etree

from bienho.standards.xml130.read_codes import Bad
from bienho.standards.xml130.read_head import Head, read_head
from bienho.standards.xml130.read_rows import Element

HUGE_TEXT = 9_000_000
NAMES_MAX = 5_000
"""Different element names in one record; all decisions together have some 500."""
TAG_MAX = 65_536
"""Bytes of one start tag."""
_NAME = re.compile(rb"<([^\s<>/!?]+)")
_LONG_TAG = re.compile(rb"<[^<>!?][^<>]{65536}")
_CONTROLS = bytes({*range(32)} - set(b"\t\n\r"))
_NO_CHARACTER = re.compile(rb"\xef\xbf[\xbe\xbf]")
_MARKUP = re.compile(rb"<[!?]")
_OPAQUE = re.compile(rb"<!--|<!\[CDATA\[|<\?")
_SIMPLE_RUN = re.compile(rb"(?:<\?[^?]*+\?>)++|(?:<!--[^-]*+-->)++")
"""Many of one kind in a row, as only an attacker writes them: passed at once."""
_CLOSERS = {b"<!--": b"-->", b"<![CDATA[": b"]]>", b"<?": b"?>"}
_FIRST_TAG = re.compile(rb"<(?:[\w.-]+:)?([\w.-]+)")


class Span(NamedTuple):
    """One record as bytes [start, end); `whole` False when its end tag is missing."""

    start: int
    end: int
    whole: bool


@dataclass(slots=True)
class Cut:
    """A cut file: `spans` in file order, what was said around them, whether the end is there, where one is torn."""

    spans: tuple[Span, ...]
    head: Head
    ended: bool
    open_tail: int | None


Found = tuple[tuple[Span, ...], list[tuple[int, int]], int | None]
"""Records, pieces outside them, start of a record left open at the end."""


def parser(size: int) -> etree.XMLParser:
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
    )


_SMALL = parser(0)


def parse(data: bytes) -> Element:
    """Root of UTF-8 bytes without declaration. Bad IN-DOCTYPE, LIM-ELEMENTS; etree.XMLSyntaxError when not well formed.

    The parser keeps every name it met for the life of its thread: no file may teach it names without end.
    """
    if data.count(b"<") > NAMES_MAX and len(set(_NAME.findall(data))) > NAMES_MAX:
        raise Bad("LIM-ELEMENTS")
    if len(data) > TAG_MAX and _LONG_TAG.search(data):
        raise Bad("LIM-ELEMENTS")
    if b"<!DOCTYPE" in data and b"<!DOCTYPE" in masked(data):
        raise Bad("IN-DOCTYPE")
    return etree.fromstring(data, _SMALL if len(data) <= HUGE_TEXT else parser(len(data)))


def parse_within(data: bytes, spaces: Mapping[str, str]) -> Element:
    """Root of one record; `spaces` are the namespace prefixes declared around it. Bad IN-NOT-XML, IN-DOCTYPE.

    A declaration of XML in the middle, left there by a program that pasted whole files into one another, is overlooked.
    """
    try:
        return parse(data)
    except etree.XMLSyntaxError:
        pass
    try:
        wrapper = etree.tostring(etree.Element("w", nsmap=dict(spaces))).removesuffix(b"/>") + b">"
        return parse(wrapper + _without_declarations(data) + b"</w>")[0]
    except (etree.XMLSyntaxError, ValueError):  # ValueError: a prefix no XML has
        raise Bad("IN-NOT-XML") from None


def masked(data: bytes) -> bytes:
    """The bytes with comments, CDATA and processing instructions blanked out, in time linear in their length."""
    # one byte is looked for first: that costs next to nothing
    marked = (b"!" in data or b"?" in data) and _MARKUP.search(data)
    return _blanked(data, b"<!--", b"<![CDATA[", b"<?") if marked else data


def _without_declarations(data: bytes) -> bytes:
    return _blanked(data, b"<?xml ") if b"<?xml " in data else data


def _blanked(data: bytes, *openers: bytes) -> bytes:
    result = bytearray(data)
    place = 0
    unclosed: set[bytes] = set()
    while (match := _OPAQUE.search(data, place)) is not None:
        opener, place = match[0], match.end()
        if opener in unclosed:
            continue
        if opener in openers and (run := _SIMPLE_RUN.match(data, match.start())):
            place = run.end()
            result[match.start() : place] = b" " * (place - match.start())
            continue
        end = data.find(_CLOSERS[opener], place)
        if end < 0:
            # nor will a later one of its kind be closed
            unclosed.add(opener)
            continue
        place = end + len(_CLOSERS[opener])
        if data.startswith(openers, match.start()):
            result[match.start() : place] = b" " * (place - match.start())
    return bytes(result)


def first_tag(data: bytes) -> str:
    """Upper-case local name of the first element of UTF-8 bytes, '' when there is none."""
    match = _FIRST_TAG.search(masked(data[:65_536]))
    return match[1].decode("ascii", "replace").upper() if match else ""


@cache
def _tags(name: str, root: str) -> tuple[re.Pattern[bytes], re.Pattern[bytes], re.Pattern[bytes]]:
    """(record tag as the guides write it, in any case and prefix, end of the file)."""
    # without a > before the next < the tag is broken, yet it shows where a record starts
    tail = rb"(?=[\s>/])[^<>]*(>?)"
    prefix = rb"(?:[\w.-]+:)?"
    return (
        re.compile(rb"<(/?)" + name.encode() + tail),
        re.compile(rb"<(/?)" + prefix + name.encode() + tail, re.IGNORECASE),
        re.compile(rb"</\s*" + prefix + root.encode() + rb"\s*>", re.IGNORECASE),
    )


def cut(data: bytes, name: str = "HOSO", root: str = "GIAMDINHHS") -> Cut:
    """Cut UTF-8 bytes into elements `name` below `root` (names in upper case).

    Bad IN-NOT-XML, IN-DOCTYPE or IN-TRUNCATED when what lies around the records cannot be read at all.
    """
    exact, anyhow, end = _tags(name, root)
    blanked = masked(data)
    found = _plain_spans(blanked, name.encode()) or _spans(blanked, exact if exact.search(blanked) else anyhow)
    result = _cut(data, blanked, found, end)
    if name in result.head.names:
        result = _cut(data, blanked, _spans(blanked, anyhow), end)
    if not result.head.sound and not result.spans and result.open_tail is None:
        # Torn only when something of a known file was seen: a page of a proxy that ends early is none.
        raise Bad("IN-TRUNCATED" if result.head.root == root and not result.ended else "IN-NOT-XML")
    return result


def _cut(data: bytes, blanked: bytes, found: Found, end: re.Pattern[bytes]) -> Cut:
    spans, outside, open_tail = found
    pieces = b"".join([data[start:stop] for start, stop in outside])
    if len(pieces.translate(None, _CONTROLS)) < len(pieces) or _NO_CHARACTER.search(pieces):
        raise Bad("IN-NOT-XML")
    if b"<!DOCTYPE" in pieces and b"<!DOCTYPE" in masked(pieces):
        raise Bad("IN-DOCTYPE")
    head = read_head(pieces)
    stop = None if head.sound else end.search(blanked)
    if stop is not None:
        # behind the end of the document: of another one, whose head was not read
        spans = tuple(Span(one.start, one.end, one.whole and one.start < stop.start()) for one in spans)
    ended = open_tail is None and (
        # sound outside the records: the root is closed, be it by <GIAMDINHHS/>
        head.sound or end.search(blanked, max((span.end for span in spans), default=0)) is not None
    )
    return Cut(spans, head, ended, open_tail)


def _plain_spans(blanked: bytes, name: bytes) -> Found | None:
    """As `_spans`, of records that stand one behind the other in tags of their name alone; None of any other."""
    opening, closing = b"<%s>" % name, b"</%s>" % name
    count = blanked.count(opening[:-1])
    if not count or blanked.count(closing[:-1]) != count:
        return None
    spans: list[Span] = []
    outside: list[tuple[int, int]] = []
    last = 0
    for _ in range(count):
        # as many pairs as there are tags: then none is left out, and none is written otherwise
        start = blanked.find(opening, last)
        end = blanked.find(closing, start) if start >= 0 else -1
        if end < 0:
            return None
        outside.append((last, start))
        last = end + len(closing)
        spans.append(Span(start, last, True))
    outside.append((last, len(blanked)))
    return tuple(spans), outside, None


def _spans(blanked: bytes, tag: re.Pattern[bytes]) -> Found:
    """(record spans, pieces outside them, start of a record left open at the end)."""
    spans: list[Span] = []
    outside: list[tuple[int, int]] = []
    last, opened = 0, None
    for match in tag.finditer(blanked):
        start, end = match.span()
        if match[1]:
            if opened is None:
                continue
            spans.append(Span(opened, end, True))
            last, opened = end, None
            continue
        if opened is None:
            outside.append((last, start))
        else:
            spans.append(Span(opened, start, False))
        opened = start
        if match[2] and blanked[end - 2 : end - 1] == b"/":
            spans.append(Span(opened, end, True))
            last, opened = end, None
    if opened is None:
        outside.append((last, len(blanked)))
    return tuple(spans), outside, opened
