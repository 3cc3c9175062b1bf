"""Why somebody may: found out by asking the policies, so that what people are told is what decides.

Nothing here reads data or leaves an event: a question about rights opens nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import get_args

from bienho.contracts import Contract, catalogue
from bienho.database import Database
from bienho.governance.actor import Actor, Membership
from bienho.governance.agreements import Agreements
from bienho.governance.decision import Action, Decision, Request, Terms, decide, field_class
from bienho.governance.policy import CURRENT, DATA_ACTIONS, Policy, engine
from bienho.governance.purposes import PURPOSES, Purpose
from bienho.governance.scope import scope_of

TRIED: tuple[Action, ...] = ("read", "aggregate", "identify", "export")
"""What is tried on a dataset."""
_SOME = frozenset({""})
"""Some rows and not all: which, no policy asks."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What one policy gives a role: actions, for purposes, on datasets (none: on the house itself).

    `two_factors`: those of the actions which are refused to somebody signed in with one factor.
    """

    policy: Policy
    actions: tuple[Action, ...]
    purposes: tuple[str, ...]
    datasets: tuple[str, ...]
    two_factors: frozenset[Action]


def claimable(roles: Iterable[str]) -> list[Purpose]:
    """Purposes that somebody with these roles may claim."""
    held = frozenset(roles)
    return [purpose for purpose in PURPOSES.values() if purpose.roles & held]


@cache
def grants(role: str, by_facility: bool = False, by_commune: bool = False) -> tuple[Grant, ...]:
    """What the policies of this release give to a role, in their order; agreements are taken to be in force.

    `by_facility`, `by_commune`: whether the rows it reaches are limited so; without, the whole province.
    """
    limits = (_SOME if by_facility else None, _SOME if by_commune else None)
    actor = Actor("", "", (role,), "portal", (Membership(role, "", *limits),), "two")
    used = engine(CURRENT)
    found: dict[str, list[tuple[Action, str, tuple[str, ...], bool]]] = {}
    for action in get_args(Action):
        if not used.permitting(action, role):
            continue
        for purpose in claimable([role]):
            for datasets in _alike() if action in DATA_ACTIONS else [()]:
                for name, guarded in _asked(actor, purpose, action, datasets):
                    found.setdefault(name, []).append((action, purpose.code, datasets, guarded))
    made = []
    for name in sorted(found, key=lambda one: used.policies[one].place):
        actions, purposes, groups, twos = zip(*found[name], strict=True)
        made.append(
            Grant(
                used.policies[name],
                tuple(dict.fromkeys(actions)),
                tuple(dict.fromkeys(purposes)),
                tuple(sorted({dataset for group in groups for dataset in group})),
                frozenset(action for action, two in zip(actions, twos, strict=True) if two),
            )
        )
    return tuple(made)


def tried(db: Database, actor: Actor, purpose: str, contract: Contract) -> list[Decision]:
    """The decisions the gate would make on a dataset for a purpose, as of now; nothing is read."""
    terms = Agreements(db).terms(purpose, [one.unit for one in actor.memberships], contract.id)
    return [decide(Request(uuid.uuid4().hex, actor, purpose, action, contract, None, terms)) for action in TRIED]


def granted(actor: Actor, role: str) -> list[Grant]:
    """What a role gives to an actor through each of their memberships in it, or to the account itself; once each."""
    held = [one for one in actor.memberships if one.role == role]
    limits = {(one.facilities is not None, one.communes is not None) for one in held} or {(False, False)}
    found = {one.policy.id: one for limit in sorted(limits, reverse=True) for one in grants(role, *limit)}
    return sorted(found.values(), key=lambda one: one.policy.place)


def _asked(actor: Actor, purpose: Purpose, action: Action, datasets: Sequence[str]) -> list[tuple[str, bool]]:
    """(policy, does it take two factors) of the policies that allow it; in an emergency too."""
    contract = catalogue()[datasets[0]] if datasets else None
    found: dict[str, bool] = {}
    for emergency in (False, True) if action == "identify" else (False,):
        terms = Terms(purpose.agreement, True)
        request = Request("", actor, purpose.code, action, contract, None, terms, emergency)
        decision = decide(request)
        if decision.allowed:
            guarded = not decide(replace(request, actor=replace(actor, assurance="one"))).allowed
            found.update(dict.fromkeys(decision.policies, guarded))
    return list(found.items())


@cache
def _alike() -> tuple[tuple[str, ...], ...]:
    """Datasets in groups that policies cannot tell apart; one that a policy names stands alone."""
    used = engine(CURRENT)
    groups: dict[object, list[str]] = {}
    for contract in catalogue().values():
        scope = scope_of(contract)
        classes = frozenset(field_class(item) for item in contract.fields)
        limits = (bool(scope and scope.facility), bool(scope and scope.commune))
        own = contract.id if used.names(contract.id) else ""
        groups.setdefault((own, contract.zone, classes, limits), []).append(contract.id)
    return tuple(tuple(group) for group in groups.values())
