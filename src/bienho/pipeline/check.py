"""The verdict of `ingest` without a home: nothing is stored, no database, no key, no network.

The files are judged as an empty store would judge them if they were sent in this order: the same reader, the same rule
for copies and new versions, the same cast checks, the same rows of findings. What needs the province's lists is told
apart and changes no outcome, for `ingest` makes no finding of it either.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from bienho.config import DEFAULT, KeyRing, Limits, load_profile
from bienho.contracts import casts
from bienho.core.errors import InputError
from bienho.core.finding import Finding
from bienho.core.ids import split_version
from bienho.lake import RawHeader
from bienho.lake.failures import lake_errors
from bienho.pipeline.ask import ASIDE, FINDING
from bienho.pipeline.casting import CastScan
from bienho.pipeline.check_lists import Lists, ListVerdict
from bienho.pipeline.door import must_be_own
from bienho.pipeline.heads import Head
from bienho.pipeline.ingest import Progress, add_batch, groups
from bienho.pipeline.judge import Candidate, Judge, Judged, settle
from bienho.pipeline.models import ModelRunner
from bienho.pipeline.records import Outcome, finding_rows, quarantine_rows
from bienho.pipeline.report import REFUSED, IngestReport
from bienho.pipeline.ruling import FOUND, RuleScan
from bienho.pipeline.writer import Batch
from bienho.privacy import Digests
from bienho.quality.expiry import LOCAL
from bienho.sources import find_files, read_file
from bienho.standards.xml130 import Versioned, columns, opened_size, scan, signature_finding, verify_received
from bienho.terminology import builtin_editions, reference_tables

SOURCE = "check"
# Names dossiers within one run only and never leaves it, so it need not be secret.
KEYS = KeyRing(SOURCE, bytes(32))
# A batch is at most 64 MB; this leaves room on a small PC. No spill: it would put patients' texts on the disk.
ENGINE: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "1GB",
    "temp_directory": "",
    "autoinstall_known_extensions": False,
}


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """What would become of one file.

    `findings` and `quarantine` have the keys of `bienho findings` and `bienho quarantine list`; `delivery` and
    `dossier` are None, for only the house gives those names. Both have `hoso`, the place in the file (0: all of it).
    `signature` is what the house's signature job would find, as far as it needs no list of accepted certificates:
    rows of member (0: the file itself, 1 … those of a zip), status, code, severity, owner, message. `months`: place of
    a dossier → the month it is to be settled in, YYYYMM, where it says so; `size` in bytes.
    """

    path: str
    outcome: str
    reason: str | None
    counts: dict[str, int] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)
    quarantine: list[dict[str, Any]] = field(default_factory=list)
    signature: list[dict[str, Any]] = field(default_factory=list)
    months: dict[int, str] = field(default_factory=dict)
    size: int = 0

    def as_dict(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "outcome": self.outcome,
            "reason": self.reason,
            **{name: self.counts.get(name, 0) for name in COUNTS},
            "findings": self.findings,
            "quarantine": self.quarantine,
            "signature": self.signature,
        }


_MONTH = re.compile(r"20[0-9]{2}(0[1-9]|1[0-2])")
GIVEN_BY_THE_HOUSE = ("delivery", "dossier", "received")
COUNTS = ("dossiers", "accepted", "accepted_with_findings", "quarantined", "duplicates", "superseded")


@dataclass(slots=True)
class CheckReport:
    """All files of one check; `totals` counts as `ingest` does.

    `rules_on`: what the rules of another day would find more or no more, when asked: change (added, gone), path, hoso
    and the keys of a finding.
    """

    files: list[CheckedFile] = field(default_factory=list)
    totals: IngestReport = field(default_factory=IngestReport)
    lists: list[ListVerdict] = field(default_factory=list)
    rules_on: list[dict[str, Any]] | None = None

    @property
    def must_mend(self) -> bool:
        """Whether something must be mended before sending: an error, a dossier set aside, a file refused."""
        told = [row for file in self.files for row in (*file.findings, *file.signature)]
        serious = any(row["severity"] == "error" for row in told)
        return serious or bool(self.totals.quarantined or self.totals.refused)

    def as_dict(self) -> dict[str, Any]:
        totals = self.totals.as_dict()
        del totals["deliveries"]
        return {
            "files": [file.as_dict() for file in self.files],
            "totals": totals,
            "lists": [verdict.as_dict() for verdict in self.lists],
            **({} if self.rules_on is None else {"rules_on": self.rules_on}),
        }


def check(
    paths: Iterable[str | Path],
    *,
    facility: str | None = None,
    lists: Sequence[Path] = (),
    with_keys: bool = False,
    rules_on: date | None = None,
    limits: Limits = DEFAULT,
    progress: Progress | None = None,
) -> CheckReport:
    """Judge files and folders; rows are in memory only, batch by batch as `ingest` takes them.

    `lists` are files of codes as `codes import` takes them; `with_keys` adds MA_LK to what is said of a dossier.
    `rules_on` tells what the rules of that day would find in the same dossiers that those of their own day do not, and
    the other way round.
    UsageError as `sources.find_files`; InputError IN-CODES… when a list cannot be read.
    """
    found = list(find_files(paths))
    total, done = sum(file.size for file in found), 0
    report = CheckReport()
    with lake_errors("Xét tệp hồ sơ"), _engine() as connection:
        checker = _Checker(connection, Lists(lists), limits, with_keys, rules_on)
        for group in groups(found, lambda file: file.size, limits):
            opened = 0
            for file in group:
                try:
                    data = read_file(file.path, limits)
                    scan(data, limits)
                    opened += opened_size(data, limits)
                    if opened > limits.batch_bytes:
                        # what lay in zips is more than the files were
                        checker.settle(report)
                        opened = opened_size(data, limits)
                    checker.read(file.given, data, facility)
                except InputError as error:
                    checker.refuse(file.given, error)
                done += file.size
                if progress:
                    progress(done, total)
            checker.settle(report)
        report.lists = checker.lists.verdicts()
        report.rules_on = checker.changed
    return report


def check_bytes(
    data: bytes, *, facility: str, source: str, with_keys: bool = False, limits: Limits = DEFAULT
) -> CheckedFile:
    """The verdict on what an account would send for its facility through that door (`sources.ACCOUNT_DOORS`)."""
    report = CheckReport()
    with lake_errors("Xét tệp hồ sơ"), _engine() as connection:
        checker = _Checker(connection, Lists(()), limits, with_keys, None, source)
        try:
            scan(data, limits)
            must_be_own(data, facility)
            checker.read("", data, facility)
        except InputError as error:
            checker.refuse("", error)
        checker.settle(report)
    return report.files[0]


@contextmanager
def _engine() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(":memory:", config=ENGINE)
    try:
        connection.execute("SET enable_progress_bar = false")
        connection.execute("SET enable_external_access = false")
        connection.execute(casts.MACROS)
        yield connection
    finally:
        connection.close()


class _Checker:
    """Judges batch after batch, remembering which dossiers it has met."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        lists: Lists,
        limits: Limits,
        with_keys: bool,
        rules_on: date | None,
        source: str = SOURCE,
    ) -> None:
        self.lists = lists
        self._source = source
        self._months: dict[int, str] = {}
        self._judge = Judge(Digests(KEYS), KEYS, limits, load_profile().assessment_board)
        self._heads: dict[str, Head] = {}
        self._runner = ModelRunner(connection, lists.models)
        self._runner.bind_rows({**reference_tables(builtin_editions(load_profile())), **lists.tables})
        self._casts = CastScan(connection)
        self._rules = RuleScan(connection, self._runner)
        self._others = RuleScan(connection, self._runner, rules_on) if rules_on else None
        self.changed: list[dict[str, Any]] | None = [] if rules_on else None
        self._connection = connection
        self._with_keys = with_keys
        self._seq = 0
        self._batch: list[Judged | CheckedFile] = []
        self._signatures: dict[int, list[dict[str, Any]]] = {}
        self._limits = limits

    def read(self, path: str, data: bytes, facility: str | None) -> None:
        self._seq += 1
        digest = hashlib.sha256(data).hexdigest()
        header = RawHeader(self._seq, "xml130", self._source, path, datetime.now(UTC), facility, len(data), digest)
        self._batch.append(self._judge.read(header, data))
        self._signatures[self._seq] = list(_signature(data, header.received_at, self._limits))

    def refuse(self, path: str, error: InputError) -> None:
        self._batch.append(CheckedFile(path, REFUSED, error.code))

    def settle(self, report: CheckReport) -> None:
        """Decide on the batch read so far and add it to the report, in the order of the files."""
        batch = [one for one in self._batch if isinstance(one, Judged)]
        fates = settle(batch, self._heads)
        self._heads.update(fates.heads)
        rows, found, ruled = self._scan(fates.kept, {one.header.seq: one.header.path for one in batch})
        outcomes = [Outcome.of(judged, found, ruled) for judged in batch]
        count = sum(outcome.found for outcome in outcomes)
        add_batch(report.totals, Batch(outcomes, rows, count, 0), {})
        done = iter(outcomes)
        for one in self._batch:
            if isinstance(one, CheckedFile):
                report.totals.refused += 1
                report.files.append(one)
            else:
                report.files.append(self._file(next(done)))
        self._batch = []

    def _file(self, outcome: Outcome) -> CheckedFile:
        judged = outcome.judged
        return CheckedFile(
            judged.header.path,
            outcome.outcome,
            outcome.reason,
            {
                "dossiers": outcome.dossiers,
                "accepted": outcome.accepted,
                "accepted_with_findings": outcome.accepted_with_findings,
                "quarantined": outcome.quarantined,
                "duplicates": judged.duplicates,
                "superseded": judged.superseded,
            },
            self._told(judged, self._findings(outcome), FINDING),
            self._told(judged, quarantine_rows([outcome]), ASIDE),
            self._signatures.pop(judged.header.seq),
            {
                split_version(one.version_id)[1]: self._months[one.version_id]
                for one in judged.kept
                if one.version_id in self._months
            },
            judged.header.size,
        )

    def _findings(self, outcome: Outcome) -> pa.Table:
        """Every finding of one delivery: of reading, of casts and of rules."""
        found = finding_rows([outcome])
        if not outcome.ruled:
            return found
        names = ", ".join(found.schema.names)
        seq = outcome.judged.header.seq
        ruled = self._connection.execute(f"SELECT {names} FROM {FOUND} WHERE delivery_seq = ?", [seq]).to_arrow_table()
        return pa.concat_tables([found, ruled.cast(found.schema)])

    def _scan(
        self, kept: Sequence[Candidate], paths: Mapping[int, str]
    ) -> tuple[dict[str, int], dict[int, list[Finding]], dict[int, int]]:
        """(rows per dataset, findings per version, how many findings of rules per version) of the new versions."""
        if not kept:
            return {}, {}, {}
        versions = [
            Versioned(
                version_id=one.version_id,
                delivery_seq=one.header.seq,
                dossier=one.dossier,
                dossier_key=one.dossier_key,
                patient_key=one.patient_key,
                record_id="",
                content_digest=one.content_digest,
                received_at=one.header.received_at,
                encounter_key=one.encounter_key,
            )
            for one in kept
        ]
        tables = columns.build(versions)
        self._runner.bind_rows(tables)
        self._months.update(_settled(tables["standard.xml130_1"]))
        found = self._casts.run(tables)
        if self._others:
            self._others.run(tables, versions)
            self._connection.execute(f"CREATE OR REPLACE TEMP TABLE rule_other AS FROM {FOUND}")
        ruled = self._rules.run(tables, versions)
        self._compare(paths)
        if self._runner.compute():
            self.lists.look(self._connection, paths)
        return {name: table.num_rows for name, table in tables.items()}, found, ruled

    def _compare(self, paths: Mapping[int, str]) -> None:
        """Add what another day's rules find more, and no more, in this batch."""
        if self.changed is None:
            return
        names = "version_id, code, table_name, row_no, field, rule, severity, message"
        for change, here, there in (("added", "temp.rule_other", FOUND), ("gone", FOUND, "temp.rule_other")):
            sql = f"SELECT {names} FROM {here} ANTI JOIN {there} USING (finding_id) ORDER BY version_id, finding_id"
            for version, *said in self._connection.execute(sql).fetchall():
                seq, hoso = split_version(version)
                keys = ("code", "table", "row", "field", "rule", "severity", "message")
                told = dict(zip(keys, said, strict=True))
                self.changed.append({"change": change, "path": paths[seq], "hoso": hoso, **told})

    def _told(self, judged: Judged, table: pa.Table, names: dict[str, str]) -> list[dict[str, Any]]:
        """Rows as commands print them, in the order of the file: the envelope's own last, as in the warehouse."""
        keys = {candidate.version_id: candidate.dossier.ma_lk for candidate in judged.candidates}
        rows = table.to_pylist()
        rows.sort(key=lambda row: (row["version_id"] is None, row["version_id"] or 0, row.get("finding_id") or ""))
        told = []
        for row in rows:
            version = row["version_id"]
            said = {key: row[column] for key, column in names.items()}
            said |= {key: None for key in GIVEN_BY_THE_HOUSE if key in said}
            said["hoso"] = split_version(version)[1] if version is not None else 0
            if self._with_keys:
                said["ma_lk"] = keys.get(version)
            told.append(said)
        return told


def _settled(visits: pa.Table) -> dict[int, str]:
    """Version → the month of settlement it names, YYYYMM; those that name none, or nothing like one, are left out."""
    names = ("version_id", "NAM_QT", "THANG_QT")
    rows = zip(*(visits.column(name).to_pylist() for name in names), strict=True)
    told = {version: f"{(year or '').strip()}{(month or '').strip().zfill(2)}" for version, year, month in rows}
    return {version: text for version, text in told.items() if _MONTH.fullmatch(text)}


def _signature(data: bytes, moment: datetime, limits: Limits) -> Iterator[dict[str, Any]]:
    """What the signatures of a file ask somebody to do, judged here: the file is the sender's own, so no process has to
    be fenced off for it. Who may sign is the province's list, which is not here."""
    for member, verdict in verify_received(data, (), moment, limits):
        found = signature_finding(verdict.status, moment.astimezone(LOCAL).date())
        if found and verdict.status != "signer_not_evaluable":
            yield {
                "member": member,
                "status": verdict.status,
                "code": found.code,
                "severity": found.severity,
                "owner": found.owner,
                "message": found.message,
            }


def tally(report: CheckReport) -> list[tuple[dict[str, Any], int, int]]:
    """Per code, table and field: (its first finding, how often, in how many files); worst first, then most frequent."""
    first: dict[tuple[Any, ...], dict[str, Any]] = {}
    times: Counter[tuple[Any, ...]] = Counter()
    files: Counter[tuple[Any, ...]] = Counter()
    for file in report.files:
        kinds = set()
        for row in file.findings:
            kind = (row["code"], row["table"], row["field"], row["severity"])
            first.setdefault(kind, row)
            times[kind] += 1
            kinds.add(kind)
        files.update(kinds)
    rank = {"error": 0, "warning": 1, "info": 2}
    order = sorted(first, key=lambda kind: (rank.get(kind[3], 3), -times[kind], str(kind)))
    return [(first[kind], times[kind], files[kind]) for kind in order]
