"""Secrets the house itself shows to others (of an OpenID Connect client, to its mail server), sealed.

AES-256-GCM under a key derived from the key ring, bound to the name. The key is not in PostgreSQL and not in a file of
the home (promise 6).
"""

from __future__ import annotations

import secrets
from datetime import datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bienho.config import Home, load_keys
from bienho.core.errors import ConfigError, UsageError
from bienho.database import Database, Role, storage_errors
from bienho.governance import changes
from bienho.governance.actor import Actor

SSO = "sso-client"
SMTP = "smtp"
SEALING_KEY = "people/door-secret"
NONCE_BYTES = 12
_MOST = 1_000


def keep(db: Database, home: Home, *, by: Actor, name: str, secret: str, document: str, now: datetime) -> None:
    """Keep a secret in place of an older one of that name; UsageError USE-SECRET for none or a very long one."""
    changes.must_manage(db, home, by)
    number = changes.required_document(document)
    if not secret or len(secret) > _MOST:
        raise UsageError("USE-SECRET", "Bí mật phải có từ 1 đến 1.000 ký tự.")
    changes.record(db, home, by, "U", [changes.entity("door-secret", name, {})], document=number)
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = nonce + AESGCM(load_keys(home).derive(SEALING_KEY)).encrypt(nonce, secret.encode(), name.encode())
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        connection.execute(
            "INSERT INTO governance.door_secret VALUES (%s, %s, %s, %s) ON CONFLICT (name)"
            " DO UPDATE SET sealed = excluded.sealed, set_at = excluded.set_at, set_by = excluded.set_by",
            (name, sealed, now, by.account_id),
        )


def find(db: Database, home: Home, name: str) -> str | None:
    """The secret of that name, None when none was kept; ConfigError CFG-DOOR-SECRET when the key does not open it."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        row = connection.execute("SELECT sealed FROM governance.door_secret WHERE name = %s", (name,)).fetchone()
    if row is None:
        return None
    sealed = bytes(row[0])
    cipher = AESGCM(load_keys(home).derive(SEALING_KEY))
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name.encode()).decode()
    except InvalidTag:
        raise ConfigError(
            "CFG-DOOR-SECRET",
            f"Bí mật «{name}» của kho không mở được bằng khóa của kho.",
            hint="Kiểm tra tệp khóa; nếu đúng khóa, nhập lại bằng `bienho client sso-secret` hoặc"
            " `bienho notices secret`.",
            who="người quản trị",
        ) from None
