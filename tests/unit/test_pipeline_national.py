"""The simulation of the insurance portal: what is known of its answers, against cases written from its description."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from bienho.cli.main import main
from bienho.pipeline.check import CheckedFile, check_bytes
from bienho.pipeline.national import answers, codes, is_busy
from bienho.quality.expiry import LOCAL
from bienho.standards.xml130.write import write_delivery
from support.xml130_samples import make_tables

SUNDAY = datetime(2026, 11, 22, 9, tzinfo=LOCAL)
MONDAY = datetime(2026, 11, 23, 9, tzinfo=LOCAL)


def finding(code: str, field: str | None = None, severity: str = "error", hoso: int = 1) -> dict[str, Any]:
    return {"code": code, "field": field, "severity": severity, "hoso": hoso}


def told(file: CheckedFile, moment: datetime = SUNDAY) -> list[tuple[int, str]]:
    return [(one.hoso, one.code.code) for one in answers(file, moment)]


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (CheckedFile("", "accepted", None), [(0, "200")]),
        (CheckedFile("", "quarantined", "IN-NOT-XML", quarantine=[finding("IN-NOT-XML", hoso=0)]), [(0, "123")]),
        (CheckedFile("", "quarantined", "IN-NO-HOSO", quarantine=[finding("IN-NO-HOSO", hoso=0)]), [(0, "204")]),
        (CheckedFile("", "refused", "LIM-DELIVERY-BYTES"), [(0, "1001")]),
        (CheckedFile("", "refused", "LIM-DEPTH"), [(0, "123")]),
        (CheckedFile("", "refused", "IN-FACILITY-ACCOUNT"), [(0, "205")]),
        (CheckedFile("", "accepted", None, signature=[{"code": "SIG-DIGEST", "severity": "error"}]), [(0, "125")]),
        (CheckedFile("", "accepted", None, signature=[{"code": "SIG-ABSENT", "severity": "warning"}]), [(0, "200")]),
        (
            CheckedFile(
                "", "accepted", None,
                findings=[finding("RULE-VALUE"), finding("RULE-VALUE", "GT_THE_DEN"), finding("X", severity="warning")],
                quarantine=[finding("IN-SUBFILE-XML", hoso=2)],
            ),
            [(0, "200"), (1, "10"), (1, "202"), (2, "201")],
        ),
    ],
)  # fmt: skip
def test_what_the_portal_is_known_to_answer(file: CheckedFile, expected: list[tuple[int, str]]) -> None:
    assert told(file) == expected


def test_in_working_hours_files_above_20_mb_are_too_large() -> None:
    file = CheckedFile("", "accepted", None, size=20_000_001)
    assert told(file, MONDAY) == [(0, "1001")]
    assert told(file, SUNDAY) == told(file, MONDAY + timedelta(hours=3)) == [(0, "200")]
    assert told(CheckedFile("", "accepted", None, size=100_000_001), SUNDAY) == [(0, "1001")]
    hours = [hour for hour in range(24) if is_busy(MONDAY.replace(hour=hour))]
    assert hours == [8, 9, 10, 14, 15, 16, 17, 18]
    assert is_busy(datetime(2026, 11, 23, 1, tzinfo=UTC)), "hours are those of the province"


def test_a_month_can_be_settled_up_to_the_5th_of_the_next() -> None:
    file = CheckedFile("", "accepted", None, months={1: "202610", 2: "202612"})
    assert told(file, datetime(2026, 11, 5, 23, 59, tzinfo=LOCAL)) == [(0, "200")]
    assert told(file, datetime(2026, 11, 6, tzinfo=LOCAL)) == [(0, "200"), (1, "701")]
    assert told(file, datetime(2027, 1, 6, tzinfo=LOCAL)) == [(0, "200"), (1, "701"), (2, "701")]


def test_a_real_file_says_its_month_and_its_dossiers() -> None:
    tables = make_tables("3176", seed=1, ma_lk="NAT-1")
    tables["XML1"][0] |= {"NAM_QT": "2026", "THANG_QT": "1"}
    data = write_delivery([tables], facility="64001", created="20260103", version="3176")
    file = check_bytes(data, facility="64001", source="api", with_keys=True)
    assert (file.months, file.size) == ({1: "202601"}, len(data))
    assert (1, "701") in told(file)
    assert {row["ma_lk"] for row in file.findings if row["hoso"]} == {"NAT-1"}
    assert check_bytes(data, facility="64002", source="api").reason == "IN-FACILITY-ACCOUNT"


def test_check_tells_what_the_portal_would_answer(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(b"<html>")
    asked = ["check", str(tmp_path / "a.xml"), "--portal", "--send-at", "2026-11-22T09:00"]
    told = orjson.loads(CliRunner().invoke(main, [*asked, "--json"]).stdout)["national"]
    assert [(one["hoso"], one["code"], one["because"]) for one in told] == [(0, "123", "IN-NOT-XML")]
    shown = CliRunner().invoke(main, asked).output
    assert "mô phỏng" in shown
    assert "123" in shown


def test_every_code_says_what_to_do_and_how_it_is_known() -> None:
    for one in codes().values():
        assert one.title
        assert one.fix or one.code == "200"
        assert one.known in ("letter", "client", "catalogue", "told")
