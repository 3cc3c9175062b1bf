"""The twin: people, dossiers to files, lines straight to lake and vault, per CPU-second and per second of the clock.

    python -m bench.twin --persons 20000 [--step people|files|lake|remap|size] [--json docs/results/twin.json]

Every step runs in a process of its own, so that its memory and its CPU are its own. CPU is that of the process, of
those it started and of PostgreSQL. `lake` puts blocks into `standard`, `conformed` and the vault as `synth --into`
does; `remap` puts them into `standard` and the vault, then maps them whole. Of both it tells what each part took of
this process: to make people and visits, to look up, to wait for stencils and seals, to stamp and to write, and what
came after the last block. `size` puts ten times as many people into `standard` and the vault and nothing else; beside
that stands the same without the stencils, which a twin of the province makes no more of for many times the lines, and
the limit: what DuckDB takes to copy the same rows to plain Parquet (no joins, no zstd, no encryption, one file a
table). Lines are the rows of all tables XML1 … XML15. Target of issue 6 on 2 cores: 200,000 persons, 1,000 dossiers
to files and 300,000 lines to the lake a second.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from bench.measure import Spent, fresh_app, own_cpu, spending
from bienho.config import load_profile
from bienho.database import Role
from bienho.lake import Lake
from bienho.pipeline import App
from bienho.pipeline.straight import Straight
from bienho.synthetic import Plan, generate
from bienho.synthetic.people import blocks, make
from bienho.synthetic.places import Map
from bienho.synthetic.straight import lakeward, rows
from bienho.synthetic.straight.looking import Looker
from bienho.synthetic.straight.seals import Sealer, Sealers
from bienho.synthetic.straight.stencil import Cutter

SEED = 20261126
MB = 1_000_000
STEPS = ("people", "files", "lake", "remap", "size")
TIMES = 10
"""How many times the people of the other steps `size` has."""
SAMPLE = 500_000
"""Rows of a table that the limit is measured by."""
PARTS: tuple[tuple[Any, str, str], ...] = (
    (rows.Twin, "__init__", "people_and_events"),
    (Looker, "look", "looked_up"),
    (Sealers, "made", "stencils_waited_for"),
    (Looker, "visits", "visits_made"),
    (Sealers, "start", "seals_begun"),
    (Sealers, "wait", "seals_waited_for"),
    (Straight, "_held", "stamp"),
    (Straight, "_mapped", "conformed"),
    (Straight, "_commit", "write"),
    (lakeward, "finish", "after_the_last_block"),
)
"""Where a part begins and ends; `write` holds the stamp where blocks are not mapped."""
WITH_OTHERS = {"people_and_events", "after_the_last_block"}
"""Parts of which processes or threads of their own do some; of the others, which lie beside each other, DuckDB's one
thread is the caller's."""


def people(plan: Plan) -> dict[str, Any]:
    """The people alone."""
    cpu, wall = own_cpu(), time.perf_counter()
    atlas = Map(load_profile("gialai"))
    count = sum(make(plan, atlas, block)[0].num_rows for block in blocks(plan, atlas))
    return _rates(Spent(own_cpu() - cpu, 0, time.perf_counter() - wall), persons=count)


def files(plan: Plan) -> dict[str, Any]:
    """The whole way to delivery files, people and visits with it."""
    with tempfile.TemporaryDirectory(prefix="bienho-bench-") as folder:
        cpu, wall = own_cpu(), time.perf_counter()
        made = generate(plan, Path(folder) / "files")
        spent = Spent(own_cpu() - cpu, 0, time.perf_counter() - wall)
    return _rates(spent, persons=made.persons, dossiers=made.dossiers) | {"mb": made.bytes // MB, "digest": made.digest}


def lake(plan: Plan, *, conform: bool = True) -> dict[str, Any]:
    """The whole way to lake and vault, people and visits with it, and what each part of it took."""
    parts: dict[str, list[float]] = {}
    for owner, name, label in PARTS:
        clock = own_cpu if label in WITH_OTHERS else time.thread_time
        setattr(owner, name, _timed(getattr(owner, name), parts.setdefault(label, [0.0, 0.0]), clock))
    with fresh_app("twin") as app:
        before = _ended_cpu()
        with spending(app.home) as spent:
            made = lakeward.fill(plan, app, app.home.path / "truth", conform=conform)
        sealed = _ended_cpu() - before
        size = sum(path.stat().st_size for path in app.home.lake_dir.rglob("*") if path.is_file())
        with app.database.connect(Role.ADMIN) as admin:
            names = ("vault.patient", "vault.record", "vault.blind_index")
            vault = [admin.execute("SELECT pg_total_relation_size(%s::regclass)", (name,)).fetchone() for name in names]
    told = _rates(spent, dossiers=made.dossiers, lines=made.lines)
    told |= {"stencils": made.stencils, "classes": made.classes, "lake_mb": size // MB}
    told["vault_mb"] = sum(row[0] for row in vault if row) // MB
    told["sealing_processes_cpu_s"] = round(sealed, 2)
    stamped = parts["stamp"][0] + parts["write"][0]
    told["lines_stamped_and_written_per_cpu_second"] = round(made.lines / stamped)
    return told | {"parts": {label: {"cpu_s": round(c, 2), "wall_s": round(w, 2)} for label, (c, w) in parts.items()}}


def size(plan: Plan) -> dict[str, Any]:
    """To `standard` and the vault alone, of so many people that stencils are few beside the lines; and the limit."""
    write, made_and_sealed = [0.0, 0.0], (_of_the_crew(Cutter, "make"), _of_the_crew(Sealer, "seal"))
    Straight._commit = _timed(Straight._commit, write, time.thread_time)  # type: ignore[method-assign]
    lakeward.finish = lambda app, *, conformed: 0  # type: ignore[assignment]
    with fresh_app("twin") as app:
        with spending(app.home) as spent:
            made = lakeward.fill(plan, app, app.home.path / "truth", conform=False)
        rows_of, limit = _plain_copy(app)
    told = _rates(spent, persons=made.persons, dossiers=made.dossiers, lines=made.lines) | {"stencils": made.stencils}
    stencils, seals = (cpu.value for cpu in made_and_sealed)
    told |= {"stencils_cpu_s": round(stencils, 2), "seals_cpu_s": round(seals, 2), "write_cpu_s": round(write[0], 2)}
    told["lines_per_cpu_second_without_stencils"] = round(made.lines / (spent.cpu_s - stencils))
    told |= {"rows": rows_of, "plain_copy_cpu_s": round(limit, 2)}
    return told | {"times_of_plain_copy": {
        "all": round(spent.cpu_s / limit, 2),
        "without_stencils": round((spent.cpu_s - stencils) / limit, 2),
        "stamp_and_write": round(write[0] / limit, 2),
    }}  # fmt: skip


def _plain_copy(app: App) -> tuple[int, float]:
    """Rows of `standard`, and CPU-seconds of a plain copy of them, by the first SAMPLE of each table."""
    rows_of, total = 0, 0.0
    with Lake.open(app.home, app.database, read_only=True, threads=1) as lake:
        for name, count in lake.table_counts().items():
            if not name.startswith("standard.") or not count:
                continue
            lake.connection.execute(f"CREATE OR REPLACE TEMP TABLE sample AS FROM lake.{name} LIMIT {SAMPLE}")
            cpu = own_cpu()
            lake.connection.execute(
                f"COPY sample TO '{app.home.run_dir / 'plain.parquet'}' (FORMAT parquet, COMPRESSION uncompressed)"
            )
            total += (own_cpu() - cpu) * count / min(count, SAMPLE)
            rows_of += count
    return rows_of, total


def _of_the_crew(owner: type, name: str) -> Any:
    """CPU-seconds of a piece of work in all the processes that will be forked; it runs beside other work."""
    spent, work = multiprocessing.Value("d"), getattr(owner, name)

    def counted(*given: Any) -> Any:
        begun = time.process_time()
        try:
            return work(*given)
        finally:
            with spent:
                spent.value += time.process_time() - begun

    setattr(owner, name, counted)
    return spent


def _ended_cpu() -> float:
    """CPU-seconds of the processes this one started that have ended: those that seal."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _timed(work: Callable[..., Any], total: list[float], clock: Callable[[], float]) -> Callable[..., Any]:
    def timed(*given: Any, **named: Any) -> Any:
        cpu, wall = clock(), time.perf_counter()
        try:
            return work(*given, **named)
        finally:
            total[0] += clock() - cpu
            total[1] += time.perf_counter() - wall

    return timed


def _rates(spent: Spent, **counts: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "own_cpu_s": round(spent.own_s, 2),
        "postgresql_cpu_s": round(spent.postgres_s, 2),
        "wall_s": round(spent.wall_s, 2),
        "peak_mb": [resource.getrusage(who).ru_maxrss // 1024 for who in (0, resource.RUSAGE_CHILDREN)],
    }
    for name, count in counts.items():
        told |= {
            name: count,
            f"{name}_per_cpu_second": round(count / spent.cpu_s),
            f"{name}_per_second": round(count / spent.wall_s),
        }
    return told


@click.command()
@click.option("--persons", default=20_000, show_default=True)
@click.option("--months", default=12, show_default=True)
@click.option("--step", "chosen", multiple=True, type=click.Choice(STEPS), help="Without: all of them.")
@click.option("--json", "out", type=click.Path(path_type=Path))
@click.option("--here", is_flag=True, hidden=True, help="This process does the step.")
def main(persons: int, months: int, chosen: tuple[str, ...], out: Path | None, here: bool) -> None:
    plan = Plan(persons=persons, months=months, seed=SEED)
    if here:
        click.echo(json.dumps(_step(chosen[0], plan)))
        return
    told: dict[str, Any] = {"plan": plan.as_dict(), "cores": os.cpu_count(), "load_before": os.getloadavg()}
    for step in chosen or STEPS:
        command = [sys.executable, "-m", "bench.twin", "--here", "--step", step, "--persons", str(persons)]
        with tempfile.TemporaryDirectory(prefix="bienho-bench-") as config:
            done = subprocess.run(
                [*command, "--months", str(months)],
                env={**os.environ, "XDG_CONFIG_HOME": config},
                stdout=subprocess.PIPE,
                check=True,
            )
        told[step] = json.loads(done.stdout.splitlines()[-1])
        click.echo(f"{step}: {json.dumps(told[step])}")
    if out:
        out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _step(step: str, plan: Plan) -> dict[str, Any]:
    if step == "remap":
        return lake(plan, conform=False)
    if step == "size":
        return size(replace(plan, persons=plan.persons * TIMES))
    return {"people": people, "files": files, "lake": lake}[step](plan)


if __name__ == "__main__":
    main()
