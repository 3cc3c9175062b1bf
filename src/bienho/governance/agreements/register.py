"""The register of agreements in PostgreSQL: every step is a row that never changes; the newest says what stands.

New words for an agreement that is past its draft are a new revision: it is reviewed and signed while the one before
goes on, and stands in its place after the step `start`, from its own first day. All steps of all revisions stay.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import orjson
import psycopg

from bienho.core.errors import BusyError, DeniedError, UsageError
from bienho.database import Database, Role, storage_errors
from bienho.governance.agreements.records import Agreement, Step, checked, document_of
from bienho.governance.agreements.states import MOVES, STATES, Move
from bienho.governance.decision import STANDING, Terms
from bienho.governance.purposes import ANY_PAPER, PURPOSES, STANDING_RULE

LOCAL = ZoneInfo("Asia/Ho_Chi_Minh")
DRAFT = "draft"
START = "start"
REVISABLE = frozenset({"in-force", "suspended", "ended"})
"""States of the newest revision after which a draft begins another one."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A move open to an agreement, and whether one person may make it under the rule of two.

    `barred`: '' when they may; `author` for whoever drafted or submitted the words, `signed` for whoever has already
    made this move.
    """

    revision: int
    move: Move
    barred: Literal["", "author", "signed"]


class Agreements:
    """Reads and adds steps; who may do so has been decided by the caller (`permit`)."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def terms(self, purpose: str, units: Collection[str] = (), dataset: str = "") -> Terms | None:
        """Of the agreement a purpose names, as it stands today in Vietnam; None when the purpose is not known.

        A purpose that rests on whichever paper names it gets the first, by code, in force for one of `units`; one that
        names the dataset comes before one that does not.
        """
        known = PURPOSES.get(purpose)
        if known is None:
            return None
        if known.agreement == STANDING_RULE:
            return STANDING
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            row = connection.execute("SELECT clock_timestamp()").fetchone()
        if row is None:
            return None
        if known.agreement != ANY_PAPER:
            return self.terms_on(known.agreement, row[0])
        return self._whichever(purpose, frozenset(units), dataset, row[0].astimezone(LOCAL).date())

    def _whichever(self, purpose: str, units: frozenset[str], dataset: str, day: date) -> Terms:
        named = [
            step.agreement
            for step in self.all()
            if step.agreement.purpose == purpose and units & set(step.agreement.units)
            if standing_on(step, day) == "in-force"
        ]
        fitting = [one for one in named if dataset in one.datasets] or named
        return fitting[0].terms(True) if fitting else Terms(ANY_PAPER, False)

    def terms_on(self, code: str, now: datetime) -> Terms:
        """Of an agreement as it stood at an instant: steps recorded later do not count."""
        if code == STANDING_RULE:
            return STANDING
        steps = self.history(code, until=now)
        if not steps:
            return Terms(code, False)
        day = now.astimezone(LOCAL).date()
        last = standing(steps, day)
        return last.agreement.terms(standing_on(last, day) == "in-force")

    def all(self, day: date | None = None) -> list[Step]:
        """The step that stands of every agreement on a day, by code; see `standing`."""
        return [standing(steps, day) for steps in self.histories().values()]

    def histories(self) -> dict[str, list[Step]]:
        """Every step of every agreement, by code, oldest first."""
        found: dict[str, list[Step]] = {}
        for step in self._steps("true", ()):
            found.setdefault(step.agreement.code, []).append(step)
        return found

    def history(self, code: str, until: datetime | None = None) -> list[Step]:
        """Every step of one, oldest first."""
        if until is None:
            return self._steps("code = %s", (code,))
        return self._steps("code = %s AND recorded_at <= %s", (code, until))

    def draft(self, agreement: Agreement, by: str, now: datetime) -> Step:
        """A new agreement, new words for one that is a draft, or a new revision of one that is or was in force.

        UsageError USE-AGREEMENT-STATE while the newest revision is under review or waits for signatures.
        """
        steps = self.history(agreement.code)
        if not steps:
            return self._add(steps, DRAFT, DRAFT, by, now, "", agreement, 1)
        last = of_revision(steps)[-1]
        if last.state != DRAFT and last.state not in REVISABLE:
            raise _wrong_state(last, "sửa")
        revision = last.revision + (last.state != DRAFT)
        return self._add(steps, DRAFT, DRAFT, by, now, "", agreement, revision)

    def move(
        self, code: str, move: str, by: str, now: datetime, document: str = "", revision: int | None = None
    ) -> Step:
        """One step of a revision (None: the newest that is in a state the move leads from).

        DeniedError DENY-AGREEMENT-PERSON when the same person may not make it, UsageError for the rest.
        """
        known = MOVES.get(move)
        if known is None:
            raise UsageError("USE-AGREEMENT-MOVE", "Không có bước này.", hint=", ".join(MOVES))
        steps = self.history(code)
        if not steps:
            raise UsageError("USE-AGREEMENT-UNKNOWN", "Không có thỏa thuận này.", hint="Xem `bienho agreement list`.")
        day = now.astimezone(LOCAL).date()
        open_ = [one for one in choices(steps, by, day) if one.move is known and revision in (None, one.revision)]
        if not open_:
            raise _wrong_state(of_revision(steps, revision)[-1], known.title_vi)
        number = document_of(move, document)
        if open_[-1].barred:
            raise DeniedError(
                "DENY-AGREEMENT-PERSON",
                f"Bước «{known.title_vi}» phải do người khác làm.",
                hint="Người soạn không tự thẩm định, không tự ký; hai chữ ký là của hai người.",
                who="người có thẩm quyền khác",
            )
        own = of_revision(steps, open_[-1].revision)
        enough = len(_made(own, known)) + 1 >= known.persons
        state = known.target if enough else own[-1].state
        return self._add(steps, move, state, by, now, number, own[-1].agreement, own[-1].revision)

    def _add(
        self, steps: list[Step], move: str, state: str, by: str, now: datetime, document: str, agreement: Agreement,
        revision: int,
    ) -> Step:  # fmt: skip
        made = Step(len(steps) + 1, move, state, by, now, document, agreement, revision)
        try:
            with self._db.connect(Role.GOVERNANCE) as connection:
                connection.execute(
                    "INSERT INTO governance.agreement_step"
                    " (code, step, move, state, by_account, recorded_at, document, record, revision)"
                    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                    (
                        agreement.code, made.step, move, state, by, now, document,
                        orjson.dumps(agreement.as_dict()).decode(), revision,
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
                "SELECT step, move, state, by_account, recorded_at, document, record, revision"
                " FROM governance.agreement_step"
                f" WHERE {where} ORDER BY code, step",
                values,
            ).fetchall()
        return [
            Step(step, move, state, by, at, document, checked(record), revision)
            for step, move, state, by, at, document, record, revision in rows
        ]


def of_revision(steps: Sequence[Step], revision: int | None = None) -> list[Step]:
    """Steps of one revision, oldest first; None = the newest. UsageError USE-AGREEMENT-UNKNOWN when there is none."""
    wanted = max(step.revision for step in steps) if revision is None else revision
    found = [step for step in steps if step.revision == wanted]
    if not found:
        raise UsageError("USE-AGREEMENT-UNKNOWN", "Không có thỏa thuận này.", hint="Xem `bienho agreement list`.")
    return found


def standing(steps: Sequence[Step], day: date | None = None) -> Step:
    """The step of a history (not empty) that says what stands: the last of the newest revision that was ever started.

    With a day, a started revision counts from its own first day; until then the one before it goes on.
    """
    started = [step for step in steps if step.move == START]
    begun = [step for step in started if day is None or step.agreement.starts <= day] or started[:1]
    return of_revision(steps, max(step.revision for step in begun) if begun else None)[-1]


def choices(steps: Sequence[Step], by: str, day: date | None = None) -> list[Choice]:
    """The moves an agreement is open to, those of the older revision first; one that was replaced is open to none."""
    stands = standing(steps, day).revision
    found = []
    for revision in sorted({step.revision for step in steps if step.revision >= stands}):
        own = of_revision(steps, revision)
        round_ = _this_round(own)
        for move in MOVES.values():
            if own[-1].state in move.sources:
                author = by in {step.by for step in round_ if step.move in move.apart}
                twice = by in {step.by for step in _made(own, move)}
                found.append(Choice(revision, move, "author" if author else "signed" if twice else ""))
    return found


def _made(own: Sequence[Step], move: Move) -> list[Step]:
    """Steps of this round that made the move and left the state as it was: signatures that wait for another."""
    return [step for step in _this_round(own) if step.move == move.code and step.state == own[-1].state]


def standing_on(step: Step, day: date) -> str:
    """State of an agreement on a day, when `step` is its newest: in force only from its first day to its last."""
    agreement = step.agreement
    if step.state in ("in-force", "suspended") and agreement.until is not None and day > agreement.until:
        return "expired"
    if step.state == "in-force" and day < agreement.starts:
        return "signed"
    return step.state


def _this_round(steps: Sequence[Step]) -> Sequence[Step]:
    """Steps since the newest draft: what was reviewed before it was of other words."""
    newest = max(place for place, step in enumerate(steps) if step.state == DRAFT and step.move in (DRAFT, "return"))
    return steps[newest:]


def _wrong_state(step: Step, what: str) -> UsageError:
    return UsageError(
        "USE-AGREEMENT-STATE",
        f"Thỏa thuận đang ở bước «{STATES[step.state]}» nên không {what} được.",
        hint="Xem `bienho agreement show`.",
    )
