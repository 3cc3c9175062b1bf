"""Judging a file without keeping it: in a process of its own, a few at a time, and nothing of it in any log."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson

from bienho.config import Limits
from bienho.core.errors import BusyError, LimitError
from bienho.pipeline.signature_process import KEPT
from bienho.standards.xml130.signature_worker import receive, send

PROGRAM = ("bienho.pipeline.rehearsal_worker",)
ANSWER_MAX = 64 << 20
AT_ONCE = 2
SOURCE = "api"
"""Judged as what an account sends: a dossier of another facility is set aside."""


class Rehearsal:
    """Rehearses files under the limits of a house; safe to share between threads. `command` replaces the program."""

    def __init__(self, limits: Limits, command: Sequence[str] = ()) -> None:
        self._limits = limits
        self._command = tuple(command) or (sys.executable, "-I", "-m", *PROGRAM)
        self._places = threading.BoundedSemaphore(AT_ONCE)

    def __call__(self, data: bytes, facility: str, keys: bool, moment: datetime) -> dict[str, Any]:
        """{outcome, reason, counts…, findings, quarantine, signature, national, bytes}; see `check.CheckedFile`.

        `keys` adds MA_LK. BusyError BUSY-REHEARSAL when others are at it, LimitError LIM-DELIVERY-BYTES, and
        LIM-REHEARSAL when the file needs more time or memory than a rehearsal has: it may be sent all the same.
        """
        if len(data) > self._limits.delivery_bytes:
            raise LimitError(
                "LIM-DELIVERY-BYTES",
                f"Tệp lớn {len(data)} byte; cho phép {self._limits.delivery_bytes}.",
                hint="Chia thành nhiều tệp nhỏ hơn.",
                who="cơ sở gửi",
            )
        if not self._places.acquire(blocking=False):
            raise BusyError(
                "BUSY-REHEARSAL", "Đang xét thử tệp của người khác.", hint="Thử lại sau ít giây.", who="Bên gửi"
            )
        try:
            return self._ask(data, facility, keys, moment)
        finally:
            self._places.release()

    def _ask(self, data: bytes, facility: str, keys: bool, moment: datetime) -> dict[str, Any]:
        asked = orjson.dumps(
            {
                "facility": facility, "source": SOURCE, "keys": keys, "moment": moment.isoformat(),
                "limits": asdict(self._limits),
            }
        )  # fmt: skip
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                process = subprocess.Popen(  # noqa: S603 - our own program
                    self._command,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={name: value for name, value in os.environ.items() if name in KEPT},
                    cwd="/",
                    close_fds=True,
                )
            try:
                # a start takes a second or two; after that the process may take what the limit says
                ours.settimeout(self._limits.rehearsal_seconds + 10)
                send(ours, asked, data)
                answer = receive(ours, ANSWER_MAX)
                found: dict[str, Any] | None = None if answer is None else orjson.loads(answer)
            except (OSError, ValueError):
                found = None
            finally:
                process.kill()
                process.wait()
        if found is None:
            raise LimitError(
                "LIM-REHEARSAL",
                "Xét thử tệp này cần nhiều thời gian hoặc bộ nhớ hơn mức dành cho xét thử.",
                hint="Chia thành tệp nhỏ hơn để xét thử, hoặc dùng `bienho check` trên máy của cơ sở.",
                who="cơ sở gửi",
            )
        return found
