"""The portal in a real browser: accessibility, widths, no outside request, scripts that add and never carry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Browser, BrowserContext, Page

from support import portal
from support.accessibility import Looker

pytestmark = [pytest.mark.browser, pytest.mark.database]

PATHS = [
    "/",
    "/giao-nhan/",
    "/giao-nhan/D000000000007/",
    "/ho-so/",
    "/ho-so/KEY/",
    "/ho-so/KEY/?phan=chuan-hoa",
    "/ho-so/KEY/?phan=phat-hien",
    "/ho-so/KEY/?phan=phien-ban",
    "/gui-ho-so/",
    "/xet-thu/",
    "/ket-noi/",
    "/phat-hien/",
    "/cach-ly/",
    "/chat-luong/",
    "/chat-luong/co-so/?co_so=52002",
    "/chat-luong/dong/?co_so=52002",
    "/chat-luong/thu/?dung=50",
    "/chat-luong/quy-tac/",
    "/chat-luong/quy-tac/29/",
    "/sua-du-lieu/",
    "/sua-du-lieu/?co_so=52010",
    "/sua-du-lieu/dong/?co_so=52010&loai=12",
    "/sua-du-lieu/da-xong/?co_so=52010",
    "/sua-du-lieu/lich/?co_so=52010",
    "/theo-doi/",
    "/theo-doi/nhac/",
    "/chi-so/",
    "/chi-so/encounters/",
    "/chi-so/patients/",
    "/danh-muc-du-lieu/",
    "/danh-muc-du-lieu/standard.xml130_1/",
    "/quyen/",
    "/quyen/?bo_du_lieu=standard.xml130_1&muc_dich=giam-sat",
    "/quyen/nguoi/",
    "/quyen/ra-soat/",
    "/he-thong/bat-dau/",
    "/thoa-thuan/",
    "/thoa-thuan/soan/",
    "/thoa-thuan/bhxh-tinh/",
    "/nhat-ky/",
    "/nhat-ky/1/",
    "/khan-cap/",
    "/huong-dan/",
    "/huong-dan/ho-so/",
    "/he-thong/thanh-phan/",
    "/tai-khoan/",
    "/tai-khoan/lop-hai/",
    "/tai-khoan/mat-khau/",
    "/tai-khoan/khoi-phuc/",
    "/tai-khoan/thong-bao/",
    "/he-thong/thu-thong-bao/",
    "/khong-co/",
]
WIDTHS = (1440, 375)
LOOKER = Looker()


@pytest.fixture(scope="module")
def link() -> Iterator[str]:
    """The sign-in address of a portal that runs as a process of its own."""
    with portal.standing_alone() as address:
        yield address


@pytest.fixture
def context(browser: Browser, state: Any, link: str) -> Iterator[BrowserContext]:
    made = browser.new_context(storage_state=state, base_url=link.split("/dang-nhap")[0])
    made.set_default_timeout(8_000)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def key_of_a_dossier(page: Page) -> str:
    page.goto("/phat-hien/")
    link = page.locator("#phat-hien a[href^='/ho-so/']").first.get_attribute("href")
    assert link is not None
    return link.split("/")[2]


def test_no_violation_and_no_sideways_scroll(page: Page) -> None:
    outside: list[str] = []
    messages: list[str] = []
    page.on("request", lambda r: outside.append(r.url) if "//127.0.0.1:" not in r.url else None)
    page.on("console", lambda m: messages.append(m.text) if "404" not in m.text else None)
    page.on("pageerror", lambda e: messages.append(str(e)))
    key = key_of_a_dossier(page)
    wrong: dict[str, list[str]] = {}
    for number, path in enumerate(PATHS):
        # each page is loaded at the width at which the one before it was left; axe looks at the other
        for width in (WIDTHS[number % 2], WIDTHS[1 - number % 2]):
            page.set_viewport_size({"width": width, "height": 900})
            if width == WIDTHS[number % 2]:
                page.goto(path.replace("KEY", key))
            if page.evaluate("document.documentElement.scrollWidth") > width:
                wrong.setdefault(f"{path} {width}", []).append("scrolls sideways")
        problems = LOOKER.violations(page)
        if problems:
            wrong.setdefault(f"{path} {width}", []).extend(problems)
    assert not wrong
    assert not [url for url in outside if not url.startswith("data:")]
    assert not messages


def test_dark_and_english_are_as_good(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto("/")
    page.get_by_role("button", name="English").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Overview"
    wrong = {"/": LOOKER.violations(page)}
    for path in ("/phat-hien/", "/chi-so/encounters/", "/he-thong/thanh-phan/"):
        page.goto(path)
        wrong[path] = LOOKER.violations(page)
    assert not any(wrong.values()), wrong


def test_sign_in_page(browser: Browser, link: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    for address in (link, link.split("?")[0], link.split("?")[0] + "loi-moi/"):
        page.goto(address)
        assert not LOOKER.violations(page)
    context.close()


def test_a_passkey_of_the_device_is_added_and_signs_in(browser: Browser, state: Any, link: str) -> None:
    """A virtual device that has verified its owner; an address in numbers has no passkeys, so by the name localhost."""
    local = link.split("/dang-nhap")[0].replace("127.0.0.1", "localhost")
    context = browser.new_context(base_url=local)
    context.add_cookies([{**one, "domain": "localhost"} for one in state["cookies"]])
    page = context.new_page()
    device = context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    device.send("WebAuthn.addVirtualAuthenticator", {"options": {**options, "isUserVerified": True}})
    page.goto("/tai-khoan/lop-hai/")
    page.get_by_label("Tên thiết bị").fill("Máy thử")
    page.get_by_role("button", name="Thêm khóa truy cập").click()
    page.wait_for_url("**/tai-khoan/")
    assert page.get_by_text("Máy thử").is_visible()
    context.clear_cookies()
    page.goto("/dang-nhap/?tiep=/chi-so/")
    assert not page.get_by_text("Thiết bị không trả lời").is_visible()
    page.get_by_role("button", name="Dùng khóa truy cập").click()
    page.wait_for_url("**/chi-so/")
    context.close()


def test_everything_works_without_script(browser: Browser, state: Any, link: str) -> None:
    context = browser.new_context(storage_state=state, base_url=link.split("/dang-nhap")[0], java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    assert page.locator("#theo-ngay .chart-wide svg").is_visible()
    assert page.locator("#ban-do a.area").count() == 135
    assert page.get_by_role("button", name="Xem từng giá trị").count() == 0
    page.locator("#theo-ngay summary").click()
    assert page.locator("#theo-ngay-bang").is_visible()
    page.goto("/giao-nhan/")
    page.locator("#giao-nhan-loc").get_by_label("Kết quả").select_option("quarantined")
    page.get_by_role("button", name="Lọc").click()
    assert "ket_qua=quarantined" in page.url
    page.locator("#giao-nhan tbody .badge").first.wait_for()
    badges = page.locator("#giao-nhan tbody .badge").all_inner_texts()
    assert badges
    assert set(badges) == {"Có phần cách ly"}
    page.get_by_text("Trợ giúp trang này").click()
    assert page.locator(".help-panel").is_visible()
    context.close()


def test_chart_comes_alive_when_asked_and_not_before(page: Page) -> None:
    scripts: list[str] = []
    messages: list[str] = []
    page.on("request", lambda r: scripts.append(r.url) if "vega" in r.url else None)
    page.on("console", lambda m: messages.append(m.text))
    page.goto("/")
    assert not scripts
    page.get_by_role("button", name="Xem từng giá trị").first.click()
    page.wait_for_selector(".chart-live svg")
    assert len(scripts) == 1
    bars = page.locator(".chart-live .mark-rect path")
    assert bars.count() == 30
    bars.nth(12).hover()
    page.wait_for_selector("#vg-tooltip-element.visible")
    assert "Hồ sơ" in page.locator("#vg-tooltip-element").inner_text()
    assert not messages


def test_map_is_walked_with_the_keyboard(page: Page) -> None:
    page.goto("/")
    areas = page.locator("#ban-do a.area")
    areas.first.focus()
    names = set()
    for step in ("ArrowDown", "ArrowDown", "ArrowLeft", "ArrowDown", "ArrowRight"):
        page.keyboard.press(step)
        names.add(page.evaluate("document.activeElement.getAttribute('aria-label')"))
    assert len(names) >= 4
    assert page.locator("[data-map-now]").inner_text() in names
    assert page.locator("#ban-do a.area[tabindex='0']").count() == 1


def test_identifiers_by_keyboard(page: Page) -> None:
    page.goto(f"/ho-so/{key_of_a_dossier(page)}/")
    page.locator("summary", has_text="Xem định danh").click()
    page.get_by_role("button", name="Xem định danh").click()
    assert page.get_by_role("alert").is_visible()
    assert not LOOKER.violations(page)
    page.get_by_label("Mục đích").select_option("tra-cuu-ho-so")
    page.get_by_label("Lý do").select_option("doi-chieu-co-so")
    page.get_by_label("Số văn bản").fill("123/SYT-NVY")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("mark.opened")
    assert not LOOKER.violations(page)
    page.get_by_role("link", name="Che lại ngay").click()
    page.wait_for_load_state()
    assert page.locator("mark.opened").count() == 0


def test_focus_is_always_visible(page: Page) -> None:
    page.goto("/giao-nhan/")
    for _ in range(25):
        page.keyboard.press("Tab")
        style = "getComputedStyle(document.activeElement)"
        assert page.evaluate(f"{style}.outlineStyle") == "solid"
        assert page.evaluate(f"parseFloat({style}.outlineWidth)") >= 2


def test_a_list_is_downloaded_with_the_keyboard(page: Page) -> None:
    page.goto("/phat-hien/?muc_do=error")
    page.get_by_role("link", name="Tải về XLSX").focus()
    with page.expect_download() as started:
        page.keyboard.press("Enter")
    assert started.value.suggested_filename == "phat-hien.xlsx"
    assert started.value.failure() is None


def test_a_file_is_sent_and_rehearsed_with_and_without_script(
    page: Page, browser: Browser, state: Any, link: str
) -> None:
    """With script its progress is told and the page stays; the receipt and the verdict are the same pages."""
    file = {"name": "ho-so.xml", "mimeType": "application/xml", "buffer": b"<x>" + b" " * 2_000_000 + b"</x>"}
    plain = browser.new_context(storage_state=state, base_url=link.split("/dang-nhap")[0], java_script_enabled=False)
    for asked in (page, plain.new_page()):
        asked.goto("/gui-ho-so/")
        asked.set_input_files("input[type=file]", file)
        asked.click("form[data-upload] button")
        asked.wait_for_url(re.compile(r"/gui-ho-so/D\d{12}/$"))
        assert asked.locator("h1").inner_text().startswith("Biên nhận D")
        asked.goto("/xet-thu/")
        asked.set_input_files("input[type=file]", file)
        asked.click("form[data-upload] button")
        asked.get_by_text("Hồ sơ thứ 1 · BA-0001").wait_for()
    plain.close()
    assert LOOKER.violations(page) == []
    assert page.evaluate("document.activeElement.tagName") == "MAIN", "who cannot see is led to the verdict"
    page.goto("/gui-ho-so/")
    page.route("**/gui-ho-so/", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    page.set_input_files("input[type=file]", file)
    page.click("form[data-upload] button")
    page.get_by_text("Mất kết nối: tệp").wait_for()
    assert page.locator("form[data-upload] button").is_enabled()
