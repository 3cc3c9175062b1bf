"""Code lists that people bring: CSV files, judged before anything is taken in.

A list is taken whole or not at all: the first problems are named by line and column so that they can be mended in the
file. Delimiter comma, semicolon or tab; UTF-8 with or without a byte order mark.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bienho.core.errors import InputError, UsageError
from bienho.core.text import nfc
from bienho.terminology.anchors import KIND as TRUST_ANCHORS
from bienho.terminology.anchors import parse_trust_anchors
from bienho.terminology.builtin import chapter_of
from bienho.terminology.codes import FacilityCode, Icd10Code
from bienho.terminology.editions import KEYS, OPEN_START, Edition, build_edition

PROBLEMS_SHOWN = 5
ROWS_MAX = 200_000
_FORMATS = ("4210", "130", "4750", "3176")
EVERYWHERE = "*"
DEADLINES = ("24h", "48h", "week")
CERTAINTIES = ("suspected", "probable", "confirmed")
DECISIONS = ("endemic", "not_endemic", "epidemic_year")
Row = dict[str, str]


class BadCell(ValueError):
    """A cell that cannot be taken; `column` as in the file's header."""

    def __init__(self, column: str, why: str) -> None:
        super().__init__(why)
        self.column = column
        self.why = why


@dataclass(frozen=True, slots=True)
class ImportKind:
    """How one kind of list is read: the columns that must be there and what a line becomes."""

    code_system: str
    required: tuple[str, ...]
    build: Callable[[Row, date], dict[str, object]]
    complete: bool


def parse_import(kind: str, data: bytes, edition: str, valid_from: date, *, source: str = "") -> Edition:
    """An edition from the bytes of a CSV file, or of a PEM file for trust anchors.

    `kind` is one of `KINDS`. UsageError USE-CODES-KIND for another; InputError IN-CODES (unreadable file),
    IN-CODES-COLUMNS (columns missing) or IN-CODES-ROWS (lines and columns that cannot be taken).
    """
    if kind == TRUST_ANCHORS:
        return parse_trust_anchors(data, edition, valid_from, source=source)
    reader = IMPORT_KINDS.get(kind)
    if reader is None:
        raise UsageError("USE-CODES-KIND", f"Không biết loại danh mục “{kind}”.", hint=", ".join(KINDS))
    lines = _read_csv(data, reader.required)
    rows: list[dict[str, object]] = []
    problems: list[str] = []
    seen: dict[tuple[object, ...], tuple[int, dict[str, object]]] = {}
    for number, line in lines:
        try:
            row = reader.build(line, valid_from)
        except BadCell as bad:
            problems.append(f"dòng {number}, cột {bad.column}: {bad.why}")
            continue
        identity = (*(row[c] for c in KEYS[reader.code_system]), row.get("valid_from"))
        if identity not in seen:
            seen[identity] = (number, row)
            rows.append(row)
        elif row.get("mark") != seen[identity][1].get("mark"):
            # The Ministry prints some categories twice, with and without the mark: one code that bears a mark.
            seen[identity][1]["mark"] = row.get("mark") or seen[identity][1]["mark"]
        elif row != seen[identity][1]:  # a line printed twice does no harm
            problems.append(f"dòng {number}: cùng mã nhưng khác nội dung với dòng {seen[identity][0]}")
    if problems:
        more = f"; và {len(problems) - PROBLEMS_SHOWN} chỗ khác" if len(problems) > PROBLEMS_SHOWN else ""
        raise InputError(
            "IN-CODES-ROWS",
            f"Danh mục có {len(problems)} chỗ không nhận được: {'; '.join(problems[:PROBLEMS_SHOWN])}{more}.",
            hint="Sửa tệp rồi nhập lại; chưa có dòng nào được nhận.",
        )
    return build_edition(
        reader.code_system,
        edition,
        valid_from,
        rows,
        complete=reader.complete,
        source=source or f"Nhập từ tệp, {edition}",
    )


def parse_icd10(
    content: Path | bytes, edition: str = "QĐ 4469/QĐ-BYT", valid_from: date = OPEN_START, *, source: str = ""
) -> Edition:
    """The Ministry's ICD-10 list: columns code, code_nodot, name_vi, name_en, chapter, block, category3."""
    data = content if isinstance(content, bytes) else content.read_bytes()
    return parse_import("icd10", data, edition, valid_from, source=source)


def _read_csv(data: bytes, required: Sequence[str]) -> list[tuple[int, Row]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            "IN-CODES",
            f"Tệp danh mục không phải chữ UTF-8 (byte thứ {error.start + 1}).",
            hint="Trong Excel chọn lưu dạng “CSV UTF-8”.",
        ) from error
    if "\0" in text:
        raise InputError(
            "IN-CODES", "Tệp danh mục không phải CSV.", hint="Lưu bảng tính thành “CSV UTF-8” rồi nhập lại."
        )
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restkey="\0rest")
    header = [nfc(name or "").strip().lower() for name in reader.fieldnames or ()]
    missing = [name for name in required if name not in header]
    if missing:
        raise InputError(
            "IN-CODES-COLUMNS",
            f"Tệp danh mục thiếu cột {', '.join(missing)}.",
            hint=f"Dòng đầu phải có các cột: {', '.join(required)}.",
        )
    reader.fieldnames = header
    lines: list[tuple[int, Row]] = []
    try:
        for raw in reader:
            if len(lines) >= ROWS_MAX:
                raise InputError("IN-CODES", f"Tệp danh mục có hơn {ROWS_MAX} dòng.")
            if "\0rest" in raw:
                raise InputError("IN-CODES", f"Dòng {reader.line_num} có nhiều ô hơn dòng tiêu đề.")
            clean = {name: nfc(value or "").strip() for name, value in raw.items() if name}
            if any(clean.values()):
                lines.append((reader.line_num, clean))
    except csv.Error as error:
        raise InputError("IN-CODES", f"Dòng {reader.line_num} không đúng dạng CSV.") from error
    if not lines:
        raise InputError("IN-CODES", "Tệp danh mục không có dòng nào.")
    return lines


def _need(line: Row, column: str) -> str:
    value = line.get(column, "")
    if not value:
        raise BadCell(column, "để trống")
    return value


def _day(line: Row, column: str) -> date | None:
    value = line.get(column, "")
    if not value:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise BadCell(column, "ngày phải viết dạng 2025-07-01") from None


def _windowed(line: Row, valid_from: date) -> dict[str, object]:
    start, end = _day(line, "valid_from") or valid_from, _day(line, "valid_to")
    if end is not None and end <= start:
        raise BadCell("valid_to", "phải sau ngày bắt đầu hiệu lực")
    return {"valid_from": start, "valid_to": end}


def _icd10(line: Row, valid_from: date) -> dict[str, object]:
    code = Icd10Code.parse(_need(line, "code"))
    if code is None:
        raise BadCell("code", "không đúng dạng mã ICD-10")
    if line.get("code_nodot") and line["code_nodot"].upper() != code.nodot:
        raise BadCell("code_nodot", "khác với cột code")
    derived = chapter_of(code)
    chapter = line.get("chapter", "").upper() or derived
    if derived is not None and chapter != derived:
        raise BadCell("chapter", f"mã này thuộc chương {derived}")
    return {
        "code": code.code,
        "code_nodot": code.nodot,
        "mark": code.mark or None,
        "name_vi": _need(line, "name_vi"),
        "name_en": line.get("name_en") or None,
        "chapter": chapter,
        "block": line.get("block") or None,
        "category3": code.category3,
        "valid_from": valid_from,
    }


def _facility(line: Row, valid_from: date) -> dict[str, object]:
    code = FacilityCode.parse(_need(line, "code"))
    if code is None:
        raise BadCell("code", "mã cơ sở phải có 5 ký tự, hai ký tự đầu là số")
    canonical = FacilityCode.parse(line["canonical_code"]) if line.get("canonical_code") else code
    if canonical is None:
        raise BadCell("canonical_code", "mã cơ sở phải có 5 ký tự")
    commune = line.get("commune", "")
    if commune and not (len(commune) == 5 and commune.isdigit()):
        raise BadCell("commune", "mã xã phải có 5 chữ số")
    status = line.get("status") or "official"
    if status not in ("official", "provisional"):
        raise BadCell("status", "chỉ nhận official hoặc provisional")
    return {
        "code": code.code,
        "canonical_code": canonical.code,
        "name": _need(line, "name"),
        "type": line.get("type") or "unknown",
        "owner": line.get("owner") or None,
        "level": line.get("level") or None,
        "commune": commune or None,
        "status": status,
        **_windowed(line, valid_from),
    }


def _value(line: Row, valid_from: date) -> dict[str, object]:
    version = _need(line, "format_version")
    if version not in _FORMATS:
        raise BadCell("format_version", f"chỉ nhận {', '.join(_FORMATS)}")
    return {
        "value_set": _need(line, "value_set").upper(),
        "code": _need(line, "code"),
        "name_vi": _need(line, "name_vi"),
        "format_version": version,
        **_windowed(line, valid_from),
    }


def _choice(line: Row, column: str, known: Sequence[str], *, empty: bool = False) -> str:
    value = line.get(column, "")
    if value not in known and not (empty and not value):
        raise BadCell(column, f"chỉ nhận {', '.join(known)}")
    return value


def _whole(line: Row, column: str, low: int, high: int) -> int:
    value = line.get(column, "")
    if not (value.isascii() and value.isdigit() and low <= int(value) <= high):
        raise BadCell(column, f"phải là số nguyên từ {low} đến {high}")
    return int(value)


def _disease(line: Row) -> str:
    value = _need(line, "disease")
    if not re.fullmatch(r"[a-z0-9_]{2,40}", value):
        raise BadCell("disease", "mã bệnh chỉ có chữ thường không dấu, chữ số và gạch dưới, như trong danh mục bệnh")
    return value


def _commune(line: Row, *, all_: bool = False) -> str:
    value = line.get("commune", "")
    if not (re.fullmatch(r"[0-9]{5}", value) or (all_ and value == EVERYWHERE)):
        raise BadCell("commune", "mã xã phải có 5 chữ số" + (f", hoặc {EVERYWHERE} cho cả tỉnh" if all_ else ""))
    return value


def _notifiable(line: Row, valid_from: date) -> dict[str, object]:
    code = line.get("code", "")
    if code and not re.fullmatch(r"[A-Z][0-9]{2}(\.[0-9])?", code):
        raise BadCell("code", "phải là nhóm ba ký tự (A97) hoặc mã có dấu chấm (A97.0)")
    return {
        "disease": _disease(line),
        "name_vi": _need(line, "name_vi"),
        "deadline": _choice(line, "deadline", DEADLINES),
        "list_no": _whole(line, "list_no", 1, 999) if line.get("list_no") else None,
        "law_group": _choice(line, "law_group", ("A", "B", "C"), empty=True) or None,
        "code": code,
        "certainty": _choice(line, "certainty", CERTAINTIES) if code else None,
        "takes_over": _choice(line, "takes_over", ("yes", "no"), empty=True) == "yes",
        "episode_days": _whole(line, "episode_days", 1, 36_500),
        "valid_from": valid_from,
    }


def _decision(line: Row, valid_from: date) -> dict[str, object]:
    kind = _choice(line, "kind", DECISIONS)
    decided = _day(line, "decided_on")
    if decided is None:
        raise BadCell("decided_on", "phải ghi ngày của văn bản")
    return {
        "disease": _disease(line),
        "commune": _commune(line, all_=True),
        "kind": kind,
        "year": _whole(line, "year", 1980, 2100) if kind == "epidemic_year" else 0,
        "document": _need(line, "document"),
        "decided_on": decided,
        "valid_from": valid_from,
    }


def _history(line: Row, valid_from: date) -> dict[str, object]:
    unit = _choice(line, "unit", ("month", "week"))
    return {
        "disease": _disease(line),
        "commune": _commune(line),
        "unit": unit,
        "year": _whole(line, "year", 1980, 2100),
        "number": _whole(line, "number", 1, 12 if unit == "month" else 53),
        "cases": _whole(line, "cases", 0, 1_000_000),
        "valid_from": valid_from,
    }


def _waiver(line: Row, valid_from: date) -> dict[str, object]:
    code = FacilityCode.parse(_need(line, "facility_code"))
    if code is None:
        raise BadCell("facility_code", "mã cơ sở phải có 5 ký tự, hai ký tự đầu là số")
    _need(line, "valid_to")
    return {
        "rule": _whole(line, "rule", 1, 9999),
        "facility_code": code.code,
        "reason": _need(line, "reason"),
        "decided_by": _need(line, "decided_by"),
        **_windowed(line, valid_from),
    }


IMPORT_KINDS: Mapping[str, ImportKind] = {
    "icd10": ImportKind("icd10", ("code", "name_vi"), _icd10, complete=True),
    "facility": ImportKind("facility", ("code", "name"), _facility, complete=True),
    "rule-waiver": ImportKind(
        "rule_waiver", ("rule", "facility_code", "reason", "decided_by", "valid_to"), _waiver, complete=True
    ),
    "value_set": ImportKind("value_set", ("value_set", "code", "name_vi", "format_version"), _value, complete=True),
    "notifiable": ImportKind(
        "notifiable",
        ("disease", "name_vi", "deadline", "code", "certainty", "episode_days"),
        _notifiable,
        complete=True,
    ),
    "epidemic-decision": ImportKind(
        "epidemic_decision", ("disease", "commune", "kind", "year", "document", "decided_on"), _decision, complete=True
    ),
    "case-history": ImportKind(
        "case_history", ("disease", "commune", "unit", "year", "number", "cases"), _history, complete=False
    ),
}
"""Lists people can import as CSV. Communes come with the province profile."""
KINDS = (*sorted(IMPORT_KINDS), TRUST_ANCHORS)
"""Every kind of list people can import."""
