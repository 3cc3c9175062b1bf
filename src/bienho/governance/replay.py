"""A decision of the past, made again: the facts in the record, put to the policies of that day or of another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from bienho.core.errors import UsageError
from bienho.database import Database
from bienho.governance import audit
from bienho.governance.policy import Facts, engine_of, in_force_on, judge
from bienho.governance.policy.revisions import ROOT


@dataclass(frozen=True, slots=True)
class Replayed:
    """One decision of an event: what was said then, what is said now, under which articles."""

    dataset: str
    action: str
    then: bool
    then_rule: str
    now: bool
    now_rule: str
    articles: tuple[str, ...]

    @property
    def same(self) -> bool:
        """True when the answer and the rule that gave it are the same."""
        return (self.then, self.then_rule) == (self.now, self.now_rule)


def replay(
    db: Database, event: str, *, as_of: date | None = None, root: Path = ROOT
) -> tuple[str, str, list[Replayed]]:
    """(revision of then, revision asked, decisions) of an event by its id or number.

    With `as_of` the set of policies in force on that day answers, else the very set that did. UsageError
    USE-EVENT-UNKNOWN, USE-EVENT-BARE for an event that holds no decision, USE-POLICY-… when the set is not here.
    """
    found = audit.find(db, event)
    if found is None:
        raise UsageError(
            "USE-EVENT-UNKNOWN", "Nhật ký không có sự kiện này.", hint="Dùng id hoặc số thứ tự của sự kiện."
        )
    kept: dict[str, Any] = found.get("decision") or {}
    if not kept.get("made"):
        raise UsageError("USE-EVENT-BARE", "Sự kiện này không chứa quyết định nào để làm lại.")
    used = in_force_on(as_of, root) if as_of else engine_of(kept["revision"], root)
    results = []
    for one in kept["made"]:
        facts = Facts.of(one["facts"])
        verdict = judge(used, facts)
        results.append(
            Replayed(
                facts.dataset or "", facts.action, one["allowed"], one["rule"], verdict.allowed, verdict.rule,
                used.article(verdict.policies),
            )
        )  # fmt: skip
    return kept["revision"], used.revision, results
