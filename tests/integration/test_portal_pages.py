"""What pages show: every page in both languages, full and empty; lists; downloads; the way of the data; identifiers."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from lxml import etree

from bienho.portal import listing
from bienho.portal.settings import settings
from support import portal
from support.fake_gate import SECRET_NAME, FakeGate
from support.seen import SAFE_VALUE, Seen

pytestmark = pytest.mark.database

FIRST_VIEW_LIMIT = 150 * 1024


def gate() -> FakeGate:
    found: Any = portal.base().gate
    assert isinstance(found, FakeGate)
    return found


def one(sql: str) -> Any:
    row = gate().connection.cursor().execute(sql).fetchone()
    assert row is not None
    return row[0]


def dossier_key() -> str:
    sql = "SELECT dossier_key FROM quality.finding ANTI JOIN standard.superseded USING (version_id) ORDER BY 1 LIMIT 1"
    return str(one(sql))


def pages() -> list[str]:
    key = dossier_key()
    return [
        "/",
        "/giao-nhan/",
        "/giao-nhan/D000000000007/",
        "/ho-so/",
        f"/ho-so/{key}/",
        f"/ho-so/{key}/?phan=chuan-hoa",
        f"/ho-so/{key}/?phan=phat-hien",
        f"/ho-so/{key}/?phan=phien-ban",
        "/phat-hien/",
        "/cach-ly/",
        "/chat-luong/",
        "/chat-luong/?tuan=2026-11-16",
        "/chat-luong/co-so/?co_so=52001",
        "/chat-luong/co-so/?co_so=52002&tuan=2026-11-02",
        "/chat-luong/dong/?co_so=52001",
        "/chat-luong/thu/",
        "/chat-luong/thu/?du=10&dung=40&loi=900",
        "/chat-luong/quy-tac/",
        "/chat-luong/quy-tac/29/",
        "/chat-luong/quy-tac/55/",
        "/chi-so/",
        "/chi-so/encounters/",
        "/chi-so/patients/",
        "/chi-so/cost/",
        "/danh-muc-du-lieu/",
        "/danh-muc-du-lieu/standard.xml130_1/",
        "/quyen/",
        "/quyen/nguoi/",
        "/quyen/ra-soat/",
        "/thoa-thuan/",
        "/thoa-thuan/soan/",
        "/thoa-thuan/bhxh-tinh/",
        "/thoa-thuan/bhxh-tinh/?buoc=1",
        "/thoa-thuan/truong-dai-hoc/soan/",
        "/nhat-ky/",
        "/nhat-ky/1/",
        "/khan-cap/",
        f"/khan-cap/{portal.papers()}/",
        "/huong-dan/",
        "/huong-dan/ho-so/",
        "/he-thong/thanh-phan/",
    ]


@pytest.fixture
def browser() -> Client:
    return portal.client()


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_page_in_both_languages(browser: Client, language: str) -> None:
    browser.post("/ngon-ngu/", {"ngon_ngu": language, "tiep": "/"})
    for path in pages():
        answer = browser.get(path)
        text = answer.content.decode()
        seen = Seen(text)
        assert answer.status_code == 200, path
        assert f'<html lang="{language}">' in text, path
        assert not seen.inline, (path, seen.inline)
        assert len(seen.ids) == len(set(seen.ids)), (path, sorted(i for i in seen.ids if seen.ids.count(i) > 1))
        assert not [link for link in seen.links if link.startswith(("http", "//"))], path
        assert SECRET_NAME not in text, path
        assert "{n}" not in text, path


def test_addresses_carry_codes_and_keys_only(browser: Client) -> None:
    for path in pages():
        for link in Seen(browser.get(path).content.decode()).links:
            assert SAFE_VALUE.fullmatch(re.sub(r"[?&=#_]", "", link)), link


@pytest.mark.parametrize("day", ["2026-11-18", "31/02/2026", "31/12/9999", "hôm qua"])
def test_a_day_that_cannot_be_read_is_told_beside_its_field(browser: Client, day: str) -> None:
    answer = browser.get("/giao-nhan/", {"den_ngay": day})
    text = answer.content.decode()
    assert answer.status_code == 200
    assert 'href="#giao-nhan-loc-den_ngay"' in text
    assert re.search(r'name="den_ngay"[^>]*aria-invalid="true"', text)
    book = zipfile.ZipFile(io.BytesIO(browser.get("/giao-nhan/", {"den_ngay": day, "xuat": "giao-nhan.xlsx"}).content))
    assert "không lọc" in book.read("xl/sharedStrings.xml").decode()


def test_pages_of_an_empty_store() -> None:
    empty = portal.client(gate=portal.empty_gate())
    for path in pages():
        if ("/ho-so/" in path and len(path) > 20) or "D0000" in path or "?co_so=" in path:
            assert empty.get(path).status_code == 404, path
            continue
        assert empty.get(path).status_code == 200, path
    assert "bienho ingest" in empty.get("/").content.decode()


def test_first_view_is_small(browser: Client) -> None:
    """The page and all it loads before any press of a button, as sent: compressed."""
    page = browser.get("/", headers={"accept-encoding": "gzip"})
    assert page.headers["Content-Encoding"] == "gzip"
    total = len(page.content)
    for link in set(Seen(gzip.decompress(page.content).decode()).links):
        if not link.startswith(settings.STATIC_URL) or "vega" in link:
            continue
        path = settings.STATIC_ROOT / link.split("#")[0].removeprefix(settings.STATIC_URL)
        packed = path.with_name(path.name + ".gz")
        total += (packed if packed.exists() else path).stat().st_size
    assert total < FIRST_VIEW_LIMIT, total
    assert total > 5_000


def rows(text: str) -> list[str]:
    return re.findall(r"/giao-nhan/(D\d{12})/", text)


def test_list_is_paged_sorted_and_filtered_on_the_server(browser: Client) -> None:
    total = one("SELECT count(*) FROM standard.delivery")
    assert total > 100
    first = rows(browser.get("/giao-nhan/").content.decode())
    second = rows(browser.get("/giao-nhan/?trang=2").content.decode())
    assert len(first) == len(second) == 50
    assert first == sorted(first, reverse=True)
    assert not set(first) & set(second)
    up = rows(browser.get("/giao-nhan/?sap=delivery_seq").content.decode())
    assert up[0] == "D000000000001"
    code = one("SELECT facility_code FROM standard.delivery LIMIT 1")
    expected = one(f"SELECT count(*) FROM standard.delivery WHERE facility_code = '{code}'")
    assert f"trong {expected}" in browser.get(f"/giao-nhan/?co_so={code}").content.decode()
    days = browser.get("/giao-nhan/?tu_ngay=20/11/2026&den_ngay=20/11/2026").content.decode()
    local = "SELECT count(*) FROM standard.delivery WHERE (received_at + INTERVAL 7 HOUR)::DATE = DATE '2026-11-20'"
    assert f"trong {one(local)}<" in days


@pytest.mark.parametrize(
    "query",
    [
        "trang=0",
        "trang=-5",
        "trang=999999999999",
        "trang=²",
        "sap=;DROP TABLE x",
        "sap=-reason",
        "cot=xxx",
        "co_so=' OR 1=1 --",
        "tu_ngay=99/99/9999",
        "tu_ngay=%00",
        "ket_qua=%F0%9F%98%80",
        "xuat=khong-co.csv",
        "xuat=../../etc/passwd",
    ],
)
def test_odd_addresses_do_no_harm(browser: Client, query: str) -> None:
    assert browser.get(f"/giao-nhan/?{query}").status_code == 200


def test_chosen_columns(browser: Client) -> None:
    text = browser.get("/giao-nhan/?cot=ma&cot=dl").content.decode()
    assert re.findall(r'<th scope="col" class="k-\w+"[^>]*>(?:<a[^>]*>)?([^<]+)', text) == [
        "Mã giao nhận",
        "Dung lượng",
    ]


def test_csv_has_the_rows_of_the_whole_list(browser: Client) -> None:
    answer = browser.get("/giao-nhan/?xuat=giao-nhan.csv")
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert answer.headers["Content-Disposition"] == 'attachment; filename="giao-nhan.csv"'
    assert len(lines) == 1 + one("SELECT count(*) FROM standard.delivery")


def cells(content: bytes) -> list[list[str]]:
    """Texts of the first sheet, row by row."""
    name = {"x": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        shared = etree.fromstring(book.read("xl/sharedStrings.xml")).findall("x:si", name)
        sheet = etree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    return [
        [
            "".join(shared[int(cell.findtext("x:v", "", name))].itertext())
            if cell.get("t") == "s"
            else cell.findtext("x:v", "", name)
            for cell in row.iterfind("x:c", name)
        ]
        for row in sheet.iter(f"{{{name['x']}}}row")
    ]


@pytest.mark.parametrize(
    ("path", "name", "dataset", "where"),
    [
        ("/giao-nhan/", "giao-nhan", "standard.delivery", "TRUE"),
        ("/giao-nhan/?ket_qua=quarantined", "giao-nhan", "standard.delivery", "outcome = 'quarantined'"),
        ("/phat-hien/?muc_do=error", "phat-hien", "quality.finding", "severity = 'error'"),
        ("/cach-ly/", "cach-ly", "quality.quarantine", "TRUE"),
        ("/ho-so/", "ho-so", "conformed.encounter", "TRUE"),
    ],
)
def test_a_list_leaves_as_a_workbook(browser: Client, path: str, name: str, dataset: str, where: str) -> None:
    """The rows of the page's filter, through the same call of the gate, under the page's purpose."""
    page = browser.get(path).content.decode()
    link = re.search(r'href="([^"]*\.xlsx)"[^>]*>Tải về XLSX<', page)
    assert link
    house: Any = settings.BIENHO_HOUSE
    house.gate.calls.clear()
    answer = browser.get(path.split("?")[0] + link[1].replace("&amp;", "&").removeprefix(path.split("?")[0]))
    assert ("export", "van-hanh", dataset) in house.gate.calls
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}.xlsx"'
    assert answer.headers["Cache-Control"] == "no-store"
    versions = " ANTI JOIN standard.superseded USING (version_id)" if dataset != "standard.delivery" else ""
    total = one(f"SELECT count(*) FROM {dataset}{versions} WHERE {where}")
    rows = cells(answer.content)
    said = [row[0] for row in rows[1:7]]
    assert said[:3] == ["Lập lúc: 23/11/2026 08:30", "Người lập: Người xem thử", "Mục đích: Vận hành kho dữ liệu"]
    assert f"Số dòng: {total}".replace(",", ".") in "".join(said).replace(".", "")
    assert len(rows) - 8 == total


def test_what_is_closed_does_not_leave_as_a_file_either() -> None:
    closed = FakeGate(gate().connection)
    closed.closed.add("quality.finding")
    answer = portal.client(gate=closed).get("/phat-hien/?xuat=phat-hien.xlsx")
    assert answer.status_code == 403
    assert not answer.headers["Content-Type"].startswith("application/vnd")


def test_a_series_leaves_as_a_workbook(browser: Client) -> None:
    answer = browser.get("/chi-so/encounters/?xuat=theo-tuan.xlsx")
    rows = cells(answer.content)
    assert rows[5] == ["Phạm vi: Toàn tỉnh"]
    assert len(rows) == 7 + 26
    assert all(row[1].isdigit() for row in rows[7:])


def test_a_long_list_says_what_is_left_out(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "EXPORT_ROWS", 20)
    assert "Tệp tải về chỉ có 20 dòng đầu" in browser.get("/giao-nhan/").content.decode()
    rows = cells(browser.get("/giao-nhan/?xuat=giao-nhan.xlsx").content)
    assert len(rows) - 8 == 20
    assert rows[6][0].startswith("Số dòng: Tệp tải về chỉ có 20 dòng đầu")


def test_a_delivery_tells_who_signed_it_and_what_to_do(browser: Client) -> None:
    def shown(seq: int) -> str:
        page = browser.get(f"/giao-nhan/D{seq:012d}/").content.decode()
        return page[page.index('id="chu-ky-so"') :].partition("</section>")[0]

    assert "Không có chữ ký" in shown(6)
    assert "Ký số cả tệp" in shown(6)
    assert "Hợp lệ" in shown(7)
    assert "Bệnh viện Thử" in shown(7)
    assert "do CA thử cấp, số 1f" in shown(7)
    assert "Nội dung đã đổi sau khi ký" in shown(8)
    assert "gửi đúng tệp vừa ký" in shown(8)
    one("DELETE FROM quality.signature WHERE delivery_seq = 9")
    assert "Chưa xét" in shown(9)


def test_chart_leaves_as_svg_and_csv(browser: Client) -> None:
    svg = browser.get("/?xuat=theo-ngay.svg")
    assert svg.headers["Content-Type"] == "image/svg+xml"
    assert svg.content.startswith(b"<svg")
    assert len(browser.get("/?xuat=theo-ngay.csv").content.decode("utf-8-sig").splitlines()) == 31


def test_a_dossier_is_followed_to_its_number_and_back(browser: Client) -> None:
    key = dossier_key()
    version = one(f"SELECT max(version_id) FROM standard.xml130_dossier WHERE dossier_key = '{key}'")
    delivery = one(f"SELECT delivery_id FROM standard.xml130_dossier WHERE version_id = {version}")
    page = browser.get(f"/ho-so/{key}/").content.decode()
    assert f'href="/giao-nhan/{delivery}/"' in page
    assert f"/ho-so/{key}/" in browser.get(f"/giao-nhan/{delivery}/").content.decode()
    number = re.search(r'href="(/chi-so/encounters/\?[^"]+)"', page)
    assert number
    explained = browser.get(number[1].replace("&amp;", "&")).content.decode()
    shown = re.search(r'class="figure-number">(\d+)<', explained)
    back = re.search(r'href="(/ho-so/\?[^"]+)"', explained)
    assert shown
    assert back
    counted = browser.get(back[1].replace("&amp;", "&")).content.decode()
    assert f'href="/ho-so/{key}/"' in counted
    assert len(set(re.findall(r'href="/ho-so/([0-9a-f]{32})/"', counted))) == int(shown[1])
    assert delivery in explained
    assert len(set(re.findall(r">(D\d{12})<", explained))) <= int(shown[1])


def test_sealed_values_are_dots_until_they_are_asked_for(browser: Client) -> None:
    page = browser.get(f"/ho-so/{dossier_key()}/").content.decode()
    assert "•••" in page
    assert SECRET_NAME not in page


def test_identifiers_open_with_purpose_and_reason_once(browser: Client) -> None:
    key = dossier_key()
    given = {"muc_dich": "tra-cuu-ho-so", "ly_do": "doi-chieu-co-so", "so_van_ban": "123/syt-nvy"}
    answer = browser.post(f"/ho-so/{key}/dinh-danh/", given)
    assert answer.status_code == 200
    assert SECRET_NAME in answer.content.decode()
    assert answer.headers["Cache-Control"] == "no-store"
    house: Any = settings.BIENHO_HOUSE
    assert ("identify", "tra-cuu-ho-so", "vault") in house.gate.calls
    assert set(house.gate.reasons) == {"doi-chieu-co-so 123/SYT-NVY"}
    assert SECRET_NAME not in browser.get(f"/ho-so/{key}/").content.decode()
    assert browser.get(f"/ho-so/{key}/dinh-danh/").status_code == 405


@pytest.mark.parametrize(
    ("purpose", "reason", "document"),
    [
        ("", "sua-ho-so", ""),
        ("van-hanh", "sua-ho-so", ""),
        ("tra-cuu-ho-so", "", ""),
        ("tra-cuu-ho-so", "một lý do tự viết", ""),
        ("tra-cuu-ho-so", "kiem-tra-quyet-dinh", ""),
        ("tra-cuu-ho-so", "sua-ho-so", "người có số 052190001234"),
    ],
)
def test_identifiers_stay_closed_otherwise(browser: Client, purpose: str, reason: str, document: str) -> None:
    given = {"muc_dich": purpose, "ly_do": reason, "so_van_ban": document}
    answer = browser.post(f"/ho-so/{dossier_key()}/dinh-danh/", given)
    assert not document or document not in answer.content.decode()
    text = answer.content.decode()
    assert answer.status_code == 400
    assert SECRET_NAME not in text
    assert 'aria-invalid="true"' in text
    house: Any = settings.BIENHO_HOUSE
    assert all(door != "identify" for door, _, _ in house.gate.calls)


def test_search_takes_codes_only(browser: Client) -> None:
    assert browser.get("/tim/").status_code == 405
    assert browser.post("/tim/", {"q": "d12"}).headers["Location"] == "/giao-nhan/D000000000012/"
    assert browser.post("/tim/", {"q": dossier_key().upper()}).headers["Location"] == f"/ho-so/{dossier_key()}/"
    odd = browser.post("/tim/", {"q": SECRET_NAME})
    assert odd.status_code == 400
    assert SECRET_NAME not in odd.content.decode()


@pytest.fixture(autouse=True)
def vietnamese() -> Iterator[None]:
    portal.base()
    yield
    portal.use(FakeGate(gate().connection))


def test_the_gate_has_the_last_word_on_identifiers() -> None:
    """This account may claim the purpose but lacks the role: the page's form is no permission."""
    key = dossier_key()
    answer = portal.client(portal.VIEWER).post(
        f"/ho-so/{key}/dinh-danh/", {"muc_dich": "tra-cuu-ho-so", "ly_do": "sua-ho-so"}
    )
    assert answer.status_code == 403
    assert "DENY-ROLE" in answer.content.decode()
    assert SECRET_NAME not in answer.content.decode()
