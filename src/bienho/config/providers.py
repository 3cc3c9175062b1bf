"""Who keeps the master key: a file on this machine, or an outside key service that never gives it out.

The master key does one thing: it wraps the few keys of the sealed ring (`ring.py`). So the interface is narrow, and a
service is asked a handful of times when a process starts, never per patient. A version is numbered by the ring;
`reference` is the provider's own name for it.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bienho.core.errors import ConfigError

KEY_BYTES = 32
NONCE_BYTES = 12
WHO = "Quản trị hệ thống"


class KeyProvider(Protocol):
    """Keeps master keys by version. `context` is bound to what is wrapped: another one does not open it."""

    name: str

    def create(self, version: int, used: Collection[int]) -> int:
        """Make the master key of a new version and return its reference; one left by a killed try is taken again.

        `used` are the references the ring already names.
        """
        ...

    def wrap(self, reference: int, secret: bytes, context: bytes) -> bytes:
        """Wrap up to 64 bytes under one version."""
        ...

    def unwrap(self, reference: int, wrapped: bytes, context: bytes) -> bytes:
        """What was wrapped; ConfigError CFG-KEY-UNWRAP when it was altered or belongs to another key."""
        ...

    def destroy(self, reference: int) -> None:
        """Give up a version for ever; done twice is done once."""
        ...


class FileKeys:
    """Master keys as files of 32 random bytes, mode 0600: `NAME.key` is version 1, `NAME.N.key` version N."""

    name = "file"

    def __init__(self, home_id: str, path: Path) -> None:
        self._home_id = home_id
        self._path = path

    def path(self, reference: int) -> Path:
        """Where the master key of a version is expected."""
        return self._path if reference == 1 else self._path.with_name(f"{self._path.stem}.{reference}.key")

    def create(self, version: int, used: Collection[int]) -> int:
        path = self.path(version)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            if path.stat().st_size == 0:  # killed between making and writing it: nothing was ever wrapped under it
                path.unlink()
                return self.create(version, used)
            self.master(version)
            return version
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        _sync(path.parent)
        return version

    def master(self, reference: int) -> bytes:
        """The master key of a version; a missing or readable-by-others file is a ConfigError, never a new key."""
        path = self.path(reference)
        try:
            mode = path.stat().st_mode
            master = path.read_bytes()
        except FileNotFoundError:
            raise ConfigError(
                "CFG-KEY-MISSING",
                f"Không thấy tệp khóa {path} (phiên bản {reference}) của thư mục dữ liệu này.",
                hint="Đặt lại tệp khóa từ bản sao hoặc phong bì, hoặc chỉ đường dẫn bằng BIENHO_KEY_FILE.",
                who=WHO,
            ) from None
        if stat.S_IMODE(mode) & 0o077:
            raise ConfigError(
                "CFG-KEY-OPEN", f"Tệp khóa {path} đang cho người khác đọc.", hint=f"Chạy: chmod 600 '{path}'"
            )
        if len(master) != KEY_BYTES:
            raise ConfigError("CFG-KEY-BROKEN", "Tệp khóa không đúng độ dài 32 byte.", hint="Khôi phục từ bản sao.")
        return master

    def wrap(self, reference: int, secret: bytes, context: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher(reference).encrypt(nonce, secret, context)

    def unwrap(self, reference: int, wrapped: bytes, context: bytes) -> bytes:
        try:
            return self._cipher(reference).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context)
        except (InvalidTag, ValueError):
            raise not_unwrapped(f"tệp khóa {self.path(reference)}") from None

    def destroy(self, reference: int) -> None:
        """Overwritten, then removed. A disk that wears its blocks evenly may keep the old ones: see docs/keys.md."""
        path = self.path(reference)
        try:
            with path.open("r+b") as file:
                file.write(bytes(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            path.unlink()
        except FileNotFoundError:
            return
        _sync(path.parent)

    def _cipher(self, reference: int) -> AESGCM:
        info = b"bienho/ring"
        key = HKDF(SHA256(), KEY_BYTES, salt=self._home_id.encode(), info=info).derive(self.master(reference))
        return AESGCM(key)


def not_unwrapped(where: str) -> ConfigError:
    """The error for a ring that a master key does not open."""
    return ConfigError(
        "CFG-KEY-UNWRAP",
        f"Vòng khóa của thư mục dữ liệu này không mở được bằng {where}.",
        hint="Đặt lại đúng khóa chủ, hoặc lấy lại tệp keyring.json từ bản sao; đừng tạo khóa mới.",
        who=WHO,
    )


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
