"""A small real house for tests of the gate: database, vault, lake with two dossiers of two synthetic people, a gate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from bienho.config import DEFAULT, Limits
from bienho.contracts import catalogue
from bienho.governance import Actor, Gate
from bienho.governance.roles import ROLES
from bienho.lake import Lake
from bienho.privacy import Vault, VaultEntry
from support.homes import Made, temporary_home

FACILITY = "52001"
PEOPLE = (("Nguyễn Thị Thử", "LK0001"), ("Trần Văn Mẫu", "LK0002"))
NOTES = ("Bệnh nhân tỉnh, tiếp xúc tốt", "Đỡ ho, ăn uống được")


@dataclass(frozen=True)
class Governed:
    """The house and the keys of its two dossiers."""

    made: Made
    vault: Vault
    gate: Gate
    records: tuple[str, ...]
    patients: tuple[str, ...]
    dossiers: tuple[str, ...]
    first_snapshot: int


def actor(*roles: str, door: str = "cli") -> Actor:
    """A made-up actor holding the roles; all of them by default."""
    return Actor("an.nguyen", "Nguyễn An", roles or tuple(ROLES), door)


@contextmanager
def governed(limits: Limits = DEFAULT, rows: int = 0) -> Iterator[Governed]:
    """A house with two current dossiers, one replaced version, and `rows` further encounters."""
    with temporary_home() as made:
        vault = Vault(made.keys, made.database)
        entries = [_entry(vault, place) for place in range(2)]
        records = tuple(vault.seal(entries).record_ids)
        patients = tuple(entry.patient_key for entry in entries)
        dossiers = tuple(vault.dossier_key(FACILITY, ma_lk) for _, ma_lk in PEOPLE)
        with Lake.open(made.home, made.database, read_only=False) as lake:
            lake.create_tables(list(catalogue().values()))
            first = _fill(lake, records, patients, dossiers, rows)
        with Lake.open(made.home, made.database, read_only=True, sandbox=True) as lake:
            gate = Gate(lake, made.database, made.keys, made.home, limits=limits)
            try:
                yield Governed(made, vault, gate, records, patients, dossiers, first)
            finally:
                gate.close()


def table(dataset: str, rows: list[dict[str, Any]]) -> pa.Table:
    """Rows of a dataset in its contract's schema; columns not given are NULL."""
    schema = catalogue()[dataset].arrow_schema()
    nullable = pa.schema([pa.field(field.name, field.type) for field in schema])
    return pa.Table.from_pylist(rows, nullable)


def _entry(vault: Vault, place: int) -> VaultEntry:
    name, ma_lk = PEOPLE[place]
    payload = {
        "XML1": [{"MA_LK": ma_lk, "MA_BN": f"BN{place}", "HO_TEN": name, "DIA_CHI": "Thôn 1"}],
        "XML5": [{"MA_LK": ma_lk, "DIEN_BIEN_LS": note} for note in NOTES],
    }
    return VaultEntry(FACILITY, ma_lk, vault.patient_key(FACILITY, f"BN{place}", ma_lk), payload)


def _fill(lake: Lake, records: Any, patients: Any, dossiers: Any, rows: int) -> int:
    versions = (1_000_001, 1_000_002, 2_000_001)  # the third replaces the first
    received = datetime(2026, 11, 2, 7, 30, tzinfo=UTC)
    heads, ones, fives, findings = [], [], [], []
    for version, place in zip(versions, (0, 1, 0), strict=True):
        seq = version // 1_000_000
        heads.append(
            {
                "version_id": version, "delivery_seq": seq, "delivery_id": f"D{seq:012d}", "hoso": version % 1_000_000,
                "facility_code": FACILITY, "dossier_key": dossiers[place], "patient_key": patients[place],
                "document": "visit", "encounter_key": dossiers[place],
                "record_id": records[place], "content_digest": f"{version:064x}", "format_version": "4750",
                "version_evidence": "structure", "received_at": received,
            }
        )  # fmt: skip
        ones.append(
            {
                "version_id": version, "row_no": 1, "MA_LK": "*", "MA_BN": "*", "HO_TEN": "*", "DIA_CHI": "*",
                "SO_CCCD": "", "MA_CSKCB": FACILITY, "GIOI_TINH": "2", "NGAY_SINH": "198001010000",
                "MA_BENH_CHINH": ("J00", "A09", "J01")[versions.index(version)], "MA_BENH_KT": "I10;E11",
            }
        )  # fmt: skip
        fives += [
            {"version_id": version, "row_no": row, "MA_LK": "*", "DIEN_BIEN_LS": "*", "STT": str(row)} for row in (1, 2)
        ]
        findings.append(
            {
                "version_id": version, "delivery_seq": seq, "delivery_id": f"D{seq:012d}", "severity": "error",
                "code": "IN-X", "facility_code": FACILITY, "owner": "facility", "message": "Sai",
                "dossier_key": dossiers[place], "finding_id": str(version),
            }
        )  # fmt: skip
    extra = [{"version_id": 10_000_000 + n, "facility_code": f"5200{n % 7}", "total_cost": None} for n in range(rows)]
    given = {
        "standard.xml130_dossier": heads[:2], "standard.xml130_1": ones[:2], "standard.xml130_5": fives[:4],
        "quality.finding": findings[:2],
    }  # fmt: skip
    later = {
        "standard.xml130_dossier": heads[2:], "standard.xml130_1": ones[2:], "standard.xml130_5": fives[4:],
        "quality.finding": findings[2:],
        "standard.superseded": [{"version_id": versions[0], "by_version_id": versions[2], "dossier_key": dossiers[0]}],
        **({"conformed.encounter": extra} if extra else {}),
    }  # fmt: skip
    first = _insert(lake, given, "D000000000001")
    _insert(lake, later, "D000000000002")
    return first


def _insert(lake: Lake, given: dict[str, list[dict[str, Any]]], delivery: str) -> int:
    def work(connection: Any) -> None:
        for dataset, rows in given.items():
            known = catalogue()[dataset].by_name
            data = table(dataset, [{k: v for k, v in row.items() if k in known} for row in rows])
            connection.register("incoming", data)
            connection.execute(f"INSERT INTO lake.{dataset} BY NAME SELECT * FROM incoming")
            connection.unregister("incoming")

    _, snapshot = lake.commit(work, author="test", message="fill", deliveries=(delivery,))
    return snapshot
