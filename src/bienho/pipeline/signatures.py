"""Judges the signatures of what was received, apart from taking it in: ingest never waits for it.

`quality.signature` and its findings are a function of the bytes received, their moment of receipt and the lists of
trust anchors taken in, so a rebuild finds the same rows whatever order things happened in. What was judged with other
anchors, or by another revision of the judge, is judged again and its row replaced (the newest wins; what stood there is
in the lake's history). What could not be decided (a process that died or ran out of time) is stored nowhere and asked
again by the next run: only what the bytes alone decide, such as their size, becomes a verdict.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import duckdb

from bienho.config import Limits
from bienho.core.ids import delivery_id
from bienho.lake import Lake, RawStore
from bienho.pipeline.app import App
from bienho.pipeline.catalog import current_catalog
from bienho.pipeline.records import table
from bienho.pipeline.signature_process import SignatureProcess, Undecided
from bienho.quality.expiry import LOCAL
from bienho.standards.xml130 import Verdict, signature_finding, verdict_unparsed
from bienho.standards.xml130.signature import REVISION

STAGE = "signatures"
NO_ANCHORS = "none"
DAY = "(epoch_ms(received_at) + 25200000) // 86400000"
"""The day of receipt in local time as a number counted from 1970-01-01, in SQL."""
BATCH_FILES = 4_000
"""Each batch opens a lake to look and commits once, which costs as much as to judge a thousand small files."""
FEW = 100
SEARCHED_BYTES = 1 << 20
PREFIX = "SIG-"
Row = dict[str, Any]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Anchors:
    """The certificates accepted on a day, as PEM in order of fingerprint, and what names them together."""

    digest: str
    certificates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pending:
    """A delivery whose signature is to be judged, or judged again."""

    seq: int
    size: int
    received_at: datetime
    facility: str | None
    anchors: Anchors


@dataclass(slots=True)
class Report:
    """How many deliveries were judged, their files by status, and the deliveries that will be asked again."""

    judged: int = 0
    undecided: set[int] = field(default_factory=set)
    statuses: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        return {"judged": self.judged, "undecided": len(self.undecided), **dict(sorted(self.statuses.items()))}


def bring_up_to_date(
    app: App, command: Sequence[str] = (), *, newcomers: bool = True, rest: Callable[[], None] = lambda: None
) -> Report:
    """Judge everything that waits. The writer lock is held for the short commits only, never while judging.

    Without `newcomers`, what comes in meanwhile is left to the next run: while senders send there would be no end, and
    every look at the lake for a few files. `rest` is called between a few files and the next.
    """
    report = Report()
    with SignatureProcess(app.limits, command) as process:
        while True:
            with Lake.open(app.home, app.database, read_only=True, catalog=current_catalog(app.home)) as lake:
                waiting = _waiting(lake, skip=report.undecided)
            batch = _bounded(waiting, app.limits)
            if not batch:
                return report
            rows = _judge(app.raw, process, batch, report, rest)
            with app.writing() as lake:
                # meanwhile other anchors may have come: what was judged with the old ones is left and judged again
                held = set(_waiting(lake, [one.seq for one in batch]))
                _store(lake, [one for one in batch if one in held], rows, report)
            if not newcomers and len(batch) == len(waiting) < BATCH_FILES and len(held) == len(batch):
                return report


def judge_all(lake: Lake, raw: RawStore, limits: Limits, only: Collection[int] | None = None) -> Report:
    """Judge everything that waits in a lake that is being built; with `only`, of these deliveries."""
    report = Report()
    with SignatureProcess(limits) as process:
        while batch := _bounded(_waiting(lake, only, report.undecided), limits):
            _store(lake, batch, _judge(raw, process, batch, report), report)
    return report


def judged(lake: Lake) -> frozenset[int]:
    """Deliveries that have a verdict."""
    rows = lake.connection.execute("SELECT DISTINCT delivery_seq FROM lake.quality.signature").fetchall()
    return frozenset(seq for (seq,) in rows)


def _bounded(waiting: Sequence[Pending], limits: Limits) -> list[Pending]:
    """The first of those that wait, as many as may be in memory together."""
    batch: list[Pending] = []
    size = 0
    for one in waiting:
        size += one.size
        if batch and size > limits.batch_bytes:
            break
        batch.append(one)
    return batch


def _waiting(lake: Lake, only: Collection[int] | None = None, skip: Collection[int] = ()) -> list[Pending]:
    """Deliveries without a verdict, or with one of other anchors or another revision; the first in order of receipt."""
    connection = lake.connection
    accepted = connection.execute(
        "SELECT fingerprint, certificate, valid_from, valid_to FROM lake.reference.trust_anchor ORDER BY ALL"
    ).fetchall()
    days = connection.execute(f"SELECT DISTINCT {DAY} FROM lake.standard.delivery WHERE kind = 'xml130'").fetchall()
    known = {number: _in_force(accepted, date(1970, 1, 1) + timedelta(days=number)) for (number,) in days}
    chosen = near = ""
    if only:
        # said of both tables, so that files that hold none of them are not read
        near = f"AND s.delivery_seq BETWEEN {min(only)} AND {max(only)}"
        chosen = f"AND d.delivery_seq BETWEEN {min(only)} AND {max(only)} AND d.delivery_seq IN (SELECT unnest(?))"
    elif only is not None:
        return []
    rows = connection.execute(
        "WITH wanted AS (SELECT unnest(?::BIGINT[]) AS day, unnest(?::VARCHAR[]) AS anchors)"
        f" SELECT d.delivery_seq, d.bytes, d.received_at, d.facility_code, {DAY} AS day"
        f" FROM lake.standard.delivery AS d JOIN wanted AS w ON w.day = {DAY}"
        " WHERE d.kind = 'xml130' AND d.delivery_seq NOT IN (SELECT unnest(?::BIGINT[])) AND NOT EXISTS"
        " (SELECT 1 FROM lake.quality.signature AS s"
        f" WHERE s.delivery_seq = d.delivery_seq AND s.anchors = w.anchors AND s.revision = ? {near})"
        f" {chosen} ORDER BY d.delivery_seq LIMIT {BATCH_FILES}",
        [
            list(known),
            [anchors.digest for anchors in known.values()],
            list(skip),
            REVISION,
            *([list(only)] if only is not None else []),
        ],
    ).fetchall()
    return [Pending(seq, size, moment, facility, known[day]) for seq, size, moment, facility, day in rows]


def _in_force(accepted: Sequence[tuple[str, str, date, date | None]], day: date) -> Anchors:
    held = {
        fingerprint: certificate
        for fingerprint, certificate, start, end in accepted
        if start <= day and (end is None or day < end)
    }
    if not held:
        return Anchors(NO_ANCHORS, ())
    digest = hashlib.sha256("\n".join(sorted(held)).encode()).hexdigest()[:16]
    return Anchors(digest, tuple(held[name] for name in sorted(held)))


def _judge(
    raw: RawStore,
    process: SignatureProcess,
    batch: Sequence[Pending],
    report: Report,
    rest: Callable[[], None] = lambda: None,
) -> dict[int, list[Row]]:
    """Rows of `quality.signature` by sequence; what stays undecided has none."""
    found: dict[int, list[Row]] = {}
    records = raw.read_each([one.seq for one in batch])
    for place, (one, (header, data)) in enumerate(zip(batch, records, strict=True)):
        if place % FEW == 0:
            rest()
        try:
            verdicts = (
                [{"member": 0, **asdict(Verdict("redacted"))}]  # what was signed is not there any more
                if header.tombstones
                else _verdicts(process, data, one)
            )
        except Undecided:
            report.undecided.add(one.seq)
            log.warning("the signature of %s could not be judged now; it will be tried again", delivery_id(one.seq))
            continue
        found[one.seq] = [_row(one, verdict) for verdict in verdicts]
    return found


def _verdicts(process: SignatureProcess, data: bytes, one: Pending) -> list[Row]:
    """Most files carry no signature: of a small one that is seen without parsing it, and no other process is asked."""
    told = verdict_unparsed(data) if len(data) <= SEARCHED_BYTES else None
    if told is not None:
        return [{"member": 0, **asdict(told)}]
    return process.judge(data, one.received_at, one.anchors.certificates)


def _row(one: Pending, verdict: Row) -> Row:
    finding = signature_finding(verdict["status"], one.received_at.astimezone(LOCAL).date())
    algorithm = verdict.pop("algorithm") or ""
    return {
        **verdict,
        "algorithm": algorithm.rpartition("#")[2] or None,
        "delivery_seq": one.seq,
        "delivery_id": delivery_id(one.seq),
        "code": finding.code if finding else None,
        "judged_at": one.received_at,
        "anchors": one.anchors.digest,
        "revision": REVISION,
    }


def _findings(one: Pending, rows: Sequence[Row]) -> Iterator[Row]:
    for row in rows:
        finding = signature_finding(row["status"], one.received_at.astimezone(LOCAL).date())
        if finding is None:
            continue
        place = f"Tệp thứ {row['member']} trong tệp nén: " if row["member"] else ""
        yield {
            "finding_id": f"{one.seq * 1_000_000}-S{row['member']:06d}",
            "version_id": None,
            "delivery_seq": one.seq,
            "delivery_id": row["delivery_id"],
            "facility_code": one.facility,
            "field": finding.field,
            "code": finding.code,
            "severity": finding.severity,
            "owner": finding.owner,
            "message": place + finding.message,
            "rule_revision": REVISION,
        }


def _store(lake: Lake, batch: Sequence[Pending], rows: dict[int, list[Row]], report: Report) -> None:
    """One transaction: what stood there out, the verdicts and their findings in, the journal row with them."""
    held = [one for one in batch if one.seq in rows]
    if not held:
        return
    sequences = [one.seq for one in held]
    verdicts = [row for one in held for row in rows[one.seq]]
    findings = [row for one in held for row in _findings(one, rows[one.seq])]

    def work(connection: duckdb.DuckDBPyConnection) -> None:
        chosen = f"delivery_seq BETWEEN {sequences[0]} AND {sequences[-1]} AND delivery_seq IN (SELECT unnest(?))"
        stage = f"{STAGE} {sequences[0]}..{sequences[-1]}"
        there = f"SELECT 1 FROM lake.quality.signature WHERE {chosen} LIMIT 1"
        if connection.execute(there, [sequences]).fetchone() is not None:
            connection.execute(f"DELETE FROM lake.quality.signature WHERE {chosen}", [sequences])
            connection.execute(
                f"DELETE FROM lake.quality.finding WHERE {chosen} AND starts_with(code, ?)", [sequences, PREFIX]
            )
            connection.execute("DELETE FROM lake.journal.batch WHERE stage = ?", [stage])
        for name, found in (("quality.signature", verdicts), ("quality.finding", findings)):
            if found:
                connection.register("incoming", table(name, found))
                connection.execute(f"INSERT INTO lake.{name} BY NAME SELECT * FROM incoming")
        # batch 0: it orders nothing; which deliveries have verdicts is told by the verdicts
        connection.execute(
            "INSERT INTO lake.journal.batch BY NAME SELECT 0 AS batch_id, ? AS stage, ? AS first_seq, ? AS last_seq,"
            " ? AS rows, ? AS model_revision",
            [stage, sequences[0], sequences[-1], len(verdicts), str(REVISION)],
        )

    ids = [delivery_id(seq) for seq in sequences]
    lake.commit(work, author="bienho-worker", message=f"{STAGE} {sequences[0]}", deliveries=ids)
    report.judged += len(held)
    report.statuses.update(row["status"] for row in verdicts)
