"""Check-in (XML0) and assessment (XML12): files of their own, documents of their own; a bad row stays alone."""

from __future__ import annotations

import base64

import pytest

from bienho.config.limits import Limits
from bienho.core.errors import LimitError
from bienho.standards.xml130 import (
    Dossier,
    Unreadable,
    UnreadableDossier,
    assessment_identity,
    columns,
    read_delivery,
)
from bienho.standards.xml130.write import STYLES, write_assessment, write_check_in, write_delivery
from support.xml130_samples import make_rows, make_tables, versioned

BOARD = "52GDY"


def check_ins(*visits: str, version: str = "3176", style: str = "canonical") -> tuple[list[dict[str, str]], bytes]:
    rows = [make_rows("XML0", version, 1, seed=n, ma_lk=visit)[0] for n, visit in enumerate(visits)]
    return rows, write_check_in(rows, version=version, style=STYLES[style])


def shown(data: bytes, **ways: str) -> list[tuple]:
    return [(item.hoso, item.ma_lk, getattr(item, "code", None)) for item in read_delivery(data, **ways).dossiers]  # type: ignore[arg-type]


@pytest.mark.parametrize("version", ["130", "4750", "3176"])
@pytest.mark.parametrize("style", STYLES)
def test_rows_of_one_visit_make_one_document(version: str, style: str) -> None:
    rows, data = check_ins("A", "B", "A", version=version, style=style)
    envelope = read_delivery(data)
    assert (envelope.document, envelope.facility, envelope.signed, envelope.findings) == (
        "check_in",
        "64001",
        False,
        (),
    )
    first, second = envelope.dossiers
    assert isinstance(first, Dossier)
    assert isinstance(second, Dossier)
    assert first.tables == {"XML0": [rows[0], rows[2]]}
    assert second.tables == {"XML0": [rows[1]]}
    assert [(one.hoso, one.document, one.facility, one.ma_lk, one.identity) for one in (first, second)] == [
        (1, "check_in", "64001", "A", "A"),
        (2, "check_in", "64001", "B", "B"),
    ]
    assert {one.format_version for one in (first, second)} == {version}
    assert first.findings == second.findings == ()


@pytest.mark.parametrize("version", ["130", "4750", "3176"])
@pytest.mark.parametrize("style", STYLES)
def test_each_assessment_is_a_document(version: str, style: str) -> None:
    rows = make_rows("XML12", version, 2)
    rows[1]["SO_BIEN_BAN"] = "BB-2"
    data = write_assessment(rows, version=version, style=STYLES[style])
    envelope = read_delivery(data, board_facility=BOARD)
    assert (envelope.document, envelope.facility) == ("assessment", BOARD)
    assert [(one.code, one.severity) for one in envelope.findings] == [("IN-FACILITY-ASSUMED", "info")]
    dossiers = list(envelope.dossiers)
    for number, (dossier, row) in enumerate(zip(dossiers, rows, strict=True), 1):
        assert isinstance(dossier, Dossier)
        assert dossier.tables == {"XML12": [row]}
        assert (dossier.hoso, dossier.facility, dossier.ma_lk, dossier.ma_bn) == (
            number,
            BOARD,
            row["SO_BIEN_BAN"],
            None,
        )
        assert dossier.identity == assessment_identity(row["SO_BIEN_BAN"], row["NGAY_HOP"])
        assert dossier.findings == ()


def test_the_door_says_which_board_met() -> None:
    data = write_assessment(make_rows("XML12", count=1), version="3176")
    envelope = read_delivery(data, door_facility="64900", board_facility=BOARD)
    assert (envelope.facility, envelope.findings) == ("64900", ())
    assert shown(data) == [(1, make_rows("XML12", count=1)[0]["SO_BIEN_BAN"], "IN-NO-FACILITY")]


def test_minutes_of_another_year_are_another_assessment() -> None:
    assert assessment_identity("12 ", "20260102") == assessment_identity("12", " 20261231")
    assert assessment_identity("12", "20260102") != assessment_identity("12", "20270102")
    assert assessment_identity("12", None) == assessment_identity("12", "2026")


@pytest.mark.parametrize(
    ("code", "middle"),
    [
        ("IN-NOT-XML", b"<TRANG_THAI_KCB><MA_LK>B</TRANG_THAI_KCB>"),
        ("IN-NOT-XML", b"<TRANG_THAI_KCB><MA_LK>B & C</MA_LK></TRANG_THAI_KCB>"),
        ("IN-NOT-XML", b"<TRANG_THAI_KCB><MA_LK>B\x00</MA_LK></TRANG_THAI_KCB>"),
        ("IN-NOT-XML", b"<TRANG_THAI_KCB><MA_LK>\xff</MA_LK></TRANG_THAI_KCB>"),
        ("IN-NO-HOSO", b"<TRANG_THAI_KCB/>"),
        ("IN-NO-MA-LK", b"<TRANG_THAI_KCB><MA_LK> </MA_LK><MA_CSKCB>64001</MA_CSKCB></TRANG_THAI_KCB>"),
        ("LIM-ELEMENTS", b"<TRANG_THAI_KCB>" + b"<MA_LK>B</MA_LK>" * 500 + b"</TRANG_THAI_KCB>"),
    ],
)
def test_a_bad_row_stays_alone(code: str, middle: bytes) -> None:
    _, data = check_ins("A", "B", "C")
    head, _, tail = data.partition(b"<TRANG_THAI_KCB>")
    rows = (b"<TRANG_THAI_KCB>" + tail).split(b"</TRANG_THAI_KCB>")
    spoiled = head + rows[0] + b"</TRANG_THAI_KCB>" + middle + rows[2] + b"</TRANG_THAI_KCB>" + rows[3]
    assert [(place, item) for place, _, item in shown(spoiled)] == [(1, None), (2, code), (3, None)]


def test_rows_without_a_facility_take_that_of_the_file_when_it_has_one() -> None:
    rows = [make_rows("XML0", ma_lk=key, count=1)[0] for key in ("A", "B", "C")]
    rows[1]["MA_CSKCB"] = ""
    data = write_check_in(rows, version="3176")
    assert [item.facility for item in read_delivery(data).dossiers] == ["64001"] * 3
    rows[2]["MA_CSKCB"] = "52001"
    data = write_check_in(rows, version="3176")
    assert read_delivery(data).facility is None
    assert shown(data) == [(1, "A", None), (2, "B", "IN-NO-FACILITY"), (3, "C", None)]


def test_one_number_at_two_facilities_is_two_documents() -> None:
    rows = make_rows("XML0", count=2, ma_lk="A")
    rows[1]["MA_CSKCB"] = "52001"
    assert [(item.hoso, item.facility) for item in read_delivery(write_check_in(rows, version="3176")).dossiers] == [
        (1, "64001"),
        (2, "52001"),
    ]


def test_a_name_in_the_place_of_the_facility_is_none() -> None:
    rows = make_rows("XML0", count=1)
    rows[0]["MA_CSKCB"] = "Ổi"
    (item,) = read_delivery(write_check_in(rows, version="3176")).dossiers
    assert isinstance(item, UnreadableDossier)
    assert (item.code, item.facility) == ("IN-NO-FACILITY", "")


def test_torn_files_give_what_is_whole() -> None:
    _, data = check_ins("A", "B")
    end = data.rfind(b"</TRANG_THAI_KCB>")
    assert shown(data[:end]) == [(1, "A", None), (2, None, "IN-TRUNCATED")]
    assert shown(data[: end + len(b"</TRANG_THAI_KCB>")]) == [
        (1, "A", None),
        (2, "B", None),
        (3, None, "IN-TRUNCATED"),
    ]
    with pytest.raises(Unreadable, match="IN-TRUNCATED"):
        read_delivery(data[:100])


def test_empty_files_strange_wrappers_and_the_list_alone() -> None:
    with pytest.raises(Unreadable, match="IN-NO-HOSO"):
        read_delivery(b"<CHI_TIEU_TRANG_THAI_KCB><DSACH_TRANG_THAI_KCB/><CHUKYDONVI/></CHI_TIEU_TRANG_THAI_KCB>")
    rows, data = check_ins("A", "B")
    listed = data.partition(b"<CHI_TIEU_TRANG_THAI_KCB>")[2].partition(b"<CHUKYDONVI>")[0]
    renamed = data.replace(b"TRANG_THAI_KCB>", b"DONG>").replace(b"CHI_TIEU_DONG>", b"CHI_TIEU_TRANG_THAI_KCB>")
    prefixed = data.replace(b"<", b"<x:").replace(b"<x:/", b"</x:").replace(b"<x:?", b"<?")
    prefixed = prefixed.replace(b"<x:CHI_TIEU_TRANG_THAI_KCB", b"<x:CHI_TIEU_TRANG_THAI_KCB xmlns:x='u'", 1)
    for name, variant in {"list": listed, "names": renamed, "prefix": prefixed}.items():
        dossiers = list(read_delivery(variant).dossiers)
        assert [item.tables["XML0"] for item in dossiers if isinstance(item, Dossier)] == [[row] for row in rows], name


def test_a_signature_is_noticed_and_nothing_of_it_read() -> None:
    _, data = check_ins("A")
    signed = data.replace(b"<CHUKYDONVI>", b"<CHUKYDONVI><Signature><MA_LK>Z</MA_LK>x</Signature>")
    assert read_delivery(signed).signed
    assert not read_delivery(data).signed
    assert shown(signed) == [(1, "A", None)]
    envelope = write_delivery([make_tables()], facility="64001", created="20260103", version="3176")
    assert not read_delivery(envelope).signed
    assert not read_delivery(envelope.replace(b"<CHUKYDONVI>", b"<CHUKYDONVI> \n")).signed
    assert read_delivery(envelope.replace(b"<CHUKYDONVI>", b"<CHUKYDONVI>x")).signed
    early = envelope.replace(b"<THONGTINDONVI>", b"<CHUKYDONVI><MACSKCB>00000</MACSKCB></CHUKYDONVI><THONGTINDONVI>")
    assert (read_delivery(early).facility, read_delivery(early).signed) == ("64001", True)


def test_limits_of_a_bare_file() -> None:
    _, data = check_ins("A", "A", "B")
    with pytest.raises(LimitError, match="LIM-HOSO"):
        read_delivery(data, Limits(hoso_per_delivery=2))
    items = list(read_delivery(data, Limits(rows_per_subfile=1)).dossiers)
    assert [(item.hoso, getattr(item, "code", None)) for item in items] == [(1, "LIM-ROWS"), (3, None)]


def test_inside_an_envelope_they_are_rows_of_the_visit_with_a_warning() -> None:
    sent = make_tables("3176", ma_lk="A")
    data = write_delivery([sent], facility="64001", created="20260103", version="3176")
    alone = {"XML0": write_check_in(make_rows("XML0", ma_lk="A"), version="3176")}
    alone["XML12"] = write_assessment(make_rows("XML12"), version="3176")
    files = b"".join(
        f"<FILEHOSO><LOAIHOSO>{name}</LOAIHOSO><NOIDUNGFILE>{base64.b64encode(file).decode()}"
        "</NOIDUNGFILE></FILEHOSO>".encode()
        for name, file in alone.items()
    )
    (dossier,) = read_delivery(data.replace(b"</HOSO>", files + b"</HOSO>")).dossiers
    assert isinstance(dossier, Dossier)
    assert dossier.document == "visit"
    assert dossier.tables == sent | {"XML12": make_rows("XML12"), "XML0": make_rows("XML0", ma_lk="A")}
    assert [(one.code, one.table, one.rule) for one in dossier.findings] == [
        ("IN-TRAVELS-ALONE", "XML0", None),
        ("IN-TRAVELS-ALONE", "XML12", 76),
    ]


def test_lake_and_vault_give_a_bare_document_back() -> None:
    _, data = check_ins("A", "A")
    assessments = write_assessment(make_rows("XML12", count=1), version="3176")
    for (dossier,) in (read_delivery(data).dossiers, read_delivery(assessments, board_facility=BOARD).dossiers):
        assert isinstance(dossier, Dossier)
        built = columns.build([versioned(dossier)])
        assert built["standard.xml130_dossier"]["document"].to_pylist() == [dossier.document]
        lake = {name: built[columns.dataset_of(name)] for name in dossier.tables}
        assert columns.restore(columns.vault_payload(dossier), lake, dossier.format_version) == dossier.tables
