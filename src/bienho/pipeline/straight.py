"""Rows made by SQL, put into the lake without a delivery: for a twin of real size in a home of its own.

What an ingest does for the bytes of a batch is done here for the rows of a block: `standard`, the models of
`conformed`, the journal, in one transaction; the heads follow the lake as after a rebuild. The vault is the caller's,
and comes first, as everywhere. Such a home has no raw (`Home.require_raw`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from bienho.config import Home, cores_allowed
from bienho.contracts import catalogue
from bienho.core.errors import ConfigError
from bienho.lake import Lake
from bienho.pipeline import reference
from bienho.pipeline.app import App
from bienho.pipeline.catalog import current_catalog
from bienho.pipeline.ingest import compute_derived, open_writer
from bienho.pipeline.models import ModelRunner, store
from bienho.pipeline.remap import remap
from bienho.pipeline.ruling import revision_of
from bienho.standards.xml130.map import models as conformed_models

HEADS = "standard.xml130_dossier"
STAGE = "twin"
"""The journal's word for such a batch."""


@dataclass(frozen=True, slots=True)
class Rows:
    """One block: dataset → query that gives its rows, by column names; and the sequences of its deliveries."""

    queries: Mapping[str, str]
    first_seq: int
    last_seq: int
    versions: int


class Straight:
    """Writes blocks into an empty lake of a twin's home; made by `straight`."""

    def __init__(self, lake: Lake, *, conform: bool) -> None:
        self.lake = lake
        self.connection = lake.connection
        self._conform = conform
        self._runner = ModelRunner(lake.connection, conformed_models())
        if conform:
            self._runner.bind_copies((name for name in catalogue() if name.startswith("reference.")), {})
        self._batch = 0

    def write(self, block: Rows) -> dict[str, int]:
        """Commit one block, whose records the vault holds; rows per dataset."""
        self._batch += 1
        if not self._conform:
            return self._commit(block, block.queries, {})
        # the models need the rows too, and what is no table of the lake is made outside of it
        held = {name: self._held(name, query) for name, query in block.queries.items()}
        return self._commit(block, held, self._mapped(held))

    def _commit(self, block: Rows, queries: Mapping[str, str], outputs: Mapping[str, str]) -> dict[str, int]:
        counts: dict[str, int] = {}

        def work(connection: duckdb.DuckDBPyConnection) -> None:
            counts.clear()
            self._insert(queries, counts)
            store(connection, outputs)
            connection.execute(
                f"INSERT INTO lake.journal.change BY NAME SELECT ? AS batch_id, version_id FROM ({queries[HEADS]})",
                [self._batch],
            )
            connection.execute(
                "INSERT INTO lake.journal.batch BY NAME SELECT ? AS batch_id, ? AS stage, ? AS first_seq,"
                " ? AS last_seq, ? AS versions, ? AS rows, ? AS model_revision",
                [
                    self._batch,
                    STAGE,
                    block.first_seq,
                    block.last_seq,
                    block.versions,
                    sum(counts.values()),
                    revision_of(self._runner),
                ],
            )

        self.lake.commit(work, author="bienho-worker", message=f"{STAGE} {self._batch}", deliveries=())
        return counts

    def _held(self, name: str, query: str) -> str:
        """The rows of a query in a table of this process: they are asked for twice."""
        held = "batch_" + name.replace(".", "_")
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {held} AS {query}")
        return f"SELECT * FROM temp.{held}"

    def _insert(self, sources: Mapping[str, str], counts: dict[str, int]) -> None:
        for name, query in sources.items():
            row = self.connection.execute(f"INSERT INTO lake.{name} BY NAME {query}").fetchone()
            counts[name] = int(row[0]) if row else 0

    def _mapped(self, held: Mapping[str, str]) -> dict[str, str]:
        """The models of `conformed` over the rows of the block: model → table of this process with what it gave."""
        names = [name for name in catalogue() if name.startswith("standard.")]
        self._runner.bind_queries({name: held[name] for name in names if name in held})
        self._runner.bind_empty(name for name in names if name not in held)
        return self._runner.compute()


def twin_home(path: Home) -> Home:
    """The home, when a twin may be put into it; ConfigError CFG-HOME-TWIN for one that deliveries go to."""
    if path.origin != "twin":
        raise ConfigError(
            "CFG-HOME-TWIN",
            f"Thư mục {path.path} nhận dữ liệu thật hoặc tệp giao nộp; không đưa thẳng dữ liệu giả lập vào đó.",
            hint="Chọn một thư mục mới.",
            who="người vận hành",
        )
    return path


@contextmanager
def straight(app: App, *, conform: bool = True) -> Iterator[Straight]:
    """A writer of blocks over the empty lake of a twin's home, with its code lists there.

    Without `conform` the blocks go to `standard` alone, and `finish` maps them whole. Half of the cores stamp, the
    others are left to those who seal: two threads take twice the work of one for rows this wide. ConfigError
    CFG-HOME-TWIN for a home that takes deliveries or holds a twin already.
    """
    twin_home(app.home)
    with app.writing(threads=max(1, cores_allowed() // 2)) as lake:
        reference.load(lake, app.raw)
        if lake.table_counts()["standard.xml130_dossier"]:
            raise ConfigError("CFG-HOME-TWIN", f"Thư mục {app.home.path} đã có dữ liệu giả lập.", who="người vận hành")
        yield Straight(lake, conform=conform)


def finish(app: App, *, conformed: bool) -> int:
    """After the last block: heads from the lake, `conformed` where the blocks left it out, `derived`; models run."""
    catalog = current_catalog(app.home)
    with app.writing() as lake, open_writer(app, lake, catalog) as writer:
        if not conformed:
            remap(writer)
        return compute_derived(writer)
