"""Strict writer of XML130 deliveries, all tables of 4210, 130, 4750 and 3176: dossier envelopes, bare XML0 and XML12.

Envelope and bare files by letters 3190/BHXH-CNTT and 1245/BHXH-CNTT. Writing is strict: a name the version does not
know, a value over its size or a missing required field is an `InputError` before any byte is given. `Style` changes the
clothes of a file as they are met in real life, never its content.

Rows are given under official names (130 and later); for 4210 they are written under the names of that decision.
"""

from __future__ import annotations

import binascii
import random
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from operator import gt, itemgetter
from typing import Literal, Protocol

from bienho.core.errors import InputError
from bienho.standards.xml130.versions import BARE, TABLES
from bienho.standards.xml130.write_layout import VERSIONS, FormatVersion, WireField, layout, shape

__all__ = [
    "BARE",
    "CANONICAL",
    "STYLES",
    "TABLES",
    "VERSIONS",
    "FormatVersion",
    "Style",
    "encode_content",
    "layout",
    "shape",
    "write_assessment",
    "write_check_in",
    "write_delivery",
    "write_dossier",
    "write_envelope",
    "write_subfile",
]

Row = Mapping[str, str]
Tables = Mapping[str, Sequence[Row]]


class HasTables(Protocol):
    """Anything that carries its sub-files as `tables`: a read dossier fits."""

    @property
    def tables(self) -> Tables: ...


@dataclass(frozen=True, slots=True)
class Style:
    """How a file is dressed. The default is the canonical form; each switch is a habit met in real deliveries.

    declaration: `<?xml …?>` before the envelope; sub_declaration: before each sub-file.
    namespaces: xmlns:xsi and xmlns:xsd on the root (guide of 4750). bom: UTF-8 mark before envelope and sub-files.
    newline: line end used where lines end. indent: one element per line. base64_width: columns per line, 0 = one line.
    nested: sub-files as plain nested XML instead of base64. self_closed: `<X/>` instead of `<X></X>`.
    cdata: texts with blanks in CDATA. lower_case: element names of sub-files in lower case.
    shuffle: seed of a changed order of the fields in a row, None = official order.
    """

    declaration: bool = True
    sub_declaration: bool = True
    namespaces: bool = False
    bom: bool = False
    newline: Literal["\n", "\r\n"] = "\n"
    indent: bool = False
    base64_width: int = 0
    nested: bool = False
    self_closed: bool = False
    cdata: bool = False
    lower_case: bool = False
    shuffle: int | None = None


CANONICAL = Style()
STYLES: dict[str, Style] = {
    "canonical": CANONICAL,
    "wrapped_base64": Style(base64_width=64),
    "nested": Style(nested=True),
    "nested_indented": Style(nested=True, indent=True, newline="\r\n"),
    "no_declaration": Style(declaration=False),
    "bare": Style(declaration=False, sub_declaration=False),
    "namespaces": Style(namespaces=True),
    "bom": Style(bom=True),
    "crlf": Style(indent=True, newline="\r\n"),
    "self_closed": Style(self_closed=True),
    "cdata": Style(cdata=True),
    "shuffled": Style(shuffle=1),
    "lower_case": Style(lower_case=True),
    "mixed": Style(declaration=False, indent=True, newline="\r\n", base64_width=76, self_closed=True, shuffle=2),
}

_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'
_XSI = ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
_BOM = "\ufeff"
# What XML 1.0 cannot carry at all; surrogates stay because a Python text may hold one alone.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
# A bare CR would come back as LF: it is written as a reference.
_SPECIAL = re.compile("[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
_ESCAPE = str.maketrans(_ESCAPES)


class _RowWriter:
    """A compiled row: one set of present fields of one table in one version and style."""

    __slots__ = ("_cdata", "_limits", "_pick", "_plain", "_self_closed", "_table", "_tags", "_template", "names")

    def __init__(self, table: str, version: str, style: Style, present: frozenset[str]) -> None:
        fields = [f for f in layout(table, version) if f.official in present]
        _check_names(table, version, present, fields)
        if style.shuffle is not None:
            random.Random(f"{style.shuffle}/{table}").shuffle(fields)  # noqa: S311 - order of elements, not a secret
        self._table = table
        self.names = tuple(f.official for f in fields)
        self._pick = itemgetter(*self.names)
        self._limits = tuple(sys.maxsize if f.max_length is None else f.max_length for f in fields)
        wires = [f.wire.lower() if style.lower_case else f.wire for f in fields]
        end = style.newline if style.indent else ""
        pad = "      " if style.indent else ""
        self._tags = [(f"{pad}<{w}>", f"</{w}>{end}", f"{pad}<{w}/>{end}") for w in wires]
        self._template = "".join(f"{left}%s{right}" for left, right, _ in self._tags)
        self._cdata, self._self_closed = style.cdata, style.self_closed
        self._plain = not (style.cdata or style.self_closed)

    def render(self, row: Row, number: int) -> str:
        """The elements of one row as text; `number` is its 1-based place, for messages."""
        values: tuple[str, ...] = self._pick(row)
        try:
            whole = "".join(values)
            too_long = any(map(gt, map(len, values), self._limits))
        except TypeError:
            message = f"Bảng {self._table} dòng {number}: có giá trị không phải văn bản."
            raise InputError("IN-WRITE-TYPE", message) from None
        if too_long:
            self._refuse_length(values, number)
        special = _SPECIAL.search(whole) is not None
        if special:
            self._refuse_characters(values, number)
        if self._plain:
            return self._template % (tuple(v.translate(_ESCAPE) for v in values) if special else values)
        return "".join(
            empty if self._self_closed and not value else f"{left}{self._dress(value)}{right}"
            for value, (left, right, empty) in zip(values, self._tags, strict=True)
        )

    def _dress(self, value: str) -> str:
        if self._cdata and " " in value and "\r" not in value:
            return "<![CDATA[" + value.replace("]]>", "]]]]><![CDATA[>") + "]]>"
        return value.translate(_ESCAPE)

    def _refuse_characters(self, values: Sequence[str], number: int) -> None:
        for name, value in zip(self.names, values, strict=True):
            if _FORBIDDEN.search(value):
                message = f"Bảng {self._table} dòng {number}, trường {name}: có ký tự XML không cho phép."
                raise InputError("IN-WRITE-CHARACTER", message)

    def _refuse_length(self, values: Sequence[str], number: int) -> None:
        for name, value, limit in zip(self.names, values, self._limits, strict=True):
            if len(value) > limit:
                raise InputError(
                    "IN-WRITE-LENGTH",
                    f"Bảng {self._table} dòng {number}, trường {name}: dài {len(value)} ký tự, quá {limit} ký tự.",
                )


def _check_names(table: str, version: str, present: frozenset[str], fields: Sequence[WireField]) -> None:
    unknown = sorted(present - {f.official for f in fields})
    if unknown:
        raise InputError("IN-WRITE-FIELD", f"Bảng {table} theo chuẩn {version} không có trường {', '.join(unknown)}.")
    missing = [f.official for f in layout(table, version) if f.required and f.official not in present]
    if missing:
        raise InputError("IN-WRITE-MISSING", f"Bảng {table} theo chuẩn {version} thiếu trường {', '.join(missing)}.")


@lru_cache(maxsize=4096)
def _row_writer(table: str, version: str, style: Style, present: frozenset[str]) -> _RowWriter:
    return _RowWriter(table, version, style, present)


@cache
def _full(table: str, version: str) -> frozenset[str]:
    return frozenset(f.official for f in layout(table, version))


def write_subfile(table: str, rows: Sequence[Row], *, version: str, style: Style = CANONICAL) -> bytes:
    """One sub-file (XML1 … XML11, XML13 … XML15) as UTF-8 bytes, strict.

    InputError names table, row and field, never a value.
    """
    body = _body(table, rows, version=version, style=style)
    head = _DECLARATION + style.newline if style.sub_declaration and not style.nested else ""
    mark = _BOM if style.bom and not style.nested else ""
    return f"{mark}{head}{body}".encode()


def _body(table: str, rows: Sequence[Row], *, version: str, style: Style, after: str = "") -> str:
    """The root element of a sub-file; `after` comes behind the list of rows."""
    full = _full(table, version)
    names = shape(table, version)
    if not rows or (names.single and len(rows) != 1):
        raise InputError("IN-WRITE-ROWS", f"Bảng {table} phải có {'đúng' if names.single else 'ít nhất'} 01 dòng.")
    end = style.newline if style.indent else ""
    pad = "    " if style.indent else ""
    opening = closing = ""
    if names.row is not None:
        row_name = names.row.lower() if style.lower_case else names.row
        opening, closing = f"{pad}<{row_name}>{end}", f"{pad}</{row_name}>{end}"
    key = "SO_BIEN_BAN" if table == "XML12" else "MA_LK"
    inner: list[str] = []
    for number, row in enumerate(rows, 1):
        present = full if row.keys() == full else frozenset(row)
        writer = _row_writer(table, version, style, present)
        if not row[key] or (row[key] != rows[0][key] and table not in BARE):
            raise InputError("IN-WRITE-KEY", f"Bảng {table} dòng {number}: {key} trống hoặc khác các dòng còn lại.")
        inner.append(f"{opening}{writer.render(row, number)}{closing}")
    body = "".join(inner)
    for name in (names.rows, names.root):
        if name is not None:
            name = name.lower() if style.lower_case else name
            spaces = _XSI if style.namespaces and after and name.upper() == names.root else ""
            tail = after if name.upper() == names.root else ""
            body = f"<{name}{spaces}>{end}{body}{tail}</{name}>{end}"
    return body


def encode_content(data: bytes, style: Style = CANONICAL) -> str:
    """The text of NOIDUNGFILE: base64 of the sub-file, or its plain XML in nested style."""
    if style.nested:
        return data.decode()
    text = binascii.b2a_base64(data, newline=False).decode("ascii")
    width = style.base64_width
    if not width:
        return text
    lines = [text[i : i + width] for i in range(0, len(text), width)]
    return style.newline.join(lines)


def write_envelope(
    hosos: Iterable[Sequence[tuple[str, str]]],
    *,
    facility: str,
    created: str,
    style: Style = CANONICAL,
) -> bytes:
    """GIAMDINHHS around ready sub-files: per HOSO a sequence of (LOAIHOSO, text of NOIDUNGFILE).

    `created` is NGAYLAP, yyyymmdd. SOLUONGHOSO is the true count; CHUKYDONVI is empty. The texts are taken as they are.
    """
    _check_envelope(facility, created)
    end = style.newline if style.indent else ""
    blocks = []
    for files in hosos:
        inner = "".join(
            f"<FILEHOSO>{end}<LOAIHOSO>{kind}</LOAIHOSO>{end}<NOIDUNGFILE>{text}</NOIDUNGFILE>{end}</FILEHOSO>{end}"
            for kind, text in files
        )
        blocks.append(f"<HOSO>{end}{inner}</HOSO>{end}")
    if not blocks:
        raise InputError("IN-WRITE-EMPTY", "Không có hồ sơ nào để ghi.")
    head = (_BOM if style.bom else "") + (_DECLARATION + style.newline if style.declaration else "")
    return (
        f"{head}<GIAMDINHHS{_XSI if style.namespaces else ''}>{end}"
        f"<THONGTINDONVI>{end}<MACSKCB>{facility}</MACSKCB>{end}</THONGTINDONVI>{end}"
        f"<THONGTINHOSO>{end}<NGAYLAP>{created}</NGAYLAP>{end}<SOLUONGHOSO>{len(blocks)}</SOLUONGHOSO>{end}"
        f"<DANHSACHHOSO>{end}{''.join(blocks)}</DANHSACHHOSO>{end}</THONGTINHOSO>{end}"
        f"<CHUKYDONVI></CHUKYDONVI>{end}</GIAMDINHHS>"
    ).encode()


def _check_envelope(facility: str, created: str) -> None:
    if not re.fullmatch(r"[0-9A-Z]{5}", facility, re.ASCII):
        raise InputError("IN-WRITE-FACILITY", "Mã cơ sở khám chữa bệnh phải có đúng 5 ký tự chữ in hoa hoặc số.")
    try:
        valid = re.fullmatch(r"[0-9]{8}", created, re.ASCII) is not None
        date(int(created[:4]), int(created[4:6]), int(created[6:]))
    except ValueError:
        valid = False
    if not valid:
        raise InputError("IN-WRITE-DATE", "Ngày lập phải là một ngày có thật, dạng yyyymmdd.")


def write_dossier(dossier: HasTables | Tables, *, version: str, style: Style = CANONICAL) -> list[tuple[str, bytes]]:
    """The sub-files of one dossier as (LOAIHOSO, bytes), XML1 first; strict as `write_delivery`.

    Each discharge slip (XML7, one per newborn) is a sub-file of its own.
    """
    tables: Tables = dossier if isinstance(dossier, Mapping) else dossier.tables
    strange = sorted(table for table in tables if table not in TABLES or table in BARE)
    if strange:
        raise InputError("IN-WRITE-TABLE", f"Không ghi được bảng {', '.join(strange)} vào phong bì hồ sơ.")
    head = tables.get("XML1")
    if not head:
        raise InputError("IN-WRITE-ROWS", "Hồ sơ không có bảng XML1.")
    key = head[0].get("MA_LK")
    files = []
    for table in TABLES:
        rows = tables.get(table)
        if not rows:
            continue
        if rows[0].get("MA_LK") != key:
            raise InputError("IN-WRITE-KEY", f"Bảng {table} dòng 1: MA_LK khác với bảng XML1.")
        for part in ([row] for row in rows) if table == "XML7" else (rows,):
            files.append((table, write_subfile(table, part, version=version, style=style)))
    return files


def write_check_in(rows: Sequence[Row], *, version: str, style: Style = CANONICAL) -> bytes:
    """A bare check-in file (XML0): the rows of any visits, {official field: text}; strict as `write_delivery`."""
    return _bare("XML0", rows, version, style)


def write_assessment(rows: Sequence[Row], *, version: str, style: Style = CANONICAL) -> bytes:
    """A bare file of medical assessments (XML12), one row each; strict as `write_delivery`."""
    return _bare("XML12", rows, version, style)


def _bare(table: str, rows: Sequence[Row], version: str, style: Style) -> bytes:
    end = style.newline if style.indent else ""
    signature = "<CHUKYDONVI/>" if style.self_closed else "<CHUKYDONVI></CHUKYDONVI>"
    body = _body(table, rows, version=version, style=style, after=f"{signature}{end}")
    head = (_BOM if style.bom else "") + (_DECLARATION + style.newline if style.declaration else "")
    return f"{head}{body}".encode()


def write_delivery(
    dossiers: Iterable[HasTables | Tables],
    *,
    facility: str,
    created: str,
    version: str,
    style: Style = CANONICAL,
) -> bytes:
    """A whole delivery file (envelope GIAMDINHHS) of dossiers of one facility in one format version.

    Parameters: dossiers hold tables XML1 … XML11, XML13 … XML15 of rows {official field: text}; a field left out is
    left out of the file, '' is written empty. facility is MACSKCB (5 characters), created NGAYLAP (yyyymmdd).
    Errors: InputError IN-WRITE-TABLE, -ROWS, -FIELD, -MISSING, -LENGTH, -TYPE, -CHARACTER, -KEY, -EMPTY, -FACILITY,
    -DATE; messages carry names and places, never values.
    """
    hosos = (
        [(kind, encode_content(data, style)) for kind, data in write_dossier(one, version=version, style=style)]
        for one in dossiers
    )
    return write_envelope(hosos, facility=facility, created=created, style=style)
