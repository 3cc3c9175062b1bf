"""What an account chose: which notices, when, in which language, and where they go.

An address is used only after a code that was sent there came back, so that a slip of the finger tells nobody else. It
lies sealed (AES-256-GCM) under a key derived from the key ring, with the secret a webhook is signed by.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

import orjson
import psycopg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bienho.config import Home, KeyRing
from bienho.core.errors import ConfigError, UsageError
from bienho.database import Database, Role, storage_errors
from bienho.governance import changes
from bienho.governance.actor import Actor
from bienho.governance.notices.plan import Preference
from bienho.governance.notices.plan import checked as kept

ChannelKind = Literal["mail", "webhook"]
CHANNELS: tuple[ChannelKind, ...] = ("mail", "webhook")
SEALING_KEY = "governance/notice-channel"
CODE_KEY = "governance/notice-code"
NONCE_BYTES = 12
CODE_DIGITS = 8
CODE_LASTS = timedelta(days=1)
MOST_WRONG = 5
MOST_CODES = 5
"""Codes an account may have sent in a day, over all its channels."""
OWN = "own-notices"
MAIL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._+-]{0,62}[A-Za-z0-9])?@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}\Z")
_MOST = 254
_COLUMNS = "account_id, kind, sealed, set_at, confirmed_at, wrong"


@dataclass(frozen=True, slots=True)
class Channel:
    """Where notices of an account go; `address` an e-mail address or an https address."""

    account_id: str
    kind: ChannelKind
    address: str
    secret: str
    set_at: datetime
    confirmed_at: datetime | None
    wrong: int = 0

    @property
    def host(self) -> str:
        """The other side without what may be private in the address."""
        return urlsplit(self.address).hostname or "" if self.kind == "webhook" else self.address.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Subscriber:
    """An open account with a confirmed channel; `since`: nothing older is told. `preference`: None until it chose."""

    account_id: str
    name: str
    since: datetime
    channels: tuple[Channel, ...]
    preference: Preference | None


class Settings:
    """Choices and channels of accounts. Whoever is signed in changes their own only; every change is an event."""

    def __init__(self, db: Database, keys: KeyRing, home: Home) -> None:
        self._db = db
        self._keys = keys
        self._home = home

    def preference(self, account_id: str) -> Preference | None:
        """What was chosen; None when nothing was."""
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            return _preferences(connection, account_id).get(account_id)

    def choose(self, preference: Preference, *, by: Actor, now: datetime) -> None:
        """Keep what an account chose for itself; UsageError USE-NOTICES."""
        chosen = kept(preference)
        first, last = chosen.quiet or (None, None)
        self._record(by, "U", {"modes": dict(chosen.modes)})
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            connection.execute(
                "INSERT INTO governance.notice_preference VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (account_id)"
                " DO UPDATE SET language = excluded.language, modes = excluded.modes, digest_at = excluded.digest_at,"
                " quiet_from = excluded.quiet_from, quiet_to = excluded.quiet_to, changed_at = excluded.changed_at",
                (by.account_id, chosen.language, orjson.dumps(dict(chosen.modes)).decode(), chosen.digest_at, first,
                 last, now),
            )  # fmt: skip

    def channels(self, account_id: str) -> list[Channel]:
        """Channels of an account, confirmed or not. ConfigError CFG-NOTICE-CHANNEL when the key does not open one."""
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM governance.notice_channel WHERE account_id = %s ORDER BY kind", (account_id,)
            ).fetchall()
        return [self._opened(row) for row in rows]

    def put_channel(
        self, kind: ChannelKind, address: str, *, by: Actor, now: datetime, domains: Collection[str] = ()
    ) -> Channel:
        """Another address of an account, in place of the one before; a code goes there. Not used until it comes back.

        `domains`: of e-mail addresses the house writes to, empty for any. UsageError USE-NOTICE-ADDRESS for an address
        that is none, USE-NOTICE-CODES for more than `MOST_CODES` codes a day; DeniedError DENY-TWO-FACTORS in
        production for a webhook named by somebody who showed one factor.
        """
        where = checked_address(kind, address, domains)
        if kind == "webhook" and self._home.mode == "production" and by.assurance != "two":
            raise changes.two_factors_missing()
        secret = secrets.token_urlsafe(32) if kind == "webhook" else ""
        made = Channel(by.account_id, kind, where, secret, now, None)
        self._record(by, "U", {"channel": kind, "host": made.host})
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            row = connection.execute(
                "SELECT count(*) FROM governance.notice_message WHERE account_id = %s AND purpose = 'confirm'"
                " AND made_at > %s",
                (by.account_id, now - timedelta(days=1)),
            ).fetchone()
            if row and row[0] >= MOST_CODES:
                raise UsageError(
                    "USE-NOTICE-CODES", f"Một ngày chỉ gửi {MOST_CODES} mã xác nhận.", hint="Thử lại vào ngày mai."
                )
            connection.execute(
                f"INSERT INTO governance.notice_channel ({_COLUMNS}) VALUES (%s, %s, %s, %s, NULL, 0)"
                " ON CONFLICT (account_id, kind) DO UPDATE SET sealed = excluded.sealed, set_at = excluded.set_at,"
                " confirmed_at = NULL, wrong = 0",
                (by.account_id, kind, self._sealed(made), now),
            )
            bundle = secrets.token_hex(16)
            connection.execute(
                "INSERT INTO governance.notice_message"
                " (message_id, bundle, account_id, channel, purpose, made_at, due_at)"
                " VALUES (%s, %s, %s, %s, 'confirm', %s, %s)",
                (f"{bundle}-{kind}", bundle, by.account_id, kind, now, now),
            )
        return made

    def confirm(self, kind: ChannelKind, code: str, *, by: Actor, now: datetime) -> None:
        """Use a channel from now on, its code having come back; UsageError USE-NOTICE-CODE when it is not the code."""
        found = next((one for one in self.channels(by.account_id) if one.kind == kind), None)
        late = found is None or now - found.set_at > CODE_LASTS or found.wrong >= MOST_WRONG
        right = found is not None and hmac.compare_digest(self.code(found), "".join(code.split()))
        if found is None or late or not right:
            with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
                connection.execute(
                    "UPDATE governance.notice_channel SET wrong = wrong + 1 WHERE account_id = %s AND kind = %s",
                    (by.account_id, kind),
                )
            raise UsageError(
                "USE-NOTICE-CODE",
                "Mã xác nhận không đúng hoặc đã hết hạn.",
                hint=f"Mã có hiệu lực một ngày và {MOST_WRONG} lần nhập; ghi lại địa chỉ để nhận mã mới.",
            )
        self._record(by, "U", {"channel": kind, "confirmed": True})
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            connection.execute(
                "UPDATE governance.notice_channel SET confirmed_at = %s WHERE account_id = %s AND kind = %s"
                " AND set_at = %s",
                (now, by.account_id, kind, found.set_at),
            )

    def remove(self, kind: ChannelKind, *, by: Actor) -> None:
        """Nothing goes there any more."""
        self._record(by, "D", {"channel": kind})
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            connection.execute(
                "DELETE FROM governance.notice_channel WHERE account_id = %s AND kind = %s", (by.account_id, kind)
            )

    def code(self, channel: Channel) -> str:
        """The code that confirms a channel: derived, so that it is stored nowhere."""
        said = f"{channel.account_id}|{channel.kind}|{channel.address}|{channel.set_at.timestamp()}"
        digest = hmac.new(self._keys.derive(CODE_KEY), said.encode(), hashlib.sha256).digest()
        return f"{int.from_bytes(digest[:8], 'big') % 10**CODE_DIGITS:0{CODE_DIGITS}d}"

    def subscribers(self) -> list[Subscriber]:
        """Open accounts that are told something, by id."""
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            rows = connection.execute(
                f"SELECT {', '.join('c.' + one for one in _COLUMNS.split(', '))}, a.name"
                " FROM governance.notice_channel AS c JOIN governance.account AS a USING (account_id)"
                " WHERE a.active AND c.confirmed_at IS NOT NULL ORDER BY c.account_id, c.kind"
            ).fetchall()
            chosen = _preferences(connection)
        found: dict[str, list[Channel]] = {}
        names = {row[0]: row[6] for row in rows}
        for row in rows:
            found.setdefault(row[0], []).append(self._opened(row[:6]))
        return [
            Subscriber(
                account_id, names[account_id], min(one.confirmed_at for one in several if one.confirmed_at),
                tuple(several), chosen.get(account_id),
            )
            for account_id, several in found.items()
        ]  # fmt: skip

    def _record(self, by: Actor, action: str, detail: Mapping[str, Any]) -> None:
        entity = changes.entity("notices", by.account_id, detail)
        changes.record(self._db, self._home, by, action, [entity], rule=OWN)

    def _sealed(self, channel: Channel) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        plain = orjson.dumps({"address": channel.address, "secret": channel.secret})
        return nonce + AESGCM(self._keys.derive(SEALING_KEY)).encrypt(nonce, plain, _bound(channel))

    def _opened(self, row: tuple[Any, ...]) -> Channel:
        account_id, kind, sealed, set_at, confirmed_at, wrong = row
        blank = Channel(account_id, kind, "", "", set_at, confirmed_at, wrong)
        try:
            plain = AESGCM(self._keys.derive(SEALING_KEY)).decrypt(
                bytes(sealed)[:NONCE_BYTES], bytes(sealed)[NONCE_BYTES:], _bound(blank)
            )
        except InvalidTag:
            raise ConfigError(
                "CFG-NOTICE-CHANNEL",
                f"Địa chỉ nhận thông báo của tài khoản {account_id} không mở được bằng khóa của kho.",
                hint="Kiểm tra tệp khóa; nếu đúng khóa, người dùng ghi lại địa chỉ ở mục Thông báo.",
                who="người quản trị",
            ) from None
        return Channel(account_id, kind, **orjson.loads(plain), set_at=set_at, confirmed_at=confirmed_at, wrong=wrong)


def checked_address(kind: ChannelKind, address: str, domains: Collection[str] = ()) -> str:
    """The address, when the house may write there; UsageError USE-NOTICE-ADDRESS."""
    where = address.strip()
    if kind == "mail":
        if len(where) > _MOST or not MAIL.match(where):
            raise _wrong("Địa chỉ thư điện tử phải có dạng ten@don-vi.vn.", "Chữ không dấu.")
        if domains and where.rpartition("@")[2].lower() not in domains:
            raise _wrong("Kho chỉ gửi thư đến địa chỉ của cơ quan.", ", ".join(sorted(domains)))
        return where
    parts = urlsplit(where)
    try:
        fine = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    plain = where.isascii() and where.isprintable() and " " not in where and len(where) <= _MOST
    if not fine or not plain or parts.username or parts.fragment:
        raise _wrong("Địa chỉ phải là https://tên-máy/đường-dẫn.", "Không có tài khoản, mật khẩu trong địa chỉ.")
    return where


def _preferences(connection: psycopg.Connection[Any], account_id: str | None = None) -> dict[str, Preference]:
    rows = connection.execute(
        "SELECT account_id, language, modes, digest_at, quiet_from, quiet_to FROM governance.notice_preference"
        " WHERE %(id)s::text IS NULL OR account_id = %(id)s",
        {"id": account_id},
    ).fetchall()
    return {
        row[0]: Preference(row[1], row[2], row[3], (row[4], row[5]) if row[4] is not None else None) for row in rows
    }


def _bound(channel: Channel) -> bytes:
    return f"{channel.account_id}|{channel.kind}".encode()


def _wrong(what: str, hint: str) -> UsageError:
    return UsageError("USE-NOTICE-ADDRESS", what, hint=hint)
