"""The portal's submission API without HTTP: forms as clients write them, what each refusal says, result rows."""

from __future__ import annotations

import base64
import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import quote_from_bytes, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bienho.core.errors import BienhoError, BusyError, DeniedError, IntegrityError, LimitError, StorageError
from bienho.sources import portal_api
from bienho.sources.portal_api import Account, Form, Kept, Parcel, Refused, accept, proof_of, read_body, read_query
from bienho.sources.portal_api.form import read_bare, read_file

NOON = datetime(2026, 11, 27, 5, 0, 7, tzinfo=UTC)
ACCOUNT = Account("52001-his", frozenset({"52001", "52999"}), frozenset({"52", "64"}))
SERVICE = portal_api.SERVICES["guiHoSoXmlQD3176"]
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
MIB = 1024 * 1024
DATA = b"<GIAMDINHHS>\xc3\xa1 + / =</GIAMDINHHS>"
FIELDS = {"username": "52001-his", "loaiHoSo": "130", "maTinh": "52", "maCSKCB": "52001"}


def kept(parcel: Parcel) -> Kept:
    assert (parcel.data, parcel.facility, parcel.username, parcel.service) == (
        DATA, "52001", "52001-his", "guiHoSoXmlQD3176",
    )  # fmt: skip
    return Kept("D000000000007", NOON)


def send(
    changed: dict[str, str] | None = None, keep: portal_api.Keep = kept, *, as_json: bool = False
) -> dict[str, str]:
    fields = {**FIELDS, "fileHSBase64": base64.b64encode(DATA).decode(), **(changed or {})}
    body = json.dumps(fields) if as_json else urlencode(fields)
    kind = JSON if as_json else FORM
    return accept(ACCOUNT, SERVICE, Form(()), kind, body.encode(), keep, MIB).as_dict()


@pytest.mark.parametrize("as_json", [False, True])
def test_a_file_gets_its_number_and_the_time_of_the_province(as_json: bool) -> None:
    assert send(as_json=as_json) == {
        "maKetQua": "200",
        "maGiaoDich": "D000000000007",
        "thoiGianTiepNhan": "20261127120007",
        "thongDiep": "Đã nhận hồ sơ.",
    }


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"username": "khac"}, "401"),
        ({"loaiHoSo": "0"}, "205"),
        ({"loaiHoSo": ""}, "205"),
        ({"maTinh": "01"}, "205"),
        ({"maTinh": ""}, "205"),
        ({"maCSKCB": ""}, "205"),
        ({"maCSKCB": "52002"}, "403"),
        ({"maCSKCB": "52001\0"}, "403"),
        ({"fileHSBase64": ""}, "205"),
        ({"fileHSBase64": "không"}, "123"),
        ({"fileHSBase64": "QQ"}, "123"),
        ({"fileHSBase64": base64.b64encode(bytes(MIB + 3)).decode()}, "1001"),
        ({"x" * 41: "1"}, "205"),
        ({"ghiChu": "x" * 1001}, "205"),
        ({f"a{number}": "" for number in range(40)}, "205"),
    ],
)
def test_what_is_wrong_with_a_form_is_told_and_nothing_is_kept(changed: dict[str, str], code: str) -> None:
    def never(_: Parcel) -> Kept:
        raise AssertionError("kept")

    told = send(changed, never)
    assert told["maKetQua"] == code
    assert told["thongDiep"]
    assert "maGiaoDich" not in told


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BusyError("BUSY-BACKLOG", "Đầy."), "124"),
        (StorageError("STO-RAW-WRITE", "Đĩa."), "124"),
        (LimitError("LIM-SENDER", "Nhiều."), "124"),
        (LimitError("LIM-DELIVERY-BYTES", "To."), "1001"),
        (LimitError("LIM-DEPTH", "Sâu."), "123"),
        (DeniedError("DENY-FACILITY", "Khác."), "403"),
        (IntegrityError("INT-RAW", "Hỏng."), "500"),
    ],
)
def test_an_error_of_the_house_has_a_code_that_clients_know(error: BienhoError, code: str) -> None:
    def fails(_: Parcel) -> Kept:
        raise error

    told = send(keep=fails)
    assert (told["maKetQua"], told["thongDiep"].startswith(f"[{error.code}]")) == (code, True)


@given(st.binary(min_size=1, max_size=300))
def test_base64_is_read_as_clients_write_it(data: bytes) -> None:
    packed = base64.b64encode(data)
    escaped = quote_from_bytes(packed, safe="").encode()
    for written in (escaped, re.sub(rb"%..", lambda sign: sign[0].lower(), escaped)):
        assert read_file(read_body(FORM, b"fileHSBase64=" + written).value("filehsbase64"), 300) == data
    form = read_body(FORM, b"fileHSBase64=" + packed)
    assert read_file(form.value("fileHSBase64"), 300) == data, "a + that was not escaped is a +"
    wrapped = base64.encodebytes(data).replace(b"\n", b"%0D%0A")
    assert read_file(read_body(FORM, b"fileHSBase64=" + wrapped).value("fileHSBase64"), 300) == data
    numbers = list(data)
    signed = [byte - 256 if byte > 127 else byte for byte in data]
    for told in ({"fileHS": numbers}, {"fileHS": signed}, signed, packed.decode(), {"fileHS": packed.decode()}):
        assert read_bare(JSON, json.dumps(told).encode(), 300) == data


@pytest.mark.parametrize("values", [[256], [-129], [1.5], ["a"], [None], [[1]]])
def test_what_is_no_byte_is_no_file(values: list[object]) -> None:
    with pytest.raises(Refused) as refused:
        read_bare(JSON, json.dumps({"fileHS": values}).encode(), 300)
    assert refused.value.reply.code == "123"


@given(st.binary(max_size=200), st.sampled_from([FORM, JSON, "", "text/xml", "multipart/form-data"]))
def test_any_body_is_a_form_or_a_refusal(body: bytes, kind: str) -> None:
    for read in (read_body, lambda kind, body: read_bare(kind, body, 100)):
        with suppress(LimitError, Refused):
            assert isinstance(read(kind, body), Form | bytes)


def test_names_are_read_in_any_case_and_never_twice() -> None:
    form = read_body(FORM, b"UserName=a&PASSWORD=b")
    assert (form.text("username"), form.text("Password")) == ("a", "b")
    for twice in (b"username=a&Username=b", b'{"username": "a", "USERNAME": "b"}'):
        with pytest.raises(Refused):
            read_body(FORM, twice)
    with pytest.raises(Refused):
        read_query(b"token=a").joined(read_query(b"Token=b"))


def test_proof_is_read_where_each_service_carries_it() -> None:
    headers = {"accessToken": " a ", "tokenId": "b", "passwordHash": "c"}
    query = read_query(b"token=x&id_token=y&password=z&username=u")
    shown = proof_of(SERVICE, headers, query)
    assert (shown.access, shown.identity, shown.password, shown.username) == ("a", "b", "c", "")
    shown = proof_of(portal_api.SERVICES["guiHoSoGiamDinh4210"], headers, query)
    assert (shown.access, shown.identity, shown.password, shown.username) == ("x", "y", "z", "u")


def test_results_are_counted_by_day_of_the_province() -> None:
    row = {"accepted": 2, "duplicates": 1, "accepted_with_findings": 3, "quarantined": None, "reason": "IN-CAST"}
    late = datetime(2026, 11, 26, 17, 0, tzinfo=UTC)
    found = [
        portal_api.Delivery.of({**row, "delivery_id": f"D{number:012d}", "received_at": when})
        for number, when in enumerate((NOON, late, late.replace(hour=16)), start=1)
    ]
    days = portal_api.by_day(found).as_dict()["dsKQGuiHoSoNgay"]
    assert days == [
        {"ngayGui": "26/11/2026", "tongSo": 6, "soHSThanhCong": 3, "soHSLoi": 3},
        {"ngayGui": "27/11/2026", "tongSo": 12, "soHSThanhCong": 6, "soHSLoi": 6},
    ]
    (first, *_) = portal_api.details(found).as_dict()["dsHoSo"]
    assert (first["maGiaoDich"], first["slHoSoDung"], first["slHoSoLoi"], first["mieuTa"]) == (
        "D000000000001", 3, 3, "IN-CAST",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("first", "last"),
    [("27/11/2026", "26/11/2026"), ("01/01/2026", "02/03/2026"), ("2026-11-27", "27/11/2026"), ("", "")],
)
def test_days_that_are_none_or_too_many_are_refused(first: str, last: str) -> None:
    with pytest.raises(Refused) as refused:
        portal_api.days_of(Form([("tuNgay", first), ("denNgay", last)]))
    assert refused.value.reply.code == "205"


def test_sixty_days_are_asked_at_once() -> None:
    begin, end = portal_api.days_of(Form([("tuNgay", "01/01/2026"), ("denNgay", "01/03/2026")]))
    assert (begin, end) == (datetime(2025, 12, 31, 17, tzinfo=UTC), datetime(2026, 3, 1, 17, tzinfo=UTC))
