"""Sub-files that are plain but for their dress, written as the guides print them: what `read_slab` reads together.

Line ends and blanks between elements, CDATA, `<NAME/>`, the declarations of XML Schema on the root and wrappers in
lower case say nothing. To take them off as bytes costs a fraction of a tree and of rows made from it. Only what is
surely dress is touched; where it is not sure the bytes stay, and what is then not plain goes the way it always went:
the XML parser, which is also the oracle of this module's tests.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from bienho.standards.xml130.versions import wire_of

_CDATA = re.compile(rb"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_BARE_CDATA = re.compile(rb"><!\[CDATA\[[^&<>]*\]\]><")
"""One that is all of a text, in which nothing is to be escaped."""
_WITHIN = re.compile(rb"<[^<>!]*<|&[^;<]*<!")
_CLOSED = re.compile(rb"<([A-Za-z][A-Za-z0-9_]*) ?")
_SCHEMA = re.compile(
    rb"<([A-Za-z][A-Za-z0-9_]*)"
    rb'(?: xmlns:xsi="http://www\.w3\.org/2001/XMLSchema-instance"| xmlns:xsd="http://www\.w3\.org/2001/XMLSchema"){1,2}>'
)
_BLANKS = re.compile(rb"(?<=>)[ \t\n]+(?=<)")
_BLANK_FIELD = re.compile(rb"<[A-Za-z][A-Za-z0-9_]*>[ \t\n]+</")
"""Blanks that may be the text of a field, not dress."""
_NAME = re.compile(rb"<([A-Za-z][A-Za-z0-9_]*)")


def undressed(table: str, body: bytes) -> bytes:
    """The same sub-file (UTF-8, no declaration, no blanks around it) in plainer words; the bytes given where it has no
    dress, or one this module does not know."""
    plain = body
    if b"\r" in plain:
        plain = plain.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    # of two bytes the rarer one is looked for alone first: that costs next to nothing
    if b"!" in plain and b"<!" in plain:
        uncovered = _without_cdata(plain)
        if uncovered is None:
            return body
        plain = uncovered
    if b"?" in plain and b"<?" in plain:
        return body
    declared = _SCHEMA.match(plain)
    if declared is not None:
        if declared[0].count(b":xsi=") > 1 or declared[0].count(b":xsd=") > 1:
            return body
        plain = b"<" + declared[1] + b">" + plain[declared.end() :]
    plain = _in_case(table, _opened(plain))
    end = plain.find(b">") + 1
    if plain[end : end + 1] in (b" ", b"\t", b"\n"):
        lines = _without_lines(plain)
        if lines is not None:
            return lines
        if _BLANK_FIELD.search(plain):
            return body
        plain = _BLANKS.sub(b"", plain)
    return plain


def _without_lines(plain: bytes) -> bytes | None:
    """The same without line ends and the blanks around them, where there are no other blanks between elements and no
    element of blanks alone; else None, and patterns tell what may go."""
    tight = b"\n".join([line.strip(b" \t") for line in plain.split(b"\n")])
    while b"\n\n" in tight:
        tight = tight.replace(b"\n\n", b"\n")
    joined = tight.replace(b">\n<", b"><")
    if b"\n" in joined or b"> " in joined or (b"\t" in joined and b">\t" in joined):
        return None
    place = tight.find(b">\n</")
    while place >= 0:
        if tight[tight.rfind(b"<", 0, place) + 1] != ord("/"):
            return None
        place = tight.find(b">\n</", place + 1)
    return joined


def _without_cdata(plain: bytes) -> bytes | None:
    """The same with what stands in CDATA as text; None where it is not sure that it may be."""
    many = plain.count(b"<!")
    if many == plain.count(b"]]>") == len(_BARE_CDATA.findall(plain)):
        return plain.replace(b"<![CDATA[", b"").replace(b"]]>", b"")
    if many != plain.count(b"<![CDATA[") or _misplaced(plain):
        return None
    plain = _CDATA.sub(_escaped, plain)
    return None if b"<!" in plain else plain  # one that is not closed


def _misplaced(plain: bytes) -> bool:
    """Whether CDATA may stand where no text does: within a tag or a reference, before the root or behind it."""
    return plain.startswith(b"<!") or plain.endswith(b"]]>") or _WITHIN.search(plain) is not None


def _escaped(match: re.Match[bytes]) -> bytes:
    text = match[1]
    if b"&" in text or b"<" in text or b">" in text:
        text = text.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
    return text


def _opened(plain: bytes) -> bytes:
    """The same with `<NAME></NAME>` for every `<NAME/>`."""
    *closed, rest = plain.split(b"/>")
    if not closed:
        return plain
    made: list[bytes] = []
    for piece in closed:
        start = piece.rfind(b"<")
        made += (piece[:start], _both(piece[start:])) if start >= 0 else (piece, b"/>")
    return b"".join((*made, rest))


@lru_cache(maxsize=2048)
def _both(tag: bytes) -> bytes:
    """Start and end of an element of which `tag` is all but the end of an empty one; what it was where it is none."""
    match = _CLOSED.fullmatch(tag)
    return tag + b"/>" if match is None else b"<" + match[1] + b"></" + match[1] + b">"


@cache
def _wrappers(table: str) -> tuple[frozenset[bytes], tuple[tuple[bytes, bytes], ...]]:
    """Wrappers in a case that is not theirs, and what to put in place of tags in that case."""
    wire = wire_of(table)
    names = [name for name in (wire.root, wire.rows, wire.row) if name]
    small = frozenset(name.lower().encode() for name in names) - {name.encode() for name in names}
    said = [f"{mark}{name}>" for name in names for mark in ("<", "</")]
    return small, tuple((tag.lower().encode(), tag.encode()) for tag in said)


def _in_case(table: str, plain: bytes) -> bytes:
    """Wrappers as the guides write them where all are in lower case; the case of fields is told by their layout."""
    first = _NAME.match(plain)
    small, tags = _wrappers(table)
    if first is None or first[1] not in small:
        return plain
    for said, right in tags:
        plain = plain.replace(said, right)
    return plain
