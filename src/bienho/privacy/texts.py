"""Short texts about a patient that a room keeps outside the vault: sealed under the patient's own data key.

Who destroys that key destroys them with it, wherever copies of them lie. `purpose` and the patient's key are bound in,
so a text opens nowhere but where it was put.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import psycopg
from cryptography.exceptions import InvalidTag

from bienho.config import KeyRing
from bienho.core.errors import IntegrityError
from bienho.privacy.sealing import NONCE_BYTES, Sealer


class PatientTexts:
    """Seals and opens under one installation's keys; not shared between threads. Patient keys are 16 bytes."""

    def __init__(self, keys: KeyRing, purpose: str) -> None:
        self._sealer = Sealer(keys)
        self._purpose = purpose.encode() + b"\0"

    def seal(self, connection: psycopg.Connection[Any], texts: Mapping[bytes, str]) -> dict[bytes, bytes]:
        """Each text under its patient's key; patients who are erased, or have no key, are absent.

        The connection may read the wrapped keys (worker or governance).
        """
        return {
            patient: self.sealed(patient, texts[patient], wrapped, version)
            for patient, wrapped, version in self._wrapped(connection, texts.keys())
        }

    def sealed(self, patient: bytes, text: str, wrapped: bytes, key_version: int) -> bytes:
        """One text under its patient's wrapped key. IntegrityError INT-VAULT-KEY."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        cipher = self._sealer.data_key(patient, wrapped, key_version)
        return nonce + cipher.encrypt(nonce, text.encode(), self._purpose + patient)

    def opened(self, patient: bytes, sealed: bytes, wrapped: bytes, key_version: int) -> str:
        """A text again, with its patient's wrapped key. IntegrityError INT-VAULT-TAMPERED, INT-VAULT-KEY."""
        cipher = self._sealer.data_key(patient, wrapped, key_version)
        try:
            return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], self._purpose + patient).decode()
        except (InvalidTag, ValueError):
            raise IntegrityError(
                "INT-VAULT-TAMPERED",
                f"Bản ghi của người bệnh {patient.hex()} đã bị sửa hoặc tráo chỗ; không mở.",
                hint="Dựng lại kho từ dữ liệu gốc (bienho rebuild) và báo người phụ trách an toàn thông tin.",
                who="Quản trị hệ thống",
            ) from None

    def _wrapped(
        self, connection: psycopg.Connection[Any], patients: Collection[bytes]
    ) -> Iterable[tuple[bytes, bytes, int]]:
        return connection.cursor(binary=True).execute(
            "SELECT patient_key, wrapped_key, key_version FROM vault.patient"
            " WHERE patient_key = ANY (%b) AND wrapped_key IS NOT NULL",
            (list(patients),),
        )
