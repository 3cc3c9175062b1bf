"""The `quality` sections of a contract (ODCS 3.1): what a dataset must hold, as data; `quality` turns it into SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

METRICS = ("nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount")
OPERATORS = ("mustBe", "mustBeGreaterOrEqualTo", "mustBeLessOrEqualTo")
IMPLEMENTATIONS = ({"must"}, {"must", "when"}, {"references"}, {"freshness"})
_KEYS = {
    "name", "description", "type", "metric", "arguments", "engine", "implementation", "query", "unit", "severity",
    *OPERATORS,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class QualityCheck:
    """One entry of a `quality` section.

    `column`: the one it stands at, None for the table. Exactly one of `metric`, `implementation`, `query` is there.
    What is measured must stand to `limit` as `operator` says.
    """

    name: str
    description: str
    operator: Literal["mustBe", "mustBeGreaterOrEqualTo", "mustBeLessOrEqualTo"]
    limit: int
    column: str | None = None
    metric: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    implementation: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    query: str | None = None
    severity: str = "error"

    def holds(self, measured: int | None) -> bool | None:
        """Whether a measured number is as it must be; None when there was nothing to measure."""
        if measured is None:
            return None
        if self.operator == "mustBe":
            return measured == self.limit
        return measured >= self.limit if self.operator == "mustBeGreaterOrEqualTo" else measured <= self.limit


def quality_check(entry: Any, column: str | None) -> QualityCheck:
    """One entry read; ValueError says what the profile does not allow."""
    if not isinstance(entry, dict) or not {"name", "description", "type"} <= set(entry) or set(entry) - _KEYS:
        raise ValueError("quality: cần name, description, type; không có khóa lạ")
    operators = [key for key in OPERATORS if key in entry]
    if len(operators) != 1 or not isinstance(entry[operators[0]], int):
        raise ValueError(f"quality {entry['name']}: cần đúng một trong {', '.join(OPERATORS)}, số nguyên")
    implementation = entry.get("implementation", {})
    allowed = {
        "library": entry.get("metric") in METRICS,
        "sql": isinstance(entry.get("query"), str),
        "custom": entry.get("engine") == "bienho" and set(implementation) in IMPLEMENTATIONS,
    }
    if not allowed.get(entry["type"], False):
        raise ValueError(f"quality {entry['name']}: type, metric, query hoặc implementation không hợp lệ")
    return QualityCheck(
        name=entry["name"],
        description=entry["description"],
        operator=operators[0],  # type: ignore[arg-type]
        limit=entry[operators[0]],
        column=column,
        metric=entry.get("metric"),
        arguments=entry.get("arguments", {}),
        implementation=implementation,
        query=entry.get("query"),
        severity=entry.get("severity", "error"),
    )
