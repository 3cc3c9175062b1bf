"""Who may do what: the policies against a table written by hand, for every role, purpose, action, dataset and class."""

from __future__ import annotations

import csv
import fnmatch
import itertools
from pathlib import Path
from typing import get_args

import pytest

from bienho.contracts import catalogue
from bienho.governance import PURPOSES, ROLES, Actor, Request, decide
from bienho.governance.decision import Action, field_class
from bienho.governance.policy import CURRENT, DATA_ACTIONS, engine

TABLE = Path(__file__).parent / "data" / "who_may.csv"
ACTIONS = get_args(Action)


def written() -> dict[tuple[str, str, str, str], set[str]]:
    """(role, purpose, action, dataset or '') → classes, as the table says."""
    found: dict[tuple[str, str, str, str], set[str]] = {}
    with TABLE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            patterns = row["datasets"].split()
            names = [name for name in catalogue() if any(fnmatch.fnmatch(name, one) for one in patterns)]
            for purpose, action, name in itertools.product(
                row["purposes"].split(), row["actions"].split(), names if patterns else [""]
            ):
                found.setdefault((row["role"], purpose, action, name), set()).update(row["classes"].split())
    return found


@pytest.mark.parametrize("role", sorted(ROLES))
def test_each_role_may_what_is_written_and_nothing_else(role: str) -> None:
    table = written()
    actor = Actor("an", "An", (role,))
    for purpose, action in itertools.product(PURPOSES, ACTIONS):
        for contract in catalogue().values() if action in DATA_ACTIONS else [None]:
            decision = decide(Request("r", actor, purpose, action, contract))
            name = contract.id if contract else ""
            expected = table.get((role, purpose, action, name))
            if contract is None:
                assert decision.allowed is (expected is not None), (purpose, action, decision.rule)
                continue
            seen = {field_class(contract.by_name[column]) for column in decision.columns}
            held = {field_class(item) for item in contract.fields}
            assert seen == (expected or set()) & held, (purpose, action, name, decision.rule)
            assert decision.allowed is bool(seen)


def test_the_table_names_only_what_there_is() -> None:
    for role, purpose, action, _ in written():
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
