"""One look on its way to the record: what is asked, what was decided, how it ended."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bienho.core.errors import BienhoError
from bienho.governance import audit
from bienho.governance.decision import Action, Actor, Decision, Denied, merged_facts
from bienho.governance.purposes import PURPOSES
from bienho.governance.sql_check import SqlRefused

ACTION_LETTERS = {"query": "E", "manage": "U"}


@dataclass(slots=True)
class Look:
    """One call on its way: what will be written about it."""

    look_id: str
    actor: Actor
    purpose: str
    action: Action
    reason: list[str] = field(default_factory=list)
    entities: list[dict[str, Any]] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)

    def about(self, dataset: str, **detail: Any) -> None:
        """Name a dataset looked at, with what was asked of it."""
        given = {name: value for name, value in detail.items() if value not in (None, (), [], "")}
        self.entities.append({"type": "dataset", "what": {"identifier": dataset}, "detail": given})

    def touched(self, kind: str, keys: Sequence[str | None]) -> None:
        """Name the persons, dossiers or records whose identifiers were opened."""
        self.entities.extend(
            {"type": kind, "what": {"identifier": key}} for key in dict.fromkeys(keys) if key is not None
        )


@contextmanager
def recorded(log: audit.AuditLog, site: str, actor: Actor, purpose: str, action: Action) -> Iterator[Look]:
    """Whatever happens inside is written, once, before it leaves this block; a look that cannot be written fails."""
    look = Look(uuid.uuid4().hex, actor, purpose, action)
    try:
        yield look
    except Denied as error:
        _record(log, site, look, "denied", [error.decision.rule], error.message, [*look.decisions, error.decision])
        raise
    except SqlRefused as error:
        _record(log, site, look, "denied", [error.code])
        raise
    except BienhoError as error:  # its code only: the message may repeat what a person typed
        _record(log, site, look, "failed", [error.code])
        raise
    except BaseException as error:
        _record(log, site, look, "failed", [type(error).__name__])
        raise
    rules = [rule for decision in look.decisions for rule in decision.rule.split("+")]
    agreements = [f"agreement:{decision.agreement}" for decision in look.decisions if decision.agreement]
    _record(log, site, look, "allowed", [*dict.fromkeys(rules), *dict.fromkeys(agreements)], "", look.decisions)


def _record(
    log: audit.AuditLog,
    site: str,
    look: Look,
    outcome: str,
    policy: Sequence[str],
    reason: str = "",
    decisions: Sequence[Decision] = (),
) -> None:
    log.append(
        audit.event(
            action=ACTION_LETTERS.get(look.action, "R"),
            outcome=outcome,
            decision_id=look.look_id,
            actor_id=look.actor.account_id,
            actor_name=look.actor.name,
            door=look.actor.door,
            home_id=site,
            purposes=[*([look.purpose] if look.purpose in PURPOSES else []), *look.reason],
            policy=policy,
            reason=reason,
            entities=look.entities,
            category="access",
            subtype=look.action,
            roles=look.actor.roles,
            assurance=look.actor.assurance,
            decided=decided(decisions),
        )
    )


def decided(decisions: Sequence[Decision]) -> dict[str, Any]:
    """What makes the decisions again: the set of policies, and of each the facts and what it said."""
    if not decisions:
        return {}
    return {
        "revision": decisions[-1].revision,
        "articles": list(dict.fromkeys(article for one in decisions for article in one.articles)),
        "made": [
            {"allowed": one.allowed, "rule": one.rule, "facts": facts}
            for one in decisions
            if one.facts
            for facts in merged_facts([one])[:1]
        ],
    }
