"""What the fuzzer ever found in the reader, cut down to the least that shows it; no case is taken away again."""

from __future__ import annotations

import base64
import time

import pytest

from bienho.standards.xml130 import Dossier, Unreadable, UnreadableDossier, read_delivery

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


def test_the_cases_themselves_are_sound() -> None:
    assert outcome(envelope(SOUND, SOUND)) == ["", ""]
    (item,) = read_delivery(envelope("<HOSO>")).dossiers
    assert isinstance(item, UnreadableDossier)
