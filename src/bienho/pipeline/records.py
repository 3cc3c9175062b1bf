"""The bookkeeping rows of a batch: deliveries, findings, quarantine, replaced versions, as Arrow tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from bienho.contracts import catalogue
from bienho.core.finding import Finding
from bienho.pipeline.judge import Candidate, Fates, Judged, Link
from bienho.pipeline.report import ACCEPTED, QUARANTINED, WITH_FINDINGS, worst

DUPLICATE = "IN-DUPLICATE"
READ_REVISION = 2
"""Raised when reading starts to find other things in the same bytes; findings carry the revision they came from."""


@dataclass(slots=True)
class Outcome:
    """One delivery with everything decided: its counts (design 8.9) and its findings in file order.

    `findings` pairs a version id (None: the envelope) with what was found; duplicates store none. `ruled`: version →
    how many findings of rules, which lie in the lake and change no outcome.
    """

    judged: Judged
    findings: list[tuple[int | None, Finding]] = field(default_factory=list)
    ruled: dict[int, int] = field(default_factory=dict)
    accepted: int = 0
    accepted_with_findings: int = 0
    quarantined: int = 0
    outcome: str = ACCEPTED
    reason: str | None = None

    @classmethod
    def of(
        cls, judged: Judged, casts: Mapping[int, list[Finding]], ruled: Mapping[int, int] = MappingProxyType({})
    ) -> Outcome:
        """Put reading and cast findings together and count."""
        self = cls(judged, quarantined=len(judged.set_aside))
        base = judged.header.seq * 1_000_000
        kept = {candidate.version_id for candidate in judged.kept}
        aside = {base + item.hoso for item in judged.set_aside}
        for hoso, finding in judged.findings:
            if hoso is None:
                self.findings.append((None, finding))
            elif base + hoso in kept or base + hoso in aside:
                self.findings.append((base + hoso, finding))
        for candidate in judged.kept:
            self.findings.extend((candidate.version_id, finding) for finding in casts.get(candidate.version_id, ()))
        self.ruled = {version: count for version, count in ruled.items() if version in kept}
        self._count()
        return self

    def only(self, versions: Collection[int]) -> Outcome:
        """The same, counted over some of its HOSO: a replay tells what became of those that were set aside."""
        judged, base = self.judged, self.judged.header.seq * 1_000_000
        part = replace(
            judged,
            kept=[one for one in judged.kept if one.version_id in versions],
            set_aside=[one for one in judged.set_aside if base + one.hoso in versions],
            copies=[number for number in judged.copies if number in versions],
            replacing=[number for number in judged.replacing if number in versions],
        )
        told = Outcome(
            part,
            findings=[(version, found) for version, found in self.findings if version in versions],
            ruled={version: count for version, count in self.ruled.items() if version in versions},
            quarantined=len(part.set_aside),
        )
        told._count()
        return told

    def _count(self) -> None:
        judged = self.judged
        serious = {version for version, finding in self.findings if finding.severity != "info"}
        self.accepted_with_findings = sum(candidate.version_id in serious for candidate in judged.kept)
        self.accepted = len(judged.kept) - self.accepted_with_findings
        outcomes = {ACCEPTED}
        if self.accepted_with_findings or None in serious:
            outcomes.add(WITH_FINDINGS)
            self.reason = next(finding.code for _, finding in self.findings if finding.severity != "info")
        if judged.set_aside:
            outcomes.add(QUARANTINED)
            self.reason = judged.set_aside[0].code
        if self.reason is None and judged.duplicates and not judged.kept:
            self.reason = DUPLICATE
        self.outcome = worst(outcomes)

    @property
    def found(self) -> int:
        """Findings of every kind."""
        return len(self.findings) + sum(self.ruled.values())

    @property
    def dossiers(self) -> int:
        return self.accepted + self.accepted_with_findings + self.quarantined + self.judged.duplicates

    def delivery_row(self) -> dict[str, Any]:
        """The row of `standard.delivery`."""
        judged, header = self.judged, self.judged.header
        return {
            "delivery_seq": header.seq,
            "delivery_id": judged.delivery_id,
            "kind": header.kind,
            "source": header.source,
            "bytes": header.size,
            "sha256": header.sha256,
            "received_at": header.received_at,
            "facility_asserted": header.facility_asserted,
            "facility_code": judged.facility,
            "created": judged.created,
            "hoso_declared": judged.declared,
            "hoso_found": judged.hoso_found,
            "outcome": self.outcome,
            "reason": self.reason,
            "accepted": self.accepted,
            "accepted_with_findings": self.accepted_with_findings,
            "quarantined": self.quarantined,
            "duplicates": judged.duplicates,
            "superseded": judged.superseded,
        }


def table(dataset: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows as an Arrow table of exactly the contract's schema; a column a row lacks is NULL."""
    return pa.Table.from_pylist(list(rows), schema=catalogue()[dataset].arrow_schema())


def delivery_rows(outcomes: Iterable[Outcome]) -> pa.Table:
    return table("standard.delivery", [outcome.delivery_row() for outcome in outcomes])


def replaced_rows(replaced: Iterable[Link]) -> pa.Table:
    return _links("standard.superseded", "by_version_id", replaced)


def copy_rows(copies: Iterable[Link]) -> pa.Table:
    return _links("standard.duplicate", "of_version_id", copies)


def _links(dataset: str, other: str, links: Iterable[Link]) -> pa.Table:
    names = ("version_id", other, "dossier_key", "content_digest")
    rows = [(link.version_id, link.other_id, link.dossier_key, link.content_digest) for link in links]
    return table(dataset, [dict(zip(names, row, strict=True)) for row in rows])


def change_rows(batch_id: int, fates: Fates) -> pa.Table:
    """Every version a batch added or replaced: what later stages must look at again."""
    versions = {candidate.version_id for candidate in fates.kept} | {link.version_id for link in fates.replaced}
    return table("journal.change", [{"batch_id": batch_id, "version_id": version} for version in sorted(versions)])


def quarantine_rows(outcomes: Iterable[Outcome]) -> pa.Table:
    """One row per HOSO set aside; hoso 0 stands for a whole envelope."""
    rows = [
        {
            "version_id": outcome.judged.header.seq * 1_000_000 + aside.hoso,
            "delivery_seq": outcome.judged.header.seq,
            "delivery_id": outcome.judged.delivery_id,
            "hoso": aside.hoso,
            "facility_code": aside.facility or outcome.judged.facility or outcome.judged.header.facility_asserted,
            "code": aside.code,
            "message": aside.message,
            "received_at": outcome.judged.header.received_at,
        }
        for outcome in outcomes
        for aside in outcome.judged.set_aside
    ]
    return table("quality.quarantine", rows)


def finding_rows(outcomes: Iterable[Outcome]) -> pa.Table:
    """One row per finding; `finding_id` counts in file order within its version, so a rebuild names them alike."""
    rows: list[dict[str, Any]] = []
    for outcome in outcomes:
        known: dict[int, Candidate] = {candidate.version_id: candidate for candidate in outcome.judged.kept}
        counters: dict[int, int] = {}
        for version, finding in outcome.findings:
            seq = outcome.judged.header.seq
            anchor = version if version is not None else seq * 1_000_000
            counters[anchor] = number = counters.get(anchor, 0) + 1
            candidate = known.get(anchor)
            rows.append(
                {
                    "finding_id": f"{anchor}-{number:05d}",
                    "version_id": version,
                    "delivery_seq": seq,
                    "delivery_id": outcome.judged.delivery_id,
                    "dossier_key": candidate.dossier_key if candidate else None,
                    "facility_code": candidate.dossier.facility if candidate else outcome.judged.facility,
                    "table_name": finding.table,
                    "row_no": finding.row,
                    "field": finding.field,
                    "code": finding.code,
                    "rule": finding.rule,
                    "severity": finding.severity,
                    "owner": finding.owner,
                    "message": finding.message,
                    "rule_revision": READ_REVISION,
                }
            )
    return table("quality.finding", rows)
