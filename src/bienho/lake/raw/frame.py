"""The bytes of one record in a raw segment.

    segment = segment head, frame, frame, …
    segment head (28 bytes) = "BHSG", version u8, 3 zero bytes, segment number u64, first sequence u64, crc32 u32
    frame = prefix | header cipher | payload cipher | crc32 of everything before it in the frame, u32
    prefix (32 bytes) = "BHFR", version u8, kind u8, 2 zero bytes, seq u64, header length u32, payload length u64,
                        crc32 u32          (all numbers little-endian)
    cipher = nonce (12 bytes) | AES-256-GCM text | tag (16 bytes)

A segment head has version 1. A frame of kind ITEM has version 1, and its payload is zstd of the bytes as sent. One of
kind PARTED has version 2, and its payload is zstd of what they say: text and base64 decoded beside each other
(`apart`, ADR 22); `size` and `sha256` in its header are of the bytes as sent too, and they are what it is read as.

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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import orjson
import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bienho.core.errors import ConfigError, InputError, IntegrityError, LimitError
from bienho.core.ids import delivery_id
from bienho.core.parted import Parted, part
from bienho.lake.raw import apart

SEGMENT_VERSION = 1
ITEM, REDACTED, PARTED = 1, 2, 3
VERSIONS = {ITEM: 1, REDACTED: 1, PARTED: 2}
"""Kind of a frame → the version it is written in, and read in for ever."""
SEGMENT = struct.Struct("<4sB3xQQ")
PREFIX = struct.Struct("<4sBB2xQIQ")
CHECK = struct.Struct("<I")
PREFIX_BYTES = PREFIX.size + CHECK.size
SEGMENT_BYTES = SEGMENT.size + CHECK.size
SEGMENT_MAGIC = b"BHSG"
FRAME_MAGIC = b"BHFR"
NONCE_BYTES = 12
TAG_BYTES = 16
_PAYLOADS = {ITEM: b"p", REDACTED: b"p", PARTED: b"a"}
"""What a payload is tied to by its kind: the kind stands outside the cipher, and changed it does not open."""
CHUNK = 1 << 20
# Level 1 is half again as fast as 3 on base64 of XML and makes files 5 % larger.
ZSTD_LEVEL = 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class _Zstd(threading.local):
    """One of each for a thread: to make one costs more than to compress a small item."""

    def __init__(self) -> None:
        # the tables of the level as they are, not fitted to each small item: a tenth quicker, and no longer
        tables = zstandard.ZstdCompressionParameters.from_level(ZSTD_LEVEL)
        self.compressor = zstandard.ZstdCompressor(compression_params=tables)
        self.decompressor = zstandard.ZstdDecompressor()


_ZSTD = _Zstd()


# not frozen, as thousands of a batch are: one that is takes four times as long to make
@dataclass(slots=True)
class RawItem:
    """One thing to keep: its bytes (or the file that holds them) and how it came.

    `received_at` has a zone; it is set once by whoever took the bytes in and replayed ever after. `path` is the name as
    given by the sender. Data given as a `Path` is read in pieces, never whole. `packed_behind` is the tag behind which
    base64 is to be expected, which is then kept decoded (not of a `Path`); what is read is the bytes as they were.
    """

    kind: str
    data: bytes | Path
    source: str
    path: str
    received_at: datetime
    facility_asserted: str | None = None
    packed_behind: bytes = b""

    def parted(self) -> Parted | None:
        """Its data as it is kept when it is kept taken apart."""
        return part(self.data, self.packed_behind) if self.packed_behind and isinstance(self.data, bytes) else None


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


@dataclass(slots=True)
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
    """The measured part of a frame: what kind it is, which record, and how many bytes follow."""

    kind: int
    seq: int
    header_bytes: int
    payload_bytes: int

    @property
    def total(self) -> int:
        return PREFIX_BYTES + self.header_bytes + self.payload_bytes + CHECK.size


def segment_head(segment: int, first_seq: int) -> bytes:
    """The opening bytes of a segment file."""
    head = SEGMENT.pack(SEGMENT_MAGIC, SEGMENT_VERSION, segment, first_seq)
    return head + CHECK.pack(zlib.crc32(head))


def parse_segment_head(data: bytes, segment: int) -> int:
    """First sequence of a segment; IntegrityError when the head is not the one of this segment number."""
    magic, version, number, first_seq = SEGMENT.unpack_from(data)
    (check,) = CHECK.unpack_from(data, SEGMENT.size)
    if magic != SEGMENT_MAGIC or number != segment or zlib.crc32(data[: SEGMENT.size]) != check:
        raise damaged(segment, 0)
    if version > SEGMENT_VERSION:
        raise _newer(segment, 0)
    return int(first_seq)


def parse_prefix(data: bytes, segment: int, offset: int) -> Prefix:
    """Measures of a frame from its first PREFIX_BYTES bytes; IntegrityError when they do not check."""
    magic, version, kind, seq, header_bytes, payload_bytes = PREFIX.unpack_from(data)
    (check,) = CHECK.unpack_from(data, PREFIX.size)
    if magic != FRAME_MAGIC or zlib.crc32(data[: PREFIX.size]) != check:
        raise damaged(segment, offset)
    if version > VERSIONS.get(kind, 0):
        raise _newer(segment, offset)
    return Prefix(kind, seq, header_bytes, payload_bytes)


def encode(
    item: RawItem, *, segment: int, seq: int, key: bytes, limit: int, parted: Parted | None = None
) -> tuple[list[bytes], str, int]:
    """(pieces of the frame, sha256 hex, size) of an item; LimitError beyond `limit` bytes.

    `parted`: its data taken apart, when it is to be kept so. Of a file only the encrypted, compressed payload is held
    in memory, one piece per input chunk.
    """
    kind = ITEM if parted is None else PARTED
    bound = _bound(segment, seq, _PAYLOADS[kind])
    if isinstance(item.data, bytes):
        if len(item.data) > limit:
            raise _too_large(limit)
        digest, size = hashlib.sha256(item.data).hexdigest(), len(item.data)
        payload = _encoded([item.data] if parted is None else apart.pieces(parted), key, bound)
    else:
        payload, digest, size = _encoded_file(item.data, key, bound, limit)
    described = _described(_of_item(item, size, digest))
    header = _seal(described, key, _bound(segment, seq, b"h"))
    prefix = PREFIX.pack(FRAME_MAGIC, VERSIONS[kind], kind, seq, len(header), sum(map(len, payload)))
    pieces = [prefix, CHECK.pack(zlib.crc32(prefix)), header, *payload]
    check = 0
    for piece in pieces:
        check = zlib.crc32(piece, check)
    return [*pieces, CHECK.pack(check)], digest, size


def _encoded(given: list[bytes], key: bytes, bound: bytes) -> list[bytes]:
    """Pieces of the sealed payload of bytes. What is no longer than a chunk goes in one go: half of what a small item
    costs is going in steps."""
    size = sum(map(len, given))
    if size <= CHUNK:
        return [_seal(_ZSTD.compressor.compress(given[0] if len(given) == 1 else b"".join(given)), key, bound)]
    return list(_sealed(_chunked(given), size, key, bound))


def _encoded_file(path: Path, key: bytes, bound: bytes, limit: int) -> tuple[list[bytes], str, int]:
    """(pieces of the sealed payload, sha256 hex, size) of a file taken chunk by chunk."""
    digest, size = hashlib.sha256(), 0

    def chunks() -> Iterator[bytes]:
        nonlocal size
        for chunk in _chunks(path):
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
            digest.update(chunk)
            yield chunk

    # the size is not told: the file may yet grow
    payload = list(_sealed(chunks(), -1, key, bound))
    return payload, digest.hexdigest(), size


def _sealed(chunks: Iterable[bytes], size: int, key: bytes, bound: bytes) -> Iterator[bytes]:
    """Chunks compressed and encrypted, one after the other. zstd, told the size, takes tables that fit."""
    nonce = os.urandom(NONCE_BYTES)
    cipher = Cipher(algorithms.AES256(key), modes.GCM(nonce)).encryptor()
    cipher.authenticate_additional_data(bound)
    squeeze = _ZSTD.compressor.compressobj(size=size)
    yield nonce
    for chunk in chunks:
        yield cipher.update(squeeze.compress(chunk))
    yield cipher.update(squeeze.flush()) + cipher.finalize()
    yield cipher.tag


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
    if not f"{item.kind}{item.source}{item.path}{item.facility_asserted}".isascii():
        return _header(_described(_of_item(item, size, digest)), seq)
    at = item.received_at.astimezone(UTC)
    return RawHeader(seq, item.kind, item.source, item.path, at, item.facility_asserted, size, digest)


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
    prefix = PREFIX.pack(FRAME_MAGIC, VERSIONS[REDACTED], REDACTED, header.seq, len(sealed), len(payload))
    made = prefix + CHECK.pack(zlib.crc32(prefix)) + sealed + payload
    return made + CHECK.pack(zlib.crc32(made))


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
    found = _ZSTD.decompressor.decompressobj().decompress(opened)
    end = CHECK.size + CHECK.unpack_from(found)[0]
    told, data = orjson.loads(found[CHECK.size : end]), found[end:]
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


def decode_payload(
    sealed: bytes, header: RawHeader, *, segment: int, offset: int, key: bytes, kind: int = ITEM
) -> bytes | Parted:
    """The bytes as sent, checked against size and sha256 of the header; taken apart where they are kept so.

    What claims to be longer than the header says is refused before there is room for it.
    """
    packed = _open(sealed, segment, offset, _bound(segment, header.seq, _PAYLOADS[kind]), key)
    try:
        if kind == PARTED:
            content: bytes | Parted = apart.put_together(_inflated(packed, apart.most(header.size)), header.size)
        else:
            content = _inflated(packed, header.size) if header.size else b""
    except (ValueError, zstandard.ZstdError):
        raise damaged(segment, offset) from None
    digest = hashlib.sha256()
    for piece in [content] if isinstance(content, bytes) else content.pieces(content.text):
        digest.update(piece)
    if len(content) != header.size or digest.hexdigest() != header.sha256:
        raise damaged(segment, offset)
    return content


def _inflated(packed: bytes, most: int) -> bytes:
    """What was compressed; ValueError or ZstdError when it is longer than it may be."""
    if zstandard.frame_content_size(packed) > most:
        raise ValueError("longer than the header says")
    return _ZSTD.decompressor.decompress(packed, max_output_size=most)


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


_cipher = lru_cache(8)(AESGCM)
"""Of the last segments: to make one costs as much as to seal a small item."""


def _seal(data: bytes, key: bytes, bound: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _cipher(key).encrypt(nonce, data, bound)


def _open(sealed: bytes, segment: int, offset: int, bound: bytes, key: bytes) -> bytes:
    try:
        return _cipher(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
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
    return (moment - EPOCH) // MICROSECOND * 1000


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


def _too_large(limit: int) -> LimitError:
    return LimitError(
        "LIM-DELIVERY-BYTES",
        f"Tệp gửi vượt quá {limit // (1 << 20)} MiB.",
        hint="Chia tệp thành nhiều lần gửi nhỏ hơn.",
        who="facility",
    )


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        raise InputError(
            "IN-FILE-UNREADABLE",
            f"Không đọc được tệp gửi ({os.strerror(error.errno or 0)}).",
            hint="Kiểm tra quyền đọc và đường dẫn của tệp.",
        ) from error


def _chunked(given: Iterable[bytes]) -> Iterator[bytes]:
    """Bytes in pieces of about a chunk: the long ones cut, the short ones joined."""
    waiting: list[bytes] = []
    size = 0
    for piece in given:
        if len(piece) < CHUNK:
            waiting.append(piece)
            size += len(piece)
            if size < CHUNK:
                continue
            piece = b""
        yield b"".join(waiting)
        waiting, size = [], 0
        for start in range(0, len(piece), CHUNK):
            yield piece[start : start + CHUNK]
    yield b"".join(waiting)
