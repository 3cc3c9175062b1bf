"""`bienho detect`: detectors on a plain series, and what they are worth. No home, no account: no person is read."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TextIO

import click
import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bienho.cli.data import JSON
from bienho.cli.output import as_json, as_table, console, number
from bienho.core.errors import InputError, StorageError, UsageError
from bienho.surveillance import METHODS, Alarms, Panel, PlainSeries, discoveries, read_series
from bienho.surveillance import detect as run_method
from bienho.surveillance.detectors.options import set_options
from bienho.surveillance.evaluate import (
    Quality,
    agreement,
    judge,
    read_scenarios,
    real_series,
    run_scenarios,
    twin_outbreaks,
    without_outbreaks,
)
from bienho.surveillance.scan import Cluster, PlacedCases, ScanOptions, read_places, scan
from bienho.synthetic.plan import Plan

FIELDS = ("expected", "upper", "pvalue", "score")
AFTER = ("phi", "mu0")
HEADER = ("t", "observed", "expected", "upperbound", "pvalue", "score", "alarm", "phi", "mu0")
CLUSTERS = ("cluster", "place", "first_t", "last_t", "cases", "expected", "score", "pvalue", "recurrence", "radius_km")
SCENARIOS = "noufaily2013_28_scenarios.csv"
# Scenarios put their outbreaks into the last third of a twin.
TWIN_YEARS = 2
# What `evaluate` compares; by default each method as it comes.
COMPARED = {name: (name, dict[str, str]()) for name in METHODS}


@click.group(invoke_without_command=True)
@click.option("--method", type=click.Choice([*METHODS, "scan"]), help="Phương pháp; mặc định ensemble.")
@click.option("--input", "input_", type=click.Path(path_type=Path), help="Tệp chuỗi số ca (CSV).")
@click.option("--out", type=click.Path(path_type=Path), help="Tệp kết quả (CSV); không có thì in ra màn hình.")
@click.option("--last", type=click.IntRange(1), help="Chỉ xét số kỳ cuối này; mặc định mọi kỳ xét được.")
@click.option("--param", "params", multiple=True, metavar="TÊN=GIÁ_TRỊ", help="Tham số của phương pháp, lặp lại được.")
@click.option(
    "--fdr", type=click.FloatRange(0, 1, min_open=True, max_open=True), metavar="TỶ_LỆ",
    help="Nhiều chuỗi: trong các báo động của một kỳ, nhiều nhất tỷ lệ này là giả (Benjamini–Hochberg).",
)  # fmt: skip
@JSON
@click.pass_context
def detect(
    ctx: click.Context,
    method: str | None,
    input_: Path | None,
    out: Path | None,
    last: int | None,
    params: tuple[str, ...],
    fdr: float | None,
    json_: bool,
) -> None:
    """Tìm tăng bất thường trong một chuỗi số ca: cột t, year, epoch_in_year, date, observed.

    Thêm cột series thì mỗi giá trị là một chuỗi. Kỳ không có ca ghi 0, kỳ không có báo cáo để trống observed. Tần suất
    (ngày, tuần, tháng) lấy từ số liệu. Phương pháp scan tìm cụm theo nơi và thời gian: cột place, longitude, latitude,
    t, observed. Không đọc kho, không cần tài khoản.
    """
    if ctx.invoked_subcommand:
        return
    if input_ is None:
        raise UsageError("USE-DETECT-INPUT", "Chưa chọn tệp chuỗi số ca.", hint="Thêm --input TỆP.CSV.")
    given = _given(params)
    if method == "scan":
        if fdr is not None:
            raise UsageError("USE-DETECT-PARAM", "scan đã tính nhiều nơi cùng lúc.", hint="Bỏ --fdr.")
        _scan(input_, out, last, given, json_)
        return
    chosen = method or "ensemble"
    found = list(_judged(read_series(input_), chosen, given, last))
    if fdr is not None:
        found = _controlled(found, fdr)
    named = len(found) > 1 or bool(found[0][0].name)
    if out is not None or not json_:
        _write(out, (("series",) if named else ()) + HEADER, _rows(found, named))
    _told({
        "method": chosen, "series": len(found), "periods": sum(alarms.alarm.size for _, alarms in found),
        "alarms": int(sum(alarms.alarm.sum() for _, alarms in found)), "out": str(out) if out else None,
    }, json_, quiet=out is None)  # fmt: skip


def _judged(
    read: list[PlainSeries], method: str, given: dict[str, str], last: int | None
) -> Iterator[tuple[PlainSeries, Alarms]]:
    """Each series with its alarms, in the order read; those of the same periods together, which is quicker."""
    alike: dict[tuple[int, bytes, bytes], list[int]] = {}
    for place, one in enumerate(read):
        dates = b"" if one.panel.dates is None else one.panel.dates.tobytes()
        alike.setdefault((one.panel.frequency, one.t.tobytes(), dates), []).append(place)
    found: dict[int, Alarms] = {}
    for places in alike.values():
        first = read[places[0]].panel
        counts = np.concatenate([read[place].panel.observed for place in places])
        alarms = run_method(Panel(counts, first.frequency, first.dates), method, given, last=last)
        found |= {place: alarms.of(line) for line, place in enumerate(places)}
    return ((one, found[place]) for place, one in enumerate(read))


def _controlled(found: list[tuple[PlainSeries, Alarms]], rate: float) -> list[tuple[PlainSeries, Alarms]]:
    """Alarms of one t judged together over all series; where a method gives no limit there is still no alarm."""
    judged = [one.t[alarms.at] for one, alarms in found]
    periods = np.unique(np.concatenate(judged))
    pvalues = np.full((len(found), len(periods)), np.nan)
    for line, ((_, alarms), t) in enumerate(zip(found, judged, strict=True)):
        pvalues[line, np.searchsorted(periods, t)] = np.where(np.isnan(alarms.upper[0]), np.nan, alarms.pvalue[0])
    if np.isnan(pvalues).all() and any(np.isfinite(alarms.upper).any() for _, alarms in found):
        raise UsageError(
            "USE-DETECT-PARAM", "Phương pháp này không cho giá trị p.", hint="Bỏ --fdr hoặc dùng ensemble."
        )
    chosen = discoveries(pvalues, rate)
    return [
        (one, replace(alarms, alarm=chosen[[line]][:, np.searchsorted(periods, t)]))
        for line, ((one, alarms), t) in enumerate(zip(found, judged, strict=True))
    ]


def _given(params: Iterable[str]) -> dict[str, str]:
    given = {}
    for text in params:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UsageError("USE-DETECT-PARAM", f"Không hiểu --param {text!r}.", hint="Viết TÊN=GIÁ_TRỊ, ví dụ b=5.")
        given[name.strip()] = value
    return given


def _told(summary: dict[str, Any], json_: bool, *, quiet: bool) -> None:
    if json_:
        as_json(summary)
    elif not quiet:
        console.print(
            f"{summary['method']}: {number(summary['series'])} chuỗi, {number(summary['periods'])} kỳ, "
            f"{number(summary['alarms'])} báo động; kết quả ở {summary['out']}."
        )


def _rows(found: Iterable[tuple[PlainSeries, Alarms]], named: bool) -> Iterator[list[str]]:
    for one, alarms in found:
        for column, place in enumerate(alarms.at):
            yield [
                *([one.name] if named else []),
                str(one.t[place]),
                _cell(alarms.observed[0, column]),
                *(_cell(getattr(alarms, name)[0, column]) for name in FIELDS),
                str(int(alarms.alarm[0, column])),
                *(_cell(getattr(alarms, name)[0, column]) for name in AFTER),
            ]


def _cell(value: float) -> str:
    """Shortest text that reads back as the same number; empty where there is none."""
    if math.isnan(value):
        return ""
    if math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def _write(out: Path | None, header: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    if out is None:
        _fill(sys.stdout, header, rows)
        return
    try:
        with out.open("w", encoding="utf-8", newline="") as file:
            _fill(file, header, rows)
    except OSError as error:
        raise StorageError(
            "STO-DETECT-OUT", f"Không ghi được {out.name}: {error.strerror}.", hint="Chọn thư mục khác."
        ) from None


def _fill(file: TextIO, header: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)


def _scan(input_: Path, out: Path | None, last: int | None, given: dict[str, str], json_: bool) -> None:
    if last not in (None, 1):
        raise UsageError("USE-DETECT-PARAM", "scan chỉ xét kỳ cuối.", hint="Bỏ --last.")
    options = set_options(ScanOptions(), given)
    placed = read_places(input_)
    clusters = scan(placed.cases, placed.longitude, placed.latitude, options)
    if out is not None or not json_:
        _write(out, CLUSTERS, _cluster_rows(clusters, placed))
    summary = {"method": "scan", "series": len(placed.names), "periods": len(placed.t), "alarms": len(clusters)}
    least = min((one.pvalue for one in clusters), default=None)
    _told(summary | {"least_pvalue": least, "out": str(out) if out else None}, json_, quiet=out is None)


def _cluster_rows(clusters: Iterable[Cluster], placed: PlacedCases) -> Iterator[list[str]]:
    """A row for each place of each cluster, the centre first."""
    for rank, one in enumerate(clusters, 1):
        for place in one.places:
            yield [
                str(rank), placed.names[place], str(placed.t[one.first]), str(placed.t[-1]), str(one.cases),
                _cell(one.expected), _cell(one.ratio), _cell(one.pvalue), _cell(one.recurrence), _cell(one.radius_km),
            ]  # fmt: skip


@detect.command("evaluate")
@click.option("--reference", type=click.Path(path_type=Path), help="Thư mục số liệu tham chiếu: inputs, outputs.")
@click.option("--twin", type=click.Path(path_type=Path), help="Thư mục do `bienho synth --out` ghi: các ổ dịch đã cài.")
@click.option("--method", "only", multiple=True, type=click.Choice(list(METHODS)), help="Chỉ các phương pháp này.")
@click.option("--replicates", default=100, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--seed", default=2013, show_default=True, type=click.IntRange(0))
@JSON
def evaluate(
    reference: Path | None, twin: Path | None, only: tuple[str, ...], replicates: int, seed: int, json_: bool
) -> None:
    """Đo các phương pháp: độ nhạy, báo động giả mỗi năm, số ngày đến khi báo; và khớp với số liệu tham chiếu.

    Trên chuỗi thật có ghi ổ dịch, chuỗi mô phỏng không có ổ dịch, 28 kịch bản Noufaily 2013, ổ dịch của bản song sinh.
    """
    if reference is None and twin is None:
        raise UsageError("USE-DETECT-INPUT", "Chưa chọn số liệu để đo.", hint="Thêm --reference hoặc --twin THƯ_MỤC.")
    methods = {name: COMPARED[name] for name in only or METHODS}
    agreed, found = [], list[Quality]()
    if reference is not None:
        agreed = list(agreement(reference))
        found += real_series(reference / "inputs", methods)
        found += _quiet(methods, replicates, seed)
        places = (folder / SCENARIOS for folder in (reference, reference / "data", reference.parent / "data"))
        path = next((one for one in places if one.is_file()), None)
        if path is not None:
            found += run_scenarios(read_scenarios(path), methods, replicates=replicates, seed=seed)
    if twin is not None:
        found += twin_outbreaks(*_twin(twin), methods, years=TWIN_YEARS)
    if json_:
        as_json({
            "replicates": replicates, "seed": seed, "quality": [one.as_dict() for one in found],
            "agreement": [
                {"output": one.output, "method": one.method, "periods": one.periods, "relative": one.relative,
                 "alarms_differ": one.alarms_differ}
                for one in agreed
            ],
        })  # fmt: skip
        return
    if agreed:
        as_table(
            ("kết quả tham chiếu", "phương pháp", "số kỳ", "lệch tương đối lớn nhất", "báo động khác"),
            [(one.output, one.method, one.periods, f"{one.worst:.1e}", one.alarms_differ) for one in agreed],
        )
    as_table(
        ("trên", "phương pháp", "ổ dịch", "độ nhạy", "khoảng 95 %", "báo động giả", "mỗi năm", "ngày"),
        [_shown(one) for one in found],
    )


def _quiet(methods: dict[str, tuple[str, dict[str, str]]], series: int, seed: int) -> Iterator[Quality]:
    panel = without_outbreaks(series * 10, seed=seed)
    for label, (method, given) in methods.items():
        alarm = run_method(panel, method, given, last=52).alarm
        yield judge("không ổ dịch", label, alarm, alarm.astype(int) * 0, panel.frequency)


def _shown(one: Quality) -> tuple[object, ...]:
    share = one.sensitivity
    return (
        one.bed,
        one.method,
        number(one.outbreaks),
        None if share is None else _percent(share),
        None if share is None else f"{_percent(one.low)} – {_percent(one.high)}",
        None if one.false_rate is None else _percent(one.false_rate, 2),
        f"{one.false_per_year:.2f}".replace(".", ","),
        None if one.days is None else f"{one.days:.0f}",
    )


def _percent(share: float, digits: int = 1) -> str:
    return f"{share * 100:.{digits}f} %".replace(".", ",")


def _twin(folder: Path) -> tuple[dict[str, list[Any]], list[dict[str, Any]], date, date]:
    """Cases that were seen, outbreaks, and the first and last day of a twin written by `bienho synth --out`."""
    truth = folder / "truth"
    try:
        plan = json.loads((truth / "plan.json").read_text(encoding="utf-8"))
        cases = pq.read_table(truth / "cases.parquet")
        outbreaks = pq.read_table(truth / "outbreaks.parquet").to_pylist()
        kept = Plan(int(plan["persons"]), int(plan["months"]), int(plan["seed"]), date.fromisoformat(plan["start"]))
        cases = cases.filter(pc.is_valid(cases["visited"]))
        columns = {"day": "visited", "disease": "disease", "commune": "commune", "outbreak_no": "outbreak_no"}
        seen = {name: cases[column].to_pylist() for name, column in columns.items()}
    except (OSError, ValueError, KeyError):
        raise InputError(
            "IN-TWIN", f"{folder.name} không phải bản song sinh còn đủ thư mục truth.",
            hint="Tạo lại bằng `bienho synth --out`.", who="người chạy lệnh",
        ) from None  # fmt: skip
    return seen, outbreaks, kept.start, kept.end - timedelta(days=1)
