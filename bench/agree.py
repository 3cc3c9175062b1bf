"""`python -m bench.agree [--dossiers N] [--seed S] [--json FILE]`: the rules and the slow judge over random dossiers.

The slow judge of the tests goes row by row and was written from the list of rules alone. The first dossier in which the
two differ stops it with its number and the seed that make it again.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

DOSSIERS = 20_000
PART = 2_000
RECEIVED = date(2025, 9, 5)


def agreement(count: int = DOSSIERS, seed: int = 20261126) -> dict[str, Any]:
    """How many dossiers of random damage were judged by both, and how many rules they broke; SystemExit where the two
    differ."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
    from support.rule_cases import damaged, example, judge_all, lists  # noqa: PLC0415 - tests are no package of ours
    from support.slow_rules import judge  # noqa: PLC0415

    r = random.Random(seed)
    tables, edition = example({}, ())
    reached: set[int] = set()
    places_found, began = 0, time.process_time()
    for start in range(0, count, PART):
        cases = [damaged(tables, edition, r, RECEIVED, lists()) for _ in range(min(PART, count - start))]
        for number, (case, places) in enumerate(zip(cases, judge_all(cases).places, strict=True), start):
            if judge(case) != places:
                told = sorted(judge(case) ^ places, key=str)
                raise SystemExit(f"agree: seed {seed}, dossier {number}: {told}")
            places_found += len(places)
            reached |= {place[0] for place in places}
    return {
        "seed": seed,
        "dossiers": count,
        "differing": 0,
        "places_found": places_found,
        "rules_reached": len(reached),
        "cpu_s": round(time.process_time() - began),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.agree", description=__doc__)
    parser.add_argument("--dossiers", type=int, default=DOSSIERS)
    parser.add_argument("--seed", type=int, default=20261126)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args()
    text = json.dumps(agreement(given.dossiers, given.seed), indent=2)
    print(text)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
