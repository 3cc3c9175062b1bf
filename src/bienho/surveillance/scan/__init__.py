"""Space-time clusters among communes."""

from bienho.surveillance.scan.clusters import Cluster, ScanOptions, scan
from bienho.surveillance.scan.places import PlacedCases, read_places

__all__ = ["Cluster", "PlacedCases", "ScanOptions", "read_places", "scan"]
