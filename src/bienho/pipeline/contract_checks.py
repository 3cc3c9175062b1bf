"""The `quality` sections of contracts measured over the lake in use, for the operator: counts, never a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import duckdb

from bienho.contracts import Contract, catalogue
from bienho.lake import Lake
from bienho.lake.failures import lake_errors
from bienho.pipeline import ask
from bienho.pipeline.app import App
from bienho.pipeline.catalog import current_catalog
from bienho.quality.contract_quality import Measured, measure_sql


def measure_all(app: App, as_of: date) -> list[Measured]:
    """Every check of every contract that has some, over current versions; freshness up to `as_of`."""
    ask.permit(app, "run", "quality")
    asked = [contract for contract in catalogue().values() if contract.quality]
    with Lake.open(app.home, app.database, read_only=True, catalog=current_catalog(app.home)) as lake:
        lake.install_views()
        with lake_errors("Đo chất lượng bộ dữ liệu"):
            return list(measure(lake.connection, asked, as_of))


def measure(connection: duckdb.DuckDBPyConnection, contracts: Sequence[Contract], as_of: date) -> Iterator[Measured]:
    """Every check of every contract, over relations of the contracts' own names."""
    for contract in contracts:
        sql = measure_sql(contract, as_of)
        if sql:
            numbers = dict(connection.execute(sql).fetchall())
            for check in contract.quality:
                yield Measured(contract.id, check, numbers[check.name])
