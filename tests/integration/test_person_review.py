"""Answers about persons in the house: two people for a risky join, a record of every look, nobody out of reach."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bienho.core.errors import UsageError
from bienho.governance import Actor, Membership, accounts, audit
from bienho.governance.decision import Denied
from bienho.governance.purposes import PERSON_REVIEW
from bienho.pipeline import App, jobs, linking, open_app, persons
from bienho.pipeline.reviewing import Question, Reviews
from bienho.portal.house import House
from bienho.portal.presenters import persons as presenter
from bienho.standards.decision import read
from support.doubtful import fill
from support.homes import temporary_home

pytestmark = pytest.mark.database
NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
READER = ("identifier-reader",)
AN, BINH = (Actor(name, name, READER, "portal", assurance="two") for name in ("an", "binh"))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with temporary_home(ready=True) as made, open_app(made.home.path) as app:
        demo = accounts.ensure_demo_account(made.database, made.home).actor("cli")
        for actor in (AN, BINH):
            accounts.add(
                made.database, made.home, by=demo, account_id=actor.account_id, name=actor.name, roles=list(READER)
            )
        fill(app, tmp_path_factory.mktemp("files"), 3, 2)
        yield app


@pytest.fixture(scope="module")
def reviews(app: App) -> Reviews:
    return Reviews(app)


def answer(reviews: Reviews, actor: Actor, one: Question, verdict: Any) -> str | None:
    return reviews.answer(actor, one.asked.left, one.asked.right, verdict, "papers", NOW)


def deliveries(app: App) -> list[Any]:
    """Decisions as they lie in raw."""
    last = app.raw.last_seq()
    found = [app.raw.read(seq) for seq in range(1, last + 1)]
    return [read(data) for header, data in found if header.kind == "decision"]


def test_a_risky_join_takes_two_and_nobody_is_both(app: App, reviews: Reviews) -> None:
    risky, other = [one for one in reviews.questions(AN) if one.asked.veto]
    assert answer(reviews, AN, risky, "same") == "proposed"
    assert not deliveries(app)
    assert risky.asked not in [one.asked for one in reviews.questions(AN)], (
        "who proposed does not agree with themselves"
    )
    assert answer(reviews, AN, risky, "same") is None
    first = reviews.questions(BINH)[0]
    assert (first.asked, first.proposed) == (risky.asked, True), "a proposal comes first for others"
    assert answer(reviews, BINH, first, "same") == "sent"
    (said,) = deliveries(app)
    assert (said.decided_by, said.seconded_by, said.authority) == ("an", "binh", "department")
    assert answer(reviews, AN, other, "same") == "proposed"
    assert answer(reviews, BINH, other, "different") == "sent", "the second person refuses"
    assert [one.verdict for one in deliveries(app)[1].decisions] == ["different"]
    assert [one.state for one in reviews.answers(AN)] == ["sent", "refused", "sent"]


def test_undo_is_a_later_decision(app: App, reviews: Reviews) -> None:
    one = next(one for one in reviews.questions(AN) if not one.asked.veto)
    before = len(deliveries(app))
    assert answer(reviews, AN, one, "different") == "sent"
    assert answer(reviews, BINH, one, "same") is None, "settled already"
    again = reviews.undo(AN)
    assert again is not None
    assert (again.asked.left, again.answered) == (one.asked.left, "different")
    assert answer(reviews, AN, again, "same") == "sent"
    assert [said.decisions[0].verdict for said in deliveries(app)[before:]] == ["different", "same"]
    jobs.bring_up_to_date(app)
    with app.writing() as lake:
        rows = lake.connection.execute(
            "SELECT count(DISTINCT person_key) FROM lake.conformed.person_link WHERE patient_key IN (?, ?)",
            [one.asked.left, one.asked.right],
        ).fetchone()
    assert rows == (1,)


def test_the_queue_says_who_moved_and_what_for(app: App, reviews: Reviews) -> None:
    found, count = reviews.changes(AN, 0, 1_000)
    assert count == len(found)
    assert [one.change for one in found] == sorted({one.change for one in found})
    whose = dict[str, str | None]()
    for one in found:
        assert one.before != one.after
        assert whose.get(one.patient, one.before) == one.before, "no step between two rows is left out"
        whose[one.patient] = one.after
    with app.writing() as lake:
        now = dict(lake.connection.execute("SELECT patient_key, person_key FROM lake.conformed.person_link").fetchall())
    assert whose == {one: person for one, person in now.items() if one in whose}
    assert {one for one, person in now.items() if one != person} <= whose.keys()
    assert "decision" in {one.cause for one in found}
    last = found[-1].change
    assert reviews.changes(AN, last - 1, 10) == ([found[-1]], 1)
    assert reviews.changes(AN, last, 10) == ([], 0)


def test_a_proposal_can_be_taken_back_and_unsure_is_left_to_others(reviews: Reviews) -> None:
    unsure, *_ = (one for one in reviews.questions(BINH) if not one.asked.veto)
    assert answer(reviews, BINH, unsure, "unsure") == "unsure"
    assert unsure not in reviews.questions(BINH)
    assert unsure in reviews.questions(AN)
    with pytest.raises(UsageError, match="USE-REVIEW"):
        reviews.answer(AN, unsure.asked.left, unsure.asked.right, "same", "vì tôi biết", NOW)


def test_every_record_opened_is_in_the_log(app: App, reviews: Reviews) -> None:
    one = reviews.questions(AN)[0]
    with app.reading() as gate:
        desk: Any = presenter.Desk(_house(app, gate), AN, PERSON_REVIEW)
        opened = presenter.first_open(desk, [one])
    assert opened is not None
    assert all(row["HO_TEN"] and row["HO_TEN"] != "*" for row in opened[1])
    event = next(one for one in audit.recent(app.database, limit=5) if "identify" in str(one))
    for row in opened[1]:
        assert row["record_id"] in str(event)
        assert row["patient_key"] in str(event)
        assert row["HO_TEN"] not in str(event)
    assert PERSON_REVIEW in str(event)


@pytest.mark.parametrize("who", ["operator", "clinician", "one factor", "one facility"])
def test_others_are_refused(app: App, reviews: Reviews, who: str) -> None:
    narrow = Membership("identifier-reader", "cs", frozenset({"64001"}), None)
    actor = {
        "operator": Actor("demo", "x", ("operator",), "portal"),
        "clinician": Actor("demo", "x", ("clinician",), "portal"),
        "one factor": replace(AN, assurance="one"),
        "one facility": Actor("demo", "x", (), "portal", memberships=(narrow,)),
    }[who]
    before = len(deliveries(app))
    with pytest.raises(Denied):
        reviews.questions(actor)
    with pytest.raises(Denied):
        reviews.answer(actor, "0" * 32, "1" * 32, "same", "papers", NOW)
    with pytest.raises(Denied):
        reviews.undo(actor)
    with pytest.raises(Denied):
        reviews.changes(actor, 0, 1)
    assert reviews.answers(actor) == []
    assert len(deliveries(app)) == before


def test_another_release_fills_the_index_anew_and_tells_what_differs_alone(
    app: App, reviews: Reviews, monkeypatch: pytest.MonkeyPatch
) -> None:
    def everyone() -> list[Any]:
        with app.writing() as lake:
            query = "SELECT patient_key, person_key, basis FROM lake.conformed.person_link ORDER BY ALL"
            return lake.connection.execute(query).fetchall()

    filled = list[int]()

    def fill_and_note(*given: Any) -> int:
        filled.append(linking_fill(*given))
        return filled[-1]

    linking_fill = linking.fill
    before, told, asked = everyone(), reviews.changes(AN, 0, 1)[1], reviews.questions(AN)
    for module in (persons, linking):
        monkeypatch.setattr(module, "matched_by", lambda: "another")
    monkeypatch.setattr(linking, "CHUNK", 1)
    monkeypatch.setattr(linking, "fill", fill_and_note)
    jobs.bring_up_to_date(app)
    assert filled == [len(before)]
    assert everyone() == before
    assert reviews.changes(AN, 0, 1)[1] == told
    assert reviews.questions(AN) == asked


def _house(app: App, gate: Any) -> House:
    return House(app.home, app.keys, app.database, gate, lambda name: None)
