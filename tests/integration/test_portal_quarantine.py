"""The quarantine page: what waits, what has expired, how long is left, and that filtering loses nothing of it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bienho.config import Limits
from support.fake_gate import NOW, FakeGate
from support.portal import base, client, use

pytestmark = pytest.mark.database
DAYS = 20
VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")


@pytest.fixture
def browser() -> Iterator[object]:
    gate = FakeGate(base().gate.connection)  # type: ignore[attr-defined]
    signed_in = client(gate=gate)
    use(gate, limits=Limits(quarantine_days=DAYS))
    yield signed_in
    use(gate)


def counted() -> tuple[int, int]:
    """(waiting, expired), counted by an oracle."""
    rows = (
        base()
        .gate.connection.execute(  # type: ignore[attr-defined]
            "SELECT received_at::TIMESTAMPTZ FROM quality.quarantine"
        )
        .fetchall()
    )
    today = NOW.astimezone(VIETNAM).date()
    ages = [(today - moment.astimezone(VIETNAM).date()).days for (moment,) in rows]
    return sum(age <= DAYS for age in ages), sum(age > DAYS for age in ages)


def page(browser: object, address: str) -> str:
    answer = browser.get(address)  # type: ignore[attr-defined]
    assert answer.status_code == 200
    return str(answer.content.decode())


def csv_rows(browser: object, address: str) -> list[str]:
    return page(browser, address).strip().splitlines()[1:]


def test_what_waits_and_what_has_expired_are_apart(browser: object) -> None:
    waiting, expired = counted()
    assert waiting
    assert expired
    assert len(csv_rows(browser, "/cach-ly/?xuat=cach-ly.csv")) == waiting
    closed = csv_rows(browser, "/cach-ly/?tinh_trang=het-han&xuat=cach-ly.csv")
    assert len(closed) == expired
    shown = page(browser, "/cach-ly/")
    assert re.search(rf"Chờ xử lý.*?{waiting}.*?Đã hết hạn.*?{expired}", shown, re.DOTALL)


def test_every_row_says_how_long_is_left_and_how_to_read_it_again(browser: object) -> None:
    shown = page(browser, "/cach-ly/?cot=han&cot=lenh")
    left = [int(days) for days in re.findall(r"còn (\d+) ngày", shown)]
    assert left
    assert all(0 <= days <= DAYS for days in left)
    assert "bienho quarantine replay D0" in shown
    assert "hết hạn" in page(browser, "/cach-ly/?tinh_trang=het-han")


def test_a_filter_stays_in_the_tab_it_was_made_in(browser: object) -> None:
    shown = page(browser, "/cach-ly/?tinh_trang=het-han")
    form = shown[shown.index('id="cach-ly-loc"') :]
    assert 'name="tinh_trang" value="het-han"' in re.sub(r"\s+", " ", form)
    narrowed = page(browser, "/cach-ly/?tinh_trang=het-han&ma=KHONG-CO")
    assert narrowed.count('href="/cach-ly/?tinh_trang=het-han">Bỏ lọc<') == 2


def test_each_tab_says_what_its_rows_mean_and_what_to_do(browser: object) -> None:
    closed, waiting = page(browser, "/cach-ly/?tinh_trang=het-han"), page(browser, "/cach-ly/")
    assert f"Nhận quá {DAYS} ngày nên không còn là việc chờ." in closed
    assert "Nhận quá" not in waiting
    for address, text in (("", waiting), ("tinh_trang=het-han&", closed)):
        rows = csv.reader(csv_rows(browser, f"/cach-ly/?{address}cot=luc&cot=han&xuat=cach-ly.csv"))
        for received, _, last in rows:
            day = datetime.strptime(received[:10], "%d/%m/%Y") + timedelta(days=DAYS)
            assert last == f"{day:%d/%m/%Y}"
            assert f"<small>{last}</small>" in text


def test_nothing_expired_is_not_nothing_in_quarantine(browser: object) -> None:
    use(base().gate, limits=Limits(quarantine_days=100_000))
    shown = page(browser, "/cach-ly/?tinh_trang=het-han")
    assert "Chưa có mục nào hết hạn" in shown
    assert "Không có gì đang cách ly" not in shown


def test_an_expired_item_is_no_work_to_do_on_the_first_page(browser: object) -> None:
    waiting, _ = counted()
    assert f"{waiting} mục đang cách ly, chưa vào kho" in page(browser, "/")


def test_an_unknown_state_is_the_waiting_one(browser: object) -> None:
    waiting, _ = counted()
    assert len(csv_rows(browser, "/cach-ly/?tinh_trang=x&xuat=cach-ly.csv")) == waiting
