"""Every attack we know, read as the house reads: its promised outcome, at most a second per MB, at most 512 MB."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.archives import zipped
from support.hostile import ATTACKS, MIB, Attack, around, good, packed, row
from support.measure_cost import codes_of

MIB_MAX = 512
TESTS = Path(__file__).resolve().parents[1]
Measure = Callable[[bytes], dict[str, Any] | None]


@pytest.fixture(scope="module")
def measure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measure]:
    """Cost of reading some bytes, in a process of its own."""
    path = tmp_path_factory.mktemp("hostile") / "sent"
    script = TESTS / "support" / "measure_cost.py"
    with subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as process:
        assert process.stdin
        assert process.stdout

        def ask(data: bytes) -> dict[str, Any] | None:
            assert process.stdin
            assert process.stdout
            path.write_bytes(data)
            process.stdin.write(f"{path}\n")
            process.stdin.flush()
            answer: dict[str, Any] | None = json.loads(process.stdout.readline())
            path.unlink()
            return answer

        yield ask
        process.stdin.close()


def outcome(codes: list[str]) -> str:
    """The class of an outcome by its reasons; limits of a delivery refuse."""
    if not codes:
        return "accepted"
    at_the_door = {"LIM-DELIVERY-BYTES", "LIM-OUTER-TEXT", "LIM-HOSO", "LIM-TIME"}
    return "refused" if codes[0] in at_the_door or codes[0].startswith("LIM-ZIP") else "quarantined"


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_has_its_outcome_in_bounded_time_and_memory(name: str, measure: Measure, tmp_path: Path) -> None:
    attack: Attack = ATTACKS[name]
    canary = tmp_path / "canary"
    canary.write_text("CANARY", encoding="utf-8")
    data = attack.make(canary)
    cost = measure(data)
    assert cost is not None, "died or took too long"
    assert cost["seconds"] < max(1.0, len(data) / 1e6)
    assert cost["mib"] < MIB_MAX
    codes = cost["codes"]
    if attack.codes:
        assert set(codes) <= set(attack.codes)
    elif attack.outcome != "any":
        assert outcome(codes) == attack.outcome
    assert "IN-READER" not in codes


def test_the_largest_honest_delivery_fits_too(measure: Measure) -> None:
    one = good(1)
    start, end = one.find(b"<HOSO>"), one.find(b"</HOSO>") + 7
    count = 30 * MIB // (end - start)
    data = one[:start] + one[start:end] * count + one[end:]
    cost = measure(data)
    assert cost is not None
    assert cost["codes"] == []
    assert cost["seconds"] < len(data) / 1e6


def test_a_file_cut_anywhere_is_read_or_set_aside() -> None:
    """Torn at every byte: within a tag, a name, base64, a declaration, a character."""
    small = around("<!-- đầu -->", packed(row("A", "<HO_TEN>Đặng</HO_TEN>")))
    for whole in (small, small.decode().encode("utf-16"), zipped({"a.xml": small})):
        for place in range(len(whole)):
            codes = codes_of(whole[:place])
            assert "IN-READER" not in codes, place
