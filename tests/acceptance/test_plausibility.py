"""No life in a clean twin is impossible, and both suites of plausibility see the twenty errors planted in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from bienho.synthetic import Plan, generate
from plausibility import life_course, marginals, planted

Tables = Mapping[str, pa.Table]
Judged = tuple[list[planted.Planted], dict[str, list[Any]]]
SUITES: dict[str, Callable[[Tables], list[Any]]] = {"marginals": marginals.check, "life_course": life_course.check}
SEEDS = (1, 2)
# Few facilities, so that files hold many dossiers and beds have neighbours.
PLAN = Plan(
    persons=400, months=4, seed=20, share_noncanonical=0.0, share_checkin=0.0, board=False,
    facilities=("52001", "52002", "52013", "52020", "52101", "64001", "64012", "64013", "64101"),
)  # fmt: skip


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("clean") / "twin"
    generate(PLAN, out)
    return out


@pytest.fixture(scope="module")
def tables(twin: Path) -> Tables:
    return life_course.read(twin)


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"planted-{seed}")
def judged(tables: Tables, request: pytest.FixtureRequest) -> Judged:
    spoilt, told = planted.plant(tables, planted.KINDS, request.param)
    return told, {name: suite(spoilt) for name, suite in SUITES.items()}


def wrong_in_the_twin(tables: Tables) -> set[tuple[str, str]]:
    """Dossiers the clean twin is known to get wrong: cards XK2, where the group XK has level 4."""
    rows = tables["xml1"].select(["facility", "ma_lk", "MA_THE_BHYT"]).to_pylist()
    return {(row["facility"], row["ma_lk"]) for row in rows if (row["MA_THE_BHYT"] or "").startswith("XK2")}


def test_two_readers_of_their_own_read_the_same(twin: Path, tables: Tables) -> None:
    others = marginals.read(twin)
    assert others.keys() == tables.keys()
    for name, table in tables.items():
        order = [(column, "ascending") for column in table.column_names]
        assert table.sort_by(order).equals(others[name].sort_by(order)), name
    assert all(tables[name].num_rows for name in ("people", "visits", "births", "xml1", "xml2", "xml3", "xml4"))


@pytest.mark.parametrize("suite", SUITES)
def test_a_clean_twin_is_plausible(tables: Tables, suite: str) -> None:
    known = wrong_in_the_twin(tables)
    found = [
        one for one in SUITES[suite](tables)
        if one.kind != "card_against_group" or (one.facility, one.ma_lk) not in known
    ]  # fmt: skip
    assert found == []


def test_there_are_twenty_errors_and_both_suites_know_them() -> None:
    assert len(set(planted.KINDS)) == 20
    assert set(planted.KINDS) == set(life_course.KINDS) == set(marginals.KINDS) - {"share"}


def names(found: Any, error: planted.Planted) -> bool:
    """Whether what a suite found is the row an error was planted in."""
    whom = found.person_no == error.person_no or found.person_no in error.others
    where = error.ma_lk is None or (found.facility, found.ma_lk) == (error.facility, error.ma_lk)
    line = error.stt is None or (found.table, found.stt) == (error.table, error.stt)
    return found.kind == error.kind and whom and where and line


@pytest.mark.parametrize("kind", planted.KINDS)
@pytest.mark.parametrize("suite", SUITES)
def test_a_planted_error_is_found_where_it_is(judged: Judged, suite: str, kind: str) -> None:
    told, found = judged
    error = next(one for one in told if one.kind == kind)
    assert any(names(one, error) for one in found[suite]), error


@pytest.mark.parametrize("suite", SUITES)
def test_nobody_else_is_accused(tables: Tables, judged: Judged, suite: str) -> None:
    told, found = judged
    known = wrong_in_the_twin(tables)
    concerned = {one.person_no for one in told}.union(*(one.others for one in told))
    accused = {one for one in found[suite] if one.person_no not in concerned and one.kind != "share"}
    assert {one for one in accused if (one.facility, one.ma_lk) not in known} == set()


def test_a_distribution_out_of_its_range_is_found(tables: Tables) -> None:
    people = tables["people"]
    women = pa.array(["F"] * people.num_rows)
    skewed = people.set_column(people.schema.get_field_index("sex"), "sex", women)
    notes = [one.note for one in marginals.check({**tables, "people": skewed}) if one.kind == "share"]
    assert [note.partition(":")[0] for note in notes] == ["boys among children born", "women among people"]
