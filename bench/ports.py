"""A port for a server that only comes up later: nobody else takes it meanwhile.

The system gives the ports from 32768 on to whoever connects somewhere, also to one that was free a second ago.
"""

from __future__ import annotations

import itertools
import os
import socket

FIRST, OF_EACH = 20_000, 500
"""Every process of parallel tests has this many of its own, below those the system gives away."""

_turns = itertools.count()


def free() -> int:
    """A port nobody listens on, which no other such process and no connection will be given."""
    own = FIRST + OF_EACH * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for _ in range(OF_EACH):
        port = own + next(_turns) % OF_EACH
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"ports {own} to {own + OF_EACH - 1} are all taken")
