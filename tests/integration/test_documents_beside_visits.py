"""Check-in and assessment beside the visit: documents of their own from file to answer, never in each other's place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bienho.config import load_profile
from bienho.core.errors import InputError
from bienho.pipeline import ask, open_app
from bienho.pipeline.app import App
from bienho.pipeline.ingest import ingest
from bienho.standards.xml130.write import write_assessment, write_check_in, write_delivery
from support.homes import temporary_home
from support.xml130_samples import make_rows, make_tables, tables_of

pytestmark = pytest.mark.database
PURPOSE = "tra-cuu-ho-so"


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    with temporary_home(ready=True) as made, open_app(made.home.path) as opened:
        yield opened


def send(app: App, folder: Path, data: bytes, **ways: str) -> dict[str, Any]:
    file = folder / f"{len(list(folder.iterdir()))}.xml"
    file.write_bytes(data)
    return ingest(app, [file], compute=False, **ways).as_dict()  # type: ignore[arg-type]


def held(app: App, facility: str, number: str) -> dict[str, Any]:
    return ask.dossier(app, PURPOSE, facility, number, with_identifiers=True)


def heads(app: App) -> list[tuple]:
    sql = "SELECT document, facility_code, encounter_key, dossier_key FROM standard.xml130_dossier ORDER BY version_id"
    return [tuple(row.values()) for row in ask.query(app, PURPOSE, sql, at=None, with_identifiers=False).to_pylist()]


def test_a_visit_and_its_check_in_are_answered_together(app: App, tmp_path: Path) -> None:
    visit = make_tables("3176", ma_lk="A", tables=tables_of("3176"))
    rows = make_rows("XML0", count=2, ma_lk="A")
    before = send(app, tmp_path, write_check_in(rows, version="3176"))
    assert (before["dossiers"], before["accepted"], before["rows"].get("XML0")) == (1, 1, 2)
    assert held(app, "64001", "A")["tables"] == {"XML0": rows}

    sent = send(app, tmp_path, write_delivery([visit], facility="64001", created="20260103", version="3176"))
    assert (sent["accepted"], sent["superseded"], sent["duplicates"]) == (1, 0, 0)
    assert {name: count for name, count in sent["rows"].items() if count} == {k: len(v) for k, v in visit.items()}
    found = held(app, "64001", "A")
    assert found["tables"] == visit | {"XML0": rows}
    assert (found["document"], found["versions"]) == ("visit", 1)
    assert found["rows"] == {name: len(lines) for name, lines in found["tables"].items()}

    # a later check-in replaces the earlier one, not the visit
    later = [*rows, make_rows("XML0", count=1, seed=7, ma_lk="A")[0]]
    again = send(app, tmp_path, write_check_in(later, version="3176"))
    assert (again["accepted"], again["superseded"]) == (1, 1)
    assert held(app, "64001", "A")["tables"] == visit | {"XML0": later}
    assert send(app, tmp_path, write_check_in(later, version="3176"))["duplicates"] == 1

    (check_in,) = [one for one in heads(app) if one[0] == "check_in"]
    (encounter,) = [one for one in heads(app) if one[0] == "visit"]
    assert encounter[2] == encounter[3] == check_in[2] != check_in[3]


def test_an_assessment_is_found_by_its_minutes(app: App, tmp_path: Path) -> None:
    board = load_profile().assessment_board
    assert board
    row = make_rows("XML12", count=1)[0] | {"SO_BIEN_BAN": "77/GDYK"}
    data = write_assessment([row], version="3176")
    report = send(app, tmp_path, data)
    assert (report["dossiers"], report["accepted"], report["findings"]) == (1, 1, 1)
    assert held(app, board, "77/GDYK")["tables"] == {"XML12": [row]}
    assert [one[2] for one in heads(app) if one[0] == "assessment"] == [None]

    next_year = row | {"NGAY_HOP": "20270102", "TYLE_TTCT_MOI": "9"}
    assert send(app, tmp_path, write_assessment([next_year], version="3176"))["superseded"] == 0
    assert held(app, board, "77/GDYK")["tables"] == {"XML12": [next_year]}
    corrected = row | {"NGAY_HOP": "20261231"}
    assert send(app, tmp_path, write_assessment([corrected], version="3176"))["superseded"] == 1

    elsewhere = send(app, tmp_path, data, facility="64900")
    assert (elsewhere["accepted"], elsewhere["findings"]) == (1, 0)
    assert held(app, "64900", "77/GDYK")["tables"] == {"XML12": [row]}
    with pytest.raises(InputError, match="IN-DOSSIER-UNKNOWN"):
        held(app, "64900", "78/GDYK")


def test_a_referral_comes_back_under_the_names_it_was_sent_with(app: App, tmp_path: Path) -> None:
    for version, created, name in (("4750", "20240521", "MA_NOI_DI"), ("3176", "20260103", "MA_CSKCB_DI")):
        visit = make_tables(version, ma_lk=f"R-{version}", tables=("XML1", "XML13"))
        send(app, tmp_path, write_delivery([visit], facility="64001", created=created, version=version))
        (referral,) = held(app, "64001", f"R-{version}")["tables"]["XML13"]
        assert referral[name] == visit["XML13"][0]["MA_CSKCB_DI"]
        assert ("TEN_THUOC" in referral) == (version == "4750")


def test_a_bad_row_costs_itself_alone(app: App, tmp_path: Path) -> None:
    rows = [make_rows("XML0", count=1, ma_lk=key)[0] for key in ("B1", "B2", "B3")]
    data = write_check_in(rows, version="3176").replace(b"<MA_LK>B2</MA_LK>", b"<MA_LK>B2</MA_L>")
    report = send(app, tmp_path, data)
    assert (report["dossiers"], report["accepted"], report["quarantined"], report["rows"]["XML0"]) == (3, 2, 1, 2)
    assert held(app, "64001", "B3")["tables"] == {"XML0": [rows[2]]}
