"""The project's own Python, read once per process for all the tests that look at it."""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "bienho"


@cache
def tree(path: Path) -> ast.Module:
    """The parsed file. While nodes are made by the ten thousand, looking for lost ones costs more than making them."""
    looks = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    finally:
        if looks:
            gc.enable()


@cache
def files(folder: Path = PACKAGE) -> tuple[Path, ...]:
    return tuple(sorted(folder.rglob("*.py")))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Every node of a file."""
    return tuple(ast.walk(tree(path)))


def every_node(folder: Path = PACKAGE) -> Iterator[tuple[Path, ast.AST]]:
    """Every node of every file below a folder, with its file."""
    for path in files(folder):
        for node in nodes(path):
            yield path, node
