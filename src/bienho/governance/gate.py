"""The gate: every look at the lake or the vault from outside goes through here.

One call is one look: it is decided (default deny), run on one snapshot, and recorded; the record is committed before
the first row leaves. A look that is refused or fails is recorded too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cache
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from bienho.config import DEFAULT, Home, KeyRing, Limits
from bienho.contracts import Contract, catalogue
from bienho.core import ids
from bienho.core.errors import LimitError, UsageError
from bienho.database import Database
from bienho.governance import audit, identifying, question, reasons, sql_check
from bienho.governance.agreements import Agreements
from bienho.governance.break_glass import Emergencies, Emergency
from bienho.governance.decision import Action, Actor, Decision, Denied, Request, decide, refusal
from bienho.governance.engine_check import second_opinion
from bienho.governance.look import Look, recorded
from bienho.governance.pinned import relation as relation_at
from bienho.governance.policy.rows import Rows
from bienho.governance.running import At, Engine
from bienho.governance.sql_check import ZONES
from bienho.governance.sql_functions import ALLOWED
from bienho.lake import Versions
from bienho.privacy import Vault

_KEY = re.compile(r"[0-9a-f]{32}\Z")


class LakeLike(Protocol):
    """What the gate needs of an opened lake: sandboxed, read-only, attached as `lake`."""

    @property
    def connection(self) -> duckdb.DuckDBPyConnection: ...
    def snapshot_id(self) -> int: ...
    def empty(self, at: int) -> frozenset[str]: ...


class VaultLike(Protocol):
    """What the gate needs of the vault."""

    def open(self, record_ids: Sequence[str]) -> Mapping[str, identifying.Payload]: ...


class Gate:
    """The doors' way in. Thread-safe: each call works on a cursor of its own, events are written one by one."""

    def __init__(
        self,
        lake: LakeLike,
        db: Database,
        keys: KeyRing,
        home: Home,
        *,
        limits: Limits = DEFAULT,
        vault: VaultLike | None = None,
    ) -> None:
        self._engine = Engine(lake, limits)
        self._limits = limits
        self._db = db
        self._home = home
        self._audit = audit.AuditLog(db, keys, home)
        self._vault: VaultLike = vault or Vault(keys, db)
        self._agreements = Agreements(db)
        self._emergencies = Emergencies(db)

    def close(self) -> None:
        """Give back the connection of the audit log."""
        self._audit.close()

    def read(
        self,
        actor: Actor,
        purpose: str,
        dataset: str,
        columns: Sequence[str] | None,
        filter: question.Filter = (),
        order: question.Order = (),
        limit: int | None = None,
        offset: int = 0,
        at: At = None,
        versions: Versions = "current",
        export: bool = False,
    ) -> tuple[Decision, pa.RecordBatchReader]:
        """Rows of one dataset. `columns` None = all the actor may see; `filter` items are (column, op, value), ANDed.

        `export`: they leave in a file, which is decided and recorded as such.
        Streams; the snapshot is in the Decision. Raises Denied, UsageError (USE-DATASET, USE-COLUMN, USE-FILTER …),
        LimitError LIM-QUERY-SECONDS.
        """
        with self._look(actor, purpose, "export" if export else "read") as look:
            contract = self._contract(dataset)
            look.about(
                contract.id,
                columns=[name if name in contract.by_name else "?" for name in columns or ()],
                filter=question.described(contract, filter, self._audit.digest),
                limit=limit,
                offset=offset or None,
            )
            decision = self._decide(look, contract, tuple(columns) if columns is not None else None)
            asked = question.rows(contract, decision.columns, filter, order, limit, offset)
            looked = self._decide(look, contract, asked.touched, note=False)
            moment = self._engine.moment(at)
            text = asked.over(self._relation(contract, moment, versions, (), [decision.reach, looked.reach]))
            reader = self._engine.stream(text, asked.values)
            look.entities[-1]["detail"]["snapshot"] = moment
        return replace(decision, snapshot=moment), reader

    def aggregate(
        self,
        actor: Actor,
        purpose: str,
        dataset: str,
        group_by: question.GroupBy,
        measures: question.Measures,
        filter: question.Filter = (),
        order: question.Order = (),
        limit: int | None = None,
        at: At = None,
        versions: Versions = "current",
    ) -> tuple[Decision, pa.RecordBatchReader]:
        """Numbers of one dataset. `measures` = {name: (count|count_distinct|sum|avg|min|max, column or None)}.

        A group is a column, or (day|week|month|quarter|year, column) giving a column `column_period`.
        """
        with self._look(actor, purpose, "aggregate") as look:
            contract = self._contract(dataset)
            asked = question.groups(contract, group_by, measures, filter, order, limit)
            look.about(
                contract.id,
                group_by=[item if isinstance(item, str) else list(item) for item in group_by],
                measures={name: list(spec) for name, spec in measures.items()},
                filter=question.described(contract, filter, self._audit.digest),
            )
            decision = self._decide(look, contract, tuple(dict.fromkeys(asked.touched)))
            moment = self._engine.moment(at)
            source = self._relation(contract, moment, versions, (), [decision.reach])
            table = self._engine.collect(asked.over(source), asked.values)
            look.entities[-1]["detail"]["snapshot"] = moment
        return replace(decision, snapshot=moment), table.to_reader()

    def query(
        self,
        actor: Actor,
        purpose: str,
        sql: str,
        at: At = None,
        with_identifiers: bool = False,
        versions: Versions = "current",
        export: bool = False,
    ) -> tuple[Decision, pa.RecordBatchReader]:
        """The answer to one SELECT, within `Limits.query_rows` and `query_seconds`; `export` as for `read`.

        Raises SqlRefused (USE-SQL-…), Denied, UsageError USE-QUERY / USE-IDENTIFY, LimitError LIM-QUERY-…
        """
        with self._look(actor, purpose, "export" if export else "query") as look:
            contracts = {name: contract for name, contract in catalogue().items() if contract.zone in ZONES}
            checked = sql_check.check(sql, contracts)
            moment = self._engine.moment(at)
            look.entities.append(
                {
                    "type": "query",
                    "what": {"identifier": self._audit.digest(checked.text)},
                    "query": sql_check.masked(checked.tree, _known_names()),
                    "detail": {"snapshot": moment},
                }
            )
            decisions = self._decide_query(look, checked, contracts)
            plan, opening = self._plan(look, checked, contracts) if with_identifiers else (None, None)
            text = self._bind(checked, contracts, decisions, moment, versions, plan, opening)
            decision = _merged(list(decisions.values()))
            table = self._engine.collect(text, ())
            if plan is not None:
                table, decision = self._fill(look, table, plan, decision)
        return replace(decision, snapshot=moment), table.to_reader()

    def identify(
        self,
        actor: Actor,
        purpose: str,
        relation: pa.Table,
        columns: Sequence[str],
        reason: str = "",
        emergency: str = "",
        number_only: bool = False,
    ) -> tuple[Decision, pa.Table]:
        """The relation with `*` in `columns` replaced by the exact text from the vault.

        Needs a column `record_id`; rows of sub-files need `table_name` (`XML2`) and `row_no` (from 1), default XML1
        row 1. A cell whose person was erased keeps `*`, and the Decision says how many. `reason` is a code of `REASONS`
        and the number of a document (`reasons.written`); it stands in the audit event. `emergency`: id of an emergency
        this actor opened; it opens its one dossier only. Denied row-reach for a row out of reach. `number_only`: the
        facility's own numbers (`OWN_NUMBER`), an action of its own for whoever may open nothing else.
        """
        with self._look(actor, purpose, "dossier-number" if number_only else "identify") as look:
            if number_only and (tuple(columns) != (identifying.OWN_NUMBER,) or emergency):
                raise UsageError("USE-IDENTIFY", "Việc này chỉ lấy mã hồ sơ của cơ sở (MA_LK).")
            opened = self._emergency(look, emergency)
            look.reason = look.reason or reasons.recorded(reason)
            if relation.num_rows > self._limits.query_rows:
                raise LimitError("LIM-IDENTIFY", f"Mỗi lần mở định danh tối đa {self._limits.query_rows} dòng.")
            names = relation.column_names
            if "record_id" not in names or not columns or any(names.count(name) != 1 for name in columns):
                raise UsageError("USE-IDENTIFY", "Bảng cần có record_id và đúng các cột cần mở định danh.")
            places = identifying.places(relation)
            wanted = dict.fromkeys([table for _, table, _ in places] or ["XML1"])
            decisions = []
            for table in wanted:
                contract = self._contract(identifying.dataset_of(table))
                for name in columns:
                    question.column(contract, name)
                look.about(contract.id, columns=list(columns))
                decisions.append(
                    self._decide(look, contract, tuple(columns), emergency=opened.reason if opened else "")
                )
            decision = _merged(decisions)
            records = [record for record, _, _ in places]
            payloads = self._open(look, records, decisions, opened)
            filled, missing = identifying.restored(
                relation, {names.index(name): name for name in columns}, places, payloads
            )
        return _with_missing(decision, missing), filled

    def payload(
        self, actor: Actor, purpose: str, record_id: str, reason: str = "", emergency: str = ""
    ) -> dict[str, list[dict[str, Any]]]:
        """Everything the vault holds of one record, {table: [{FIELD: text}]}; {} when its person was erased.

        `reason` and `emergency` as for `identify`; with an emergency `record_id` may be '': that of its dossier.
        """
        with self._look(actor, purpose, "identify") as look:
            opened = self._emergency(look, emergency)
            look.reason = look.reason or reasons.recorded(reason)
            contract = self._contract("standard.xml130_1")
            look.about(contract.id, columns=["*"])
            decision = self._decide(look, contract, None, emergency=opened.reason if opened else "")
            record_id = record_id or (self._record_of(opened) if opened else "")
            found = self._open(look, [record_id], [decision], opened).get(record_id, {}) if record_id else {}
        return {table: [dict(row) for row in rows] for table, rows in found.items()}

    def permit_bytes(self, actor: Actor, purpose: str, delivery_id: str) -> Decision:
        """Leave to see a delivery's bytes as received: they hold identifiers. Every dossier in it is recorded."""
        with self._look(actor, purpose, "identify") as look:
            contract = self._contract("standard.xml130_1")
            delivery = ids.delivery_id(ids.delivery_seq(delivery_id))
            look.entities.append({"type": "raw", "what": {"identifier": delivery}})
            decision = self._decide(look, contract, None)
            self._note_persons(look, "delivery_id", [delivery], [decision])
        return decision

    def audit_events(
        self, actor: Actor, purpose: str, *, limit: int = 100, person: str | None = None
    ) -> tuple[Decision, list[dict[str, Any]]]:
        """The newest events of the audit log; `person`: a patient, dossier or record key, to see who looked."""
        with self._look(actor, purpose, "audit") as look:
            if not 0 < limit <= self._limits.query_rows:
                raise UsageError("USE-LIMIT", "Số sự kiện cần xem không hợp lệ.")
            if person is not None and not _KEY.match(person):
                raise UsageError("USE-KEY", "Cần mã người bệnh, mã hồ sơ hoặc mã bản ghi gồm 32 chữ số thập lục phân.")
            look.entities.append({"type": "audit", "what": {"identifier": person or "audit"}})
            decision = self._decide(look, None, None)
            events = audit.recent(self._db, limit=limit, person=person)
        return decision, events

    # ── deciding and recording ────────────────────────────────────────────────────────────────────────────────────

    def _look(self, actor: Actor, purpose: str, action: Action) -> AbstractContextManager[Look]:
        return recorded(self._audit, self._home.home_id, actor, purpose, action)

    def _decide(
        self,
        look: Look,
        contract: Contract | None,
        columns: tuple[str, ...] | None,
        *,
        note: bool = True,
        action: Action | None = None,
        emergency: str = "",
    ) -> Decision:
        if contract is not None:
            for name in columns or ():
                question.column(contract, name)
        units = {one.unit for one in look.actor.memberships}
        terms = self._agreements.terms(look.purpose, units, contract.id if contract else "")
        request = Request(
            look.look_id, look.actor, look.purpose, action or look.action, contract, columns, terms,
            bool(emergency), emergency,
        )  # fmt: skip
        decision = decide(request)
        if not decision.allowed:
            raise Denied(decision)
        if note:
            look.decisions.append(decision)
        return decision

    def _decide_query(
        self, look: Look, checked: sql_check.CheckedSql, contracts: Mapping[str, Contract]
    ) -> dict[str, Decision]:
        """One decision per dataset; a column named in the text is decided with those seen, over rows that have it."""
        decisions: dict[str, Decision] = {}
        for dataset in checked.datasets:
            contract = contracts[dataset]
            look.about(dataset)
            decision = self._decide(look, contract, None, note=False)
            named = tuple(name for name in decision.hidden if name.lower() in checked.names)
            if named:
                wider = self._decide(look, contract, (*decision.columns, *named), note=False)
                decision = replace(wider, hidden=tuple(name for name in decision.hidden if name not in named))
            look.decisions.append(decision)
            decisions[dataset] = decision
        return decisions or {"": self._decide(look, None, None)}

    def _contract(self, dataset: str) -> Contract:
        contract = catalogue().get(dataset)
        if contract is None or contract.zone not in ZONES:
            raise UsageError(
                "USE-DATASET", f"Không có bộ dữ liệu {sql_check.shown(dataset)}.", hint="Xem `bienho catalogue`."
            )
        return contract

    # ── running ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _plan(
        self, look: Look, checked: sql_check.CheckedSql, contracts: Mapping[str, Contract]
    ) -> tuple[identifying.Plan, Decision]:
        plan = identifying.plan(checked, contracts)
        fields = tuple(dict.fromkeys(plan.fields.values()))
        decision = self._decide(look, contracts[plan.dataset], fields, action="identify")
        look.about(plan.dataset, identified=list(fields))
        return plan, decision

    def _bind(
        self,
        checked: sql_check.CheckedSql,
        contracts: Mapping[str, Contract],
        decisions: Mapping[str, Decision],
        moment: int,
        versions: Versions,
        plan: identifying.Plan | None,
        opening: Decision | None,
    ) -> str:
        """The text to run: judged by the engine's parser, then each stand-in name replaced by its pinned relation."""
        text = checked.render()
        names = [relation.placeholder for relation in checked.relations] + checked.cte_names
        pinned = {
            relation.placeholder: self._relation(
                contracts[relation.dataset],
                moment,
                versions,
                decisions[relation.dataset].hidden,
                [
                    one.reach
                    for one in (decisions[relation.dataset], opening)
                    if one and one.dataset == relation.dataset
                ],
            )
            for relation in checked.relations
        }
        if plan is not None:
            names.append(plan.dossier)
            pinned[plan.dossier] = self._relation(contracts[identifying.DOSSIER], moment, "all")
        with self._engine.cursor() as cursor:
            second_opinion(cursor, text, names)
        for name, relation in pinned.items():
            text = text.replace(name, relation)
        return text

    def _fill(
        self, look: Look, table: pa.Table, plan: identifying.Plan, decision: Decision
    ) -> tuple[pa.Table, Decision]:
        origins = [origin or {} for origin in table.column(table.num_columns - 1).to_pylist()]
        table = table.select(range(table.num_columns - 1))
        records = [origin.get("record") for origin in origins]
        places = [(origin.get("record"), plan.table, origin.get("row") or 0) for origin in origins]
        for kind, name in (("Patient", "person"), ("Encounter", "dossier"), ("Record", "record")):
            look.touched(kind, [origin.get(name) for origin in origins])
        payloads = self._vault.open([record for record in dict.fromkeys(records) if record])
        filled, missing = identifying.restored(table, plan.fields, places, payloads)
        return filled, _with_missing(decision, missing)

    def _open(
        self, look: Look, records: Sequence[str | None], decisions: Sequence[Decision], opened: Emergency | None
    ) -> Mapping[str, identifying.Payload]:
        wanted = [record for record in dict.fromkeys(records) if record]
        if not all(_KEY.match(record) for record in wanted):
            raise UsageError("USE-IDENTIFY", "Mã bản ghi trong bảng cần mở không hợp lệ.")
        look.touched("Record", wanted)
        self._note_persons(look, "record_id", wanted, decisions, opened)
        return self._vault.open(wanted)

    def _note_persons(
        self,
        look: Look,
        column: str,
        values: Sequence[str],
        decisions: Sequence[Decision],
        opened: Emergency | None = None,
    ) -> None:
        """Name the persons in the record; Denied when one of the rows is out of reach of any of the decisions."""
        contract = self._contract(identifying.DOSSIER)
        moment = self._engine.moment(None)
        names = ("patient_key", "dossier_key", column)
        asked = question.rows(contract, names, [(column, "in", values)], (), None, 0)
        found = self._engine.collect(asked.over(self._relation(contract, moment, "all")), asked.values)
        look.touched("Patient", found.column("patient_key").to_pylist())
        look.touched("Encounter", found.column("dossier_key").to_pylist())
        reaches = [decision.reach for decision in decisions if decision.reach is not None]
        if reaches:
            within = self._engine.collect(
                asked.over(self._relation(contract, moment, "all", (), reaches)), asked.values
            )
            whole = set(within.column(column).to_pylist()) == set(values) and within.num_rows == found.num_rows
            if not whole:
                raise Denied(refusal(decisions[0], "row-reach", "Hồ sơ này nằm ngoài phạm vi của tài khoản."))
        if opened is not None and set(found.column("dossier_key").to_pylist()) != {opened.dossier_key}:
            raise Denied(refusal(decisions[0], "emergency-dossier", "Lần mở khẩn cấp này chỉ dành cho một hồ sơ khác."))

    def _relation(
        self,
        contract: Contract,
        moment: int,
        versions: Versions,
        hidden: Sequence[str] = (),
        reaches: Sequence[Rows] = (),
    ) -> str:
        return relation_at(contract, moment, versions, hidden, reaches, self._engine.empty(moment))

    def _record_of(self, opened: Emergency) -> str:
        """The current record of an emergency's dossier, '' when there is none: who opens it may not read the lists."""
        contract = self._contract(identifying.DOSSIER)
        asked = question.rows(contract, ("record_id",), [("dossier_key", "=", opened.dossier_key)], (), 1, 0)
        source = self._relation(contract, self._engine.moment(None), "current")
        return next(iter(self._engine.collect(asked.over(source), asked.values).column("record_id").to_pylist()), "")

    def _emergency(self, look: Look, emergency: str) -> Emergency | None:
        """The opened emergency a look stands on; DeniedError DENY-EMERGENCY when it is not this actor's or is over."""
        if not emergency:
            return None
        found = self._emergencies.usable(look.actor, emergency)
        look.reason = found.words()
        look.entities.append({"type": "emergency", "what": {"identifier": found.emergency_id}})
        return found


def _merged(decisions: Sequence[Decision]) -> Decision:
    """One decision over several datasets: columns and hidden columns carry their dataset's name."""
    if len(decisions) == 1:
        return decisions[0]
    return replace(
        decisions[0],
        rule="+".join(dict.fromkeys(rule for one in decisions for rule in one.rule.split("+"))),
        reason_vi=" ".join(dict.fromkeys(one.reason_vi for one in decisions)),
        dataset=", ".join(one.dataset for one in decisions),
        columns=tuple(f"{one.dataset}.{name}" for one in decisions for name in one.columns),
        hidden=tuple(f"{one.dataset}.{name}" for one in decisions for name in one.hidden),
        obligations=tuple(dict.fromkeys(word for one in decisions for word in one.obligations)),
        policies=tuple(dict.fromkeys(name for one in decisions for name in one.policies)),
        articles=tuple(dict.fromkeys(article for one in decisions for article in one.articles)),
        facts=tuple(facts for one in decisions for facts in one.facts),
        rows=None,
        reach=None,
    )


def _with_missing(decision: Decision, missing: int) -> Decision:
    if not missing:
        return decision
    return replace(decision, obligations=(*decision.obligations, f"khong-con-dinh-danh:{missing}"))


@cache
def _known_names() -> frozenset[str]:
    """Names that may stand in the audit log: of datasets, columns and functions."""
    contracts = catalogue().values()
    fields = {field.name.lower() for contract in contracts for field in contract.fields}
    return frozenset(fields | {contract.name.lower() for contract in contracts} | ALLOWED | set(ZONES))
