"""A small part of the fuzz of `make soak`: the same seed and numbers every time, in a process of their own.

Which branches of the reader are reached is counted there: to count takes longer than to try.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CASES = 750


def test_mutated_envelopes_end_as_rows_findings_or_a_clear_refusal(tmp_path: Path) -> None:
    report = tmp_path / "fuzz.json"
    command = [sys.executable, "-m", "bench.fuzz", "--workers", "1", "--seed", "2", "--json", str(report)]
    done = subprocess.run(
        [*command, "--cases", str(CASES), "--reach", "0"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert report.exists(), done.stderr
    told = json.loads(report.read_text(encoding="utf-8"))
    assert told["faults"] == {}, "make one again: python -m bench.fuzz --seed 2 --case NUMBER"
    assert told["cases"] == CASES
    assert told["memory_mib"]["most"] <= told["memory_mib"]["limit"]
    assert done.returncode == 0
    # Cases that no longer read anything would find nothing.
    assert told["outcomes"]["accepted"] > CASES / 10
    assert told["hoso_compared_with_what_was_written"] > CASES / 10
