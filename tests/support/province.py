"""A small province taken in from files, for acceptance tests: the whole house, end to end."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bench.homes import keep, made_once
from bienho.contracts import catalogue
from bienho.pipeline import App, jobs, open_app
from bienho.pipeline.ingest import ingest
from bienho.pipeline.report import IngestReport
from bienho.synthetic import Plan, generate
from support.homes import Made, temporary_home

PLAN = Plan(persons=140, months=8, seed=64052, dirt=0.04)
PURPOSE = "van-hanh"


@dataclass(frozen=True)
class Province:
    """An opened home with the twin's deliveries in it; `reports` of the three ingests, in order."""

    made: Made
    app: App
    files: Path
    reports: tuple[IngestReport, ...]

    def truth(self, name: str) -> list[dict[str, Any]]:
        """Rows of one truth table."""
        rows: list[dict[str, Any]] = pq.read_table(self.files / "truth" / f"{name}.parquet").to_pylist()
        return rows

    def deliveries(self) -> list[Path]:
        """The files taken in, in the order in which they were."""
        return delivery_files(self.files)


def delivery_files(files: Path) -> list[Path]:
    """The twin's deliveries (envelopes, bare files, zips) in order of receipt; the truth is none."""
    return sorted(path for path in files.glob("*/*") if path.parent.name != "truth")


@contextmanager
def small_province() -> Iterator[Province]:
    """A copy of the one province of this run, opened: what one test process does to its own, no other sees."""
    stock = made_once("province", _make)
    with temporary_home("nhà tỉnh", stock=stock) as made, open_app(made.home.path) as app:
        reports = pickle.loads((stock / "reports").read_bytes())
        yield Province(made, app, stock / "deliveries", reports)


def _make(stock: Path) -> None:
    """Generate, take in by three ingests (so that the incremental way is really walked), keep."""
    files = stock / "deliveries"
    generate(PLAN, files)
    paths = delivery_files(files)
    third = len(paths) // 3
    with temporary_home("nhà tỉnh", ready=True) as made:
        with open_app(made.home.path) as app:
            parts = (paths[:third], paths[third : 2 * third], paths[2 * third :])
            reports = tuple(ingest(app, part) for part in parts)
            jobs.run(app, "signatures")
            jobs.run(app, "link")
            jobs.run(app, "scores")
        made.database.close()
        keep(made.home, stock)
    (stock / "reports").write_bytes(pickle.dumps(reports))


def whole_lake(app: App) -> dict[str, pa.Table]:
    """Every table of the lake with every column and all versions, read past the gate: for oracles only."""
    with app.writing() as lake:
        # of a table without files only the columns are known, and a scan of it costs more than one of a full table
        return {
            name: lake.connection.execute(f"SELECT * FROM lake.{name}").to_arrow_table()
            if count
            else catalogue()[name].arrow_schema().empty_table()
            for name, count in lake.table_counts().items()
        }
