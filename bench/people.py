"""What it costs to make people: CPU of one process a person, all columns and the moves included, block by block.

`peer`: as many bytes as the columns hold, drawn from the same Philox generator and handed to Arrow, nothing thought
about. Times are processor time of this process (a busy machine does not lengthen it much); `memory_mib` is the most the
process held before and after it had made the whole province, every block thrown away before the next.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from bench.measure import mean
from bienho.config import load_profile
from bienho.synthetic.people import blocks, make
from bienho.synthetic.places import Map
from bienho.synthetic.plan import Plan

PERSONS = 400_000
PROVINCE = 3_583_691
SEED = 20261126
TARGET_US = 10.0


def run(*, rounds: int, persons: int, dossiers: int) -> dict[str, object]:
    """Figures of `rounds` rounds of PERSONS people, and one of the whole province."""
    del persons, dossiers
    atlas = Map(load_profile("gialai"))
    plan = Plan(persons=PERSONS, seed=SEED)
    began = time.process_time()
    make(plan, atlas, blocks(plan, atlas)[0])
    first = time.process_time() - began  # tables of names and digits are built once a process
    ours, peer, size = [], [], 0.0
    for _ in range(rounds):
        made, spent, size = _made(plan, atlas)
        ours.append(spent / made * 1e6)
        peer.append(_drawn(round(size)) / made * 1e6)
    before = _memory()
    whole, spent, _ = _made(Plan(persons=PROVINCE, seed=SEED), atlas)
    return {
        "seed": SEED,
        "persons": PERSONS,
        "bytes_a_person": round(size / PERSONS),
        "cpu_us_a_person": mean(ours, 2),
        "persons_a_cpu_second": round(1e6 * rounds / sum(ours)),
        "target_cpu_us_a_person": TARGET_US,
        "peer_us_a_person": mean(peer, 2),
        "first_block_ms": round(first * 1000, 1),
        "province": {"rows": whole, "cpu_s": round(spent, 1), "memory_mib": [before, _memory()]},
    }


def _made(plan: Plan, atlas: Map) -> tuple[int, float, float]:
    """(rows, CPU seconds, bytes) of a whole twin, none of it kept."""
    began, count, size = time.process_time(), 0, 0
    for people in _blocks(plan, atlas):
        count += people.num_rows
        size += sum(column.nbytes for column in people.columns)
    return count, time.process_time() - began, size


def _blocks(plan: Plan, atlas: Map) -> Iterator[pa.RecordBatch]:
    for block in blocks(plan, atlas):
        yield make(plan, atlas, block)[0]


def _drawn(size: int) -> float:
    began = time.process_time()
    for _ in range(0, size, 1 << 20):
        pa.array(np.random.Philox(key=SEED).random_raw(1 << 17))
    return time.process_time() - began


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
