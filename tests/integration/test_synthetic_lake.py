"""A twin straight in the lake of its own home: what an ingest of its files makes, and what such a home refuses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from bienho.cli.main import main
from bienho.config import Home
from bienho.contracts import catalogue
from bienho.core.errors import ConfigError
from bienho.database import Role
from bienho.lake import Lake
from bienho.pipeline import App, open_app
from bienho.pipeline.backup import backup
from bienho.pipeline.doctor import diagnose
from bienho.pipeline.ingest import ingest
from bienho.pipeline.rebuild import rebuild
from bienho.synthetic import Plan, generate
from bienho.synthetic.straight.lakeward import fill
from support.homes import temporary_home

PLAN = Plan(
    persons=50, months=6, seed=5, share_noncanonical=0.0, share_resent=0.0, share_duplicate=0.0, share_checkin=0.0,
    board=False, versions={"3176": 0.8, "130": 0.2},
)  # fmt: skip
HOUSE = ("version_id", "delivery_seq", "delivery_id", "hoso", "received_at")
"""What only a delivery gives: when, in which file, where in it."""


@pytest.fixture(scope="module")
def twin() -> Iterator[App]:
    """A home filled straight, every visit from its own stencil, by two sealing processes in small blocks."""
    with temporary_home(ready=True) as made:
        marker = made.home.path / "home.json"
        marker.write_text(marker.read_text().replace('"layout"', '"origin": "twin", "layout"'))
        with open_app(made.home.path) as app:
            told = fill(PLAN, app, made.home.path / "truth", processes=2, block=40, variants=10**6, shared=1)
            assert told.stencils == told.dossiers > 40
            yield app


def rows(app: App) -> tuple[dict[str, list[dict[str, Any]]], dict[str, int]]:
    """Of every table of versions the rows without what only a delivery gives, named by their dossiers and put in order;
    how many rows every derived table has."""
    with Lake.open(app.home, app.database, read_only=True) as lake:
        counts = lake.table_counts()
        found = {}
        for name, contract in catalogue().items():
            if not (name.startswith(("standard.xml130_", "conformed.")) and contract.versioned and counts[name]):
                continue
            names = ", ".join(f't."{field.name}"' for field in contract.fields if field.name not in HOUSE)
            sql = (
                f"SELECT d.dossier_key AS dossier, {names} FROM lake.{name} AS t"
                " JOIN lake.standard.xml130_dossier AS d USING (version_id) ORDER BY ALL"
            )
            found[name] = lake.connection.execute(sql).to_arrow_table().to_pylist()
    return found, {name: count for name, count in counts.items() if name.startswith("derived.")}


def vault(app: App) -> tuple[list[Any], list[Any]]:
    """Records (what they hold is in their names) and blind indexes."""
    with app.database.connect(Role.GOVERNANCE) as connection:
        records = connection.execute("SELECT record_id, patient_key, size FROM vault.record ORDER BY 1").fetchall()
        blind = connection.execute(
            "SELECT * FROM vault.blind_index ORDER BY record_id, personal_id, insurance_number, phone, name_birth"
        ).fetchall()
        return records, blind


def test_rows_are_those_of_an_ingest_of_the_files(twin: App, tmp_path: Path) -> None:
    generate(PLAN, tmp_path / "files")
    with temporary_home(ready=True) as made, open_app(made.home.path) as app:
        ingest(app, [tmp_path / "files"])
        (ours, ours_derived), (theirs, theirs_derived) = rows(twin), rows(app)
        assert ours.keys() == theirs.keys()
        assert {"standard.xml130_1", "standard.xml130_5", "conformed.encounter"} <= ours.keys()
        for name in ours:
            assert ours[name] == theirs[name], name
        assert ours_derived == theirs_derived
        assert any(ours_derived.values())
        assert vault(twin) == vault(app)


def test_a_record_of_the_vault_opens_to_the_person_of_the_truth(twin: App) -> None:
    truth = twin.home.path / "truth"
    people = {row["person_no"]: row for row in pq.read_table(truth / "people.parquet").to_pylist()}
    visits = {row["version_id"]: row for row in pq.read_table(truth / "visits.parquet").to_pylist()}
    with Lake.open(twin.home, twin.database, read_only=True) as lake:
        heads = lake.connection.execute("SELECT version_id, record_id FROM lake.standard.xml130_dossier").fetchall()
    assert visits.keys() == {version for version, _ in heads}
    opened = twin.vault.open([record for _, record in heads])
    for version, record in heads:
        person = people[visits[version]["person_no"]]
        assert opened[record]["XML1"][0]["HO_TEN"] == person["name"]
        assert opened[record]["XML1"][0]["MA_LK"] == visits[version]["ma_lk"]


def test_such_a_home_says_what_it_is_and_takes_nothing(twin: App, tmp_path: Path) -> None:
    generate(Plan(persons=3, months=1), tmp_path / "files")
    for refused in (
        lambda: ingest(twin, [tmp_path / "files"]),
        lambda: rebuild(twin, compare=False),
        lambda: backup(twin, tmp_path / "saved"),
        lambda: fill(PLAN, twin),
    ):
        with pytest.raises(ConfigError) as raised:
            refused()
        assert raised.value.code in ("CFG-HOME-NO-RAW", "CFG-HOME-TWIN")
    assert not (tmp_path / "saved").exists()
    assert twin.raw.last_seq() == 0
    told = {check.code: check for check in diagnose(twin.home.path)}
    assert "không có dữ liệu gốc" in told["home"].found
    assert [check.code for check in told.values() if check.status == "fail"] == []


def test_a_home_that_takes_deliveries_takes_no_twin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    Home.create(tmp_path / "home")
    done = CliRunner().invoke(main, ["synth", "--into", str(tmp_path / "home"), "--persons", "3"])
    assert isinstance(done.exception, ConfigError | SystemExit), done.output
    assert os.listdir(tmp_path / "home" / "lake") == []
