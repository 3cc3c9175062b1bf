"""What it costs to make events: CPU of one process a visit, all tables of a block included, block by block.

`peer`: as many bytes as the tables hold, drawn from the same Philox generator and handed to Arrow, nothing thought
about. Times are processor time of this process (a busy machine lengthens it less than wall time); people are made
before the clock starts. `memory_mib` is the most the process held before and after the whole province, every block
thrown away before the next. `small`: world and events of a twin of 300, as tests make it.
"""

from __future__ import annotations

import resource
import time
from collections import Counter

import numpy as np
import pyarrow as pa

from bench.measure import mean
from bienho.config import load_profile
from bienho.synthetic.events import Events, Maker
from bienho.synthetic.people import blocks, make
from bienho.synthetic.places import Map
from bienho.synthetic.plan import Plan

PERSONS = 400_000
PROVINCE = 3_583_691
SEED = 20261126
TARGET_US = 15.0


def run(*, rounds: int, persons: int, dossiers: int) -> dict[str, object]:
    """Figures of `rounds` rounds of PERSONS people, and one of the whole province."""
    del persons, dossiers
    atlas = Map(load_profile("gialai"))
    began = time.process_time()
    _made(Plan(persons=300, seed=SEED), atlas)
    small = time.process_time() - began
    plan = Plan(persons=PERSONS, seed=SEED)
    ours, peer, size, visits = [], [], 0, 0
    for _ in range(rounds):
        counts, spent = _made(plan, atlas)
        visits, size = counts["visits"], counts["bytes"]
        ours.append(spent / visits * 1e6)
        peer.append(_drawn(size) / visits * 1e6)
    before = _memory()
    whole, spent = _made(Plan(persons=PROVINCE, seed=SEED), atlas)
    return {
        "seed": SEED,
        "persons": PERSONS,
        "visits": visits,
        "bytes_a_visit": round(size / visits),
        "cpu_us_a_visit": mean(ours, 2),
        "target_cpu_us_a_visit": TARGET_US,
        "peer_us_a_visit": mean(peer, 2),
        "small_ms": round(small * 1000, 1),
        "province": dict(whole) | {"cpu_s": round(spent, 1), "memory_mib": [before, _memory()]},
    }


def _made(plan: Plan, atlas: Map) -> tuple[Counter[str], float]:
    """(rows by table and bytes, CPU seconds of the events alone) of a whole twin, none of it kept."""
    counts: Counter[str] = Counter()
    began = time.process_time()
    maker = Maker(plan, atlas)
    spent = time.process_time() - began
    for block in blocks(plan, atlas):
        people, moves = make(plan, atlas, block)
        began = time.process_time()
        made = maker.make(block.number, people, moves)
        spent += time.process_time() - began
        for name in Events.__slots__:
            table = getattr(made, name)
            counts[name] += table.num_rows
            counts["bytes"] += table.nbytes
    return counts, spent


def _drawn(size: int) -> float:
    began = time.process_time()
    for _ in range(0, size, 1 << 20):
        pa.array(np.random.Philox(key=SEED).random_raw(1 << 17))
    return time.process_time() - began


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
