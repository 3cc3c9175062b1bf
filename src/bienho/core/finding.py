"""A finding: something wrong in data that was taken in, and who must mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found wrong.

    `code` is stable for machines; `message` is Vietnamese and holds no patient value. `rule` is the number of the
    check in the project's rule list, or None. `row` is 1-based in file order.
    """

    code: str
    severity: Severity
    message: str
    owner: str = "facility"
    table: str | None = None
    row: int | None = None
    field: str | None = None
    rule: int | None = None
