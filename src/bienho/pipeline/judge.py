"""Reads the deliveries of one batch and decides, HOSO by HOSO, what becomes of each (design 8.9)."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from bienho.config import KeyRing, Limits
from bienho.core.errors import InputError
from bienho.core.finding import Finding
from bienho.core.ids import delivery_id, version_id
from bienho.lake import RawHeader
from bienho.pipeline.heads import Head
from bienho.privacy import Vault
from bienho.standards.xml130 import Dossier, UnreadableDossier, read_delivery


@dataclass(slots=True)
class Candidate:
    """A readable dossier before its fate is known."""

    version_id: int
    dossier: Dossier
    dossier_key: str
    patient_key: str
    content_digest: str
    header: RawHeader


@dataclass(slots=True)
class SetAside:
    """A HOSO (or, with hoso 0, a whole envelope) that could not be read: one row of quarantine."""

    hoso: int
    facility: str | None
    code: str
    message: str


@dataclass(slots=True)
class Judged:
    """One delivery after reading. `findings` pairs a HOSO ordinal (None = the envelope) with what was found."""

    header: RawHeader
    facility: str | None = None
    created: str | None = None
    declared: str | None = None
    candidates: list[Candidate] = field(default_factory=list)
    set_aside: list[SetAside] = field(default_factory=list)
    findings: list[tuple[int | None, Finding]] = field(default_factory=list)
    kept: list[Candidate] = field(default_factory=list)
    duplicates: int = 0
    superseded: int = 0

    @property
    def delivery_id(self) -> str:
        return delivery_id(self.header.seq)

    def keep_only(self, versions: Collection[int]) -> None:
        """Forget every HOSO but the given version ids (a replay touches only what was set aside)."""
        base = self.header.seq * 1_000_000
        self.candidates = [candidate for candidate in self.candidates if candidate.version_id in versions]
        self.set_aside = [aside for aside in self.set_aside if base + aside.hoso in versions]
        self.findings = [(hoso, found) for hoso, found in self.findings if hoso and base + hoso in versions]

    @property
    def hoso_found(self) -> int:
        return len(self.candidates) + sum(1 for aside in self.set_aside if aside.hoso)


class Judge:
    """Reads deliveries; holds the keys under which dossiers, patients and contents are named."""

    def __init__(self, vault: Vault, keys: KeyRing, limits: Limits) -> None:
        self._vault = vault
        self._limits = limits
        self._content_key = keys.derive("content")

    def read(self, header: RawHeader, data: bytes) -> Judged:
        """Parse one delivery. Never raises for bad input: what cannot be read is set aside with its reason."""
        judged = Judged(header)
        try:
            envelope = read_delivery(data, self._limits)
            judged.facility, judged.created = envelope.facility, envelope.created
            judged.declared = envelope.declared_count
            for item in envelope.dossiers:
                self._take(judged, item)
            judged.findings.extend((None, finding) for finding in envelope.findings)
        except InputError as error:
            judged.set_aside.append(SetAside(0, judged.facility, error.code, error.message))
        self._check_sender(judged)
        return judged

    def _take(self, judged: Judged, item: Dossier | UnreadableDossier) -> None:
        judged.findings.extend((item.hoso, finding) for finding in item.findings)
        if isinstance(item, UnreadableDossier):
            judged.set_aside.append(SetAside(item.hoso, item.facility or None, item.code, item.message))
            return
        try:
            dossier_key = self._vault.dossier_key(item.facility, item.ma_lk)
            patient_key = self._vault.patient_key(item.facility, item.ma_bn, item.ma_lk)
        except InputError as error:
            judged.set_aside.append(SetAside(item.hoso, item.facility or None, error.code, error.message))
            return
        digest = hashlib.blake2b(item.content, key=self._content_key, digest_size=16).hexdigest()
        version = version_id(judged.header.seq, item.hoso)
        judged.candidates.append(Candidate(version, item, dossier_key, patient_key, digest, judged.header))

    def _check_sender(self, judged: Judged) -> None:
        asserted = judged.header.facility_asserted
        if asserted and judged.facility and asserted != judged.facility:
            message = "MACSKCB trong tệp khác mã cơ sở mà bên gửi khai khi gửi."
            judged.findings.append((None, Finding("IN-FACILITY-ASSERTED", "warning", message, field="MACSKCB")))


@dataclass(slots=True)
class Fates:
    """What a batch changes: versions to write, versions replaced, and the heads after it."""

    kept: list[Candidate] = field(default_factory=list)
    replaced: list[tuple[int, int, str]] = field(default_factory=list)
    heads: dict[str, Head] = field(default_factory=dict)


def settle(batch: list[Judged], heads: Mapping[str, Head]) -> Fates:
    """Duplicate, new version or late version: one pass in receipt order over the heads as they were.

    Equal content to the current version is a duplicate. A version older than the head (a replay after a fix) is
    kept and marked replaced at once, so order of processing never decides, order of receipt does.
    """
    fates = Fates()
    current = dict(heads)
    owner = {candidate.version_id: judged for judged in batch for candidate in judged.candidates}
    for judged in batch:
        for candidate in judged.candidates:
            head = current.get(candidate.dossier_key)
            if head and (head.content_digest == candidate.content_digest or head.version_id == candidate.version_id):
                judged.duplicates += 1
                continue
            fates.kept.append(candidate)
            judged.kept.append(candidate)
            if head and head.version_id > candidate.version_id:
                fates.replaced.append((candidate.version_id, head.version_id, candidate.dossier_key))
                continue
            if head:
                fates.replaced.append((head.version_id, candidate.version_id, candidate.dossier_key))
                owner[candidate.version_id].superseded += 1
            moved = Head(candidate.version_id, candidate.content_digest)
            current[candidate.dossier_key] = fates.heads[candidate.dossier_key] = moved
    return fates
