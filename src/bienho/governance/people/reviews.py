"""Access review: every six months somebody who answers for the unit says of each membership whether it is still needed.

The worklist is derived: a membership is due six months after it was given or last confirmed. Answers are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bienho.config import Home
from bienho.core.errors import DeniedError, UsageError
from bienho.database import Database, storage_errors
from bienho.database import Role as Login
from bienho.governance import accounts, changes
from bienho.governance.actor import Actor
from bienho.governance.people import memberships, units
from bienho.governance.people.memberships import Member
from bienho.governance.people.rules import ReviewState, review_due, review_state
from bienho.governance.people.units import Unit
from bienho.governance.roles import ADMINISTRATOR, LEADER

RULE = "access-review"


@dataclass(frozen=True, slots=True)
class Item:
    """One membership to confirm or end: until when, how it stands, and the accounts that may answer."""

    member: Member
    due: datetime
    state: ReviewState
    confirmers: tuple[str, ...]


def worklist(db: Database, now: datetime, *, unit: str | None = None, everything: bool = False) -> list[Item]:
    """What has to be confirmed, late ones first; `everything`: also what is not due yet."""
    members = memberships.list_members(db, at=now)
    tree = {one.code: one for one in units.list_units(db)}
    administrators = _administrators(db, members)
    found = [
        Item(
            one,
            review_due(one.confirmed_at),
            review_state(one.confirmed_at, now),
            confirmers(tree, members, one, administrators),
        )
        for one in members
        if unit in (None, one.unit)
    ]
    chosen = [item for item in found if everything or item.state != "confirmed"]
    return sorted(chosen, key=lambda item: (item.due, item.member.unit, item.member.membership_id))


def confirmers(
    tree: Mapping[str, Unit], members: list[Member], of: Member, administrators: frozenset[str]
) -> tuple[str, ...]:
    """Who is asked: the leaders of the unit, else of the nearest unit above that has some, else administrators.

    Never the person the membership is about. Pure: `members` are those in force.
    """
    for code in _upwards(tree, of.unit):
        leaders = {one.account_id for one in members if one.unit == code and one.role == LEADER} - {of.account_id}
        if leaders:
            return tuple(sorted(leaders))
    return tuple(sorted(administrators - {of.account_id}))


def confirm(db: Database, home: Home, *, by: Actor, membership_id: int, now: datetime) -> None:
    """Say that it is still needed; six months begin anew. DeniedError DENY-REVIEW, UsageError USE-MEMBERSHIP-…"""
    _answer(db, home, by, membership_id, now, "confirmed")


def end(db: Database, home: Home, *, by: Actor, membership_id: int, now: datetime) -> None:
    """Say that it is no longer needed; it ends now. DeniedError DENY-REVIEW, UsageError USE-MEMBERSHIP-UNKNOWN."""
    _answer(db, home, by, membership_id, now, "ended")


def _answer(db: Database, home: Home, by: Actor, membership_id: int, now: datetime, outcome: str) -> None:
    one = memberships.find(db, membership_id)
    if not one.in_force(now):
        raise UsageError("USE-MEMBERSHIP-ENDED", "Lần giao quyền này đã hết.", hint="Xem `bienho review list`.")
    _must_answer_for(db, home, by, one)
    detail = {"unit": one.unit, "role": one.role, "outcome": outcome, "due": review_due(one.confirmed_at).isoformat()}
    thing = changes.entity("membership", one.account_id, detail)
    changes.record(db, home, by, "U" if outcome == "confirmed" else "D", [thing], document=one.document, rule=RULE)
    with db.connect(Login.GOVERNANCE) as connection, storage_errors():
        connection.execute(
            "INSERT INTO governance.access_review (membership_id, reviewed_at, reviewed_by, outcome, was_due)"
            " VALUES (%s, %s, %s, %s, %s)",
            (membership_id, now, by.account_id, outcome, review_due(one.confirmed_at)),
        )
        if outcome == "ended":
            memberships.close(connection, membership_id, by.account_id, now)
        else:
            connection.execute(
                "UPDATE governance.membership SET confirmed_at = %s WHERE membership_id = %s AND ended_at IS NULL",
                (now, membership_id),
            )


def _must_answer_for(db: Database, home: Home, by: Actor, one: Member) -> None:
    """A leader of the unit or of one above it, or an administrator; never about themselves."""
    above = set(_upwards({unit.code: unit for unit in units.list_units(db)}, one.unit))
    leads = any(held.role == LEADER and held.unit in above for held in by.memberships)
    if by.account_id != one.account_id and (leads or ADMINISTRATOR in by.roles):
        if home.mode == "production" and by.door != "cli" and by.assurance != "two":
            raise changes.two_factors_missing()
        return
    thing = changes.entity("membership", one.account_id, {"unit": one.unit, "role": one.role})
    changes.record(db, home, by, "U", [thing], outcome="denied", rule=RULE)
    raise DeniedError(
        "DENY-REVIEW",
        "Chỉ lãnh đạo của đơn vị, của đơn vị cấp trên hoặc người quản trị được xác nhận,"
        " và không ai tự xác nhận cho mình.",
        hint="Xem người được hỏi bằng `bienho review list`.",
        who="lãnh đạo đơn vị",
    )


def _upwards(tree: Mapping[str, Unit], code: str) -> list[str]:
    """The unit and those above it, nearest first."""
    found: list[str] = []
    at: str | None = code
    while at is not None and at in tree and at not in found:
        found.append(at)
        at = tree[at].parent
    return found


def _administrators(db: Database, members: list[Member]) -> frozenset[str]:
    own = {one.account_id for one in accounts.list_accounts(db) if one.active and ADMINISTRATOR in one.roles}
    return frozenset(own | {one.account_id for one in members if one.role == ADMINISTRATOR})
