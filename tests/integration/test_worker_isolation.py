"""One delivery that cannot be processed never holds up the others: raised, in SQL, or with the process (law 1)."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from bienho.core.errors import BusyError, InputError, IntegrityError, StorageError
from bienho.database import Role, failures
from bienho.lake import RawHeader
from bienho.pipeline import App, ask, open_app
from bienho.pipeline.ingest import ingest
from bienho.pipeline.isolation import POISON, Isolation, blamed, is_transient
from bienho.pipeline.judge import Judge
from bienho.pipeline.rebuild import rebuild
from bienho.pipeline.replay import replay
from bienho.pipeline.writer import Writer
from bienho.standards.xml130.write import write_delivery
from support.homes import Made, temporary_home
from support.province import PURPOSE
from support.xml130_samples import make_tables

pytestmark = pytest.mark.database
MOST = 3


class Died(BaseException):
    """Stands for the end of the process: nothing above the writer gets to see or mend anything."""


class House:
    """Stands for the writer over a lake: some deliveries raise, some end the process, all else is committed."""

    def __init__(self, raising: set[int], killing: set[int]) -> None:
        self.raising, self.killing = raising, killing
        self.committed: list[int] = []
        self.aside: set[int] = set()
        self.deaths = 0

    def last_seq(self) -> int:
        return self.committed[-1] if self.committed else 0

    def process(self, deliveries: Sequence[tuple[RawHeader, bytes]], aside: Mapping[int, str]) -> int:
        tried = [header.seq for header, _ in deliveries if header.seq not in aside]
        if self.killing & set(tried):
            self.deaths += 1
            raise Died
        if self.raising & set(tried):
            raise ValueError("a patient's value")
        self.aside |= {header.seq for header, _ in deliveries} & set(aside)
        self.committed += [header.seq for header, _ in deliveries]
        return len(deliveries)


def header(seq: int) -> RawHeader:
    return RawHeader(seq, "xml130", "test", "", datetime(2026, 1, 3, tzinfo=UTC), None, 1, "")


@pytest.fixture(scope="module")
def made() -> Iterator[Made]:
    with temporary_home("nhà cách ly", ready=True) as made:
        yield made


@pytest.fixture(scope="module")
def app(made: Made) -> Iterator[App]:
    with open_app(made.home.path) as opened:
        yield opened


@pytest.mark.parametrize("seed", range(12))
def test_exactly_the_poison_is_set_aside_and_order_is_kept(made: Made, seed: int, monkeypatch: Any) -> None:
    """Oracle: the sets that were planted. A death leaves only what PostgreSQL holds, as a new process would find it."""
    monkeypatch.setattr(Isolation, "_forgive", unless_dead(Isolation._forgive))
    chance = random.Random(seed)
    count = chance.randint(1, 40)
    everything = list(range(1, count + 1))
    house = House(*(set(chance.sample(everything, min(count, chance.randint(0, 3)))) for _ in range(2)))
    with made.database.connect(Role.WORKER, autocommit=True) as connection:
        for _ in range(200):
            isolation = Isolation(connection, f"lake_r{seed}", MOST)
            isolation.follow(house.last_seq())
            rest = [seq for seq in everything if seq > house.last_seq()]
            size = chance.randint(1, 40)
            try:
                for start in range(0, len(rest), size):
                    list(isolation.take(house, [(header(seq), b"x") for seq in rest[start : start + size]]))
            except Died:
                continue
            break
        left = connection.execute(
            "SELECT count(*) FROM pipeline.attempt WHERE catalog = %s", (f"lake_r{seed}",)
        ).fetchone()
    assert house.committed == everything
    assert house.aside == house.raising | house.killing
    assert left == (0,)
    # halved at every death, so that even the worst case is a handful of new beginnings: log2(40) < 6
    assert house.deaths <= len(house.killing) * (MOST + 6)


def unless_dead(forgive: Any) -> Any:
    """A process that has died takes nothing back."""

    def do(self: Isolation, first: int) -> None:
        import sys

        if not isinstance(sys.exception(), Died):
            forgive(self, first)

    return do


def test_what_lies_at_the_machine_is_nobodys_delivery() -> None:
    ours: list[BaseException] = [
        failures.disk_full(),
        StorageError("STO-LAKE-IO", "x"),
        BusyError("BUSY-LAKE-CONFLICT", "x"),
        IntegrityError("INT-LAKE-FILE", "x"),
        OSError(28, "No space left on device"),
        psycopg.OperationalError("server closed the connection"),
        psycopg.errors.InsufficientPrivilege(),
        duckdb.IOException("IO Error"),
        duckdb.FatalException("database has been invalidated"),
        KeyboardInterrupt(),
    ]
    assert [blamed(error) for error in ours] == [None] * len(ours)
    theirs: list[BaseException] = [
        ValueError("x"),
        MemoryError(),
        InputError("IN-X", "x"),
        StorageError("STO-LAKE", "x"),
        duckdb.ConversionException("x"),
        psycopg.errors.UntranslatableCharacter(),
        OverflowError(),
    ]
    assert None not in [blamed(error) for error in theirs]
    assert [is_transient(error) for error in ours[:4]] == [True, True, True, False]
    assert not any(is_transient(error) for error in theirs)


def test_a_failure_that_passes_leaves_the_attempt_uncounted(made: Made) -> None:
    class Full(House):
        def process(self, deliveries: Any, aside: Any) -> int:
            raise failures.disk_full()

    with made.database.connect(Role.WORKER, autocommit=True) as connection:
        isolation = Isolation(connection, "lake_r999", MOST)
        for _ in range(MOST + 2):
            with pytest.raises(StorageError):
                list(isolation.take(Full(set(), set()), [(header(1), b"x")]))
        house = House(set(), set())
        assert list(isolation.take(house, [(header(1), b"x")])) == [1]
    assert house.aside == set()


def test_a_batch_that_breaks_after_its_commit_is_not_done_twice(made: Made) -> None:
    class Late(House):
        def process(self, deliveries: Any, aside: Any) -> int:
            super().process(deliveries, aside)
            raise ZeroDivisionError

    house = Late(set(), set())
    with made.database.connect(Role.WORKER, autocommit=True) as connection:
        isolation = Isolation(connection, "lake_r998", MOST)
        with pytest.raises(ZeroDivisionError):
            list(isolation.take(house, [(header(1), b"x"), (header(2), b"x")]))
    assert house.committed == [1, 2]


# ── the real writer ───────────────────────────────────────────────────────────────────────────────────────────────


def files(folder: Path, count: int, start: int) -> list[Path]:
    made = []
    for number in range(start, start + count):
        path = folder / f"{number:03d}.xml"
        sent = [make_tables("3176", seed=number, ma_lk=f"ISO-{number}")]
        path.write_bytes(write_delivery(sent, facility="64001", created="20260103", version="3176"))
        made.append(path)
    return made


def test_a_fault_of_the_program_costs_one_delivery(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    paths = files(tmp_path, 7, 100)
    read = Judge._open

    def planted(self: Judge, header: RawHeader, data: bytes) -> Any:
        if header.path == str(paths[4]):
            raise ZeroDivisionError("Nguyễn Thị Giả")
        return read(self, header, data)

    monkeypatch.setattr(Judge, "_open", planted)
    caplog.set_level(logging.WARNING)
    report = ingest(app, paths)
    assert [entry.outcome == "quarantined" for entry in report.deliveries] == [number == 4 for number in range(7)]
    assert (report.dossiers, report.quarantined) == (7, 1)
    bad = report.deliveries[4]
    assert bad.reason == POISON
    (aside,) = [row for row in ask.quarantine(app, PURPOSE, as_of=datetime.now(UTC).date()) if row["code"] == POISON]
    assert (aside["delivery"], aside["hoso"]) == (bad.id, 0)
    assert "ZeroDivisionError" in aside["message"]
    assert "Giả" not in caplog.text + aside["message"]
    assert "test_worker_isolation.py" in caplog.text
    # a rebuild repeats the word of the lake and tries nothing
    assert rebuild(app, compare=True).different == []
    assert replay(app).quarantined == 1
    # mended
    monkeypatch.undo()
    again = replay(app)
    assert (again.quarantined, again.dossiers, again.deliveries[0].id) == (0, 1, bad.id)


def test_a_model_that_fails_on_one_value_costs_one_delivery(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = files(tmp_path, 5, 200)
    write = Writer.write

    def planted(self: Writer, batch: Any, fates: Any, **options: Any) -> Any:
        for judged in batch:
            if judged.header.path == str(paths[2]) and judged.candidates:
                self.lake.connection.execute("SELECT CAST('Nguyễn Thị Giả' AS INTEGER)")
        return write(self, batch, fates, **options)

    monkeypatch.setattr(Writer, "write", planted)
    report = ingest(app, paths, compute=False)
    assert [entry.reason for entry in report.deliveries] == [None, None, POISON, None, None]
    monkeypatch.undo()
    replay(app)
    with app.writing() as lake:
        asked = "SELECT count(*) FROM lake.standard.delivery WHERE outcome = 'quarantined'"
        assert lake.connection.execute(asked).fetchone() == (0,)
