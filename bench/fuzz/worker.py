"""One process that judges cases in order, so that a fault which ends a process is seen with its number."""

from __future__ import annotations

import resource
import signal
import sys
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.queues import Queue
from multiprocessing.sharedctypes import Synchronized
from types import FrameType

from bench.fuzz import cases, seeds
from bench.fuzz.oracle import Fault, Judge

MEMORY_MIB = 512
GIVE_UP_S = 10
"""CPU-seconds after which a case is broken off; a case over oracle.HANG_S is a fault already."""
STEP = 500


@dataclass
class Step:
    """What a worker tells about the cases up to (not with) `upto`."""

    upto: int
    faults: list[Fault]
    outcomes: Counter[str]
    worst_s: float
    worst_case: int
    compared: int
    rss_mib: float


@dataclass
class Orders:
    """What a worker is to do: cases `first` to (not with) `last` of `seed`, without those in `skip`."""

    seed: int
    first: int
    last: int
    skip: set[int] = field(default_factory=set)


class _Endless(BaseException):
    """A case that was broken off; no Exception, so that nothing in the reader can swallow it."""


def _break_off(_signal: int, _frame: FrameType | None) -> None:
    raise _Endless


def work(orders: Orders, reports: Queue[Step], current: Synchronized[int]) -> None:
    """Judge all cases of the orders; `current` always names the one in hand."""
    seeds.warm()
    limit_memory()
    signal.signal(signal.SIGPROF, _break_off)
    judge = Judge()
    for number in range(orders.first, orders.last):
        current.value = number
        if number not in orders.skip:
            guarded(judge, orders.seed, number)
        if (number + 1 - orders.first) % STEP == 0 or number + 1 == orders.last:
            judge.settle()
            reports.put(tell(judge, number + 1))


def guarded(judge: Judge, seed: int, number: int) -> None:
    """One case, broken off when it does not end."""
    signal.setitimer(signal.ITIMER_PROF, GIVE_UP_S)
    try:
        judge.take(cases.make(seed, number))
    except _Endless:
        judge.faults.append(Fault(number, f"endless: broken off after {GIVE_UP_S} s of CPU"))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def tell(judge: Judge, upto: int) -> Step:
    """The report on what was judged since the last one."""
    step = Step(upto, judge.faults, judge.outcomes, judge.worst_s, judge.worst_case, judge.compared, rss_mib())
    judge.faults, judge.outcomes, judge.compared = [], Counter(), 0
    return step


def rss_mib() -> float:
    """The most memory this process has held so far, MiB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)


def limit_memory() -> None:
    """No more address space than is in use now and the limit: one wild allocation fails and is seen."""
    if sys.platform != "linux":
        return
    with open("/proc/self/statm", encoding="ascii") as pages:
        used = int(pages.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_MIB * 2**20,) * 2)
