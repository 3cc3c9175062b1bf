"""The reason in one Vietnamese sentence, with the years behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from bienho.surveillance.legal.thresholds import LEAST, LINKED_MONTH, LINKED_WEEK, YEARS

STATES = {-1: "chưa đánh giá được", 0: "bình thường", 1: "cần xác định ca", 2: "cảnh báo", 3: "dịch"}


@dataclass(frozen=True, slots=True)
class Channel:
    """One baseline in words: mean, SD, the years used with their counts, the declared years left out."""

    mean: float
    sd: float
    years: Sequence[tuple[int, int]]
    dropped: Sequence[int]


def sentence(article: str, day: date, month: int, week: int, of_month: Channel, of_week: Channel) -> str:
    """Why a place has its state; '' where no rule spoke."""
    monday = day.fromordinal(day.toordinal() - day.weekday())
    since_month, since_week = f"Từ 01/{day:%m} có {month} ca", f"Từ thứ hai {monday:%d/%m} có {week} ca"
    iso = day.isocalendar().week
    match article:
        case "16.1.b" if len(of_month.years) < LEAST or len(of_week.years) < LEAST:
            least = min(len(of_month.years), len(of_week.years))
            return f"{since_month}; mới có số liệu {least} năm trước, cần ít nhất {LEAST} năm để tính ngưỡng."
        case "16.1.b":
            return f"{since_month}, vượt ngưỡng {_limit(of_month, 2)} của tháng {day.month} {_years(of_month)}."
        case "22.1.b":
            return f"{since_week}, vượt ngưỡng {_limit(of_week, 1)} của tuần {iso} {_years(of_week)}."
        case "16.1.c":
            return f"{since_month}; từ {LINKED_MONTH} ca có liên hệ dịch tễ trở lên là dịch. Chưa xác minh liên hệ."
        case "22.1.c":
            return f"{since_week}; từ {LINKED_WEEK} ca có liên hệ dịch tễ trở lên là cảnh báo. Chưa xác minh liên hệ."
        case "16.1":
            return f"{since_month}; chưa quyết định bệnh có lưu hành ở đây không, và chưa đủ {LEAST} năm để tạm coi."
        case "22.1.a":
            return f"{since_month} của bệnh nhóm A; một ca xác định là cảnh báo."
    return ""


def _limit(channel: Channel, deviations: int) -> str:
    value = channel.mean + deviations * channel.sd
    times = "" if deviations == 1 else f"{deviations} × "
    return f"{_number(value)} (trung bình {_number(channel.mean)} + {times}độ lệch chuẩn {_number(channel.sd)})"


def _years(channel: Channel) -> str:
    told = ", ".join(f"{year}: {cases}" for year, cases in channel.years)
    left = f"; bỏ năm có dịch {', '.join(map(str, channel.dropped))}" if channel.dropped else ""
    short = f"; chưa đủ {YEARS} năm" if len(channel.years) < YEARS else ""
    return f"các năm trước ({told}{left}{short})"


def _number(value: float) -> str:
    return f"{value:.1f}".replace(".", ",")
