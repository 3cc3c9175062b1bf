"""The raw store: append, read, scan. A receipt is given after fsync and never before."""

from __future__ import annotations

import errno
import logging
import os
import struct
import threading
import time
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from bienho.config import DEFAULT, Home, KeyRing, Limits
from bienho.core.errors import BusyError, IntegrityError, StorageError, UsageError
from bienho.core.ids import delivery_id
from bienho.core.parted import Parted, whole
from bienho.core.posix import fcntl
from bienho.lake.raw import frame
from bienho.lake.raw.frame import RawHeader, RawItem, Receipt, Tombstone
from bienho.lake.raw.redaction import left_files, left_path, write_left
from bienho.lake.raw.remembered import Remembered
from bienho.lake.raw.segment import Segment, extend, open_segment, read_exactly, segment_numbers, segment_path
from bienho.lake.raw.writer import DiskError, GroupWriter, put_in_place, sync_path, unused

SEGMENT_LIMIT = 256 << 20
WATERMARK = struct.Struct("<4sQQ")
WATERMARK_MAGIC = b"BHWM"
log = logging.getLogger(__name__)


class RawStore:
    """Append-only store of everything received, under `home.raw_dir`.

    One appender at a time over all processes (file lock); any number of readers. Readers see what was made durable:
    the watermark file says how far that is, and is itself only a lower bound that survives being lost.
    """

    def __init__(
        self,
        home: Home,
        keys: KeyRing,
        *,
        limits: Limits = DEFAULT,
        segment_bytes: int = SEGMENT_LIMIT,
        wait_seconds: float = 30.0,
    ) -> None:
        self._home = home
        self._folder = home.raw_dir
        self._keyring = keys
        self._keys: dict[int, bytes] = {}
        self._limit = limits.delivery_bytes
        self._segment_bytes = segment_bytes
        self._wait_seconds = wait_seconds
        self._mutex = threading.RLock()
        self._segments: list[Segment] = []
        self._seen: tuple[bytes, int, int] | None = None
        self._digests: dict[str, list[int]] = {}
        self._digested = 0
        self._remembered = Remembered()

    def append(self, items: Sequence[RawItem]) -> list[Receipt]:
        """Keep items in the order given and return one receipt each, after one fsync for all of them.

        Nothing of the group is kept when it raises: StorageError STO-RAW-WRITE (disk), LimitError (an item too big),
        InputError (a file that cannot be read), BusyError BUSY-RAW (another appender did not finish in time),
        ConfigError CFG-HOME-NO-RAW (a home whose lake does not come from raw).
        """
        if not items:
            return []
        self._home.require_raw()
        with self._mutex, self._locked(self._wait_seconds):
            self._settle(cut=True)
            return self._append(items)

    def read(self, seq: int) -> tuple[RawHeader, bytes]:
        """One record by sequence; UsageError USE-DELIVERY-UNKNOWN when there is none."""
        self._refresh()
        return self._read(seq)

    def read_each(self, sequences: Sequence[int]) -> Iterator[tuple[RawHeader, bytes]]:
        """As `read` of each, in the order given, with one look at what is there for all of them."""
        self._refresh()
        return map(self._read, sequences)

    def _read(self, seq: int) -> tuple[RawHeader, bytes]:
        number, offset = self._place(seq)
        try:
            with self._opened(number) as descriptor:
                return self._decode(descriptor, number, offset)
        except IntegrityError:
            # redacted once more between opening the segment and the file it named then
            with self._opened(number) as descriptor:
                return self._decode(descriptor, number, offset)

    def scan(self, after: int = 0) -> Iterator[tuple[RawHeader, bytes]]:
        """Records with a sequence above `after`, ascending, up to what was durable when the scan began."""
        for header, content in self.scan_parted(after):
            yield header, whole(content)

    def scan_parted(self, after: int = 0) -> Iterator[tuple[RawHeader, bytes | Parted]]:
        """As `scan`, with what is kept decoded as it is kept."""
        for descriptor, number, offset in self._walk(after):
            yield self._decode_parted(descriptor, number, offset)

    @contextmanager
    def remembering(self) -> Iterator[None]:
        """Inside, a scan gives what was appended inside without opening its frame (`Remembered`)."""
        self._remembered.on = True
        try:
            yield
        finally:
            self._remembered.on = False
            self._remembered.clear()

    def redact(self, left: Mapping[int, tuple[bytes, Tombstone]]) -> None:
        """Put what is left of records (by sequence) in their places, with what was erased and why; durable when this
        returns. A record that carries the tombstone of the same erasure already stays as it is.

        A segment is written anew beside the old one and takes its name. Frames stay as long as they were, so the index
        of no reader changes; one at work reads the old file to its end. Torn tails that were set aside are removed:
        nobody can say whose bytes they hold, and nothing in them was ever acknowledged. StorageError STO-RAW-REDACT for
        a record so short that a tombstone does not fit in its place; its segment is then as it was.
        """
        with self._mutex, self._locked(self._wait_seconds):
            self._settle(cut=True)
            places: dict[int, dict[int, int]] = {}
            for seq in left:
                number, offset = self._place(seq)
                places.setdefault(number, {})[offset] = seq
            for number, offsets in sorted(places.items()):
                with self._opened(number) as descriptor:
                    pieces = {
                        offset: piece
                        for offset, seq in offsets.items()
                        if (piece := self._redacted(descriptor, number, offset, *left[seq])) is not None
                    }
                    if pieces:
                        put_in_place(segment_path(self._folder, number), descriptor, pieces)
            self._sweep()

    def _redacted(self, descriptor: int, number: int, offset: int, data: bytes, tombstone: Tombstone) -> bytes | None:
        """The frame that takes the place of a record's, what it points to written; None when it is there already."""
        header, _ = self._decode(descriptor, number, offset)
        if header.left == tombstone.erasure:
            return None
        key, seq = self._key(number), header.seq
        total = self._prefix(descriptor, number, offset).total
        piece = frame.encode_redacted(header, tombstone.erasure, segment=number, key=key, total=total)
        if piece is None:
            raise StorageError(
                "STO-RAW-REDACT",
                f"Lần nhận {delivery_id(seq)} quá ngắn để ghi dấu đã xóa vào chỗ của nó; kho gốc chưa đổi.",
                hint="Báo nhóm phát triển mã lần nhận này.",
                who="operator",
            )
        sealed = frame.encode_left(data, (*header.tombstones, tombstone), segment=number, seq=seq, key=key)
        write_left(self._folder, seq, tombstone.erasure, sealed)
        return piece

    def _sweep(self) -> None:
        """Remove what no frame names any more, and torn tails."""
        for path, seq, erasure in left_files(self._folder):
            number, offset = self._place(seq)
            with self._opened(number) as descriptor:
                if self._decode(descriptor, number, offset)[0].left != erasure:
                    path.unlink()
        for torn in self._folder.glob("*.torn*"):
            torn.unlink()

    def headers(self, after: int = 0) -> Iterator[RawHeader]:
        """As `scan`, without reading the payloads (their bytes are not checked) and without tombstones."""
        for descriptor, number, offset in self._walk(after):
            prefix = self._prefix(descriptor, number, offset)
            sealed = read_exactly(descriptor, prefix.header_bytes, offset + frame.PREFIX_BYTES)
            yield frame.decode_header(sealed, segment=number, offset=offset, seq=prefix.seq, key=self._key(number))

    def last_seq(self) -> int:
        """The highest durable sequence; 0 when nothing was received yet."""
        self._refresh()
        return self._segments[-1].next_seq - 1 if self._segments else 0

    def waiting(self, after: int) -> tuple[int, int]:
        """(records with a sequence above `after`, their bytes as they lie here); told by the index, reading none."""
        self._refresh()
        count = size = 0
        with self._mutex:
            for segment in reversed(self._segments):
                skipped = max(0, after + 1 - segment.first_seq)
                if skipped >= len(segment.offsets):
                    break
                count += len(segment.offsets) - skipped
                size += segment.end - segment.offsets[skipped]
        return count, size

    def exists_sha256(self, digest: str) -> list[int]:
        """Sequences of all records whose bytes have this sha256 (hex), ascending."""
        for header in self.headers(self._digested):
            with self._mutex:
                if header.seq > self._digested:
                    self._digests.setdefault(header.sha256, []).append(header.seq)
                    self._digested = header.seq
        return list(self._digests.get(digest.lower(), ()))

    def verify(self) -> int:
        """Read every record to the last byte and return their number; IntegrityError at the first damaged one."""
        with self._mutex:
            self._segments, self._seen = [], None
        return sum(1 for _ in self.scan())

    # ── places ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _place(self, seq: int) -> tuple[int, int]:
        with self._mutex:
            at = bisect_right(self._segments, seq, key=lambda s: s.first_seq) - 1
            if at >= 0:
                segment = self._segments[at]
                if seq < segment.next_seq:
                    return segment.number, segment.offsets[seq - segment.first_seq]
        raise UsageError("USE-DELIVERY-UNKNOWN", f"Không có lần nhận {delivery_id(max(seq, 0))} trong kho gốc.")

    def _walk(self, after: int) -> Iterator[tuple[int, int, int]]:
        self._refresh()
        with self._mutex:
            plan = [(s.number, s.first_seq, s.offsets[max(0, after + 1 - s.first_seq) :]) for s in self._segments]
        for number, _, offsets in plan:
            if offsets:
                with self._opened(number) as descriptor:
                    for offset in offsets:
                        yield descriptor, number, offset

    def _prefix(self, descriptor: int, number: int, offset: int) -> frame.Prefix:
        data = read_exactly(descriptor, frame.PREFIX_BYTES, offset)
        if len(data) < frame.PREFIX_BYTES:
            raise frame.damaged(number, offset)
        return frame.parse_prefix(data, number, offset)

    def _decode(self, descriptor: int, number: int, offset: int) -> tuple[RawHeader, bytes]:
        header, content = self._decode_parted(descriptor, number, offset)
        return header, whole(content)

    def _decode_parted(self, descriptor: int, number: int, offset: int) -> tuple[RawHeader, bytes | Parted]:
        prefix = self._prefix(descriptor, number, offset)
        entire = read_exactly(descriptor, prefix.total, offset)
        if len(entire) < prefix.total or not frame.checks(entire):
            raise frame.damaged(number, offset)
        if known := self._remembered.take(prefix.seq, entire[-frame.CHECK.size :]):
            return known
        key = self._key(number)
        cut = frame.PREFIX_BYTES + prefix.header_bytes
        sealed = entire[frame.PREFIX_BYTES : cut]
        header = frame.decode_header(sealed, segment=number, offset=offset, seq=prefix.seq, key=key)
        if header.left:
            return self._open_left(header, number, offset)
        payload = entire[cut : -frame.CHECK.size]
        return header, frame.decode_payload(payload, header, segment=number, offset=offset, key=key, kind=prefix.kind)

    def _open_left(self, header: RawHeader, number: int, offset: int) -> tuple[RawHeader, bytes]:
        """A record of which something was erased: with its tombstones, and what is left of it."""
        try:
            sealed = left_path(self._folder, header.seq, header.left).read_bytes()
        except FileNotFoundError:
            raise frame.damaged(number, offset) from None
        stones, data = frame.decode_left(sealed, segment=number, offset=offset, seq=header.seq, key=self._key(number))
        return replace(header, tombstones=stones), data

    def _key(self, number: int) -> bytes:
        key = self._keys.get(number)
        if key is None:
            key = self._keys[number] = self._keyring.derive(f"raw/{number:08d}")
        return key

    @contextmanager
    def _opened(self, number: int) -> Iterator[int]:
        try:
            descriptor = os.open(segment_path(self._folder, number), os.O_RDONLY)
        except FileNotFoundError:
            raise frame.damaged(number, 0) from None
        try:
            yield descriptor
        except OSError as error:
            raise DiskError("STO-RAW-READ", "Không đọc được kho gốc", error) from error
        finally:
            os.close(descriptor)

    # ── what is durable ───────────────────────────────────────────────────────────────────────────────────────────

    def _state(self) -> tuple[bytes, int, int]:
        """(watermark, last segment, its size): when none of them moved, nothing was appended or cut."""
        try:
            # The watermark first: what it speaks of is then there when the sizes are read.
            mark = (self._folder / "watermark").read_bytes()
        except FileNotFoundError:
            mark = b""
        try:
            numbers = segment_numbers(self._folder)
            last = numbers[-1] if numbers else 0
            size = segment_path(self._folder, last).stat().st_size if last else 0
        except OSError as error:
            raise DiskError("STO-RAW-READ", "Không đọc được kho gốc", error) from error
        return mark, last, size

    def _refresh(self) -> None:
        """Look again at the files; frames beyond the watermark are made durable first or, while another process is
        still writing them, left for later."""
        with self._mutex:
            state = self._state()
            if state == self._seen:
                return
            mark, last, size = state
            known = _watermark(mark)
            if known is not None and known[:2] == (last, size):
                self._index(last, size, known)
                self._seen = state
                return
            try:
                with self._locked(0.0 if known else self._wait_seconds):
                    self._settle(cut=False)
            except BusyError:
                if known is None:
                    raise
                self._index(known[0], known[1], known)
            except StorageError as error:
                if error.code != "STO-RAW-READ-ONLY":
                    raise
                self._index(last, size, known)

    def _settle(self, *, cut: bool) -> None:
        """Under the lock: find what is whole, set a torn tail aside (when `cut`), make the rest durable, say so."""
        state = self._state()
        mark, last, size = state
        known = _watermark(mark)
        if state == self._seen and (not cut or self._whole(last, size)):
            return
        torn = self._index(last, size, known)
        if torn and cut:
            self._cut(last)
        if self._segments:
            current = self._segments[-1]
            if known is None or known != (current.number, current.end):
                sync_path(segment_path(self._folder, current.number))
                sync_path(self._folder)
                self._write_watermark(current)
        self._seen = self._state()

    def _whole(self, last: int, size: int) -> bool:
        if not self._segments:
            return last == 0
        return (self._segments[-1].number, self._segments[-1].end) == (last, size)

    def _index(self, last: int, size: int, known: tuple[int, int] | None) -> bool:
        """Bring the index up to (last segment, size); True when the tail is torn.

        IntegrityError when a segment is damaged, or shorter than the watermark says it was.
        """
        marked, end = known or (0, 0)
        if marked > last:
            raise frame.damaged(marked, 0)
        try:
            torn = self._index_segments(last, size, marked, end)
        except IntegrityError:
            # What was indexed may no longer be true: look at everything again next time.
            self._segments, self._seen = [], None
            raise
        if marked == last and last and (len(self._segments) < last or self._segments[-1].end < end):
            where = self._segments[-1].end if len(self._segments) == last else 0
            self._segments, self._seen = [], None
            raise frame.damaged(last, where)
        return torn

    def _index_segments(self, last: int, size: int, marked: int, end: int) -> bool:
        if self._segments and (self._segments[-1].number, self._segments[-1].end) > (last, size):
            self._segments = []
        start = self._segments[-1].number if self._segments else 1
        for number in range(start, last + 1):
            with self._opened(number) as descriptor:
                length = size if number == last else os.fstat(descriptor).st_size
                if len(self._segments) < number:
                    expected = self._segments[-1].next_seq if self._segments else 1
                    opened = open_segment(descriptor, number, expected, size=length)
                    if opened is None:
                        if number == last:
                            return True
                        raise frame.damaged(number, 0)
                    self._segments.append(opened)
                segment = self._segments[-1]
                verify_from = end if number == marked else (length if number < (marked or last) else 0)
                if extend(segment, descriptor, size=length, verify_from=verify_from):
                    if number == last:
                        return True
                    raise frame.damaged(number, segment.end)
        return False

    def _cut(self, last: int) -> None:
        """Set the torn end of the last segment aside (it was never acknowledged) and shorten the file."""
        path = segment_path(self._folder, last)
        good = self._segments[-1].end if len(self._segments) == last else 0
        try:
            with path.open("r+b") as file:
                file.seek(good)
                rest = file.read()
                if rest:
                    aside = unused(path.with_suffix(f".{good}.torn"))
                    aside.write_bytes(rest)
                    sync_path(aside)
                file.truncate(good)
                os.fsync(file.fileno())
            if good == 0:
                path.unlink()
            sync_path(self._folder)
        except OSError as error:
            raise DiskError("STO-RAW-WRITE", "Không ghi được kho gốc", error) from error
        log.warning("raw: torn tail of segment %08d at %d set aside (%d bytes)", last, good, len(rest))

    def _write_watermark(self, segment: Segment) -> None:
        """Say how far the segments are durable. Not synced: a lost or older watermark only costs a second look."""
        data = WATERMARK.pack(WATERMARK_MAGIC, segment.number, segment.end)
        data += frame.CHECK.pack(zlib.crc32(data))
        try:
            descriptor = os.open(self._folder / "watermark", os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.pwrite(descriptor, data, 0)
            finally:
                os.close(descriptor)
        except OSError:
            log.warning("raw: watermark could not be written; the next reader will look at the segment instead")

    # ── appending ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _append(self, items: Sequence[RawItem]) -> list[Receipt]:
        before = self._segments[-1] if self._segments else None
        writer = GroupWriter(self._folder, before)
        receipts = []
        try:
            for item in items:
                if writer.end >= self._segment_bytes or writer.segment is None:
                    writer.roll()
                parted, number = item.parted(), writer.number
                pieces, digest, size = frame.encode(
                    item, segment=number, seq=writer.next_seq, key=self._key(number), limit=self._limit, parted=parted
                )
                receipts.append(Receipt(writer.next_seq, digest, size))
                self._remembered.note(pieces[-1], item, receipts[-1], parted)
                writer.write(pieces)
            writer.commit()
        except BaseException as error:
            self._remembered.clear()
            writer.undo()
            if not isinstance(error, OSError):
                raise
            raise DiskError("STO-RAW-WRITE", "Không ghi được kho gốc, chưa nhận gì của lần gửi này", error) from error
        finally:
            writer.close()
        writer.publish(self._segments)
        self._write_watermark(self._segments[-1])
        self._seen = self._state()
        return receipts

    @contextmanager
    def _locked(self, wait_seconds: float) -> Iterator[None]:
        try:
            descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise DiskError("STO-RAW-READ-ONLY", "Không ghi được vào thư mục kho gốc", error) from error
        try:
            deadline = time.monotonic() + wait_seconds
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError as error:
                    if error.errno not in (errno.EAGAIN, errno.EACCES):
                        raise DiskError("STO-RAW-WRITE", "Không khóa được kho gốc", error) from error
                    if time.monotonic() >= deadline:
                        raise BusyError(
                            "BUSY-RAW",
                            "Kho gốc đang được tiến trình khác ghi.",
                            hint="Chờ lần ghi kia xong rồi gửi lại.",
                        ) from None
                    time.sleep(0.005)
            yield
        finally:
            os.close(descriptor)


def _watermark(data: bytes) -> tuple[int, int] | None:
    """(segment, end) of a watermark that checks."""
    if len(data) != WATERMARK.size + frame.CHECK.size:
        return None
    magic, number, end = WATERMARK.unpack_from(data)
    (check,) = frame.CHECK.unpack_from(data, WATERMARK.size)
    if magic != WATERMARK_MAGIC or zlib.crc32(data[: WATERMARK.size]) != check:
        return None
    return number, end
