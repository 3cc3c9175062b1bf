"""Promise 5 at the door that speaks as the insurance portal does: who is let in, for whom, from where, for how long."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from bienho.core.errors import UsageError
from bienho.database import Role
from bienho.governance import audit
from bienho.governance.people import NUMBERS, portal_api, systems
from bienho.pipeline import open_app
from bienho.pipeline.reception import Reception
from support import portal
from support.doors import HOST, PROXY, Doors
from support.peopled import BOSS, DOC, START
from support.sending import OTHER, OWN, enrol, envelope

pytestmark = pytest.mark.database

FORM = "application/x-www-form-urlencoded"
PATH, PATH_4210 = "/api/qd130/guiHoSoXmlQD3176", "/api/egw/guiHoSoGiamDinh4210"
PLACE = "10.5.0.1"


@pytest.fixture(scope="module")
def reception() -> Iterator[Reception]:
    portal.base()
    with open_app(portal.base().home.path) as app, Reception(app) as opened:
        yield opened


@pytest.fixture(scope="module")
def house(reception: Reception) -> Iterator[Doors]:
    made = Doors.open()
    made.use(reception=reception)
    yield made
    portal.use(portal.FakeGate(portal.base().gate.connection))  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _pages(house: Doors, reception: Reception) -> None:
    house.now = START
    house.use(reception=reception)


@pytest.fixture(scope="module")
def password(house: Doors) -> str:
    return enrol(house, START, addresses=("10.5.0.0/24",))


def ask(path: str, body: str = "", address: str = PLACE, kind: str = FORM, **headers: str) -> dict[str, Any]:
    said = {"X-Forwarded-For": address, "X-Forwarded-Proto": "https", "Host": HOST, **headers}
    answer = Client(headers=said, REMOTE_ADDR=PROXY).post(path, body, content_type=kind)
    assert answer.status_code == 200, answer.content
    assert answer.headers["Cache-Control"] == "no-store"
    return dict(answer.json())


def log_in(password: str, name: str = "52001-his", address: str = PLACE) -> dict[str, Any]:
    return ask("/api/token/take", f"username={name}&password={portal_api.wire_form(password)}", address)


def shown(key: dict[str, Any], password: str) -> dict[str, str]:
    return {
        "accessToken": key["access_token"], "tokenId": key["id_token"], "passwordHash": portal_api.wire_form(password),
    }  # fmt: skip


def form(visit: str, facility: str = OWN, **changed: str) -> str:
    packed = base64.b64encode(envelope(visit, facility=facility)).decode().replace("+", "%2B")
    fields = {"username": "52001-his", "loaiHoSo": "130", "maTinh": "52", "maCSKCB": facility, **changed}
    return "&".join(f"{name}={value}" for name, value in fields.items()) + f"&fileHSBase64={packed}"


def test_a_log_in_opens_the_door_for_an_hour(house: Doors, password: str) -> None:
    key = log_in(password)["APIKey"]
    assert (key["token_type"], key["username"]) == ("Bearer", "52001-his")
    assert key["expires_in"] == (START + timedelta(minutes=NUMBERS.portal_api_token_minutes)).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )
    assert ask(PATH, form("P-1"), **shown(key, password))["maKetQua"] == "200"
    house.later(minutes=NUMBERS.portal_api_token_minutes)
    assert ask(PATH, form("P-1"), **shown(key, password))["maKetQua"] == "401"


def test_nothing_that_proves_is_kept_as_it_is(house: Doors, password: str) -> None:
    key = log_in(password)["APIKey"]
    digest = portal_api.wire_form(password)
    with house.database.connect(Role.GOVERNANCE) as connection:
        kept = str(connection.execute("SELECT * FROM governance.portal_api_login").fetchall())
        kept += str(connection.execute("SELECT * FROM governance.portal_api_token").fetchall())
    assert "$argon2id$" in kept
    for secret in (password, digest, digest.lower(), key["access_token"], key["id_token"]):
        assert secret not in kept
        assert secret not in json.dumps(audit.recent(house.database, limit=20))


def test_every_part_of_the_proof_counts(house: Doors, password: str) -> None:
    right, other = shown(log_in(password)["APIKey"], password), shown(log_in(password)["APIKey"], password)
    wrong = [
        {}, {**right, "accessToken": "x"}, {**right, "tokenId": other["tokenId"]}, {**right, "passwordHash": "0" * 32},
        {**right, "passwordHash": ""}, {"Authorization": f"Bearer {right['accessToken']}"},
        {"Cookie": f"accessToken={right['accessToken']}"}, {**right, "accessToken": right["accessToken"] + ",x"},
        {name.replace("T", "_t"): value for name, value in right.items()},
    ]  # fmt: skip
    for headers in wrong:
        told = ask(PATH, form("P-2"), **headers)
        assert told["maKetQua"] == "401", headers
        assert "maGiaoDich" not in told
    lower = {name.lower(): value for name, value in right.items()}
    assert ask(PATH, form("P-2"), **lower)["maKetQua"] == "200", "names of headers have no case"
    right["passwordHash"] = right["passwordHash"].lower()
    assert ask(PATH, form("P-2"), **right)["maKetQua"] == "200"


def test_a_person_who_is_signed_in_is_nobody_here(house: Doors) -> None:
    device, _ = house.with_factors("gui.ho.so", "administrator")
    browser = house.sign_in("gui.ho.so", device)
    for path in (PATH, PATH_4210, "/api/egw/nhanKQTiepNhanHS4210"):
        answer = browser.post(path, form("P-3"), content_type=FORM)
        assert (answer.status_code, answer.json()["maKetQua"]) == (200, "401")


def test_guessing_waits_and_every_wrong_log_in_looks_alike(house: Doors, password: str) -> None:
    wrong = [log_in("x", address="10.5.0.77"), log_in(password, "khong-co", "10.5.0.78"), log_in("", "", "10.5.0.79")]
    assert {one["maKetQua"] for one in wrong} == {"401"}
    assert len({one["thongDiep"] for one in wrong}) == 1
    tries = [log_in("x", address=f"10.5.0.{number}")["maKetQua"] for number in range(80, 90)]
    assert set(tries[-4:]) == {"124"}, "the name waits, wherever it is tried from"
    assert log_in(password)["maKetQua"] == "124"
    house.later(hours=NUMBERS.lock_forget_hours)
    assert log_in(password)["maKetQua"] == "200"


def test_only_listed_addresses_are_let_in(house: Doors, password: str) -> None:
    assert log_in(password, address="10.6.0.1")["maKetQua"] == "403"
    proof = shown(log_in(password)["APIKey"], password)
    assert ask(PATH, form("P-4"), address="10.6.0.1", **proof)["maKetQua"] == "403"
    said = {"X-Forwarded-For": PLACE, "X-Forwarded-Proto": "https", "Host": HOST, **proof}
    direct = Client(headers=said, REMOTE_ADDR="10.6.0.1").post(PATH, form("P-4"), content_type=FORM)
    assert direct.json()["maKetQua"] == "403", "what a stranger says of his address is not believed"


def test_in_production_nothing_is_taken_without_https(house: Doors, password: str) -> None:
    said = {"X-Forwarded-For": PLACE, "Host": HOST}
    plain = Client(headers=said, REMOTE_ADDR=PROXY)
    body = f"username=52001-his&password={portal_api.wire_form(password)}"
    assert plain.post("/api/token/take", body, content_type=FORM).json()["maKetQua"] == "403"
    assert plain.post(PATH, form("P-5"), content_type=FORM).json()["maKetQua"] == "403"


def test_one_facility_cannot_send_for_another(house: Doors, password: str) -> None:
    proof = shown(log_in(password)["APIKey"], password)
    for body in (form("P-6", OTHER), form("P-6", OTHER, maCSKCB=OWN), form("P-6", maCSKCB=OTHER)):
        assert ask(PATH, body, **proof)["maKetQua"] == "403"
    assert ask(PATH, form("P-6", username="52002-his"), **proof)["maKetQua"] == "401"


def test_the_4210_path_takes_its_proof_from_the_query(house: Doors, password: str) -> None:
    key = log_in(password)["APIKey"]
    digest = portal_api.wire_form(password)
    query = f"token={key['access_token']}&id_token={key['id_token']}&username=52001-his&password={digest}"
    asked = f"{PATH_4210}?{query}&loaiHoSo=3&maTinh=52&maCSKCB={OWN}"
    sent = envelope("P-7").decode("latin-1")
    assert ask(asked, sent, kind="application/octet-stream")["maKetQua"] == "200"
    assert ask(asked.replace("=52001-his", "=52002-his"), sent, kind="text/xml")["maKetQua"] == "401"
    assert ask(f"{PATH_4210}?loaiHoSo=3", sent, kind="text/xml", **shown(key, password))["maKetQua"] == "401"


def test_a_new_password_and_an_end_take_tokens_away(house: Doors) -> None:
    name = "52002-his"
    first = enrol(house, START, name=name, unit="cs-52002", addresses=("0.0.0.0/0",))
    proof = shown(log_in(first, name)["APIKey"], first)
    body = form("P-8", OTHER, username=name)
    assert ask(PATH, body, **proof)["maKetQua"] == "200"
    second = portal_api.give(
        house.database, house.home, by=BOSS, client_id=name, addresses=["10.5.0.1"], document=DOC, now=house.now
    )
    house.later(seconds=portal_api.KEPT_FOR.total_seconds())
    assert ask(PATH, body, **proof)["maKetQua"] == "401"
    assert log_in(first, name)["maKetQua"] == "401"
    proof = shown(log_in(second, name)["APIKey"], second)
    assert ask(PATH, body, **proof)["maKetQua"] == "200"
    systems.end(house.database, house.home, by=BOSS, client_id=name, document=DOC, now=house.now)
    house.later(seconds=portal_api.KEPT_FOR.total_seconds())
    assert ask(PATH, body, **proof)["maKetQua"] == "401"
    assert log_in(second, name)["maKetQua"] == "401"


@pytest.mark.parametrize(
    ("client", "scopes", "addresses", "code"),
    [
        ("52003-a", ("reference",), ("10.0.0.1",), "USE-CLIENT-SCOPE"),
        ("52003-b", ("send",), (), "USE-CLIENT-ADDRESS"),
        ("52003-c", ("send",), ("cổng",), "USE-CLIENT-ADDRESS"),
    ],
)
def test_a_password_is_given_to_who_may_send_from_somewhere(
    house: Doors, client: str, scopes: tuple[str, ...], addresses: tuple[str, ...], code: str
) -> None:
    with pytest.raises(UsageError) as error:
        enrol(house, START, name=client, unit="cs-52003", addresses=addresses, scopes=scopes)
    assert error.value.code == code


def test_an_administrator_gives_a_password_on_a_page_and_it_is_shown_once(house: Doors) -> None:
    device, _ = house.with_factors("cap.mat.khau", "administrator")
    browser = house.sign_in("cap.mat.khau", device)
    form = {"co_so": "52004", "dia_chi": f"{PLACE}, 10.7.0.0/16", "den_ngay": "31/12/2099", "so_van_ban": DOC}
    for field, value in (("co_so", "99999"), ("dia_chi", "x"), ("den_ngay", "x"), ("so_van_ban", "x")):
        assert browser.post("/he-thong/cua-gui/", {**form, field: value}).status_code == 400, field
    answer = browser.post("/he-thong/cua-gui/", form)
    shown_once = re.findall(r'<code tabindex="0">([^<]+)</code>', answer.content.decode())
    assert (answer.status_code, shown_once[0], len(shown_once)) == (200, "52004-gui", 2)
    assert shown_once[1] not in browser.get("/he-thong/cua-gui/").content.decode()
    assert log_in(shown_once[1], "52004-gui")["maKetQua"] == "200"
    again = re.findall(r'<code tabindex="0">([^<]+)</code>', browser.post("/he-thong/cua-gui/", form).content.decode())
    assert log_in(shown_once[1], "52004-gui")["maKetQua"] == "401", "the one before ends"
    assert log_in(again[1], "52004-gui")["maKetQua"] == "200"


def test_what_became_of_files_needs_its_scope(house: Doors) -> None:
    name = "52001-chi-gui"
    password = enrol(house, START, name=name, addresses=(PLACE,), scopes=("send",))
    key = log_in(password, name)["APIKey"]
    digest = portal_api.wire_form(password)
    query = f"token={key['access_token']}&id_token={key['id_token']}&username={name}&password={digest}"
    told = ask(f"/api/egw/nhanKQTiepNhanHS4210?{query}", "tuNgay=27/11/2026&denNgay=27/11/2026")
    assert (told["maKetQua"], "DENY-SCOPE" in told["thongDiep"]) == ("403", True)
