"""Several processes make one twin: in order, and not in silence when one of them is ended from outside."""

from __future__ import annotations

import multiprocessing
import os
import re
import select
import signal
import threading
import time
from collections.abc import Iterator
from typing import cast

import pyarrow as pa
import pytest

from bienho.config import DEFAULT, KeyRing, load_profile
from bienho.core.errors import StorageError
from bienho.pipeline.judge import Judge
from bienho.privacy import Digests, Vault
from bienho.synthetic.crew import beside, in_order
from bienho.synthetic.dossiers.visits import Visit
from bienho.synthetic.places import Map
from bienho.synthetic.straight.seals import KEYS, Sealers, sealers

PORTIONS = [(place, place + 1) for place in range(6)]


def test_what_a_crew_makes_comes_in_the_order_of_the_portions() -> None:
    asked = os.getpid()
    made = list(in_order(lambda first, _: (first, os.getpid()), PORTIONS, 2))
    assert [first for first, _ in made] == [first for first, _ in PORTIONS]
    assert asked not in {who for _, who in made}


def test_an_error_of_a_portion_is_raised_in_its_turn() -> None:
    def work(first: int, _: int) -> int:
        if first == 2:
            raise StorageError("STO-SYNTH-WRITE", "đầy", hint="dọn", who="ai")
        return first

    made = in_order(work, PORTIONS, 2)
    assert [next(made), next(made)] == [0, 1]
    with pytest.raises(StorageError, match=re.escape("[STO-SYNTH-WRITE] đầy")) as raised:
        next(made)
    assert raised.value.as_dict() == {"code": "STO-SYNTH-WRITE", "message": "đầy", "hint": "dọn", "who": "ai"}


def test_a_crew_that_loses_a_process_says_so() -> None:
    def work(first: int, _: int) -> int:
        if first == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return first

    with pytest.raises(StorageError) as raised:
        list(in_order(work, PORTIONS, 2))
    assert raised.value.code == "STO-SYNTH-CREW"
    assert "BIENHO_CORES=1" in raised.value.hint


def test_a_crew_ends_with_its_parent() -> None:
    """Killed, the parent can end nothing itself; that its crew is gone shows in a pipe whose only writers they are."""
    reader, writer = os.pipe()

    def work(first: int, _: int) -> None:
        os.write(writer, b".")
        signal.pause()

    parent = multiprocessing.get_context("fork").Process(target=lambda: list(in_order(work, PORTIONS, 2)))
    parent.start()
    os.close(writer)
    try:
        started = b""
        while len(started) < 2:
            started += os.read(reader, 1)
        parent.kill()
        parent.join()
        assert select.select([reader], [], [], 30)[0], "they still wait"
        assert os.read(reader, 1) == b""
    finally:
        os.close(reader)


def test_what_is_made_beside_comes_in_order_and_no_further_ahead_than_asked() -> None:
    begun, asked = list[int](), threading.get_ident()

    def numbers() -> Iterator[tuple[int, int]]:
        for number in range(6):
            begun.append(number)
            yield number, threading.get_ident()

    taken = []
    for number, who in beside(numbers(), 2):
        assert who != asked
        time.sleep(0.02)  # long enough for whoever runs on
        assert len(begun) <= number + 3
        taken.append(number)
    assert taken == begun == list(range(6))


def test_an_error_of_what_is_made_beside_is_raised_in_its_turn() -> None:
    def numbers() -> Iterator[int]:
        yield 1
        raise StorageError("STO-SYNTH-WRITE", "đầy", hint="dọn", who="ai")

    made = beside(numbers(), 2)
    assert next(made) == 1
    with pytest.raises(StorageError, match="STO-SYNTH-WRITE"):
        next(made)


def test_nothing_is_begun_beside_once_nobody_takes_it() -> None:
    begun = list[int]()

    def numbers() -> Iterator[int]:
        for number in range(100):
            begun.append(number)
            yield number

    there = set(threading.enumerate())
    made = beside(numbers(), 2)
    assert next(made) == 0
    made.close()
    assert len(begun) <= 3
    assert set(threading.enumerate()) <= there


@pytest.mark.parametrize("work", ["seal", "make"])
def test_sealers_that_lose_a_process_say_so(work: str) -> None:
    keys = KeyRing("0" * 16, bytes(range(32)))
    vault = cast("Vault", Digests(keys))

    def asked(crew: Sealers) -> None:
        if work == "make":
            crew.begin([(1, 1, cast("Visit", None))] * 2_000, {1: {}})
            crew.made()
        crew.start([], pa.table({name: pa.array([], pa.string()) for name in KEYS}))
        crew.wait()

    with sealers(vault, Judge(Digests(keys), keys, DEFAULT), Map(load_profile("gialai")), 1, 2) as crew:
        lost = multiprocessing.active_children()[0]
        assert lost.pid is not None
        os.kill(lost.pid, signal.SIGKILL)
        lost.join()
        with pytest.raises(StorageError) as raised:
            asked(crew)
        assert raised.value.code == "STO-SYNTH-CREW"
