"""The dictionary the vault compresses with, made anew from a twin: `python -m bench.dictionary OUT`.

Names of fields, words of prescriptions, diagnoses and places: what payloads have in common. Whatever is one person's
own is taken out first, though the people of a twin are nobody: names are left empty, digits of numbers are others in
every payload. A dictionary in use is never changed: a better one is another version of sealed records.
"""

from __future__ import annotations

import random
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import zstandard

from bienho.config import KeyRing, load_profile
from bienho.config.limits import DEFAULT
from bienho.lake import RawHeader
from bienho.pipeline.judge import Judge
from bienho.privacy import Digests, encode
from bienho.sources import find_files
from bienho.standards.xml130 import columns
from bienho.synthetic import Plan, generate

PLAN = Plan(persons=2_000, months=12, seed=20261126, share_noncanonical=0.0, share_resent=0.0, share_duplicate=0.0)
SIZE = 8_192
LEVEL = 3
DIGITS = 5
"""A text with that many digits names somebody or something."""


def payloads(plan: Plan) -> list[bytes]:
    """What an ingest of a twin would seal, in order of receipt, with numbers that are nobody's."""
    keys, now, chance = KeyRing("0" * 32, bytes(32)), datetime(2026, 1, 1, tzinfo=UTC), random.Random(plan.seed)
    judge = Judge(Digests(keys), keys, DEFAULT, load_profile().assessment_board)
    with tempfile.TemporaryDirectory(prefix="bienho-bench-") as folder:
        generate(plan, Path(folder) / "files")
        files = [
            (RawHeader(number, "xml130", "bench", "", now, None, 0, ""), found.path.read_bytes())
            for number, found in enumerate(find_files([Path(folder) / "files"]), 1)
        ]
    made = []
    for judged in judge.read_all(files):
        for candidate in judged.candidates:
            payload = columns.vault_payload(candidate.dossier)
            other = {digit: chance.choice("0123456789") for digit in "0123456789"}
            for row in (row for rows in payload.values() for row in rows):
                row.update({name: _nobodys(name, text, other) for name, text in row.items()})
            made.append(encode(payload))
    return made


def _nobodys(name: str, text: str | None, other: dict[str, str]) -> str | None:
    if name.startswith("HO_TEN"):
        return ""
    if text is None or sum(letter.isdigit() for letter in text) < DIGITS:
        return text
    return "".join(other.get(letter, letter) for letter in text)


def main() -> None:
    made = zstandard.train_dictionary(SIZE, payloads(PLAN), level=LEVEL, dict_id=1)
    Path(sys.argv[1]).write_bytes(made.as_bytes())


if __name__ == "__main__":
    main()
