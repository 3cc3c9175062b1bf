"""Indicator files: complete, tied to a model, explained down to the rows as received."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from bienho import indicators
from bienho.core.errors import ConfigError, UsageError
from bienho.indicators import definitions
from bienho.standards.xml130 import map as xml130_map

FOLDER = Path(definitions.__file__).parent / "definitions"


def test_the_three_first_indicators_are_defined_and_unreviewed() -> None:
    found = indicators.load_definitions()
    assert [d.id for d in found] == ["cost", "encounters", "patients"]
    assert not any(d.reviewed for d in found)
    assert [d.id for d in found if d.additive] == ["cost", "encounters"]
    assert not found[0].overdue(found[0].next_review)
    assert found[0].overdue(date(2030, 1, 1))


def test_an_explanation_reaches_the_rows_as_received() -> None:
    explained = indicators.explain("encounters", xml130_map.models())
    lineage = dict(explained.lineage)
    leaves = {table for reads in lineage.values() for table in reads} - lineage.keys()
    assert "standard.xml130_1" in leaves
    assert all(name.startswith(("standard.", "reference.")) for name in leaves)
    assert explained.sql.startswith("SELECT")


def test_an_unknown_indicator_is_named_with_those_that_exist() -> None:
    with pytest.raises(UsageError) as caught:
        indicators.explain("happiness")
    assert caught.value.code == "USE-INDICATOR"
    assert "encounters" in caught.value.hint


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("unit: đồng\n", "", "thiếu"),
        ("unit: đồng\n", "unit: đồng\ncolour: red\n", "thừa"),
        ("unit: đồng", "unit: ''", "để trống"),
        ("column: cost", "column: nothing", "không có cột"),
        ("model: derived.facility_week_chapter", "model: derived.none", "không có bảng"),
        ("next_review: 2027-05-23", "next_review: 2026-01-01", "lần soát"),
        ("next_review: 2027-05-23", "next_review: sớm", "lần soát"),
        ("additive: true", "additive: maybe", "additive"),
        ("id: cost", "id: encounters", "đã có"),
    ],
)
def test_an_incomplete_definition_is_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    shutil.copytree(FOLDER, tmp_path / "d")
    path = tmp_path / "d" / "cost.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        definitions.read_definitions(tmp_path / "d", indicators.models())
    assert caught.value.code == "CFG-INDICATOR"
    assert told in caught.value.message
