"""Records of patients become persons. Public names of the room."""

from bienho.linkage.normalise import Places, clean, places_of
from bienho.linkage.records import CLEAN, RECORDS

__all__ = ["CLEAN", "RECORDS", "Places", "clean", "places_of"]
