"""The set of policies: what is refused when it is loaded, slices, revisions by date, the diagram, working days."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from pathlib import Path

import cedarpy
import orjson
import pytest

from bienho.contracts import catalogue
from bienho.core.errors import ConfigError, UsageError
from bienho.governance import PURPOSES, ROLES, Actor, Membership, Request, balp, decide
from bienho.governance.agreements import MOVES, mermaid
from bienho.governance.audit import event
from bienho.governance.break_glass import working_day
from bienho.governance.policy import CURRENT, Engine, engine, in_force_on, revisions
from bienho.governance.policy.alike import itself
from bienho.governance.policy.engine import SCHEMA

ROOT = Path(__file__).parents[2]
WHOLE = (CURRENT / SCHEMA).read_text(encoding="utf-8")
GOOD = (
    '@id("{id}") @article("Luật") @reviewed("false") @title_vi("Chữ")\n'
    "permit (principal, action == {action}, resource);"
)


@pytest.mark.parametrize(
    "text",
    [
        "permit (principal, action, resource)",
        GOOD.format(id="a", action='Action::"fly"'),
        GOOD.format(id="a", action='Action::"read"').replace("@article", "@other"),
        GOOD.format(id="a", action='Action::"read"').replace("false", "perhaps"),
        GOOD.format(id="a", action='Action::"read"') * 2,
        GOOD.format(id="a", action='Action::"read"').replace(";", " when { resource.colour };"),
        GOOD.format(id="a", action='Action::"read"').replace("principal,", 'principal == Actor::"0",'),
        GOOD.format(id="a", action='Action::"read"').replace(";", ' when { context.purpose == Purpose::"0" };'),
    ],
)
def test_a_bad_set_is_not_loaded(text: str) -> None:
    with pytest.raises(ConfigError, match="CFG-POLICY"):
        Engine({"x": text}, WHOLE)


def test_a_slice_answers_as_the_whole_set_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oracle is Cedar over every policy, asked about every class by itself."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in CURRENT.glob("*.cedar")}
    sliced, whole = Engine(texts, WHOLE), Engine(texts, WHOLE)
    everything = cedarpy.PolicySet.from_json_str(
        orjson.dumps({"staticPolicies": whole._parts, "templates": {}, "templateLinks": []}).decode()
    )
    monkeypatch.setattr(whole, "_slice", lambda *_key: (everything, (itself,)))
    datasets = {contract.zone: contract for contract in catalogue().values()}
    allowed: Counter[bool] = Counter()
    for role in ROLES:
        who = Actor("an", "An", (), "portal", (Membership(role, "u", frozenset({"52001"}), None),), "two")
        for purpose in [code for code, one in PURPOSES.items() if role in one.roles][:2]:
            for contract in datasets.values():
                for action in ("read", "identify"):
                    request = Request("r", who, purpose, action, contract)
                    answer = decide(request, sliced)
                    assert answer == decide(request, whole)
                    allowed[answer.allowed] += 1
    assert allowed[True] > 50
    assert allowed[False] > 50


def test_zones_are_left_out_for_permits_only() -> None:
    text = GOOD.format(id="a", action='Action::"read"').replace(
        ";", ' when { resource in Zone::"derived" && context.emergency };'
    )
    more = text.replace('"a"', '"b"').replace("permit", "forbid")
    either = text.replace('"a"', '"c"').replace("&&", "||")
    made = Engine({"x": text + more + either}, WHOLE)
    assert made._zones == {"a": frozenset({"derived"}), "b": None, "c": None}


def test_every_policy_is_honest_about_its_review() -> None:
    for policy in engine(CURRENT).policies.values():
        assert re.search(r"(Luật|Nghị định|Quyết định|TCVN)", policy.article)
        assert not policy.reviewed, "a lawyer's review is recorded with who and when before this may be true"


def test_the_past_is_asked_with_the_policies_of_its_day(tmp_path: Path) -> None:
    old = tmp_path / "kept" / "first"
    for folder in (old, tmp_path / "current"):
        folder.mkdir(parents=True)
        (folder / SCHEMA).write_text(WHOLE, encoding="utf-8")
    (old / "a.cedar").write_text(GOOD.format(id="old", action='Action::"read"'), encoding="utf-8")
    (tmp_path / "current" / "a.cedar").write_text(GOOD.format(id="new", action='Action::"query"'), encoding="utf-8")
    (tmp_path / "revisions.csv").write_text("revision,since\nfirst,2026-01-01\ncurrent,2026-07-01\n", encoding="utf-8")
    assert list(in_force_on(date(2026, 6, 30), tmp_path).policies) == ["old"]
    assert list(in_force_on(date(2026, 7, 1), tmp_path).policies) == ["new"]
    with pytest.raises(UsageError, match="USE-POLICY-DAY"):
        in_force_on(date(2025, 12, 31), tmp_path)


def test_kept_sets_are_what_their_names_say() -> None:
    for kept in revisions()[:-1]:
        assert engine(kept.folder).revision == kept.revision


def test_the_diagram_of_agreements_is_the_code_s() -> None:
    text = (ROOT / "docs" / "agreements.md").read_text(encoding="utf-8")
    drawn = re.search(r"```mermaid\n(.*?)```", text, re.DOTALL)
    assert drawn is not None
    assert drawn[1] == mermaid()
    for move in MOVES.values():
        assert f"`{move.code}`" in text


@pytest.mark.parametrize(
    ("day", "due"),
    [
        (date(2026, 11, 26), date(2026, 12, 1)),  # a Thursday: Friday, Monday, Tuesday
        (date(2026, 4, 28), date(2026, 5, 5)),  # over 30 April, 1 May and a weekend
        (date(2026, 8, 29), date(2026, 9, 3)),  # from a Saturday, over 2 September
    ],
)
def test_a_review_falls_due_after_working_days(day: date, due: date) -> None:
    assert working_day(day, 3) == due


def test_an_event_in_fhir_claims_a_profile_only_where_it_fits() -> None:
    def made(outcome: str, patients: int) -> dict[str, object]:
        entities = [{"type": "dataset", "what": {"identifier": "standard.xml130_1"}, "detail": {"columns": ["HO_TEN"]}}]
        entities += [{"type": "Patient", "what": {"identifier": f"{n:032x}"}} for n in range(patients)]
        return balp.resource(
            event(
                action="R", outcome=outcome, decision_id="a" * 32, actor_id="an", actor_name="An", door="portal",
                home_id="nha", purposes=["tra-cuu-ho-so", "reason:sua-ho-so"], policy=["reader-identifiers"],
                reason="", entities=entities, category="access", subtype="identify", roles=["identifier-reader"],
            )
            | {"recorded": "2026-11-26T00:00:00.000000+00:00"}
        )  # fmt: skip

    one = made("allowed", 1)
    assert one["meta"] == {"profile": [balp.PROFILES + "PatientRead"]}
    assert one["type"]["code"] == "rest"
    kinds = [agent["type"]["coding"][0]["code"] for agent in one["agent"]]
    assert kinds == ["110152", "110153", "IRCP"]
    assert [agent["requestor"] for agent in one["agent"]] == [False, False, True]
    assert "network" not in one["agent"][2]
    assert [entity["type"]["code"] for entity in one["entity"]] == ["2", "1"]
    assert "meta" not in made("allowed", 2)
    denied = made("denied", 0)
    assert "meta" not in denied
    assert denied["type"]["code"] == "110113"
