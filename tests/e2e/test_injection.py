"""Texts that try to run, sent in every field that a page can show, are texts on every page and in every file."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import BrowserContext, Page, sync_playwright

from bienho.pipeline import open_app
from bienho.pipeline.ingest import ingest
from bienho.standards.xml130.read_checks import sound
from support import injections
from support.browsing import serving
from support.chromium import ARGUMENTS
from support.homes import temporary_home
from support.office import Office

pytestmark = [pytest.mark.browser, pytest.mark.database]

PHONE = 375
"""Width at which a long text shows first."""
# Marks of a text that became markup: none of the portal's own pages has such an element.
MARKS = "img[src='x'], svg[onload], [onerror], main script:not([type='application/json']), b, iframe, object"


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    """The sign-in address of a real portal over a home that took the attacks in; the ids of whole dossiers of them."""
    folder = tmp_path_factory.mktemp("attacks")
    injections.write(folder)
    with temporary_home(ready=True) as made:
        with open_app(made.home.path) as app:
            report = ingest(app, [folder])
            assert report.refused == 0
            # one damaged HOSO each; the rest are those whose facility code is no code
            assert report.quarantined >= len(injections.TEXTS)
            assert report.accepted_with_findings > len(injections.FILE_NAMES)
            whole = [str(one.id) for one in report.deliveries if Path(one.path).name in injections.FILE_NAMES]
        with serving(made, folder / "server.log") as portal:
            yield f"http://127.0.0.1:{portal.port}{portal.link}", whole


class Watched:
    """A page and everything on it that should never happen."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []
        self.text = ""
        page.on("dialog", self._dialog)
        page.on("console", lambda message: self.wrong.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("request", lambda request: self._request(request.url))

    def _dialog(self, dialog: Any) -> None:
        self.wrong.append("a dialog")
        dialog.dismiss()

    def _request(self, url: str) -> None:
        if "//127.0.0.1:" not in url and not url.startswith("data:"):
            self.wrong.append("a request to elsewhere")

    def visit(self, path: str) -> None:
        self.page.goto(path)
        self.look(path)

    def look(self, path: str) -> None:
        """Read the page; note markup that a text has become, and a page wider than a phone."""
        self.text += str(self.page.evaluate("document.title + '\\n' + document.body.textContent"))
        if self.page.locator(MARKS).count():
            self.wrong.append(f"{path}: a text became markup")
        if self.page.evaluate("document.documentElement.scrollWidth") > PHONE:
            self.wrong.append(f"{path}: wider than {PHONE}")

    def links(self, start: str) -> list[str]:
        hrefs = self.page.eval_on_selector_all(f"a[href^='{start}']", "all => all.map(a => a.getAttribute('href'))")
        return list(dict.fromkeys(hrefs))


@pytest.fixture(scope="module")
def context(chromium_path: str, attacked: tuple[str, list[str]]) -> Iterator[BrowserContext]:
    address, _ = attacked
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium_path, args=ARGUMENTS)
        made = opened.new_context(base_url=address.split("/dang-nhap")[0], viewport={"width": PHONE, "height": 900})
        made.set_default_timeout(15_000)
        page = made.new_page()
        page.goto(address)
        page.get_by_role("button", name="Vào Biển Hồ").click()
        page.wait_for_url(re.compile(r":\d+/$"))
        page.close()
        yield made
        opened.close()


@pytest.fixture
def office(office_path: str, tmp_path_factory: pytest.TempPathFactory) -> Office:
    return Office(office_path, tmp_path_factory.mktemp("office"))


def test_texts_stay_texts_on_every_page(context: BrowserContext, attacked: tuple[str, list[str]]) -> None:
    seen = Watched(context.new_page())
    page = seen.page
    for path in ("/", "/phat-hien/", "/cach-ly/", "/chi-so/", "/chi-so/encounters/", "/giao-nhan/"):
        seen.visit(path)
    seen.visit(seen.links("/giao-nhan/D")[4])
    dossiers = []
    for delivery in attacked[1][1:]:
        seen.visit(f"/giao-nhan/{delivery}/")
        dossiers += [link for link in seen.links("/ho-so/") if len(link) > 20]
    assert len(dossiers) == 2
    for path in dossiers:
        for part in ("chuan-hoa", "phat-hien", "phien-ban"):
            seen.visit(f"{path}?phan={part}")
        page.goto(path)
        page.locator("summary", has_text="Xem định danh").click()
        page.get_by_label("Mục đích").select_option("tra-cuu-ho-so")
        page.get_by_label("Lý do").select_option("doi-chieu-co-so")
        page.get_by_role("button", name="Xem định danh").click()
        page.wait_for_selector("mark.opened")
        seen.look(f"{path} opened")
    # A filter by an attack is a filter by a text.
    for path in ("/giao-nhan/", "/chi-so/encounters/"):
        page.goto(path)
        attacks = page.eval_on_selector_all(
            "select[name=co_so] option", "all => all.filter(one => one.text.includes('<')).map(one => one.value)"
        )
        for value in attacks[:1]:
            page.locator("select[name=co_so]").first.select_option(value)
            page.locator("form", has=page.locator("select[name=co_so]")).get_by_role("button").first.click()
            seen.look(f"{path} filtered")
    assert not seen.wrong
    plain = re.sub(r"\s+", " ", seen.text)
    assert [text for text in (*injections.TEXTS, *injections.NAMES_SHOWN) if text not in plain] == []
    assert "49" not in re.findall(r"\{\{7\*7\}\}|49(?=\s*</)", plain)


def test_no_address_and_no_cookie_comes_of_a_text(context: BrowserContext) -> None:
    """Line ends and `..` in a facility code end in no header and no path."""
    names = {cookie["name"] for cookie in context.cookies()}
    answer = context.request.get("/giao-nhan/", params={"co_so": "%00\r\nSet-Cookie: a=b"})
    assert answer.status == 200
    assert "a" not in {cookie["name"] for cookie in context.cookies()} - names
    page = context.new_page()
    page.goto("/giao-nhan/")
    for start in page.eval_on_selector_all("a", "all => all.map(a => a.href.split(':')[0])"):
        assert start == "http"


@pytest.mark.office
def test_texts_stay_texts_in_files_that_a_spreadsheet_opens(
    context: BrowserContext, office: Office, tmp_path: Path
) -> None:
    """Every list, downloaded in the browser's name, opened and written out again by LibreOffice."""
    names = ("giao-nhan", "ho-so", "phat-hien", "cach-ly")
    sent: dict[str, list[Path]] = {"xlsx": [], "csv": []}
    for kind, files in sent.items():
        for name in names:
            answer = context.request.get(f"/{name}/?xuat={name}.{kind}")
            assert answer.headers["content-disposition"] == f'attachment; filename="{name}.{kind}"'
            files.append(tmp_path / f"{name}.{kind}")
            files[-1].write_bytes(answer.body())
    books, plain = office.cells(*sent["xlsx"]), office.cells(*sent["csv"])
    for sheet in (*books, *plain):
        assert (sheet.formulas, sheet.links) == ([], [])
    for file, sheet in zip(sent["csv"], plain, strict=True):
        with file.open(encoding="utf-8-sig", newline="") as lines:
            assert set(sheet.texts) <= {cell for row in csv.reader(lines) for cell in row}
    found = "\n".join(text for sheet in books for text in sheet.texts)
    # Lists carry facility codes; a text that cannot be a code never became one.
    assert [text for text in injections.TEXTS if sound(text, "code") and text not in found] == []
    assert sum(sound(text, "code") is not None for text in injections.TEXTS) >= 8
