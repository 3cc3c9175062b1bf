"""What a file says around its records: its root, the first text of each leaf, whether it is signed.

Read strictly, by a parser that stops at the first fault: only elements closed before it are believed. A parser that
mends what it reads would make another facility code of `64<NUL>001`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat


@dataclass(slots=True)
class Head:
    """`root`: upper-case local name, '' when none was seen. `texts`: first non-blank text of each closed leaf, by
    upper-case local name. `names`: every local name met, upper case. `spaces`: namespace prefixes declared on the
    root. `sound`: read to the end without a fault."""

    root: str = ""
    texts: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    spaces: dict[str, str] = field(default_factory=dict)
    signed: bool = False
    sound: bool = False


def read_head(data: bytes) -> Head:
    """The head in UTF-8 bytes without declaration, as far as they are well formed. No entity is expanded."""
    head = Head()
    taker = _Taker(head)
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
    def __init__(self, head: Head) -> None:
        self._head = head
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
        head.names.add(local)
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
            self._head.texts.setdefault(self._leaf, text)
        if self._signature == self._depth:
            self._signature = 0
        self._leaf, self._text = "", []
        self._depth -= 1
