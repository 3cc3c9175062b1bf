"""Small parts of the lake: extensions, notes of a commit, waiting, digests, errors."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections import Counter
from importlib.machinery import ModuleSpec
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bienho.core.errors import BienhoError, BusyError, ConfigError, LimitError, StorageError
from bienho.core.ids import delivery_id
from bienho.lake import Retry, extension_path
from bienho.lake.commits import fold, unfold
from bienho.lake.digests import digest
from bienho.lake.extensions import EXTENSIONS, connect, load_extensions
from bienho.lake.failures import is_conflict, lake_errors, translated
from bienho.lake.relations import LakeTable, reading
from support.examples import some

CELLS = st.sampled_from([None, "", "a", "b", "ab", "1", "NULL", "null", '"', '","', "[]", "\\", "đ", "d"])
ROWS = st.lists(st.tuples(st.one_of(st.none(), st.integers(-2, 2)), CELLS, CELLS), max_size=6)


def test_extensions_come_from_installed_packages() -> None:
    for name in EXTENSIONS:
        path = extension_path(name)
        assert path.is_file()
        assert "site-packages" in path.parts


def test_a_missing_extension_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "duckdb_extension_postgres_scanner" else real(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    with duckdb.connect() as connection, pytest.raises(ConfigError) as caught:
        load_extensions(connection)
    assert caught.value.code == "CFG-EXTENSION"
    assert f"duckdb-extension-postgres-scanner=={duckdb.__version__}" in caught.value.hint


def test_an_extension_of_another_duckdb_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "extensions" / "v1.0.0").mkdir(parents=True)
    (tmp_path / "extensions" / "v1.0.0" / "httpfs.duckdb_extension").write_bytes(b"old")
    spec = ModuleSpec("duckdb_extension_httpfs", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: spec)
    with pytest.raises(ConfigError, match="CFG-EXTENSION"):
        extension_path("httpfs")


def test_a_broken_extension_says_to_install_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "extensions" / f"v{duckdb.__version__}" / "httpfs.duckdb_extension"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"not an extension")
    spec = ModuleSpec("duckdb_extension_httpfs", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: spec)
    with duckdb.connect() as connection, pytest.raises(ConfigError) as caught:
        load_extensions(connection)
    assert caught.value.code == "CFG-EXTENSION"
    assert "--force-reinstall" in caught.value.hint


def test_an_extension_changed_under_a_running_program_is_checked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second opening trusts what the first one checked, but not another file, and not the same file changed."""
    real = importlib.util.find_spec
    target = tmp_path / "extensions" / f"v{duckdb.__version__}" / "httpfs.duckdb_extension"
    target.parent.mkdir(parents=True)
    target.write_bytes(extension_path("httpfs").read_bytes())
    moved = ModuleSpec("duckdb_extension_httpfs", None, is_package=True)
    moved.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, package=None: moved if name == "duckdb_extension_httpfs" else real(name, package),
    )
    for _ in range(2):
        with connect() as connection:
            allowed = connection.execute("SELECT current_setting('allow_unsigned_extensions')").fetchone()
            assert allowed == (False,)
    changed = bytearray(target.read_bytes())
    changed[len(changed) // 2] ^= 1
    target.unlink()  # the code in memory stays what it was
    target.write_bytes(changed)
    with pytest.raises(ConfigError, match="CFG-EXTENSION"):
        connect()


IN_A_NEW_PROCESS = """
import duckdb
from bienho.lake import extensions

given = []
real = duckdb.connect
duckdb.connect = lambda *names, config: given.append(config["allow_unsigned_extensions"]) or real(*names, config=config)
extensions.connect().close()
print(given)
"""


def test_a_later_process_trusts_what_an_earlier_one_checked_and_nobody_else(tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    word = tmp_path / "bienho" / "checked-extensions"

    def unread() -> str:
        command = [sys.executable, "-c", IN_A_NEW_PROCESS]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()

    assert [unread(), unread()] == ["[False]", "[True]"]
    said = word.read_text(encoding="ascii")
    word.chmod(0o620)
    assert unread() == "[False]", "somebody else could have written it"
    assert word.stat().st_mode & 0o777 == 0o600
    word.write_text(said.replace(" ", " 1", 1), encoding="ascii")
    assert unread() == "[False]", "of another file"


@given(st.lists(st.one_of(st.integers(1, 40).map(delivery_id), st.sampled_from(["nhập tay", "D12"]))))
def test_delivery_notes_fold_and_unfold(ids: list[str]) -> None:
    assert sorted(unfold(fold(ids))) == sorted(set(ids))


def test_runs_of_deliveries_are_short() -> None:
    assert fold([delivery_id(n) for n in range(1, 2001)]) == "D000000000001..D000000002000"
    assert unfold(None) == ()


def test_waiting_grows_and_has_a_ceiling() -> None:
    waited: list[float] = []
    retry = Retry(base_seconds=0.1, longest_seconds=0.5, sleep=waited.append, chance=lambda: 1.0)
    for attempt in range(1, 6):
        retry.wait(attempt)
    assert waited == [0.1, 0.2, 0.4, 0.5, 0.5]
    low: list[float] = []
    Retry(base_seconds=0.1, sleep=low.append, chance=lambda: 0.0).wait(1)
    assert low == [0.05]


@settings(max_examples=some(100), deadline=None)
@given(ROWS, ROWS, st.randoms(use_true_random=False))
def test_digests_are_equal_exactly_when_the_bags_of_rows_are(
    left: list[tuple[int | None, str | None, str | None]],
    right: list[tuple[int | None, str | None, str | None]],
    chance: object,
) -> None:
    shuffled = list(left)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    digests = [digest_of(rows) for rows in (left, shuffled, right)]
    assert digests[0] == digests[1]
    assert (digests[0] == digests[2]) == (Counter(left) == Counter(right))


CONNECTION = duckdb.connect()


def digest_of(rows: list[tuple[int | None, str | None, str | None]]) -> str:
    columns = list(zip(*rows, strict=True)) if rows else [(), (), ()]
    kinds = (pa.int32(), pa.string(), pa.string())
    arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    CONNECTION.register("t", pa.table(arrays, names=["n", "a", "b"]))
    found = digest(CONNECTION, "SELECT * FROM t")
    assert found == digest(CONNECTION, "SELECT b, n, a FROM t")
    assert found.startswith(f"{len(rows)}:")
    if not rows:
        assert found == digest(CONNECTION, "SELECT * FROM t", empty=True)
    return found


def test_a_column_of_another_name_or_type_is_another_digest() -> None:
    digests = {
        digest(CONNECTION, query)
        for query in ("SELECT 1::INTEGER AS a", "SELECT 1::BIGINT AS a", "SELECT '1' AS a", "SELECT 1::INTEGER AS b")
    }
    assert len(digests) == 4


def test_reading_quotes_names_and_pins_both_sides() -> None:
    sql = reading(LakeTable("standard", 'odd"name', versioned=True), at=7, versions="current")
    assert sql == (
        'SELECT * FROM lake."standard"."odd""name" AT (VERSION => 7)'
        " ANTI JOIN lake.standard.superseded AT (VERSION => 7) USING (version_id)"
    )
    assert "ANTI JOIN" not in reading(LakeTable("standard", "t", versioned=True), at=None, versions="all")
    assert "ANTI JOIN" not in reading(LakeTable("standard", "t", versioned=False), at=None, versions="current")


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (duckdb.TransactionException("… Transaction conflict - attempting …"), BusyError, "BUSY-LAKE-CONFLICT"),
        (duckdb.IOException("could not write: No space left on device"), StorageError, "STO-LAKE-FULL"),
        (duckdb.IOException("connection to server on socket failed"), StorageError, "STO-LAKE-CATALOG"),
        (duckdb.OutOfMemoryException("failed to pin block"), LimitError, "LIM-LAKE-MEMORY"),
        (duckdb.IOException("Could not read file"), StorageError, "STO-LAKE-IO"),
        (duckdb.ConversionException("Could not convert string 'Ksor Bia'"), StorageError, "STO-LAKE"),
    ],
)
def test_failures_have_their_place_in_the_tree(error: duckdb.Error, kind: type[BienhoError], code: str) -> None:
    found = translated(error, "Thử")
    assert type(found) is kind
    assert found.code == code
    assert "Ksor" not in str(found)
    assert is_conflict(error) == (code == "BUSY-LAKE-CONFLICT")


def test_an_error_that_may_quote_a_value_is_not_chained() -> None:
    with duckdb.connect() as connection:
        with pytest.raises(StorageError) as caught, lake_errors("Thử"):
            connection.execute("SELECT 'Ksor Bia'::DATE")
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
        with pytest.raises(StorageError) as caught, lake_errors("Thử"):
            connection.execute("SELECT absent")
        assert isinstance(caught.value.__cause__, duckdb.BinderException)
