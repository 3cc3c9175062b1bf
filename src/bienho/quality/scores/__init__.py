"""Scores of data quality in six dimensions. Public names of the folder."""

from bienho.quality.scores.formula import DIMENSIONS, TOTAL, Formula, read_formula, standing
from bienho.quality.scores.reweigh import Lost, reshare, reweigh
from bienho.quality.scores.steps import LOSS, READS, RESULT, steps

__all__ = [
    "DIMENSIONS",
    "LOSS",
    "READS",
    "RESULT",
    "TOTAL",
    "Formula",
    "Lost",
    "read_formula",
    "reshare",
    "reweigh",
    "standing",
    "steps",
]
