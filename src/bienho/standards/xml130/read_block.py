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
    import pyarrow.compute as pc
else:  # the process that judges signatures reads no rows
    pa, pc = deferred("pyarrow"), deferred("pyarrow.compute")

Row = dict[str, str]
Texts = tuple[str | None, ...]
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


class Slab:
    """Rows of many sub-files of one table under one layout, as Arrow: `texts` holds field after field, all rows of
    each. `escaped`: rows with a text that JSON escapes."""

    __slots__ = ("_held", "_json", "_lists", "_unasked", "escaped", "layout", "rows", "texts")

    def __init__(self, layout: Layout, rows: int, texts: pa.StringArray, escaped: frozenset[int]) -> None:
        self.layout = layout
        self.rows = rows
        self.texts = texts
        self.escaped = escaped
        self._lists: dict[int, list[str]] = {}
        self._json: tuple[bytes, list[int]] | None = None
        self._unasked = rows
        self._held: list[Row] | None = None

    def array(self, place: int) -> pa.StringArray:
        """The texts of one field."""
        return self.texts.slice(place * self.rows, self.rows)

    def listed(self, place: int) -> list[str]:
        """As `array`, as Python texts made once."""
        found = self._lists.get(place)
        if found is None:
            found = self._lists[place] = python_texts(self.array(place))
        return found

    @property
    def held(self) -> list[Row]:
        """What of each row is for the vault, without empty texts; nobody may change them."""
        if self._held is None:
            names, _ = self.layout.held
            columns = [self.listed(self.layout.places[name]) for name in names]
            rows = zip(*columns, strict=True) if columns else [()] * self.rows
            self._held = [{name: text for name, text in zip(names, texts, strict=True) if text} for texts in rows]
        return self._held

    def json(self, start: int, count: int) -> bytes:
        """Rows as JSON with sorted keys, a comma behind each; of rows without a text that JSON escapes."""
        if self._json is None:
            order = sorted(range(len(self.layout.fields)), key=self.layout.fields.__getitem__)
            pieces: list[pa.StringArray | str] = []
            for place in order:
                pieces += [f'{"," if pieces else "{"}"{self.layout.fields[place]}":"', self.array(place), '"']
            pieces.append("},")
            rows = pc.binary_join_element_wise(*_merged(pieces), "")
            _, offsets, data = rows.buffers()
            ends = memoryview(offsets).cast("i").tolist()[rows.offset : rows.offset + self.rows + 1]
            self._json = data.to_pybytes(), ends
        data, ends = self._json
        self.asked(count)
        return data[ends[start] : ends[start + count]]

    def asked(self, count: int) -> None:
        """Note that so many rows were asked for as JSON, here or row by row: after the last it is not held on to."""
        self._unasked -= count
        if self._unasked <= 0:
            self._json, self._unasked = None, self.rows


def python_texts(texts: pa.Array) -> list[str]:
    """As `to_pylist`, without a scalar object in between."""
    made: list[str] = texts.to_numpy(zero_copy_only=False).tolist()
    return made


def _merged(pieces: Sequence[pa.StringArray | str]) -> Iterator[pa.StringArray | str]:
    """Texts that follow one another as one."""
    text = ""
    for piece in pieces:
        if isinstance(piece, str):
            text += piece
            continue
        yield text
        yield piece
        text = ""
    yield text


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
        return self.slab.held[self.start : self.start + self._count]

    def json(self) -> bytes:
        """The rows as orjson writes them with sorted keys."""
        if self.slab.escaped and not self.slab.escaped.isdisjoint(range(self.start, self.start + self._count)):
            self.slab.asked(self._count)
            return orjson.dumps(self.mappings(), option=orjson.OPT_SORT_KEYS)
        return b"[" + self.slab.json(self.start, self._count)[:-1] + b"]"

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

    def json(self) -> bytes:
        """The same as orjson writes it with sorted keys."""
        return b"{" + b",".join(b'"%s":%s' % (name.encode(), self.blocks[name].json()) for name in sorted(self)) + b"}"
