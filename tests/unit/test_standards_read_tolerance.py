"""Every habit met in real files reads equal to the canonical form; what is a fault besides is a finding."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Callable

import pytest

from bienho.config.limits import DEFAULT
from bienho.standards.xml130 import Dossier, Unreadable, UnreadableDossier, check_all, read_delivery
from bienho.standards.xml130.read_bytes import decode_base64, plain_utf8, unpacked
from bienho.standards.xml130.write import STYLES, Style, write_assessment, write_check_in, write_delivery
from support.xml130_samples import make_rows, make_tables, tables_of

NAME = "Nguyễn Thị Ổi, Đắk Đoa"
Change = Callable[[bytes], bytes]


def sent() -> dict[str, list[dict[str, str]]]:
    tables = make_tables("3176", tables=tables_of("3176"))
    tables["XML1"][0]["HO_TEN"] = NAME
    tables["XML5"][0]["DIEN_BIEN_LS"] = f"{NAME} & <1>"
    return tables


def canonical(style: Style = STYLES["canonical"]) -> bytes:
    return write_delivery([sent()], facility="64001", created="20260103", version="3176", style=style)


def one(data: bytes) -> Dossier:
    (dossier,) = read_delivery(data).dossiers
    assert isinstance(dossier, Dossier), dossier
    return dossier


def edition(data: bytes) -> tuple[str, str]:
    return one(data).format_version, one(data).version_evidence


def contents(data: bytes, change: Callable[[bytes], str]) -> bytes:
    """The envelope with the text of every NOIDUNGFILE made anew from its decoded sub-file."""
    return re.sub(rb"(?<=<NOIDUNGFILE>)[^<]*", lambda match: change(base64.b64decode(match[0])).encode(), data)


def packed(change: Change) -> Change:
    return lambda data: contents(data, lambda inner: base64.b64encode(change(inner)).decode())


def declared(encoding: str, label: str | None = None, mark: bytes = b"") -> Change:
    """The document in another encoding, which its declaration names."""

    def change(data: bytes) -> bytes:
        text = data.decode().replace("utf-8", label or encoding, 1)
        return mark + text.encode(encoding)

    return change


def undeclared(data: bytes) -> bytes:
    return re.sub(rb"^<\?xml[^>]*\?>\s*", b"", data)


WHOLE: dict[str, Change] = {
    "bom": lambda data: b"\xef\xbb\xbf" + data,
    "no declaration": undeclared,
    "blanks before the root": lambda data: b"\r\n  " + undeclared(data),
    "double quotes or single": lambda data: data.replace(b'"', b"'"),
    "utf-16 with mark": declared("utf-16", "utf-16"),
    "utf-16-le with mark": declared("utf-16-le", "utf-16", b"\xff\xfe"),
    "utf-16-be with mark": declared("utf-16-be", "UTF-16", b"\xfe\xff"),
    "utf-16-le without mark": declared("utf-16-le", "utf-16"),
    "utf-16-be without mark": declared("utf-16-be", "utf-16"),
    "utf-16-le without mark or declaration": lambda data: undeclared(data).decode().encode("utf-16-le"),
    "utf-16-be without mark or declaration": lambda data: undeclared(data).decode().encode("utf-16-be"),
    "whole file in base64": base64.b64encode,
    "whole file in base64, wrapped": base64.encodebytes,
    "whole file in url base64": base64.urlsafe_b64encode,
    "crlf": lambda data: data.replace(b"><", b">\r\n<"),
}
ENVELOPE: dict[str, Change] = {
    "lower-case elements": lambda data: re.sub(rb"</?[A-Z]+>", lambda match: match[0].lower(), data),
    "default namespace": lambda data: data.replace(b"<GIAMDINHHS>", b"<GIAMDINHHS xmlns='urn:x'>"),
    "prefixes": lambda data: re.sub(rb"<(/?)(?=[A-Z])", rb"<\1g:", data).replace(
        b"<g:GIAMDINHHS>", b"<g:GIAMDINHHS xmlns:g='urn:x'>"
    ),
    "comments and instructions": lambda data: data.replace(b"<HOSO>", b"<!-- <HOSO> --><?go <HOSO>?><HOSO>").replace(
        b"<LOAIHOSO>", b"<LOAIHOSO><!-- XML9 -->"
    ),
    "attributes": lambda data: data.replace(b"<HOSO>", b"<HOSO id='1' x=\"&lt;HOSO\">"),
    "unknown elements": lambda data: data.replace(b"<DANHSACHHOSO>", b"<PHIENBAN>1</PHIENBAN><DANHSACHHOSO>"),
    "wrapped base64": lambda data: contents(data, lambda inner: base64.encodebytes(inner).decode()),
    "url base64": lambda data: contents(data, lambda inner: base64.urlsafe_b64encode(inner).decode()),
    "base64 without padding": lambda data: contents(data, lambda inner: base64.b64encode(inner).decode().rstrip("=")),
    "cdata around base64": lambda data: contents(
        data, lambda inner: f"\n<![CDATA[{base64.b64encode(inner).decode()}]]>\n"
    ),
    "cdata around xml": lambda data: contents(
        data, lambda inner: f"<![CDATA[{inner.decode()}]]>" if b"]]>" not in inner else ""
    ),
    "escaped xml": lambda data: contents(
        data, lambda inner: inner.decode().replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    ),
    "nested": lambda data: contents(data, lambda inner: undeclared(inner).decode()),
    "nested with the declarations pasted in": lambda data: contents(data, lambda inner: inner.decode()),
    "lower-case table names": lambda data: data.replace(b"<LOAIHOSO>XML", b"<LOAIHOSO> xml"),
    "content before its name": lambda data: re.sub(
        rb"(<LOAIHOSO>[^<]*</LOAIHOSO>)(<NOIDUNGFILE>[^<]*</NOIDUNGFILE>)", rb"\2\1", data
    ),
    "sub-files the other way round": lambda data: data.replace(
        b"".join(re.findall(rb"<FILEHOSO>.*?</FILEHOSO>", data)),
        b"".join(re.findall(rb"<FILEHOSO>.*?</FILEHOSO>", data)[::-1]),
    ),
}
SUBFILE: dict[str, Change] = {
    "bom": lambda inner: b"\xef\xbb\xbf" + inner,
    "no declaration": undeclared,
    "utf-16 with mark": declared("utf-16", "utf-16"),
    "utf-16-be without mark": declared("utf-16-be", "utf-16"),
    "utf-16-le without mark or declaration": lambda inner: undeclared(inner).decode().encode("utf-16-le"),
    "self-closed": lambda inner: re.sub(rb"<([A-Z_0-9]+)></\1>", rb"<\1/>", inner),
    "cdata around fields": lambda inner: re.sub(rb">([^<>&]+)</", rb"><![CDATA[\1]]></", inner),
    "half cdata": lambda inner: re.sub(rb">([^<>&])([^<>&]*)</", rb"><![CDATA[\1]]>\2</", inner),
    "comments in fields": lambda inner: re.sub(rb">([^<>&])([^<>&]*)</", rb">\1<!-- c -->\2</", inner),
    "instructions in fields": lambda inner: re.sub(rb">([^<>&])([^<>&]*)</", rb">\1<?go on?>\2</", inner),
    "namespace": lambda inner: re.sub(rb"<([A-Z_]+)>", rb"<\1 xmlns='urn:x'>", inner, count=1),
    "crlf between elements": lambda inner: inner.replace(b"><", b">\r\n<"),
    "lower case": lambda inner: re.sub(rb"</?[A-Z_0-9]+>", lambda match: match[0].lower(), inner),
    "attributes": lambda inner: re.sub(rb"<([A-Z_0-9]+)>", rb"<\1 xsi='nil'>", inner),
}


@pytest.mark.parametrize("way", WHOLE)
def test_an_envelope_in_other_clothes(way: str) -> None:
    data = WHOLE[way](canonical())
    assert one(data).tables == sent()
    assert read_delivery(data).findings == one(data).findings == ()
    assert one(data).content == one(canonical()).content


@pytest.mark.parametrize("way", WHOLE)
def test_a_bare_file_in_other_clothes(way: str) -> None:
    rows = [make_rows("XML0", count=1)[0] | {"HO_TEN": NAME}, make_rows("XML12", count=1)[0] | {"HO_TEN": NAME}]
    for row, write in zip(rows, (write_check_in, write_assessment), strict=True):
        data = WHOLE[way](write([row], version="3176"))
        (dossier,) = read_delivery(data, door_facility="64001").dossiers
        assert isinstance(dossier, Dossier)
        assert list(dossier.tables.values()) == [[row]]
        assert read_delivery(data, door_facility="64001").findings == dossier.findings == ()


@pytest.mark.parametrize("way", ENVELOPE)
def test_envelope_habits(way: str) -> None:
    data = ENVELOPE[way](canonical())
    assert data != canonical()
    assert one(data).tables == sent()
    assert read_delivery(data).findings == one(data).findings == ()


@pytest.mark.parametrize("way", SUBFILE)
def test_sub_file_habits(way: str) -> None:
    data = packed(SUBFILE[way])(canonical())
    assert one(data).tables == sent()
    assert one(data).findings == ()


def as_1258(text: str) -> str:
    """The text with every letter that windows-1258 lacks taken apart: the vowel with its own mark, then the tone."""
    result = ""
    for letter in text:
        apart = unicodedata.normalize("NFD", letter)
        tones = [mark for mark in apart[1:] if mark in "\u0300\u0301\u0303\u0309\u0323"]
        vowel = "".join(mark for mark in apart if mark not in tones)
        result += unicodedata.normalize("NFC", vowel) + "".join(tones)
    return result


def in_1258(data: bytes) -> bytes:
    return as_1258(data.decode()).replace("utf-8", "windows-1258", 1).encode("cp1258")


def taken_apart(tables: dict[str, list[dict[str, str]]]) -> dict[str, list[dict[str, str]]]:
    return {name: [{key: as_1258(text) for key, text in row.items()} for row in rows] for name, rows in tables.items()}


def test_windows_1258_is_letters_and_marks() -> None:
    """As the code page writes it, so is it received; whoever compares makes NFC of it."""
    assert unicodedata.normalize("NFC", as_1258(NAME)) == NAME != as_1258(NAME)
    nested = in_1258(canonical(STYLES["nested"]))
    pasted = in_1258(ENVELOPE["cdata around xml"](canonical()).replace(b"utf-8", b"windows-1258"))
    for data in (nested, base64.b64encode(nested), packed(in_1258)(canonical()), pasted):
        assert one(data).tables == taken_apart(sent())
        assert read_delivery(data).findings == one(data).findings == ()


@pytest.mark.parametrize("label", ["utf-16", "windows-1258", "iso-8859-1", "us-ascii", "tcvn"])
def test_a_false_declaration_is_overlooked_and_found(label: str) -> None:
    lie = canonical(STYLES["nested"]).replace(b"utf-8", label.encode(), 1)
    assert one(lie).tables == sent()
    assert [finding.code for finding in read_delivery(lie).findings] == ["IN-ENCODING"]
    inner = packed(lambda data: data.replace(b"utf-8", label.encode(), 1))(canonical())
    assert one(inner).tables == sent()
    assert {finding.code for finding in one(inner).findings} == {"IN-ENCODING"}
    assert [one.code for one in read_delivery(b"\xef\xbb\xbf" + lie).findings] == ["IN-ENCODING"]


def test_what_an_encoding_does_not_know_costs_one_dossier() -> None:
    three = [make_tables("3176", ma_lk=key) for key in ("A", "B", "C")]
    for tables in three:
        tables["XML1"][0]["HO_TEN"] = NAME
    data = write_delivery(three, facility="64001", created="20260103", version="3176", style=STYLES["nested"])
    spoil = b"<HO_TEN>" + NAME.encode(), b"<HO_TEN>@"
    first, second, third = data.split(b"<HOSO>")[1:]
    head = data.split(b"<HOSO>")[0]
    marked = b"<HOSO>".join([head, first, second.replace(*spoil), third])
    wide = marked.decode().replace("utf-8", "utf-16").encode("utf-16-le").replace(b"@\0", b"\x00\xd8")
    narrow = in_1258(marked).replace(b"@", b"\x8d")
    for broken in (wide, narrow, marked.replace(b"@", b"\xff")):
        items = list(read_delivery(broken).dossiers)
        assert [getattr(item, "code", None) for item in items] == [None, "IN-NOT-XML", None]


def test_a_torn_utf16_file_gives_what_is_whole() -> None:
    data = WHOLE["utf-16 with mark"](
        write_delivery(
            [make_tables(ma_lk="A"), make_tables(ma_lk="B")], facility="64001", created="20260103", version="3176"
        )
    )
    for end in (len(data) - 601, len(data) - 600):
        first, second = read_delivery(data[:end]).dossiers
        assert isinstance(first, Dossier)
        assert isinstance(second, UnreadableDossier)
        assert second.code == "IN-TRUNCATED"


def test_decomposed_text_is_received_as_it_is() -> None:
    tables = sent()
    tables["XML1"][0]["HO_TEN"] = unicodedata.normalize("NFD", NAME)
    data = write_delivery([tables], facility="64001", created="20260103", version="3176")
    assert one(data).tables["XML1"][0]["HO_TEN"] == unicodedata.normalize("NFD", NAME)
    assert one(data).content != one(canonical()).content


def test_base64_that_is_none_is_left_alone() -> None:
    for data in (b"", b"abcd", b"  \n", base64.b64encode(b"PK\x03\x04 not xml"), b"%PDF-1.7", b"<a/>", b"PGE-"):
        assert unpacked(data) == (b"<a>" if data == b"PGE-" else data)
        with pytest.raises(Unreadable, match="IN-NOT-XML|IN-NOT-ENVELOPE"):
            read_delivery(data)
    assert decode_base64(b"PGE_\r\n Pz4") == b"<a??>"


def test_encodings_are_told_by_their_bytes() -> None:
    assert plain_utf8("<a>ổ</a>".encode("utf-16-le")) == ("<a>ổ</a>".encode(), False)
    assert plain_utf8(b"\xff\xfe" + "<a/>".encode("utf-16-le") + b"\x00") == (b"<a/>", False)
    assert plain_utf8(b'<?xml version="1.0" encoding="UTF8"?><a/>') == (b"<a/>", False)
    assert plain_utf8(b"<?xml version='1.0'?><a/>") == (b"<a/>", False)
    assert plain_utf8('<?xml version="1.0" encoding="utf-8"?><a/>'.encode("utf-16"))[1]


def test_several_hoso_and_a_wrong_count() -> None:
    three = [make_tables("3176", ma_lk=key) for key in ("A", "B", "C")]
    data = write_delivery(three, facility="64001", created="20260103", version="3176")
    assert [item.ma_lk for item in read_delivery(data).dossiers] == ["A", "B", "C"]
    assert [one.code for one in read_delivery(data.replace(b"<SOLUONGHOSO>3", b"<SOLUONGHOSO>2")).findings] == [
        "IN-HOSO-COUNT"
    ]


def test_several_discharge_slips_are_rows_and_other_single_tables_twice_a_finding() -> None:
    data = canonical()
    slip, referral = (
        re.search(rb"<FILEHOSO><LOAIHOSO>" + name + rb"</LOAIHOSO>.*?</FILEHOSO>", data)[0]  # type: ignore[index]
        for name in (b"XML7", b"XML13")
    )
    twins = one(data.replace(slip, slip * 2))
    assert (twins.tables["XML7"], twins.findings) == (sent()["XML7"] * 2, ())
    twice = one(data.replace(referral, referral * 2))
    assert twice.tables["XML13"] == sent()["XML13"] * 2
    assert [(one.code, one.table) for one in twice.findings] == [("IN-SPLIT-TABLE", "XML13")]


def test_blanks_around_a_code_are_no_foreign_shape() -> None:
    """Some programs write a value on a line of its own."""
    one = "<TONG_HOP><MA_LK>A</MA_LK><MA_CSKCB>\n  64001\n</MA_CSKCB><MA_LOAI_KCB>\n  01\n</MA_LOAI_KCB></TONG_HOP>"
    hoso = f"<HOSO><FILEHOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE>{one}</NOIDUNGFILE></FILEHOSO></HOSO>"
    for head in ("<MACSKCB>\n    64001\n  </MACSKCB>", ""):
        opened = read_delivery(f"<GIAMDINHHS>{head}{hoso}</GIAMDINHHS>".encode())
        (item,) = opened.dossiers
        assert isinstance(item, Dossier)
        assert item.facility == "64001"
        assert item.tables["XML1"][0]["MA_LOAI_KCB"] == "\n  01\n", "the text stays as it came"
        assert not item.shape_vaulted
        assert {finding.code for finding in (*opened.findings, *item.findings)} <= {
            "IN-HOSO-COUNT",
            "IN-REQUIRED",
            *(() if head else ("IN-FACILITY-FROM-TABLE",)),
        }


def test_blanks_around_a_text_are_none_of_its_size() -> None:
    """A dossier with every value on a line of its own has no finding either, alone or among others."""
    lined = packed(lambda inner: re.sub(rb">([^<>\s][^<>]*)</", rb">\n\t\t\t\t\1\n\t\t\t</", inner))(canonical())
    assert one(lined).tables["XML1"][0]["NGAY_RA"] == f"\n\t\t\t\t{sent()['XML1'][0]['NGAY_RA']}\n\t\t\t"
    for dossier in (one(lined), *check_all([*read_delivery(lined).drafts] * 10, DEFAULT)):
        assert isinstance(dossier, Dossier)
        assert [finding.code for finding in dossier.findings] == []
    too_long = packed(lambda inner: re.sub(rb"<MA_KHOA>[^<]*", b"<MA_KHOA>\n" + b"K" * 60, inner))(lined)
    assert {finding.code for finding in one(too_long).findings} == {"IN-LENGTH"}


@pytest.mark.parametrize("mixed", [b"", b"<!--x-->"], ids=["quick", "patient"])
def test_a_day_with_blanks_around_it_still_tells_the_edition(mixed: bytes) -> None:
    """NGAY_RA alone decides here: the envelope says nothing of its day."""
    data = canonical().replace(b"20260103", b"")
    told = packed(lambda inner: re.sub(rb"(<NGAY_(?:RA|VAO)>)([^<]+)", rb"\1\n  \2 " + mixed, inner))(data)
    assert edition(told) == edition(data) == ("3176", "date")
