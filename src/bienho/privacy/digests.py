"""Keyed digests: the names under which a patient, a dossier and a vault record are known outside the vault.

Design 8.3 and 8.4. All are HMAC-SHA256 under keys of their own, cut to 16 bytes, written as 32 hex digits. Parts are
length-prefixed, so that no two different tuples of parts give one message.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from bienho.config import KeyRing
from bienho.core.errors import InputError
from bienho.core.text import nfc

DIGEST_BYTES = 16
BEGUN_MAX = 4_096
"""Beginnings of messages a key remembers: more than there are facilities."""
VISIT = "visit"
OF_A_VISIT = {VISIT, "check_in"}
_LENGTH = struct.Struct(">I").pack
_SHA256 = _LENGTH(32)
_LENGTHS = [_LENGTH(length) for length in range(256)]


class Digests:
    """Computes the digests of one installation. Facility codes and ids are taken as received, NFC and trimmed."""

    __slots__ = ("_dossier", "_patient", "_record")

    def __init__(self, keys: KeyRing) -> None:
        self._patient = Keyed(keys.derive("privacy/patient-key"))
        self._dossier = Keyed(keys.derive("privacy/dossier-key"))
        self._record = Keyed(keys.derive("privacy/record-id"))

    def patient_key(self, facility: str, ma_bn: str | None, ma_lk: str | None, document: str = VISIT) -> str:
        """One facility's patient: by MA_BN where there is one, else by the dossier's MA_LK (a patient of one visit).

        The check-in of a visit names the same patient; any other document without MA_BN one of its own.
        """
        number = clean(ma_bn)
        if number:
            return self._patient.after("MA_BN", _facility(facility))(prefixed(number)).hex()
        kind = "MA_LK" if document in OF_A_VISIT else document
        return self._patient.after(kind, _facility(facility))(prefixed(_visit(ma_lk))).hex()

    def dossier_key(self, facility: str, ma_lk: str, document: str = VISIT) -> str:
        """One visit at one facility, or one document of another kind, whatever its versions."""
        kind = () if document == VISIT else (document,)
        return self._dossier.after(*kind, _facility(facility))(prefixed(_visit(ma_lk))).hex()

    def record_id(self, facility: str, ma_lk: str, payload: bytes) -> str:
        """One content of one visit: the vault part of every version that says the same has the same id."""
        return self.record(facility, ma_lk, payload).hex()

    def record(self, facility: str, ma_lk: str, payload: bytes) -> bytes:
        """The 16 bytes of `record_id`."""
        return self.recorder(facility)(ma_lk, payload)

    def of_visits(
        self, facility: str, ma_lk: Iterable[str], ma_bn: Sequence[str], payloads: Iterable[bytes]
    ) -> tuple[list[bytes], list[bytes], list[bytes]]:
        """The 16 bytes each of `dossier_key`, `patient_key` and `record_id` of many visits at one facility, each of
        which has an MA_BN.
        """
        code, sha256 = _facility(facility), hashlib.sha256
        dossier, record = self._dossier.after(code), self._record.after(code)
        visits = [prefixed(_visit(number)) for number in ma_lk]
        patients = {number: bytes.fromhex(self.patient_key(code, number, None)) for number in set(ma_bn)}
        return (
            list(map(dossier, visits)),
            list(map(patients.__getitem__, ma_bn)),
            [
                record(visit + _SHA256 + sha256(payload).digest())
                for visit, payload in zip(visits, payloads, strict=True)
            ],
        )

    def recorder(self, facility: str) -> Callable[[str, bytes], bytes]:
        """`record` for one facility."""
        name, sha256 = self._record.after(_facility(facility)), hashlib.sha256

        def record(ma_lk: str, payload: bytes) -> bytes:
            return name(prefixed(_visit(ma_lk)) + _SHA256 + sha256(payload).digest())

        return record


class Keyed:
    """HMAC-SHA256 under one key over length-prefixed parts, 16 bytes. What many messages begin with (the key itself, a
    facility) is hashed once. May be shared between threads."""

    __slots__ = ("_begun", "_start")

    def __init__(self, key: bytes) -> None:
        self._start = HMAC(key, SHA256())  # copied in two thirds of the time that `hmac` takes
        self._begun: dict[tuple[str, ...], Callable[[bytes], bytes]] = {}

    def after(self, *common: str) -> Callable[[bytes], bytes]:
        """What makes the digest of these parts and others, which it is given with their lengths (`prefixed`)."""
        found = self._begun.get(common)
        if found is None:
            if len(self._begun) >= BEGUN_MAX:
                self._begun.clear()
            found = self._begun[common] = self._ending(b"".join(map(prefixed, common)))
        return found

    def _ending(self, common: bytes) -> Callable[[bytes], bytes]:
        begun = self._start.copy()
        begun.update(common)
        begin = begun.copy

        def digest(rest: bytes) -> bytes:
            made = begin()
            made.update(rest)
            return made.finalize()[:DIGEST_BYTES]

        return digest


def keyed(key: bytes, *parts: str | bytes) -> bytes:
    """One digest under a key that is asked for once."""
    return Keyed(key).after()(b"".join(map(prefixed, parts)))


def prefixed(part: str | bytes) -> bytes:
    """A part of a message behind its length."""
    data = part if isinstance(part, bytes) else part.encode()
    length = len(data)
    return (_LENGTHS[length] if length < 256 else _LENGTH(length)) + data


def clean(text: str | None) -> str:
    """NFC and trimmed; empty for None."""
    if not text:
        return ""
    return text.strip() if text.isascii() else nfc(text).strip()


@lru_cache(maxsize=BEGUN_MAX)
def _facility(code: str) -> str:
    found = clean(code)
    if not found:
        raise InputError("IN-FACILITY-EMPTY", "Hồ sơ không có mã cơ sở khám chữa bệnh (MACSKCB).", who="Cơ sở gửi")
    return found


def _visit(ma_lk: str | None) -> str:
    found = clean(ma_lk)
    if not found:
        raise InputError("IN-MA-LK-EMPTY", "Hồ sơ không có mã lượt điều trị (MA_LK).", who="Cơ sở gửi")
    return found
