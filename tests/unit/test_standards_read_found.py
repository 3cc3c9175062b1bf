"""What the fuzzer ever found in the reader, cut down to the least that shows it; no case is taken away again."""

from __future__ import annotations

import base64
import time

import pytest

from bienho.standards.xml130 import Dossier, Unreadable, UnreadableDossier, columns, read_delivery

XML1 = "<TONG_HOP><MA_LK>A</MA_LK><MA_BN>B</MA_BN><NGAY_RA>202601021000</NGAY_RA></TONG_HOP>"
HEAD = "<MACSKCB>64001</MACSKCB><NGAYLAP>20260103</NGAYLAP>"


def part(kind: str, text: str) -> str:
    packed = base64.b64encode(text.encode()).decode()
    return f"<FILEHOSO><LOAIHOSO>{kind}</LOAIHOSO><NOIDUNGFILE>{packed}</NOIDUNGFILE></FILEHOSO>"


def hoso(*parts: str) -> str:
    return f"<HOSO>{''.join(parts)}</HOSO>"


def envelope(*hosos: str, head: str = HEAD) -> bytes:
    return f"<GIAMDINHHS>{head}<DANHSACHHOSO>{''.join(hosos)}</DANHSACHHOSO></GIAMDINHHS>".encode()


SOUND = hoso(part("XML1", XML1))


def outcome(data: bytes) -> list[str]:
    """The code of each document, '' for one that is taken in; one code when the whole is refused."""
    try:
        return [getattr(item, "code", "") for item in read_delivery(data).dossiers]
    except Unreadable as error:
        return [error.code]


@pytest.mark.parametrize(
    "place", ["<MACSKCB>&#xD800;</MACSKCB>", "<NGAYLAP>20260103&#xDFFF;</NGAYLAP>", "<a b='&#xD800;'/>"]
)
def test_a_surrogate_in_the_head_is_no_fault_of_the_reader(place: str) -> None:
    """A parser that recovers lets such a reference through, and its text cannot be read any more."""
    for data in (envelope(SOUND, head=HEAD + place), envelope(SOUND, head=place + HEAD)):
        assert "IN-READER" not in outcome(data)


@pytest.mark.parametrize("opening", ["<!--", "<![CDATA[", "<?", "<!DOCTYPE ", "<!"])
@pytest.mark.parametrize("closed", [False, True])
def test_openings_never_closed_cost_no_more_than_their_length(opening: str, closed: bool) -> None:
    ending = {"<!--": "-->", "<![CDATA[": "]]>", "<?": "?>"}.get(opening, ">") if closed else ""
    data = envelope(opening * 40_000 + ending, SOUND)
    began = time.process_time()
    outcome(data)
    assert time.process_time() - began < 2


def test_the_words_of_an_unknown_loaihoso_are_not_repeated() -> None:
    """LOAIHOSO is text of the sender like any other."""
    for kind in ("Nguyễn Thị Ổi 0912345678", "0912345678", "K" * 3_000):
        (dossier,) = read_delivery(envelope(hoso(part("XML1", XML1), part(kind, "<a/>")))).dossiers
        assert isinstance(dossier, Dossier)
        (finding,) = [one for one in dossier.findings if one.code == "IN-UNKNOWN-TABLE"]
        assert kind not in f"{finding.message} {finding.table}"
        assert kind in dossier.kept


def test_the_name_of_an_unknown_element_is_not_repeated_at_any_length() -> None:
    long = "N" * 300
    text = XML1.replace("<MA_BN>", f"<{long}>x</{long}><MA_BN>")
    (dossier,) = read_delivery(envelope(hoso(part("XML1", text)))).dossiers
    assert isinstance(dossier, Dossier)
    assert dossier.tables["XML1"][0][long] == "x"
    assert all(len(one.message) < 250 and len(one.field or "") <= 64 for one in dossier.findings)


@pytest.mark.parametrize("bad", ["<hoso>\0</hoso>", "<hoso>&#0;</hoso>", "<p:HOSO><x></p:HOSO>"])
def test_a_bad_hoso_under_another_name_does_not_cost_its_neighbours(bad: str) -> None:
    """Where the parser cannot go past it, no other HOSO was seen either."""
    start, end = bad[: bad.index(">") + 1], bad[bad.rindex("<") :]
    good = SOUND.replace("<HOSO>", start).replace("</HOSO>", end)
    data = envelope(bad, good).replace(b"<GIAMDINHHS>", b"<GIAMDINHHS xmlns:p='u'>")
    assert outcome(data) == ["IN-NOT-XML", ""]


@pytest.mark.parametrize("address", ["htt\x1ap://x", "a b", "%zz", "", "::", "{}", "&#xD800;", "\ufffe"])
def test_a_namespace_nobody_would_declare_is_no_fault_of_the_reader(address: str) -> None:
    """The library that writes namespaces is choosier than the one that reads them."""
    prefixed = SOUND.replace("<FILEHOSO>", "<p:FILEHOSO>").replace("</FILEHOSO>", "</p:FILEHOSO>")
    for one in (SOUND, prefixed, "<HOSO><x></HOSO>"):
        data = envelope(one).replace(b"<GIAMDINHHS>", f"<GIAMDINHHS xmlns:p='{address}'>".encode())
        assert "IN-READER" not in outcome(data)


@pytest.mark.parametrize("strange", ["", "<LA>x</LA>"])
def test_a_wrapper_that_wears_the_name_of_a_row_is_still_a_wrapper(strange: str) -> None:
    """Known elements alone go the common way, a strange one sends all of them the patient way."""
    row = f"<CHI_TIET_THUOC><MA_LK>A</MA_LK><STT>1</STT>{strange}</CHI_TIET_THUOC>"
    text = f"<CHI_TIET_THUOC><DSACH_CHI_TIET_THUOC>{row}</DSACH_CHI_TIET_THUOC></CHI_TIET_THUOC>"
    (dossier,) = read_delivery(envelope(hoso(part("XML1", XML1), part("XML2", text)))).dossiers
    assert isinstance(dossier, Dossier)
    assert dossier.tables["XML2"] == [{"MA_LK": "A", "STT": "1", **({"LA": "x"} if strange else {})}]


ROW = "<CHI_TIET_THUOC><MA_LK>A</MA_LK><STT>1</STT></CHI_TIET_THUOC>"
LIST = f"<CHITIEU_CHITIET_THUOC><DSACH_CHI_TIET_THUOC>{ROW * 2}</DSACH_CHI_TIET_THUOC></CHITIEU_CHITIET_THUOC>"


@pytest.mark.parametrize("place", ["<DSACH_CHI_TIET_THUOC>", "<CHI_TIET_THUOC>"])
def test_a_field_beside_the_rows_does_not_make_one_row_of_them(place: str) -> None:
    text = LIST.replace(place, f"<MA_LK>A</MA_LK>{place}", 1)
    (dossier,) = read_delivery(envelope(hoso(part("XML1", XML1), part("XML2", text)))).dossiers
    assert isinstance(dossier, Dossier)
    assert dossier.tables["XML2"] == [{"MA_LK": "A", "STT": "1"}] * 2
    assert dossier.kept == {"XML2#outside": [{"MA_LK": "A"}]}
    assert [(one.code, one.table) for one in dossier.findings if one.field == "MA_LK"] == [
        ("IN-UNKNOWN-ELEMENT", "XML2")
    ]


@pytest.mark.parametrize(
    ("place", "table", "row"),
    [
        ("<FILEHOSO>", None, None),
        ("<LOAIHOSO>", None, None),
        ("<TONG_HOP>", "XML1", None),
        ("<CHITIEU_CHITIET_THUOC>", "XML2", None),
        ("<DSACH_CHI_TIET_THUOC>", "XML2", None),
        ("<CHI_TIET_THUOC>", "XML2", None),
        ("<STT>", "XML2", 1),
        ("</CHI_TIET_THUOC>", "XML2", 1),
        ("<MA_BN>", "XML1", 1),
    ],
)
def test_text_beside_the_elements_is_kept_and_found(place: str, table: str | None, row: int | None) -> None:
    whole = hoso(part("XML1", XML1), part("XML2", LIST))
    for kind, text in (("XML1", XML1), ("XML2", LIST)):
        whole = whole.replace(base64.b64encode(text.encode()).decode(), text)
        assert f"<LOAIHOSO>{kind}</LOAIHOSO><NOIDUNGFILE><" in whole
    data = envelope(whole.replace(place, f"\n Nguyễn Thị Ổi{place}", 1))
    for _ in range(2):
        (dossier,) = read_delivery(data).dossiers
        assert isinstance(dossier, Dossier)
        payload = columns.vault_payload(dossier)
        assert [one["#text"] for rows in payload.values() for one in rows if "#text" in one] == ["\n Nguyễn Thị Ổi"]
        assert len(dossier.tables["XML2"]) == 2
        stray = [one for one in dossier.findings if one.code == "IN-STRAY-TEXT"]
        assert [(one.table, one.row, one.field) for one in stray] == [(table, row, None)]


def test_base64_with_an_element_beside_it_is_not_dropped() -> None:
    packed = part("XML2", LIST).replace("</NOIDUNGFILE>", "<X/></NOIDUNGFILE>")
    (dossier,) = read_delivery(envelope(hoso(part("XML1", XML1), packed))).dossiers
    assert isinstance(dossier, Dossier)
    assert base64.b64decode(dossier.kept["XML2#outside"][0]["#text"]).decode() == LIST
    assert {"IN-STRAY-TEXT", "IN-EMPTY-SUBFILE"} <= {one.code for one in dossier.findings}


def test_the_cases_themselves_are_sound() -> None:
    assert outcome(envelope(SOUND, SOUND)) == ["", ""]
    (item,) = read_delivery(envelope("<HOSO>")).dossiers
    assert isinstance(item, UnreadableDossier)
