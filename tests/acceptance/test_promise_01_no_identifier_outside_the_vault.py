"""Promise 1: the twin's names, ids, phones and addresses are nowhere in clear, in any dress, outside the vault.

Searched: every column of every lake table (all versions) by SELECT, DuckLake's own catalog with its statistics, every
table of PostgreSQL, PostgreSQL's files and logs, raw segments, Parquet files, the home and a backup. Pages of the
portal are not fetched here yet. Then the search is shown to find a planted value; the log, the page and the backup of
that part are files the test writes itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pytest

from bienho.core.text import unaccented
from bienho.database import Role
from bienho.pipeline import ask
from bienho.pipeline.backup import backup
from support.leaks import Leak, Searcher
from support.province import PURPOSE, Province, whole_lake

pytestmark = pytest.mark.database

PEOPLE = 120


@pytest.fixture(scope="module")
def needles(province: Province) -> set[str]:
    """Direct identifiers of people whose dossiers were taken in, and the visit and patient numbers of those."""
    visited = {row["person_id"] for row in province.truth("dossiers")}
    people = [row for row in province.truth("people") if row["person_id"] in visited][:PEOPLE]
    known = {row["person_id"] for row in people}
    fields = ("name", "personal_id", "insurance_card", "insurance_number", "phone", "address", "address_before_merger")
    found = {row[name] for row in people for name in fields if row[name]}
    for row in province.truth("dossiers"):
        if row["person_id"] in known:
            found |= {row["ma_lk"], row["ma_bn"]}
    return {needle for needle in found if needle and len(needle) >= 6}


@pytest.fixture(scope="module")
def searcher(needles: set[str], tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    made = Searcher(needles, tmp_path_factory.mktemp("needles"))
    assert made.forms > 10_000
    return made


def dump(table: pa.Table, path: Path) -> None:
    """A table as text, every column, nothing quoted away."""
    columns = {name: table.column(name).cast(pa.string(), safe=False) for name in _plain(table)}
    for name in set(table.column_names) - set(columns):
        columns[name] = pa.array([repr(value) for value in table.column(name).to_pylist()])
    pyarrow.csv.write_csv(pa.table(columns), path)


def _plain(table: pa.Table) -> Iterator[str]:
    for field in table.schema:
        if not pa.types.is_nested(field.type) and not pa.types.is_binary(field.type):
            yield field.name


def dump_lake(province: Province, folder: Path) -> None:
    for name, table in whole_lake(province.app).items():
        dump(table, folder / f"{name}.csv")


def dump_postgresql(province: Province, folder: Path) -> None:
    """Every table of every schema as COPY text, DuckLake's statistics among them."""
    with province.app.database.connect(Role.ADMIN) as admin:
        for schema, name in admin.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall():
            with (
                (folder / f"{schema}.{name}.txt").open("wb") as out,
                admin.cursor().copy(f'COPY "{schema}"."{name}" TO STDOUT') as copy,
            ):
                for block in copy:
                    out.write(block)
        admin.execute("CHECKPOINT")


def postgresql_folder(province: Province) -> Path:
    with province.app.database.connect(Role.ADMIN) as admin:
        return Path(admin.execute("SHOW data_directory").fetchone()[0])


def test_nothing_in_lake_catalog_postgresql_files_logs_and_backup(
    province: Province, searcher: Searcher, tmp_path: Path
) -> None:
    lake, postgresql = tmp_path / "lake", tmp_path / "postgresql"
    lake.mkdir()
    postgresql.mkdir()
    provoke_errors(province)
    dump_lake(province, lake)
    dump_postgresql(province, postgresql)
    copy = tmp_path / "backup.bin"
    backup(province.app, copy)
    data = postgresql_folder(province)
    leaks = searcher.search(lake, postgresql, copy, province.made.home.path, data, data.parent)
    assert leaks == [], leaks[:5]


def provoke_errors(province: Province) -> None:
    """Questions that fail with a name in them: neither log nor audit may keep it."""
    name = province.truth("people")[0]["name"]
    for sql in (f"SELECT '{name}' FROM standard.nowhere", f"SELECT CAST('{name}' AS INTEGER) FROM standard.delivery"):
        with pytest.raises(Exception):  # noqa: B017 - which error it is does not matter here
            ask.query(province.app, PURPOSE, sql, at=None, with_identifiers=False)
    with province.app.database.connect(Role.ADMIN) as admin, pytest.raises(Exception):  # noqa: B017
        admin.execute("SELECT %s::integer", (name,))


PLACES = ("a lake column", "the catalog's statistics", "a PostgreSQL file", "a log", "a page", "a backup")


@pytest.mark.parametrize("place", PLACES)
def test_a_planted_value_is_found(
    place: str, province: Province, needles: set[str], searcher: Searcher, tmp_path: Path
) -> None:
    value = max(needles, key=len)
    found: list[Leak] = []
    if place == "a lake column":
        dump(pa.table({"code": ["J18.9", unaccented(value).upper()]}), tmp_path / "table.csv")
    elif place == "the catalog's statistics":
        plant_statistics(province, value, tmp_path)
    elif place == "a PostgreSQL file":
        found = plant_in_postgresql(province, value, searcher)
    elif place == "a log":
        (tmp_path / "postgres.log").write_text(f"ERROR:  invalid input: {value!r}\n", encoding="utf-8")
    elif place == "a page":
        (tmp_path / "page.html").write_text(f"<td>{value.lower()}</td>", encoding="utf-8")
    else:
        (tmp_path / "backup.tar").write_bytes(b"\0" * 513 + value.encode() + b"\0" * 511)
    assert found or searcher.search(tmp_path), place


def plant_statistics(province: Province, value: str, folder: Path) -> None:
    """A column written to the lake in clear leaves its least and greatest value in DuckLake's catalog."""

    def work(connection) -> None:
        connection.execute("CREATE TABLE lake.quality.planted (code VARCHAR)")
        connection.execute("INSERT INTO lake.quality.planted VALUES (?)", [value])

    with province.app.writing() as lake:
        lake.commit(work, author="test", message="plant", deliveries=())
        dump_postgresql(province, folder)
        lake.commit(lambda c: c.execute("DROP TABLE lake.quality.planted"), author="t", message="t", deliveries=())
    shutil.copytree(folder, folder / "kept")


def plant_in_postgresql(province: Province, value: str, searcher: Searcher) -> list[Leak]:
    with province.app.database.connect(Role.ADMIN, autocommit=True) as admin:
        admin.execute("CREATE TABLE public.planted (t text)")
        admin.execute("INSERT INTO public.planted VALUES (%s)", (value,))
        admin.execute("CHECKPOINT")
        found = searcher.search(postgresql_folder(province))
        admin.execute("DROP TABLE public.planted")
    return found
