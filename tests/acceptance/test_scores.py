"""Scores of a whole province: reproducible, opened down to the row, frozen, and what if the formula changed."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from bienho.cli.main import main
from bienho.pipeline import score_ask, scores
from bienho.pipeline.score_ask import Wanted
from bienho.quality.scores import TOTAL, standing
from support.province import Province

pytestmark = pytest.mark.database
QUALITY = "chat-luong"


def test_the_same_lake_gives_the_same_digits_and_nothing_is_written(province: Province) -> None:
    kept = "SELECT count(*), sum(rowid) FROM lake.quality.score"
    with province.app.writing() as lake:
        scores.refresh(lake)  # of what tests before this one have sent
        before = lake.connection.execute(kept).fetchone()
        assert not scores.refresh(lake)
        lake.commit(lambda c: c.execute("DELETE FROM lake.journal.batch WHERE stage = 'scores'"), author="test",
                    message="again", deliveries=())  # fmt: skip
        assert scores.refresh(lake)
        assert lake.connection.execute(kept).fetchone() == before, "equal rows were written again"


def test_every_point_a_facility_lost_in_a_week_is_told_on_the_command_line(province: Province) -> None:
    rows = [row for row in score_ask.scores(province.app, QUALITY, Wanted()) if row["dimension"] == TOTAL]
    one = min(rows, key=lambda row: (row["score"], row["facility_code"]))
    asked = [one["facility_code"], str(one["week_start"]), "--dataset", one["dataset"], "--explain", "--json"]
    result = CliRunner().invoke(main, ["--home", str(province.made.home.path), "quality", "score", *asked])
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    lost = {row["dimension"]: Decimal(0) for row in said["scores"]}
    for row in said["losses"]:
        lost[row["dimension"]] += Decimal(row["points"])
        lost[TOTAL] += Decimal(row["points_total"])
    assert one["score"] < 100
    assert {row["dimension"]: 100 - Decimal(row["score"]) for row in said["scores"]} == lost
    causes = score_ask.causes(province.app, QUALITY, Wanted(one["facility_code"], one["week_start"], one["dataset"]))
    assert sum(row["points_total"] for row in causes) == lost[TOTAL]
    assert [row["points_total"] for row in causes] == sorted((row["points_total"] for row in causes), reverse=True)


def test_a_changed_formula_is_tried_over_the_rows_that_the_gate_opens(province: Province, tmp_path: Path) -> None:
    same = CliRunner().invoke(main, ["quality", "formula"])
    assert {row["difference"] for row in score_ask.simulate(province.app, QUALITY, same.stdout, Wanted())} == {0}
    changed = same.stdout.replace("song: {weight: 15", "song: {weight: 0").replace(
        "dung: {weight: 30", "dung: {weight: 45"
    )
    moved = {
        row["dimension"] for row in score_ask.simulate(province.app, QUALITY, changed, Wanted()) if row["difference"]
    }
    assert moved == {TOTAL}
    assert standing().weeks == 53


def test_frozen_weeks_are_signed_and_a_changed_row_is_seen(province: Province) -> None:
    weeks = score_ask.verify(province.app, QUALITY)
    assert len(weeks) > 10
    assert all(week["genuine"] and week["unchanged"] for week in weeks)
    plant = "UPDATE lake.quality.score_frozen SET score = score {} 1 WHERE week_start = ? AND dimension = 'tong'"
    for sign, seen in (("-", False), ("+", True)):
        with province.app.writing() as lake:
            lake.commit(lambda c, s=sign: c.execute(plant.format(s), [weeks[0]["week_start"]]), author="test",
                        message="plant", deliveries=())  # fmt: skip
        assert [week["unchanged"] for week in score_ask.verify(province.app, QUALITY)] == [seen] + [True] * (
            len(weeks) - 1
        )
