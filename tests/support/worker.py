"""A worker process of a home, as it is or with something planted in it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bienho.database import Role
from bienho.pipeline import App
from bienho.pipeline.worker.queue import is_running
from support.forks import Forked
from support.homes import Made

MAIN = """
import sys
{planted}
from bienho.cli.main import main
sys.argv = ["bienho", "--home", {home!r}, "work"]
main()
"""
# Two deaths are enough to be sure, in a test.
SOON = """
from bienho.config import Limits
from bienho.pipeline import app
app.open_app.__wrapped__.__kwdefaults__["limits"] = Limits(poison_attempts=2)
"""
# Stands for a fault of the program: what one delivery does to it, told by a mark in its bytes.
PLANTED = """
import os
from bienho.core.parted import whole
from bienho.pipeline.judge import Judge
read = Judge._open
def planted(self, header, data):
    if b"RAISES-HERE" in whole(data):
        raise ZeroDivisionError("a patient's value")
    if b"KILLS-HERE" in whole(data):
        os._exit(1)
    return read(self, header, data)
Judge._open = planted
"""


BUSY_ONCE = """
from bienho.core.errors import BusyError
from bienho.pipeline.judge import Judge
read = Judge._open
times = []
def planted(self, header, data):
    times.append(1)
    if len(times) == 1:
        raise BusyError("BUSY-TEST", "x")
    return read(self, header, data)
Judge._open = planted
"""


def command(made: Made, planted: str = "") -> list[str]:
    """What starts a worker of a home."""
    return [sys.executable, "-c", MAIN.format(planted=planted, home=str(made.home.path))]


def start(made: Made, planted: str = "", *more: str) -> Forked:
    """A worker process; what it says is in its `stderr`. `more` follows `work` on its command line."""
    source = MAIN.format(planted=planted, home=str(made.home.path))
    return Forked(source.replace('"work"]', f'"work", *{more!r}]'), environment=made.environment)


@contextmanager
def working(made: Made, app: App, planted: str = "") -> Iterator[Forked]:
    """A worker that is there when the block begins and has ended by itself, asked to, when it is left."""
    process = start(made, planted)
    try:
        wait_for(lambda: alive(app), "no worker came up", process)
        yield process
        process.terminate()
        assert process.wait(30) == 0, process.communicate()[1]
    finally:
        process.kill()
        process.communicate()


def alive(app: App) -> bool:
    with app.database.connect(Role.WEB, autocommit=True) as connection:
        return is_running(connection)


def wait_for(met: Callable[[], bool], told: str, process: Forked | None = None) -> None:
    """Until a condition is met; fails after a minute, or when the process that is to meet it has ended."""
    end = time.monotonic() + 60
    while not met():
        assert time.monotonic() < end, told
        assert process is None or process.poll() is None, f"{told}: {process and process.communicate()[1]}"
        time.sleep(0.2)  # to ask costs, and who is waited for wants the machine too
