"""A stream of bytes sealed in frames: zstd, then AES-256-GCM, each frame bound to its place and the last one marked.

    magic (16) | nonce prefix (4) | frames: length (4, big-endian) | sealed

A frame moved, dropped, doubled or changed, and a stream cut short, are all refused when reading.
"""

from __future__ import annotations

import io
import os
import struct
from typing import BinaryIO

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bienho.core.errors import IntegrityError

MAGIC = b"BIENHO-SEALED-1\n"
FRAME_BYTES = 1 << 20
_LENGTH = struct.Struct(">I")
_PLACE = struct.Struct(">Q?")
_LONGEST = FRAME_BYTES + 1024


class SealedWriter(io.RawIOBase):
    """Writes what it is given to `target`, compressed and sealed. `close` writes the last frame; target stays open."""

    def __init__(self, target: BinaryIO, key: bytes) -> None:
        self._target = target
        self._cipher = AESGCM(key)
        self._prefix = os.urandom(4)
        self._count = 0
        self._buffer = bytearray()
        self._compressor = zstandard.ZstdCompressor(level=3).compressobj()
        target.write(MAGIC + self._prefix)

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        view = memoryview(data)  # type: ignore[arg-type]
        self._buffer += self._compressor.compress(view)
        while len(self._buffer) > FRAME_BYTES:
            self._frame(bytes(self._buffer[:FRAME_BYTES]), last=False)
            del self._buffer[:FRAME_BYTES]
        return view.nbytes

    def close(self) -> None:
        if self.closed:
            return
        self._buffer += self._compressor.flush()
        while len(self._buffer) > FRAME_BYTES:
            self._frame(bytes(self._buffer[:FRAME_BYTES]), last=False)
            del self._buffer[:FRAME_BYTES]
        self._frame(bytes(self._buffer), last=True)
        super().close()

    def _frame(self, data: bytes, *, last: bool) -> None:
        nonce = self._prefix + struct.pack(">Q", self._count)
        sealed = self._cipher.encrypt(nonce, data, MAGIC + _PLACE.pack(self._count, last))
        self._target.write(_LENGTH.pack(len(sealed) | (0x8000_0000 if last else 0)) + sealed)
        self._count += 1


class SealedReader(io.RawIOBase):
    """Reads what a SealedWriter wrote; IntegrityError INT-SEALED for anything else."""

    def __init__(self, source: BinaryIO, key: bytes) -> None:
        self._source = source
        self._cipher = AESGCM(key)
        head = source.read(len(MAGIC) + 4)
        if len(head) != len(MAGIC) + 4 or not head.startswith(MAGIC):
            raise _broken("đây không phải tệp sao lưu của Biển Hồ")
        self._prefix = head[len(MAGIC) :]
        self._count = 0
        self._done = False
        self._plain = bytearray()
        self._decompressor = zstandard.ZstdDecompressor().decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        while not self._plain and not self._done:
            self._plain += self._decompressor.decompress(self._next())
        count = min(len(view), len(self._plain))
        view[:count] = self._plain[:count]
        del self._plain[:count]
        return count

    def _next(self) -> bytes:
        head = self._source.read(4)
        if len(head) != 4:
            raise _broken("tệp bị cắt cụt")
        length = _LENGTH.unpack(head)[0]
        last, length = bool(length & 0x8000_0000), length & 0x7FFF_FFFF
        sealed = self._source.read(length) if length <= _LONGEST else b""
        if len(sealed) != length:
            raise _broken("tệp bị cắt cụt")
        nonce = self._prefix + struct.pack(">Q", self._count)
        try:
            data = self._cipher.decrypt(nonce, sealed, MAGIC + _PLACE.pack(self._count, last))
        except InvalidTag:
            raise _broken("khóa không đúng hoặc nội dung đã bị thay đổi") from None
        self._count += 1
        self._done = last
        return data


def _broken(why: str) -> IntegrityError:
    return IntegrityError(
        "INT-SEALED",
        f"Không mở được tệp sao lưu: {why}.",
        hint="Dùng đúng khóa của thư mục này, hoặc bản sao khác.",
    )
