"""Now-casting: how many cases of the last days or weeks will have been reported once all reports are in."""

from bienho.surveillance.nowcast.delays import Delays, reporting_delays, triangle
from bienho.surveillance.nowcast.predict import Nowcast, nowcast

__all__ = ["Delays", "Nowcast", "nowcast", "reporting_delays", "triangle"]
