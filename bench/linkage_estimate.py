"""How right the linkage of this release is, on packs its weights do not know: `python -m bench.linkage_estimate`.

Writes the file that pages show (`bienho.pipeline.estimate`); whoever changes weights or comparisons runs it again.
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean

from bench.linkage_packs import pack
from bienho.linkage.batch import link
from bienho.linkage.evaluate import evaluate
from bienho.linkage.shipped import shipped
from bienho.pipeline.estimate import NAME
from bienho.pipeline.persons import matched_by

KIND, RECORDS, SEEDS = "usual", 5_000, (11, 12, 13)
PLACE = Path(__file__).parents[1] / "src" / "bienho" / "pipeline" / NAME


def main() -> None:
    found = []
    for seed in SEEDS:
        records, truth = pack(KIND, RECORDS, seed)
        found.append(evaluate(truth, link(records, shipped()).persons))
    told = {
        "kind": KIND, "records": sum(one["records"] for one in found), "packs": len(SEEDS), "seeds": SEEDS,
        "matched_by": matched_by(),
        "precision": fmean(one["pairwise"]["precision"] for one in found),
        "recall": fmean(one["pairwise"]["recall"] for one in found),
        "whole": fmean(one["persons"]["exact_share"] for one in found),
    }  # fmt: skip
    PLACE.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
