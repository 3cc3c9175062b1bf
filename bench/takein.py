"""What one take-in of the worker costs by how many small envelopes wait for it: CPU, statements, and where it goes.

As the worker does it: a lake kept open, the writer made anew each time. `statements` says by place how often the lake
was asked and how long that took, in milliseconds of the wall.
"""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from traceback import extract_stack
from typing import Any

from bench.doors import Template, enrol, templates
from bench.measure import fresh_app, spending
from bench.stages import sampled, told
from bienho.pipeline import App
from bienho.pipeline.catalog import current_catalog
from bienho.pipeline.ingest import catch_up, open_writer
from bienho.sources import Delivery, receive
from bienho.sources.portal_api import SOURCE

SIZES = (1, 50, 300, 1_500)
CLIENTS = 20
_OURS = "src/bienho"


@dataclass
class Asked:
    """Statements by the place in the program that asked: how many, and seconds of the wall."""

    places: dict[str, list[float]] = field(default_factory=lambda: defaultdict(lambda: [0, 0.0]))

    def note(self, seconds: float) -> None:
        ours = [one for one in extract_stack() if _OURS in one.filename]
        place = f"{ours[-1].filename.rpartition('bienho/')[2]}:{ours[-1].name}" if ours else "elsewhere"
        found = self.places[place]
        found[0] += 1
        found[1] += seconds

    def as_dict(self) -> dict[str, Any]:
        rows = sorted(self.places.items(), key=lambda one: -one[1][1])
        return {place: {"count": int(count), "ms": round(took * 1000, 1)} for place, (count, took) in rows}


class Counting:
    """A connection that notes what it is asked."""

    def __init__(self, connection: Any, asked: Asked) -> None:
        self._connection, self._asked = connection, asked

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, *given: Any, **more: Any) -> Any:
        begun = time.perf_counter()
        try:
            self._connection.execute(*given, **more)
        finally:
            self._asked.note(time.perf_counter() - begun)
        return self


def run(rounds: int, persons: int, dossiers: int) -> dict[str, Any]:
    """`rounds` take-ins of each size; `persons` and `dossiers` belong to other benches."""
    with tempfile.TemporaryDirectory(prefix="bienho-takein-") as name, fresh_app() as app:
        stock = templates(Path(name))
        facilities = [account[2] for account in enrol(app, CLIENTS)]
        waiting = _Waiting(app, stock, facilities)
        for size in (1, *SIZES):
            waiting.put(size)
            _take_in(app)
        found = {str(size): _measured(app, waiting, size, rounds) for size in SIZES}
    least, most = SIZES[0], SIZES[-1]
    slope = (found[str(most)]["cpu_ms"] - found[str(least)]["cpu_ms"]) / (most - least)
    return {"sizes": found, "cpu_ms_per_dossier_more": round(slope, 2)}


class _Waiting:
    """Puts dossiers of many facilities into raw, one to an envelope, each with a number of its own."""

    def __init__(self, app: App, stock: Sequence[Template], facilities: Sequence[str]) -> None:
        self._app, self._stock, self._facilities = app, stock, facilities
        self._count = 0

    def put(self, size: int) -> None:
        now = datetime.now(UTC)
        deliveries = []
        for _ in range(size):
            self._count += 1
            facility = self._facilities[self._count % len(self._facilities)]
            data = self._stock[self._count % len(self._stock)].written(facility, f"T{self._count:012d}")
            deliveries.append(Delivery(data, now, source=SOURCE, path="bench", facility_asserted=facility))
        receive(self._app.raw, deliveries)


def _take_in(app: App, seen: Callable[[Any], Any] | None = None) -> None:
    with app.writing() as lake:
        if seen is not None:
            lake.connection = seen(lake.connection)
        with open_writer(app, lake, current_catalog(app.home)) as writer:
            catch_up(app.raw, writer)
        if seen is not None:
            lake.connection = lake.connection._connection


def _measured(app: App, waiting: _Waiting, size: int, rounds: int) -> dict[str, Any]:
    own = postgres = wall = 0.0
    with sampled() as samples:
        for _ in range(rounds):
            waiting.put(size)
            with spending(app.home) as spent:
                _take_in(app)
            own, postgres, wall = own + spent.own_s, postgres + spent.postgres_s, wall + spent.wall_s
    asked = Asked()
    waiting.put(size)
    _take_in(app, lambda connection: Counting(connection, asked))
    stages = told(samples, own, size * rounds)
    return {
        "cpu_ms": round((own + postgres) / rounds * 1000, 1),
        "own_ms": round(own / rounds * 1000, 1),
        "postgres_ms": round(postgres / rounds * 1000, 1),
        "wall_ms": round(wall / rounds * 1000, 1),
        "stages_ms": {name: round(part["us_per_dossier"] * size / 1000, 1) for name, part in stages.items()},
        "statements": sum(int(count) for count, _ in asked.places.values()),
        "asked": asked.as_dict(),
    }
