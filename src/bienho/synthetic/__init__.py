"""The twin: synthetic people of a real province, their visits as real-format deliveries, and the truth about them."""

from bienho.synthetic.describe import Fit, describe, tally_plan, tally_twin
from bienho.synthetic.generate import generate
from bienho.synthetic.plan import DIRT_KINDS, VERSION_MIX, Plan, Summary

__all__ = [
    "DIRT_KINDS", "VERSION_MIX", "Fit", "Plan", "Summary", "describe", "generate", "tally_plan", "tally_twin",
]  # fmt: skip
