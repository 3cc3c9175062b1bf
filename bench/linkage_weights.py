"""Learns the weights that the house links with from a pack of made-up people: `python -m bench.linkage_weights`.

The same program gives the same file; whoever changes comparisons or blocking runs it again.
"""

from __future__ import annotations

from pathlib import Path

from bench.linkage_packs import pack
from bienho.linkage.model import train
from bienho.linkage.normalise import clean
from bienho.linkage.shipped import NAME

RECORDS, SEED = 60_000, 20260101
HOUSE = 9_000_000
"""Records of a province of 3.6 million people."""
PLACE = Path(__file__).parents[1] / "src" / "bienho" / "linkage" / "data" / NAME


def main() -> None:
    records, _ = pack("usual", RECORDS, SEED)
    PLACE.write_text(train(clean(records), SEED, house=HOUSE).to_json() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
