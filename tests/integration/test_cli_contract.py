"""What other programs rely on: the JSON of commands, their exit codes, and that nothing else is on standard output."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from bienho.synthetic import Plan, generate
from support import commands
from support.homes import Made, temporary_home

pytestmark = pytest.mark.database

RECORD = ("--purpose", "tra-cuu-ho-so")
KINDS = ("bad_date", "missing_field", "unknown_element", "broken_base64", "truncated_file")
INGEST_KEYS = {
    "deliveries", "dossiers", "rows", "accepted", "accepted_with_findings", "quarantined", "refused", "superseded",
    "duplicates", "findings",
}  # fmt: skip
FINDING_KEYS = {
    "code", "delivery", "dossier", "facility", "table", "row", "field", "rule", "severity", "owner", "message",
}  # fmt: skip


@pytest.fixture(scope="module")
def made() -> Iterator[Made]:
    with temporary_home("có dấu cách") as home:
        assert run(home, "init").returncode == 0
        yield home


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hồ sơ gửi")
    # no resends: taken in twice, an old content would come after its correction and be the newest again;
    # no cut file among them: what it lacks is found anew each time
    generate(Plan(persons=40, months=2, seed=13, dirt=0.2, dirt_kinds=KINDS, share_resent=0.0), folder)
    return folder


def run(made: Made, *arguments: str) -> subprocess.CompletedProcess[str]:
    return commands.run(made.environment, *arguments)


def answer(made: Made, *arguments: str, code: int = 0) -> Any:
    done = run(made, *arguments, "--json")
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def said(made: Made, *arguments: str) -> str:
    """Standard output of a command that succeeds."""
    done = run(made, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_path_of_one_delivery(made: Made, files: Path) -> None:
    report = answer(made, "ingest", str(files))
    assert set(report) == INGEST_KEYS
    assert {"XML1", "XML2", "XML3", "XML4", "XML5"} <= set(report["rows"])
    assert report["dossiers"] == sum(
        report[name] for name in ("accepted", "accepted_with_findings", "quarantined", "duplicates")
    )
    for delivery in report["deliveries"]:
        assert set(delivery) == {"id", "path", "outcome", "reason"}
        assert delivery["outcome"] in ("accepted", "accepted_with_findings", "quarantined", "refused")
        assert Path(delivery["path"]).exists()
    again = answer(made, "ingest", str(files))
    assert again["accepted"] == again["accepted_with_findings"] == again["superseded"] == again["findings"] == 0
    assert again["rows"] == dict.fromkeys(report["rows"], 0)

    found = answer(made, "findings")
    assert found
    assert all(set(row) == FINDING_KEYS for row in found)
    one = next(row for row in found if row["delivery"])
    of_delivery = answer(made, "findings", "--delivery", one["delivery"])
    assert of_delivery
    assert {row["delivery"] for row in of_delivery} == {one["delivery"]}

    aside = answer(made, "quarantine", "list")
    if aside:
        shown = answer(made, "quarantine", "show", aside[0]["delivery"])
        assert shown["quarantine"]
        replayed = answer(made, "quarantine", "replay", aside[0]["delivery"])
        assert replayed["quarantined"] >= 1, "nothing was mended, so it stays aside"

    truth = pq.read_table(files / "truth" / "dossiers.parquet").to_pylist()
    sent = next(row for row in truth if row["outcome"] == "accepted" and row["rows_xml3"])
    asked = ("dossier", sent["facility"], sent["ma_lk"], "--json")
    closed, opened = (json.loads(said(made, *asked, *more)) for more in ((), ("--with-identifiers",)))
    assert closed.keys() == opened.keys() >= {"versions", "rows", "tables"}
    assert (closed["versions"], closed["rows"]) == (1, {name: len(rows) for name, rows in opened["tables"].items()})
    assert (closed["rows"]["XML1"], closed["rows"]["XML3"]) == (1, sent["rows_xml3"])
    person, shown = closed["tables"]["XML1"][0], opened["tables"]["XML1"][0]
    assert person.keys() == shown.keys()
    assert (person["MA_LK"], person["HO_TEN"], shown["MA_LK"]) == ("*", "*", sent["ma_lk"])
    assert len(shown["HO_TEN"]) > 1

    rows = answer(made, "sql", "SELECT facility_code, count(*) AS n FROM standard.xml130_dossier GROUP BY 1")
    current = report["accepted"] + report["accepted_with_findings"] - report["superseded"]
    assert sum(row["n"] for row in rows) == current
    facility = rows[0]["facility_code"]
    of_facility = answer(made, "findings", "--facility", facility)
    assert of_facility == [row for row in found if row["facility"] == facility]
    asked = "SELECT HO_TEN FROM standard.xml130_1"
    assert {row["HO_TEN"] for row in answer(made, "sql", asked)} == {"*"}
    assert shown["HO_TEN"] in {row["HO_TEN"] for row in answer(made, "sql", asked, "--with-identifiers")}
    before = answer(made, "sql", "SELECT count(*) AS n FROM standard.xml130_dossier", "--as-of", "2")
    assert before[0]["n"] < current
    asked = "SELECT count(*) AS n FROM standard.xml130_dossier"
    assert answer(made, "sql", asked, "--as-of", "2199-01-01") == [{"n": current}]
    assert answer(made, "sql", asked, "--as-of", "2001-01-01", code=2)["error"]["code"] == "USE-SNAPSHOT"
    assert answer(made, "sql", asked, "--as-of", "hôm qua", code=2)["error"]["code"] == "USE-COMMAND"
    csv = run(made, "sql", "SELECT 1 AS one FROM standard.delivery LIMIT 1", "--csv").stdout
    assert csv.splitlines() == ['"one"', "1"]


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code"),
    [
        (("ingest", "/nowhere/at/all"), "USE-PATH-MISSING", 2),
        (("sql", "SELECT * FROM read_csv('/etc/passwd')"), None, 2),
        (("sql", "DROP TABLE standard.delivery"), None, 2),
        (("dossier", "64001", "no such dossier"), "IN-DOSSIER-UNKNOWN", 3),
        (("quarantine", "replay", "D000000999999"), "USE-NOT-QUARANTINED", 2),
        (("findings", "--delivery", "x"), "USE-DELIVERY", 2),
        (("sql", "SELECT 1 AS x FROM standard.delivery", "--purpose", "không-có"), None, 7),
    ],
)
def test_errors_are_json_with_a_code_and_an_exit_code(
    made: Made, arguments: tuple[str, ...], code: str | None, exit_code: int
) -> None:
    error = answer(made, *arguments, code=exit_code)["error"]
    assert set(error) == {"code", "message", "hint", "who"}
    assert error["message"]
    if code:
        assert error["code"] == code


def test_an_erasure_takes_a_paper_and_two_accounts(made: Made, files: Path) -> None:
    (key,) = (row["k"] for row in answer(made, "sql", "SELECT min(dossier_key) AS k FROM standard.xml130_dossier"))
    paper = ("--decision", "12/QĐ-SYT", "--article", "Điều 14", "--retention", "gửi nhầm")
    assert answer(made, "erase", "ask", "--dossier", "x", *paper, code=2)["error"]["code"] == "USE-COMMAND"
    unknown = answer(made, "erase", "ask", "--place", "D999999999999/1", *paper, code=2)
    assert unknown["error"]["code"] == "USE-ERASE-NOBODY"
    asked = answer(made, "erase", "ask", "--dossier", key, *paper)
    assert (asked["state"], len(asked["asked"]["patients"])) == ("asked", 1)
    alone = answer(made, "erase", "confirm", asked["erasure_id"], code=7)
    assert alone["error"]["code"].startswith("DENY-"), "the demo account is no security officer"
    assert [(one["erasure_id"], one["state"]) for one in answer(made, "erase", "list")] == [
        (asked["erasure_id"], "asked")
    ]
    assert asked["erasure_id"] in said(made, "erase", "list")
    assert answer(made, "erase", "finish") == []


def test_a_missing_home_is_never_made(made: Made, tmp_path: Path) -> None:
    nowhere = tmp_path / "không có"
    done = run(made, "--home", str(nowhere), "ingest", str(tmp_path))
    assert done.returncode == 4
    assert "CFG-HOME-MISSING" in done.stderr
    assert not nowhere.exists()


def test_a_file_too_large_is_refused_without_a_receipt(made: Made, tmp_path: Path) -> None:
    big = tmp_path / "lớn.xml"
    with big.open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    report = answer(made, "ingest", str(big))
    assert report["refused"] == 1
    assert report["deliveries"] == [
        {"id": None, "path": str(big), "outcome": "refused", "reason": "LIM-DELIVERY-BYTES"}
    ]
    (refused,) = answer(made, "quarantine", "refused")
    assert set(refused) == {"at", "source", "sender", "code", "message", "bytes", "sha256", "times"}
    assert (refused["code"], refused["bytes"], refused["times"]) == ("LIM-DELIVERY-BYTES", 65 * 1024 * 1024, 1)


def test_expired_things_are_listed_when_asked_for(made: Made, tmp_path: Path) -> None:
    bad = tmp_path / "trang.xml"
    bad.write_text("<html>502", encoding="utf-8")
    (delivery,) = answer(made, "ingest", str(bad))["deliveries"]
    assert delivery["outcome"] == "quarantined"

    def listed(*options: str) -> list[bool]:
        rows = answer(made, "quarantine", "list", *options)
        return [row["expired"] for row in rows if row["delivery"] == delivery["id"]]

    assert listed() == [False]
    assert listed("--as-of", "2199-01-01") == []
    assert listed("--as-of", "2199-01-01", "--expired") == [True]


def test_a_wrong_facility_is_a_finding_not_a_reject(made: Made, files: Path) -> None:
    one = next(path for path in sorted(files.rglob("*.xml")))
    report = answer(made, "ingest", str(one), "--facility", "99999")
    delivery = report["deliveries"][0]
    assert delivery["id"]
    codes = {row["code"] for row in answer(made, "findings", "--delivery", delivery["id"])}
    assert "IN-FACILITY-ASSERTED" in codes


def test_the_program_starts_by_its_name(made: Made) -> None:
    """Every other test here forks an interpreter that is warm; this one is what a user starts."""
    done = subprocess.run(
        [sys.executable, "-m", "bienho", "sql", "SELECT 1 AS one FROM standard.delivery LIMIT 1", "--json"],
        env=made.environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, [{"one": 1}], "")


def test_an_account_is_added_changed_and_closed(made: Made) -> None:
    said(made, "account", "add", "an", "--name", "An", "--role", "operator", "--role", "viewer")
    for options, roles, active in (
        (("--role", "viewer"), "viewer", True),
        (("--close",), "viewer", False),
        (("--open", "--role", "operator"), "operator", True),
    ):
        said(made, "account", "change", "an", *options)
        found = {row["account"]: row for row in json.loads(said(made, "account", "list", "--json"))}
        assert (found["an"]["roles"], found["an"]["active"]) == (roles, active)


def test_an_agreement_is_drafted_and_moved_and_its_decision_made_again(made: Made, tmp_path: Path) -> None:
    paper = tmp_path / "paper.yaml"
    text = (Path(__file__).parents[2] / "docs" / "agreements.md").read_text(encoding="utf-8")
    paper.write_text(text.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    said(made, "agreement", "draft", str(paper))
    said(made, "agreement", "move", "bhxh-tinh", "submit")
    assert [row["state"] for row in json.loads(said(made, "agreement", "list", "--json"))] == ["legal-review"]
    steps = json.loads(said(made, "agreement", "show", "bhxh-tinh", "--json"))
    assert [step["move"] for step in steps] == ["draft", "submit"]
    refused = run(made, "agreement", "move", "bhxh-tinh", "pass-legal")
    assert refused.returncode == 7
    assert "DENY-AGREEMENT-PERSON" in refused.stderr
    done = run(made, "audit", "replay", str(json.loads(said(made, "audit", "verify", "--json"))["events"]), "--json")
    assert [one["same"] for one in json.loads(done.stdout)["decisions"]] == [True]


def test_production_opens_no_portal_without_mfa() -> None:
    with temporary_home() as home:
        marker = home.home.path / "home.json"
        marker.write_text(json.dumps({**json.loads(marker.read_text()), "mode": "production"}), encoding="utf-8")
        done = run(home, "serve", "--port", "8999")
        assert done.returncode == 4
        assert "CFG-NO-MFA" in done.stderr
