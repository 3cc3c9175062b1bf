"""A rehearsal: the verdict of the house on one file, in a process that can keep nothing, and nothing of it anywhere."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bienho.config import DEFAULT
from bienho.core.errors import BusyError, LimitError
from bienho.pipeline.check import check_bytes
from bienho.pipeline.national import answers
from bienho.pipeline.rehearsal import Rehearsal
from bienho.standards.xml130.write import write_delivery
from support.xml130_samples import make_tables

NOW = datetime(2026, 11, 22, 2, tzinfo=UTC)
FILE = write_delivery(
    [make_tables("3176", seed=1, ma_lk="REH-1")], facility="64001", created="20260103", version="3176"
)
KEEPS = """
import socket, sys
from bienho.pipeline import rehearsal_worker
from bienho.pipeline.rehearsal_worker import main
def judged(asked, data):
    said = "kept"
    try:
        with open("/tmp/bienho-rehearsal-kept", "wb") as file:
            file.write(data)
    except OSError as error:
        said = type(error).__name__
    return {"said": said, "environment": sorted(__import__("os").environ)}
rehearsal_worker.judged = judged
main()
"""


def test_the_verdict_is_that_of_a_check_in_this_process() -> None:
    """Oracle: the same function without the process; each is a fresh judge of one file."""
    told = Rehearsal(DEFAULT)(FILE, "64001", True, NOW)
    file = check_bytes(FILE, facility="64001", source="api", with_keys=True)
    expected = file.as_dict()
    del expected["path"]
    assert told == {
        **expected, "bytes": len(FILE), "national": [one.as_dict() for one in answers(file, NOW)],
    }  # fmt: skip
    assert told["accepted"] == 1


def test_the_process_can_keep_nothing_and_knows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIENHO_KEY_FILE", "/khong-co")
    told = Rehearsal(DEFAULT, (sys.executable, "-c", KEEPS))(b"x", "64001", False, NOW)
    assert told["said"] == "OSError", "not a byte may be written"
    assert not [name for name in told["environment"] if name.startswith("BIENHO")]


def test_one_that_dies_or_hangs_is_told_and_leaves_room_for_the_next() -> None:
    small = replace(DEFAULT, rehearsal_seconds=1)
    for program in ("raise SystemExit(1)", "import socket; s = socket.socket(fileno=0); s.sendall(bytes(8) + b'x')"):
        with pytest.raises(LimitError, match="LIM-REHEARSAL"):
            Rehearsal(small, (sys.executable, "-c", program))(b"x", "64001", False, NOW)
    rehearse = Rehearsal(small, (sys.executable, "-c", "raise SystemExit(1)"))
    for _ in range(3):
        with pytest.raises(LimitError, match="LIM-REHEARSAL"):
            rehearse(b"x", "64001", False, NOW)
    with pytest.raises(LimitError, match="LIM-DELIVERY-BYTES"):
        Rehearsal(replace(DEFAULT, delivery_bytes=3))(b"1234", "64001", False, NOW)


def test_others_are_asked_to_come_again() -> None:
    rehearse = Rehearsal(DEFAULT)
    while rehearse._places.acquire(blocking=False):
        pass
    with pytest.raises(BusyError, match="BUSY-REHEARSAL"):
        rehearse(b"x", "64001", False, NOW)
