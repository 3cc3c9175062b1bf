"""A list as a file: a workbook for people, CSV for programs. The same rows and rights as the page; made in memory.

Nothing in such a file may run. In a workbook every text is written as text, whatever it begins with. CSV has no
types, so a text that a spreadsheet would take for a formula gets an apostrophe, which `original` takes away again.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from bienho.portal.components import Cell, Column, Table
from bienho.portal.formats import local, moment
from bienho.portal.language import t

CELL_MOST = 32_767
"""More characters do not fit into a cell of a workbook."""
EXACT = 2**53
"""Spreadsheets calculate with doubles: a longer whole number is a text."""
SHEET_NAME = 31
WIDEST = 60
SETTINGS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
    "remove_timezone": False,
}
# What ends a cell for one reader or another: Excel in Vietnamese splits at `;`, and then does not see our quotes.
_RISKY = re.compile(r"(^|[;\t\r\n])(?=['=+\-@\t\r＝＋－＠])")
_GUARDED = re.compile(r"(^|[;\t\r\n])'")
_UNPRINTABLE = {0xFFFE: "\ufffd", 0xFFFF: "\ufffd"}
Line = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table on its way into a file; `lines` are (name, value) above it: when, who, for what, which rows."""

    table: Table
    lines: Sequence[Line] = ()


def harmless(text: str) -> str:
    """The text with `'` before everything that would begin a formula, even where a reader splits the line wrongly."""
    return _RISKY.sub(r"\1'", text)


def original(text: str) -> str:
    """What `harmless` was given: one `'` less at the beginning and after each `;`, tab and line end."""
    return _GUARDED.sub(r"\1", text)


def table_csv(table: Table) -> bytes:
    """CSV with a byte order mark, so that a spreadsheet reads Vietnamese; texts are `harmless`."""
    out = io.StringIO()
    writer = csv.writer(out)
    titles, rows = _flat(table)
    writer.writerow([harmless(title) for title, _ in titles])
    for row in rows:
        writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in map(_csv_value, row)])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def table_xlsx(sheet: Sheet, made_at: datetime) -> bytes:
    """A workbook: title, when and which rows, the table under a head that stays; then what each column means."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, SETTINGS) as book:
        book.set_properties({"title": sheet.table.caption, "author": "Biển Hồ", "created": local(made_at)})
        styles = _styles(book)
        _list_page(book.add_worksheet(t("Danh sách")[:SHEET_NAME]), sheet, styles)
        _meaning_page(book.add_worksheet(t("Giải thích cột")[:SHEET_NAME]), sheet.table, styles)
    return out.getvalue()


def _flat(table: Table) -> tuple[list[tuple[str, Column]], list[list[Any]]]:
    """Columns and values; the small line under a cell becomes a column of its own where any row has one."""
    noted = [any(line[place][1].note for line in table.lines) for place in range(len(table.columns))]
    titles: list[tuple[str, Column]] = []
    for column, more in zip(table.columns, noted, strict=True):
        titles.append((column.title, column))
        if more:
            titles.append((t("{title} (ghi thêm)", title=column.title), column))
    rows = []
    for line in table.lines:
        row: list[Any] = []
        for (_, cell), more in zip(line, noted, strict=True):
            row.append(_value(cell))
            if more:
                row.append(cell.note)
        rows.append(row)
    return titles, rows


def _value(cell: Cell) -> Any:
    if cell.raw is not None:
        return cell.raw
    return cell.badge.text if cell.badge else cell.text


def _csv_value(value: Any) -> Any:
    """Moments as people read them; numbers stay numbers."""
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}"
    return value


def _styles(book: xlsxwriter.Workbook) -> dict[str, Format]:
    """Formats by name. Excel writes `#,##0` with the separators of its language: 1.234 in Vietnamese."""
    plain = {"valign": "top", "text_wrap": True}
    return {
        "title": book.add_format({"bold": True, "font_size": 14}),
        "said": book.add_format({"font_color": "#4A5B63"}),
        "head": book.add_format({"bold": True, "bottom": 1, "valign": "top", "text_wrap": True, "bg_color": "#E6EEEC"}),
        "text": book.add_format({**plain, "num_format": "@"}),
        "whole": book.add_format({**plain, "num_format": "#,##0"}),
        "decimal": book.add_format({**plain, "num_format": "#,##0.##"}),
        "moment": book.add_format({**plain, "align": "left", "num_format": "dd/mm/yyyy hh:mm"}),
        "day": book.add_format({**plain, "align": "left", "num_format": "dd/mm/yyyy"}),
    }


def _list_page(page: Worksheet, sheet: Sheet, styles: dict[str, Format]) -> None:
    titles, rows = _flat(sheet.table)
    _text(page, 0, 0, sheet.table.caption, styles["title"])
    for number, (name, value) in enumerate(sheet.lines, 1):
        _text(page, number, 0, f"{name}: {value}", styles["said"])
    head = len(sheet.lines) + 2
    for place, (title, _) in enumerate(titles):
        _text(page, head, place, title, styles["head"])
    widths = [len(title) for title, _ in titles]
    for number, row in enumerate(rows, head + 1):
        for place, value in enumerate(row):
            _cell(page, number, place, value, styles)
            widths[place] = max(widths[place], len(value) if isinstance(value, str) else 16)
    for place, width in enumerate(widths):
        page.set_column(place, place, min(width + 2, WIDEST))
    page.freeze_panes(head + 1, 0)
    page.autofilter(head, 0, head + max(len(rows), 1), len(titles) - 1)
    page.repeat_rows(head)
    page.set_landscape()
    page.fit_to_pages(1, 0)


def _meaning_page(page: Worksheet, table: Table, styles: dict[str, Format]) -> None:
    for place, title in enumerate((t("Cột"), t("Nghĩa"), t("Lấy từ"))):
        _text(page, 0, place, title, styles["head"])
    for number, column in enumerate(table.columns, 1):
        for place, text in enumerate((column.title, column.about or column.title, column.origin or "—")):
            _text(page, number, place, text, styles["text"])
    page.set_column(0, 0, 28)
    page.set_column(1, 1, WIDEST)
    page.set_column(2, 2, 40)
    page.freeze_panes(1, 0)


def _cell(page: Worksheet, row: int, place: int, value: Any, styles: dict[str, Format]) -> None:
    if isinstance(value, datetime):
        page.write_datetime(row, place, local(value).replace(tzinfo=None), styles["moment"])
    elif isinstance(value, date):
        page.write_datetime(row, place, value, styles["day"])
    elif isinstance(value, int | float | Decimal) and not isinstance(value, bool) and -EXACT < value < EXACT:
        page.write_number(row, place, value, styles["whole" if value == int(value) else "decimal"])
    else:
        _text(page, row, place, str(value), styles["text"])


def _text(page: Worksheet, row: int, place: int, text: str, style: Format) -> None:
    """A text as a text; one that does not fit says that it was cut."""
    text = text.translate(_UNPRINTABLE)
    if len(text) > CELL_MOST:
        mark = t(" … (bị cắt: ô bảng tính chỉ chứa {n} ký tự)", n=CELL_MOST)
        text = text[: CELL_MOST - len(mark)] + mark
    page.write_string(row, place, text, style)
