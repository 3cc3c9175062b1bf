"""Writes docs/errors.md: every error code raised in src, its class, exit code and message, read from the source.

error_codes.py FILE    write the page        error_codes.py    print it
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "bienho"
PREFIXES = ("USE-", "IN-", "LIM-", "CFG-", "STO-", "BUSY-", "DENY-", "INT-")
HEAD = """# Error codes

Codes are stable; messages are what a person reads. Finding codes of the formats are in the rooms' own READMEs.
This page is written by `make errors`.

| code | raised as | message |
|---|---|---|
"""


@dataclass(frozen=True, order=True)
class Raised:
    """One place where an error is made."""

    code: str
    kind: str
    message: str
    place: str


def text_of(node: ast.expr | None) -> str:
    """The text of a literal or f-string; what is filled in at run time is shown as …"""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) if isinstance(part, ast.Constant) else "…" for part in node.values)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return text_of(node.func.value)
    return "…"


@cache
def sources() -> dict[Path, ast.Module]:
    """Every file of the program, parsed."""
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def error_classes() -> dict[str, int]:
    """Name → exit code of every error class, wherever it is defined, found by its bases."""
    bases: dict[str, tuple[str, int | None]] = {}
    for path in sources():
        for node in ast.walk(sources()[path]):
            if isinstance(node, ast.ClassDef) and node.bases and isinstance(node.bases[0], ast.Name):
                own = [
                    item.value.value
                    for item in node.body
                    if isinstance(item, ast.Assign)
                    and isinstance(item.targets[0], ast.Name)
                    and item.targets[0].id == "exit_code"
                    and isinstance(item.value, ast.Constant)
                ]
                bases[node.name] = (node.bases[0].id, int(str(own[0])) if own else None)
    found: dict[str, int] = {"BienhoError": 1}
    for name in bases:
        chain, exit_code = name, None
        while chain in bases and exit_code is None:
            chain, exit_code = bases[chain]
        if chain in found or exit_code is not None:
            found[name] = exit_code if exit_code is not None else found.get(chain, 1)
    return found


@cache
def raised() -> list[Raised]:
    """Every call of an error class whose first argument is a literal code."""
    classes = error_classes()
    found = []
    for path in sources():
        for node in ast.walk(sources()[path]):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            code = text_of(node.args[0])
            if name in classes and code.startswith(PREFIXES):
                message = text_of(node.args[1]) if len(node.args) > 1 else "…"
                found.append(Raised(code, name, message, f"{path.relative_to(ROOT)}:{node.lineno}"))
    return sorted(found)


def page() -> str:
    """The Markdown page."""
    exits = error_classes()
    by_code: dict[str, list[Raised]] = defaultdict(list)
    for item in raised():
        by_code[item.code].append(item)
    lines = []
    for code, items in sorted(by_code.items()):
        kinds = " ".join(sorted({f"{item.kind} (exit {exits[item.kind]})" for item in items}))
        messages = "<br>".join(sorted({item.message.replace("|", "\\|") for item in items}))
        lines.append(f"| `{code}` | {kinds} | {messages} |")
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(page(), encoding="utf-8")
    else:
        print(page(), end="")
