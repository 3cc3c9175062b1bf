"""Promise 7: an address leads to a page or to one of the portal's own static files, never to a file of the machine."""

from __future__ import annotations

import pytest
from django.test import Client

from bienho.portal.settings import settings
from support import portal
from support.browsing import STATIC

pytestmark = pytest.mark.database

NAMES = (
    "etc/passwd",
    ".git/config",
    ".env",
    "home.json",
    "keyring.json",
    "doors.yaml",
    "settings.py",
    "src/bienho/__init__.py",
)
WAYS = (
    "/{}", "/tinh/{}", "/tinh/../{}", "/tinh/%2e%2e/%2e%2e/{}", "/tinh/..%2f..%2f{}", "/tinh/....//{}", "/tinh//{}",
    "/tinh/..\\..\\{}", "/tinh/%252e%252e/{}", "/tinh/x%00/../{}", "/huong-dan/../{}", "/danh-muc-du-lieu/..%2f{}/",
)  # fmt: skip
SERVED = {".css", ".js", ".svg", ".gz"}


@pytest.fixture
def browser() -> Client:
    made = portal.client()
    made.raise_request_exception = False
    return made


def test_an_address_never_leads_to_a_file_of_the_machine(browser: Client) -> None:
    for name in NAMES:
        for way in WAYS:
            answer = browser.get(way.format(name))
            assert answer.status_code in (301, 302, 400, 404), way.format(name)
            text = b"".join(answer.streaming_content) if answer.streaming else answer.content
            assert not [word for word in (b"root:", b"[core]", b"BIENHO_HOUSE", b"wrapped") if word in text]
    for folder in (STATIC, f"{STATIC}.", "/static/", "/media/", "/tinh"):
        assert browser.get(folder).status_code in (301, 302, 404), folder


def test_an_address_of_a_page_with_an_ending_is_no_page(browser: Client) -> None:
    """What a cache takes for a picture or a style must not be somebody's page."""
    for path in ("/ho-so/x.css", "/ho-so/;x.css", "/tai-khoan/x.js", "/giao-nhan.png", "/ho-so/%0ax.css"):
        answer = browser.get(path)
        assert answer.status_code == 404, path
        assert answer.headers["Cache-Control"] == "no-store"
        assert portal.ACTOR.name not in answer.content.decode()


def test_static_files_are_the_portals_own_kinds() -> None:
    portal.base()
    files = [path for path in settings.STATIC_ROOT.rglob("*") if path.is_file()]
    assert len(files) > 4
    # beside styles, scripts and drawings only what whitenoise and the build note for themselves: names and a digest
    others = {path.name.partition(".")[0] for path in files if path.suffix not in SERVED}
    assert others <= {"staticfiles", "stamp"}
