"""The outbox: notices that wait, the messages they went out in, and what became of each.

A notice is written once (its key), and goes into messages in the transaction that marks it told: none is lost, none is
told twice. A message is at least sent once: whoever was killed between sending and noting it sends it again under the
same id, which receivers may drop. What was not taken is tried again later and later; what is given up stays to be seen.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

import orjson
import psycopg

from bienho.core.errors import UsageError
from bienho.database import Database, Role, storage_errors
from bienho.governance.notices import kinds, plan
from bienho.governance.notices.kinds import Notice
from bienho.governance.notices.plan import Preference
from bienho.governance.notices.settings import ChannelKind

State = Literal["waiting", "sent", "dead"]
Purpose = Literal["notices", "confirm"]
KEPT = timedelta(days=90)
_NOTICE = "key, kind, at, day, link, about, counts"
_MESSAGE = "message_id, bundle, account_id, channel, purpose, made_at, state, attempts, due_at, tried_at, answer"
_PUT = f"""
    INSERT INTO governance.notice (account_id, {_NOTICE}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT DO NOTHING
"""
_TRIED = """
    UPDATE governance.notice_message SET state = %s, attempts = attempts + %s, tried_at = %s, due_at = %s, answer = %s
    WHERE message_id = %s
"""


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one channel; `answer` is the house's word for the last try, never a text of the other side."""

    message_id: str
    bundle: str
    account_id: str
    channel: ChannelKind
    purpose: Purpose
    made_at: datetime
    state: State
    attempts: int
    due_at: datetime
    tried_at: datetime | None
    answer: str


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of sending a message: `due_at` when it is tried again (or was tried); `counted`: it was a try."""

    state: State
    answer: str
    due_at: datetime
    counted: bool = True


class Outbox:
    """Notices and messages in PostgreSQL. Nothing is asked of the policies here: it holds what accounts are told."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def put(self, account_id: str, notices: Sequence[Notice]) -> int:
        """Write what is not there yet; how many were. IntegrityError INT-NOTICE for one that says more than it may."""
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            return _put(connection, account_id, notices)

    def put_look(self, account_id: str, day: date, notices: Sequence[Notice], now: datetime, code: str = "") -> None:
        """What a daily look found, and that it was made: both or neither."""
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            made = connection.execute(
                "INSERT INTO governance.notice_look VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (account_id, day, now, code[:40]),
            )
            if made.rowcount:
                _put(connection, account_id, notices)

    def looked(self, day: date) -> set[str]:
        """Accounts for which that day was looked up."""
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            rows = connection.execute("SELECT account_id FROM governance.notice_look WHERE day = %s", (day,)).fetchall()
        return {row[0] for row in rows}

    def mark(self, source: str) -> datetime | None:
        """Up to when a source was looked through; None when it never was."""
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            row = connection.execute("SELECT upto FROM governance.notice_mark WHERE source = %s", (source,)).fetchone()
        return row[0] if row else None

    def put_mark(self, source: str, upto: datetime) -> None:
        """It was looked through, and what was found is written."""
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            connection.execute(
                "INSERT INTO governance.notice_mark VALUES (%s, %s) ON CONFLICT (source)"
                " DO UPDATE SET upto = greatest(notice_mark.upto, excluded.upto)",
                (source, upto),
            )

    def waiting(self) -> set[str]:
        """Accounts for which a notice waits."""
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            rows = connection.execute(
                "SELECT DISTINCT account_id FROM governance.notice WHERE state = 'waiting'"
            ).fetchall()
        return {row[0] for row in rows}

    def bundle(
        self, account_id: str, preference: Preference, channels: Sequence[ChannelKind], now: datetime
    ) -> tuple[Notice, ...]:
        """Make the message that is due at this moment, one for each channel; what went into it. One transaction."""
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            rows = connection.execute(
                f"SELECT {_NOTICE} FROM governance.notice WHERE account_id = %s AND state = 'waiting' FOR UPDATE",
                (account_id,),
            ).fetchall()
            due = plan.due([Notice(*row) for row in rows], preference, now)
            _mark(connection, account_id, due.dropped, "dropped", None)
            if due.message and channels:
                bundle = secrets.token_hex(16)
                _mark(connection, account_id, due.message, "told", bundle)
                for kind in channels:
                    connection.execute(
                        "INSERT INTO governance.notice_message"
                        " (message_id, bundle, account_id, channel, purpose, made_at, due_at)"
                        " VALUES (%s, %s, %s, %s, 'notices', %s, %s)",
                        (f"{bundle}-{kind}", bundle, account_id, kind, now, now),
                    )
        return due.message if channels else ()

    def due(self, now: datetime, most: int) -> list[str]:
        """Ids of messages to be sent, the longest due first."""
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            rows = connection.execute(
                "SELECT message_id FROM governance.notice_message WHERE state = 'waiting' AND due_at <= %s"
                " ORDER BY due_at, message_id LIMIT %s",
                (now, most),
            ).fetchall()
        return [row[0] for row in rows]

    def deliver(
        self, message_id: str, now: datetime, send: Callable[[Message, Sequence[Notice]], Tried]
    ) -> State | None:
        """Have one message sent and note what came of it; None when somebody else is at it or it waits no longer.

        The row is held while it is sent, so that two processes never send one message at once.
        """
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            row = connection.execute(
                f"SELECT {_MESSAGE} FROM governance.notice_message WHERE message_id = %s AND state = 'waiting'"
                " AND due_at <= %s FOR UPDATE SKIP LOCKED",
                (message_id, now),
            ).fetchone()
            if row is None:
                return None
            message = Message(*row)
            told = connection.execute(
                f"SELECT {_NOTICE} FROM governance.notice WHERE bundle = %s ORDER BY at, key", (message.bundle,)
            ).fetchall()
            tried = send(message, [Notice(*one) for one in told])
            connection.execute(
                _TRIED, (tried.state, int(tried.counted), now, tried.due_at, tried.answer[:40], message_id)
            )
        return tried.state

    def messages(self, account_id: str | None = None, *, state: State | None = None, most: int = 50) -> list[Message]:
        """Messages, the newest first: of one account or of all, in one state or in any."""
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            rows = connection.execute(
                f"SELECT {_MESSAGE} FROM governance.notice_message WHERE (%(id)s::text IS NULL OR account_id = %(id)s)"
                " AND (%(state)s::text IS NULL OR state = %(state)s) ORDER BY made_at DESC, message_id LIMIT %(most)s",
                {"id": account_id, "state": state, "most": most},
            ).fetchall()
        return [Message(*row) for row in rows]

    def standing(self) -> dict[str, int]:
        """How many messages there are in each state."""
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            rows = connection.execute("SELECT state, count(*) FROM governance.notice_message GROUP BY state").fetchall()
        return {"waiting": 0, "sent": 0, "dead": 0, **dict(rows)}

    def again(self, message_id: str, now: datetime) -> None:
        """Try a message that was given up once more; UsageError USE-NOTICE-MESSAGE when it was not."""
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            done = connection.execute(
                "UPDATE governance.notice_message SET state = 'waiting', due_at = %s"
                " WHERE message_id = %s AND state = 'dead'",
                (now, message_id),
            )
        if done.rowcount != 1:
            raise UsageError("USE-NOTICE-MESSAGE", "Không có thư này, hoặc thư chưa bị bỏ.")

    def forget(self, now: datetime) -> int:
        """Remove what ended more than `KEPT` ago; nothing that waits."""
        gone = 0
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            for statement in (
                "DELETE FROM governance.notice_message WHERE state <> 'waiting' AND made_at < %s",
                "DELETE FROM governance.notice WHERE state <> 'waiting' AND at < %s"
                " AND NOT EXISTS (SELECT FROM governance.notice_message AS m WHERE m.bundle = notice.bundle)",
                "DELETE FROM governance.notice_look WHERE at < %s",
            ):
                gone += connection.execute(statement, (now - KEPT,)).rowcount
        return gone


def _put(connection: psycopg.Connection[Any], account_id: str, notices: Sequence[Notice]) -> int:
    made = 0
    for one in map(kinds.checked, notices):
        counts = orjson.dumps(dict(one.counts or {})).decode()
        row = (account_id, one.key, one.kind, one.at, one.day, one.link, one.about, counts)
        made += connection.execute(_PUT, row).rowcount
    return made


def _mark(
    connection: psycopg.Connection[Any], account_id: str, notices: Sequence[Notice], state: str, bundle: str | None
) -> None:
    if notices:
        connection.execute(
            "UPDATE governance.notice SET state = %s, bundle = %s WHERE account_id = %s AND key = ANY(%s)",
            (state, bundle, account_id, [one.key for one in notices]),
        )
