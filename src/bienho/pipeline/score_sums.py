"""The sums that scores are computed from, in PostgreSQL: a cache made again from the lake when it lags, as heads are.

Whole numbers only, so that what is added dossier by dossier is to the digit what a count of everything gives.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

import psycopg
import pyarrow as pa

from bienho.pipeline.backlog import note_scored
from bienho.quality.scores import DAY, DAY_KEY, SUM, SUM_KEY

FIGURES: Mapping[str, tuple[str, ...]] = {SUM: ("lost", "losses", "loose"), DAY: ("n",)}
KEYS: Mapping[str, tuple[str, ...]] = {SUM: SUM_KEY, DAY: DAY_KEY}
_DAYS = ("week_start", "day")


@dataclass(frozen=True, slots=True)
class Standing:
    """What the sums count: the lake up to `batch_id`, receipts up to `last_seq`; of what facilities sent the newest day
    and sequence; and what they were `made_of` and by."""

    batch_id: int
    last_seq: int
    as_of: date | None
    through: int | None
    made_of: str


class Sums:
    """The sums of one lake catalog. `connection` is the worker's, in autocommit."""

    def __init__(self, connection: psycopg.Connection, catalog: str) -> None:
        self._connection = connection
        self._catalog = catalog

    def standing(self) -> Standing | None:
        """None where nothing was counted yet."""
        row = self._connection.execute(
            "SELECT batch_id, last_seq, as_of, through, made_of FROM pipeline.score_standing WHERE catalog = %s",
            (self._catalog,),
        ).fetchone()
        return Standing(*row) if row else None

    def read(self, facilities: Collection[str] | None = None) -> dict[str, pa.Table]:
        """`SUM` and `DAY` as they stand, of all or of some facilities."""
        only = "" if facilities is None else " AND facility_code = ANY(%s)"
        given = (self._catalog,) if facilities is None else (self._catalog, sorted(facilities))
        found = {}
        for name, key in KEYS.items():
            columns = (*key, *FIGURES[name])
            rows = self._connection.execute(
                f"SELECT {', '.join(columns)} FROM {_place(name)} WHERE catalog = %s{only}", given
            ).fetchall()
            values = zip(*rows, strict=True) if rows else [[] for _ in columns]
            arrays = [pa.array(list(one), _type(column, key)) for column, one in zip(columns, values, strict=True)]
            found[name] = pa.table(arrays, list(columns))
        return found

    def put(self, standing: Standing, counted: Mapping[str, pa.Table], *, whole: bool) -> None:
        """Sums as they are now: all there are, or else (not `whole`) those that changed."""
        with self._connection.transaction():
            for name, table in counted.items():
                if whole:
                    self._connection.execute(f"DELETE FROM {_place(name)} WHERE catalog = %s", (self._catalog,))
                self._enter(name, table)
            self._connection.execute(
                "INSERT INTO pipeline.score_standing (catalog, batch_id, last_seq, as_of, through, made_of)"
                " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (catalog) DO UPDATE SET batch_id = excluded.batch_id,"
                " last_seq = excluded.last_seq, as_of = excluded.as_of, through = excluded.through,"
                " made_of = excluded.made_of",
                (self._catalog, standing.batch_id, standing.last_seq, standing.as_of, standing.through,
                 standing.made_of),
            )  # fmt: skip
            note_scored(self._connection, self._catalog, standing.last_seq)

    def _enter(self, name: str, table: pa.Table) -> None:
        key, figures = KEYS[name], FIGURES[name]
        columns = [table.column(column).to_pylist() for column in (*key, *figures)]
        kinds = ["date" if column in _DAYS else "text" for column in key] + ["bigint"] * len(figures)
        given = ", ".join(f"%s::{kind}[]" for kind in kinds)
        moved = ", ".join(f"{column} = excluded.{column}" for column in figures)
        self._connection.execute(
            f"INSERT INTO {_place(name)} (catalog, {', '.join((*key, *figures))}) SELECT %s, * FROM unnest({given})"
            f" ON CONFLICT (catalog, {', '.join(key)}) DO UPDATE SET {moved}",
            (self._catalog, *columns),
        )


def _place(name: str) -> str:
    return f"pipeline.{name.removeprefix('temp.')}"


def _type(column: str, key: tuple[str, ...]) -> pa.DataType:
    if column in _DAYS:
        return pa.date32()
    return pa.string() if column in key else pa.int64()
