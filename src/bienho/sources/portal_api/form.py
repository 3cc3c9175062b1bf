"""What clients put into a request: a form, as the guide says, or JSON with the same names, as some do.

Names are compared without regard to case. A name given twice is no form: which of the two was meant cannot be told.
Base64 is read as it is met: a `+` that was not percent-encoded is a `+`, lines may be wrapped.
"""

from __future__ import annotations

import binascii
import re
from array import array
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson

from bienho.core.errors import LimitError
from bienho.sources.portal_api.replies import BAD_FILE, BAD_PARAMETER, Refused

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
FILE = "filehsbase64"
FILE_4210 = "filehs"
MOST_FIELDS = 32
MOST_TEXT = 1_000
"""Characters of a field that is not the file."""
_ESCAPES = ((b"%2B", b"+"), (b"%2b", b"+"), (b"%2F", b"/"), (b"%2f", b"/"), (b"%3D", b"="), (b"%3d", b"="))
_BLANK = b" \t\r\n"
_NAME = re.compile(rb"[A-Za-z_][A-Za-z0-9_]{0,39}\Z")

Value = str | bytes | list[Any]
"""`bytes`: base64 as it stood in the form; `list`: an array of JSON."""


class NotAForm(Refused):
    """A body or query that cannot be read as names and values."""

    def __init__(self, text: str) -> None:
        super().__init__(BAD_PARAMETER, text)


class Form:
    """Names and values of one request."""

    def __init__(self, pairs: Iterable[tuple[str, Value]]) -> None:
        self._values: dict[str, Value] = {}
        for name, value in pairs:
            key = name.lower()
            if key in self._values:
                raise NotAForm(f"Tham số {name} lặp lại.")
            if len(self._values) >= MOST_FIELDS:
                raise NotAForm(f"Quá {MOST_FIELDS} tham số.")
            if isinstance(value, str) and key not in (FILE, FILE_4210) and len(value) > MOST_TEXT:
                raise NotAForm(f"Tham số {name} quá dài.")
            self._values[key] = value

    def text(self, name: str) -> str:
        """A value without blanks around it; '' when it is missing or no text."""
        value = self._values.get(name.lower(), "")
        return value.strip() if isinstance(value, str) else ""

    def value(self, name: str) -> Value | None:
        """A value as it came; None when it is missing."""
        return self._values.get(name.lower())

    def joined(self, other: Form) -> Form:
        """Both as one; a name that stands in both is a name given twice."""
        return Form([*self._values.items(), *other._values.items()])


def read_query(query: bytes) -> Form:
    """The form in a query string. `NotAForm` when it is none."""
    return Form(_pairs(query))


def read_body(content_type: str, body: bytes) -> Form:
    """The form in a body: JSON where it says or looks so, else a form. `NotAForm` when it is neither."""
    if content_type.partition(";")[0].strip().lower() == JSON or body[:1] in (b"{", b"["):
        return Form(_object(body))
    return Form(_pairs(body))


def read_file(value: Value | None, most: int) -> bytes:
    """The bytes of a file: base64, or numbers of bytes as some clients write them. LimitError above `most` bytes.

    `Refused` with 205 when there is none, with 123 when it is no base64.
    """
    if value is None or not value:
        raise NotAForm("Thiếu tệp hồ sơ (fileHSBase64).")
    if isinstance(value, list):
        return _numbers(value)
    packed = value.encode("ascii", "replace") if isinstance(value, str) else value
    packed = packed.translate(None, _BLANK)
    if len(packed) * 3 // 4 > most + 2:
        raise LimitError("LIM-DELIVERY-BYTES", f"Tệp lớn hơn {most // 1024**2} MiB cho phép.", hint="Chia nhỏ tệp.")
    try:
        return binascii.a2b_base64(packed, strict_mode=True)
    except binascii.Error:
        raise Refused(BAD_FILE, "fileHSBase64 không phải base64; dấu + phải được mã hóa thành %2B.") from None


def read_bare(content_type: str, body: bytes, most: int) -> bytes:
    """The file of a 4210 request, whose body is the file itself, or holds it as `fileHS`, or is JSON of its bytes."""
    kind = content_type.partition(";")[0].strip().lower()
    head = body[:8].lstrip()
    if kind == JSON or head[:1] in (b"{", b"[", b'"'):
        told = _parsed(body)
        if isinstance(told, dict):
            form = Form(_object(body))
            return read_file(form.value(FILE_4210) or form.value(FILE), most)
        return read_file(told if isinstance(told, str | list) else None, most)
    if kind == FORM and body[:40].lower().startswith((b"filehs=", b"filehsbase64=")):
        form = Form(_pairs(body))
        return read_file(form.value(FILE_4210) or form.value(FILE), most)
    if not body:
        raise NotAForm("Thiếu tệp hồ sơ trong thân yêu cầu.")
    return body


def _pairs(text: bytes) -> Iterable[tuple[str, Value]]:
    if text.count(b"&") >= 2 * MOST_FIELDS:
        raise NotAForm("Quá nhiều tham số.")
    for part in text.split(b"&"):
        if not part:
            continue
        raw, sign, value = part.partition(b"=")
        name = unquote_to_bytes(raw)
        if not sign or not _NAME.match(name):
            raise NotAForm("Thân yêu cầu không đúng dạng tên=giá trị.")
        key = name.decode("ascii")
        if key.lower() in (FILE, FILE_4210):
            yield key, _unescaped(value)
            continue
        try:
            yield key, unquote_to_bytes(value.replace(b"+", b" ")).decode("utf-8")
        except UnicodeDecodeError:
            raise NotAForm(f"Tham số {key} không phải UTF-8.") from None


def _unescaped(value: bytes) -> bytes:
    """Base64 out of a form. The three signs that are ever escaped are looked for first: a file has many of them."""
    for escape, sign in _ESCAPES:
        value = value.replace(escape, sign)
    return unquote_to_bytes(value) if b"%" in value else value


def _object(body: bytes) -> Iterable[tuple[str, Value]]:
    told = _parsed(body)
    if not isinstance(told, dict):
        raise NotAForm("Thân yêu cầu JSON phải là một đối tượng.")
    for name, value in told.items():
        if value is None:
            continue
        if isinstance(value, bool | dict | float):
            raise NotAForm("Giá trị trong JSON phải là chữ hoặc số nguyên.")
        if isinstance(value, list) and name.lower() not in (FILE, FILE_4210):
            raise NotAForm("Giá trị trong JSON phải là chữ hoặc số nguyên.")
        yield name, str(value) if isinstance(value, int) else value


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise NotAForm("Thân yêu cầu không phải JSON hợp lệ.") from None


def _numbers(values: list[Any]) -> bytes:
    """Bytes as numbers, all of them 0 to 255 or, as Java has them, -128 to 127."""
    try:
        return bytes(values) if min(values) >= 0 else array("b", values).tobytes()
    except (TypeError, ValueError, OverflowError):
        raise Refused(BAD_FILE, "fileHS phải là mảng số từ 0 đến 255, hoặc từ -128 đến 127.") from None
