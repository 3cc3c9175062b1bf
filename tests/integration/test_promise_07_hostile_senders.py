"""Promise 7 at the door of senders, over a real server: honest clients are served, hostile ones harm nobody."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bench.faults.senders import besiege_door
from support.browsing import Portal, serving
from support.homes import temporary_home
from support.portal_client import ASSESSMENT, CHECK_IN, PortalClient
from support.sending import OTHER, OWN, enrol, envelope
from support.xml130_samples import make_rows

pytestmark = pytest.mark.database

PATH = "/api/qd130/guiHoSoXmlQD3176"
IDLE = 300
"""Connections that say nothing; a thousand in `python -m bench.soak`."""


@dataclass
class Served:
    portal: Portal
    password: str

    def client(self) -> PortalClient:
        return PortalClient("127.0.0.1", self.portal.port, "52001-his", self.password, OWN)

    def line(self, timeout: float = 20) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.portal.port), timeout)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    log = tmp_path_factory.mktemp("served") / "server.log"
    with temporary_home("nhà có cửa gửi", ready=True) as made:
        password = enrol(made, datetime.now(UTC))
        with serving(made, log) as portal:
            yield Served(portal, password)


@pytest.fixture
def client(served: Served) -> Iterator[PortalClient]:
    made = served.client()
    assert made.log_in()["maKetQua"] == "200"
    yield made
    made.close()


def head(path: str, *lines: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""]).encode()


def answer(line: socket.socket) -> tuple[int, dict[str, Any]]:
    """Status and JSON of one answer."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += (piece := line.recv(65_536))
        if not piece:
            raise AssertionError(f"closed after {data[:200]!r}")
    top, _, body = data.partition(b"\r\n\r\n")
    length = int(next(row for row in top.lower().split(b"\r\n") if row.startswith(b"content-length:"))[15:])
    while len(body) < length:
        body += line.recv(65_536)
    return int(top.split()[1]), json.loads(body[:length])


def test_clients_as_they_are_described_are_served(served: Served) -> None:
    for way in ({}, {"as_json": True}, {"capitals": True}, {"as_json": True, "capitals": True}):
        client = served.client()
        key = client.log_in(**way)["APIKey"]
        client.close()
        assert {"access_token", "id_token", "token_type", "username", "expires_in"} <= key.keys()
    visits = iter(range(1, 100))
    for version in ("130", "4750", "3176"):
        told = client.send(envelope(f"C-{next(visits)}"), f"/api/qd130/guiHoSoXmlQD{version}")
        assert told["maKetQua"] == "200", told
        assert datetime.strptime(told["thoiGianTiepNhan"], "%Y%m%d%H%M%S")
        check_in = envelope(f"C-{next(visits)}")
        told = client.send(check_in, f"/api/qd130/checkInKcbQd{version}", CHECK_IN)
        assert told["maKetQua"] == "200", told
    minutes = json.dumps(make_rows("XML12", count=1)).encode()
    assert client.send(minutes, "/api/qd130/guiDuLieuGdykQd130", ASSESSMENT)["maKetQua"] == "200"
    assert client.send(envelope(f"C-{next(visits)}"), as_json=True)["maKetQua"] == "200"
    names = ("ACCESSTOKEN", "tokenid", "PasswordHash")
    assert client.send(envelope(f"C-{next(visits)}"), names=names)["maKetQua"] == "200"
    for way in ("bytes", "array", "signed", "text"):
        assert client.send_4210(envelope(f"C-{next(visits)}"), way=way)["maKetQua"] == "200", way
    client.close()


def test_what_was_found_can_be_asked_for_seconds_after_the_answer(client: PortalClient) -> None:
    told = client.send(envelope("F-1"))
    again = client.send(envelope("F-1"))
    assert (again["maGiaoDich"], again["thoiGianTiepNhan"]) == (told["maGiaoDich"], told["thoiGianTiepNhan"])
    end = time.monotonic() + 60
    found: dict[str, Any] = {}
    while time.monotonic() < end and found.get("maKetQua") != "200":
        found = client.results("nhanChiTietLoiHS4210", maGiaoDich=told["maGiaoDich"])
        assert found["maKetQua"] in ("200", "204"), found
        time.sleep(0.3)
    assert found["dsLoi"], "the samples hold something to find"
    assert {"maLoi", "moTaLoi"} == found["dsLoi"][0].keys()
    today = datetime.strptime(told["thoiGianTiepNhan"][:8], "%Y%m%d").strftime("%d/%m/%Y")
    (day,) = client.results("nhanKQTiepNhanHS4210", tuNgay=today, denNgay=today)["dsKQGuiHoSoNgay"]
    assert day["tongSo"] == day["soHSThanhCong"] + day["soHSLoi"] > 0
    files = client.results("nhanChiTietHSNgay4210", ngayGui=today)["dsHoSo"]
    assert told["maGiaoDich"] in {one["maGiaoDich"] for one in files}


def test_a_large_file_of_an_honest_client_arrives(client: PortalClient) -> None:
    data = envelope(*(f"L-{number}" for number in range(220)))
    assert len(data) > 2 * 1024 * 1024
    assert client.send(data)["maKetQua"] == "200"


def test_a_body_that_says_it_is_huge_is_refused_at_once(served: Served, client: PortalClient) -> None:
    key = client.key
    proof = (f"accessToken: {key['access_token']}", f"tokenId: {key['id_token']}", f"passwordHash: {client.digest}")
    for lines, declared in (((), 2 * 1024**2), ((), 10**12), (proof, 200 * 1024**2)):
        with closing(served.line()) as line:
            line.sendall(head(PATH, *lines, f"Content-Length: {declared}"))
            status, told = answer(line)
        assert (status, told["maKetQua"]) == (413, "1001")


def test_a_body_without_end_is_cut(served: Served) -> None:
    """Whoever shows nothing gets a megabyte; the rest is not taken from the wire."""
    piece = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    sent = 0
    with closing(served.line()) as line:
        line.sendall(head(PATH, "Transfer-Encoding: chunked"))
        try:
            while sent < 64 * 1024**2:
                line.sendall(piece)
                sent += len(piece)
        except OSError:
            pass
    assert sent < 64 * 1024**2


def test_many_slow_bodies_and_idle_lines_keep_nobody_waiting(served: Served, client: PortalClient) -> None:
    with ExitStack() as stack:
        for number in range(IDLE):
            line = stack.enter_context(closing(served.line()))
            if number % 10 == 0:
                line.sendall(head(PATH, "Content-Length: 100000") + b"fileHSBase64=")
            elif number % 10 == 1:
                line.sendall(b"POST /api/token/ta")
        begun = time.monotonic()
        assert client.send(envelope("S-1"))["maKetQua"] == "200"
        fresh = served.client()
        assert fresh.log_in()["maKetQua"] == "200"
        fresh.close()
        assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 4", "Transfer-Encoding: chunked"),
        ("Content-Length: 4", "Content-Length: 5"),
        ("Content-Length: -4",),
        ("Content-Length: 4", "X-Long: " + "x" * 600_000),
        ("Content-Length: 4", "access\0Token: x"),
        ("Content-Length: 4", "accessToken: a", "accessToken: b"),
        ("Content-Length: 4", "access_token: a", "tokenId: b", "passwordHash: c"),
        ("Content-Length: 4", "accessToken: é\xff", "tokenId: b", "passwordHash: c"),
    ],
)
def test_header_tricks_open_nothing(served: Served, lines: tuple[str, ...]) -> None:
    with closing(served.line()) as line:
        try:
            line.sendall(head(PATH, *lines) + b"a=b&")
            status, told = answer(line)
        except (AssertionError, OSError, ValueError, StopIteration):
            return  # the server has cut the line, or answered with no form of ours
    assert (status, told.get("maKetQua")) in ((200, "401"), (400, None), (413, "1001"))


def test_a_second_request_on_a_line_has_no_share_in_the_proof_of_the_first(
    served: Served, client: PortalClient
) -> None:
    key = client.key
    proof = (f"accessToken: {key['access_token']}", f"tokenId: {key['id_token']}", f"passwordHash: {client.digest}")
    with closing(served.line()) as line:
        line.sendall(head(PATH, *proof, "Content-Length: 4") + b"a=b&")
        assert answer(line)[1]["maKetQua"] == "205"
        line.sendall(head(PATH, "Content-Length: 4") + b"a=b&")
        assert answer(line)[1]["maKetQua"] == "401"


def test_wrong_tokens_and_another_facility_get_nothing(client: PortalClient) -> None:
    assert client.send(envelope("W-1", facility=OTHER))["maKetQua"] == "403"
    assert client.send(envelope("W-1", facility=OTHER), maCSKCB=OTHER)["maKetQua"] == "403"
    client.key = {**client.key, "access_token": client.key["access_token"][:-1]}
    assert client.send(envelope("W-1"))["maKetQua"] == "401"


def test_every_answered_number_is_in_the_lake_after_a_kill(tmp_path: Path) -> None:
    """Twenty kills in `python -m bench.soak`."""
    with temporary_home("nhà bị giết", ready=True) as made:
        told = besiege_door(made, kills=1, seed=20261127)
    assert told["answered"] > 0
