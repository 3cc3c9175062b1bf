"""The truth about a twin in the lake, as Parquet: every person, every visit with its version in the lake."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bienho.synthetic.events import effects_table, outbreaks_table
from bienho.synthetic.plan import Plan
from bienho.synthetic.straight.press import Ready
from bienho.synthetic.straight.rows import Twin


class Truth:
    """Who is who and which version of the lake is whose visit; nothing where no folder is given."""

    def __init__(self, folder: Path | None, plan: Plan, twin: Twin) -> None:
        self._folder = folder
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._last = -1
        """The person written last: people of a block lie in the order of their numbers, and so do the blocks."""
        if folder is None:
            return
        folder.mkdir(parents=True, exist_ok=True)
        events, world = twin.events, twin.maker.world
        tables = {
            "births": events.births, "courses": events.courses, "cases": events.cases,
            "immunisations": events.immunisations, "outbreaks": outbreaks_table(world, events.cases),
            "scenarios": effects_table(world),
        }  # fmt: skip
        for name, table in tables.items():
            pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
        text = json.dumps(plan.as_dict(), ensure_ascii=False, indent=2, sort_keys=True)
        (folder / "plan.json").write_text(text + "\n", encoding="utf-8")

    def add(self, ready: Ready) -> None:
        """The visits of a block that has been written."""
        if self._folder is None:
            return
        self._write("visits", ready.told)
        people = ready.block.people.filter(pc.greater(ready.block.people["person_no"], self._last))
        if people.num_rows:  # none where a block of people comes in several pieces
            self._last = people.column("person_no")[-1].as_py()
            self._write("people", people)

    def _write(self, name: str, table: pa.Table) -> None:
        assert self._folder is not None  # noqa: S101 - asked for before
        if name not in self._writers:
            path = self._folder / f"{name}.parquet"
            # nearly every number is another one: dictionaries would take time, and room
            self._writers[name] = pq.ParquetWriter(path, table.schema, compression="zstd", use_dictionary=False)
        self._writers[name].write_table(table)

    def __enter__(self) -> Truth:
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._writers.values():
            writer.close()
