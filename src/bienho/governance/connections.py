"""Outside addresses a facility names for itself: where it is told that results are ready, where its files go on.

What proves the house there is sealed (AES-256-GCM) under a key derived from the key ring, bound to the connection, and
shown once. A connection is ended, never changed: another address is another connection.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bienho.config import KeyRing
from bienho.core.errors import ConfigError, UsageError
from bienho.database import Database, Role, storage_errors
from bienho.governance.actor import Actor

Kind = Literal["webhook", "forward"]
SEALING_KEY = "governance/connection"
NONCE_BYTES = 12
MOST_OPEN: dict[str, int] = {"webhook": 5, "forward": 1}
"""Open connections of each kind that a facility may have: a file goes to the portal once."""
_URL_MAX = 500
_COLUMNS = "connection_id, kind, facility_code, url, from_seq, made_at, made_by, ended_at"
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Connection:
    """One address; deliveries after the receipt `from_seq` go there. `made_by`: in whose name it is asked."""

    connection_id: str
    kind: Kind
    facility: str
    url: str
    from_seq: int
    made_at: datetime
    made_by: str
    ended_at: datetime | None

    @property
    def host(self) -> str:
        """The name of the other side, without what may stand in its path."""
        return urlsplit(self.url).hostname or ""


def checked(url: str) -> str:
    """The address, when it is one; UsageError USE-CONNECTION-URL for anything but plain https://host[:port]/path."""
    parts = urlsplit(url.strip())
    try:
        port = parts.port
    except ValueError:
        port = 0
    fine = (
        parts.scheme == "https" and _HOST.fullmatch(parts.hostname or "") and not parts.username and not parts.fragment
        and port != 0 and len(url) <= _URL_MAX and url.isascii() and url.isprintable() and " " not in url.strip()
    )  # fmt: skip
    if not fine:
        raise UsageError(
            "USE-CONNECTION-URL", "Địa chỉ phải là https://tên-máy/đường-dẫn, không có tài khoản trong đó."
        )
    return url.strip()


class Connections:
    """The register of an installation."""

    def __init__(self, db: Database, keys: KeyRing) -> None:
        self._db = db
        self._keys = keys

    def add(
        self, by: Actor, kind: Kind, facility: str, url: str, secret: Mapping[str, str], from_seq: int, now: datetime
    ) -> Connection:
        """A new one. That the actor may is asked before (`permits`, action `connect`). UsageError USE-CONNECTION-…"""
        where = checked(url)
        if sum(one.kind == kind for one in self.of([facility]) if one.ended_at is None) >= MOST_OPEN[kind]:
            raise UsageError(
                "USE-CONNECTION-MANY",
                f"Cơ sở đã có {MOST_OPEN[kind]} kết nối loại này.",
                hint="Kết thúc bớt một kết nối.",
            )
        made = Connection(secrets.token_hex(16), kind, facility, where, from_seq, now, by.account_id, None)
        sealed = self.seal(made.connection_id, orjson.dumps(dict(secret)))
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            connection.execute(
                "INSERT INTO governance.connection (connection_id, kind, facility_code, url, sealed, from_seq, made_at,"
                " made_by) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                (made.connection_id, kind, facility, where, sealed, from_seq, now, by.account_id),
            )
        return made

    def end(self, by: Actor, connection_id: str, facilities: Collection[str], now: datetime) -> None:
        """End one of these facilities; UsageError USE-CONNECTION-UNKNOWN for every other and for none."""
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            done = connection.execute(
                "UPDATE governance.connection SET ended_at = %s, ended_by = %s"
                " WHERE connection_id = %s AND facility_code = ANY(%s) AND ended_at IS NULL",
                (now, by.account_id, connection_id, list(facilities)),
            )
        if done.rowcount != 1:
            raise UsageError("USE-CONNECTION-UNKNOWN", "Không có kết nối này, hoặc đã kết thúc.")

    def of(self, facilities: Collection[str]) -> list[Connection]:
        """Those of facilities, ended ones too, the newest first."""
        return self._read("facility_code = ANY(%s)", [list(facilities)])

    def open_ones(self) -> list[Connection]:
        """Every one that has not ended."""
        return self._read("ended_at IS NULL", [])

    def secret(self, one: Connection) -> dict[str, str]:
        """What proves the house at that address; ConfigError CFG-DOOR-SECRET when the key does not open it."""
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            row = connection.execute(
                "SELECT sealed FROM governance.connection WHERE connection_id = %s", (one.connection_id,)
            ).fetchone()
        found: dict[str, str] = orjson.loads(self.unseal(one.connection_id, bytes(row[0]))) if row else {}
        return found

    def seal(self, name: str, content: bytes) -> bytes:
        """Sealed under the name, which is needed to open it."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self._keys.derive(SEALING_KEY)).encrypt(nonce, content, name.encode())

    def unseal(self, name: str, sealed: bytes) -> bytes:
        """What was sealed under the name."""
        try:
            return AESGCM(self._keys.derive(SEALING_KEY)).decrypt(
                sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name.encode()
            )
        except InvalidTag:
            raise ConfigError(
                "CFG-DOOR-SECRET", "Bí mật của kết nối không mở được bằng khóa của kho.", hint="Kiểm tra tệp khóa."
            ) from None

    def _read(self, where: str, values: list[Any]) -> list[Connection]:
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM governance.connection WHERE {where} ORDER BY made_at DESC, connection_id",
                values,
            ).fetchall()
        return [Connection(*row) for row in rows]
