"""Pages of the fix loop over made-up rows: numbers against slow counts, orders, files, what a resend closes."""

from __future__ import annotations

import csv
import io
import random
from collections import Counter
from itertools import pairwise
from typing import Any

import duckdb
import pytest
from django.test import Client
from lxml import html

from bienho.governance import Membership
from bienho.portal import entry, formats
from bienho.portal.desk import Desk
from bienho.portal.presenters import mended, mending
from bienho.quality.rule_model import rules
from support import portal
from support.fake_gate import NOW, FakeActor, fake_gate

pytestmark = pytest.mark.database
WORK, ROWS = "/sua-du-lieu/", "/sua-du-lieu/dong/"
TITLES = {str(rule.id): rule.title for rule in rules()}


@pytest.fixture(scope="module")
def browser() -> Client:
    return portal.client()


@pytest.fixture(scope="module")
def connection(browser: Client) -> duckdb.DuckDBPyConnection:
    return portal.base().gate.connection  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def facility(connection: duckdb.DuckDBPyConnection) -> str:
    """The facility with most findings."""
    row = connection.execute(
        "SELECT facility_code FROM quality.finding GROUP BY 1 ORDER BY count(*) DESC, 1"
    ).fetchone()
    assert row is not None
    return str(row[0])


def current(connection: duckdb.DuckDBPyConnection, facility: str) -> list[dict[str, Any]]:
    """Open findings of the facility with what the filters ask, one by one."""
    table = connection.execute(
        "SELECT f.*, e.department_list AS wards, c.total_hospital AS money, d.received_at FROM quality.finding AS f"
        " JOIN standard.xml130_dossier AS d USING (version_id) JOIN conformed.encounter AS e USING (version_id)"
        " JOIN conformed.claim AS c USING (version_id)"
        " WHERE f.facility_code = ? AND f.version_id NOT IN (SELECT version_id FROM standard.superseded)",
        [facility],
    ).to_arrow_table()
    return table.to_pylist()


def lines(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"))))


def counts(found: list[dict[str, Any]]) -> dict[str, int]:
    """Title of the kind → how many, as the page calls them."""
    kinds = Counter(str(row["rule"]) if row["rule"] else row["code"] for row in found)
    return {TITLES.get(kind, kind): n for kind, n in kinds.items()}


@pytest.mark.parametrize("query", ["", "muc_do=warning", "khoa=K19", "khoa=K02&muc_do=error", "ngay=20/11/2026"])
def test_the_worklist_counts_what_is_open(
    query: str, browser: Client, connection: duckdb.DuckDBPyConnection, facility: str
) -> None:
    asked = dict(part.split("=") for part in query.split("&") if part)
    told = [
        row for row in current(connection, facility)
        if asked.get("muc_do", row["severity"]) == row["severity"]
        and asked.get("khoa", row["wards"].split(";")[0]) in row["wards"].split(";")
        and asked.get("ngay", f"{formats.local(row['received_at']):%d/%m/%Y}")
        == f"{formats.local(row['received_at']):%d/%m/%Y}"
    ]  # fmt: skip
    found = lines(browser.get(f"{WORK}?co_so={facility}&{query}&xuat=viec-sua.csv").content)
    assert {row["Quy tắc"]: int(row["Chỗ phải sửa"]) for row in found} == counts(told)
    every = lines(browser.get(f"{ROWS}?co_so={facility}&{query}&xuat=dong-sua.csv").content)
    assert sorted(row["Hồ sơ"] for row in every) == sorted(row["dossier_key"] for row in told)
    page = browser.get(f"{WORK}?co_so={facility}&{query}").content.decode()
    money = sum({row["version_id"]: row["money"] for row in told}.values())
    assert formats.money(money).split(" ")[0] in page


@pytest.mark.parametrize(
    ("order", "column"), [("tien", "Tiền liên quan"), ("so", "Chỗ phải sửa"), ("diem", "Điểm lấy lại")]
)
def test_the_dearest_stands_first(order: str, column: str, browser: Client, facility: str) -> None:
    found = lines(browser.get(f"{WORK}?co_so={facility}&sap={order}&xuat=viec-sua.csv").content)
    values = [float(row[column].replace("—", "0")) for row in found]
    assert len(values) > 2
    assert values == sorted(values, reverse=True)


def test_effort_follows_from_the_rule_and_the_places() -> None:
    by_number = {rule.id: rule for rule in rules()}
    row = {"dossiers": 3, "field": "KET_QUA_DTRI", "fields": 1, "tables": 1, "code": "RULE-VALUE", "owner": "facility"}
    assert mending.Kind("38", by_number[38], row).effort == "low"
    assert mending.Kind("38", by_number[38], {**row, "fields": 3}).effort == "middle"
    assert mending.Kind("53", by_number[53], row).effort == "high"  # a sum over another table
    assert mending.Kind("69", by_number[69], {**row, "field": None}).effort == "high"  # a whole table
    assert mending.Kind("IN-COUNT", None, {**row, "dossiers": 0}).effort == "high"  # a whole file


def test_the_help_of_the_rule_stands_beside_its_rows(browser: Client, facility: str) -> None:
    page = html.fromstring(browser.get(f"{ROWS}?co_so={facility}&loai=12").content.decode())
    beside = page.xpath("//aside")[0].text_content()
    rule = next(rule for rule in rules() if rule.id == 12)
    assert rule.screen in beside
    assert rule.checks[0].found in beside
    assert page.xpath("//aside//a[contains(@href, '/chat-luong/quy-tac/12/')]")


def test_the_numbers_are_for_whoever_the_gate_lets(facility: str) -> None:
    member = Membership("facility-data-officer", f"cs-{facility}", frozenset({facility}), None)
    officer = FakeActor("it-1", "Cán bộ", ("facility-data-officer",), memberships=(member,))
    portal.ACTORS[officer.account_id] = officer
    browser = portal.client(officer)
    page = html.fromstring(browser.get(f"{ROWS}?loai=12").content.decode())
    form = page.get_element_by_id("tai-ma")
    fields = {name: value for name, value in form.form_values() if name != "csrfmiddlewaretoken"}
    gate: Any = entry.house().gate
    gate.calls.clear()
    answer = browser.post(form.action, {**fields, "dang": "csv"})
    found = lines(answer.content)
    assert {row["Mã hồ sơ của cơ sở (MA_LK)"] for row in found} == {"NGUYỄN THỊ GIẢ LẬP"}  # what the fake vault holds
    assert [door for door, _, _ in gate.calls].count("dossier-number") == 1
    assert {door for door, _, dataset in gate.calls if dataset == "quality.finding"} == {"export"}
    assert gate.reasons[-1] == "sua-ho-so"
    assert browser.post(form.action, {**fields, "co_so": "khong-co"}).status_code == 404
    assert browser.get(f"{ROWS}?co_so=52001&loai=12").status_code == (200 if facility == "52001" else 404)
    assert "tai-ma" not in portal.client().get(f"{ROWS}?co_so={facility}&loai=12").content.decode()


def test_a_day_that_is_none_is_told_beside_its_field(browser: Client, facility: str) -> None:
    page = html.fromstring(browser.get(f"{WORK}?co_so={facility}&ngay=31/02/2026").content.decode())
    assert "Ghi ngày dạng" in page.get_element_by_id("viec-sua-loc").text_content()


# ── what a resend closes ──────────────────────────────────────────────────────────────────────────────────────────────


def slow_closed(rows: list[tuple[int, str, int | None]], chain: list[int]) -> Counter[tuple[int, str]]:
    """(version, field) → how many findings its successor closed. Rows are (version, field, row number)."""
    closed: Counter[tuple[int, str]] = Counter()
    for version, later in pairwise(chain):
        for field in {row[1] for row in rows}:
            before, after = (sum(row[:2] == (one, field) for row in rows) for one in (version, later))
            if before > after:
                closed[version, field] = before - after
    return closed


@pytest.mark.parametrize("seed", range(8))
def test_closed_is_what_the_next_version_has_fewer_of(seed: int) -> None:
    rng = random.Random(seed)
    gate = fake_gate(empty=True)
    chain = [1_000_001, 2_000_001, 3_000_001, 4_000_001][: rng.randint(2, 4)]
    found: list[tuple[int, str, int | None]] = []
    for version in chain:
        for field in ("A", "B"):
            found += [(version, field, row) for row in sorted(rng.sample(range(1, 6), rng.randint(0, 3)))]
    _lay(gate.connection, chain, found)
    desk = Desk(portal.use(gate), FakeActor())
    scope = mending.Scope("52001")
    expected = slow_closed(found, chain)
    table = mended.table(desk, scope, 1, whole=True)
    assert len(table.rows) == expected.total()
    by_delivery = {f"D{version // 1_000_000:012d}": version for version in chain}
    told = Counter((by_delivery[row["lan"].text], row["dau"].text.split(" · ")[-1]) for row in table.rows)
    assert told == expected
    for row in table.rows:
        assert by_delivery[row["boi"].text] == chain[chain.index(by_delivery[row["lan"].text]) + 1]
        kept = {(version, field, line) for version, field, line in found}
        line = int(row["dau"].text.split("dòng ")[1].split(" ")[0])
        assert (by_delivery[row["boi"].text], row["dau"].text.split(" · ")[-1], line) not in kept


def test_a_waiver_closes_nothing() -> None:
    gate = fake_gate(empty=True)
    _lay(gate.connection, [1_000_001, 2_000_001], [(1_000_001, "A", 1)])
    gate.connection.execute(
        "INSERT INTO quality.finding_waived BY NAME SELECT * REPLACE (2000001 AS version_id) FROM quality.finding"
    )
    assert not mended.table(Desk(portal.use(gate), FakeActor()), mending.Scope("52001"), 1, whole=True).rows


def _lay(connection: duckdb.DuckDBPyConnection, chain: list[int], found: list[tuple[int, str, int | None]]) -> None:
    """One dossier of one facility in several versions, each replaced by the next, and their findings."""
    for version in chain:
        seq = version // 1_000_000
        connection.execute(
            "INSERT INTO standard.xml130_dossier (version_id, delivery_seq, delivery_id, hoso, facility_code,"
            " dossier_key, patient_key, document, record_id, content_digest, format_version, version_evidence,"
            " received_at)"
            " VALUES (?, ?, ?, 1, '52001', 'k', 'p', 'visit', 'r', 'c', '3176', 'structure', ?)",
            [version, seq, f"D{seq:012d}", NOW],
        )
    for version, later in pairwise(chain):
        connection.execute(
            "INSERT INTO standard.superseded (version_id, by_version_id, dossier_key, content_digest)"
            " VALUES (?, ?, 'k', 'c')", [version, later],
        )  # fmt: skip
    for number, (version, field, row) in enumerate(found):
        seq = version // 1_000_000
        connection.execute(
            "INSERT INTO quality.finding (finding_id, version_id, delivery_seq, delivery_id, dossier_key,"
            " facility_code, table_name, row_no, field, code, rule, severity, owner, message, rule_revision)"
            " VALUES (?, ?, ?, ?, 'k', '52001', 'XML2', ?, ?, 'RULE-VALUE', 38, 'error', 'facility', 'Sai', 1)",
            [str(number), version, seq, f"D{seq:012d}", row, field],
        )
