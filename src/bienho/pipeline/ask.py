"""What commands ask of the house: every answer comes through the gate, under the caller's account and purpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from bienho.core.errors import InputError
from bienho.core.ids import delivery_id
from bienho.governance import Actor, Gate, accounts
from bienho.pipeline.app import App
from bienho.standards.xml130 import TABLES, columns

# key of the JSON form → column
ASIDE = {
    "delivery": "delivery_id",
    "hoso": "hoso",
    "facility": "facility_code",
    "code": "code",
    "message": "message",
}
FINDING = {
    "code": "code",
    "delivery": "delivery_id",
    "dossier": "dossier_key",
    "facility": "facility_code",
    "table": "table_name",
    "row": "row_no",
    "field": "field",
    "rule": "rule",
    "severity": "severity",
    "owner": "owner",
    "message": "message",
}
# the key of each list: its order is that of the file
ORDER = {
    "quality.finding": ("delivery_seq", "version_id", "finding_id"),
    "quality.quarantine": ("delivery_seq", "version_id"),
}


def caller(app: App) -> Actor:
    """The account of the operating-system user who runs the command."""
    return accounts.actor_for_os_user(app.database, app.home)


def findings(app: App, purpose: str, *, seq: int | None = None, facility: str | None = None) -> list[dict[str, Any]]:
    """Open findings in file order.

    Keys: code, delivery, dossier, facility, table, row, field, rule, severity, owner, message (design 8.12).
    """
    return _listing(app, purpose, "quality.finding", FINDING, _narrow(seq, facility))


def quarantine(app: App, purpose: str, *, seq: int | None = None, facility: str | None = None) -> list[dict[str, Any]]:
    """What lies in quarantine: {delivery, hoso, facility, code, message}; hoso 0 is a whole file."""
    return _listing(app, purpose, "quality.quarantine", ASIDE, _narrow(seq, facility))


def dossier(app: App, purpose: str, facility: str, ma_lk: str, *, with_identifiers: bool) -> dict[str, Any]:
    """One dossier as stored: {versions, delivery, format_version, rows, tables}; texts of the vault only when asked.

    InputError IN-DOSSIER-UNKNOWN when the facility has sent no such dossier.
    """
    actor = caller(app)
    key = app.vault.dossier_key(facility, ma_lk)
    head_columns = ["version_id", "delivery_id", "record_id", "format_version", "version_evidence", "dossier_key"]
    with app.reading() as gate:
        heads = _read(
            gate, actor, purpose, "standard.xml130_dossier", head_columns, (("dossier_key", "=", key),)
        ).to_pylist()
        if not heads:
            raise InputError(
                "IN-DOSSIER-UNKNOWN",
                f"Cơ sở {facility} chưa gửi hồ sơ có mã này.",
                hint="Kiểm tra mã cơ sở (MACSKCB trong tệp) và MA_LK, đúng từng ký tự.",
            )
        head = heads[0]
        replaced = _read(gate, actor, purpose, "standard.superseded", ["version_id"], (("dossier_key", "=", key),))
        tables = {
            name: _read(
                gate,
                actor,
                purpose,
                f"standard.xml130_{name.removeprefix('XML')}",
                None,
                (("version_id", "=", head["version_id"]),),
                (("row_no", "asc"),),
            )
            for name in TABLES
        }
        payload = gate.payload(actor, purpose, head["record_id"]) if with_identifiers else None
    texts = columns.restore(payload, tables, head["format_version"])
    return {
        "versions": 1 + replaced.num_rows,
        "dossier": key,
        "delivery": head["delivery_id"],
        "format_version": head["format_version"],
        "version_evidence": head["version_evidence"],
        "rows": {name: len(rows) for name, rows in texts.items()},
        "tables": texts,
    }


def query(app: App, purpose: str, sql: str, *, at: int | None, with_identifiers: bool) -> pa.Table:
    """The answer to one checked SELECT."""
    with app.reading() as gate:
        _, reader = gate.query(caller(app), purpose, sql, at=at, with_identifiers=with_identifiers)
        return reader.read_all()


def received_bytes(app: App, purpose: str, seq: int) -> bytes:
    """A delivery's bytes as received; they hold identifiers, so the gate must allow identification."""
    with app.reading() as gate:
        gate.permit_bytes(caller(app), purpose, delivery_id(seq))
    return app.raw.read(seq)[1]


def _listing(
    app: App, purpose: str, dataset: str, names: Mapping[str, str], filters: Sequence[tuple[str, str, Any]]
) -> list[dict[str, Any]]:
    """Rows of a list under the keys of its JSON form, in file order."""
    order = ORDER[dataset]
    columns = list(dict.fromkeys([*names.values(), *order]))
    with app.reading() as gate:
        rows = _read(gate, caller(app), purpose, dataset, columns, filters, [(name, "asc") for name in order])
    return [{key: row[column] for key, column in names.items()} for row in rows.to_pylist()]


def _narrow(seq: int | None, facility: str | None) -> tuple[tuple[str, str, Any], ...]:
    filters: list[tuple[str, str, Any]] = []
    if seq is not None:
        filters.append(("delivery_seq", "=", seq))
    if facility is not None:
        filters.append(("facility_code", "=", facility))
    return tuple(filters)


def _read(
    gate: Gate,
    actor: Actor,
    purpose: str,
    dataset: str,
    names: Sequence[str] | None,
    filters: Sequence[tuple[str, str, Any]] = (),
    order: Sequence[tuple[str, str]] = (),
) -> pa.Table:
    _, reader = gate.read(actor, purpose, dataset, names, filter=filters, order=order)
    return reader.read_all()
