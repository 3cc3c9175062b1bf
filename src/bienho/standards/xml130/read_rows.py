"""One sub-file (XML0 … XML15) as rows: lenient in names, wrappers and order, exact in text.

Two ways through. The common shape, where every element is a known field in a known row, costs one pass over the
children. Anything else (unknown or doubled elements, markup inside a field, namespaces, foreign wrappers) goes the
patient way. Both give the same rows for what both can read; a property test holds that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from lxml import etree

from bienho.config.limits import Limits
from bienho.standards.xml130.read_block import Row
from bienho.standards.xml130.read_codes import STRAY, Bad
from bienho.standards.xml130.versions import contract_of, renamed, wire_of

Element = etree._Element

_COUNT = etree.XPath("count(descendant-or-self::*)")
_HAS_STRAY = etree.XPath("boolean(descendant-or-self::*[*]/text()[normalize-space()])")
_NOTHING = " \t\r\n\ufeff"


@dataclass(slots=True)
class SubFile:
    """What one sub-file held.

    `names` are the element names met, upper case; `received` maps official to received names where they differ;
    `unknown`, `doubled`, `nested` list (row from 1, name); `outside` holds leaf elements and text beside the rows,
    `met` how often each name of them was met.
    """

    rows: list[Row] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    received: dict[str, str] = field(default_factory=dict)
    unknown: list[tuple[int, str]] = field(default_factory=list)
    doubled: list[tuple[int, str]] = field(default_factory=list)
    nested: list[tuple[int, str]] = field(default_factory=list)
    outside: Row = field(default_factory=dict)
    met: Counter[str] = field(default_factory=Counter)


@cache
def official(table: str) -> frozenset[str]:
    """Official field names of a table."""
    return frozenset(one.name for one in contract_of(table).official_fields)


@cache
def name_index(table: str) -> dict[str, str]:
    """Upper-case name → official name; names of 4210 included."""
    return {**renamed(table), **{name: name for name in official(table)}}


def read_rows(table: str, root: Element, limits: Limits, *, small: bool) -> SubFile:
    """Rows of a parsed sub-file. `small` says no text can pass the limit (the whole sub-file is shorter).

    Raises Bad with a LIM- code beyond a limit.
    """
    result = _common(table, root, limits) or _patient(table, root, limits)
    if len(result.rows) > limits.rows_per_subfile:
        raise Bad("LIM-ROWS", table)
    if not small and any(len(text) > limits.text_bytes for row in result.rows for text in row.values()):
        raise Bad("LIM-TEXT", table)
    return result


def _row_elements(table: str, root: Element) -> tuple[Element, ...] | Element | None:
    """The row elements when the wrappers are the usual ones, else None."""
    tag = wire_of(table).row
    if tag is None:
        return (root,)
    if not len(root):
        return None
    first = root[0]
    if first.tag == tag:
        return root
    if len(root) == 1 and len(first) and first[0].tag == tag:
        return first
    return None


def _common(table: str, root: Element, limits: Limits) -> SubFile | None:
    elements = _row_elements(table, root)
    if elements is None:
        return None
    known = official(table)
    tag = wire_of(table).row
    rows: list[Row] = []
    seen: set[frozenset[str]] = set()
    shape: frozenset[str] = frozenset()
    total = 0
    for element in elements:
        count = len(element)
        if not count or count > limits.elements_per_row or (tag and element.tag != tag):
            return None
        row = {child.tag: child.text or "" for child in element}
        if len(row) != count:
            return None
        if row.keys() != shape:
            shape = frozenset(row)
            seen.add(shape)
        total += count + 1
        rows.append(row)
    wrappers = 0 if tag is None else 1 if elements is root else 2
    if _COUNT(root) != total + wrappers or _HAS_STRAY(root):
        return None
    names = frozenset().union(*seen)
    if names <= known:
        return SubFile(rows, set(names))
    return _rename(table, rows, seen)


def _rename(table: str, rows: list[Row], seen: set[frozenset[str]]) -> SubFile | None:
    """Rows under official names when every name is known in some case or edition and none meets another."""
    index = name_index(table)
    mapping: dict[str, str] = {}
    for name in frozenset().union(*seen):
        target = index.get(name.upper()) if isinstance(name, str) else None
        if target is None:
            return None
        mapping[name] = target
    if any(len({mapping[name] for name in shape}) != len(shape) for shape in seen):
        return None
    return SubFile(
        [{mapping[name]: text for name, text in row.items()} for row in rows],
        {name.upper() for name in mapping},
        {target: name for name, target in sorted(mapping.items()) if name != target},
    )


def _patient(table: str, root: Element, limits: Limits) -> SubFile:
    result = SubFile()
    for element in _walk(table, root, result, limits, 1):
        if len(element) > limits.elements_per_row:
            raise Bad("LIM-ELEMENTS", table)
        if len(result.rows) >= limits.rows_per_subfile:
            raise Bad("LIM-ROWS", table)
        _take_row(table, element, result)
    if not any(result.rows):
        # empty rows alone are no rows: a sub-file, or a row of a bare table, that says nothing
        result.rows.clear()
    return result


def _walk(table: str, element: Element, result: SubFile, limits: Limits, depth: int) -> Iterator[Element]:
    """Row elements in file order; leaf texts outside rows go to `outside`."""
    if depth > limits.depth:
        raise Bad("LIM-DEPTH", table)
    if len(element) > limits.rows_per_subfile + limits.elements_per_row:
        raise Bad("LIM-ELEMENTS", table)
    if _is_row(table, element):
        yield element
        return
    text = stray_text(element)
    if text:
        if len(result.outside) >= limits.elements_per_row:
            raise Bad("LIM-ELEMENTS", table)
        name = STRAY if depth == 1 or len(element) else local_name(element)
        result.outside[_free_name(result.met, name)] = text
    for child in element:
        yield from _walk(table, child, result, limits, depth + 1)


def _is_row(table: str, element: Element) -> bool:
    index, wire = name_index(table), wire_of(table)
    if not len(element):
        # said of nothing, but a row in its place: those behind it keep their numbers
        return local_name(element).upper() == wire.row
    inner = (wire.root, wire.rows, wire.row)
    if any(len(child) and local_name(child).upper() in inner for child in element):
        # a wrapper in which the number of the visit, or another field, was written beside the rows
        return False
    if any(not len(child) and local_name(child).upper() in index for child in element):
        return True
    # a wrapper may wear the name of the rows it holds; a row of strange elements has a text in one of them
    return local_name(element).upper() == wire.row and any(
        not len(child) or local_name(child).upper() in index for child in element
    )


def _take_row(table: str, element: Element, result: SubFile) -> None:
    index = name_index(table)
    number = len(result.rows) + 1
    row: Row = {}
    met: Counter[str] = Counter()
    for child in element:
        name = local_name(child)
        target = index.get(name.upper())
        key = _free_name(met, target or name)
        if target is None:
            result.unknown.append((number, name))
        elif key != target:
            result.doubled.append((number, target))
        elif name != target:
            result.received.setdefault(target, name)
        if len(child):
            result.nested.append((number, key))
            row[key] = inner_xml(child)
        else:
            row[key] = child.text or ""
        result.names.add(name.upper())
    if text := stray_text(element):
        row[STRAY] = text
        result.unknown.append((number, STRAY))
    result.rows.append(row)


def _free_name(met: Counter[str], name: str) -> str:
    """NAME, or NAME#2, NAME#3 … when met before; # cannot occur in an element name."""
    met[name] += 1
    return name if met[name] == 1 else f"{name}#{met[name]}"


def local_name(element: Element) -> str:
    """Element name without namespace."""
    tag = str(element.tag)
    return tag.rpartition("}")[2]


def stray_text(element: Element) -> str:
    """What is written in an element beside its children, blanks between them left out."""
    pieces = (element.text, *(child.tail for child in element))
    return "".join(piece for piece in pieces if piece and piece.strip(_NOTHING))


def inner_xml(element: Element) -> str:
    """Text and markup between the tags of an element."""
    if not len(element):
        return element.text or ""
    # written whole, so that namespaces declared above are repeated once and not in every child
    whole = etree.tostring(element, encoding="unicode", with_tail=False)
    return whole[whole.index(">") + 1 : whole.rindex("</")]
