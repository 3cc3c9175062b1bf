"""Ingest, from file open to rows readable, in CPU-seconds of the whole tree; beside bare parsing of the same sub-files.

The limit is `lxml.etree.fromstring` over every decoded sub-file, one thread, nothing kept, in a process that does
nothing else. Each round measures ingest without the models of `conformed` (rows in raw, vault and `standard`) and whole
ingest (and `conformed`), each into a fresh home, and the limit before, between and after them. DuckDB runs with one
thread. The twin is seeded; its mix of versions, sizes and non-canonical files is printed with the figures. Beside them:
the stages of one more ingest, one with two threads in DuckDB, and the most memory this process ever had (the corpus and
the parsed files are part of it).
"""

from __future__ import annotations

import base64
import binascii
import io
import resource
import tempfile
import time
import zipfile
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path
from statistics import fmean, quantiles
from typing import Any
from unittest import mock

from lxml import etree

from bench import stages
from bench.measure import Spent, fresh_app, mean, spending
from bienho.pipeline import writer
from bienho.pipeline.ingest import ingest
from bienho.sources import find_files
from bienho.synthetic import Plan, Summary, generate

PERSONS = 4_000
"""They have more than ten thousand dossiers: what a command costs once weighs less than in few."""
SEED = 20261123
MB = 1_000_000


def envelopes(corpus: Path) -> Iterator[bytes]:
    """Every file sent, those of an archive one by one."""
    for found in find_files([corpus]):
        data = found.path.read_bytes()
        if zipfile.is_zipfile(io.BytesIO(data)):
            with zipfile.ZipFile(io.BytesIO(data)) as packed:
                yield from (packed.read(name) for name in sorted(packed.namelist()))
        else:
            yield data


def sub_files(corpus: Path) -> Iterator[bytes]:
    """The decoded sub-files of every envelope, and bare files whole; found without the project's own reader, which is
    what is measured."""
    for data in envelopes(corpus):
        try:
            root = etree.fromstring(data)
        except etree.XMLSyntaxError:
            continue
        parts = [
            element for element in root.iter()
            if isinstance(element.tag, str) and etree.QName(element).localname.upper() == "NOIDUNGFILE"
        ]  # fmt: skip
        if not parts:
            yield data
        for element in parts:
            if len(element):
                yield etree.tostring(element[0])
            elif element.text:
                try:
                    yield base64.b64decode("".join(element.text.split()), validate=True)
                except binascii.Error:
                    continue


_held: list[bytes] = []


def _hold(files: list[bytes]) -> None:
    _held[:] = files


def bare_parse() -> float:
    """CPU-seconds of lxml over all sub-files held, nothing read from the trees."""
    began = time.process_time()
    for data in _held:
        etree.fromstring(data)
    return time.process_time() - began


def alone(files: list[bytes]) -> Pool:
    """A process of its own for bare parsing: where ingests have left their memory in pieces it is slower."""
    return get_context("spawn").Pool(1, _hold, (files,))


def one_ingest(corpus: Path, *, conformed: bool, threads: int = 1) -> tuple[Spent, int]:
    """What one ingest into a fresh home spent, and how many dossiers it took."""
    models = writer.conformed_models if conformed else list
    with (
        fresh_app() as app,
        mock.patch.object(writer, "conformed_models", models),
        spending(app.home) as spent,
    ):
        report = ingest(app, [corpus], threads=threads, compute=False)
    return spent, report.accepted + report.accepted_with_findings


def run(*, rounds: int, persons: int, dossiers: int) -> dict[str, Any]:
    """The figures, as printed. `dossiers` does not matter here."""
    del dossiers
    with tempfile.TemporaryDirectory(prefix="bienho-bench-corpus-") as folder:
        corpus = Path(folder, "files")
        made = generate(Plan(persons=persons, months=12, seed=SEED), corpus)
        files = [data for data in sub_files(corpus) if _parses(data)]
        with alone(files) as limit:
            measured = [_round(corpus, limit) for _ in range(rounds)]
        with stages.sampled() as samples:
            profiled, _ = one_ingest(corpus, conformed=True)
        two_cores, _ = one_ingest(corpus, conformed=True, threads=2)
    size = sum(map(len, files))
    dossiers = measured[0]["dossiers"]
    bare = fmean(one["bare"] for one in measured)
    figures: dict[str, Any] = {
        "corpus": _describe(made, files, dossiers),
        "limit_bare_lxml": {
            "cpu_s": mean([one["bare"] for one in measured]),
            "mb_per_cpu_s": round(size / MB / bare, 1),
        },
    }
    for stage in ("standard_and_vault", "conformed"):
        spent: list[Spent] = [one[stage] for one in measured]
        cpu = fmean(one.cpu_s for one in spent)
        figures[stage] = {
            "cpu_s": mean([one.cpu_s for one in spent]),
            "of_which_postgres_s": mean([one.postgres_s for one in spent]),
            "wall_s": mean([one.wall_s for one in spent]),
            "mb_per_cpu_s": round(size / MB / cpu, 2),
            "dossiers_per_cpu_s": round(dossiers / cpu),
            "share_of_limit": round(bare / cpu, 4),
        }
    figures["two_threads"] = {"cpu_s": round(two_cores.cpu_s, 3), "wall_s": round(two_cores.wall_s, 3)}
    figures["peak_memory_mib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    figures["stages_of_conformed"] = {
        **stages.told(samples, profiled.own_s, dossiers),
        "PostgreSQL": {"us_per_dossier": round(profiled.postgres_s / dossiers * 1e6, 1)},
    }
    return figures


def _round(corpus: Path, limit: Pool) -> dict[str, Any]:
    before = limit.apply(bare_parse)
    standard, dossiers = one_ingest(corpus, conformed=False)
    between = limit.apply(bare_parse)
    whole, again = one_ingest(corpus, conformed=True)
    bare = fmean((before, between, limit.apply(bare_parse)))
    assert dossiers == again > 0, "both stages must take in the same dossiers"
    return {"bare": bare, "standard_and_vault": standard, "conformed": whole, "dossiers": dossiers}


def _parses(data: bytes) -> bool:
    try:
        etree.fromstring(data)
    except etree.XMLSyntaxError:
        return False
    return True


def _describe(made: Summary, files: list[bytes], dossiers: int) -> dict[str, Any]:
    sizes = sorted(map(len, files))
    cuts = quantiles(sizes, n=20)
    told = made.as_dict()
    return {
        "seed": SEED,
        "dossiers": dossiers,
        "sub_files": len(files),
        "decoded_mb": round(sum(sizes) / MB, 2),
        "sub_file_bytes": {"median": round(cuts[9]), "p95": round(cuts[18]), "max": sizes[-1]},
        **{name: told[name] for name in ("files", "by_version", "by_style", "by_kind", "rows")},
    }
