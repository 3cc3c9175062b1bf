"""Pages of the rules: the list by state, text and frequency; one rule's numbers, examples and waivers."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from django.test import Client
from lxml import html

from bienho.portal.presenters import rules as presenter
from bienho.quality.rule_manual import listing, manual
from bienho.quality.rule_model import rules
from support import portal
from support.fake_gate import FakeGate

pytestmark = pytest.mark.database
LIST = "/chat-luong/quy-tac/"


@pytest.fixture(scope="module")
def browser() -> Client:
    return portal.client()


def told(browser: Client, path: str) -> Any:
    answer = browser.get(path)
    assert answer.status_code == 200, path
    return html.fromstring(answer.content.decode())


def rows(page: Any, table: str) -> list[list[str]]:
    return [
        [" ".join(cell.text_content().split()) for cell in line.iterfind("td")]
        for line in page.xpath(f"//table[@id='{table}']/tbody/tr")
    ]


def test_the_list_tells_the_state_of_every_rule_and_leaves_whole(browser: Client) -> None:
    told_rows = list(csv.DictReader(io.StringIO(browser.get(f"{LIST}?xuat=quy-tac.csv").content.decode("utf-8-sig"))))
    assert sorted(int(row["Số"]) for row in told_rows) == [rule.id for rule in rules()]
    tabs = [int(one.text_content()) for one in told(browser, LIST).xpath("//nav[@class='tabs']//span")]
    by_state = [row["state"] for row in listing(frozenset())]  # the gate of these tests has no lists
    names = ("evaluable", "behaviour", "not_evaluable", "off")
    assert tabs == [len(rules()), *(by_state.count(name) for name in names), 1]
    assert len(rows(told(browser, LIST), "quy-tac")) == 50


@pytest.mark.parametrize(
    ("query", "found"),
    [("tim=MA_TTDV", {9, 19, 159, 177}), ("tim=19", {19}), ("tinh_trang=waived", {29}), ("tim=khong-co-gi", set()),
     ("tim=thai&muc_do=error&sap=so&tinh_trang=evaluable", {157, 170})],
)  # fmt: skip
def test_rules_are_found_by_words_state_and_severity(browser: Client, query: str, found: set[int]) -> None:
    page = told(browser, f"{LIST}?{query}")
    numbers = {int(line[0]) for line in rows(page, "quy-tac")}
    assert numbers == found


def test_what_fails_most_stands_first(browser: Client) -> None:
    assert rows(told(browser, LIST), "quy-tac")[0][0] == "29"
    assert rows(told(browser, f"{LIST}?sap=-so"), "quy-tac")[0][0] == "191"


def test_numbers_of_a_rule_are_those_of_the_rows(browser: Client) -> None:
    gate = portal.base().gate
    assert isinstance(gate, FakeGate)
    run = gate.connection.cursor().execute
    window = "rule = 29 AND week_start >= DATE '2026-11-16' - 77"
    lost, places = run(
        f"SELECT count(*), count(DISTINCT facility_code) FROM quality.score_loss WHERE {window}"
    ).fetchone()
    waiting = run(
        "SELECT count(*) FROM quality.finding ANTI JOIN standard.superseded USING (version_id) WHERE rule = 29"
    ).fetchone()[0]
    page = told(browser, f"{LIST}29/")
    figures = [one.text_content() for one in page.xpath("//*[contains(@class, 'figure-number')]")]
    assert [int(re.sub(r"\D", "", one)) for one in figures] == [waiting, lost, places]
    by_week = rows(page, "theo-tuan-bang")
    assert (len(by_week), sum(int(line[1]) for line in by_week)) == (presenter.WEEKS, lost)
    assert sum(int(line[1]) for line in rows(page, "co-so-bang")) == lost
    one = told(browser, f"{LIST}29/?co_so=52001")
    assert [line[0][-5:] for line in rows(one, "co-so-bang")] == ["52001"]


def test_a_rule_has_its_page_with_the_examples_of_its_manual(browser: Client) -> None:
    """One of seven; that every rule has examples and a title, its own tests say."""
    for rule in rules()[::7]:
        page = told(browser, f"{LIST}{rule.id}/")
        shown = " ".join(cell for line in rows(page, "vi-du") for cell in line)
        right, wrong = (part.strip() for part in manual(rule).split("Đúng, không báo:")[1].split("Sai, sẽ báo:"))
        for line in (*right.splitlines(), *wrong.splitlines()):
            if " = " in line and not line.strip().startswith("thêm"):
                assert line.partition(" = ")[2] in shown, (rule.id, line)
        assert rule.title in page.xpath("string(//h1)")
        assert "chưa duyệt" in page.xpath("string(//*[@id='can-cu'])")
    assert browser.get(f"{LIST}192/").status_code == 404
    assert browser.get(f"{LIST}1/?co_so=00000").status_code == 404


def test_a_waiver_is_told_with_its_last_day(browser: Client) -> None:
    running, ended = (rows(told(browser, f"{LIST}{number}/"), "mien-bang") for number in (29, 55))
    assert [line[1:4] for line in running] == [["đang miễn", "01/11/2026", "15/12/2026"]]
    assert [line[1:4] for line in ended] == [["đã hết", "01/11/2026", "20/11/2026"]]
    assert "Sắp hết miễn" in told(browser, f"{LIST}29/").xpath("string(//section[@class='todo'])")


def test_findings_of_a_rule_are_one_click_away(browser: Client) -> None:
    link = told(browser, f"{LIST}29/").xpath("string(//section[@class='todo']//a/@href)")
    listed = rows(told(browser, link), "phat-hien")
    assert listed
    assert all("kiểm tra số 29" in line[1] for line in listed)
    assert browser.get("/phat-hien/?kiem_tra=x").status_code == 200
