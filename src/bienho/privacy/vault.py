"""The vault: the only place where direct identifiers are kept, sealed, one immutable record per dossier content."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bienho.config import KeyRing
from bienho.core.errors import UsageError
from bienho.database import Database, Role, storage_errors
from bienho.privacy.blind import BLIND_BYTES, Blind, BlindIndex, Kind
from bienho.privacy.digests import VISIT, Digests
from bienho.privacy.sealing import Payload, Sealer, bounded, encode

BATCH_MAX = 2_000
OPEN_CHUNK = 500
COPY_CHUNK = 256
ERASE_LOCK = 7_206_003  # the same number stands in vault.erase

# Rows in PostgreSQL's binary COPY format: number of fields, then length and bytes of each, big-endian. Packed here
# because a generic adapter costs as much time as the encryption.
_COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END = b"\xff\xff"
_PATIENT_ROW = struct.Struct(">hi16siii").pack
_RECORD_ROW = struct.Struct(">hi16si16siii").pack
_BLIND_ROW = struct.Struct(">hi16si16s").pack
_PATIENT = "patient_key, key_version, wrapped_key"
_RECORD = "record_id, patient_key, size, sealed"
_BLIND_KINDS = ", ".join(kind.name.lower() for kind in Kind)
_BLIND = f"record_id, patient_key, {_BLIND_KINDS}"
_BLIND_FIELDS = 2 + len(Kind)
# The indexes are ordered by part first, so that what is written lies together; a value is looked for in each.
_FIND = """
SELECT patient_key, record_id FROM vault.blind_index
WHERE {column} = %b AND part = ANY (ARRAY(
    SELECT generate_series(0, (SELECT max(part) FROM vault.blind_index WHERE {column} IS NOT NULL))
))
"""
_END_FILL = ("end_fill(1)", "end_fill(2)", "end_fill(3)")
"""Groups of indexes that PostgreSQL makes beside each other."""
_NOTHING = struct.pack(">i", -1)
_BLIND_HEAD = struct.pack(">i", BLIND_BYTES)


@dataclass(slots=True)
class VaultEntry:
    """What one dossier version puts into the vault.

    `payload` is {table: [{FIELD: text}]} of every vault field, rows in file order, or what `encode` gives for that;
    `blind` as `blind_entries` makes it.
    `record_id` is filled by `Vault.seal`.
    """

    facility: str
    ma_lk: str
    patient_key: str
    payload: Payload | bytes
    blind: Blind = ()
    record_id: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class FreshVisits:
    """Visits of one facility of which the vault has nothing yet, in columns; each has an MA_BN, and its payload is what
    `encode` gives.
    """

    facility: str
    ma_lk: Sequence[str]
    ma_bn: Sequence[str]
    payloads: Sequence[bytes]
    blinds: Sequence[Blind]


@dataclass(frozen=True, slots=True)
class SealResult:
    """Counts of entries (their sum is the number given) and the record ids in the order given.

    `erased` entries belong to patients whose key was destroyed: nothing was written for them.
    """

    written: int
    existing: int
    erased: int
    record_ids: tuple[str, ...]
    erased_patients: frozenset[str]


class Vault:
    """Seals with the worker's rights, opens and erases with governance's. Cheap to make; holds no connection."""

    def __init__(self, keys: KeyRing, db: Database) -> None:
        self._db = db
        self._digests = Digests(keys)
        self._blind = BlindIndex(keys)
        self._keys = keys

    def patient_key(self, facility: str, ma_bn: str | None, ma_lk: str | None, document: str = VISIT) -> str:
        """32 hex digits naming one facility's patient: by MA_BN, else by MA_LK. InputError when neither is there."""
        return self._digests.patient_key(facility, ma_bn, ma_lk, document)

    def dossier_key(self, facility: str, ma_lk: str, document: str = VISIT) -> str:
        """32 hex digits naming one visit at one facility, or a document of another kind with that number."""
        return self._digests.dossier_key(facility, ma_lk, document)

    def record_id(self, facility: str, ma_lk: str, payload: bytes) -> str:
        """32 hex digits naming one content of one visit; `payload` is what `encode` gives."""
        return self._digests.record_id(facility, ma_lk, payload)

    def seal(self, entries: Sequence[VaultEntry], *, fresh: bool = False) -> SealResult:
        """Write a batch of at most 2,000 entries in one committed transaction; what is there already stays as it is.

        Several processes may seal at once. Nothing is written for a patient who has been erased. `fresh`: the caller
        knows that none of the records and patients is there yet and holds a batch of any size in its memory; they are
        not looked for first.
        """
        if len(entries) > BATCH_MAX and not fresh:
            raise ValueError(f"at most {BATCH_MAX} entries a batch")
        contents: dict[bytes, tuple[bytes, bytes, Blind]] = {}
        last: str | None = None
        for entry in entries:
            if entry.facility != last:
                last = entry.facility
                name = self._digests.recorder(last)
            data = bounded(entry.payload) if isinstance(entry.payload, bytes) else encode(entry.payload)
            record = name(entry.ma_lk, data)
            entry.record_id = record.hex()
            if record not in contents:
                contents[record] = _key(entry.patient_key), data, entry.blind
        if not entries:
            return SealResult(0, 0, 0, (), frozenset())
        written, erased = self._write(contents, fresh=fresh)
        gone = sum(1 for entry in entries if entry.patient_key in erased)
        ids = tuple(entry.record_id for entry in entries)
        return SealResult(written, len(entries) - written - gone, gone, ids, erased)

    def seal_fresh(self, parts: Iterable[FreshVisits]) -> tuple[list[str], list[str], list[str]]:
        """`seal` of `fresh` visits, any number: their dossier keys, patient keys and record ids in the order given."""
        contents: dict[bytes, tuple[bytes, bytes, Blind]] = {}
        dossiers, patients, records = list[str](), list[str](), list[str]()
        for part in parts:
            bounded(max(part.payloads, key=len, default=b""))
            of_dossiers, of_patients, of_records = self._digests.of_visits(
                part.facility, part.ma_lk, part.ma_bn, part.payloads
            )
            contents |= zip(of_records, zip(of_patients, part.payloads, part.blinds, strict=True), strict=True)
            dossiers += map(bytes.hex, of_dossiers)
            patients += map(bytes.hex, of_patients)
            records += map(bytes.hex, of_records)
        if contents:
            self._write(contents, fresh=True)
        return dossiers, patients, records

    def _write(self, contents: dict[bytes, tuple[bytes, bytes, Blind]], *, fresh: bool) -> tuple[int, frozenset[str]]:
        with storage_errors(self._db.place), self._db.connect(Role.WORKER) as connection:
            return _Batch(connection, Sealer(self._keys), self._blind, fresh=fresh).write(contents)

    @contextmanager
    def filling(self) -> Iterator[None]:
        """While an empty vault is filled at once with `fresh` batches, what finds a record is put off; it is made when
        the block ends, also by an error. A vault that has a record or a patient keeps what it has.

        Killed in between, records and patients are looked for in all rows until a later `filling` ends.
        """
        self._call("begin_fill()")
        try:
            yield
        finally:
            with ThreadPoolExecutor(len(_END_FILL)) as beside:
                list(beside.map(self._call, _END_FILL))

    def _call(self, what: str) -> None:
        with storage_errors(self._db.place), self._db.connect(Role.WORKER) as connection:
            connection.execute(f"SELECT vault.{what}")

    def open(self, record_ids: Iterable[str]) -> dict[str, dict[str, list[dict[str, Any]]]]:
        """The payloads of records by id; ids that are unknown or belong to an erased patient are absent.

        For `governance.gate.identify` only, which decides and audits first. IntegrityError INT-VAULT-TAMPERED or
        INT-VAULT-KEY when what is stored is not what was sealed.
        """
        wanted = [_key(text) for text in dict.fromkeys(record_ids)]
        sealer, ciphers = Sealer(self._keys), dict[bytes, AESGCM]()
        opened: dict[str, dict[str, list[dict[str, Any]]]] = {}
        if not wanted:
            return opened
        with storage_errors(self._db.place), self._db.connect(Role.GOVERNANCE) as connection:
            for chunk in _chunks(wanted, OPEN_CHUNK):
                rows = connection.cursor(binary=True).execute(
                    "SELECT r.record_id, r.patient_key, r.sealed, p.wrapped_key, p.key_version"
                    " FROM vault.record r JOIN vault.patient p USING (patient_key)"
                    " WHERE r.record_id = ANY (%b) AND p.wrapped_key IS NOT NULL",
                    (chunk,),
                )
                for record_id, patient_key, sealed, wrapped, version in rows:
                    if patient_key not in ciphers:
                        ciphers[patient_key] = sealer.data_key(patient_key, wrapped, version)
                    opened[record_id.hex()] = sealer.open(ciphers[patient_key], record_id, sealed)
        return opened

    def find(self, kind: str, text: str) -> list[tuple[str, str]]:
        """(patient_key, record_id) of the records that hold a value, ordered; on the identify path only.

        `kind` is personal_id, insurance_number, phone or name_birth (text from `name_birth`).
        """
        found: set[tuple[str, str]] = set()
        with storage_errors(self._db.place), self._db.connect(Role.GOVERNANCE) as connection:
            for number, digest in self._blind.digests(kind, text):
                column = Kind(number).name.lower()
                rows = connection.cursor(binary=True).execute(
                    _FIND.format(column=column), (int.from_bytes(digest, signed=True),)
                )
                found |= {(patient.hex(), record.hex()) for patient, record in rows}
        return sorted(found)

    def erase(self, patient_keys: Iterable[str], article: str) -> int:
        """Destroy the data keys of patients for ever, naming the legal article; how many were destroyed now.

        Their sealed records stay as unreadable bytes, their blind indexes go, and no later seal brings them back.
        Backups made before still hold the wrapped keys until they expire.
        """
        if not article.strip():
            raise UsageError("USE-ERASE-ARTICLE", "Việc xóa dữ liệu phải nêu điều khoản pháp lý.")
        wanted = sorted({_key(text) for text in patient_keys})
        with storage_errors(self._db.place), self._db.connect(Role.GOVERNANCE, autocommit=True) as connection:
            row = connection.execute("SELECT vault.erase(%b, %s)", (wanted, article)).fetchone()
            if connection.info.server_version >= 170000:
                # rewrite the table: an updated row's old version would keep the wrapped key on disk until overwritten
                connection.execute("VACUUM (FULL) vault.patient")
        return int(row[0]) if row else 0

    def erase_records(self, record_ids: Iterable[str]) -> int:
        """Remove single records that an erasure names, whose patient stays; how many were there."""
        wanted = [_key(text) for text in sorted(set(record_ids))]
        if not wanted:
            return 0
        with storage_errors(self._db.place), self._db.connect(Role.GOVERNANCE, autocommit=True) as connection:
            row = connection.execute("SELECT vault.erase_records(%b)", (wanted,)).fetchone()
            if connection.info.server_version >= 170000:
                # the patient's data key stays, and would open what a dead row still holds
                connection.execute("VACUUM (FULL) vault.record")
        return int(row[0]) if row else 0

    def counts(self) -> dict[str, int]:
        """records, patients (with a key) and erased patients in the vault."""
        with storage_errors(self._db.place), self._db.connect(Role.WORKER) as connection:
            row = connection.execute(
                "SELECT (SELECT count(record_id) FROM vault.record), count(wrapped_key), count(erased_at)"
                " FROM vault.patient"
            ).fetchone()
        return dict(zip(("records", "patients", "erased"), row or (0, 0, 0), strict=True))


class _Batch:
    """One sealing transaction. Rows go in sorted by key, so that two sealers never wait in a circle."""

    def __init__(
        self, connection: psycopg.Connection[Any], sealer: Sealer, blind: BlindIndex, *, fresh: bool = False
    ) -> None:
        self._connection = connection
        self._fresh = fresh
        self._sealer = sealer
        self._blind = blind
        self._made: dict[Blind, list[bytes]] = {}

    def write(self, contents: dict[bytes, tuple[bytes, bytes, Blind]]) -> tuple[int, frozenset[str]]:
        """Number of records written and the erased patients met; `contents`: record id → patient, payload, blind."""
        with self._connection.transaction():
            self._connection.execute("SELECT pg_advisory_xact_lock_shared(%s)", (ERASE_LOCK,))
            # Only now: a rotation that has seen everything wrapped anew waits for this lock first.
            self._sealer.refresh()
            ciphers, erased = self._ciphers({patient for patient, _, _ in contents.values()})
            left_out = set() if self._fresh else self._known(list(contents))
            if erased:
                left_out |= {record for record, (patient, _, _) in contents.items() if patient in erased}
            records = list(contents.keys() - left_out if left_out else contents)
            wanted = map(contents.__getitem__, records)
            patients, payloads, blinds = zip(*wanted, strict=True) if records else ((), (), ())
            sealed = self._sealer.seal(map(ciphers.__getitem__, patients), records, list(payloads))
            columns = records, patients, list(map(len, payloads)), sealed
            packed = [
                _RECORD_ROW(4, 16, record, 16, patient, 4, size, len(held)) + held
                for record, patient, size, held in zip(*columns, strict=True)
            ]
            written = self._add("record", _RECORD, columns, packed)
            tails = self._tails
            self._copy(
                "blind_index",
                _BLIND,
                [
                    _BLIND_ROW(_BLIND_FIELDS, 16, record, 16, patient) + tail
                    for record, patient, blind in zip(records, patients, blinds, strict=True)
                    if record in written
                    for tail in tails(blind)
                ],
            )
        return len(written), frozenset(key.hex() for key in erased)

    def _tails(self, blind: Blind) -> list[bytes]:
        """The kinds' columns of a record's rows, packed; people come back within a batch."""
        known = self._made.get(blind)
        if known is None:
            known = self._made[blind] = [
                b"".join(_NOTHING if digest is None else _BLIND_HEAD + digest for digest in row)
                for row in self._blind.rows(blind)
            ]
        return known

    def _known(self, record_ids: list[bytes]) -> set[bytes]:
        rows = self._connection.cursor(binary=True).execute(
            "SELECT record_id FROM vault.record WHERE record_id = ANY (%b)", (record_ids,)
        )
        return {record_id for (record_id,) in rows}

    def _ciphers(self, patients: set[bytes]) -> tuple[dict[bytes, AESGCM], set[bytes]]:
        """Ciphers of the patients, with new keys for new ones; and those who are erased."""
        ciphers, erased = ({}, set()) if self._fresh else self._stored_ciphers(patients)
        strangers = list(patients - ciphers.keys() - erased)
        if not strangers:
            return ciphers, erased
        made, wrapped = zip(*self._sealer.new_data_keys(strangers), strict=True)
        version = self._sealer.version
        packed = [
            _PATIENT_ROW(3, 16, patient, 4, version, len(key)) + key
            for patient, key in zip(strangers, wrapped, strict=True)
        ]
        written = self._add("patient", _PATIENT, (strangers, [version] * len(strangers), wrapped), packed)
        ciphers |= ((patient, cipher) for patient, cipher in zip(strangers, made, strict=True) if patient in written)
        # another sealer was first with some of them: its keys are the ones that count
        if late := set(strangers) - written:
            more, gone = self._stored_ciphers(late)
            ciphers |= more
            erased |= gone
        return ciphers, erased

    def _stored_ciphers(self, patients: set[bytes]) -> tuple[dict[bytes, AESGCM], set[bytes]]:
        rows = self._connection.cursor(binary=True).execute(
            "SELECT patient_key, wrapped_key, key_version FROM vault.patient WHERE patient_key = ANY (%b)",
            (list(patients),),
        )
        ciphers: dict[bytes, AESGCM] = {}
        erased: set[bytes] = set()
        for patient, wrapped, version in rows:
            if wrapped is None:
                erased.add(patient)
            else:
                ciphers[patient] = self._sealer.data_key(patient, wrapped, version)
        return ciphers, erased

    def _add(self, table: str, names: str, columns: Sequence[Sequence[Any]], packed: list[bytes]) -> set[bytes]:
        """Add rows that are not there yet, ordered by key; the keys (first column) of those that were added. `packed`
        are the same rows for COPY.

        As a rule none is there, and COPY costs a fraction of what looking for conflicts does.
        """
        try:
            with self._connection.transaction():
                self._copy(table, names, packed)
            return set(columns[0])
        except psycopg.errors.UniqueViolation:  # another sealer was here since we looked
            key = names.partition(",")[0]
            places = ", ".join("%b" for _ in columns)
            added = self._connection.cursor(binary=True).execute(
                f"INSERT INTO vault.{table} ({names}) SELECT * FROM unnest({places}) ORDER BY 1"
                f" ON CONFLICT DO NOTHING RETURNING {key}",
                [list(column) for column in columns],
            )
            return {found for (found,) in added}

    def _copy(self, table: str, columns: str, rows: list[bytes]) -> None:
        """Add rows in PostgreSQL's binary COPY format, which begin with their key, in the order of it."""
        if not rows:
            return
        rows.sort()
        with self._connection.cursor().copy(f"COPY vault.{table} ({columns}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(_COPY_HEAD)
            for start in range(0, len(rows), COPY_CHUNK):
                copy.write(b"".join(rows[start : start + COPY_CHUNK]))
            copy.write(_COPY_END)


def _key(text: str) -> bytes:
    """The 16 bytes of a 32-digit hex key."""
    data = bytes.fromhex(text)
    if len(data) != 16:
        raise ValueError("not a 32-digit hex key")
    return data


def _chunks(items: Sequence[bytes], size: int) -> Iterator[list[bytes]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
