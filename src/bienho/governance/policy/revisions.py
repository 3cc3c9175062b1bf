"""Sets of policies by date: the one of this release and of earlier ones, kept so that decisions can be made again.

`current/` is the set in force. When a release changes it, the folder it replaces is kept as `kept/<revision>/` and
`revisions.csv` says from which day each one was in force.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from bienho.core.errors import UsageError
from bienho.governance.policy.engine import Engine, engine

ROOT = Path(__file__).parent
CURRENT = ROOT / "current"
KEPT = "kept"
LIST = "revisions.csv"


@dataclass(frozen=True, slots=True)
class Revision:
    """One set of policies: in force from a day (None = since before the first record)."""

    revision: str
    since: date | None
    folder: Path


def revision() -> str:
    """Revision of the set in force now."""
    return engine(CURRENT).revision


@cache
def revisions(root: Path = ROOT) -> tuple[Revision, ...]:
    """Every set this release holds, oldest first; the last is the current one."""
    with (root / LIST).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = [
        Revision(
            row["revision"], date.fromisoformat(row["since"]) if row["since"] else None, root / KEPT / row["revision"]
        )
        for row in rows
        if row["revision"] != "current"
    ]
    since = next(
        date.fromisoformat(row["since"]) if row["since"] else None for row in rows if row["revision"] == "current"
    )
    current = root / "current"
    return (*found, Revision(engine(current).revision, since, current))


def engine_of(name: str, root: Path = ROOT) -> Engine:
    """The engine of a revision; UsageError USE-POLICY-REVISION when this release does not hold it."""
    for found in revisions(root):
        if found.revision == name:
            return engine(found.folder)
    raise UsageError(
        "USE-POLICY-REVISION",
        "Bản phần mềm này không giữ bộ chính sách đã ra quyết định đó.",
        hint="Dùng bản phần mềm đã phát hành cùng bộ chính sách ấy, hoặc --as-of NGÀY.",
    )


def in_force_on(day: date, root: Path = ROOT) -> Engine:
    """The engine of the set in force on a day; UsageError USE-POLICY-DAY before the first."""
    for found in reversed(revisions(root)):
        if found.since is None or found.since <= day:
            return engine(found.folder)
    raise UsageError("USE-POLICY-DAY", f"Chưa có bộ chính sách nào có hiệu lực ngày {day:%d/%m/%Y}.")
