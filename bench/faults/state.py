"""The end state of a home, row by row, and what differs between two homes that did the same work.

A command that was killed and given again receives its files twice. That makes repeats: deliveries that bring nothing
new. So versions are compared by their place in the order of versions, what is told of a delivery without its number,
and tables about deliveries as sets. Everything else must be the same row for row: every zone, the vault, the heads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from bienho.database import Role
from bienho.lake import Lake
from bienho.pipeline import App
from bienho.pipeline.catalog import current_catalog

OF_A_DELIVERY = ("delivery_seq", "delivery_id", "received_at", "judged_at", "finding_id")
OUTCOME = (
    "outcome", "reason", "accepted", "accepted_with_findings", "quarantined", "duplicates", "superseded",
)  # fmt: skip
ABOUT_DELIVERIES = ("standard.delivery", "quality.quarantine", "quality.signature")
LEFT_OUT = ("standard.duplicate", "quality.score", "quality.score_run")
"""Repeats are what they list, or count: a copy costs some of a score. `rebuild --compare` looks at scores."""
NUMBERS = ("loss_no", "points", "points_total")
"""Counted, or rounded, along rows of which some tell of repeats."""
PLACES = (
    "CREATE OR REPLACE TEMP TABLE place AS SELECT version_id, row_number() OVER (ORDER BY version_id) AS place FROM"
    " (SELECT version_id FROM lake.standard.xml130_dossier UNION SELECT version_id FROM lake.standard.superseded)"
)


@dataclass(frozen=True)
class State:
    """Rows by table of the lake (repeats taken out), of the vault and of the heads; nothing that chance decides."""

    lake: Mapping[str, pa.Table]
    vault: Mapping[str, list[tuple[Any, ...]]]


def state_of(app: App) -> State:
    """Read everything there is."""
    with app.writing() as lake:
        lake.connection.execute(PLACES)
        counts = lake.table_counts()
        rows = {
            name: _rows(lake.connection, name)
            for name, count in counts.items()
            if count and not name.startswith("journal.") and name not in LEFT_OUT
        }
    return State({name: table for name, table in rows.items() if table.num_rows}, _vault(app))


def differences(left: State, right: State) -> dict[str, tuple[int, int]]:
    """Table → rows that only one side has (left, right); empty when the states are equal."""
    found = {}
    for name in sorted(left.lake.keys() | right.lake.keys()):
        one, other = left.lake.get(name), right.lake.get(name)
        if one is None or other is None:
            found[name] = (one.num_rows if one else 0, other.num_rows if other else 0)
            continue
        with duckdb.connect() as judge:
            judge.register("one", one)
            judge.register("other", other)
            only = [
                judge.execute(f"SELECT count(*) FROM (FROM {a} EXCEPT ALL FROM {b})").fetchone()
                for a, b in (("one", "other"), ("other", "one"))
            ]
        counted = tuple(row[0] if row else 0 for row in only)
        if any(counted):
            found[name] = counted
    for name in left.vault:
        if left.vault[name] != right.vault[name]:
            one_only, other_only = set(left.vault[name]), set(right.vault[name])
            found[name] = (len(one_only - other_only), len(other_only - one_only))
    return found


def lost_receipts(app: App, given: Mapping[int, str]) -> list[int]:
    """Sequences of receipts whose bytes raw does not give back, or not those bytes."""
    kept = {header.seq: hashlib.sha256(data).hexdigest() for header, data in app.raw.scan()}
    return [seq for seq, digest in given.items() if kept.get(seq) != digest]


def wrong_heads(app: App) -> int:
    """Heads that are not the current version the lake has, and current versions without a head."""
    with app.writing() as lake:
        current = set(
            lake.connection.execute(
                "SELECT dossier_key, version_id, content_digest FROM lake.standard.xml130_dossier"
                " ANTI JOIN lake.standard.superseded USING (version_id)"
            ).fetchall()
        )
    with app.database.connect(Role.WORKER) as connection:
        heads = set(
            connection.execute(
                "SELECT encode(uuid_send(dossier_key), 'hex'), version_id, encode(uuid_send(content_digest), 'hex')"
                " FROM pipeline.dossier_head WHERE catalog = %s",
                (current_catalog(app.home),),
            ).fetchall()
        )
    return len(current ^ heads)


def stray_files(lake: Lake) -> int:
    """Files below the lake's folder that its catalog does not know, neither as live nor as waiting for removal."""
    rows = lake.metadata_query(
        "SELECT path FROM {meta}.ducklake_data_file UNION ALL SELECT path FROM {meta}.ducklake_delete_file"
        " UNION ALL SELECT path FROM {meta}.ducklake_files_scheduled_for_deletion"
    )
    known = {str(path).rsplit("/", 1)[-1] for (path,) in rows}
    return sum(path.name not in known for path in lake.data_path.rglob("*.parquet"))


def _rows(connection: duckdb.DuckDBPyConnection, name: str) -> pa.Table:
    columns = [row[0] for row in connection.execute(f"SELECT * FROM lake.{name} LIMIT 0").description]
    if name in ABOUT_DELIVERIES:
        kept = [column for column in columns if column not in (*OF_A_DELIVERY, *OUTCOME, "version_id")]
        return connection.execute(f"SELECT DISTINCT {_list(kept)} FROM lake.{name}").to_arrow_table()
    if "version_id" not in columns:
        return connection.execute(f"SELECT * FROM lake.{name}").to_arrow_table()
    apart = (*OF_A_DELIVERY, *NUMBERS, "version_id", "by_version_id")
    kept = [column for column in columns if column not in apart]
    follower = join = ""
    if "by_version_id" in columns:
        follower, join = ", f.place AS by_place", " LEFT JOIN temp.place AS f ON f.version_id = t.by_version_id"
    return connection.execute(
        f"SELECT p.place{follower}, {_list(kept, 't.')}"
        f" FROM lake.{name} AS t JOIN temp.place AS p USING (version_id){join}"
    ).to_arrow_table()


def _list(columns: list[str], prefix: str = "") -> str:
    return ", ".join(f'{prefix}"{column}"' for column in columns)


def _vault(app: App) -> dict[str, list[tuple[Any, ...]]]:
    """Ids, patients and sizes: content and text decide them; keys and nonces are chance."""
    queries = {
        "vault.patient": "SELECT patient_key, erased_at IS NULL FROM vault.patient ORDER BY 1",
        "vault.record": "SELECT record_id, patient_key, size FROM vault.record ORDER BY 1",
        "vault.blind_index": "SELECT record_id, patient_key, personal_id, insurance_number, phone, name_birth"
        " FROM vault.blind_index ORDER BY 1, 2, 3, 4, 5, 6",
    }
    with app.database.connect(Role.ADMIN) as connection:
        found = {name: connection.execute(sql).fetchall() for name, sql in queries.items()}
        found["heads"] = connection.execute(
            "SELECT dossier_key, content_digest FROM pipeline.dossier_head WHERE catalog = %s ORDER BY 1",
            (current_catalog(app.home),),
        ).fetchall()
    return found
