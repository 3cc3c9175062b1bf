"""Scheduled reports that are due: each is run once, as its owner, through the gate. The day is given."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime

from bienho.governance.report_doors import ReportDoors
from bienho.pipeline.app import App


def doors(app: App) -> ReportDoors:
    """The house's reports, as commands use them."""
    return ReportDoors(app.database, app.keys, app.home)


def run_due(app: App, day: date, now: datetime, *, again: bool = False) -> dict[str, int]:
    """Run what fell due up to `day` and was not run; {made, refused, failed}. `again`: also what was not made."""
    waiting = doors(app).book.due(day, again=again)
    ended: Counter[str] = Counter(made=0, refused=0, failed=0)
    if waiting:
        with app.reading() as gate:
            for report, due in waiting:
                ended[doors(app).run(gate, report, due, now).state] += 1
    return dict(ended)
