"""Figures of the house, each beside its limit or peer measured in the same run. `make bench` runs them all."""
