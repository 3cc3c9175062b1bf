"""The book of visits written on the portal: drafts, sealed; which delivery holds what was sent; what writers need not
type again.

A draft is AES-256-GCM under a key derived from the key ring, bound to visit, facility and revision: whoever reads the
database reads no word of it and cannot put one in another's place. It goes when it is sent, and `KEPT` after it was
saved last. Every look is limited to the facilities of whoever asks. Who may is asked before (`visit-write`).
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
import psycopg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bienho.config import KeyRing
from bienho.core.errors import BusyError, IntegrityError, LimitError
from bienho.database import Database, Role, storage_errors

SEALING_KEY = "governance/visit"
NONCE_BYTES = 12
KEPT = timedelta(days=7)
"""How long a draft nobody saves is kept."""
DRAFTS_MOST = 200
"""Drafts of one facility at a time."""
_DRAFT = "visit_id, facility, account_id, revision, started_at, saved_at"
_SENT = "visit_id, version, facility, account_id, delivery_seq, dossier_key, sent_at"


@dataclass(frozen=True, slots=True)
class Draft:
    """A visit that is being written; `texts` is the sheet as JSON holds it."""

    visit_id: str
    facility: str
    account_id: str
    revision: int
    started_at: datetime
    saved_at: datetime
    texts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """One version of a visit that has a receipt."""

    visit_id: str
    version: int
    facility: str
    account_id: str
    delivery_seq: int
    dossier_key: str
    sent_at: datetime


class VisitBook:
    """The book in PostgreSQL, with governance's rights."""

    def __init__(self, db: Database, keys: KeyRing) -> None:
        self._db = db
        self._cipher = AESGCM(keys.derive(SEALING_KEY))

    def start(
        self, facility: str, account_id: str, texts: Mapping[str, Any], now: datetime, visit_id: str = ""
    ) -> tuple[str, int]:
        """A new draft, of a new visit or a correction of one that was sent: (visit, revision).

        A draft that is there already stays as it is. LimitError LIM-VISIT-DRAFTS beyond 200 at one facility.
        """
        visit = visit_id or secrets.token_hex(16)
        sealed = self._seal(texts, visit, facility, 1)
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            self._prune(connection, now)
            there = connection.execute(
                "SELECT count(*) FROM governance.visit_draft WHERE facility = %s", (facility,)
            ).fetchone()
            if there and there[0] >= DRAFTS_MOST:
                raise LimitError(
                    "LIM-VISIT-DRAFTS",
                    f"Cơ sở đã có {DRAFTS_MOST} lượt khám chưa gửi.",
                    hint="Gửi hoặc bỏ bớt các lượt khám chưa gửi rồi ghi tiếp.",
                    who="người khám, chữa bệnh",
                )
            row = connection.execute(
                "INSERT INTO governance.visit_draft VALUES (%s, %s, %s, 1, %s, %s, %s) ON CONFLICT (visit_id)"
                " DO UPDATE SET saved_at = visit_draft.saved_at RETURNING revision",
                (visit, facility, account_id, now, now, sealed),
            ).fetchone()
        return visit, int(row[0]) if row else 1

    def draft(self, visit_id: str, facilities: Collection[str]) -> Draft | None:
        """A draft of these facilities. IntegrityError INT-VISIT-DRAFT when it is not what was sealed."""
        found = self._drafts("visit_id = %s AND facility = ANY(%s)", (visit_id, list(facilities)))
        return found[0] if found else None

    def drafts(self, facilities: Collection[str]) -> list[Draft]:
        """Drafts of these facilities, the one saved last first."""
        return self._drafts("facility = ANY(%s)", (list(facilities),))

    def save(
        self,
        visit_id: str,
        facilities: Collection[str],
        revision: int,
        texts: Mapping[str, Any],
        account_id: str,
        now: datetime,
    ) -> int | None:
        """Put other words in a draft; its new revision, None without such a draft.

        BusyError BUSY-VISIT when it is not at `revision` any more: somebody saved it from elsewhere.
        """
        before = self.draft(visit_id, facilities)
        if before is None:
            return None
        sealed = self._seal(texts, visit_id, before.facility, revision + 1)
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            done = connection.execute(
                "UPDATE governance.visit_draft SET sealed = %s, revision = %s, saved_at = %s, account_id = %s"
                " WHERE visit_id = %s AND revision = %s",
                (sealed, revision + 1, now, account_id, visit_id, revision),
            ).rowcount
        if not done:
            raise BusyError(
                "BUSY-VISIT",
                "Lượt khám này vừa được lưu từ một cửa sổ khác.",
                hint="Xem lại nội dung trên trang rồi lưu lần nữa.",
                who="người khám, chữa bệnh",
            )
        return revision + 1

    def drop(self, visit_id: str, facilities: Collection[str]) -> bool:
        """Take a draft away for good; False without one."""
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            done = connection.execute(
                "DELETE FROM governance.visit_draft WHERE visit_id = %s AND facility = ANY(%s)",
                (visit_id, list(facilities)),
            ).rowcount
        return bool(done)

    def note_sent(self, draft: Draft, account_id: str, delivery_seq: int, dossier_key: str, now: datetime) -> Sent:
        """A draft became a delivery: its row goes in the transaction that notes where the dossier lies.

        Of two who send it at once the second is told what the first did; its delivery is a duplicate.
        """
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            gone = connection.execute("DELETE FROM governance.visit_draft WHERE visit_id = %s", (draft.visit_id,))
            if not gone.rowcount and (before := self.versions(draft.visit_id, [draft.facility])):
                return before[0]
            row = connection.execute(
                f"INSERT INTO governance.visit_sent ({_SENT})"
                " SELECT %s, coalesce(max(version), 0) + 1, %s, %s, %s, %s, %s FROM governance.visit_sent"
                f" WHERE visit_id = %s RETURNING {_SENT}",
                (draft.visit_id, draft.facility, account_id, delivery_seq, dossier_key, now, draft.visit_id),
            ).fetchone()
        return Sent(*row)  # type: ignore[misc]

    def versions(self, visit_id: str, facilities: Collection[str]) -> list[Sent]:
        """What was sent of a visit of these facilities, the newest first."""
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            rows = connection.execute(
                f"SELECT {_SENT} FROM governance.visit_sent WHERE visit_id = %s AND facility = ANY(%s)"
                " ORDER BY version DESC",
                (visit_id, list(facilities)),
            ).fetchall()
        return [Sent(*row) for row in rows]

    def sent(self, facilities: Collection[str], most: int, skip: int = 0) -> list[Sent]:
        """The newest version of each visit sent from these facilities, the visit begun last first."""
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            rows = connection.execute(
                f"SELECT {_SENT} FROM (SELECT DISTINCT ON (visit_id) {_SENT}, min(sent_at) OVER"
                " (PARTITION BY visit_id) AS first_at FROM governance.visit_sent WHERE facility = ANY(%s)"
                " ORDER BY visit_id, version DESC) AS newest ORDER BY first_at DESC, visit_id LIMIT %s OFFSET %s",
                (list(facilities), most, skip),
            ).fetchall()
        return [Sent(*row) for row in rows]

    def remember(self, account_id: str, facility: str, texts: Mapping[str, str]) -> None:
        """Keep what this writer need not type again at this facility."""
        sealed = self._seal(texts, account_id, facility, 0)
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            connection.execute(
                "INSERT INTO governance.visit_writer VALUES (%s, %s, %s)"
                " ON CONFLICT (account_id, facility) DO UPDATE SET sealed = excluded.sealed",
                (account_id, facility, sealed),
            )

    def remembered(self, account_id: str, facility: str) -> dict[str, str]:
        """What `remember` kept; nothing yet: {}."""
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            row = connection.execute(
                "SELECT sealed FROM governance.visit_writer WHERE account_id = %s AND facility = %s",
                (account_id, facility),
            ).fetchone()
        return self._open(bytes(row[0]), account_id, facility, 0) if row else {}

    def prune(self, now: datetime) -> None:
        """Take away drafts nobody has saved for `KEPT`."""
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            self._prune(connection, now)

    def _prune(self, connection: psycopg.Connection[Any], now: datetime) -> None:
        connection.execute("DELETE FROM governance.visit_draft WHERE saved_at < %s", (now - KEPT,))

    def _drafts(self, where: str, given: tuple[Any, ...]) -> list[Draft]:
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            rows = connection.execute(
                f"SELECT {_DRAFT}, sealed FROM governance.visit_draft WHERE {where} ORDER BY saved_at DESC, visit_id",
                given,
            ).fetchall()
        return [
            Draft(visit, facility, account, revision, started, saved, self._open(sealed, visit, facility, revision))
            for visit, facility, account, revision, started, saved, sealed in rows
        ]

    def _seal(self, texts: Mapping[str, Any], name: str, facility: str, revision: int) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, orjson.dumps(dict(texts)), _bound(name, facility, revision))

    def _open(self, sealed: bytes, name: str, facility: str, revision: int) -> dict[str, Any]:
        try:
            plain = self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound(name, facility, revision))
        except InvalidTag:
            raise IntegrityError(
                "INT-VISIT-DRAFT",
                "Bản ghi lượt khám không còn như đã lưu; không mở.",
                hint="Kiểm tra tệp khóa; nếu đúng khóa, báo người phụ trách an toàn thông tin.",
                who="Quản trị hệ thống",
            ) from None
        opened: dict[str, Any] = orjson.loads(plain)
        return opened


def _bound(name: str, facility: str, revision: int) -> bytes:
    return f"{name}|{facility}|{revision}".encode()
