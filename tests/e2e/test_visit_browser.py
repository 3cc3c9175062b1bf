"""A doctor writes a visit with a prescription in a real browser: by keys alone, fast, with the line gone in between."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Browser, Page, expect

from support.accessibility import Looker
from support.clinic import clinic_alone
from support.typed_visits import MOVED, TYPED

pytestmark = [pytest.mark.browser, pytest.mark.database]
MINUTES_MOST = 2
KEYS_A_SECOND = 3
"""A practised hand types faster; a slow one about this."""
LOOKER = Looker()
expect.set_options(timeout=60_000)
#: What is typed in one field after the other; None: the field is passed by as it stands.
BY_KEYS = (
    "Nguyễn Thị Thử", "02031980", "n", "052180001234", "21583", "12 Lê Lợi", "52,5", "61", None, None, None, None, None,
    "J20.9", None, None, "Ho, sốt", None, None, None, None, None,
    "Paracetamol", "500mg", "Viên", "1", "3", "5", None, None, None, None, None, None,
)  # fmt: skip


@pytest.fixture(scope="module")
def link() -> Iterator[str]:
    with clinic_alone() as address:
        yield address


def begin(browser: Browser, state: Any, link: str, width: int = 1440, *, script: bool = True) -> Page:
    context = browser.new_context(
        storage_state=state, base_url=link.split("/dang-nhap")[0], java_script_enabled=script,
        viewport={"width": width, "height": 900},
    )  # fmt: skip
    page = context.new_page()
    page.goto("/kham-benh/")
    page.get_by_role("button", name="Ghi lượt khám mới").click()
    page.wait_for_url(re.compile(r"/kham-benh/\w+/$"))  # with its script: a test may take the line away next
    return page


def fill(page: Page, **typed: str) -> None:
    for name, text in {**TYPED, **typed}.items():
        field = page.locator(f"#kham-{name}")
        if field.evaluate("e => e.localName") == "select":
            field.select_option(text)
        else:
            field.fill(text)


def sent(page: Page) -> None:
    page.get_by_role("button", name="Gửi lượt khám").click()
    expect(page.get_by_role("heading", name="Lượt khám đã gửi")).to_be_visible()


def looked_at(page: Page, width: int) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert LOOKER.violations(page) == []


def test_a_visit_with_a_prescription_by_keys_alone(browser: Browser, state: Any, link: str) -> None:
    page = begin(browser, state, link)
    started, pressed = time.monotonic(), 0
    page.locator("#kham-ho_ten").focus()
    for text in BY_KEYS:
        if text is not None:
            page.keyboard.type(text)
            pressed += len(text)
        page.keyboard.press("Enter")
        pressed += 1
    page.locator("#kham-ma_bac_si").fill(TYPED["ma_bac_si"])  # once: it is filled in by itself from then on
    page.keyboard.press("Control+Enter")
    pressed += 2
    expect(page.get_by_role("heading", name="Lượt khám đã gửi")).to_be_visible()
    took = time.monotonic() - started
    print(f"{pressed} key strokes, {took:.1f} s by the script")  # noqa: T201 - a figure of the proof
    assert page.get_by_text("Paracetamol 500mg × 15 Viên").is_visible()
    assert pressed / KEYS_A_SECOND + took < MINUTES_MOST * 60
    page.context.close()


def test_what_is_typed_before_the_script_comes_is_saved(browser: Browser, state: Any, link: str) -> None:
    page = begin(browser, state, link)
    held: list[Any] = []
    page.route("**/tinh/visit.*.js", lambda route: held.append(route))
    page.reload(wait_until="commit")
    page.locator("#kham-ho_ten").fill(TYPED["ho_ten"])
    assert held  # the script is still on its way
    with page.expect_response("**/luu/"):
        held[0].continue_()
    page.unroute("**/tinh/visit.*.js")
    page.reload()
    expect(page.locator("#kham-ho_ten")).to_have_value(TYPED["ho_ten"])
    page.context.close()


def test_nothing_typed_is_lost_with_the_line(browser: Browser, state: Any, link: str) -> None:
    page = begin(browser, state, link)
    page.context.set_offline(True)
    fill(page)
    expect(page.locator("[data-saved]")).to_contain_text("Mất kết nối")
    page.get_by_role("button", name="Gửi lượt khám").click()
    expect(page.locator("#kham-ho_ten")).to_have_value(TYPED["ho_ten"])  # the page stays
    page.context.set_offline(False)
    expect(page.locator("[data-saved]")).to_contain_text("Đã lưu nháp lúc")
    page.reload()
    expect(page.locator("#kham-ho_ten")).to_have_value(TYPED["ho_ten"])
    expect(page.locator("#kham-thuoc-1-ten")).to_have_value("Paracetamol")
    # the session ends elsewhere: what is typed from then on stays on the page
    kept = page.context.cookies()
    page.context.clear_cookies()
    page.locator("#kham-ly_do").fill("Ho nhiều")
    expect(page.locator("[data-saved]")).to_contain_text("Phiên đã khóa")
    page.context.add_cookies(kept)  # signed in again in another tab
    expect(page.locator("[data-saved]")).to_contain_text("Đã lưu nháp lúc")
    sent(page)
    page.context.close()


@pytest.mark.parametrize("width", [1440, 375])
def test_pages_are_wide_enough_and_accessible(browser: Browser, state: Any, link: str, width: int) -> None:
    page = begin(browser, state, link, width)
    page.get_by_role("button", name="Gửi lượt khám").click()
    expect(page.get_by_role("alert")).to_be_visible()
    looked_at(page, width)
    page.goto(page.url)
    page.locator("#nhom-chuyen > summary").click()
    fill(page, **MOVED)
    sent(page)
    place = page.url
    looked_at(page, width)
    for path in ("in/don-thuoc/", "in/giay-chuyen/", "../"):
        page.goto(place + path)
        looked_at(page, width)
    page.context.close()


def test_it_works_without_script(browser: Browser, state: Any, link: str) -> None:
    page = begin(browser, state, link, script=False)
    page.locator("#kham-benh_chinh").fill("viêm phế quản")
    page.get_by_role("button", name="Gửi lượt khám").click()
    expect(page.locator("#kham-benh_chinh-h")).to_contain_text("Có thể là")
    page.locator("#kham-benh_chinh").fill("J20.9")
    page.get_by_role("button", name="Thêm dòng thuốc").click()
    for name, text in TYPED.items():
        if page.locator(f"select#kham-{name}").count():
            page.locator(f"#kham-{name}").select_option(text)
        else:
            page.locator(f"#kham-{name}").fill(text)
    sent(page)
    page.context.close()
