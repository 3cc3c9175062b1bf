"""Second factors: one-time codes of a device (TOTP, RFC 6238) and recovery codes; which factors an account has.

The secret of a device is sealed (AES-256-GCM, bound to the account) under a key derived from the key ring, which is not
in PostgreSQL (promise 6). A code works once: its step is remembered. Passkeys are in `passkeys`.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from datetime import datetime
from typing import Any

import psycopg
import pyotp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bienho.config import Home, load_keys
from bienho.core.errors import IntegrityError, UsageError
from bienho.database import Database, Role, storage_errors
from bienho.governance import changes
from bienho.governance.actor import Actor
from bienho.governance.people import sessions
from bienho.governance.people.rules import NUMBERS, is_idle

SECRET_KEY = "people/totp"  # noqa: S105 - the name of a purpose
ISSUER = "Biển Hồ"
STEP_SECONDS = 30
NONCE_BYTES = 12


def has_factor(connection: psycopg.Connection[Any], account_id: str) -> bool:
    """Whether the account has a second factor that works: a confirmed device or a passkey."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM governance.totp WHERE account_id = %(id)s AND confirmed)"
        " OR EXISTS (SELECT FROM governance.passkey WHERE account_id = %(id)s)",
        {"id": account_id},
    ).fetchone()
    return bool(row and row[0])


def works(db: Database, account_id: str) -> bool:
    """The same, on a connection of its own."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        return has_factor(connection, account_id)


def has_device(db: Database, account_id: str) -> bool:
    """Whether the account has a confirmed device that shows codes."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        row = connection.execute(
            "SELECT 1 FROM governance.totp WHERE account_id = %s AND confirmed", (account_id,)
        ).fetchone()
    return row is not None


def idle(connection: psycopg.Connection[Any], account_id: str, now: datetime) -> bool:
    """Whether an account that has a password, passkey or outside identity was not used, made or opened for too long."""
    row = connection.execute(
        "SELECT greatest(a.woken_at, p.used_at, k.used_at, e.used_at),"
        " p.account_id IS NOT NULL OR k.used_at IS NOT NULL OR e.used_at IS NOT NULL"
        " FROM governance.account AS a LEFT JOIN governance.password AS p USING (account_id) LEFT JOIN LATERAL"
        " (SELECT max(coalesce(used_at, added_at)) AS used_at FROM governance.passkey WHERE account_id = a.account_id)"
        " AS k ON true LEFT JOIN LATERAL (SELECT max(coalesce(used_at, bound_at)) AS used_at"
        " FROM governance.external_identity WHERE account_id = a.account_id AND ended_at IS NULL) AS e ON true"
        " WHERE a.account_id = %s",
        (account_id,),
    ).fetchone()
    return bool(row and row[1]) and is_idle(row[0], now) if row else False


def begin_totp(db: Database, home: Home, *, by: Actor, now: datetime) -> str:
    """A new device for the actor's own account; the otpauth address to show once. It works after `confirm_totp`.

    A device that works goes on working until then.

    DeniedError DENY-TWO-FACTORS when a factor works already and the actor has not signed in with two.
    """
    secret = pyotp.random_base32()
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        may_enrol(connection, by)
        connection.execute(
            "INSERT INTO governance.totp (account_id, sealed, begun_at) VALUES (%s, %s, %s)"
            " ON CONFLICT (account_id, confirmed)"
            " DO UPDATE SET sealed = excluded.sealed, begun_at = excluded.begun_at, last_step = 0",
            (by.account_id, _seal(home, by.account_id, secret), now),
        )
    return pyotp.TOTP(secret).provisioning_uri(name=by.account_id, issuer_name=ISSUER)


def confirm_totp(db: Database, home: Home, *, by: Actor, code: str, now: datetime) -> list[str]:
    """Prove that the device shows the right codes; the recovery codes, shown once, in place of older ones.

    UsageError USE-CODE when the code is wrong or no device was begun; DeniedError DENY-TWO-FACTORS as for beginning.
    """
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        may_enrol(connection, by)  # another factor may have begun to work since
        if not _take_code(connection, home, by.account_id, code, now, confirmed=False):
            raise UsageError("USE-CODE", "Mã không đúng.", hint="Kiểm tra giờ của điện thoại, rồi nhập mã đang hiện.")
        changes.record(db, home, by, "C", [changes.entity("second-factor", by.account_id, {"kind": "totp"})])
        connection.execute("DELETE FROM governance.totp WHERE account_id = %s AND confirmed", (by.account_id,))
        connection.execute("UPDATE governance.totp SET confirmed = true WHERE account_id = %s", (by.account_id,))
        return new_recovery_codes(connection, by.account_id)


def take(connection: psycopg.Connection[Any], home: Home, account_id: str, code: str, now: datetime) -> str | None:
    """Use up a code of the device or a recovery code; which of them it was (`totp`, `recovery-code`), or None."""
    if _take_code(connection, home, account_id, code, now, confirmed=True):
        return "totp"
    used = connection.execute(
        "DELETE FROM governance.recovery_code WHERE account_id = %s AND digest = %s",
        (account_id, sessions.digest(plain_code(code))),
    )
    return "recovery-code" if used.rowcount == 1 else None


def new_recovery_codes(connection: psycopg.Connection[Any], account_id: str) -> list[str]:
    """Codes of 80 random bits as `abcd-efgh-…`, each works once; older ones are gone."""
    plain = [random_code() for _ in range(NUMBERS.recovery_codes)]
    connection.execute("DELETE FROM governance.recovery_code WHERE account_id = %s", (account_id,))
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO governance.recovery_code VALUES (%s, %s)",
            [(account_id, sessions.digest(code)) for code in plain],
        )
    return [grouped(code) for code in plain]


def random_code() -> str:
    """80 random bits as 16 letters and digits that are not mistaken for one another."""
    return base64.b32encode(secrets.token_bytes(10)).decode().lower()


def grouped(code: str) -> str:
    """Letters in groups of four, as people read them out."""
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


def plain_code(typed: str) -> str:
    """A code as somebody typed it, without what they put between."""
    return "".join(typed.split()).replace("-", "").lower()


def may_enrol(connection: psycopg.Connection[Any], by: Actor) -> None:
    """A first factor is set up with what the account has; a further one only by somebody who has shown two."""
    if by.assurance != "two" and has_factor(connection, by.account_id):
        raise changes.two_factors_missing()


def _take_code(
    connection: psycopg.Connection[Any], home: Home, account_id: str, code: str, now: datetime, *, confirmed: bool
) -> bool:
    """Whether the code is right for a step that no earlier code was; the step is used up, also against one at once."""
    row = connection.execute(
        "SELECT sealed, last_step FROM governance.totp WHERE account_id = %s AND confirmed = %s FOR UPDATE",
        (account_id, confirmed),
    ).fetchone()
    if row is None:
        return False
    device = pyotp.TOTP(_open(home, account_id, bytes(row[0])))
    current = int(now.timestamp()) // STEP_SECONDS
    given = "".join(code.split())
    right = [
        step
        for step in range(current - NUMBERS.totp_drift_steps, current + NUMBERS.totp_drift_steps + 1)
        if hmac.compare_digest(device.generate_otp(step).encode(), given.encode())
    ]
    if not right or right[-1] <= row[1]:
        return False
    connection.execute(
        "UPDATE governance.totp SET last_step = %s WHERE account_id = %s AND confirmed = %s",
        (right[-1], account_id, confirmed),
    )
    return True


def _seal(home: Home, account_id: str, secret: str) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(load_keys(home).derive(SECRET_KEY)).encrypt(nonce, secret.encode(), account_id.encode())


def _open(home: Home, account_id: str, sealed: bytes) -> str:
    cipher = AESGCM(load_keys(home).derive(SECRET_KEY))
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], account_id.encode()).decode()
    except InvalidTag:
        raise IntegrityError(
            "INT-SECOND-FACTOR",
            "Bí mật của lớp xác thực thứ hai không mở được bằng khóa của kho.",
            hint="Kiểm tra tệp khóa; nếu đúng khóa, khôi phục tài khoản bằng hai người.",
            who="người quản trị",
        ) from None
