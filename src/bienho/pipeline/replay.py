"""Quarantined deliveries read again, under their own receipt, after the reader or a limit was mended.

What can be read now takes its place in the order of receipt, as if it had been readable then: later dossiers of the
same visits are settled again, so a copy may turn out to be a version and a version a copy. Whole deliveries are
written again, so that their rows, findings and counts are those a rebuild would give (law 4).
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import duckdb

from bienho.contracts import catalogue
from bienho.core.errors import UsageError
from bienho.core.ids import delivery_id
from bienho.lake import Lake, RawHeader
from bienho.pipeline.app import App
from bienho.pipeline.catalog import current_catalog
from bienho.pipeline.ingest import add_outcome, catch_up, compute_derived, groups, open_writer
from bienho.pipeline.isolation import POISON, blamed, known_poison
from bienho.pipeline.judge import Fates, Judged, Known, settle, unread
from bienho.pipeline.records import Outcome, quarantine_rows
from bienho.pipeline.report import IngestReport
from bienho.pipeline.writer import Batch, Writer
from bienho.standards.xml130 import opened_size

log = logging.getLogger(__name__)
STEP = 1_000_000
"""Versions per delivery: version_id = sequence * STEP + HOSO."""
ZONES = ("standard", "conformed", "quality")


@dataclass(slots=True)
class _Again:
    """A delivery read again: its path, the version ids that were set aside (hoso 0: the whole file)."""

    path: str
    judged: Judged
    aside: frozenset[int]

    @property
    def whole(self) -> bool:
        """Whether all of it is told: of a zip, too, for a member that can be read at last moves those behind it."""
        return self.judged.archive or self.judged.header.seq * STEP in self.aside


def replay(app: App, sequences: Sequence[int] = ()) -> IngestReport:
    """Read quarantined deliveries again; all of them when none is named. The report counts what was set aside.

    UsageError USE-NOT-QUARANTINED when a named delivery has nothing in quarantine.
    """
    report = IngestReport()
    with (
        app.writing() as lake,
        open_writer(app, lake, current_catalog(app.home)) as writer,
    ):
        catch_up(app.raw, writer)
        waiting = _waiting(lake.connection)
        chosen = sorted(set(sequences) or waiting)
        for seq in chosen:
            if seq not in waiting:
                raise UsageError("USE-NOT-QUARANTINED", f"Lần nhận {delivery_id(seq)} không có gì trong cách ly.")
        poison = known_poison(lake)
        received = (app.raw.read(seq) for seq in chosen if seq not in poison)
        for group in groups(received, lambda one: opened_size(one[1], app.limits), app.limits):
            _replay(app, writer, group, waiting, report)
        # last and each alone: the process may end on one of them again
        for seq in poison.keys() & set(chosen):
            _replay(app, writer, [app.raw.read(seq)], waiting, report)
        compute_derived(writer)
    return report


def _waiting(connection: duckdb.DuckDBPyConnection) -> dict[int, frozenset[int]]:
    """Receipt sequence → version ids in quarantine."""
    rows = connection.execute(
        "SELECT delivery_seq, list(version_id) FROM lake.quality.quarantine GROUP BY delivery_seq"
    ).fetchall()
    return {seq: frozenset(versions) for seq, versions in rows}


def _replay(
    app: App,
    writer: Writer,
    group: Sequence[tuple[RawHeader, bytes]],
    waiting: dict[int, frozenset[int]],
    report: IngestReport,
) -> None:
    """Replay a group; what makes it fail is found by halves and stays where it is (see `isolation`)."""
    try:
        _replay_together(app, writer, group, waiting, report)
    except Exception as error:
        if blamed(error) is None:
            raise
        if len(group) > 1:
            half = len(group) // 2
            _replay(app, writer, group[:half], waiting, report)
            _replay(app, writer, group[half:], waiting, report)
            return
        header, _ = group[0]
        log.warning("replay of %s failed: %s", delivery_id(header.seq), type(error).__name__)
        stays = Outcome.of(unread(header, POISON, ""), {})
        add_outcome(report, stays, header.path, stays)


def _replay_together(
    app: App,
    writer: Writer,
    group: Sequence[tuple[RawHeader, bytes]],
    waiting: dict[int, frozenset[int]],
    report: IngestReport,
) -> None:
    again = [_Again(header.path, writer.judge.read(header, data), waiting[header.seq]) for header, data in group]
    before = _quarantined(writer.lake.connection, [one.judged.header.seq for one in again])
    changed, outcomes = [], {}
    for one in again:
        outcomes[one.judged.header.seq] = outcome = Outcome.of(one.judged, {})
        if quarantine_rows([outcome]).to_pylist() != before[one.judged.header.seq]:
            changed.append(one.judged)
    if changed:
        written = write_again(app, writer, changed, "replay")
        outcomes |= {outcome.judged.header.seq: outcome for outcome in written.outcomes}
    for one in again:
        whole = outcomes[one.judged.header.seq]
        told = whole if one.whole else whole.only(one.aside)
        add_outcome(report, told, one.path, whole)
        for candidate in told.judged.kept:
            report.rows.update({name: len(rows) for name, rows in candidate.dossier.tables.items()})


def write_again(app: App, writer: Writer, changed: Sequence[Judged], stage: str) -> Batch:
    """Deliveries that read otherwise than before, in their old places, with every later one whose fate that changes."""
    batch, fates, keys = _settle(app, writer, changed)

    def clear(connection: duckdb.DuckDBPyConnection) -> None:
        _take_out(writer.lake, connection, [judged.header.seq for judged in batch], keys)

    return writer.write(batch, fates, stage=stage, clear=clear)


def _quarantined(connection: duckdb.DuckDBPyConnection, sequences: Sequence[int]) -> dict[int, list[dict[str, object]]]:
    """What lies in quarantine of each delivery, as rows in file order."""
    rows = connection.execute(
        "SELECT * FROM lake.quality.quarantine WHERE delivery_seq IN (SELECT unnest(?)) ORDER BY version_id",
        [list(sequences)],
    ).to_arrow_table()
    found: dict[int, list[dict[str, object]]] = {seq: [] for seq in sequences}
    for row in rows.select(catalogue()["quality.quarantine"].arrow_schema().names).to_pylist():
        found[row["delivery_seq"]].append(row)
    return found


def _settle(app: App, writer: Writer, changed: Sequence[Judged]) -> tuple[list[Judged], Fates, list[str]]:
    """Settle deliveries in their old places, and every later one whose fate that changes: (batch, fates, dossiers)."""
    batch = {judged.header.seq: judged for judged in changed}
    while True:
        keys = sorted({candidate.dossier_key for judged in batch.values() for candidate in judged.candidates})
        # a dossier that this delivery had and no longer has must be settled without it
        keys = sorted({*keys, *_dossiers_of(writer.lake.connection, batch)})
        known = [one for one in _known(writer.lake.connection, keys) if one.version_id // STEP not in batch]
        for judged in batch.values():
            judged.forget_fates()
        ordered = [batch[seq] for seq in sorted(batch)]
        fates = settle(ordered, {}, known)
        moved = _moved(known, fates)
        if not moved:
            fates.gone = [key for key in keys if key not in fates.heads]
            return ordered, fates, keys
        for seq in moved:
            batch[seq] = writer.judge.read(*app.raw.read(seq))


def _moved(known: Iterable[Known], fates: Fates) -> set[int]:
    """Deliveries outside the batch of which a dossier now has another fate."""
    copies = {link.version_id: link.other_id for link in fates.copies}
    replacing = {link.other_id for link in fates.replaced}
    return {
        one.version_id // STEP
        for one in known
        if (copies.get(one.version_id), one.version_id in replacing) != (one.of_version_id, one.replaces)
    }


def _dossiers_of(connection: duckdb.DuckDBPyConnection, sequences: Iterable[int]) -> set[str]:
    """Keys of the dossiers a lake knows of some deliveries."""
    rows = connection.execute(
        "SELECT dossier_key FROM (SELECT version_id, dossier_key FROM lake.standard.xml130_dossier"
        " UNION ALL SELECT version_id, dossier_key FROM lake.standard.superseded"
        " UNION ALL SELECT version_id, dossier_key FROM lake.standard.duplicate)"
        f" WHERE version_id // {STEP} IN (SELECT unnest(?))",
        [list(sequences)],
    ).fetchall()
    return {key for (key,) in rows}


def _known(connection: duckdb.DuckDBPyConnection, keys: Collection[str]) -> list[Known]:
    """Every version and every copy of some dossiers; of versions whose rows were dropped too."""
    rows = connection.execute(
        "WITH wanted AS (SELECT unnest(?) AS dossier_key),"
        " version AS (SELECT version_id, dossier_key, content_digest FROM lake.standard.xml130_dossier"
        " UNION SELECT version_id, dossier_key, content_digest FROM lake.standard.superseded)"
        " SELECT v.version_id, dossier_key, v.content_digest, NULL, s.by_version_id IS NOT NULL"
        " FROM version AS v SEMI JOIN wanted USING (dossier_key)"
        " LEFT JOIN lake.standard.superseded AS s ON s.by_version_id = v.version_id"
        " UNION ALL SELECT version_id, dossier_key, content_digest, of_version_id, false"
        " FROM lake.standard.duplicate SEMI JOIN wanted USING (dossier_key)",
        [list(keys)],
    ).fetchall()
    return [Known(*row) for row in rows]


def _take_out(lake: Lake, connection: duckdb.DuckDBPyConnection, sequences: Sequence[int], keys: Sequence[str]) -> None:
    """Every row of some deliveries, and who replaced whom among some dossiers."""
    counts = lake.table_counts()
    connection.execute("DELETE FROM lake.standard.superseded WHERE dossier_key IN (SELECT unnest(?))", [list(keys)])
    for contract in catalogue().values():
        names = {field.name for field in contract.fields}
        if contract.zone not in ZONES or contract.id == "standard.superseded" or not counts[contract.id]:
            continue
        if "delivery_seq" in names:
            connection.execute(
                f"DELETE FROM lake.{contract.id} WHERE delivery_seq IN (SELECT unnest(?))", [list(sequences)]
            )
        elif "version_id" in names:
            connection.execute(
                f"DELETE FROM lake.{contract.id} WHERE version_id BETWEEN ? AND ?"
                f" AND version_id // {STEP} IN (SELECT unnest(?))",
                [min(sequences) * STEP, (max(sequences) + 1) * STEP, list(sequences)],
            )
