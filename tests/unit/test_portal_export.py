"""Lists as files: nothing in them runs, nothing of them is lost."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from bienho.portal import export
from bienho.portal.components import Badge, Cell, Column, Table
from bienho.portal.export import Sheet, harmless, original, table_csv, table_xlsx

NOW = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
ATTACKS = (
    "=cmd|'/C calc'!A0", "@SUM(1+1)", "+1+1", "-1+1", "\t=1", "\r=1", "'=1", "''", "a;=1+1", "a\n=1", "＝1+1",
    "https://example.org", "javascript:alert(1)", "{=1+1}", "_x003D_1", "mailto:a@b", "internal:Sheet2!A1", "00123",
    "1e5",
)  # fmt: skip
XLSX = {"x": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


def table(*cells: Cell, note: str = "") -> Table:
    columns = [Column("a", "Cơ sở", about="Nơi gửi", origin="standard.delivery.facility_code")]
    return Table("x", "Danh sách thử", columns, [{"a": cell} for cell in cells], note=note)


def parts(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        return {name: book.read(name) for name in book.namelist()}


def values(content: bytes, sheet: int = 1) -> dict[str, tuple[str, str]]:
    """Cell → (type as stored, text), by a reader of this test's own."""
    files = parts(content)
    shared = [
        "".join(node.itertext())
        for node in etree.fromstring(files["xl/sharedStrings.xml"]).iterfind("x:si", XLSX)
    ]  # fmt: skip
    found = {}
    for cell in etree.fromstring(files[f"xl/worksheets/sheet{sheet}.xml"]).iter(f"{{{XLSX['x']}}}c"):
        assert cell.find("x:f", XLSX) is None, "a formula"
        kind, text = cell.get("t", "n"), cell.findtext("x:v", "", XLSX)
        if kind == "s":
            text = re.sub("_x([0-9A-F]{4})_", lambda m: chr(int(m[1], 16)), shared[int(text)])
        found[cell.get("r")] = (kind, text)
    return found


@pytest.mark.parametrize("text", ATTACKS)
def test_a_workbook_holds_every_text_as_a_text(text: str) -> None:
    made = table_xlsx(Sheet(table(Cell(text), Cell("x", raw=text), Cell("", badge=Badge(text, "ok")))), NOW)
    cells = values(made)
    assert [cells[place] for place in ("A4", "A5", "A6")] == [("s", text)] * 3
    files = parts(made)
    assert not [name for name in files if "rels" in name and b'TargetMode="External"' in files[name]]
    assert not [name for name in files if "vba" in name.lower() or "externalLink" in name]


def test_numbers_and_days_are_numbers_and_days() -> None:
    given_ = [12, Decimal("1234.5"), 2**60, True, NOW, date(2026, 11, 23)]
    cells = values(table_xlsx(Sheet(table(*(Cell("?", raw=value) for value in given_))), NOW))
    kinds = [cells[f"A{number}"] for number in range(4, 10)]
    assert kinds[:4] == [("n", "12"), ("n", "1234.5"), ("s", str(2**60)), ("s", "True")]
    day = date(2026, 11, 23).toordinal() - date(1899, 12, 30).toordinal()
    # 01:30 UTC is 08:30 in Gia Lai.
    assert float(kinds[4][1]) == pytest.approx(day + 8.5 / 24)
    assert kinds[5] == ("n", str(day))


def test_a_workbook_says_what_it_is() -> None:
    made = table_xlsx(Sheet(table(Cell("Bệnh viện", note="64001")), [("Bộ lọc", "=1"), ("Số dòng", "1")]), NOW)
    cells, meaning = values(made), values(made, 2)
    assert [cells[f"A{number}"][1] for number in (1, 2, 3)] == ["Danh sách thử", "Bộ lọc: =1", "Số dòng: 1"]
    assert [cells[place][1] for place in ("A5", "B5", "A6", "B6")] == [
        "Cơ sở", "Cơ sở (ghi thêm)", "Bệnh viện", "64001",
    ]  # fmt: skip
    assert [meaning[place][1] for place in ("A2", "B2", "C2")] == [
        "Cơ sở",
        "Nơi gửi",
        "standard.delivery.facility_code",
    ]
    sheet = parts(made)["xl/worksheets/sheet1.xml"]
    assert b'state="frozen"' in sheet
    assert b'<autoFilter ref="A5:B6"' in sheet


def test_a_text_too_long_for_a_cell_says_that_it_was_cut() -> None:
    kind, text = values(table_xlsx(Sheet(table(Cell("=" + "x" * 40_000))), NOW))["A4"]
    assert (kind, len(text)) == ("s", export.CELL_MOST)
    assert text.endswith("(bị cắt: ô bảng tính chỉ chứa 32767 ký tự)")


def test_characters_no_xml_may_hold_do_not_break_the_workbook() -> None:
    cells = values(table_xlsx(Sheet(table(Cell("a\x00b\x1fc\uffffd"))), NOW))
    assert cells["A4"] == ("s", "a\x00b\x1fc\ufffdd")


@pytest.mark.parametrize("text", ATTACKS)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_no_cell_of_a_csv_begins_a_formula_however_it_is_split(text: str, separator: str) -> None:
    content = table_csv(table(Cell(text), Cell(f"x,{text}"), Cell(f'"{text}'))).decode("utf-8-sig")
    for line in csv.reader(io.StringIO(content, newline=""), delimiter=separator):
        for cell in line:
            assert cell[:1] not in ("=", "+", "-", "@", "\t", "\r") or not cell, cell


@given(st.text(alphabet=st.sampled_from("=+-@'; \t\r\na１＝0")))
def test_the_apostrophe_can_be_taken_away_again(text: str) -> None:
    guarded = harmless(text)
    assert original(guarded) == text
    assert not [piece for piece in re.split("[;\t\r\n]", guarded) if piece[:1] in tuple("=+-@＝")]
    if not re.search("(^|[;\t\r\n])['=+\\-@\t\r＝]", text):
        assert guarded == text


def test_csv_for_people_and_their_spreadsheets() -> None:
    content = table_csv(table(Cell("=1+1"), Cell("12", raw=-12), Cell("?", raw=NOW)))
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.decode("utf-8-sig").splitlines() == ["Cơ sở", "'=1+1", "-12", "23/11/2026 08:30"]
