"""The raw store against a plain list, with crashes at any byte; damage is named, never mended in silence."""

from __future__ import annotations

import base64
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bienho.config import Home, KeyRing
from bienho.core.errors import IntegrityError
from bienho.lake import RawItem, RawStore
from bienho.lake.raw.store import _watermark
from support.examples import some

START = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
KEYS = KeyRing("0" * 16, bytes(range(32)))
SMALL_SEGMENT = 700

BEHIND = b"<P>"
contents = st.one_of(
    st.binary(max_size=60),
    st.builds(lambda b, n: b * n, st.binary(min_size=1, max_size=8), st.just(40)),
    st.binary(min_size=48, max_size=60).map(lambda body: BEHIND + base64.b64encode(body) + b"</P>"),
)
groups = st.lists(contents, min_size=1, max_size=4)


@contextmanager
def throwaway_home() -> Iterator[Home]:
    folder = Path(tempfile.mkdtemp(prefix="bienho-raw-"))
    try:
        yield Home.create(folder / "home")
    finally:
        shutil.rmtree(folder)


def store(home: Home) -> RawStore:
    return RawStore(home, KEYS, segment_bytes=SMALL_SEGMENT)


def item(number: int, data: bytes) -> RawItem:
    came = START + timedelta(microseconds=number)
    return RawItem("xml130", data, "thư mục", f"Nguyễn Văn {number}.xml", came, packed_behind=BEHIND)


def held(raw: RawStore) -> list[tuple[int, str, bytes, datetime]]:
    return [(header.seq, header.path, data, header.received_at) for header, data in raw.scan()]


def expected(oracle: list[bytes]) -> list[tuple[int, str, bytes, datetime]]:
    return [(i, item(i, data).path, data, item(i, data).received_at) for i, data in enumerate(oracle, start=1)]


def append(raw: RawStore, oracle: list[bytes], group: list[bytes]) -> None:
    first = len(oracle) + 1
    receipts = raw.append([item(first + i, data) for i, data in enumerate(group)])
    oracle.extend(group)
    assert [receipt.seq for receipt in receipts] == list(range(first, first + len(group)))


def last_segment(home: Home) -> Path:
    return max(home.raw_dir.glob("*.seg"))


@settings(max_examples=some(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_store_equals_a_list_through_crashes(data: st.DataObject) -> None:
    """Crashes: a group is written but its receipt was never given, and the file is cut at any byte of that group."""
    with throwaway_home() as home:
        raw, oracle = store(home), []
        reader = store(home)
        for _ in range(data.draw(st.integers(1, 6))):
            step = data.draw(st.sampled_from(["append", "append", "crash", "reopen", "lose watermark"]))
            if step == "append":
                append(raw, oracle, data.draw(groups))
            elif step == "reopen":
                raw = store(home)
            elif step == "lose watermark":
                (home.raw_dir / "watermark").unlink(missing_ok=True)
                raw = store(home)
            else:
                raw = crash(home, oracle, data)
            assert held(reader) == expected(oracle)
            assert reader.last_seq() == len(oracle)
        append(raw, oracle, [b"after everything"])
        assert held(store(home)) == held(reader) == expected(oracle)
        for seq in range(1, len(oracle) + 1):
            assert reader.read(seq)[1] == oracle[seq - 1]


def crash(home: Home, oracle: list[bytes], data: st.DataObject) -> RawStore:
    """Append, then put back the watermark of before and cut the last segment: as after a kill before the receipt."""
    mark = home.raw_dir / "watermark"
    old_mark = mark.read_bytes() if mark.exists() else b""
    group = data.draw(groups)
    store(home).append([item(len(oracle) + 1 + i, content) for i, content in enumerate(group)])
    if old_mark:
        mark.write_bytes(old_mark)
    else:
        mark.unlink()
    last = last_segment(home)
    number, end = _watermark(old_mark) or (0, 0)
    floor = end if last.name == f"raw-{number:08d}.seg" else 0
    cut = data.draw(st.integers(floor, last.stat().st_size))
    zeroed = data.draw(st.booleans())
    whole = last.read_bytes()
    # Power lost: the length was recorded, the bytes were not.
    last.write_bytes(whole[:cut] + bytes(len(whole) - cut) if zeroed and len(whole) - cut >= 1100 else whole[:cut])
    raw = store(home)
    kept = raw.last_seq() - len(oracle)
    assert 0 <= kept <= len(group)
    oracle.extend(group[:kept])
    return raw


@settings(max_examples=some(80), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(made=st.lists(groups, min_size=1, max_size=4), data=st.data())
def test_a_flipped_byte_anywhere_is_named(made: list[list[bytes]], data: st.DataObject) -> None:
    with throwaway_home() as home:
        raw, oracle = store(home), []
        for group in made:
            append(raw, oracle, group)
        path = data.draw(st.sampled_from(sorted(home.raw_dir.glob("*.seg"))))
        content = bytearray(path.read_bytes())
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        with pytest.raises(IntegrityError) as caught:
            store(home).verify()
        assert caught.value.code == "INT-RAW"
        number, offset = damage_place(caught.value.message)
        assert path.name == f"raw-{number:08d}.seg"
        assert offset <= place
        # The store that had everything in memory sees it too.
        with pytest.raises(IntegrityError):
            raw.verify()


@settings(max_examples=some(50), deadline=None)
@given(made=st.lists(groups, min_size=1, max_size=4), data=st.data())
def test_acknowledged_bytes_cut_off_are_damage_and_not_a_torn_tail(
    made: list[list[bytes]], data: st.DataObject
) -> None:
    with throwaway_home() as home:
        raw, oracle = store(home), []
        for group in made:
            append(raw, oracle, group)
        last = last_segment(home)
        last.write_bytes(last.read_bytes()[: data.draw(st.integers(0, last.stat().st_size - 1))])
        with pytest.raises(IntegrityError, match="INT-RAW"):
            store(home).append([item(99, b"must not take a sequence again")])
        assert not list(home.raw_dir.glob("*.torn*"))


def damage_place(message: str) -> tuple[int, int]:
    words = message.replace(",", " ").replace(".", " ").split()
    numbers = [int(word) for word in words if word.isdigit()]
    return numbers[0], numbers[1]
