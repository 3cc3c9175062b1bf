"""Figures of the house, each beside its limit or peer measured in the same run. `make bench` runs them all."""

import os

# Products of the size of ours gain nothing from threads, and those that wait are counted as CPU. Read by numpy when it
# is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
