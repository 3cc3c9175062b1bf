"""Promise 5: what a stranger or another site may try at each address of the portal, tried at each.

Forged forms, other methods, other hosts, redirects elsewhere, planted and stolen sessions, headers of every answer,
error pages that repeat nothing. Addresses come from the program's own list, so none is forgotten.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from urllib.parse import quote, urljoin, urlsplit

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from bienho.database import Role
from bienho.portal import entry, signin
from bienho.portal.middleware import HEADERS
from bienho.portal.settings import build_settings, settings
from support import injections, portal
from support.addresses import address, parameters, routes
from support.doors import HOST, Doors
from support.examples import some
from support.fake_gate import NOW
from support.peopled import GOOD, place

pytestmark = pytest.mark.database

ROUTES = routes()
IDS = [route.name for route in ROUTES]
# Doors for programs: they take no cookie, so there is nothing to forge, and they say so by this decorator.
MACHINE = ("/api/", "/oauth2/")
OTHER_METHODS = ("TRACE", "PUT", "PATCH", "DELETE")
SESSION = "bienho_session"
MARKER = "Đỗ Thị Dò 052190001234"
ATTACKS = (*injections.TEXTS, "\0", "\ud7ff" * 40, "9" * 400, "<xprobe>", "' OR 1=1 --", "%s%n{0}", "2026-13-99")
# Forms about papers, reports and first passwords come back with what was written in them, in its field only.
KEEP_THEIR_FIELDS = (
    "/dang-nhap/loi-moi/", "/thoa-thuan/", "/bao-cao/lap/", "/ket-noi/", "/tai-khoan/thong-bao/",
    "/he-thong/cua-gui/",
)  # fmt: skip
FIELD = re.compile(r"<textarea\b.*?</textarea>|<input\b[^>]*>", re.DOTALL)
CONTROL = re.compile(r"[\x00-\x20]")


@pytest.fixture(scope="module", autouse=True)
def _house() -> Iterator[None]:
    portal.base()
    yield
    portal.use_usual()


@pytest.fixture
def browser() -> Client:
    made = portal.client()
    made.raise_request_exception = False
    return made


def stored() -> dict[str, str]:
    """A digest of every table of the database, without the notes of who was seen last and who looked."""
    with portal.base().database.connect(Role.ADMIN) as admin:  # type: ignore[attr-defined]
        names = admin.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename NOT LIKE 'audit%'"
        ).fetchall()
        asked = [
            f"SELECT '{name}', md5(coalesce(string_agg(row, E'\\n' ORDER BY row), '')) FROM"
            f" (SELECT (to_jsonb(t) - 'last_seen_at')::text AS row FROM {name} t) rows"
            for (name,) in names
        ]
        return dict(admin.execute(" UNION ALL ".join(asked)).fetchall())


def token_of(browser: Client, path: str = "/") -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get(path).content.decode())
    assert found
    return found[1]


# ── state and methods ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_reading_changes_nothing_and_texts_stay_texts_whatever_is_asked(browser: Client) -> None:
    """Every address with everything that forms send, in the address, each parameter with another attack."""
    token = signin.new_token(portal.ACTOR.account_id, NOW)
    names = parameters()
    before = stored()
    for number, route in enumerate(ROUTES):
        sent = {name: ATTACKS[(number * 7 + place) % len(ATTACKS)] for place, name in enumerate(names)}
        sent |= {"ma": token, "ngon_ngu": "en", "_method": "POST"}
        answer = browser.get(address(route), sent, headers={"x-http-method-override": "POST"})
        assert answer.status_code < 500, (route.name, sent)
        if answer.headers["Content-Type"].startswith("text/html"):
            text = answer.content.decode()
            assert not [attack for attack in ATTACKS if "<" in attack and attack in text], route.name
            assert 'href="javascript' not in text
        if number % 3 == 0:
            assert browser.generic(("HEAD", "OPTIONS")[number % 2], address(route)).status_code < 500
    assert stored() == before
    assert signin.consume(token, NOW) == portal.ACTOR.account_id, "a link was used up by reading"
    assert stored() != before, "the comparison sees no change"


def test_methods_without_a_use_are_refused(browser: Client) -> None:
    for number, route in enumerate(ROUTES):
        for method in (OTHER_METHODS[number % 4], OTHER_METHODS[(number + 1) % 4]):
            refused = (401, 403, 404, 405) if address(route).startswith(MACHINE) else (403, 404, 405)
            assert browser.generic(method, address(route)).status_code in refused, (route.name, method)


# ── forged forms ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_form_is_taken_without_its_token_or_from_another_site() -> None:
    strict = Client(enforce_csrf_checks=True)
    link = signin.new_token(portal.ACTOR.account_id, NOW)
    token = token_of(strict, f"/dang-nhap/?ma={link}")
    assert strict.post("/dang-nhap/", {"ma": link, "csrfmiddlewaretoken": token}).status_code == 302
    mine, stranger = token_of(strict), token_of(Client(), f"/dang-nhap/?ma={link}")
    before = stored()
    for route in ROUTES:
        path = address(route)
        if getattr(route.callback, "csrf_exempt", False):
            assert path.startswith(MACHINE), route.name
            answer = strict.post(path)
            in_words = answer.status_code == 200 and answer.json()["maKetQua"] in ("205", "401")
            assert in_words or answer.status_code in (400, 401, 403, 404, 405, 415), route.name
            continue
        attempts: list[tuple[dict[str, str], dict[str, str]]] = [
            ({}, {}),
            ({"csrfmiddlewaretoken": stranger}, {}),
            ({"csrfmiddlewaretoken": mine}, {"origin": "https://other.example"}),
            ({"csrfmiddlewaretoken": mine}, {"origin": "null"}),
        ]
        for form, headers in attempts:
            answer = strict.post(path, form, headers=headers)
            assert (answer.status_code, "WEB-403-FORM" in answer.content.decode()) == (403, True), route.name
    assert stored() == before
    answer = strict.post("/ngon-ngu/", {"csrfmiddlewaretoken": mine}, headers={"origin": "http://testserver"})
    assert answer.status_code == 302, "no form at all is taken: the refusals above prove nothing"


def test_a_person_is_nobody_at_the_door_of_systems() -> None:
    """Cookies count for nothing there, so there is nothing to forge."""
    signed_in = portal.client()
    for route in ROUTES:
        if getattr(route.callback, "systems", None) is not None:
            answers = [who.get(address(route)) for who in (Client(), signed_in)]
            assert [answer.status_code for answer in answers] == [401, 401], route.name
            assert answers[0].content == answers[1].content


def test_the_token_of_forms_changes_when_somebody_signs_in() -> None:
    """One planted before signing in is worth nothing after."""
    strict = Client(enforce_csrf_checks=True)
    link = signin.new_token(portal.ACTOR.account_id, NOW)
    planted = token_of(strict, f"/dang-nhap/?ma={link}")
    strict.post("/dang-nhap/", {"ma": link, "csrfmiddlewaretoken": planted})
    assert strict.post("/dang-xuat/", {"csrfmiddlewaretoken": planted}).status_code == 403
    assert strict.post("/dang-xuat/", {"csrfmiddlewaretoken": token_of(strict)}).status_code == 302


# ── sessions ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def sign_in(browser: Client) -> str:
    browser.post("/dang-nhap/", {"ma": signin.new_token(portal.ACTOR.account_id, NOW)})
    return browser.cookies[SESSION].value


@pytest.mark.parametrize("planted", ["x", "a" * 32, "", "é" * 8, "a" * 32 + "; admin=1"])
def test_a_planted_session_is_never_the_one_that_is_signed_in(planted: str) -> None:
    browser = Client()
    browser.cookies[SESSION] = planted
    assert browser.get("/").status_code == 302
    given_out = sign_in(browser)
    assert given_out != planted
    assert len(given_out) >= 32
    attacker = Client()
    attacker.cookies[SESSION] = planted
    assert attacker.get("/").status_code == 302
    assert attacker.get("/", {SESSION: given_out, "sessionid": given_out}).status_code == 302, "taken from the address"


def test_signing_in_again_ends_the_session_before() -> None:
    browser, thief = Client(), Client()
    thief.cookies[SESSION] = sign_in(browser)
    assert thief.get("/").status_code == 200, "the copy was no session"
    assert sign_in(browser) != thief.cookies[SESSION].value
    assert thief.get("/").status_code == 302


def test_a_copied_session_is_worth_nothing_after_signing_out() -> None:
    browser, thief = Client(), Client()
    thief.cookies[SESSION] = sign_in(browser)
    left = browser.post("/dang-xuat/")
    assert left.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert thief.get("/").status_code == 302
    assert browser.get("/").status_code == 302


def test_cookies_are_short_closed_to_scripts_and_to_other_sites() -> None:
    browser = portal.client()
    browser.post("/ngon-ngu/", {"ngon_ngu": "en", "tiep": "/"})
    browser.get("/")
    assert {*browser.cookies} == {SESSION, "bienho_lang", settings.CSRF_COOKIE_NAME}
    for cookie in browser.cookies.values():
        assert cookie["httponly"], cookie.key
        assert cookie["samesite"] in ("Lax", "Strict"), cookie.key
        assert not cookie["domain"], cookie.key
        assert len(cookie.key) + len(cookie.value) < 4096


def test_guessing_links_of_the_sign_in_page_opens_nothing_and_uses_up_none() -> None:
    link = signin.new_token(portal.ACTOR.account_id, NOW)
    before = stored()
    tries = [
        link[:-1],
        link + "a",
        link.swapcase(),
        link[:-1] + "%",
        "%" * 43,
        "_" * 43,
        signin.digest(link),
        link[::-1],
    ]
    for wrong in tries:
        guess = Client()
        assert guess.post("/dang-nhap/", {"ma": wrong}).status_code == 403
        assert guess.get("/").status_code == 302
    assert stored() == before
    assert len(link) >= 43, "fewer than 256 random bits"
    assert Client().post("/dang-nhap/", {"ma": link}).status_code == 302


# ── where an answer leads ─────────────────────────────────────────────────────────────────────────────────────────────


def leads_to(location: str) -> str:
    """The host a browser would go to: it drops control characters and takes `\\` for `/`."""
    cleaned = CONTROL.sub("", location).replace("\\", "/")
    found = urlsplit(urljoin("http://testserver/", cleaned))
    return f"{found.scheme}://{found.netloc}"


ELSEWHERE = st.lists(
    st.sampled_from(
        ("/", "//", "\\", "\t", "\n", "\0", "http:", "javascript:", "@", "evil.example", "%2f", "%5c", ".", "?")
    )
    | st.text(max_size=3),
    max_size=6,
).map("".join)


@trials(max_examples=some(50))
@given(ELSEWHERE)
def test_no_redirect_leaves_the_portal(following: str) -> None:
    answer = Client().post("/ngon-ngu/", {"ngon_ngu": "vi", "tiep": following})
    assert answer.status_code == 302
    assert leads_to(answer.headers["Location"]) == "http://testserver"


@pytest.mark.parametrize("following", ["//evil.example", "/\\evil.example", "/\t/evil.example", "https:evil.example"])
def test_signing_in_leads_into_the_portal(following: str) -> None:
    form = {"ma": signin.new_token(portal.ACTOR.account_id, NOW), "tiep": following}
    assert leads_to(Client().post("/dang-nhap/", form).headers["Location"]) == "http://testserver"
    sent_away = Client().get(f"/ho-so//{quote(following)}/", follow=False)
    assert leads_to(sent_away.headers.get("Location", "/")) == "http://testserver"


@pytest.mark.parametrize(
    "host",
    [
        "attacker.example",
        "127.0.0.1.attacker.example",
        "localhost@attacker.example",
        "attacker.example:80",
        ".",
        "[::2]",
    ],
)
def test_another_host_name_is_refused_everywhere(browser: Client, host: str) -> None:
    for path in ("/", "/dang-nhap/", "/robots.txt", "/khong-co/", "/tinh/khong-co.css"):
        answer = browser.get(path, headers={"host": host})
        assert answer.status_code in (400, 404), path
        assert "attacker" not in answer.content.decode() + str(answer.headers)


def test_headers_of_proxies_change_nothing(browser: Client) -> None:
    forged = {
        "x-forwarded-host": "attacker.example", "x-forwarded-proto": "https", "x-original-url": "/dang-xuat/",
        "x-rewrite-url": "/dang-xuat/", "x-forwarded-for": "8.8.8.8", "forwarded": "host=attacker.example",
        "x-user-id": "boss", "x-remote-user": "boss", "remote-user": "boss",
    }  # fmt: skip
    for route in ROUTES:
        answer = Client().get(address(route), headers=forged)
        assert "attacker" not in answer.content.decode(errors="replace") + str(answer.headers), route.name
        assert answer.status_code != 200 or getattr(route.callback, "open_to_all", False), route.name
    assert browser.get("/", headers=forged).status_code == 200


# ── what every answer carries and what errors tell ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("who", ["stranger", "signed in"])
def test_every_answer_carries_the_headers_and_is_stored_nowhere(who: str) -> None:
    asking = Client() if who == "stranger" else portal.client()
    asking.raise_request_exception = False
    for route in ROUTES:
        for method in ("get", "post"):
            if (route.name, method) == ("sign-out", "post"):
                continue
            answer = getattr(asking, method)(address(route))
            assert answer.status_code < 500, (route.name, method)
            missing = {name for name, value in HEADERS.items() if answer.headers.get(name) != value}
            assert not missing, (route.name, method, missing)
            assert answer.headers["Cache-Control"] == "no-store", route.name
            assert not {"Server", "X-Powered-By", "Access-Control-Allow-Origin"} & set(answer.headers), route.name
            kind = answer.headers["Content-Type"]
            assert not kind.startswith("text/") or "charset=utf-8" in kind, (route.name, kind)


def test_the_content_policy_allows_no_script_of_a_text_and_no_frame() -> None:
    policy = dict(part.split(" ", 1) for part in HEADERS["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert {policy[name] for name in ("object-src", "base-uri", "frame-ancestors")} == {"'none'"}
    assert policy["form-action"] == "'self'"
    assert not re.search(r"unsafe|https?:|\*|blob:", HEADERS["Content-Security-Policy"])
    assert not {"script-src", "style-src", "connect-src"} & set(policy), "each would be wider than default-src"


def test_errors_repeat_nothing_that_was_sent(browser: Client, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is no plain answer holds no word of the address, the form, the headers or the cookies."""
    names = parameters()
    told = []
    with caplog.at_level(logging.DEBUG):
        for route in ROUTES:
            path = address(route, key="0" * 32)
            told.append(browser.post(path, dict.fromkeys(names, MARKER)))
            told.append(browser.get(f"{path}{quote(MARKER)}/", dict.fromkeys(names, MARKER)))
            told.append(
                browser.get(path, headers={"host": "x", "x-note": quote(MARKER), "referer": f"/{quote(MARKER)}"})
            )
            told.append(browser.generic("DELETE", path, MARKER.encode(), headers={"cookie": f"x={quote(MARKER)}"}))
            told.append(Client(enforce_csrf_checks=True).post(path, {"csrfmiddlewaretoken": MARKER, "q": MARKER}))
    errors = [answer for answer in told if answer.status_code >= 400]
    assert len(errors) > 3 * len(ROUTES)
    for answer in errors:
        place = answer.request["PATH_INFO"]
        text = answer.content.decode() + str(answer.headers)
        if place.startswith(KEEP_THEIR_FIELDS):
            text = FIELD.sub("", text)
        assert not [form for form in (MARKER, quote(MARKER), "052190001234") if form in text], place
        assert "Traceback" not in text
    assert "052190001234" not in caplog.text


# ── as in production, behind its proxy ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def house() -> Iterator[Doors]:
    yield Doors.open()
    portal.use_usual()


def test_in_production_every_cookie_is_tied_to_the_host_and_to_https(house: Doors) -> None:
    built = build_settings(entry.house())
    assert built["CSRF_COOKIE_NAME"].startswith("__Host-")
    assert built["CSRF_COOKIE_SECURE"]
    device, _ = house.with_factors("banh.tron")
    browser = house.sign_in("banh.tron", device)
    browser.post("/ngon-ngu/", {"ngon_ngu": "en", "tiep": "/"})
    given_out = {name: cookie for name, cookie in browser.cookies.items() if name != settings.CSRF_COOKIE_NAME}
    assert set(given_out) == {"__Host-bienho", "__Host-bienho-lang"}
    for cookie in given_out.values():
        assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", ""), cookie.key
    assert "Sign out" in browser.get("/").content.decode()


def test_over_https_browsers_are_told_to_stay_there(house: Doors) -> None:
    for path in ("/dang-nhap/", "/khong-co/", "/api/v1/me", "/tinh/khong-co.css"):
        told = house.browser().get(path).headers.get("Strict-Transport-Security", "")
        assert re.fullmatch(r"max-age=(\d{8,}); includeSubDomains", told), path
        assert int(told[8:].partition(";")[0]) >= 365 * 24 * 3600


def test_an_api_without_https_is_not_redirected(house: Doors) -> None:
    """A program that forgot HTTPS must notice; nothing here answers it by sending it on."""
    plain = Client(headers={"Host": HOST})
    answers = [plain.get("/api/v1/me"), plain.get("/api/v1/datasets"), plain.post("/oauth2/token")]
    assert [answer.status_code for answer in answers] == [401, 401, 400]
    assert not [answer for answer in answers if "Location" in answer.headers]


def test_a_form_is_not_filled_from_the_address(house: Doors) -> None:
    device, _ = house.with_factors("o.dia.chi")
    browser = house.browser()
    assert browser.post(f"/dang-nhap/?tai_khoan=o.dia.chi&mat_khau={quote(GOOD)}").status_code in (400, 403)
    assert browser.get("/").status_code == 302
    browser = house.sign_in("o.dia.chi", device)
    assert browser.post("/tim/?q=D000000000007").status_code == 400
    browser.post("/ngon-ngu/?ngon_ngu=en", {"tiep": "/"})
    assert browser.cookies["__Host-bienho-lang"].value == "vi"


def test_guessing_recovery_codes_has_to_wait(house: Doors) -> None:
    device, codes = house.with_factors("doan.khoi.phuc")
    house.later(minutes=5)
    browser = house.browser(place("doan.khoi.phuc"))
    house.password_step(browser, "doan.khoi.phuc")
    wrong = [("b" if code[0] == "a" else "a") + code[1:] for code in codes[:6]]
    answers = [browser.post("/dang-nhap/lop-hai/", {"ma_so": code}).status_code for code in wrong]
    assert answers == [403] * 5 + [429]
    assert browser.post("/dang-nhap/lop-hai/", {"ma_so": codes[7]}).status_code == 429
    house.later(minutes=5)
    assert browser.post("/dang-nhap/lop-hai/", {"ma_so": codes[7]}).status_code == 302
