"""`python -m bench [ingest …] [--json FILE]`: run the named benches (all by default) and print their figures."""

from __future__ import annotations

import argparse
import json
import platform
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from bench import audit, detect, doors, events, gate, growth, ingest, linkage, people, rules, stores, takein

BENCHES = {
    "ingest": ingest.run,
    "stores": stores.run,
    "growth": growth.run,
    "gate": gate.run,
    "audit": audit.run,
    "people": people.run,
    "events": events.run,
    "detect": detect.run,
    "rules": rules.run,
    "linkage": linkage.run,
    "doors": doors.run,
    "take-in": takein.run,
}
"""Each takes what it needs of rounds, persons and dossiers."""
LONG = ("detect", "linkage")
"""Made of parts, of which each is kept when it is done."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="BENCH", help="which benches; all when none is named")
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds; the mean is reported")
    parser.add_argument("--persons", type=int, default=ingest.PERSONS, help="size of the twin taken in")
    parser.add_argument("--dossiers", type=int, default=growth.DOSSIERS, help="how far the growth bench grows")
    parser.add_argument("--seconds", type=float, default=doors.SECONDS, help="of doors: how long clients send")
    parser.add_argument("--clients", type=int, default=doors.CLIENTS, help="of doors: how many at once")
    parser.add_argument("--stored", type=int, default=0, help="of doors: dossiers that are there before")
    parser.add_argument("--rate", type=float, default=0.0, help="of doors: files a second offered, 0 = all they can")
    parser.add_argument(
        "--keep", type=Path, help="folder in which doors leaves a grown home, growth the files of its twins"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--only", choices=(*detect.PARTS, *linkage.PARTS), help="of detect or linkage: this part")
    given = parser.parse_args()
    unknown = sorted(set(given.names) - BENCHES.keys())
    if unknown:
        parser.error(f"no bench called {', '.join(unknown)}; there are: {', '.join(BENCHES)}")
    memory = psutil.virtual_memory().total / 2**30
    figures: dict[str, object] = {
        "machine": {
            "cores": psutil.cpu_count(),
            "memory_gib": round(memory, 1),
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "load_before": [round(value, 2) for value in psutil.getloadavg()],
        }
    }

    def keep(name: str, figure: object) -> None:
        """What stands so far: a long bench that is stopped leaves something."""
        figures[name] = figure
        if given.json:
            text = json.dumps(figures, indent=2, ensure_ascii=False)
            given.json.write_text(text + "\n", encoding="utf-8")

    for name in given.names or BENCHES:
        more: dict[str, Any] = {"only": given.only, "keep": partial(keep, name)} if name in LONG else {}
        if name == "doors":
            more = {"seconds": given.seconds, "clients": given.clients, "stored": given.stored}
            more |= {"rate": given.rate, "keep": given.keep}
        if name == "growth":
            more = {"keep": given.keep}
        keep(name, BENCHES[name](rounds=given.rounds, persons=given.persons, dossiers=given.dossiers, **more))
    print(json.dumps(figures, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
