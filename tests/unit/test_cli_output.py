"""What commands print: every column and value, whatever it is called and whatever it holds."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from click.testing import CliRunner

from bienho.cli.main import main
from bienho.cli.output import as_csv, as_json, as_records, as_table


def test_columns_of_one_name_are_all_told() -> None:
    table = pa.table([[1], [2], [3], [4]], names=["a", "a", "a_2", "a"])
    assert as_records(table) == [{"a": 1, "a_2": 2, "a_2_2": 3, "a_3": 4}]


def test_a_sum_is_a_number_unless_readers_would_round_it() -> None:
    table = pa.table({"n": pa.array([Decimal(46), Decimal(2**60), None], pa.decimal128(38, 0))})
    assert as_records(table) == [{"n": 46}, {"n": Decimal(2**60)}, {"n": None}]


def test_nested_values_and_intervals_fit_in_a_cell(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    interval = pa.scalar((0, 1, 0), pa.month_day_nano_interval())
    table = pa.table({"l": [[1, 2]], "i": pa.array([interval]), "s": [{"a": timedelta(1)}]})
    as_csv(table)
    assert capfdbinary.readouterr().out.splitlines()[0] == b'"l","i","s"'


def test_text_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    as_table(("b",), [("[/red] :smile:",)], title="[/x]")
    assert "[/red] :smile:" in capsys.readouterr().out
    as_json({"b": "[/red]"})
    assert '"[/red]"' in capsys.readouterr().out


def test_csv_of_a_query_is_for_machines_and_exact(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Unlike a list of the portal: whoever asks by SQL gets the very text, `=1+1` too."""
    as_csv(pa.table({"t": ["=1+1", "@x", "'a"]}))
    assert capfdbinary.readouterr().out.splitlines() == [b'"t"', b'"=1+1"', b'"@x"', b'"\'a"']


def test_the_catalogue_needs_no_home() -> None:
    every = json.loads(CliRunner().invoke(main, ["catalogue", "--json"]).stdout)
    assert {"standard.xml130_15", "conformed.encounter", "quality.finding"} <= {row["dataset"] for row in every}
    one = json.loads(CliRunner().invoke(main, ["catalogue", "standard.xml130_1", "--json"]).stdout)
    (name,) = (field for field in one["fields"] if field["name"] == "HO_TEN")
    assert name["in_vault"]
    assert "HO_TEN" in CliRunner().invoke(main, ["catalogue", "standard.xml130_1"]).stdout
    assert CliRunner().invoke(main, ["catalogue", "nowhere"]).exit_code == 2
