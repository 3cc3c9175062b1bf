"""Law 1 under power cuts: a receiver appends to raw until it is killed, then only what was synced is left.

Every receipt that was given out before must still be there, with its bytes. The same check must fail when an fsync is
taken out of the receiver (`forgets`): otherwise it would prove nothing.
"""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

from bench.faults import disk
from bench.faults.events import Events
from bench.faults.nursery import RECEIVE, Nursery
from bench.faults.points import MOMENT, Fault
from bienho.config import Home, load_keys
from bienho.core.errors import BienhoError
from bienho.lake import RawStore

STOPS = ("raw-written", "raw-synced", MOMENT)
LONGEST_S = 0.08
PATIENCE = 15


def cut_power(home: Home, nursery: Nursery, log: Path, *, cuts: int, seed: int, forgets: str = "") -> tuple[int, int]:
    """(receipts given, receipts that are lost) over `cuts` power cuts of one home, more on a machine so busy that they
    come before a receipt each; a store that does not open has lost all it gave."""
    chance = random.Random(seed)
    events = Events(log)
    disk.note_durable(home.raw_dir, events)
    for cut in range(PATIENCE * cuts):
        if cut >= cuts and len(events.receipts()) > cuts:
            break
        point = chance.choice(STOPS)
        fault = Fault(point, chance.randrange(1, 12), seconds=chance.uniform(0, LONGEST_S), forgets=forgets)
        ended = nursery.run(home.path, RECEIVE, str(seed * 1_000 + cut), events=events, fault=fault)
        if not ended.killed:
            return len(events.receipts()), len(events.receipts())
        disk.lose_power(home.raw_dir, events, chance)
    return len(events.receipts()), _lost(home, events)


def _lost(home: Home, events: Events) -> int:
    given = events.receipts()
    try:
        raw = RawStore(home, load_keys(home))
        kept = {header.seq: hashlib.sha256(data).hexdigest() for header, data in raw.scan()}
    except BienhoError:
        return len(given)
    return sum(kept.get(seq) != digest for seq, digest in given.items())
