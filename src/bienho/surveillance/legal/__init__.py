"""Thresholds of Circular 15/2026/TT-BYT (Articles 16 and 22) by commune and disease."""

from bienho.surveillance.legal.history import Past, Places, decided, past, period_of, period_start, rebuilt, run_begins
from bienho.surveillance.legal.thresholds import (
    ARTICLES,
    LEAST,
    LOOK_BACK,
    YEARS,
    Baseline,
    Now,
    State,
    Verdict,
    assume_endemic,
    baseline,
    judge,
)

__all__ = [
    "ARTICLES",
    "LEAST",
    "LOOK_BACK",
    "YEARS",
    "Baseline",
    "Now",
    "Past",
    "Places",
    "State",
    "Verdict",
    "assume_endemic",
    "baseline",
    "decided",
    "judge",
    "past",
    "period_of",
    "period_start",
    "rebuilt",
    "run_begins",
]
