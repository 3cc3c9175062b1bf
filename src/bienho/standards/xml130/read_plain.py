"""The quick way through a plainly written sub-file: no attribute, no CDATA, comment or foreign wrapper.

Inside that small language a row is a fixed sequence of `<NAME>text</NAME>`; one pattern per sequence, learned from
the second file that has it, gives all texts of a row at once. Whatever is not exactly in the language gives None and
goes to the XML parser, which is also the oracle of this module's tests: same rows, never rows where the parser would
refuse. `read_block` is for sub-files all of whose rows have one sequence, `read_plain` for those whose rows differ.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

from bienho.config.limits import Limits
from bienho.standards.xml130.read_block import Block, Layout, Row
from bienho.standards.xml130.read_rows import SubFile, name_index
from bienho.standards.xml130.versions import wire_of

_BLANK = "[ \t\n]*"
_CONTROLS = bytes(set(range(32)) - {9, 10, 13})
_ELEMENT = re.compile(rf"<([A-Za-z][A-Za-z0-9_]*)(?:>[^<]*</\1>|/>){_BLANK}")
_REFERENCE = re.compile(r"&(amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});")
_NAMED = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&amp;": "&"}  # & last: its result is not read again
_SAID = re.compile(rb">[^<]+</")
_TAGS_BYTES = 8_192
"""What is longer is looked at anew each time."""
_LEARN_MAX = 4
"""Changes of sequence followed in one sub-file; beyond, the parser is cheaper."""


@cache
def _ends(table: str) -> tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]:
    """(opening, closing) patterns of the wrappers; 4210 has the list alone, a row cut out of a bare table nothing."""
    wire = wire_of(table)
    chains = [[wire.root, wire.rows], [wire.rows], []] if wire.rows else [[wire.root]]
    return tuple(
        (
            re.compile(_BLANK + "".join(f"<{name}>{_BLANK}" for name in chain)),
            re.compile("".join(f"</{name}>{_BLANK}" for name in reversed(chain))),
        )
        for chain in chains
    )


_LAST: dict[str, tuple[str, ...]] = {}
"""Table → the sequence met last: a guess that saves learning, never a result."""


@lru_cache(maxsize=256)
def _officials(table: str, names: tuple[str, ...]) -> tuple[str, ...]:
    index = name_index(table)
    return tuple(index[name.upper()] for name in names)


def _note_names(result: SubFile, officials: tuple[str, ...], names: tuple[str, ...]) -> None:
    result.names.update(name.upper() for name in names)
    for official, name in zip(officials, names, strict=True):
        if official != name:
            result.received.setdefault(official, name)


_MET: set[int] = set()
"""Hashes of sequences met once. A collision learns too early, which costs time and changes no result."""
_MET_MAX = 16_384


def _met_before(table: str, names: tuple[str, ...]) -> bool:
    """Whether a sequence comes back. A pattern costs as much as parsing many rows, so what is met once is not learned;
    otherwise small files with their elements shuffled would cost ten times what they should."""
    mark = hash((table, names))
    if mark in _MET:
        return True
    if len(_MET) >= _MET_MAX:
        _MET.clear()
    _MET.add(mark)
    return False


@lru_cache(maxsize=512)
def _template(table: str, names: tuple[str, ...]) -> re.Pattern[str]:
    tag = wire_of(table).row
    body = "".join(f"(?:<{name}>([^<]*)</{name}>|<{name}/>){_BLANK}" for name in names)
    return re.compile(f"<{tag}>{_BLANK}{body}</{tag}>{_BLANK}" if tag else f"{body}(?=</)")


def _sequence(table: str, text: str, start: int) -> tuple[str, ...] | None:
    """Element names of the row at `start`, None when one is unknown or two mean the same field."""
    tag = wire_of(table).row
    if tag:
        opening = re.compile(f"<{tag}>{_BLANK}").match(text, start)
        if opening is None:
            return None
        start = opening.end()
    names = []
    while (element := _ELEMENT.match(text, start)) is not None:
        names.append(element[1])
        start = element.end()
    officials = {name_index(table).get(name.upper()) for name in names}
    return tuple(names) if names and None not in officials and len(officials) == len(names) else None


def read_plain(table: str, data: bytes, limits: Limits) -> SubFile | None:
    """Rows of a sub-file (UTF-8, no declaration), or None when it is not plainly written or near a limit."""
    text = _plain_text(data, limits)
    if text is None or b"<!" in data:
        return None
    for opening, closing in _ends(table):
        start = opening.match(text)
        if start is not None:
            return _rows(table, text, start.end(), closing, limits)
    return None


def _plain_text(data: bytes, limits: Limits) -> str | None:
    """The text of UTF-8 bytes, or None when XML may forbid, or read otherwise, something outside their tags."""
    if len(data) > limits.text_bytes or len(data.translate(None, _CONTROLS)) != len(data):
        return None
    # one byte is looked for first: that costs next to nothing
    if b"]" in data and b"]]>" in data:
        return None
    if b"\xef" in data and (b"\xef\xbf\xbe" in data or b"\xef\xbf\xbf" in data):
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return None if "&" in text and not references_known(text) else text


@dataclass(frozen=True)
class _Known:
    """A layout with a pattern of its rows; `names` of its elements as written; `tight`: no blank between tags."""

    layout: Layout
    names: tuple[str, ...]
    tight: bool

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Made when the first row is read by it: sub-files read together need none, and it costs many rows."""
        table = self.layout.table
        return _tight(table, self.names) if self.tight else _template(table, self.names)


_RECENT: dict[str, list[_Known]] = {}
"""Table → what was met last, newest first: guesses that save learning, never a result."""
_RECENT_MAX = 6


def read_block(table: str, data: bytes, limits: Limits) -> Block | None:
    """As `read_plain` for a sub-file all of whose rows have one sequence of elements, else None."""
    text = _plain_text(data, limits)
    if text is None:
        return None
    for opening, closing in _ends(table):
        start = opening.match(text)
        if start is None:
            continue
        place = start.end()
        most = limits.rows_per_subfile if closing.pattern and wire_of(table).row else 1
        found = _first_row(table, text, place)
        if found is None or len(found[0].layout.fields) > limits.elements_per_row:
            return None
        known, match = found
        rows: list[tuple[str, ...]] = [match.groups("")]
        place = match.end()
        for match in known.pattern.finditer(text, place):
            if match.start() != place:
                return None
            rows.append(match.groups(""))
            place = match.end()
        if len(rows) > most or closing.fullmatch(text, place) is None:
            return None
        if "&" in text:
            rows = [tuple(unescaped(one) if "&" in one else one for one in row) for row in rows]
        return Block(known.layout, rows)
    return None


def _first_row(table: str, text: str, place: int) -> tuple[_Known, re.Match[str]] | None:
    """The row at a place and what reads it; that is learned when a sequence comes back."""
    recent = _RECENT.setdefault(table, [])
    for number, known in enumerate(recent):
        if (match := known.pattern.match(text, place)) is not None:
            if number:
                recent.insert(0, recent.pop(number))
            return known, match
    names = _sequence(table, text, place)
    if names is None or not _met_before(table, names):
        return None
    known = _learned(table, names, len(names) > 1 and f"</{names[0]}><{names[1]}>" in text)
    match = known.pattern.match(text, place)
    if match is None:
        return None
    recent.insert(0, known)
    del recent[_RECENT_MAX:]
    return known, match


@lru_cache(maxsize=512)
def _learned(table: str, names: tuple[str, ...], tight: bool) -> _Known:
    officials = _officials(table, names)
    received = {official: name for official, name in zip(officials, names, strict=True) if official != name}
    layout = Layout(table, officials, frozenset(name.upper() for name in names), received)
    return _Known(layout, names, tight)


def tight_layouts(table: str, sample: Iterable[bytes]) -> list[tuple[Layout, tuple[str, ...]]]:
    """Layouts without a blank between tags in which more than one of some sub-files is written, the most frequent
    first, with the names of their elements as written."""
    met = Counter(filter(None, (_tight_names(table, body) for body in sample)))
    return [(_learned(table, names, True).layout, names) for names, times in met.most_common() if times > 1]


def _tight_names(table: str, body: bytes) -> tuple[str, ...] | None:
    """Names of the elements of the first row, by its tags alone: whether they hold what they may is not asked here."""
    row = wire_of(table).row
    end = body.find(f"</{row}>".encode()) if row else len(body)
    tags = _SAID.sub(b"></", body[:end])
    return (_tight_names_of if len(tags) <= _TAGS_BYTES else _tight_names_of.__wrapped__)(table, tags)


@lru_cache(maxsize=512)
def _tight_names_of(table: str, tags: bytes) -> tuple[str, ...] | None:
    text = tags.decode("ascii", "replace")
    for opening, _ in _ends(table):
        if start := opening.match(text):
            names = _sequence(table, text, start.end())
            tight = names is not None and len(names) > 1 and f"</{names[0]}><{names[1]}>" in text
            return names if tight else None
    return None


def _tight(table: str, names: tuple[str, ...]) -> re.Pattern[str]:
    """The pattern of rows without a blank between tags and without self-closed elements: a third quicker."""
    tag = wire_of(table).row
    body = "".join(f"<{name}>([^<]*)</{name}>" for name in names)
    return re.compile(f"<{tag}>{body}</{tag}>" if tag else f"{body}(?=</)")


def references_known(text: str) -> bool:
    """True when every & starts a reference to a character XML allows."""
    if text.count("&") == sum(map(text.count, _NAMED)):
        return True
    found = [match[1] for match in _REFERENCE.finditer(text)]
    return len(found) == text.count("&") and all(
        name[0] != "#" or (code := _code(name)) in (9, 10, 13) or 32 <= code < 0xD800 or 0xE000 <= code <= 0xFFFD
        for name in found
    )


def _code(name: str) -> int:
    return int(name[2:], 16) if name[1] == "x" else int(name[1:])


def _character(match: re.Match[str]) -> str:
    return _NAMED.get(match[0]) or chr(_code(match[1]))


def unescaped(text: str) -> str:
    """A text with its references, all of them known, read."""
    if "&#" in text:
        return _REFERENCE.sub(_character, text)
    for reference, character in _NAMED.items():
        text = text.replace(reference, character)
    return text


def _rows(table: str, text: str, place: int, closing: re.Pattern[str], limits: Limits) -> SubFile | None:
    most = limits.rows_per_subfile if closing.pattern and wire_of(table).row else 1
    result = SubFile()
    rows: list[Row] = result.rows
    names: tuple[str, ...] | None = _LAST.get(table)
    template = _template(table, names) if names else None
    officials = _officials(table, names or ())
    used: tuple[str, ...] | None = None
    learned = 0
    escaped = "&" in text
    while closing.fullmatch(text, place) is None:
        match = template.match(text, place) if template else None
        if match is None:
            names = _sequence(table, text, place)
            learned += 1
            if names is None or learned > _LEARN_MAX:
                return None
            if not _met_before(table, names):
                return None
            template = _template(table, names)
            match = template.match(text, place)
            if match is None:
                return None
            officials = _officials(table, names)
        if names is not used and names is not None:
            if len(names) > limits.elements_per_row:
                return None
            used = _LAST[table] = names
            _note_names(result, officials, names)
        if len(rows) >= most:
            return None
        row = dict(zip(officials, match.groups(""), strict=True))
        if escaped:
            row.update([(name, unescaped(one)) for name, one in row.items() if "&" in one])
        rows.append(row)
        place = match.end()
    return result if rows else None
