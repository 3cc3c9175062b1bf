"""The queue of what no longer holds: records that went from one person to another, in order (migration 0080).

Whoever was given data by person has been told up to some `change`; every row above it is due to them. Who was given
what is not noted here: no door gives persons out yet, and the one that will must keep the last change it served.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bienho.database import Database, Role, storage_errors

Cause = Literal["delivery", "decision", "erasure", "weights"]


@dataclass(frozen=True, slots=True)
class PersonChange:
    """A record (`patient`, a patient key) that left person `before` for person `after`; None: it was in no other's
    company, or is there no more. `cause_name`: a delivery, an erasure, or what the persons were made by."""

    change: int
    patient: str
    before: str | None
    after: str | None
    cause: Cause
    cause_name: str


class PersonChanges:
    """The queue as it stands; written by the index of persons alone."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def above(self, change: int, most: int) -> list[PersonChange]:
        """The oldest `most` changes after `change`; 0 is the beginning."""
        with storage_errors(), self._db.connect(Role.GOVERNANCE) as connection:
            rows = connection.execute(
                "SELECT change, encode(record_id, 'hex'), encode(before, 'hex'), encode(after, 'hex'), cause,"
                " cause_name FROM governance.person_change WHERE change > %s ORDER BY change LIMIT %s",
                (change, most),
            ).fetchall()
        return [PersonChange(*row) for row in rows]

    def count(self, change: int) -> int:
        """How many there are after `change`."""
        with storage_errors(), self._db.connect(Role.GOVERNANCE) as connection:
            row = connection.execute(
                "SELECT count(*) FROM governance.person_change WHERE change > %s", (change,)
            ).fetchone()
        return int(row[0]) if row else 0
