"""What must be done about a judged signature: the entries of `signature.yaml` as findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import cast

from bienho.core.documents import read_yaml
from bienho.core.finding import Finding, Severity


@dataclass(frozen=True, slots=True)
class Entry:
    """One status: its code, who mends it, the message, and (first day, severity) in order of day."""

    code: str
    owner: str
    message: str
    severities: tuple[tuple[date, Severity], ...]

    def severity(self, day: date) -> Severity:
        """How grave it is for what was received on a local day."""
        return [severity for first, severity in self.severities if first <= day][-1]


@cache
def entries() -> Mapping[str, Entry]:
    """Every status that asks for something, by status."""
    text = resources.files("bienho.standards.xml130").joinpath("signature.yaml").read_text(encoding="utf-8")
    found = {}
    for status, given in read_yaml(text).items():
        severities = tuple((line["from"], cast(Severity, line["severity"])) for line in given["severity"])
        found[status] = Entry(given["code"], given.get("owner", "facility"), given["message"].strip(), severities)
    return found


def signature_finding(status: str, day: date) -> Finding | None:
    """The finding for a verdict's status on the local day of receipt; None when nothing needs doing."""
    entry = entries().get(status)
    if entry is None:
        return None
    return Finding(entry.code, entry.severity(day), entry.message, owner=entry.owner, field="CHUKYDONVI")
