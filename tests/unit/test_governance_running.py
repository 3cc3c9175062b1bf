"""Running under limits: late, large and failing statements end in errors of the house that repeat no value."""

from __future__ import annotations

import duckdb
import pytest

from bienho.config import Limits
from bienho.core.errors import BienhoError, LimitError, UsageError
from bienho.governance.running import Engine


class PlainLake:
    """A DuckDB in memory with one snapshot."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()

    def snapshot_id(self) -> int:
        return 7

    def empty(self, at: int) -> frozenset[str]:
        return frozenset()


@pytest.fixture
def engine() -> Engine:
    return Engine(PlainLake(), Limits(query_rows=50_000, query_seconds=1))


def test_a_stream_gives_all_rows_in_order_and_may_be_left(engine: Engine) -> None:
    reader = engine.stream("SELECT i FROM range(?) r(i)", [120_000])
    assert reader.read_all().column("i").to_pylist() == list(range(120_000))
    left = engine.stream("SELECT i FROM range(120000) r(i)", [])
    assert left.read_next_batch().num_rows > 0
    del left
    assert engine.stream("SELECT 1 WHERE false", []).read_all().num_rows == 0


def test_an_error_in_the_middle_of_a_stream_keeps_its_values_to_itself(engine: Engine) -> None:
    text = "SELECT CAST(CASE WHEN i = 119999 THEN 'Nguyễn Bí Mật' ELSE '1' END AS INTEGER) AS x FROM range(120000) r(i)"

    def whole() -> None:
        engine.stream(text, []).read_all()

    with pytest.raises(BienhoError) as failure:
        whole()
    assert failure.value.code == "USE-QUERY-VALUE"
    assert "Bí Mật" not in str(failure.value)
    with pytest.raises(BienhoError) as failure:
        engine.collect(text.replace("120000", "20").replace("119999", "19"), [])
    assert "Bí Mật" not in str(failure.value)


def test_a_late_statement_is_stopped_both_ways(engine: Engine) -> None:
    slow = "SELECT count(*) FROM range(100000000) a(i), range(100000000) b(j) WHERE i * j % 7 = 3"
    for run in (engine.collect, engine.stream):
        with pytest.raises(LimitError, match="LIM-QUERY-SECONDS"):
            run(slow, [])


def test_a_large_answer_is_an_error(engine: Engine) -> None:
    with pytest.raises(LimitError, match="LIM-QUERY-ROWS"):
        engine.collect("SELECT i FROM range(50001) r(i)", [])
    assert engine.collect("SELECT i FROM range(50000) r(i)", []).num_rows == 50_000


def test_an_unknown_name_is_named(engine: Engine) -> None:
    with pytest.raises(UsageError, match="USE-QUERY"):
        engine.collect("SELECT no_such FROM range(3)", [])


@pytest.mark.parametrize("at", [-1, 8, True, "7", 7.0])
def test_only_snapshots_there_are(engine: Engine, at: object) -> None:
    with pytest.raises(UsageError, match="USE-SNAPSHOT"):
        engine.moment(at)  # type: ignore[arg-type]
    assert engine.moment(None) == engine.moment(7) == 7
