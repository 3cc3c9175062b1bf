"""The key provider: one 32-byte master key per home, kept outside the home, and keys derived from it.

Promise 6: keys never lie beside the data they open. The default provider is a file of mode 0600 under
`~/.config/bienho/keys/`, or the file named by `BIENHO_KEY_FILE`.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bienho.config.home import Home
from bienho.core.errors import ConfigError

KEY_BYTES = 32


class KeyRing:
    """Derives one independent key per purpose from the master key; never prints or pickles any of them."""

    __slots__ = ("_home_id", "_master")

    def __init__(self, home_id: str, master: bytes) -> None:
        if len(master) != KEY_BYTES:
            raise ConfigError("CFG-KEY-BROKEN", "Tệp khóa không đúng độ dài 32 byte.", hint="Khôi phục từ bản sao.")
        self._home_id = home_id
        self._master = master

    def derive(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose (HKDF-SHA256, RFC 5869; salt = home id, info = purpose)."""
        info = b"bienho/" + purpose.encode()
        return HKDF(SHA256(), KEY_BYTES, salt=self._home_id.encode(), info=info).derive(self._master)

    def __repr__(self) -> str:
        return f"KeyRing(home_id={self._home_id!r})"

    def __reduce__(self) -> str:
        raise TypeError("keys are not pickled")


def key_path(home: Home) -> Path:
    """Where this home's master key is expected."""
    named = os.environ.get("BIENHO_KEY_FILE")
    if named:
        return Path(named).absolute()
    base = os.environ.get("XDG_CONFIG_HOME")
    root = Path(base) if base else Path.home() / ".config"
    return root / "bienho" / "keys" / f"{home.home_id}.key"


def create_key(home: Home) -> Path:
    """Write a new master key for a home that was just made; an existing key file is never replaced."""
    path = key_path(home)
    _refuse_inside_home(home, path)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    return path


def load_keys(home: Home) -> KeyRing:
    """The keys of a home; a missing, readable-by-others or misplaced key file is a ConfigError, never a new key."""
    path = key_path(home)
    _refuse_inside_home(home, path)
    try:
        mode = path.stat().st_mode
        master = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(
            "CFG-KEY-MISSING",
            f"Không thấy tệp khóa {path} của thư mục dữ liệu này.",
            hint="Đặt lại tệp khóa từ bản sao, hoặc chỉ đường dẫn bằng BIENHO_KEY_FILE.",
        ) from None
    if stat.S_IMODE(mode) & 0o077:
        raise ConfigError(
            "CFG-KEY-OPEN",
            f"Tệp khóa {path} đang cho người khác đọc.",
            hint=f"Chạy: chmod 600 '{path}'",
        )
    return KeyRing(home.home_id, master)


def _refuse_inside_home(home: Home, path: Path) -> None:
    if path.resolve().is_relative_to(home.path.resolve()):
        raise ConfigError(
            "CFG-KEY-BESIDE-DATA",
            "Tệp khóa nằm trong thư mục dữ liệu mà nó mở.",
            hint="Chuyển tệp khóa ra ngoài BIENHO_HOME.",
        )
