"""The quick way through a HOSO, and the checks of many at once, say what the patient ways say."""

from __future__ import annotations

import base64
from unittest import mock
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bienho.config.limits import DEFAULT
from bienho.core.errors import InputError
from bienho.core.parted import Parted, part
from bienho.privacy import encode
from bienho.standards.xml130 import (
    PACKED_BEHIND,
    TABLES,
    Dossier,
    UnreadableDossier,
    check_all,
    columns,
    read_check_all,
    read_delivery,
    read_head,
    read_hoso,
)
from bienho.standards.xml130.read_block import Blocks
from bienho.standards.xml130.versions import contract_of, wire_of
from support.examples import some

Item = Dossier | UnreadableDossier
SOUND = {"date": "202601020930", "number": "1.5", "code": "A1", "free": "ô"}
MANY = 5
"""Copies read together: enough for their sub-files to be read as one slab."""
BLANKS = ["", " ", "\n\t", "\u00a0", "\u2003 "]
TEXT = st.sampled_from(
    [*BLANKS, "*", "Nguyễn Văn Á", "0912345678", "GD4010000000000", "1e5", "2026-01-02", "x" * 300, "a]]b", "'\"&<>"]
)
SCARS = st.sampled_from(
    [
        *[b"", b"\n", b"<!-- x -->", b"&", b"&#1;", b"]]>", b"\x00", b"\x0b", b"\xff", b"\xef\xbf\xbf", b"</HOSO>"],
        *[b"<FILEHOSO/>", b"<X>1</X>", b"</NOIDUNGFILE>", b"<LOAIHOSO>XML2</LOAIHOSO>", b" a='b'", b"<MA_LK>B</MA_LK>"],
    ]
)
DRESS = st.sampled_from(
    [
        *["packed", "wrapped", "nested", "declared", "lying", "self_closed", "lower", "cdata", "indented", "spaces"],
        *["nested self_closed", "nested cdata", "nested indented", "nested lower", "nested spaces"],
    ]
)
SPACES = ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'


def sub_file(table: str, rows: list[dict[str, str]], dress: str) -> bytes:
    wire = wire_of(table)
    dress = dress.removeprefix("nested ")
    end = "\r\n  " if dress == "indented" else ""
    case = str.lower if dress == "lower" else str
    body = ""
    for row in rows:
        fields = end
        for name, text in row.items():
            said = f"<![CDATA[{text}]]>" if dress == "cdata" and "]]>" not in text else escape(text)
            tag = case(name)
            fields += f"<{tag}/>" if dress == "self_closed" and not text else f"<{tag}>{said}</{tag}>"
            fields += end
        body += f"<{case(wire.row)}>{fields}</{case(wire.row)}>{end}" if wire.row else fields
    for wrapper in filter(None, (wire.rows, wire.root)):
        spaces = SPACES if dress == "spaces" and wrapper == wire.root else ""
        body = f"<{case(wrapper)}{spaces}>{end}{body}</{case(wrapper)}>{end}"
    declared = {"declared": "utf-8", "lying": "utf-16"}.get(dress)
    return ((f'<?xml version="1.0" encoding="{declared}"?>\n' if declared else "") + body).encode()


@st.composite
def hosos(draw: st.DrawFn, number: int) -> bytes:
    """One HOSO: whole rows, sound but for a few texts, in one of several dresses; sometimes with a scar."""
    files = []
    for table in ["XML1", *draw(st.lists(st.sampled_from(TABLES), max_size=3))]:
        fields = contract_of(table).official_fields
        rows = []
        for _ in range(1 if wire_of(table).single else draw(st.integers(1, 3))):
            row = {field.name: SOUND[field.shape][: field.max_length or 12] for field in fields}
            if "MA_LK" in row:
                row["MA_LK"] = f"K-{number}"
            for field in draw(st.lists(st.sampled_from(fields), max_size=2)):
                row[field.name] = draw(TEXT)
            rows.append(row if wire_of(table).single or draw(st.integers(0, 9)) else {})
        dress = draw(DRESS)
        content = sub_file(table, rows, dress)
        if draw(st.integers(0, 5)) == 0:
            place = draw(st.integers(0, len(content)))
            content = content[:place] + draw(SCARS) + content[place:]
        if not dress.startswith("nested"):
            content = base64.encodebytes(content) if dress == "wrapped" else base64.b64encode(content)
        files.append(
            b"<FILEHOSO><LOAIHOSO>%s</LOAIHOSO><NOIDUNGFILE>%s</NOIDUNGFILE></FILEHOSO>" % (table.encode(), content)
        )
    whole = b"<HOSO>" + b"".join(files) + b"</HOSO>"
    if draw(st.integers(0, 7)) == 0:
        place = draw(st.integers(0, len(whole)))
        whole = whole[:place] + draw(SCARS) + whole[place:]
    return whole


@st.composite
def envelopes(draw: st.DrawFn) -> bytes:
    inside = b"".join(draw(hosos(number)) for number in range(draw(st.integers(1, 4))))
    facility = draw(st.sampled_from([b"<MACSKCB>64001</MACSKCB>", b"<MACSKCB>A1</MACSKCB>", b""]))
    return b"<GIAMDINHHS>%s<DANHSACHHOSO>%s</DANHSACHHOSO></GIAMDINHHS>" % (facility, inside)


def all_of(item: Item) -> object:
    """What a dossier says, with all that is made of it."""
    if isinstance(item, UnreadableDossier):
        return item
    payload = columns.vault_payload(item)
    assert columns.vault_bytes(item) == encode(payload)
    made = (item.content, payload, columns.blind_values(item), list(item.tables))
    return {name: getattr(item, name) for name in item.__dataclass_fields__}, made


def read(data: bytes | Parted) -> list[object] | str:
    """The items of an envelope, or why there are none."""
    try:
        return [all_of(item) for item in read_delivery(data).dossiers]
    except InputError as error:
        return error.code


def patiently(data: bytes | Parted) -> list[object] | str:
    with mock.patch.object(read_hoso, "pieces_of", return_value=None):
        return read(data)


@settings(max_examples=some(150), deadline=None)
@given(envelopes())
def test_the_quick_way_reads_what_the_patient_way_reads(data: bytes) -> None:
    patient = patiently(data)
    # what is met once is not learned: the second reading is the quick one
    assert read(data) == patient
    assert read(data) == patient
    if apart := part(data, PACKED_BEHIND):
        assert read(apart) == patiently(apart) == patient
    if isinstance(patient, list):
        with mock.patch.object(read_check_all, "_FEW", 0):
            together = check_all([draft for _ in range(MANY) for draft in read_delivery(data).drafts], DEFAULT)
        assert [all_of(item) for item in together] == patient * MANY


def test_a_plain_dossier_goes_the_quick_way() -> None:
    """Or the test above would compare the patient way with itself."""
    row = {field.name: SOUND[field.shape][: field.max_length or 12] for field in contract_of("XML1").official_fields}
    content = base64.b64encode(sub_file("XML1", [row], "packed"))
    hoso = b"<HOSO><FILEHOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE>%s</NOIDUNGFILE></FILEHOSO></HOSO>" % content
    for _ in range(2):
        (item,) = read_delivery(b"<GIAMDINHHS><MACSKCB>A1</MACSKCB>%s</GIAMDINHHS>" % hoso).dossiers
    assert isinstance(item, Dossier)
    assert isinstance(item.tables, Blocks)
    apart = part(b"<GIAMDINHHS><MACSKCB>A1</MACSKCB>%s</GIAMDINHHS>" % hoso, PACKED_BEHIND)
    assert apart
    parsed = read_head._shape.cache_info().misses
    with mock.patch.object(Parted, "whole", side_effect=AssertionError):
        (again,) = read_delivery(apart).dossiers
    assert all_of(again) == all_of(item)
    assert read_head._shape.cache_info().misses == parsed


HEADS = st.lists(
    st.sampled_from(
        [
            *["<MACSKCB>64001</MACSKCB>", "<MACSKCB>64002</MACSKCB>", "<mACSKCB>0</mACSKCB>", "<MACſKCB>0</MACſKCB>"],
            *["<NGAYLAP>20260102</NGAYLAP>", "<NGAYLAP>0</NGAYLAP>", "<!--<NGAYLAP>1</NGAYLAP>-->", "<x:NGAYLAP/>"],
            *["<SOLUONGHOSO>1</SOLUONGHOSO>", "<SOLUONGHOSO>2</SOLUONGHOSO>", "<CHUKYDONVI>", "</CHUKYDONVI>", "&"],
            *["<![CDATA[", "]]>", "<A>ô</A>", "<A b='<MACSKCB>1</MACSKCB>'/>", " ", "<A>", "</A>"],
        ]
    ),
    max_size=6,
)


@settings(max_examples=some(300), deadline=None)
@given(HEADS, HEADS)
def test_a_head_that_is_not_parsed_says_what_the_parser_says(before: list[str], behind: list[str]) -> None:
    for inside in (before, behind, before + behind):
        data = f"<GIAMDINHHS xmlns:x='y'>{''.join(inside)}</GIAMDINHHS>".encode()
        assert read_head.read_head(data) == read_head._parsed(data)


def envelope(*contents: bytes) -> bytes:
    files = b"".join(
        b"<FILEHOSO><LOAIHOSO>XML%d</LOAIHOSO><NOIDUNGFILE>%s</NOIDUNGFILE></FILEHOSO>" % pair
        for pair in enumerate(contents, 1)
    )
    return b"<GIAMDINHHS><MACSKCB>A1</MACSKCB><HOSO>%s</HOSO></GIAMDINHHS>" % files


FIRST = base64.b64encode(b"<TONG_HOP><MA_LK>K</MA_LK>%s</TONG_HOP>" % (b" " * 60))


ODD = {
    "in a comment": b"<!-- %s --><GIAMDINHHS><HOSO/></GIAMDINHHS>" % envelope(FIRST),
    "behind a long comment": b"<!--%s<NOIDUNGFILE>%s<-->" % (b"x" * 60_000, b"A" * 9_000) + envelope(FIRST),
    "before a HOSO": envelope(FIRST).replace(b"<HOSO>", b"<NOIDUNGFILE>%s</NOIDUNGFILE><HOSO>" % FIRST),
    "behind a HOSO": envelope(FIRST).replace(b"</HOSO>", b"</HOSO><NOIDUNGFILE>%s</NOIDUNGFILE>" % FIRST),
    "torn": envelope(FIRST)[:-40],
    "without an end": envelope(FIRST).replace(b"</HOSO>", b""),
    "with a comment behind": envelope(FIRST, FIRST).replace(b"</NOIDUNGFILE>", b"<!-- --></NOIDUNGFILE>"),
    "with a zero byte": envelope(FIRST, b"\0", FIRST),
    "with a tag in a comment": envelope(FIRST).replace(b"<FILEHOSO>", b"<!-- <FILEHOSO> -->"),
    "marked as UTF-16": b"\xff\xfe" + envelope(FIRST),
    "marked as UTF-8": b"\xef\xbb\xbf" + envelope(FIRST),
    "in windows-1258": b'<?xml version="1.0" encoding="windows-1258"?>' + envelope(FIRST, b"\xf2" + FIRST),
    "bare": b"<CHECKIN><NOIDUNGFILE>%s</NOIDUNGFILE></CHECKIN>" % FIRST,
    "as a zip": b"PK\x03\x04" + envelope(FIRST),
    "behind letters": b"A" * 300 + envelope(FIRST),
}


@pytest.mark.parametrize("built", ODD)
def test_what_is_oddly_built_reads_alike_taken_apart(built: str) -> None:
    data = ODD[built]
    apart = part(data, PACKED_BEHIND)
    assert apart is not None or b"\0" in data
    assert read(apart or data) == read(data)
