"""What an event of the record says, and how a filter is put; without a database."""

from __future__ import annotations

from datetime import date
from typing import Any, get_args

from bienho.contracts import catalogue
from bienho.governance import Actor, Membership, Request, decide
from bienho.governance.audit import OUTCOMES, event
from bienho.governance.break_glass import EXPLANATIONS, GROUNDS, VERDICTS
from bienho.governance.decision import Action
from bienho.governance.decisions import Wanted, told
from bienho.governance.look import decided
from bienho.portal import governed
from bienho.portal.presenters import decisions as pages

REACH = Membership("clinician", "bv", frozenset({"52001"}), None)
DOCTOR = Actor("bs", "Bác sĩ", ("clinician",), "portal", (REACH,), "two")


def made(outcome: str = "allowed", **more: Any) -> dict[str, Any]:
    decision = decide(Request("r", DOCTOR, "tra-cuu-ho-so", "read", catalogue()["standard.xml130_1"]))
    return {
        **event(
            action="R", outcome=outcome, decision_id="a" * 32, actor_id="bs", actor_name="Bác sĩ", door="portal",
            home_id="nha", purposes=["tra-cuu-ho-so", "BTG", "reason:cap-cuu-nguoi-benh", "document:1/SYT"],
            policy=["clinician-records", "agreement:noi-bo-so-y-te"], reason="",
            entities=[{"type": "dataset", "what": {"identifier": "standard.xml130_1"}}], category="access",
            subtype="read", roles=["clinician"], assurance="two", decided=decided([decision]),
        ),
        "recorded": "2026-11-26T03:00:00.000000+00:00", "seq": 7, **more,
    }  # fmt: skip


def test_an_event_is_told_in_its_parts() -> None:
    one = told(made())
    assert (one.seq, one.account, one.purpose, one.subtype) == (7, "bs", "tra-cuu-ho-so", "read")
    assert (one.reasons, one.documents, one.emergency) == (("cap-cuu-nguoi-benh",), ("1/SYT",), True)
    assert (one.agreements, one.rules) == (("noi-bo-so-y-te",), ("clinician-records",))
    assert one.rows == ((frozenset({"52001"}), None),)
    assert pages.rows_limit(one) == "cơ sở 52001"


def test_an_event_of_before_is_told_as_far_as_it_goes() -> None:
    old = {name: value for name, value in made().items() if name not in ("decision", "category", "subtype", "version")}
    one = told(old)
    assert one.rows is None
    assert one.subtype == ""
    unknown = made()
    unknown["decision"]["revision"] = "0" * 16
    assert pages.rows_limit(told(unknown)) == "không rõ"
    assert pages.rows_limit(told(made("denied"))) == "—"


def test_a_filter_says_what_it_asked_and_holds_words_of_each_kind() -> None:
    wanted = Wanted(first=date(2026, 1, 2), account="an", agreement="bhxh", facility="52001")
    assert wanted.words() == {"facility": "52001", "agreement": "agreement:bhxh"}
    assert wanted.said() == "first=2026-01-02;account=an;facility=52001;agreement=bhxh"
    assert Wanted().said() == ""


def test_pages_have_words_for_every_action_outcome_and_verdict() -> None:
    assert set(get_args(Action)) <= governed.ACTIONS.keys()
    assert governed.OUTCOMES.keys() == OUTCOMES.keys()
    assert {code: text for code, (text, _) in governed.VERDICTS.items()} == VERDICTS
    assert all(vi and en and vi != en for vi, en in [*EXPLANATIONS.values(), *GROUNDS.values()])
