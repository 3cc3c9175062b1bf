"""Promise 5: every door authenticates, default deny.

Who gets in by the pages, and what every answer carries: one-time links, headers, error pages that tell no value.
"""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from bienho.portal import signin
from bienho.portal.middleware import HEADERS
from support import portal
from support.addresses import address, routes
from support.fake_gate import NOW, SECRET_NAME, FakeGate

pytestmark = pytest.mark.database

OPEN = {
    "sign-in", "passkey-options", "invitation", "sso", "sso-back", "language", "robots", "token", "api-document",
    "portal-api-token",
}  # fmt: skip
SYSTEMS = {str(route.name) for route in routes() if str(route.pattern).startswith("api/v1/")} - {"api-document"}
SENDERS = {"portal-api-send", "portal-api-send-4210", "portal-api-results"}


@pytest.mark.parametrize("pattern", routes(), ids=lambda pattern: pattern.name)
def test_default_deny(pattern: Any) -> None:
    portal.base()
    for method in ("get", "post"):
        answer = getattr(Client(), method)(address(pattern))
        if pattern.name in OPEN:
            continue
        if pattern.name in SENDERS:
            assert answer.status_code == (405 if method == "get" else 200)
            assert method == "get" or answer.json()["maKetQua"] == "401"
            continue
        if pattern.name in SYSTEMS:
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
            continue
        assert answer.status_code == 302
        assert answer.headers["Location"].partition("?")[0] == "/dang-nhap/"


def test_exactly_the_listed_pages_are_open() -> None:
    opened = {p.name for p in routes() if getattr(p.callback, "open_to_all", False)}
    assert opened == OPEN


def test_link_works_once_and_only_by_the_button() -> None:
    portal.base()
    token = signin.new_token(portal.ACTOR.account_id, NOW)
    for _ in range(3):
        assert Client().get("/dang-nhap/", {"ma": token}).status_code == 200
    browser = Client()
    shown = browser.get("/dang-nhap/", {"ma": token}).content.decode()
    here = re.findall(r'name="tiep" value="([^"]*)"', shown)[-1]
    in_english = browser.post("/ngon-ngu/", {"ngon_ngu": "en", "tiep": here}, follow=True).content.decode()
    assert f'name="ma" value="{token}"' in in_english, "choosing a language loses the link"
    answer = browser.post("/dang-nhap/", {"ma": token, "tiep": "/ho-so/"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/ho-so/")
    again = Client().post("/dang-nhap/", {"ma": token})
    assert again.status_code == 403
    assert "WEB-LINK" in again.content.decode()


@pytest.mark.parametrize("token", ["", "x", "a" * 43, "\0", "é" * 50])
def test_wrong_token(token: str) -> None:
    portal.base()
    assert Client().post("/dang-nhap/", {"ma": token}).status_code == 403


def test_link_opens_nothing_in_production() -> None:
    home = replace(portal.base().home, mode="production")
    portal.use(FakeGate(portal.base().gate.connection), home=home)  # type: ignore[attr-defined]
    token = signin.new_token(portal.ACTOR.account_id, NOW)
    here = Client(headers={"Host": "localhost"})
    assert here.post("/dang-nhap/", {"ma": token}).status_code == 403
    portal.use_usual()
    assert Client().post("/dang-nhap/", {"ma": token}).status_code == 302


def test_link_ends_after_ten_minutes() -> None:
    portal.base()
    token = signin.new_token(portal.ACTOR.account_id, NOW - timedelta(minutes=10))
    assert Client().post("/dang-nhap/", {"ma": token}).status_code == 403


def test_token_is_not_stored() -> None:
    portal.base()
    token = signin.new_token(portal.ACTOR.account_id, NOW)
    stored = list(signin._links().values_list("digest", flat=True))
    assert signin.digest(token) in stored
    assert token not in stored


def test_unknown_account_stays_outside() -> None:
    portal.base()
    assert Client().post("/dang-nhap/", {"ma": signin.new_token("nobody", NOW)}).status_code == 403


@pytest.mark.parametrize(
    "elsewhere", ["https://example.org/", "//example.org", "javascript:alert(1)", "\\\\example.org"]
)
def test_no_open_redirect(elsewhere: str) -> None:
    portal.base()
    token = signin.new_token(portal.ACTOR.account_id, NOW)
    answer = Client().post("/dang-nhap/", {"ma": token, "tiep": elsewhere})
    assert answer.headers["Location"] == "/"


def test_session_cookie_is_closed_to_scripts() -> None:
    browser = portal.client()
    cookie = browser.cookies["bienho_session"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_signing_out_ends_the_session() -> None:
    browser = portal.client()
    assert browser.get("/").status_code == 200
    assert browser.get("/dang-xuat/").status_code == 405
    browser.post("/dang-xuat/")
    assert browser.get("/").status_code == 302


def test_closed_account_is_out_at_once() -> None:
    browser = portal.client()
    portal.use(FakeGate(portal.base().gate.connection), find_actor=lambda _: None)  # type: ignore[attr-defined]
    assert browser.get("/").status_code == 302


def test_form_without_its_token_is_refused() -> None:
    portal.base()
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post("/dang-nhap/", {"ma": "x"})
    assert answer.status_code == 403
    assert "WEB-403-FORM" in answer.content.decode()


@pytest.mark.parametrize("path", ["/", "/ho-so/", "/khong-co/", "/dang-nhap/", "/ho-so/" + "0" * 32 + "/"])
def test_headers(path: str) -> None:
    answer = portal.client().get(path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert answer.headers["Cache-Control"] == "no-store"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_foreign_host_name_is_refused() -> None:
    answer = portal.client().get("/", headers={"host": "attacker.example"})
    assert answer.status_code == 400
    assert "WEB-400" in answer.content.decode()


def test_unforeseen_error_shows_and_logs_no_value(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    gate = FakeGate(portal.base().gate.connection, broken={"standard.delivery"})  # type: ignore[attr-defined]
    browser = portal.client(gate=gate)
    browser.raise_request_exception = False
    with caplog.at_level(logging.DEBUG):
        answer = browser.get("/giao-nhan/")
    text = answer.content.decode()
    assert answer.status_code == 500
    assert "WEB-500" in text
    assert SECRET_NAME not in text
    assert "Traceback" not in text
    written = caplog.text + "".join(capfd.readouterr())
    assert "unforeseen RuntimeError" in written
    assert SECRET_NAME not in written
    assert "broken on purpose" not in written


def test_addresses_as_typed_are_not_logged(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level(logging.DEBUG):
        assert portal.client().get("/ho-so/Nguyen-Van-Gia-Lap/").status_code == 404
    assert "Gia-Lap" not in caplog.text + "".join(capfd.readouterr())


def test_refused_list_is_a_403_page_with_the_reason() -> None:
    gate = FakeGate(portal.base().gate.connection, closed={"quality.finding"})  # type: ignore[attr-defined]
    answer = portal.client(gate=gate).get("/phat-hien/")
    assert answer.status_code == 403
    assert "DENY-ROLE" in answer.content.decode()


def test_closed_dataset_leaves_the_rest_of_the_overview() -> None:
    gate = FakeGate(portal.base().gate.connection, closed={"conformed.encounter"})  # type: ignore[attr-defined]
    answer = portal.client(gate=gate).get("/")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "DENY-ROLE" in text
    assert 'id="theo-ngay"' in text
    assert 'id="ban-do"' not in text
