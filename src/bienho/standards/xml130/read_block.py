"""Rows as they lie in a plainly written sub-file: one tuple of texts per row under one layout, no mapping per row.

What most files are made of never needs a row as a mapping of names: texts go from here straight to columns. Who wants
mappings gets them from `Blocks`, made when first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from operator import itemgetter
from typing import TYPE_CHECKING

import orjson

from bienho.core.deferred import deferred
from bienho.standards.xml130.versions import contract_of

if TYPE_CHECKING:
    import pyarrow as pa

    from bienho.standards.xml130 import read_json
else:  # the process that judges signatures reads no rows
    read_json = deferred("bienho.standards.xml130.read_json")

Row = dict[str, str]
Texts = tuple[str | None, ...]
Bytes = bytes | memoryview
_ESCAPED = "\\\n\t\r"
"""What JSON escapes of the characters XML allows, beside the quotation mark."""


class Layout:
    """The fields of a table's rows in the order of their texts. `names` are the names as received, upper case;
    `received` maps official to received names where they differ; `sparse` says that a text may be None: absent."""

    __slots__ = ("__dict__", "fields", "names", "received", "sparse", "table")

    def __init__(
        self, table: str, fields: tuple[str, ...], names: frozenset[str], received: Row, *, sparse: bool = False
    ) -> None:
        self.table = table
        self.fields = fields
        self.names = names
        self.received = received
        self.sparse = sparse

    @cached_property
    def places(self) -> dict[str, int]:
        """Field → where its text stands."""
        return {name: place for place, name in enumerate(self.fields)}

    def text(self, texts: Texts, name: str) -> str | None:
        """One text of a row, None where it is absent."""
        place = self.places.get(name)
        return None if place is None else texts[place]

    @cached_property
    def to_columns(self) -> Callable[[Texts], Texts]:
        """Texts in the order of the table's official fields, None where the layout lacks one."""
        order = [self.places.get(name, -1) for name in official_names(self.table)]
        return _same if order == list(range(len(self.fields))) else _picker(order)

    @cached_property
    def held(self) -> tuple[tuple[str, ...], Callable[[Texts], Texts]]:
        """The fields of the vault, and what picks their texts."""
        vault = {field.name for field in contract_of(self.table).vault_fields}
        places = [place for place, name in enumerate(self.fields) if name in vault]
        return tuple(self.fields[place] for place in places), _picker(places)

    @cached_property
    def json(self) -> tuple[str, Callable[[Texts], Texts], int]:
        """A row as JSON with sorted keys: its frame, what picks the texts that fill it, the quotation marks in it."""
        order = sorted(range(len(self.fields)), key=self.fields.__getitem__)
        frame = ",".join(f'"{self.fields[place]}":"%s"' for place in order)
        return "{" + frame + "}", _picker(order), frame.count('"')

    def row(self, texts: Texts) -> Row:
        """One row as a mapping."""
        if self.sparse:
            return {name: text for name, text in zip(self.fields, texts, strict=True) if text is not None}
        return dict(zip(self.fields, texts, strict=True))  # type: ignore[arg-type]


def _same(texts: Texts) -> Texts:
    return texts


def _picker(places: Sequence[int]) -> Callable[[Texts], Texts]:
    """Picks texts by place; -1 stands for None."""
    if len(places) < 2:
        return lambda texts: tuple(None if place < 0 else texts[place] for place in places)
    pick = itemgetter(*places)
    return pick if min(places) >= 0 else lambda texts: pick((*texts, None))


@cache
def official_names(table: str) -> tuple[str, ...]:
    """The official fields of a table in their order."""
    return tuple(field.name for field in contract_of(table).official_fields)


class Block:
    """The rows of one table of one dossier."""

    __slots__ = ("_aligned", "_rows", "layout")

    def __init__(self, layout: Layout, rows: Sequence[Texts]) -> None:
        self.layout = layout
        self._rows = rows
        self._aligned: Sequence[Texts] | None = None

    @property
    def rows(self) -> Sequence[Texts]:
        """One tuple of texts per row."""
        return self._rows

    @property
    def aligned(self) -> Sequence[Texts]:
        """The rows with their texts in the order of the table's official fields, None where the layout lacks one."""
        if self._aligned is None:
            align = self.layout.to_columns
            self._aligned = self.rows if align is _same else list(map(align, self.rows))
        return self._aligned

    def first(self, *names: str) -> list[str | None]:
        """Some texts of the first row."""
        return [self.layout.text(self.rows[0], name) for name in names]

    @property
    def count(self) -> int:
        """How many rows."""
        return len(self.rows)

    def text(self, place: int, name: str) -> str | None:
        """One text of the row at a place."""
        return self.layout.text(self.rows[place], name)

    def column(self, name: str) -> Sequence[str | None]:
        """The texts of one field."""
        place = self.layout.places.get(name)
        return [None] * self.count if place is None else [row[place] for row in self.rows]

    def held(self) -> list[Row]:
        """What of each row is for the vault, without empty texts."""
        names, pick = self.layout.held
        return [{name: text for name, text in zip(names, pick(row), strict=True) if text} for row in self.rows]

    def held_json(self) -> bytes:
        """`held` as orjson writes it with sorted keys."""
        return orjson.dumps(self.held(), option=orjson.OPT_SORT_KEYS)

    def mappings(self) -> list[Row]:
        """The rows as mappings, made anew."""
        return [self.layout.row(texts) for texts in self.rows]

    def json(self) -> bytes:
        """The rows as orjson writes them with sorted keys; without a mapping where no text must be escaped."""
        if not self.layout.sparse:
            frame, pick, marks = self.layout.json
            text = ",".join([frame % pick(row) for row in self.rows])
            if text.count('"') == marks * len(self.rows) and not any(map(text.__contains__, _ESCAPED)):
                return f"[{text}]".encode()
        return orjson.dumps(self.mappings(), option=orjson.OPT_SORT_KEYS)

    def lines(self) -> Bytes:
        """`json` without its brackets, for what is put together from many."""
        return self.json()[1:-1]

    def held_lines(self) -> Bytes:
        """`held_json` without its brackets."""
        return self.held_json()[1:-1]


class Slab:
    """Rows of many sub-files of one table under one layout, as Arrow: `texts` holds field after field, all rows of
    each. `escaped`: whether JSON escapes any of them."""

    __slots__ = ("__dict__", "_json", "_lists", "_unasked", "escaped", "layout", "rows", "texts")

    def __init__(self, layout: Layout, rows: int, texts: pa.StringArray, *, escaped: bool) -> None:
        self.layout = layout
        self.rows = rows
        self.texts = texts
        self.escaped = escaped
        self._lists: dict[int, list[str]] = {}
        self._json: read_json.Written | None = None
        self._unasked = rows

    def array(self, place: int) -> pa.StringArray:
        """The texts of one field."""
        return self.texts.slice(place * self.rows, self.rows)

    def listed(self, place: int) -> list[str]:
        """As `array`, as Python texts made once."""
        found = self._lists.get(place)
        if found is None:
            found = self._lists[place] = python_texts(self.array(place))
        return found

    def json(self, count: int) -> read_json.Written:
        """The rows as JSON with sorted keys, for so many of them; after the last they are not held on to."""
        written = self._json
        if written is None:
            written = self._json = read_json.whole(self._said, self.rows, self.layout.fields)
        self._unasked -= count
        if self._unasked <= 0:
            self._json, self._unasked = None, self.rows
        return written

    @cached_property
    def held_json(self) -> read_json.Written:
        """What of the rows is for the vault as JSON with sorted keys, without empty texts."""
        places = [self.layout.places[name] for name in self.layout.held[0]]
        return read_json.held(self._said, self.rows, self.layout.fields, places)

    @property
    def _said(self) -> pa.StringArray:
        return read_json.escaped(self.texts) if self.escaped else self.texts


def python_texts(texts: pa.Array) -> list[str]:
    """As `to_pylist`, without a scalar object in between."""
    made: list[str] = texts.to_numpy(zero_copy_only=False).tolist()
    return made


class SlabBlock(Block):
    """Rows of one table of one dossier that lie in a slab: texts become Python's only for whoever asks."""

    __slots__ = ("_count", "slab", "start")

    def __init__(self, slab: Slab, start: int, count: int) -> None:
        super().__init__(slab.layout, ())
        self.slab = slab
        self.start = start
        self._count = count

    @property
    def rows(self) -> Sequence[Texts]:
        """One tuple of texts per row."""
        if not self._rows:
            self._rows = tuple(zip(*(self._column(place) for place in range(len(self.layout.fields))), strict=True))
        return self._rows

    @property
    def count(self) -> int:
        """How many rows."""
        return self._count

    def first(self, *names: str) -> list[str | None]:
        """Some texts of the first row."""
        places = map(self.layout.places.get, names)
        return [None if place is None else self.slab.listed(place)[self.start] for place in places]

    def text(self, place: int, name: str) -> str | None:
        """One text of the row at a place."""
        field = self.layout.places.get(name)
        return None if field is None else self.slab.listed(field)[self.start + place]

    def column(self, name: str) -> Sequence[str | None]:
        """The texts of one field."""
        place = self.layout.places.get(name)
        return [None] * self._count if place is None else self._column(place)

    def held(self) -> list[Row]:
        """What of each row is for the vault, without empty texts."""
        rows: list[Row] = orjson.loads(self.held_json())
        return rows

    def json(self) -> bytes:
        """The rows as orjson writes them with sorted keys."""
        return b"[%b]" % self.lines()

    def held_json(self) -> bytes:
        """`held` as orjson writes it with sorted keys."""
        return b"[%b]" % self.held_lines()

    def lines(self) -> Bytes:
        """`json` without its brackets, where it lies."""
        data, ends = self.slab.json(self._count)
        return data[ends[self.start] : ends[self.start + self._count] - 1]

    def held_lines(self) -> Bytes:
        """`held_json` without its brackets, where it lies."""
        data, ends = self.slab.held_json
        return data[ends[self.start] : ends[self.start + self._count] - 1]

    def _column(self, place: int) -> Sequence[str]:
        return self.slab.listed(place)[self.start : self.start + self._count]


class Blocks(Mapping[str, list[Row]]):
    """The tables of a dossier, kept as blocks; as a mapping they are what `Dossier.tables` says."""

    __slots__ = ("_made", "blocks")

    def __init__(self, blocks: dict[str, Block]) -> None:
        self.blocks = blocks
        self._made: dict[str, list[Row]] = {}

    def __getitem__(self, table: str) -> list[Row]:
        made = self._made.get(table)
        if made is None:
            made = self._made[table] = self.blocks[table].mappings()
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self.blocks)

    def __len__(self) -> int:
        return len(self.blocks)

    def __repr__(self) -> str:
        return f"Blocks({', '.join(self.blocks)})"

    def pieces(self) -> list[Bytes]:
        """The same as orjson writes it with sorted keys, in pieces."""
        made: list[Bytes] = []
        for name in sorted(self.blocks):
            made += (_named(name, bool(made)), self.blocks[name].lines())
        return [*made, b"]}"] if made else [b"{}"]

    def held_pieces(self) -> list[Bytes]:
        """What of every table is for the vault, as `pieces`."""
        made: list[Bytes] = []
        for name in sorted(self.blocks):
            made += (_named(name, bool(made)), self.blocks[name].held_lines())
        return [*made, b"]}"] if made else [b"{}"]


@cache
def _named(table: str, behind: bool) -> bytes:
    return f'{"]," if behind else "{"}"{table}":['.encode()
