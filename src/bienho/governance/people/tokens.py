"""How systems prove themselves at the token endpoint, and the short tokens they get there.

A client shows its certificate (mutual TLS, RFC 8705), an assertion signed with that certificate's key (RFC 7523), or
its secret. A token is 256 random bits, kept as a digest, works for minutes, and only for its client; one that was got
over mutual TLS works only with the same certificate.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from bienho.config import Home
from bienho.core.deferred import deferred
from bienho.database import Database, Role, storage_errors
from bienho.governance import changes
from bienho.governance.actor import Actor
from bienho.governance.people import sessions, systems
from bienho.governance.people.rules import NUMBERS
from bienho.governance.people.systems import SystemClient

if TYPE_CHECKING:
    from joserfc import errors, jwk, jwt
else:
    errors, jwk, jwt = deferred("joserfc.errors"), deferred("joserfc.jwk"), deferred("joserfc.jwt")

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_MOST = 8_192
_ID_MOST = 128


@dataclass(frozen=True, slots=True)
class Grant:
    """A token that opens now: whose it is and what it was made for."""

    client: SystemClient
    scopes: tuple[str, ...]
    expires_at: datetime


def by_assertion(db: Database, assertion: str, audiences: Collection[str], now: datetime) -> SystemClient | None:
    """The client whose key signed this assertion for one of our addresses; None when anything is not right.

    It lives for minutes and works once.
    """
    try:
        if len(assertion) > _ASSERTION_MOST:
            return None
        found = systems.public_key_of(db, _unverified_issuer(assertion), now)
        if found is None:
            return None
        client, spki = found
        key, algorithms = _key(spki)
        claims = jwt.decode(assertion, key, algorithms=algorithms).claims
    except (errors.JoseError, ValueError, TypeError, KeyError):
        return None
    moment = now.timestamp()
    given = claims.get("aud")
    aimed = given if isinstance(given, list) else [given]
    until, identifier = claims.get("exp"), claims.get("jti")
    if claims.get("iss") != client.client_id or claims.get("sub") != client.client_id:
        return None
    if not isinstance(until, int | float) or not moment < until <= moment + NUMBERS.assertion_minutes * 60:
        return None
    if isinstance(claims.get("nbf"), int | float) and claims["nbf"] > moment + 60:
        return None
    if not any(one in audiences for one in aimed if isinstance(one, str)):
        return None
    if not isinstance(identifier, str) or not 0 < len(identifier) <= _ID_MOST:
        return None
    return client if _first_time(db, client.client_id, identifier, until, now) else None


def issue(
    db: Database, client: SystemClient, scopes: Collection[str], certificate_sha256: bytes | None, now: datetime
) -> tuple[str, datetime]:
    """A new token of a client that proved itself, and until when it works. `scopes` are among the client's own."""
    token = secrets.token_urlsafe(32)
    until = min(now + timedelta(minutes=NUMBERS.token_minutes), client.expires_at)
    given = [scope for scope in client.scopes if scope in scopes]
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        connection.execute("DELETE FROM governance.access_token WHERE expires_at <= %s", (now,))
        connection.execute(
            "INSERT INTO governance.access_token VALUES (%s, %s, %s, %s, %s, %s)",
            (sessions.digest(token), client.client_id, given, certificate_sha256, now, until),
        )
    return token, until


def record(db: Database, home: Home, actor: Actor, scopes: Collection[str]) -> None:
    """The event of a system's signing in, before its token is made."""
    thing = changes.entity("access-token", actor.account_id, {"scopes": sorted(scopes)})
    changes.record(db, home, actor, "E", [thing], rule="client-credentials")


def look(db: Database, token: str, certificate_sha256: bytes | None, now: datetime) -> Grant | None:
    """What a token opens now; None for an unknown, late or foreign one, and when its client has ended."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        row = connection.execute(
            "SELECT client_id, scopes, certificate_sha256, expires_at FROM governance.access_token"
            " WHERE digest = %s AND issued_at <= %s AND expires_at > %s",
            (sessions.digest(token), now, now),
        ).fetchone()
    if row is None:
        return None
    if row[2] is not None and not (certificate_sha256 and hmac.compare_digest(bytes(row[2]), certificate_sha256)):
        return None
    client = systems.find(db, row[0], now)
    return None if client is None else Grant(client, tuple(row[1]), row[3])


def _unverified_issuer(assertion: str) -> str:
    """Whose assertion it says it is, to find the key that must have signed it."""
    return str(systems.claims_of(assertion).get("iss", ""))


def _key(spki: bytes) -> tuple[Any, list[str]]:
    """The key and the one signature it makes; the header of a token chooses nothing."""
    public = load_der_public_key(spki)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    if isinstance(public, EllipticCurvePublicKey):
        return jwk.ECKey.import_key(pem), ["ES256"]
    return jwk.RSAKey.import_key(pem), ["RS256", "PS256"]


def _first_time(db: Database, client_id: str, identifier: str, until: float, now: datetime) -> bool:
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        connection.execute("DELETE FROM governance.once WHERE expires_at <= %s", (now,))
        kept = connection.execute(
            "INSERT INTO governance.once (digest, matter, expires_at) VALUES (%s, 'client-assertion', %s)"
            " ON CONFLICT DO NOTHING",
            (sessions.digest(f"assertion\0{client_id}\0{identifier}"), datetime.fromtimestamp(until, now.tzinfo)),
        )
    return kept.rowcount == 1
