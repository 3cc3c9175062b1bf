"""Promise 5: signing in by an outside service. A provider that lies in every way it can lets nobody in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from joserfc import jwt
from joserfc.jwk import RSAKey

from bienho.config import Doors as Reached
from bienho.config import Sso
from bienho.database import Role
from bienho.governance import Actor, accounts
from bienho.governance.people import NUMBERS, door_secrets, external, sessions
from support import portal
from support.doors import ADDRESS, CODE, PROXY, Doors
from support.peopled import BOSS, DOC, START, account, refused, with_device
from support.provider import CLIENT, ISSUER, SECRET, Provider

pytestmark = pytest.mark.database

SSO = Sso(ISSUER, CLIENT, "Một cửa của tỉnh", frozenset(), frozenset({"loa3"}), frozenset({"mfa"}))
BACK = "/dang-nhap/dich-vu/tro-ve/"


@pytest.fixture(scope="module")
def house() -> Doors:
    made = Doors.open(reached=Reached(ADDRESS, frozenset({PROXY}), SSO))
    keep = {"by": BOSS, "name": door_secrets.SSO, "document": DOC, "now": START}
    door_secrets.keep(made.database, made.home, secret=SECRET, **keep)  # type: ignore[arg-type]
    return made


@pytest.fixture
def provider(house: Doors) -> Iterator[Provider]:
    house.now = START
    made = Provider(now=lambda: int(house.now.timestamp()))
    house.use(fetch=made)
    yield made
    portal.use(portal.FakeGate(portal.base().gate.connection))  # type: ignore[attr-defined]


def go(house: Doors, provider: Provider, browser: Client | None = None, **changed: str) -> tuple[Client, HttpResponse]:
    """There and back."""
    browser = browser or house.browser()
    there = browser.get("/dang-nhap/dich-vu/?tiep=/chi-so/")
    assert there.status_code == 302
    return browser, browser.get(BACK, {**provider.authorize(there.headers["Location"]), **changed})


def bound(house: Doors, provider: Provider, name: str, *roles: str) -> str:
    """An account with the provider's subject bound to it by an administrator."""
    who = account(house, name, *roles)  # type: ignore[arg-type]
    provider.subject = f"nguoi-{name}"
    _, unknown = go(house, provider)
    code = CODE.search(unknown.content.decode())
    assert code
    assert "DENY-IDENTITY" in unknown.content.decode()
    given = {"by": BOSS, "code": code[0], "account_id": who, "document": DOC, "now": house.now}
    external.bind(house.database, house.home, **given)  # type: ignore[arg-type]
    return who


def test_an_unknown_identity_is_bound_by_an_administrator_only(house: Doors, provider: Provider) -> None:
    provider.claims = {"acr": "loa3", "email": "gan.truoc@example.vn", "email_verified": True}
    who = account(house, "gan.truoc")  # type: ignore[arg-type]
    browser, unknown = go(house, provider)
    assert unknown.status_code == 403
    assert not house.cookie(browser), "an e-mail address binds nothing"
    code = CODE.search(unknown.content.decode())[0]  # type: ignore[index]
    bind = external.bind
    given: dict[str, Any] = {"by": BOSS, "code": code, "account_id": who, "document": DOC, "now": house.now}
    for wrong, told in (
        ({"code": "aaaa-bbbb-cccc-dddd"}, "USE-IDENTITY-CODE"),
        ({"account_id": "boss"}, "USE-IDENTITY-SELF"),
        ({"account_id": "khong.co"}, "USE-ACCOUNT-UNKNOWN"),
        ({"document": ""}, "USE-DOCUMENT"),
        ({"by": Actor("x", "X", ("viewer",), "portal", assurance="two")}, "DENY-DEFAULT-DENY"),
        ({"by": replace(BOSS, door="portal", assurance="one")}, "DENY-TWO-FACTORS"),
        ({"now": house.now + timedelta(hours=NUMBERS.identity_code_hours)}, "USE-IDENTITY-CODE"),
    ):
        assert refused(bind, house.database, house.home, **{**given, **wrong}) == told
    bind(house.database, house.home, **given)
    assert refused(bind, house.database, house.home, **given) == "USE-IDENTITY-CODE", "a code works once"
    browser, back = go(house, provider)
    assert (back.status_code, back.headers["Location"]) == (302, "/chi-so/")
    assert browser.get("/tai-khoan/").status_code == 200
    with house.database.connect(Role.ADMIN) as admin:
        kept = admin.execute("SELECT external_identity::text FROM governance.external_identity").fetchall()
    assert provider.subject not in str(kept), "the subject may be a citizen's number"
    unbound = {"by": BOSS, "account_id": who, "document": DOC, "now": house.now}
    assert external.unbind(house.database, house.home, **unbound) == 1  # type: ignore[arg-type]
    assert browser.get("/").status_code == 302
    assert go(house, provider)[1].status_code == 403


def test_one_factor_there_is_followed_by_the_second_here(house: Doors, provider: Provider) -> None:
    who = bound(house, provider, "mot.lop")
    for claims in ({}, {"acr": "loa2"}, {"amr": ["pwd"]}, {"amr": "mfa"}, {"acr": ["loa3"]}):
        provider.claims = claims
        browser, back = go(house, provider)
        assert back.status_code in (302, 403), claims
        assert browser.get("/").status_code == 302, claims
    provider.claims = {}
    browser, back = go(house, provider)
    assert back.headers["Location"] == "/tai-khoan/lop-hai/?tiep=%2Fchi-so%2F"
    device, _ = with_device(house, who, house.now)  # type: ignore[arg-type]
    house.later(minutes=1)
    browser, back = go(house, provider)
    assert back.headers["Location"] == "/dang-nhap/lop-hai/?tiep=%2Fchi-so%2F"
    done = browser.post("/dang-nhap/lop-hai/", {"ma_so": device.at(house.now), "tiep": "/chi-so/"})
    assert done.headers["Location"] == "/chi-so/"
    provider.claims = {"amr": ["pwd", "mfa"]}
    browser, _ = go(house, provider)
    assert browser.get("/tai-khoan/").status_code == 200
    found = sessions.look(house.database, house.cookie(browser), house.now)
    assert found is not None
    assert found.assurance == "two"


def test_a_closed_account_stays_closed(house: Doors, provider: Provider) -> None:
    who = bound(house, provider, "da.dong")
    provider.claims = {"acr": "loa3"}
    accounts.change(house.database, house.home, by=BOSS, account_id=who, active=False)
    _, back = go(house, provider)
    assert "DENY-SIGN-IN" in back.content.decode()


def unsigned(claims: dict[str, Any]) -> str:
    parts = [json.dumps({"alg": "none"}), json.dumps(claims)]
    return ".".join(base64.urlsafe_b64encode(one.encode()).rstrip(b"=").decode() for one in parts) + "."


def by_shared_secret(key: bytes) -> Callable[[dict[str, Any]], str]:
    def sign(claims: dict[str, Any]) -> str:
        parts = [json.dumps({"alg": "HS256"}), json.dumps(claims)]
        text = ".".join(base64.urlsafe_b64encode(one.encode()).rstrip(b"=").decode() for one in parts)
        mac = hmac.new(key, text.encode(), hashlib.sha256).digest()
        return text + "." + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()

    return sign


def by_another_key(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims, RSAKey.generate_key(2048, private=True))


def test_every_lie_is_refused(house: Doors, provider: Provider) -> None:
    bound(house, provider, "bi.gia")
    provider.claims = truth = {"acr": "loa3"}
    browser, back = go(house, provider)
    assert back.status_code == 302, "the same without a lie goes well"
    now = int(house.now.timestamp())
    public = json.dumps(provider.key.as_dict(private=False)).encode()
    lies: dict[str, dict[str, Any]] = {
        "wrong nonce": {"nonce": "x"},
        "no nonce": {"nonce": None},
        "wrong issuer": {"iss": "https://sso.example.net"},
        "wrong audience": {"aud": "another"},
        "foreign audience beside ours, for another party": {"aud": [CLIENT, "another"], "azp": "another"},
        "no audience": {"aud": None},
        "too old": {"exp": now - 120, "iat": now - 600},
        "no end": {"exp": None},
        "no subject": {"sub": None},
        "empty subject": {"sub": ""},
        "subject is no text": {"sub": 7},
    }
    for name, lie in lies.items():
        provider.claims = {**truth, **lie}
        browser, back = go(house, provider)
        assert "DENY-SSO" in back.content.decode(), name
        assert not house.cookie(browser), name
    provider.claims = truth
    for name, sign in {
        "alg none": unsigned,
        "shared secret made of the public key": by_shared_secret(public),
        "shared secret of the client": by_shared_secret(SECRET.encode()),
        "another key": by_another_key,
        "no token": lambda _: "",
        "rubbish": lambda _: "a.b.c",
    }.items():
        provider.sign = sign
        browser, back = go(house, provider)
        assert "DENY-SSO" in back.content.decode(), name
        assert not house.cookie(browser), name
    provider.sign = None
    assert go(house, provider)[1].status_code == 302


def test_state_belongs_to_one_browser_and_works_once(house: Doors, provider: Provider) -> None:
    bound(house, provider, "trang.thai")
    provider.claims = {"acr": "loa3"}
    browser = house.browser()
    there = browser.get("/dang-nhap/dich-vu/")
    cookie = browser.cookies["__Host-bienho-sso"]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")
    brought = provider.authorize(there.headers["Location"])
    other = house.browser()
    assert "DENY-SSO" in other.get(BACK, brought).content.decode(), "somebody else's answer (login CSRF)"
    other.get("/dang-nhap/dich-vu/")
    assert "DENY-SSO" in other.get(BACK, brought).content.decode()
    kept = cookie.value
    assert browser.get(BACK, brought).status_code == 302
    replay = house.browser()
    replay.cookies["__Host-bienho-sso"] = kept
    assert "DENY-SSO" in replay.get(BACK, {**brought, "code": "code-9"}).content.decode(), "replayed"
    for wrong in ({"state": ""}, {"state": "x"}, {"code": ""}, {"error": "access_denied"}):
        assert "DENY-SSO" in go(house, provider, **wrong)[1].content.decode(), wrong
    late = house.browser()
    there = late.get("/dang-nhap/dich-vu/")
    house.later(minutes=NUMBERS.challenge_minutes)
    assert "DENY-SSO" in late.get(BACK, provider.authorize(there.headers["Location"])).content.decode()


def test_the_answer_of_another_service_is_no_answer(house: Doors, provider: Provider) -> None:
    """Mix-up: the redirect says which service it comes from (RFC 9207), and that must be ours."""
    bound(house, provider, "nham.lan")
    provider.claims = {"acr": "loa3"}
    before = len(provider.asked)
    _, back = go(house, provider, iss="https://sso.example.net")
    assert "DENY-SSO" in back.content.decode()
    assert ISSUER + "/token" not in provider.asked[before:], "the code is given to nobody"
    assert "DENY-SSO" in go(house, provider, iss="")[1].content.decode()


@pytest.mark.parametrize(
    "lie",
    [
        {"issuer": "https://sso.example.net"},
        {"token_endpoint": "https://127.0.0.1/token"},
        {"jwks_uri": "http://sso.example.vn/keys"},
        {"authorization_endpoint": "https://sso.example.net/authorize"},
        {"authorization_endpoint": None},
    ],
)
def test_a_discovery_document_leads_to_known_hosts_only(house: Doors, provider: Provider, lie: dict[str, Any]) -> None:
    provider.document = lie
    answer = house.browser().get("/dang-nhap/dich-vu/")
    assert answer.status_code == 503
    assert "CFG-SSO" in answer.content.decode()


def test_a_service_that_is_away_says_what_to_do(house: Doors, provider: Provider) -> None:
    provider.down = True
    shown = house.browser().get("/dang-nhap/dich-vu/").content.decode()
    assert "STO-SSO" in shown
    assert "bằng mật khẩu" in shown


def test_nothing_is_asked_of_the_network_when_none_is_configured(house: Doors, provider: Provider) -> None:
    house.use(fetch=provider, doors=replace(house.reached, sso=None))
    for path in ("/dang-nhap/dich-vu/", BACK + "?code=x&state=y"):
        answer = house.browser().get(path)
        assert (answer.status_code, answer.headers["Location"]) == (302, "/dang-nhap/")
    assert "dich-vu" not in house.browser().get("/dang-nhap/").content.decode()
    assert provider.asked == []


def test_the_secret_is_sealed(house: Doors, provider: Provider) -> None:
    with house.database.connect(Role.ADMIN) as admin:
        kept = admin.execute("SELECT sealed FROM governance.door_secret").fetchall()
    assert SECRET.encode() not in b"".join(bytes(row[0]) for row in kept)
    assert door_secrets.find(house.database, house.home, door_secrets.SSO) == SECRET
    given = {"by": BOSS, "name": "x", "document": DOC, "now": START}
    assert refused(door_secrets.keep, house.database, house.home, secret="", **given) == "USE-SECRET"
    with house.database.connect(Role.ADMIN) as admin:
        admin.execute("INSERT INTO governance.door_secret SELECT 'moved', sealed, set_at, set_by"
                      " FROM governance.door_secret WHERE name = %s", (door_secrets.SSO,))  # fmt: skip
    assert refused(door_secrets.find, house.database, house.home, "moved") == "CFG-DOOR-SECRET"
