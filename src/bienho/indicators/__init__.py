"""Indicator definitions and the SQL that computes them. Public names of the room."""

from bienho.indicators.definitions import UNREVIEWED, Definition, Explanation, explain, load_definitions, models

__all__ = ["UNREVIEWED", "Definition", "Explanation", "explain", "load_definitions", "models"]
