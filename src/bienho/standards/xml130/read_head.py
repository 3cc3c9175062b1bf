"""What a file says around its records: its root, the first text of each leaf, whether it is signed.

Read strictly, by a parser that stops at the first fault: only elements closed before it are believed. A parser that
mends what it reads would make another facility code of `64<NUL>001`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from xml.parsers import expat

_SAID = re.compile(rb"<(MACSKCB|NGAYLAP|SOLUONGHOSO)>([0-9A-Za-z.]{1,40})</\1>")
"""What differs between heads of one program: plain words, which no parser reads as anything else."""
_SHAPE_BYTES = 2_048
_SHAPES = 256


@dataclass(slots=True)
class Head:
    """`root`: upper-case local name, '' when none was seen. `texts`: first non-blank text of each closed leaf, by
    upper-case local name. `names`: every local name met, upper case. `spaces`: namespace prefixes declared on the
    root. `sound`: read to the end without a fault."""

    root: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    names: Set[str] = field(default_factory=set)
    spaces: Mapping[str, str] = field(default_factory=dict)
    signed: bool = False
    sound: bool = False


def read_head(data: bytes) -> Head:
    """The head in UTF-8 bytes without declaration, as far as they are well formed. No entity is expanded.

    One that is, but for the words in a few leaves, byte for byte like one that was read is not parsed again.
    """
    if len(data) > _SHAPE_BYTES:
        return _parsed(data)
    parts = _SAID.split(data)
    shape = _shape(tuple(parts[::3]), tuple(parts[1::3]))
    if shape is None:
        return _parsed(data)
    words = zip(map(bytes.decode, parts[1::3]), map(bytes.decode, parts[2::3]), strict=True)
    texts = {**shape.texts, **dict(words)}
    return Head(shape.root, texts, shape.names, shape.spaces, shape.signed, shape.sound)


@lru_cache(_SHAPES)
def _shape(between: tuple[bytes, ...], names: tuple[bytes, ...]) -> Head | None:
    """The head whose leaves `names` all say 0, `between` them what is; None unless what they say is what the head says
    under their names."""
    if len(set(names)) < len(names):
        return None
    head, other = (_parsed(_saying(between, names, word)) for word in (b"0", b"1"))
    for name in map(bytes.decode, names):
        if (head.texts.get(name), other.texts.get(name)) != ("0", "1"):
            return None
    return head


def _saying(between: tuple[bytes, ...], names: tuple[bytes, ...], word: bytes) -> bytes:
    leaves = (b"<%s>%s</%s>" % (name, word, name) for name in names)
    return b"".join(piece for pair in zip(between, (*leaves, b""), strict=True) for piece in pair)


def _parsed(data: bytes) -> Head:
    texts: dict[str, str] = {}
    names: set[str] = set()
    head = Head(texts=texts, names=names)
    taker = _Taker(head, texts, names)
    # not a way in for entities: the caller has refused a DOCTYPE, without which XML declares none
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = taker.start
    parser.EndElementHandler = taker.end
    parser.CharacterDataHandler = taker.text
    try:
        parser.Parse(data, True)
    except expat.ExpatError:
        return head
    head.sound = True
    return head


class _Taker:
    def __init__(self, head: Head, texts: dict[str, str], names: set[str]) -> None:
        self._head, self._texts, self._names = head, texts, names
        self._leaf = ""
        self._text: list[str] = []
        self._depth = 0
        self._signature = 0

    def start(self, name: str, attributes: dict[str, Any]) -> None:
        local = name.rpartition(":")[2].upper()
        head = self._head
        if not self._depth:
            head.root = local
            head.spaces = {key[6:]: uri for key, uri in attributes.items() if key.startswith("xmlns:") and uri}
        self._depth += 1
        self._names.add(local)
        self._leaf, self._text = local, []
        if self._signature:
            head.signed = True
        elif local == "CHUKYDONVI":
            self._signature = self._depth

    def text(self, text: str) -> None:
        if self._leaf:
            self._text.append(text)
        if self._signature and text.strip():
            self._head.signed = True

    def end(self, _name: str) -> None:
        text = "".join(self._text)
        if self._leaf and not self._signature and text.strip():
            self._texts.setdefault(self._leaf, text)
        if self._signature == self._depth:
            self._signature = 0
        self._leaf, self._text = "", []
        self._depth -= 1
