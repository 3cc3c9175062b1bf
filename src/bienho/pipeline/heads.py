"""The newest version of each dossier, in PostgreSQL: a cache made again from the lake when it lags (design 8.7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import psycopg

from bienho.lake import Lake

_OR_MOVE = (
    " ON CONFLICT (dossier_key, catalog)"
    " DO UPDATE SET version_id = excluded.version_id, content_digest = excluded.content_digest"
)


@dataclass(frozen=True, slots=True)
class Head:
    """The current version of one dossier and the keyed digest of its content."""

    version_id: int
    content_digest: str


class Heads:
    """Looks up and moves the heads of one lake catalog.

    Keys and digests are 32 hex digits, so thousands go as one text with commas between them: psycopg takes as long over
    a list of them as PostgreSQL over the statement. PostgreSQL keeps 16 bytes of each.
    """

    def __init__(self, connection: psycopg.Connection, catalog: str) -> None:
        self._connection = connection
        self._catalog = catalog
        self._absent: frozenset[str] = frozenset()

    def find(self, dossier_keys: Sequence[str]) -> dict[str, Head]:
        """Heads of the given dossiers; a dossier never seen is absent from the answer."""
        with self._connection.transaction():
            rows = self._connection.execute(
                "SELECT encode(uuid_send(dossier_key), 'hex'), version_id, encode(uuid_send(content_digest), 'hex')"
                " FROM pipeline.dossier_head"
                " WHERE catalog = %s AND dossier_key = ANY(string_to_array(%s, ',')::uuid[])",
                (self._catalog, ",".join(dossier_keys)),
            ).fetchall()
        found = {key: Head(version, digest) for key, version, digest in rows}
        self._absent = frozenset(dossier_keys) - found.keys()
        return found

    def move(self, heads: Mapping[str, Head], batch_id: int, gone: Sequence[str] = ()) -> None:
        """Store new heads, forget those of dossiers that are `gone`, and note the batch they belong to, together."""
        with self._connection.transaction():
            if gone:
                self._connection.execute(
                    "DELETE FROM pipeline.dossier_head WHERE catalog = %s AND dossier_key = ANY(%s::uuid[])",
                    (self._catalog, list(gone)),
                )
            # nobody else moves heads meanwhile: what was looked for in vain need not be looked for again, which is
            # half of what it costs to write a row
            new = {key: head for key, head in heads.items() if key in self._absent}
            self._insert(new.items())
            self._insert(((key, head) for key, head in heads.items() if key not in new), _OR_MOVE)
            self._absent = frozenset()
            self._mark(batch_id)

    def _insert(self, heads: Iterable[tuple[str, Head]], otherwise: str = "") -> None:
        # in order: what lies on one page of the index is written while the page is there
        rows = sorted((key, str(head.version_id), head.content_digest) for key, head in heads)
        if rows:
            self._connection.execute(
                "INSERT INTO pipeline.dossier_head (catalog, dossier_key, version_id, content_digest)"
                " SELECT %s, * FROM unnest(string_to_array(%s, ',')::uuid[], string_to_array(%s, ',')::bigint[],"
                f" string_to_array(%s, ',')::uuid[]){otherwise}",
                (self._catalog, *(",".join(column) for column in zip(*rows, strict=True))),
            )

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
