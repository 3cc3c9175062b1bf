"""Figures of a linkage against counts made by hand."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pytest
from click.testing import CliRunner

from bienho.cli.link import link
from bienho.core.errors import InputError, UsageError
from bienho.linkage.evaluate import evaluate
from support.few_records import few_records

TRUTH = pa.table(
    {
        "record_id": ["a", "b", "c", "d", "e"], "person": ["1", "1", "1", "2", "3"],
        "household": ["h", "h", "h", "h", "g"], "twin": ["2", "2", "2", "1", ""],
    }
)  # fmt: skip
LINKS = pa.table({"record_id": ["e", "d", "c", "b", "a"], "person_id": ["z", "x", "x", "y", "y"]})


def test_pairs_records_and_persons() -> None:
    found = evaluate(TRUTH, LINKS)
    # true pairs ab ac bc; given pairs ab cd; right: ab
    assert (found["pairwise"]["precision"], found["pairwise"]["recall"]) == (0.5, pytest.approx(1 / 3))
    # precision by record: a 1, b 1, c 1/2, d 1/2, e 1; recall: a 2/3, b 2/3, c 1/3, d 1, e 1
    assert found["b_cubed"]["precision"] == pytest.approx(4 / 5)
    assert found["b_cubed"]["recall"] == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 2) / 5)
    assert found["persons"] == {"true": 3, "given": 3, "exact": 1, "exact_share": pytest.approx(1 / 3)}
    assert found["false_pairs"] == {"twin": 1}
    assert found["missed_pairs"] == 2


def test_blocking_and_calibration() -> None:
    pairs = pa.table(
        {
            "left": ["a", "c"],
            "right": ["b", "d"],
            "probability": [0.95, 0.97],
            "veto": pa.array([None, None], pa.string()),
        }
    )
    found = evaluate(TRUTH, LINKS, pairs, pairs.select(["left", "right"]))
    assert found["blocking"] == {"recall": pytest.approx(1 / 3), "pairs": 2}
    assert found["calibration"] == [{"from": 0.9, "to": 1.0, "pairs": 2, "expected": pytest.approx(0.96), "true": 0.5}]


@pytest.mark.parametrize(
    ("truth", "links", "code"),
    [
        (TRUTH.drop(["person"]), LINKS, "IN-LINK-COLUMNS"),
        (TRUTH, LINKS.drop(["person_id"]), "IN-LINK-COLUMNS"),
        (pa.concat_tables([TRUTH, TRUTH]), LINKS, "IN-LINK-IDS"),
        (TRUTH, LINKS.slice(1), "IN-LINK-TRUTH"),
    ],
)
def test_files_that_do_not_belong_together(truth: pa.Table, links: pa.Table, code: str) -> None:
    with pytest.raises(InputError, match=code):
        evaluate(truth, links)


def test_the_commands(tmp_path: Path) -> None:
    records, truth = few_records(60, 11)
    pyarrow.csv.write_csv(records, tmp_path / "in.csv")
    pyarrow.csv.write_csv(truth, tmp_path / "truth.csv")
    run = CliRunner()
    made = run.invoke(link, ["batch", "--input", f"{tmp_path}/in.csv", "--out", f"{tmp_path}/out.csv"])
    assert made.exit_code == 0, made.output
    told = pyarrow.csv.read_csv(tmp_path / "out.csv")
    assert told.column_names == ["record_id", "person_id"]
    assert sorted(told["record_id"].to_pylist()) == records["record_id"].to_pylist()
    judged = run.invoke(
        link, ["evaluate", "--truth", f"{tmp_path}/truth.csv", "--input", f"{tmp_path}/in.csv", "--json"]
    )
    assert judged.exit_code == 0, judged.output
    neither = run.invoke(link, ["evaluate", "--truth", f"{tmp_path}/truth.csv"])
    assert isinstance(neither.exception, UsageError)


def test_a_bad_line_is_not_quoted(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("record_id,full_name\nR1,Trần Quốc Bảo,0905123456\n", encoding="utf-8")
    found = CliRunner().invoke(link, ["batch", "--input", f"{tmp_path}/bad.csv", "--out", f"{tmp_path}/out.csv"])
    assert isinstance(found.exception, InputError)
    assert found.exception.code == "IN-LINK-CSV"
    assert "Bảo" not in str(found.exception)
    assert found.exception.__cause__ is None
