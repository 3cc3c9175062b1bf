"""`permit`: may this actor do this to the house? One call, one decision, one event; every command that changes asks it.

Looks at data do not come here: they go through the gate. The event is written before the work begins, so one that was
killed halfway is in the record too.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from bienho.config import Home, KeyRing
from bienho.contracts import catalogue
from bienho.core.errors import DeniedError, UsageError
from bienho.database import Database
from bienho.governance import accounts, audit, people
from bienho.governance.actor import Actor
from bienho.governance.agreements import MOVES, Agreements, Step
from bienho.governance.break_glass import EMERGENCIES, EXPLANATIONS, KEY, VERDICTS, Emergencies, Emergency
from bienho.governance.decision import Action, Decision, Denied, Request, decide
from bienho.governance.look import decided
from bienho.governance.purposes import INSPECTION, OPERATIONS

CHANGES = frozenset({"ingest", "send", "replay", "rebuild", "import-codes", "run", "erase-confirm", "visit-write"})
"""Actions that change data; the others are administration."""
_PURPOSE: dict[str, str] = {"audit": INSPECTION}
"""Purpose of a command by its action; the others are the operation of the house."""
_LETTERS = {
    "ingest": "C", "send": "C", "import-codes": "C", "agreement-draft": "C", "list-accounts": "R",
    "agreement-read": "R",
    "erase-confirm": "D",
    "list-members": "R",
    "audit": "R", "audit-own": "R", "report": "U", "report-open": "R", "person-review": "E",
    "remind": "C", "remind-answer": "C",
}  # fmt: skip


def may(actor: Actor, action: Action, purpose: str = OPERATIONS) -> bool:
    """Whether `permit` would let the actor do this; nothing is recorded. For buttons, never in place of `permit`."""
    return decide(Request("", actor, purpose, action, None)).allowed


def may_see(actor: Actor, dataset: str, purpose: str, action: Action = "read", columns: tuple[str, ...] = ()) -> bool:
    """Whether the gate would let the actor see these columns of a dataset; nothing is recorded. For ways to a page and
    parts of one, as `may`."""
    return decide(Request("", actor, purpose, action, catalogue()[dataset], columns)).allowed


def permit(
    db: Database,
    keys: KeyRing,
    home: Home,
    actor: Actor,
    action: Action,
    what: str,
    *,
    purpose: str = OPERATIONS,
    words: Sequence[str] = (),
) -> Decision:
    """The decision, recorded; Denied when the policies do not allow it. `what`: a word of the house, never a value.

    `words`: further items of purposeOfEvent (a reason, a document).
    """
    decision = decide(Request(uuid.uuid4().hex, actor, purpose, action, None))
    note(
        db, keys, home, actor, action, what, "allowed" if decision.allowed else "denied",
        policy=[*decision.rule.split("+"), *([f"agreement:{decision.agreement}"] if decision.agreement else [])],
        reason="" if decision.allowed else decision.reason_vi,
        purposes=[decision.purpose, *words],
        made=decided([decision]),
    )  # fmt: skip
    if not decision.allowed:
        raise Denied(decision)
    return decision


def permit_caller(db: Database, keys: KeyRing, home: Home, action: Action, what: str) -> Actor:
    """The account of whoever runs this process, if it may; DeniedError DENY-ACCOUNT, recorded, when there is none."""
    try:
        actor = people.caller(db, home, datetime.now(UTC))
    except DeniedError as error:
        stranger = accounts.unmapped()
        note(db, keys, home, stranger, action, what, "denied", policy=[error.code], reason=error.message)
        raise
    permit(db, keys, home, actor, action, what, purpose=_PURPOSE.get(action, OPERATIONS))
    return actor


def note(
    db: Database,
    keys: KeyRing,
    home: Home,
    actor: Actor,
    action: Action | str,
    what: str,
    outcome: str,
    *,
    policy: Sequence[str] = (),
    reason: str = "",
    purposes: Sequence[str] = (OPERATIONS,),
    made: dict[str, Any] | None = None,
) -> None:
    """Write one event about a command, decided or done."""
    with closing(audit.AuditLog(db, keys, home)) as log:
        log.append(
            audit.event(
                action=_LETTERS.get(action, "E"),
                outcome=outcome,
                decision_id=uuid.uuid4().hex,
                actor_id=actor.account_id,
                actor_name=actor.name,
                door=actor.door,
                home_id=home.home_id,
                purposes=[word for word in purposes if word],
                policy=policy,
                reason=reason,
                entities=[{"type": "command", "what": {"identifier": f"{action}:{what}" if what else action}}],
                category="change" if action in CHANGES else "administration",
                subtype=action,
                roles=actor.roles,
                assurance=actor.assurance,
                decided=made or {},
            )
        )


def break_glass(
    db: Database,
    keys: KeyRing,
    home: Home,
    actor: Actor,
    purpose: str,
    dossier_key: str,
    reason: str,
    document: str,
    now: datetime,
    explanation: str = "",
) -> Emergency:
    """Open an emergency for an actor the policies let; the event is flagged (BTG) and names the dossier's key."""
    words = ["BTG", *([f"reason:{reason}"] if reason in EMERGENCIES else [])]
    words += [f"explanation:{explanation}"] if explanation in EXPLANATIONS else []
    permit(
        db,
        keys,
        home,
        actor,
        "break-glass",
        dossier_key if KEY.match(dossier_key) else "",
        purpose=purpose,
        words=words,
    )
    return Emergencies(db).open(actor, purpose, dossier_key, reason, document, now, explanation)


def review_emergency(
    db: Database,
    keys: KeyRing,
    home: Home,
    actor: Actor,
    emergency_id: str,
    verdict: str,
    now: datetime,
    grounds: Sequence[str] = (),
    document: str = "",
) -> Emergency:
    """Review an emergency for an actor the policies let; that it was one's own is recorded as a refusal."""
    what = f"{verdict if verdict in VERDICTS else ''}:{emergency_id if KEY.match(emergency_id) else ''}"
    permit(db, keys, home, actor, "emergency-review", what)
    try:
        return Emergencies(db).review(actor, emergency_id, verdict, now, grounds, document)
    except DeniedError as error:
        note(db, keys, home, actor, "emergency-review", what, "denied", policy=[error.code], reason=error.message)
        raise


def move_agreement(
    db: Database,
    keys: KeyRing,
    home: Home,
    actor: Actor,
    code: str,
    move: str,
    now: datetime,
    document: str = "",
    revision: int | None = None,
) -> Step:
    """One step of an agreement by an actor the policies let; a step that needs another person is recorded as refused.

    Raises as `Agreements.move` does.
    """
    if move not in MOVES:
        raise UsageError("USE-AGREEMENT-MOVE", "Không có bước này.", hint=", ".join(MOVES))
    action, what = MOVES[move].action, f"{move}:{code[:40]}"
    permit(db, keys, home, actor, action, what)
    try:
        return Agreements(db).move(code, move, actor.account_id, now, document, revision)
    except DeniedError as error:
        note(db, keys, home, actor, action, what, "denied", policy=[error.code], reason=error.message)
        raise
