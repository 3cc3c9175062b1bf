"""The fix loop in a real browser, over a real home: an IT officer finds, takes away, resends and sees it close; the
Department finds who is silent in three clicks, reminds, and reads the answer."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Browser, BrowserContext, Page

from bienho.governance import audit
from support import mending
from support.accessibility import Looker
from support.homes import Made

pytestmark = [pytest.mark.browser, pytest.mark.database]
WIDTHS = (1440, 375)
FIRST_VIEW_BYTES = 150 * 1024
SERVER_SECONDS = 1.0


@dataclass
class Loop:
    """The home, its folder, yesterday's delivery, and a signed-in browser by account."""

    made: Made
    folder: Path
    yesterday: str
    served: mending.Served
    pages: dict[str, Page]


@pytest.fixture(scope="module")
def loop(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    folder = tmp_path_factory.mktemp("mending")
    names = (mending.IT, mending.IT_SILENT, mending.OFFICER)
    with mending.mending_home(folder) as (made, yesterday), mending.serving_to(made, *names) as served:
        yield Loop(made, folder, yesterday, served, {name: _signed_in(browser, served.links[name]) for name in names})


def _signed_in(browser: Browser, link: str) -> Page:
    context: BrowserContext = browser.new_context(
        base_url=link.split("/dang-nhap")[0], viewport={"width": 1440, "height": 900}
    )
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.goto(link)
    page.get_by_role("button", name="Vào Biển Hồ").click()
    page.get_by_role("heading", level=1, name="Tổng quan").wait_for()
    return page


def test_an_it_officer_finds_takes_away_resends_and_sees_it_close(loop: Loop) -> None:
    page = loop.pages[mending.IT]
    page.get_by_role("link", name="Sửa dữ liệu").click()
    assert page.get_by_text("Chuyên viên Mẫu").is_visible()
    page.locator(".todo", has_text="Nhận hôm qua").get_by_role("link", name="Xem vì sao").click()
    line = page.locator("#viec-sua tbody tr", has_text=f"quy tắc {mending.RULE}")
    assert "2 hồ sơ" in line.inner_text()
    line.get_by_role("link").click()
    assert page.get_by_role("heading", name="Sửa thế nào").is_visible()
    assert "Ra viện" in page.locator("aside").inner_text()
    with page.expect_download() as download:
        page.get_by_role("button", name="MA_LK").click()
    with zipfile.ZipFile(download.value.path()) as book:
        told = book.read("xl/sharedStrings.xml").decode()
    assert all(number in told for number in mending.NUMBERS[:2])
    assert mending.NUMBERS[2] not in told
    assert "KET_QUA_DTRI" in told
    event = next(one for one in audit.recent(loop.made.database, limit=20) if one["subtype"] == "dossier-number")
    assert event["outcome"] == "0"
    assert "reason:sua-ho-so" in str(event)
    again = mending.resend(loop.made, loop.folder)
    page.reload()
    assert page.locator("#dong-sua tbody tr").count() == 1
    page.goto("/sua-du-lieu/")
    page.get_by_role("link", name="Đã hết nhờ gửi lại").click()
    closed = page.locator("#da-xong tbody tr").first.inner_text()
    assert again in closed
    assert loop.yesterday in closed
    assert f"kiểm tra số {mending.RULE}" in closed


def test_the_department_finds_the_silent_reminds_and_reads_the_answer(loop: Loop) -> None:
    officer, silent = loop.pages[mending.OFFICER], loop.pages[mending.IT_SILENT]
    officer.goto("/")
    officer.get_by_role("link", name="Theo dõi gửi").click()  # one click of three
    line = officer.locator("#im-lang tbody tr", has_text=mending.SILENT)
    assert "10 ngày trước" in line.inner_text()
    assert officer.locator("#im-lang tbody tr").count() == 1
    line.get_by_role("link", name="Nhắc").click()
    officer.get_by_role("button", name="Ghi lời nhắc").click()
    assert "Chờ trả lời" in officer.locator("#nhac tbody tr", has_text=mending.SILENT).inner_text()
    silent.goto("/sua-du-lieu/")
    silent.locator(".todo").get_by_role("link", name="Trả lời").click()
    silent.get_by_label("Trả lời (bắt buộc)").select_option("dang-sua")
    silent.get_by_role("button", name="Gửi trả lời").click()
    assert silent.get_by_text("Ghi ngày dạng dd/MM/yyyy").first.is_visible()
    silent.get_by_label("Trả lời (bắt buộc)").select_option("da-gui")
    silent.get_by_role("button", name="Gửi trả lời").click()
    assert silent.get_by_text("Có thể trả lời lại").is_visible()
    officer.goto("/theo-doi/")
    assert "Đã gửi hoặc đã gửi lại" in officer.locator("#nhac tbody tr", has_text=mending.SILENT).inner_text()


def test_the_pages_are_light_quick_and_open_to_everybody(loop: Loop) -> None:
    """No violation at either width; what the first view weighs as it travels; how long the server computes."""
    looker, wrong = Looker(), dict[str, object]()
    visits = {
        mending.IT: [
            "/sua-du-lieu/",
            f"/sua-du-lieu/dong/?loai={mending.RULE}",
            "/sua-du-lieu/da-xong/",
            "/sua-du-lieu/lich/",
        ],
        mending.OFFICER: ["/theo-doi/", "/theo-doi/nhac/"],
    }
    for name, paths in visits.items():
        page = loop.pages[name]
        for path in paths:
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                page.goto(path)
                problems = looker.violations(page)
                if page.evaluate("document.documentElement.scrollWidth") > width:
                    problems = [*problems, "scrolls sideways"]
                if problems:
                    wrong[f"{path} {width}"] = problems
            seconds, weight = _first_view(loop, page, path)
            if seconds > SERVER_SECONDS or weight > FIRST_VIEW_BYTES:
                wrong[path] = (seconds, weight)
    assert not wrong


def _first_view(loop: Loop, page: Page, path: str) -> tuple[float, int]:
    """Seconds the server computes, and the bytes that travel for page, style and script."""
    before = loop.served.cpu_seconds()
    page.goto(path)
    seconds = loop.served.cpu_seconds() - before
    took = page.evaluate("performance.getEntriesByType('navigation')[0].encodedBodySize")
    rest = page.evaluate("performance.getEntriesByType('resource').map(one => one.encodedBodySize)")
    return seconds, took + sum(rest)
