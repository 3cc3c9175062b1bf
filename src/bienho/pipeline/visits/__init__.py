"""Visits of practices without a system of their own: from what a doctor types to a dossier like everybody's."""

from bienho.pipeline.visits.checked import Drug, Fault, Visit
from bienho.pipeline.visits.sheet import DRUG, FIELDS, MOST_DRUGS, Sheet
from bienho.pipeline.visits.writing import Practice, Writing, communes, occupations

__all__ = [
    "DRUG", "FIELDS", "MOST_DRUGS", "Drug", "Fault", "Practice", "Sheet", "Visit", "Writing", "communes", "occupations",
]  # fmt: skip
