"""Keyed digests: the names under which a patient, a dossier and a vault record are known outside the vault.

Design 8.3 and 8.4. All are HMAC-SHA256 under keys of their own, cut to 16 bytes, written as 32 hex digits. Parts are
length-prefixed, so that no two different tuples of parts give one message.
"""

from __future__ import annotations

import hashlib
import hmac
import struct

from bienho.config import KeyRing
from bienho.core.errors import InputError
from bienho.core.text import nfc

DIGEST_BYTES = 16
VISIT = "visit"
OF_A_VISIT = {VISIT, "check_in"}
_LENGTH = struct.Struct(">I").pack


class Digests:
    """Computes the digests of one installation. Facility codes and ids are taken as received, NFC and trimmed."""

    __slots__ = ("_dossier", "_patient", "_record")

    def __init__(self, keys: KeyRing) -> None:
        self._patient = keys.derive("privacy/patient-key")
        self._dossier = keys.derive("privacy/dossier-key")
        self._record = keys.derive("privacy/record-id")

    def patient_key(self, facility: str, ma_bn: str | None, ma_lk: str | None, document: str = VISIT) -> str:
        """One facility's patient: by MA_BN where there is one, else by the dossier's MA_LK (a patient of one visit).

        The check-in of a visit names the same patient; any other document without MA_BN one of its own.
        """
        number = clean(ma_bn)
        if number:
            return keyed(self._patient, "MA_BN", _facility(facility), number).hex()
        kind = "MA_LK" if document in OF_A_VISIT else document
        return keyed(self._patient, kind, _facility(facility), _visit(ma_lk)).hex()

    def dossier_key(self, facility: str, ma_lk: str, document: str = VISIT) -> str:
        """One visit at one facility, or one document of another kind, whatever its versions."""
        kind = () if document == VISIT else (document,)
        return keyed(self._dossier, *kind, _facility(facility), _visit(ma_lk)).hex()

    def record_id(self, facility: str, ma_lk: str, payload: bytes) -> str:
        """One content of one visit: the vault part of every version that says the same has the same id."""
        return keyed(self._record, _facility(facility), _visit(ma_lk), hashlib.sha256(payload).digest()).hex()


def keyed(key: bytes, *parts: str | bytes) -> bytes:
    """HMAC-SHA256 over length-prefixed parts, 16 bytes."""
    message = b"".join(
        [
            piece
            for part in parts
            for data in (part.encode() if isinstance(part, str) else part,)
            for piece in (_LENGTH(len(data)), data)
        ]
    )
    return hmac.digest(key, message, "sha256")[:DIGEST_BYTES]


def clean(text: str | None) -> str:
    """NFC and trimmed; empty for None."""
    return nfc(text).strip() if text else ""


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
