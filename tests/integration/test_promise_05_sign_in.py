"""Promise 5: passwords, one-time codes, passkeys, sessions, and how long guessing must wait."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bienho.core.errors import BusyError, DeniedError
from bienho.database import Role
from bienho.governance import Actor, accounts, audit, people
from bienho.governance.people import credentials, factors, sessions, signing_in
from support.authenticator import Authenticator
from support.homes import Made
from support.peopled import (
    BOSS,
    DAY,
    GOOD,
    HOUR,
    MINUTE,
    ORIGIN,
    OTHER,
    RP,
    START,
    account,
    first_step,
    last_event,
    peopled,
    place,
    refused,
    second_step,
    with_device,
    with_password,
)

pytestmark = pytest.mark.database


@pytest.fixture(scope="module")
def made() -> Iterator[Made]:
    with peopled() as house:
        yield house


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
    both = replace(one, assurance="two")
    factors.begin_totp(made.database, made.home, by=both, now=START)
    now = START + HOUR
    assert attempt_code(made, who, now, device.at(now)) == "", "the old device works until the new one is confirmed"
    confirm = factors.confirm_totp
    assert refused(confirm, made.database, made.home, by=both, code="123", now=now) == "USE-CODE"
    assert refused(confirm, made.database, made.home, by=one, code="123", now=now) == "DENY-TWO-FACTORS"


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
