"""The rows of a batch as the rules see them: each different text of a column once, and what it reads as.

A column is the list of its different texts and, for each row, the place of its text there. A question of one field is
then a question of that list, however many rows there are. What a text reads as is asked of DuckDB, in one statement for
the whole batch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bienho.contracts import VAULT_MARKER, Contract, catalogue
from bienho.quality.rule_model import EDITIONS
from bienho.quality.rule_text import Ask
from bienho.quality.rule_values import Array, Mask, Value

VISIT = "XML1"
HEADS = "standard.xml130_dossier"
BLANK = " \t\n\r"
Wanted = Mapping[str, Collection[tuple[str, str]]]
"""Table → (space, field) of the columns that are read: x, p, n, q, r, t or d, as in `rule_text`."""
_FEW = 500
"""Rows of a column up to which to ask Arrow costs more than to look."""
_ZONE = "Asia/Ho_Chi_Minh"
MACROS = r"""
CREATE OR REPLACE MACRO rule_moment(x) AS
  CASE WHEN strlen(x) = 12 AND x >= '18' AND x < '22' AND NOT suffix(x, ' ') AND NOT suffix(x, E'\t')
            AND NOT suffix(x, E'\n') AND NOT suffix(x, E'\r')
       THEN try_strptime(x, '%Y%m%d%H%M') END;
CREATE OR REPLACE MACRO rule_day(x) AS
  CASE WHEN strlen(x) = 12 THEN CAST(rule_moment(x) AS DATE)
       WHEN strlen(x) = 8 AND x >= '18' AND x < '22' AND NOT suffix(x, ' ') AND NOT suffix(x, E'\t')
            AND NOT suffix(x, E'\n') AND NOT suffix(x, E'\r')
       THEN CAST(try_strptime(x, '%Y%m%d') AS DATE) END;
"""
"""Session macros, run once per connection: twelve, eight or twelve digits that are a moment of the years 1800 to 2199.
Within twelve bytes `try_strptime` takes nothing but digits, save blanks at the end."""
_READ = {
    "n": "CAST(TRY_CAST(text AS DECIMAL(15,3)) * 1000 AS BIGINT)",
    "q": "CAST(TRY_CAST(text AS DECIMAL(9,3)) * 1000 AS BIGINT)",
    "r": "CAST(TRY_CAST(text AS DECIMAL(5,2)) * 100 AS BIGINT)",
    "t": "epoch_ms(rule_moment(text)) // 60000",
    "d": "CAST(rule_day(text) - DATE '1970-01-01' AS BIGINT)",
}
_KIND = {"n": ("number", 3), "q": ("number", 3), "r": ("number", 2), "t": ("moment", 0), "d": ("day", 0)}


@cache
def contract_of(table: str) -> Contract:
    """The contract of XML0 … XML15."""
    return catalogue()[dataset_of(table)]


def dataset_of(table: str) -> str:
    return f"standard.xml130_{table.removeprefix('XML')}"


def texts_of(table: str) -> str:
    """What texts of the vault are called beside the rows of a table."""
    return f"text.xml130_{table.removeprefix('XML')}"


@dataclass(frozen=True, slots=True)
class _Spelled:
    """Different texts of one column, and the place of each row's text; the last place is that of NULL."""

    texts: pa.Array | list[str]
    codes: Array

    def told(self) -> tuple[Array, Mask]:
        """(what is left of each text without blanks at its ends, whether that is nothing), NULL the last of them."""
        if isinstance(self.texts, list):
            short = [text.strip(BLANK) for text in self.texts]
            data = np.empty(len(short) + 1, object)
            data[:-1] = short
            return data, np.array([*(not text for text in short), True])
        trimmed = pc.utf8_trim(self.texts, characters=BLANK)
        empty = pc.equal(trimmed, "").to_numpy(zero_copy_only=False)
        data = np.empty(len(trimmed) + 1, object)
        data[:-1] = trimmed.to_numpy(zero_copy_only=False)
        return data, np.append(empty, True)

    def nothing(self) -> Mask:
        """Whether there is nothing but blanks, NULL the last of them."""
        if isinstance(self.texts, list):
            return self.told()[1]
        left = pc.utf8_trim(self.texts, characters=BLANK)
        return np.append(pc.equal(left, "").to_numpy(zero_copy_only=False), True)


def _spell(column: pa.Array) -> _Spelled:
    if len(column) > _FEW:
        alone = _one_text(column)
        if alone is not None:
            return _Spelled(alone, np.zeros(len(column), np.intp))
        encoded = pc.dictionary_encode(column)
        texts = encoded.dictionary
        return _Spelled(texts, encoded.indices.fill_null(len(texts)).to_numpy().astype(np.intp))
    given = column.to_pylist()
    places = {text: place for place, text in enumerate(dict.fromkeys(text for text in given if text is not None))}
    last = len(places)
    return _Spelled(list(places), np.array([places.get(text, last) for text in given], np.intp))


def _one_text(column: pa.Array) -> list[str] | None:
    """Of a column that says the same in every row its text, of one that says nothing none; of any other None."""
    if column.null_count == len(column):
        return []
    first = column[0]
    if column.null_count or first != column[len(column) // 2] or first != column[-1]:
        return None
    return [first.as_py()] if pc.all(pc.equal(column, first)).as_py() else None


@dataclass(slots=True)
class Rows:
    """The rows of one table; `visit` is the place of each row's dossier among the heads.

    Of XML1 there is one row for each head, read through `place`: where its row lies, -1 when it has none.
    """

    name: str
    table: pa.Table
    texts: pa.Table | None
    visit: Array
    row_no: Array
    place: Array | None = None
    _spelled: dict[tuple[bool, str], _Spelled] = field(default_factory=dict)
    _values: dict[tuple[str, str], Value] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return len(self.visit)

    def codes(self, space: str, name: str) -> Array:
        return self.spelled(space, name).codes

    def domain(self, space: str, name: str) -> tuple[str, str, bool]:
        return self.name, name, self._beside(space, name)

    def _beside(self, space: str, name: str) -> bool:
        return space != "p" and self.texts is not None and contract_of(self.name).by_name[name].in_vault

    def spelled(self, space: str, name: str) -> _Spelled:
        beside = self._beside(space, name)
        if (beside, name) not in self._spelled:
            source = self.texts if beside and self.texts is not None else self.table
            column = source.column(name)
            if isinstance(column, pa.ChunkedArray):
                column = column.combine_chunks()
            made = _spell(column)
            if self.place is not None:
                codes = np.append(made.codes, len(made.texts))[self.place]
                made = replace(made, codes=codes)
            self._spelled[beside, name] = made
        return self._spelled[beside, name]

    def value(self, space: str, name: str) -> Value:
        """The column over its different texts."""
        key = (space, name)
        if key not in self._values:
            spelled = self.spelled(space, name)
            if space == "p":
                made = Value("truth", ~spelled.nothing())
            else:
                data, null = spelled.told()
                null |= data == VAULT_MARKER
                data[null] = None
                made = Value("text", data, null)
            self._values[key] = replace(made, domain=self.domain(space, name))
        return self._values[key]

    def read_as(self, space: str, name: str, numbers: Array, null: Mask) -> None:
        """Keep what the different texts of a column read as."""
        kind, scale = _KIND[space]
        data, null = np.append(numbers, 0), np.append(null, True)
        while scale and not (data % 10).any():  # most amounts have no decimals: products of them stay small
            data, scale = data // 10, scale - 1
        self._values[space, name] = Value(kind, data, null, self.domain(space, name), scale)


class BatchRows:
    """Heads and tables of a batch. `tables`: dataset → rows; `texts`: `texts_of` → texts of the vault, row by row as
    the tables have them; `as_of` stands in the place of every dossier's day of service.
    """

    def __init__(
        self,
        ask: Ask,
        tables: Mapping[str, pa.Table],
        texts: Mapping[str, pa.Table],
        wanted: Wanted,
        as_of: date | None = None,
    ) -> None:
        heads = tables[HEADS]
        self.version = heads.column("version_id").to_numpy()
        self._sorter = np.argsort(self.version, kind="stable")
        self.tables: dict[str, Rows] = {}
        for name in {*wanted, VISIT}:
            rows = tables.get(dataset_of(name))
            if rows is not None and rows.num_rows:
                self.tables[name] = self._rows(name, rows, texts.get(texts_of(name)))
        self._read(ask, wanted)
        self.head = self._heads(heads, as_of)

    @property
    def count(self) -> int:
        return len(self.version)

    def _rows(self, name: str, table: pa.Table, texts: pa.Table | None) -> Rows:
        versions = table.column("version_id").to_numpy()
        found = np.searchsorted(self.version, versions, sorter=self._sorter)
        visit = self._sorter[np.minimum(found, self.count - 1)]
        if not np.array_equal(self.version[visit], versions):
            raise ValueError(f"rows of {name} are of dossiers that are not there")
        if name != VISIT:
            return Rows(name, table, texts, visit, table.column("row_no").to_numpy())
        place = np.full(self.count, -1)
        place[visit] = np.arange(len(visit))
        every = np.arange(self.count)
        return Rows(name, table, texts, every, np.ones(self.count, np.int32), place)

    def _read(self, ask: Ask, wanted: Wanted) -> None:
        """Ask DuckDB what texts read as numbers, moments and days."""
        asked = [
            (rows, space, name)
            for table, rows in self.tables.items()
            for space, name in sorted(wanted.get(table, ()))
            if space in _READ
        ]
        pieces = [rows.spelled(space, name).texts for rows, space, name in asked]
        if not pieces:
            return
        numbers = {space: number for number, space in enumerate(_READ)}
        few = [text for piece in pieces if isinstance(piece, list) for text in piece]
        many = [piece for piece in pieces if not isinstance(piece, list)]
        order = sorted(range(len(pieces)), key=lambda at: isinstance(pieces[at], list))
        asked, pieces = [asked[at] for at in order], [pieces[at] for at in order]
        texts = pa.concat_arrays([*many, pa.array(few, pa.string())])
        kinds = np.repeat(
            np.array([numbers[space] for _, space, _ in asked], np.int8), np.array([len(texts) for texts in pieces])
        )
        cases = " ".join(f"WHEN {numbers[space]} THEN {sql}" for space, sql in _READ.items())
        # an empty text is kept from the cast: to fail costs it twenty times what it costs to succeed
        sql = f"SELECT CASE WHEN text > ' ' THEN CASE kind {cases} END END AS number FROM incoming"
        read = ask(sql, pa.table({"kind": kinds, "text": texts})).column("number")
        null, numbers_read = _numbers(read.is_null()), _numbers(read.fill_null(0))
        start = 0
        for (rows, space, name), piece in zip(asked, pieces, strict=True):
            end = start + len(piece)
            rows.read_as(space, name, numbers_read[start:end], null[start:end])
            start = end

    def _heads(self, heads: pa.Table, as_of: date | None) -> dict[str, Value]:
        edition = pc.index_in(heads.column("format_version"), value_set=pa.array(EDITIONS, pa.string()))
        local = pc.local_timestamp(heads.column("received_at").cast(pa.timestamp("us", tz=_ZONE)))
        received = _numbers(local.cast(pa.date32()).cast(pa.int32()))
        made = {
            "is_visit": Value("truth", _numbers(pc.equal(heads.column("document"), "visit"))),
            "edition": Value("number", _numbers(edition.fill_null(-1)).astype(np.int64)),
            "received_day": Value("day", received.astype(np.int64)),
            "received_year": Value("number", _numbers(pc.year(local))),
            "day": Value("day", self._days(received.astype(np.int64), as_of)),
        }
        return {name: replace(value, domain="visit") for name, value in made.items()}

    def _days(self, received: Array, as_of: date | None) -> Array:
        """Days of service: of leaving, else of coming, else of receipt."""
        if as_of is not None:
            return np.full(self.count, (as_of - date(1970, 1, 1)).days)
        day = received
        visits = self.tables.get(VISIT)
        for name in ("NGAY_VAO", "NGAY_RA") if visits else ():
            if visits is not None:
                value = visits.value("d", name)
                codes = visits.codes("d", name)
                null: Mask = np.zeros(len(value.data), bool) if value.null is None else value.null
                day = np.where(null[codes], day, value.data[codes])
        return day


def _numbers(column: pa.ChunkedArray | pa.Array) -> Array:
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return np.asarray(whole.to_numpy(zero_copy_only=False))


def days_of(ask: Ask, tables: Mapping[str, pa.Table]) -> pa.Table:
    """`version_id` and `day` of service of dossiers; `tables`: the heads, and NGAY_VAO and NGAY_RA of their visits."""
    batch = BatchRows(ask, tables, {}, wanted_of(()))
    days = pa.array(batch.head["day"].data.astype(np.int32)).cast(pa.date32())
    return pa.table({"version_id": batch.version, "day": days})


def wanted_of(leaves: Iterable[tuple[str, str, str]]) -> dict[str, set[tuple[str, str]]]:
    """What (table, space, field) ask of each table."""
    wanted: dict[str, set[tuple[str, str]]] = {VISIT: {("d", "NGAY_RA"), ("d", "NGAY_VAO")}}
    for table, space, name in leaves:
        wanted.setdefault(table, set()).add((space, name))
    return wanted
