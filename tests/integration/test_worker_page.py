"""The page of background work: what it says of what waits, runs and failed, in both languages, and to whom."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from django.test import Client

from bienho.pipeline.backlog import Backlog
from bienho.pipeline.worker.queue import KINDS
from bienho.pipeline.worker.standing import KindStanding, Standing
from support import portal
from support.fake_gate import NOW, fake_gate

pytestmark = pytest.mark.database
PAGE = "/he-thong/viec-nen/"


Asked = Callable[[datetime], Standing]


def stands(
    *, worker: bool = True, waiting: int = 0, full: bool = False, bad: str = ""
) -> Callable[[datetime], Standing]:
    kinds = [KindStanding(name, "failed" if name == bad else "done", NOW, NOW, int(name == bad)) for name in KINDS]
    return lambda _: Standing(worker, Backlog(waiting, waiting * 30_000, waiting * 0.1), full, 0, tuple(kinds))


def seen(standing: Asked | None, path: str = PAGE, language: str = "vi") -> str:
    browser = portal.client()
    portal.use(fake_gate(), standing=standing)
    browser.cookies["django_language"] = language
    answer = browser.get(path, headers={"accept-language": language})
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def test_when_all_is_well_the_page_says_so_and_the_list_says_nothing() -> None:
    page = seen(stands())
    assert "Mọi việc nền đều ổn" in page
    assert "Tiến trình nền đang chạy." in page
    assert page.count("Xong</") >= len(KINDS)
    assert PAGE not in seen(stands(), "/giao-nhan/").partition("<footer")[0]


def test_what_waits_is_said_on_both_pages() -> None:
    for path in (PAGE, "/giao-nhan/"):
        assert "1.200 lần nhận chờ" in seen(stands(waiting=1200), path)
    assert "Đang đưa lần nhận vào kho" in seen(stands(waiting=1200), "/giao-nhan/")


@pytest.mark.parametrize(
    ("standing", "told"),
    [
        (stands(worker=False, waiting=3), "Tiến trình nền không chạy"),
        (stands(waiting=3, full=True), "Hàng chờ đã đầy"),
        (stands(bad="compact"), "Gộp tệp nhỏ của kho: hỏng"),
    ],
)
def test_what_must_be_done_comes_first_and_receipts_are_said_to_be_safe(standing: Asked, told: str) -> None:
    page = seen(standing)
    assert told in page
    assert "Mọi việc nền đều ổn" not in page
    listed = seen(standing, "/giao-nhan/")
    assert "Có việc nền cần người quản trị xem" in listed
    assert "không mất" in listed


def test_the_table_is_a_file_and_a_stranger_sees_nothing() -> None:
    answer = portal.client()
    portal.use(fake_gate(), standing=stands(bad="retain"))
    rows = answer.get(f"{PAGE}?xuat=viec-nen.csv").content.decode("utf-8-sig").splitlines()
    assert len([row for row in rows if "Hỏng" in row]) == 1
    assert Client().get(PAGE).status_code == 302


def test_a_portal_without_a_worker_has_no_such_page() -> None:
    browser = portal.client()
    portal.use(fake_gate())
    assert browser.get(PAGE).status_code == 404
