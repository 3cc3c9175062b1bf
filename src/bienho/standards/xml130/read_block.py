"""Rows as they lie in a plainly written sub-file: one tuple of texts per row under one layout, no mapping per row.

What most files are made of never needs a row as a mapping of names: texts go from here straight to columns. Who wants
mappings gets them from `Blocks`, made when first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from operator import itemgetter

import orjson

from bienho.standards.xml130.versions import contract_of

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

    __slots__ = ("_aligned", "layout", "rows")

    def __init__(self, layout: Layout, rows: Sequence[Texts]) -> None:
        self.layout = layout
        self.rows = rows
        self._aligned: Sequence[Texts] | None = None

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
