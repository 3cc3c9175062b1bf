"""Texts of a record become columns that can be compared."""

from bienho.linkage.normalise.clean import clean
from bienho.linkage.normalise.places import Places, places_of

__all__ = ["Places", "clean", "places_of"]
