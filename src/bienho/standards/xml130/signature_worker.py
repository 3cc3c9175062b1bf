"""The process in which signatures are judged: it reads hostile XML, so it gets little memory, little time, no secret.

`main` runs with a socket as its standard input, without the rest of its packages (core/hollow): neither Arrow nor a
database's client nor the code that knows keys is loaded. One question at a time: a frame of JSON (moment, anchors as
PEM, limits), a frame of bytes; the answer is one frame of JSON. A frame is its length as eight bytes, then its content.
It opens no file, no database and no network.
"""

from __future__ import annotations

import resource
import socket
import struct
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
from cryptography import x509

from bienho.config.limits import Limits
from bienho.standards.xml130.signature import verify_received

LENGTH = struct.Struct(">Q")
CPU_SECONDS = 3_600
"""For a whole life of the process; the time of one file is watched from outside."""


def send(channel: socket.socket, *contents: bytes) -> None:
    """Frames, one after another."""
    for content in contents:
        channel.sendall(LENGTH.pack(len(content)))
        channel.sendall(content)


def receive(channel: socket.socket, limit: int) -> bytes | None:
    """One frame; None at the end. ValueError for one longer than `limit` bytes."""
    head = _exactly(channel, LENGTH.size)
    if head is None:
        return None
    (length,) = LENGTH.unpack(head)
    if length > limit:
        raise ValueError("a frame is too long")
    return _exactly(channel, length)


def _exactly(channel: socket.socket, length: int) -> bytes | None:
    parts = bytearray(length)
    view, done = memoryview(parts), 0
    while done < length:
        count = channel.recv_into(view[done:])
        if count == 0:
            return None
        done += count
    return bytes(parts)


def questions(channel: socket.socket, limit: int) -> Iterator[tuple[dict[str, Any], bytes]]:
    """(what is asked, the bytes it is asked of) until the other end closes."""
    while (asked := receive(channel, limit)) is not None and (data := receive(channel, limit)) is not None:
        yield orjson.loads(asked), data


@lru_cache(maxsize=8)
def _certificates(pems: tuple[str, ...]) -> tuple[x509.Certificate, ...]:
    return tuple(x509.load_pem_x509_certificate(pem.encode("ascii")) for pem in pems)


def answer(asked: dict[str, Any], data: bytes) -> list[dict[str, Any]]:
    """The verdicts on one delivery, each with its member number."""
    anchors = _certificates(tuple(asked["anchors"]))
    moment = datetime.fromisoformat(asked["moment"])
    verdicts = verify_received(data, anchors, moment, Limits(**asked["limits"]))
    return [{"member": member, **asdict(verdict)} for member, verdict in verdicts]


def confine(memory: int) -> None:
    """Take `memory` bytes beyond what the process has, and no more; leave no trace of it in a dump."""
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    size = pages * resource.getpagesize() + memory
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def main() -> None:
    channel = socket.socket(fileno=0)
    head = receive(channel, 1024)
    if head is None:
        return
    given = orjson.loads(head)
    confine(int(given["memory"]))
    for asked, data in questions(channel, int(given["frame"])):
        send(channel, orjson.dumps(answer(asked, data)))
