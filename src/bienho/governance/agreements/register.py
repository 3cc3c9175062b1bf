"""The register of agreements in PostgreSQL: every step is a row that never changes; the newest says what stands."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import psycopg

from bienho.core.errors import BusyError, DeniedError, UsageError
from bienho.database import Database, Role, storage_errors
from bienho.governance.agreements.records import Agreement, Step, checked, document_of
from bienho.governance.agreements.states import MOVES, STATES
from bienho.governance.decision import STANDING, Terms
from bienho.governance.purposes import PURPOSES, STANDING_RULE

LOCAL = ZoneInfo("Asia/Ho_Chi_Minh")
DRAFT = "draft"


class Agreements:
    """Reads and adds steps; who may do so has been decided by the caller (`permit`)."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def terms(self, purpose: str) -> Terms | None:
        """Of the agreement a purpose names, as it stands today in Vietnam; None when the purpose is not known."""
        known = PURPOSES.get(purpose)
        if known is None:
            return None
        if known.agreement == STANDING_RULE:
            return STANDING
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            row = connection.execute("SELECT clock_timestamp()").fetchone()
        return self.terms_on(known.agreement, row[0]) if row else None

    def terms_on(self, code: str, now: datetime) -> Terms:
        """Of an agreement as it stood at an instant: steps recorded later do not count."""
        if code == STANDING_RULE:
            return STANDING
        steps = self.history(code, until=now)
        if not steps:
            return Terms(code, False)
        return steps[-1].agreement.terms(standing_on(steps[-1], now.astimezone(LOCAL).date()) == "in-force")

    def all(self) -> list[Step]:
        """The newest step of every agreement, by code."""
        return self._steps("(code, step) IN (SELECT code, max(step) FROM governance.agreement_step GROUP BY code)", ())

    def history(self, code: str, until: datetime | None = None) -> list[Step]:
        """Every step of one, oldest first."""
        if until is None:
            return self._steps("code = %s", (code,))
        return self._steps("code = %s AND recorded_at <= %s", (code, until))

    def draft(self, agreement: Agreement, by: str, now: datetime) -> Step:
        """A new agreement, or new words for one that is a draft; UsageError USE-AGREEMENT-STATE otherwise."""
        steps = self.history(agreement.code)
        if steps and steps[-1].state != DRAFT:
            raise _wrong_state(steps[-1], "sửa")
        return self._add(steps, DRAFT, DRAFT, by, now, "", agreement)

    def move(self, code: str, move: str, by: str, now: datetime, document: str = "") -> Step:
        """One step. DeniedError DENY-AGREEMENT-PERSON when the same person may not make it, UsageError for the rest."""
        known = MOVES.get(move)
        if known is None:
            raise UsageError("USE-AGREEMENT-MOVE", "Không có bước này.", hint=", ".join(MOVES))
        steps = self.history(code)
        if not steps:
            raise UsageError("USE-AGREEMENT-UNKNOWN", "Không có thỏa thuận này.", hint="Xem `bienho agreement list`.")
        last = steps[-1]
        if last.state not in known.sources:
            raise _wrong_state(last, known.title_vi)
        number = document_of(move, document)
        round_ = _this_round(steps)
        before = {step.by for step in round_ if step.move in known.apart}
        same = [step for step in round_ if step.move == move and step.state == last.state]
        if by in before or any(step.by == by for step in same):
            raise DeniedError(
                "DENY-AGREEMENT-PERSON",
                f"Bước «{known.title_vi}» phải do người khác làm.",
                hint="Người soạn không tự thẩm định, không tự ký; hai chữ ký là của hai người.",
                who="người có thẩm quyền khác",
            )
        enough = len(same) + 1 >= known.persons
        return self._add(steps, move, known.target if enough else last.state, by, now, number, last.agreement)

    def _add(
        self, steps: list[Step], move: str, state: str, by: str, now: datetime, document: str, agreement: Agreement
    ) -> Step:
        made = Step(len(steps) + 1, move, state, by, now, document, agreement)
        try:
            with self._db.connect(Role.GOVERNANCE) as connection:
                connection.execute(
                    "INSERT INTO governance.agreement_step"
                    " (code, step, move, state, by_account, recorded_at, document, record)"
                    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                    (
                        agreement.code, made.step, move, state, by, now, document,
                        orjson.dumps(agreement.as_dict()).decode(),
                    ),
                )  # fmt: skip
        except psycopg.errors.UniqueViolation:
            raise BusyError(
                "BUSY-AGREEMENT", "Người khác vừa chuyển thỏa thuận này.", hint="Xem lại rồi làm lại."
            ) from None
        return made

    def _steps(self, where: str, values: tuple[Any, ...]) -> list[Step]:
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            rows = connection.execute(
                "SELECT step, move, state, by_account, recorded_at, document, record FROM governance.agreement_step"
                f" WHERE {where} ORDER BY code, step",
                values,
            ).fetchall()
        return [
            Step(step, move, state, by, at, document, checked(record))
            for step, move, state, by, at, document, record in rows
        ]


def standing_on(step: Step, day: date) -> str:
    """State of an agreement on a day, when `step` is its newest: in force only from its first day to its last."""
    agreement = step.agreement
    if step.state in ("in-force", "suspended") and agreement.until is not None and day > agreement.until:
        return "expired"
    if step.state == "in-force" and day < agreement.starts:
        return "signed"
    return step.state


def _this_round(steps: list[Step]) -> list[Step]:
    """Steps since the newest draft: what was reviewed before it was of other words."""
    newest = max(place for place, step in enumerate(steps) if step.state == DRAFT and step.move in (DRAFT, "return"))
    return steps[newest:]


def _wrong_state(step: Step, what: str) -> UsageError:
    return UsageError(
        "USE-AGREEMENT-STATE",
        f"Thỏa thuận đang ở bước «{STATES[step.state]}» nên không {what} được.",
        hint="Xem `bienho agreement show`.",
    )
