"""What readers, officers, doctors and systems do in the portal before the search for leaks: every route is walked."""

from __future__ import annotations

import base64
import json
from collections import Counter
from datetime import UTC, datetime, timedelta

from bienho.config import load_profile
from bienho.database import Role
from bienho.governance import accounts, people
from bienho.governance.visit_book import VisitBook
from bienho.pipeline import App, reports
from bienho.portal import signin
from bienho.portal.formats import LOCAL
from bienho.standards.xml130.write import write_delivery
from support.browsing import Visitor, links, token_of
from support.province import PURPOSE, Province
from support.sending import enrol, envelope
from support.typed_visits import TYPED
from support.xml130_samples import make_tables

PEOPLE = 120
DOSSIERS = 3
PRACTICE = "52901"
PAPER = {
    "ma": "thu-nghiem", "ten": "Thử nghiệm", "cac_ben": "Sở Y tế", "don_vi": "doi-tac", "muc_dich": "kiem-tra",
    "bo_du_lieu": "standard.delivery", "lop_cot": "open", "dieu_luat": "Nghị định 278/2025/NĐ-CP",
    "tu_ngay": "01/01/2026",
}  # fmt: skip
LOOK = {"muc_dich": "tra-cuu-ho-so", "ly_do": "doi-chieu-co-so", "so_van_ban": ""}


def known_people(province: Province) -> list[dict]:
    visited = {row["person_id"] for row in province.truth("dossiers")}
    return [row for row in province.truth("people") if row["person_id"] in visited][:PEOPLE]


def dossier_keys(province: Province) -> list[str]:
    """Keys of current dossiers of people who are looked for."""
    known = {row["person_id"] for row in known_people(province)}
    rows = [
        row
        for row in province.truth("dossiers")
        if row["person_id"] in known and row["superseded_by"] is None and row["outcome"].startswith("accepted")
    ]
    return [province.app.vault.dossier_key(row["facility"], row["ma_lk"]) for row in rows[:DOSSIERS]]


def look_at_identifiers(reader: Visitor, key: str, name: str) -> None:
    page, form = f"/ho-so/{key}/", f"/ho-so/{key}/dinh-danh/"
    assert reader.post(page, form, LOOK).status == 200
    for wrong in ({"ly_do": ""}, {"muc_dich": PURPOSE}, {"so_van_ban": name}):
        assert reader.post(page, form, {**LOOK, **wrong}, keep="identify-refused").status == 400
    reader.ask(form)


def review_persons(reader: Visitor) -> None:
    """The list of pairs, which shows nobody, and a pair opened where one waits."""
    page = "/con-nguoi/xet/"
    assert reader.ask(page).status == 200
    assert reader.post(page, page, {"viec": "open"}, keep="person-review-open").status == 200


def write_papers(reader: Visitor) -> None:
    """An agreement drafted and submitted, the chain checked."""
    assert reader.post("/thoa-thuan/soan/", "/thoa-thuan/soan/", PAPER).status == 302
    page = "/thoa-thuan/thu-nghiem/"
    assert reader.post(page, f"{page}buoc/", {"buoc": "submit", "ban": "1", "thay": "1"}).status == 302
    reader.ask(f"{page}soan/")
    assert reader.post("/nhat-ky/", "/nhat-ky/kiem-tra/", {}).status == 302
    for path in ("/thoa-thuan/", page):
        reader.ask(path)
    most = {"decisions": 1, "decisions?ket_qua": 1, "decisions?truoc": 2, "decision": 6}
    reader.follow(["/nhat-ky/", "/nhat-ky/?ket_qua=denied"], most=most, otherwise=0)


def schedule_a_report(province: Province, reader: Visitor) -> None:
    """A report made, run, looked at, opened and ended."""
    owner, now = accounts.ensure_demo_account(province.app.database, province.app.home), datetime.now(UTC)
    form = {
        "ten": "luot-kham", "tieu_de": "Lượt khám", "bo": "derived.facility_week_chapter", "cot": "encounters",
        "nhip": "day", "muc_dich": PURPOSE, "gui": owner.account_id,
    }  # fmt: skip
    assert reader.post("/bao-cao/lap/", "/bao-cao/lap/", form).status == 302
    due = now.astimezone(LOCAL).date()
    assert reports.run_due(province.app, due, now) == {"made": 1, "refused": 0, "failed": 0}
    page = "/bao-cao/luot-kham/"
    for path in ("/bao-cao/", page, f"{page}{due:%Y%m%d}/"):
        assert reader.ask(path).status == 200
    assert reader.post(page, f"{page}bo/", {}).status == 302


def choose_notices(reader: Visitor) -> None:
    """What one is told, and what could not be told."""
    page = "/tai-khoan/thong-bao/"
    reader.ask(page)
    assert reader.post(page, page, {"viec": "chon", "loai_silent": "now", "ngon_ngu": "vi"}).status == 302
    reader.ask("/he-thong/thu-thong-bao/")


def mend(province: Province, officer: Visitor, reader: Visitor) -> None:
    """The fix loop: the data officer of a facility reads all of it and takes the rows away; the Department reminds."""
    known = {row["person_id"] for row in known_people(province)}
    told = Counter(row["facility"] for row in province.truth("dossiers") if row["person_id"] in known)
    facility = told.most_common(1)[0][0]
    db, home, now = province.app.database, province.app.home, datetime.now(UTC)
    by = accounts.ensure_demo_account(db, home).actor("cli")
    accounts.add(db, home, by=by, account_id="it", name="Cán bộ dữ liệu", roles=())
    unit = next(one.code for one in people.units.list_units(db) if one.facility_code == facility)
    people.memberships.give(
        db, home, by=by, account_id="it", unit=unit, role="facility-data-officer", document="1/SYT", now=now
    )
    form = {"co_so": facility, "noi_dung": "sua-phat-hien", "han": f"{now.astimezone(LOCAL):%d/%m/%Y}"}
    assert reader.post("/theo-doi/nhac/", "/theo-doi/nhac/", form).status == 302
    assert reader.ask("/theo-doi/").status == 200
    officer.sign_in(link_of(province.app, "it", "officer-of-the-leak-search"))
    for path in ("", "dong/", "da-xong/", "lich/"):
        assert officer.ask(f"/sua-du-lieu/{path}").status == 200
    assert officer.post("/sua-du-lieu/dong/", "/sua-du-lieu/dong/ma-ho-so/", {"dang": "csv"}).status == 200
    reminder = next(link for link in links(officer.ask("/sua-du-lieu/"), "/") if "/tra-loi/" in link)
    assert officer.post(reminder, reminder, {"tra_loi": "da-gui"}).status == 302


def open_in_an_emergency(doctor: Visitor, reviewer: Visitor, key: str, name: str) -> None:
    """A clinician opens a dossier out of reach, sees it, and somebody else gives a verdict."""
    doctor.ask(f"/ho-so/{key}/")
    form, wanted = f"/khan-cap/mo/{key}/", {"ly_do": "cap-cuu-nguoi-benh"}
    assert doctor.post(form, form, {**wanted, "so_van_ban": name}, keep="emergency-refused").status == 400
    opened = doctor.post(form, form, wanted)
    place = opened.headers["location"]
    assert doctor.post(place, f"{place}xem/", {}).status == 200
    for page in (place, "/khan-cap/", "/nhat-ky/", "/huong-dan/"):
        doctor.ask(page)
    verdict = {"ket_luan": "dung", "can_cu": "co-ca-cap-cuu"}
    reviewer.ask("/khan-cap/")
    refused = reviewer.post(place, f"{place}ket-luan/", {**verdict, "so_van_ban": name}, keep="emergency-refused")
    assert refused.status == 400
    assert reviewer.post(place, f"{place}ket-luan/", verdict).status == 302


def write_a_visit(province: Province, writer: Visitor, person: dict) -> None:
    """A practice writes a visit of a known person, prints it, and opens one that was sent to correct it.

    Nothing is sent: other tests count this home. What was sent stands in the book as a delivery of the province.
    """
    begun = writer.post("/kham-benh/", "/kham-benh/moi/", {})
    place = begun.headers["location"]
    typed = {
        **TYPED, "ho_ten": person["name"], "cccd": person["personal_id"], "dia_chi": person["address"],
        "dien_thoai": person["phone"],
    }  # fmt: skip
    assert writer.post(place, f"{place}luu/", {**typed, "ban": "1"}).status == 200
    assert writer.post(place, place, {**typed, "ban": "2", "viec": "in"}).status == 302
    assert writer.ask(f"{place}in/don-thuoc/").status == 200
    assert writer.post(place, place, {**typed, "ban": "3", "viec": "gui", "ngay_sinh": "?"}).status == 400
    assert writer.post(place, "/kham-benh/ma/", {"tu": person["name"]}, keep="visit-codes").status == 200
    assert writer.ask("/kham-benh/").status == 200
    book = VisitBook(province.app.database, province.app.keys)
    key, _ = book.start(PRACTICE, "bac-si-tu", {"fields": {}, "drugs": []}, datetime.now(UTC))
    draft = book.draft(key, [PRACTICE])
    assert draft
    book.note_sent(draft, "bac-si-tu", 1, "0" * 32, datetime.now(UTC))
    sent = f"/kham-benh/{key}/"
    assert writer.post(sent, f"{sent}sua/", {}).status == 302
    assert writer.post(sent, f"{sent}bo/", {}).status == 302


def type_a_name(reader: Visitor, person: dict) -> None:
    """What a reader types into a form must not come back."""
    for text in (person["name"], person["personal_id"], person["phone"]):
        assert reader.post("/huong-dan/", "/tim/", {"q": text}).status == 400
    reader.post("/huong-dan/", "/tim/", {"q": "d1"})
    reader.post("/huong-dan/", "/dang-nhap/", {"ma": person["name"]})
    reader.ask("/tim/", {"q": person["name"]})
    reader.ask("/", Host=str(person["phone"]))
    reader.ask("/tim/", {"q": person["name"] * 100_000})


def look_at_the_own_account(reader: Visitor) -> None:
    """The steps of signing in, for somebody who is in already."""
    for path in ("/tai-khoan/mat-khau/", "/tai-khoan/lop-hai/", "/dang-nhap/lop-hai/", "/dang-nhap/mo-khoa/"):
        reader.ask(path)
    for form in ({"viec": "xin", "tai_khoan": "x", "so_van_ban": "1/QĐ-SYT"}, {}):
        reader.post("/tai-khoan/", "/tai-khoan/khoi-phuc/", form)
    reader.post("/tai-khoan/", "/tai-khoan/noi-khac/", {})
    page = reader.ask("/dang-nhap/", Host="localhost")
    reader.ask("/dang-nhap/khoa-truy-cap/", {"csrfmiddlewaretoken": token_of(page)}, Host="localhost")


def answer_for_people(province: Province, reader: Visitor) -> None:
    """A role given, somebody invited, a role looked at, reviewed and kept."""
    unit = {"don_vi": "cs-52001", "so_van_ban": "1/QĐ-SYT"}
    page, account = f"/quyen/nguoi/?don_vi={unit['don_vi']}", "nguoi-xem"
    role = {"tai_khoan": account, "vai_tro": "clinician"}
    assert reader.post(page, "/quyen/nguoi/giao/", {**unit, **role}).status == 302
    new = {"tai_khoan": "nguoi-moi", "ho_ten": "Người mới", "vai_tro": "facility-data-officer"}
    assert reader.post(page, "/quyen/nguoi/moi/", {**unit, **new}).status == 200
    with province.app.database.connect(Role.ADMIN) as admin:
        row = admin.execute(
            "UPDATE governance.membership SET confirmed_at = now() - interval '190 days' WHERE account_id = %s"
            " RETURNING membership_id",
            (account,),
        ).fetchone()
    assert row
    for path in (f"/quyen/nguoi/{row[0]}/ket-thuc/", f"/quyen/ra-soat/{row[0]}/"):
        assert reader.ask(path).status == 200
    assert reader.post("/quyen/ra-soat/", "/quyen/ra-soat/giu/", {"giu": str(row[0])}).status == 302


def come_as_a_system(province: Province, stranger: Visitor, key: str) -> str:
    """A client by its secret at every address of systems, of the facility of a known dossier; the delivery it sent."""
    app, now, facility = province.app, datetime.now(UTC), facility_of(province, key)
    by = accounts.ensure_demo_account(app.database, app.home).actor("cli")
    people.units.ensure(app.database, app.home, people.units.first_units(load_profile()), now)
    secret = people.systems.add(
        app.database, app.home, by=by, client_id="his", name="HIS", unit=f"cs-{facility}",
        scopes=["reference", "send", "receipt"], document="1/QĐ-SYT", expires_at=now + timedelta(days=1), now=now,
    )  # fmt: skip
    form = {"grant_type": "client_credentials", "client_id": "his", "client_secret": str(secret)}
    token = json.loads(stranger.ask("/oauth2/token", form).text)["access_token"]
    said = {"Authorization": f"Bearer {token}"}
    listed = json.loads(stranger.ask("/api/v1/deliveries?limit=2", **said).text)["deliveries"]
    place = f"/api/v1/deliveries/{listed[0]['delivery']}"
    for path in ("me", "datasets", "openapi.json", "days", f"dossiers/{key}/findings"):
        stranger.ask(f"/api/v1/{path}", **said)
    for path in (place, f"{place}/dossiers", f"{place}/findings"):
        assert stranger.ask(path, **said).status == 200
    file, numbers = (
        {"Content-Type": "application/xml", **said},
        [row["ma_lk"] for row in province.truth("dossiers")[:3]],
    )
    asked = json.dumps({"ma_lk": numbers, "facility": facility}).encode()
    assert stranger.put("/api/v1/reconciliation", asked, **{**file, "Content-Type": "application/json"}).status == 200
    send_as_the_portal_is_sent_to(province, stranger, now)
    data = write_delivery([make_tables("3176", ma_lk="GUI-1")], facility=facility, created="20260103", version="3176")
    assert stranger.put("/api/v1/rehearse", data, **file).status == 200
    return str(json.loads(stranger.put("/api/v1/dossiers", data, **file).text)["delivery"])


def send_as_the_portal_is_sent_to(province: Province, stranger: Visitor, now: datetime) -> None:
    """A system of a hospital: log-in, a file of its dossiers, and what is told of it afterwards."""
    password = enrol(province.app, now, name="52001-gui")
    digest = people.portal_api.wire_form(password)
    answer = stranger.ask("/api/token/take", {"username": "52001-gui", "password": digest})
    key = json.loads(answer.text)["APIKey"]
    proof = {"accessToken": key["access_token"], "tokenId": key["id_token"], "passwordHash": digest}
    packed = base64.b64encode(envelope("GUI-1")).decode()
    form = {"loaiHoSo": "130", "maTinh": "52", "maCSKCB": "52001", "fileHSBase64": packed}
    told = json.loads(stranger.ask("/api/qd130/guiHoSoXmlQD3176", form, **proof).text)
    assert told["maKetQua"] == "200", told
    query = f"token={key['access_token']}&id_token={key['id_token']}&username=52001-gui&password={digest}"
    stranger.ask(f"/api/egw/guiHoSoGiamDinh4210?{query}", {"fileHS": "x"})
    days = {"tuNgay": f"{now:%d/%m/%Y}", "denNgay": f"{now:%d/%m/%Y}"}
    stranger.ask(f"/api/egw/nhanKQTiepNhanHS4210?{query}", days)
    stranger.ask(f"/api/egw/nhanChiTietLoiHS4210?{query}", {"maGiaoDich": "D000000000001"})


def facility_of(province: Province, key: str) -> str:
    """Who sent a dossier."""
    digests = province.app.vault
    return next(
        row["facility"]
        for row in province.truth("dossiers")
        if digests.dossier_key(row["facility"], row["ma_lk"]) == key
    )


def link_for_officer(province: Province) -> str:
    """The one-time link of the data officer of the facility of a known dossier."""
    app, now = province.app, datetime.now(UTC)
    by = accounts.ensure_demo_account(app.database, app.home).actor("cli")
    accounts.add(app.database, app.home, by=by, account_id="can-bo", name="Cán bộ dữ liệu", roles=["viewer"])
    facility = facility_of(province, dossier_keys(province)[0])
    people.memberships.give(
        app.database, app.home, by=by, account_id="can-bo", unit=f"cs-{facility}",
        role="facility-data-officer", document="1/QĐ-SYT", now=now,
    )  # fmt: skip
    return link_of(app, "can-bo", "sender-of-the-leak-search")


def send_and_connect(officer: Visitor, sent: str) -> None:
    """The pages of sending, a connection named and ended."""
    for path in ("/gui-ho-so/", "/xet-thu/", f"/gui-ho-so/{sent}/", "/ket-noi/"):
        assert officer.ask(path).status == 200, path
    officer.post("/gui-ho-so/", "/gui-ho-so/", {})
    form = {"loai": "webhook", "dia_chi": "https://his.example.vn/bao"}
    assert officer.post("/ket-noi/", "/ket-noi/", form).status == 200
    officer.follow(["/ket-noi/"], most={"connection-end": 1}, otherwise=0)
    (end,) = [link for link in links(officer.ask("/ket-noi/"), "/ket-noi/") if link.endswith("/bo/")]
    assert officer.post(end, end, {}).status == 302


def link_for_viewer(province: Province) -> str:
    """The one-time link of an account that may see numbers only."""
    app, token = province.app, "viewer-of-the-leak-search"
    if accounts.find(app.database, "nguoi-xem") is None:
        by = accounts.ensure_demo_account(app.database, app.home).actor("cli")
        accounts.add(app.database, app.home, by=by, account_id="nguoi-xem", name="Người xem", roles=["viewer"])
    return link_of(app, "nguoi-xem", token)


def link_for_doctor(province: Province) -> str:
    """The one-time link of a clinician of a hospital that sent nothing."""
    app, now = province.app, datetime.now(UTC)
    people.units.ensure(app.database, app.home, people.units.first_units(load_profile()), now)
    by = accounts.ensure_demo_account(app.database, app.home).actor("cli")
    accounts.add(app.database, app.home, by=by, account_id="bac-si", name="Bác sĩ trực", roles=["viewer"])
    unit = people.units.list_units(app.database, kind="private-practice")[:1] or people.units.list_units(
        app.database, kind="hospital"
    )
    people.memberships.give(
        app.database, app.home, by=by, account_id="bac-si", unit=unit[0].code, role="clinician", document="1/QĐ-SYT",
        now=now,
    )  # fmt: skip
    return link_of(app, "bac-si", "doctor-of-the-leak-search")


def link_for_practice(province: Province) -> str:
    """The one-time link of the doctor of a private practice."""
    app, now = province.app, datetime.now(UTC)
    by = accounts.ensure_demo_account(app.database, app.home).actor("cli")
    accounts.add(app.database, app.home, by=by, account_id="bac-si-tu", name="Bác sĩ tư", roles=["viewer"])
    unit = people.units.Unit(
        "pk-thu", "Phòng khám thử", "private-practice", None, PRACTICE, None, (), now.date() - timedelta(days=1),
        document="1/QĐ-SYT",
    )  # fmt: skip
    people.units.add(app.database, app.home, by=by, unit=unit, now=now)
    people.memberships.give(
        app.database, app.home, by=by, account_id="bac-si-tu", unit=unit.code, role="clinician", document="1/QĐ-SYT",
        now=now,
    )  # fmt: skip
    return link_of(app, "bac-si-tu", "practice-of-the-leak-search")


def link_of(app: App, account_id: str, token: str) -> str:
    """The one-time link of an account with a known token."""
    with app.database.connect(Role.ADMIN) as admin:
        admin.execute(
            "INSERT INTO portal.portal_signinlink (digest, account_id, expires_at)"
            " VALUES (%s, %s, now() + interval '5 minutes')",
            (signin.digest(token), account_id),
        )
    return f"/dang-nhap/?ma={token}"
