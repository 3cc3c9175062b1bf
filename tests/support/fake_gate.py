"""A gate for page tests: the same doors as governance.Gate over seeded synthetic rows in an in-memory DuckDB.

Tables come from the contracts, so a page that asks for a column which no contract has fails here too. The rows are
made up by arithmetic: no real facility sent them, no person is behind them.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

from bienho.config import load_profile
from bienho.contracts import Catalogue, catalogue
from bienho.core.errors import DeniedError
from bienho.core.ids import delivery_id, version_id
from bienho.governance import sql_check
from bienho.quality.scores import standing

NOW = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
SECRET_NAME = "NGUYỄN THỊ GIẢ LẬP"
CURRENT = "SELECT * FROM {} ANTI JOIN standard.superseded USING (version_id)"
OPERATORS = {"=": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "like": "LIKE"}
MEASURES = {"count": "count", "sum": "sum", "avg": "avg", "min": "min", "max": "max"}
CODES = (
    ("I10", "IX"),
    ("J06.9", "X"),
    ("E11.9", "IV"),
    ("A90", "I"),
    ("K29.7", "XI"),
    ("M54.5", "XIII"),
    ("S61.0", "XIX"),
)
FINDINGS = (
    ("IN-CAST", "warning", "XML2", "NGAY_YL", "Ngày y lệnh không đúng dạng yyyymmddHHMM.", 29),
    ("IN-MISSING", "error", "XML1", "MA_KHOA", "Thiếu mã khoa, trường bắt buộc.", 12),
    ("IN-TOO-LONG", "warning", "XML3", "TEN_DICH_VU", "Tên dịch vụ dài hơn mức cho phép.", None),
    ("IN-COUNT", "info", None, None, "Số hồ sơ khai khác số hồ sơ có trong tệp.", 188),
)


@dataclass(frozen=True)
class FakeActor:
    account_id: str = "test-1"
    name: str = "Người xem thử"
    roles: tuple[str, ...] = ("operator", "identifier-reader", "administrator")
    door: str = "portal"
    memberships: tuple[Any, ...] = ()
    assurance: str = "none"


@dataclass(frozen=True)
class FakeDecision:
    allowed: bool = True
    rule: str = "test"
    snapshot: int = 42


@dataclass
class FakeGate:
    """`calls` records (door, purpose, dataset); `closed` datasets are refused; `broken` ones raise."""

    connection: duckdb.DuckDBPyConnection
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    closed: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    reasons: list[str] = field(default_factory=list)

    def read(
        self,
        actor: Any,
        purpose: str,
        dataset: str,
        columns: Sequence[str],
        filter: Sequence[tuple[str, str, Any]] = (),
        order: Sequence[tuple[str, str]] = (),
        limit: int | None = None,
        offset: int = 0,
        at: int | None = None,
        versions: str = "current",
        export: bool = False,
    ) -> tuple[FakeDecision, pa.RecordBatchReader]:
        self._enter("export" if export else "read", purpose, dataset)
        known = catalogue()[dataset].by_name
        assert all(name in known for name in columns), set(columns) - set(known)
        picked = ", ".join(f'"{name}"' for name in columns)
        return self._run(dataset, picked, "", filter, order, limit, offset, versions)

    def aggregate(
        self,
        actor: Any,
        purpose: str,
        dataset: str,
        group_by: Sequence[str],
        measures: Mapping[str, tuple[str, str | None]],
        filter: Sequence[tuple[str, str, Any]] = (),
        order: Sequence[tuple[str, str]] = (),
        limit: int | None = None,
        at: int | None = None,
        versions: str = "current",
    ) -> tuple[FakeDecision, pa.RecordBatchReader]:
        self._enter("aggregate", purpose, dataset)
        known = catalogue()[dataset].by_name
        parts = [f'"{name}"' for name in group_by]
        for name, (kind, column) in measures.items():
            assert column is None or column in known, column
            inside = "*" if column is None else f'"{column}"'
            sql = f"count(DISTINCT {inside})" if kind == "count_distinct" else f"{MEASURES[kind]}({inside})"
            parts.append(f'{sql} AS "{name}"')
        group = " GROUP BY " + ", ".join(f'"{name}"' for name in group_by) if group_by else ""
        return self._run(dataset, ", ".join(parts), group, filter, order, limit, 0, versions)

    def query(
        self,
        actor: Any,
        purpose: str,
        sql: str,
        at: int | None = None,
        with_identifiers: bool = False,
        versions: str = "current",
        export: bool = False,
    ) -> tuple[FakeDecision, pa.RecordBatchReader]:
        """The statement as it is, after the real gate's own check of it; of current versions if asked so."""
        for dataset in sql_check.check(sql, catalogue()).datasets:
            self._enter("export" if export else "query", purpose, dataset)
            if catalogue()[dataset].versioned and versions == "current":
                sql = re.sub(rf"(?<=FROM |JOIN ){re.escape(dataset)}\b", f"({CURRENT.format(dataset)})", sql)
        return FakeDecision(), self.connection.cursor().execute(sql).to_arrow_reader(10_000)

    def identify(
        self,
        actor: Any,
        purpose: str,
        relation: pa.Table,
        columns: Sequence[str],
        reason: str = "",
        emergency: str = "",
        number_only: bool = False,
    ) -> tuple[FakeDecision, pa.Table]:
        self._enter("dossier-number" if number_only else "identify", purpose, "vault")
        self.reasons.append(reason)
        if ("facility-data-officer" if number_only else "identifier-reader") not in actor.roles:
            raise DeniedError("DENY-ROLE", "Tài khoản không có vai trò xem định danh.")
        for name in columns:
            texts = [SECRET_NAME if v == "*" else v for v in relation.column(name).to_pylist()]
            relation = relation.set_column(relation.schema.get_field_index(name), name, pa.array(texts, pa.string()))
        return FakeDecision(), relation

    def payload(
        self, actor: Any, purpose: str, record_id: str, reason: str = "", emergency: str = ""
    ) -> dict[str, list[dict[str, Any]]]:
        self._enter("payload", purpose, "vault")
        return {"XML1": [{"HO_TEN": SECRET_NAME, "SO_CCCD": "001"}]} if emergency else {}

    def _enter(self, door: str, purpose: str, dataset: str) -> None:
        self.calls.append((door, purpose, dataset))
        if dataset in self.closed:
            raise DeniedError("DENY-ROLE", "Vai trò này chưa được đọc bộ dữ liệu.")
        if dataset in self.broken:
            raise RuntimeError(f"broken on purpose: {SECRET_NAME}")

    def _run(
        self, dataset: str, picked: str, group: str, filter: Any, order: Any, limit: Any, offset: int, versions: str
    ) -> Any:
        where, values = [], []
        for column, operator, value in filter:
            if operator.endswith("null"):
                where.append(f'"{column}" IS {"NOT " if operator == "not_null" else ""}NULL')
            elif operator == "in":
                where.append(f'"{column}" IN ({", ".join("?" * len(value))})' if value else "false")
                values += list(value)
            else:
                where.append(f'"{column}" {OPERATORS[operator]} ?')
                values.append(value)
        current = catalogue()[dataset].versioned and versions == "current"
        sql = f"SELECT {picked} FROM {f'({CURRENT.format(dataset)})' if current else dataset}"
        if where:
            sql += " WHERE " + " AND ".join(where)
        sql += group
        if order:
            sql += " ORDER BY " + ", ".join(f'"{c}" {"DESC" if d == "desc" else "ASC"} NULLS LAST' for c, d in order)
        if limit is not None:
            sql += f" LIMIT {int(limit)} OFFSET {int(offset)}"
        return FakeDecision(), self.connection.cursor().execute(sql, values).to_arrow_reader(10_000)


class _Rows:
    """Rows of one table gathered as dicts, then put in at once with NULL for what was not given."""

    def __init__(self, contracts: Catalogue) -> None:
        self.contracts = contracts
        self.tables: dict[str, list[dict[str, Any]]] = {}
        self.last: dict[str, tuple[int, str, str]] = {}

    def add(self, table: str, **values: Any) -> None:
        self.tables.setdefault(table, []).append(values)

    def store(self, connection: duckdb.DuckDBPyConnection) -> None:
        for table, rows in self.tables.items():
            named = set().union(*rows)
            schema = pa.schema([f.with_nullable(True) for f in self.contracts[table].arrow_schema() if f.name in named])
            given = pa.Table.from_pydict({name: [row.get(name) for row in rows] for name in schema.names}, schema)
            connection.register("given", given)
            connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM given")
            connection.unregister("given")


def fake_gate(seed: int = 7, *, empty: bool = False) -> FakeGate:
    """A gate over a month of made-up deliveries of thirty facilities, or over empty tables."""
    connection = duckdb.connect(":memory:")
    contracts = catalogue()
    for zone in {contract.zone for contract in contracts.values()}:
        connection.execute(f"CREATE SCHEMA {zone}")
    for contract in contracts.values():
        connection.execute(contract.ddl("memory"))
    if not empty:
        rows = _Rows(contracts)
        _fill(rows, random.Random(seed))
        rows.store(connection)
    return FakeGate(connection)


def _fill(rows: _Rows, chance: random.Random) -> None:
    profile = load_profile("gialai")
    facilities = [f for f in profile.facilities if f.code][:30]
    communes = sorted(profile.commune_by_code)
    sequence = 0
    for back in range(30, -1, -1):
        for place, facility in enumerate(facilities):
            silent = place in (3, 11, 17) and back < 6 + place // 3
            if silent or chance.random() < 0.35:
                continue
            sequence += 1
            came = NOW - timedelta(days=back, minutes=17 * place + 9)
            _delivery(rows, chance, sequence, facility.code, came, communes)
    for number, title in enumerate(("Bệnh nhiễm trùng và ký sinh trùng", "U tân sinh"), 1):
        told = {"chapter": "I" * number, "ordinal": number, "title_vi": title, "title_en": f"Chapter {number}"}
        rows.add("reference.icd_chapter", **told, edition="test", valid_from=date(2020, 1, 1))
    waived = {"reason": "thay phần mềm", "decided_by": "Sở Y tế", "edition": "thử", "valid_from": date(2026, 11, 1)}
    for rule, until in ((29, date(2026, 12, 15)), (55, date(2026, 11, 20))):
        code = facilities[rule % 7].code
        rows.add("reference.rule_waiver", **waived, rule=rule, facility_code=code, valid_to=until)
    for place, facility in enumerate(facilities):
        for back in range(8):
            _scores(rows, facility.code, date(2026, 11, 16) - timedelta(weeks=back), place, back)
    weeks: dict[tuple[str, date, str], list[Any]] = {}
    for row in rows.tables["conformed.encounter"]:
        key = (row["facility_code"], row["week_start"], row["_chapter"])
        weeks.setdefault(key, []).append(row["_cost"])
    for (code, week, chapter), costs in weeks.items():
        rows.add(
            "derived.facility_week_chapter",
            facility_code=code,
            facility_canonical=code,
            week_start=week,
            chapter=chapter,
            encounters=len(costs),
            patients=len(costs),
            cost=sum(costs),
            encounters_without_cost=0,
        )


def _scores(rows: _Rows, code: str, week: date, place: int, back: int) -> None:
    """Scores of one week: in three dimensions a row each has cost points."""
    weights = {one.id: one.weight for one in standing().dimensions}
    lost = {"dung": Decimal(place % 7), "song": Decimal(2 * place % 50), "du": Decimal(back)}
    whole = sum((weights[name] * points for name, points in lost.items()), Decimal(0)) / 100
    shared = {"facility_code": code, "dataset": "xml130.visit", "week_start": week}
    for name, share in [*weights.items(), ("tong", 100)]:
        rows.add(
            "quality.score",
            **shared,
            dimension=name,
            score=100 - (whole if name == "tong" else lost.get(name, Decimal(0))),
            share=share,
            units=20 + place,
            losses=3,
            dossiers=20 + place,
            expected=22 + place if back > 1 else None,
            standing="closed" if back > 1 else "provisional",
            peer_group="hospital",
            peers=17 if place % 2 else None,
            **(dict(zip(("peer_low", "peer_middle", "peer_high"), (71, 84, 95), strict=True)) if place % 2 else {}),
            formula="diem-sau-chieu/1",
        )
    codes = {"dung": "IN-CAST", "song": "SCORE-LATE-LEGAL", "du": "SCORE-VOLUME"}
    for number, (name, points) in enumerate(lost.items(), 1):
        version = version_id(place + 1, 1)
        rows.add(
            "quality.score_loss",
            **shared,
            loss_no=number,
            dimension=name,
            code=codes[name],
            rule=29 if name == "dung" else None,
            severity="error",
            owner="facility",
            day=week,
            version_id=None if name == "du" else version,
            delivery_id=None if name == "du" else delivery_id(place + 1),
            dossier_key=f"{version:032x}" if name == "dung" else None,
            table_name="XML2" if name == "dung" else None,
            row_no=1 if name == "dung" else None,
            field="NGAY_YL" if name == "dung" else None,
            lost=10_000,
            points=points,
            points_total=points * weights[name] / 100,
        )


def _delivery(rows: _Rows, chance: random.Random, seq: int, code: str, at: datetime, communes: Sequence[str]) -> None:
    count = chance.randint(1, 9)
    spoiled = chance.random() < 0.06
    flawed = 0
    for hoso in range(1, count + 1):
        flawed += _dossier(rows, chance, seq, hoso, code, at, communes)
    if spoiled:
        rows.add(
            "quality.quarantine",
            version_id=version_id(seq, count + 1),
            delivery_seq=seq,
            delivery_id=delivery_id(seq),
            hoso=count + 1,
            facility_code=code,
            code="IN-NO-MA-LK",
            message="Hồ sơ không có mã liên kết nên không xác định được lượt khám.",
            received_at=at,
        )
    rows.add("quality.signature", **_signature(seq, at))
    rows.add(
        "standard.delivery",
        delivery_seq=seq,
        delivery_id=delivery_id(seq),
        kind="xml130",
        sha256=hashlib.sha256(delivery_id(seq).encode()).hexdigest(),
        source="folder",
        bytes=18_000 * count,
        received_at=at,
        facility_code=code,
        created=f"{at:%Y%m%d}",
        hoso_declared=str(count + spoiled),
        hoso_found=count + spoiled,
        outcome="quarantined" if spoiled else "accepted_with_findings" if flawed else "accepted",
        accepted=count - flawed,
        accepted_with_findings=flawed,
        quarantined=int(spoiled),
        duplicates=0,
        superseded=0,
    )


def _signature(seq: int, at: datetime) -> dict[str, Any]:
    """Every third delivery unsigned, every third valid, every third changed after signing."""
    status, code = (("absent", "SIG-ABSENT"), ("valid", None), ("invalid_digest", "SIG-DIGEST"))[seq % 3]
    signer = (
        {"signer": "Bệnh viện Thử", "issuer": "CA thử", "serial": "1f", "fingerprint": "ab" * 32} if seq % 3 else {}
    )
    told = {"delivery_seq": seq, "member": 0, "delivery_id": delivery_id(seq), "status": status, "code": code}
    return {**told, **signer, "judged_at": at, "anchors": "none", "revision": 1}


def _dossier(
    rows: _Rows, chance: random.Random, seq: int, hoso: int, code: str, at: datetime, communes: Sequence[str]
) -> int:
    """One dossier version everywhere it is seen; how many findings it has."""
    version = version_id(seq, hoso)
    key, patient, record, content = (f"{chance.getrandbits(128):032x}" for _ in range(4))
    day = (at - timedelta(days=chance.randint(0, 5))).date()
    diagnosis = chance.choice(CODES)
    commune = communes[min(int(chance.expovariate(0.02)), len(communes) - 1)]
    if hoso == 1 and code in rows.last and chance.random() < 0.1:
        old, key, patient = rows.last[code]
        rows.add("standard.superseded", version_id=old, by_version_id=version, dossier_key=key)
    if hoso == 1:
        rows.last[code] = (version, key, patient)
    amounts = [Decimal(chance.randint(5, 900) * 1000) for _ in range(chance.randint(1, 4))]
    place = {"version_id": version, "delivery_seq": seq, "delivery_id": delivery_id(seq), "facility_code": code}
    rows.add(
        "standard.xml130_dossier",
        **place,
        hoso=hoso,
        dossier_key=key,
        patient_key=patient,
        document="visit",
        encounter_key=key,
        record_id=record,
        content_digest=content,
        format_version=chance.choice(("3176", "3176", "4750", "130")),
        version_evidence="structure",
        received_at=at,
    )
    _as_received(rows, version, code, day, diagnosis[0], commune, amounts)
    _standardised(rows, version, (key, patient, code), day, diagnosis, commune, amounts)
    if chance.random() > 0.18:
        return 0
    finding = chance.choice(FINDINGS[:3])
    rows.add(
        "quality.finding",
        **place,
        finding_id=f"{version}-1",
        dossier_key=key,
        table_name=finding[2],
        row_no=1,
        field=finding[3],
        code=finding[0],
        rule=finding[5],
        severity=finding[1],
        owner="facility",
        message=finding[4],
        rule_revision=1,
    )
    return 1


def _as_received(
    rows: _Rows, version: int, code: str, day: date, icd: str, commune: str, amounts: Sequence[Decimal]
) -> None:
    stamp = f"{day:%Y%m%d}0830"
    sealed = dict.fromkeys(("MA_LK", "MA_BN", "HO_TEN", "SO_CCCD", "DIA_CHI", "CHAN_DOAN_RV"), "*")
    rows.add(
        "standard.xml130_1",
        version_id=version,
        row_no=1,
        **sealed,
        STT="1",
        NGAY_SINH="199001010000",
        GIOI_TINH="2",
        MA_BENH_CHINH=icd,
        NGAY_VAO=stamp,
        NGAY_RA=stamp,
        MA_CSKCB=code,
        T_TONGCHI_BV=f"{sum(amounts):.2f}",
        MAXA_CU_TRU=commune,
        MA_KHOA="K01",
    )
    for number, amount in enumerate(amounts, 1):
        rows.add(
            "standard.xml130_2",
            version_id=version,
            row_no=number,
            MA_LK="*",
            STT=str(number),
            MA_THUOC="40.48",
            TEN_THUOC="Paracetamol 500mg",
            DON_VI_TINH="Viên",
            SO_LUONG="10.000",
            THANH_TIEN_BV=f"{amount:.2f}",
            LIEU_DUNG="*",
            MA_BAC_SI="*",
            NGAY_YL=stamp,
        )
    note = {"MA_LK": "*", "STT": "1", "DIEN_BIEN_LS": "*", "THOI_DIEM_DBLS": stamp}
    rows.add("standard.xml130_5", version_id=version, row_no=1, **note)


def _standardised(
    rows: _Rows,
    version: int,
    who: tuple[str, str, str],
    day: date,
    diagnosis: tuple[str, str],
    commune: str,
    amounts: Sequence[Decimal],
) -> None:
    key, patient, code = who
    head = {"version_id": version, "encounter_key": key, "patient_key": patient, "facility_code": code}
    rows.add(
        "conformed.encounter",
        **head,
        facility_canonical=code,
        encounter_class="AMB",
        admitted_at=datetime(day.year, day.month, day.day, 8),
        discharged_at=datetime(day.year, day.month, day.day, 9),
        service_date=day,
        week_start=day - timedelta(days=day.weekday()),
        commune_canonical=commune,
        department_list="K01;K19" if version % 3 else "K02",
        department_first="K01" if version % 3 else "K02",
        sex="female",
        age_years=36,
        _chapter=diagnosis[1],
        _cost=sum(amounts),
    )
    main = {"rank": 1, "role": "main", "code_received": diagnosis[0], "icd10": diagnosis[0], "chapter": diagnosis[1]}
    rows.add("conformed.condition", **head, table_name="XML1", row_no=1, **main)
    rows.add("conformed.claim", **head, total_hospital=sum(amounts), insurer_paid=sum(amounts) * 4 / 5)
    for number, amount in enumerate(amounts, 1):
        rows.add("conformed.claim_item", **head, table_name="XML2", row_no=number, kind="drug", amount_hospital=amount)
