"""Jobs that rewrite the lake must not change what it says; digests and counts must see it when something does."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from bienho.core.errors import StorageError, UsageError
from bienho.database import Role, create_lake_schema, drop_lake_schema
from bienho.lake import Lake, Versions, maintenance
from support.homes import Made, temporary_home

pytestmark = pytest.mark.database


@dataclass(frozen=True)
class Column:
    name: str
    physical_type: str


@dataclass(frozen=True)
class Table:
    zone: str
    name: str
    fields: tuple[Column, ...]
    versioned: bool = False

    def ddl(self) -> str:
        columns = ", ".join(f'"{field.name}" {field.physical_type}' for field in self.fields)
        return f"CREATE TABLE IF NOT EXISTS lake.{self.zone}.{self.name} ({columns})"


SUPERSEDED = Table("standard", "superseded", (Column("version_id", "BIGINT"), Column("by_version_id", "BIGINT")))
LINE = Table(
    "standard",
    "line",
    (
        Column("version_id", "BIGINT"),
        Column("row_no", "INTEGER"),
        Column("TEN", "VARCHAR"),
        Column("GIA", "DECIMAL(18,3)"),
    ),
    versioned=True,
)
PLAIN = Table("reference", "code", (Column("code", "VARCHAR"),))
NAMES = ["standard.line", "standard.superseded", "reference.code"]


@pytest.fixture(scope="module")
def made() -> Iterator[Made]:
    with temporary_home() as found:
        yield found


@pytest.fixture(scope="module")
def lake(made: Made) -> Iterator[Lake]:
    """A history: 30 small commits, some versions replaced, some rows deleted."""
    chance = random.Random(20261123)
    with Lake.open(made.home, made.database, read_only=False, threads=2) as opened:
        opened.create_tables([SUPERSEDED, LINE, PLAIN])
        for batch in range(1, 31):
            first = batch * 1_000
            rows = [(first + n, row, f"Thuốc {row}", chance.random()) for n in range(5) for row in range(1, 4)]
            replaced = [(chance.randrange(1, batch) * 1_000 + n, first + n) for n in range(2)] if batch > 1 else []

            def work(connection, rows=rows, replaced=replaced, batch=batch):  # type: ignore[no-untyped-def]
                connection.execute(f"INSERT INTO lake.standard.line VALUES {', '.join(map(str, rows))}")
                if replaced:
                    connection.execute(f"INSERT INTO lake.standard.superseded VALUES {', '.join(map(str, replaced))}")
                if batch % 7 == 0:
                    connection.execute(f"DELETE FROM lake.standard.line WHERE version_id = {batch * 1_000 - 997}")

            opened.commit(work, author="thử", message=f"lô {batch}", deliveries=[f"D{batch:012d}"])
        yield opened


def everything(lake: Lake, at: int | None = None) -> list[dict[str, str]]:
    return [lake.table_digests(NAMES, "current", at=at), lake.table_digests(NAMES, "all", at=at)]


def test_compaction_changes_files_and_no_row(lake: Lake) -> None:
    snapshots = [snapshot.id for snapshot in lake.snapshots() if snapshot.author == "thử"]
    sampled = snapshots[::6]
    before, past = everything(lake), [everything(lake, at) for at in sampled]
    report = maintenance.compact(lake, now=datetime.now(UTC))
    assert report.files_after < report.files_before / 5
    assert report.deleted == 0, "files replaced a moment ago may be in use"
    assert everything(lake) == before
    assert [everything(lake, at) for at in sampled] == past
    later = datetime.now(UTC) + timedelta(hours=2)
    # All but what older snapshots read: a file rewritten without its deleted rows is not the one they knew.
    assert maintenance.compact(lake, now=later).deleted > report.files_before * 0.8
    assert everything(lake) == before
    assert [everything(lake, at) for at in sampled] == past
    assert maintenance.check_counts(lake) == []


def test_settling_keeps_small_files_few_and_every_row(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "TIER_FILES", 16)
    table = Table("standard", "stream", LINE.fields[:2])
    lake.create_tables([table])
    now, files = datetime.now(UTC), []
    for number in range(3 * maintenance.TIER_FILES):
        run(lake, f"INSERT INTO lake.standard.stream VALUES ({number}, 1), ({number}, 2)")
        before = lake.table_digests(["standard.stream"], "all", at=lake.snapshot_id())
        at = lake.snapshot_id()
        maintenance.settle(lake, now)
        assert lake.table_digests(["standard.stream"], "all") == before
        files.append(live_files(lake, "stream"))
    assert max(files) < maintenance.TIER_FILES
    assert files.count(1) > 2
    assert maintenance.settle(lake, now) == 0
    half = at - 10
    counted = lake.connection.execute(f"SELECT count(*) FROM lake.standard.stream AT (VERSION => {half})").fetchone()
    assert counted is not None
    assert 0 < counted[0] < 2 * len(files)
    assert maintenance.check_counts(lake, {"standard.stream": 2 * len(files)}) == []
    lake.connection.execute("DROP TABLE lake.standard.stream")


def test_what_a_column_holds_is_found_by_an_index(made: Made, lake: Lake) -> None:
    """PostgreSQL would read the statistics of every column of every file for each scan with a condition."""
    asked = f"SELECT data_file_id FROM {lake.catalog}.ducklake_file_column_stats WHERE table_id = 1 AND column_id = 1"
    with made.database.connect(Role.ADMIN) as connection:
        connection.execute("SET enable_seqscan = off")  # there are too few here to be worth it
        plan = connection.execute("EXPLAIN " + asked).fetchall()
    assert "bienho_statistics_of_a_column" in str(plan)


def test_what_was_received_is_left_in_more_files(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked up by version, and to write it again costs as much as to write it."""
    monkeypatch.setattr(maintenance, "TIER_FILES", 4)
    monkeypatch.setattr(maintenance, "MANY_FILES", 10)
    names = ("standard.received", "standard.book", "conformed.mapped")
    for name, versioned in zip(names, (True, False, True), strict=True):
        lake.create_tables([Table(*name.split("."), LINE.fields[:2], versioned=versioned)])
    files: dict[str, list[int]] = {name: [] for name in names}
    for number in range(12):
        for name in names:
            run(lake, f"INSERT INTO lake.{name} VALUES ({number}, 1)")
        maintenance.settle(lake, datetime.now(UTC))
        for name in names:
            files[name].append(live_files(lake, name.split(".")[1]))
    assert [max(files[name]) for name in names] == [9, 3, 3]
    assert files[names[0]][9] == 1
    for name in names:
        lake.connection.execute(f"DROP TABLE lake.{name}")


def test_files_of_many_rows_are_left_in_more_files(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """To open one of them costs little beside reading it; small ones of the same table are merged among themselves."""
    monkeypatch.setattr(maintenance, "TIER_FILES", 4)
    monkeypatch.setattr(maintenance, "MANY_FILES", 9)
    monkeypatch.setattr(maintenance, "SMALL_ROWS", 100)
    lake.create_tables([Table("conformed", "long", LINE.fields[:2])])
    files = []
    for number in range(16):
        rows = 1 if number % 2 else 5_000
        run(lake, f"INSERT INTO lake.conformed.long SELECT {number}, hash(n) % 1000000007 FROM range({rows}) AS t(n)")
        before = lake.table_digests(["conformed.long"], "all")
        maintenance.settle(lake, datetime.now(UTC))
        assert lake.table_digests(["conformed.long"], "all") == before
        files.append(live_files(lake, "long"))
    # two small ones at most wait beside those with many rows, until there are nine of these
    assert files == [1, 2, 3, 4, 5, 6, 7, 5, 6, 7, 8, 9, 10, 8, 9, 10]
    lake.connection.execute("DROP TABLE lake.conformed.long")


def test_what_is_written_anew_with_every_commit_stays_in_few_files(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deleted and written again each time, as what is derived is: a merge alone would leave every such file."""
    monkeypatch.setattr(maintenance, "TIER_FILES", 4)
    monkeypatch.setattr(maintenance, "FRAYED_FILES", 4)
    lake.create_tables([Table("standard", "again", LINE.fields[:2])])
    now, files, past = datetime.now(UTC), [], {}
    for number in range(12):

        def work(connection: duckdb.DuckDBPyConnection, number: int = number) -> None:
            connection.execute(f"DELETE FROM lake.standard.again WHERE row_no > 1 AND version_id >= {number - 2}")
            connection.execute(f"INSERT INTO lake.standard.again VALUES ({number}, 1), ({number}, 2), ({number}, 3)")

        _, at = lake.commit(work, author="thử", message="lại", deliveries=())
        past[at] = lake.table_digests(["standard.again"], "all", at=at)
        maintenance.settle(lake, now)
        assert lake.table_digests(["standard.again"], "all") == past[at]
        files.append(live_files(lake, "again"))
    assert max(files) <= 6, files
    for at in list(past)[::5]:
        assert lake.table_digests(["standard.again"], "all", at=at) == past[at]
    assert maintenance.check_counts(lake) == []
    lake.connection.execute("DROP TABLE lake.standard.again")


def live_files(lake: Lake, name: str) -> int:
    rows = lake.metadata_query(
        "SELECT count(*) FROM {meta}.ducklake_data_file f JOIN {meta}.ducklake_table t USING (table_id)"
        f" WHERE t.table_name = '{name}' AND f.end_snapshot IS NULL"
    )
    return int(rows[0][0])


def test_dropping_replaced_versions_keeps_what_is_current(lake: Lake) -> None:
    now_current, then_all = everything(lake)[0], everything(lake)[1]
    at = lake.snapshot_id()
    replaced = lake.connection.execute(
        "SELECT count(*) FROM lake.standard.line SEMI JOIN lake.standard.superseded USING (version_id)"
    ).fetchone()
    report = maintenance.drop_superseded(lake)
    assert replaced is not None
    assert report.rows == {"standard.line": replaced[0]}
    assert replaced[0] > 50
    assert report.snapshot_id == lake.snapshot_id()
    assert lake.table_digests(["standard.line"], "current") == {"standard.line": now_current["standard.line"]}
    assert lake.table_digests(["standard.line"], "all") == {"standard.line": now_current["standard.line"]}
    assert everything(lake, at)[1] == then_all
    maintenance.compact(lake)
    assert lake.table_digests(["standard.line"], "all") == {"standard.line": now_current["standard.line"]}
    assert maintenance.drop_superseded(lake, ["standard.line"]).rows == {"standard.line": 0}
    with pytest.raises(UsageError, match="USE-TABLE"):
        maintenance.drop_superseded(lake, ["reference.code"])
    with pytest.raises(UsageError, match="USE-TABLE"):
        maintenance.drop_superseded(lake, ["standard.absent"])


def test_retention_forgets_the_past_and_keeps_the_present(lake: Lake) -> None:
    before = everything(lake)
    oldest = min(snapshot.id for snapshot in lake.snapshots(1000))
    with pytest.raises(UsageError, match="USE-KEEP-DAYS"):
        maintenance.retain(lake, 0, datetime.now(UTC))
    assert maintenance.retain(lake, 3, datetime.now(UTC)).snapshots == 0
    report = maintenance.retain(lake, 3, datetime.now(UTC) + timedelta(days=4))
    assert report.snapshots > 30
    assert [snapshot.id for snapshot in lake.snapshots()] == [lake.snapshot_id()]
    assert everything(lake) == before
    with pytest.raises(StorageError):
        everything(lake, oldest + 1)
    on_disk = len(list(lake.data_path.rglob("*.parquet")))
    maintenance.retain(lake, 3, datetime.now(UTC) + timedelta(days=8))
    assert everything(lake) == before
    assert len(list(lake.data_path.rglob("*.parquet"))) <= on_disk
    assert maintenance.check_counts(lake) == []


@pytest.mark.parametrize(
    "plant",
    [
        "UPDATE lake.standard.line SET GIA = GIA + 0.001 WHERE version_id = 30004 AND row_no = 3",
        "UPDATE lake.standard.line SET TEN = '' WHERE version_id = 30004 AND row_no = 3",
        "UPDATE lake.standard.line SET TEN = NULL WHERE version_id = 30004 AND row_no = 3",
        "INSERT INTO lake.standard.line SELECT * FROM lake.standard.line WHERE version_id = 30004 AND row_no = 3",
        "INSERT INTO lake.standard.line FROM lake.standard.line WHERE version_id = 30004"
        " UNION ALL FROM lake.standard.line WHERE version_id = 30004",
        "DELETE FROM lake.standard.line WHERE version_id = 30004 AND row_no = 3",
        "UPDATE lake.standard.line SET row_no = 4 - row_no WHERE version_id = 30004 AND row_no <> 2",
    ],
)
def test_one_planted_wrong_row_changes_the_digest(lake: Lake, plant: str) -> None:
    before = lake.table_digests(["standard.line"])
    lake.connection.execute("BEGIN")
    try:
        lake.connection.execute(plant)
        # Digests run on cursors of their own, which do not see an open transaction: commit, look, put back.
        lake.connection.execute("COMMIT")
        assert lake.table_digests(["standard.line"]) != before
    finally:
        at = lake.snapshot_id() - 1
        lake.connection.execute("BEGIN")
        lake.connection.execute(f"CREATE TEMP TABLE good AS FROM lake.standard.line AT (VERSION => {at})")
        lake.connection.execute("DELETE FROM lake.standard.line")
        lake.connection.execute("INSERT INTO lake.standard.line FROM good")
        lake.connection.execute("DROP TABLE temp.good")
        lake.connection.execute("COMMIT")
    assert lake.table_digests(["standard.line"]) == before


def test_omitted_columns_do_not_count(lake: Lake) -> None:
    plain = lake.table_digests(["standard.line"])
    assert lake.table_digests(["standard.line"], omit={"standard.line": ["TEN"]}) != plain
    assert lake.table_digests(["standard.line"], omit={"reference.code": ["code"]}) == plain


def test_counts_that_lie_are_found(made: Made, lake: Lake) -> None:
    true = lake.table_counts()["standard.line"]
    assert maintenance.check_counts(lake, {"standard.line": true}) == []
    (wrong,) = maintenance.check_counts(lake, {"standard.line": true + 1})
    assert (wrong.table, wrong.counted, wrong.expected) == ("standard.line", true, true + 1)
    with pytest.raises(UsageError, match="USE-TABLE"):
        maintenance.check_counts(lake, {"standard.absent": 0})
    change = "UPDATE lake.ducklake_data_file SET record_count = record_count {} 1 WHERE end_snapshot IS NULL"
    with made.database.connect(Role.WORKER, autocommit=True) as worker:
        worker.execute(change.format("+"))
        try:
            with Lake.open(made.home, made.database, read_only=True) as reader:
                found = maintenance.check_counts(reader)
        finally:
            worker.execute(change.format("-"))
    assert {mismatch.table for mismatch in found} == {"standard.line", "standard.superseded"}
    assert all(mismatch.catalog > mismatch.counted for mismatch in found)
    assert maintenance.check_counts(lake) == []


def test_random_work_and_jobs_equal_a_plain_list(lake: Lake) -> None:
    """Inserts, deletions across files, replacements and every job in random order, against a list in memory."""
    chance = random.Random(64)
    table = Table("standard", "walk", LINE.fields[:2], versioned=True)
    lake.create_tables([table])
    rows: list[tuple[int, int]] = []
    past: list[tuple[int, list[tuple[int, int]]]] = []
    first = 1_000_000
    for step in range(28):
        kind = chance.choice(["insert", "insert", "insert", "delete", "compact", "drop", "retain"])
        if kind == "insert":
            new = [(first + step * 10 + n, row) for n in range(3) for row in range(chance.randint(1, 4))]
            run(lake, f"INSERT INTO lake.standard.walk VALUES {', '.join(map(str, new))}")
            rows += new
        elif kind == "delete" and rows:
            gone = {version for version, _ in chance.sample(rows, min(3, len(rows)))}
            run(lake, f"DELETE FROM lake.standard.walk WHERE version_id IN ({', '.join(map(str, gone))})")
            rows = [row for row in rows if row[0] not in gone]
        elif kind == "drop" and rows:
            old, new_version = chance.choice(rows)[0], first + step * 10
            run(lake, f"INSERT INTO lake.standard.superseded VALUES ({old}, {new_version})")
            rows = [row for row in rows if row[0] != old]
            assert read(lake, "current") == sorted(rows)
            maintenance.drop_superseded(lake, ["standard.walk"])
        elif kind == "compact":
            maintenance.compact(lake, now=datetime.now(UTC) + timedelta(days=step))
        elif kind == "retain":
            maintenance.retain(lake, 1, datetime.now(UTC) + timedelta(days=2))
            past = []
        assert read(lake, "all") == sorted(rows), kind
        past.append((lake.snapshot_id(), sorted(rows)))
        at, then = chance.choice(past)
        assert read(lake, "all", at) == then
    assert maintenance.check_counts(lake, {"standard.walk": len(rows)}) == []


def run(lake: Lake, sql: str) -> None:
    lake.commit(lambda connection: connection.execute(sql), author="thử", message="bước", deliveries=())


def read(lake: Lake, versions: Versions, at: int | None = None) -> list[tuple[int, int]]:
    with lake.session(at=at, versions=versions, relations=["standard.walk"]) as session:
        return sorted(session.execute("FROM standard.walk").fetchall())


def test_a_lake_beside_the_lake(made: Made, lake: Lake) -> None:
    """What a rebuild does: another catalog in its own schema, equal rows, then gone without a trace."""
    create_lake_schema(made.database, "lake_r0001")
    with Lake.open(made.home, made.database, read_only=False, catalog="lake_r0001") as fresh:
        fresh.create_tables([SUPERSEDED, LINE, PLAIN])
        rows = lake.connection.execute("FROM lake.standard.line ORDER BY random()").to_arrow_table()
        with fresh.registered(incoming=rows):
            fresh.commit(
                lambda c: c.execute("INSERT INTO lake.standard.line FROM incoming"),
                author="rebuild",
                message="all",
                deliveries=(),
            )
        assert fresh.table_digests(["standard.line"], "all") == lake.table_digests(["standard.line"], "all")
    drop_lake_schema(made.database, "lake_r0001")
    Lake.remove_files(made.home, "lake_r0001")
    assert [entry.name for entry in made.home.lake_dir.iterdir()] == ["lake"]
    Lake.remove_files(made.home, "lake_r0001")
