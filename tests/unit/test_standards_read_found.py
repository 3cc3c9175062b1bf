"""What the fuzzer ever found in the reader, cut down to the least that shows it; no case is taken away again."""

from __future__ import annotations

import base64
import time

import pytest

from bienho.standards.xml130 import TABLES, Dossier, Unreadable, UnreadableDossier, columns, read_delivery
from bienho.standards.xml130.read_checks import required_fields
from bienho.standards.xml130.versions import known_tables, rank_of, wire_of
from support.xml130_samples import versioned

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


@pytest.mark.parametrize(
    "empty",
    ["<CHI_TIET_THUOC/>", "<CHI_TIET_THUOC>\n </CHI_TIET_THUOC>", "<CHI_TIET_THUOC><!-- x --></CHI_TIET_THUOC>"],
)
@pytest.mark.parametrize("way", ["packed", "nested", "lower"])
def test_an_empty_row_keeps_its_place(empty: str, way: str) -> None:
    """Or the rows behind it would be found under the numbers of others, and nobody would hear of it."""
    last = ROW.replace("<STT>1", "<STT>Nguyễn Thị Ổi")
    text = LIST.replace(ROW * 2, f"{empty}{ROW}{empty}{last}")
    whole = part("XML2", text.lower() if way == "lower" else text)
    if way == "nested":
        whole = f"<FILEHOSO><LOAIHOSO>XML2</LOAIHOSO><NOIDUNGFILE>{text}</NOIDUNGFILE></FILEHOSO>"
    for _ in range(2):
        (dossier,) = read_delivery(envelope(hoso(part("XML1", XML1), whole))).dossiers
        assert isinstance(dossier, Dossier)
        assert [row.get("MA_LK") for row in dossier.tables["XML2"]] == [None, "A" if way != "lower" else "a"] * 2
        assert dossier.tables["XML2"][0] == {}
        lacking = [one.row for one in dossier.findings if (one.code, one.field) == ("IN-REQUIRED", "STT")]
        assert lacking == [1, 3]
        assert dossier.shape_vaulted == {("XML2", 4, "STT")}
        built = columns.build([versioned(dossier)])
        lake = {table: built[columns.dataset_of(table)] for table in dossier.tables}
        assert columns.restore(columns.vault_payload(dossier), lake) == dossier.tables


def test_text_alone_in_a_row_is_text_of_that_row() -> None:
    text = LIST.replace(ROW, "<CHI_TIET_THUOC>Nguyễn Thị Ổi</CHI_TIET_THUOC>", 1)
    (dossier,) = read_delivery(envelope(hoso(part("XML1", XML1), part("XML2", text)))).dossiers
    assert isinstance(dossier, Dossier)
    assert dossier.tables["XML2"] == [{"#text": "Nguyễn Thị Ổi"}, {"MA_LK": "A", "STT": "1"}]
    assert [(one.table, one.row) for one in dossier.findings if one.code == "IN-STRAY-TEXT"] == [("XML2", 1)]


def test_empty_rows_alone_are_an_empty_table() -> None:
    text = LIST.replace(ROW, "<CHI_TIET_THUOC/>")
    (dossier,) = read_delivery(envelope(hoso(part("XML1", XML1), part("XML2", text)))).dossiers
    assert isinstance(dossier, Dossier)
    assert "XML2" not in dossier.tables
    assert [one.code for one in dossier.findings if one.table == "XML2"] == ["IN-EMPTY-SUBFILE"]


@pytest.mark.parametrize("edition", ["4210", "130", "4750", "3176"])
def test_every_table_of_rows_demands_a_field(edition: str) -> None:
    """So that an empty row is always found."""
    for table in TABLES:
        if wire_of(table).row and known_tables()[table] <= rank_of(edition):
            assert required_fields(table, edition, None), table


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
