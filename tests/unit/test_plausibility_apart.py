"""The suites of plausibility judge the twin on their own: what each imports, read from its source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from support.sources import every_node

FOLDER = Path(__file__).resolve().parents[1] / "plausibility"
SUITES = ("marginals", "life_course")
OURS = ("bienho", "plausibility", "support")


def imports(part: str) -> set[str]:
    """Names of our own that the files of one folder import, wherever in the file."""
    found = set()
    for path, node in every_node(FOLDER / part):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, path
            found.add(node.module or "")
    return {name for name in found if name.partition(".")[0] in OURS}


def of_others(part: str) -> set[str]:
    return {name for name in imports(part) if not f"{name}.".startswith(f"plausibility.{part}.")}


def test_the_suites_share_nothing_of_ours() -> None:
    assert of_others("marginals") & of_others("life_course") == set()
    assert of_others("marginals") | of_others("life_course") <= {"bienho.config", "bienho.standards.xml130"}


def test_who_plants_knows_neither_suite_nor_the_maker() -> None:
    assert of_others("planted") == set()


@pytest.mark.parametrize("part", [*SUITES, "planted"])
def test_the_walk_sees_imports(part: str) -> None:
    assert any(name.startswith(f"plausibility.{part}.") for name in imports(part))


@pytest.mark.parametrize("part", SUITES)
def test_nothing_is_called_by_name_instead(part: str) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (FOLDER / part).rglob("*.py"))
    assert "import_module" not in text
    assert "__import__" not in text
