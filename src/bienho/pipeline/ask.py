"""What commands ask of the house: every answer comes through the gate, under the caller's account and purpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from bienho.contracts.counts import noted_rows
from bienho.core.errors import InputError
from bienho.core.ids import delivery_id
from bienho.database import Role
from bienho.governance import Actor, Emergency, Gate, accounts, people, permits
from bienho.governance.decision import Action
from bienho.pipeline.app import App
from bienho.pipeline.door import refused_attempts
from bienho.quality import last_day
from bienho.standards.xml130 import BARE, TABLES, assessment_identity, columns

# key of the JSON form → column
ASIDE = {
    "delivery": "delivery_id",
    "hoso": "hoso",
    "facility": "facility_code",
    "code": "code",
    "message": "message",
    "received": "received_at",
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
DOSSIER = "standard.xml130_dossier"
HEAD = [
    "version_id",
    "delivery_id",
    "record_id",
    "format_version",
    "version_evidence",
    "dossier_key",
    "document",
    "row_counts",
]
ASSESSED = range(2010, 2070)
# the key of each list: its order is that of the file
ORDER = {
    "quality.finding": ("delivery_seq", "version_id", "finding_id"),
    "quality.quarantine": ("delivery_seq", "version_id"),
}


def caller(app: App) -> Actor:
    """The account of the operating-system user who runs the command, with what its units give it now."""
    return people.caller(app.database, app.home, datetime.now(UTC))


def permit(app: App, action: Action, what: str = "") -> Actor:
    """The caller, if their account may do this; recorded either way. Denied or DeniedError DENY-ACCOUNT otherwise."""
    return permits.permit_caller(app.database, app.keys, app.home, action, what)


def break_glass(app: App, purpose: str, dossier_key: str, reason: str, document: str, now: datetime) -> Emergency:
    """The caller opens one dossier in an emergency; see `governance.break_glass`."""
    actor = caller(app)
    return permits.break_glass(app.database, app.keys, app.home, actor, purpose, dossier_key, reason, document, now)


def restored(app: App) -> None:
    """Note in the restored record that it was restored, and by which user of the operating system."""
    permits.note(app.database, app.keys, app.home, accounts.unmapped(), "restore", "", "allowed")


def findings(app: App, purpose: str, *, seq: int | None = None, facility: str | None = None) -> list[dict[str, Any]]:
    """Open findings in file order.

    Keys: code, delivery, dossier, facility, table, row, field, rule, severity, owner, message (design 8.12).
    """
    return _listing(app, purpose, "quality.finding", FINDING, _narrow(seq, facility))


def quarantine(
    app: App, purpose: str, *, as_of: date, seq: int | None = None, facility: str | None = None
) -> list[dict[str, Any]]:
    """What lies in quarantine: {delivery, hoso, facility, code, message, received, expires, expired}.

    hoso 0 is a whole file. `expires` is the last day on which it counts as work to do; after it, `expired` is true.
    """
    rows = _listing(app, purpose, "quality.quarantine", ASIDE, _narrow(seq, facility))
    for row in rows:
        last = last_day(row["received"], app.limits.quarantine_days) if row["received"] else None
        row |= {"expires": last, "expired": last is not None and last < as_of}
    return rows


def refused(app: App, most: int = 1000) -> list[dict[str, Any]]:
    """Attempts that were turned away at the door, newest first, for whoever may take in; `door.refused_attempts`."""
    permit(app, "ingest", "refused")
    with app.database.connect(Role.WORKER, autocommit=True) as connection:
        return refused_attempts(connection, most)


def dossier(app: App, purpose: str, facility: str, ma_lk: str, *, with_identifiers: bool) -> dict[str, Any]:
    """One dossier as stored: {versions, dossier, document, delivery, format_version, version_evidence, rows, tables}.

    A visit is answered together with its check-in (XML0), which is a document of its own; a number of minutes
    (SO_BIEN_BAN) gives an assessment. Texts of the vault only when asked for. InputError IN-DOSSIER-UNKNOWN when the
    facility has sent no such dossier.
    """
    actor = caller(app)
    with app.reading() as gate:

        def read(dataset: str, names: Sequence[str] | None, *where: tuple[str, str, Any]) -> pa.Table:
            return _read(gate, actor, purpose, dataset, names, where)

        heads = read(DOSSIER, HEAD, ("encounter_key", "=", app.vault.dossier_key(facility, ma_lk))).to_pylist()
        if not heads:
            keys = _assessment_keys(app, facility, ma_lk)
            heads = read(DOSSIER, HEAD, ("dossier_key", "in", keys)).to_pylist()
            heads = sorted(heads, key=lambda head: -head["version_id"])[:1]
        if not heads:
            raise InputError(
                "IN-DOSSIER-UNKNOWN",
                f"Cơ sở {facility} chưa gửi hồ sơ có mã này.",
                hint="Kiểm tra mã cơ sở (MACSKCB trong tệp) và MA_LK hoặc SO_BIEN_BAN, đúng từng ký tự.",
            )
        heads.sort(key=lambda head: head["document"] != "visit")
        first = heads[0]
        replaced = read("standard.superseded", ["version_id"], ("dossier_key", "=", first["dossier_key"])).num_rows
        texts: dict[str, list[dict[str, str]]] = {}
        for head in heads:
            holding = [name for name, document in BARE.items() if document == head["document"]] or TABLES
            noted = head["row_counts"]
            full = holding if noted is None else noted_rows(noted)
            rows = {
                name: _read(
                    gate,
                    actor,
                    purpose,
                    f"standard.xml130_{name.removeprefix('XML')}",
                    None,
                    (("version_id", "=", head["version_id"]),),
                    (("row_no", "asc"),),
                )
                if name in full
                else []
                for name in holding
            }
            payload = gate.payload(actor, purpose, head["record_id"]) if with_identifiers else None
            for name, lines in columns.restore(payload, rows, head["format_version"]).items():
                texts.setdefault(name, []).extend(lines)
    return {
        "versions": 1 + replaced,
        "dossier": first["dossier_key"],
        "document": first["document"],
        "delivery": first["delivery_id"],
        "format_version": first["format_version"],
        "version_evidence": first["version_evidence"],
        "rows": {name: len(rows) for name, rows in texts.items()},
        "tables": texts,
    }


def _assessment_keys(app: App, facility: str, number: str) -> list[str]:
    """Keys under which minutes of this number may stand: their numbers start anew every year."""
    days = [None, *(f"{year}0101" for year in ASSESSED)]
    names = (assessment_identity(number, day) for day in days)
    return [app.vault.dossier_key(facility, name, "assessment") for name in names]


def query(app: App, purpose: str, sql: str, *, at: int | datetime | None, with_identifiers: bool) -> pa.Table:
    """The answer to one checked SELECT, as the lake was at a snapshot or a moment."""
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
