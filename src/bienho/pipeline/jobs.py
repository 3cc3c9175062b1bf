"""Named maintenance jobs, run by hand, by a timer or by the worker; under the writer lock while they write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from bienho.contracts import catalogue
from bienho.database import Role
from bienho.lake import Lake, maintenance
from bienho.pipeline import erasure, notices, persons, reference, score_freeze, scores, signatures
from bienho.pipeline.app import App
from bienho.pipeline.catalog import current_catalog
from bienho.pipeline.ingest import Progress, catch_up, compute_derived, open_writer
from bienho.pipeline.rebuild import clean
from bienho.pipeline.score_sums import Sums
from bienho.sources import Delivery, receive
from bienho.terminology import TRUST_ANCHORS

SNAPSHOT_DAYS = 400
"""Snapshots stay readable for a year and a month, so that a number can be recomputed as of the day it was published."""


def bring_up_to_date(
    app: App, progress: Progress | None = None, on_wait: Callable[[], None] | None = None
) -> dict[str, int]:
    """Finish unprocessed deliveries, map again when the models changed, find persons, compute `derived`, judge
    signatures.

    `progress` counts deliveries; `on_wait` is called once when another process is writing.
    """
    with app.writing(on_wait=on_wait) as lake:
        done = _finish(app, lake, progress)
        done["persons"] = _link(app, lake)["written"]
        _score(app, lake)
    erasure.finish(app)  # what a kill left of one that was confirmed
    # judged outside the writer lock: nobody waits for it
    return {**done, "signatures": signatures.bring_up_to_date(app).judged}


def _finish(app: App, lake: Lake, progress: Progress | None = None) -> dict[str, int]:
    with open_writer(app, lake, current_catalog(app.home)) as writer:
        deliveries = catch_up(app.raw, writer, progress)
        derived = compute_derived(writer)
    return {"deliveries": deliveries, "remapped": int(writer.remapped), "derived": derived}


def _link(app: App, lake: Lake) -> dict[str, Any]:
    catalog = current_catalog(app.home)
    with open_writer(app, lake, catalog) as writer:
        catch_up(app.raw, writer)
        return persons.refresh(app, lake, writer.judge, catalog).as_dict()


def import_codes(app: App, kind: str, path: Path, edition: str, valid_from: date) -> dict[str, Any]:
    """Receive a code list and do again everything it touches; {delivery, rows}."""
    result = reference.receive_list(app, kind, path, edition, valid_from)
    if kind == TRUST_ANCHORS:
        bring_up_to_date(app)
    else:
        with app.writing() as lake:
            _finish(app, lake)
    return result


def _compact(app: App, lake: Lake) -> dict[str, Any]:
    return asdict(maintenance.compact(lake))


def _retain(app: App, lake: Lake) -> dict[str, Any]:
    # Retention is an act in the world, not a model: it may ask the clock.
    return asdict(maintenance.retain(lake, SNAPSHOT_DAYS, datetime.now(UTC)))


def _drop_superseded(app: App, lake: Lake) -> dict[str, Any]:
    # First let what is counted follow: where a replaced version counted can only be told while its rows are there.
    _finish(app, lake)
    if scores.made(lake):
        _score(app, lake)
    versioned = [name for name, contract in catalogue().items() if contract.versioned]
    return asdict(maintenance.drop_superseded(lake, versioned))


def _clean(app: App, lake: Lake) -> dict[str, Any]:
    return {"lakes": clean(app)}


def _score(app: App, lake: Lake) -> bool:
    with app.database.connect(Role.WORKER, autocommit=True) as connection:
        return scores.refresh(lake, Sums(connection, lake.catalog))


def _scores(app: App) -> dict[str, Any]:
    with app.writing() as lake:
        _finish(app, lake)
        computed = _score(app, lake)
        frozen = score_freeze.due(lake, app.keys)
        if frozen:
            # to freeze a week is an act in the world, like a receipt: it may ask the clock
            receive(app.raw, [Delivery(frozen[0], datetime.now(UTC), source="scores", kind=score_freeze.KIND)])
            _finish(app, lake)
    return {"computed": computed, "frozen": frozen[1] if frozen else 0}


def _signatures(app: App) -> dict[str, Any]:
    return signatures.bring_up_to_date(app).as_dict()


def _notices(app: App) -> dict[str, Any]:
    # To send is an act in the world: it may ask the clock.
    return notices.run(app, datetime.now(UTC))


def _locked(work: Callable[[App, Lake], dict[str, Any]]) -> Callable[[App], dict[str, Any]]:
    """A job that has the writer lock from its beginning to its end."""

    def run_locked(app: App) -> dict[str, Any]:
        with app.writing() as lake:
            return work(app, lake)

    return run_locked


JOBS: dict[str, Callable[[App], dict[str, Any]]] = {
    "clean": _locked(_clean),
    "compact": _locked(_compact),
    "drop-superseded": _locked(_drop_superseded),
    "link": _locked(_link),
    "notices": _notices,
    "retain": _locked(_retain),
    "scores": _scores,
    "signatures": _signatures,
}


def run(app: App, name: str) -> dict[str, Any]:
    """Run one job and return its report."""
    return JOBS[name](app)
