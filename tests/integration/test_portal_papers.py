"""Pages of the house's own records: agreements with their steps, the log of decisions, emergencies and their review."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.test import Client

from bienho.core.errors import BienhoError
from bienho.database import Role
from bienho.governance import Actor, Agreements, Emergencies, Membership, audit, decisions
from bienho.governance import purposes as purposes_module
from support import portal
from support.governed import FACILITY, Governed, governed

pytestmark = pytest.mark.database
LOOKUP = "tra-cuu-ho-so"
ELSEWHERE = frozenset({"99999"})


def person(name: str, *roles: str, memberships: tuple[Membership, ...] = ()) -> Actor:
    return Actor(name, f"Người {name}", roles, "portal", memberships)


AN = person("an", "operator")
LAW, SAFE, HEAD, CHIEF = (person(name, "administrator") for name in ("luat", "an-toan", "giam-doc", "pho-gd"))
DOCTOR = person("bac-si", memberships=(Membership("clinician", "bv", ELSEWHERE, None),))
DOCTOR = dataclasses.replace(DOCTOR, roles=("clinician",))
VIEWER = person("xem", "viewer")
DRAFT = {
    "ma": "bhxh-tinh",
    "ten": "Chia sẻ với Bảo hiểm xã hội tỉnh",
    "cac_ben": "Sở Y tế\nBảo hiểm xã hội tỉnh",
    "don_vi": "bhxh",
    "muc_dich": "kiem-tra",
    "bo_du_lieu": ["standard.xml130_1"],
    "lop_cot": ["open", "marker"],
    "dieu_luat": "Nghị định 278/2025/NĐ-CP",
    "tu_ngay": "01/01/2026",
    "den_ngay": "31/12/2027",
    "dieu_kien": "Chỉ để đối chiếu",
}
PAGE = "/thoa-thuan/bhxh-tinh/"


@pytest.fixture(scope="module")
def house() -> Iterator[Governed]:
    people = (AN, LAW, SAFE, HEAD, CHIEF, DOCTOR, VIEWER)
    portal.ACTORS.update({one.account_id: one for one in people})  # type: ignore[dict-item]
    with governed() as made:
        yield made
    for one in people:
        portal.ACTORS.pop(one.account_id)


BROWSERS: dict[str, Client] = {}


def browser(house: Governed, who: Actor) -> Client:
    """That person's browser over the real gate."""
    if who.account_id not in BROWSERS:
        portal.ensure(house.made.database, house.made.home, who)
        at_house(house)
        BROWSERS[who.account_id] = portal.signed_in(who.account_id)
    return BROWSERS[who.account_id]


def at_house(house: Governed) -> None:
    """Put the real house behind the pages; the clock is the real one, for emergencies end by it."""
    made = house.made
    portal.use(
        house.gate,  # type: ignore[arg-type]
        database=made.database, keys=made.keys, home=made.home, clock=lambda: datetime.now(UTC),
    )  # fmt: skip


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def press(client: Client, move: str, revision: int = 1, **more: str) -> Any:
    """Press the button of a move as the page shows it."""
    page = text_of(client.get(PAGE))
    seen = re.search(r'name="thay" value="(\d+)"', page)
    return client.post(f"{PAGE}buoc/", {"buoc": move, "ban": revision, "thay": seen[1] if seen else "0", **more})


def signed_and_started(house: Governed, revision: int) -> None:
    """From a draft to force, by the people who may."""
    for who, move in (
        (AN, "submit"), (LAW, "pass-legal"), (SAFE, "pass-security"), (HEAD, "sign"), (CHIEF, "sign"), (LAW, "start"),
    ):  # fmt: skip
        answer = press(browser(house, who), move, revision, so_van_ban="12/SYT-NVY" if move == "sign" else "")
        assert answer.status_code == 302, (who, move, text_of(answer))
        assert answer["Location"] == PAGE


def test_an_agreement_goes_its_way_through_the_pages(house: Governed, monkeypatch: pytest.MonkeyPatch) -> None:
    an = browser(house, AN)
    assert "Chưa có thỏa thuận nào" in text_of(an.get("/thoa-thuan/"))
    wrong = an.post("/thoa-thuan/soan/", {**DRAFT, "den_ngay": "01/01/2025", "don_vi": "b h x h", "ma": "Sai"})
    assert wrong.status_code == 400
    for field in ("ma", "don_vi", "den_ngay"):
        assert re.search(rf'id="soan-{field}"[^>]*aria-invalid="true"', text_of(wrong)), field
    assert "Bảo hiểm xã hội tỉnh" in text_of(wrong)
    assert an.post("/thoa-thuan/soan/", DRAFT)["Location"] == PAGE
    again = an.post("/thoa-thuan/soan/", DRAFT)
    assert again.status_code == 400
    assert "Mã này đã có" in text_of(again)
    page = text_of(an.get(PAGE))
    assert "Trình thẩm định pháp lý" in page
    assert "/thoa-thuan/bhxh-tinh/soan/" in page
    assert press(an, "submit").status_code == 302
    assert "buoc-pass-legal" not in text_of(an.get(PAGE)), "an operator does not review"
    law = browser(house, LAW)
    assert press(law, "return").status_code == 302
    signed_and_started(house, 1)
    known = purposes_module.PURPOSES["kiem-tra"]
    monkeypatch.setitem(purposes_module.PURPOSES, "kiem-tra", dataclasses.replace(known, agreement="bhxh-tinh"))
    reach = Membership("identifier-reader", "bhxh", frozenset({FACILITY}), None)
    reader = person("doc", "identifier-reader", memberships=(reach,))
    house.gate.read(reader, "kiem-tra", "standard.xml130_1", ["version_id"])
    page = text_of(browser(house, HEAD).get(PAGE))
    assert "1 lần xem" in page
    assert "Có hiệu lực" in page
    assert page.count("12/SYT-NVY") == 2
    listed = text_of(browser(house, HEAD).get("/thoa-thuan/?tinh_trang=in-force"))
    assert "bhxh-tinh" in listed


def test_two_people_are_needed_and_the_page_says_so(house: Governed) -> None:
    head = browser(house, HEAD)
    draft = {**DRAFT, "ma": "hai-nguoi"}
    assert head.post("/thoa-thuan/soan/", draft).status_code == 302
    book = Agreements(house.made.database)
    for who, move in (("giam-doc", "submit"), ("luat", "pass-legal"), ("luat", "pass-security")):
        book.move("hai-nguoi", move, who, datetime.now(UTC))
    page = text_of(head.get("/thoa-thuan/hai-nguoi/"))
    assert "người soạn không tự thẩm định, không được ký" in page
    assert "buoc-sign-1" not in page
    sent = {"buoc": "sign", "ban": "1", "thay": "4", "so_van_ban": "1/SYT"}
    assert head.post("/thoa-thuan/hai-nguoi/buoc/", sent).status_code == 403
    assert audit.recent(house.made.database, limit=1)[0]["agent"][0]["policy"] == ["DENY-AGREEMENT-PERSON"]
    chief = browser(house, CHIEF)
    bad = chief.post("/thoa-thuan/hai-nguoi/buoc/", {**sent, "so_van_ban": "Nguyễn Thị Thử"})
    assert bad.status_code == 400
    assert re.search(r'id="buoc-sign-1-so_van_ban"[^>]*aria-invalid="true"', text_of(bad))
    assert "Nguyễn Thị Thử" not in text_of(bad)
    assert chief.post("/thoa-thuan/hai-nguoi/buoc/", {**sent, "so_van_ban": ""}).status_code == 400
    assert chief.post("/thoa-thuan/hai-nguoi/buoc/", {**sent, "thay": "3"}).status_code == 409
    assert chief.post("/thoa-thuan/hai-nguoi/buoc/", sent).status_code == 302
    assert "cần một người khác nữa" in text_of(chief.get("/thoa-thuan/hai-nguoi/"))
    assert browser(house, VIEWER).get("/thoa-thuan/").status_code == 403
    assert chief.post("/thoa-thuan/hai-nguoi/buoc/", {**sent, "buoc": "fly"}).status_code == 404


def test_a_new_revision_keeps_the_old_in_force_until_it_starts(house: Governed) -> None:
    now = datetime.now(UTC)
    book = Agreements(house.made.database)
    an = browser(house, AN)
    assert book.terms_on("bhxh-tinh", now).in_force
    assert an.post(f"{PAGE}soan/", {**DRAFT, "ten": "Bản hai", "lop_cot": ["open"]}).status_code == 302
    page = text_of(an.get(PAGE))
    assert "Bản mới đang soạn" in page
    assert book.terms_on("bhxh-tinh", datetime.now(UTC)).classes == {"open", "marker"}
    signed_and_started(house, 2)
    assert book.terms_on("bhxh-tinh", datetime.now(UTC)).classes == {"open"}
    assert book.terms_on("bhxh-tinh", now).classes == {"open", "marker"}
    first = text_of(an.get(f"{PAGE}?buoc=1"))
    assert "Nội dung ở bước 1" in first
    with pytest.raises(BienhoError, match="USE-AGREEMENT-STATE"):
        book.move("bhxh-tinh", "suspend", "luat", datetime.now(UTC), revision=1)
    assert book.move("bhxh-tinh", "end", "luat", datetime.now(UTC)).revision == 2
    assert not book.terms_on("bhxh-tinh", datetime.now(UTC)).in_force


def fill(house: Governed, count: int) -> None:
    """Looks of one person as the gate writes them, without the price of reading the lake each time."""
    made = house.made
    house.gate.aggregate(AN, "van-hanh", "standard.delivery", [], {"n": ("count", None)})
    written = audit.recent(made.database, limit=1)[0]
    with closing(audit.AuditLog(made.database, made.keys, made.home)) as log:
        for _ in range(count - 1):
            log.append({name: value for name, value in written.items() if name not in ("seq", "recorded")})


def test_the_log_is_filtered_paged_by_key_and_only_ones_own_without_the_right(house: Governed) -> None:
    fill(house, 120)
    with pytest.raises(BienhoError):
        house.gate.read(VIEWER, "van-hanh", "standard.xml130_1", None)
    law = browser(house, LAW)
    query = "/nhat-ky/?nguoi=an&bo_du_lieu=standard.delivery&ket_qua=allowed&muc_dich=van-hanh"
    seen: list[str] = []
    address = query
    while address:
        page = text_of(law.get(address))
        found = re.findall(r'href="/nhat-ky/(\d+)/"', page)
        seen += found
        link = re.search(r'rel="next" href="([^"]+)"', page)
        address = link[1].replace("&amp;", "&") if link else ""
    assert len(seen) == len(set(seen)) == 120
    assert seen == sorted(seen, key=int, reverse=True)
    back = text_of(law.get(f"{query}&sau={seen[100]}"))
    assert re.findall(r'href="/nhat-ky/(\d+)/"', back) == seen[50:100]
    denied = text_of(law.get("/nhat-ky/?ket_qua=denied&nguoi=xem"))
    number = re.findall(r'href="/nhat-ky/(\d+)/"', denied)[0]
    viewer = browser(house, VIEWER)
    own = text_of(viewer.get("/nhat-ky/?nguoi=an"))
    assert number in re.findall(r'href="/nhat-ky/(\d+)/"', own)
    assert seen[0] not in re.findall(r'href="/nhat-ky/(\d+)/"', own)
    assert "Người an" not in own
    assert viewer.get(f"/nhat-ky/{number}/").status_code == 200
    assert viewer.get(f"/nhat-ky/{seen[0]}/").status_code == 403
    assert viewer.get("/nhat-ky/999999999/").status_code == 403
    assert law.get("/nhat-ky/999999999/").status_code == 404
    assert viewer.post("/nhat-ky/kiem-tra/").status_code == 403
    rows = law.get(f"{query}&xuat=nhat-ky.csv").content.decode("utf-8-sig").splitlines()
    assert len(rows) == 121
    assert law.get(f"{query}&xuat=nhat-ky.xlsx").content[:2] == b"PK"
    today = datetime.now(UTC).astimezone(decisions.LOCAL)
    assert f"{today:%d/%m/%Y}" in text_of(law.get(f"/nhat-ky/?tu_ngay={today:%d/%m/%Y}&den_ngay={today:%d/%m/%Y}"))
    assert "Không có sự kiện nào khớp" in text_of(law.get("/nhat-ky/?den_ngay=01/01/2020"))
    for odd in (
        "tu_ngay=31/02/2026",
        "tu_ngay=31/12/9999",
        "truoc=x&sau=-1",
        "truoc=99999999999999999999",
        "nguoi=%00'",
    ):
        assert law.get(f"/nhat-ky/?{odd}").status_code == 200


INDEXES = ("audit_event_by_time", "audit_event_by_person", "audit_event_by_word", "audit_event_by_entity")


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (decisions.Wanted(), "audit_event_by_time"),
        (decisions.Wanted(first=date(2026, 1, 1)), "audit_event_by_time"),
        (decisions.Wanted(account="an"), "audit_event_by_person"),
        (decisions.Wanted(outcome="denied", purpose=LOOKUP), "audit_event_by_word"),
        (decisions.Wanted(facility=FACILITY, dataset="standard.xml130_1"), "audit_event_by_word"),
    ],
)
def test_each_filter_has_an_index_it_can_be_read_by(house: Governed, wanted: decisions.Wanted, index: str) -> None:
    """A small table is not worth an index: with the other ways forbidden the plan must still be there."""
    text, values = decisions.statement(wanted, 51)
    with house.made.database.connect(Role.ADMIN) as connection:
        connection.execute("SET LOCAL enable_seqscan = off")
        for other in set(INDEXES) - {index}:
            connection.execute(f"DROP INDEX governance.{other}")
        plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN {text}", values).fetchall())
        connection.rollback()
    assert index in plan, plan
    assert "Seq Scan" not in plan, plan


def test_one_decision_is_told_in_words_and_judged_again(house: Governed) -> None:
    reach = (Membership("clinician", "bv", frozenset({FACILITY}), None),)
    doctor = dataclasses.replace(person("bs-52001", memberships=reach), roles=("clinician",))
    house.gate.read(doctor, LOOKUP, "standard.xml130_1", None)
    law = browser(house, LAW)
    listed = text_of(law.get(f"/nhat-ky/?co_so={FACILITY}&nguoi=bs-52001"))
    assert f"cơ sở {FACILITY}" in listed
    number = re.findall(r'href="/nhat-ky/(\d+)/"', listed)[0]
    page = text_of(law.get(f"/nhat-ky/{number}/"))
    for words in ("Cổng kiểm soát cho phép", "clinician-records", "Luật 15/2023/QH15", "giống", "Dữ kiện 1"):
        assert words in page, words
    assert "khác</span>" not in page
    assert law.get(f"/nhat-ky/{number}/?ngay=31/02/2026").status_code == 400
    denied = re.findall(r'href="/nhat-ky/(\d+)/"', text_of(law.get("/nhat-ky/?ket_qua=denied&nguoi=xem")))[0]
    assert "không dữ liệu nào được mở" in text_of(law.get(f"/nhat-ky/{denied}/"))


def test_the_chain_is_checked_from_the_page_and_the_check_is_in_the_chain(house: Governed) -> None:
    law = browser(house, LAW)
    assert "chưa được kiểm tra" in text_of(law.get("/nhat-ky/"))
    assert law.post("/nhat-ky/kiem-tra/")["Location"] == "/nhat-ky/"
    page = text_of(law.get("/nhat-ky/"))
    assert "Chuỗi nhật ký nguyên vẹn" in page
    assert "Người luat" in page
    assert audit.verify(house.made.database, house.made.keys, house.made.home).ok


def test_an_emergency_is_opened_seen_and_reviewed_by_another(house: Governed) -> None:
    doctor = browser(house, DOCTOR)
    key = house.dossiers[0]
    assert browser(house, VIEWER).get(f"/ho-so/{key}/").status_code == 403
    missing = doctor.get(f"/ho-so/{key}/")
    assert missing.status_code == 404
    assert f"/khan-cap/mo/{key}/" in text_of(missing)
    form = text_of(doctor.get(f"/khan-cap/mo/{key}/"))
    assert "người khác xét lại" in form
    assert "không tự khóa tài khoản" in form
    for sent, field in (
        ({"ly_do": "tu-y"}, "ly_do"),
        ({"ly_do": "o-dich-khan-cap"}, "so_van_ban"),
        ({"ly_do": "cap-cuu-nguoi-benh", "so_van_ban": "Nguyễn Thị Thử"}, "so_van_ban"),
        ({"ly_do": "o-dich-khan-cap", "giai_trinh": "vi-toi-muon"}, "giai_trinh"),
    ):
        answer = doctor.post(f"/khan-cap/mo/{key}/", sent)
        assert answer.status_code == 400
        assert re.search(rf'id="mo-khan-cap-{field}"[^>]*aria-invalid="true"', text_of(answer)), field
        assert "Nguyễn Thị Thử" not in text_of(answer)
    assert browser(house, AN).post(f"/khan-cap/mo/{key}/", {"ly_do": "cap-cuu-nguoi-benh"}).status_code == 403
    opened = doctor.post(f"/khan-cap/mo/{key}/", {"ly_do": "o-dich-khan-cap", "giai_trinh": "lenh-mieng"})
    place = opened["Location"]
    page = text_of(doctor.get(place))
    assert "Còn 30 phút" in page
    assert "Nguyễn Thị Thử" not in page
    assert "Đang mở khẩn cấp hồ sơ" in text_of(doctor.get("/huong-dan/"))
    shown = doctor.post(f"{place}xem/")
    assert "Nguyễn Thị Thử" in text_of(shown)
    assert shown["Cache-Control"] == "no-store"
    assert "Nguyễn Thị Thử" not in text_of(doctor.get(place))
    assert doctor.post(f"{place}ket-luan/", {"ket_luan": "dung", "can_cu": ["co-o-dich"]}).status_code == 403
    assert browser(house, AN).get(place).status_code == 403
    law = browser(house, LAW)
    assert f"Xét lại lần mở của {DOCTOR.name}" in text_of(law.get("/khan-cap/"))
    seen = text_of(law.get(place))
    assert "Mở định danh" in seen
    assert "Lãnh đạo trực đã lệnh bằng lời" in seen
    assert law.post(f"{place}xem/").status_code == 403, "a reviewer sees what was done, not the patient"
    assert law.post(f"{place}ket-luan/", {"ket_luan": "sai"}).status_code == 400
    verdict = {"ket_luan": "sai", "can_cu": ["khong-co-ca"], "so_van_ban": "5/BB-SYT"}
    assert law.post(f"{place}ket-luan/", verdict)["Location"] == "/khan-cap/"
    assert law.post(f"{place}ket-luan/", verdict).status_code == 409
    found = Emergencies(house.made.database).reviewed()[0]
    assert (found.verdict, found.grounds, found.reviewer, found.review_document) == (
        "sai", ("khong-co-ca",), "luat", "5/BB-SYT",
    )  # fmt: skip
    assert "Sai: không có tình huống khẩn cấp" in text_of(doctor.get("/khan-cap/"))


def test_what_is_late_is_said_to_be_late(house: Governed) -> None:
    book = Emergencies(house.made.database)
    late = book.open(DOCTOR, LOOKUP, house.dossiers[1], "cap-cuu-nguoi-benh", "", datetime(2026, 1, 5, tzinfo=UTC))
    law = browser(house, LAW)
    page = text_of(law.get("/khan-cap/"))
    assert "1 lần quá hạn" in page
    assert "quá hạn" in text_of(law.get(f"/khan-cap/{late.emergency_id}/"))
    doctor = browser(house, DOCTOR)
    assert doctor.post(f"/khan-cap/{late.emergency_id}/xem/").status_code == 403
    assert "Đã hết giờ" in text_of(doctor.get(f"/khan-cap/{late.emergency_id}/"))


@pytest.mark.parametrize("path", ["/thoa-thuan/", "/thoa-thuan/soan/", PAGE, "/nhat-ky/", "/nhat-ky/1/", "/khan-cap/"])
def test_a_stranger_is_sent_to_sign_in_and_a_form_needs_its_token(house: Governed, path: str) -> None:
    assert Client().get(path).status_code == 302
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = browser(house, LAW).cookies
    assert strict.post("/thoa-thuan/soan/", DRAFT).status_code == 403
