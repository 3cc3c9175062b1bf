"""Work in portions by several processes, with the results in the order of the portions.

The processes are forks: what the parent has made (people, visits, shipments) is there without being sent, and only what
a portion brought goes back. They end when the parent does, however that ended: else they would wait for work for ever,
with all that was made in their memory.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from bienho.config import cores_allowed
from bienho.core.errors import StorageError

T = TypeVar("T")
_at_hand: Callable[[int, int], Any] | None = None


def workers(most: int | None = None) -> int:
    """How many processes may work: as many as `BIENHO_CORES` allows, else as there are cores, at most `most`."""
    allowed = cores_allowed()
    return allowed if most is None else min(allowed, most)


def in_order(work: Callable[[int, int], T], portions: Sequence[tuple[int, int]], crew: int) -> Iterator[T]:
    """`work(first, after)` of every portion; in this process when the crew is one or there is nothing to share.

    An error of a portion is raised here when its turn comes, StorageError STO-SYNTH-CREW when a process of the crew
    was ended from outside. `work` must change nothing but files of its own.
    """
    if crew <= 1 or len(portions) <= 1:
        for portion in portions:
            yield work(*portion)
        return
    global _at_hand
    _at_hand = work
    try:
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(crew, mp_context=context, initializer=_follow_the_parent) as pool:
            try:
                yield from pool.map(_do, portions)
            finally:
                pool.shutdown(cancel_futures=True)
    except BrokenProcessPool as error:
        raise lost() from error
    finally:
        _at_hand = None


def beside(made: Iterator[T], most: int) -> Generator[T, None, None]:
    """What an iterator gives, made in a thread of its own, so many ahead of who takes them at most. An error is raised
    in its turn; nothing is begun any more once this is closed."""
    waiting = deque[Future[T | None]]()
    with ThreadPoolExecutor(1) as thread:
        try:
            for _ in range(most):
                waiting.append(thread.submit(next, made, None))
            while (one := waiting.popleft().result()) is not None:
                waiting.append(thread.submit(next, made, None))
                yield one
        finally:
            thread.shutdown(cancel_futures=True)


def lost() -> StorageError:
    """What is to be raised when a process of a crew is gone: it was ended from outside, and says nothing any more."""
    return StorageError(
        "STO-SYNTH-CREW",
        "Một tiến trình tạo dữ liệu mô phỏng bị dừng giữa chừng, thường vì máy hết bộ nhớ; dữ liệu đã ghi chưa trọn.",
        hint="Xóa thư mục đích rồi chạy lại với BIENHO_CORES=1 hoặc ít người, ít tháng hơn.",
        who="người vận hành",
    )


def _follow_the_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101 - this runs in a fork

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _do(portion: tuple[int, int]) -> Any:
    assert _at_hand is not None  # noqa: S101 - set before the fork
    return _at_hand(*portion)
