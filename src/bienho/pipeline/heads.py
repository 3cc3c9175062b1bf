"""The newest version of each dossier, in PostgreSQL: a cache made again from the lake when it lags (design 8.7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg

from bienho.lake import Lake


@dataclass(frozen=True, slots=True)
class Head:
    """The current version of one dossier and the keyed digest of its content."""

    version_id: int
    content_digest: str


class Heads:
    """Looks up and moves the heads of one lake catalog.

    Keys and digests are hex digits, so thousands go as one text with commas between them: psycopg takes as long over a
    list of them as PostgreSQL over the statement.
    """

    def __init__(self, connection: psycopg.Connection, catalog: str) -> None:
        self._connection = connection
        self._catalog = catalog

    def find(self, dossier_keys: Sequence[str]) -> dict[str, Head]:
        """Heads of the given dossiers; a dossier never seen is absent from the answer."""
        with self._connection.transaction():
            rows = self._connection.execute(
                "SELECT dossier_key, version_id, content_digest FROM pipeline.dossier_head"
                " WHERE catalog = %s AND dossier_key = ANY(string_to_array(%s, ','))",
                (self._catalog, ",".join(dossier_keys)),
            ).fetchall()
        return {key: Head(version, digest) for key, version, digest in rows}

    def move(self, heads: Mapping[str, Head], batch_id: int, gone: Sequence[str] = ()) -> None:
        """Store new heads, forget those of dossiers that are `gone`, and note the batch they belong to, together."""
        with self._connection.transaction():
            if gone:
                self._connection.execute(
                    "DELETE FROM pipeline.dossier_head WHERE catalog = %s AND dossier_key = ANY(%s)",
                    (self._catalog, list(gone)),
                )
            self._connection.execute(
                "INSERT INTO pipeline.dossier_head (catalog, dossier_key, version_id, content_digest)"
                " SELECT %s, * FROM unnest(string_to_array(%s, ','), string_to_array(%s, ',')::bigint[],"
                " string_to_array(%s, ','))"
                " ON CONFLICT (catalog, dossier_key) DO UPDATE"
                " SET version_id = excluded.version_id, content_digest = excluded.content_digest",
                (
                    self._catalog,
                    ",".join(heads),
                    ",".join([str(head.version_id) for head in heads.values()]),
                    ",".join([head.content_digest for head in heads.values()]),
                ),
            )
            self._mark(batch_id)

    def catch_up(self, lake: Lake, last_batch: int) -> bool:
        """Make the heads again from the lake when they have not seen its last batch; True when that was needed."""
        with self._connection.transaction():
            row = self._connection.execute(
                "SELECT batch_id FROM pipeline.head_watermark WHERE catalog = %s", (self._catalog,)
            ).fetchone()
        if (row[0] if row else 0) == last_batch:
            return False
        current = lake.connection.execute(
            "SELECT dossier_key, version_id, content_digest FROM lake.standard.xml130_dossier"
            " ANTI JOIN lake.standard.superseded USING (version_id)"
        )
        with self._connection.transaction():
            self._connection.execute("DELETE FROM pipeline.dossier_head WHERE catalog = %s", (self._catalog,))
            with (
                self._connection.cursor() as cursor,
                cursor.copy(
                    "COPY pipeline.dossier_head (catalog, dossier_key, version_id, content_digest) FROM STDIN"
                ) as copy,
            ):
                while rows := current.fetchmany(10_000):
                    for row in rows:
                        copy.write_row((self._catalog, *row))
            self._mark(last_batch)
        return True

    def forget(self) -> None:
        """Drop every head of this catalog, before or after a rebuild beside the old lake."""
        with self._connection.transaction():
            self._connection.execute("DELETE FROM pipeline.dossier_head WHERE catalog = %s", (self._catalog,))
            self._connection.execute("DELETE FROM pipeline.head_watermark WHERE catalog = %s", (self._catalog,))

    def _mark(self, batch_id: int) -> None:
        self._connection.execute(
            "INSERT INTO pipeline.head_watermark (catalog, batch_id) VALUES (%s, %s)"
            " ON CONFLICT (catalog) DO UPDATE SET batch_id = excluded.batch_id",
            (self._catalog, batch_id),
        )
