"""Code lists in the lake: the built-in ones at first, then every list imported, each a delivery of kind `reference`.

Reference tables are a pure function of the built-in lists and the reference deliveries in receipt order, so a rebuild
finds the same lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import orjson

from bienho.config import load_profile
from bienho.core.errors import InputError
from bienho.core.ids import delivery_id
from bienho.lake import Lake, RawStore
from bienho.pipeline.app import App
from bienho.sources import Delivery, read_file, receive
from bienho.terminology import IMPORT_KINDS, Edition, builtin_editions, parse_import, reference_tables

KIND = "reference"
KINDS = tuple(sorted(IMPORT_KINDS))


def wrap(kind: str, edition: str, valid_from: date, data: bytes) -> bytes:
    """The bytes of a reference delivery: one line of JSON that says what the list is, then the list as it came."""
    head = {"kind": kind, "edition": edition, "valid_from": valid_from.isoformat()}
    return orjson.dumps(head, option=orjson.OPT_APPEND_NEWLINE) + data


def unwrap(data: bytes) -> Edition:
    """The edition in a reference delivery; InputError IN-CODES* names line and column."""
    head, _, body = data.partition(b"\n")
    said = orjson.loads(head)
    return parse_import(said["kind"], body, said["edition"], date.fromisoformat(said["valid_from"]))


def receive_list(app: App, kind: str, path: Path, edition: str, valid_from: date) -> dict[str, Any]:
    """Judge a list, then receive it; {delivery, rows}. Nothing is received when a line cannot be taken."""
    data = read_file(path, app.limits)
    parsed = parse_import(kind, data, edition, valid_from)
    wrapped = wrap(kind, edition, valid_from, data)
    receipts = receive(app.raw, [Delivery(wrapped, datetime.now(UTC), source="codes", path=path.name, kind=KIND)])
    return {"delivery": delivery_id(receipts[0].seq), "rows": parsed.rows.num_rows}


def imported(raw: RawStore, up_to: int) -> Iterator[Edition]:
    """Editions received up to a sequence, in receipt order; a list that no longer parses is passed over, not fatal."""
    for header in raw.headers(0):
        if header.kind == KIND and header.seq <= up_to:
            try:
                yield unwrap(raw.read(header.seq)[1])
            except InputError:
                continue


def load(lake: Lake, raw: RawStore, up_to: int) -> bool:
    """Bring the reference tables to what was known at receipt `up_to`; False when they were that already."""
    tables = reference_tables([*builtin_editions(load_profile()), *imported(raw, up_to)])
    connection = lake.connection
    changed = {}
    for name, table in tables.items():
        connection.register("incoming", table)
        difference = connection.execute(
            f"SELECT count(*) FROM ((FROM incoming EXCEPT ALL FROM lake.{name})"
            f" UNION ALL (FROM lake.{name} EXCEPT ALL FROM incoming))"
        ).fetchone()
        if difference and difference[0]:
            changed[name] = table
    connection.unregister("incoming")
    if not changed:
        return False

    def work(writing: duckdb.DuckDBPyConnection) -> None:
        for name, table in changed.items():
            writing.register("incoming", table)
            writing.execute(f"DELETE FROM lake.{name}")
            writing.execute(f"INSERT INTO lake.{name} BY NAME SELECT * FROM incoming")

    lake.commit(work, author="bienho-worker", message=f"reference {up_to}", deliveries=())
    return True
