"""Processes of their own, each a fork of one interpreter that has imported everything and is warm (see warmed.py).

Starting Python and importing the house costs more than most of what is done in such a process.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from bienho.cli.main import PLACES

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([*sorted({f"bienho.cli.{place}" for place in PLACES.values()}), "support.warmed"])


@cache
def _begin() -> None:
    """The interpreter that is forked finds the tests' own modules only if told where they are."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(Path(__file__).parents[1]), before)))
    try:
        forkserver.ensure_running()
    finally:
        del os.environ["PYTHONPATH"]
        if before is not None:
            os.environ["PYTHONPATH"] = before


def share() -> None:
    """Begin now, for this process and all forks of it: they have the one interpreter, whoever is forked from it."""
    _begin()
    forkserver._forkserver.ensure_running = lambda: None  # type: ignore[attr-defined]  # only a parent can ask for it


def start(work: Any, *given: Any) -> BaseProcess:
    """Do `work(*given)`, a function that can be found by its name, in such a process."""
    _begin()
    process = _FORKS.Process(target=work, args=given)
    process.start()
    return process


@contextmanager
def serving(serve: Any, environment: Mapping[str, str], *given: Any) -> Iterator[tuple[BaseProcess, Any]]:
    """`serve(*given, ready)` in such a process until the block ends, and what it called `ready` with once it was up.

    RuntimeError with what it died of when it never was.
    """
    ours, theirs = pipe()
    process = start(_serve, serve, dict(environment), given, theirs)
    theirs.close()
    try:
        up, said = ours.recv()
        if not up:
            raise RuntimeError(said)
        yield process, said
    finally:
        ours.close()
        process.terminate()
        process.join(30)
    assert process.exitcode == 0, process.exitcode


def _serve(serve: Any, environment: dict[str, str], given: tuple[Any, ...], ready: Connection) -> None:
    os.environ.clear()
    os.environ.update(environment)
    try:
        serve(*given, lambda said: ready.send((True, said)))
    except BaseException:
        ready.send((False, traceback.format_exc()))
        raise
    finally:
        atexit._run_exitfuncs()  # a fork ends without: its database would go on


def pipe() -> tuple[Connection, Connection]:
    """Both ends of a pipe of which one can be given to a process."""
    return _FORKS.Pipe()


class Forked:
    """A process that runs a program's source, as subprocess.Popen would show it; what it says is in its stderr.

    The source finds `gate`, if it is given one, among its names.
    """

    def __init__(
        self, source: str, *arguments: str, environment: Mapping[str, str], gate: Connection | None = None
    ) -> None:
        folder = Path(tempfile.mkdtemp(prefix="bienho-forked-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._err = folder / "err"
        self._process = start(_live, source, arguments, dict(environment), self._err, gate)
        if gate is not None:
            gate.close()  # it is the process's now: when that ends, the other end is told

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, seconds: float = 60) -> int:
        self._process.join(seconds)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired("forked", seconds)
        return code

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    def communicate(self) -> tuple[str, str]:
        """Wait for its end; nothing, and what it said."""
        self.wait()
        return "", self._err.read_text(encoding="utf-8") if self._err.exists() else ""


def _live(
    source: str, arguments: tuple[str, ...], environment: Mapping[str, str], err: Path, gate: Connection | None
) -> None:
    os.dup2(os.open(err, os.O_WRONLY | os.O_CREAT, 0o600), 2)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["-c", *arguments]
    exec(compile(source, "<forked>", "exec"), {"__name__": "__main__", "gate": gate})
