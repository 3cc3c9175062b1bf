"""Asks a confined process for verdicts, and starts another when it dies or takes too long."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from types import TracebackType
from typing import Any

import orjson

from bienho.config import Limits
from bienho.standards.xml130.signature_worker import receive, send

PROGRAM = ("bienho.standards.xml130.signature_worker", "bienho.config", "bienho.standards.xml130")
"""The module, and the packages of which it gets its own modules only: it starts in a third of the time."""
ANSWER_MAX = 16 << 20
START_SECONDS = 60
KEPT = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TMPDIR")
"""What of the environment the process is given: no home, no key file, no database."""


class Undecided(Exception):
    """The process died or ran out of time: a fact about this machine now, not about the file."""


class SignatureProcess:
    """A process of `signature_worker`, started when first asked. Use as a context manager."""

    def __init__(self, limits: Limits, command: Sequence[str] = ()) -> None:
        self._limits = limits
        self._told_limits = asdict(limits)
        self._command = tuple(command) or (sys.executable, "-I", "-m", "bienho.core.hollow", *PROGRAM)
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    def __enter__(self) -> SignatureProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def judge(self, data: bytes, moment: datetime, anchors: Sequence[str]) -> list[dict[str, Any]]:
        """Verdicts on one file, tried a second time in a fresh process. Undecided when that fails too."""
        asked = orjson.dumps({"moment": moment.isoformat(), "anchors": list(anchors), "limits": self._told_limits})
        try:
            return self._ask(asked, data)
        except Undecided:
            # what went before may be to blame: the second time it is alone
            return self._ask(asked, data)

    def _ask(self, asked: bytes, data: bytes) -> list[dict[str, Any]]:
        try:
            channel = self._channel or self._start()
            channel.settimeout(self._limits.signature_seconds)
            send(channel, asked, data)
            answer = receive(channel, ANSWER_MAX)
            if answer is None:
                raise Undecided
            found: list[dict[str, Any]] = orjson.loads(answer)
        except (OSError, ValueError, Undecided):
            self.stop()
            raise Undecided from None
        return found

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                self._command,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={name: value for name, value in os.environ.items() if name in KEPT},
                cwd="/",
                close_fds=True,
            )
        self._channel = ours
        ours.settimeout(START_SECONDS)
        frame = self._limits.delivery_bytes + (1 << 20)
        send(ours, orjson.dumps({"memory": self._limits.signature_memory, "frame": frame}))
        return ours

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
