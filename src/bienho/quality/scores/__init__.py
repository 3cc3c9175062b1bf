"""Scores of data quality in six dimensions. Public names of the folder."""

from bienho.quality.scores.formula import DIMENSIONS, TOTAL, Formula, read_formula, standing
from bienho.quality.scores.reweigh import Lost, reshare, reweigh
from bienho.quality.scores.steps import (
    DAY,
    DAY_KEY,
    KEPT,
    KEPT_COLUMNS,
    LOSS,
    MOVED,
    READS,
    RESULT,
    SUM,
    SUM_KEY,
    changed,
    judged,
    steps,
)

__all__ = [
    "DAY",
    "DAY_KEY",
    "DIMENSIONS",
    "KEPT",
    "KEPT_COLUMNS",
    "LOSS",
    "MOVED",
    "READS",
    "RESULT",
    "SUM",
    "SUM_KEY",
    "TOTAL",
    "Formula",
    "Lost",
    "changed",
    "judged",
    "read_formula",
    "reshare",
    "reweigh",
    "standing",
    "steps",
]
