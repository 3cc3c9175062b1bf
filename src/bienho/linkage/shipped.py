"""The weights the house links with: learned once from made-up people (bench/linkage_weights.py), part of the program.

An installation does not train on its own records by itself: other weights are another release, and make the index anew.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from bienho.linkage.model.weights import Weights

NAME = "weights.json"


@cache
def shipped() -> Weights:
    """ConfigError CFG-LINK-WEIGHTS where the file is of another form than this program reads."""
    return Weights.from_json((files("bienho.linkage") / "data" / NAME).read_text(encoding="utf-8"))
