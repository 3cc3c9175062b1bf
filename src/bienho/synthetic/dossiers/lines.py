"""Lines of a dossier: drugs, services, supplies, beds, results, notes. Money is split when the benefit is known."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import NamedTuple

from bienho.standards.xml130.write import layout
from bienho.synthetic.chance import stream
from bienho.synthetic.dossiers.money import Share, Totals, amount_text, insured_part, milli_text, split
from bienho.synthetic.dossiers.results import values as values_of
from bienho.synthetic.dossiers.visits import Visit
from bienho.synthetic.people import names
from bienho.synthetic.places import Clinic
from bienho.synthetic.reference import MILLI, Drug, Service, Supply, drugs, services

Row = dict[str, str]
Kind = tuple[str, ...]
"""What a line of XML2 or XML3 is for: its table, the drug or the service, of a supply its code besides."""

_GROUP_4210 = {"18": "8", "16": "15"}  # groups 4210 did not know among its lines of services
_PRIVATE_FACTOR = 130  # percent of the insured price a private hospital asks
_MINUTE = timedelta(minutes=1)
_CLOCK = tuple(f"{minute // 60:02d}{minute % 60:02d}" for minute in range(1440))
_ICD9 = {"append": "47.09", "csection": "74.1", "birth": "73.59", "phaco": "13.41", "dialysis": "39.95"}


def stamp(moment: datetime) -> str:
    """yyyymmddHHMM."""
    day = (moment.year * 100 + moment.month) * 100 + moment.day
    return str((day * 100 + moment.hour) * 100 + moment.minute)


@cache
def _blank(table: str, version: str) -> Row:
    return {f.official: "" for f in layout(table, version)}


def full_row(table: str, version: str, values: Row) -> Row:
    """Every field of the version in official order, '' where nothing is said."""
    return _filled(_blank(table, version), values)


def _filled(blank: Row, values: Row) -> Row:
    """A copy of `blank`, which has every field of the version, with `values` in it."""
    row = blank | values
    # What an older version does not know falls away.
    return row if len(row) == len(blank) else {name: row[name] for name in blank}


def staff(clinic: Clinic, number: int, version: str) -> str:
    """Identity of a practitioner as the version wants it: licence, or a 10-digit insurance number in 130."""
    return _staff(clinic.code, number % clinic.doctors + 1, version)


@cache
def _staff(facility: str, number: int, version: str) -> str:
    unit = int(facility[2:])
    if version == "130":
        return f"{facility[:2]}98{unit:03d}{number:03d}"
    paper = "GPHN" if version == "3176" else "CCHN"
    return f"9{unit:03d}{number:02d}/{'GL' if facility.startswith('64') else 'BDI'}-{paper}"


def staff_name(clinic: Clinic, number: int) -> str:
    """Name of the practitioner whose code `staff` gives for the same number."""
    return _staff_name(clinic.code, clinic.place.side, number % clinic.doctors)


@cache
def _staff_name(facility: str, side: str, number: int) -> str:
    r = stream(0, "staff", facility, number)
    family = names.family_name(r, names.KINH, side)
    return names.full_name(r, names.KINH, family, r.choice("FM"), 1970 + r.randrange(28))


class _Order(NamedTuple):
    """What a line of XML2 or XML3 is for, and what of it costs how much. Rates in percent, the rest in thousandths."""

    kind: Kind
    quantity: int
    price: int
    insured_price: int
    service_rate: int
    insured_rate: int


class _Terms(NamedTuple):
    """What a visit pays by, and the version it is told in."""

    level: int
    sponsored: bool
    capitation: bool
    version: str


@lru_cache(maxsize=8192)
def _priced(order: _Order, terms: _Terms) -> tuple[Share, Row]:
    """Shares of a line, and what every line says that is ordered alike on such terms."""
    kind, quantity, price, insured_price, service_rate, insured_rate = order
    level, sponsored, capitation, version = terms
    share = split(quantity, price, insured_price, service_rate, insured_rate, level, sponsored=sponsored)
    other, text = amount_text(share.other), milli_text(price)
    drug = kind[0] == "XML2"
    prices = {"DON_GIA": text} if drug else {"DON_GIA_BV": text, "DON_GIA_BH": milli_text(insured_price)}
    return share, full_row(kind[0], version, _said(kind, version) | prices | {
        "PHAM_VI": "1" if insured_rate else "2",
        "TYLE_TT_BH": str(insured_rate),
        "TYLE_TT_DV": str(service_rate),
        "SO_LUONG": milli_text(quantity),
        "THANH_TIEN_BV": amount_text(share.hospital),
        "THANH_TIEN_BH": amount_text(share.insured),
        "MUC_HUONG": str(level),
        "T_NGUONKHAC_NSNN": "0",
        "T_NGUONKHAC_VTNN": "0",
        "T_NGUONKHAC_VTTN": other,
        "T_NGUONKHAC_CL": "0",
        "T_NGUONKHAC": other,
        "T_BNTT": amount_text(share.own),
        "T_BNCCT": amount_text(share.copay),
        "T_BHTT": amount_text(share.fund),
        "MA_PTTT": "2" if capitation else "1",
    })  # fmt: skip


@cache
def _said(kind: Kind, version: str) -> Row:
    """What every line of a kind says in a version, whatever it costs."""
    table, key, *supplies = kind
    if table == "XML2":
        return _said_of_drug(_drugs_by_registration()[key])
    service = services()[key]
    for supply in service.supplies:
        if supply.code in supplies:
            return {
                "MA_DICH_VU": service.code,
                "MA_NHOM": _group("10", version),
                "MA_VAT_TU": supply.code,
                "TEN_VAT_TU": supply.name,
                "DON_VI_TINH": supply.unit,
            }
    return {
        "MA_DICH_VU": service.code,
        "TEN_DICH_VU": service.name,
        "DON_VI_TINH": "Lần",
        "MA_NHOM": _group(service.group, version),
        "MA_PTTT_QT": _ICD9.get(key, ""),
        "PP_VO_CAM": "2" if service.group == "8" else "",
    }


@cache
def _result_blanks(key: str, version: str) -> tuple[Row, ...]:
    """What every result of a service says in a version, one row per index."""
    service = services()[key]
    return tuple(
        full_row("XML4", version, {
            "MA_DICH_VU": service.code,
            "MA_CHI_SO": index.code,
            "TEN_CHI_SO": index.name,
            "DON_VI_DO": index.unit,
        })
        for index in service.indices
    )  # fmt: skip


def _group(group: str, version: str) -> str:
    """MA_NHOM in the list of the version."""
    return _GROUP_4210.get(group, group) if version == "4210" else group


@dataclass(slots=True)
class Lines:
    """Collects the lines of one visit, then turns them into rows.

    `insured`: the visit is on insurance; `capitation`: paid per head (MA_PTTT 2); `diseases`: MA_BENH of the orders;
    `others`: the diseases besides that were known at the visit; `operations`: codes of ICD-9-CM of what was done, once
    each.
    """

    visit: Visit
    r: random.Random
    key: str
    insured: bool
    capitation: bool
    diseases: str
    doctor: str
    others: tuple[str, ...] = ()
    pending: list[tuple[_Order, Row]] = field(default_factory=list)
    results: list[Row] = field(default_factory=list)
    notes: list[Row] = field(default_factory=list)
    totals: Totals = field(default_factory=Totals)
    operations: list[str] = field(default_factory=list)
    _days: dict[int, str] = field(default_factory=dict)
    _midnight: datetime = datetime.min
    _begun: int = 0
    _ended: int = 0

    def at(self, day: int, minute: int) -> str:
        """A moment `minute` minutes into day `day` of the stay (day 0 begins at arrival, others at 7:00), within it, as
        the files carry it. Told in minutes from the midnight of arrival: a stay asks for hundreds."""
        if not self._days:
            start = self.visit.start
            self._midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
            self._begun = start.hour * 60 + start.minute
            self._ended = (self.visit.end - self._midnight) // _MINUTE
        at = minute + (day * 1440 + 420 if day else self._begun)
        if at > self._ended:  # hundreds of times a stay: by min and max the whole dossier takes 4 % longer
            at = self._ended
        if at < self._begun:
            at = self._begun
        number, clock = divmod(at, 1440)
        date = self._days.get(number)
        if date is None:
            date = self._days[number] = stamp(self._midnight + timedelta(days=number))[:8]
        return date + _CLOCK[clock]

    def drug(self, drug: Drug, day: int, minute: int, days: int, department: str) -> None:
        """An order of one drug for a number of days; whole packs only."""
        quantity = -(-drug.per_time * drug.times * days // MILLI) * MILLI
        rate = 0 if drug.group == "5" or not self.insured else 50 if drug.group == "6" else 100
        values = {
            "LIEU_DUNG": _dose(drug.unit, drug.per_time, drug.times, days),
            "TT_THAU": self._tender("G1;N2"),
            "MA_KHOA": department,
            "MA_BAC_SI": self.doctor,
            "NGAY_YL": self.at(day, minute),
            "NGAY_TH_YL": self.at(day, minute + 20),
            "NGUON_CTRA": "1" if self.insured else "4",
            "MA_LK": self.key,
        }
        order = _Order(("XML2", drug.registration), quantity, drug.price, drug.price, 100, rate)
        self.pending.append((order, values))

    def service(self, service: Service, day: int, minute: int, department: str, rate: int = 100) -> None:
        """An order of one service with its supplies and results; `rate` is TYLE_TT_DV."""
        clinic, version = self.visit.clinic, self.visit.version
        performer = staff(clinic, self.r.randrange(clinic.doctors), version)
        ordered, ready = self.at(day, minute), self.at(day, minute + 24)
        values = {
            "MA_KHOA": department,
            "NGUOI_THUC_HIEN": performer,
            "NGAY_YL": ordered,
            "NGAY_TH_YL": self.at(day, minute + 6),
            "NGAY_KQ": ready,
        }
        if service.machine:
            values["MA_MAY"] = f"{service.machine}.1.{clinic.code}{service.group}A{len(service.code):02d}"
        if (operation := _ICD9.get(service.key)) and operation not in self.operations:
            self.operations.append(operation)
        price = service.price
        if clinic.private and version != "4210":
            price = price * _PRIVATE_FACTOR // 100
        self._add(("XML3", service.key), values, price, service.price, rate)
        for supply in service.supplies:
            self._supply(supply, service, department, ordered)
        self._results(service, performer, ready)

    def bed(self, service: Service, day: int, department: str, bed: str, *, last: bool) -> None:
        """One bed-day (a line holds at most one)."""
        start = self.at(day, 30)
        values = {
            "MA_DICH_VU": f"{department}.{service.code}",
            "DON_VI_TINH": "Ngày",
            "MA_KHOA": department,
            "MA_GIUONG": bed,
            "NGAY_YL": start,
            "NGAY_TH_YL": start,
            "NGAY_KQ": stamp(self.visit.end) if last else self.at(day + 1, 0),
        }
        self._add(("XML3", service.key), values, service.price, service.price, 100)

    def note(self, text: str, moment: str, writer: str) -> None:
        """A progress note."""
        self.notes.append(full_row("XML5", self.visit.version, {
            "DIEN_BIEN_LS": text,
            "THOI_DIEM_DBLS": moment,
            "NGUOI_THUC_HIEN": writer,
            "MA_LK": self.key,
            "STT": str(len(self.notes) + 1),
        }))  # fmt: skip

    def drop_last_drug(self) -> bool:
        """Take back the last drug line where more than one was ordered (a correction that is sent again)."""
        places = [place for place, (order, _) in enumerate(self.pending) if order.kind[0] == "XML2"]
        if len(places) < 2:
            return False
        del self.pending[places[-1]]
        return True

    def insured_total(self) -> int:
        """THANH_TIEN_BH of all lines, in hundredths of a đồng."""
        return sum(
            insured_part(one.quantity, one.insured_price, one.service_rate, one.insured_rate)
            for one, _ in self.pending
            if one.insured_rate
        )

    def settle(self, level: int, *, sponsored: bool) -> dict[str, list[Row]]:
        """Rows of XML2 and XML3 at a level of benefit (MUC_HUONG, percent); fills `totals`. To be asked once."""
        tables: dict[str, list[Row]] = {"XML2": [], "XML3": []}
        shares: dict[str, list[Share]] = {"XML2": [], "XML3": []}
        supplied = list[Share]()
        terms = _Terms(level, sponsored, self.capitation, self.visit.version)
        for order, values in self.pending:
            share, blank = _priced(order, terms)
            table, _, *supply = order.kind
            rows = tables[table]
            values["STT"] = str(len(rows) + 1)
            rows.append(_filled(blank, values))
            shares[table].append(share)
            if supply:
                supplied.append(share)
        self.totals = Totals.of(shares["XML2"], shares["XML3"], supplied, by_service=not self.capitation)
        return tables

    def _add(self, kind: Kind, values: Row, price: int, insured: int, rate: int) -> None:
        values["MA_LK"], values["MA_BAC_SI"], values["MA_BENH"] = self.key, self.doctor, self.diseases
        self.pending.append((_Order(kind, MILLI, price, insured, rate, 100 if self.insured else 0), values))

    def _supply(self, supply: Supply, service: Service, department: str, ordered: str) -> None:
        values = {"TT_THAU": self._tender("G2;N4"), "MA_KHOA": department, "NGAY_YL": ordered}
        self._add(("XML3", service.key, supply.code), values, supply.price, supply.price, 100)

    def _tender(self, packet: str) -> str:
        """TT_THAU: the decision of the year before, the packet and group of the tender."""
        return _tender(self.visit.clinic.code, packet, self.visit.start.year - 1)

    def _results(self, service: Service, reader: str, ready: str) -> None:
        version, results = self.visit.version, self.results
        own = {"MA_LK": self.key, "NGAY_KQ": ready, "MA_BS_DOC_KQ": reader}
        if service.indices:
            told = values_of(self.r, service, self.visit.condition.abnormal)
            panel = zip(_result_blanks(service.key, version), told, strict=True)
            for number, (blank, value) in enumerate(panel, len(results) + 1):
                own["STT"], own["GIA_TRI"] = str(number), value
                results.append(_filled(blank, own))
        if service.description:
            values = own | {
                "STT": str(len(results) + 1),
                "MA_DICH_VU": service.code,
                "MA_CHI_SO": service.key.upper(),
                "TEN_CHI_SO": service.name,
                "GIA_TRI": "",
                "MO_TA": service.description,
                "KET_LUAN": service.conclusion,
            }
            results.append(full_row("XML4", version, values))


@lru_cache(maxsize=4096)
def _dose(unit: str, per_time: int, times: int, days: int) -> str:
    """LIEU_DUNG; `per_time` in thousandths of a unit."""
    unit, per_day = unit.lower(), milli_text(per_time * times)
    return f"{milli_text(per_time)} {unit}/lần * {times} lần/ngày * {days} ngày [{per_day} {unit}/ngày]"


@cache
def _tender(facility: str, packet: str, year: int) -> str:
    return f"{int(facility[2:]):03d}/QD-SYT;{packet};{year}"


@cache
def _drugs_by_registration() -> dict[str, Drug]:
    return {drug.registration: drug for drug in drugs().values()}


def _said_of_drug(drug: Drug) -> Row:
    return {
        "MA_THUOC": drug.code,
        "MA_NHOM": drug.group,
        "TEN_THUOC": drug.name,
        "DON_VI_TINH": drug.unit,
        "HAM_LUONG": drug.strength,
        "DUONG_DUNG": drug.route,
        "DANG_BAO_CHE": drug.form,
        "CACH_DUNG": drug.instruction,
        "SO_DANG_KY": drug.registration,
    }
