"""The file beside the database that names the newest event: written over, never half read, never more than it says."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bienho.core.errors import StorageError
from bienho.governance import audit

KEY = b"k" * 32


@pytest.fixture
def home(tmp_path: Path) -> Any:
    return SimpleNamespace(log_dir=tmp_path)


def write(home: Any, seq: int) -> bytes:
    digest = seq.to_bytes(32, "big")
    audit._write_checkpoint(str(audit._checkpoint_path(home)), KEY, seq, digest)
    return digest


def test_the_newest_is_written_over_the_one_before_in_the_same_file(home: Any) -> None:
    path = audit._checkpoint_path(home)
    assert audit._read_checkpoint(home, KEY) == (0, audit.GENESIS)
    write(home, 7)
    first = path.stat()
    for seq in (8, 10**18, 9):
        digest = write(home, seq)
        assert audit._read_checkpoint(home, KEY) == (seq, digest)
    assert (path.stat().st_ino, path.stat().st_size) == (first.st_ino, audit.CHECKPOINT_BYTES)
    assert [one.name for one in home.log_dir.iterdir()] == [audit.CHECKPOINT]


@pytest.mark.parametrize("left", ["", "x" * 1_000, '{"seq": 1, "hash": "00", "mac": "00"}'])
def test_what_is_not_ours_counts_as_beyond_any_chain_until_the_next_event(home: Any, left: str) -> None:
    audit._checkpoint_path(home).write_text(left)
    assert audit._read_checkpoint(home, KEY) == (2**62, audit.GENESIS)
    digest = write(home, 3)
    assert audit._read_checkpoint(home, KEY) == (3, digest)
    assert audit._read_checkpoint(home, b"o" * 32)[0] == 2**62


def test_readers_beside_writers_see_whole_checkpoints(home: Any) -> None:
    write(home, 1)
    ended = threading.Event()

    def writing() -> None:
        while not ended.is_set():
            for seq in (1, 10**15, 22):
                write(home, seq)

    threads = [threading.Thread(target=writing) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        assert {audit._read_checkpoint(home, KEY)[0] for _ in range(2_000)} <= {1, 10**15, 22}
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def test_a_place_that_cannot_be_written_stops_the_look(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="STO-AUDIT-CHECKPOINT"):
        write(SimpleNamespace(log_dir=tmp_path / "gone"), 1)
    (tmp_path / audit.CHECKPOINT).mkdir()
    with pytest.raises(StorageError, match="STO-AUDIT-CHECKPOINT"):
        write(SimpleNamespace(log_dir=tmp_path), 1)
    assert [one.name for one in tmp_path.iterdir()] == [audit.CHECKPOINT]
