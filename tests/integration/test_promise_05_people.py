"""Promise 5: units, memberships, credentials, sessions, recovery by two persons, access review, systems."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyotp
import pytest

from bienho.config import load_profile
from bienho.core.errors import BienhoError, BusyError, DeniedError, UsageError
from bienho.database import Role
from bienho.governance import Actor, Denied, accounts, audit, people
from bienho.governance import accounts as accounts_module
from bienho.governance.people import credentials, factors, memberships, recovery, reviews, sessions, signing_in, systems
from bienho.governance.people.units import Unit
from support.authenticator import Authenticator
from support.homes import Made, temporary_home

pytestmark = pytest.mark.database

START = datetime.now(UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DOC = "12/QĐ-SYT"
GOOD = "bốn con voi uống trà"
OTHER = "năm con kiến leo núi"
BOSS = Actor("boss", "Sếp", ("administrator",), "cli")
ORIGIN, RP = "https://kho.example.vn", "kho.example.vn"


@pytest.fixture(scope="module")
def made() -> Iterator[Made]:
    with temporary_home() as home:
        people.units.ensure(home.database, home.home, people.units.first_units(load_profile()), START)
        demo = accounts.ensure_demo_account(home.database, home.home).actor("cli")
        for name, roles in (("boss", ["administrator"]), ("boss2", ["administrator"])):
            accounts.add(home.database, home.home, by=demo, account_id=name, name=f"Sếp {name}", roles=roles)
        yield home


def account(made: Made, name: str, *roles: str) -> str:
    accounts.add(made.database, made.home, by=BOSS, account_id=name, name=f"Người {name}", roles=roles)
    return name


def with_password(made: Made, name: str, now: datetime = START, password: str = GOOD) -> str:
    token = credentials.invite(made.database, made.home, by=BOSS, account_id=name, now=now)
    return credentials.accept(made.database, made.home, token=token, password=password, door="portal", now=now)


def with_device(made: Made, name: str, now: datetime = START) -> tuple[pyotp.TOTP, list[str]]:
    by = Actor(name, name, (), "portal", assurance="one")
    device = pyotp.parse_uri(factors.begin_totp(made.database, made.home, by=by, now=now))
    assert isinstance(device, pyotp.TOTP)
    return device, factors.confirm_totp(made.database, made.home, by=by, code=device.at(now), now=now)


def place(name: str) -> str:
    """An address of its own for each account, so that tests do not make one another wait."""
    return "10." + ".".join(str(byte) for byte in hashlib.sha256(name.encode()).digest()[:3])


def first_step(
    made: Made, name: str, now: datetime, password: str = GOOD, address: str | None = None
) -> signing_in.Entered:
    where = place(name) if address is None else address
    return signing_in.with_password(
        made.database, made.home, account_id=name, password=password, address=where, door="portal", now=now
    )


def second_step(made: Made, entered: signing_in.Entered, code: str, now: datetime) -> signing_in.Entered:
    where = place(entered.account_id)
    return signing_in.with_code(made.database, made.home, token=entered.token, code=code, address=where, now=now)


def refused(call: Any, *given: Any, **named: Any) -> str:
    with pytest.raises(BienhoError) as error:
        call(*given, **named)
    return error.value.code


def last_event(made: Made) -> dict[str, Any]:
    return audit.recent(made.database, limit=1)[0]


# units and memberships


def test_units_are_dated_and_every_change_is_an_event(made: Made) -> None:
    units = people.units
    team = Unit("doi-thu", "Đội thử", "partner", "cs-52001", None, None, (), date(2026, 1, 1), None, DOC)
    units.add(made.database, made.home, by=BOSS, unit=team, now=START)
    event = last_event(made)
    assert event["agent"][0]["who"] == "boss"
    assert event["entity"][0]["what"]["identifier"] == "doi-thu"
    assert f"document:{DOC}" in event["purposeOfEvent"]
    for wrong, code in (
        (replace(team, code="Hoa"), "USE-UNIT-CODE"),
        (replace(team, code="x", kind="nothing"), "USE-UNIT-KIND"),
        (replace(team, code="x", parent="nobody"), "USE-UNIT-UNKNOWN"),
        (replace(team, code="x", document=""), "USE-DOCUMENT"),
        (replace(team, code="x", kind="hospital", facility_code="52001"), "USE-UNIT-TAKEN"),
        (team, "USE-UNIT-TAKEN"),
    ):
        assert refused(units.add, made.database, made.home, by=BOSS, unit=wrong, now=START) == code
    nobody = Actor("x", "X", ("operator",))
    assert (
        refused(units.add, made.database, made.home, by=nobody, unit=replace(team, code="y"), now=START)[:4] == "DENY"
    )
    changed = {"by": BOSS, "code": "doi-thu", "document": DOC, "now": START}
    assert (
        refused(units.change, made.database, made.home, **{**changed, "code": "cs-52001"}, parent="doi-thu")
        == "USE-UNIT-PARENT"
    )
    units.change(made.database, made.home, **changed, valid_to=date(2026, 6, 1))
    day = {one.code for one in units.list_units(made.database, day=date(2026, 5, 31))}
    assert "doi-thu" in day
    assert "doi-thu" not in {one.code for one in units.list_units(made.database, day=date(2026, 6, 1))}


def test_ensuring_units_again_changes_nothing_people_changed(made: Made) -> None:
    units = people.units
    units.change(made.database, made.home, by=BOSS, code="van-phong", document=DOC, now=START, name="Văn phòng mới")
    before = audit.recent(made.database, limit=1)[0]["seq"]
    assert units.ensure(made.database, made.home, units.first_units(load_profile()), START) == 0
    assert audit.recent(made.database, limit=1)[0]["seq"] == before
    assert {one.code: one.name for one in units.list_units(made.database)}["van-phong"] == "Văn phòng mới"


def test_contacts_are_dated(made: Made) -> None:
    named = {"by": BOSS, "unit": "cs-52001", "document": DOC}
    name = people.contacts.name_contact
    name(made.database, made.home, **named, matter="data", now=START, account_id="boss2")
    name(made.database, made.home, **named, matter="security", now=START, name="Bà Trực", phone="0269 3824 000")
    name(made.database, made.home, **named, matter="data", now=START + DAY, name="Ông Mới", phone="0269 3824 001")
    at = lambda day: [(c.matter, c.name) for c in people.contacts.list_contacts(made.database, unit="cs-52001", at=day)]  # noqa: E731
    assert at(START) == [("data", "Sếp boss2"), ("security", "Bà Trực")]
    assert at(START + DAY) == [("data", "Ông Mới"), ("security", "Bà Trực")]
    for wrong in (
        {},
        {"name": "X"},
        {"account_id": "boss", "name": "X", "phone": "0269 1"},
        {"name": "X", "phone": "abc"},
    ):
        assert refused(name, made.database, made.home, **named, matter="data", now=START, **wrong) == "USE-CONTACT"
    assert (
        refused(name, made.database, made.home, **named, matter="data", now=START, account_id="ma")
        == "USE-ACCOUNT-UNKNOWN"
    )


def give(made: Made, who: str, unit: str, role: str, now: datetime = START, until: datetime | None = None) -> int:
    return memberships.give(
        made.database, made.home, by=BOSS, account_id=who, unit=unit, role=role, document=DOC, now=now, until=until
    ).membership_id


def test_memberships_begin_end_and_reach(made: Made) -> None:
    who = account(made, "tram.1")
    assert people.actor_of(made.database, who, "portal", "two", START) == Actor(
        who, "Người tram.1", (), "portal", (), "two"
    )
    number = give(made, who, "cs-52102", "station-worker", until=START + 10 * DAY)
    assert last_event(made)["entity"][0] == {
        "type": "membership",
        "what": {"identifier": who},
        "detail": {"unit": "cs-52102", "role": "station-worker", "until": (START + 10 * DAY).isoformat()},
    }
    actor = people.actor_of(made.database, who, "portal", "two", START)
    assert actor is not None
    assert actor.roles == ("station-worker",)
    assert [(m.role, m.unit, m.facilities, m.communes) for m in actor.memberships] == [
        ("station-worker", "cs-52102", frozenset({"52102"}), None)
    ]
    assert refused(give, made, who, "cs-52102", "station-worker") == "USE-MEMBERSHIP-OPEN"
    assert refused(give, made, who, "cs-52102", "epidemiologist") == "USE-MEMBERSHIP-ROLE"
    assert refused(give, made, who, "khong-co", "leader") == "USE-UNIT-UNKNOWN"
    assert refused(give, made, "khong-co", "cs-52102", "leader") == "USE-ACCOUNT-UNKNOWN"
    assert refused(give, made, "boss", "so-y-te", "viewer") == "USE-MEMBERSHIP-OWN"
    assert refused(give, made, who, "cs-52102", "leader", until=START) == "USE-MEMBERSHIP-UNTIL"
    later = people.actor_of(made.database, who, "portal", "two", START + 10 * DAY)
    assert later is not None
    assert later.memberships == ()
    again = give(made, who, "cs-52102", "station-worker", now=START + 11 * DAY)  # the lapsed one bars nothing
    assert again != number
    memberships.end(made.database, made.home, by=BOSS, membership_id=again, document=DOC, now=START + 12 * DAY)
    assert memberships.list_members(made.database, account_id=who, at=START + 12 * DAY) == []


def test_never_two_open_ones_of_the_same(made: Made) -> None:
    who = account(made, "hai.lan")

    def attempt(_: int) -> str:
        try:
            return str(give(made, who, "cdc", "epidemiologist"))
        except UsageError as error:
            return error.code

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(attempt, range(4)))
    assert sum(answer == "USE-MEMBERSHIP-OPEN" for answer in answers) == 3


def test_a_membership_makes_an_administrator(made: Made) -> None:
    who = account(made, "quan.tri")
    give(made, who, "quan-tri", "administrator")
    actor = people.actor_of(made.database, who, "cli", "none", START)
    assert actor is not None
    accounts.add(made.database, made.home, by=actor, account_id="do.quan.tri", name="Được thêm", roles=["viewer"])
    production = type(made.home)(made.home.path, made.home.home_id, "production")
    by_page = replace(actor, door="portal", assurance="one")
    assert (
        refused(accounts.change, made.database, production, by=by_page, account_id="do.quan.tri", active=False)
        == "DENY-TWO-FACTORS"
    )
    accounts.change(
        made.database, production, by=replace(by_page, assurance="two"), account_id="do.quan.tri", active=False
    )


# signing in


def test_invitation_password_device_session(made: Made) -> None:
    who = account(made, "vao.1")
    token = credentials.invite(made.database, made.home, by=BOSS, account_id=who, now=START)
    accept = {"door": "portal", "now": START}
    assert (
        refused(credentials.accept, made.database, made.home, token=token, password="ngắn quá", **accept)
        == "USE-PASSWORD-LENGTH"
    )
    assert (
        refused(credentials.accept, made.database, made.home, token="x", password=GOOD, **accept) == "DENY-INVITATION"
    )
    late = START + 72 * HOUR
    assert (
        refused(credentials.accept, made.database, made.home, token=token, password=GOOD, door="portal", now=late)
        == "DENY-INVITATION"
    )
    credentials.accept(made.database, made.home, token=token, password=GOOD, **accept)
    assert (
        refused(credentials.accept, made.database, made.home, token=token, password=OTHER, **accept)
        == "DENY-INVITATION"
    )
    assert refused(credentials.invite, made.database, made.home, by=BOSS, account_id=who, now=START) == "USE-INVITED"

    alone = first_step(made, who, START)
    assert alone.pending == "enrol"
    assert people.actor_for_session(made.database, alone.token, START) is None
    device, codes = with_device(made, who)
    assert len(set(codes)) == 10

    later = START + MINUTE
    first = first_step(made, who, later)
    assert first.pending == "second-factor"
    assert people.actor_for_session(made.database, first.token, later) is None
    whole = second_step(made, first, device.at(later), later)
    assert whole.pending == ""
    assert whole.token != first.token
    actor = people.actor_for_session(made.database, whole.token, later)
    assert actor is not None
    assert (actor.account_id, actor.assurance, actor.door) == (who, "two", "portal")
    assert last_event(made)["entity"][0]["detail"]["assurance"] == "two"
    assert refused(second_step, made, first, device.at(later), later) == "DENY-SESSION"
    # neither password, token nor secret stands in the database in clear
    with made.database.connect(Role.GOVERNANCE) as connection:
        texts = str(connection.execute(
            "SELECT (SELECT array_agg(to_jsonb(p)::text) FROM governance.password p),"
            " (SELECT array_agg(to_jsonb(t)::text) FROM governance.totp t),"
            " (SELECT array_agg(to_jsonb(s)::text) FROM governance.session s),"
            " (SELECT array_agg(body) FROM governance.audit_event)"
        ).fetchone())  # fmt: skip
    for secret in (
        GOOD,
        device.secret,
        device.secret.encode().hex(),
        whole.token,
        whole.token.encode().hex(),
        place(who),
    ):
        assert secret not in texts


def test_a_code_works_once_also_for_many_at_once(made: Made) -> None:
    who = with_password(made, account(made, "mot.lan"))
    device, codes = with_device(made, who)
    now = START + 5 * MINUTE
    starts = [first_step(made, who, now) for _ in range(4)]

    def attempt(entered: signing_in.Entered, code: str) -> str:
        try:
            return second_step(made, entered, code, now).pending or "in"
        except DeniedError as error:
            return error.code

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(attempt, starts, [device.at(now)] * 4))
    assert sorted(answers) == ["DENY-SIGN-IN"] * 3 + ["in"]
    again = now + 30 * MINUTE
    older = device.at(again - timedelta(seconds=60))
    assert attempt_code(made, who, again, older) == "DENY-SIGN-IN"
    assert attempt_code(made, who, again, codes[0].upper()) == ""
    assert attempt_code(made, who, again, codes[0]) == "DENY-SIGN-IN"


def attempt_code(made: Made, who: str, now: datetime, code: str) -> str:
    try:
        return second_step(made, first_step(made, who, now), code, now).pending
    except DeniedError as error:
        return error.code


def test_unknown_closed_and_wrong_look_alike(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    who = with_password(made, account(made, "giong.nhau"))
    shut = with_password(made, account(made, "dong.cua"))
    accounts.change(made.database, made.home, by=BOSS, account_id=shut, active=False)
    looked: list[bool] = []
    real = credentials.passwords.matches
    monkeypatch.setattr(credentials.passwords, "matches", lambda kept, given: looked.append(True) or real(kept, given))
    told = []
    for name, password in ((who, OTHER), ("khong.co", GOOD), (shut, GOOD)):
        with pytest.raises(DeniedError) as error:
            first_step(made, name, START, password, "10.9.9.9")
        told.append(error.value.as_dict())
    assert told[0] == told[1] == told[2]
    assert len(looked) == 3, "each costs one hash, known or not"
    event = last_event(made)
    assert event["outcomeDesc"] == "denied"
    assert "khong.co" not in json.dumps(audit.recent(made.database, limit=5))


@pytest.mark.parametrize("name", ["khoa.1", "khong.phai.ai"])
def test_guessing_must_wait_longer_and_longer(made: Made, name: str) -> None:
    if name == "khoa.1":
        with_password(made, account(made, name))
    now = START
    for wait in (0, 0, 0, 0, 0, 1, 2, 4):
        now += wait * MINUTE
        assert refused(first_step, made, name, now, OTHER, "") == "DENY-SIGN-IN"
    assert refused(first_step, made, name, now + 8 * MINUTE - timedelta(seconds=1), GOOD, "") == "BUSY-SIGN-IN"
    if name == "khoa.1":
        assert first_step(made, name, now + 8 * MINUTE, GOOD, "").pending == "enrol"


def test_many_guesses_at_once_are_no_way_around(made: Made) -> None:
    who = with_password(made, account(made, "dong.thoi"))

    def attempt(_: int) -> str:
        return refused(first_step, made, who, START, OTHER, "")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(attempt, range(16)))
    assert answers.count("DENY-SIGN-IN") == 5
    assert answers.count("BUSY-SIGN-IN") == 11


def test_a_right_password_does_not_reset_the_guesses_of_a_code(made: Made) -> None:
    who = with_password(made, account(made, "doan.ma"))
    with_device(made, who)
    answers = []
    for _ in range(6):
        try:
            answers.append(attempt_code(made, who, START, "000000"))
        except BusyError as error:
            answers.append(error.code)
    assert answers == ["DENY-SIGN-IN"] * 5 + ["BUSY-SIGN-IN"]


def test_an_address_that_tries_many_names_must_wait(made: Made) -> None:
    for n in range(20):
        assert refused(first_step, made, f"ten.{n}", START, GOOD, "2001:db8:1:2::1") == "DENY-SIGN-IN"
    assert refused(first_step, made, "ten.khac", START, GOOD, "2001:db8:1:2:ffff::9") == "BUSY-SIGN-IN"
    assert refused(first_step, made, "ten.khac", START, GOOD, "2001:db8:1:3::1") == "DENY-SIGN-IN"


def test_changing_the_password_ends_every_session(made: Made) -> None:
    who = with_password(made, account(made, "doi.mk"))
    device, _ = with_device(made, who)
    now = START + HOUR
    whole = second_step(made, first_step(made, who, now), device.at(now), now)
    given = {"account_id": who, "address": place(who), "door": "portal", "now": now}
    change = credentials.change
    assert refused(change, made.database, made.home, current=OTHER, new=OTHER, **given) == "DENY-SIGN-IN"
    assert refused(change, made.database, made.home, current=GOOD, new=GOOD, **given) == "USE-PASSWORD-USED"
    change(made.database, made.home, current=GOOD, new="voi uống", **given)  # eight characters: a factor stands beside
    assert people.actor_for_session(made.database, whole.token, now) is None
    assert refused(first_step, made, who, now, GOOD) == "DENY-SIGN-IN"
    former = "voi uống"
    for n in range(9):
        change(made.database, made.home, current=former, new=f"{OTHER} {n}", **given)
        former = f"{OTHER} {n}"
    assert refused(change, made.database, made.home, current=former, new="voi uống", **given) == "USE-PASSWORD-USED"
    change(made.database, made.home, current=former, new=GOOD, **given)  # eleven ago


def test_closing_the_account_ends_its_sessions(made: Made) -> None:
    who = with_password(made, account(made, "dong.tk"))
    device, _ = with_device(made, who)
    now = START + HOUR
    whole = second_step(made, first_step(made, who, now), device.at(now), now)
    accounts.change(made.database, made.home, by=BOSS, account_id=who, active=False, now=now)
    accounts.change(made.database, made.home, by=BOSS, account_id=who, active=True, now=now)
    session = sessions.look(made.database, whole.token, now)
    assert session is not None
    assert session.state == "ended"


def test_sessions_idle_and_end(made: Made) -> None:
    who = with_password(made, account(made, "phien.1"))
    device, _ = with_device(made, who)
    now = START + HOUR
    whole = second_step(made, first_step(made, who, now), device.at(now), now)
    assert [one.address_kind for one in sessions.list_open(made.database, who, now)] == ["private"]
    assert people.actor_for_session(made.database, whole.token, now + 14 * MINUTE)
    assert people.actor_for_session(made.database, whole.token, now + 28 * MINUTE)
    away = now + 43 * MINUTE
    assert people.actor_for_session(made.database, whole.token, away) is None
    unlock = {"token": whole.token, "address": place(who)}
    assert refused(signing_in.unlock, made.database, made.home, **unlock, password=OTHER, now=away) == "DENY-SIGN-IN"
    signing_in.unlock(made.database, made.home, **unlock, password=GOOD, now=away)
    assert people.actor_for_session(made.database, whole.token, away)
    end = now + 12 * HOUR
    for minutes in range(57, 720, 14):
        people.actor_for_session(made.database, whole.token, now + minutes * MINUTE)
    assert people.actor_for_session(made.database, whole.token, end - timedelta(seconds=1))
    assert people.actor_for_session(made.database, whole.token, end) is None
    assert refused(signing_in.unlock, made.database, made.home, **unlock, password=GOOD, now=end) == "DENY-SESSION"
    assert sessions.look(made.database, "made up", now) is None


def test_idle_accounts_are_disabled_until_opened_again(made: Made) -> None:
    who = with_password(made, account(made, "ngu.quen"))
    with_device(made, who)
    gone = START + 46 * DAY
    assert refused(first_step, made, who, gone) == "DENY-SIGN-IN"
    assert people.actor_of(made.database, who, "portal", "two", gone) is None
    assert people.actor_of(made.database, who, "cli", "none", gone) is not None
    accounts.change(made.database, made.home, by=BOSS, account_id=who, active=True, now=gone)
    assert first_step(made, who, gone).pending == "second-factor"


def test_administrators_change_their_password_every_two_months(made: Made) -> None:
    who = with_password(made, account(made, "cu.ky", "administrator"))
    plain = with_password(made, account(made, "cu.thuong", "viewer"))
    for name, pending in ((who, "password"), (plain, "")):
        device, _ = with_device(made, name)
        now = START + 62 * DAY
        accounts.change(made.database, made.home, by=BOSS, account_id=name, active=True, now=now)
        whole = second_step(made, first_step(made, name, now), device.at(now), now)
        assert whole.pending == pending
        assert (people.actor_for_session(made.database, whole.token, now) is None) is bool(pending)


def test_another_device_takes_two_factors(made: Made) -> None:
    who = with_password(made, account(made, "may.moi"))
    device, _ = with_device(made, who)
    one = Actor(who, who, (), "portal", assurance="one")
    assert refused(factors.begin_totp, made.database, made.home, by=one, now=START) == "DENY-TWO-FACTORS"
    assert (
        refused(people.passkeys.registration_options, made.database, by=one, rp_id=RP, now=START) == "DENY-TWO-FACTORS"
    )
    factors.begin_totp(made.database, made.home, by=replace(one, assurance="two"), now=START)
    now = START + HOUR
    assert attempt_code(made, who, now, device.at(now)) == "", "the old device works until the new one is confirmed"
    assert refused(factors.confirm_totp, made.database, made.home, by=one, code="123", now=now) == "USE-CODE"


# passkeys


def add_passkey(made: Made, who: str, device: Authenticator, now: datetime = START) -> None:
    by = Actor(who, who, (), "portal", assurance="two")
    options = people.passkeys.registration_options(made.database, by=by, rp_id=RP, now=now)
    people.passkeys.register(
        made.database,
        made.home,
        by=by,
        answer=device.create(options),
        name="Điện thoại",
        rp_id=RP,
        origin=ORIGIN,
        now=now,
    )


def with_passkey(made: Made, answer: str, now: datetime = START) -> signing_in.Entered:
    return signing_in.with_passkey(
        made.database, made.home, answer=answer, rp_id=RP, origin=ORIGIN, address="10.0.0.9", door="portal", now=now
    )


def challenge(made: Made, who: str | None = None, now: datetime = START) -> str:
    return people.passkeys.authentication_options(made.database, account_id=who, rp_id=RP, now=now)


def test_passkey_is_two_factors_and_each_answer_works_once(made: Made) -> None:
    who, device = account(made, "khoa.tc"), Authenticator(ORIGIN, RP)
    add_passkey(made, who, device)
    answer = device.get(challenge(made))
    whole = with_passkey(made, answer)
    assert (whole.account_id, whole.pending) == (who, "")
    actor = people.actor_for_session(made.database, whole.token, START)
    assert actor is not None
    assert actor.assurance == "two"
    assert refused(with_passkey, made, answer) == "DENY-SIGN-IN"
    assert [name for name, _, _ in people.passkeys.list_passkeys(made.database, who)] == ["Điện thoại"]


def test_wrong_passkeys_are_refused(made: Made) -> None:
    who, device = account(made, "khoa.sai"), Authenticator(ORIGIN, RP)
    other = account(made, "khoa.khac")
    add_passkey(made, who, device)
    copied = replace(device)
    assert with_passkey(made, device.get(challenge(made, who))).account_id == who
    wrong = {
        "copied key: its count stands still": copied.get(challenge(made)),
        "other origin": replace(device, origin="https://kho.example.net").get(challenge(made)),
        "other host": replace(device, rp_id="example.vn").get(challenge(made)),
        "owner not verified": replace(device, verified=False).get(challenge(made)),
        "other key": replace(device, key=Authenticator(ORIGIN, RP).key, count=9).get(challenge(made)),
        "unknown key": Authenticator(ORIGIN, RP).get(challenge(made)),
        "challenge of another account": replace(device, count=9).get(challenge(made, other)),
        "late": replace(device, count=9).get(challenge(made, now=START - 5 * MINUTE)),
        "made-up challenge": replace(device, count=9).get(json.dumps({"challenge": "AAAA"})),
        "no JSON": "{",
        "too long": "x" * 30_000,
    }
    for name, answer in wrong.items():
        assert refused(with_passkey, made, answer) == "DENY-SIGN-IN", name
    device.count = 20
    assert with_passkey(made, device.get(challenge(made))).account_id == who


def test_a_passkey_is_added_from_our_own_address_only(made: Made) -> None:
    who = account(made, "khoa.them")
    by = Actor(who, who, (), "portal", assurance="two")
    for device in (
        Authenticator("https://evil.example", RP),
        Authenticator(ORIGIN, "evil.example"),
        Authenticator(ORIGIN, RP, verified=False),
    ):
        options = people.passkeys.registration_options(made.database, by=by, rp_id=RP, now=START)
        given = {"by": by, "answer": device.create(options), "name": "X", "rp_id": RP, "origin": ORIGIN, "now": START}
        assert refused(people.passkeys.register, made.database, made.home, **given) == "USE-PASSKEY"
    assert people.passkeys.list_passkeys(made.database, who) == []


# recovery by two persons


def test_recovery_takes_two_other_persons(made: Made) -> None:
    who = with_password(made, account(made, "mat.may"))
    device, _ = with_device(made, who)
    now = START + HOUR
    whole = second_step(made, first_step(made, who, now), device.at(now), now)
    give(made, account(made, "an.toan"), "quan-tri", "security-officer")
    first = replace(BOSS, assurance="two")
    officer = people.actor_of(made.database, "an.toan", "portal", "two", now)
    assert officer is not None
    ask = {"account_id": who, "document": DOC, "now": now}
    assert refused(recovery.ask, made.database, made.home, by=BOSS, **ask) == "DENY-TWO-FACTORS"
    assert (
        refused(recovery.ask, made.database, made.home, by=replace(first, roles=("operator",)), **ask)
        == "DENY-TWO-PERSONS"
    )
    own = Actor(who, who, ("administrator",), assurance="two")
    assert refused(recovery.ask, made.database, made.home, by=own, **ask) == "DENY-TWO-PERSONS"
    request = recovery.ask(made.database, made.home, by=first, **ask)

    def approve(by: Actor, moment: datetime = now) -> str:
        return recovery.approve(made.database, made.home, by=by, recovery_id=request.recovery_id, now=moment)

    assert refused(approve, first) == "DENY-TWO-PERSONS"
    assert refused(approve, own) == "DENY-TWO-PERSONS"
    assert refused(approve, replace(officer, assurance="one")) == "DENY-TWO-FACTORS"
    assert refused(approve, officer, now + 24 * HOUR) == "DENY-RECOVERY"
    token = approve(officer)
    assert last_event(made)["agent"][0]["policy"] == ["two-persons"]
    assert refused(approve, officer) == "DENY-RECOVERY"
    assert people.actor_for_session(made.database, whole.token, now) is None
    assert refused(first_step, made, who, now) == "DENY-SIGN-IN"
    accept = {"token": token, "door": "portal", "now": now}
    assert refused(credentials.accept, made.database, made.home, password=GOOD, **accept) == "USE-PASSWORD-USED"
    credentials.accept(made.database, made.home, password=OTHER, **accept)
    assert first_step(made, who, now, OTHER).pending == "enrol"


def test_who_asked_must_still_be_there_when_it_is_approved(made: Made) -> None:
    who = with_password(made, account(made, "mat.may.2"))
    asker = account(made, "di.roi", "administrator")
    by = Actor(asker, asker, ("administrator",), assurance="two")
    request = recovery.ask(made.database, made.home, by=by, account_id=who, document=DOC, now=START)
    accounts.change(made.database, made.home, by=BOSS, account_id=asker, active=False)
    second = replace(BOSS, assurance="two")
    given = {"by": second, "recovery_id": request.recovery_id, "now": START}
    assert refused(recovery.approve, made.database, made.home, **given) == "DENY-RECOVERY"


# access review


def test_access_review(made: Made) -> None:
    lead, worker, above = account(made, "lanh.dao"), account(made, "nhan.vien"), account(made, "lanh.dao.so")
    give(made, lead, "cs-52002", "leader")
    held = give(made, worker, "cs-52002", "facility-data-officer")
    mine = lambda now, **more: {  # noqa: E731
        item.member.account_id: (item.state, item.confirmers)
        for item in reviews.worklist(made.database, now, unit="cs-52002", **more)
    }
    assert mine(START) == {}
    assert mine(START, everything=True)[worker] == ("confirmed", (lead,))
    due = START + 170 * DAY
    assert mine(due)[worker] == ("due", (lead,))
    assert "boss" in mine(due)[lead][1], "nobody confirms themselves; without a leader above, administrators do"
    give(made, above, "so-y-te", "leader", now=due)
    assert mine(due)[lead] == ("due", (above,))
    late = START + 190 * DAY
    assert mine(late)[worker][0] == "late"

    def actor(name: str) -> Actor:
        found = people.actor_of(made.database, name, "cli", "none", late)
        assert found is not None
        return found

    given = {"membership_id": held, "now": late}
    for wrong in (actor(worker), Actor("x", "X", ("operator",))):
        assert refused(reviews.confirm, made.database, made.home, by=wrong, **given) == "DENY-REVIEW"
    reviews.confirm(made.database, made.home, by=actor(lead), **given)
    assert worker not in mine(late)
    reviews.end(made.database, made.home, by=actor(above), **given)
    assert memberships.find(made.database, held).in_force(late) is False
    assert refused(reviews.confirm, made.database, made.home, by=actor(lead), **given) == "USE-MEMBERSHIP-ENDED"
    with made.database.connect(Role.GOVERNANCE) as connection:
        rows = connection.execute(
            "SELECT reviewed_by, outcome FROM governance.access_review WHERE membership_id = %s ORDER BY review_id",
            (held,),
        ).fetchall()
    assert rows == [(lead, "confirmed"), (above, "ended")]


# systems


def test_system_clients(made: Made) -> None:
    certificate = b"\x30" + b"not a real certificate, only bytes with a digest"
    base = {"by": BOSS, "document": DOC, "expires_at": START + 30 * DAY, "now": START, "name": "HIS thử"}
    secret = systems.add(made.database, made.home, **base, client_id="his", unit="cs-52001", scopes=["receipt", "send"])
    assert secret is not None
    assert (
        systems.add(
            made.database,
            made.home,
            **base,
            client_id="ldop",
            unit="so-y-te",
            scopes=["product"],
            certificate=certificate,
        )
        is None
    )
    for wrong, code in (
        ({"client_id": "his", "unit": "cs-52001", "scopes": ["send"]}, "USE-CLIENT-TAKEN"),
        ({"client_id": "x", "unit": "cs-52001", "scopes": ["everything"]}, "USE-CLIENT-SCOPE"),
        ({"client_id": "x", "unit": "khong-co", "scopes": ["send"]}, "USE-UNIT-UNKNOWN"),
        ({"client_id": "X Y", "unit": "cs-52001", "scopes": ["send"]}, "USE-CLIENT-ID"),
    ):
        assert refused(systems.add, made.database, made.home, **base, **wrong) == code
    found = systems.by_secret(made.database, "his", secret, START)
    assert found is not None
    assert found.scopes == ("send", "receipt")
    for client, given, now in (
        ("his", "x", START),
        ("ldop", "", START),
        ("none", secret, START),
        ("his", secret, START + 30 * DAY),
    ):
        assert systems.by_secret(made.database, client, given, now) is None
    assert systems.by_certificate(made.database, certificate + b"x", START) is None
    by_certificate = systems.by_certificate(made.database, certificate, START)
    assert by_certificate is not None
    actor = people.actor_of_client(made.database, found, "api", START)
    assert actor is not None
    assert (actor.account_id, actor.roles) == ("client:his", ("partner-system",))
    assert actor.memberships[0].facilities == frozenset({"52001"})
    systems.end(made.database, made.home, by=BOSS, client_id="his", document=DOC, now=START + DAY)
    assert systems.by_secret(made.database, "his", secret, START + DAY) is None
    assert people.actor_of_client(made.database, found, "api", START + 31 * DAY) is None


# the house


def test_a_house_is_ready_when_an_administrator_has_two_factors(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts_module, "os_user", lambda: "chu")
    with temporary_home() as home:
        ready = lambda: people.mfa_ready(home.database, START)  # noqa: E731
        accounts.add(
            home.database, home.home, by=None, account_id="chu", name="Chủ", roles=["administrator"], os_user="chu"
        )
        assert not ready()
        chu = accounts.actor_for_os_user(home.database, home.home)
        stranger = replace(chu, account_id="la")
        assert (
            refused(credentials.set_first, home.database, home.home, by=stranger, password=GOOD, now=START)
            == "DENY-ACCOUNT"
        )
        left = credentials.invite(home.database, home.home, by=chu, account_id="chu", now=START)
        credentials.set_first(home.database, home.home, by=chu, password=GOOD, now=START)
        accept = {"token": left, "password": OTHER, "door": "portal", "now": START}
        assert refused(credentials.accept, home.database, home.home, **accept) == "DENY-INVITATION"
        assert (
            refused(credentials.set_first, home.database, home.home, by=chu, password=OTHER, now=START) == "USE-INVITED"
        )
        assert not ready()
        device = pyotp.parse_uri(factors.begin_totp(home.database, home.home, by=chu, now=START))
        assert isinstance(device, pyotp.TOTP)
        assert not ready(), "a device that was not confirmed does not count"
        factors.confirm_totp(home.database, home.home, by=chu, code=device.at(START), now=START)
        assert ready()
        later = START + MINUTE
        up = {"by": chu, "address": "", "now": later}
        assert (
            refused(signing_in.step_up, home.database, home.home, **up, password=GOOD, code="000000") == "DENY-SIGN-IN"
        )
        done = signing_in.step_up(home.database, home.home, **up, password=GOOD, code=device.at(later))
        assert done == replace(chu, assurance="two")


def test_own_roles_stand_beside_memberships(made: Made) -> None:
    who = account(made, "hai.vai", "viewer")
    give(made, who, "cs-52001", "leader")
    actor = people.actor_of(made.database, who, "cli", "none", START)
    assert actor is not None
    assert {(m.role, m.whole_province) for m in actor.memberships} == {("leader", False), ("viewer", True)}
    assert actor.roles == ("viewer", "leader")


def test_changing_people_takes_an_administrator(made: Made) -> None:
    clerk = Actor("x", "X", ("operator", "security-officer"), assurance="two")
    d, h, now = made.database, made.home, START
    for call in (
        lambda: memberships.give(d, h, by=clerk, account_id="boss", unit="cdc", role="leader", document=DOC, now=now),
        lambda: memberships.end(d, h, by=clerk, membership_id=1, document=DOC, now=now),
        lambda: credentials.invite(d, h, by=clerk, account_id="boss", now=now),
        lambda: people.units.change(d, h, by=clerk, code="cdc", document=DOC, now=now, name="X"),
        lambda: people.contacts.name_contact(
            d, h, by=clerk, unit="cdc", matter="data", document=DOC, now=now, account_id="boss"
        ),
        lambda: systems.end(d, h, by=clerk, client_id="ldop", document=DOC, now=now),
    ):
        with pytest.raises(Denied):
            call()
        assert last_event(made)["outcomeDesc"] == "denied"


def test_the_chain_of_events_holds(made: Made) -> None:
    assert audit.verify(made.database, made.keys, made.home).ok
