"""Passkeys (WebAuthn): what the browser is asked, and whether its answer is right. The library checks the signatures.

A challenge is kept as a digest and works once. The owner must have been verified by the device (PIN, finger), so a
passkey stands for two factors. A sign count that does not grow is refused: the key may have been copied.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import orjson
import psycopg

from bienho.config import Home
from bienho.core.deferred import deferred
from bienho.core.errors import UsageError
from bienho.database import Database, Role, storage_errors
from bienho.governance import changes
from bienho.governance.actor import Actor
from bienho.governance.people import factors, sessions
from bienho.governance.people.rules import NUMBERS

if TYPE_CHECKING:
    import webauthn
    from webauthn.helpers import exceptions, structs
else:
    webauthn = deferred("webauthn")
    exceptions, structs = deferred("webauthn.helpers.exceptions"), deferred("webauthn.helpers.structs")

RP_NAME = "Biển Hồ"
_ANSWER_MAX = 20_000
_Matter = Literal["passkey-registration", "passkey-authentication"]


def registration_options(db: Database, *, by: Actor, rp_id: str, now: datetime) -> str:
    """JSON for `navigator.credentials.create`, for the actor's own account at this host (`rp_id`).

    DeniedError DENY-TWO-FACTORS when a factor works already and the actor has not signed in with two.
    """
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        factors.may_enrol(connection, by)
        known = _of_account(connection, by.account_id)
        options = webauthn.generate_registration_options(
            rp_id=rp_id,
            rp_name=RP_NAME,
            user_name=by.account_id,
            user_display_name=by.name,
            user_id=sessions.digest(by.account_id),
            exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=one) for one in known],
            authenticator_selection=structs.AuthenticatorSelectionCriteria(
                resident_key=structs.ResidentKeyRequirement.PREFERRED,
                user_verification=structs.UserVerificationRequirement.REQUIRED,
            ),
        )
        _keep_challenge(connection, "passkey-registration", by.account_id, options.challenge, now)
    return webauthn.options_to_json(options)


def register(
    db: Database, home: Home, *, by: Actor, answer: str, name: str, rp_id: str, origin: str, now: datetime
) -> None:
    """Keep a new passkey of the actor's own account, from the browser's JSON answer.

    UsageError USE-PASSKEY when the answer is not right, or the key is kept already.
    """
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        factors.may_enrol(connection, by)
        challenge = _take_challenge(connection, "passkey-registration", answer, now)
    if challenge is None or challenge[1] != by.account_id:
        raise _wrong()
    try:
        made = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=challenge[0],
            expected_rp_id=rp_id,
            expected_origin=origin,
            require_user_verification=True,
        )
    except (exceptions.WebAuthnException, ValueError, KeyError, TypeError):
        raise _wrong() from None
    changes.record(db, home, by, "C", [changes.entity("second-factor", by.account_id, {"kind": "passkey"})])
    try:
        with db.connect(Role.GOVERNANCE) as connection:
            connection.execute(
                "INSERT INTO governance.passkey (credential_id, account_id, public_key, sign_count, name, added_at)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                (made.credential_id, by.account_id, made.credential_public_key, made.sign_count, name[:100], now),
            )
    except psycopg.errors.UniqueViolation:
        raise _wrong() from None


def authentication_options(db: Database, *, account_id: str | None, rp_id: str, now: datetime) -> str:
    """JSON for `navigator.credentials.get`; without an account the browser offers the keys it has for this host.

    An account is named only where it has been proved already (by its password): the answer lists its keys.
    """
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        known = _of_account(connection, account_id) if account_id else []
        options = webauthn.generate_authentication_options(
            rp_id=rp_id,
            allow_credentials=[structs.PublicKeyCredentialDescriptor(id=one) for one in known] or None,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        )
        _keep_challenge(connection, "passkey-authentication", account_id, options.challenge, now)
    return webauthn.options_to_json(options)


def authenticate(db: Database, *, answer: str, rp_id: str, origin: str, now: datetime) -> str | None:
    """The account whose passkey gave this JSON answer to a challenge of ours; None when anything is not right."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        challenge = _take_challenge(connection, "passkey-authentication", answer, now)
    if challenge is None:
        return None
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        row = connection.execute(
            "SELECT account_id, public_key, sign_count FROM governance.passkey WHERE credential_id = %s FOR UPDATE",
            (_credential_id(answer),),
        ).fetchone()
        if row is None or challenge[1] not in (None, row[0]):
            return None
        try:
            proved = webauthn.verify_authentication_response(
                credential=answer,
                expected_challenge=challenge[0],
                expected_rp_id=rp_id,
                expected_origin=origin,
                credential_public_key=bytes(row[1]),
                credential_current_sign_count=row[2],
                require_user_verification=True,
            )
        except (exceptions.WebAuthnException, ValueError, KeyError, TypeError):
            return None
        connection.execute(
            "UPDATE governance.passkey SET sign_count = %s, used_at = %s WHERE credential_id = %s",
            (proved.new_sign_count, now, proved.credential_id),
        )
    return str(row[0])


def list_passkeys(db: Database, account_id: str) -> list[tuple[str, datetime, datetime | None]]:
    """(name, added, last used) of the account's passkeys, oldest first."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        return connection.execute(
            "SELECT name, added_at, used_at FROM governance.passkey WHERE account_id = %s ORDER BY added_at",
            (account_id,),
        ).fetchall()


def _of_account(connection: psycopg.Connection[Any], account_id: str) -> list[bytes]:
    rows = connection.execute(
        "SELECT credential_id FROM governance.passkey WHERE account_id = %s ORDER BY added_at", (account_id,)
    ).fetchall()
    return [bytes(row[0]) for row in rows]


def _keep_challenge(
    connection: psycopg.Connection[Any], matter: _Matter, account_id: str | None, challenge: bytes, now: datetime
) -> None:
    connection.execute("DELETE FROM governance.once WHERE expires_at <= %s", (now,))
    connection.execute(
        "INSERT INTO governance.once (digest, matter, account_id, expires_at) VALUES (%s, %s, %s, %s)",
        (sessions.digest(challenge.hex()), matter, account_id, now + timedelta(minutes=NUMBERS.challenge_minutes)),
    )


def _take_challenge(
    connection: psycopg.Connection[Any], matter: _Matter, answer: str, now: datetime
) -> tuple[bytes, str | None] | None:
    """(challenge, account) that the answer names, when it was ours and is used up by this."""
    try:
        if len(answer) > _ANSWER_MAX:
            return None
        told = orjson.loads(webauthn.base64url_to_bytes(orjson.loads(answer)["response"]["clientDataJSON"]))
        challenge = webauthn.base64url_to_bytes(told["challenge"])
    except (ValueError, KeyError, TypeError):
        return None
    row = connection.execute(
        "DELETE FROM governance.once WHERE digest = %s AND matter = %s AND expires_at > %s RETURNING account_id",
        (sessions.digest(challenge.hex()), matter, now),
    ).fetchone()
    return None if row is None else (challenge, row[0])


def _credential_id(answer: str) -> bytes:
    try:
        return webauthn.base64url_to_bytes(orjson.loads(answer)["rawId"])
    except (ValueError, KeyError, TypeError):
        return b""


def _wrong() -> UsageError:
    return UsageError(
        "USE-PASSKEY",
        "Khóa truy cập chưa được thêm: trả lời của trình duyệt không đúng, hết hạn hoặc khóa đã có.",
        hint="Thử lại trên đúng địa chỉ của cổng thông tin; thiết bị phải hỏi mã PIN hoặc vân tay.",
    )
