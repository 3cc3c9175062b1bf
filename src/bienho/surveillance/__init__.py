"""Early warning: series, detectors, clusters, and how good they are. Public names of the room."""

from bienho.surveillance.detectors import METHODS, detect, discoveries, qvalues
from bienho.surveillance.panel import Alarms, Panel
from bienho.surveillance.scan import Cluster, PlacedCases, ScanOptions, read_places, scan
from bienho.surveillance.series import PlainSeries, read_series

__all__ = [
    "METHODS",
    "Alarms",
    "Cluster",
    "Panel",
    "PlacedCases",
    "PlainSeries",
    "ScanOptions",
    "detect",
    "discoveries",
    "qvalues",
    "read_places",
    "read_series",
    "scan",
]
