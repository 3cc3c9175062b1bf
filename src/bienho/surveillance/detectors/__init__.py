"""Statistical detectors, vectorised over series: a panel in, alarms out."""

from bienho.surveillance.detectors.methods import METHODS, detect
from bienho.surveillance.detectors.several import discoveries, qvalues

__all__ = ["METHODS", "detect", "discoveries", "qvalues"]
