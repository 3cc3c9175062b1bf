"""A key file split between two officers: two envelope files, each by itself as good as chance.

    share one = random bytes        share two = key XOR share one

Both are needed and nothing less tells anything (one-time pad); losing either loses the copy, so the ceremony of
docs/keys.md makes two pairs. Not a threshold scheme: that needs a library, and none is among the locked ones.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from bienho.config.home import Home
from bienho.config.keys import key_files
from bienho.config.providers import KEY_BYTES, FileKeys
from bienho.config.ring import read_ring
from bienho.core.errors import ConfigError, InputError, UsageError

TITLE = "BIENHO-KEY-SHARE-1"
CHECK_DIGITS = 12


def split_key(home: Home, first: Path, second: Path) -> str:
    """Write the active key file of a home as two envelopes (mode 0600, never over a file); the check digits of the key.

    The check digits are of a random 32-byte key, so nobody can guess it from them. UsageError USE-KEY-SPLIT when an
    envelope exists, when both would lie in one folder, or when the key is at an outside service.
    """
    ring = read_ring(home.path)
    newest = ring.sealed(ring.active) if ring else None
    if newest is not None and newest.provider != FileKeys.name:
        raise _refused("khóa chủ ở dịch vụ khóa ngoài, không có tệp khóa để chia")
    if first.absolute().parent == second.absolute().parent:
        raise _refused("hai phong bì nằm cùng một thư mục")
    if first.exists() or second.exists():
        raise _refused("đã có tệp ở nơi ghi phong bì")
    version = newest.reference if newest else 1
    master = key_files(home).master(version)
    pad = secrets.token_bytes(KEY_BYTES)
    check = check_digits(master)
    for number, path, share in ((1, first, pad), (2, second, _xor(master, pad))):
        _write(path, f"{TITLE} {home.home_id} {version} {number} {check}\n{share.hex()}\n".encode())
    return check


def combine_key(first: Path, second: Path, target: Path) -> tuple[int, str]:
    """Write the key file that two envelopes make; (its version, its check digits).

    InputError IN-KEY-SHARE when they are damaged or no pair; ConfigError CFG-KEY-EXISTS rather than replace a file.
    """
    one, two = _read(first), _read(second)
    if one[:2] + one[3:4] != two[:2] + two[3:4] or {one[2], two[2]} != {"1", "2"}:
        raise _no_pair("hai phong bì không cùng một cặp")
    master = _xor(one[4], two[4])
    if check_digits(master) != one[3]:
        raise _no_pair("ghép lại không ra đúng khóa")
    if target.exists():
        raise ConfigError(
            "CFG-KEY-EXISTS", f"Đã có tệp {target}.", hint="Không bao giờ ghi đè tệp khóa; chọn tên khác."
        )
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write(target, master)
    return int(one[1]), one[3]


def check_digits(master: bytes) -> str:
    """Twelve hex digits by which people recognise a key."""
    return hashlib.sha256(b"bienho key check" + master).hexdigest()[:CHECK_DIGITS]


def _read(path: Path) -> tuple[str, str, str, str, bytes]:
    """(home id, version, number, check digits, share) of an envelope."""
    try:
        title, share = path.read_bytes().decode("ascii").split("\n")[:2]
        name, home_id, version, number, check = title.split(" ")
        data = bytes.fromhex(share)
    except (UnicodeDecodeError, ValueError, OSError):
        raise _no_pair("tệp phong bì hỏng") from None
    if name != TITLE or len(data) != KEY_BYTES or not version.isdigit():
        raise _no_pair("tệp phong bì hỏng")
    return home_id, version, number, check, data


def _write(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def _refused(why: str) -> UsageError:
    return UsageError("USE-KEY-SPLIT", f"Không chia khóa được: {why}.", hint="Xem docs/keys.md.")


def _no_pair(why: str) -> InputError:
    return InputError("IN-KEY-SHARE", f"Không ghép được khóa: {why}.", hint="Lấy đúng hai phong bì của một lần chia.")
