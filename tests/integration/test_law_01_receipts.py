"""Law 1: no byte that got a receipt is lost or changed unnoticed, however the receiver dies."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.faults.nursery import Nursery
from bench.faults.power import cut_power
from bienho.config import Home, KeyRing, create_key
from bienho.core.errors import BienhoError
from bienho.lake import RawStore
from support import forks

KEY = bytes(range(32))
RECEIVER = """
import random, sys
from datetime import UTC, datetime
from pathlib import Path
from bienho.config import Home, KeyRing
from bienho.lake import RawItem, RawStore
home = Home.open(Path(sys.argv[1]))
chance = random.Random(int(sys.argv[2]))
NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
raw = RawStore(home, KeyRing(home.home_id, bytes(range(32))), segment_bytes=200_000)
while True:
    items = [
        RawItem("xml130", chance.randbytes(chance.randrange(1, 40_000)), "test", "a.xml", NOON)
        for _ in range(chance.randrange(1, 6))
    ]
    for receipt in raw.append(items):
        gate.send((receipt.seq, receipt.sha256))
"""


def keys(home: Home) -> KeyRing:
    return KeyRing(home.home_id, KEY)


def receive_until_killed(home: Home, seed: int, seconds: float) -> dict[int, str]:
    """Receipts given by a receiver that is killed without warning."""
    ours, theirs = forks.pipe()
    process = forks.Forked(RECEIVER, str(home.path), str(seed), environment=os.environ, gate=theirs)
    got = dict([ours.recv()])
    time.sleep(seconds)
    process.kill()
    # The kill may have cut the last one: a receipt that did not arrive was not given.
    with suppress(EOFError, OSError):
        while True:
            got.update([ours.recv()])
    process.wait()
    return got


@pytest.mark.parametrize("seed", range(5))
def test_every_receipt_given_before_a_kill_can_be_kept(tmp_path: Path, seed: int) -> None:
    home = Home.create(tmp_path / "home")
    given_receipts = receive_until_killed(home, seed, 0.05 + 0.07 * seed)
    given_receipts |= receive_until_killed(home, seed + 100, 0.1)
    raw = RawStore(home, keys(home))
    there = {header.seq: hashlib.sha256(data).hexdigest() for header, data in raw.scan()}
    assert len(given_receipts) > 1
    assert {seq: there.get(seq) for seq in given_receipts} == given_receipts
    assert sorted(there) == list(range(1, len(there) + 1))


def test_no_receipt_comes_before_its_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After every power cut only what was synced is left; taking either fsync out must show, or this proves nothing."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    lost = {}
    with Nursery() as nursery:
        for forgets in ("", "file", "folder"):
            home = Home.create(tmp_path / f"home {forgets}")
            create_key(home)
            log = tmp_path / f"events {forgets}"
            given_receipts, lost[forgets] = cut_power(home, nursery, log, cuts=12, seed=5, forgets=forgets)
            # a store that lost what was not synced may open no more, and then gives no further receipt
            assert given_receipts > (0 if forgets else 10), forgets
    assert lost[""] == 0
    assert lost["file"] > 0
    assert lost["folder"] > 0


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home.create(tmp_path_factory.mktemp("filled") / "home")
    receive_until_killed(home, 7, 0.2)
    RawStore(home, keys(home)).verify()
    return home


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_no_flipped_bit_reads_as_if_nothing_were(filled: Home, place: float, bit: int) -> None:
    """Reading all of raw after any one flip raises; a flip never passes, nor does it turn one content into another."""
    first = filled.raw_dir / "raw-00000001.seg"
    whole = first.read_bytes()
    changed = bytearray(whole)
    changed[int(place * len(whole))] ^= 1 << bit
    first.write_bytes(bytes(changed))
    try:
        assert read_all(filled) is None
    finally:
        first.write_bytes(whole)
    assert read_all(filled)


def read_all(home: Home) -> list[bytes] | None:
    """Every payload, or None when the store says that something is wrong."""
    try:
        return [data for _, data in RawStore(home, keys(home), wait_seconds=1).scan()]
    except BienhoError:
        return None
