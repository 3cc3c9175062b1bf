"""Rules of the visit (XML1) row by row, and how the other modules of `slow_rules` read a row."""

# ruff: noqa: SIM102 - the outer condition is the rule's "when", the inner its "must"
from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cached_property

Place = tuple[int, str, int | None, str | None]
Window = tuple[date, date | None]
Lists = Mapping[str, Mapping[str, Sequence[Window]]]
RANK = {"4210": 0, "130": 1, "4750": 2, "3176": 3}
HALF = Decimal("0.005")
GROUPS = frozenset({
    "AK", "BT", "CA", "CB", "CC", "CH", "CK", "CN", "CS", "CT", "CY", "DK", "DN", "DS", "DT", "GB", "GD", "HC",
    "HD", "HG", "HN", "HS", "HT", "HX", "KC", "LS", "MS", "ND", "NN", "NO", "NT", "NU", "PV", "QN", "SV", "TA",
    "TB", "TC", "TD", "TE", "TH", "TK", "TL", "TN", "TQ", "TS", "TU", "TV", "TY", "XB", "XD", "XK", "XN", "XV",
})  # fmt: skip


class Row:
    """One row; texts without blanks around them, nothing for an empty one."""

    def __init__(self, cells: Mapping[str, str | None]) -> None:
        self._cells = cells

    def __getitem__(self, name: str) -> str | None:
        text = (self._cells.get(name) or "").strip(" \t\n\r")
        return text or None

    def has(self, *names: str) -> bool:
        return any(self[name] is not None for name in names)

    def number(self, name: str, below: int = 10**12, places: str = "0.001") -> Decimal | None:
        try:
            value = Decimal(self[name] or "none")
        except InvalidOperation:
            return None
        if not value.is_finite() or abs(value) >= below:
            return None
        value = value.quantize(Decimal(places), ROUND_HALF_UP)
        return value if abs(value) < below else None

    def quantity(self, name: str) -> Decimal | None:
        return self.number(name, 10**6)

    def rate(self, name: str) -> Decimal | None:
        return self.number(name, 1000, "0.01")

    def moment(self, name: str) -> datetime | None:
        text = self._cells.get(name) or ""
        return _parsed(text, "%Y%m%d%H%M") if re.fullmatch("(1[89]|2[01])[0-9]{10}", text) else None

    def day(self, name: str) -> date | None:
        text = self._cells.get(name) or ""
        if len(text) == 12:
            found = self.moment(name)
            return found.date() if found else None
        found = _parsed(text, "%Y%m%d") if re.fullmatch("(1[89]|2[01])[0-9]{6}", text) else None
        return found.date() if found else None

    def parts(self, name: str) -> list[str]:
        return [part.strip() for part in (self[name] or "").split(";") if part.strip()]


def _parsed(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None


@dataclass
class Case:
    """A dossier to be judged: its tables under today's names, its edition, the day it was received."""

    tables: Mapping[str, Sequence[Mapping[str, str | None]]]
    edition: str
    received: date
    lists: Lists

    def rows(self, table: str) -> list[Row]:
        return [Row(cells) for cells in self.tables.get(table, ())]

    @property
    def is_visit(self) -> bool:
        return bool(self.tables.get("XML1"))

    @cached_property
    def head(self) -> Row:
        return Row(self.tables["XML1"][0]) if self.is_visit else Row({})

    @property
    def rank(self) -> int:
        return RANK[self.edition]

    @cached_property
    def service_day(self) -> date:
        return self.head.day("NGAY_RA") or self.head.day("NGAY_VAO") or self.received

    def known(self, name: str, code: str) -> bool:
        return any(
            start <= self.service_day and (end is None or self.service_day < end)
            for start, end in self.lists[name].get(code, ())
        )

    def there(self, name: str) -> bool:
        return name in self.lists


def near(left: Decimal | None, right: Decimal | None) -> bool | None:
    return None if left is None or right is None else abs(left - right) <= HALF


def visit_places(case: Case) -> Iterator[Place]:
    if not case.is_visit:
        return
    for rule, name in (*_person(case), *_stay(case), *_money(case)):
        yield rule, "XML1", 1, name


def _person(case: Case) -> Iterator[tuple[int, str]]:
    head, new = case.head, case.rank >= 1
    weight = head.number("CAN_NANG")
    if new and weight is not None:
        if weight > 200:
            yield 2, "CAN_NANG"
        if not re.fullmatch(r"[+-]?[0-9]+([.][0-9]{1,2})?", head["CAN_NANG"] or ""):
            yield 3, "CAN_NANG"
    if new and not head.has("MA_TTDV"):
        yield 9, "MA_TTDV"
    main = head["MA_BENH_CHINH"]
    if main and ";" in main:
        yield 10, "MA_BENH_CHINH"
    if len((head["MA_BENH_KT"] or "").rstrip(";").split(";")) > 12:
        yield 12, "MA_BENH_KT"
    code = head["MA_CSKCB"]
    if code and len(code) != 5:
        yield 17, "MA_CSKCB"
    if new and head.has("MA_NOI_DI") and not head.has("GIAY_CHUYEN_TUYEN"):
        yield 18, "GIAY_CHUYEN_TUYEN"
    patterns: list[tuple[int, str, str, bool]] = [
        (19, "MA_TTDV", "[0-9]{10}", 1 <= case.rank <= 2),
        (22, "MA_THE_BHYT", "[^;]{15}(;[^;]{15})*", True),
        (28, "SO_CCCD", "[0-9]{9}|[0-9]{12}|[A-Z][0-9]{7}", new),
        (31, "MA_DANTOC", "[0-9]{2}", new),
        (32, "MA_QUOCTICH", "[0-9]{3}", new),
        (43, "MA_KHUVUC", "K[123]", True),
    ]
    for rule, name, pattern, asked in patterns:
        if asked and head[name] and not re.fullmatch(pattern, head[name] or ""):
            yield rule, name
    yield from _card(head)
    for rule, name, low, high in ((30, "GIOI_TINH", 1, 3), (33, "MA_TAI_NAN", 0, 8)):
        value = head.number(name)
        if value is not None and (not low <= value <= high or (rule == 30 and value != int(value))):
            yield rule, name
    yield from _listed(case)


def _card(head: Row) -> Iterator[tuple[int, str]]:
    names = ("MA_THE_BHYT", "MA_DKBD", "GT_THE_TU", "GT_THE_DEN")
    cards, *others = (len((head[name] or "").split(";")) for name in names)
    if cards not in others:
        yield 20, "MA_THE_BHYT"
    else:
        yield from ((20, name) for name, count in zip(names[1:], others, strict=True) if count != cards)
    card = head["MA_THE_BHYT"]
    if card is None:
        return
    for name in names[1:]:
        if not head.has(name):
            yield 21, name
    parts = card.removesuffix(";").split(";")
    if not all(part[:2] in GROUPS and re.fullmatch("[1-5][0-9]{2}.*", part[2:], re.DOTALL) for part in parts):
        yield 23, "MA_THE_BHYT"


def _listed(case: Case) -> Iterator[tuple[int, str]]:
    head, new = case.head, case.rank >= 1

    def bad(name: str, listed: str, *, forbid: bool = False, disease: bool = False) -> bool:
        codes = head.parts(name) if name not in ("MA_BENH_CHINH",) else [head[name] or ""]
        codes = [code.rstrip("†*+") if disease else code for code in codes]
        return any(code and case.known(listed, code) == forbid for code in codes)

    if new and head["MATINH_CU_TRU"] and case.there("province") and not case.known("province", head["MATINH_CU_TRU"]):
        yield 5, "MATINH_CU_TRU"
    ours = case.there("commune") and case.known("commune_province", head["MATINH_CU_TRU"] or "")
    if new and ours and head["MAXA_CU_TRU"] and not case.known("commune", head["MAXA_CU_TRU"]):
        yield 6, "MAXA_CU_TRU"
    job = head["MA_NGHE_NGHIEP"]
    if new and job and case.there("value_set MA_NGHE_NGHIEP") and not case.known("value_set MA_NGHE_NGHIEP", job):
        yield 8, "MA_NGHE_NGHIEP"
    main = head["MA_BENH_CHINH"]
    if case.there("icd10"):
        if main and ";" not in main and bad("MA_BENH_CHINH", "icd10", disease=True):
            yield 11, "MA_BENH_CHINH"
        if bad("MA_BENH_KT", "icd10", disease=True):
            yield 12, "MA_BENH_KT"
    if new and case.there("value_set MA_BENH_YHCT") and bad("MA_BENH_YHCT", "value_set MA_BENH_YHCT"):
        yield 13, "MA_BENH_YHCT"
    for rule, sex, listed in (
        (14, None, "ICD10_KHONG_LA_BENH_CHINH"), (15, "1", "ICD10_CHI_NU"), (15, "2", "ICD10_CHI_NAM"),
    ):  # fmt: skip
        name = f"value_set {listed}"
        if (
            case.there(name)
            and sex in (None, head["GIOI_TINH"])
            and bad("MA_BENH_CHINH", name, forbid=True, disease=True)
        ):
            yield rule, "MA_BENH_CHINH"
    if case.there("facility"):
        newborn = re.fullmatch("(0[1-9]|[1-9][0-9])000", head["MA_DKBD"] or "")
        for name in ("MA_CSKCB", "MA_NOI_DI", "MA_NOI_DEN", "MA_DKBD"):
            if not (name == "MA_DKBD" and newborn) and bad(name, "facility"):
                yield 16, name
        born, came = head.day("NGAY_SINH"), head.day("NGAY_VAO")
        small = born is not None and came is not None and (came - born).days <= 2192
        if not (newborn and small) and bad("MA_DKBD", "facility"):
            yield 24, "MA_DKBD"
    kind = head["MA_DOITUONG_KCB"]
    name = "value_set MA_DOITUONG_KCB"
    if case.rank == 3 and kind and case.there(name) and not case.known(name, kind):
        yield 41, "MA_DOITUONG_KCB"


def _stay(case: Case) -> Iterator[tuple[int, str]]:
    head, rank = case.head, case.rank
    came, left = head.moment("NGAY_VAO"), head.moment("NGAY_RA")
    first, last = head.day("NGAY_VAO"), head.day("NGAY_RA")
    if came and left and left < came:
        yield 35, "NGAY_RA"
    ward = head.moment("NGAY_VAO_NOI_TRU")
    if rank >= 1 and came and ward and ward < came:
        yield 36, "NGAY_VAO_NOI_TRU"
    result, kind, year, month = (head.number(n) for n in ("KET_QUA_DTRI", "MA_LOAI_RV", "NAM_QT", "THANG_QT"))
    if result is not None and not 1 <= result <= (5, 7, 8, 8)[rank]:
        yield 38, "KET_QUA_DTRI"
    if kind is not None and not 1 <= kind <= (4, 5, 5, 5)[rank]:
        yield 39, "MA_LOAI_RV"
    visit = head["MA_LOAI_KCB"]
    if visit:
        late = case.service_day >= date(2026, 8, 1)
        allowed = [f"{n:02d}" for n in range(1, 17 if late else 10)]
        if visit not in (allowed if rank else ["1", "2", "3", "01", "02", "03"]):
            yield 40, "MA_LOAI_KCB"
    if month is not None and not 1 <= month <= 12:
        yield 44, "THANG_QT"
    if year is not None and year > case.received.year:
        yield 45, "NAM_QT"
    if left and year is not None and left.year != year:
        yield 46, "NGAY_RA"
    if rank >= 1:
        yield from _days(case, visit, first, last)
    for name in ("MA_BENH_CHINH", "MA_BENH_KT"):
        if any(part.startswith(("Z00", "R53")) for part in (head[name] or "").split(";")):
            yield 52, name
    if rank == 0 and head["MA_DOITUONG_KCB"]:
        reason = head["MA_DOITUONG_KCB"]
        if reason not in ("1", "2", "3", "4"):
            yield 68, "MA_DOITUONG_KCB"
        if reason == "3" and head["MA_DKBD"] and head["MA_DKBD"] == head["MA_CSKCB"]:
            yield 68, "MA_DOITUONG_KCB"


def _days(case: Case, visit: str | None, first: date | None, last: date | None) -> Iterator[tuple[int, str]]:
    head, days = case.head, case.head.number("SO_NGAY_DTRI")
    if visit in ("01", "07", "09") and days not in (None, Decimal(0)):
        yield 47, "SO_NGAY_DTRI"
    if first and last:
        if visit in ("02", "03", "04", "06") and days is not None and days != (last - first).days + 1:
            yield 48, "SO_NGAY_DTRI"
        if visit == "01" and (last - first).days > 1:
            yield 50, "NGAY_RA"
    served = {row.day("NGAY_YL") for row in case.rows("XML3")} - {None}
    if visit == "08" and days is not None and days != len(served):
        yield 49, "SO_NGAY_DTRI"
    if visit in ("03", "04", "09"):
        for name in ("LY_DO_VNT", "MA_LY_DO_VNT", "NGAY_VAO_NOI_TRU", "PP_DIEU_TRI"):
            if not head.has(name):
                yield 51, name


def total(rows: Sequence[Row], name: str) -> Decimal | None:
    """The sum of a column; None when a text there is no number. An empty one counts as nothing."""
    values = [row.number(name) for row in rows if row.has(name)]
    return None if None in values else sum((value for value in values if value is not None), Decimal(0))


def _money(case: Case) -> Iterator[tuple[int, str]]:
    head, rank = case.head, case.rank
    drugs, services = case.rows("XML2"), case.rows("XML3")

    def summed(name: str, *parts: Sequence[Row]) -> Decimal | None:
        sums = [total(part, name) for part in parts]
        return None if None in sums else sum((one for one in sums if one is not None), Decimal(0))

    supplies = [r for r in services if r.has("MA_VAT_TU") or r.number("MA_NHOM") in (10, 11)]
    # a line that cannot be read leaves every sum over its table undecided, also a sum of some of its lines
    supply = None if total(services, "THANH_TIEN_BV") is None else total(supplies, "THANH_TIEN_BV")
    by_service = None
    if summed("T_BHTT", drugs, services) is not None:
        by_service = summed("T_BHTT", *([r for r in p if r.number("MA_PTTT") == 1] for p in (drugs, services)))
    wanted = [
        (53, "T_THUOC", summed("THANH_TIEN_BV", drugs), True),
        (54, "T_VTYT", supply, True),
        (55, "T_TONGCHI_BV", summed("THANH_TIEN_BV", drugs, services), True),
        (56, "T_TONGCHI_BH", summed("THANH_TIEN_BH", drugs, services), rank >= 1),
        (57, "T_BNTT", summed("T_BNTT", drugs, services), True),
        (58, "T_BNCCT", summed("T_BNCCT", drugs, services), True),
        (60, "T_BHTT", summed("T_BHTT", drugs, services), rank == 0),
        (61, "T_NGUONKHAC", summed("T_NGUONKHAC", drugs, services), True),
        (62, "T_BHTT_GDV", by_service, rank >= 1 and (head["MA_THE_BHYT"] or "")[:2] not in ("CA", "CY", "QN")),
    ]
    for rule, name, value, asked in wanted:
        if asked and near(head.number(name), value) is False:
            yield rule, name
    whole, insured, own, copay, fund, other = (
        head.number(n) for n in ("T_TONGCHI_BV", "T_TONGCHI_BH", "T_BNTT", "T_BNCCT", "T_BHTT", "T_NGUONKHAC")
    )
    if rank >= 1 and insured is not None and copay is not None and near(fund, insured - copay) is False:
        yield 59, "T_BHTT"
    if rank == 0 and None not in (own, copay, fund, other):
        if near(whole, (own or 0) + (copay or 0) + (fund or 0) + (other or Decimal(0))) is False:
            yield 63, "T_BNTT"
    lines_fund = summed("T_BHTT", drugs, services)
    if head.has("MA_THE_BHYT") and lines_fund is not None and lines_fund > 0 and fund is not None and fund <= 0:
        yield 64, "T_BHTT"
