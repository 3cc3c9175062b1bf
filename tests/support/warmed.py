"""Imported once by the interpreter that commands are forked from (see commands.py): what any of them would learn anew.

DuckDB's extensions are checked and loaded, the policy of access is read, a dossier of every edition has been judged.
"""

from __future__ import annotations

import gc
import tempfile
from importlib import import_module
from pathlib import Path

from bienho.governance.policy import CURRENT, engine
from bienho.lake import extensions
from bienho.pipeline.check import check
from bienho.standards.xml130.write import write_delivery
from support.xml130_samples import DAYS, make_tables


def warm() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for version, day in DAYS.items():
            data = write_delivery([make_tables(version)], facility="64001", created=day, version=version)
            Path(folder, f"{version}.xml").write_bytes(data)
        check([folder])
    extensions.connect().close()
    import_module("bienho.pipeline.worker.process")  # with its queue
    engine(CURRENT)
    gc.collect()
    gc.freeze()  # what is known by now is not lost: no command need look through it


warm()
