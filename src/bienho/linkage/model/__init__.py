"""Cleaned records → pairs with the odds that both are of one person."""

from bienho.linkage.model.comparisons import COMPARISONS
from bienho.linkage.model.score import PAIRS
from bienho.linkage.model.train import train
from bienho.linkage.model.weights import Weights

__all__ = ["COMPARISONS", "PAIRS", "Weights", "train"]
