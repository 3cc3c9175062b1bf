"""Epidemiological weeks as used in Vietnamese reports: ISO 8601 weeks, Monday to Sunday."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, order=True, slots=True)
class EpiWeek:
    """One ISO week; `EpiWeek.of(date(2026, 11, 18))` is week 47 of 2026."""

    year: int
    week: int

    @classmethod
    def of(cls, day: date) -> EpiWeek:
        iso = day.isocalendar()
        return cls(iso.year, iso.week)

    @property
    def start(self) -> date:
        return date.fromisocalendar(self.year, self.week, 1)

    @property
    def end(self) -> date:
        return self.start + timedelta(days=6)

    def label_vi(self) -> str:
        """`Tuần 47/2026 (16–22/11)`; both months are written when the week crosses one."""
        left = f"{self.start:%d}" if self.start.month == self.end.month else f"{self.start:%d/%m}"
        return f"Tuần {self.week}/{self.year} ({left}–{self.end:%d/%m})"
