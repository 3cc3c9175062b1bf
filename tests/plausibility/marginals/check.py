"""Every bound of the folder `bounds` over the tables of a twin: one query, one kind of error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import duckdb
import pyarrow as pa

_FOLDER = Path(__file__).parent
_PROVINCE = files("bienho.config").joinpath("profiles", "gialai")  # its lists, without the code that reads them
_BOUNDS = {path.stem: path.read_text(encoding="utf-8") for path in sorted((_FOLDER / "bounds").glob("*.sql"))}
_SHARES = (_FOLDER / "shares.sql").read_text(encoding="utf-8")
KINDS = (*_BOUNDS, "share")
"""What may be found; `share` is a distribution out of its range, of nobody in particular."""


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """One row that cannot be. `person_no` -1, keys and line '' where there is none; `note` names a share."""

    kind: str
    table: str
    person_no: int
    facility: str = ""
    ma_lk: str = ""
    stt: str = ""
    note: str = ""


def check(tables: Mapping[str, pa.Table]) -> list[Found]:
    """Everything found in the tables of the README."""
    with duckdb.connect() as connection:
        connection.execute("set threads = 2")
        for name, table in tables.items():
            connection.register(name, table)
        return judge(connection)


def judge(connection: duckdb.DuckDBPyConnection) -> list[Found]:
    """The same where the tables are views or tables of a connection already (so that they may be of any size)."""
    connection.execute(
        f"create or replace temp table commune_codes as select code::varchar as code, true as valid "
        f"from read_csv('{_PROVINCE}/communes.csv', all_varchar = true) union select old_code, false "
        f"from read_csv('{_PROVINCE}/commune_mapping.csv', all_varchar = true)"
    )
    connection.execute((_FOLDER / "views.sql").read_text(encoding="utf-8"))
    found = [
        Found(kind, *(("" if value is None else value) for value in row))
        for kind, query in _BOUNDS.items()
        for row in connection.execute(query).fetchall()
    ]
    for name, value, low, high in connection.execute(_SHARES).fetchall():
        if value is not None and not low <= value <= high:
            found.append(Found("share", "", -1, note=f"{name}: {value:.3f} not in {low} to {high}"))
    return sorted(set(found))
