"""Reads the deliveries of one batch and decides, HOSO by HOSO, what becomes of each (design 8.9)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from bienho.config import KeyRing, Limits
from bienho.core.errors import InputError
from bienho.core.finding import Finding
from bienho.core.garbage import uncollected
from bienho.core.ids import delivery_id, version_id
from bienho.core.parted import Parted
from bienho.core.text import nfc
from bienho.lake import RawHeader
from bienho.pipeline.heads import Head
from bienho.privacy import Digests, Vault
from bienho.sources import ACCOUNT_DOORS
from bienho.standards.xml130 import Archive, Dossier, Draft, Item, UnreadableDossier, check_all, read_received

ERASED = "IN-ERASED"
FOREIGN = "IN-FACILITY-FOREIGN"
FOREIGN_VI = "Hồ sơ mang mã cơ sở khác với cơ sở của tài khoản gửi; tài khoản chỉ gửi được hồ sơ của cơ sở mình."
ERASED_VI = "Người bệnh này đã được xóa khỏi kho theo quyết định; hồ sơ đến sau đó chờ một quyết định mới."


@dataclass(slots=True)
class Candidate:
    """A readable dossier before its fate is known."""

    version_id: int
    dossier: Dossier
    dossier_key: str
    encounter_key: str | None
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
    """One delivery after reading. `findings` pairs a HOSO ordinal (None = the envelope) with what was found.

    `senders`: the MACSKCB of its envelopes; `archive`: it was a zip. After `settle`: `kept` became versions, `copies`
    are the version ids that said what was there already, `replacing` those that took the place of an older version.
    """

    header: RawHeader
    facility: str | None = None
    created: str | None = None
    declared: str | None = None
    senders: tuple[str | None, ...] = ()
    archive: bool = False
    candidates: list[Candidate] = field(default_factory=list)
    set_aside: list[SetAside] = field(default_factory=list)
    findings: list[tuple[int | None, Finding]] = field(default_factory=list)
    kept: list[Candidate] = field(default_factory=list)
    copies: list[int] = field(default_factory=list)
    replacing: list[int] = field(default_factory=list)

    @property
    def delivery_id(self) -> str:
        return delivery_id(self.header.seq)

    @property
    def duplicates(self) -> int:
        return len(self.copies)

    @property
    def superseded(self) -> int:
        return len(self.replacing)

    def forget_fates(self) -> None:
        """Back to how it was read, to be settled anew."""
        self.kept, self.copies, self.replacing = [], [], []

    @property
    def hoso_found(self) -> int:
        return len(self.candidates) + sum(1 for aside in self.set_aside if aside.hoso)


@dataclass(slots=True)
class _Opened:
    """A delivery whose dossiers are read and not yet taken; `error`: why reading it ended early."""

    judged: Judged
    items: list[Draft] = field(default_factory=list)
    findings: tuple[Finding, ...] = ()
    error: InputError | None = None


def _handed_over(opened: Sequence[_Opened]) -> list[Draft]:
    """The drafts of all, held by whoever takes them alone: with what was read of them, their bytes go."""
    drafts: list[Draft] = []
    for one in opened:
        drafts += one.items
        one.items = []
    return drafts


def unread(header: RawHeader, code: str, message: str) -> Judged:
    """A delivery set aside whole without being read."""
    return Judged(header, bound(header), set_aside=[SetAside(0, header.facility_asserted, code, message)])


def bound(header: RawHeader) -> str | None:
    """The facility for which alone this delivery can speak: that of the account it came from; None at other doors."""
    return header.facility_asserted if header.source in ACCOUNT_DOORS else None


class Judge:
    """Reads deliveries; holds the keys under which dossiers, patients and contents are named.

    `board` is the code of the province's assessment board: XML12 does not say who met. `erased`: patient keys and
    dossier keys of people who were erased; what still comes under them is set aside.
    """

    def __init__(
        self,
        vault: Vault | Digests,
        keys: KeyRing,
        limits: Limits,
        board: str | None = None,
        erased: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset()),
    ) -> None:
        self._vault = vault
        self._patients, self._dossiers = erased
        self._limits = limits
        self._board = board
        self._digest = hashlib.blake2b(key=keys.derive("content"), digest_size=16)

    @property
    def erased_patients(self) -> frozenset[str]:
        """Patient keys of people who were erased."""
        return self._patients

    def read(self, header: RawHeader, data: bytes | Parted) -> Judged:
        """Parse one delivery. Never raises for bad input: what cannot be read is set aside with its reason."""
        return self.read_all([(header, data)])[0]

    def read_all(self, deliveries: Sequence[tuple[RawHeader, bytes | Parted]]) -> list[Judged]:
        """As `read` for many at once, which costs a fraction of it: their rows are checked together."""
        with uncollected():
            opened = [self._open(header, data) for header, data in deliveries]
            counts = [len(one.items) for one in opened]
            items = iter(check_all(_handed_over(opened), self._limits))
            for one, count in zip(opened, counts, strict=True):
                for item in islice(items, count):
                    self._take(one.judged, item)
                one.judged.findings.extend((None, finding) for finding in one.findings)
                if one.error is not None:
                    one.judged.set_aside.append(SetAside(0, one.judged.facility, one.error.code, one.error.message))
                self._check_sender(one.judged)
        return [one.judged for one in opened]

    def content_digest(self, dossier: Dossier) -> str:
        """32 hex digits: the same for two documents that say the same."""
        digest = self._digest.copy()
        for piece in dossier.content_pieces:
            digest.update(piece)
        return digest.hexdigest()

    def _open(self, header: RawHeader, data: bytes | Parted) -> _Opened:
        judged = Judged(header, bound(header))
        opened = _Opened(judged)
        if header.tombstones and not data:
            return opened
        try:
            envelope = read_received(
                data, self._limits, door_facility=header.facility_asserted, board_facility=self._board
            )
            judged.facility, judged.created = judged.facility or envelope.facility, envelope.created
            judged.declared = envelope.declared_count
            judged.archive = isinstance(envelope, Archive)
            judged.senders = envelope.facilities if isinstance(envelope, Archive) else (envelope.facility,)
            erased = header.erased if header.tombstones else None
            drafts = envelope.drafts
            opened.items.extend((item for item in drafts if item.hoso not in erased) if erased else drafts)
            opened.findings = envelope.findings
        except InputError as error:
            opened.error = error
        return opened

    def _take(self, judged: Judged, item: Item) -> None:
        if item.findings:
            judged.findings.extend((item.hoso, finding) for finding in item.findings)
        own = bound(judged.header)
        if own and item.facility and nfc(item.facility).strip() != own:
            # it is the sender's to mend, so it stands in the sender's list and in nobody else's
            judged.set_aside.append(SetAside(item.hoso, own, FOREIGN, FOREIGN_VI))
            return
        if isinstance(item, UnreadableDossier):
            judged.set_aside.append(SetAside(item.hoso, item.facility or None, item.code, item.message))
            return
        try:
            identity = item.identity
            dossier_key = self._vault.dossier_key(item.facility, identity, item.document)
            encounter_key = dossier_key if item.document == "visit" else None
            if item.document == "check_in":
                encounter_key = self._vault.dossier_key(item.facility, item.ma_lk)
            patient_key = self._vault.patient_key(item.facility, item.ma_bn, identity, item.document)
        except InputError as error:
            judged.set_aside.append(SetAside(item.hoso, item.facility or None, error.code, error.message))
            return
        if patient_key in self._patients or dossier_key in self._dossiers or encounter_key in self._dossiers:
            judged.set_aside.append(SetAside(item.hoso, item.facility, ERASED, ERASED_VI))
            return
        digest = self.content_digest(item)
        version = version_id(judged.header.seq, item.hoso)
        judged.candidates.append(
            Candidate(version, item, dossier_key, encounter_key, patient_key, digest, judged.header)
        )

    def _check_sender(self, judged: Judged) -> None:
        asserted = judged.header.facility_asserted
        # a dossier may name its facility where the envelope does not
        named = {*judged.senders, *(candidate.dossier.facility for candidate in judged.candidates)} - {None}
        if asserted and named - {asserted}:
            message = "Mã cơ sở trong tệp khác mã cơ sở mà bên gửi khai khi gửi."
            judged.findings.append((None, Finding("IN-FACILITY-ASSERTED", "warning", message, field="MACSKCB")))


@dataclass(frozen=True, slots=True)
class Known:
    """A dossier that was settled before: a version, or with `of_version_id` a copy of one.

    `replaces`: whether it took the place of an older version.
    """

    version_id: int
    dossier_key: str
    content_digest: str
    of_version_id: int | None
    replaces: bool


@dataclass(frozen=True, slots=True)
class Link:
    """`version_id` gave way to, or says the same as, `other_id`; the digest is of the content of `version_id`."""

    version_id: int
    other_id: int
    dossier_key: str
    content_digest: str


@dataclass(slots=True)
class Fates:
    """What becomes of dossiers: versions to write, versions replaced (by `other_id`), copies, and the heads then.

    `gone`: keys of dossiers of which a replay left nothing.
    """

    kept: list[Candidate] = field(default_factory=list)
    replaced: list[Link] = field(default_factory=list)
    copies: list[Link] = field(default_factory=list)
    heads: dict[str, Head] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)


def settle(batch: list[Judged], heads: Mapping[str, Head], known: Sequence[Known] = ()) -> Fates:
    """Copy or new version: one pass in order of receipt over the heads as they were.

    Content equal to the version before it is a copy; anything else replaces that version. A replay gives no heads but
    all that is `known` of the dossiers in the batch, so that order of processing never decides, order of receipt does.
    """
    fates = Fates()
    current = dict(heads)
    owner = {candidate.version_id: judged for judged in batch for candidate in judged.candidates}
    entries: list[Candidate | Known] = [candidate for judged in batch for candidate in judged.candidates]
    for entry in sorted([*entries, *known], key=lambda one: one.version_id):
        number, key, digest = entry.version_id, entry.dossier_key, entry.content_digest
        head, judged = current.get(key), owner.get(number)
        if head and head.content_digest == digest:
            fates.copies.append(Link(number, head.version_id, key, digest))
            if judged:
                judged.copies.append(number)
            continue
        if head:
            fates.replaced.append(Link(head.version_id, number, key, head.content_digest))
            if judged:
                judged.replacing.append(number)
        if judged and isinstance(entry, Candidate):
            fates.kept.append(entry)
            judged.kept.append(entry)
        current[key] = fates.heads[key] = Head(number, digest)
    return fates
