"""System clients: programs of a unit that come by certificate (mutual TLS) or client secret (OAuth2)."""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson
import psycopg
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bienho.config import Home
from bienho.core.errors import UsageError
from bienho.database import Database, Role, storage_errors
from bienho.governance import changes
from bienho.governance.actor import Actor
from bienho.governance.people import actors, sessions, units
from bienho.governance.roles import FACILITY_SYSTEM, PARTNER_SYSTEM, ROLES

SCOPES: dict[str, str] = {
    "send": "Gửi hồ sơ của đơn vị",
    "receipt": "Xem biên nhận và phát hiện của hồ sơ đã gửi",
    "reference": "Đọc bảng mã dùng chung",
    "product": "Đọc sản phẩm dữ liệu theo thỏa thuận",
    "person": "Đọc hồ sơ một người theo thỏa thuận",
}
"""What a client may be made for. A scope opens nothing by itself: agreement and policy decide."""

_COLUMNS = (
    "client_id, name, unit_code, scopes, certificate_sha256, secret_digest, made_at, document, expires_at, ended_at"
)
_CLIENT_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")
_NO_SECRET = bytes(32)


@dataclass(frozen=True, slots=True)
class SystemClient:
    """A client as stored, without what proves it."""

    client_id: str
    name: str
    unit: str
    scopes: tuple[str, ...]
    has_certificate: bool
    has_secret: bool
    made_at: datetime
    document: str
    expires_at: datetime
    ended_at: datetime | None

    def in_force(self, now: datetime) -> bool:
        """Whether it counts at an instant."""
        return self.made_at <= now < self.expires_at and (self.ended_at is None or now < self.ended_at)


def add(
    db: Database,
    home: Home,
    *,
    by: Actor,
    client_id: str,
    name: str,
    unit: str,
    scopes: Collection[str],
    document: str,
    expires_at: datetime,
    now: datetime,
    certificate: bytes | None = None,
) -> str | None:
    """Add a client. It proves itself by its certificate (DER bytes), or else by a secret, which is returned once.

    UsageError USE-CLIENT-… for a bad id, scope, time, or a client or certificate that is there; USE-UNIT-UNKNOWN.
    """
    changes.must_manage(db, home, by)
    number = changes.required_document(document)
    if not _CLIENT_ID.match(client_id) or not name.strip():
        raise UsageError(
            "USE-CLIENT-ID", "Hệ thống cần tên, và mã gồm chữ thường, số, dấu chấm, gạch; tối đa 64 ký tự."
        )
    if not scopes or set(scopes) - SCOPES.keys():
        raise UsageError("USE-CLIENT-SCOPE", "Phạm vi phải nằm trong danh sách.", hint=", ".join(SCOPES))
    if expires_at <= now:
        raise UsageError("USE-CLIENT-EXPIRY", "Thời hạn phải ở sau hiện tại.")
    given = [scope for scope in SCOPES if scope in scopes]
    secret = secrets.token_urlsafe(32) if certificate is None else None
    detail = {"unit": unit, "scopes": given, "expires": expires_at.isoformat(), "by_certificate": secret is None}
    changes.record(db, home, by, "C", [changes.entity("system-client", client_id, detail)], document=number)
    try:
        with db.connect(Role.GOVERNANCE) as connection:
            connection.execute(
                "INSERT INTO governance.system_client (client_id, name, unit_code, certificate_sha256, secret_digest,"
                " scopes, made_at, made_by, document, expires_at, public_key)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    client_id, name.strip(), unit, sha256(certificate).digest() if certificate is not None else None,
                    sessions.digest(secret) if secret else None, given, now, by.account_id, number, expires_at,
                    _public_key(certificate),
                ),
            )  # fmt: skip
    except psycopg.errors.UniqueViolation:
        raise UsageError("USE-CLIENT-TAKEN", "Mã hệ thống hoặc chứng thư này đã có.") from None
    except psycopg.errors.ForeignKeyViolation:
        raise units.unknown(unit) from None
    return secret


def end(db: Database, home: Home, *, by: Actor, client_id: str, document: str, now: datetime) -> None:
    """End a client now; UsageError USE-CLIENT-UNKNOWN."""
    changes.must_manage(db, home, by)
    number = changes.required_document(document)
    if client_id not in {one.client_id for one in list_clients(db)}:
        raise UsageError("USE-CLIENT-UNKNOWN", "Không có hệ thống này.", hint="Xem `bienho client list`.")
    changes.record(db, home, by, "D", [changes.entity("system-client", client_id, {})], document=number)
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        connection.execute(
            "UPDATE governance.system_client SET ended_at = %s WHERE client_id = %s AND ended_at IS NULL",
            (now, client_id),
        )


def list_clients(db: Database) -> list[SystemClient]:
    """Every client, ended ones too, by id."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        rows = connection.execute(f"SELECT {_COLUMNS} FROM governance.system_client ORDER BY client_id").fetchall()
    return [_client(row) for row in rows]


def by_thumbprint(db: Database, certificate_sha256: bytes, now: datetime) -> SystemClient | None:
    """The client in force whose certificate has this SHA-256, as the TLS layer verified it; None otherwise."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        row = connection.execute(
            f"SELECT {_COLUMNS} FROM governance.system_client WHERE certificate_sha256 = %s", (certificate_sha256,)
        ).fetchone()
    return _in_force(row, now)


def by_certificate(db: Database, certificate: bytes, now: datetime) -> SystemClient | None:
    """The same by the certificate itself (DER bytes)."""
    return by_thumbprint(db, sha256(certificate).digest(), now)


def find(db: Database, client_id: str, now: datetime) -> SystemClient | None:
    """The client in force of that id, without any proof; None otherwise."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        row = connection.execute(
            f"SELECT {_COLUMNS} FROM governance.system_client WHERE client_id = %s", (client_id,)
        ).fetchone()
    return _in_force(row, now)


def public_key_of(db: Database, client_id: str, now: datetime) -> tuple[SystemClient, bytes] | None:
    """The client in force of that id and the key of its certificate (SubjectPublicKeyInfo); None without one."""
    client = find(db, client_id, now)
    if client is None:
        return None
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        row = connection.execute(
            "SELECT public_key FROM governance.system_client WHERE client_id = %s", (client_id,)
        ).fetchone()
    return (client, bytes(row[0])) if row and row[0] is not None else None


def claims_of(token: str) -> dict[str, Any]:
    """What a signed token says, NOT verified: only to find the key that verifies it. ValueError when it is none."""
    middle = token.split(".")[1] if token.count(".") == 2 else ""
    found = orjson.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    if not isinstance(found, dict):
        raise ValueError("no claims")
    return found


def by_secret(db: Database, client_id: str, secret: str, now: datetime) -> SystemClient | None:
    """The client in force of that id and secret; None otherwise. The comparison tells nothing by its time."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        row = connection.execute(
            f"SELECT {_COLUMNS} FROM governance.system_client WHERE client_id = %s", (client_id,)
        ).fetchone()
    kept = bytes(row[5]) if row is not None and row[5] is not None else _NO_SECRET
    right = hmac.compare_digest(kept, sessions.digest(secret)) and kept != _NO_SECRET
    return _in_force(row, now) if right else None


def actor_of_client(db: Database, client: SystemClient, door: str, now: datetime) -> Actor | None:
    """The actor a client is at a door: role `partner-system` in its unit; None when client or unit are not in force.

    A unit of another kind that runs its own system reaches what that unit reaches; that of a facility (a hospital's
    HIS) is a `facility-system` too, which sends and gets its own results back.
    """
    if not client.in_force(now):
        return None
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        given = actors.with_reach(connection, [(PARTNER_SYSTEM, client.unit)], now, kinds=frozenset(units.KINDS))
        given += actors.with_reach(connection, [(FACILITY_SYSTEM, client.unit)], now)
    if not given:
        return None
    roles = tuple(role for role in ROLES if role in {one.role for one in given})
    return Actor(f"client:{client.client_id}", client.name, roles, door, given, "one")


def _public_key(certificate: bytes | None) -> bytes | None:
    """The key of a certificate; None without one, or when the bytes are none: then only TLS can prove it."""
    try:
        read = x509.load_der_x509_certificate(certificate) if certificate else None
    except ValueError:
        return None
    return read.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) if read else None


def _client(row: tuple[Any, ...]) -> SystemClient:
    return SystemClient(row[0], row[1], row[2], tuple(row[3]), row[4] is not None, row[5] is not None, *row[6:])


def _in_force(row: tuple[Any, ...] | None, now: datetime) -> SystemClient | None:
    client = _client(row) if row is not None else None
    return client if client is not None and client.in_force(now) else None
