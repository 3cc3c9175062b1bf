"""Log-ins of a facility's system that speaks as clients of the insurance portal do.

The wire forces the upper-case MD5 of a password, at the log-in and again beside every file. The password is 160 random
bits that the house makes, so nobody's own password is ever behind that digest. The digest is kept as Argon2id and
hashed slowly once, when a token is made; beside the token lies a keyed digest of it, with which every file is compared.
Each log-in is good from listed addresses only.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bienho.config import Home, load_keys
from bienho.core.errors import DeniedError, UsageError
from bienho.database import Database, Role, storage_errors
from bienho.governance import changes
from bienho.governance.actor import Actor
from bienho.governance.people import failures, passwords, systems, units
from bienho.governance.people.rules import NUMBERS
from bienho.governance.people.systems import SystemClient

DOOR = "portal-api"
SCOPE = "send"
TOKEN_KEY = "people/portal-api-token"  # noqa: S105 - the name of a key
WHO = "cơ sở gửi"
_MOST = 200
_FIND = """
    SELECT t.identity, t.password, l.addresses::text[], t.client_id
    FROM governance.portal_api_token AS t JOIN governance.portal_api_login AS l USING (client_id)
    WHERE t.access = %s AND t.issued_at <= %s AND t.expires_at > %s
"""
KEPT_FOR = timedelta(seconds=1)
"""How long what the database said of a token is believed: one that is ended works no longer than that."""
_MOST_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Login:
    """A log-in as stored, without what proves it."""

    client_id: str
    addresses: tuple[str, ...]
    set_at: datetime
    document: str


@dataclass(frozen=True, slots=True)
class Issued:
    """What a log-in brings, for this one answer."""

    access: str
    identity: str
    client: SystemClient
    expires_at: datetime


def give(
    db: Database, home: Home, *, by: Actor, client_id: str, addresses: Sequence[str], document: str, now: datetime
) -> str:
    """A new password of a client, returned once; the one before and all tokens of it end.

    UsageError USE-CLIENT-UNKNOWN, USE-CLIENT-SCOPE (it may not send), USE-CLIENT-ADDRESS (none, or one that is no
    address and no network), USE-DOCUMENT.
    """
    changes.must_manage(db, home, by)
    number = changes.required_document(document)
    client = systems.find(db, client_id, now)
    if client is None:
        raise UsageError("USE-CLIENT-UNKNOWN", "Không có hệ thống này.", hint="Xem `bienho client list`.")
    if SCOPE not in client.scopes:
        raise UsageError("USE-CLIENT-SCOPE", f"Hệ thống này không có phạm vi {SCOPE}.")
    networks = _networks(addresses)
    password = secrets.token_urlsafe(20)
    detail = {"unit": client.unit, "addresses": networks}
    changes.record(db, home, by, "U", [changes.entity("portal-api-login", client_id, detail)], document=number)
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        connection.execute(
            "INSERT INTO governance.portal_api_login VALUES (%s, %s, %s::cidr[], %s, %s, %s) ON CONFLICT (client_id)"
            " DO UPDATE SET hash = excluded.hash, addresses = excluded.addresses, set_at = excluded.set_at,"
            " set_by = excluded.set_by, document = excluded.document",
            (client_id, passwords.hashed(wire_form(password)), networks, now, by.account_id, number),
        )
        connection.execute("DELETE FROM governance.portal_api_token WHERE client_id = %s", (client_id,))
    return password


def enrol(
    db: Database, home: Home, *, by: Actor, facility: str, addresses: Sequence[str], document: str,
    expires_at: datetime, now: datetime,
) -> tuple[str, str]:  # fmt: skip
    """(client, password) for the facility of that code: its system is made where there is none, then as `give`.

    UsageError as there, USE-UNIT-UNKNOWN where no unit in force has that code, USE-CLIENT-… as `systems.add`.
    """
    changes.must_manage(db, home, by)
    day = units.local_day(now)
    unit = next((one for one in units.list_units(db, day=day) if facility and one.facility_code == facility), None)
    if unit is None:
        raise units.unknown(facility)
    _networks(addresses)  # before anything is made
    client_id = f"{facility.lower()}-gui"
    if systems.find(db, client_id, now) is None:
        systems.add(
            db, home, by=by, client_id=client_id, name=unit.name, unit=unit.code, scopes=(SCOPE, "receipt"),
            document=document, expires_at=expires_at, now=now,
        )  # fmt: skip
    return client_id, give(db, home, by=by, client_id=client_id, addresses=addresses, document=document, now=now)


def wire_form(password: str) -> str:
    """How clients send a password: its MD5 in upper-case hex."""
    return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest().upper()


def list_logins(db: Database) -> list[Login]:
    """Every log-in, by client."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        rows = connection.execute(
            "SELECT client_id, addresses::text[], set_at, document FROM governance.portal_api_login ORDER BY client_id"
        ).fetchall()
    return [Login(row[0], tuple(row[1]), row[2], row[3]) for row in rows]


def log_in(db: Database, home: Home, *, username: str, password: str, address: str, now: datetime) -> Issued:
    """Tokens for a client that shows the wire form of its password, from an address of its list.

    DeniedError DENY-PORTAL-API, the same for every wrong one; DENY-ADDRESS when all is right but where it comes from;
    BusyError BUSY-SIGN-IN while it must wait. A try is counted before it is judged, as at the sign-in of people.
    """
    name = username.strip().lower()
    of = failures.counted(home, f"portal-api:{name[:_MOST]}", address)
    failures.begin(db, of, now)
    clean = len(name) <= _MOST and "\0" not in name
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        row = connection.execute(
            "SELECT hash, addresses::text[] FROM governance.portal_api_login WHERE client_id = %s",
            (name if clean else "",),
        ).fetchone()
    # hashed whether there is such a client or not: time must not tell
    right = passwords.matches(row[0] if row else None, password.strip().upper())
    client = systems.find(db, name, now) if clean else None
    if not right or row is None or client is None or SCOPE not in client.scopes:
        _denied(db, home, of.account.hex()[:16], "sign-in")
        raise refused()
    failures.forgive(db, of, now, wholly=True)
    if not within(address, row[1]):
        _denied(db, home, client.client_id, "address-list")
        raise elsewhere()
    thing = changes.entity("access-token", f"client:{name}", {"scopes": [SCOPE]})
    changes.record(db, home, Actor(f"client:{name}", client.name, (), DOOR), "E", [thing], rule="portal-api")
    return _issue(db, home, client, password, now)


def _issue(db: Database, home: Home, client: SystemClient, password: str, now: datetime) -> Issued:
    access, identity = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    until = min(now + timedelta(minutes=NUMBERS.portal_api_token_minutes), client.expires_at)
    key = load_keys(home).derive(TOKEN_KEY)
    kept = [_digest(key, kind, text) for kind, text in _shown(access, identity, password)]
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        connection.execute("DELETE FROM governance.portal_api_token WHERE expires_at <= %s", (now,))
        connection.execute(
            "INSERT INTO governance.portal_api_token VALUES (%s, %s, %s, %s, %s, %s)",
            (*kept, client.client_id, now, until),
        )
    return Issued(access, identity, client, until)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the database said of a token at a moment."""

    at: datetime
    shown: tuple[bytes, bytes]
    addresses: tuple[str, ...]
    client: SystemClient


class Comparer:
    """Compares what comes beside each file with what was kept when its token was made. Safe to share by threads."""

    def __init__(self, db: Database, home: Home) -> None:
        self._db = db
        self._key = load_keys(home).derive(TOKEN_KEY)
        self._known: dict[bytes, _Known] = {}

    def client(self, access: str, identity: str, password: str, address: str, now: datetime) -> SystemClient:
        """Whose these three are, now and from here. DeniedError DENY-PORTAL-API, DENY-ADDRESS."""
        known = self.alive(access, identity, password, now)
        if not within(address, known.addresses):
            raise elsewhere()
        return known.client

    def alive(self, access: str, identity: str, password: str, now: datetime) -> _Known:
        """What is known of three that belong together now, wherever they come from. DeniedError DENY-PORTAL-API."""
        first, *others = (_digest(self._key, kind, text) for kind, text in _shown(access, identity, password))
        known = self._known.get(first)
        if known is None or not timedelta(0) <= now - known.at < KEPT_FOR:
            known = self._asked(first, now)
        kept = known.shown if known else (bytes(32), bytes(32))
        same = [hmac.compare_digest(one, other) for one, other in zip(kept, others, strict=True)]
        if known is None or not all(same):
            raise refused()
        return known

    def _asked(self, access: bytes, now: datetime) -> _Known | None:
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            row = connection.execute(_FIND, (access, now, now)).fetchone()
        client = systems.find(self._db, row[3], now) if row else None
        if row is None or client is None or SCOPE not in client.scopes:
            self._known.pop(access, None)
            return None
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()
        known = self._known[access] = _Known(now, (bytes(row[0]), bytes(row[1])), tuple(row[2]), client)
        return known


def within(address: str, networks: Collection[str]) -> bool:
    """Whether an address lies in one of the networks; what is no address lies in none."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    found = getattr(found, "ipv4_mapped", None) or found
    return any(found in ipaddress.ip_network(network) for network in networks)


def refused() -> DeniedError:
    """The one answer to every wrong proof."""
    return DeniedError(
        "DENY-PORTAL-API",
        "Tài khoản, mật khẩu hoặc phiên không đúng, hoặc đã hết hạn.",
        hint="Lấy phiên mới ở /api/token/take; nếu vẫn sai, đề nghị Sở Y tế cấp lại mật khẩu.",
        who=WHO,
    )


def elsewhere() -> DeniedError:
    """The proof is right and comes from an address that is not on the list."""
    return DeniedError(
        "DENY-ADDRESS",
        "Địa chỉ mạng này không có trong danh sách của tài khoản.",
        hint="Báo Sở Y tế địa chỉ mạng dùng để gửi.",
        who=WHO,
    )


def _denied(db: Database, home: Home, name: str, rule: str) -> None:
    thing = changes.entity("access-token", name, {})
    changes.record(db, home, Actor("unknown", "", (), DOOR), "E", [thing], outcome="denied", rule=rule)


def _networks(addresses: Sequence[str]) -> list[str]:
    try:
        found = [str(ipaddress.ip_network(one.strip(), strict=False)) for one in addresses]
    except ValueError:
        found = []
    if not found:
        raise UsageError(
            "USE-CLIENT-ADDRESS",
            "Cần ít nhất một địa chỉ IP hoặc mạng mà hệ thống này gửi từ đó.",
            hint="Ví dụ 203.0.113.7 hoặc 10.20.0.0/16; 0.0.0.0/0 là từ mọi nơi.",
        )
    return list(dict.fromkeys(found))


def _shown(access: str, identity: str, password: str) -> tuple[tuple[str, str], ...]:
    return ("access", access), ("identity", identity), ("password", password.strip().upper())


def _digest(key: bytes, kind: str, value: str) -> bytes:
    return hmac.new(key, f"{kind}\0{value}".encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
