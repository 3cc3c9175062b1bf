"""Connections kept for the next one who asks: to log in costs more than most questions do."""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

MOST = 8
"""Connections that lie idle at a time, of one role in one process."""
IDLE_SECONDS = 120.0


class Kept(psycopg.Connection[Any]):
    """A connection that goes back to its keeper when it is closed, unless it is broken or in a transaction.

    Only where nothing is left behind in a session: no SET, no lock of a session, no temporary table. Who holds such a
    lock connects under a name of its own, which is not kept.
    """

    keeper: Keeper | None = None
    idle_since = 0.0

    def close(self) -> None:
        """Give the connection back; nobody may use it after that. Without a keeper it is closed."""
        if self.keeper is None or not self.keeper.take_back(self):
            super().close()


class Keeper:
    """The idle connections of one role. Threads may share it; a forked child begins with none."""

    def __init__(self) -> None:
        self._idle: deque[Kept] = deque()
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._open = True

    def lend(self, *, autocommit: bool) -> Kept | None:
        """A connection that was alive a moment ago, None when there is none."""
        while (found := self._pop()) is not None:
            if time.monotonic() - found.idle_since < IDLE_SECONDS and _alive(found):
                found.row_factory = tuple_row
                found.autocommit = autocommit
                return found
            psycopg.Connection.close(found)
        return None

    def take_back(self, connection: Kept) -> bool:
        """Whether the connection was kept."""
        if connection.closed or connection.pgconn.transaction_status != TransactionStatus.IDLE:
            return False
        connection.idle_since = time.monotonic()
        with self._lock:
            if not self._open or os.getpid() != self._process or len(self._idle) >= MOST or connection in self._idle:
                return False
            self._idle.append(connection)
        return True

    def close(self) -> None:
        """Close what lies idle; what is out is closed when it comes back."""
        self._open = False
        while (found := self._pop()) is not None:
            psycopg.Connection.close(found)

    def _pop(self) -> Kept | None:
        with self._lock:
            if os.getpid() != self._process:  # the parent goes on using them: a child must not even say goodbye
                return None
            return self._idle.pop() if self._idle else None


def _alive(connection: Kept) -> bool:
    """Whether the server is still there: one that left, or wants to say something, has made the socket readable."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)
