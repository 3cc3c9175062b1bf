"""Scores that follow a take-in, from sums: to the digit what is computed from everything."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bienho.database import Role
from bienho.lake import Lake
from bienho.pipeline import open_app, scores
from bienho.pipeline.backlog import read_progress
from bienho.pipeline.ingest import catch_up, open_writer
from bienho.pipeline.score_sums import FIGURES, KEYS, Sums
from bienho.quality.scores import standing
from bienho.sources import Delivery, receive
from support.homes import temporary_home
from support.sending import OTHER, OWN, envelope

pytestmark = pytest.mark.database
BEGAN = datetime(2026, 6, 1, 2, tzinfo=UTC)
Rows = list[tuple[Any, ...]]


def rows_of(lake: Lake, name: str) -> Rows:
    return lake.connection.execute(f"SELECT * FROM lake.{name} ORDER BY ALL").fetchall()


def counted(sums: Sums) -> dict[str, Rows]:
    """What the sums say of weeks and days that are still counted, where they say anything."""
    stands = sums.standing()
    assert stands is not None
    assert stands.as_of is not None
    first = {
        "temp.score_sum": standing().first_week(stands.as_of),
        "temp.score_day": standing().first_counted(stands.as_of),
    }
    found = {}
    for name, table in sums.read().items():
        day = next(column for column in KEYS[name] if column in ("week_start", "day"))
        rows = [
            tuple(row.values()) for row in table.to_pylist()
            if row[day] >= first[name] and any(row[figure] for figure in FIGURES[name])
        ]  # fmt: skip
        found[name] = sorted(rows)
    return found


def sendings(seed: int, count: int) -> list[Sequence[tuple[bytes, datetime]]]:
    """Files in turns, over months: new visits, corrections of any before, the same again, some that cannot be read."""
    chance, sent, moment, turns = random.Random(seed), list[tuple[str, str]](), BEGAN, []
    for turn in range(count):
        files = []
        for number in range(6):
            if turn < 2:  # then all on one day, and only of one facility: of the other one nothing is counted anew
                moment += timedelta(days=chance.choice((0, 0, 1, 9)), hours=chance.randrange(12))
            one = (f"F-{turn}-{number}", OWN if turn == 2 else chance.choice((OWN, OTHER)))
            name, facility = chance.choice(sent) if sent and turn < 2 and number in (1, 3, 5) else one
            data = envelope(name, facility=facility, seed=chance.choice((1, 2, 3)))
            files.append((b"<GIAMDINHHS>" if number == 4 else data, moment))
            sent.append((name, facility))
        turns.append(files)
    return turns


def test_scores_follow_each_take_in_to_the_digit() -> None:
    with (
        temporary_home(ready=True) as made, open_app(made.home.path) as app,
        app.database.connect(Role.WORKER, autocommit=True) as connection,
    ):  # fmt: skip
        sums = Sums(connection, "lake")
        with app.writing() as lake:
            assert not scores.follow(lake, sums), "nothing was ever counted"
            assert scores.refresh(lake, sums)
        for turn, files in enumerate(sendings(7, 3)):
            receive(
                app.raw, [Delivery(data, day, source="test", path="x", facility_asserted=OWN) for data, day in files]
            )
            with app.writing() as lake:
                with open_writer(app, lake, "lake") as writer:
                    catch_up(app.raw, writer)
                if turn == 1:  # killed after the lake had the scores and before the sums followed
                    before, kept = sums.standing(), sums.put
                    sums.put = lambda *_, **__: None  # type: ignore[method-assign]
                    assert scores.follow(lake, sums)
                    sums.put = kept  # type: ignore[method-assign]
                    assert sums.standing() == before
                assert scores.follow(lake, sums)
                assert read_progress(connection, "lake").scored_seq == 6 * (turn + 1)
        with app.writing() as lake:
            told, followed = rows_of(lake, scores.SCORE), counted(sums)
            run = rows_of(lake, scores.RUN)[0]
            assert run[2] > (run[3] or 0), "the rows that explain the scores are told to lie behind"
            assert scores.refresh(lake, sums)
            assert rows_of(lake, scores.SCORE) == told
            assert counted(sums) == followed
            assert rows_of(lake, scores.RUN)[0] == (*run[:3], run[2])
            assert {row[3] for row in told} > {"sach", "du", "song", "tong"}
            assert not scores.refresh(lake, sums)
            connection.execute("DELETE FROM pipeline.score_standing")
            assert scores.refresh(lake, sums), "sums that were lost are counted again"
