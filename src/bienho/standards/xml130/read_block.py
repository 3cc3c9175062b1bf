"""Rows as they lie in a plainly written sub-file: one tuple of texts per row under one layout, no mapping per row.

What most files are made of never needs a row as a mapping of names: texts go from here straight to columns. Who wants
mappings gets them from `Blocks`, made when first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from operator import itemgetter

from bienho.standards.xml130.versions import contract_of

Row = dict[str, str]
Texts = tuple[str | None, ...]


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
    def key_place(self) -> int | None:
        """Where MA_LK stands."""
        return self.fields.index("MA_LK") if "MA_LK" in self.fields else None

    @cached_property
    def to_columns(self) -> Callable[[Texts], Texts]:
        """Texts in the order of the table's official fields, None where the layout lacks one."""
        places = {name: place for place, name in enumerate(self.fields)}
        order = [places.get(name, -1) for name in official_names(self.table)]
        return _same if order == list(range(len(self.fields))) else _picker(order)

    @cached_property
    def held(self) -> tuple[tuple[str, ...], Callable[[Texts], Texts]]:
        """The fields of the vault, and what picks their texts."""
        vault = {field.name for field in contract_of(self.table).vault_fields}
        places = [place for place, name in enumerate(self.fields) if name in vault]
        return tuple(self.fields[place] for place in places), _picker(places)

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

    __slots__ = ("layout", "rows")

    def __init__(self, layout: Layout, rows: Sequence[Texts]) -> None:
        self.layout = layout
        self.rows = rows

    def mappings(self) -> list[Row]:
        """The rows as mappings, made anew."""
        return [self.layout.row(texts) for texts in self.rows]


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

    def plain(self) -> dict[str, list[Row]]:
        """The same as a dict, not kept."""
        return {table: block.mappings() for table, block in self.blocks.items()}
