"""The register of erasures: who asked, who confirmed, what is gone from where (law 13); no value of a patient."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
import psycopg
from psycopg.types.json import Jsonb

from bienho.core.errors import UsageError
from bienho.database import Database, Role, storage_errors

Place = tuple[int, int]
"""Receipt sequence and place in the delivery from 1; 0 = all of it."""
Spot = tuple[int, int, str]
"""A place, and the SHA-256 (hex) of its delivery as sent: another copy of this house may have other bytes there."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What one erasure takes: keys in hex, places in raw. `records`: sealed under the key of somebody who stays."""

    patients: tuple[str, ...] = ()
    dossiers: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    places: tuple[Spot, ...] = ()


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure. `taken` is empty until it is confirmed; `patients` and `places` are what was asked for."""

    erasure_id: str
    decision: str
    article: str
    retention: str
    asked_by: str
    asked_at: datetime
    patients: tuple[str, ...]
    places: tuple[Place, ...]
    confirmed_by: str | None = None
    confirmed_at: datetime | None = None
    done_at: datetime | None = None
    taken: Taken = field(default_factory=Taken)

    @property
    def state(self) -> str:
        if self.confirmed_at is None:
            return "asked"
        return "confirmed" if self.done_at is None else "done"

    @property
    def who(self) -> str:
        """Both accounts, as the tombstone in raw names them."""
        return f"{self.asked_by} + {self.confirmed_by or '…'}"

    def as_dict(self) -> dict[str, Any]:
        """The tombstone: what, when, on which decision, by whom."""
        return {
            "erasure_id": self.erasure_id,
            "state": self.state,
            "decision": self.decision,
            "article": self.article,
            "retention": self.retention,
            "asked_by": self.asked_by,
            "asked_at": _utc(self.asked_at),
            "confirmed_by": self.confirmed_by,
            "confirmed_at": _utc(self.confirmed_at),
            "done_at": _utc(self.done_at),
            "asked": {"patients": list(self.patients), "places": [list(place) for place in self.places]},
            "patients": list(self.taken.patients),
            "dossiers": list(self.taken.dossiers),
            "records": list(self.taken.records),
            "places": [list(place) for place in self.taken.places],
        }

    @property
    def digest(self) -> str:
        """SHA-256 of the tombstone but for when it was done: what the record of looks holds of it."""
        told = {name: value for name, value in self.as_dict().items() if name not in ("state", "done_at")}
        return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()

    @classmethod
    def parse(cls, told: dict[str, Any]) -> Erasure:
        """What `as_dict` said, from JSON."""

        def moment(name: str) -> datetime | None:
            return datetime.fromisoformat(told[name]) if told[name] else None

        asked_at = moment("asked_at")
        if asked_at is None:
            raise ValueError("an erasure without its day")
        return cls(
            told["erasure_id"], told["decision"], told["article"], told["retention"], told["asked_by"], asked_at,
            tuple(told["asked"]["patients"]), _places(told["asked"]["places"]),
            told["confirmed_by"], moment("confirmed_at"), moment("done_at"),
            Taken(
                tuple(told["patients"]), tuple(told["dossiers"]), tuple(told["records"]),
                tuple((int(seq), int(hoso), str(sha256)) for seq, hoso, sha256 in told["places"]),
            ),
        )  # fmt: skip


class Erasures:
    """Reads and writes the register of one database, with governance's rights."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def ask(
        self, decision: str, article: str, retention: str, by: str, patients: Sequence[str], places: Sequence[Place]
    ) -> Erasure:
        """Enter what somebody asks for; nothing is erased by it."""
        number = uuid.uuid4().hex[:12]
        with storage_errors(self._db.place), self._db.connect(Role.GOVERNANCE) as connection:
            connection.execute(
                "INSERT INTO vault.erasure (erasure_id, decision, article, retention, asked_by, patients, places)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (
                    number,
                    decision.strip(),
                    article.strip(),
                    retention.strip(),
                    by,
                    _bytes(patients),
                    Jsonb([list(one) for one in places]),
                ),
            )
        return self.get(number)

    def confirm(self, erasure_id: str, by: str, taken: Taken) -> Erasure:
        """Enter who confirmed and all that is to go, in one commit; from then on nothing comes back under these names.

        UsageError USE-ERASE-TWO when it is the account that asked, USE-ERASE-CONFIRMED when it was confirmed before.
        """
        with storage_errors(self._db.place), self._db.connect(Role.GOVERNANCE) as connection:
            try:
                done = connection.execute(
                    "UPDATE vault.erasure SET confirmed_by = %s, confirmed_at = now()"
                    " WHERE erasure_id = %s AND confirmed_at IS NULL",
                    (by, erasure_id),
                )
            except psycopg.errors.CheckViolation:
                raise UsageError(
                    "USE-ERASE-TWO",
                    "Người xác nhận phải là người khác với người đề nghị xóa.",
                    hint="Cán bộ an toàn thông tin xác nhận bằng tài khoản của mình.",
                    who="Quản trị hệ thống",
                ) from None
            if not done.rowcount:
                raise UsageError("USE-ERASE-CONFIRMED", f"Lần xóa {erasure_id} đã được xác nhận trước đó.")
            _enter(connection, erasure_id, taken)
        return self.get(erasure_id)

    def finish(self, erasure_id: str) -> Erasure:
        """Note that everything is done; doing it again changes nothing."""
        with storage_errors(self._db.place), self._db.connect(Role.GOVERNANCE) as connection:
            connection.execute(
                "UPDATE vault.erasure SET done_at = now() WHERE erasure_id = %s AND done_at IS NULL", (erasure_id,)
            )
        return self.get(erasure_id)

    def adopt(self, erasure: Erasure) -> bool:
        """Enter an erasure of another copy of this house, confirmed there and to be done here; False: known already."""
        with storage_errors(self._db.place), self._db.connect(Role.GOVERNANCE) as connection:
            connection.execute(
                "INSERT INTO vault.erasure (erasure_id, decision, article, retention, asked_by, asked_at,"
                " patients, places) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (
                    erasure.erasure_id, erasure.decision, erasure.article, erasure.retention, erasure.asked_by,
                    erasure.asked_at, _bytes(erasure.patients), Jsonb([list(one) for one in erasure.places]),
                ),
            )  # fmt: skip
            done = connection.execute(
                "UPDATE vault.erasure SET confirmed_by = %s, confirmed_at = %s"
                " WHERE erasure_id = %s AND confirmed_at IS NULL",
                (erasure.confirmed_by, erasure.confirmed_at, erasure.erasure_id),
            )
            if done.rowcount:
                _enter(connection, erasure.erasure_id, erasure.taken)
        return bool(done.rowcount)

    def get(self, erasure_id: str) -> Erasure:
        """UsageError USE-ERASE-UNKNOWN when there is none."""
        for one in self.all():
            if one.erasure_id == erasure_id:
                return one
        raise UsageError("USE-ERASE-UNKNOWN", "Không có lần xóa này.", hint="Xem `bienho erase list`.")

    def all(self) -> list[Erasure]:
        """Every erasure, in the order they were asked for."""
        with storage_errors(self._db.place), self._db.connect(Role.GOVERNANCE) as connection:
            names = connection.execute(
                "SELECT erasure_id, kind, encode(name, 'hex') FROM vault.erased_name ORDER BY 1, 2, 3"
            ).fetchall()
            places = connection.execute(
                "SELECT erasure_id, seq, hoso, sha256 FROM vault.erased_place ORDER BY 1, 2, 3"
            ).fetchall()
            rows = connection.execute(
                "SELECT erasure_id, decision, article, retention, asked_by, asked_at, patients, places,"
                " confirmed_by, confirmed_at, done_at FROM vault.erasure ORDER BY asked_at, erasure_id"
            ).fetchall()
        named: dict[tuple[str, str], list[str]] = {}
        for number, kind, name in names:
            named.setdefault((number, kind), []).append(name)
        spots: dict[str, list[Spot]] = {}
        for number, *spot in places:
            spots.setdefault(number, []).append((spot[0], spot[1], spot[2]))

        def taken(number: str) -> Taken:
            patients, dossiers, records = (tuple(named.get((number, kind), ())) for kind in _KINDS)
            return Taken(patients, dossiers, records, tuple(spots.get(number, ())))

        return [
            Erasure(
                number, decision, article, retention, asked_by, asked_at, _keys(patients), _places(asked),
                confirmed_by, confirmed_at, done_at, taken(number),
            )
            for number, decision, article, retention, asked_by, asked_at, patients, asked, confirmed_by, confirmed_at,
            done_at in rows
        ]  # fmt: skip

    def names(self) -> tuple[frozenset[str], frozenset[str]]:
        """(patient keys, dossier keys) that nothing may come in under, read with the worker's rights."""
        with storage_errors(self._db.place), self._db.connect(Role.WORKER) as connection:
            rows = connection.execute("SELECT kind, encode(name, 'hex') FROM vault.erased_name").fetchall()
        return (
            frozenset(name for kind, name in rows if kind == "patient"),
            frozenset(name for kind, name in rows if kind == "dossier"),
        )


_KINDS = ("patient", "dossier", "record")


def _enter(connection: psycopg.Connection[Any], erasure_id: str, taken: Taken) -> None:
    given = dict(zip(_KINDS, (taken.patients, taken.dossiers, taken.records), strict=True))
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO vault.erased_name (name, kind, erasure_id) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [(bytes.fromhex(name), kind, erasure_id) for kind, names in given.items() for name in names],
        )
        cursor.executemany(
            "INSERT INTO vault.erased_place (erasure_id, seq, hoso, sha256) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [(erasure_id, *spot) for spot in taken.places],
        )


def _utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment else None


def _bytes(keys: Sequence[str]) -> list[bytes]:
    return [bytes.fromhex(key) for key in keys]


def _keys(told: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(bytes(key).hex() for key in told)


def _places(told: Sequence[Sequence[int]]) -> tuple[Place, ...]:
    return tuple((int(seq), int(hoso)) for seq, hoso in told)
