"""A plain series as a file, and `bienho detect` on it: what is read, what is refused, what comes out."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from bienho.cli.main import main
from bienho.core.errors import InputError
from bienho.surveillance import Panel, detect, read_series

HEAD = "t,year,epoch_in_year,date,observed,state"


def weeks(count: int = 330, *, first: int = 2020, dates: bool = False) -> list[str]:
    counts = np.random.default_rng(2).poisson(5, count)
    day = np.datetime64("2019-12-30")
    return [
        f"{t + 1},{first + t // 52},{t % 52 + 1},{day + 7 * t if dates else 'NA'},{one},0"
        for t, one in enumerate(counts)
    ]


def written(tmp_path: Path, lines: list[str], head: str = HEAD) -> Path:
    path = tmp_path / "chuỗi.csv"
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(("epochs", "frequency"), [(12, 12), (52, 52), (53, 52), (365, 365), (366, 365)])
def test_the_frequency_comes_from_the_years_that_end(tmp_path: Path, epochs: int, frequency: int) -> None:
    lines = [f"{t + 1},{2020 + t // epochs},{t % epochs + 1},,1,0" for t in range(epochs + 5)]
    assert read_series(written(tmp_path, lines))[0].panel.frequency == frequency


@pytest.mark.parametrize(("step", "frequency"), [(1, 365), (7, 52)])
def test_the_frequency_comes_from_dates_where_there_are_some(tmp_path: Path, step: int, frequency: int) -> None:
    days = np.datetime64("2026-01-05") + step * np.arange(6)
    lines = [f"{n},2026,{n},{day},0,0" for n, day in enumerate(days, 1)]
    one = read_series(written(tmp_path, lines))[0]
    assert one.panel.frequency == frequency
    assert one.panel.dates is not None


def change(lines: list[str], place: int, column: int, text: str) -> list[str]:
    cells = lines[place].split(",")
    cells[column] = text
    return [*lines[:place], ",".join(cells), *lines[place + 1 :]]


@pytest.mark.parametrize(
    ("lines", "code", "words"),
    [
        (change(weeks(), 4, 4, "-1"), "IN-SERIES-VALUE", "dòng 6, cột observed"),
        (change(weeks(), 4, 4, "2.5"), "IN-SERIES-VALUE", "dòng 6"),
        (change(weeks(), 4, 4, "nhiều"), "IN-SERIES-VALUE", "dòng 6"),
        (change(weeks(), 4, 4, "inf"), "IN-SERIES-VALUE", "dòng 6"),
        (change(weeks(), 4, 0, ""), "IN-SERIES-VALUE", "cột t"),
        (change(weeks(), 4, 3, "2020-02-03"), "IN-SERIES-VALUE", "cột date"),
        (change(weeks(dates=True), 4, 3, "hôm qua"), "IN-SERIES-VALUE", "cột date"),
        (change(weeks(dates=True), 4, 3, "2020-01-28"), "IN-SERIES-VALUE", "cột date"),
        ([*weeks()[:4], "5,2020,5,NA", *weeks()[5:]], "IN-SERIES-VALUE", "dòng 6: số ô"),
        ([*weeks()[:4], f"{weeks()[4]},000", *weeks()[5:]], "IN-SERIES-VALUE", "dòng 6: số ô"),
        ([*weeks()[:10], *weeks()[12:]], "IN-SERIES-GAP", "giữa t=10 và t=13"),
        ([*weeks(), weeks()[7]], "IN-SERIES-GAP", "t=8 có hai dòng"),
        (weeks(5), "IN-SERIES-FREQUENCY", "tháng, tuần hay ngày"),
        ([], "IN-SERIES-EMPTY", "không có dòng"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_line(tmp_path: Path, lines: list[str], code: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        read_series(written(tmp_path, lines))
    assert error.value.code == code
    assert error.value.hint
    assert error.value.who


def test_a_missing_column_and_a_file_that_is_none_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="thiếu cột observed"):
        read_series(written(tmp_path, ["1,2020,1,"], head="t,year,epoch_in_year,date"))
    binary = tmp_path / "ảnh.csv"
    binary.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError) as error:
        read_series(binary)
    assert error.value.code == "IN-SERIES-FILE"


def test_order_state_and_unreported_periods_are_read(tmp_path: Path) -> None:
    lines = change(change(weeks(60), 20, 4, "NA"), 30, 5, "1")
    one = read_series(written(tmp_path, lines[::-1]))[0]
    assert one.t.tolist() == list(range(1, 61))
    assert np.isnan(one.panel.observed[0]).nonzero()[0].tolist() == [20]
    assert one.state is not None
    assert one.state.nonzero()[0].tolist() == [30]


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["detect", *map(str, arguments)])
    return done.exit_code, done.output


def test_the_command_writes_what_the_method_says(tmp_path: Path) -> None:
    path, out = written(tmp_path, weeks(dates=True)), tmp_path / "kết quả.csv"
    code, text = run(
        "--method", "farrington", "--input", path, "--out", out, "--last", 3, "--param", "alpha=0.05", "--json"
    )
    assert code == 0, text
    assert json.loads(text)["periods"] == 3
    rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert list(rows[0]) == ["t", "observed", "expected", "upperbound", "pvalue", "score", "alarm", "phi", "mu0"]
    found = detect(read_series(path)[0].panel, "farrington", {"alpha": "0.05"}, last=3)
    assert [int(row["t"]) for row in rows] == [328, 329, 330]
    for name, column in (("expected", "expected"), ("upper", "upperbound"), ("pvalue", "pvalue"), ("phi", "phi")):
        assert [float(row[column]) for row in rows] == getattr(found, name)[0].tolist()
    code, text = run("--method", "ears-c1", "--input", path, "--last", 1)
    assert code == 0
    assert text.splitlines()[0].startswith("t,observed,expected")
    assert text.splitlines()[1].endswith(",0,,")


def test_several_series_in_one_file_are_told_apart(tmp_path: Path) -> None:
    lines = [f"{line},{name}" for name in ("xã A", "xã B") for line in weeks()]
    path = written(tmp_path, lines, head=HEAD + ",series")
    code, text = run("--input", path, "--last", 2)
    assert code == 0
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["series"] for row in rows] == ["xã A", "xã A", "xã B", "xã B"]


def test_many_series_are_judged_together_and_false_discoveries_held(tmp_path: Path) -> None:
    """Eight of one length, one of another; of the last week the smallest p-values as Benjamini and Hochberg say."""
    counts = np.random.default_rng(4).poisson(5, (9, 330))
    counts[3, -1], counts[7, -1] = 30, 14
    rows = [
        f"{t + 1},{2020 + t // 52},{t % 52 + 1},,{counts[name, t]},0,{name}"
        for name in range(9)
        for t in range(330)
        if name < 8 or t < 329
    ]
    path = written(tmp_path, rows, head=HEAD + ",series")
    plain, held = (
        list(csv.DictReader(run("--input", path, "--last", 1, *more)[1].splitlines()))
        for more in ((), ("--fdr", "0.01"))
    )
    assert [row["series"] for row in plain] == [str(name) for name in range(9)]
    assert [row["t"] for row in plain] == ["330"] * 8 + ["329"]
    alone = detect(Panel(counts[7:8].astype(float), 52), "ensemble", last=1)
    assert float(plain[7]["pvalue"]) == pytest.approx(float(alone.pvalue[0, 0]))
    assert {row["series"] for row in plain if row["alarm"] == "1"} >= {"3", "7"}
    assert {row["series"] for row in held if row["alarm"] == "1"} == {"3"}
    assert [row["pvalue"] for row in held] == [row["pvalue"] for row in plain]
    assert run("--input", path, "--last", 1, "--fdr", "0.1", "--method", "ears-c3")[0] != 0


def test_clusters_come_out_with_their_places(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    lines = [
        f"x{place},{107 + place / 10},{13 + place % 3 / 10},{t},{random.poisson(0.3) + 3 * (place == 4 and t > 36)}"
        for place in range(8)
        for t in range(1, 41)
    ]
    path = written(tmp_path, lines, head="place,longitude,latitude,t,observed")
    code, text = run("--method", "scan", "--input", path, "--param", "replicates=99")
    assert code == 0, text
    rows = list(csv.DictReader(text.splitlines()))
    assert rows[0]["place"] == "x4"
    assert (rows[0]["first_t"], rows[0]["last_t"], rows[0]["pvalue"]) == ("37", "40", "0.01")


@pytest.mark.parametrize("start", ["2023-08-01", "2023-08-31"])  # half a year later there is no 31st
def test_a_twin_may_begin_on_any_day(tmp_path: Path, start: str) -> None:
    truth = tmp_path / "truth"
    truth.mkdir()
    (truth / "plan.json").write_text(json.dumps({"persons": 100, "months": 6, "seed": 1, "start": start}))
    seen = {"visited": pa.date32(), "disease": pa.string(), "commune": pa.string(), "outbreak_no": pa.int64()}
    pq.write_table(pa.schema(list(seen.items())).empty_table(), truth / "cases.parquet")
    pq.write_table(pa.table({}), truth / "outbreaks.parquet")
    code, text = run("evaluate", "--twin", tmp_path, "--method", "ears-c1", "--json")
    assert code == 0, text
    assert [(one["bed"], one["outbreaks"]) for one in json.loads(text)["quality"]] == [("twin", 0)]


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code"),
    [
        ((), "USE-DETECT-INPUT", 2),
        (("evaluate",), "USE-DETECT-INPUT", 2),
        (("--input", "không-có.csv"), "IN-SERIES-FILE", 3),
        (("--input", "không-có.csv", "--param", "b"), "USE-DETECT-PARAM", 2),
        (("--input", "không-có.csv", "--method", "scan", "--last", "4"), "USE-DETECT-PARAM", 2),
        (("evaluate", "--reference", "không-có"), "IN-REFERENCE", 3),
        (("evaluate", "--twin", "không-có"), "IN-TWIN", 3),
    ],
)
def test_mistakes_have_a_code(arguments: tuple[str, ...], code: str, exit_code: int) -> None:
    got, text = run(*arguments)
    assert got == exit_code
    assert f"[{code}]" in text
