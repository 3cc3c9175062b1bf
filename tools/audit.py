"""Asks which known vulnerabilities the locked dependencies have (network), and whether whoever answered knows any.

A mirror of the package index may answer every question with "none": then nothing was audited, and this says so.
Exit code 0: asked and none found. 1: found, listed. 2: nobody answered who knows vulnerabilities.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# Old releases with well-known holes: who knows none of these knows nothing. They are named, never installed.
CANARIES = ("django==3.2.0", "requests==2.19.0", "pyyaml==5.3")


def asked(*arguments: str) -> list[dict[str, Any]]:
    """The dependencies of pip-audit's report, each with `vulns`; none when it gave no report."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "-f", "json", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (json.JSONDecodeError, KeyError):
        print(done.stderr[-2000:], file=sys.stderr)
        return []
    return found


def holes(dependencies: list[dict[str, Any]]) -> list[str]:
    """One line per known vulnerability."""
    return [
        f"{one['name']} {one['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'nothing yet'}"
        for one in dependencies
        for hole in one.get("vulns", [])
    ]


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        canaries = Path(folder, "canaries.txt")
        canaries.write_text("\n".join(CANARIES), encoding="utf-8")
        knows = {line.split()[0] for line in holes(asked("--no-deps", "-r", str(canaries)))}
    found = asked("--require-hashes", "-r", "requirements-dev.lock")
    known = holes(found)
    print("\n".join(known) or f"{len(found)} packages asked about, nothing known")
    if not found or not knows:
        print("Nothing was audited: the index that answered knows no vulnerabilities at all. Ask from another network.")
        return 2
    return int(bool(known))


if __name__ == "__main__":
    sys.exit(main())
