"""What the command of the twin asks of the plan, and that the truth keeps it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from bienho.cli.main import main
from bienho.cli.twin import synth

ASKED = {"entry_errors": 4.0, "violations": 0.4, "share_late": 0.25, "share_missing": 0.2}
FLAGS = {name: f"--{name.replace('_', '-')}" for name in ASKED}


def test_errors_people_make_broken_rules_and_late_or_missing_files_are_asked_for(tmp_path: Path) -> None:
    asked = [text for name, flag in FLAGS.items() for text in (flag, str(ASKED[name]))]
    done = CliRunner().invoke(
        main, ["synth", "--out", str(tmp_path / "twin"), "--persons", "40", "--months", "4", *asked, "--json"]
    )
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    plan = json.loads((tmp_path / "twin" / "truth" / "plan.json").read_text(encoding="utf-8"))
    assert {name: plan[name] for name in ASKED} == ASKED
    assert plan["dirt"] == 0
    kinds = Counter(pq.read_table(tmp_path / "twin" / "truth" / "errors.parquet").column("kind").to_pylist())
    assert kinds == told["injected"]
    assert {"late_delivery", "missing_delivery"} <= kinds.keys()
    assert any(kind.startswith("rule_") for kind in kinds)
    assert any(not kind.startswith("rule_") and not kind.endswith("_delivery") for kind in kinds)
    assert told["outcomes"]["lost"] == kinds["missing_delivery"] > 0


@pytest.mark.parametrize(
    ("flag", "value"),
    [*((flag, "-0.1") for flag in FLAGS.values()), *((flag, "101") for flag in FLAGS.values()),
     ("--share-late", "nan"), ("--violations", "two")],
)  # fmt: skip
def test_what_is_no_share_is_refused_before_anything_is_written(flag: str, value: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["synth", "--out", str(tmp_path / "twin"), flag, value])
    assert done.exit_code == 2
    assert not (tmp_path / "twin").exists()


@pytest.mark.parametrize("flag", FLAGS.values())
def test_straight_into_the_lake_go_clean_dossiers_only(flag: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["synth", "--into", str(tmp_path / "home"), flag, "0.5"])
    assert done.exit_code == 2
    assert not (tmp_path / "home").exists()


def test_every_option_says_what_it_is_for() -> None:
    help_of = {option.opts[0]: option.help for option in synth.params if option.opts[0] in FLAGS.values()}  # type: ignore[attr-defined]
    assert help_of.keys() == set(FLAGS.values())
    assert all(help_of.values())
