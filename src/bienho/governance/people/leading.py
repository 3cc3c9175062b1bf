"""Who answers for the people of a unit: administrators for all of them, leaders for their unit and those below it.

That leaders may at all is a policy (`leader-members`); which units are theirs is the tree's to say.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from bienho.config import Home
from bienho.core.errors import DeniedError
from bienho.database import Database
from bienho.governance import changes
from bienho.governance.actor import Actor
from bienho.governance.decision import Denied, Request, decide
from bienho.governance.people import units
from bienho.governance.people.units import Unit
from bienho.governance.purposes import OPERATIONS
from bienho.governance.roles import ADMINISTRATOR, GIVEN_BY_LEADERS, LEADER, OF_SYSTEMS, ROLES

RULE = "unit-leader"


def leads(by: Actor, tree: Mapping[str, Unit], code: str) -> bool:
    """Whether the actor answers for the people of a unit."""
    if ADMINISTRATOR in by.roles:
        return True
    above = set(units.upwards(tree, code))
    return any(held.role == LEADER and held.unit in above for held in by.memberships)


def led(by: Actor, tree: Mapping[str, Unit]) -> dict[str, Unit]:
    """The units whose people the actor answers for, by code."""
    if ADMINISTRATOR in by.roles:
        return dict(tree)
    tops = {held.unit for held in by.memberships if held.role == LEADER}
    return {code: unit for code, unit in tree.items() if tops and not tops.isdisjoint(units.upwards(tree, code))}


def may_change(by: Actor, tree: Mapping[str, Unit], code: str, role: str) -> bool:
    """Whether the actor may give and take a role in a unit for which they answer.

    Leaders: none that reaches the whole province, watches the house or stands for a system; no leader beside them.
    """
    if ADMINISTRATOR in by.roles:
        return True
    above = code if role != LEADER or code not in tree else tree[code].parent or ""
    return role in GIVEN_BY_LEADERS and leads(by, tree, above)


def givable(by: Actor, tree: Mapping[str, Unit], code: str) -> tuple[str, ...]:
    """Roles the actor may give in a unit, in the order of the list."""
    unit = tree.get(code)
    if unit is None:
        return ()
    held = (one for one in ROLES if unit.kind in ROLES[one].kinds and one not in OF_SYSTEMS)
    return tuple(one for one in held if may_change(by, tree, code, one))


def must_lead(db: Database, home: Home, by: Actor, tree: Mapping[str, Unit], code: str) -> str:
    """The rule that lets the actor change who is in a unit; Denied or DeniedError DENY-UNIT, recorded, when none does.

    In production through a page only with two factors.
    """
    decision = decide(Request(uuid.uuid4().hex, by, OPERATIONS, "manage-members", None))
    thing = changes.entity("unit", code if code in tree else "", {})
    if not decision.allowed:
        changes.record(db, home, by, "U", [thing], outcome="denied", rule=decision.rule, reason=decision.reason_vi)
        raise Denied(decision)
    if home.mode == "production" and by.door != "cli" and by.assurance != "two":
        changes.record(db, home, by, "U", [thing], outcome="denied", rule="two-factors")
        raise changes.two_factors_missing()
    if not leads(by, tree, code):
        changes.record(db, home, by, "U", [thing], outcome="denied", rule=RULE)
        raise DeniedError(
            "DENY-UNIT",
            "Đơn vị này không thuộc phạm vi của người đang đăng nhập.",
            hint="Lãnh đạo chỉ giao, thu hồi vai trò trong đơn vị mình và các đơn vị cấp dưới.",
            who="lãnh đạo của đơn vị đó hoặc người quản trị",
        )
    return decision.rule
