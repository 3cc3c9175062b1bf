"""A written dossier open for change cell by cell. Canonical dress only: every element stands there, none in CDATA."""

from __future__ import annotations

import re
from functools import cache
from xml.sax.saxutils import escape, unescape

from bienho.standards.xml130.write import layout, shape
from bienho.synthetic.dirt.model import Subfiles


@cache
def _wires(table: str, version: str) -> dict[str, str]:
    return {field.official: field.wire for field in layout(table, version)}


@cache
def _rows_of(table: str, version: str) -> re.Pattern[str]:
    names = shape(table, version)
    return re.compile(rf"(<{names.row or names.root}>.*?</{names.row or names.root}>)", re.DOTALL)


class Cells:
    """Values by table, row (from 1) and official name. Reading gives None where version or dossier has no such cell."""

    def __init__(self, subfiles: Subfiles, version: str) -> None:
        self.version = version
        self._order = [kind for kind, _ in subfiles]
        self._bytes = dict(subfiles)
        self._parts: dict[str, list[str]] = {}
        self._changed: set[str] = set()

    def _split(self, table: str) -> list[str]:
        """Head, row, between, row, …, tail: rows at odd places."""
        if table not in self._parts:
            self._parts[table] = _rows_of(table, self.version).split(self._bytes[table].decode())
        return self._parts[table]

    def has(self, table: str) -> bool:
        """Whether the dossier has the table."""
        return table in self._bytes

    def rows(self, table: str) -> range:
        """Numbers of the rows of a table."""
        return range(1, len(self._split(table)) // 2 + 1) if table in self._bytes else range(0)

    def get(self, table: str, row: int, field: str) -> str | None:
        """The text of a cell."""
        wire = _wires(table, self.version).get(field) if table in self._bytes else None
        if wire is None or row not in self.rows(table):
            return None
        found = re.search(rf"<{wire}>([^<]*)</{wire}>", self._split(table)[row * 2 - 1])
        return unescape(found[1]) if found else None

    def put(self, table: str, row: int, field: str, text: str | None) -> None:
        """Another text; None leaves the element out."""
        wire = _wires(table, self.version)[field]
        element = "" if text is None else f"<{wire}>{escape(text)}</{wire}>"
        parts = self._split(table)
        parts[row * 2 - 1] = re.sub(rf"<{wire}>[^<]*</{wire}>", lambda _: element, parts[row * 2 - 1], count=1)
        self._changed.add(table)

    def double(self, table: str, row: int) -> None:
        """The same row once more, right after it."""
        self._split(table)[row * 2 - 1] *= 2
        self._changed.add(table)

    def remove(self, table: str) -> None:
        """The dossier without the table."""
        self._order.remove(table)
        del self._bytes[table]

    def subfiles(self) -> Subfiles:
        """What has become of the dossier."""
        return [
            (table, "".join(self._parts[table]).encode() if table in self._changed else self._bytes[table])
            for table in self._order
        ]
