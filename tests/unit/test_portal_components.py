"""Components by themselves: map geometry, chart colours, tables, the style sheet."""

from __future__ import annotations

import re
from pathlib import Path

from bienho import portal
from bienho.config import load_profile
from bienho.portal import assets, words
from bienho.portal.components import Cell, Column, Table
from bienho.portal.components.chart import ACT, PALETTE
from bienho.portal.components.map import levels, shapes

HOME = Path(portal.__file__).parent
FOLDERS = sorted(path.name for path in (HOME / "components").iterdir() if path.is_dir() and path.name[0] != "_")
STANDARDS = HOME.parent / "standards" / "xml130"


def test_map_has_every_commune_and_two_halves() -> None:
    made = shapes("gialai")
    assert made.paths.keys() == load_profile("gialai").commune_by_code.keys()
    assert len(made.outlines) == 2
    assert all(outline.count("M") > 50 for outline in made.outlines)


def test_map_is_small() -> None:
    made = shapes("gialai")
    assert sum(map(len, made.paths.values())) + sum(map(len, made.outlines)) < 40_000


def test_levels_are_five_steps_in_order() -> None:
    values = {str(n): n for n in range(0, 101)}
    found, bounds = levels(values)
    assert found["0"] == 0
    assert bounds == [20, 40, 60, 80, 100]
    assert [found[str(n)] for n in (1, 20, 21, 60, 100)] == [1, 1, 2, 3, 5]
    assert levels({"a": 0}) == ({"a": 0}, [])
    assert levels({"a": 3, "b": 3}) == ({"a": 1, "b": 1}, [3])


def test_palette_is_small_and_red_is_kept_for_action() -> None:
    assert len(set(PALETTE)) == len(PALETTE) <= 7
    assert ACT not in PALETTE


def test_every_component_has_template_style_and_notes() -> None:
    for folder in FOLDERS:
        names = {path.name for path in (HOME / "components" / folder).iterdir()}
        assert "README.md" in names, folder
        assert f"{folder}.css" in names, folder
        assert f"{folder}.html" in names or folder == "layout", folder


def test_style_sheet_uses_only_known_tokens_and_nothing_from_outside() -> None:
    style = assets.style_sheet()
    defined = set(re.findall(r"(--[a-z0-9-]+):", style))
    assert set(re.findall(r"var\((--[a-z0-9-]+)", style)) <= defined
    assert "url(" not in style
    assert "@import" not in style
    assert "http" not in style


def test_every_code_of_reading_says_how_to_mend() -> None:
    codes = set(re.findall(r'^    "((?:IN|LIM)-[A-Z0-9-]+)"', (STANDARDS / "read_codes.py").read_text("utf-8"), re.M))
    assert len(codes) > 20
    assert codes <= words.FIXES.keys()


def test_missing_cell_is_a_dash() -> None:
    table = Table("x", "X", [Column("a", "A"), Column("b", "B")], [{"a": Cell("1")}])
    assert [cell.text for _, cell in table.lines[0]] == ["1", "—"]
