"""What an ingest tells its caller. The JSON form is stable: other programs rely on it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bienho.core.errors import BienhoError

ACCEPTED = "accepted"
WITH_FINDINGS = "accepted_with_findings"
QUARANTINED = "quarantined"
REFUSED = "refused"
# Worst last: a delivery takes the worst outcome of its dossiers (design 8.9).
OUTCOMES = (ACCEPTED, WITH_FINDINGS, QUARANTINED, REFUSED)


def worst(outcomes: set[str]) -> str:
    """The worst outcome present; `accepted` when nothing was wrong."""
    return max(outcomes, key=OUTCOMES.index, default=ACCEPTED)


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """One delivery's outcome; `id` is None when it was refused and got no receipt.

    `message` says why it was refused, for people; programs go by `reason`.
    """

    id: str | None
    path: str
    outcome: str
    reason: str | None = None
    message: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {"id": self.id, "path": self.path, "outcome": self.outcome, "reason": self.reason}


@dataclass(slots=True)
class IngestReport:
    """Sums over the deliveries of one ingest.

    dossiers = accepted + accepted_with_findings + quarantined + duplicates; `superseded` counts older versions
    replaced; `rows` counts rows of new versions per table; `refused` counts deliveries.
    """

    deliveries: list[DeliveryReport] = field(default_factory=list)
    rows: Counter[str] = field(default_factory=Counter)
    dossiers: int = 0
    accepted: int = 0
    accepted_with_findings: int = 0
    quarantined: int = 0
    duplicates: int = 0
    superseded: int = 0
    refused: int = 0
    findings: int = 0

    def refuse(self, path: str, error: BienhoError) -> None:
        """Note a delivery that got no receipt."""
        self.refused += 1
        self.deliveries.append(DeliveryReport(None, path, REFUSED, error.code, f"{error.message} {error.hint}".strip()))

    def as_dict(self) -> dict[str, Any]:
        return {
            "deliveries": [delivery.as_dict() for delivery in self.deliveries],
            "dossiers": self.dossiers,
            "rows": dict(sorted(self.rows.items(), key=lambda item: (len(item[0]), item[0]))),
            "accepted": self.accepted,
            "accepted_with_findings": self.accepted_with_findings,
            "quarantined": self.quarantined,
            "refused": self.refused,
            "superseded": self.superseded,
            "duplicates": self.duplicates,
            "findings": self.findings,
        }
