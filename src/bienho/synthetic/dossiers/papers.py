"""The papers a facility writes beside a dossier: discharge, summary, births, leave, referral, appointment, programmes.

Each maker takes a Desk (one visit with its finished tables) and gives the rows of one table, or none when the visit
gives no cause for that paper. Facts that stand on several tables are read from the XML1 row, so that they agree.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, cached_property
from typing import Any

from bienho.standards.xml130.versions import rank_of
from bienho.synthetic.chance import stream
from bienho.synthetic.dossiers.courses import Child, Delivery
from bienho.synthetic.dossiers.lines import Row, full_row, staff, staff_name, stamp
from bienho.synthetic.dossiers.programmes import hiv_care, tb_treatment
from bienho.synthetic.dossiers.visits import PREGNANCY, Visit
from bienho.synthetic.people import Person
from bienho.synthetic.people.names import ethnic_code
from bienho.synthetic.reference import Condition, document

MOST_REST = 30
"""Days a pregnant woman is sent to rest at most."""
_MISCARRIAGE = "O03.9"
_SUMMARY_SHARE = 0.7  # of inpatients whose summary is written
_LEAVE_SHARE = 0.45  # of outpatient visits of employees that end with a certificate of sick leave
ID_ISSUED, ID_ISSUED_WITHIN = date(2021, 3, 1), 600  # when cards of identity were given: first day, days
_APPOINTMENT_SHARE = 0.45  # of booked re-examinations that a slip is written for


@dataclass(frozen=True)
class Desk:
    """What the writer of the papers has in hand: the visit, its tables so far, the seed of the twin, the doctor."""

    visit: Visit
    tables: Mapping[str, Sequence[Row]]
    seed: int
    doctor: int

    @cached_property
    def r(self) -> random.Random:
        """A stream of chance, begun by who first draws from it: most visits leave no such paper."""
        return stream(self.seed, "papers", self.visit.seed)

    @property
    def head(self) -> Row:
        """The XML1 row."""
        return self.tables["XML1"][0]

    @property
    def signer(self) -> str:
        """MA_BS: who signs certificates, an insurance number before 3176, the licence since."""
        version = self.visit.version
        return staff(self.visit.clinic, self.doctor, version if version == "3176" else "130")

    def number(self, kind: str) -> str:
        """A number of the facility's own for a paper of one kind."""
        return f"{self.visit.end:%y}/{kind}/{self.visit.serial:06d}"

    def row(self, table: str, values: Row, *shared: str) -> Row:
        """A row of `table`: MA_LK and the `shared` fields as in XML1, then `values`."""
        same = {name: self.head.get(name, "") for name in ("MA_LK", "MA_TTDV", *shared)}
        return full_row(table, self.visit.version, same | values)


def papers(desk: Desk) -> dict[str, list[Row]]:
    """Table → rows, for the tables the version of the visit has."""
    return {table: rows for table, maker in _makers(desk.visit.version) if (rows := maker(desk))}


def day_text(day: date) -> str:
    """yyyymmdd."""
    return f"{day.year:04d}{day.month:02d}{day.day:02d}"


def _texts() -> Any:
    return document("papers.yaml")


def _employed(person: Person, day: date) -> bool:
    return person.group == "DN4" and 18 <= person.age_on(day) < 62


def _employer(person: Person) -> str:
    """DON_VI of an employee: the same at every visit."""
    names = employers()
    return names[person.index % len(names)]


def employers() -> list[str]:
    """The invented employers."""
    return [str(name) for name in _texts()["employers"]]


def _family(desk: Desk, *, numbers: bool) -> Row:
    """Names of the parents of a patient under 16, and their insurance numbers where the table has them."""
    person = desk.visit.person
    if person.age_on(desk.visit.start.date()) >= 16:
        return {}
    mother, father = person.parents
    values = {"HO_TEN_ME": mother.name if mother else "", "HO_TEN_CHA": father.name if father else ""}
    if numbers:
        values["MA_ME"] = mother.insurance_id if mother else ""
        values["MA_CHA"] = father.insurance_id if father else ""
    return values


def _ended_pregnancy(desk: Desk) -> Row:
    """Fields of a pregnancy that ended; '0' otherwise, for women."""
    visit = desk.visit
    if visit.condition.code != _MISCARRIAGE:
        return {"MA_DINH_CHI_THAI": "0" if visit.person.sex == "F" else ""}
    weeks = 6 + visit.serial % 12  # the same on every paper of the visit
    moment = min(visit.start + timedelta(hours=2), visit.end)
    return {
        "MA_DINH_CHI_THAI": "1",
        "NGUYENNHAN_DINHCHI": _texts()["miscarriage"],
        "THOIGIAN_DINHCHI": stamp(moment),
        "TUOI_THAI": str(weeks),
    }


def _leave(days: int, first: date) -> tuple[str, str, str]:
    """(days, first day, last day) of a leave, both ends counted."""
    return str(days), day_text(first), day_text(first + timedelta(days=days - 1))


def _discharge(desk: Desk) -> list[Row]:
    visit, head = desk.visit, desk.head
    if not visit.ward:
        return []
    values: Row = {
        "SO_LUU_TRU": head["MA_HSBA"],
        "MA_YTE": head["MA_BN"],
        "MA_KHOA_RV": visit.condition.department,
        "PP_DIEUTRI": head["PP_DIEU_TRI"],
        "MA_BS": desk.signer,
        "TEN_BS": staff_name(visit.clinic, desk.doctor),
        "NGAY_CT": head["NGAY_RA"][:8],
    }
    if _employed(visit.person, visit.end.date()) and not visit.referred_to and not visit.died:
        days = desk.r.choice((3, 5, 7, 10))
        names = ("SO_NGAY_NGHI", "NGOAITRU_TUNGAY", "NGOAITRU_DENNGAY")
        values |= zip(names, _leave(days, visit.end.date() + timedelta(days=1)), strict=True)
    values |= _family(desk, numbers=True) | _ended_pregnancy(desk)
    return [desk.row("XML7", values, "NGAY_VAO", "NGAY_RA", "CHAN_DOAN_RV", "GHI_CHU")]


def _results(desk: Desk) -> str:
    """The results worth telling, in one sentence."""
    told = [
        f"{row['TEN_CHI_SO']}: {row['GIA_TRI'] or row['KET_LUAN']} {row['DON_VI_DO']}".strip()
        for row in desk.tables.get("XML4", ())[:6]
    ]
    return "; ".join(told) or str(_texts()["no_results"])


def _history(desk: Desk) -> str:
    reason = desk.visit.condition.reason
    text = desk.r.choice(_texts()["course"])
    return str(text.format(days=desk.r.randrange(1, 6), reason=reason[:1].lower() + reason[1:]))


def _record_summary(desk: Desk) -> list[Row]:
    visit, head = desk.visit, desk.head
    if visit.kind not in ("03", "04", "06") or desk.r.random() >= _SUMMARY_SHARE:
        return []
    values = {
        "QT_BENHLY": _history(desk),
        "TOMTAT_KQ": _results(desk),
        "PP_DIEUTRI": head["PP_DIEU_TRI"],
        "NGAY_CT": head["NGAY_RA"][:8],
        "DON_VI": _employer(visit.person) if _employed(visit.person, visit.end.date()) else "",
    } | _family(desk, numbers=False)
    shared = ("MA_LOAI_KCB", "NGAY_VAO", "NGAY_RA", "CHAN_DOAN_VAO", "CHAN_DOAN_RV", "KET_QUA_DTRI")
    return [desk.row("XML8", values, *shared)]


def _birth_slip(desk: Desk, place: int) -> str:
    """SO of the birth slip of one child of a delivery (places from 1)."""
    return f"{desk.number('CS')}-{place}"


def _births(desk: Desk) -> list[Row]:
    delivery = desk.visit.delivery
    if delivery is None:
        return []
    return [_birth(desk, delivery, child, place) for place, child in enumerate(delivery.children, 1)]


def _birth(desk: Desk, delivery: Delivery, child: Child, place: int) -> Row:
    visit, texts, mother = desk.visit, _texts(), desk.visit.person
    surgery = visit.condition.code in ("O82.0", "O84.2")
    early = delivery.weeks < 32
    notes = [texts[word] for word, so in (("surgery", surgery), ("early", early)) if so]
    issued = ID_ISSUED + timedelta(days=mother.index % ID_ISSUED_WITHIN)
    values = {
        "MA_BHXH_NND": mother.insurance_id,
        "MA_THE_NND": desk.head["MA_THE_BHYT"],
        "HO_TEN_NND": mother.name,
        "NGAYSINH_NND": day_text(mother.birth),
        "MA_DANTOC_NND": ethnic_code(mother.people),
        "SO_CCCD_NND": mother.personal_id,
        "NGAYCAP_CCCD_NND": day_text(issued),
        "NOICAP_CCCD_NND": texts["issuer"],
        "NOI_CU_TRU_NND": desk.head["DIA_CHI"],
        "HO_TEN_CHA": delivery.father,
        "MA_THE_TAM": _temporary_card(mother, child, place),
        "HO_TEN_CON": child.name,
        "GIOI_TINH_CON": "2" if child.sex == "F" else "1",
        "SO_CON": str(len(delivery.children)),
        "LAN_SINH": str(delivery.order),
        "SO_CON_SONG": str(delivery.living),
        "CAN_NANG_CON": str(child.weight),
        "NGAY_SINH_CON": stamp(child.born),
        "NOI_SINH_CON": visit.clinic.name,
        "TINH_TRANG_CON": texts["child_early"] if early else desk.r.choice(texts["child"]),
        "SINHCON_PHAUTHUAT": str(int(surgery)),
        "SINHCON_DUOI32TUAN": str(int(early)),
        "GHI_CHU": "; ".join(notes),
        "NGUOI_DO_DE": staff_name(visit.clinic, desk.doctor),
        "NGUOI_GHI_PHIEU": staff_name(visit.clinic, desk.doctor + 1),
        "NGAY_CT": desk.head["NGAY_RA"][:8],
        "SO": _birth_slip(desk, place),
        "QUYEN_SO": f"{child.born:%Y}/{visit.serial // 100 + 1:02d}",
    }
    return desk.row("XML9", values, "MA_QUOCTICH", "MATINH_CU_TRU", "MAHUYEN_CU_TRU", "MAXA_CU_TRU")


def _temporary_card(mother: Person, child: Child, place: int) -> str:
    """MA_THE_TAM: TE1, old province, ten digits in the invented range; the child's own number where it has one."""
    invented = f"{mother.insurance_id[:2]}8{place}{mother.index % 1_000_000:06d}"
    return f"TE1{mother.old.province_code}{child.person.insurance_id if child.person else invented}"


def _antenatal_rest(desk: Desk) -> list[Row]:
    visit = desk.visit
    if visit.condition.code not in PREGNANCY or not _employed(visit.person, visit.end.date()):
        return []
    first = visit.end.date()
    days = desk.r.choice((7, 10, 14, MOST_REST))
    if visit.expected:
        days = min(days, (visit.expected - first).days)
    if days < 1:
        return []
    count, start, end = _leave(days, first)
    values = {
        "SO_SERI": f"DT{desk.number('DT').replace('/', '')}",
        "SO_CT": desk.number("DT"),
        "SO_NGAY": count,
        "DON_VI": _employer(visit.person),
        "CHAN_DOAN_RV": f"{desk.head['CHAN_DOAN_RV']}; {_texts()['rest']}",
        "TU_NGAY": start,
        "DEN_NGAY": end,
        "TEN_BS": staff_name(visit.clinic, desk.doctor),
        "MA_BS": desk.signer,
        "NGAY_CT": desk.head["NGAY_RA"][:8],
    }
    return [desk.row("XML10", values)]


def gives_leave(case: Condition) -> bool:
    """Whether outpatients are sent to bed with it."""
    return case.kind in ("acute", "injury") and case.code not in PREGNANCY


def _sick_leave(desk: Desk) -> list[Row]:
    visit, head, case = desk.visit, desk.head, desk.visit.condition
    wanted = visit.kind in ("01", "02") and gives_leave(case)
    if not wanted or not _employed(visit.person, visit.end.date()) or desk.r.random() >= _LEAVE_SHARE:
        return []
    r = desk.r
    days = r.choice((7, 10, 14, 20)) if case.kind == "injury" else r.choice((1, 1, 2, 2, 3, 3, 5, 7))
    count, start, end = _leave(days, visit.end.date())
    values = {
        "SO_CT": desk.number("OM"),
        "SO_SERI": f"OM{desk.number('OM').replace('/', '')}",
        "SO_KCB": head["MA_HSBA"],
        "DON_VI": _employer(visit.person),
        "MA_BHXH": visit.person.insurance_id,
        "PP_DIEUTRI": head["PP_DIEU_TRI"],
        "SO_NGAY_NGHI": count,
        "TU_NGAY": start,
        "DEN_NGAY": end,
        "MA_BS": desk.signer,
        "NGAY_CT": head["NGAY_RA"][:8],
        "MAU_SO": "CT07",
    } | _ended_pregnancy(desk)
    return [desk.row("XML11", values, "MA_THE_BHYT", "CHAN_DOAN_RV")]


def _names(desk: Desk, table: str, field: str) -> str:
    """Distinct names of a table's lines, `;` between them, cut to what the field holds."""
    told = ""
    for name in dict.fromkeys(row.get(field, "") for row in desk.tables.get(table, ())):
        longer = f"{told};{name}" if told else name
        if not name or len(longer) > 1024:
            continue
        told = longer
    return told


def _referral(desk: Desk) -> list[Row]:
    visit, head, texts = desk.visit, desk.head, _texts()
    if not visit.referred_to:
        return []
    r = desk.r
    reason = visit.condition.reason[:1].lower() + visit.condition.reason[1:]
    values = {
        "SO_HOSO": head["MA_HSBA"],
        "SO_CHUYENTUYEN": desk.number("CT"),
        "GIAY_CHUYEN_TUYEN": visit.referral,
        "MA_CSKCB_DI": head.get("MA_NOI_DI", ""),
        "MA_CSKCB_DEN": head["MA_NOI_DEN"],
        "DAU_HIEU_LS": r.choice(texts["signs"]).format(reason=reason),
        "QT_BENHLY": _history(desk),
        "TOMTAT_KQ": _results(desk),
        "PP_DIEUTRI": head["PP_DIEU_TRI"],
        "TEN_DICH_VU": _names(desk, "XML3", "TEN_DICH_VU"),
        "TEN_THUOC": _names(desk, "XML2", "TEN_THUOC"),
        # Under 4750 this element is PP_DIEU_TRI, the method of treatment of XML1; 3176 made the patient's state of it.
        "TINH_TRANG_CT": texts["state"] if visit.version == "3176" else head["PP_DIEU_TRI"],
        "MA_LYDO_CT": "1",
        "HUONG_DIEU_TRI": texts["plan"],
        "PHUONGTIEN_VC": r.choice(texts["transport"]),
        "HOTEN_NGUOI_HT": staff_name(visit.clinic, desk.doctor + 1),
        "CHUCDANH_NGUOI_HT": "Điều dưỡng",
        "MA_BAC_SI": staff(visit.clinic, desk.doctor, visit.version),
    }
    shared = (
        "MA_CSKCB", "HO_TEN", "NGAY_SINH", "GIOI_TINH", "MA_QUOCTICH", "MA_DANTOC", "MA_NGHE_NGHIEP", "DIA_CHI",
        "MA_THE_BHYT", "GT_THE_DEN", "NGAY_VAO", "NGAY_VAO_NOI_TRU", "NGAY_RA", "CHAN_DOAN_RV", "MA_BENH_CHINH",
        "MA_BENH_KT", "MA_BENH_YHCT", "MA_LOAI_RV",
    )  # fmt: skip
    return [desk.row("XML13", values, *shared)]


def _appointment(desk: Desk) -> list[Row]:
    visit, head = desk.visit, desk.head
    booked = head.get("NGAY_TAI_KHAM", "")
    if not booked or visit.referred_to or desk.r.random() >= _APPOINTMENT_SHARE:
        return []
    values = {
        "SO_GIAYHEN_KL": desk.number("HK"),
        "NGAY_HEN_KL": booked,
        "MA_BAC_SI": staff(visit.clinic, desk.doctor, visit.version),
        "NGAY_CT": head["NGAY_RA"][:8],
    }
    shared = (
        "MA_CSKCB", "HO_TEN", "NGAY_SINH", "GIOI_TINH", "DIA_CHI", "MA_THE_BHYT", "GT_THE_DEN", "NGAY_VAO",
        "NGAY_VAO_NOI_TRU", "NGAY_RA", "CHAN_DOAN_RV", "MA_BENH_CHINH", "MA_BENH_KT", "MA_BENH_YHCT",
        "MA_DOITUONG_KCB",
    )  # fmt: skip
    return [desk.row("XML14", values, *shared)]


def _hiv(desk: Desk) -> list[Row]:
    visit = desk.visit
    if visit.hiv is None:
        return []
    shared = (
        "MA_THE_BHYT", "SO_CCCD", "NGAY_SINH", "GIOI_TINH", "DIA_CHI", "MATINH_CU_TRU", "MAHUYEN_CU_TRU",
        "MAXA_CU_TRU", "MA_CSKCB",
    )  # fmt: skip
    return [desk.row("XML6", hiv_care(visit, visit.hiv, desk.r), *shared)]


def _tb(desk: Desk) -> list[Row]:
    visit = desk.visit
    if visit.tb is None:
        return []
    return [desk.row("XML15", tb_treatment(visit, visit.tb), "MA_BN", "HO_TEN", "SO_CCCD", "MA_CSKCB")]


_MAKERS: dict[str, tuple[str, Callable[[Desk], list[Row]]]] = {
    "XML6": ("130", _hiv),
    "XML7": ("130", _discharge),
    "XML8": ("130", _record_summary),
    "XML9": ("130", _births),
    "XML10": ("130", _antenatal_rest),
    "XML11": ("130", _sick_leave),
    "XML13": ("4750", _referral),
    "XML14": ("4750", _appointment),
    "XML15": ("4750", _tb),
}


@cache
def _makers(version: str) -> tuple[tuple[str, Callable[[Desk], list[Row]]], ...]:
    """Those of the tables that a version has."""
    rank = rank_of(version)
    return tuple((table, maker) for table, (since, maker) in _MAKERS.items() if rank >= rank_of(since))
