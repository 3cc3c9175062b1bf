"""Pages about rights: one's own, people of a unit, access review, first steps; who sees and changes what."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from bienho.core.errors import BienhoError
from bienho.governance import accounts, audit, people
from bienho.governance.people import credentials, memberships, reviews
from bienho.pipeline.start import GUIDES
from bienho.portal.desk import Desk
from bienho.portal.presenters import rights
from support import portal, rooms
from support.fake_gate import NOW, FakeGate, fake_gate
from support.rooms import HOSPITAL, STATION
from support.seen import SAFE_VALUE, Seen

pytestmark = pytest.mark.database
PEOPLE, REVIEW = "/quyen/nguoi/", "/quyen/ra-soat/"
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def held() -> dict[tuple[str, str], int]:
    house = portal.base()
    return rooms.seed(house.database, house.home)


def browser(account: str, assurance: str = "two") -> Client:
    """Somebody of the staff, or an administrator, at the portal."""
    chief = replace(rooms.CHIEF, door="portal", assurance=assurance)
    house = portal.base()
    actor: Any = chief if account == chief.account_id else rooms.actor(house.database, account, assurance)
    portal.ACTORS[account] = actor
    return portal.client(actor)


def text(client: Client, path: str, status: int = 200, **form: Any) -> str:
    answer = client.post(path, form) if form else client.get(path)
    assert answer.status_code == status, (path, answer.status_code, answer.headers.get("Location"))
    return answer.content.decode()


def last_event() -> dict[str, Any]:
    return audit.recent(portal.base().database, limit=1)[0]


def table(page: str, name: str) -> str:
    """One table of a page."""
    return page.partition(f'id="{name}"')[2].partition("</table>")[0]


# ── one's own rights ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_my_rights_say_what_why_which_rows_and_whom_to_ask(held: Any) -> None:
    page = text(browser("bluk.hnie"), "/quyen/")
    assert "Bệnh viện Đa khoa Trung tâm tỉnh Gia Lai: 1 cơ sở, mọi xã, phường" in page
    assert "clinician-records" in page
    assert "Luật 15/2023/QH15" in page
    assert "Tra cứu một hồ sơ" in page
    assert "Vận hành kho dữ liệu" not in page.partition('id="thu"')[0]
    assert "Nguyễn Văn Quyền" in page, "the unit's own data contact"
    assert "Rơ Châm Thị Dương" in page, "the security contact of the unit above"
    assert rooms.DOC in page
    assert "Vai trò Người khám, chữa bệnh sắp hết" in page


def test_a_question_is_tried_without_reading_or_an_event(held: Any) -> None:
    client = browser("bluk.hnie")
    before = last_event()["seq"]
    page = text(client, "/quyen/?bo_du_lieu=standard.xml130_1&muc_dich=tra-cuu-ho-so")
    tried = table(page, "ket-qua-thu")
    assert tried.count("Cho phép") == 2
    assert tried.count("Từ chối") == 2
    assert "identify-role" in tried
    gate = portal.settings.settings.BIENHO_HOUSE.gate
    assert isinstance(gate, FakeGate)
    assert gate.calls == []
    assert last_event()["seq"] == before
    wrong = text(client, "/quyen/?bo_du_lieu=khong.co&muc_dich=x")
    assert "Chọn một bộ dữ liệu trong danh sách." in wrong
    assert "Chọn một mục đích trong danh sách." in wrong


def test_one_factor_is_told_what_it_lacks(held: Any) -> None:
    house = portal.base()
    for assurance, told in (("one", True), ("two", False), ("none", False)):
        desk = Desk(house, rooms.actor(house.database, "bluk.hnie", assurance))
        items = rights.todo(desk, rights.of(desk)).items
        assert any(item.title == "Phiên này mới có một lớp đăng nhập" for item in items) is told


# ── the people of a unit ──────────────────────────────────────────────────────────────────────────────────────────────


def test_leaders_see_their_unit_and_others_only_contacts(held: Any) -> None:
    page = text(browser("hoa.tran"), PEOPLE)
    assert "H&#x27;Bluk Niê" in page
    assert "Siu H&#x27;Thoa" not in page, "a station of another commune"
    assert last_event()["subtype"] == "list-members"
    contacts = text(browser("bluk.hnie"), PEOPLE)
    assert "Nguyễn Văn Quyền" in contacts
    assert "Đặng Minh Ánh" not in contacts
    assert text(browser("hoa.tran"), f"{PEOPLE}?don_vi={STATION}", 404)
    everything = text(browser(rooms.CHIEF.account_id), PEOPLE)
    assert "Bùi Văn Lâm" in everything
    assert "<option" in everything


def test_a_leader_gives_invites_and_ends_and_each_is_recorded(held: Any) -> None:
    client, db = browser("hoa.tran"), portal.base().database
    form = {"don_vi": HOSPITAL, "tai_khoan": "lam.bui", "vai_tro": "clinician", "den_ngay": "31/12/2026"}
    answer = client.post(f"{PEOPLE}giao/", {**form, "so_van_ban": "77/QĐ-BV"})
    assert answer.headers["Location"] == f"{PEOPLE}?don_vi={HOSPITAL}&xong=giao"
    made = next(one for one in memberships.list_members(db, account_id="lam.bui") if one.unit == HOSPITAL)
    assert made.until is not None
    assert made.until.isoformat() == "2026-12-31T17:00:00+00:00", "the end of the day in the province"
    event = last_event()
    assert event["agent"][0]["who"] == "hoa.tran"
    assert event["agent"][0]["policy"] == ["leader-members"]
    assert "document:77/QĐ-BV" in event["purposeOfEvent"]
    assert "Đã giao vai trò" in text(client, answer.headers["Location"])
    ask = text(client, f"{PEOPLE}{made.membership_id}/ket-thuc/")
    assert "Bùi Văn Lâm" in ask
    assert "Cần số văn bản" in text(client, f"{PEOPLE}{made.membership_id}/ket-thuc/", 400, so_van_ban="")
    assert memberships.find(db, made.membership_id).in_force(NOW)
    answer = client.post(f"{PEOPLE}{made.membership_id}/ket-thuc/", {"so_van_ban": "78/QĐ-BV"})
    assert answer.status_code == 302
    assert not memberships.find(db, made.membership_id).in_force(NOW)
    assert text(client, f"{PEOPLE}{made.membership_id}/ket-thuc/", 404)


def test_an_invitation_is_shown_once_and_works(held: Any) -> None:
    client, house = browser("hoa.tran"), portal.base()
    form = {
        "don_vi": HOSPITAL, "ho_ten": "Phan Thị Thu", "tai_khoan": "thu.phan", "vai_tro": "clinician",
        "so_van_ban": "79/QĐ-BV",
    }  # fmt: skip
    page = text(client, f"{PEOPLE}moi/", **form)
    token = re.search(r"<code>([\w-]{43})</code>", page)
    assert token
    found = credentials.accept(
        house.database, house.home, token=token[1], password="bốn con voi uống trà", door="portal", now=NOW
    )
    assert found == "thu.phan"
    assert rooms.actor(house.database, "thu.phan").roles == ("clinician",)
    again = text(client, f"{PEOPLE}moi/", 400, **form)
    assert "đã có tài khoản" in again
    assert 'value="Phan Thị Thu"' in again, "nothing typed is lost"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"so_van_ban": "quyết định"}, "Số văn bản"),
        ({"vai_tro": "identifier-reader"}, "không giao được vai trò"),
        ({"vai_tro": "leader"}, "không giao được vai trò"),
        ({"tai_khoan": "khong.co"}, "Không có tài khoản này"),
        ({"tai_khoan": "hoa.tran"}, "Không ai tự giao quyền"),
        ({"tai_khoan": "bluk.hnie"}, "đang giữ đúng vai trò"),
        ({"den_ngay": "31/02/2027"}, "Ghi ngày như"),
        ({"den_ngay": "31/12/9999"}, "Ghi ngày như"),
        ({"den_ngay": "01/01/2026"}, "Thời hạn phải ở sau"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(held: Any, changed: dict[str, str], told: str) -> None:
    form = {"don_vi": HOSPITAL, "tai_khoan": "mai.vo", "vai_tro": "clinician", "so_van_ban": "80/QĐ-BV", **changed}
    page = text(browser("hoa.tran"), f"{PEOPLE}giao/", 400, **form)
    assert told in page
    assert 'aria-invalid="true"' in page
    assert '<details class="panel" id="giao" open>' in page


def test_nobody_reaches_beyond_their_units(held: Any) -> None:
    house = portal.base()
    form = {"tai_khoan": "mai.vo", "vai_tro": "station-worker", "so_van_ban": "81/QĐ-BV", "don_vi": STATION}
    for account in ("hoa.tran", "bluk.hnie"):
        client = browser(account)
        assert text(client, f"{PEOPLE}giao/", 404, **form)
        assert text(client, f"{PEOPLE}moi/", 404, **form, ho_ten="Ai Đó")
        elsewhere = held["siu.thoa", "station-worker"]
        assert text(client, f"{PEOPLE}{elsewhere}/ket-thuc/", 404, so_van_ban="81/QĐ-BV")
        assert text(client, f"{REVIEW}{elsewhere}/", 404, tra_loi="giu")
    lead = rooms.actor(house.database, "hoa.tran")
    for call, given in (
        (memberships.give, {"account_id": "mai.vo", "unit": STATION, "role": "station-worker", "document": "1/QĐ"}),
        (memberships.end, {"membership_id": held["siu.thoa", "station-worker"], "document": "1/QĐ"}),
        (memberships.end, {"membership_id": held["hoa.tran", "leader"], "document": "1/QĐ"}),
        (people.joining.join, {"account_id": "x1", "name": "X", "unit": STATION, "role": "leader", "document": "1/QĐ"}),
    ):
        with pytest.raises(BienhoError, match="DENY-UNIT"):
            call(house.database, house.home, by=lead, now=NOW, **given)  # type: ignore[operator]
        assert last_event()["outcomeDesc"] == "denied"
    assert accounts.find(house.database, "x1") is None
    with pytest.raises(BienhoError, match="DENY-"):
        memberships.give(
            house.database, house.home, by=rooms.actor(house.database, "bluk.hnie"), account_id="mai.vo",
            unit=HOSPITAL, role="clinician", document="1/QĐ", now=NOW,
        )  # fmt: skip


def test_in_production_a_change_takes_two_factors(held: Any) -> None:
    house = portal.base()
    place = house.database, replace(house.home, mode="production")
    for assurance in ("none", "one"):
        lead = rooms.actor(house.database, "hoa.tran", assurance)
        for call, given in (
            (memberships.give, {"account_id": "mai.vo", "unit": HOSPITAL, "role": "clinician", "document": "1/QĐ"}),
            (memberships.end, {"membership_id": held["bluk.hnie", "clinician"], "document": "1/QĐ"}),
            (reviews.confirm, {"membership_id": held["bluk.hnie", "clinician"]}),
        ):
            with pytest.raises(BienhoError, match="DENY-TWO-FACTORS"):
                call(*place, by=lead, now=NOW, **given)  # type: ignore[operator]


# ── access review ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_worklist_tells_due_late_lapsed_and_who_is_asked(held: Any) -> None:
    page = text(browser("hoa.tran"), REVIEW)
    waiting = table(page, "ra-soat")
    assert waiting.count("<tr>") == 4, "head, late, due, and her own"
    assert waiting.index("bluk.hnie") < waiting.index("quyen.nguyen") < waiting.index("hoa.tran")
    assert "Lê Quốc Hùng" in waiting, "her own is asked of the leader above"
    assert "Phạm Quốc Khánh" in table(page, "tu-het"), "late beyond the grace: ended by itself"
    assert not memberships.find(portal.base().database, held["khanh.pham", "clinician"]).in_force(NOW)
    assert people.actor_of(portal.base().database, "khanh.pham", "portal", "two", NOW).roles == ()  # type: ignore[union-attr]
    assert "Bạn không phải rà soát" in text(browser("bluk.hnie"), REVIEW)
    assert "Lê Thị Hải Yến" in table(text(browser(rooms.CHIEF.account_id), REVIEW), "da-tra-loi")


def test_only_what_was_looked_at_is_kept_together(held: Any) -> None:
    db = portal.base().database
    late, due = held["bluk.hnie", "clinician"], held["quyen.nguyen", "facility-data-officer"]
    client = browser("hoa.tran")
    assert "chưa mở xem" in text(client, f"{REVIEW}giu/", 400, giu=[late, due])
    text(client, f"{REVIEW}{late}/")
    page = text(client, REVIEW)
    assert f'name="giu" value="{late}"' in page
    assert f'name="giu" value="{due}"' not in page
    assert "checked" not in page
    assert "chưa mở xem" in text(client, f"{REVIEW}giu/", 400, giu=[late, due])
    assert memberships.find(db, late).confirmed_at < NOW
    stranger = browser("hung.le")
    stranger.cookies["bienho_ra_soat"] = client.cookies["bienho_ra_soat"].value
    assert "chưa mở xem" in text(stranger, f"{REVIEW}giu/", 400, giu=[late]), "another's looks are not one's own"
    client = browser("hoa.tran")
    text(client, f"{REVIEW}{due}/")
    assert client.post(f"{REVIEW}giu/", {"giu": [due]}).headers["Location"] == f"{REVIEW}?xong=giu"
    assert memberships.find(db, due).confirmed_at == NOW
    assert last_event()["agent"][0]["policy"] == ["access-review"]


def test_one_is_ended_with_a_reason_and_the_next_follows(held: Any) -> None:
    late = held["bluk.hnie", "clinician"]
    client = browser("hoa.tran")
    assert "Chọn một lý do" in text(client, f"{REVIEW}{late}/", 400, tra_loi="het")
    answer = client.post(f"{REVIEW}{late}/", {"tra_loi": "het", "ly_do": "chuyen-cong-tac"})
    assert answer.headers["Location"] == f"{REVIEW}?xong=het"
    found = reviews.answers(portal.base().database, membership_id=late)
    assert [(one.by, one.outcome, one.reason) for one in found] == [("hoa.tran", "ended", "chuyen-cong-tac")]
    assert last_event()["entity"][0]["detail"]["reason"] == "chuyen-cong-tac"
    assert "Đã chuyển công tác" in table(text(client, REVIEW), "da-tra-loi")
    own = held["hoa.tran", "leader"]
    assert text(client, f"{REVIEW}{own}/", 404, tra_loi="giu"), "nobody answers for themselves"


def test_a_lapsed_role_is_given_again_from_the_day_it_ended(held: Any) -> None:
    house = portal.base()
    memberships.give(
        house.database, house.home, by=rooms.CHIEF, account_id="khanh.pham", unit=HOSPITAL, role="clinician",
        document="83/QĐ-BV", now=NOW,
    )  # fmt: skip
    old = memberships.find(house.database, held["khanh.pham", "clinician"])
    assert (old.ended_by, old.ends < NOW) == ("lapsed", True)
    assert "khanh.pham" not in {one.account_id for one in reviews.lapsed(house.database, NOW)}


# ── first steps, and all of them together ─────────────────────────────────────────────────────────────────────────────


def test_first_steps_are_for_administrators_and_tell_the_next_command(held: Any) -> None:
    client = browser(rooms.CHIEF.account_id)
    portal.use(fake_gate(empty=True), first_steps=rooms.first_steps)
    page = text(client, "/he-thong/bat-dau/")
    assert "4 trên 8 bước đã xong." in page
    assert page.index("Đầu mối của Sở") < page.index("Lần nhận thử đầu tiên")
    assert "bienho keys split" in page
    assert table(page, "cac-buoc").count("<tr>") == 1 + len(GUIDES)
    assert "/he-thong/bat-dau/" in text(client, "/quyen/")
    client = browser("bluk.hnie")
    portal.use(fake_gate(empty=True), first_steps=rooms.first_steps)
    assert text(client, "/he-thong/bat-dau/", 403)
    assert text(browser(rooms.CHIEF.account_id), "/he-thong/bat-dau/", 404), (
        "a portal that cannot tell has no such page"
    )


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("account", [rooms.CHIEF.account_id, "hoa.tran", "tam.huynh"])
def test_pages_are_whole_in_both_languages(held: Any, account: str, language: str) -> None:
    client = browser(account)
    portal.use(fake_gate(empty=True), first_steps=rooms.first_steps)
    client.post("/ngon-ngu/", {"ngon_ngu": language, "tiep": "/"})
    own = held["hoa.tran", "leader"]
    paths = ["/quyen/", PEOPLE, REVIEW]
    paths += ["/he-thong/bat-dau/", f"{REVIEW}{own}/", f"{PEOPLE}{own}/ket-thuc/"] if account == "chi.nguyen" else []
    for path in paths:
        page = text(client, path)
        seen = Seen(page)
        assert f'<html lang="{language}">' in page
        assert not seen.inline, path
        assert len(seen.ids) == len(set(seen.ids)), (path, sorted(i for i in seen.ids if seen.ids.count(i) > 1))
        assert not re.findall(r"\{\w+\}", re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)), path
        for link in seen.links:
            assert SAFE_VALUE.fullmatch(re.sub(r"[?&=#_]", "", link)), link


def test_lists_leave_as_files_and_forms_need_their_token(held: Any) -> None:
    client = browser(rooms.CHIEF.account_id)
    rows = text(client, f"{PEOPLE}?don_vi={HOSPITAL}&xuat=nguoi-va-vai-tro.csv").splitlines()
    assert any("Trần Thị Hòa" in row for row in rows)
    assert client.get(f"{REVIEW}?xuat=ra-soat.csv").status_code == 200
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    for path in (
        f"{PEOPLE}giao/",
        f"{PEOPLE}moi/",
        f"{REVIEW}giu/",
        f"{PEOPLE}{held['mai.vo', 'epidemiologist']}/ket-thuc/",
    ):
        assert strict.post(path, {"don_vi": HOSPITAL}).status_code == 403
