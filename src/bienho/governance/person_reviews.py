"""What reviewers answered about pairs of records, and the second person a risky join needs.

This is the paperwork: what counts is the delivery an answer goes out as. Pairs are patient keys, `left` < `right`. A
join over a broken constraint (`veto`) is only proposed; somebody else sends it, or refuses. Rules ask no clock.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import psycopg

from bienho.core.errors import UsageError
from bienho.database import Database, Role, storage_errors

Verdict = Literal["same", "different", "unsure"]
State = Literal["proposed", "sent", "unsure", "refused", "withdrawn"]
VERDICTS: tuple[Verdict, ...] = ("same", "different", "unsure")
Send = Callable[[str, str | None, Verdict, str], str]
"""(who decided, who seconded or None, verdict, reason) → delivery id."""
_COLUMNS = (
    "review, encode(one, 'hex'), encode(other, 'hex'), verdict, reason, weight, veto, state, by_account, at,"
    " second_account, delivery_id"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; `state` says what became of it."""

    review: int
    left: str
    right: str
    verdict: Verdict
    reason: str
    weight: float
    veto: str | None
    state: State
    by: str
    at: datetime
    second: str | None
    delivery_id: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A pair as it was asked: what it weighed and which constraint a join would break."""

    left: str
    right: str
    weight: float
    veto: str | None


def risky(asked: Asked, verdict: Verdict) -> bool:
    """Whether one person's word is not enough."""
    return verdict == "same" and asked.veto is not None


class PersonReviews:
    """The answers in PostgreSQL; of a row only what became of it changes."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def all(self) -> list[Answer]:
        """Every answer, oldest first."""
        with self._connect() as connection:
            return [
                Answer(*row)
                for row in connection.execute(f"SELECT {_COLUMNS} FROM governance.person_review ORDER BY 1")
            ]

    def last_of(self, account: str) -> Answer | None:
        """The newest answer of an account that stands."""
        with self._connect() as connection:
            row = connection.execute(
                f"SELECT {_COLUMNS} FROM governance.person_review WHERE by_account = %s"
                " AND state IN ('proposed', 'sent', 'unsure') ORDER BY review DESC LIMIT 1",
                (account,),
            ).fetchone()
        return Answer(*row) if row else None

    def answer(self, asked: Asked, by: str, verdict: Verdict, reason: str, now: datetime, send: Send) -> State | None:
        """Write an answer down, send it where it decides. None: somebody else has settled the pair, or it says again
        what this account said last. UsageError USE-REVIEW for a verdict that is none.

        `send` runs while the pair is held, so that two people cannot both be first; killed after it, the delivery
        stands and the pair is asked again until the worker has taken it in.
        """
        if verdict not in VERDICTS:
            raise UsageError("USE-REVIEW", "Câu trả lời phải là một trong: " + ", ".join(VERDICTS) + ".")
        with self._connect() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 85))", (asked.left + asked.right,))
            said = self._of_pair(connection, asked)
            proposed = next((one for one in said if one.state == "proposed"), None)
            if proposed is not None and proposed.by != by:
                return self._second(connection, proposed, by, verdict, reason, now, send)
            standing = next((one for one in reversed(said) if one.state == "sent" or one.by == by), None)
            if standing is not None and (
                (standing.state == "sent" and standing.by != by)
                or (standing.state in ("sent", "proposed", "unsure") and standing.verdict == verdict)
            ):
                return None
            if proposed is not None:
                self._became(connection, proposed, "withdrawn")
            if verdict == "unsure":
                return self._write(connection, asked, by, verdict, reason, now, "unsure")
            if risky(asked, verdict):
                return self._write(connection, asked, by, verdict, reason, now, "proposed")
            return self._write(connection, asked, by, verdict, reason, now, "sent", send(by, None, verdict, reason))

    def withdraw(self, review: int, by: str) -> bool:
        """Take back one's own proposal that nobody has seconded yet; False where there is none."""
        with self._connect() as connection:
            told = connection.execute(
                "UPDATE governance.person_review SET state = 'withdrawn'"
                " WHERE review = %s AND by_account = %s AND state = 'proposed'",
                (review, by),
            )
            return told.rowcount == 1

    def _second(
        self, connection: psycopg.Connection[Any], proposed: Answer, by: str, verdict: Verdict, reason: str,
        now: datetime, send: Send,
    ) -> State:  # fmt: skip
        """The word of the second person: the same sends the proposal, another refuses it and is an answer by itself."""
        asked = Asked(proposed.left, proposed.right, proposed.weight, proposed.veto)
        if verdict == "unsure":
            return self._write(connection, asked, by, verdict, reason, now, "unsure")
        if verdict == proposed.verdict:
            name = send(proposed.by, by, verdict, proposed.reason)
            self._became(connection, proposed, "sent", by, now, name)
            return "sent"
        self._became(connection, proposed, "refused", by, now)
        return self._write(connection, asked, by, verdict, reason, now, "sent", send(by, None, verdict, reason))

    def _of_pair(self, connection: psycopg.Connection[Any], asked: Asked) -> list[Answer]:
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM governance.person_review WHERE one = %s AND other = %s ORDER BY review",
            (bytes.fromhex(asked.left), bytes.fromhex(asked.right)),
        )
        return [Answer(*row) for row in rows]

    def _write(
        self, connection: psycopg.Connection[Any], asked: Asked, by: str, verdict: Verdict, reason: str, now: datetime,
        state: State, delivery: str | None = None,
    ) -> State:  # fmt: skip
        connection.execute(
            "INSERT INTO governance.person_review (one, other, verdict, reason, weight, veto, state, by_account, at,"
            " delivery_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                bytes.fromhex(asked.left), bytes.fromhex(asked.right), verdict, reason, asked.weight, asked.veto, state,
                by, now, delivery,
            ),
        )  # fmt: skip
        return state

    def _became(
        self, connection: psycopg.Connection[Any], one: Answer, state: State, second: str | None = None,
        now: datetime | None = None, delivery: str | None = None,
    ) -> None:  # fmt: skip
        connection.execute(
            "UPDATE governance.person_review SET state = %s, second_account = %s, second_at = %s, delivery_id = %s"
            " WHERE review = %s",
            (state, second, now, delivery, one.review),
        )

    def _connect(self) -> AbstractContextManager[psycopg.Connection[Any]]:
        return _held(self._db)


def _held(db: Database) -> AbstractContextManager[psycopg.Connection[Any]]:
    with storage_errors():
        return db.connect(Role.GOVERNANCE)
