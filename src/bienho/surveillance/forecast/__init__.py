"""Forecasts of monthly counts one to three months ahead, and what they are worth."""

from bienho.surveillance.forecast.calibrate import predict
from bienho.surveillance.forecast.evaluate import Skill, evaluate, skill, which_is_served
from bienho.surveillance.forecast.model import HORIZONS, LEVELS, MEMBERS, Predictive
from bienho.surveillance.forecast.scores import brier, coverage, wis

__all__ = [
    "HORIZONS", "LEVELS", "MEMBERS", "Predictive", "Skill", "brier", "coverage", "evaluate", "predict", "skill",
    "which_is_served", "wis",
]  # fmt: skip
