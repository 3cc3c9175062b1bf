"""Exported files as LibreOffice opens them: texts are texts to the letter, numbers and dates are what people read."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from bienho.portal.components import Cell, Column, Table
from bienho.portal.export import Sheet, original, table_csv, table_xlsx
from support import injections
from support.office import Office

pytestmark = pytest.mark.office
NOW = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
MORE = ("00123", "1e5", "23/11/2026", "TRUE", "#REF!", "=1+1", "'=1", "a;=1+1", "  đầu và cuối  ", "_x0041_", "1.234,5")


@pytest.fixture(scope="module")
def office(office_path: str, tmp_path_factory: pytest.TempPathFactory) -> Office:
    return Office(office_path, tmp_path_factory.mktemp("office"))


def table(*cells: Cell) -> Table:
    return Table("x", "Bảng thử", [Column("a", "Nội dung")], [{"a": cell} for cell in cells])


def test_a_workbook_is_what_was_put_in(office: Office, tmp_path: Path) -> None:
    sent = [*injections.TEXTS, *MORE]
    numbers = [1234567, Decimal("1234.5"), NOW]
    file = tmp_path / "x.xlsx"
    file.write_bytes(table_xlsx(Sheet(table(*map(Cell, sent), *(Cell("?", raw=n) for n in numbers))), NOW))
    (found,) = office.cells(file)
    assert found.texts[2 : 2 + len(sent)] == sent
    assert (found.formulas, found.links) == ([], [])
    assert [(kind, value) for kind, value, _ in found.numbers] == [
        ("float", "1234567"), ("float", "1234.5"), ("date", "2026-11-23T08:30:00"),
    ]  # fmt: skip
    assert [shown for _, _, shown in found.numbers] == ["1,234,567", "1,234.5", "23/11/2026 08:30"]


def test_a_csv_runs_nothing_and_can_be_undone(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(table_csv(table(*map(Cell, injections.TEXTS))))
    (found,) = office.cells(file)
    assert [original(text) for text in found.texts[1:]] == list(injections.TEXTS)
    assert (found.formulas, found.numbers) == ([], [])
