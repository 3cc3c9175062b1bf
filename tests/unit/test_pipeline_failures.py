"""A store that is lost in the middle of any command is told as what it is; a fault of the program keeps its name."""

from __future__ import annotations

import click
import duckdb
import psycopg
import pytest
from click.testing import CliRunner

from bienho.cli import main as cli
from bienho.pipeline.failures import lost_store

LOST = 'Failed to query most recent snapshot: Unable to connect to Postgres at "": Connection refused'


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (psycopg.errors.AdminShutdown("terminating connection"), "STO-DATABASE-STOPPED"),
        (psycopg.OperationalError("the connection is lost"), "STO-DATABASE-STOPPED"),
        (duckdb.IOException(LOST), "STO-LAKE-CATALOG"),
        (duckdb.IOException("No space left on device"), "STO-LAKE-FULL"),
        (duckdb.ConversionException("Could not convert string 'Nguyễn Văn Mẫu'"), "STO-LAKE"),
        (psycopg.errors.UndefinedTable("relation x"), None),
        (duckdb.BinderException("column x"), None),
        (ValueError("x"), None),
    ],
)  # fmt: skip
def test_what_is_told(error: Exception, code: str | None) -> None:
    known = lost_store(error)
    assert (known and known.code) == code
    assert "Mẫu" not in str(known)


def test_a_command_that_loses_the_database_ends_with_the_code_of_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def stop() -> None:
        raise psycopg.errors.AdminShutdown("terminating connection")

    monkeypatch.setattr(cli.Commands, "get_command", lambda *_: stop)
    done = CliRunner().invoke(cli.main, ["stop"])
    assert done.exit_code == 5
    assert "STO-DATABASE-STOPPED" in done.output
