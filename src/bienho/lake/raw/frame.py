"""The bytes of one record in a raw segment (format version 1).

    segment = segment head, frame, frame, …
    segment head (28 bytes) = "BHSG", version u8, 3 zero bytes, segment number u64, first sequence u64, crc32 u32
    frame = prefix | header cipher | payload cipher | crc32 of everything before it in the frame, u32
    prefix (32 bytes) = "BHFR", version u8, kind u8, 2 zero bytes, seq u64, header length u32, payload length u64,
                        crc32 u32          (all numbers little-endian)
    cipher = nonce (12 bytes) | AES-256-GCM text | tag (16 bytes)

The prefix has a checksum of its own so that a cut file and a damaged one are told apart: a prefix that is there in full
always speaks the truth about the length, and whatever ends before that length was cut. The header is JSON; it is
encrypted whole because a path or a source may carry a patient's name.

A frame of kind REDACTED stands where one of kind ITEM stood and is exactly as long: nothing is in its payload, and its
header names the erasure by which the bytes went (design law 13). `size` and `sha256` stay those of the bytes as sent:
they are on a receipt. What is left of the bytes is emitted again in a file of its own, `left-<seq>-<erasure>.red`:

    left = nonce (12 bytes) | AES-256-GCM(zstd(length of JSON u32 | JSON {tombstones, sha256} | bytes)) | tag (16 bytes)
"""

from __future__ import annotations

import hashlib
import os
import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bienho.core.errors import ConfigError, InputError, IntegrityError, LimitError
from bienho.core.ids import delivery_id

VERSION = 1
ITEM = 1
REDACTED = 2
SEGMENT = struct.Struct("<4sB3xQQ")
PREFIX = struct.Struct("<4sBB2xQIQ")
CHECK = struct.Struct("<I")
PREFIX_BYTES = PREFIX.size + CHECK.size
SEGMENT_BYTES = SEGMENT.size + CHECK.size
SEGMENT_MAGIC = b"BHSG"
FRAME_MAGIC = b"BHFR"
NONCE_BYTES = 12
TAG_BYTES = 16
CHUNK = 1 << 20
# Level 1 is half again as fast as 3 on base64 of XML and makes files 5 % larger.
ZSTD_LEVEL = 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Zstd(threading.local):
    """One of each for a thread: to make one costs more than to compress a small item."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
        self.decompressor = zstandard.ZstdDecompressor()


_ZSTD = _Zstd()


@dataclass(frozen=True, slots=True)
class RawItem:
    """One thing to keep: its bytes (or the file that holds them) and how it came.

    `received_at` has a zone; it is set once by whoever took the bytes in and replayed ever after. `path` is the name as
    given by the sender. Data given as a `Path` is read in pieces, never whole.
    """

    kind: str
    data: bytes | Path
    source: str
    path: str
    received_at: datetime
    facility_asserted: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that the bytes are on disk: their sequence, and `sha256` (hex) and `size` of the bytes as sent."""

    seq: int
    sha256: str
    size: int

    @property
    def delivery_id(self) -> str:
        return delivery_id(self.seq)


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Dossiers taken out of a record: their places in it (`hoso`, from 1), under which erasure and legal article, by
    which accounts."""

    hoso: tuple[int, ...]
    erasure: str
    article: str
    who: str


@dataclass(frozen=True, slots=True)
class RawHeader:
    """What is known of a kept record; `size` (bytes) and `sha256` (hex) are of the bytes as sent, times are UTC.

    `left`: the last erasure that took something out of it; `tombstones`: what was taken out, in order.
    """

    seq: int
    kind: str
    source: str
    path: str
    received_at: datetime
    facility_asserted: str | None
    size: int
    sha256: str
    left: str = ""
    tombstones: tuple[Tombstone, ...] = ()

    @property
    def erased(self) -> frozenset[int]:
        """Places of the dossiers that were taken out."""
        return frozenset(place for one in self.tombstones for place in one.hoso)


@dataclass(frozen=True, slots=True)
class Prefix:
    """The measured part of a frame: which record, and how many bytes follow."""

    seq: int
    header_bytes: int
    payload_bytes: int

    @property
    def total(self) -> int:
        return PREFIX_BYTES + self.header_bytes + self.payload_bytes + CHECK.size


def segment_head(segment: int, first_seq: int) -> bytes:
    """The opening bytes of a segment file."""
    head = SEGMENT.pack(SEGMENT_MAGIC, VERSION, segment, first_seq)
    return head + CHECK.pack(zlib.crc32(head))


def parse_segment_head(data: bytes, segment: int) -> int:
    """First sequence of a segment; IntegrityError when the head is not the one of this segment number."""
    magic, version, number, first_seq = SEGMENT.unpack_from(data)
    (check,) = CHECK.unpack_from(data, SEGMENT.size)
    if magic != SEGMENT_MAGIC or number != segment or zlib.crc32(data[: SEGMENT.size]) != check:
        raise damaged(segment, 0)
    if version > VERSION:
        raise _newer(segment, 0)
    return int(first_seq)


def parse_prefix(data: bytes, segment: int, offset: int) -> Prefix:
    """Measures of a frame from its first PREFIX_BYTES bytes; IntegrityError when they do not check."""
    magic, version, kind, seq, header_bytes, payload_bytes = PREFIX.unpack_from(data)
    (check,) = CHECK.unpack_from(data, PREFIX.size)
    if magic != FRAME_MAGIC or zlib.crc32(data[: PREFIX.size]) != check:
        raise damaged(segment, offset)
    if version > VERSION or kind not in (ITEM, REDACTED):
        raise _newer(segment, offset)
    return Prefix(seq, header_bytes, payload_bytes)


def encode(item: RawItem, *, segment: int, seq: int, key: bytes, limit: int) -> tuple[list[bytes], str, int]:
    """(pieces of the frame, sha256 hex, size) of an item; LimitError beyond `limit` bytes.

    Only the encrypted, compressed payload is held in memory, one piece per input chunk.
    """
    if isinstance(item.data, bytes) and len(item.data) <= CHUNK:
        payload, digest, size = _encoded_small(item.data, key, _bound(segment, seq, b"p"), limit)
    else:
        payload, digest, size = _encoded(item.data, key, _bound(segment, seq, b"p"), limit)
    header_nonce = os.urandom(NONCE_BYTES)
    described = _described(_of_item(item, size, digest))
    sealed = AESGCM(key).encrypt(header_nonce, described, _bound(segment, seq, b"h"))
    header = header_nonce + sealed
    prefix = PREFIX.pack(FRAME_MAGIC, VERSION, ITEM, seq, len(header), sum(map(len, payload)))
    pieces = [prefix, CHECK.pack(zlib.crc32(prefix)), header, *payload]
    check = 0
    for piece in pieces:
        check = zlib.crc32(piece, check)
    return [*pieces, CHECK.pack(check)], digest, size


def _encoded_small(data: bytes, key: bytes, bound: bytes, limit: int) -> tuple[list[bytes], str, int]:
    """As `_encoded` of what is no longer than a chunk, in one go: half of what a small item costs is going in steps."""
    if len(data) > limit:
        raise _too_large(limit)
    return [_seal(_ZSTD.compressor.compress(data), key, bound)], hashlib.sha256(data).hexdigest(), len(data)


def _encoded(data: bytes | Path, key: bytes, bound: bytes, limit: int) -> tuple[list[bytes], str, int]:
    """(pieces of the sealed payload, sha256 hex, size) of bytes taken chunk by chunk."""
    nonce = os.urandom(NONCE_BYTES)
    cipher = Cipher(algorithms.AES256(key), modes.GCM(nonce)).encryptor()
    cipher.authenticate_additional_data(bound)
    squeeze = _ZSTD.compressor.compressobj(size=_known_size(data))
    digest = hashlib.sha256()
    size = 0
    payload = [nonce]
    for chunk in _chunks(data):
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        digest.update(chunk)
        payload.append(cipher.update(squeeze.compress(chunk)))
    payload.append(cipher.update(squeeze.flush()) + cipher.finalize())
    payload.append(cipher.tag)
    return payload, digest.hexdigest(), size


def _of_item(item: RawItem, size: int, digest: str) -> dict[str, object]:
    return {
        "kind": item.kind,
        "source": item.source,
        "path": item.path,
        "received_at": _to_nanoseconds(item.received_at),
        "facility_asserted": item.facility_asserted,
        "size": size,
        "sha256": digest,
    }


def header_of(item: RawItem, seq: int, size: int, digest: str) -> RawHeader:
    """The header that `decode_header` will give of an item kept under a sequence."""
    return _header(_described(_of_item(item, size, digest)), seq)


def encode_redacted(header: RawHeader, erasure: str, *, segment: int, key: bytes, total: int) -> bytes | None:
    """The frame of `total` bytes that takes the place of a record's; None when it does not fit there."""
    described = {
        "kind": header.kind,
        "source": header.source,
        "path": "",  # it may carry the name of whoever is erased
        "received_at": _to_nanoseconds(header.received_at),
        "facility_asserted": header.facility_asserted,
        "size": header.size,
        "sha256": header.sha256,
        "left": erasure,
    }
    sealed = _seal(_described(described), key, _bound(segment, header.seq, b"h"))
    room = total - PREFIX_BYTES - len(sealed) - NONCE_BYTES - TAG_BYTES - CHECK.size
    if room < 0:
        return None
    payload = _seal(bytes(room), key, _bound(segment, header.seq, b"p"))
    prefix = PREFIX.pack(FRAME_MAGIC, VERSION, REDACTED, header.seq, len(sealed), len(payload))
    whole = prefix + CHECK.pack(zlib.crc32(prefix)) + sealed + payload
    return whole + CHECK.pack(zlib.crc32(whole))


def encode_left(data: bytes, tombstones: Sequence[Tombstone], *, segment: int, seq: int, key: bytes) -> bytes:
    """The file of what is left of a record."""
    described = orjson.dumps({"tombstones": tombstones, "sha256": hashlib.sha256(data).hexdigest()})
    packed = _ZSTD.compressor.compress(CHECK.pack(len(described)) + described + data)
    return _seal(packed, key, _bound(segment, seq, b"l"))


def decode_left(
    sealed: bytes, *, segment: int, offset: int, seq: int, key: bytes
) -> tuple[tuple[Tombstone, ...], bytes]:
    """(what was taken out of a record, what is left of it)."""
    opened = _open(sealed, segment, offset, _bound(segment, seq, b"l"), key)
    whole = _ZSTD.decompressor.decompressobj().decompress(opened)
    end = CHECK.size + CHECK.unpack_from(whole)[0]
    told, data = orjson.loads(whole[CHECK.size : end]), whole[end:]
    if hashlib.sha256(data).hexdigest() != told["sha256"]:
        raise damaged(segment, offset)
    stones = (Tombstone(tuple(one["hoso"]), one["erasure"], one["article"], one["who"]) for one in told["tombstones"])
    return tuple(stones), data


def checks(frame: bytes | memoryview) -> bool:
    """Whether the checksum at the end of a whole frame fits the bytes before it."""
    (check,) = CHECK.unpack_from(frame, len(frame) - CHECK.size)
    return zlib.crc32(memoryview(frame)[: -CHECK.size]) == check


def decode_header(sealed: bytes, *, segment: int, offset: int, seq: int, key: bytes) -> RawHeader:
    """Open the header of a frame; IntegrityError INT-RAW-KEY when the key does not open it."""
    return _header(_open(sealed, segment, offset, _bound(segment, seq, b"h"), key), seq)


def _header(described: bytes, seq: int) -> RawHeader:
    found = orjson.loads(described)
    found["received_at"] = EPOCH + timedelta(microseconds=found["received_at"] // 1000)
    return RawHeader(seq=seq, **found)


def decode_payload(sealed: bytes, header: RawHeader, *, segment: int, offset: int, key: bytes) -> bytes:
    """The bytes as sent, checked against size and sha256 of the header."""
    packed = _open(sealed, segment, offset, _bound(segment, header.seq, b"p"), key)
    data = _ZSTD.decompressor.decompressobj().decompress(packed) if header.size else b""
    if len(data) != header.size or hashlib.sha256(data).hexdigest() != header.sha256:
        raise damaged(segment, offset)
    return data


def damaged(segment: int, offset: int) -> IntegrityError:
    """The error for bytes that are not what was written."""
    return IntegrityError(
        "INT-RAW",
        f"Kho gốc hỏng tại đoạn {segment:08d}, vị trí {offset}.",
        hint="Dừng nhận, lấy lại tệp đoạn này từ bản sao lưu rồi chạy `bienho doctor`.",
        who="operator",
    )


def _newer(segment: int, offset: int) -> ConfigError:
    return ConfigError(
        "CFG-RAW-VERSION",
        f"Đoạn {segment:08d}, vị trí {offset} do phiên bản chương trình mới hơn ghi.",
        hint="Dùng phiên bản chương trình đã ghi kho gốc này.",
        who="operator",
    )


def _bound(segment: int, seq: int, part: bytes) -> bytes:
    """What a cipher text is tied to: moved to another place, it does not open."""
    return b"bienho raw 1 " + part + struct.pack("<QQ", segment, seq)


def _seal(data: bytes, key: bytes, bound: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, data, bound)


def _open(sealed: bytes, segment: int, offset: int, bound: bytes, key: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
    except InvalidTag:
        raise IntegrityError(
            "INT-RAW-KEY",
            f"Không mở được bản ghi gốc tại đoạn {segment:08d}, vị trí {offset}: sai khóa hoặc đã bị sửa.",
            hint="Kiểm tra tệp khóa của thư mục dữ liệu này; nếu khóa đúng, lấy lại tệp đoạn từ bản sao lưu.",
            who="operator",
        ) from None


def _to_nanoseconds(moment: datetime) -> int:
    """Nanoseconds since 1970 (UTC), in whole numbers: no float ever touches a time."""
    if moment.tzinfo is None:
        raise ValueError("received_at must carry its zone")
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000


def _described(header: dict[str, object]) -> bytes:
    try:
        return orjson.dumps(header)
    except orjson.JSONEncodeError:
        # Names from a file system may hold bytes that are no text; they are kept visible, not refused.
        safe = {
            name: value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            if isinstance(value, str)
            else value
            for name, value in header.items()
        }
        return orjson.dumps(safe)


def _known_size(data: bytes | Path) -> int:
    """Size told to zstd, which then takes tables that fit; -1 for a file, which may yet grow."""
    return -1 if isinstance(data, Path) else len(data)


def _too_large(limit: int) -> LimitError:
    return LimitError(
        "LIM-DELIVERY-BYTES",
        f"Tệp gửi vượt quá {limit // (1 << 20)} MiB.",
        hint="Chia tệp thành nhiều lần gửi nhỏ hơn.",
        who="facility",
    )


def _chunks(data: bytes | Path) -> Iterator[bytes]:
    if isinstance(data, Path):
        try:
            with data.open("rb") as file:
                while chunk := file.read(CHUNK):
                    yield chunk
        except OSError as error:
            raise InputError(
                "IN-FILE-UNREADABLE",
                f"Không đọc được tệp gửi ({os.strerror(error.errno or 0)}).",
                hint="Kiểm tra quyền đọc và đường dẫn của tệp.",
            ) from error
    else:
        for start in range(0, len(data), CHUNK):
            yield data[start : start + CHUNK]
