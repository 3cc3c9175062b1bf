"""Ten pairs are resolved in a real browser with the keyboard alone, over a real house with an index of persons."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Browser, Page

from bienho.database import Role
from bienho.pipeline import App, jobs, open_app
from support.accessibility import Looker
from support.browsing import Portal, serving
from support.doubtful import fill
from support.homes import temporary_home

pytestmark = [pytest.mark.browser, pytest.mark.database]

PLAIN, RISKY = 10, 1
PATH = "/con-nguoi/xet/"
LOOKER = Looker()
WIDTHS = (1440, 375)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[App, Portal]]:
    folder = tmp_path_factory.mktemp("files")
    with temporary_home(ready=True) as made, open_app(made.home.path) as app:
        fill(app, folder, PLAIN, RISKY)
        with serving(made, folder / "server.log") as portal:
            yield app, portal


def tab_to(page: Page, text: str) -> None:
    """Go on with the Tab key until something with this text has the focus, and press Enter."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()").startswith(text):
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"the Tab key does not lead to {text}")


def left(page: Page) -> int:
    """How many pairs the page says wait for the reader."""
    return int(page.locator("dt:text-is('Chờ bạn xét') + dd").inner_text().split()[0])


def looked_at(page: Page) -> list[str]:
    """What is wrong with the page at both widths."""
    wrong = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wrong.append(f"scrolls sideways at {width}")
        wrong += LOOKER.violations(page)
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})
    return wrong


def decided(app: App) -> list[tuple[str, str | None]]:
    """Verdict and second person of every decision that went out, and what waits for one."""
    with app.database.connect(Role.GOVERNANCE) as connection:
        return connection.execute("SELECT verdict, state FROM governance.person_review ORDER BY review").fetchall()


def test_ten_pairs_with_the_keyboard_alone(house: tuple[App, Portal], browser: Browser) -> None:
    app, portal = house
    context = browser.new_context(base_url=f"http://127.0.0.1:{portal.port}")
    page = context.new_page()
    page.goto(portal.link)
    tab_to(page, "Vào Biển Hồ")
    page.get_by_role("heading", level=1).wait_for()
    page.goto(PATH)
    assert left(page) == PLAIN + RISKY
    assert "Nguyễn Thị" not in page.content(), "the list opens nobody's name"
    assert not looked_at(page)
    tab_to(page, "Mở cặp đầu tiên")
    page.locator(".asked:focus").wait_for()
    assert not looked_at(page)
    assert page.locator(".asked .state", has_text="Hai số định danh khác nhau").count() == 1, "the riskiest comes first"
    page.keyboard.press("1")
    page.get_by_text("chờ người thứ hai: Một người").wait_for()
    for place in range(PLAIN):
        page.locator(".asked:focus").wait_for()
        before = page.locator("input[name=trai]").get_attribute("value")
        page.keyboard.press("12"[place % 2])
        page.wait_for_function("b => (document.querySelector('input[name=trai]') || {}).value !== b", arg=before)
    assert page.get_by_text("Không có cặp nào chờ bạn xét").count() == 1
    assert decided(app) == [("same", "proposed"), *[("same", "sent"), ("different", "sent")] * (PLAIN // 2)]
    tab_to(page, "Xét lại câu vừa trả lời")
    page.locator(".asked:focus").wait_for()
    page.keyboard.press("1")
    page.get_by_text("Đã ghi quyết định: Một người").wait_for()
    assert decided(app)[-1] == ("same", "sent"), "a later answer"
    assert not looked_at(page)
    context.close()
    jobs.bring_up_to_date(app)
    with app.writing() as lake:
        rows = lake.connection.execute(
            "SELECT verdict, count(*) FROM lake.reference.person_decision GROUP BY 1 ORDER BY 1"
        ).fetchall()
        joined = lake.connection.execute(
            "SELECT count(*) - count(DISTINCT person_key) FROM lake.conformed.person_link"
        ).fetchone()
    assert rows == [("different", PLAIN // 2), ("same", PLAIN // 2 + 1)]
    assert joined == (PLAIN // 2 + 1,), "one of them was answered again"
