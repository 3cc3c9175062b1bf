"""The cryptography of the vault: payload ↔ sealed bytes, data key ↔ wrapped key (design 8.3).

    sealed  = version (1 byte) | nonce (12) | AES-256-GCM(zstd(JSON)) with AAD = version | record id
    version = 2: zstd with the dictionary of this room, as everything is sealed now; 1: without, as before
    wrapped = nonce (12) | AES-256-GCM(data key) with AAD = patient key, under the wrap key of a key version

Every patient key has a random data key; destroying it makes all its records unreadable.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bienho.config import KeyRing
from bienho.core.errors import IntegrityError, LimitError

Payload = Mapping[str, Sequence[Mapping[str, str | None]]]
VERSION = b"\x02"
PLAIN = b"\x01"
DICTIONARY = "payload-1.zdict"
"""Never changed, for what was sealed with it opens with nothing else (bench/dictionary.py made it)."""
LEVEL = 3
NONCE_BYTES = 12
KEY_BYTES = 32
PAYLOAD_BYTES_MAX = 64 * 1024 * 1024


def encode(payload: Payload) -> bytes:
    """The canonical bytes of a payload (sorted keys), which the record id is made from.

    LimitError LIM-VAULT-PAYLOAD beyond 64 MiB.
    """
    return bounded(orjson.dumps(payload, option=orjson.OPT_SORT_KEYS))


def bounded(data: bytes) -> bytes:
    """The same bytes of a payload; LimitError LIM-VAULT-PAYLOAD beyond 64 MiB."""
    if len(data) > PAYLOAD_BYTES_MAX:
        raise LimitError(
            "LIM-VAULT-PAYLOAD",
            "Phần định danh và văn bản của một hồ sơ vượt 64 MiB.",
            hint="Cơ sở gửi kiểm tra lại hồ sơ này.",
            who="Cơ sở gửi",
        )
    return data


@cache
def _dictionary() -> zstandard.ZstdCompressionDict:
    made = zstandard.ZstdCompressionDict((files("bienho.privacy") / "data" / DICTIONARY).read_bytes())
    made.precompute_compress(level=LEVEL)
    return made


class Sealer:
    """Seals and opens under one installation's keys. Not shared between threads."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys
        self._wraps: dict[int, AESGCM] = {}
        self.version = 0
        self.refresh()
        self._compress = zstandard.ZstdCompressor(level=LEVEL, dict_data=_dictionary())
        self._decompress = {
            VERSION: zstandard.ZstdDecompressor(dict_data=_dictionary()),
            PLAIN: zstandard.ZstdDecompressor(),
        }

    def refresh(self) -> None:
        """Follow a rotation: `version` is then the one that new data keys are wrapped under."""
        now = self._keys.wrap_keys()
        self._wraps |= {version: AESGCM(key) for version, key in now.keys.items() if version not in self._wraps}
        self.version = now.active

    def new_data_keys(self, patient_keys: Sequence[bytes]) -> Iterator[tuple[AESGCM, bytes]]:
        """A random data key for each patient: the cipher, and the key wrapped under `version`."""
        wrap = self._wraps[self.version].encrypt
        keys, nonces = _random(KEY_BYTES, len(patient_keys)), _random(NONCE_BYTES, len(patient_keys))
        for patient_key, key, nonce in zip(patient_keys, keys, nonces, strict=True):
            yield AESGCM(key), nonce + wrap(nonce, key, patient_key)

    def data_key(self, patient_key: bytes, wrapped: bytes, version: int) -> AESGCM:
        """The cipher of a wrapped data key; IntegrityError INT-VAULT-KEY when it was altered or moved."""
        return AESGCM(self._unwrapped(patient_key, wrapped, version))

    def rewrap(self, patient_key: bytes, wrapped: bytes, version: int) -> bytes:
        """A data key wrapped under `version` of the past, wrapped under the one of now."""
        return self._wrapped(patient_key, self._unwrapped(patient_key, wrapped, version))

    def _wrapped(self, patient_key: bytes, key: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._wraps[self.version].encrypt(nonce, key, patient_key)

    def _unwrapped(self, patient_key: bytes, wrapped: bytes, version: int) -> bytes:
        if version not in self._wraps:  # rotated since
            self.refresh()
        try:
            return self._wraps[version].decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], patient_key)
        except (InvalidTag, ValueError, KeyError):
            raise IntegrityError(
                "INT-VAULT-KEY",
                f"Khóa dữ liệu của người bệnh {patient_key.hex()} không mở được: bị sửa hoặc sai khóa chủ.",
                hint="Kiểm tra tệp khóa; nếu đúng khóa, khôi phục két từ bản sao lưu.",
                who="Quản trị hệ thống",
            ) from None

    def seal(self, ciphers: Iterable[AESGCM], record_ids: Sequence[bytes], data: list[bytes]) -> list[bytes]:
        """Payloads as `encode` gives them, each sealed under the cipher and the id at its place."""
        if not data:
            return []
        packed = self._compress.multi_compress_to_buffer(data, threads=1)
        texts = (packed[place].tobytes() for place in range(len(data)))
        return [
            VERSION + nonce + cipher.encrypt(nonce, text, VERSION + record_id)
            for cipher, record_id, text, nonce in zip(
                ciphers, record_ids, texts, _random(NONCE_BYTES, len(data)), strict=True
            )
        ]

    def open(self, cipher: AESGCM, record_id: bytes, sealed: bytes) -> dict[str, list[dict[str, Any]]]:
        """The payload again; IntegrityError INT-VAULT-TAMPERED when a bit of it, or its id, is not what was sealed."""
        head = 1 + NONCE_BYTES
        try:
            unpack = self._decompress[sealed[:1]]
            packed = cipher.decrypt(sealed[1:head], sealed[head:], sealed[:1] + record_id)
        except (InvalidTag, ValueError, KeyError):
            raise IntegrityError(
                "INT-VAULT-TAMPERED",
                f"Bản ghi két {record_id.hex()} đã bị sửa hoặc tráo chỗ; không mở.",
                hint="Khôi phục bản ghi từ bản sao lưu và báo người phụ trách an toàn thông tin.",
                who="Quản trị hệ thống",
            ) from None
        opened: dict[str, list[dict[str, Any]]] = orjson.loads(unpack.decompress(packed, PAYLOAD_BYTES_MAX))
        return opened


def _random(size: int, count: int) -> Iterator[bytes]:
    """So many random values, got at once."""
    drawn = secrets.token_bytes(size * count)
    return (drawn[start : start + size] for start in range(0, len(drawn), size))
