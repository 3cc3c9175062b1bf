"""What several lives share: a bed, one after another; a household, coming and going."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from plausibility.life_course.book import Book, Dossier, Row, moment
from plausibility.life_course.told import Found

_MOST = 20
"""People a household may hold at one time."""


def in_one_bed(book: Book) -> Iterator[Found]:
    """Two nights in one bed at one time: whoever comes while somebody has not left yet, and that somebody."""
    beds: dict[tuple[str, str | None, str], list[tuple[datetime, datetime, Dossier, Row]]] = {}
    for dossier in book.dossiers.values():
        for line in dossier.services:
            start, end = moment(line["NGAY_YL"]), moment(line["NGAY_KQ"])
            if line["MA_GIUONG"] and start and end and end > start:
                beds.setdefault((dossier.facility, line["MA_KHOA"], line["MA_GIUONG"]), []).append(
                    (start, end, dossier, line)
                )
    for nights in beds.values():
        nights.sort(key=lambda night: (night[0], night[1], night[2].ma_lk, night[3]["STT"]))
        lying = nights[0]
        for night in nights[1:]:
            if night[0] < lying[1]:
                for _, _, dossier, line in (lying, night):
                    yield Found(
                        "bed_taken_twice", "xml3", dossier.person, dossier.facility, dossier.ma_lk, line["STT"] or ""
                    )
            lying = max(lying, night, key=lambda one: one[1])


def crowded(book: Book) -> Iterator[Found]:
    """Households as people come by birth or moving in and go by death or leaving; too many at any time."""
    homes: dict[int, list[Row]] = {}
    for person in book.people.values():
        homes.setdefault(person["household_no"], []).append(person)
    for members in homes.values():
        if len(members) <= _MOST:
            continue
        changes: list[tuple[date, int]] = []
        for person in members:
            changes.append((max(person["birth"], person["since"] or date.min), 1))
            if gone := min((day for day in (person["died"], person["until"]) if day), default=None):
                changes.append((gone, -1))
        count = most = 0
        for _, change in sorted(changes):
            count += change
            most = max(most, count)
        if most > _MOST:
            yield from (Found("crowded_household", "people", person["person_no"]) for person in members)
