"""Raw and gate. Raw: receipts after fsync, beside bare write and fsync of the same bytes. Gate: a question through
it (decision, audit committed, snapshot pinned), beside the same rows read from the lake without it."""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.ingest import SEED
from bench.measure import fresh_app, mean
from bienho.governance import accounts
from bienho.lake import Lake, RawItem
from bienho.pipeline import App

PURPOSE = "van-hanh"
MB = 1_000_000
ITEM_BYTES = 60_000
ITEMS = 500
CALLS = 40
RECEIVED = datetime(2026, 11, 18, 12, tzinfo=UTC)


def run(*, rounds: int, persons: int, dossiers: int) -> dict[str, Any]:
    """The figures, as printed. `persons` and `dossiers` do not matter here."""
    del persons, dossiers
    with fresh_app() as app:
        return {"raw": _raw(app, rounds), "gate": _gate(app, rounds)}


def _raw(app: App, rounds: int) -> dict[str, Any]:
    chance = random.Random(SEED)
    # Half text that compresses as XML does, half that does not.
    data = [
        (b"<MA_LK>0123456789</MA_LK>" * (ITEM_BYTES // 50)) + chance.randbytes(ITEM_BYTES // 2) for _ in range(ITEMS)
    ]
    items = [RawItem("bench", one, "bench", "", RECEIVED) for one in data]
    size = sum(map(len, data)) / MB
    grouped = [_timed(lambda: app.raw.append(items)) for _ in range(rounds)]
    single = [_timed(lambda: app.raw.append(items[:1])) for _ in range(rounds * 10)]
    with tempfile.TemporaryDirectory(dir=app.home.path) as folder:
        bare = [_timed(lambda: _write(Path(folder, "bare"), data)) for _ in range(rounds)]
    return {
        "limit_write_and_fsync_mb_s": mean([size / one for one in bare], 1),
        "append_mb_s": mean([size / one for one in grouped], 1),
        "one_receipt_ms": mean([one * 1000 for one in single], 2),
    }


def _gate(app: App, rounds: int) -> dict[str, Any]:
    actor = accounts.actor_for_os_user(app.database, app.home)
    dataset, columns = "reference.commune", None
    with app.reading(threads=1) as gate:

        def through() -> None:
            _, reader = gate.read(actor, PURPOSE, dataset, columns, limit=50)
            reader.read_all()

        through()
        gated = [_timed(through) for _ in range(CALLS * rounds)]
    with closing(Lake.open(app.home, app.database, read_only=True, threads=1)) as lake:
        lake.install_views()

        def bare() -> None:
            lake.cursor().execute(f"SELECT * FROM {dataset} LIMIT 50").to_arrow_table()

        bare()
        direct = [_timed(bare) for _ in range(CALLS * rounds)]
    return {
        "direct_ms": mean([one * 1000 for one in direct], 2),
        "through_gate_ms": mean([one * 1000 for one in gated], 2),
        "p99_ms": round(sorted(gated)[int(len(gated) * 0.99) - 1] * 1000, 2),
    }


def _write(path: Path, data: list[bytes]) -> None:
    with path.open("wb") as file:
        for one in data:
            file.write(one)
        file.flush()
        os.fsync(file.fileno())


def _timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
