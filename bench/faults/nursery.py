"""Runs commands of the real command line, each in a process of its own: a fork of one warm interpreter.

A new interpreter spends a second on importing; a fork spends none, and is killed as well. The nursery is a process of
its own (`python -m bench.faults.nursery`), so that nothing is ever forked that holds a database or threads of ours.
"""

from __future__ import annotations

import gc
import json
import os
import random
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.faults.events import Events
from bench.faults.points import Fault, install
from bienho.cli.main import PLACES, main
from bienho.config import Home, load_keys
from bienho.lake import RawItem, RawStore, extensions
from bienho.pipeline.check import check

KILLED = -9
BUG = 70
"""Exit code of a command that ended with an exception nobody expected."""
RECEIVE = "receive"
SEGMENT_BYTES = 100_000
"""Small segments in the children: a new file, and so the sync of its folder, comes often."""
MOMENT = datetime(2026, 11, 18, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: exit code or minus the signal, what it printed, CPU seconds it used."""

    code: int
    out: str
    err: str
    cpu_s: float

    @property
    def killed(self) -> bool:
        return self.code == KILLED


class Nursery:
    """Use as a context manager; one command at a time, with the place of keys that this process has meanwhile."""

    def __init__(self) -> None:
        self.cpu_s = 0.0

    def __enter__(self) -> Nursery:
        self._folder = Path(tempfile.mkdtemp(prefix="bienho-nursery-"))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.faults.nursery"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            cwd=Path(__file__).resolve().parents[2],
        )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=60)
        for path in self._folder.iterdir():
            path.unlink()
        self._folder.rmdir()

    def warm(self, paths: Sequence[str]) -> None:
        """Have the interpreter that is forked judge files like those to come: what it learns of their layouts and of
        the rules, every command would learn anew."""
        self._ask({"warm": paths})

    def run(self, home: Path, *arguments: str, events: Events, fault: Fault | None = None) -> Ended:
        """Run `bienho --home HOME arguments…` (or `receive SEED`: append to raw for ever) with a fault in it."""
        out, err = self._folder / "out", self._folder / "err"
        order = {
            "home": str(home), "arguments": arguments, "events": str(events.path), "out": str(out), "err": str(err),
            "fault": asdict(fault) if fault else None, "keys": os.environ["XDG_CONFIG_HOME"],
        }  # fmt: skip
        told = self._ask(order)
        self.cpu_s += told["cpu_s"]
        # a limit on file size may cut what was printed in the middle of a letter
        printed, complained = (path.read_text(encoding="utf-8", errors="replace") for path in (out, err))
        return Ended(told["code"], printed, complained, told["cpu_s"])

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the nursery died")
        told: dict[str, Any] = json.loads(answer)
        return told


def _serve() -> None:
    for name in set(PLACES.values()):
        import_module(f"bienho.cli.{name}")
    extensions.connect().close()  # its files are checked and loaded once for all
    for line in sys.stdin:
        order = json.loads(line)
        if "warm" in order:
            check(order["warm"])
            gc.collect()
            gc.freeze()  # what is known by now is not lost: no child need look through it
            print("{}", flush=True)
            continue
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _live(order, writing)
        os.close(writing)
        with open(reading, "rb") as lines, open(order["events"], "ab") as log:
            log.writelines(lines)
        _, status, used = os.wait4(child, 0)
        told = {"code": os.waitstatus_to_exitcode(status), "cpu_s": used.ru_utime + used.ru_stime}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


def _live(order: dict[str, Any], seen: int) -> None:
    """The life of a child: never returns."""
    code = BUG
    try:
        for descriptor, name in ((1, "out"), (2, "err")):
            target = os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(target, descriptor)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ["XDG_CONFIG_HOME"] = order["keys"]
        home = Home.open(Path(order["home"]))
        defaults = dict(RawStore.__init__.__kwdefaults__ or {})
        RawStore.__init__.__kwdefaults__ = {**defaults, "segment_bytes": SEGMENT_BYTES}
        install(Fault(**order["fault"]) if order["fault"] else None, Events(Path(order["events"]), seen), home)
        code = _receive(home, int(order["arguments"][1])) if order["arguments"][0] == RECEIVE else _command(order)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _command(order: dict[str, Any]) -> int:
    words = ["--home", order["home"], *order["arguments"]]
    sys.argv = ["bienho", *words]
    try:
        main(words)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def _receive(home: Home, seed: int) -> int:
    """Append groups of random items to raw until killed: no database, only receipts."""
    chance = random.Random(seed)
    raw = RawStore(home, load_keys(home))
    while True:
        contents = [chance.randbytes(chance.randrange(1, 30_000)) for _ in range(chance.randrange(1, 5))]
        raw.append([RawItem("bench", content, "bench", "", MOMENT) for content in contents])


if __name__ == "__main__":
    _serve()
