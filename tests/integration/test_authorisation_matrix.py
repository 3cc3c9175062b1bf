"""Every role × every address of the portal and every command × own and other unit: expected against got.

What is expected is written by hand (`data/authorisation.csv`); which class opens a door is written in `data/doors.csv`,
whose head says how to add a line. Addresses are those of the real urlpatterns, commands those of the real command tree.
One home holds a dossier each of two facilities; pages are asked through Django's client, commands run in this process.
"""

from __future__ import annotations

import html
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from django.test import Client
from django.urls import reverse

from bienho.cli.main import PLACES, main
from bienho.contracts import catalogue
from bienho.core.errors import DeniedError
from bienho.governance import Actor, Denied, Gate, accounts, audit, changes, people, permits
from bienho.governance import gate as gates
from bienho.governance.decision import Request, decide
from bienho.governance.people import leading, memberships
from bienho.governance.purposes import claimed
from bienho.pipeline import App, jobs, open_app
from bienho.pipeline import keys as masters
from bienho.portal import entry
from bienho.portal.components import chart
from bienho.portal.rates import RATES
from bienho.portal.urls import urlpatterns
from bienho.portal.ways import OPEN_TO, is_open
from support import matrix, portal, rooms
from support.matrix import OTHER, OWN, Door, Things, doors, expected
from tools import authorisation as tool

pytestmark = pytest.mark.database

ROOT = Path(__file__).parents[2]
SPECIAL = {
    "public", "plain", "signed-in", "system", "sender", "nobody", "free", "known", "own", "review", "recovery",
}  # fmt: skip
RECOVERERS = {"administrator", "security-officer"}
"""Who, two of them, may recover the account of somebody else (roles.py, on the security officer)."""
DENIED, ABSENT = 403, 404
DONE = (200, 302, 400, 409)
"""Answers of a page that let somebody in, or that says what was wrong with the form."""
OF_PEOPLE = {*tool.LED, "audit", "emergency-review"}
"""Classes of pages that show persons; those of `tool.LOOKS` show rows."""
FOR_EVERYBODY = {"decisions", "emergencies", "members", "review"}
"""Pages that tell whoever may not see others about themselves."""
ODD = {"work": ABSENT, "passkey-options": ABSENT}
"""This portal has no worker to ask about, and its address is a number, to which no passkey is bound."""
VISITS = {"visits", "visit-new", "visit-codes", "visit", "visit-save", "visit-mend", "visit-drop", "visit-paper"}
"""This portal receives nothing: whoever may write visits is let in and finds no book of them."""
JOB = sorted(jobs.JOBS)[0]
PAPER = """code: chia-se-1
title_vi: Chia sẻ
parties: [Sở Y tế, Đối tác]
units: [doi-tac]
purpose: chia-se
datasets: [conformed.encounter]
classes: [open]
articles: [Nghị định 278/2025/NĐ-CP]
starts: 2026-01-01
"""


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    with open_app(portal.base().home.path) as opened:
        yield opened


@pytest.fixture(scope="module")
def things(app: App) -> Things:
    return matrix.lay_out(app.database, app.keys, app.home, [*actors()])


@cache
def actors() -> dict[str, Actor]:
    """Somebody of each role and reach, and an account whose roles have all ended, by account."""
    found = {f"{who.role}.{who.reach}": who.actor(f"{who.role}.{who.reach}") for who in tool.everybody()}
    return {**found, "ended.none": Actor("ended.none", "Hết", (), "portal")}


@pytest.fixture(scope="module")
def gate(app: App) -> Iterator[Gate]:
    with matrix.gate_over(app.database, app.keys, app.home) as opened:
        yield opened


# ── the tables ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_policies_say_what_the_table_by_hand_says() -> None:
    got = {
        (role, reach): {name: cell for name, cell in zip(tool.CLASSES, cells, strict=True) if cell}
        for role, reach, *cells in tool.table()
    }
    assert got == expected()


def test_the_page_for_people_is_what_the_policies_say() -> None:
    said = (ROOT / "docs" / "authorisation.md").read_text(encoding="utf-8")
    assert said == tool.page(), "write it anew: make authorisation"


def test_every_address_and_every_command_has_a_line_and_every_line_one_of_them() -> None:
    assert {door.name for door in doors("url")} == {str(pattern.name) for pattern in urlpatterns}
    assert {door.name for door in doors("command")} == set(commands())
    used = {name for kind in ("url", "command") for door in doors(kind) for name in door.classes}
    assert used <= {*tool.CLASSES, *SPECIAL}


# ── pages ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def browsers(gate: Gate, things: Things) -> Iterator[dict[tuple[str, str], Client]]:
    """A signed-in browser of each role and reach, and of an account whose roles have all ended."""
    assert things
    before = portal.base()
    portal.use(gate, find_actor=actors().get, standing=lambda _: None, first_steps=rooms.first_steps)  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:  # a drawing shows what its table shows, and takes the longest
        patch.setattr(chart, "draw", lambda *_: "<svg></svg>")
        yield {(name.split(".")[0], name.split(".")[1]): portal.signed_in(name) for name in actors()}
    portal.use(before.gate)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _in_no_haste() -> None:
    RATES.forget()


ASKING_NOTHING = ("public", "plain")
ASKING_PAGES = [
    door for door in doors("url") if door.wanted not in (*ASKING_NOTHING, "system", "sender", "own", "recovery")
]


def of(*wanted: str) -> list[Door]:
    return sorted((door for door in doors("url") if door.wanted in wanted), key=lambda door: door.name == "sign-out")


def test_what_asks_nothing_is_the_same_to_every_role(
    app: App, browsers: dict[tuple[str, str], Client], things: Things
) -> None:
    """An account without any role gets it, and the gate has not been asked: no role can make a difference."""
    before = audit.recent(app.database, limit=1)[0]["seq"]
    for door in of(*ASKING_NOTHING):
        status, text = visit(browsers["ended", "none"], door, things)
        assert status in (200, 204, 302, 400 if door.name == "token" else 200, ODD.get(door.name, 200)), door
        assert not marks(text, OTHER) - set(matrix.DELIVERIES.values()), door
    assert audit.recent(app.database, limit=1)[0]["seq"] == before
    browsers["ended", "none"] = portal.signed_in("ended.none")


def test_the_own_account_is_shown_to_whoever_is_signed_in_and_no_other(
    browsers: dict[tuple[str, str], Client], things: Things
) -> None:
    for door in of("own"):
        for (role, reach), browser in browsers.items():
            status, text = visit(browser, door, things)
            assert status in (200, 302), door
            assert not {name for name in actors() if name in text} - {f"{role}.{reach}"}, door


def test_accounts_are_recovered_by_two_roles_with_two_factors(
    browsers: dict[tuple[str, str], Client], things: Things
) -> None:
    for door in of("recovery"):
        for (role, _), browser in browsers.items():
            response = ask(browser, door, things)
            if door.way.startswith("GET"):
                assert response.status_code == 200
                assert ("so_van_ban" in response.content.decode()) is (role in RECOVERERS), role
            elif role in RECOVERERS:
                assert "can=hai-lop" in response.headers["Location"], role
            else:
                assert response.status_code == DENIED, role


def test_a_browser_is_nobody_to_what_is_for_systems(browsers: dict[tuple[str, str], Client], things: Things) -> None:
    for door in of("system"):
        RATES.forget()
        for browser in (*browsers.values(), Client()):
            assert visit(browser, door, things)[0] == 401, door
    for door in of("sender"):
        for browser in (*browsers.values(), Client()):
            answer = ask(browser, door, things)
            assert (answer.status_code, answer.json()["maKetQua"]) == (200, "401"), door


@pytest.mark.parametrize("door", ASKING_PAGES, ids=lambda door: f"{door.name} {door.way}")
def test_a_page_opens_to_whom_the_table_says(
    door: Door, app: App, browsers: dict[tuple[str, str], Client], things: Things
) -> None:
    several = way(door, things, OWN) != way(door, things, OTHER)
    for (role, reach), browser in browsers.items():
        cells = expected().get((role, reach), {})
        cell = next((cells[name] for name in door.classes if name in cells), "")
        mine = matrix.last_event(app.database, f"{role}.{reach}") if "{mine}" in door.way else 1
        for facility in (OWN, OTHER) if several else (OWN,):
            status, text = visit(browser, door, things, facility, mine)
            place = (role, reach, facility, status)
            theirs = cell == "all" or (cell == "own" and facility == OWN and reach == "facility")
            if door.wanted == "signed-in":
                assert status == 200, place
            elif door.wanted == "identify" and status == 400:  # no purpose of theirs is in the form
                assert not cell, place
            elif not cell:
                assert status in refusals(door, facility), place
                assert not marks(text, OWN, door) | marks(text, OTHER, door), place
            elif door.name in VISITS or (several and not theirs):
                assert status == ABSENT, place
            else:
                assert status in ((200,) if door.wanted in tool.LOOKS else DONE), place
                assert marks(text, facility, door) or not (theirs and shows(door)), place
            everything = cell == "all" and bool({*door.classes} & {*tool.LOOKS, *OF_PEOPLE})
            if reach != "province" and facility == OWN and not everything:
                assert not marks(text, OTHER, door), place
            if everything and shows(door) and not several:
                assert marks(text, OTHER, door), place


def test_the_first_page_holds_nothing_that_is_closed_to_its_reader(browsers: dict[tuple[str, str], Client]) -> None:
    for (role, reach), browser in browsers.items():
        text = browser.get("/").content.decode()
        actor = entry.house().find_actor(f"{role}.{reach}")
        ways = set(re.findall(r'href="(/[^"]*)"', text))
        assert "DENY-" not in text, (role, reach)
        assert ways, (role, reach)
        assert not [one for one in ways if not is_open(actor, html.unescape(one))], (role, reach)


WAYS = [one for one in ASKING_PAGES if one.way == "GET" and one.name != "emergencies"]


@pytest.mark.parametrize("door", WAYS, ids=lambda door: door.name)
def test_a_way_is_shown_to_whom_the_table_lets_in(
    door: Door, app: App, browsers: dict[tuple[str, str], Client]
) -> None:
    href = next((f"/{route.pattern}" for route in urlpatterns if route.name == door.name), "")
    if href not in OPEN_TO or href == "/kham-benh/":  # its room is not in this house
        return
    for role, reach in browsers:
        actor = entry.house().find_actor(f"{role}.{reach}")
        cells = expected().get((role, reach), {})
        shown, may = is_open(actor, href), any(name in cells for name in door.classes)
        assert may if shown else not may or (door.name == "senders" and "remind" not in cells), (role, reach, href)


def refusals(door: Door, facility: str) -> set[int]:
    """How a page may refuse: what is of others is not there to whoever leads nobody."""
    found = {DENIED} if facility == OWN else {DENIED, ABSENT}
    if door.wanted in tool.LED:
        found = {ABSENT}
    return found | ({200} if door.name in FOR_EVERYBODY else set())


def shows(door: Door) -> bool:
    """Whether a page that is open must show something of the unit, rather than only let somebody act."""
    asks = door.way.startswith("GET") or door.name == "identify"
    return asks and {*door.classes} <= {*tool.LOOKS, *OF_PEOPLE}


def test_without_an_account_only_what_is_public_answers(
    browsers: dict[tuple[str, str], Client], things: Things
) -> None:
    assert browsers
    for door in doors("url"):
        response = ask(Client(), door, things)
        if door.wanted == "public":
            assert response.status_code in (200, 302, 400, ODD.get(door.name, 200)), door
        elif door.wanted not in ("system", "sender"):
            assert response.status_code == 302, door
            assert response.headers["Location"].startswith("/dang-nhap/"), door


def way(door: Door, things: Things, facility: str, mine: int = 1) -> str:
    """What a line asks, about a thing of that facility."""
    return door.way.format(**things.named(facility), mine=mine)


def ask(browser: Client, door: Door, things: Things, facility: str = OWN, mine: int = 1) -> Any:
    method, *parts = way(door, things, facility, mine).split()
    named = dict(part.split("=", 1) for part in parts if part[0] not in "?+")
    fields = dict(part[1:].split("=", 1) for part in parts if part[0] == "+")
    query = "".join(part for part in parts if part[0] == "?")
    address = reverse(door.name, kwargs=named) + query
    return browser.post(address, fields) if method == "POST" else browser.get(address)


def visit(browser: Client, door: Door, things: Things, facility: str = OWN, mine: int = 1) -> tuple[int, str]:
    response = ask(browser, door, things, facility, mine)
    assert "can=hai-lop" not in response.headers.get("Location", ""), door
    return response.status_code, response.content.decode()


def marks(text: str, facility: str, door: Door | None = None) -> set[str]:
    """What of one facility stands in a page: its code, its delivery, its dossier, its number of the week; a person."""
    known = (facility, matrix.DELIVERIES[facility], matrix.DOSSIERS[facility][:8], matrix.NUMBERS[facility])
    if door is not None and OF_PEOPLE.intersection(door.classes):
        known = (matrix.NAMES[facility],)
    return {mark for mark in known if mark in text}


# ── commands ────────────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def commands() -> dict[str, click.Command]:
    def walk(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
        context = click.Context(group)
        for name in group.list_commands(context):
            found = group.get_command(context, name)
            assert found is not None
            if isinstance(found, click.Group):
                yield from walk(found, (*path, name))
            if not isinstance(found, click.Group) or found.invoke_without_command:
                yield " ".join((*path, name)), found

    return dict(walk(main, ()))


@pytest.fixture
def asked(app: App, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """Commands run in this process, in this home; what they ask is decided as ever and noted."""
    found: list[Request] = []

    @contextmanager
    def opened(_home: object = None) -> Iterator[App]:
        yield app

    def noting(request: Request, *more: Any) -> Any:
        found.append(request)
        return decide(request, *more)

    monkeypatch.setattr(App, "reading", lambda _app: nullcontext(gate))
    for module in {import_module(f"bienho.cli.{place}") for place in (*PLACES.values(), "credentials", "quality")}:
        if hasattr(module, "open_app"):
            monkeypatch.setattr(module, "open_app", opened)
    for module in (permits, changes, gates, masters, leading):
        monkeypatch.setattr(module, "decide", noting)
    return found


def run(door: Door, folder: Path, things: Things) -> int:
    """Exit code of a command with the arguments of its line."""
    file, paper = folder / "file", folder / "agreement.yaml"
    file.touch()
    paper.write_text(PAPER, encoding="utf-8")
    named = {"file": file, "agreement": paper, "new": folder / "new", "key": "ab" * 16, "job": JOB}
    text = door.way.format(**things.named(OWN), **named)
    result = CliRunner().invoke(main, [*door.name.split(), *shlex.split(text)], input="mot-dong\n")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code


ASKING = [door for door in doors("command") if door.wanted != "free"]


@pytest.mark.parametrize("door", ASKING, ids=lambda door: f"{door.name} {door.wanted}")
def test_a_command_asks_before_it_does_anything(
    door: Door, asked: list[Request], things: Things, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nobody with a role asks nothing: the first question is the one of its line, and ends the command."""
    monkeypatch.setattr(people, "caller", lambda *_: Actor("an", "An", ()))
    code = run(door, tmp_path, things)
    if door.wanted in ("known", "own", "review", "recovery"):
        assert asked == []
        assert (code == 0) is (door.wanted == "known" or door.name == "account second-factor")
    else:
        assert code == DeniedError.exit_code
        first = asked[0]
        wanted = {(action, dataset) for action, dataset, _ in tool.LOOKS.get(door.wanted, ((door.wanted, "", ""),))}
        assert (first.action, first.contract.id if first.contract else "") in wanted
        assert len(asked) == 1


@pytest.mark.parametrize("door", ASKING, ids=lambda door: f"{door.name} {door.wanted}")
def test_a_stranger_runs_no_command(
    door: Door, asked: list[Request], things: Things, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def nobody(*_: object) -> Actor:
        raise DeniedError("DENY-ACCOUNT", "Không có tài khoản.")

    monkeypatch.setattr(people, "caller", nobody)
    assert run(door, tmp_path, things) == DeniedError.exit_code
    assert asked == []


# ── the gate, for every role: what commands and later doors get ─────────────────────────────────────────────────────


def test_a_look_through_the_gate_brings_the_rows_the_table_says(gate: Gate) -> None:
    looks = {
        "records": lambda who, why: gate.read(who, why, "conformed.encounter", ["facility_code"]),
        "export": lambda who, why: gate.read(who, why, "conformed.encounter", ["facility_code"], export=True),
        "findings": lambda who, why: gate.read(who, why, "quality.finding", ["facility_code", "dossier_key"]),
        "quarantine": lambda who, why: gate.read(who, why, "quality.quarantine", ["facility_code"]),
        "numbers": lambda who, why: gate.aggregate(
            who, why, "derived.facility_week_chapter", ["facility_code"], {"n": ("sum", "encounters")}
        ),
        "scores": lambda who, why: gate.aggregate(
            who, why, "quality.score", ["facility_code"], {"n": ("max", "score")}
        ),
        "score-rows": lambda who, why: gate.read(who, why, "quality.score_loss", ["facility_code", "dossier_key"]),
        "statement": lambda who, why: gate.query(
            who, why, "SELECT facility_code, encounter_key FROM conformed.encounter"
        ),
    }
    for who in tool.everybody():
        for wanted, look in looks.items():
            cell = expected()[who.role, who.reach].get(wanted, "")
            why = claimed((who.role,), tool.PURPOSE.get(wanted, "van-hanh"))
            if not cell:
                with pytest.raises(Denied):
                    look(who.actor(), why)
                continue
            rows = look(who.actor(), why)[1].read_all().column("facility_code").to_pylist()
            seen = {"all": [OWN, OTHER], "own": [] if who.reach == "none" else [OWN]}[cell]
            assert sorted(rows) == seen, (who, wanted)


# ── people ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_account_whose_memberships_have_all_ended_has_no_role(app: App, things: Things) -> None:
    db, home, now = app.database, app.home, datetime(2026, 11, 26, 3, tzinfo=UTC)
    by = Actor("an", "An", ("administrator",))
    accounts.add(db, home, by=by, account_id="tung", name="Tùng", roles=())
    assert things
    given = {"by": by, "account_id": "tung", "unit": matrix.UNITS[OWN], "document": "1/SYT"}
    first = memberships.give(db, home, role="clinician", now=now, **given)
    memberships.give(db, home, role="leader", now=now, until=now + timedelta(days=1), **given)

    def rule(at: datetime) -> str:
        actor = people.actor_of(db, "tung", "cli", "none", at)
        assert actor is not None
        visit = catalogue()["conformed.encounter"]
        return decide(Request("r", actor, "tra-cuu-ho-so", "read", visit, ("facility_code",))).rule

    assert rule(now - timedelta(hours=1)) == "no-role"
    assert rule(now + timedelta(hours=1)) == "clinician-records"
    memberships.end(db, home, by=by, membership_id=first.membership_id, document="2/SYT", now=now + timedelta(hours=2))
    assert rule(now + timedelta(hours=3)) in ("purpose-role", "default-deny")  # still a leader, who reads no record
    assert rule(now + timedelta(days=2)) == "no-role"
    left = people.actor_of(db, "tung", "cli", "none", now + timedelta(days=2))
    assert left == Actor("tung", "Tùng", (), "cli", (), "none")
    for action in ("audit", "run", "list-accounts", "agreement-read"):
        assert decide(Request("r", left, "van-hanh", action, None)).rule == "no-role"  # type: ignore[arg-type]
