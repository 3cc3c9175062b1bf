"""Moves data keys from one wrapping to another, in batches, while sealers and readers go on (ADR 16)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from bienho.config import KeyRing
from bienho.database import Database, Role, storage_errors
from bienho.privacy.sealing import Sealer
from bienho.privacy.vault import ERASE_LOCK

BATCH = 1_000


@dataclass(frozen=True, slots=True)
class KeyVersion:
    """A version of the master key as the vault knows it. `wrapped`: data keys wrapped under it now."""

    version: int
    made_at: datetime
    retired_at: datetime | None
    wrapped: int


class Rotation:
    """The data keys of one vault, with governance's rights. Every step may be done again after a kill."""

    def __init__(self, keys: KeyRing, db: Database) -> None:
        self._keys = keys
        self._db = db

    def versions(self) -> list[KeyVersion]:
        """Every version there ever was, ascending."""
        with storage_errors(self._db.place), self._db.connect(Role.GOVERNANCE) as connection:
            rows = connection.execute(
                "SELECT v.version, v.made_at, v.retired_at, count(p.patient_key) FROM vault.key_version AS v"
                " LEFT JOIN vault.patient AS p ON p.key_version = v.version GROUP BY v.version ORDER BY v.version"
            ).fetchall()
        return [KeyVersion(*row) for row in rows]

    def begin(self, version: int) -> None:
        """Enter a version, before the ring names it."""
        with storage_errors(self._db.place), self._db.connect(Role.GOVERNANCE, autocommit=True) as connection:
            connection.execute("SELECT vault.begin_version(%s)", (version,))

    def rewrap(self, progress: Callable[[int], None] | None = None, batch: int = BATCH) -> int:
        """Wrap every data key under the ring's newest version; how many were moved by this call.

        A sealer that had begun before the ring changed may still add one under the old version; so the end is looked at
        with no sealer at work, and what it left is moved too.
        """
        moved = 0
        with storage_errors(self._db.place), self._db.connect(Role.GOVERNANCE, autocommit=True) as connection:
            while True:
                sealer = Sealer(self._keys)
                moved += self._pass(connection, sealer, batch, moved, progress)
                if not self._left(connection, sealer.version):
                    return moved

    def retire(self, version: int) -> int:
        """How many data keys stand in the way; none: the version is retired."""
        with storage_errors(self._db.place), self._db.connect(Role.GOVERNANCE, autocommit=True) as connection:
            row = connection.execute("SELECT vault.retire_version(%s)", (version,)).fetchone()
        return int(row[0]) if row else 0

    def _pass(
        self,
        connection: psycopg.Connection[Any],
        sealer: Sealer,
        batch: int,
        before: int,
        progress: Callable[[int], None] | None,
    ) -> int:
        """Walk through the patients once, in the order of their keys."""
        moved, last = 0, b""
        while True:
            rows = (
                connection.cursor(binary=True)
                .execute(
                    "SELECT patient_key, wrapped_key, key_version FROM vault.patient"
                    " WHERE key_version <> %s AND patient_key > %b ORDER BY patient_key LIMIT %s",
                    (sealer.version, last, batch),
                )
                .fetchall()
            )
            if not rows:
                return moved
            last = rows[-1][0]
            fresh = [sealer.rewrap(patient, wrapped, version) for patient, wrapped, version in rows]
            done = connection.execute(
                "SELECT vault.rewrap(%b, %b, %b, %s)",
                ([row[0] for row in rows], [row[1] for row in rows], fresh, sealer.version),
            ).fetchone()
            moved += int(done[0]) if done else 0
            if progress:
                progress(before + moved)

    def _left(self, connection: psycopg.Connection[Any], version: int) -> bool:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (ERASE_LOCK,))
            row = connection.execute(
                "SELECT EXISTS (SELECT FROM vault.patient WHERE key_version <> %s)", (version,)
            ).fetchone()
        return bool(row and row[0])
