"""Promise 5: who is in which unit in which role; access review, recovery by two persons, systems."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime

import pyotp
import pytest

from bienho.config import load_profile
from bienho.core.errors import UsageError
from bienho.database import Role
from bienho.governance import Actor, Denied, accounts, audit, people
from bienho.governance import accounts as accounts_module
from bienho.governance.people import credentials, factors, memberships, recovery, reviews, signing_in, systems
from bienho.governance.people.units import Unit
from support.homes import Made, temporary_home
from support.peopled import (
    BOSS,
    DAY,
    DOC,
    GOOD,
    HOUR,
    MINUTE,
    OTHER,
    START,
    account,
    first_step,
    give,
    last_event,
    peopled,
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
    reviews.end(made.database, made.home, by=actor(above), reason="nghi-viec", **given)
    assert memberships.find(made.database, held).in_force(late) is False
    assert refused(reviews.confirm, made.database, made.home, by=actor(lead), **given) == "USE-MEMBERSHIP-ENDED"
    with made.database.connect(Role.GOVERNANCE) as connection:
        rows = connection.execute(
            "SELECT reviewed_by, outcome FROM governance.access_review WHERE membership_id = %s ORDER BY review_id",
            (held,),
        ).fetchall()
    assert rows == [(lead, "confirmed"), (above, "ended")]


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
    assert (actor.account_id, actor.roles) == ("client:his", ("partner-system", "facility-system"))
    assert actor.memberships[0].facilities == frozenset({"52001"})
    systems.end(made.database, made.home, by=BOSS, client_id="his", document=DOC, now=START + DAY)
    assert systems.by_secret(made.database, "his", secret, START + DAY) is None
    assert people.actor_of_client(made.database, found, "api", START + 31 * DAY) is None


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
