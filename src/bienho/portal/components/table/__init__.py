"""A table that is sorted, filtered and paged on the server, and turns into cards on a phone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from bienho.portal.components.badge import Badge
from bienho.portal.components.pagination import Pagination
from bienho.portal.components.state import State

LONG = 15
Kind = Literal["text", "number", "code", "date"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One shown value. `note` is the small line under it; `raw` is what a file carries instead of `text`.

    `opened` marks a text that came from the vault for this one look.
    """

    text: str
    href: str = ""
    badge: Badge | None = None
    note: str = ""
    raw: Any = None
    lang: str = ""
    opened: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """`sort_url` and `sorted` (asc, desc or empty) are filled by the listing; `lead` is a card's title on a phone.

    `about` says what the column means and `origin` which field it comes from, for a workbook.
    """

    key: str
    title: str
    kind: Kind = "text"
    lead: bool = False
    sort_url: str = ""
    sorted: str = ""
    about: str = ""
    origin: str = ""


def workbook_url(csv_url: str) -> str:
    """`?xuat=x.csv` → `?xuat=x.xlsx`; no download, no workbook."""
    return csv_url.replace(".csv", ".xlsx") if csv_url else ""


@dataclass(frozen=True, slots=True)
class Table:
    """`rows` map column keys to cells; a missing key shows a dash, never a bare empty cell.

    `pairs`: the columns are name, meaning, value of the fields of one row; on a phone they stay one list.
    """

    id: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Mapping[str, Cell]]
    pagination: Pagination | None = None
    empty: State | None = None
    csv_url: str = ""
    caption_hidden: bool = False
    dense: bool = False
    note: str = ""
    pairs: bool = False
    component: ClassVar[str] = "table"
    lines: list[list[tuple[Column, Cell]]] = field(init=False, repr=False)

    @property
    def xlsx_url(self) -> str:
        """Where the same list is a workbook."""
        return workbook_url(self.csv_url)

    @property
    def long(self) -> bool:
        """A paged list scrolls inside its own frame, under a head that stays."""
        return self.pagination is not None and len(self.rows) > LONG

    def __post_init__(self) -> None:
        blank = Cell("—")
        lines = [[(column, row.get(column.key, blank)) for column in self.columns] for row in self.rows]
        object.__setattr__(self, "lines", lines)
