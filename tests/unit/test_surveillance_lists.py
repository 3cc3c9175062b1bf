"""Lists people bring for early warning: decisions and old counts; months made of them; the sentence; temperatures."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from bienho.core.errors import InputError
from bienho.surveillance.cases.series import plain
from bienho.surveillance.forecast.monthly import monthly, read_temperature
from bienho.surveillance.legal.words import Channel, sentence
from bienho.terminology import parse_import, reference_tables

D = date.fromisoformat
HEADS = {
    "notifiable": "disease,name_vi,deadline,code,certainty,episode_days",
    "epidemic-decision": "disease,commune,kind,year,document,decided_on",
    "case-history": "disease,commune,unit,year,number,cases",
}


def brought(kind: str, *lines: str, since: str = "2026-01-01") -> Any:
    return parse_import(kind, "\n".join([HEADS[kind], *lines]).encode(), "x", D(since))


@pytest.mark.parametrize(
    ("kind", "line", "column"),
    [
        ("notifiable", "dengue,Sốt,24h,A9,probable,28", "code"),
        ("notifiable", "dengue,Sốt,12h,A97,probable,28", "deadline"),
        ("notifiable", "dengue,Sốt,24h,A97,sure,28", "certainty"),
        ("notifiable", "dengue,Sốt,24h,A97,probable,0", "episode_days"),
        ("notifiable", "Sốt xuất huyết,Sốt,24h,A97,probable,28", "disease"),
        ("epidemic-decision", "dengue,2158,endemic,,1/CDC,2026-01-01", "commune"),
        ("epidemic-decision", "dengue,*,often,,1/CDC,2026-01-01", "kind"),
        ("epidemic-decision", "dengue,*,epidemic_year,,1/CDC,2026-01-01", "year"),
        ("epidemic-decision", "dengue,*,epidemic_year,2023,,2026-01-01", "document"),
        ("epidemic-decision", "dengue,*,endemic,,1/CDC,", "decided_on"),
        ("case-history", "dengue,*,month,2023,5,4", "commune"),
        ("case-history", "dengue,21583,year,2023,5,4", "unit"),
        ("case-history", "dengue,21583,month,2023,13,4", "number"),
        ("case-history", "dengue,21583,week,2023,54,4", "number"),
        ("case-history", "dengue,21583,month,2023,5,-4", "cases"),
    ],
)
def test_a_line_that_cannot_be_taken_is_named(kind: str, line: str, column: str) -> None:
    with pytest.raises(InputError) as raised:
        brought(kind, line)
    assert raised.value.code == "IN-CODES-ROWS"
    assert f"dòng 2, cột {column}" in raised.value.message


def test_a_later_register_ends_the_earlier_of_its_diseases_only() -> None:
    first = brought(
        "epidemic-decision", "dengue,*,epidemic_year,2023,1,2024-01-01", "mumps,*,not_endemic,,1,2024-01-01"
    )
    second = brought("epidemic-decision", "dengue,21583,epidemic_year,2024,2,2025-02-01", since="2026-06-01")
    rows = reference_tables([first, second])["reference.epidemic_decision"].to_pylist()
    assert [(r["disease"], r["commune"], r["year"], r["valid_from"], r["valid_to"]) for r in rows] == [
        ("dengue", "*", 2023, D("2026-01-01"), D("2026-06-01")),
        ("dengue", "21583", 2024, D("2026-06-01"), None),
        ("mumps", "*", 0, D("2026-01-01"), None),
    ]
    twice = ("dengue,21583,month,2023,5,4", "dengue,21583,month,2023,5,9")
    with pytest.raises(InputError, match="khác nội dung"):
        brought("case-history", *twice)


def row(side: str, start: str, cases: int) -> dict[str, Any]:
    return {"side": side, "start": D(start), "cases": cases}


def test_months_are_those_without_a_gap_before_the_present_one() -> None:
    older = [row("east", "2022-03-01", 9), row("west", "2024-05-01", 4), row("east", "2024-11-01", 7)]
    cases = [row("east", "2025-01-01", 3), row("west", "2025-02-01", 2), row("east", "2024-12-01", 50)]
    cases += [row("east", "2025-03-01", 99), row("", "2025-02-01", 5)]
    found = monthly(("east", "west"), cases, older, D("2025-01-01"), D("2025-03-17"))
    # 2023 was not counted: 2022 is beyond the gap; December 2024 was counted by the older lists
    assert (found.first, found.counts.shape) == (D("2024-01-01"), (3, 14))
    assert found.counts[:, 4].tolist() == [0, 4, 4]
    assert found.counts[:, 10:].tolist() == [[7, 0, 3, 0], [0, 0, 0, 2], [7, 0, 3, 2]]
    assert found.ahead() == [D("2025-03-01"), D("2025-04-01"), D("2025-05-01")]
    nothing = monthly(("east",), [], [], None, D("2025-03-17"))
    assert nothing.counts.shape == (2, 0)


@pytest.mark.parametrize(
    ("period", "first", "last", "length"),
    [
        ("day", (2024, 366, D("2024-12-31")), (2025, 46, D("2025-02-15")), 47),
        ("week", (2025, 1, D("2024-12-30")), (2025, 6, D("2025-02-03")), 6),
        ("month", (2025, 1, D("2025-01-01")), (2025, 1, D("2025-01-01")), 1),
    ],
)
def test_a_plain_series_has_every_whole_period(period: Any, first: Any, last: Any, length: int) -> None:
    since = D("2024-12-31") if period != "week" else D("2024-12-28")
    start = D("2025-01-01") if period == "month" else D("2025-01-06")
    counts = [{"series": name, "start": start, "cases": 2} for name in ("a", "a", "c")]
    rows = plain(["a", "b"], period, since, D("2025-02-15"), counts)
    assert [row[0] for row in rows] == ["a"] * length + ["b"] * length
    assert [row[1] for row in rows[:length]] == list(range(1, length + 1))
    assert (rows[0][2:5], rows[length - 1][2:5]) == (first, last)
    assert sum(row[5] for row in rows) == 4
    assert next(row[5] for row in rows if row[4] == start) == 4


def test_temperatures_are_put_to_their_months_and_the_province_has_the_mean() -> None:
    told = monthly(("east", "west"), [], [row("east", "2024-01-01", 1)], None, D("2025-01-01"))
    text = "side,year,month,temperature\neast,2024,1,24.5\nwest,2024,1,20.5\nwest,2023,12,19\nsouth,2024,1,30"
    sides = {"east": "east", "west": "west"}
    heat = read_temperature(text.encode(), told, sides)
    assert heat[:, 0].tolist() == [24.5, 20.5, 22.5]
    assert np.isnan(heat[:, 1:]).all()
    three = replace(told, places=("a", "b", "province"))
    assert read_temperature(text.encode(), three, {"a": "west", "b": "west"})[:, 0].tolist() == [20.5, 20.5, 20.5]
    for bad, said in (
        ("side,year,month", "thiếu cột temperature"),
        ("side,year,month,temperature\neast,2024,13,24", "dòng 2"),
        ("side,year,month,temperature\neast,2024,1,24\neast,2024,2,297", "dòng 3"),
        ("side,year,month,temperature\neast,2024", "dòng 2"),
        ("\xff", "UTF-8"),
    ):
        with pytest.raises(InputError, match=said) as raised:
            read_temperature(bad.encode("latin-1"), told, sides)
        assert raised.value.code == "IN-CLIMATE"


def test_the_sentence_says_which_number_and_which_years() -> None:
    five = Channel(10.0, 1.5, [(2025, 10), (2024, 12), (2023, 8), (2022, 11), (2021, 9)], [])
    three = Channel(2.0, 1.0, [(2025, 1), (2024, 2), (2022, 3)], [2023])
    two = Channel(2.0, 1.0, [(2025, 1), (2024, 2)], [])
    day = D("2026-11-18")
    assert sentence("16.1.b", day, 14, 2, five, three) == (
        "Từ 01/11 có 14 ca, vượt ngưỡng 13,0 (trung bình 10,0 + 2 × độ lệch chuẩn 1,5) của tháng 11 các năm trước"
        " (2025: 10, 2024: 12, 2023: 8, 2022: 11, 2021: 9)."
    )
    assert sentence("22.1.b", day, 14, 4, five, three) == (
        "Từ thứ hai 16/11 có 4 ca, vượt ngưỡng 3,0 (trung bình 2,0 + độ lệch chuẩn 1,0) của tuần 47 các năm trước"
        " (2025: 1, 2024: 2, 2022: 3; bỏ năm có dịch 2023; chưa đủ 5 năm)."
    )
    assert "mới có số liệu 2 năm trước" in sentence("16.1.b", day, 14, 2, five, two)
    assert "Chưa xác minh liên hệ" in sentence("16.1.c", day, 5, 2, two, two)
    assert "Từ thứ hai 16/11 có 3 ca" in sentence("22.1.c", day, 3, 3, two, two)
    assert "chưa quyết định" in sentence("16.1", day, 3, 3, two, two)
    assert "nhóm A" in sentence("22.1.a", day, 1, 1, two, two)
    assert sentence("", day, 0, 0, five, five) == ""
