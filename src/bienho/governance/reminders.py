"""Reminders: the Department tells a facility what of its data is missing or wrong, and the facility answers.

A reminder is a written act: who, of what, until when, by which document; an answer likewise. Both are codes of reviewed
lists and numbers of documents, never words typed, so that nothing about a person can stand in them. Rows are only
added. A facility sees those sent to it; the Department sees all.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from bienho.config import Home, KeyRing
from bienho.core.errors import DeniedError, UsageError
from bienho.database import Database, Role, storage_errors
from bienho.governance import permits, reasons
from bienho.governance.actor import Actor
from bienho.governance.decision import Action
from bienho.governance.people.units import local_day
from bienho.governance.purposes import QUALITY, claimed
from bienho.governance.roles import FACILITY_OFFICER, LEADER, OPERATOR, ROOM_OFFICER, SOCIAL_OFFICER, STATION_WORKER
from bienho.governance.scope import CODE

MOST_DAYS = 90
"""How far ahead a reminder may set its day, and an answer its own."""
KEPT_DAYS = 400
MOST_SHOWN = 500
SENDERS = frozenset({OPERATOR, ROOM_OFFICER, LEADER})
ANSWERERS = frozenset({FACILITY_OFFICER, STATION_WORKER, SOCIAL_OFFICER, LEADER})


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a list; `needs_day`: it says nothing without a day."""

    title_vi: str
    title_en: str
    needs_day: bool = False


MATTERS: Mapping[str, Word] = {
    "im-lang": Word("Nhiều ngày chưa gửi hồ sơ", "No dossiers sent for days"),
    "gui-cham": Word("Gửi hồ sơ chậm hơn quy định", "Dossiers sent later than prescribed"),
    "thieu-ngay": Word("Có ngày thiếu hồ sơ so với thường lệ", "Days with fewer dossiers than usual"),
    "sua-phat-hien": Word("Hồ sơ có phát hiện sai chưa sửa", "Findings in dossiers not mended yet"),
    "cach-ly": Word("Hồ sơ đang cách ly, chưa vào kho", "Dossiers set aside, not in the store yet"),
}
ANSWERS: Mapping[str, Word] = {
    "da-gui": Word("Đã gửi hoặc đã gửi lại", "Sent, or sent again"),
    "dang-sua": Word(
        "Đang sửa, sẽ gửi vào ngày nêu bên", "Being mended; will be sent on the day given", needs_day=True
    ),
    "khong-phat-sinh": Word("Không có lượt khám nào những ngày đó", "No visits on those days"),
    "can-ho-tro": Word("Cần Sở Y tế hỗ trợ", "Help of the Department needed"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a facility answered; `until` the day by which it will send, None where the answer needs none."""

    at: datetime
    answer: str
    until: date | None
    document: str
    by: str


@dataclass(frozen=True, slots=True)
class Reminder:
    """One reminder with its answers, oldest first."""

    reminder_id: str
    facility_code: str
    matter: str
    due: date
    document: str
    by: str
    at: datetime
    answers: tuple[Answer, ...] = ()

    @property
    def answered(self) -> bool:
        return bool(self.answers)

    def overdue(self, day: date) -> bool:
        """Nobody answered and the day is over."""
        return not self.answers and self.due < day


@dataclass(frozen=True, slots=True)
class News:
    """That a facility was reminded, or (`answered`) that it answered; `day`: until when, or of when the reminder is.
    `sender`: the account that reminded."""

    reminder_id: str
    facility_code: str
    sender: str
    day: date
    at: datetime
    answered: bool


def news(db: Database, since: datetime) -> list[News]:
    """What was reminded and answered after an instant, oldest first: for the house itself, which tells whom it
    concerns. Nobody is asked; what a reminder says is not in it."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        rows = connection.execute(
            "SELECT reminder_id, facility_code, by, due, at, false FROM governance.reminder WHERE at > %(since)s"
            " UNION ALL SELECT r.reminder_id, r.facility_code, r.by, (r.at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date,"
            " a.at, true FROM governance.reminder_answer AS a JOIN governance.reminder AS r USING (reminder_id)"
            " WHERE a.at > %(since)s ORDER BY 5, 1",
            {"since": since},
        ).fetchall()
    return [News(*row) for row in rows]


class Reminders:
    """The doors to reminders. Each call is asked of the policies, in the name of `by`, and recorded first."""

    def __init__(self, db: Database, keys: KeyRing, home: Home) -> None:
        self._db = db
        self._keys = keys
        self._home = home

    def send(
        self, *, by: Actor, facility: str, matter: str, due: date, document: str, now: datetime, known: Sequence[str]
    ) -> Reminder:
        """Remind a facility; `known`: codes a reminder may go to.

        Denied when the policies do not let `by`; UsageError USE-REMINDER for the facility, the matter or the day,
        USE-DOCUMENT for the number of the document ('' for none).
        """
        self._permit(by, "remind", f"{facility if facility in known else '?'}:{matter if matter in MATTERS else '?'}")
        if facility not in known or not CODE.match(facility):
            raise _wrong("Chọn một cơ sở trong danh sách.")
        if matter not in MATTERS:
            raise _wrong("Chọn một nội dung nhắc trong danh sách.", ", ".join(MATTERS))
        _must_be_ahead(due, now)
        made = Reminder(
            uuid.uuid4().hex, facility, matter, due, reasons.document_number(document), by.account_id, now
        )  # fmt: skip
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            connection.execute(
                "INSERT INTO governance.reminder (reminder_id, facility_code, matter, due, document, by, at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (made.reminder_id, facility, matter, due, made.document, made.by, now),
            )
        return made

    def answer(
        self, *, by: Actor, reminder_id: str, answer: str, until: date | None, document: str, now: datetime
    ) -> Reminder:
        """Answer a reminder sent to one's own facility; it may be answered again, the newest answer stands.

        DeniedError DENY-REMINDER for one of another facility as for none; UsageError USE-REMINDER, USE-DOCUMENT.
        """
        self._own(by, reminder_id, answer if answer in ANSWERS else "?", now)
        if answer not in ANSWERS:
            raise _wrong("Chọn một câu trả lời trong danh sách.", ", ".join(ANSWERS))
        if ANSWERS[answer].needs_day:
            if until is None:
                raise _wrong("Câu trả lời này cần ngày sẽ gửi.", "dd/MM/yyyy")
            _must_be_ahead(until, now)
        number = reasons.document_number(document)
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            connection.execute(
                "INSERT INTO governance.reminder_answer (reminder_id, at, answer, until, document, by)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                (reminder_id, now, answer, until if ANSWERS[answer].needs_day else None, number, by.account_id),
            )
        return next(one for one in self._load(now) if one.reminder_id == reminder_id)

    def one(self, by: Actor, reminder_id: str, now: datetime) -> Reminder:
        """One reminder sent to a facility `by` may answer for; DeniedError DENY-REMINDER otherwise."""
        return self._own(by, reminder_id, "show", now)

    def sent(self, by: Actor, now: datetime) -> list[Reminder]:
        """Every reminder of the last `KEPT_DAYS` days, newest first, for whoever may remind."""
        self._permit(by, "remind", "list")
        return self._load(now)

    def received(self, by: Actor, now: datetime) -> list[Reminder]:
        """Those sent to the facilities `by` may answer for, newest first."""
        self._permit(by, "remind-answer", "list")
        reach = answers_for(by)
        return [one for one in self._load(now) if one.facility_code in reach]

    def _own(self, by: Actor, reminder_id: str, what: str, now: datetime) -> Reminder:
        """One of the own, asked for and recorded; an id that is none of them is not repeated in the record."""
        reach = answers_for(by)
        found = next(
            (one for one in self._load(now) if one.reminder_id == reminder_id and one.facility_code in reach), None
        )
        about = f"{found.reminder_id if found else '?'}:{what}"
        self._permit(by, "remind-answer", about)
        if found is None:
            permits.note(
                self._db, self._keys, self._home, by, "remind-answer", about, "denied", policy=["DENY-REMINDER"]
            )
            raise DeniedError("DENY-REMINDER", "Không có lời nhắc này gửi cho cơ sở của bạn.", who="Sở Y tế")
        return found

    def _permit(self, by: Actor, action: Action, what: str) -> None:
        permits.permit(self._db, self._keys, self._home, by, action, what, purpose=claimed(by.roles, QUALITY))

    def _load(self, now: datetime) -> list[Reminder]:
        since = now - timedelta(days=KEPT_DAYS)
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            rows = connection.execute(
                "SELECT reminder_id, facility_code, matter, due, document, coalesce(a.name, by), at"
                " FROM governance.reminder LEFT JOIN governance.account AS a ON a.account_id = by"
                " WHERE at >= %s ORDER BY at DESC, reminder_id LIMIT %s",
                (since, MOST_SHOWN),
            ).fetchall()
            given = connection.execute(
                "SELECT reminder_id, at, answer, until, document, coalesce(a.name, by)"
                " FROM governance.reminder_answer LEFT JOIN governance.account AS a ON a.account_id = by"
                " WHERE reminder_id = ANY(%s) ORDER BY at",
                ([row[0] for row in rows],),
            ).fetchall()
        answers: dict[str, list[Answer]] = {}
        for reminder_id, *answer in given:
            answers.setdefault(reminder_id, []).append(Answer(*answer))
        return [replace(Reminder(*row), answers=tuple(answers.get(row[0], ()))) for row in rows]


def answers_for(actor: Actor) -> frozenset[str]:
    """Facilities an actor may answer for: those its memberships in an answering role reach."""
    reached = [one.facilities for one in actor.memberships if one.role in ANSWERERS and one.facilities]
    return frozenset().union(*reached)


def _must_be_ahead(day: date, now: datetime) -> None:
    today = local_day(now)
    if not today <= day <= today + timedelta(days=MOST_DAYS):
        raise _wrong(f"Ngày phải từ hôm nay đến {MOST_DAYS} ngày tới.", "dd/MM/yyyy")


def _wrong(what: str, hint: str = "") -> UsageError:
    return UsageError("USE-REMINDER", what, hint=hint)
