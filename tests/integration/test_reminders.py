"""Reminders: who may remind and answer, what stands in the record, that nothing typed gets in, that rows stay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from bienho.database import Role
from bienho.governance import Actor, Membership, accounts, audit
from bienho.governance.changes import SYSTEM
from bienho.governance.reminders import MOST_DAYS, Reminders
from support.homes import Made, temporary_home
from support.peopled import refused

pytestmark = pytest.mark.database
NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
DUE = date(2026, 11, 26)
KNOWN = ("52001", "52002")


def somebody(name: str, role: str, facility: str = "") -> Actor:
    reach = frozenset({facility}) if facility else None
    return Actor(name, f"Người {name}", (role,), "portal", (Membership(role, f"cs-{name}", reach, None),))


OFFICER = somebody("so", "room-officer")
OURS = somebody("co-so-mot", "facility-data-officer", "52001")
THEIRS = somebody("co-so-hai", "facility-data-officer", "52002")
BOTH = Actor(
    "hai-vai", "Hai vai", ("clinician", "facility-data-officer"), "portal",
    (*OURS.memberships, Membership("clinician", "cs-khac", frozenset({"52002"}), None)),
)  # fmt: skip


@dataclass(frozen=True)
class House:
    made: Made
    doors: Reminders

    def send(self, by: Actor = OFFICER, **changes: object) -> str:
        given = {"facility": "52001", "matter": "im-lang", "due": DUE, "document": "", "now": NOW, "known": KNOWN}
        return self.doors.send(by=by, **{**given, **changes}).reminder_id  # type: ignore[arg-type]

    def answer(self, reminder_id: str, by: Actor = OURS, **changes: object) -> None:
        given = {"answer": "da-gui", "until": None, "document": "", "now": NOW + timedelta(hours=1)}
        self.doors.answer(by=by, reminder_id=reminder_id, **{**given, **changes})  # type: ignore[arg-type]

    def last(self) -> str:
        return str(audit.recent(self.made.database, limit=1)[0])


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with temporary_home() as made:
        for one in (OFFICER, OURS, THEIRS, BOTH):
            accounts.create(made.database, made.home, accounts.new(one.account_id, one.name), by=SYSTEM)
        yield House(made, Reminders(made.database, made.keys, made.home))


def test_a_facility_sees_and_answers_its_own_and_the_department_sees_all(house: House) -> None:
    first, second = house.send(), house.send(facility="52002", matter="gui-cham", document="12/syt-nvy", now=NOW)
    assert {one.reminder_id for one in house.doors.sent(OFFICER, NOW)} >= {first, second}
    assert {one.facility_code for one in house.doors.received(OURS, NOW)} == {"52001"}
    assert {one.facility_code for one in house.doors.received(BOTH, NOW)} == {"52001"}  # a clinician answers nothing
    assert house.doors.one(THEIRS, second, NOW).document == "12/SYT-NVY"
    house.answer(first, answer="dang-sua", until=DUE)
    house.answer(first, now=NOW + timedelta(hours=2))
    told = next(one for one in house.doors.sent(OFFICER, NOW + timedelta(hours=3)) if one.reminder_id == first)
    assert [(one.answer, one.until, one.by) for one in told.answers] == [
        ("dang-sua", DUE, OURS.name), ("da-gui", None, OURS.name),
    ]  # fmt: skip
    assert not told.overdue(DUE + timedelta(days=9))
    assert house.doors.one(THEIRS, second, NOW).overdue(DUE + timedelta(days=1))
    assert not house.doors.one(THEIRS, second, NOW).overdue(DUE)


def test_nobody_else_reminds_or_answers_and_each_try_is_recorded(house: House) -> None:
    mine = house.send()
    for who in (OURS, somebody("xa", "leader", "52001"), somebody("quan-tri", "administrator")):
        assert refused(house.send, by=who) == "DENY-DEFAULT-DENY"
        assert audit.recent(house.made.database, limit=1)[0]["outcome"] != "0"
    assert refused(house.answer, mine, by=THEIRS) == "DENY-REMINDER"
    assert mine not in house.last()
    assert refused(house.answer, mine, by=OFFICER) == "DENY-DEFAULT-DENY"
    assert refused(house.answer, "f" * 32) == "DENY-REMINDER"
    assert refused(house.answer, "Nguyễn Thị Thử") == "DENY-REMINDER"
    assert "Nguyễn" not in house.last()


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"facility": "99999"}, "USE-REMINDER"),
        ({"facility": "Nguyễn Văn A"}, "USE-REMINDER"),
        ({"matter": "Nguyễn Văn A 0912345678"}, "USE-REMINDER"),
        ({"due": date(2026, 11, 22)}, "USE-REMINDER"),
        ({"due": date(2026, 11, 23) + timedelta(days=MOST_DAYS + 1)}, "USE-REMINDER"),
        ({"document": "Nguyễn Văn A"}, "USE-DOCUMENT"),
    ],
)
def test_only_words_of_the_lists_get_in(house: House, wrong: dict[str, object], code: str) -> None:
    assert refused(house.send, **wrong) == code
    assert "Nguyễn" not in house.last()
    mine = house.send()
    for answer in (
        {"answer": "Nguyễn Văn A"},
        {"answer": "dang-sua"},
        {"answer": "dang-sua", "until": date(2026, 1, 1)},
    ):
        assert refused(house.answer, mine, **answer) == "USE-REMINDER"
        assert "Nguyễn" not in house.last()


def test_what_was_written_stays(house: House) -> None:
    house.answer(house.send())
    with house.made.database.connect(Role.GOVERNANCE) as connection:
        for statement in (
            "DELETE FROM governance.reminder_answer",
            "UPDATE governance.reminder SET due = '2027-01-01'",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
            connection.rollback()
