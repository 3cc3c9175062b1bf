"""Quarantined deliveries read again, under their own receipt, after the reader or a limit was mended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from bienho.core.errors import UsageError
from bienho.core.ids import delivery_id
from bienho.pipeline.app import App
from bienho.pipeline.catalog import current_catalog
from bienho.pipeline.derive import derive
from bienho.pipeline.ingest import add_batch, catch_up, open_writer
from bienho.pipeline.records import Outcome, delivery_rows, table
from bienho.pipeline.report import ACCEPTED, QUARANTINED, WITH_FINDINGS, IngestReport, worst
from bienho.pipeline.writer import Writer

COUNTS = ("accepted", "accepted_with_findings", "quarantined", "duplicates", "superseded")


@dataclass(slots=True)
class _SetAside:
    """What is in quarantine for one delivery: version ids, and whether that is the whole envelope."""

    versions: set[int]
    whole: bool


def replay(app: App, sequences: Sequence[int] = ()) -> IngestReport:
    """Read quarantined deliveries again; all of them when none is named.

    What can be read now takes its place in the order of receipt: a version older than the current one goes to
    history. UsageError USE-NOT-QUARANTINED when a named delivery has nothing in quarantine.
    """
    report = IngestReport()
    with (
        app.writing() as lake,
        open_writer(app, lake, current_catalog(app.home)) as writer,
    ):
        catch_up(app.raw, writer)
        waiting = _waiting(lake.connection)
        for seq in sequences or sorted(waiting):
            if seq not in waiting:
                raise UsageError("USE-NOT-QUARANTINED", f"Lần nhận {delivery_id(seq)} không có gì trong cách ly.")
            _replay_one(app, writer, seq, waiting[seq], report)
        derive(lake, writer.runner.revision)
    return report


def _waiting(connection: duckdb.DuckDBPyConnection) -> dict[int, _SetAside]:
    rows = connection.execute("SELECT delivery_seq, version_id, hoso FROM lake.quality.quarantine").fetchall()
    waiting: dict[int, _SetAside] = {}
    for seq, version, hoso in rows:
        entry = waiting.setdefault(seq, _SetAside(set(), False))
        entry.versions.add(version)
        entry.whole = entry.whole or hoso == 0
    return waiting


def _replay_one(app: App, writer: Writer, seq: int, aside: _SetAside, report: IngestReport) -> None:
    header, data = app.raw.read(seq)

    def amend(connection: duckdb.DuckDBPyConnection, outcomes: Sequence[Outcome]) -> pa.Table:
        old = connection.execute("SELECT * FROM lake.standard.delivery WHERE delivery_seq = ?", [seq])
        names = [column[0] for column in old.description]
        before = dict(zip(names, old.fetchone() or (), strict=False))
        connection.execute("DELETE FROM lake.standard.delivery WHERE delivery_seq = ?", [seq])
        for name in ("quality.quarantine", "quality.finding"):
            if aside.whole:
                connection.execute(f"DELETE FROM lake.{name} WHERE delivery_seq = ?", [seq])
            else:
                connection.execute(
                    f"DELETE FROM lake.{name} WHERE version_id IN (SELECT unnest(?))", [[*aside.versions]]
                )
        return delivery_rows(outcomes) if aside.whole else _merged(before, outcomes[0], len(aside.versions))

    batch = writer.process(
        [(header, data)], stage="replay", only=None if aside.whole else frozenset(aside.versions), amend=amend
    )
    add_batch(report, batch, {seq: header.path})


def _merged(before: dict[str, Any], outcome: Outcome, were_aside: int) -> pa.Table:
    """The delivery's row after some of its HOSO were read again: the others keep what they had."""
    row = outcome.delivery_row()
    for name in COUNTS:
        row[name] += before.get(name, 0)
    row["quarantined"] -= were_aside
    row["hoso_found"] = before["hoso_found"]
    outcomes = {ACCEPTED}
    if row["accepted_with_findings"] or before["outcome"] == WITH_FINDINGS:
        outcomes.add(WITH_FINDINGS)
    if row["quarantined"]:
        outcomes.add(QUARANTINED)
    row["outcome"] = worst(outcomes)
    return table("standard.delivery", [row])
