"""Files in, receipts, batches, derived numbers: what `bienho ingest` does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from bienho.config import Limits, load_profile
from bienho.core.errors import ConfigError, InputError
from bienho.core.garbage import uncollected
from bienho.core.parted import Parted, whole
from bienho.database import Role
from bienho.lake import Lake, RawHeader, RawStore
from bienho.pipeline import person_decisions, persons, reference, score_freeze
from bienho.pipeline.app import App
from bienho.pipeline.catalog import current_catalog
from bienho.pipeline.derive import derive
from bienho.pipeline.door import Door
from bienho.pipeline.judge import Judge
from bienho.pipeline.records import Outcome
from bienho.pipeline.remap import remap_when_needed, take_list
from bienho.pipeline.report import DeliveryReport, IngestReport
from bienho.pipeline.writer import Batch, Writer
from bienho.privacy import Erasures
from bienho.sources import Delivery, FoundFile, find_files, receive
from bienho.standards.decision import KIND as DECISIONS
from bienho.standards.xml130 import opened_size

T = TypeVar("T")
Progress = Callable[[int, int], None]
"""Called with (done, in all), in bytes unless it says otherwise."""


@contextmanager
def open_writer(app: App, lake: Lake, catalog: str) -> Iterator[Writer]:
    """A writer over a lake whose code lists are loaded; what they and the models map is redone when they changed."""
    reference.load(lake, app.raw)
    with app.database.connect(Role.WORKER, autocommit=True) as connection:
        erased = Erasures(app.database).names()
        judge = Judge(app.vault, app.keys, app.limits, load_profile().assessment_board, erased)
        writer = Writer(lake, app.vault, judge, connection, app.limits, catalog)
        writer.remapped = remap_when_needed(writer)
        yield writer


def ingest(
    app: App,
    paths: Iterable[str | Path],
    *,
    facility: str | None = None,
    progress: Progress | None = None,
    threads: int | None = None,
    compute: bool = True,
    came: Callable[[FoundFile], datetime] | None = None,
) -> IngestReport:
    """Take files and folders in; returns when their rows are readable in `standard` and `conformed`.

    Deliveries received earlier but not yet in the lake (a crash) are finished first. `compute=False` leaves `derived`
    for later. `came` tells when a file came, in place of the clock: a demonstration shows a year that way, and a home
    of any other mode refuses it (CFG-NOT-DEMO).
    """
    app.home.require_raw()
    if came is not None and app.home.mode != "demo":
        raise ConfigError("CFG-NOT-DEMO", "Chỉ nơi trình diễn được nhận tệp với ngày nhận khác hôm nay.")
    found = list(find_files(paths))
    total = sum(file.size for file in found)
    report = IngestReport()
    with (
        app.writing(threads=threads) as lake,
        open_writer(app, lake, current_catalog(app.home)) as writer,
        app.database.connect(Role.WORKER, autocommit=True) as connection,
        app.raw.remembering(),
    ):
        door = Door(connection, app.limits, source="cli")
        catch_up(app.raw, writer)
        done = 0
        for group in groups(found, lambda file: file.size, app.limits):
            with uncollected():
                names = _received(app.raw, door, group, facility, came, report)
                for batch in process_pending(app.raw, writer):
                    add_batch(report, batch, names)
                    del batch  # all that was read, while the next is read
            done += sum(file.size for file in group)
            if progress:
                progress(done, total)
        if compute:
            compute_derived(writer)
    return report


def _received(
    raw: RawStore,
    door: Door,
    group: Sequence[FoundFile],
    facility: str | None,
    came: Callable[[FoundFile], datetime] | None,
    report: IngestReport,
) -> dict[int, str]:
    """Receipt sequence → path of the files of a group that are in raw now; the others stand in the report."""
    deliveries: list[Delivery] = []
    for file in group:
        try:
            admitted = door.admit(file, facility)
            deliveries.append(replace(admitted, received_at=came(file)) if came else admitted)
        except InputError as error:
            report.refuse(file.given, error)
    receipts = receive(raw, deliveries)
    return {receipt.seq: delivery.path for receipt, delivery in zip(receipts, deliveries, strict=True)}


def catch_up(
    raw: RawStore, writer: Writer, progress: Progress | None = None, stop: Callable[[], bool] = lambda: False
) -> int:
    """Finish deliveries that have a receipt but are not in the lake; returns how many.

    `progress` counts deliveries here. `stop` is asked between batches; what is left is left for the next session.
    """
    done, (waiting, _) = 0, raw.waiting(writer.last_seq())
    for batch in process_pending(raw, writer):
        done += len(batch.outcomes)
        del batch  # all that was read, while the next is read
        if progress:
            progress(done, max(done, waiting))
        if stop():
            break
    return done


def compute_derived(writer: Writer) -> int:
    """Let `derived` follow what is in the lake, and note how far; returns the number of models run."""
    seq = writer.last_seq()
    persons.settle(writer.lake)
    ran = derive(writer.lake, writer.runner.revision)
    writer.runner.forget()
    writer.isolation.derived(seq)
    return ran


def process_pending(raw: RawStore, writer: Writer) -> Iterator[Batch]:
    """Everything in raw after the journal's last sequence, in receipt order, batch by batch.

    A delivery that cannot be processed is set aside and never holds up the others (`isolation`).
    """
    take = partial(writer.isolation.take, writer)
    waiting: list[tuple[RawHeader, bytes | Parted]] = []
    size = 0
    for header, data in raw.scan_parted(writer.last_seq()):
        if header.kind != "xml130":
            yield from take(waiting)
            waiting, size = [], 0
            if header.kind == score_freeze.KIND:
                score_freeze.take(writer, header, whole(data))
            elif header.kind == DECISIONS:
                person_decisions.take(writer, header, whole(data))
            else:
                reference.load(writer.lake, raw, header)
                take_list(writer, header)
            writer.isolation.follow(writer.last_seq())
            continue
        weight = opened_size(data, writer.limits)
        if waiting and (size + weight > writer.limits.batch_bytes or len(waiting) >= writer.limits.batch_dossiers):
            yield from take(waiting)
            waiting, size = [], 0
            writer.tidy()
        waiting.append((header, data))
        size += weight
    yield from take(waiting)
    waiting = []
    writer.tidy()


def add_batch(report: IngestReport, batch: Batch, names: dict[int, str]) -> None:
    """Add one batch to a report; `names` maps receipt sequences to the paths the user gave."""
    for dataset, count in batch.rows.items():
        table = dataset.removeprefix("standard.xml130_")
        if table.isdigit():
            report.rows[f"XML{table}"] += count
    for outcome in batch.outcomes:
        add_outcome(report, outcome, names.get(outcome.judged.header.seq, ""), outcome)


def add_outcome(report: IngestReport, counted: Outcome, path: str, whole: Outcome) -> None:
    """Add one delivery's counts to a report, under the outcome of the `whole` delivery."""
    report.findings += counted.found
    report.dossiers += counted.dossiers
    report.accepted += counted.accepted
    report.accepted_with_findings += counted.accepted_with_findings
    report.quarantined += counted.quarantined
    report.duplicates += counted.judged.duplicates
    report.superseded += counted.judged.superseded
    report.deliveries.append(DeliveryReport(counted.judged.delivery_id, path, whole.outcome, whole.reason))


def groups(items: Iterable[T], weigh: Callable[[T], int], limits: Limits) -> Iterator[list[T]]:
    """Files or deliveries in groups that make one batch each, by bytes and by count."""
    group: list[T] = []
    size = 0
    for item in items:
        weight = weigh(item)
        if group and (size + weight > limits.batch_bytes or len(group) >= limits.batch_dossiers):
            yield group
            group, size = [], 0
        group.append(item)
        size += weight
    if group:
        yield group
