"""How right the linkage of this release is, on packs its weights do not know: `python -m bench.linkage_estimate`.

Writes the file that pages show (`bienho.pipeline.estimate`); whoever changes weights or comparisons runs it again.
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean

from bench.linkage_packs import KINDS, pack
from bienho.linkage.batch import link
from bienho.linkage.evaluate import evaluate
from bienho.linkage.shipped import shipped
from bienho.pipeline.estimate import NAME
from bienho.pipeline.persons import matched_by

RECORDS, SEEDS = 5_000, (11, 12, 13)
PLACE = Path(__file__).parents[1] / "src" / "bienho" / "pipeline" / NAME


def main() -> None:
    told = {
        "records": RECORDS * len(SEEDS), "packs": len(SEEDS), "seeds": SEEDS, "matched_by": matched_by(),
        "kinds": {kind: _measured(kind) for kind in KINDS},
    }  # fmt: skip
    PLACE.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _measured(kind: str) -> dict[str, float]:
    found = []
    for seed in SEEDS:
        records, truth = pack(kind, RECORDS, seed)
        found.append(evaluate(truth, link(records, shipped()).persons))
    return {
        "precision": fmean(one["pairwise"]["precision"] for one in found),
        "recall": fmean(one["pairwise"]["recall"] for one in found),
        "whole": fmean(one["persons"]["exact_share"] for one in found),
    }


if __name__ == "__main__":
    main()
