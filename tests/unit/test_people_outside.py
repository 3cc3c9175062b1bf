"""A sign-in service that cannot be reached: said in words, never by the name of a class, a host or an address."""

from __future__ import annotations

import http.client
import socket
import ssl

import pytest

from bienho.core.errors import StorageError
from bienho.governance.people import outside


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TimeoutError(), "quá thời hạn"),
        (socket.gaierror(-2, "sso.example.vn"), "không tìm thấy địa chỉ máy chủ"),
        (ssl.SSLCertVerificationError("sso.example.vn"), "không tin được chứng thư của máy chủ"),
        (ConnectionRefusedError(111, "sso.example.vn"), "không nối được tới máy chủ"),
        (http.client.BadStatusLine("sso.example.vn"), "câu trả lời không đúng dạng"),
    ],
)
def test_why_a_service_is_away_is_said_in_words(monkeypatch: pytest.MonkeyPatch, error: Exception, said: str) -> None:
    def fail(*_given: object) -> None:
        raise error

    monkeypatch.setattr(http.client.HTTPSConnection, "request", fail)
    with pytest.raises(StorageError, match="STO-SSO") as refusal:
        outside.https("https://sso.example.vn/keys", None, {})
    assert refusal.value.message == f"Dịch vụ đăng nhập bên ngoài không trả lời được: {said}."
