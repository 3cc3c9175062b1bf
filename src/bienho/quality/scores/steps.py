"""The SQL that computes scores, in order, for a formula and a day. Whoever runs it binds what it reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
SUM, DAY = "temp.score_sum", "temp.score_day"
"""What scores are computed from: whole numbers by week and dimension, and by day. Of some dossiers, they add up."""
MOVED = "temp.score_moved"
"""(version_id, sign): the dossiers that `changed` counts, 1 for one that came, -1 for one that was replaced."""
KEPT, KEPT_COLUMNS = "temp.score_kept", (
    "facility_code", "dataset", "week_start", "dimension", "share", "units", "losses", "score", "dossiers", "expected",
)  # fmt: skip
"""Scores as they stand, of facilities that nothing was counted anew of."""
SUM_KEY, DAY_KEY = ("facility_code", "dataset", "week_start", "dimension"), ("facility_code", "dataset", "day")
_ROWS, _JUDGED, _TOLD = ("units", "parts", "loose", "sums"), ("volume", "base", "results"), ("losses",)


def steps(formula: Formula, as_of: date) -> tuple[str, ...]:
    """Statements to run one after the other; no clock is asked, `as_of` is the day on which the scores stand."""
    return _statements(formula, as_of, (*_ROWS, *_JUDGED, *_TOLD))


def changed(formula: Formula, as_of: date) -> tuple[str, ...]:
    """Statements that leave in `SUM` and `DAY` by how much they change with the dossiers of `MOVED`, of which alone,
    and of what else came in since, the reads hold rows."""
    return _statements(formula, as_of, _ROWS, signed=True)


def judged(formula: Formula, as_of: date, *, kept: bool = False) -> tuple[str, ...]:
    """Statements that make `RESULT` of what stands in `SUM` and `DAY`, and with `kept` of the scores in `KEPT`, of
    other facilities on the same day: they stay what they are, and are compared with."""
    return _statements(formula, as_of, _JUDGED, kept=kept)


def _statements(
    formula: Formula, as_of: date, names: Sequence[str], *, signed: bool = False, kept: bool = False
) -> tuple[str, ...]:
    volume = formula.volume
    words = {
        "as_of": _day(as_of),
        "first": _day(formula.first_week(as_of)),
        "window": _day(formula.first_counted(as_of)),
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
        "kept": f"UNION ALL BY NAME FROM {KEPT}" if kept else "",
        "sign": "sign" if signed else "1",
        "signed": f"JOIN {MOVED} USING (version_id)" if signed else "",
    }
    folder = resources.files("bienho.quality.scores")
    return tuple((folder / f"{name}.sql").read_text("utf-8").format(**words) for name in names)


def _day(day: date) -> str:
    return f"DATE '{day.isoformat()}'"


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
