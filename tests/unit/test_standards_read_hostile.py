"""Broken, hostile and merely odd envelopes: each bad HOSO is named, its neighbours are read, nothing is lost."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from bienho.config.limits import Limits
from bienho.core.errors import LimitError
from bienho.standards.xml130 import (
    Dossier,
    Unreadable,
    UnreadableDossier,
    check_all,
    columns,
    read_codes,
    read_delivery,
)
from bienho.standards.xml130 import read as read_module
from bienho.standards.xml130 import read_document as document_module
from bienho.standards.xml130.read_block import Blocks
from bienho.standards.xml130.read_checks import foreign
from bienho.standards.xml130.read_gather import finished
from bienho.standards.xml130.write import CANONICAL, Style, write_delivery
from support.xml130_samples import make_tables

LIMITS = Limits()


def envelope(count: int = 3, style: Style = CANONICAL) -> bytes:
    sent = [make_tables("3176", seed=seed, ma_lk=f"LK-{seed}") for seed in range(1, count + 1)]
    return write_delivery(sent, facility="64001", created="20260103", version="3176", style=style)


def read(data: bytes, limits: Limits = LIMITS) -> list[Dossier | UnreadableDossier]:
    return list(read_delivery(data, limits).dossiers)


def hosos(data: bytes) -> list[bytes]:
    return re.findall(rb"<HOSO>.*?</HOSO>", data, re.DOTALL)


def codes(item: Dossier | UnreadableDossier) -> list[str]:
    return [finding.code for finding in item.findings]


def wrap(*parts: tuple[str, str], count: int = 1, head: str = "") -> bytes:
    """An envelope of one HOSO with the given (LOAIHOSO, NOIDUNGFILE)."""
    files = "".join(f"<FILEHOSO><LOAIHOSO>{k}</LOAIHOSO><NOIDUNGFILE>{t}</NOIDUNGFILE></FILEHOSO>" for k, t in parts)
    return (
        f"{head}<GIAMDINHHS><THONGTINDONVI><MACSKCB>64001</MACSKCB></THONGTINDONVI><THONGTINHOSO>"
        f"<NGAYLAP>20260103</NGAYLAP><SOLUONGHOSO>{count}</SOLUONGHOSO><DANHSACHHOSO><HOSO>{files}</HOSO></DANHSACHHOSO>"
        f"</THONGTINHOSO><CHUKYDONVI/></GIAMDINHHS>"
    ).encode()


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


XML1 = "<TONG_HOP><MA_LK>A</MA_LK><MA_BN>B</MA_BN><NGAY_RA>202601021000</NGAY_RA></TONG_HOP>"


def one(data: bytes, limits: Limits = LIMITS) -> Dossier:
    (item,) = read(data, limits)
    assert isinstance(item, Dossier), item
    return item


def _replace_middle(new: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data.replace(hosos(data)[1], new)


@pytest.mark.parametrize(
    ("code", "middle"),
    [
        ("IN-NOT-XML", b"<HOSO><FILEHOSO><LOAIHOSO>XML1</FILEHOSO></HOSO>"),
        ("IN-NOT-XML", b"<HOSO><FILEHOSO>a & b</FILEHOSO></HOSO>"),
        ("IN-NOT-XML", b"<HOSO><FILEHOSO>\xff\xfe</FILEHOSO></HOSO>"),
        ("IN-NO-XML1", b"<HOSO/>"),
        ("IN-NO-XML1", b"<HOSO></HOSO>"),
        ("IN-NO-XML1", hosos(wrap(("XML1", b64("<TONG_HOP/>"))))[0]),
        ("IN-NO-MA-LK", hosos(wrap(("XML1", b64("<TONG_HOP><MA_LK> </MA_LK><MA_BN>1</MA_BN></TONG_HOP>"))))[0]),
        ("IN-BASE64", hosos(wrap(("XML1", "PFRPTkdf?!")))[0]),
        ("IN-SUBFILE-XML", hosos(wrap(("XML1", b64("<TONG_HOP><MA_LK>A</TONG_HOP>"))))[0]),
        ("IN-SUBFILE-XML", hosos(wrap(("XML1", b64(XML1)), ("XML2", b64("no xml"))))[0]),
        ("IN-DUPLICATE-XML1", hosos(wrap(("XML1", b64(XML1)), ("XML1", b64(XML1))))[0]),
        ("IN-DOCTYPE", hosos(wrap(("XML1", b64('<!DOCTYPE a [<!ENTITY x "y">]><TONG_HOP/>'))))[0]),
    ],
)
def test_a_bad_hoso_stays_alone(code: str, middle: bytes) -> None:
    data = envelope().replace(hosos(envelope())[1], middle)
    first, bad, last = read(data)
    assert isinstance(bad, UnreadableDossier)
    assert (bad.code, bad.hoso, bad.facility) == (code, 2, "64001")
    assert isinstance(first, Dossier)
    assert isinstance(last, Dossier)
    assert (first.ma_lk, last.ma_lk, last.hoso) == ("LK-1", "LK-3", 3)


def test_an_unclosed_hoso_does_not_eat_the_next() -> None:
    data = envelope().replace(b"</HOSO>", b"", 1)
    bad, second, third = read(data)
    assert isinstance(bad, UnreadableDossier)
    assert bad.code == "IN-NOT-XML"
    assert isinstance(second, Dossier)
    assert isinstance(third, Dossier)


@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
def test_a_torn_envelope_gives_what_is_whole(part: float) -> None:
    data = envelope()
    start = data.find(b"<HOSO>")
    place = start + int((data.rfind(b"</HOSO>") - start) * part)
    torn = data[:place]
    whole = torn.count(b"</HOSO>")
    items = read(torn)
    assert [item.hoso for item in items if isinstance(item, Dossier)] == list(range(1, whole + 1))
    assert isinstance(items[-1], UnreadableDossier)
    assert (items[-1].code, len(items)) == ("IN-TRUNCATED", whole + 1)


def test_torn_between_two_hoso_and_torn_after_the_last() -> None:
    data = envelope()
    between = data[: data.find(b"</HOSO>") + len(b"</HOSO>")]
    assert [getattr(item, "code", None) for item in read(between)] == [None, "IN-TRUNCATED"]
    after = data[: data.rfind(b"</HOSO>") + len(b"</HOSO>")]
    assert all(isinstance(item, Dossier) for item in read(after))
    assert [finding.code for finding in read_delivery(after).findings] == ["IN-TAIL-MISSING"]


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("IN-NOT-XML", b""),
        ("IN-NOT-XML", b"   "),
        ("IN-NOT-XML", b"%PDF-1.7"),
        ("IN-NOT-XML", b"\x00\x01\x02<\xff"),
        ("IN-NOT-ENVELOPE", b"<TONG_HOP><MA_LK>1</MA_LK></TONG_HOP>"),
        ("IN-NO-HOSO", b"<GIAMDINHHS><MACSKCB>1</MACSKCB></GIAMDINHHS>"),
        ("IN-TRUNCATED", b"<GIAMDINHHS><THONGTINDONVI><MACSKCB>64001</MAC"),
        ("IN-NO-HOSO", b"<GIAMDINHHS/>"),
        ("IN-NOT-XML", b"<html><head><title>502 Bad Gateway</title></head><body><cen"),
        ("IN-DOCTYPE", b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + wrap(("XML1", "&x;"))),
    ],
)
def test_an_envelope_that_cannot_be_read(code: str, data: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        read_delivery(data)
    assert caught.value.code == code
    assert caught.value.exit_code == 3


def test_the_word_doctype_in_a_text_is_only_a_word() -> None:
    text = XML1.replace("<MA_BN>B", "<GHI_CHU><![CDATA[<!DOCTYPE x>]]></GHI_CHU><MA_BN>B")
    assert one(wrap(("XML1", b64(text)))).tables["XML1"][0]["GHI_CHU"] == "<!DOCTYPE x>"


def test_utf16_doctype_is_refused_too() -> None:
    with pytest.raises(Unreadable, match="IN-DOCTYPE"):
        read_delivery('<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a []><GIAMDINHHS/>'.encode("utf-16"))


def test_entity_bomb_is_not_expanded() -> None:
    bomb = '<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><TONG_HOP><MA_LK>&b;</MA_LK></TONG_HOP>'
    (item,) = read(wrap(("XML1", b64(bomb))))
    assert isinstance(item, UnreadableDossier)
    assert item.code == "IN-DOCTYPE"


def test_hoso_tags_inside_cdata_and_comments_are_text() -> None:
    inner = XML1.replace("<MA_BN>", "<GHI_CHU><![CDATA[</HOSO><HOSO>]]></GHI_CHU><MA_BN>")
    data = wrap(("XML1", inner)).replace(b"<DANHSACHHOSO>", b"<DANHSACHHOSO><!-- <HOSO> -->")
    dossier = one(data)
    assert dossier.tables["XML1"][0]["GHI_CHU"] == "</HOSO><HOSO>"
    assert read_delivery(data).findings == ()


def test_encodings_met_in_the_wild() -> None:
    text = XML1.replace("<MA_BN>", "<HO_TEN>Đặng Thị Ổi</HO_TEN><MA_BN>")
    declared = '<?xml version="1.0" encoding="%s"?>\r\n'
    packed = {
        "lie": base64.b64encode((declared % "utf-16" + text).encode()).decode(),
        "utf16": base64.b64encode((declared % "utf-16" + text).encode("utf-16")).decode(),
        "bom": base64.b64encode(b"\xef\xbb\xbf" + (declared % "utf-8" + text).encode()).decode(),
        "blank": base64.b64encode(b"\r\n " + text.encode()).decode(),
        "no padding": base64.b64encode(text.encode()).decode().rstrip("="),
        "escaped": text.replace("<", "&lt;"),
    }
    for name, content in packed.items():
        dossier = one(wrap(("XML1", content)))
        assert dossier.tables["XML1"][0]["HO_TEN"] == "Đặng Thị Ổi", name
        assert ("IN-ENCODING" in codes(dossier)) == (name == "lie")


def test_text_is_kept_exactly() -> None:
    decomposed = "Đa\u0302\u0323ng"
    text = XML1.replace("<MA_BN>", f"<HO_TEN>  {decomposed}&#13;\n </HO_TEN><GHI_CHU/><DIA_CHI></DIA_CHI><MA_BN>")
    row = one(wrap(("xml1", b64(text)))).tables["XML1"][0]
    assert row["HO_TEN"] == f"  {decomposed}\r\n "
    assert row["GHI_CHU"] == row["DIA_CHI"] == ""
    assert "SO_CCCD" not in row


def test_unknown_doubled_and_nested_elements_are_kept_and_named() -> None:
    text = XML1.replace("<MA_BN>", "<TEN_LA>x</TEN_LA><MA_BN>1</MA_BN><GHI_CHU>a<b>c</b>d</GHI_CHU><MA_BN>")
    dossier = one(wrap(("XML1", b64(text))))
    row = dossier.tables["XML1"][0]
    assert (row["TEN_LA"], row["MA_BN"], row["MA_BN#2"], row["GHI_CHU"]) == ("x", "1", "B", "a<b>c</b>d")
    found = {(finding.code, finding.field) for finding in dossier.findings}
    assert {
        ("IN-UNKNOWN-ELEMENT", "TEN_LA"),
        ("IN-DUPLICATE-ELEMENT", "MA_BN"),
        ("IN-NESTED-ELEMENT", "GHI_CHU"),
    } <= found
    payload = columns.vault_payload(dossier)["XML1"][0]
    assert (payload["TEN_LA"], payload["MA_BN"], payload["MA_BN#2"]) == ("x", "1", "B")


def test_unknown_tables_are_kept_word_for_word() -> None:
    slip = '<?xml version="1.0" encoding="utf-8"?>\r\n<CHI_TIEU_MOI/>'
    dossier = one(wrap(("XML1", b64(XML1)), ("XML16", b64(slip)), ("XMLX", "%%%")))
    assert dossier.kept == {"XML16": [{"#xml": slip}], "XMLX": [{"#base64": "%%%"}]}
    assert columns.vault_payload(dossier)["XML16"] == [{"#xml": slip}]
    unknown = [(one.severity, one.table) for one in dossier.findings if one.code == "IN-UNKNOWN-TABLE"]
    assert unknown == [("warning", "XML16"), ("warning", "?")]


def test_counts_keys_and_facility_are_compared() -> None:
    lines = "<DSACH_CHI_TIET_THUOC><CHI_TIET_THUOC><MA_LK>Z</MA_LK></CHI_TIET_THUOC></DSACH_CHI_TIET_THUOC>"
    data = wrap(
        ("XML1", b64(XML1.replace("<MA_BN>", "<MA_CSKCB>52001</MA_CSKCB><MA_BN>"))), ("XML2", b64(lines)), count=9
    )
    (count,) = read_delivery(data).findings
    assert (count.code, count.rule) == ("IN-HOSO-COUNT", 188)
    dossier = one(data)
    by_code = {finding.code: finding for finding in dossier.findings}
    key = by_code["IN-MA-LK-MISMATCH"]
    assert (key.rule, key.table, key.row, key.field) == (77, "XML2", 1, "MA_LK")
    assert by_code["IN-FACILITY-MISMATCH"].field == "MA_CSKCB"
    assert dossier.facility == "64001"


def test_limits() -> None:
    data = envelope(2)
    for limits, code in ((Limits(delivery_bytes=100), "LIM-DELIVERY-BYTES"), (Limits(hoso_per_delivery=1), "LIM-HOSO")):
        with pytest.raises(LimitError) as caught:
            read_delivery(data, limits)
        assert caught.value.code == code
    deep = "<a>" * 100 + "</a>" * 100
    for limits, code, hostile in (
        (Limits(files_per_hoso=2), "LIM-FILES", data),
        (Limits(subfile_bytes=500), "LIM-SUBFILE-BYTES", data),
        (Limits(rows_per_subfile=1), "LIM-ROWS", data),
        (Limits(elements_per_row=5), "LIM-ELEMENTS", data),
        (Limits(text_bytes=3), "LIM-TEXT", data),
        (LIMITS, "LIM-DEPTH", wrap(("XML1", b64(f"<TONG_HOP>{deep}</TONG_HOP>")))),
    ):
        item = read(hostile, limits)[0]
        assert isinstance(item, UnreadableDossier)
        assert item.code == code


def test_a_name_in_a_date_field_goes_to_the_vault() -> None:
    text = XML1.replace("<MA_BN>", "<NGAY_VAO>Nguyễn Thị Bé</NGAY_VAO><MA_KHOA>NGUYEN VAN A</MA_KHOA><MA_BN>")
    dossier = one(wrap(("XML1", b64(text))))
    assert {("XML1", 1, "NGAY_VAO"), ("XML1", 1, "MA_KHOA")} == dossier.shape_vaulted
    by_field = {finding.field: finding for finding in dossier.findings if finding.code == "IN-SHAPE-VAULTED"}
    assert (by_field["NGAY_VAO"].rule, by_field["MA_KHOA"].rule) == (34, None)
    assert "Nguyễn" not in by_field["NGAY_VAO"].message


def test_official_codes_with_a_vietnamese_letter_are_codes() -> None:
    codes_met = ("CĐHH;TNLĐ", "QLĐB-592-17", "QLĐB-H12-23;VD-1-20")
    assert [text for text in (*codes_met, "Đặng Ổi", "ĐỖ-VĂN-Á", "GD4010000000000") if foreign("code", text)] == [
        "Đặng Ổi",
        "ĐỖ-VĂN-Á",
        "GD4010000000000",
    ]


def test_missing_and_long_fields_are_found_with_their_rules() -> None:
    dossier = one(wrap(("XML1", b64(XML1.replace("<MA_BN>", "<MA_BENH_CHINH>J18.9;J20</MA_BENH_CHINH><MA_BN>")))))
    places = {(finding.code, finding.field, finding.rule) for finding in dossier.findings}
    assert {
        ("IN-REQUIRED", "HO_TEN", 1),
        ("IN-REQUIRED", "CAN_NANG", 2),
        ("IN-LENGTH", "MA_BENH_CHINH", None),
    } <= places
    assert not any(field == "MAHUYEN_CU_TRU" for _, field, _ in places)
    before = one(wrap(("XML1", b64(XML1.replace("202601021000", "202502011000")))))
    assert any(finding.field == "MAHUYEN_CU_TRU" for finding in before.findings)


@pytest.mark.parametrize("text", [" ", "\n\t", "\u00a0", "\u2003\u3000"])
@pytest.mark.parametrize(
    "place", [("XML1", "HO_TEN"), ("XML1", "MA_KHOA"), ("XML1", "GIOI_TINH"), ("XML2", "TEN_THUOC"), ("XML2", "MA_LK")]
)
def test_a_required_field_of_blanks_is_empty(text: str, place: tuple[str, str]) -> None:
    """In a dossier without any other fault nothing else is said of it, and it stays as it came."""
    table, name = place
    sent = make_tables("3176", tables=("XML1", "XML2"))
    sound = write_delivery([sent], facility="64001", created="20260103", version="3176")
    packed = re.findall(rb"<NOIDUNGFILE>([^<]*)", sound)[("XML1", "XML2").index(table)]
    spoilt = re.sub(f"<{name}>[^<]*", f"<{name}>{text}", base64.b64decode(packed).decode(), count=1)
    data = sound.replace(packed, b64(spoilt).encode())
    assert not any(codes(item) for item in read(sound) * 2), "met twice, so its sequence of elements is known"
    (draft,) = finished([*read_delivery(data).drafts], LIMITS)
    assert isinstance(draft, Dossier)
    assert isinstance(draft.tables, Blocks)
    for dossier in (one(data), *check_all([draft] * 10, LIMITS)):
        assert [(finding.code, finding.table, finding.row, finding.field) for finding in dossier.findings] == [
            ("IN-REQUIRED", table, 1, name)
        ]
        assert dossier.tables[table][0][name] == text
        assert not dossier.shape_vaulted


def test_every_code_is_explained_in_the_room_readme() -> None:
    readme = Path(read_codes.__file__).with_name("README.md").read_text(encoding="utf-8")
    for code in [*read_codes.UNREADABLE, *read_codes.FINDINGS]:
        assert f"| `{code}` |" in readme


def test_a_count_of_thousands_of_digits_is_a_wrong_count() -> None:
    data = wrap(("XML1", b64(XML1))).replace(b"<SOLUONGHOSO>1<", b"<SOLUONGHOSO>" + b"9" * 5000 + b"<")
    assert [finding.code for finding in read_delivery(data).findings] == ["IN-HOSO-COUNT"]
    padded = wrap(("XML1", b64(XML1))).replace(b"<SOLUONGHOSO>1<", b"<SOLUONGHOSO>0001<")
    assert read_delivery(padded).findings == ()


def test_a_blank_facility_in_the_dossier_is_none() -> None:
    blank = XML1.replace("<MA_BN>", "<MA_CSKCB>   </MA_CSKCB><MA_BN>")
    (item,) = read(wrap(("XML1", b64(blank))).replace(b"<MACSKCB>64001<", b"<MACSKCB>  <"))
    assert getattr(item, "code", None) == "IN-NO-FACILITY"


def test_a_fault_of_the_reader_stays_with_its_dossier(monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    """Or one file would block every delivery received after it."""
    sound = document_module.check_rows

    def faulty(table: str, rows: list[dict[str, str]], *rest: object) -> object:
        if rows[0].get("MA_LK") == "LK-2":
            raise ValueError("LK-2 is a patient's value")
        return sound(table, rows, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(document_module, "check_rows", faulty)
    items = read(envelope())
    assert [getattr(item, "code", None) for item in items] == [None, "IN-READER", None]
    assert "ValueError" in caplog.text
    assert "LK-2" not in caplog.text
    monkeypatch.setattr(read_module, "cut", faulty)
    with pytest.raises(Unreadable, match="IN-READER"):
        read_delivery(envelope())


def test_a_second_envelope_behind_the_first_is_not_read_as_part_of_it() -> None:
    other = envelope(2).replace(b"64001", b"52001")
    for data in (envelope(1) + other, envelope(1) + b"\n" + other.replace(b"<GIAMDINHHS>", b"<giamdinhhs>")):
        first, *rest = read(data)
        assert isinstance(first, Dossier)
        assert [getattr(item, "code", None) for item in rest] == ["IN-NOT-XML"] * 2


@pytest.mark.parametrize("spoil", [b"64\x00001", b"64\x0b001", b"64\xef\xbf\xbf001"])
def test_a_head_is_never_mended(spoil: bytes) -> None:
    with pytest.raises(Unreadable, match="IN-NOT-XML"):
        read_delivery(envelope().replace(b"<MACSKCB>64001<", b"<MACSKCB>" + spoil + b"<"))


@pytest.mark.parametrize(
    "spoil", [b"64&x;001", b"64&#0;001", b"64 & 001", b"64<x>001", b"Nguy\xe1\xbb\x85n", b"LE AN", b""]
)
def test_a_facility_that_cannot_be_believed_is_taken_from_the_dossier(spoil: bytes) -> None:
    opened = read_delivery(envelope().replace(b"<MACSKCB>64001<", b"<MACSKCB>" + spoil + b"<"))
    assert opened.facility is None
    assert {item.facility for item in opened.dossiers} == {"64001"}
    assert all("IN-FACILITY-FROM-TABLE" in codes(item) for item in opened.dossiers)
    assert bool({finding.code for finding in opened.findings} & {"IN-ENVELOPE-XML", "IN-HEAD-SHAPE"}) == bool(spoil)


def test_findings_of_one_dossier_are_bounded() -> None:
    lines = "".join(f"<CHI_TIET_THUOC><STT>{n}</STT></CHI_TIET_THUOC>" for n in range(500))
    dossier = one(
        wrap(("XML1", b64(XML1)), ("XML2", b64(f"<DSACH_CHI_TIET_THUOC>{lines}</DSACH_CHI_TIET_THUOC>"))),
        Limits(findings_per_dossier=100),
    )
    assert len(dossier.tables["XML2"]) == 500
    assert codes(dossier)[-1] == "IN-MORE-FINDINGS"
    assert len(dossier.findings) == 101


def test_a_dossier_too_long_for_the_vault_is_set_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_module, "PAYLOAD_BYTES_MAX", 20_000)
    text = XML1.replace("<MA_BN>", f"<GHI_CHU>{'&#34;' * 12_000}</GHI_CHU><MA_BN>")
    (item,) = read(wrap(("XML1", b64(text))))
    assert getattr(item, "code", None) == "LIM-DOSSIER-BYTES"
    (item,) = read(wrap(("XML1", b64(text.replace("&#34;", "x")))))
    assert isinstance(item, Dossier)


@pytest.mark.parametrize(
    "grows",
    ["<NOTE><a b='" + '"' * 3_000 + "'/></NOTE>", "<NOTE><a>" + ">" * 3_000 + "</a></NOTE>", "<N/>" * 400],
    ids=["quotes in an attribute", "marks in a text", "many names"],
)
def test_what_is_written_longer_than_it_came_still_fits_the_vault_or_is_set_aside(
    grows: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a payload beyond the limit raises where the vault is written: it would stop every batch behind it
    data = wrap(("XML1", b64(XML1))).replace(b"<HOSO>", b"<HOSO>" + grows.encode(), 1)
    for limit in range(2_000, 30_000, 500):
        monkeypatch.setattr(document_module, "PAYLOAD_BYTES_MAX", limit)
        (item,) = read(data)
        if isinstance(item, Dossier):
            assert len(orjson.dumps(columns.vault_payload(item))) <= limit
        else:
            assert item.code == "LIM-DOSSIER-BYTES"


@pytest.mark.parametrize(
    "inside",
    [
        "".join(f"<N{number}/>" for number in range(6_000)),
        "<A " + " ".join(f"n{number}=''" for number in range(10_000)) + "/>",
    ],
    ids=["names", "attributes"],
)
def test_a_file_does_not_teach_the_parser_names_without_end(inside: str) -> None:
    (packed,) = read(wrap(("XML1", b64(f"<TONG_HOP><MA_LK>A</MA_LK>{inside}</TONG_HOP>"))))
    (nested,) = read(wrap(("XML1", f"<TONG_HOP><MA_LK>A</MA_LK>{inside}</TONG_HOP>")))
    assert [getattr(item, "code", None) for item in (packed, nested)] == ["LIM-ELEMENTS"] * 2


def test_a_long_text_is_no_long_tag() -> None:
    text = XML1.replace("<MA_BN>", f"<GHI_CHU><![CDATA[{'x' * 100_000}]]></GHI_CHU><MA_BN>")
    assert len(one(wrap(("XML1", text))).tables["XML1"][0]["GHI_CHU"]) == 100_000


def test_nothing_in_a_filehoso_is_lost() -> None:
    """Two contents are two parts of the table; what is neither kind nor content goes to the vault."""

    def sent(first: str, beside: str = "") -> bytes:
        lines = [
            f"<DSACH_CHI_TIET_THUOC><CHI_TIET_THUOC><STT>{n}</STT></CHI_TIET_THUOC></DSACH_CHI_TIET_THUOC>"
            for n in (first, "2")
        ]
        contents = "</NOIDUNGFILE><NOIDUNGFILE>".join(map(b64, lines))
        return wrap(("XML1", b64(XML1)), ("XML2", contents + "</NOIDUNGFILE>" + beside + "<NOIDUNGFILE>"))

    dossier = one(sent("1"))
    assert [row["STT"] for row in dossier.tables["XML2"]] == ["1", "2"]
    assert "IN-SPLIT-TABLE" in codes(dossier)
    assert one(sent("3")).content != dossier.content
    noted = one(sent("1", "<LOAIHOSO>XML9</LOAIHOSO><NOTE>x<b/></NOTE>"))
    assert noted.kept["FILEHOSO#outside"] == [{"LOAIHOSO": "XML9"}, {"NOTE": "x<b/>"}]
    assert codes(noted).count("IN-UNKNOWN-ELEMENT") == 2
    assert columns.vault_payload(noted)["FILEHOSO#outside"] == noted.kept["FILEHOSO#outside"]


def test_a_filehoso_holds_so_many_elements() -> None:
    data = wrap(("XML1", b64(XML1)), ("XML2", "</NOIDUNGFILE>" + "<N/>" * 401 + "<NOIDUNGFILE>"))
    (item,) = read(data)
    assert getattr(item, "code", None) == "LIM-ELEMENTS"
