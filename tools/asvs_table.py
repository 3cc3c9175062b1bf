"""Makes docs/asvs.md of tools/asvs/: what OWASP ASVS 5.0 asks, what holds it here, what does not.

    asvs_table.py           writes the page
    asvs_table.py --check   exit code 1 when the page is not what the data say

The words for each requirement are ours; the standard's own text is at https://github.com/OWASP/ASVS (5.0.0).
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "tools" / "asvs"
PAGE = ROOT / "docs" / "asvs.md"
STATUSES = ("held", "not held", "not applicable")
CHAPTERS = (
    "Encoding and cleaning", "Validation and business rules", "Browser", "API and HTTP", "Files", "Authentication",
    "Sessions", "Authorisation", "Tokens that speak for themselves", "OAuth and OIDC", "Cryptography", "Communication",
    "Configuration", "Data", "Coding and architecture", "Logs and errors", "WebRTC",
)  # fmt: skip
HEAD = (
    "# ASVS 5.0: what is held, and by what\n\n"
    "All 345 requirements of the OWASP Application Security Verification Standard 5.0.0, by id and level. The words"
    " are ours and short; the standard's text decides. Made from `tools/asvs/` by `tools/asvs_table.py`; a test finds"
    " every test and every place named here, so that nothing is held by a name alone. Held means: on the way of the"
    " product, by a test or a line one can read. It is our own judgement; nobody outside has looked.\n\n"
    "| | level 1 | level 2 | level 3 | all |\n|---|---|---|---|---|\n"
)


@dataclass(frozen=True)
class Requirement:
    """`by`: tests (`file::test`) and places (`file:text`) when held; what is missing; or a reason of the list."""

    id: str
    level: int
    asks: str
    status: str
    by: tuple[str, ...]

    @property
    def chapter(self) -> int:
        return int(self.id[1:].split(".")[0])


def requirements() -> list[Requirement]:
    with (DATA / "requirements.csv").open(encoding="utf-8", newline="") as file:
        return [
            Requirement(line["id"], int(line["level"]), line["asks"], line["status"], tuple(line["by"].split(" ; ")))
            for line in csv.DictReader(file)
        ]


def reasons() -> dict[str, str]:
    with (DATA / "reasons.csv").open(encoding="utf-8", newline="") as file:
        return {line["reason"]: line["says"] for line in csv.DictReader(file)}


def _counted(status: str, found: Sequence[Requirement]) -> str:
    by_level = Counter(one.level for one in found if one.status == status)
    cells = [str(by_level[level]) for level in (1, 2, 3)] + [str(by_level.total())]
    return f"| {status} | {' | '.join(cells)} |"


def _shown(one: Requirement) -> str:
    held = one.status == "held"
    by = "<br>".join(f"`{part}`" for part in one.by) if held else one.by[0]
    return f"| {one.id} | {one.level} | {one.asks} | {one.status} | {by} |"


def page() -> str:
    """The whole page."""
    found = requirements()
    lines = [HEAD + "\n".join(_counted(status, found) for status in STATUSES)]
    lines.append("\n## Why something does not apply\n\n| reason | says |\n|---|---|")
    lines += [f"| {reason} | {says} |" for reason, says in reasons().items()]
    for number, title in enumerate(CHAPTERS, 1):
        lines.append(f"\n## V{number} {title}\n\n| id | level | asks for | status | by |\n|---|---|---|---|---|")
        lines += [_shown(one) for one in found if one.chapter == number]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    if "--check" in arguments:
        return int(PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
