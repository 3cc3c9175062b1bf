"""The list of erasures outside the home: what a restored backup must forget that was made before them (law 13).

It lies beside the key files, which whoever restores must bring anyway, as JSON with a keyed hash behind it: a list made
up by somebody else erases nothing. It names nobody: keyed digests, places, accounts, decisions.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable
from pathlib import Path

import orjson

from bienho.config import Home, KeyRing
from bienho.config.keys import key_files
from bienho.core.errors import InputError, StorageError
from bienho.privacy import Erasure

MAC_KEY = "erasures"


def list_path(home: Home) -> Path:
    """`<home id>.erasures` beside the key files."""
    return key_files(home).path(1).parent / f"{home.home_id}.erasures"


def write(home: Home, keys: KeyRing, erasures: Iterable[Erasure]) -> Path:
    """Put the list in place by one rename, durable when this returns; what another copy of this house told stays in it.

    StorageError STO-ERASURES when it cannot be written.
    """
    path = list_path(home)
    known = {one.erasure_id: one for one in (read(path, keys) if path.exists() else ())}
    known |= {one.erasure_id: one for one in erasures if one.confirmed_at}
    body = orjson.dumps([one.as_dict() for one in known.values()])
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(body + b"\n" + _mac(keys, body) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise StorageError(
            "STO-ERASURES",
            f"Không ghi được danh sách đã xóa {path} ({error.strerror}).",
            hint="Cho phép ghi vào thư mục khóa rồi chạy `bienho erase finish`.",
            who="Quản trị hệ thống",
        ) from None
    return path


def read(path: Path, keys: KeyRing) -> list[Erasure]:
    """The erasures of a list; InputError IN-ERASURES when it is none of this house, or was changed."""
    body, _, mac = path.read_bytes().partition(b"\n")
    if not hmac.compare_digest(_mac(keys, body), mac.strip()):
        raise InputError(
            "IN-ERASURES",
            "Danh sách đã xóa không phải của kho này hoặc đã bị sửa.",
            hint="Lấy đúng tệp .erasures nằm cạnh tệp khóa của kho.",
            who="Quản trị hệ thống",
        )
    return [Erasure.parse(told) for told in orjson.loads(body)]


def _mac(keys: KeyRing, body: bytes) -> bytes:
    return hmac.digest(keys.derive(MAC_KEY), body, "sha256").hex().encode()
