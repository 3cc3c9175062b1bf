"""What reading gives: Dossier, UnreadableDossier, Unreadable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import orjson

from bienho.core.errors import InputError
from bienho.core.finding import Finding
from bienho.core.text import nfc
from bienho.standards.xml130.read_block import Block, Blocks, Bytes, Row
from bienho.standards.xml130.versions import Document, Evidence, day_of, wire_names

Tables = dict[str, list[Row]]


class Unreadable(InputError):
    """The whole envelope cannot be read; `code` says why (room README)."""


# not frozen, as thousands of a batch are: one that is takes four times as long to make
@dataclass(slots=True)
class Dossier:
    """One document as received: a visit (HOSO), the check-in of a visit (rows of XML0), an assessment (row of XML12).

    `hoso`: place in the file from 1; of a check-in that of its first row. `ma_lk`: the number it is known by; of an
    assessment SO_BIEN_BAN. `tables`: only those with rows, official field names, text exactly as received; a key that
    is missing was absent, '' was empty. A field met twice in a row has its second text under NAME#2; an element the
    table does not know keeps its own name; text beside the elements is "#text". `kept`: what is not taken apart
    (unknown LOAIHOSO under {"#xml": text}, or {"#base64": text} when it is no text; elements beside the rows under
    "XML2#outside"). `received_names`: table → {official: received} where they differ. `shape_vaulted`: (table, row
    from 1, field) of lake texts that look like something else than their field and therefore go to the vault.
    """

    hoso: int
    facility: str
    ma_lk: str
    ma_bn: str | None
    format_version: str
    version_evidence: Evidence
    tables: Mapping[str, list[Row]]
    kept: Tables = field(default_factory=dict)
    received_names: dict[str, dict[str, str]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    shape_vaulted: frozenset[tuple[str, int, str]] = frozenset()
    document: Document = "visit"

    @property
    def identity(self) -> str:
        """What names this document among those of its kind at its facility.

        Numbers of minutes start anew every year, so that of an assessment is joined with the year it met in.
        """
        if self.document != "assessment":
            return self.ma_lk
        return assessment_identity(self.ma_lk, self.tables["XML12"][0].get("NGAY_HOP"))

    @property
    def row_counts(self) -> dict[str, int]:
        """Table → how many rows it has."""
        if isinstance(self.tables, Blocks):
            return {table: block.count for table, block in self.tables.blocks.items()}
        return {table: len(rows) for table, rows in self.tables.items()}

    @property
    def content(self) -> bytes:
        """Canonical bytes of everything received: equal exactly when tables, rows and texts are equal.

        JSON with sorted keys under the official names, so the order and case of elements in the file do not matter;
        tables that came under the names of an earlier edition are listed. Made anew each time: it is as long as what
        was sent, a batch holds thousands of dossiers, and its digest is all that is kept.
        """
        return b"".join(self.content_pieces)

    @property
    def content_pieces(self) -> Sequence[Bytes]:
        """`content` in pieces that lie where they were made, for whoever needs no copy of it."""
        earlier = _earlier(self.format_version, *self.tables)
        if isinstance(self.tables, Blocks):
            kept = orjson.dumps(self.kept, option=orjson.OPT_SORT_KEYS) if self.kept else b"{}"
            return b"[" + earlier + b",", *self.tables.pieces(), b"," + kept + b"]"
        return b"[" + earlier + b",", orjson.dumps([self.tables, self.kept], option=orjson.OPT_SORT_KEYS)[1:]


@lru_cache(maxsize=1024)
def _earlier(edition: str, *tables: str) -> bytes:
    """Those of the tables that came under the names of an earlier edition, as JSON."""
    return orjson.dumps([table for table in tables if wire_names(table, edition)])


def assessment_identity(number: str, met: str | None) -> str:
    """Number of minutes and year of the meeting, '-' where the day cannot be read; `met` is NGAY_HOP."""
    day = day_of((met or "").strip())
    return f"{nfc(number).strip()}|{day.year if day else '-'}"


@dataclass(frozen=True)
class UnreadableDossier:
    """One HOSO or row that cannot be taken in, with the reason; its neighbours are untouched. `hoso` counts from 1."""

    hoso: int
    facility: str
    ma_lk: str | None
    code: str
    message: str
    findings: tuple[Finding, ...] = ()


Item = Dossier | UnreadableDossier


class Piece(NamedTuple):
    """The bytes of one sub-file: `content` is UTF-8 from `start` on, `packed` what was packed (None: nested in its
    HOSO). Mostly they are the same bytes, held once: a batch waits with all of its sub-files."""

    content: bytes
    start: int
    packed: bytes | None

    @property
    def plain(self) -> bytes:
        """UTF-8 without mark, declaration and blanks around it, made anew."""
        return self.content[self.start :].strip(b" \t\r\n")


@dataclass(slots=True)
class Waiting:
    """A HOSO in which nothing is odd so far, its sub-files still to be read, best together with many others.

    `finish` makes the item of what they are read as, of None when one of them is for the patient way; `told` puts the
    number of the HOSO, and of the file it came in, where that is not known inside.
    """

    hoso: int
    pieces: Mapping[str, Piece]
    finish: Callable[[dict[str, Block] | None], Item]
    told: Callable[[Item], Item] | None = None


Draft = Item | Waiting
