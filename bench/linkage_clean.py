"""What cleaning costs: CPU of one process for a table of records, and for one record that has just arrived.

`peer`: what Arrow alone takes to fold the case and the form of the same texts, nothing thought about. Times are
processor time of this process, the single record's of the wall.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench.linkage_packs import pack
from bienho.linkage import RECORDS, clean, places_of

RECORDS_IN_ALL = 1_000_000
TARGET_S = 12.0
SEED = 20261127
_SINGLE = 500


def run(*, records: int = RECORDS_IN_ALL, seed: int = SEED) -> dict[str, object]:
    """Figures of a dense pack of `records` records (1 M take some minutes to make)."""
    return {"seed": seed, **figures(pack("usual", records, seed, dense=True)[0])}


def figures(records: pa.Table) -> dict[str, object]:
    """CPU seconds of `clean` and of its peer over a table of RECORDS, milliseconds of a single record."""
    places_of()
    ours, peer = _cpu(lambda: clean(records)), _cpu(lambda: _folded(records))
    singles = np.array([_wall(records.slice(row, 1)) for row in _rows(records.num_rows)])
    return {
        "records": records.num_rows,
        "distinct_names": pc.count_distinct(records["full_name"]).as_py(),
        "distinct_addresses": pc.count_distinct(records["address_text"]).as_py(),
        "cpu_s": round(ours, 2),
        "cpu_us_a_record": round(ours / records.num_rows * 1e6, 2),
        "target_cpu_s_a_million": TARGET_S,
        "peer_cpu_s": round(peer, 2),
        "single_ms_p50": round(float(np.percentile(singles, 50)), 2),
        "single_ms_p95": round(float(np.percentile(singles, 95)), 2),
    }


def _rows(count: int) -> list[int]:
    return [place * count // _SINGLE for place in range(_SINGLE)]


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _wall(record: pa.Table) -> float:
    began = time.perf_counter()
    clean(record)
    return (time.perf_counter() - began) * 1000


def _folded(records: pa.Table) -> None:
    for name in RECORDS.names:
        if name in records.column_names and records[name].type == pa.string():
            pc.utf8_lower(pc.utf8_normalize(records[name], form="NFC"))
