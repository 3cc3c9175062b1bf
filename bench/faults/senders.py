"""Kills of the server while facilities send: every number that was answered must be in the lake, byte for byte.

The server dies by SIGKILL at a moment of chance, its worker with it or a little later by itself; then both start again.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psutil

from bench import doors, ports
from bench.faults.siege import Broken
from bench.homes import Made
from bienho.core.ids import delivery_seq
from bienho.pipeline import open_app
from bienho.pipeline.catalog import current_catalog
from bienho.pipeline.ingest import catch_up, open_writer

SENDERS = 4
LIVES = (0.3, 2.5)
"""Seconds a server lives after its first answer."""


def besiege_door(made: Made, *, kills: int, seed: int) -> dict[str, Any]:
    """Kill the server of a home so often; Broken when an answered number or its bytes are not there."""
    chance = random.Random(seed)
    answered: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="bienho-senders-") as name, open_app(made.home.path) as app:
        stock = doors.templates(Path(name, "twin"), most=20, persons=60)
        accounts = doors.enrol(app, SENDERS)
        for turn in range(kills):
            answered |= _one_life(made, Path(name), accounts, stock, chance, turn)
        with app.writing() as lake, open_writer(app, lake, current_catalog(app.home)) as writer:
            catch_up(app.raw, writer)
            rows = lake.connection.execute("SELECT delivery_id, sha256 FROM lake.standard.delivery").fetchall()
        there = dict(rows)
        lost = [number for number, digest in answered.items() if there.get(number) != digest]
        if lost:
            raise Broken(f"seed {seed}: {len(lost)} of {len(answered)} answered numbers are lost, such as {lost[0]}")
        changed = [
            number
            for number in chance.sample(sorted(answered), min(50, len(answered)))
            if hashlib.sha256(app.raw.read(delivery_seq(number))[1]).hexdigest() != answered[number]
        ]
        if changed:
            raise Broken(f"seed {seed}: bytes of {changed[0]} are not those that were sent")
    return {"kills": kills, "answered": len(answered), "seed": seed}


def among_idle_lines(made: Made, count: int) -> dict[str, float]:
    """Seconds an honest client waits for its answers while so many connections say nothing; Broken above ten."""
    with (
        tempfile.TemporaryDirectory(prefix="bienho-idle-") as name,
        open_app(made.home.path) as app,
        ExitStack() as held,
    ):
        (account,) = doors.enrol(app, 1)
        (template,) = doors.templates(Path(name, "twin"), most=1, persons=20)
        log = Path(name, "serve.log")
        server = held.enter_context(doors.served(made.home.path, log, ports.free(), made.environment))
        port = int(server.args[-1])  # type: ignore[index,arg-type]
        for _ in range(count):
            held.enter_context(socket.create_connection(("127.0.0.1", port), 10))
        client, begun = doors.client_of(port, account), time.monotonic()
        codes = {client.log_in()["maKetQua"], client.send(template.written(account[2], "IDLE-1"))["maKetQua"]}
        client.close()
        took = time.monotonic() - begun
    if codes != {"200"} or took > 10:
        raise Broken(f"among {count} idle lines: {codes} after {took:.1f} s")
    return {"lines": count, "seconds": round(took, 2)}


def _one_life(
    made: Made, folder: Path, accounts: Any, stock: Sequence[doors.Template], chance: random.Random, turn: int
) -> dict[str, str]:
    """What was answered by one server until it was killed."""
    answered: dict[str, str] = {}
    with doors.served(made.home.path, folder / f"serve-{turn}.log", ports.free(), made.environment) as server:
        port = int(server.args[-1])  # type: ignore[index,arg-type]
        threads = [
            threading.Thread(target=_send, args=(port, account, stock, answered, f"K{turn}-{place}"), daemon=True)
            for place, account in enumerate(accounts)
        ]
        for thread in threads:
            thread.start()
        end = time.monotonic() + 60
        while not answered and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(chance.uniform(*LIVES))
        worker = psutil.Process(server.pid).children() if chance.random() < 0.5 else []
        os.kill(server.pid, signal.SIGKILL)
        for process in worker:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        for thread in threads:
            thread.join(60)
    if not answered:
        raise Broken("the server answered nobody")
    return dict(answered)


def _send(
    port: int, account: tuple[str, str, str], stock: Sequence[doors.Template], answered: dict[str, str], mark: str
) -> None:
    """One client, until nobody is there any more."""
    client = doors.client_of(port, account)
    with suppress(OSError, HTTPException, ValueError):
        client.log_in()
        for count in range(100_000):
            data = stock[count % len(stock)].written(account[2], f"{mark}-{count}")
            told = client.send(data)
            if told["maKetQua"] == "200":
                answered[told["maGiaoDich"]] = hashlib.sha256(data).hexdigest()
    client.close()
