"""The process in which one file is rehearsed: hostile bytes get little memory, little time, no secret and no disk.

`main` runs with a socket as its standard input: a frame of JSON (facility, source, keys, moment, limits, memory), a
frame with the file; the answer is one frame of JSON. It may write no file of any size, so nothing can stay of what was
judged; then it ends.
"""

from __future__ import annotations

import resource
import socket
from datetime import datetime
from typing import Any

import orjson

from bienho.config import Limits
from bienho.pipeline.check import check_bytes
from bienho.pipeline.national import answers
from bienho.standards.xml130.signature_worker import confine, receive, send

HEAD_MAX = 64 * 1024


def judged(asked: dict[str, Any], data: bytes) -> dict[str, Any]:
    """The verdict on one file and the simulated answers, as plain values."""
    limits = Limits(**asked["limits"])
    file = check_bytes(data, facility=asked["facility"], source=asked["source"], with_keys=asked["keys"], limits=limits)
    told = file.as_dict()
    del told["path"]
    moment = datetime.fromisoformat(asked["moment"])
    return {**told, "bytes": len(data), "national": [one.as_dict() for one in answers(file, moment)]}


def main() -> None:
    channel = socket.socket(fileno=0)
    head = receive(channel, HEAD_MAX)
    if head is None:
        return
    asked = orjson.loads(head)
    limits = asked["limits"]
    confine(int(limits["rehearsal_memory"]))
    resource.setrlimit(resource.RLIMIT_CPU, (limits["rehearsal_seconds"], limits["rehearsal_seconds"]))
    data = receive(channel, int(limits["delivery_bytes"]))
    if data is not None:
        send(channel, orjson.dumps(judged(asked, data)))


if __name__ == "__main__":
    main()
