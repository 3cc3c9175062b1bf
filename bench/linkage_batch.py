"""A million records as a batch: beside plain Splink over the same cleaned columns, and out of the vault into the lake.

The first trains, as `bienho link batch` does; the second weighs with the weights of the house, as the house does. Out
of the vault: names, numbers and addresses lie sealed, each person's under a key of their own, and are opened and
cleaned in the memory of two processes; persons end as rows of `conformed.person_link`. They were sealed before, which
is not timed.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from bench.linkage_packs import pack
from bench.measure import fresh_app, spending
from bienho.lake import Lake
from bienho.linkage import RECORDS, clean
from bienho.linkage.batch import link_clean
from bienho.linkage.evaluate import evaluate
from bienho.linkage.shipped import shipped
from bienho.pipeline import App, open_app
from bienho.privacy import Vault, VaultEntry

MILLION = 1_000_000
AT_ONCE = 100_000
"""Records sealed at a time."""
OPENED = 250_000
"""Records opened by one process before it cleans them and hands them over."""
HELD = 5_000
"""Records that lie open as what they were sealed as."""
WORKERS = 2
THRESHOLD = 0.99
Plain = Callable[..., dict[float, pa.Table]]
Short = Callable[[dict[str, Any]], dict[str, Any]]


def run(
    plain: Plain, short: Short, records: int = MILLION, keep: Callable[[Any], None] | None = None
) -> dict[str, Any]:
    """Seconds of the wall and of CPU; `plain` is Splink's way, `short` makes figures of what `evaluate` says."""
    raw, truth = pack("usual", records, 1)
    figures: dict[str, Any] = {"records": records, "vault": _through_vault(raw, truth, short)}
    if keep:
        keep(figures)
    cleaned, cleaning = _timed(lambda: clean(raw))
    linked, linking = _timed(lambda: link_clean(cleaned, seed=1))
    figures |= {"cleaning": cleaning, "linking": linking, "bienho": short(evaluate(truth, linked.persons))}
    theirs, plainly = _timed(lambda: plain(cleaned, 1, thresholds=(THRESHOLD,)))
    return figures | {
        "plain_splink": plainly, "plain": short(evaluate(truth, theirs[THRESHOLD])),
        "ratio": round(linking["seconds"] / plainly["seconds"], 2),
        "ratio_cpu": round(linking["cpu_seconds"] / plainly["cpu_seconds"], 2),
    }  # fmt: skip


def _through_vault(raw: pa.Table, truth: pa.Table, short: Short) -> dict[str, Any]:
    """Opened, cleaned, linked, written: seconds of each and of all of them together."""
    steps: dict[str, float] = {}
    with fresh_app("twin") as app:
        sealed = _sealed(app, raw)

        def step(name: str, work: Callable[[], Any]) -> Any:
            began = time.perf_counter()
            made = work()
            steps[name] = round(time.perf_counter() - began, 2)
            return made

        with spending(app.home) as spent:
            cleaned = step("open_and_clean", lambda: _opened(app, sealed))
            linked = step("link", lambda: link_clean(cleaned, shipped()))
            step("write", lambda: _written(app, linked.persons))
        with closing(Lake.open(app.home, app.database, read_only=True)) as lake:
            row = lake.connection.execute("SELECT count(*) FROM lake.conformed.person_link").fetchone()
    if row != (raw.num_rows,):
        raise AssertionError("person_link has not a row a record")
    return {
        "seconds": round(spent.wall_s, 1), "steps": steps, "cpu_s_python": round(spent.own_s, 1),
        "cpu_s_postgres": round(spent.postgres_s, 1), "bienho": short(evaluate(truth, linked.persons)),
    }  # fmt: skip


def _sealed(app: App, raw: pa.Table) -> list[str]:
    """Vault records of all rows, each under a patient of its own."""
    vault, names = Vault(app.keys, app.database), [name for name in RECORDS.names if name in raw.column_names]
    found: list[str] = []
    for start in range(0, raw.num_rows, AT_ONCE):
        rows = raw.slice(start, AT_ONCE).select(names).to_pylist()
        entries = [
            VaultEntry(row["facility_code"], row["record_id"], f"{place:032x}", {"XML1": [row]})
            for place, row in enumerate(rows, start)
        ]
        found += vault.seal(entries, fresh=True).record_ids
    return found


def _opened(app: App, sealed: list[str]) -> pa.Table:
    """CLEAN of vault records."""
    parts = [sealed[start : start + OPENED] for start in range(0, len(sealed), OPENED)]
    with ProcessPoolExecutor(WORKERS, get_context("spawn"), _start, (app.home.path,)) as pool:
        found = pa.concat_tables(pool.map(_open, parts)).sort_by("record_id").combine_chunks()
    # a pack is numbered in order of arrival
    place = found.schema.get_field_index("arrived")
    return found.set_column(place, found.schema.field(place), pa.array(range(found.num_rows), pa.int64()))


def _start(home: Path) -> None:
    global _vault
    app = open_app(home).__enter__()
    _vault = Vault(app.keys, app.database)


def _open(ids: list[str]) -> pa.Table:
    """CLEAN of vault records; those opened at a time are a table before the next are, or the collector of garbage looks
    at all of them again and again."""
    kind = pa.struct([field for field in RECORDS if field.name != "arrived"])
    parts = []
    for start in range(0, len(ids), HELD):
        rows = [content["XML1"][0] for content in _vault.open(ids[start : start + HELD]).values()]
        parts.append(pa.RecordBatch.from_struct_array(pa.array(rows, kind)))
    return clean(pa.Table.from_batches(parts))


_vault: Vault


def _written(app: App, persons: pa.Table) -> None:
    def work(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(
            "INSERT INTO lake.conformed.person_link BY NAME SELECT record_id AS patient_key, person_id AS person_key,"
            " 'index' AS basis FROM linked"
        )

    with closing(Lake.open(app.home, app.database, read_only=False)) as lake:
        lake.connection.register("linked", persons)
        lake.commit(work, author="bench", message="person_link", deliveries=())


def _timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    wall, cpu = time.perf_counter(), time.process_time()
    made = work()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return made, {
        "seconds": round(time.perf_counter() - wall, 2), "cpu_seconds": round(time.process_time() - cpu, 2),
        "most_memory_gib": round(memory, 2),
    }  # fmt: skip
