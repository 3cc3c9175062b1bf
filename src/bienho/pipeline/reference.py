"""Code lists in the lake: the built-in ones at first, then every list imported, each a delivery of kind `reference`.

Reference tables are a pure function of the built-in lists and the reference deliveries in receipt order, so a rebuild
finds the same lists.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa

from bienho.config import load_profile, profile
from bienho.core.errors import InputError
from bienho.core.ids import delivery_id
from bienho.lake import Lake, RawHeader, RawStore
from bienho.pipeline.app import App
from bienho.pipeline.journal import read_journal
from bienho.quality.rule_lists import REFERENCES
from bienho.sources import Delivery, read_file, receive
from bienho.standards.xml130.map import models as conformed_models
from bienho.terminology import Edition, builtin_editions, editions, parse_import, reference_tables

KIND = "reference"
REMAP_DUE = "remap due"
REGISTER = "reference.code_system_edition"


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


def load(lake: Lake, raw: RawStore, arriving: RawHeader | None = None) -> bool:
    """Bring the reference tables to the lists taken in and the one `arriving`; True when rows changed.

    Rows in `conformed` made with other lists are marked as due to be mapped again, until `remap` has done it. A list
    that no model reads changes none of them.
    """
    received = _received(lake, arriving)
    state, there = _state(received), lists_of(lake)
    if there == state:
        return False
    tables = reference_tables([*builtin_editions(load_profile()), *_editions(raw, received)])
    if arriving and there == _state([seq for seq in received if seq != arriving.seq]):
        touched = {edition.dataset for edition in _editions(raw, [arriving.seq])} | {REGISTER}
        tables = {name: table for name, table in tables.items() if name in touched}
    counts = lake.table_counts()
    changed = {name: table for name, table in tables.items() if _differs(lake, name, table, counts[name])}

    def work(writing: duckdb.DuckDBPyConnection) -> None:
        for name, table in changed.items():
            writing.register("incoming", table)
            writing.execute(f"DELETE FROM lake.{name}")
            writing.execute(f"INSERT INTO lake.{name} BY NAME SELECT * FROM incoming")
        # batch 0: it orders nothing, it only remembers what the tables were made of
        writing.execute("DELETE FROM lake.journal.batch WHERE stage = 'reference'")
        writing.execute(
            "INSERT INTO lake.journal.batch BY NAME SELECT 0 AS batch_id, 'reference' AS stage, ? AS model_revision",
            [state],
        )
        if changed.keys() & _mapped():
            # told in the same transaction, so that a kill before the remap does not forget it
            writing.execute(
                "INSERT INTO lake.journal.batch BY NAME SELECT 0 AS batch_id, ? AS stage"
                " WHERE EXISTS (SELECT 1 FROM lake.journal.batch WHERE batch_id > 0)",
                [REMAP_DUE],
            )

    lake.commit(work, author="bienho-worker", message="reference", deliveries=())
    return bool(changed)


def _mapped() -> frozenset[str]:
    """The lists that models of `conformed` and rules read. The register of editions follows the lists it names: it
    says nothing of a list whose own rows, which carry their edition, stayed as they were."""
    return (frozenset(name for model in conformed_models() for name in model.reads) | {*REFERENCES}) - {REGISTER}


def _differs(lake: Lake, name: str, table: pa.Table, there: int) -> bool:
    """Whether a lake table of `there` rows has other rows than `table`; the lake is read only when it takes that."""
    if there != table.num_rows or not there:
        return there != table.num_rows
    with lake.registered(incoming=table) as connection:
        found = connection.execute(
            f"SELECT EXISTS ((FROM incoming EXCEPT ALL FROM lake.{name})"
            f" UNION ALL (FROM lake.{name} EXCEPT ALL FROM incoming))"
        ).fetchone()
    return found is not None and bool(found[0])


def lists_of(lake: Lake) -> str | None:
    """Names what the reference tables of a lake are made of; None before they are made."""
    known = read_journal(lake).stages.get("reference")
    return known.revision if known else None


@lru_cache(maxsize=2)
def _kept(made_of: str | None, place: str) -> dict[str, pa.Table]:
    return {}


def kept(lake: Lake) -> dict[str, pa.Table]:
    """Lists that this process has read of `lake`, filled by whoever reads one: they are the same until they change."""
    made_of = lists_of(lake)
    # the program's own lists are the same everywhere; others only in the lake they were taken into
    return _kept(made_of, "" if made_of == _state([]) else str(lake.data_path))


def remap_is_due(lake: Lake) -> bool:
    """Whether the lists changed since `conformed` was made."""
    return REMAP_DUE in read_journal(lake).stages


def _received(lake: Lake, arriving: RawHeader | None) -> list[int]:
    """Receipt sequences of the lists taken in so far, in order."""
    rows = lake.connection.execute(
        "SELECT delivery_seq FROM lake.standard.delivery WHERE kind = ? ORDER BY delivery_seq", [KIND]
    ).fetchall()
    return sorted({row[0] for row in rows} | ({arriving.seq} if arriving else set()))


def _editions(raw: RawStore, received: Sequence[int]) -> Iterator[Edition]:
    """The lists as editions; one that no longer parses is passed over, not fatal."""
    for seq in received:
        try:
            yield unwrap(raw.read(seq)[1])
        except InputError:
            continue


def _state(received: Sequence[int]) -> str:
    """Names what the tables are made of: the program's own lists and code, and every list received."""
    digest = hashlib.sha256(repr(list(received)).encode())
    for text in _own_lists():
        digest.update(text)
    return digest.hexdigest()[:16]


@cache
def _own_lists() -> tuple[bytes, ...]:
    """Every file the program's own lists are made from, with its name."""
    folders = [Path(str(module.__file__)).parent for module in (editions, profile)]
    return tuple(
        f"{path.relative_to(folder)}\0".encode() + path.read_bytes()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
    )
