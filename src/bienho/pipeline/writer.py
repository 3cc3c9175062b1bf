"""The single writer: one batch of deliveries becomes one lake transaction (design 8.10).

Order inside a batch: read, settle fates against the heads, vault commit, models and casts in memory, one lake
transaction with the journal row, heads. Killed anywhere, the next run finds the batch missing from the journal and
does it again: the vault finds its records there, the heads follow the lake.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import psycopg

from bienho.config import Limits
from bienho.contracts import catalogue
from bienho.core.garbage import give_back, uncollected
from bienho.lake import Lake, maintenance
from bienho.pipeline import reference
from bienho.pipeline.casting import CastScan
from bienho.pipeline.heads import Heads
from bienho.pipeline.isolation import POISON, Delivered, Isolation
from bienho.pipeline.journal import Stage, follow, read_journal
from bienho.pipeline.judge import Fates, Judge, Judged, settle, unread
from bienho.pipeline.models import ModelRunner, store
from bienho.pipeline.records import (
    Outcome,
    change_rows,
    copy_rows,
    delivery_rows,
    finding_rows,
    quarantine_rows,
    replaced_rows,
)
from bienho.pipeline.ruling import EXCUSED, FOUND, OPEN, WAIVED, RuleScan, revision_of
from bienho.privacy import BATCH_MAX, Vault, VaultEntry
from bienho.standards.xml130 import Versioned, columns
from bienho.standards.xml130.map import models as conformed_models

AUTHOR = "bienho-worker"
FEW = 1_000
"""Dossiers that one thread takes in for less than two do."""
SETTLE_EVERY = 16
"""Batches between two looks at the small files that batches leave."""
GIVE_BACK_EVERY = 4
"""Batches after which freed memory goes back to the system. Processes of one batch a command held at the most 865 to
915 MB after the first few where none went back but at SETTLE_EVERY, 845 to 901 like this."""
Clear = Callable[[duckdb.DuckDBPyConnection], None]


@dataclass(slots=True)
class Batch:
    """What one committed batch did, for reports."""

    outcomes: list[Outcome]
    rows: dict[str, int]
    findings: int
    vault_written: int


class Writer:
    """Takes deliveries into one lake catalog. Made once per session under the writer lock."""

    def __init__(
        self, lake: Lake, vault: Vault, judge: Judge, connection: psycopg.Connection, limits: Limits, catalog: str
    ) -> None:
        self.lake = lake
        self.limits = limits
        self.remapped = False
        self._vault = vault
        self.judge = judge
        self.heads = Heads(connection, catalog)
        self.runner = ModelRunner(lake.connection, conformed_models())
        self._casts = CastScan(lake.connection)
        self.rules = RuleScan(lake.connection, self.runner)
        self.heads.catch_up(lake, self.last_batch())
        self.isolation = Isolation(connection, catalog, limits.poison_attempts)
        self.isolation.follow(self.last_seq())
        self._tidied = self.last_batch() // SETTLE_EVERY
        self.refresh_reference()

    @property
    def revision(self) -> str:
        """Names the models and rules of this release."""
        return revision_of(self.runner)

    def refresh_reference(self) -> None:
        """Read the code lists again; needed after one was imported."""
        self.runner.bind_copies(
            (name for name in catalogue() if name.startswith("reference.")), reference.kept(self.lake)
        )
        self.rules.forget_lists()

    def last_batch(self) -> int:
        """Number of the newest batch in the journal, 0 in an empty lake."""
        return read_journal(self.lake).last_batch

    def last_seq(self) -> int:
        """Receipt sequence up to which deliveries are in the lake."""
        return read_journal(self.lake).last_seq

    def process(self, deliveries: Sequence[Delivered], aside: Mapping[int, str] | None = None) -> Batch:
        """Take a batch in and commit it; a delivery in `aside` is set aside unread, with the message there."""
        told = aside or {}
        with uncollected():
            read = iter(self.judge.read_all([one for one in deliveries if one[0].seq not in told]))
            batch = [
                unread(header, POISON, told[header.seq]) if header.seq in told else next(read)
                for header, _ in deliveries
            ]
            keys = [candidate.dossier_key for judged in batch for candidate in judged.candidates]
            return self.write(batch, settle(batch, self.heads.find(keys) if keys else {}))

    def write(
        self, batch: Sequence[Judged], fates: Fates, *, stage: str = "ingest", clear: Clear | None = None
    ) -> Batch:
        """Commit deliveries whose fates are settled. `clear` runs first in the transaction: what a replay takes out."""
        with self.lake.single_threaded(len(fates.kept) < FEW):
            return self._write(batch, fates, stage, clear)

    def tidy(self) -> None:
        """Now and then, give back freed memory and merge the small files that batches leave. Between batches: what a
        batch holds and what merging takes are never there at once."""
        if self.last_batch() % GIVE_BACK_EVERY == 0:
            give_back()
        if self.last_batch() // SETTLE_EVERY > self._tidied:
            # when files go is an act in the world, not a model: it may ask the clock
            maintenance.settle(self.lake, datetime.now(UTC))
            self._tidied = self.last_batch() // SETTLE_EVERY

    def _write(self, batch: Sequence[Judged], fates: Fates, stage: str, clear: Clear | None) -> Batch:
        versions, vault_written = self._seal(fates)
        tables = columns.build(versions)
        self.runner.bind_rows(tables)
        casts = self._casts.run(tables)
        ruled, waived = self.rules.run(tables, versions), self.rules.waived
        rows = {name: table.num_rows for name, table in tables.items()}
        del tables, versions  # DuckDB or the runner has the rows now, and the models need the room
        outputs = self.runner.compute()
        outcomes = [Outcome.of(judged, casts, ruled) for judged in batch]
        written = {number for judged in batch for number in judged.copies}
        books = {
            "standard.delivery": delivery_rows(outcomes),
            "standard.superseded": replaced_rows(fates.replaced),
            "standard.duplicate": copy_rows(link for link in fates.copies if link.version_id in written),
            "quality.finding": finding_rows(outcomes),
            "quality.quarantine": quarantine_rows(outcomes),
        }
        batch_id = self.last_batch() + 1
        books["journal.change"] = change_rows(batch_id, fates)

        def work(connection: duckdb.DuckDBPyConnection) -> None:
            if clear:
                clear(connection)
            self.runner.store_rows(connection, (name for name, count in rows.items() if count))
            for name, table in books.items():
                if table.num_rows:
                    connection.register("incoming", table)
                    connection.execute(f"INSERT INTO lake.{name} BY NAME SELECT * FROM incoming")
            if ruled:
                connection.execute(f"INSERT INTO lake.{OPEN} BY NAME FROM {FOUND}")
            if waived:
                connection.execute(f"INSERT INTO lake.{EXCUSED} BY NAME FROM {WAIVED}")
            store(connection, outputs)
            self._journal(connection, batch_id, stage, outcomes, len(fates.kept), sum(rows.values()))

        ids = [outcome.judged.delivery_id for outcome in outcomes]
        before = self.lake.commits
        self.lake.commit(work, author=AUTHOR, message=f"{stage} {batch_id}", deliveries=ids)
        self.lake.written += len(fates.kept)
        self.runner.let_go()
        last_seq = max(outcome.judged.header.seq for outcome in outcomes)
        follow(self.lake, before, {stage: Stage(batch_id, last_seq, self.revision, batch_id if fates.kept else 0)})
        self.heads.move(fates.heads, batch_id, fates.gone)
        return Batch(outcomes, rows, sum(outcome.found for outcome in outcomes), vault_written)

    def _seal(self, fates: Fates) -> tuple[list[Versioned], int]:
        payloads = [columns.vault_bytes(candidate.dossier) for candidate in fates.kept]
        blind = columns.BlindValues()
        entries = [
            VaultEntry(
                facility=candidate.dossier.facility,
                ma_lk=candidate.dossier.identity,
                patient_key=candidate.patient_key,
                payload=payload,
                blind=blind.of(candidate.dossier),
            )
            for candidate, payload in zip(fates.kept, payloads, strict=True)
        ]
        results = [self._vault.seal(entries[start : start + BATCH_MAX]) for start in range(0, len(entries), BATCH_MAX)]
        record_ids = [record_id for result in results for record_id in result.record_ids]
        versions = [
            Versioned(
                version_id=candidate.version_id,
                delivery_seq=candidate.header.seq,
                dossier=candidate.dossier,
                dossier_key=candidate.dossier_key,
                patient_key=candidate.patient_key,
                record_id=record_id,
                content_digest=candidate.content_digest,
                received_at=candidate.header.received_at,
                encounter_key=candidate.encounter_key,
            )
            for candidate, record_id in zip(fates.kept, record_ids, strict=True)
        ]
        return versions, sum(result.written for result in results)

    def _journal(
        self,
        connection: duckdb.DuckDBPyConnection,
        batch_id: int,
        stage: str,
        outcomes: Sequence[Outcome],
        versions: int,
        rows: int,
    ) -> None:
        sequences = [outcome.judged.header.seq for outcome in outcomes]
        connection.execute(
            "INSERT INTO lake.journal.batch BY NAME SELECT ? AS batch_id, ? AS stage, ? AS first_seq, ? AS last_seq,"
            " ? AS versions, ? AS rows, ? AS model_revision",
            [batch_id, stage, min(sequences), max(sequences), versions, rows, self.revision],
        )
