"""Where the CPU of an ingest goes: a sample of the stack every few milliseconds of CPU, told by stage.

A sample is the CPU since the one before: of the signals that come during a long call of a library one is seen at its
end. It belongs to the innermost function on the stack that opens a stage; PostgreSQL's own CPU stands beside. To look
costs next to nothing, unlike a profiler that counts every call.
"""

from __future__ import annotations

import signal
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

EVERY_S = 0.004
STAGES = {
    ("door.py", "admit"): "read files and look at the door",
    ("receive.py", "receive"): "keep in raw (compress, encrypt, fsync)",
    ("store.py", "scan_parted"): "read back from raw",
    ("read_archive.py", "read_received"): "open envelopes",
    ("read_hoso.py", "items"): "read HOSO",
    ("read_quick.py", "_piece"): "base64",
    ("read_slab.py", "read_slabs"): "texts of rows together",
    ("read_undress.py", "undressed"): "dress of sub-files",
    ("read_plain.py", "read_block"): "texts of rows by pattern",
    ("read_quick.py", "_parsed"): "texts of rows by the XML parser",
    ("read_hoso.py", "_item"): "dossiers of their sub-files",
    ("read_check_all.py", "check_all"): "checks of rows and findings",
    ("judge.py", "_take"): "keys of dossiers and patients",
    ("judge.py", "content_digest"): "digest of content",
    ("writer.py", "_seal"): "payloads of the vault",
    ("vault.py", "seal"): "seal and COPY",
    ("columns.py", "build"): "columns to Arrow",
    ("models.py", "_bind"): "Arrow to DuckDB",
    ("casting.py", "run"): "cast checks",
    ("ruling.py", "run"): "rules",
    ("models.py", "compute"): "models of conformed",
    ("lake.py", "commit"): "Parquet, catalog, journal",
    ("records.py", "of"): "outcomes and bookkeeping",
    ("heads.py", "move"): "heads",
    ("ingest.py", "ingest"): "everything else",
}


@contextmanager
def sampled() -> Iterator[Mapping[str, float]]:
    """CPU-seconds per stage of what runs inside, as seen from the main thread."""
    found: defaultdict[str, float] = defaultdict(float)
    last = time.process_time()

    def look(_signal: int, frame: FrameType | None) -> None:
        nonlocal last
        since, last = last, time.process_time()
        while frame is not None:
            code = frame.f_code
            stage = STAGES.get((code.co_filename.rpartition("/")[2], code.co_name))
            if stage is not None:
                found[stage] += last - since
                return
            frame = frame.f_back

    before = signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)
    try:
        yield found
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def told(found: Mapping[str, float], seconds: float, dossiers: int) -> dict[str, dict[str, float]]:
    """Share and microseconds a dossier of each stage, in the order a delivery meets them."""
    every = sum(found.values()) or 1
    parts = {stage: found.get(stage, 0.0) / every for stage in STAGES.values()}
    return {
        stage: {"share": round(part, 3), "us_per_dossier": round(part * seconds / dossiers * 1e6, 1)}
        for stage, part in parts.items()
    }
