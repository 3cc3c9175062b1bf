"""The raw store where a list cannot judge: receipts against fsync, locks, limits, secrets, other processes."""

from __future__ import annotations

import base64
import errno
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from zlib import crc32

import pytest
import zstandard

from bienho.config import Home, KeyRing, Limits
from bienho.core.errors import BusyError, ConfigError, InputError, IntegrityError, LimitError, StorageError, UsageError
from bienho.core.parted import part
from bienho.lake import RawItem, RawStore
from bienho.lake.raw import frame, writer

KEYS = KeyRing("0" * 16, bytes(range(32)))
NOON = datetime(2026, 11, 23, 5, 0, 0, 123456, tzinfo=UTC)
SECRET = "Rơ Chăm H'Bia 1987"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.create(tmp_path / "home")


def item(data: bytes | Path, path: str = "a.xml") -> RawItem:
    return RawItem("xml130", data, "folder", path, NOON, "64020")


def segment_bytes(home: Home) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.raw_dir.iterdir() if path.is_file()}


def test_header_and_bytes_come_back_as_given(home: Home) -> None:
    raw = RawStore(home, KEYS)
    (receipt,) = raw.append([item(b"<GIAMDINHHS/>", "thư mục/a.xml")])
    header, data = raw.read(1)
    assert data == b"<GIAMDINHHS/>"
    assert receipt.delivery_id == "D000000000001"
    assert (header.kind, header.source, header.path, header.facility_asserted) == (
        "xml130",
        "folder",
        "thư mục/a.xml",
        "64020",
    )
    assert (header.received_at, header.size, header.sha256) == (NOON, 13, receipt.sha256)


def test_records_are_read_in_the_order_asked_for_as_one_by_one(home: Home) -> None:
    raw = RawStore(home, KEYS, segment_bytes=200)
    raw.append([item(b"<A%d/>" % n) for n in range(6)])
    asked = [5, 1, 6, 1]
    assert list(raw.read_each(asked)) == [raw.read(seq) for seq in asked]
    with pytest.raises(UsageError, match="USE-DELIVERY-UNKNOWN"):
        list(raw.read_each([1, 7]))


def test_nothing_readable_lies_on_disk(home: Home) -> None:
    raw = RawStore(home, KEYS)
    raw.append([RawItem("xml130", SECRET.encode() * 50, SECRET, f"/nhận/{SECRET}.xml", NOON, SECRET)])
    for name, content in segment_bytes(home).items():
        for form in (SECRET.encode(), b"xml130", b"H'Bia", b"sha256"):
            assert form not in content, name


def test_a_record_moved_to_another_place_does_not_open(home: Home) -> None:
    raw = RawStore(home, KEYS)
    raw.append([item(b"one"), item(b"two")])
    header, _ = raw.read(1)
    pieces, _, _ = frame.encode(item(b"one"), segment=1, seq=2, key=KEYS.derive("raw/00000001"), limit=100)
    sealed = pieces[2]
    with pytest.raises(IntegrityError, match="INT-RAW-KEY"):
        frame.decode_header(sealed, segment=1, offset=0, seq=header.seq, key=KEYS.derive("raw/00000001"))


def test_another_key_is_told_from_damage(home: Home) -> None:
    RawStore(home, KEYS).append([item(b"x")])
    with pytest.raises(IntegrityError) as caught:
        RawStore(home, KeyRing("0" * 16, bytes(32))).read(1)
    assert caught.value.code == "INT-RAW-KEY"


def test_no_receipt_and_no_trace_when_fsync_fails(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = RawStore(home, KEYS)
    raw.append([item(b"kept")])
    before = segment_bytes(home)
    real = os.fsync

    def broken(descriptor: int) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(writer.os, "fsync", broken)
    with pytest.raises(StorageError) as caught:
        raw.append([item(b"lost"), item(b"lost too")])
    assert caught.value.code == "STO-RAW-WRITE"
    monkeypatch.setattr(writer.os, "fsync", real)
    assert segment_bytes(home) == before
    assert [receipt.seq for receipt in raw.append([item(b"next")])] == [2]
    assert [data for _, data in RawStore(home, KEYS).scan()] == [b"kept", b"next"]


@pytest.mark.parametrize("fails_at", range(1, 6))
def test_a_full_disk_at_any_write_leaves_what_was_there(
    home: Home, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    """Segments roll inside the group here: the new ones must go too."""
    raw = RawStore(home, KEYS, segment_bytes=200)
    raw.append([item(b"kept")])
    before = segment_bytes(home)
    real, calls = os.write, 0

    def filling(descriptor: int, data: bytes | memoryview) -> int:
        nonlocal calls
        calls += 1
        if calls >= fails_at:
            raise OSError(errno.ENOSPC, "full")
        return real(descriptor, bytes(data)[: max(1, len(data) // 2)])

    monkeypatch.setattr(writer.os, "write", filling)
    with pytest.raises(StorageError) as caught:
        raw.append([item(b"a" * 300), item(b"b" * 300), item(b"c" * 300)])
    assert "đầy" in caught.value.hint
    monkeypatch.setattr(writer.os, "write", real)
    assert segment_bytes(home) == before
    assert raw.append([item(b"again")])[0].seq == 2


def test_receipts_follow_fsync_of_file_and_folder(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    real = os.fsync

    def noting(descriptor: int) -> None:
        synced.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
        real(descriptor)

    monkeypatch.setattr(writer.os, "fsync", noting)
    raw = RawStore(home, KEYS)
    raw.append([item(b"1"), item(b"2"), item(b"3")])
    assert synced == ["raw-00000001.seg", "raw"]
    synced.clear()
    raw.append([item(b"4")])
    assert synced == ["raw-00000001.seg"]


def test_a_group_too_large_leaves_nothing(home: Home, tmp_path: Path) -> None:
    raw = RawStore(home, KEYS, limits=Limits(delivery_bytes=100))
    big = tmp_path / "big.xml"
    big.write_bytes(b"x" * 101)
    for data in (b"x" * 101, big):
        with pytest.raises(LimitError, match="LIM-DELIVERY-BYTES"):
            raw.append([item(b"fits"), item(data)])
    assert raw.last_seq() == 0
    with pytest.raises(InputError, match="IN-FILE-UNREADABLE"):
        raw.append([item(tmp_path / "absent.xml")])
    assert raw.last_seq() == 0


def test_a_file_is_kept_like_its_bytes(home: Home, tmp_path: Path) -> None:
    raw = RawStore(home, KEYS)
    file = tmp_path / "large.xml"
    content = b"<HOSO>" * 600_000
    file.write_bytes(content)
    by_path, by_bytes = raw.append([item(file), item(content)])
    assert (by_path.sha256, by_path.size) == (by_bytes.sha256, by_bytes.size)
    assert raw.read(1)[1] == raw.read(2)[1] == content
    assert raw.exists_sha256(by_path.sha256.upper()) == [1, 2]
    assert raw.exists_sha256("0" * 64) == []


def test_scan_begins_after_a_sequence_across_segments(home: Home) -> None:
    raw = RawStore(home, KEYS, segment_bytes=400)
    for number in range(12):
        raw.append([item(b"%d" % number)])
    assert len(list(home.raw_dir.glob("*.seg"))) > 2
    for after in range(14):
        assert [header.seq for header, _ in raw.scan(after)] == list(range(after + 1, 13))
        assert [header.seq for header in raw.headers(after)] == list(range(after + 1, 13))


def test_what_waits_is_counted_without_reading_it(home: Home) -> None:
    """Oracle: the sizes of the files, and what a scan finds."""
    raw = RawStore(home, KEYS, segment_bytes=400)
    assert raw.waiting(0) == (0, 0)
    grown = [0]
    for number in range(12):
        raw.append([item(b"%d" % number * 40)])
        grown.append(sum(path.stat().st_size - frame.SEGMENT_BYTES for path in home.raw_dir.glob("*.seg")))
    for after in range(14):
        waiting = RawStore(home, KEYS, segment_bytes=400).waiting(after)
        assert waiting == (len(list(raw.scan(after))), grown[-1] - grown[min(after, 12)])


def test_an_unknown_sequence_is_a_usage_error(home: Home) -> None:
    raw = RawStore(home, KEYS)
    raw.append([item(b"x")])
    for seq in (-1, 0, 2):
        with pytest.raises(UsageError, match="USE-DELIVERY-UNKNOWN"):
            raw.read(seq)


def test_a_time_without_zone_is_refused(home: Home) -> None:
    raw = RawStore(home, KEYS)
    with pytest.raises(ValueError, match="zone"):
        raw.append([RawItem("xml130", b"x", "folder", "a", datetime(2026, 1, 1))])
    assert raw.last_seq() == 0


def test_a_name_that_is_no_text_is_kept_visible(home: Home) -> None:
    raw = RawStore(home, KEYS)
    raw.append([item(b"x", os.fsdecode(b"a\xe1.xml"))])
    assert raw.read(1)[0].path == "a\\xe1.xml"


@pytest.mark.parametrize("lost", ["raw-00000001.seg", "raw-00000002.seg", "last"])
def test_a_missing_segment_is_damage(home: Home, lost: str) -> None:
    raw = RawStore(home, KEYS, segment_bytes=200)
    for _ in range(4):
        raw.append([item(b"y" * 100)])
    path = max(home.raw_dir.glob("*.seg")) if lost == "last" else home.raw_dir / lost
    path.unlink()
    with pytest.raises(IntegrityError, match="INT-RAW"):
        RawStore(home, KEYS).last_seq()
    with pytest.raises(IntegrityError, match="INT-RAW"):
        raw.append([item(b"z")])


def test_a_newer_format_is_refused_and_not_called_damage(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame, "VERSIONS", {frame.ITEM: 2})
    RawStore(home, KEYS).append([item(b"x")])
    monkeypatch.undo()
    with pytest.raises(ConfigError, match="CFG-RAW-VERSION"):
        RawStore(home, KEYS).last_seq()


PACKED = b"<P>%s</P>" % base64.b64encode(b"<XML>" * 60)


def packed(data: bytes) -> RawItem:
    return replace(item(data), packed_behind=b"<P>")


def test_what_was_packed_is_kept_unpacked_and_read_as_it_was_sent(home: Home) -> None:
    raw = RawStore(home, KEYS)
    long = PACKED * 5_000  # longer than a chunk
    as_sent, apart, large = raw.append([item(PACKED), packed(PACKED), packed(long)])
    assert (apart.sha256, apart.size) == (as_sent.sha256, as_sent.size) == (sha256(PACKED).hexdigest(), len(PACKED))
    reader = RawStore(home, KEYS)
    assert [data for _, data in reader.scan()] == [raw.read(seq)[1] for seq in (1, 2, 3)] == [PACKED, PACKED, long]
    contents = [content for _, content in reader.scan_parted()]
    assert contents == [PACKED, part(PACKED, b"<P>"), part(long, b"<P>")]
    assert kinds(home) == [frame.ITEM, frame.PARTED, frame.PARTED]
    with raw.remembering():
        raw.append([packed(PACKED), packed(b"nothing packed")])
        remembered = list(raw.scan_parted(3))
    assert remembered == list(reader.scan_parted(3))
    assert large.size == len(long)


@pytest.mark.parametrize("version", [1, 2])
def test_a_segment_written_by_an_earlier_release_is_read_for_ever(home: Home, version: int) -> None:
    """Written once, by the release that brought the version in, and kept: whatever is written now, these open."""
    kept = Path(__file__).with_name("data") / f"raw-format-{version}.seg"
    (home.raw_dir / "raw-00000001.seg").write_bytes(kept.read_bytes())
    read = list(RawStore(home, KEYS).scan())
    assert [data for _, data in read] == [PACKED, b"<HOSO/>" * 1000, b""]
    assert [header.path for header, _ in read] == ["nhận/a.xml", "b.xml", "c"]
    assert {header.received_at for header, _ in read} == {NOON}
    assert (frame.PARTED in kinds(home)) == (version > 1)


def kinds(home: Home) -> list[int]:
    content = (home.raw_dir / "raw-00000001.seg").read_bytes()
    found, at = [], frame.SEGMENT_BYTES
    while at < len(content):
        prefix = frame.parse_prefix(content[at : at + frame.PREFIX_BYTES], 1, at)
        found.append(prefix.kind)
        at += prefix.total
    return found


def test_a_payload_is_only_what_its_kind_says(home: Home) -> None:
    """Whoever has no key may still write a prefix and its checksums anew."""
    RawStore(home, KEYS).append([packed(PACKED)])
    path = home.raw_dir / "raw-00000001.seg"
    content = path.read_bytes()
    rest = content[frame.SEGMENT_BYTES + frame.PREFIX_BYTES : -frame.CHECK.size]
    found = frame.parse_prefix(content[frame.SEGMENT_BYTES :][: frame.PREFIX_BYTES], 1, frame.SEGMENT_BYTES)
    prefix = frame.PREFIX.pack(frame.FRAME_MAGIC, 1, frame.ITEM, 1, found.header_bytes, found.payload_bytes)
    written = prefix + frame.CHECK.pack(crc32(prefix)) + rest
    path.write_bytes(content[: frame.SEGMENT_BYTES] + written + frame.CHECK.pack(crc32(written)))
    with pytest.raises(IntegrityError, match="INT-RAW-KEY"):
        RawStore(home, KEYS).read(1)


@pytest.mark.parametrize("kind", [frame.ITEM, frame.PARTED])
def test_a_payload_that_claims_more_than_its_header_is_refused_unopened(
    kind: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has the key may write what never was written: it opens as damage, and takes no room."""
    key, bound = bytes(32), frame._bound(1, 1, frame._PAYLOADS[kind])
    bomb = frame._seal(zstandard.compress(bytes(1 << 24)), key, bound)
    header = frame.header_of(item(PACKED), 1, len(PACKED), sha256(PACKED).hexdigest())

    class Never:
        def decompress(self, *_: object, **__: object) -> bytes:
            raise AssertionError

    monkeypatch.setattr(frame._ZSTD, "decompressor", Never())
    with pytest.raises(IntegrityError) as caught:
        frame.decode_payload(bomb, header, segment=1, offset=0, key=key, kind=kind)
    assert caught.value.code == "INT-RAW"


HOLDER = """
import fcntl, os, sys, time
descriptor = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(descriptor, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


def test_another_appender_makes_busy_and_its_death_frees(home: Home) -> None:
    raw = RawStore(home, KEYS, wait_seconds=0.05)
    raw.append([item(b"x")])
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home.raw_dir / "lock")], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BusyError, match="BUSY-RAW"):
            raw.append([item(b"y")])
        assert RawStore(home, KEYS).last_seq() == 1, "readers do not wait for a writer"
        holder.kill()
    assert raw.append([item(b"y")])[0].seq == 2


APPENDER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from bienho.config import Home, KeyRing
from bienho.core.parted import part
from bienho.lake import RawItem, RawStore
raw = RawStore(Home.open(Path(sys.argv[1])), KeyRing("0" * 16, bytes(range(32))), segment_bytes=20_000)
for group in range(20):
    texts = [f"{sys.argv[2]}-{group}-{i}" for i in range(5)]
    items = [RawItem("xml130", text.encode(), "folder", "a", datetime.now(UTC)) for text in texts]
    for receipt, given in zip(raw.append(items), items, strict=True):
        assert raw.read(receipt.seq)[1] == given.data
        print(receipt.seq, given.data.decode())
"""


def test_three_processes_append_and_no_sequence_is_given_twice(home: Home) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", APPENDER, str(home.path), str(number)], stdout=subprocess.PIPE, text=True
        )
        for number in range(3)
    ]
    said = {}
    for process in started:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        for line in output.splitlines():
            seq, content = line.split()
            assert int(seq) not in said
            said[int(seq)] = content
    assert sorted(said) == list(range(1, 301))
    assert {header.seq: data.decode() for header, data in RawStore(home, KEYS).scan()} == said


KILLED = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from bienho.config import Home, KeyRing
from bienho.core.parted import part
from bienho.lake import RawItem, RawStore
from bienho.lake.raw import writer
raw = RawStore(Home.open(Path(sys.argv[1])), KeyRing("0" * 16, bytes(range(32))))
real, left = os.write, int(sys.argv[2])
def dying(descriptor, data):
    global left
    done = real(descriptor, bytes(data)[:left])
    left -= done
    if left <= 0:
        os.kill(os.getpid(), 9)
    return done
writer.os.write = dying
raw.append([RawItem("xml130", os.urandom(500), "folder", "a", datetime.now(UTC)) for _ in range(3)])
"""


@pytest.mark.parametrize("at", [1, 27, 40, 700, 1400])
def test_killed_while_writing_leaves_the_acknowledged_and_sets_the_rest_aside(home: Home, at: int) -> None:
    raw = RawStore(home, KEYS)
    raw.append([item(b"kept")])
    end = (home.raw_dir / "raw-00000001.seg").stat().st_size
    done = subprocess.run([sys.executable, "-c", KILLED, str(home.path), str(at)], check=False)
    assert done.returncode == -9
    assert (home.raw_dir / "raw-00000001.seg").stat().st_size == end + at
    reader = RawStore(home, KEYS)
    whole = reader.last_seq()
    assert reader.read(1)[1] == b"kept"
    assert raw.append([item(b"after")])[0].seq == whole + 1
    assert [data for _, data in reader.scan(whole)] == [b"after"]
    (torn,) = home.raw_dir.glob("*.torn")
    assert 0 < torn.stat().st_size <= at


def test_what_was_just_appended_is_scanned_as_it_lies_on_disk(home: Home) -> None:
    raw = RawStore(home, KEYS)
    with raw.remembering():
        raw.append([item(b"one", "tệp \udcff.xml"), item(b"two" * 500_000)])
        remembered = list(raw.scan())
    assert remembered == list(raw.scan())
    with raw.remembering():
        raw.append([item(b"three"), item(b"four")])
        path = max(home.raw_dir.glob("raw-*.seg"))
        path.write_bytes(path.read_bytes()[:-1] + b"\xff")
        with pytest.raises(IntegrityError, match="INT-RAW"):
            list(raw.scan(2))
