"""Growth: what a dossier costs, how long questions take and how big everything is, while a home grows.

Deliveries of as many twins as it takes, each of its own seed, come in together by the day of the files as those of one
province of all of their people would, in commands of three batches, with compaction as often as the product does it. At
each size: CPU-seconds of the whole tree per 100 MB and per thousand dossiers since the size before (compaction
included), the most memory the tree held, five typical questions through the gate (median of some rounds), files and
bytes of the lake, rows of its catalog, bytes of raw and of PostgreSQL. Memory is looked at by a process of its own:
looking costs the product nothing.

A run takes an hour, and a machine is not equally fast all the time. So at each size, and every so many dossiers
between, a new home takes in the command that has just come, after the one before it, in a process of its own. What the
two cost is compared by bytes as sent: dossiers of one command are half as long as those of another and cost half as
much, and only some of the commands are taken in twice.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from bench.measure import Spent, fresh_app, spending
from bench.memory import Peak, watching
from bienho.database import Role, places
from bienho.governance import accounts
from bienho.pipeline import App
from bienho.pipeline.ingest import ingest

DOSSIERS = 30_000
STEPS = (1, 3, 10, 30, 100)
"""Sizes looked at, in ten thousands, up to the wanted one."""
PERSONS = 10_000
DOSSIERS_A_TWIN = 30_000
"""What so many persons have at least."""
ORDER = "order.txt"
"""Beside the twins: the paths of their files, one a line, as they come; an empty line after each command."""
BYTES_A_COMMAND = 300_000_000
"""10,000 to 29,000 dossiers, three batches or more: about half a day of the whole province. `derived` follows once a
command. A worker lets it follow every five minutes, in which it can take in many times as many."""
BESIDE_EVERY = 75_000
SEED = 20261126
PURPOSE = "van-hanh"
ROUNDS = 5
MB = 1 << 20
QUESTIONS = {
    "count by week": "SELECT week_start, count(*) FROM conformed.encounter GROUP BY ALL",
    "top diagnoses of a facility": (
        "SELECT icd10, count(*) FROM conformed.condition WHERE facility_code = '{facility}' AND role = 'main'"
        " GROUP BY ALL ORDER BY 2 DESC LIMIT 20"
    ),
    "cost by facility and month": (
        "SELECT facility_code, settlement_year, settlement_month, sum(total_hospital) FROM conformed.claim GROUP BY ALL"
    ),
    "one dossier": "SELECT * FROM standard.xml130_3 WHERE version_id = {version}",
    "open errors by owner": "SELECT owner, code, count(*) FROM quality.finding GROUP BY ALL",
}


@dataclass(frozen=True, slots=True)
class New:
    """What a new home took: CPU-seconds for 100 MB of files and a thousand dossiers, and the memory of its tree."""

    cpu_s_per_100_mb: float
    cpu_s_per_1000: float
    peak_tree_mb: int


def sizes_of(app: App) -> dict[str, Any]:
    """Files, bytes and catalog rows."""
    with app.writing() as lake:
        rows = lake.metadata_query(
            "SELECT count(*), coalesce(sum(file_size_bytes), 0) FROM {meta}.ducklake_data_file"
            " WHERE end_snapshot IS NULL"
        )
        largest = lake.metadata_query(
            "SELECT max(n) FROM (SELECT count(*) AS n FROM {meta}.ducklake_data_file WHERE end_snapshot IS NULL"
            " GROUP BY table_id)"
        )
        schema = lake.catalog
        on_disk = sum(1 for path in lake.data_path.rglob("*.parquet"))
    with app.database.connect(Role.ADMIN) as connection:
        stats = connection.execute(f"SELECT count(*) FROM {schema}.ducklake_file_column_stats").fetchone()
        snapshots = connection.execute(f"SELECT count(*) FROM {schema}.ducklake_snapshot").fetchone()
        database = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        catalog = connection.execute(
            "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = %s AND c.relkind = 'r'",
            (schema,),
        ).fetchone()
    return {
        "lake_files": rows[0][0],
        "most_files_of_a_table": largest[0][0] or 0,
        "files_on_disk": on_disk,
        "lake_mb": round(int(rows[0][1]) / MB, 1),
        "raw_mb": round(sum(path.stat().st_size for path in app.home.raw_dir.iterdir()) / MB, 1),
        "catalog_column_rows": stats[0] if stats else 0,
        "catalog_snapshots": snapshots[0] if snapshots else 0,
        "catalog_mb": round(int(catalog[0]) / MB, 1) if catalog else 0,
        "postgres_mb": round(int(database[0]) / MB, 1) if database else 0,
    }


def questions(app: App) -> dict[str, float]:
    """Milliseconds of each question through the gate: the median of some rounds after one that warms."""
    actor = accounts.actor_for_os_user(app.database, app.home)
    with app.reading(threads=2) as gate:

        def answer(sql: str) -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = gate.query(actor, PURPOSE, sql)[1].read_all().to_pylist()
            return found

        facility = answer("SELECT min(facility_code) AS f FROM conformed.encounter")[0]["f"]
        version = answer("SELECT max(version_id) AS v FROM standard.xml130_3")[0]["v"]
        told = {}
        for name, sql in QUESTIONS.items():
            spent = []
            for _ in range(ROUNDS + 1):
                began = time.perf_counter()
                answer(sql.format(facility=facility, version=version))
                spent.append(time.perf_counter() - began)
            told[name] = round(1000 * statistics.median(spent[1:]), 1)
    return told


def run(*, rounds: int, persons: int, dossiers: int, keep: Path | None = None) -> dict[str, Any]:
    """The curves, as printed: one point for each size. `rounds` and `persons` do not matter here.

    `keep`: a folder in which the twins' files are left for the next run (22 KB a dossier).
    """
    del rounds, persons
    return curves([10_000 * step for step in STEPS if 10_000 * step <= dossiers] or [dossiers], keep)


def curves(sizes: Sequence[int], keep: Path | None = None) -> dict[str, Any]:
    """One point for each size, printed as it is reached."""
    points: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="bienho-growth-") as folder, fresh_app() as app:
        twins = keep or Path(folder)
        # in a process of its own: so many paths are not the product's memory
        _alone("prepare", twins, sizes[-1])
        commands = enumerate(_commands(twins))
        dossiers = before = beside_at = sent = 0
        beside: list[New] = []
        place = places.locate(app.home, create=False)
        data = place.data if place else None
        spent, peak = Spent(), Peak()
        for size in sizes:
            while dossiers < size:
                number, files = next(commands)
                _warm(files)
                with watching(data) as seen, spending(app.home) as part:
                    report = ingest(app, files, threads=2)
                dossiers += report.dossiers
                sent += _bytes_of(files)
                _add(spent, part)
                peak.see(seen.mb, seen.postgres_mb)
                if dossiers >= size or dossiers - beside_at >= BESIDE_EVERY:
                    beside.append(New(**json.loads(_alone("beside", twins, number))))
                    beside_at = dossiers
            cost = 100e6 * spent.cpu_s / sent
            points.append(_point(app, dossiers, cost, dossiers - before, spent, peak, beside))
            print(json.dumps(points[-1]), flush=True)
            before, sent, spent, beside = dossiers, 0, Spent(), []
    return {"bytes_a_command": BYTES_A_COMMAND, "seed": SEED, "points": points}


def new_home(folder: Path, number: int) -> New:
    """A home that has little, with the files of one command: what comes now is not what came a year ago, and a new home
    is to be asked for the same. Those of the command before come first, for what a process and a home do only once."""
    peak = Peak()
    with fresh_app() as app:
        place = places.locate(app.home, create=False)
        for files in islice(_commands(folder, max(0, number - 1)), 1 + min(number, 1)):
            _warm(files)
            with watching(place.data if place else None) as seen, spending(app.home) as spent:
                report = ingest(app, files, threads=2)
            peak.see(seen.mb, seen.postgres_mb)
    by_bytes, by_dossiers = 100e6 * spent.cpu_s / _bytes_of(files), 1000 * spent.cpu_s / report.dossiers
    return New(round(by_bytes, 3), round(by_dossiers, 3), round(peak.mb))


def _alone(what: str, folder: Path, number: int) -> str:
    """What a process of its own prints."""
    command = [sys.executable, "-m", "bench.growth", what, str(folder), str(number)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _warm(files: Sequence[Path]) -> None:
    """Have the system hold the files: a new home is given those that have just been read for the other."""
    for file in files:
        file.read_bytes()


def _bytes_of(files: Sequence[Path]) -> int:
    return sum(file.stat().st_size for file in files)


def _point(
    app: App, dossiers: int, cost: float, since: int, spent: Spent, peak: Peak, beside: Sequence[New]
) -> dict[str, Any]:
    new = statistics.fmean(one.cpu_s_per_100_mb for one in beside)
    return {
        "dossiers": dossiers,
        "cpu_s_per_100_mb": round(cost, 3),
        "cpu_s_per_1000": round(1000 * spent.cpu_s / since, 3),
        "new_homes": [asdict(one) for one in beside],
        "times_of_new_homes": round(cost / new, 3),
        "of_which_postgres_s_per_1000": round(1000 * spent.postgres_s / since, 3),
        "peak_tree_mb": round(peak.mb),
        "times_of_largest_new_home": round(peak.mb / max(one.peak_tree_mb for one in beside), 3),
        "of_which_postgres_mb": round(peak.postgres_mb),
        "questions_ms": questions(app),
        **sizes_of(app),
    }


def _add(whole: Spent, part: Spent) -> None:
    whole.own_s += part.own_s
    whole.postgres_s += part.postgres_s
    whole.wall_s += part.wall_s


def _commands(folder: Path, first: int = 0) -> Iterator[list[Path]]:
    """The files of all twins, some at a time, from the command numbered `first` on.

    They come by the day in their names, whoever they are from: a day's files touch what lies near that day. One twin
    after the other would touch the whole year with every command, and a week of it the more, the more twins have come.
    """
    with (folder / ORDER).open(encoding="utf-8") as lines:
        for number, (_, group) in enumerate(groupby(lines, lambda line: line == "\n")):
            if number % 2 or number < 2 * first:
                continue  # the end of a command, or one not wanted
            files = [folder / line.rstrip("\n") for line in group]
            yield files
            for file in files:  # what has come is not read again: the memory of the machine is left to the home
                with file.open("rb") as read:
                    os.posix_fadvise(read.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def prepare(folder: Path, dossiers: int) -> None:
    """Make the twins that hold so many dossiers, where they are not there yet, and the order of their files."""
    twins = [folder / f"twin-{number}" for number in range(-(-dossiers // DOSSIERS_A_TWIN))]
    for number, place in enumerate(twins):
        if not place.exists():
            shutil.rmtree(folder / "part", ignore_errors=True)  # of a run that was stopped
            # in a process of its own: its memory is not the product's
            command = [sys.executable, "-m", "bienho", "synth", "--out", str(folder / "part"), "--months", "12"]
            subprocess.run(
                [*command, "--persons", str(PERSONS), "--seed", str(SEED + number)], check=True, capture_output=True
            )
            (folder / "part").rename(place)
    files = [path for twin in twins for path in twin.glob("*/*") if path.parent.name != "truth"]
    files.sort(key=lambda path: (path.name, path))
    size = 0
    with (folder / ORDER).open("w", encoding="utf-8") as order:
        for path in files:
            order.write(f"{path.relative_to(folder)}\n")
            size += path.stat().st_size
            if size >= BYTES_A_COMMAND:
                order.write("\n")
                size = 0


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        print(json.dumps(asdict(new_home(Path(sys.argv[2]), int(sys.argv[3])))))
