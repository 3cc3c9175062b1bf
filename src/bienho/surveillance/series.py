"""A plain series as a file: CSV with columns t, year, epoch_in_year, date, observed, perhaps state and series."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bienho.core.errors import InputError, LimitError
from bienho.surveillance.panel import Booleans, Integers, Panel

COLUMNS = ("t", "year", "epoch_in_year", "date", "observed")
BYTES_MAX = 1 << 30
NOT_KNOWN = ("", "na", "n/a", "#n/a", "nan", "null", "none")
SENDER = "người gửi tệp"
# First day to first day, in days, of each frequency.
STEPS = {12: (28, 31), 52: (7, 7), 365: (1, 1)}


@dataclass(frozen=True)
class PlainSeries:
    """One series as read; `t` (T,), `state` (T,) whether an outbreak is known to have been, None when not told."""

    name: str
    t: Integers
    panel: Panel
    state: Booleans | None


def fault(code: str, message: str, hint: str) -> InputError:
    return InputError(code, message, hint=hint, who=SENDER)


def read_series(path: Path) -> list[PlainSeries]:
    """Series of a file, in the order they first appear.

    Raises InputError IN-SERIES-COLUMNS, IN-SERIES-VALUE, IN-SERIES-GAP, IN-SERIES-FREQUENCY, IN-SERIES-EMPTY,
    IN-SERIES-FILE; LimitError LIM-SERIES. A period nobody reported has an empty `observed`; one without a case has 0.
    """
    groups: dict[str, list[tuple[int, dict[str, str | None]]]] = {}
    for line, row in lines_of(path, COLUMNS):
        groups.setdefault(row.get("series") or "", []).append((line, row))
    return [_series(path, name, rows) for name, rows in groups.items()]


def lines_of(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str | None]]]:
    """(number, cells) of each line of a CSV file that has these columns.

    Raises InputError IN-SERIES-FILE, IN-SERIES-COLUMNS, IN-SERIES-VALUE (a line cut short or with a cell too many),
    IN-SERIES-EMPTY; LimitError LIM-SERIES.
    """
    if not path.is_file():
        raise fault("IN-SERIES-FILE", f"Không có tệp {path.name}.", "Xem lại đường dẫn.")
    if path.stat().st_size > BYTES_MAX:
        raise LimitError("LIM-SERIES", f"Tệp {path.name} lớn hơn 1 GiB.", hint="Chia thành nhiều tệp.", who=SENDER)
    empty = True
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise fault(
                    "IN-SERIES-COLUMNS",
                    f"Tệp {path.name} thiếu cột {', '.join(missing)}.",
                    f"Dòng đầu phải có: {', '.join(columns)}; ngăn bằng dấu phẩy.",
                )
            for row in reader:
                empty = False
                if None in row or any(row[name] is None for name in columns):
                    raise fault(
                        "IN-SERIES-VALUE",
                        f"Tệp {path.name}, dòng {reader.line_num}: số ô khác dòng đầu.",
                        "Mỗi dòng đủ các cột; số không có dấu ngăn hàng nghìn.",
                    )
                yield reader.line_num, row
    except (UnicodeDecodeError, csv.Error):
        raise fault("IN-SERIES-FILE", f"Tệp {path.name} không phải CSV mã UTF-8.", "Lưu lại thành CSV UTF-8.") from None
    if empty:
        raise fault("IN-SERIES-EMPTY", f"Tệp {path.name} không có dòng số liệu nào.", "Cần một dòng cho mỗi kỳ.")


def _series(path: Path, name: str, rows: list[tuple[int, dict[str, str | None]]]) -> PlainSeries:
    rows = sorted(rows, key=lambda pair: _whole(path, pair, "t"))
    t = np.array([_whole(path, pair, "t") for pair in rows], dtype=np.int64)
    broken = np.nonzero(np.diff(t) != 1)[0]
    if len(broken):
        before, after = int(t[broken[0]]), int(t[broken[0] + 1])
        what = f"kỳ t={after} có hai dòng" if before == after else f"không có dòng nào giữa t={before} và t={after}"
        raise fault(
            "IN-SERIES-GAP",
            f"Tệp {path.name}: {what}.",
            "Mỗi kỳ một dòng: kỳ không có ca ghi 0, kỳ không có báo cáo để trống observed.",
        )
    observed = np.array([_count(path, pair) for pair in rows])
    epochs = np.array([_whole(path, pair, "epoch_in_year") for pair in rows], dtype=np.int64)
    years = np.array([_whole(path, pair, "year") for pair in rows], dtype=np.int64)
    dates = _dates(path, rows)
    frequency = _frequency(path, years, epochs, dates)
    if dates is not None:
        _check_steps(path, rows, dates, frequency)
    state = None
    if "state" in rows[0][1] and any((row.get("state") or "").strip().lower() not in NOT_KNOWN for _, row in rows):
        state = np.array([(row.get("state") or "").strip().lower() in ("1", "true", "t") for _, row in rows])
    return PlainSeries(name, t, Panel(observed[None, :], frequency, dates), state)


def _whole(path: Path, pair: tuple[int, Mapping[str, str | None]], column: str) -> int:
    line, row = pair
    try:
        text = (row[column] or "").strip()
        return int(text.removesuffix(".0"))
    except ValueError:
        raise _bad(path, line, column, "số nguyên") from None


def _bad(path: Path, line: int, column: str, needs: str) -> InputError:
    return fault("IN-SERIES-VALUE", f"Tệp {path.name}, dòng {line}, cột {column}: không đọc được.", f"Cần {needs}.")


def _count(path: Path, pair: tuple[int, Mapping[str, str | None]]) -> float:
    line, row = pair
    text = (row["observed"] or "").strip()
    if text.lower() in NOT_KNOWN:
        return float("nan")
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e12 or value != int(value):
        raise _bad(path, line, "observed", "số ca: số nguyên từ 0, hoặc để trống khi không có báo cáo")
    return value


def _dates(path: Path, rows: Iterable[tuple[int, Mapping[str, str | None]]]) -> np.ndarray | None:
    """Dates of all rows, None when no row has one."""
    texts = [(line, (row["date"] or "").strip()) for line, row in rows]
    absent = [line for line, text in texts if text.lower() in NOT_KNOWN]
    if len(absent) == len(texts):
        return None
    if absent:
        raise _bad(path, absent[0], "date", "ngày đầu kỳ ở mọi dòng, hoặc để trống cả cột")
    days = []
    for line, text in texts:
        try:
            days.append(np.datetime64(text, "D"))
        except ValueError:
            raise _bad(path, line, "date", "ngày dạng 2026-01-31") from None
    return np.array(days, dtype="datetime64[D]")


def _frequency(path: Path, years: Integers, epochs: Integers, dates: np.ndarray | None) -> int:
    """12, 52 or 365: from the dates, else from the last period of the years that end in the series."""
    if dates is not None and len(dates) > 1:
        step = float(np.median(np.diff(dates) / np.timedelta64(1, "D")))
        found = [frequency for frequency, (least, most) in STEPS.items() if least <= step <= most]
    else:
        ends = epochs[:-1][np.diff(years) > 0]
        top = int(ends.max() if len(ends) else epochs.max())
        found = [12] if top == 12 else [52] if top in (52, 53) else [365] if top in (365, 366) else []
        if not found and not len(ends):
            found = [52] if 12 < top < 52 else [365] if 53 < top < 365 else []
    if not found:
        raise fault(
            "IN-SERIES-FREQUENCY",
            f"Tệp {path.name}: không biết chuỗi theo tháng, tuần hay ngày.",
            "Ghi ngày đầu kỳ vào cột date, hoặc đánh số epoch_in_year hết một năm (12, 52/53, 365/366).",
        )
    return found[0]


def _check_steps(path: Path, rows: list[tuple[int, dict[str, str | None]]], dates: np.ndarray, frequency: int) -> None:
    """Dates must step as the frequency says: what is compared with a wrong week is worse than no answer."""
    least, most = STEPS[frequency]
    step = np.diff(dates) / np.timedelta64(1, "D")
    wrong = np.nonzero((step < least) | (step > most))[0]
    if len(wrong):
        raise _bad(path, rows[int(wrong[0]) + 1][0], "date", "ngày đầu của kỳ ngay sau dòng trước")
