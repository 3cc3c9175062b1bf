"""A dossier followed through every room, from bytes to a number and back, on a small twin province."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest

from bienho.pipeline import ask
from bienho.standards.xml130 import assessment_identity, read_delivery
from support.province import PURPOSE, Province, whole_lake

pytestmark = pytest.mark.database
DOCUMENTS = ("dossiers", "checkins", "assessments")


def rows(province: Province, sql: str) -> list[dict]:
    return ask.query(province.app, PURPOSE, sql, at=None, with_identifiers=False).to_pylist()


def test_counts_add_up_to_the_truth(province: Province) -> None:
    """Dossiers, arrivals reported before them and records of the board: every document has its outcome."""
    outcomes = Counter(row["outcome"] for name in DOCUMENTS for row in province.truth(name))
    total = Counter()
    for report in province.reports:
        total.update(
            accepted=report.accepted,
            accepted_with_findings=report.accepted_with_findings,
            duplicate=report.duplicates,
            superseded=report.superseded,
        )
        assert report.dossiers == (
            report.accepted + report.accepted_with_findings + report.quarantined + report.duplicates
        )
        assert report.refused == 0
    assert total["accepted"] == outcomes["accepted"] > 200
    assert total["accepted_with_findings"] == outcomes["accepted_with_findings"] > 0
    assert total["duplicate"] == outcomes["duplicate"] > 0
    superseded = sum(row["superseded_by"] is not None for row in province.truth("dossiers"))
    assert total["superseded"] == superseded > 0


def test_every_current_standard_row_reaches_conformed_or_is_listed(province: Province) -> None:
    tables = whole_lake(province.app)
    reached: dict[str, set[tuple[int, int]]] = {f"XML{n}": set() for n in range(16)}
    for name, table in tables.items():
        if not name.startswith("conformed.") or "table_name" not in table.column_names:
            continue
        columns = table.select(["version_id", "table_name", "row_no"]).to_pylist()
        for row in columns:
            reached[row["table_name"]].add((row["version_id"], row["row_no"]))
    for name in ("encounter", "patient", "claim"):
        reached["XML1"] |= {(v, 1) for v in tables[f"conformed.{name}"].column("version_id").to_pylist()}
    filled = set()
    for number in range(16):
        table = tables[f"standard.xml130_{number}"].select(["version_id", "row_no"]).to_pylist()
        filled |= {number} if table else set()
        missing = {(row["version_id"], row["row_no"]) for row in table} - reached[f"XML{number}"]
        assert not missing, f"XML{number}: {len(missing)} rows reach nothing, e.g. {sorted(missing)[:3]}"
    assert filled >= {0, 1, 2, 3, 4, 5, 7, 8, 14}, "the province is too small to show it"


def test_a_dossier_is_followed_from_receipt_to_number_and_back(province: Province) -> None:
    truth = next(
        row
        for row in province.truth("dossiers")
        if row["outcome"] == "accepted"
        and row["kind"] == "first"
        and row["superseded_by"] is None
        and row["rows_xml3"]
        and not row["file"].endswith(".zip")
    )
    # forward: the delivery's bytes, as received, hold the dossier that the command line gives back exactly
    found = ask.dossier(province.app, "tra-cuu-ho-so", truth["facility"], truth["ma_lk"], with_identifiers=True)
    seq = int(found["delivery"][1:])
    header, data = province.app.raw.read(seq)
    sent = (province.files / truth["file"]).read_bytes()
    assert data == sent
    as_read = next(d for d in read_delivery(sent, province.app.limits).dossiers if d.hoso == truth["hoso"])
    names = as_read.received_names
    expected = {
        table: [{names.get(table, {}).get(field, field): text for field, text in row.items()} for row in lines]
        for table, lines in as_read.tables.items()
    }
    assert found["tables"] == expected
    assert found["rows"]["XML3"] == truth["rows_xml3"]
    # to the derived number: the dossier is one of its encounters
    encounter = rows(
        province,
        "SELECT version_id, facility_code, week_start, patient_key FROM conformed.encounter"
        f" WHERE encounter_key = '{found['dossier']}'",
    )[0]
    cell = rows(
        province,
        "SELECT sum(encounters) AS n, sum(cost) AS cost FROM derived.facility_week_chapter"
        f" WHERE facility_code = '{encounter['facility_code']}' AND week_start = DATE '{encounter['week_start']}'",
    )[0]
    # and back: the versions that make the number, and through them the receipts
    behind = rows(
        province,
        "SELECT e.version_id, d.delivery_id, c.total_hospital FROM conformed.encounter e"
        " JOIN standard.xml130_dossier d USING (version_id) JOIN conformed.claim c USING (version_id)"
        f" WHERE e.facility_code = '{encounter['facility_code']}' AND e.week_start = DATE '{encounter['week_start']}'",
    )
    assert len(behind) == cell["n"]
    assert encounter["version_id"] in {row["version_id"] for row in behind}
    assert found["delivery"] in {row["delivery_id"] for row in behind}
    assert sum((row["total_hospital"] or Decimal(0) for row in behind), Decimal(0)) == cell["cost"]
    assert header.seq == seq


def test_derived_numbers_equal_the_truth(province: Province) -> None:
    """Encounters and cost per facility from the twin's own bookkeeping, which shares no code with the models."""
    current = [
        row
        for row in province.truth("dossiers")
        if row["outcome"] in ("accepted", "accepted_with_findings") and row["superseded_by"] is None
    ]
    clean = [row for row in current if row["injected"] is None]
    encounters = Counter(row["facility"] for row in current)
    got = {
        row["facility_code"]: row
        for row in rows(
            province,
            "SELECT facility_code, sum(encounters) AS n, sum(cost) AS cost FROM derived.facility_week_chapter"
            " GROUP BY 1",
        )
    }
    assert {code: int(row["n"]) for code, row in got.items()} == dict(encounters)
    untouched = {row["facility"] for row in current} - {row["facility"] for row in current if row["injected"]}
    for facility in untouched:
        cost = sum((row["total_cost"] for row in clean if row["facility"] == facility), Decimal(0))
        assert got[facility]["cost"] == cost


def test_clean_dossiers_have_no_finding_and_dirty_ones_have_theirs(province: Province) -> None:
    found = ask.findings(province.app, PURPOSE)
    by_code = Counter(row["code"] for row in found)
    with_findings = {row["dossier"] for row in found if row["dossier"]}
    names: list[tuple[dict, str, str]] = [(row, row["ma_lk"], "visit") for row in province.truth("dossiers")]
    names += [(row, row["ma_lk"], "check_in") for row in province.truth("checkins")]
    names += [
        (row, assessment_identity(row["record"], f"{row['met']:%Y%m%d}"), "assessment")
        for row in province.truth("assessments")
    ]
    keys = {
        province.app.vault.dossier_key(row["facility"], identity, document=document)
        for row, identity, document in names
        # a sum that does not add up is found by a rule, and a rule changes no outcome
        if (row["outcome"] == "accepted_with_findings" or row["injected"] == "wrong_sum")
        and row.get("superseded_by") is None
    }
    assert with_findings == keys, "a finding on a clean dossier, or none on a dirty one"
    assert by_code
    for row in found:
        assert row["message"]
        assert row["owner"]
