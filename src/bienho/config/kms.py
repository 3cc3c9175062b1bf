"""Master keys in an outside key service that speaks as the transit engine of HashiCorp Vault and OpenBao does.

    POST URL/keys/NAME/rotate                                          a new version
    GET  URL/keys/NAME                        → data.latest_version, data.min_decryption_version
    POST URL/encrypt/NAME {plaintext, associated_data, key_version}     → data.ciphertext
    POST URL/decrypt/NAME {ciphertext, associated_data}                 → data.plaintext
    POST URL/keys/NAME/config {min_decryption_version, min_encryption_version}      what destroys older versions

Settings: `BIENHO_KMS_URL` (with the path of the engine, such as https://kms.example/v1/transit), `BIENHO_KMS_KEY`,
`BIENHO_KMS_TOKEN_FILE` (mode 0600), `BIENHO_KMS_CA_FILE` (optional). https only, except to this machine itself.
"""

from __future__ import annotations

import base64
import binascii
import http.client
import os
import re
import ssl
import stat
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import orjson

from bienho.config.providers import WHO, not_unwrapped
from bienho.core.errors import ConfigError, StorageError

URL = "BIENHO_KMS_URL"
SECONDS = 5.0
"""For one whole question, whatever the service does with its answer."""
ANSWER_BYTES_MAX = 65_536
_LOCAL = ("127.0.0.1", "::1", "localhost")
_KEY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


class KmsKeys:
    """Wraps and unwraps at a key service. Holds no key; every call is one short-lived connection."""

    name = "kms"

    def __init__(
        self, address: str, key: str, token_file: Path, *, ca_file: str | None = None, seconds: float = SECONDS
    ) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
            raise _misconfigured(f"{URL} không đúng dạng.")
        if parts.scheme == "http" and parts.hostname not in _LOCAL:
            raise _misconfigured(f"{URL} phải là https.")
        if not _KEY_NAME.fullmatch(key):
            raise _misconfigured("BIENHO_KMS_KEY không đúng dạng.")
        self._parts: SplitResult = parts
        self._key = key
        self._token_file = token_file
        self._ca_file = ca_file
        self._seconds = seconds

    @classmethod
    def from_environment(cls, home_id: str, environment: Mapping[str, str] = os.environ) -> KmsKeys:
        """The service that the settings name; ConfigError CFG-KMS when they are not complete."""
        address, token = environment.get(URL), environment.get("BIENHO_KMS_TOKEN_FILE")
        if not address or not token:
            raise _misconfigured(f"Khóa chủ ở dịch vụ khóa ngoài nhưng chưa đặt {URL} và BIENHO_KMS_TOKEN_FILE.")
        key = environment.get("BIENHO_KMS_KEY") or f"bienho-{home_id}"
        return cls(address, key, Path(token), ca_file=environment.get("BIENHO_KMS_CA_FILE"))

    def create(self, version: int, used: Collection[int]) -> int:
        latest = self._latest()
        if latest in used:
            self._ask("POST", f"keys/{self._key}/rotate", {})
            latest = self._latest()
        if latest in used:
            raise _refused("dịch vụ không tạo phiên bản mới")
        return latest

    def wrap(self, reference: int, secret: bytes, context: bytes) -> bytes:
        asked = {"plaintext": _text(secret), "associated_data": _text(context), "key_version": reference}
        sealed = self._ask("POST", f"encrypt/{self._key}", asked).get("ciphertext")
        if not isinstance(sealed, str) or not sealed.startswith(f"vault:v{reference}:"):
            raise _refused("câu trả lời không có bản mã của đúng phiên bản")
        return sealed.encode()

    def unwrap(self, reference: int, wrapped: bytes, context: bytes) -> bytes:
        asked = {"ciphertext": wrapped.decode("ascii", "replace"), "associated_data": _text(context)}
        opened = self._ask("POST", f"decrypt/{self._key}", asked, unwrapping=True).get("plaintext")
        try:
            return base64.b64decode(str(opened), validate=True)
        except (binascii.Error, ValueError):
            raise _refused("câu trả lời không có bản rõ") from None

    def destroy(self, reference: int) -> None:
        """Versions up to `reference` open nothing from now on; the ring retires the oldest first."""
        least = int(self._described().get("min_decryption_version", 1))
        if least <= reference:
            wanted = {"min_decryption_version": reference + 1, "min_encryption_version": reference + 1}
            self._ask("POST", f"keys/{self._key}/config", wanted)

    def _described(self) -> dict[str, Any]:
        return self._ask("GET", f"keys/{self._key}", None)

    def _latest(self) -> int:
        latest = self._described().get("latest_version")
        if not isinstance(latest, int) or latest < 1:
            raise _refused("câu trả lời không có số phiên bản")
        return latest

    def _ask(self, method: str, path: str, body: object, *, unwrapping: bool = False) -> dict[str, Any]:
        """The `data` of an answer. StorageError STO-KMS when the service is away, slow, or says no."""
        end = time.monotonic() + self._seconds
        connection = self._connection()
        try:
            headers = {"X-Vault-Token": self._token(), "Content-Type": "application/json", "Connection": "close"}
            target = f"{self._parts.path.rstrip('/')}/{path}"
            connection.request(method, target, None if body is None else orjson.dumps(body), headers)
            status, data = _answer(connection, end)
        except (OSError, http.client.HTTPException) as error:
            reason = "quá thời hạn" if isinstance(error, TimeoutError) else type(error).__name__
            raise _refused(reason) from None
        finally:
            connection.close()
        if unwrapping and status == 400:
            raise not_unwrapped("dịch vụ khóa ngoài")
        if status not in (200, 204):
            raise _refused(f"mã trả lời {status}")
        try:
            answer = orjson.loads(data) if data else {}
        except orjson.JSONDecodeError:
            raise _refused("câu trả lời không phải JSON") from None
        found = answer.get("data") if isinstance(answer, dict) else None
        return found if isinstance(found, dict) else {}

    def _connection(self) -> http.client.HTTPConnection:
        host, port = str(self._parts.hostname), self._parts.port
        if self._parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=self._seconds)
        try:
            trust = ssl.create_default_context(cafile=self._ca_file)
        except OSError:
            raise _misconfigured("Không đọc được BIENHO_KMS_CA_FILE.") from None
        return http.client.HTTPSConnection(host, port, timeout=self._seconds, context=trust)

    def _token(self) -> str:
        try:
            mode, token = self._token_file.stat().st_mode, self._token_file.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            raise _misconfigured(f"Không đọc được tệp thẻ {self._token_file} của dịch vụ khóa.") from None
        if stat.S_IMODE(mode) & 0o077:
            raise _misconfigured(f"Tệp thẻ {self._token_file} của dịch vụ khóa đang cho người khác đọc.")
        return token


def _answer(connection: http.client.HTTPConnection, end: float) -> tuple[int, bytes]:
    """(status, body); TimeoutError at `end` even when the service trickles."""
    socket = connection.sock

    def left() -> None:
        if (seconds := end - time.monotonic()) <= 0:
            raise TimeoutError
        if socket is not None:
            socket.settimeout(seconds)

    left()
    pieces: list[bytes] = []
    with connection.getresponse() as response:
        while True:
            left()
            piece = response.read1(8_192)
            if not piece:
                return response.status, b"".join(pieces)
            pieces.append(piece)
            if sum(map(len, pieces)) > ANSWER_BYTES_MAX:
                raise http.client.HTTPException


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _misconfigured(what: str) -> ConfigError:
    return ConfigError("CFG-KMS", what, hint="Xem docs/keys.md, phần dịch vụ khóa ngoài.", who=WHO)


def _refused(reason: str) -> StorageError:
    return StorageError(
        "STO-KMS",
        f"Dịch vụ khóa ngoài không trả lời được: {reason}.",
        hint="Kiểm tra dịch vụ khóa và đường mạng tới đó, rồi chạy lại; không có gì bị mất.",
        who=WHO,
    )
