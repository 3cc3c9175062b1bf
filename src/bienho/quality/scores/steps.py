"""The SQL that computes scores, in order, for a formula and a day. Whoever runs it binds what it reads."""

from __future__ import annotations

from datetime import date, timedelta
from importlib import resources

from bienho.quality.scores.formula import Formula

READS = (
    "standard.xml130_dossier",
    "standard.xml130_0",
    "standard.xml130_1",
    "standard.xml130_12",
    "standard.superseded",
    "standard.duplicate",
    "standard.delivery",
    "conformed.encounter",
    "conformed.check_in",
    "conformed.assessment",
    "conformed.condition",
    "quality.finding",
    "quality.quarantine",
    "reference.facility",
)
"""Datasets the steps read, current rows; `Formula.tables` must be there as temporary tables beside them."""
ALL_VERSIONS = ("standard.superseded", "standard.duplicate", "standard.delivery")
RESULT, LOSS = "temp.score_result", "temp.score_loss"
"""Where the rows of `quality.score` and `quality.score_loss` are after the last step."""
_ORDER = ("units", "parts", "loose", "volume", "losses", "results")


def steps(formula: Formula, as_of: date) -> tuple[str, ...]:
    """Statements to run one after the other; no clock is asked, `as_of` is the day on which the scores stand."""
    first = formula.first_week(as_of)
    volume = formula.volume
    words = {
        "as_of": _day(as_of),
        "first": _day(first),
        "window": _day(first - timedelta(weeks=volume.weeks)),
        "last": _day(as_of - timedelta(days=as_of.weekday())),
        "history": 7 * volume.weeks,
        "least_weeks": volume.least_weeks,
        "tolerance": volume.tolerance_percent,
        "deviations": volume.deviations,
        "volume_code": _text(volume.code),
        "closed": formula.closed_after_days,
        "quarantine": formula.quarantine,
        "otherwise": _text(formula.otherwise),
        "peers_least": formula.peers_least,
        "name": _text(formula.name),
    }
    folder = resources.files("bienho.quality.scores")
    return tuple((folder / f"{name}.sql").read_text("utf-8").format(**words) for name in _ORDER)


def _day(day: date) -> str:
    return f"DATE '{day.isoformat()}'"


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
