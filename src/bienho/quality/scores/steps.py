"""The SQL that computes scores, in order, for a formula and a day. Whoever runs it binds what it reads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from importlib import resources

from bienho.quality.scores.formula import Formula

READS: Mapping[str, tuple[str, ...]] = {
    "standard.xml130_dossier": (
        "version_id", "delivery_id", "dossier_key", "facility_code", "document", "format_version", "received_at",
    ),
    "standard.xml130_0": ("version_id", "SO_CCCD", "MA_THE_BHYT"),
    "standard.xml130_1": ("version_id", "SO_CCCD", "MA_THE_BHYT"),
    "standard.xml130_12": ("version_id", "SO_CCCD", "MA_THE_BHYT"),
    "standard.superseded": ("version_id", "dossier_key"),
    "standard.duplicate": ("version_id", "of_version_id", "dossier_key"),
    "standard.delivery": ("delivery_seq", "delivery_id", "facility_code", "received_at"),
    "conformed.encounter": (
        "version_id", "service_date", "facility_canonical", "commune_canonical", "visit_type_name", "sex", "age_years",
    ),
    "conformed.check_in": (
        "version_id", "service_date", "facility_canonical", "visit_type_name", "sex", "birth_date",
    ),
    "conformed.assessment": (
        "version_id", "service_date", "facility_canonical", "commune_canonical", "birth_date",
    ),
    "conformed.condition": ("version_id", "rank", "well_formed", "in_list"),
    "quality.finding": (
        "version_id", "finding_id", "code", "rule", "severity", "owner", "table_name", "row_no", "field",
    ),
    "quality.quarantine": ("version_id", "delivery_id", "facility_code", "code", "received_at"),
    "reference.facility": ("code", "type", "valid_from", "valid_to"),
}  # fmt: skip
"""Dataset → the columns the steps read, of current rows. `Formula.tables` must be there as temporary tables beside."""
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
