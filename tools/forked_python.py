"""Python for the processes that run the tests side by side: a fork of one interpreter that has read all of them.

    forked_python.py serve PLACE          reads the tests, then forks itself for whoever asks at PLACE (a socket)
    forked_python.py PLACE -u -c SOURCE   runs SOURCE in such a fork, with this process's files and environment

Each worker of pytest-xdist reads all tests, and warms what tests use: the rules, the policies, DuckDB's extensions. A
fork finds that done. `serve` ends when its standard input does. Where nobody answers at PLACE, a plain Python does it.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import select
import socket
import sys
import traceback
import types
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
READ = ("--collect-only", "-q", "-p", "no:cacheprovider", "tests")
ORDER_BYTES = 1 << 18
SECONDS = 1.0


def asked(place: str, arguments: list[str]) -> int:
    """Have a fork live with the files of this process, and wait until it is gone; how it ended."""
    *_, source = arguments
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        try:
            line.connect(place)
        except OSError:
            os.execv(sys.executable, [sys.executable, *arguments])
        order = {"source": source, "folder": os.getcwd(), "environment": dict(os.environ)}
        socket.send_fds(line, [json.dumps(order).encode()], [0, 1, 2])
        for descriptor in (0, 1, 2):
            os.close(descriptor)  # they are the fork's: whoever reads them learns of its end
        return 0 if line.recv(1) else 1  # nothing comes from one that was killed


def serve(place: str, ready: Callable[[], object]) -> Mapping[str, Any] | None:
    """Fork for every order; in the fork, what it is to do, and in this process None at the end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        door.bind(place)
        door.listen()
        ready()
        while True:
            heard, _, _ = select.select([door, sys.stdin], [], [], SECONDS)
            gone()
            if sys.stdin in heard:
                return None
            if not heard:
                continue
            line, _ = door.accept()
            order, descriptors, _, _ = socket.recv_fds(line, ORDER_BYTES, 3)
            if os.fork() == 0:
                for number, descriptor in enumerate(descriptors):
                    os.dup2(descriptor, number)
                    os.close(descriptor)
                return {**json.loads(order), "line": line}
            line.close()
            for descriptor in descriptors:
                os.close(descriptor)


def gone() -> None:
    """Take leave of forks that have ended, so that what they used is counted."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def live(order: Mapping[str, Any]) -> None:
    """Be the interpreter that was asked for."""
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    sys.stdin, sys.stdout = open(0, encoding="utf-8"), open(1, "w", encoding="utf-8", buffering=1)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", buffering=1)  # noqa: SIM115
    sys.argv = ["-c"]
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        exec(compile(order["source"], "<string>", "exec"), main.__dict__)
        order["line"].send(b".")
    except BaseException:
        traceback.print_exc()
    finally:
        # what C libraries would tidy up at an end of the usual kind waits for threads that a fork does not have
        atexit._run_exitfuncs()
        os._exit(0)


def read_and_warm() -> None:
    """Import all tests, as pytest does, and what they use; from here on it is shared."""
    sys.path[0:1] = [str(ROOT / "tests"), str(ROOT)]
    import pytest  # noqa: PLC0415 - whoever only asks for a fork needs none of it

    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        pytest.main([*READ])
    from support import forks, warmed  # noqa: PLC0415

    assert warmed  # by its import
    forks.share()
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        given = serve(sys.argv[2], read_and_warm)
        if given:
            live(given)
    else:
        sys.exit(asked(sys.argv[1], sys.argv[2:]))
