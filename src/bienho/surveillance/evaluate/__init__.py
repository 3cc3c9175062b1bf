"""How good the detectors are, on series whose truth is known, and whether they agree with published figures."""

from bienho.surveillance.evaluate.agreement import Agreement, agreement
from bienho.surveillance.evaluate.quality import Quality, judge
from bienho.surveillance.evaluate.real import real_series
from bienho.surveillance.evaluate.scenarios import Scenario, read_scenarios, run_scenarios, simulate, without_outbreaks
from bienho.surveillance.evaluate.twin import twin_outbreaks

__all__ = [
    "Agreement",
    "Quality",
    "Scenario",
    "agreement",
    "judge",
    "read_scenarios",
    "real_series",
    "run_scenarios",
    "simulate",
    "twin_outbreaks",
    "without_outbreaks",
]
