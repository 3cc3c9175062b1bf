"""`conformed.person_link`: whose record each facility's patient is; what of it costs little (the rest: `linking`).

Every patient of a current version has a row, as their own person until the index of persons was asked. It is asked by a
stage of its own after the batches: `bienho job link`, `bienho run`, the worker. Nothing else in the lake changes when
persons change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import psycopg

from bienho.core.deferred import deferred
from bienho.database import Role
from bienho.lake import Lake
from bienho.pipeline.app import App
from bienho.pipeline.journal import read_journal
from bienho.pipeline.judge import Judge

if TYPE_CHECKING:
    from bienho.linkage.index import tables
    from bienho.pipeline import linking
else:
    # a second of imports that most commands do without
    tables = deferred("bienho.linkage.index.tables")
    linking = deferred("bienho.pipeline.linking")

STAGE = "persons"
LINK = "conformed.person_link"
DECISION = "reference.person_decision"
SETTLED = "person rows"
"""Stage of the journal: up to which batch every patient has a row."""
TOUCHED = """
    SELECT DISTINCT patient_key FROM lake.standard.xml130_dossier
    SEMI JOIN (SELECT version_id FROM lake.journal.change WHERE batch_id > {since}) USING (version_id)
"""
"""Patients of versions that came or went after a batch."""
_CURRENT = """
    SELECT DISTINCT patient_key FROM lake.standard.xml130_dossier
    ANTI JOIN lake.standard.superseded USING (version_id) {some}
"""
_ODD = """
    SELECT (SELECT count(*) FROM temp.patient_now ANTI JOIN temp.patient_row USING (patient_key)),
        (SELECT count(*) FROM temp.patient_row ANTI JOIN temp.patient_now USING (patient_key)),
        (SELECT count(*) - count(DISTINCT patient_key) FROM temp.patient_row)
"""


def settle(lake: Lake) -> int:
    """A row for every patient of a current version, none for others; new ones are their own person. Rows changed.

    Looks at the patients touched since it last wrote something; at all where rows were written anew since.
    """
    journal = read_journal(lake)
    done, upto = journal.stages.get(SETTLED), journal.last_change
    if done is not None and done.batch_id >= upto:
        return 0
    whole = done is None or journal.last_rewrite > done.batch_id
    some = ""
    if done is not None and not whole:
        _note_due(lake.connection, done.batch_id)
        some = "SEMI JOIN temp.patient_due USING (patient_key)"
    else:
        lake.connection.execute(f"CREATE OR REPLACE TEMP TABLE patient_now AS {_CURRENT.format(some='')}")
    # once, whatever is asked of them: to look for some patients' rows reads those of all
    lake.connection.execute(f"CREATE OR REPLACE TEMP TABLE patient_row AS SELECT patient_key FROM lake.{LINK} {some}")
    new, gone, double = lake.connection.execute(_ODD).fetchone() or (0, 0, 0)

    def work(connection: duckdb.DuckDBPyConnection) -> None:
        known = "ANTI JOIN temp.patient_row USING (patient_key)"
        if whole and double:  # a lake of before had a row a version
            connection.execute(f"DELETE FROM lake.{LINK}")
            known = ""
        elif gone:
            odd = "SELECT patient_key FROM temp.patient_row ANTI JOIN temp.patient_now USING (patient_key)"
            connection.execute(f"DELETE FROM lake.{LINK} WHERE patient_key IN ({odd})")
        connection.execute(
            f"INSERT INTO lake.{LINK} BY NAME SELECT patient_key, patient_key AS person_key, 'identity' AS basis"
            f" FROM temp.patient_now {known}"
        )
        connection.execute("INSERT INTO lake.journal.batch BY NAME SELECT ? AS batch_id, ? AS stage", [upto, SETTLED])

    if new or gone or double:
        lake.commit(work, author="bienho-worker", message="person_link", deliveries=())
    for held in ("patient_due", "patient_now", "patient_row"):
        lake.connection.execute(f"DROP TABLE IF EXISTS temp.{held}")
    return int(new + gone + double)


def _note_due(connection: duckdb.DuckDBPyConnection, since: int) -> None:
    """The patients touched since a batch, in `temp.patient_due`; those of them with a current version, `patient_now`.

    A version that came and is current says so of its patient. Only the patients of whom versions went and none came
    have to be looked for among all dossiers, and they are few: most often what replaces a version is of the same one.
    """
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE patient_due AS SELECT patient_key, bool_or(s.version_id IS NULL) AS came"
        " FROM lake.standard.xml130_dossier AS d"
        " SEMI JOIN (SELECT version_id FROM lake.journal.change WHERE batch_id > ?) AS c USING (version_id)"
        " LEFT JOIN (SELECT DISTINCT version_id FROM lake.standard.superseded) AS s USING (version_id)"
        " GROUP BY patient_key",
        [since],
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE patient_now AS SELECT patient_key FROM temp.patient_due WHERE came"
    )
    left = "SEMI JOIN (SELECT patient_key FROM temp.patient_due WHERE NOT came) AS l USING (patient_key)"
    if connection.execute("SELECT count(*) FROM temp.patient_due WHERE NOT came").fetchone() != (0,):
        connection.execute(f"INSERT INTO temp.patient_now {_CURRENT.format(some=left)}")


def made(lake: Lake) -> bool:
    """Whether persons were ever looked for in this lake."""
    return STAGE in read_journal(lake).stages


def follows(lake: Lake) -> bool:
    """Whether the persons there are those of this release over what is in the lake and what was decided."""
    done = read_journal(lake).stages.get(STAGE)
    return done is not None and (done.batch_id, done.revision) == state(lake)


def state(lake: Lake) -> tuple[int, str]:
    """(the newest batch that changed rows, what the persons are made by and from)."""
    row = lake.connection.execute(f"SELECT count(*), max(decided_at) FROM lake.{DECISION}").fetchone()
    return read_journal(lake).last_change, f"{matched_by()}+{row}"


@cache
def matched_by() -> str:
    """Names the weights and the code that make persons: another release may find others."""
    room = Path(str(files("bienho").joinpath("linkage")))
    digest = hashlib.sha256()
    for path in sorted(room.rglob("*")):
        if path.suffix in (".py", ".json", ".yaml", ".csv", ".txt") and "index" not in path.relative_to(room).parts:
            digest.update(f"{path.relative_to(room)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def refresh(app: App, lake: Lake, judge: Judge, catalog: str, *, told: bool = True) -> linking.Refreshed:
    """Let index and `person_link` follow the lake; nothing happens where they do. `told`: changes go to the history.

    Under the writer lock. `judge` reads deliveries as they were read into this lake.
    """
    settle(lake)
    if follows(lake):
        return linking.Refreshed()
    with app.database.connect(Role.WORKER) as connection:
        return linking.Follower(app, connection, lake, judge, catalog, told=told).follow()


def erase(app: App, lake: Lake, judge: Judge, catalog: str, patients: Collection[str]) -> None:
    """Let erased patients leave index, decisions and history; those who were joined with them are looked at anew."""
    keys = sorted(patients)
    named = "left_key IN (SELECT unnest(?)) OR right_key IN (SELECT unnest(?))"
    row = lake.connection.execute(f"SELECT count(*) FROM lake.{DECISION} WHERE {named}", [keys, keys]).fetchone()

    def work(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(f"DELETE FROM lake.{DECISION} WHERE {named}", [keys, keys])

    if row and row[0]:
        lake.commit(work, author="bienho-worker", message="person_decision", deliveries=())
    if made(lake):
        refresh(app, lake, judge, catalog)
    with app.database.connect(Role.WORKER) as connection:
        connection.execute("SELECT governance.forget_person_changes(%s)", ([bytes.fromhex(key) for key in keys],))


def tell(app: App, before: str, after: str) -> int:
    """Before another lake is put in use: how its persons differ goes to the history. Rows written."""
    with app.database.connect(Role.WORKER) as connection:
        if {before, after} <= tables.indexes(connection) and _stands(connection, before):
            return tables.tell_differences(connection, before, after)
    return 0


def _stands(connection: psycopg.Connection, catalog: str) -> bool:
    row = connection.execute("SELECT 1 FROM linkage.standing WHERE catalog = %s", (catalog,)).fetchone()
    return row is not None


def indexes(app: App) -> set[str]:
    """The lakes that have an index."""
    with app.database.connect(Role.WORKER) as connection:
        rows = connection.execute("SELECT catalog FROM linkage.standing").fetchall()
    return {catalog for (catalog,) in rows}


def discard(app: App, catalog: str) -> None:
    """Remove the index of a lake that is not in use, if it has one."""
    if catalog in indexes(app):
        with app.database.connect(Role.WORKER) as connection:
            tables.drop_tables(connection, catalog)
