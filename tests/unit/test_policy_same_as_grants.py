"""The policies answer as the table of grants did: every set of its roles, purpose, action, dataset and class."""

from __future__ import annotations

import itertools

import pytest

from bienho.contracts import catalogue
from bienho.governance.actor import Actor
from bienho.governance.decision import Request, decide, field_class
from bienho.governance.purposes import PURPOSES
from support import grants

ROLES = ("viewer", "operator", "identifier-reader", "administrator")
SETS = [roles for size in range(5) for roles in itertools.combinations(ROLES, size)]
ACTIONS = ("read", "aggregate", "query", "identify", "audit", "manage")


@pytest.mark.parametrize("action", ACTIONS)
def test_same_answers(action: str) -> None:
    asked = 0
    for roles, purpose in itertools.product(SETS, (*PURPOSES, "", "khac")):
        actor = Actor("an", "An", roles)
        for contract in (None, *catalogue().values()):
            for columns in _columns(contract):
                asked += 1
                old = grants.decide(grants.Request("r", actor, purpose, action, contract, columns))  # type: ignore[arg-type]
                new = decide(Request("r", actor, purpose, action, contract, columns))  # type: ignore[arg-type]
                for name in ("allowed", "rule", "columns", "hidden", "obligations", "dataset"):
                    assert getattr(old, name) == getattr(new, name), (roles, purpose, contract and contract.id, name)
                assert old.reason_vi == new.reason_vi or old.rule == "column-class"
                assert new.rows is None
    assert asked > 20_000


def _columns(contract) -> list[tuple[str, ...] | None]:  # type: ignore[no-untyped-def]
    if contract is None:
        return [None]
    first = {field_class(item): item.name for item in contract.fields}
    return [None, (), *((name,) for name in first.values())]
