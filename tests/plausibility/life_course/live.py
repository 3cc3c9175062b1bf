"""The state of one life and what may happen in it: unborn, alive, dead; at which facility; which orders are open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa

from plausibility.life_course.book import Book, Dossier, Event, Row, amount, moment
from plausibility.life_course.known import LEVEL_OF, MERGER, is_commune, only_of, told_by
from plausibility.life_course.shared import crowded, in_one_bed
from plausibility.life_course.told import Found

KINDS = (
    "man_pregnant", "visit_after_death", "birth_after_visit", "births_too_close", "age_over_115", "sex_against_name",
    "wrong_commune_code", "card_against_group", "negative_cost", "sum_off_by_one", "never_discharged",
    "bed_taken_twice", "drug_after_discharge", "result_before_order", "referral_to_itself", "immunised_before_birth",
    "crowded_household", "twins_of_two_mothers", "two_places_at_once", "code_of_other_sex",
)  # fmt: skip
_THERE = {"01", "03", "04", "06", "08", "09"}  # the person is at the facility from arrival to leaving
_WARD = {"03", "04", "06", "09"}
_YEAR = timedelta(days=365)
_OLDEST = timedelta(days=round(115 * 365.25))
_SHARES = ("T_BNTT", "T_BNCCT", "T_BHTT", "T_NGUONKHAC")
_AMOUNTS = (
    *_SHARES, "T_THUOC", "T_VTYT", "T_TONGCHI_BV", "T_TONGCHI_BH", "THANH_TIEN_BV", "THANH_TIEN_BH", "DON_GIA",
    "DON_GIA_BV",
)  # fmt: skip


def check(tables: Mapping[str, pa.Table]) -> list[Found]:
    """Everything found in the tables of the README."""
    book = Book(tables)
    found = [one for number in book.people for one in Life(book, number).lived()]
    return sorted({*found, *crowded(book), *in_one_bed(book)})


class Life:
    """One person's life, from the first event to the last."""

    def __init__(self, book: Book, number: int) -> None:
        self._book, self._number, self._person = book, number, book.people[number]
        self._state = "unborn"
        self._gave_birth: date | None = None
        self._here: list[Dossier] = []  # where the person is now
        self._acted: Event | None = None  # the last thing done at treatment that goes on at home
        self._open: dict[str, Dossier] = {}
        self._left: set[str] = set()
        self._asked: set[tuple[str, object]] = set()

    def lived(self) -> Iterator[Found]:
        """What cannot be in this life."""
        if told_by(self._person["name"]) not in (None, self._person["sex"]):
            yield self._say("sex_against_name", "people")
        if self._person["commune"] and not is_commune(self._person["commune"], self._book.last.date()):
            yield self._say("wrong_commune_code", "people")
        for event in self._book.life(self._number):
            yield from getattr(self, f"on_{event.what}")(event)
        yield from self._end()

    def _say(self, kind: str, table: str, dossier: Dossier | None = None, line: Row | None = None) -> Found:
        key = (dossier.facility, dossier.ma_lk) if dossier else ("", "")
        return Found(kind, table, self._number, *key, (line or {}).get("STT") or "")

    def on_born(self, event: Event) -> Iterator[Found]:
        """The first state; of twins, the other one must be of the same mother and day."""
        self._state = "alive"
        twin = self._book.people.get(self._person["twin_of"])
        if twin and (
            twin["mother_no"] != self._person["mother_no"] or abs((twin["birth"] - self._person["birth"]).days) > 1
        ):
            yield self._say("twins_of_two_mothers", "people")

    def on_dies(self, event: Event) -> Iterator[Found]:
        """The last state."""
        self._state = "dead"
        yield from self._age(event.at)

    def on_moved(self, event: Event) -> Iterator[Found]:
        """From a commune of that day to another."""
        move = event.data or {}
        if not all(is_commune(move[name], move["day"]) for name in ("from_commune", "to_commune")):
            yield self._say("wrong_commune_code", "moves")

    def on_immunised(self, event: Event) -> Iterator[Found]:
        """Only the living are."""
        if self._state == "unborn":
            yield self._say("immunised_before_birth", "immunisations")
        if self._state == "dead":
            yield self._say("visit_after_death", "immunisations")

    def on_gives_birth(self, event: Event) -> Iterator[Found]:
        """A woman, and no sooner than 28 weeks after the last time."""
        row, day = event.data or {}, event.at.date()
        key = row.get("facility") or "", row.get("ma_lk") or ""
        if self._person["sex"] == "M":
            yield Found("man_pregnant", "births", self._number, *key)
        if len(self._book.deliveries.get(key, ())) > 1:
            yield Found("twins_of_two_mothers", "births", self._number, *key)
        if self._gave_birth and 1 < (day - self._gave_birth).days <= 200:
            yield self._say("births_too_close", "births")
        self._gave_birth = day

    def on_arrives(self, event: Event) -> Iterator[Found]:
        """Born, not dead, nowhere else; what the sheet says of the person fits the person."""
        dossier = event.dossier
        assert dossier
        self._open[dossier.ma_lk] = dossier
        if self._state == "unborn" or (dossier.head["NGAY_SINH"] or "")[:8] > f"{event.at:%Y%m%d}":
            yield self._say("birth_after_visit", "xml1", dossier)
        if self._state == "dead":
            yield self._say("visit_after_death", "xml1", dossier)
        if dossier.kind in _THERE:
            yield from self._elsewhere(dossier, event.at)
            self._here.append(dossier)
        yield from self._age(event.at)
        yield from self._diagnoses(dossier)
        yield from self._sheet(dossier, event.at)

    def _elsewhere(self, dossier: Dossier, at: datetime) -> Iterator[Found]:
        """The person has come to one facility: is another one still keeping them?"""
        self._here = [one for one in self._here if (one.leaves or one.arrives or at) > at]
        for other in self._here:
            if other.facility != dossier.facility and (other.arrives or at) <= at:
                yield self._say("two_places_at_once", "xml1", dossier)
                yield self._say("two_places_at_once", "xml1", other)

    def on_order(self, event: Event) -> Iterator[Found]:
        """While the person is in care."""
        dossier, line = event.dossier, event.line
        assert dossier
        assert line is not None
        if dossier.kind not in _THERE:
            yield from self._elsewhere(dossier, event.at)
            before, self._acted = self._acted, event
            if before and before.at == event.at and before.dossier and before.dossier.facility != dossier.facility:
                yield self._say("two_places_at_once", "xml1", dossier)
                yield self._say("two_places_at_once", "xml1", before.dossier)
        if event.table == "xml2":
            if dossier.ma_lk in self._left and dossier.leaves != event.at:
                yield self._say("drug_after_discharge", event.table, dossier, line)
        else:
            self._asked |= {(dossier.ma_lk, line["STT"]), (dossier.ma_lk, "service " + (line["MA_DICH_VU"] or ""))}

    def on_result(self, event: Event) -> Iterator[Found]:
        """Of something that was asked for: the line itself in XML3, the service in XML4."""
        dossier, line = event.dossier, event.line
        assert dossier
        assert line is not None
        asked = line["STT"] if event.table == "xml3" else "service " + (line["MA_DICH_VU"] or "")
        if (dossier.ma_lk, asked) not in self._asked and any(
            moment(one["NGAY_YL"]) for one in dossier.services
            if event.table == "xml3" or one["MA_DICH_VU"] == line["MA_DICH_VU"]
        ):  # fmt: skip
            yield self._say("result_before_order", event.table, dossier, line)

    def on_leaves(self, event: Event) -> Iterator[Found]:
        """Within a year, with costs that add up."""
        dossier = event.dossier
        assert dossier
        self._left.add(dossier.ma_lk)
        self._open.pop(dossier.ma_lk, None)
        yield from self._stayed(dossier, event.at)
        yield from self._costs(dossier)

    def _end(self) -> Iterator[Found]:
        """What is still open when nothing more is known."""
        for dossier in self._open.values():
            yield from self._stayed(dossier, self._book.last)
            yield from self._costs(dossier)
        if self._state == "alive" and not self._person["until"]:
            yield from self._age(self._book.last)

    def _stayed(self, dossier: Dossier, until: datetime) -> Iterator[Found]:
        if dossier.kind in _WARD and dossier.arrives and until - dossier.arrives > _YEAR:
            yield self._say("never_discharged", "xml1", dossier)

    def _age(self, at: datetime) -> Iterator[Found]:
        if at.date() - self._person["birth"] > _OLDEST:
            yield self._say("age_over_115", "people")

    def _diagnoses(self, dossier: Dossier) -> Iterator[Found]:
        codes = [dossier.head["MA_BENH_CHINH"] or "", *(dossier.head["MA_BENH_KT"] or "").split(";")]
        for code in (one.strip().upper() for one in codes):
            if only_of(code) not in (None, self._person["sex"]):
                yield self._say("man_pregnant" if code.startswith("O") else "code_of_other_sex", "xml1", dossier)

    def _sheet(self, dossier: Dossier, at: datetime) -> Iterator[Found]:
        head = dossier.head
        told = told_by(head["HO_TEN"] or "")
        if told and {told} != {self._person["sex"], {"1": "M", "2": "F"}.get(head["GIOI_TINH"], told)}:
            yield self._say("sex_against_name", "xml1", dossier)
        commune, card = head["MAXA_CU_TRU"], head["MA_THE_BHYT"]
        merged = at.date() >= MERGER
        if commune and (not is_commune(commune, at.date()) or (merged and head["MAHUYEN_CU_TRU"])):
            yield self._say("wrong_commune_code", "xml1", dossier)
        if card and LEVEL_OF.get(card[:2]) != card[2:3]:
            yield self._say("card_against_group", "xml1", dossier)
        if dossier.facility in (head["MA_NOI_DI"], head["MA_NOI_DEN"]):
            yield self._say("referral_to_itself", "xml1", dossier)
        for paper in dossier.referrals:
            if {dossier.facility, paper["MA_CSKCB"]} & {paper["MA_CSKCB_DI"], paper["MA_CSKCB_DEN"]} - {None}:
                yield self._say("referral_to_itself", "xml13", dossier)

    def _costs(self, dossier: Dossier) -> Iterator[Found]:
        head, lines = dossier.head, [*dossier.drugs, *dossier.services]
        for table, rows in (("xml1", [head]), ("xml2", dossier.drugs), ("xml3", dossier.services)):
            for row in rows:
                paid = (amount(row, name) for name in _AMOUNTS if name in row)
                if any(value is not None and value < 0 for value in paid):
                    yield self._say("negative_cost", table, dossier, row)
        told = {name: amount(head, name) for name in _AMOUNTS if name in head}
        added = {name: _total(lines, name) for name in (*_SHARES, "T_TONGCHI_BH")}
        added["T_TONGCHI_BH"] = _total(lines, "THANH_TIEN_BH")
        added["T_TONGCHI_BV"] = _total(lines, "THANH_TIEN_BV")
        added["T_THUOC"] = _total(dossier.drugs, "THANH_TIEN_BV")
        added["T_VTYT"] = _total([line for line in dossier.services if line["MA_VAT_TU"]], "THANH_TIEN_BV")
        paid_by_all = sum((told[name] or Decimal(0) for name in _SHARES), Decimal(0))
        wrong = [name for name, value in added.items() if told[name] is not None and told[name] != value]
        if lines and (wrong or told["T_TONGCHI_BV"] not in (None, paid_by_all)):
            yield self._say("sum_off_by_one", "xml1", dossier)


def _total(rows: list[Row], name: str) -> Decimal:
    return sum((amount(row, name) or Decimal(0) for row in rows), Decimal(0))
