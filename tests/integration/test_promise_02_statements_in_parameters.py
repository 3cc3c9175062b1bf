"""Promise 2: what stands in an address or a form is a value. Statements in every parameter, over the real lake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from support import portal
from support.addresses import address, parameters, routes
from support.governed import FACILITY, Governed, actor, governed

pytestmark = pytest.mark.database

STATEMENTS = (
    "' OR '1'='1",
    "52001' OR facility_code IS NOT NULL --",
    "x'; DROP TABLE standard.xml130_1; --",
    "') UNION SELECT * FROM duckdb_secrets() --",
    "' UNION ALL SELECT content FROM read_text('{canary}') --",
    "'; COPY standard.xml130_1 TO '{canary}.out'; --",
    "'; ATTACH '{canary}' AS x; --",
    "postgres_query('bienho_catalog', 'SELECT * FROM vault.record')",
    "__ducklake_metadata_lake.ducklake_data_file",
    "$$; SELECT pg_sleep(9) --",
    "1); SELECT getenv('HOME'); --",
    '"; SET enable_external_access = true; --',
    "%' ESCAPE '!' OR 1=1 --",
)
CANARY = "chim-hoang-yen"


@pytest.fixture(scope="module")
def house() -> Iterator[Governed]:
    portal.base()
    with governed() as made:
        yield made
    portal.use_usual()


@pytest.fixture
def browser(house: Governed) -> Client:
    """Signed in, with the real gate behind the pages."""
    made = portal.client()
    everyone = actor(door="portal")
    portal.use(house.gate, find_actor=lambda _: everyone, province="gialai")  # type: ignore[arg-type]
    made.raise_request_exception = False
    return made


def rows(house: Governed) -> dict[str, Any]:
    """How many rows each table of the lake has."""
    count = {"n": ("count", None)}
    return {
        name: house.gate.aggregate(actor(), "van-hanh", name, (), count)[1].read_all().to_pylist()
        for name in ("standard.xml130_1", "standard.xml130_dossier", "quality.finding")
    }


def test_statements_in_parameters_are_values(house: Governed, browser: Client, tmp_path: Path) -> None:
    canary = tmp_path / "canary.csv"
    canary.write_text(f"{CANARY}\n", encoding="utf-8")
    names, before = parameters(), rows(house)
    statements = [one.replace("{canary}", str(canary)) for one in STATEMENTS]
    plain = browser.get("/phat-hien/", {"co_so": FACILITY})
    assert plain.status_code == 200
    assert house.dossiers[0] in plain.content.decode(), "the pages do not read the real lake"
    lists = {"deliveries", "dossiers", "findings", "quarantine", "number", "catalogue"}
    for number, path in enumerate(address(one) for one in routes() if one.name in lists):
        sent = {name: statements[(number + place * 3) % len(statements)] for place, name in enumerate(names)}
        answer = browser.get(path, sent)
        assert answer.status_code in (200, 400, 403), (path, answer.status_code)
        assert CANARY not in answer.content.decode(errors="replace")
    for number, statement in enumerate(statements):
        name = ("co_so", "ma", "don_vi")[number % 3]
        shown = browser.get("/phat-hien/", {name: statement}).content.decode()
        assert house.dossiers[0] not in shown, "a condition that always holds was let in"
    assert rows(house) == before
    assert [path.name for path in tmp_path.iterdir()] == ["canary.csv"]


def test_statements_in_forms_are_values(browser: Client) -> None:
    for statement in STATEMENTS:
        answer = browser.post("/tim/", {"q": statement})
        assert answer.status_code == 400, statement
        assert statement not in answer.content.decode()
