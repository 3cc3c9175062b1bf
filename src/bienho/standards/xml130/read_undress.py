"""Sub-files that are plain but for their dress, written as the guides print them: what `read_slab` reads together.

Line ends and blanks between elements, CDATA, `<NAME/>`, the declarations of XML Schema on the root and wrappers in
lower case say nothing. To take them off as bytes costs a fraction of a tree and of rows made from it. Only what is
surely dress is touched; where it is not sure the bytes stay, and what is then not plain goes the way it always went:
the XML parser, which is also the oracle of this module's tests.
"""

from __future__ import annotations

import re
from functools import cache

from bienho.standards.xml130.versions import wire_of

_CDATA = re.compile(rb"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_WITHIN = re.compile(rb"<[^<>!]*<|&[^;<]*<!")
_CLOSED = re.compile(rb"<([A-Za-z][A-Za-z0-9_]*) ?/>")
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
    if b"<!" in plain:
        if plain.count(b"<!") != plain.count(b"<![CDATA[") or _misplaced(plain):
            return body
        plain = _CDATA.sub(_escaped, plain)
        if b"<!" in plain:  # one that is not closed
            return body
    if b"<?" in plain:
        return body
    declared = _SCHEMA.match(plain)
    if declared is not None:
        if declared[0].count(b":xsi=") > 1 or declared[0].count(b":xsd=") > 1:
            return body
        plain = b"<" + declared[1] + b">" + plain[declared.end() :]
    if b"/>" in plain:
        plain = _CLOSED.sub(_opened, plain)
    plain = _in_case(table, plain)
    end = plain.find(b">") + 1
    if plain[end : end + 1] in (b" ", b"\t", b"\n"):
        if _BLANK_FIELD.search(plain):
            return body
        plain = _BLANKS.sub(b"", plain)
    return plain


def _misplaced(plain: bytes) -> bool:
    """Whether CDATA may stand where no text does: within a tag or a reference, before the root or behind it."""
    return plain.startswith(b"<!") or plain.endswith(b"]]>") or _WITHIN.search(plain) is not None


def _escaped(match: re.Match[bytes]) -> bytes:
    text = match[1]
    if b"&" in text or b"<" in text or b">" in text:
        text = text.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
    return text


# a function is several times as quick as a template
def _opened(match: re.Match[bytes]) -> bytes:
    return b"<" + match[1] + b"></" + match[1] + b">"


@cache
def _wrappers(table: str) -> tuple[str, ...]:
    wire = wire_of(table)
    return tuple(name for name in (wire.root, wire.rows, wire.row) if name)


def _in_case(table: str, plain: bytes) -> bytes:
    """Wrappers as the guides write them where all are in lower case; the case of fields is told by their layout."""
    first = _NAME.match(plain)
    names = _wrappers(table)
    if first is None or first[1].decode() not in {name.lower() for name in names} - set(names):
        return plain
    for name in names:
        small, right = name.lower().encode(), name.encode()
        plain = plain.replace(b"<" + small + b">", b"<" + right + b">")
        plain = plain.replace(b"</" + small + b">", b"</" + right + b">")
    return plain
