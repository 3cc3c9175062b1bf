"""What reading a file costs, measured in a process that read nothing before: run as a script, one path per line on
standard input, one JSON object per line on standard output: {seconds, mib, codes}.

Each file is read in a child of its own. `seconds` is processor time, so that a busy machine measures alike; `mib` is
how far the high-water mark of memory rose, the bytes of the file included; `codes` are the reasons given, [] for a
file of sound dossiers; null when the child died or took longer than `PATIENCE` seconds.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from pathlib import Path

from bienho.config import DEFAULT
from bienho.core.errors import InputError
from bienho.standards.xml130 import Dossier, UnreadableDossier, columns, read_received, scan

PATIENCE = 90
UNIT = 1024 * 1024 if sys.platform == "darwin" else 1024


def codes_of(data: bytes) -> list[str]:
    """Everything the house does with the bytes of one delivery before it writes."""
    try:
        scan(data, DEFAULT)
        found = set()
        for item in read_received(data, DEFAULT).dossiers:
            if isinstance(item, UnreadableDossier):
                found.add(item.code)
            elif isinstance(item, Dossier):
                columns.vault_payload(item)
                _ = item.content
        return sorted(found)
    except InputError as error:
        return [error.code]


def measure(path: Path) -> dict[str, object]:
    signal.alarm(PATIENCE)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    codes = codes_of(path.read_bytes())
    seconds = time.process_time() - start
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": seconds, "mib": (after - before) / UNIT, "codes": codes}


def main() -> None:
    codes_of(b"")  # the lists of the house are read once, here, and not by every child
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, json.dumps(measure(Path(line.rstrip("\n")))).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as answer:
            told = answer.read()
        os.waitpid(child, 0)
        sys.stdout.write(f"{told.decode() or 'null'}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
