"""The demonstration: a year up to today that goes on when it is started again, with files that came on their days."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bienho.cli import show
from bienho.core.errors import ConfigError
from bienho.pipeline.ingest import ingest
from bienho.sources import FoundFile

TODAY = date(2026, 11, 26)


def left_behind(folder: Path, plan: Any) -> None:
    (folder / "truth").mkdir(parents=True)
    (folder / "truth" / "plan.json").write_text(json.dumps(plan.as_dict()), encoding="utf-8")


@pytest.mark.parametrize(
    ("today", "start"),
    [(TODAY, date(2025, 11, 1)), (date(2028, 2, 29), date(2027, 2, 1)), (date(2027, 1, 1), date(2026, 1, 1))],
)
def test_a_first_one_shows_a_year_and_the_days_of_this_month(tmp_path: Path, today: date, start: date) -> None:
    plan = show.demo_plan(tmp_path, 500, today)
    assert (plan.persons, plan.start, plan.until) == (500, start, today)
    assert today < plan.end
    assert plan.scenarios == ("news",)


def test_a_later_one_goes_on_with_the_same_people(tmp_path: Path) -> None:
    before = show.demo_plan(tmp_path, 500, TODAY)
    left_behind(tmp_path, before)
    later = show.demo_plan(tmp_path, 900, date(2026, 11, 28))
    assert (later.persons, later.start, later.until) == (500, before.start, date(2026, 11, 28))


def test_it_ends_with_its_window_and_never_goes_back(tmp_path: Path) -> None:
    before = show.demo_plan(tmp_path, 500, TODAY)
    left_behind(tmp_path, before)
    assert show.demo_plan(tmp_path, 500, date(2027, 3, 1)).until == date(2026, 11, 30)
    assert show.demo_plan(tmp_path, 500, date(2026, 1, 1)).until == TODAY


def test_a_file_came_on_the_day_in_its_name_and_an_old_one_on_the_first_day(tmp_path: Path) -> None:
    plan = show.demo_plan(tmp_path, 500, TODAY)
    for name, day in (("20260302_0001.xml", date(2026, 3, 2)), ("20220101_0001.zip", plan.start)):
        came = show.came_on(FoundFile(tmp_path / name, name, 1), plan)
        assert came == datetime(day.year, day.month, day.day, 11, tzinfo=UTC)


def test_only_a_demonstration_may_say_when_a_file_came() -> None:
    app: Any = SimpleNamespace(home=SimpleNamespace(mode="production", require_raw=lambda: None))
    with pytest.raises(ConfigError, match="CFG-NOT-DEMO"):
        ingest(app, [], came=lambda _: datetime(2026, 1, 1, tzinfo=UTC))
