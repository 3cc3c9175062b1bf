"""What is open to an actor: every dataset that today's policies and agreements let them read or count, and for what.

The same `decide` as at the gate, asked without reading anything. One event per question, like any look.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from bienho.config import Home, KeyRing
from bienho.contracts import catalogue
from bienho.database import Database
from bienho.governance import permits
from bienho.governance.actor import Actor
from bienho.governance.agreements import Agreements
from bienho.governance.decision import Action, Request, decide
from bienho.governance.purposes import ANY_PAPER, OPERATIONS, PURPOSES
from bienho.governance.sql_check import ZONES

_ACTIONS: tuple[Action, ...] = ("read", "aggregate")


@dataclass(frozen=True, slots=True)
class Opening:
    """One dataset for one purpose: what may be done with it, which columns are seen; `limited`: not every row."""

    dataset: str
    purpose: str
    actions: tuple[str, ...]
    columns: tuple[str, ...]
    limited: bool


def openings(db: Database, keys: KeyRing, home: Home, actor: Actor) -> list[Opening]:
    """By dataset and purpose, in the order of the catalogue; [] when nothing is open. The question is recorded."""
    agreements = Agreements(db)
    found: list[Opening] = []
    units = [one.unit for one in actor.memberships]
    held = set(actor.roles)
    claimed = [purpose for purpose in PURPOSES.values() if purpose.roles & held]
    fixed = {purpose.code: agreements.terms(purpose.code) for purpose in claimed if purpose.agreement != ANY_PAPER}
    for contract in catalogue().values():
        if contract.zone not in ZONES:
            continue
        for purpose in (one.code for one in claimed):
            paper = fixed[purpose] if purpose in fixed else agreements.terms(purpose, units, contract.id)
            made = [
                decide(Request(uuid.uuid4().hex, actor, purpose, action, contract, None, paper)) for action in _ACTIONS
            ]
            allowed = [one for one in made if one.allowed]
            if allowed:
                actions = tuple(one.action for one in allowed)
                limited = any(one.reach is not None for one in allowed)
                found.append(Opening(contract.id, purpose, actions, allowed[0].columns, limited))
    rule = "openings" if found else "default-deny"
    permits.note(db, keys, home, actor, "openings", "catalogue", "allowed", policy=[rule], purposes=[OPERATIONS])
    return found
