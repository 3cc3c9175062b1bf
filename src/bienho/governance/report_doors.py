"""What doors do with scheduled reports: make, change and end one's own; run what is due; open what is addressed to one.

Each asks the policies first and is an event. The numbers themselves come through the gate, at the run as the owner, at
the opening as the reader.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

import pyarrow as pa

from bienho.config import Home, KeyRing
from bienho.contracts import catalogue
from bienho.core.errors import BienhoError, BusyError, DeniedError, StorageError, UsageError
from bienho.database import Database
from bienho.governance import people, permits
from bienho.governance.actor import Actor
from bienho.governance.agreements import Agreements
from bienho.governance.decision import Action, Denied, Request, decide, refusal
from bienho.governance.purposes import claimed
from bienho.governance.reports import MOST_ROWS, Report, Reports, Result, Run, RunState, within

DOOR = "worker"


class Reads(Protocol):
    """The gate, as far as reports need it."""

    @property
    def read(self) -> Callable[..., tuple[Any, pa.RecordBatchReader]]: ...


@dataclass(frozen=True, slots=True)
class ReportDoors:
    """The house's reports as doors use them."""

    db: Database
    keys: KeyRing
    home: Home

    @property
    def book(self) -> Reports:
        return Reports(self.db, self.keys)

    def listed(self, actor: Actor) -> list[Report]:
        """`mine`, asked and recorded."""
        self._permit(actor, "report-open", "list")
        return self.mine(actor)

    def mine(self, actor: Actor) -> list[Report]:
        """Reports of which the actor is owner or reader; nothing of others."""
        return [one for one in self.book.all() if actor.account_id in (one.owner, *one.readers)]

    def add(self, actor: Actor, report: Report, now: datetime) -> Report:
        """Make a report or give one's own new words. Denied when its owner could not read it today."""
        self._permit(actor, "report", f"put:{report.name}", report.purpose)
        contract = catalogue()[report.dataset]
        touched = tuple(dict.fromkeys([*report.columns, *(name for name, _, _ in report.filter(report.since))]))
        units = {one.unit for one in actor.memberships}
        terms = Agreements(self.db).terms(report.purpose, units, report.dataset)
        decision = decide(Request(uuid.uuid4().hex, actor, report.purpose, "export", contract, touched, terms))
        if not decision.allowed:
            self._note(actor, "report", f"put:{report.name}", "denied", decision.rule)
            raise Denied(decision)
        return self.book.put(report, now)

    def end(self, actor: Actor, name: str, now: datetime) -> None:
        """End a report of one's own; what was made stays."""
        self._permit(actor, "report", f"end:{name}")
        found = self.book.find(name)
        if found is None or found.owner != actor.account_id:
            raise self._not_yours(actor, "report", f"end:{name}")
        self.book.put(found, now, ended=True)

    def one(self, actor: Actor, name: str) -> Report:
        """A report one has to do with; DeniedError DENY-REPORT, recorded, for every other and for no report."""
        self._permit(actor, "report-open", f"show:{name}")
        found = next((one for one in self.mine(actor) if one.name == name), None)
        if found is None:
            raise self._not_yours(actor, "report-open", f"show:{name}")
        return found

    def run(self, gate: Reads, report: Report, due: date, now: datetime) -> Run:
        """One run, as its owner stands now. What the house lacks for now is raised: it is tried again."""
        what = f"{report.name}:{due}"
        owner = people.actor_of(self.db, report.owner, DOOR, "none", now)
        if owner is None:
            gone = Actor(report.owner, report.owner, (), DOOR)
            self._note(gone, "report-run", what, "denied", "DENY-ACCOUNT")
            return self._kept(Run(report.name, due, now, report.revision, "refused", "DENY-ACCOUNT"))
        try:
            decision, reader = gate.read(
                owner, report.purpose, report.dataset, report.columns, report.filter(due),
                [(name, "asc") for name in report.columns], MOST_ROWS + 1, export=True,
            )  # fmt: skip
            table = reader.read_all()
            if table.num_rows > MOST_ROWS:
                raise UsageError("USE-REPORT", f"Báo cáo nhiều hơn {MOST_ROWS} dòng.", hint="Chọn ít cơ sở hơn.")
        except (StorageError, BusyError):
            raise
        except BienhoError as error:
            refused = isinstance(error, DeniedError)
            self._note(owner, "report-run", what, "denied" if refused else "failed", error.code)
            state: RunState = "refused" if refused else "failed"
            return self._kept(Run(report.name, due, now, report.revision, state, error.code))
        self._note(owner, "report-run", what, "allowed", decision.rule)
        made = Run(report.name, due, now, report.revision, "made", "", decision.snapshot, table.num_rows)
        return self._kept(made, Result(table, decision.reach))

    def open(self, gate: Reads, actor: Actor, name: str, due: date) -> tuple[Report, Result]:
        """What a run brought, for a reader (or the owner) who may read all of it at this moment.

        DeniedError DENY-REPORT, Denied (by the policies, or `report-reach`), UsageError USE-REPORT-RUN: no result yet.
        """
        what = f"{name}:{due}"
        self._permit(actor, "report-open", what)
        found = self.book.result(name, due)
        if found is None or actor.account_id not in (found[0].owner, *found[0].readers):
            if found is None and any(one.name == name for one in self.mine(actor)):
                raise UsageError("USE-REPORT-RUN", "Kỳ này chưa có kết quả.", hint="Xem các lần chạy của báo cáo.")
            raise self._not_yours(actor, "report-open", what)
        report, result = found
        decision, reader = gate.read(actor, report.purpose, report.dataset, report.columns, report.filter(due), limit=1)
        reader.close()
        if not within(result.reach, decision.reach):
            no = refusal(decision, "report-reach", "Báo cáo có dòng nằm ngoài phạm vi của tài khoản.")
            self._note(actor, "report-open", what, "denied", no.rule)
            raise Denied(no)
        return report, result

    def _kept(self, run: Run, result: Result | None = None) -> Run:
        self.book.note(run, result)
        return run

    def _permit(self, actor: Actor, action: Action, what: str, purpose: str = "") -> None:
        why = purpose or claimed(actor.roles)
        permits.permit(self.db, self.keys, self.home, actor, action, what, purpose=why)

    def _note(self, actor: Actor, action: str, what: str, outcome: str, rule: str) -> None:
        permits.note(self.db, self.keys, self.home, actor, action, what, outcome, policy=[rule])

    def _not_yours(self, actor: Actor, action: str, what: str) -> DeniedError:
        self._note(actor, action, what, "denied", "DENY-REPORT")
        return DeniedError(
            "DENY-REPORT",
            "Báo cáo này không phải của bạn và không gửi cho bạn.",
            hint="Nhờ người lập báo cáo thêm bạn vào người nhận.",
            who="người lập báo cáo",
        )
