"""Scheduled reports: a question put again at every due day, in its owner's name, for readers named beforehand.

A report gives no right. At each run the gate is asked as the owner stands that day, through a door of its own
(`worker`); where the owner may no longer, the run is refused, recorded and shown. What it brought is sealed, and the
gate is asked again for whoever opens it: the same dataset, columns, rows and purpose must be theirs. Only datasets of
numbers (zone `derived`): no row about a person lies here, so an erasure has nothing to find.

Weeks are epi weeks, Monday to Sunday; a month is the whole weeks that begin in it. Rules ask no clock.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal

import orjson
import psycopg
import pyarrow as pa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bienho.config import KeyRing
from bienho.contracts import Contract, catalogue
from bienho.core.errors import BusyError, IntegrityError, UsageError
from bienho.database import Database, Role, storage_errors
from bienho.governance import accounts
from bienho.governance.policy.rows import Rows
from bienho.governance.purposes import PURPOSES

Cadence = Literal["day", "week", "month"]
RunState = Literal["made", "refused", "failed"]
CADENCES: dict[str, str] = {"day": "Hằng ngày", "week": "Hằng tuần", "month": "Hằng tháng"}
NAME = re.compile(r"[a-z0-9][a-z0-9-]{2,39}\Z")
CODE = re.compile(r"[0-9A-Za-z._-]{1,40}\Z")
ZONE = "derived"
MOST_READERS = 30
MOST_ROWS = 50_000
TITLE_MOST = 120
SEALING_KEY = "governance/report"
NONCE_BYTES = 12
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Report:
    """One report as it stands. `facilities` narrows it; `period` is the column of days or weeks a run is cut by."""

    name: str
    title_vi: str
    owner: str
    purpose: str
    dataset: str
    columns: tuple[str, ...]
    period: str
    cadence: Cadence
    readers: tuple[str, ...]
    since: date
    facilities: tuple[str, ...] = ()
    revision: int = 1
    ended: bool = False

    def filter(self, due: date) -> list[tuple[str, str, Any]]:
        """Conditions of the run due that day: the whole days before it, the facilities."""
        first, last = covered(self.cadence, due)
        found: list[tuple[str, str, Any]] = [(self.period, ">=", first), (self.period, "<=", last)]
        return [*found, ("facility_code", "in", list(self.facilities))] if self.facilities else found


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `code` says why it was refused or failed; `lines` is how many rows it brought."""

    name: str
    due: date
    at: datetime
    revision: int
    state: RunState
    code: str = ""
    snapshot: int | None = None
    lines: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """What a run brought, opened: the rows, and the limit on rows they were read under."""

    table: pa.Table
    reach: Rows


def due_on(cadence: Cadence, day: date) -> date:
    """The newest due day up to a day: the day itself, its Monday, or the first Monday of a month."""
    monday = day - timedelta(days=day.weekday())
    if cadence == "month":
        while monday.day > 7:
            monday -= WEEK
    return day if cadence == "day" else monday


def next_due(cadence: Cadence, day: date) -> date:
    """The first due day after a day."""
    later = day + timedelta(days=1)
    while due_on(cadence, later) != later:
        later += timedelta(days=1)
    return later


def covered(cadence: Cadence, due: date) -> tuple[date, date]:
    """First and last day a run is about: what was over when it fell due; every day, the week so far."""
    last = due - timedelta(days=1)
    return due_on("week" if cadence == "day" else cadence, last), last


def checked(given: Mapping[str, Any]) -> Report:
    """A report from plain values (texts and lists of texts); UsageError USE-REPORT names what is wrong."""

    def wrong(what: str, hint: str) -> UsageError:
        return UsageError("USE-REPORT", what, hint=hint)

    if not NAME.match(str(given["name"])):
        raise wrong("Tên báo cáo không hợp lệ.", "Chữ thường không dấu, số và dấu gạch, 3 đến 40 ký tự.")
    title = " ".join(str(given["title_vi"]).split())
    if not 0 < len(title) <= TITLE_MOST:
        raise wrong("Báo cáo cần một tiêu đề.", f"Từ 1 đến {TITLE_MOST} ký tự; không ghi gì về người bệnh.")
    contract = catalogue().get(str(given["dataset"]))
    if contract is None or contract.zone != ZONE:
        raise wrong("Báo cáo định kỳ chỉ lấy từ bảng số liệu.", f"Một bộ dữ liệu của lớp {ZONE}.")
    columns = tuple(dict.fromkeys(given["columns"]))
    if not columns or not set(columns) <= set(contract.by_name):
        raise wrong("Chọn các cột có trong bộ dữ liệu.", f"Xem `bienho catalogue {contract.id}`.")
    if given["purpose"] not in PURPOSES:
        raise wrong("Cần một mục đích trong danh sách.", ", ".join(PURPOSES))
    if given["cadence"] not in CADENCES:
        raise wrong("Cần một nhịp trong danh sách.", ", ".join(CADENCES))
    readers = tuple(dict.fromkeys(given["readers"]))
    if not 0 < len(readers) <= MOST_READERS:
        raise wrong("Báo cáo cần người nhận.", f"Từ 1 đến {MOST_READERS} mã tài khoản trong nhà.")
    facilities = tuple(dict.fromkeys(given.get("facilities", ())))
    if any(not CODE.match(code) for code in facilities) or (facilities and "facility_code" not in contract.by_name):
        raise wrong("Mã cơ sở không hợp lệ.", "Mã cơ sở như trong hồ sơ gửi, ví dụ 64001.")
    return Report(
        given["name"], title, str(given["owner"]), given["purpose"], contract.id, columns, period_of(contract),
        given["cadence"], readers, given["since"], facilities,
    )  # fmt: skip


def period_of(contract: Contract) -> str:
    """The column of days or of first days of weeks; UsageError USE-REPORT where there is none to cut by."""
    found = next((one.name for one in contract.arrow_schema() if pa.types.is_date(one.type)), "")
    if not found:
        raise UsageError("USE-REPORT", f"{contract.id} không có cột ngày hoặc tuần để cắt theo kỳ.")
    return found


class Reports:
    """The reports and their runs in PostgreSQL; rows are only added. Who may is asked before (`report_doors`)."""

    def __init__(self, db: Database, keys: KeyRing) -> None:
        self._db = db
        self._keys = keys

    def all(self) -> list[Report]:
        """Every report that has not ended, by name."""
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            rows = connection.execute(
                "SELECT DISTINCT ON (name) definition, owner, revision, ended FROM governance.report"
                " ORDER BY name, revision DESC"
            ).fetchall()
        return [report for row in rows if not (report := _read(*row)).ended]

    def find(self, name: str) -> Report | None:
        return next((one for one in self.all() if one.name == name), None)

    def put(self, report: Report, now: datetime, *, ended: bool = False) -> Report:
        """A new state of a report. UsageError USE-REPORT when a name is another's or a reader has no open account."""
        known = {one.account_id for one in accounts.list_accounts(self._db) if one.active}
        if not ended and (unknown := [code for code in report.readers if code not in known]):
            raise UsageError("USE-REPORT", f"{len(unknown)} người nhận không có tài khoản đang mở.", hint="Sửa mã.")
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            last = connection.execute(
                "SELECT owner, revision FROM governance.report WHERE name = %s ORDER BY revision DESC LIMIT 1",
                (report.name,),
            ).fetchone()
            if last is not None and last[0] != report.owner:
                raise UsageError("USE-REPORT", "Tên này đã có báo cáo của người khác.", hint="Chọn tên khác.")
            made = replace(report, revision=last[1] + 1 if last else 1, ended=ended)
            try:
                connection.execute(
                    "INSERT INTO governance.report (name, revision, definition, owner, ended, at)"
                    " VALUES (%s, %s, %s, %s, %s, %s)",
                    (made.name, made.revision, orjson.dumps(asdict(made)).decode(), made.owner, ended, now),
                )
            except psycopg.errors.UniqueViolation:
                raise BusyError("BUSY-REPORT", "Báo cáo vừa được người khác sửa.", hint="Xem lại rồi sửa.") from None
        return made

    def runs(self, name: str = "", most: int = 60) -> list[Run]:
        """The newest run of each due day, the latest due first; of all reports when no name is given."""
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            rows = connection.execute(
                "SELECT * FROM (SELECT DISTINCT ON (name, due) name, due, at, revision, state, code, snapshot, lines"
                " FROM governance.report_run WHERE %s IN ('', name) ORDER BY name, due DESC, at DESC) AS newest"
                " ORDER BY due DESC, name LIMIT %s",
                (name, most),
            ).fetchall()
        return [Run(*row) for row in rows]

    def due(self, day: date, *, again: bool = False) -> list[tuple[Report, date]]:
        """Reports whose newest due day up to `day` has no run yet; `again`: also those refused or failed."""
        done = {(run.name, run.due) for run in self.runs(most=10_000) if not again or run.state == "made"}
        found = [(one, due_on(one.cadence, day)) for one in self.all()]
        return [(one, due) for one, due in found if due >= one.since and (one.name, due) not in done]

    def note(self, run: Run, result: Result | None = None) -> None:
        """Write a run and, sealed, what it brought."""
        sealed = None if result is None else self._seal(run, result)
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            connection.execute(
                "INSERT INTO governance.report_run (name, due, at, revision, state, code, snapshot, lines, sealed)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (run.name, run.due, run.at, run.revision, run.state, run.code, run.snapshot, run.lines, sealed),
            )

    def result(self, name: str, due: date) -> tuple[Report, Result] | None:
        """The result of a due day as made last, with the words of the report it was made by; None without one.

        IntegrityError INT-REPORT when it is not what was sealed.
        """
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            row = connection.execute(
                "SELECT run.at, run.sealed, words.definition, words.owner, words.revision, words.ended"
                " FROM governance.report_run AS run JOIN governance.report AS words USING (name, revision)"
                " WHERE name = %s AND due = %s AND state = 'made' ORDER BY run.at DESC LIMIT 1",
                (name, due),
            ).fetchone()
        if row is None:
            return None
        nonce, sealed = bytes(row[1])[:NONCE_BYTES], bytes(row[1])[NONCE_BYTES:]
        try:
            plain = AESGCM(self._keys.derive(SEALING_KEY)).decrypt(nonce, sealed, _bound(name, due))
        except InvalidTag:
            raise IntegrityError(
                "INT-REPORT", "Kết quả báo cáo không còn như đã ghi.", hint="Chạy lại báo cáo."
            ) from None
        head, _, body = plain.partition(b"\n")
        reach = orjson.loads(head)
        rows = None if reach is None else tuple((_codes(one), _codes(other)) for one, other in reach)
        with pa.ipc.open_stream(body) as reader:
            return _read(*row[2:]), Result(reader.read_all(), rows)

    def _seal(self, run: Run, result: Result) -> bytes:
        reach = None if result.reach is None else [[_sorted(one), _sorted(other)] for one, other in result.reach]
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, result.table.schema) as writer:
            writer.write_table(result.table)
        plain = orjson.dumps(reach) + b"\n" + sink.getvalue().to_pybytes()
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self._keys.derive(SEALING_KEY)).encrypt(nonce, plain, _bound(run.name, run.due))


def within(rows: Rows, wider: Rows) -> bool:
    """Whether whoever reaches `wider` may see an answer read under the limit `rows`."""
    if wider is None:
        return True
    return rows is not None and all(any(_less(one, other) for other in wider) for one in rows)


def _less(one: tuple[Any, Any], other: tuple[Any, Any]) -> bool:
    return all(b is None or (a is not None and a <= b) for a, b in zip(one, other, strict=True))


def _bound(name: str, due: date) -> bytes:
    return f"{name}|{due.isoformat()}".encode()


def _codes(given: Sequence[str] | None) -> frozenset[str] | None:
    return None if given is None else frozenset(given)


def _sorted(given: frozenset[str] | None) -> list[str] | None:
    return None if given is None else sorted(given)


def _read(definition: Mapping[str, Any], owner: str, revision: int, ended: bool) -> Report:
    listed = {name: tuple(definition[name]) for name in ("columns", "readers", "facilities")}
    given = {**definition, **listed, "since": date.fromisoformat(definition["since"])}
    return Report(**{**given, "owner": owner, "revision": revision, "ended": ended})
