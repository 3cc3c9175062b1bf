"""How often somebody may ask: a bucket for each name that fills again evenly over a minute, in memory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

SECONDS = 60.0
MOST_NAMES = 20_000


class Rates:
    """Safe to share between threads; the names that asked longest ago are forgotten first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, name: str, per_minute: int) -> bool:
        """Whether one more is within `per_minute`; what is refused does not count."""
        step = SECONDS / per_minute
        with self._lock:
            now = self._clock()
            full_at = max(self._full_at.get(name, now), now)
            if full_at + step > now + SECONDS:
                return False
            self._full_at[name] = full_at + step
            self._full_at.move_to_end(name)
            while len(self._full_at) > MOST_NAMES:
                self._full_at.popitem(last=False)
        return True

    def forget(self) -> None:
        """Begin anew, for tests."""
        with self._lock:
            self._full_at.clear()


RATES = Rates()
"""Of this process: there is one server process."""
