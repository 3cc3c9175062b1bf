"""Access review: every six months somebody who answers for the unit says of each membership whether it is still needed.

The worklist is derived: a membership is due six months after it was given or last confirmed, and ends by itself when
nobody has answered some weeks later (`review_grace_days`). Answers are kept.
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
from bienho.governance.people import leading, memberships, units
from bienho.governance.people.memberships import Member
from bienho.governance.people.rules import ReviewState, review_due, review_ends, review_state
from bienho.governance.people.units import Unit, upwards
from bienho.governance.roles import ADMINISTRATOR, LEADER

RULE = "access-review"
REASONS: dict[str, str] = {
    "nghi-viec": "Đã nghỉ việc, nghỉ hưu",
    "chuyen-cong-tac": "Đã chuyển công tác",
    "doi-nhiem-vu": "Không còn nhiệm vụ cần đến quyền này",
    "giao-nham": "Giao nhầm người, nhầm vai trò hoặc nhầm đơn vị",
}
"""Why a membership is ended at its review."""


@dataclass(frozen=True, slots=True)
class Item:
    """One membership to confirm or end: until when, how it stands, who is asked, and when it ends if nobody answers."""

    member: Member
    due: datetime
    state: ReviewState
    confirmers: tuple[str, ...]

    @property
    def ends(self) -> datetime:
        """When it ends by itself."""
        return review_ends(self.member.confirmed_at)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer that was given. `outcome`: confirmed or ended; `reason`: a code of REASONS, '' when confirmed."""

    membership_id: int
    account_id: str
    unit: str
    role: str
    at: datetime
    by: str
    outcome: str
    reason: str


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
    for code in upwards(tree, of.unit):
        leaders = {one.account_id for one in members if one.unit == code and one.role == LEADER} - {of.account_id}
        if leaders:
            return tuple(sorted(leaders))
    return tuple(sorted(administrators - {of.account_id}))


def lapsed(db: Database, now: datetime) -> list[Member]:
    """Memberships that ended because nobody confirmed them, newest first; those given anew since are not told."""
    members = memberships.list_members(db)
    held = {(one.account_id, one.unit, one.role) for one in members if one.in_force(now)}
    found = [
        one
        for one in members
        if one.ends <= now
        and one.ends == review_ends(one.confirmed_at)
        and (one.account_id, one.unit, one.role) not in held
    ]
    return sorted(found, key=lambda one: one.ends, reverse=True)


def answers(db: Database, *, membership_id: int | None = None, since: datetime | None = None) -> list[Answer]:
    """Answers given, newest first; about one membership, or since an instant, when asked so."""
    with db.connect(Login.GOVERNANCE) as connection, storage_errors():
        rows = connection.execute(
            "SELECT membership_id, m.account_id, m.unit_code, m.role, r.reviewed_at, r.reviewed_by, r.outcome, r.reason"
            " FROM governance.access_review AS r JOIN governance.membership AS m USING (membership_id)"
            " WHERE (%(one)s::bigint IS NULL OR membership_id = %(one)s)"
            " AND (%(since)s::timestamptz IS NULL OR r.reviewed_at >= %(since)s) ORDER BY r.review_id DESC",
            {"one": membership_id, "since": since},
        ).fetchall()
    return [Answer(*row) for row in rows]


def confirm(db: Database, home: Home, *, by: Actor, membership_id: int, now: datetime) -> None:
    """Say that it is still needed; six months begin anew. DeniedError DENY-REVIEW, UsageError USE-MEMBERSHIP-…"""
    _answer(db, home, by, membership_id, now, "confirmed")


def end(db: Database, home: Home, *, by: Actor, membership_id: int, now: datetime, reason: str) -> None:
    """Say that it is no longer needed, and why (a code of REASONS); it ends now.

    DeniedError DENY-REVIEW, UsageError USE-MEMBERSHIP-…, USE-REVIEW-REASON.
    """
    if reason not in REASONS:
        raise UsageError("USE-REVIEW-REASON", "Chọn một lý do trong danh sách.", hint=", ".join(REASONS))
    _answer(db, home, by, membership_id, now, "ended", reason)


def _answer(
    db: Database, home: Home, by: Actor, membership_id: int, now: datetime, outcome: str, reason: str = ""
) -> None:
    one = memberships.find(db, membership_id)
    if not one.in_force(now):
        raise UsageError("USE-MEMBERSHIP-ENDED", "Lần giao quyền này đã hết.", hint="Xem `bienho review list`.")
    _must_answer_for(db, home, by, one)
    detail = {"unit": one.unit, "role": one.role, "outcome": outcome, "due": review_due(one.confirmed_at).isoformat()}
    if reason:
        detail["reason"] = reason
    thing = changes.entity("membership", one.account_id, detail)
    changes.record(db, home, by, "U" if outcome == "confirmed" else "D", [thing], document=one.document, rule=RULE)
    with db.connect(Login.GOVERNANCE) as connection, storage_errors():
        connection.execute(
            "INSERT INTO governance.access_review (membership_id, reviewed_at, reviewed_by, outcome, was_due, reason)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            (membership_id, now, by.account_id, outcome, review_due(one.confirmed_at), reason),
        )
        if outcome == "ended":
            memberships.close(connection, membership_id, by.account_id, now)
        else:
            connection.execute(
                "UPDATE governance.membership SET confirmed_at = %s WHERE membership_id = %s AND ended_at IS NULL",
                (now, membership_id),
            )


def may_answer(by: Actor, tree: Mapping[str, Unit], of: Member) -> bool:
    """Whether the actor leads the unit or one above it, or is an administrator; never about themselves."""
    return by.account_id != of.account_id and leading.leads(by, tree, of.unit)


def _must_answer_for(db: Database, home: Home, by: Actor, one: Member) -> None:
    tree = {unit.code: unit for unit in units.list_units(db)}
    if may_answer(by, tree, one):
        leading.must_lead(db, home, by, tree, one.unit)
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


def _administrators(db: Database, members: list[Member]) -> frozenset[str]:
    own = {one.account_id for one in accounts.list_accounts(db) if one.active and ADMINISTRATOR in one.roles}
    return frozenset(own | {one.account_id for one in members if one.role == ADMINISTRATOR})
