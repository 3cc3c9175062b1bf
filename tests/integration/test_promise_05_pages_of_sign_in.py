"""Promise 5: the pages of signing in, over the real house of people, as in production."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pyotp
import pytest
from django.http import HttpResponse
from django.test import Client
from test_promise_05_every_door_authenticates import OPEN, SENDERS, SYSTEMS, address

from bienho.governance.people import NUMBERS, credentials, recovery, sessions
from bienho.portal import signin
from bienho.portal.urls import urlpatterns
from support import portal
from support.authenticator import Authenticator
from support.doors import ADDRESS, CODE, HOST, PROXY, SECRET, Doors
from support.peopled import BOSS, DOC, GOOD, OTHER, START, account, with_password

pytestmark = pytest.mark.database


@pytest.fixture(scope="module")
def house() -> Doors:
    return Doors.open()


@pytest.fixture(autouse=True)
def _pages(house: Doors) -> Iterator[None]:
    house.now = START
    house.use()
    yield
    portal.use(portal.FakeGate(portal.base().gate.connection))  # type: ignore[attr-defined]


def text(answer: HttpResponse) -> str:
    return answer.content.decode()


def leads(answer: HttpResponse) -> str:
    assert answer.status_code == 302, text(answer)
    return answer.headers["Location"]


def test_from_invitation_to_the_first_page_and_back(house: Doors) -> None:
    who = account(house, "nguoi.moi")  # type: ignore[arg-type]
    token = credentials.invite(house.database, house.home, by=BOSS, account_id=who, now=house.now)
    browser = house.browser()
    shown = browser.get("/dang-nhap/loi-moi/", {"ma": token})
    assert token in text(shown)
    form = {"ma_moi": token, "moi": GOOD, "moi_lai": OTHER}
    twice = browser.post("/dang-nhap/loi-moi/", form)
    assert (twice.status_code, "USE-PASSWORD-TWICE" in text(twice)) == (400, True)
    short = browser.post("/dang-nhap/loi-moi/", {**form, "moi": "ngắn", "moi_lai": "ngắn"})
    assert "USE-PASSWORD-LENGTH" in text(short)
    assert who in text(browser.post("/dang-nhap/loi-moi/", {**form, "moi_lai": GOOD}))
    assert browser.post("/dang-nhap/loi-moi/", {**form, "moi_lai": GOOD}).status_code == 403

    asked = leads(browser.get("/ho-so/?trang=2"))
    assert asked == "/dang-nhap/?tiep=%2Fho-so%2F%3Ftrang%3D2"
    onward = leads(house.password_step(browser, who, tiep="/ho-so/?trang=2"))
    assert onward == "/tai-khoan/lop-hai/?tiep=%2Fho-so%2F%3Ftrang%3D2"
    half = house.cookie(browser)
    begun = browser.post("/tai-khoan/lop-hai/", {"viec": "bat-dau", "tiep": "/ho-so/?trang=2"})
    device = pyotp.TOTP(SECRET.search(text(begun).replace("&amp;", "&"))[1])  # type: ignore[index]
    wrong = browser.post("/tai-khoan/lop-hai/", {"viec": "ma", "ma_so": "000000"})
    assert "USE-CODE" in text(wrong)
    assert 'name="ma_so"' in text(wrong), "the code can be typed again"
    done = browser.post("/tai-khoan/lop-hai/", {"viec": "ma", "ma_so": device.at(house.now), "tiep": "/ho-so/?trang=2"})
    codes = CODE.findall(text(done))
    assert len(set(codes)) == NUMBERS.recovery_codes
    assert 'href="/ho-so/?trang=2"' in text(done)
    assert house.cookie(browser) != half, "a new token at every step up"
    assert sessions.look(house.database, half, house.now).state == "ended"  # type: ignore[union-attr]
    assert browser.get("/").status_code == 200
    assert leads(browser.post("/dang-xuat/")) == "/dang-nhap/"
    assert leads(browser.get("/")) == "/dang-nhap/"

    house.later(minutes=1)
    assert leads(house.password_step(browser, who, tiep="/chi-so/")) == "/dang-nhap/lop-hai/?tiep=%2Fchi-so%2F"
    by_recovery = browser.post("/dang-nhap/lop-hai/", {"ma_so": codes[0].upper(), "tiep": "/chi-so/"})
    assert leads(by_recovery) == "/chi-so/"


def test_the_cookie_of_production(house: Doors) -> None:
    device, _ = house.with_factors("banh.quy")
    browser = house.sign_in("banh.quy", device)
    cookie = browser.cookies["__Host-bienho"]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, True, "Lax", "/")
    assert not cookie["domain"]
    assert not cookie["max-age"], "it ends with the browser"
    assert re.fullmatch(r"[\w-]{43}", cookie.value), "nothing but a random token"


def test_a_session_that_was_fixed_before_is_worth_nothing(house: Doors) -> None:
    device, _ = house.with_factors("co.dinh")
    victim, thief = house.browser(), house.browser()
    house.password_step(thief, "co.dinh")
    planted = house.cookie(thief)
    victim.cookies["__Host-bienho"] = planted
    house.sign_in("co.dinh", device, victim)
    assert house.cookie(victim) != planted
    assert leads(thief.get("/")).startswith("/dang-nhap/")
    for made_up in ("x", "A" * 43, "\x00", "é" * 40):
        stranger = house.browser()
        stranger.cookies["__Host-bienho"] = made_up
        assert leads(stranger.get("/")) == "/dang-nhap/"


def test_a_password_alone_opens_nothing(house: Doors) -> None:
    house.with_factors("nua.chung")
    browser = house.browser()
    house.password_step(browser, "nua.chung")
    for pattern in urlpatterns:
        if pattern.name in OPEN | SYSTEMS | SENDERS | {"second-factor", "sign-out"}:
            continue
        assert leads(browser.post(address(pattern))).startswith("/dang-nhap/lop-hai/"), pattern.name
    assert browser.get("/api/v1/me").status_code == 401, "a cookie is nothing to the door of systems"


def test_unknown_and_wrong_look_alike(house: Doors) -> None:
    house.with_factors("co.that")
    told = set()
    for name, password in (("co.that", OTHER), ("khong.co", GOOD), ("\0", GOOD), ("x" * 300, GOOD)):
        answer = house.password_step(house.browser("10.9.9.1"), name, password)
        assert answer.status_code == 403
        told.add(re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", text(answer)))
    assert len(told) == 1
    assert "DENY-SIGN-IN" in told.pop()


def test_guessing_has_to_wait_whatever_the_browser(house: Doors) -> None:
    house.with_factors("bi.doan")
    answers = [house.password_step(house.browser("10.7.0.1"), "bi.doan", OTHER) for _ in range(6)]
    assert [one.status_code for one in answers] == [403] * 5 + [429]
    assert house.password_step(house.browser("10.7.0.2"), "bi.doan", GOOD).status_code == 429
    said = text(answers[-1])
    assert "thử lại sau" in said, "it says what to do"
    house.later(minutes=2)
    assert house.password_step(house.browser("10.7.0.2"), "bi.doan", GOOD).status_code == 302


def test_one_address_may_not_try_without_end(house: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bienho.governance.people.NUMBERS", replace(NUMBERS, address_minute_requests=2))
    browser = house.browser("10.6.0.1")
    tries = [browser.post("/dang-nhap/khoa-truy-cap/").status_code for _ in range(3)]
    assert tries == [200, 200, 429]
    assert browser.post("/dang-nhap/loi-moi/", {"ma_moi": "x"}).status_code == 429
    assert house.browser("10.6.0.2").post("/dang-nhap/loi-moi/", {"ma_moi": "x"}).status_code == 403


def test_idle_locks_and_the_password_returns_to_the_page(house: Doors) -> None:
    device, _ = house.with_factors("ngoi.lau")
    browser = house.sign_in("ngoi.lau", device)
    house.later(minutes=NUMBERS.session_idle_minutes)
    locked = leads(browser.get("/phat-hien/?muc_do=error"))
    assert locked == "/dang-nhap/mo-khoa/?tiep=%2Fphat-hien%2F%3Fmuc_do%3Derror"
    assert leads(browser.post("/tai-khoan/noi-khac/")) == "/dang-nhap/mo-khoa/"
    assert "ngoi.lau" in text(browser.get(locked))
    wrong = browser.post("/dang-nhap/mo-khoa/", {"mat_khau": OTHER})
    assert wrong.status_code == 403
    again = browser.post("/dang-nhap/mo-khoa/", {"mat_khau": GOOD, "tiep": "/phat-hien/?muc_do=error"})
    assert leads(again) == "/phat-hien/?muc_do=error"
    assert browser.get("/").status_code == 200
    for _ in range(60):
        seen = sessions.look(house.database, house.cookie(browser), house.later(minutes=12))
    assert seen is not None
    assert leads(browser.get("/")) == "/dang-nhap/", "twelve hours are the end, seen or not"


def test_an_old_password_of_an_administrator_is_changed_first(house: Doors) -> None:
    device, _ = house.with_factors("quan.tri", "administrator")
    house.later(days=40)
    browser = house.sign_in("quan.tri", device)
    assert browser.get("/").status_code == 200
    house.later(days=25)
    browser = house.browser()
    house.password_step(browser, "quan.tri")
    assert leads(browser.post("/dang-nhap/lop-hai/", {"ma_so": device.at(house.now)})) == "/tai-khoan/mat-khau/"
    assert leads(browser.get("/ho-so/")) == "/tai-khoan/mat-khau/?tiep=%2Fho-so%2F"
    form = {"dang_dung": GOOD, "moi": OTHER, "moi_lai": OTHER}
    assert browser.post("/tai-khoan/mat-khau/", {**form, "dang_dung": OTHER}).status_code == 403
    assert "USE-PASSWORD-USED" in text(browser.post("/tai-khoan/mat-khau/", {**form, "moi": GOOD, "moi_lai": GOOD}))
    assert browser.post("/tai-khoan/mat-khau/", form).status_code == 200
    assert leads(browser.get("/")) == "/dang-nhap/"
    house.later(minutes=1)
    house.password_step(browser, "quan.tri", OTHER)
    assert leads(browser.post("/dang-nhap/lop-hai/", {"ma_so": device.at(house.now)})) == "/"


def test_signing_out_elsewhere(house: Doors) -> None:
    device, _ = house.with_factors("hai.noi")
    here, there = house.sign_in("hai.noi", device), house.sign_in("hai.noi", device)
    assert 'action="/tai-khoan/noi-khac/"' in text(here.get("/tai-khoan/"))
    assert leads(here.post("/tai-khoan/noi-khac/")) == "/tai-khoan/?xong=noi-khac"
    assert here.get("/").status_code == 200
    assert leads(there.get("/")) == "/dang-nhap/"
    assert 'action="/tai-khoan/noi-khac/"' not in text(here.get("/tai-khoan/"))


def test_a_passkey_is_added_and_signs_in_by_itself(house: Doors) -> None:
    with_password(house, account(house, "van.tay"), house.now)  # type: ignore[arg-type]
    browser, key = house.browser(), Authenticator(ADDRESS, HOST)
    assert house.browser().post("/dang-nhap/khoa-truy-cap/", {"viec": "create"}).status_code == 403
    house.password_step(browser, "van.tay")
    options = text(browser.post("/dang-nhap/khoa-truy-cap/", {"viec": "create"}))
    foreign = replace(key, origin="https://kho.example.net").create(options)
    assert browser.post("/tai-khoan/lop-hai/", {"viec": "khoa", "tra_loi": foreign}).status_code == 400
    options = text(browser.post("/dang-nhap/khoa-truy-cap/", {"viec": "create"}))
    made = browser.post("/tai-khoan/lop-hai/", {"viec": "khoa", "tra_loi": key.create(options), "ten": "Máy ở phòng"})
    assert leads(made) == "/"
    assert "Máy ở phòng" in text(browser.get("/tai-khoan/"))
    alone = house.browser()
    answer = key.get(text(alone.post("/dang-nhap/khoa-truy-cap/", {"viec": "get"})))
    assert leads(alone.post("/dang-nhap/", {"viec": "khoa", "tra_loi": answer, "tiep": "/chi-so/"})) == "/chi-so/"
    assert alone.get("/").status_code == 200
    assert alone.post("/dang-nhap/", {"viec": "khoa", "tra_loi": answer}).status_code == 403, "an answer works once"
    second = house.browser()
    house.password_step(second, "van.tay")
    answer = key.get(text(second.post("/dang-nhap/khoa-truy-cap/", {"viec": "get"})))
    assert leads(second.post("/dang-nhap/lop-hai/", {"viec": "khoa", "tra_loi": answer})) == "/"


def test_a_further_factor_takes_the_first(house: Doors) -> None:
    device, _ = house.with_factors("them.may")
    browser = house.sign_in("them.may", device)
    begun = browser.post("/tai-khoan/lop-hai/", {"viec": "bat-dau"})
    other = pyotp.TOTP(SECRET.search(text(begun).replace("&amp;", "&"))[1])  # type: ignore[index]
    assert CODE.search(text(browser.post("/tai-khoan/lop-hai/", {"viec": "ma", "ma_so": other.at(house.now)})))
    house.sign_in("them.may", other)


def test_whoever_began_to_enrol_with_a_stolen_password_is_late(house: Doors) -> None:
    with_password(house, account(house, "chu.that"), house.now)  # type: ignore[arg-type]
    thief, owner = house.browser("10.4.0.1"), house.browser("10.4.0.2")
    house.password_step(thief, "chu.that")
    house.password_step(owner, "chu.that")
    begun = owner.post("/tai-khoan/lop-hai/", {"viec": "bat-dau"})
    device = pyotp.TOTP(SECRET.search(text(begun).replace("&amp;", "&"))[1])  # type: ignore[index]
    assert owner.post("/tai-khoan/lop-hai/", {"viec": "ma", "ma_so": device.at(house.now)}).status_code == 200
    house.later(minutes=1)
    for step in ({"viec": "bat-dau"}, {"viec": "ma", "ma_so": device.at(house.now)}):
        assert "DENY-TWO-FACTORS" in text(thief.post("/tai-khoan/lop-hai/", step))
    assert leads(thief.get("/")).startswith("/tai-khoan/lop-hai/")


def test_two_persons_recover_an_account_by_pages(house: Doors) -> None:
    house.with_factors("mat.may")
    (one, _), (two, _) = (house.with_factors(name, "administrator") for name in ("sep.mot", "sep.hai"))
    first, second = house.sign_in("sep.mot", one), house.sign_in("sep.hai", two)
    path = "/tai-khoan/khoi-phuc/"
    asked = {"viec": "xin", "tai_khoan": "mat.may", "so_van_ban": DOC}
    assert "USE-DOCUMENT" in text(first.post(path, {**asked, "so_van_ban": ""}))
    assert first.post(path, asked).status_code == 200
    (request,) = recovery.waiting(house.database, house.now)
    approve = {"viec": "duyet", "so": str(request.recovery_id)}
    assert first.post(path, approve).status_code == 403, "not by the one who asked"
    assert second.post(path, {**approve, "so": "9" * 30}).status_code == 400
    shown = text(second.post(path, approve))
    link = re.search(rf"{ADDRESS}(/dang-nhap/loi-moi/\?ma=[\w-]+)", shown)
    assert link
    assert second.post(path, approve).status_code == 403, "once"
    owner = house.browser()
    assert house.password_step(owner, "mat.may").status_code == 403, "the old password is gone"
    token = link[1].partition("ma=")[2]
    assert owner.post("/dang-nhap/loi-moi/", {"ma_moi": token, "moi": OTHER, "moi_lai": OTHER}).status_code == 200
    assert leads(house.password_step(owner, "mat.may", OTHER)).startswith("/tai-khoan/lop-hai/")
    device, _ = house.with_factors("nguoi.thuong")
    plain = house.sign_in("nguoi.thuong", device)
    assert "Lập yêu cầu" not in text(plain.get(path))
    assert plain.post(path, asked).status_code == 403


def test_what_needs_two_factors_asks_for_them_and_comes_back(house: Doors) -> None:
    """A demo's link shows no factor at all; the page of recovery sends to sign in, then opens."""
    device, _ = house.with_factors("trinh.dien", "administrator")
    house.home = replace(house.home, mode="demo")
    try:
        house.use()
        browser = house.browser()
        browser.post("/dang-nhap/", {"ma": signin.new_token("trinh.dien", house.now)})
        form = {"viec": "xin", "tai_khoan": "ai.do", "so_van_ban": DOC}
        sent = leads(browser.post("/tai-khoan/khoi-phuc/", form))
        assert sent == "/dang-nhap/?can=hai-lop"
        assert "Việc này cần đăng nhập hai lớp" in text(browser.get(sent))
        house.sign_in("trinh.dien", device, browser)
        assert "USE-ACCOUNT-UNKNOWN" in text(browser.post("/tai-khoan/khoi-phuc/", form))
    finally:
        house.home = replace(house.home, mode="production")


def test_production_knows_no_link_and_no_other_host(house: Doors) -> None:
    browser = house.browser()
    assert "bienho serve" not in text(browser.get("/dang-nhap/", {"ma": "x"}))
    assert browser.post("/dang-nhap/", {"ma": signin.new_token("quan.tri", house.now)}).status_code == 403
    assert browser.get("/", headers={"Host": "kho.example.net"}).status_code == 400


def test_only_a_listed_proxy_speaks_for_others(house: Doors) -> None:
    said = {"X-Forwarded-For": "10.8.8.8", "X-Forwarded-Proto": "https", "Host": HOST}
    far = Client(headers=said, REMOTE_ADDR="10.0.0.66").get("/dang-nhap/")
    near = Client(headers={**said, "X-Forwarded-For": "6.6.6.6, 10.8.8.8"}, REMOTE_ADDR=PROXY).get("/dang-nhap/")
    assert (far.wsgi_request.is_secure(), far.wsgi_request.META["REMOTE_ADDR"]) == (False, "10.0.0.66")
    assert (near.wsgi_request.is_secure(), near.wsgi_request.META["REMOTE_ADDR"]) == (True, "10.8.8.8")
    assert "Strict-Transport-Security" in near.headers
    assert "Strict-Transport-Security" not in far.headers


def test_an_account_may_not_ask_without_end(house: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    device, _ = house.with_factors("hoi.day")
    browser = house.sign_in("hoi.day", device)
    monkeypatch.setattr("bienho.governance.people.NUMBERS", replace(NUMBERS, account_minute_requests=2))
    portal.RATES.forget()
    assert [browser.get("/tai-khoan/mat-khau/").status_code for _ in range(4)] == [200, 200, 429, 429]
