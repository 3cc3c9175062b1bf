"""Promise 6: every place that encrypts, signs, hashes or draws secrets is in the inventory, docs/cryptography.md."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from support.sources import every_node

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "bienho"
MODULES = {
    "argon2",
    "authlib",
    "cryptography",
    "hashlib",
    "hmac",
    "joserfc",
    "pyotp",
    "secrets",
    "signxml",
    "ssl",
    "webauthn",
}


def users() -> set[str]:
    found = set()
    for path, node in every_node():
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if {name.split(".")[0] for name in names} & MODULES:
            found.add(str(path.relative_to(PACKAGE)))
    return found


def listed() -> list[str]:
    text = (ROOT / "docs" / "cryptography.md").read_text(encoding="utf-8")
    return [
        name for line in re.findall(r"^\| (`[^|]+) \|", text, flags=re.M) for name in re.findall(r"`([\w/.]+)`", line)
    ]


def test_every_file_that_uses_cryptography_is_in_the_inventory() -> None:
    assert len(users()) > 20
    assert sorted(listed()) == sorted(users())
