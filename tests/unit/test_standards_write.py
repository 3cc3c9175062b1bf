"""The writer refuses what a decision does not allow, says where without saying what, and dresses files as asked."""

from __future__ import annotations

import base64
import csv
from pathlib import Path

import pytest
from lxml import etree

import bienho.contracts
from bienho.core.errors import InputError
from bienho.standards.xml130.versions import known_tables, rank_of
from bienho.standards.xml130.write import (
    CANONICAL,
    STYLES,
    TABLES,
    VERSIONS,
    Style,
    layout,
    shape,
    write_assessment,
    write_check_in,
    write_delivery,
    write_envelope,
    write_subfile,
)
from support.xml130_samples import COMMON, make_rows, make_tables, tables_of

FIELDS = Path(bienho.contracts.__file__).parent / "sources" / "xml130_fields.csv"
SENT = {"facility": "64001", "created": "20260103", "version": "3176"}


def subfile(data: bytes, place: int) -> etree._Element:
    root = etree.fromstring(data)
    return etree.fromstring(base64.b64decode(root.findall(".//NOIDUNGFILE")[place].text or ""))


@pytest.mark.parametrize("table", TABLES)
def test_the_newest_layout_is_the_order_of_the_decision(table: str) -> None:
    with FIELDS.open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["table"] == table and r["stt"]]
    official = [r["field"] for r in sorted(rows, key=lambda r: int(r["stt"]))]
    assert [f.official for f in layout(table, "3176")] == official


@pytest.mark.parametrize(
    ("version", "counts"),
    [
        ("4210", [40, 25, 28, 9, 6]),
        ("130", [65, 38, 47, 12, 9, 31, 25, 22, 34, 12, 22, 35, 18]),
        ("4750", [66, 39, 47, 12, 9, 47, 26, 22, 35, 13, 23, 35, 39, 22, 20, 26]),
        ("3176", [66, 39, 47, 12, 9, 47, 26, 22, 35, 13, 23, 35, 37, 22, 20, 26]),
    ],
)
def test_each_version_has_its_number_of_fields(version: str, counts: list[int]) -> None:
    known = [table for table in TABLES if known_tables()[table] <= rank_of(version)]
    assert [len(layout(table, version)) for table in known] == counts
    for table in set(TABLES) - set(known):
        with pytest.raises(InputError, match="IN-WRITE-TABLE"):
            layout(table, version)


def test_the_referral_of_4750_has_its_own_names() -> None:
    names = [field.wire for field in layout("XML13", "4750")]
    assert {"MA_NOI_DI", "MA_NOI_DEN", "PP_DIEU_TRI", "TEN_DICH_VU", "TEN_THUOC"} <= set(names)
    assert not {"MA_CSKCB_DI", "MA_CSKCB_DEN", "TINH_TRANG_CT"} & set(names)


def test_4210_wears_its_own_names_and_roots() -> None:
    data = write_delivery([make_tables("4210")], **(SENT | {"version": "4210"}))
    head, drugs = subfile(data, 0), subfile(data, 1)
    assert {"MA_THE", "TEN_BENH", "MA_BENH", "T_TONGCHI", "T_NGOAIDS"} <= {e.tag for e in head}
    assert (drugs.tag, drugs[0].tag) == ("DSACH_CHI_TIET_THUOC", "CHI_TIET_THUOC")
    assert drugs[0].find("THANH_TIEN") is not None


@pytest.mark.parametrize("version", ["130", "4750", "3176"])
@pytest.mark.parametrize("table", COMMON[1:])
def test_modern_tables_have_root_list_and_rows(version: str, table: str) -> None:
    names = shape(table, version)
    tables = make_tables(version, lines=3)
    root = subfile(write_delivery([tables], **(SENT | {"version": version})), COMMON.index(table))
    assert names.rows is not None
    assert (root.tag, root[0].tag, [r.tag for r in root[0]]) == (names.root, names.rows, [names.row] * 3)


@pytest.mark.parametrize("version", ["130", "4750", "3176"])
def test_every_other_table_has_its_root(version: str) -> None:
    tables = make_tables(version, lines=2, tables=tables_of(version))
    tables["XML7"] = make_rows("XML7", version, 2)
    root = etree.fromstring(write_delivery([tables], **(SENT | {"version": version})))
    kinds = [one.text for one in root.iter("LOAIHOSO")]
    assert kinds == [name for name in tables_of(version) for _ in range(2 if name == "XML7" else 1)]
    for table, content in zip(kinds, root.iter("NOIDUNGFILE"), strict=True):
        names, inner = shape(str(table), version), etree.fromstring(base64.b64decode(content.text or ""))
        assert inner.tag == names.root
        first = inner if names.single else inner[0][0]
        assert [one.tag for one in first] == [field.wire for field in layout(str(table), version)]


def test_bare_files_are_as_the_guide_prints_them() -> None:
    check_in = etree.fromstring(write_check_in(make_rows("XML0", count=3), version="3176"))
    assert (check_in.tag, [one.tag for one in check_in]) == (
        "CHI_TIEU_TRANG_THAI_KCB",
        ["DSACH_TRANG_THAI_KCB", "CHUKYDONVI"],
    )
    assert [one.tag for one in check_in[0]] == ["TRANG_THAI_KCB"] * 3
    board = etree.fromstring(write_assessment(make_rows("XML12", "130"), version="130"))
    assert (board.tag, board[0].tag, board[0][0].tag) == (
        "CHI_TIEU_GIAM_DINH_YKHOA",
        "DSACH_GIAM_DINH_YKHOA",
        "GIAM_DINH_YKHOA",
    )
    for code, rows in (("IN-WRITE-ROWS", []), ("IN-WRITE-KEY", [make_rows("XML0")[0] | {"MA_LK": ""}])):
        with pytest.raises(InputError) as refused:
            write_check_in(rows, version="3176")
        assert refused.value.code == code
    with pytest.raises(InputError, match="SO_BIEN_BAN"):
        write_assessment([make_rows("XML12")[0] | {"SO_BIEN_BAN": ""}], version="3176")
    with pytest.raises(InputError, match="XML0"):
        write_check_in(make_rows("XML0"), version="4210")


def test_additions_of_4750_are_not_in_130() -> None:
    assert "NHOM_MAU" not in {f.official for f in layout("XML1", "130")}
    assert "NGAY_TH_YL" not in {f.official for f in layout("XML2", "130")}


def test_envelope_is_as_the_guide_prints_it() -> None:
    root = etree.fromstring(write_delivery([make_tables(ma_lk="A"), make_tables(ma_lk="B")], **SENT))
    assert [e.tag for e in root] == ["THONGTINDONVI", "THONGTINHOSO", "CHUKYDONVI"]
    assert root.findtext("THONGTINDONVI/MACSKCB") == "64001"
    assert root.findtext("THONGTINHOSO/NGAYLAP") == "20260103"
    assert root.findtext("THONGTINHOSO/SOLUONGHOSO") == "2"
    assert len(root.findall("THONGTINHOSO/DANHSACHHOSO/HOSO")) == 2
    assert [e.text for e in root.find(".//HOSO").iter("LOAIHOSO")] == list(COMMON)  # type: ignore[union-attr]
    assert root.findtext("CHUKYDONVI") == ""


SECRET = "NGUYỄN THỊ BÍ MẬT"


def _with(table: str, **values: object) -> dict[str, list[dict[str, str]]]:
    tables = make_tables()
    tables[table][-1].update(values)  # type: ignore[arg-type]
    return tables


def _without(table: str, name: str) -> dict[str, list[dict[str, str]]]:
    tables = make_tables()
    del tables[table][-1][name]
    return tables


@pytest.mark.parametrize(
    ("code", "tables"),
    [
        ("IN-WRITE-FIELD", _with("XML2", HO_VA_TEN=SECRET)),
        ("IN-WRITE-LENGTH", _with("XML1", HO_TEN=SECRET * 20)),
        ("IN-WRITE-LENGTH", _with("XML1", MA_BENH_CHINH=SECRET)),
        ("IN-WRITE-MISSING", _without("XML1", "HO_TEN")),
        ("IN-WRITE-MISSING", _without("XML3", "NGAY_YL")),
        ("IN-WRITE-MISSING", _without("XML5", "MA_LK")),
        ("IN-WRITE-TYPE", _with("XML1", HO_TEN=None)),
        ("IN-WRITE-TYPE", _with("XML2", SO_LUONG=3)),
        ("IN-WRITE-CHARACTER", _with("XML1", HO_TEN=SECRET + "\x00")),
        ("IN-WRITE-CHARACTER", _with("XML1", HO_TEN=SECRET + "\ud800")),
        ("IN-WRITE-KEY", _with("XML3", MA_LK=SECRET)),
        ("IN-WRITE-KEY", _with("XML1", MA_LK="")),
        ("IN-WRITE-ROWS", {"XML2": make_tables()["XML2"]}),
        ("IN-WRITE-ROWS", {"XML1": make_tables()["XML1"] * 2}),
        ("IN-WRITE-ROWS", make_tables() | {"XML8": make_rows("XML8", count=2)}),
        ("IN-WRITE-TABLE", make_tables() | {"XML99": [{"MA_LK": "x"}]}),
        ("IN-WRITE-TABLE", make_tables() | {"XML0": make_rows("XML0")}),
        ("IN-WRITE-TABLE", make_tables() | {"XML12": make_rows("XML12")}),
    ],
)
@pytest.mark.parametrize("style", [CANONICAL, STYLES["mixed"], STYLES["cdata"]])
def test_refuses_and_never_repeats_a_value(code: str, tables: dict[str, list[dict[str, str]]], style: Style) -> None:
    with pytest.raises(InputError) as refused:
        write_delivery([tables], style=style, **SENT)
    assert refused.value.code == code
    assert "BÍ MẬT" not in str(refused.value)


def test_a_field_of_a_later_version_is_unknown_to_an_earlier_one() -> None:
    tables = make_tables("130")
    tables["XML1"][0]["NHOM_MAU"] = "A"
    with pytest.raises(InputError, match="NHOM_MAU"):
        write_delivery([tables], **(SENT | {"version": "130"}))


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("IN-WRITE-FACILITY", {"facility": "6400"}),
        ("IN-WRITE-FACILITY", {"facility": "64<01"}),
        ("IN-WRITE-DATE", {"created": "20260230"}),
        ("IN-WRITE-DATE", {"created": "2026-1-3"}),
        ("IN-WRITE-TABLE", {"version": "9999"}),
    ],
)
def test_refuses_a_wrong_envelope(code: str, change: dict[str, str]) -> None:
    with pytest.raises(InputError) as refused:
        write_delivery([make_tables()], **(SENT | change))
    assert refused.value.code == code


def test_refuses_an_empty_delivery() -> None:
    with pytest.raises(InputError) as refused:
        write_envelope([], facility="64001", created="20260103")
    assert refused.value.code == "IN-WRITE-EMPTY"


def test_absent_stays_absent_and_empty_stays_empty() -> None:
    row = dict(make_tables()["XML1"][0], GHI_CHU="")
    del row["NGAY_TAI_KHAM"]
    root = etree.fromstring(write_subfile("XML1", [row], version="3176"))
    assert root.find("NGAY_TAI_KHAM") is None
    assert root.findtext("GHI_CHU") == ""


DRESSED = {
    "wrapped_base64": lambda d: max(map(len, d.split(b"\n"))) < 2000 and d.count(b"\n") > 20,
    "nested": lambda d: b"<NOIDUNGFILE><TONG_HOP><MA_LK>" in d,
    "no_declaration": lambda d: d.startswith(b"<GIAMDINHHS>"),
    "namespaces": lambda d: b"xmlns:xsi=" in d,
    "bom": lambda d: d.startswith(b"\xef\xbb\xbf<?xml"),
    "crlf": lambda d: b"\r\n" in d and b"\n" not in d.replace(b"\r\n", b""),
}


@pytest.mark.parametrize("name", DRESSED)
def test_a_dress_changes_what_it_says(name: str) -> None:
    tables = make_tables()
    assert DRESSED[name](write_delivery([tables], style=STYLES[name], **SENT))
    assert not DRESSED[name](write_delivery([tables], **SENT))


def test_dresses_of_sub_files_change_what_they_say() -> None:
    row = dict(make_tables()["XML1"][0], GHI_CHU="", CHAN_DOAN_RV="a b <c> ]]> d")

    def text(style: str) -> str:
        return write_subfile("XML1", [row], version="3176", style=STYLES[style]).decode()

    assert "<GHI_CHU/>" in text("self_closed")
    assert "<CHAN_DOAN_RV><![CDATA[a b <c> ]]" in text("cdata")
    assert "<chan_doan_rv>" in text("lower_case")
    assert "CHAN_DOAN_RV" not in text("lower_case")
    plain, shuffled = ([e.tag for e in etree.fromstring(text(s).encode())] for s in ("canonical", "shuffled"))
    assert plain != shuffled
    assert sorted(plain) == sorted(shuffled)
    assert text("bare").startswith("<TONG_HOP>")


@pytest.mark.parametrize("version", VERSIONS)
def test_writing_twice_gives_the_same_bytes(version: str) -> None:
    tables = make_tables(version)
    sent = SENT | {"version": version}
    for style in STYLES.values():
        assert write_delivery([tables], style=style, **sent) == write_delivery([tables], style=style, **sent)
