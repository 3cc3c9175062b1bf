"""Lines of a dossier: drugs, services, supplies, beds, results, notes. Money is split when the benefit is known."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

from bienho.standards.xml130.write import layout
from bienho.synthetic.chance import stream
from bienho.synthetic.dossiers.money import Totals, amount_text, insured_part, milli_text, split
from bienho.synthetic.dossiers.visits import Visit
from bienho.synthetic.people import names
from bienho.synthetic.places import Clinic
from bienho.synthetic.reference import MILLI, Drug, Index, Service, Supply

Row = dict[str, str]

_GROUP_4210 = {"18": "8", "16": "15"}  # groups 4210 did not know among its lines of services
_PRIVATE_FACTOR = 130  # percent of the insured price a private hospital asks
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
    blank = _blank(table, version)
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


@dataclass(slots=True)
class _Pending:
    """A line of XML2 or XML3 whose money is not yet split. Rates in percent, the rest in thousandths."""

    table: str
    values: Row
    quantity: int
    price: int
    insured_price: int
    service_rate: int
    insured_rate: int
    supply: bool


@dataclass(slots=True)
class Lines:
    """Collects the lines of one visit, then turns them into rows.

    `insured`: the visit is on insurance; `capitation`: paid per head (MA_PTTT 2); `diseases`: MA_BENH of the orders.
    """

    visit: Visit
    r: random.Random
    key: str
    insured: bool
    capitation: bool
    diseases: str
    doctor: str
    pending: list[_Pending] = field(default_factory=list)
    results: list[Row] = field(default_factory=list)
    notes: list[Row] = field(default_factory=list)
    totals: Totals = field(default_factory=Totals)
    operations: list[str] = field(default_factory=list)

    def at(self, day: int, minute: int) -> datetime:
        """A moment `minute` minutes into day `day` of the stay (day 0 begins at arrival, others at 7:00), within it."""
        start = self.visit.start
        base = start if day == 0 else start.replace(hour=7, minute=0) + timedelta(days=day)
        return max(start, min(base + timedelta(minutes=minute), self.visit.end))

    def drug(self, drug: Drug, day: int, minute: int, days: int, department: str) -> None:
        """An order of one drug for a number of days; whole packs only."""
        dose = drug.per_time * drug.times
        quantity = -(-dose * days // MILLI) * MILLI
        rate = 0 if drug.group == "5" or not self.insured else 50 if drug.group == "6" else 100
        unit, per_day = drug.unit.lower(), milli_text(dose)
        per_time, year = milli_text(drug.per_time), self.visit.start.year
        self.pending.append(
            _Pending(
                "XML2",
                {
                    "MA_THUOC": drug.code,
                    "MA_NHOM": drug.group,
                    "TEN_THUOC": drug.name,
                    "DON_VI_TINH": drug.unit,
                    "HAM_LUONG": drug.strength,
                    "DUONG_DUNG": drug.route,
                    "DANG_BAO_CHE": drug.form,
                    "LIEU_DUNG": f"{per_time} {unit}/lần * {drug.times} lần/ngày * {days} ngày [{per_day} {unit}/ngày]",
                    "CACH_DUNG": drug.instruction,
                    "SO_DANG_KY": drug.registration,
                    "TT_THAU": f"{int(self.visit.clinic.code[2:]):03d}/QD-SYT;G1;N2;{year - 1}",
                    "MA_KHOA": department,
                    "MA_BAC_SI": self.doctor,
                    "NGAY_YL": stamp(self.at(day, minute)),
                    "NGAY_TH_YL": stamp(self.at(day, minute + 20)),
                    "NGUON_CTRA": "1" if self.insured else "4",
                },
                quantity,
                drug.price,
                drug.price,
                100,
                rate,
                False,
            )
        )

    def service(self, service: Service, day: int, minute: int, department: str, rate: int = 100) -> None:
        """An order of one service with its supplies and results; `rate` is TYLE_TT_DV."""
        clinic, version = self.visit.clinic, self.visit.version
        performer = staff(clinic, self.r.randrange(clinic.doctors), version)
        ordered, done, ready = (self.at(day, minute + more) for more in (0, 6, 24))
        values = {
            "MA_DICH_VU": service.code,
            "TEN_DICH_VU": service.name,
            "DON_VI_TINH": "Lần",
            "MA_KHOA": department,
            "NGUOI_THUC_HIEN": performer,
            "NGAY_YL": stamp(ordered),
            "NGAY_TH_YL": stamp(done),
            "NGAY_KQ": stamp(ready),
            "MA_PTTT_QT": _ICD9.get(service.key, ""),
        }
        if service.machine:
            values["MA_MAY"] = f"{service.machine}.1.{clinic.code}{service.group}A{len(service.code):02d}"
        if service.group == "8":
            values["PP_VO_CAM"] = "2"
            self.operations.append(service.name)
        price = service.price
        if clinic.private and version != "4210":
            price = price * _PRIVATE_FACTOR // 100
        self._add(service.group, values, MILLI, price, service.price, rate)
        for supply in service.supplies:
            self._supply(supply, service, department, stamp(ordered))
        self._results(service, performer, stamp(ready))

    def bed(self, service: Service, day: int, department: str, bed: str, *, last: bool) -> None:
        """One bed-day (a line holds at most one)."""
        start, end = self.at(day, 30), self.visit.end if last else self.at(day + 1, 0)
        values = {
            "MA_DICH_VU": f"{department}.{service.code}",
            "TEN_DICH_VU": service.name,
            "DON_VI_TINH": "Ngày",
            "MA_KHOA": department,
            "MA_GIUONG": bed,
            "NGAY_YL": stamp(start),
            "NGAY_TH_YL": stamp(start),
            "NGAY_KQ": stamp(end),
        }
        self._add(service.group, values, MILLI, service.price, service.price, 100)

    def note(self, text: str, moment: datetime, writer: str) -> None:
        """A progress note; its moment is held within the stay."""
        self.notes.append(
            self._row("XML5", {"DIEN_BIEN_LS": text, "THOI_DIEM_DBLS": stamp(moment), "NGUOI_THUC_HIEN": writer},
                      len(self.notes))
        )  # fmt: skip

    def drop_last_drug(self) -> bool:
        """Take back the last drug line where more than one was ordered (a correction that is sent again)."""
        places = [place for place, line in enumerate(self.pending) if line.table == "XML2"]
        if len(places) < 2:
            return False
        del self.pending[places[-1]]
        return True

    def insured_total(self) -> int:
        """THANH_TIEN_BH of all lines, in hundredths of a đồng."""
        return sum(
            insured_part(p.quantity, p.insured_price, p.service_rate, p.insured_rate)
            for p in self.pending
            if p.insured_rate
        )

    def settle(self, level: int, *, sponsored: bool) -> dict[str, list[Row]]:
        """Rows of XML2 and XML3 at a level of benefit (MUC_HUONG, percent); fills `totals`."""
        tables: dict[str, list[Row]] = {"XML2": [], "XML3": []}
        method = "2" if self.capitation else "1"
        for line in self.pending:
            share = split(
                line.quantity, line.price, line.insured_price, line.service_rate, line.insured_rate, level,
                sponsored=sponsored,
            )  # fmt: skip
            drug = line.table == "XML2"
            self.totals.add(share, drug=drug, supply=line.supply, by_service=not self.capitation)
            other = amount_text(share.other)
            price = milli_text(line.price)
            if drug:
                line.values["DON_GIA"] = price
            else:
                line.values.update(DON_GIA_BV=price, DON_GIA_BH=milli_text(line.insured_price))
            line.values.update(
                PHAM_VI="1" if line.insured_rate else "2",
                TYLE_TT_BH=str(line.insured_rate),
                TYLE_TT_DV=str(line.service_rate),
                SO_LUONG=milli_text(line.quantity),
                THANH_TIEN_BV=amount_text(share.hospital),
                THANH_TIEN_BH=amount_text(share.insured),
                MUC_HUONG=str(level),
                T_NGUONKHAC_NSNN="0",
                T_NGUONKHAC_VTNN="0",
                T_NGUONKHAC_VTTN=other,
                T_NGUONKHAC_CL="0",
                T_NGUONKHAC=other,
                T_BNTT=amount_text(share.own),
                T_BNCCT=amount_text(share.copay),
                T_BHTT=amount_text(share.fund),
                MA_PTTT=method,
            )
            rows = tables[line.table]
            rows.append(self._row(line.table, line.values, len(rows)))
        return tables

    def _row(self, table: str, values: Row, count: int) -> Row:
        values["MA_LK"] = self.key
        values["STT"] = str(count + 1)
        return full_row(table, self.visit.version, values)

    def _add(self, group: str, values: Row, quantity: int, price: int, insured: int, rate: int) -> None:
        old = self.visit.version == "4210"
        values["MA_NHOM"] = _GROUP_4210.get(group, group) if old else group
        values["MA_BAC_SI"] = self.doctor
        values["MA_BENH"] = self.diseases
        self.pending.append(
            _Pending("XML3", values, quantity, price, insured, rate, 100 if self.insured else 0, group in ("10", "11"))
        )

    def _supply(self, supply: Supply, service: Service, department: str, ordered: str) -> None:
        values = {
            "MA_DICH_VU": service.code,
            "MA_VAT_TU": supply.code,
            "TEN_VAT_TU": supply.name,
            "DON_VI_TINH": supply.unit,
            "TT_THAU": f"{int(self.visit.clinic.code[2:]):03d}/QD-SYT;G2;N4;{self.visit.start.year - 1}",
            "MA_KHOA": department,
            "NGAY_YL": ordered,
        }
        self._add("10", values, MILLI, supply.price, supply.price, 100)

    def _results(self, service: Service, reader: str, ready: str) -> None:
        base = {"MA_DICH_VU": service.code, "NGAY_KQ": ready, "MA_BS_DOC_KQ": reader}
        for index in service.indices:
            abnormal = index.code in self.visit.condition.abnormal and self.r.random() < 0.8
            values = base | {
                "MA_CHI_SO": index.code,
                "TEN_CHI_SO": index.name,
                "GIA_TRI": _value(self.r, index, abnormal=abnormal),
                "DON_VI_DO": index.unit,
            }
            self.results.append(self._row("XML4", values, len(self.results)))
        if service.description:
            values = base | {
                "MA_CHI_SO": service.key.upper(),
                "TEN_CHI_SO": service.name,
                "MO_TA": service.description,
                "KET_LUAN": service.conclusion,
            }
            self.results.append(self._row("XML4", values, len(self.results)))


def _value(r: random.Random, index: Index, *, abnormal: bool) -> str:
    """A result: within the reference range, or in the abnormal one."""
    if index.decimals is None:
        return index.abnormal_low if abnormal else index.low
    if abnormal:
        number = r.uniform(float(index.abnormal_low), float(index.abnormal_high))
    else:
        low, high = float(index.low), float(index.high)
        number = min(high, max(low, r.gauss((low + high) / 2, (high - low) / 5)))
    return f"{number:.{index.decimals}f}"
