"""Keeps one worker process alive beside the pages, for `serve`."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bienho.config import Home

FIRST_WAIT = 0.5
LONGEST_WAIT = 5.0
STOP_SECONDS = 60.0
LOG_BYTES = 8 * 1024 * 1024
log = logging.getLogger(__name__)


def log_path(home: Home) -> Path:
    """What the worker says. No patient value is ever in it."""
    return home.log_dir / "worker.log"


@contextmanager
def supervised(home: Home, command: Sequence[str] = ()) -> Iterator[None]:
    """A worker of this home is kept running while the block runs; one that dies is started again, soon at first.

    At the end it is asked to stop and has a minute to end its batch.
    """
    keeper = _Keeper(home, command or (sys.executable, "-m", "bienho", "--home", str(home.path), "work", "--beside"))
    keeper.thread.start()
    try:
        yield
    finally:
        keeper.stop()


class _Keeper:
    def __init__(self, home: Home, command: Sequence[str]) -> None:
        self._log = log_path(home)
        self._command = [*command, str(os.getpid())]
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self.thread = threading.Thread(target=self._keep, name="worker-keeper", daemon=True)

    def stop(self) -> None:
        self._stopping.set()
        with self._lock:
            process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        self.thread.join(STOP_SECONDS)

    def _keep(self) -> None:
        wait = FIRST_WAIT
        while not self._stopping.is_set():
            if self._log.exists() and self._log.stat().st_size > LOG_BYTES:
                self._log.replace(self._log.with_suffix(".log.1"))
            with self._log.open("ab") as out, self._lock:
                if self._stopping.is_set():
                    return
                # a session of its own: Ctrl-C at the terminal is for this process, which then asks the worker to stop
                self._process = subprocess.Popen(  # noqa: S603 - our own command
                    self._command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
                )
            status = self._process.wait()
            if self._stopping.wait(wait):
                return
            log.warning("the worker ended with %d and is started again", status)
            wait = min(LONGEST_WAIT, wait * 2)
