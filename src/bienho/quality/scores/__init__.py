"""Scores of data quality in six dimensions. Public names of the folder."""

from bienho.quality.scores.formula import DIMENSIONS, TOTAL, Formula, read_formula, standing
from bienho.quality.scores.steps import LOSS, READS, RESULT, steps

__all__ = [
    "DIMENSIONS",
    "LOSS",
    "READS",
    "RESULT",
    "TOTAL",
    "Formula",
    "read_formula",
    "standing",
    "steps",
]
