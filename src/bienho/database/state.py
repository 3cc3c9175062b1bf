"""How the embedded server of a home is doing, without starting or changing anything: for doctor."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from bienho.config import Home
from bienho.database import binaries, places, server


@dataclass(frozen=True, slots=True)
class ServerState:
    """`data` and `log` are None before the first start; `free_bytes` is the space left where the data lies (or will).

    `stale_pid_file`: postmaster.pid names a process that is not this server. `stray`: the server runs, nobody uses it
    and nobody asked to keep it. `data_version` is the major version that wrote the data, `program_version` ours.
    """

    data: Path | None
    log: Path | None
    relocated: bool
    running: bool
    pid: int | None
    socket_folder: Path | None
    in_use: bool
    stray: bool
    stale_pid_file: bool
    data_version: str | None
    program_version: str
    free_bytes: int


def inspect_server(home: Home) -> ServerState:
    """Look at the server of a home. ConfigError CFG-POSTGRES-MISSING/-BROKEN when there is no program to run."""
    program = binaries.version(binaries.packaged())
    place = places.locate(home, create=False)
    if place is None or not place.initialised:
        free = shutil.disk_usage(home.path).free
        return ServerState(None, None, False, False, None, None, False, False, False, None, program, free)
    written, found, used = server.read_pid_file(place.data), server.postmaster(place.data), places.in_use(home)
    return ServerState(
        data=place.data,
        log=place.log,
        relocated=place.relocated,
        running=found is not None,
        pid=found.pid if found else None,
        socket_folder=found.socket_folder if found else None,
        in_use=used,
        stray=found is not None and not used and not places.kept(home, found.pid),
        stale_pid_file=written is not None and found is None,
        data_version=(place.data / "PG_VERSION").read_text(encoding="ascii").strip(),
        program_version=program,
        free_bytes=shutil.disk_usage(place.data).free,
    )
