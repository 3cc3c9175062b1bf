"""The command line in processes of its own, each a fork of one interpreter that has imported everything.

Starting Python and importing the house costs more than most commands; what a test asks is what they do and print.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from subprocess import CompletedProcess

from bienho.cli.main import main
from support import forks

SECONDS = 120


def run(environment: Mapping[str, str], *arguments: str, given: str = "") -> CompletedProcess[str]:
    """`bienho arguments…` with this environment alone, `given` on standard input; TimeoutError after 2 minutes."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        source = Path(folder, "in")
        source.write_text(given, encoding="utf-8")
        process = forks.start(_live, dict(environment), arguments, source, out, err)
        process.join(SECONDS)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"bienho {arguments[0]} did not end")
        return CompletedProcess(arguments, process.exitcode, out.read_text("utf-8"), err.read_text("utf-8"))


@contextmanager
def living(environment: Mapping[str, str], *arguments: str, log: Path) -> Iterator[BaseProcess]:
    """`bienho arguments…` until the block ends; what it prints goes to the file `log`."""
    process = forks.start(_live, dict(environment), arguments, Path(os.devnull), log, log)
    try:
        yield process
    finally:
        process.terminate()
        process.join(SECONDS)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"bienho {arguments[0]} did not end")


def _live(environment: Mapping[str, str], arguments: tuple[str, ...], source: Path, out: Path, err: Path) -> None:
    for descriptor, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), descriptor)
    os.dup2(os.open(source, os.O_RDONLY), 0)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - the child of a fork server has none
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["bienho", *arguments]
    main(prog_name="bienho")
