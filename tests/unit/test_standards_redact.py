"""What is left of a delivery when one person's documents are taken out: everybody else, at the same places."""

from __future__ import annotations

import base64
import io
import zipfile

import pytest

from bench.faults.history import envelope, hoso
from bienho.standards.xml130 import Dossier, read_received, redact

PARTS = [hoso(visit, "64001", ("I10", "20260105", False)) for visit in ("An", "Binh", "Chi", "Dung")]
CHECK_INS = "<CHI_TIEU_TRANG_THAI_KCB><DSACH_TRANG_THAI_KCB>{}</DSACH_TRANG_THAI_KCB></CHI_TIEU_TRANG_THAI_KCB>"


def zipped(*files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, data in enumerate(files):
            archive.writestr(f"Nguyễn Văn {number}.xml", data)
    return packed.getvalue()


def check_in(visit: str) -> str:
    return (
        f"<TRANG_THAI_KCB><MA_LK>{visit}</MA_LK><MA_BN>N{visit}</MA_BN><HO_TEN>Tên {visit}</HO_TEN>"
        f"<MA_CSKCB>64001</MA_CSKCB><NGAY_VAO>202601050800</NGAY_VAO></TRANG_THAI_KCB>"
    )


def seen(data: bytes, without: frozenset[int] = frozenset()) -> list[tuple[int, bytes]]:
    return [
        (one.hoso, one.content if isinstance(one, Dossier) else one.code.encode())
        for one in read_received(data).dossiers
        if one.hoso not in without
    ]


WHOLE = envelope("64001", PARTS)
DELIVERIES = {
    "envelope": (WHOLE, {2, 3}, {2, 3}),
    "base64 of the whole": (base64.b64encode(WHOLE), {1}, {1}),
    "UTF-16": (WHOLE.decode().encode("utf-16"), {4}, {4}),
    "everybody": (WHOLE, {1, 2, 3, 4}, {1, 2, 3, 4}),
    "torn in the middle of one": (WHOLE[: WHOLE.index(b"</HOSO>", 900) + 200], {2, 3}, {2, 3}),
    "zip": (zipped(WHOLE, b"<html>", envelope("64001", PARTS[:2])), {2, 7}, {2, 7}),
    "a member that is none": (zipped(WHOLE, b"<html>x</html>", WHOLE), {5}, {5}),
    "check-ins, one in two rows": (
        CHECK_INS.format("".join(map(check_in, ["An", "Binh", "An"]))).encode(),
        {1},
        {1, 3},
    ),
}


@pytest.mark.parametrize("name", DELIVERIES)
def test_everybody_else_stays_where_they_were(name: str) -> None:
    data, gone, emptied = DELIVERIES[name]
    left = redact(data, gone)
    assert left is not None
    assert left.places == emptied
    assert seen(left.data, left.places) == seen(data, left.places)
    assert [one for one, _ in seen(data, left.places)] or name == "everybody"
    for item in read_received(data).dossiers:
        if item.hoso in left.places and item.ma_lk:
            assert f'"{item.ma_lk}"'.encode() not in b"".join(content for _, content in seen(left.data))


def test_what_nobody_else_is_in_may_go_whole_and_what_cannot_be_cut_is_left_alone() -> None:
    assert redact(b"<html>", {0}) == redact(b"%PDF", {0})
    assert redact(b"<html>", {1}) is None
    locked = bytearray(zipped(WHOLE, WHOLE))
    locked[6] |= 1
    directory = locked.index(b"PK\x01\x02")
    locked[directory + 8] |= 1
    assert redact(bytes(locked), {3}) is None, "the member that does not open would be lost"


def test_names_of_members_are_not_kept() -> None:
    left = redact(zipped(WHOLE), {1})
    assert left is not None
    assert "Nguyễn".encode() not in left.data[:60]
    assert "Văn 0.xml".encode() not in left.data
