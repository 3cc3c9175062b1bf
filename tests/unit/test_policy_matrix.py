"""Who may do what: the policies against a table written by hand, for every role, reach, purpose, action and dataset.

`who_may.csv` is written from the texts (roles.py, the Department's plan), never from the policies. `reach` `any`: with
whatever limit on rows; `facility`, `commune`, `province`: only so limited. A new role, purpose, action or dataset is
asked about by itself; what the table does not say must be refused. A purpose a role may not claim is refused whatever
is asked, so it is asked about fewer datasets.
"""

from __future__ import annotations

import csv
import fnmatch
import itertools
import re
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from bienho.contracts import Contract, catalogue
from bienho.governance import PURPOSES, ROLES, Actor, Membership, Request, decide
from bienho.governance.decision import Action, Terms, field_class
from bienho.governance.policy import CURRENT, DATA_ACTIONS, engine
from bienho.governance.purposes import ANY_PAPER, claimed
from bienho.governance.scope import scope_of

TABLE = Path(__file__).parent / "data" / "who_may.csv"
ACTIONS = get_args(Action)
REACHES = {
    "province": (None, None),
    "facility": (frozenset({"52001"}), None),
    "commune": (None, frozenset({"23551"})),
}
PAPER = Terms("12-qd-syt", True)
NO_ONE = {"citizen"}
"""Roles without any policy, on purpose: see the end of 30-records.cedar."""


@cache
def written() -> dict[tuple[str, str, str, str, str], set[str]]:
    """(role, reach, purpose, action, dataset or '') → classes, as the table says."""
    found: dict[tuple[str, str, str, str, str], set[str]] = {}
    with TABLE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            patterns = row["datasets"].split()
            names = [name for name in catalogue() if any(fnmatch.fnmatch(name, one) for one in patterns)]
            reaches = REACHES if row["reach"] == "any" else [row["reach"]]
            for reach, purpose, action, name in itertools.product(
                reaches, row["purposes"].split(), row["actions"].split(), names if patterns else [""]
            ):
                found.setdefault((row["role"], reach, purpose, action, name), set()).update(row["classes"].split())
    return found


def kind(contract: Contract) -> tuple[object, ...]:
    """What of a dataset a policy can tell: datasets of one kind are asked about once, those named in a policy each."""
    held = frozenset(field_class(item) for item in contract.fields)
    scope = scope_of(contract)
    return contract.id if contract.id in named() else "", contract.zone, held, bool(scope.facility), bool(scope.commune)


@cache
def named() -> frozenset[str]:
    texts = [path.read_text(encoding="utf-8") for path in CURRENT.glob("*.cedar")]
    return frozenset(name for text in texts for name in re.findall(r'Dataset::"([^"]+)"', text))


@cache
def of_each_kind() -> tuple[Contract, ...]:
    return tuple({kind(contract): contract for contract in catalogue().values()}.values())


def limitable(contract: Contract, reach: str) -> bool:
    """Whether the rows of a limited reach can be told from others; lists that say nothing of people are everybody's."""
    scope = scope_of(contract)
    says_nothing = {field_class(item) for item in contract.fields} == {"open"}
    return (contract.zone == "reference" and says_nothing) or bool(
        {"province": "all", "facility": scope.facility, "commune": scope.commune}[reach]
    )


def asking(role: str, reach: str) -> Actor:
    return Actor("an", "An", (role,), "cli", (Membership(role, "u", *REACHES[reach]),))


@pytest.mark.parametrize("role", sorted(ROLES))
def test_each_role_may_what_is_written_and_nothing_else(role: str) -> None:
    table = written()
    for reach, purpose, action in itertools.product(REACHES, PURPOSES, ACTIONS):
        paper = PAPER if PURPOSES[purpose].agreement == ANY_PAPER else None
        datasets = of_each_kind() if role in PURPOSES[purpose].roles else of_each_kind()[::8]
        for contract in datasets if action in DATA_ACTIONS else [None]:
            decision = decide(Request("r", asking(role, reach), purpose, action, contract, None, paper))
            name = contract.id if contract else ""
            expected = table.get((role, reach, purpose, action, name))
            if contract is None:
                assert decision.allowed is (expected is not None), (reach, purpose, action, decision.rule)
                continue
            seen = {field_class(contract.by_name[column]) for column in decision.columns}
            held = {field_class(item) for item in contract.fields}
            may = (expected or set()) & held if limitable(contract, reach) else set()
            assert seen == may, (reach, purpose, action, name, decision.rule)
            assert decision.allowed is bool(seen)
            if decision.allowed and reach != "province" and contract.zone != "reference":
                assert decision.reach == (REACHES[reach],)


def test_every_role_but_the_citizen_has_a_line_and_may_claim_a_purpose() -> None:
    assert {role for role, *_ in written()} == set(ROLES) - NO_ONE
    for role in ROLES:
        assert (claimed((role,), "none") == "none") is (role in NO_ONE)
    assert claimed(("clinician",), "van-hanh") == "tra-cuu-ho-so"
    assert claimed(("viewer", "clinician"), "van-hanh") == "van-hanh"


@pytest.mark.parametrize("role", ["auditor", "security-officer", "citizen"])
def test_no_row_is_read_by(role: str) -> None:
    """Not even a list of codes, and under no purpose and no paper."""
    for purpose, action in itertools.product(PURPOSES, DATA_ACTIONS):
        paper = PAPER if PURPOSES[purpose].agreement == ANY_PAPER else None
        for contract in (None, *of_each_kind()):
            asked = Request("r", asking(role, "province"), purpose, action, contract, None, paper)  # type: ignore[arg-type]
            assert not decide(asked).allowed


@pytest.mark.parametrize(("role", "purpose"), [("partner-system", "chia-se"), ("inspector", "thanh-tra")])
def test_without_a_paper_in_force_nothing_is_shared(role: str, purpose: str) -> None:
    contract = catalogue()["conformed.encounter"]

    def rule(terms: Terms | None, reach: str = "facility") -> str:
        found = decide(Request("r", asking(role, reach), purpose, "read", contract, None, terms))
        return "" if found.allowed else found.rule

    assert rule(None) == rule(Terms("q", False)) == "agreement-in-force"
    assert rule(Terms("q", True, datasets=frozenset({"conformed.claim"}))) == "agreement-scope"
    assert rule(Terms("q", True, units=frozenset({"khac"}))) == "agreement-scope"
    assert rule(Terms("q", True, purposes=frozenset({"kiem-tra"}))) == "agreement-scope"
    assert rule(Terms("q", True)) == ""
    one = Terms("q", True, facilities=frozenset({"52001", "52009"}))
    decision = decide(Request("r", asking(role, "province"), purpose, "read", contract, None, one))
    assert decision.reach == ((frozenset({"52001", "52009"}), None),)
    assert decide(Request("r", asking(role, "facility"), purpose, "read", contract, None, one)).reach == (
        (frozenset({"52001"}), None),
    )
    if role == "inspector":
        assert rule(Terms("q", True), "province") == "default-deny"


def test_the_table_names_only_what_there_is() -> None:
    for role, _, purpose, action, _ in written():
        assert role in ROLES
        assert purpose in PURPOSES
        assert action in ACTIONS


def test_a_decision_names_its_policies_their_laws_and_the_set() -> None:
    policies = engine(CURRENT)
    decision = decide(
        Request("r", Actor("an", "An", ("operator",)), "van-hanh", "read", catalogue()["quality.finding"])
    )
    assert decision.policies == ("operator-records",)
    assert decision.articles == (policies.policies["operator-records"].article,)
    assert decision.revision == policies.revision
    refused = decide(Request("r", Actor("an", "An", ("operator",)), "van-hanh", "identify", None))
    assert refused.rule == "identify-purpose"
    assert "Luật 91/2025/QH15" in refused.articles[0]


def test_one_factor_opens_no_identifiers() -> None:
    contract = catalogue()["standard.xml130_1"]
    for assurance, allowed in (("none", True), ("one", False), ("two", True)):
        actor = Actor("an", "An", ("identifier-reader",), "portal", (), assurance)
        decision = decide(Request("r", actor, "tra-cuu-ho-so", "identify", contract))
        assert decision.allowed is allowed
        assert allowed or decision.rule == "two-factors"
