"""A file passed on, unchanged, to a portal simulated from the public description of the real one."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from bienho.pipeline.forwarding import Told, forward, secret_of
from bienho.pipeline.outward import Answer, Unreached
from bienho.standards.xml130.write import write_delivery
from support.xml130_samples import make_tables

BASE = "https://cong.example.vn"
FILE = write_delivery(
    [make_tables("3176", seed=1, ma_lk="FWD-1")], facility="52001", created="20260103", version="3176"
)
SECRET = secret_of("52001_BV", "mật khẩu")


@dataclass
class Portal:
    """Answers as the portal is described to; `says` replaces what it says of a file, `status` of both answers."""

    says: Any = field(default_factory=lambda: {"maKetQua": "200", "maGiaoDich": "GD1", "thongDiep": "Thành công"})
    status: int = 200
    files: list[bytes] = field(default_factory=list)

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        assert headers["Content-Type"] == "application/x-www-form-urlencoded"
        form = {name: values[0] for name, values in parse_qs(body.decode(), strict_parsing=True).items()}
        path = urlsplit(url).path
        if path == "/api/token/take":
            right = form == {"username": "52001_BV", "password": hashlib.md5("mật khẩu".encode()).hexdigest().upper()}
            told: Any = {"maKetQua": "401"}
            if right:
                told = {"maKetQua": "200", "APIKey": {"access_token": "t1", "id_token": "i1", "expires_in": "3600"}}
            return Answer(self.status, orjson.dumps(told))
        assert path == "/api/qd130/guiHoSoXmlQD3176"
        assert (headers["accessToken"], headers["tokenId"]) == ("t1", "i1")
        assert headers["passwordHash"] == SECRET["password"]
        assert (form["loaiHoSo"], form["maTinh"], form["maCSKCB"]) == ("130", "52", "52001")
        self.files.append(base64.b64decode(form["fileHSBase64"], validate=True))
        return Answer(self.status, self.says if isinstance(self.says, bytes) else orjson.dumps(self.says))


def test_the_portal_gets_the_very_bytes_and_its_answer_is_kept() -> None:
    portal = Portal()
    told = forward(portal, BASE + "/", SECRET, "52001", FILE)
    assert portal.files == [FILE]
    assert told.code == "200"
    assert orjson.loads(told.body)["maGiaoDich"] == "GD1"


@pytest.mark.parametrize(
    ("says", "code", "final"),
    [
        ({"maKetQua": "123", "thongDiep": "sai"}, "123", True), ({"maKetQua": 205}, "205", True),
        ({"maKetQua": "500"}, "500", False), ({"maKetQua": "1001"}, "1001", False), ({"maKetQua": "401"}, "401", False),
        (b"<html>", "no-answer", False), ([], "no-answer", False), ({"maKetQua": "x\r\ny"}, "no-answer", False),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_final_and_what_is_wrong_with_the_portal_is_not(
    says: Any, code: str, final: bool
) -> None:
    told = forward(Portal(says), BASE, SECRET, "52001", FILE)
    assert (told.code, told.is_final) == (code, final)


def test_a_wrong_account_is_told_and_nothing_is_sent() -> None:
    portal = Portal()
    assert forward(portal, BASE, secret_of("52001_BV", "khác"), "52001", FILE).code == "401"
    assert portal.files == []


def test_what_is_no_envelope_is_left_to_the_facility_and_redirects_are_not_followed() -> None:
    assert forward(Portal(), BASE, SECRET, "52001", b"PK\x03\x04") == Told("no-envelope")
    assert Told("no-envelope").is_final
    with pytest.raises(Unreached, match="redirect"):
        forward(Portal(status=302), BASE, SECRET, "52001", FILE)


def test_a_password_may_be_given_as_the_wire_has_it() -> None:
    assert secret_of("a", SECRET["password"].lower()) == {"username": "a", "password": SECRET["password"]}
