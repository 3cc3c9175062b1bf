"""The browser of a module's pages, and who is signed in there: `link` of the module is the sign-in address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from support.chromium import ARGUMENTS

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium_path, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def state(link: str, browser: Browser) -> Any:
    """Cookies after signing in with the link, by its button."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(link)
    page.get_by_role("button", name="Vào Biển Hồ").click()
    page.wait_for_url(re.compile(r":\d+/$"), wait_until="commit")
    kept = context.storage_state()
    context.close()
    return kept
