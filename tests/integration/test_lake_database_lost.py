"""PostgreSQL goes away under an open lake: a plain error, nothing half done, and life goes on when it is back."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import duckdb
import pytest

from bienho.core.errors import StorageError
from bienho.database import open_database, places, server
from bienho.lake import Lake, maintenance
from support.homes import Made, temporary_home

pytestmark = pytest.mark.database


@pytest.fixture
def made() -> Iterator[Made]:
    with temporary_home() as found:
        yield found


def kill_server(made: Made) -> None:
    with places.start_lock(made.home):
        place = places.locate(made.home, create=False)
    assert place is not None
    found = server.postmaster(place.data)
    assert found is not None
    os.kill(found.pid, signal.SIGQUIT)
    deadline = time.monotonic() + 10
    while server.postmaster(place.data) is not None and time.monotonic() < deadline:
        time.sleep(0.02)


def add(lake: Lake) -> None:
    def work(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("INSERT INTO lake.standard.t VALUES (1)")

    lake.commit(work, author="a", message="m", deliveries=())


def test_the_lake_survives_a_server_that_dies(made: Made) -> None:
    with (
        Lake.open(made.home, made.database, read_only=False) as lake,
        Lake.open(made.home, made.database, read_only=True) as reader,
    ):
        lake.connection.execute("CREATE SCHEMA lake.standard; CREATE TABLE lake.standard.t (v BIGINT)")
        add(lake)

        def work(connection: duckdb.DuckDBPyConnection) -> None:
            connection.execute("INSERT INTO lake.standard.t VALUES (2)")
            kill_server(made)

        with pytest.raises(StorageError) as caught:
            lake.commit(work, author="a", message="m", deliveries=())
        assert caught.value.code == "STO-LAKE-CATALOG"
        for ask in (reader.snapshot_id, reader.tables, reader.table_counts, lambda: add(lake)):
            with pytest.raises(StorageError, match="STO-(LAKE-CATALOG|DATABASE-UNREACHABLE)"):
                ask()
        with pytest.raises(StorageError, match="STO-DATABASE-UNREACHABLE"):
            Lake.open(made.home, made.database, read_only=True)
        with open_database(made.home, made.keys, migrated=False):
            assert reader.table_counts() == {"standard.t": 1}
            add(lake)
            assert reader.table_counts() == {"standard.t": 2}
            assert maintenance.check_counts(reader, {"standard.t": 2}) == []
