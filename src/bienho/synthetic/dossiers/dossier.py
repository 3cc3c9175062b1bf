"""From a visit to the tables of its dossier in the fields and codes of its version, with costs that add up."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta

from bienho.synthetic.chance import stream
from bienho.synthetic.dossiers.lines import Lines, Row, full_row, staff, stamp
from bienho.synthetic.dossiers.money import Totals, amount_text
from bienho.synthetic.dossiers.notes import write_notes
from bienho.synthetic.dossiers.orders import order_daily, prescribe, treat
from bienho.synthetic.dossiers.papers import Desk, papers
from bienho.synthetic.dossiers.visits import Visit
from bienho.synthetic.people import names, residence
from bienho.synthetic.places import Map
from bienho.synthetic.reference import document, services

Tables = dict[str, list[Row]]

_KIND_4210 = {"01": "1", "02": "2", "03": "3", "04": "3", "05": "1", "06": "3", "07": "1", "08": "1", "09": "3"}
_EXAM = {
    "K18": "exam_kid", "K19": "exam_surg", "K27": "exam_obgyn", "K30": "exam_eye", "K28": "exam_ent",
    "K29": "exam_dental", "K15": "exam_mental", "K16": "exam_trad",
}  # fmt: skip
BASE_SALARY = ((date(2024, 7, 1), 2_340_000), (date(2023, 7, 1), 1_800_000), (date(1900, 1, 1), 1_490_000))
"""Base salary by date (general knowledge): a visit of less than 15 % of it is paid whole."""
CARD_RATE = {"1": 100, "2": 100, "3": 95, "4": 80, "5": 100}
"""Third character of the card → what the fund pays of the rest, in percent."""
SPONSORED = ("HN", "DT", "DK")
SPONSORED_EVERY = 10
"""Of the visits with a card of these groups one in so many has a sponsor, by its numbers and not by chance: who
borrows the lines of another visit draws nothing."""
_TESTED, _TESTED_AT_STATION = 0.75, 0.4  # how often a test of the disease is ordered for who does not stay
_FOUND_LATER = ("E78.5", "K29.7", "M54.5", "M25.5", "R42", "G44.2")  # a diagnosis forgotten the first time


def ma_lk(visit: Visit, seed: int) -> str:
    """Key of the visit, unique across facilities, and across twins whose seeds differ in the last three digits."""
    return f"{visit.clinic.code}.{stamp(visit.start)[2:8]}.{visit.serial:06d}{seed % 1000:03d}"


def ma_bn(visit: Visit, seed: int) -> str:
    """The facility's own number of the person: the same at every visit there."""
    return f"BN{seed % 1000:03d}{(visit.person.index * 7_919 + int(visit.clinic.code) * 31) % 100_000_000:08d}"


def build(visit: Visit, atlas: Map, seed: int, *, corrected: bool = False) -> Tables:
    """Tables of one dossier; the same visit gives the same tables. `corrected` is the version sent again later."""
    r = stream(seed, "dossier", visit.seed)
    person, clinic = visit.person, visit.clinic
    card = person.card_on(visit.start.date())
    if not card and visit.version == "4210":  # archives of that time hold insured visits only
        card = f"GD4{person.old.province_code}{person.insurance_id}"
    others = list(dict.fromkeys([*visit.others, *(c for c in visit.condition.secondary if r.random() < 0.4)]))[:12]
    before = tuple(others)
    if corrected:
        others.append(next(code for code in _FOUND_LATER if code not in (visit.condition.code, *others)))
    number = r.randrange(clinic.doctors)
    doctor = staff(clinic, number, visit.version)
    diseases = ";".join([visit.condition.code, *others])
    capitation = bool(card) and clinic.level == 1 and visit.kind != "06"
    lines = Lines(visit, r, ma_lk(visit, seed), bool(card), capitation, diseases, doctor, before)
    _order(lines)
    write_notes(lines)
    if corrected:
        lines.drop_last_drug()
    level = _benefit(visit, card, lines.insured_total())
    sponsored = card[:2] in SPONSORED and (person.index + visit.serial) % SPONSORED_EVERY == 0
    tables: Tables = {"XML1": []}
    tables |= lines.settle(level, sponsored=sponsored)
    tables |= {"XML4": lines.results, "XML5": lines.notes}
    tables["XML1"] = [_summary(visit, atlas, lines, card, others, ma_bn(visit, seed))]
    tables |= papers(Desk(visit, tables, seed, number))
    return {table: rows for table, rows in tables.items() if rows}


def _benefit(visit: Visit, card: str, insured: int) -> int:
    """MUC_HUONG: by the card, whole at stations and for small sums, nothing without a card."""
    if not card:
        return 0
    base = next(amount for start, amount in BASE_SALARY if start <= visit.start.date())
    if visit.clinic.level == 1 or insured < base * 15:  # both in hundredths of a đồng
        return 100
    return CARD_RATE[card[2]]


def _order(lines: Lines) -> None:
    """All orders of the visit: examination, tests, treatment, beds, drugs."""
    visit, r = lines.visit, lines.r
    catalogue, level = services(), visit.clinic.level
    department = visit.condition.department if visit.ward else "K01"
    if visit.kind != "07":
        exam = "exam_station" if level == 1 else _EXAM.get(visit.condition.department, "exam")
        lines.service(catalogue[exam], 0, 3, "K01")
        if level == 3 and visit.kind in ("01", "08") and r.random() < 0.05:
            second = "exam_eye" if exam != "exam_eye" else "exam"
            lines.service(catalogue[second], 0, 40, "K01", rate=30)
    if visit.kind not in ("05", "07"):
        minute = 10
        for test in visit.condition.tests:
            if test.level <= level and (visit.ward or r.random() < (_TESTED if level > 1 else _TESTED_AT_STATION)):
                lines.service(test, 0, minute, "K01")
                minute += 2
    treat(lines, department)
    order_daily(lines, department)
    if visit.kind in ("03", "04", "06"):
        bed = catalogue[{"03": "bed", "04": "bed_day", "06": "bed_station"}[visit.kind]]
        if department == "K19" and visit.kind == "03":
            bed = catalogue["bed_surg"]
        place = f"H{(visit.bed or visit.serial) % 999 + 1:03d}"
        for day in range(visit.days - 1):
            lines.bed(bed, day, department, place, last=day == visit.days - 2)
    prescribe(lines, department)


def _days(visit: Visit) -> int:
    """SO_NGAY_DTRI by type of visit (notes 47-49 of the rule list)."""
    if visit.kind in ("01", "07", "09"):
        return 0
    if visit.kind == "08":
        return 1
    if visit.kind == "05":
        return visit.days
    return (visit.end.date() - visit.start.date()).days + 1


def _category(visit: Visit, card: str, registered: str) -> str:
    """MA_DOITUONG_KCB in the list of the version (MA_LYDO_VVIEN for 4210)."""
    level, old = visit.clinic.level, visit.version == "4210"
    if not card:
        return "9"
    if visit.emergency:
        return "2"
    if old:
        return "1" if level < 3 or visit.referred_from else "4"
    if visit.referred_from:
        return "1.3"
    if visit.version in ("130", "4750"):
        return "1.1" if level < 3 else "1.3"
    if level == 1:
        return "1.2"
    if registered == visit.clinic.code:
        return "1.1"
    if visit.ward:
        return "1.15"
    return "1.12" if level == 2 else "1.3"


def _job(code: str, version: str) -> str:
    """Occupation: two digits in 3176, five before."""
    return code if version == "3176" else f"{code}000"


def _money(totals: Totals) -> Row:
    return {
        "T_THUOC": amount_text(totals.drugs),
        "T_VTYT": amount_text(totals.supplies),
        "T_TONGCHI_BV": amount_text(totals.hospital),
        "T_TONGCHI_BH": amount_text(totals.insured),
        "T_BNTT": amount_text(totals.own),
        "T_BNCCT": amount_text(totals.copay),
        "T_BHTT": amount_text(totals.fund),
        "T_NGUONKHAC": amount_text(totals.other),
        "T_BHTT_GDV": amount_text(totals.fund_by_service),
    }


def _person(visit: Visit, card: str, registered: str) -> Row:
    person, day = visit.person, visit.start.date()
    known = {
        "HO_TEN": person.name,
        "SO_CCCD": person.personal_id,
        "NGAY_SINH": person.birth_text(),
        "GIOI_TINH": "2" if person.sex == "F" else "1",
        "NHOM_MAU": person.blood,
        "MA_QUOCTICH": "000",
        "MA_DANTOC": names.ethnic_code(person.people),
        "MA_NGHE_NGHIEP": _job(person.job, visit.version),
        "DIEN_THOAI": person.phone,
        "CAN_NANG": f"{person.weight_on(day):.2f}",
    }
    if card:
        first, last = person.card_window(day)
        known |= {"MA_THE_BHYT": card, "MA_DKBD": registered, "GT_THE_TU": first, "GT_THE_DEN": last}
        if person.index % 5 < 3 and person.age_on(day) > 18:
            known["NAM_NAM_LIEN_TUC"] = f"{2016 + person.index % 4}0101"
    return known | residence(person, day) | {"DIA_CHI": person.address_on(day)}


def _summary(visit: Visit, atlas: Map, lines: Lines, card: str, others: list[str], patient: str) -> Row:
    """The XML1 row."""
    case, clinic, version, r = visit.condition, visit.clinic, visit.version, lines.r
    texts = document("notes.yaml")
    registered = atlas.registered(visit.person.place, 2 if visit.person.index % 3 == 0 else 1)
    category = _category(visit, card, registered)
    paid = visit.start + timedelta(minutes=90) if visit.kind in ("05", "07") else _paid(r, visit.end)
    moved, came = bool(visit.referred_to), stamp(visit.start)
    year = came[2:4]
    improved = r.choice("1222") if visit.ward else r.choice("2223" if visit.days > 20 else "1122")
    values: Row = {
        "MA_LK": lines.key,
        "STT": "1",
        "LY_DO_VV": case.reason,
        "CHAN_DOAN_VAO": case.name,
        "CHAN_DOAN_RV": case.name,
        "MA_BENH_CHINH": case.code,
        "MA_BENH_KT": ";".join(others),
        "MA_DOITUONG_KCB": category,
        "MA_TAI_NAN": r.choice("1234") if case.kind == "injury" else "",
        "NGAY_VAO": came,
        "NGAY_RA": stamp(visit.end),
        "SO_NGAY_DTRI": str(_days(visit)),
        "PP_DIEU_TRI": r.choice(texts["treatment"]),
        "KET_QUA_DTRI": "5" if visit.died else r.choice("34") if moved else improved,
        "MA_LOAI_RV": "2" if moved else "4" if visit.ward and r.random() < 0.02 and not visit.died else "1",
        "GHI_CHU": texts["death"] if visit.died else texts["referral"] if moved else r.choice(texts["advice"]),
        "NGAY_TTOAN": stamp(paid),
        "NAM_QT": str(visit.end.year),
        "THANG_QT": str(visit.end.month),
        "MA_LOAI_KCB": _KIND_4210[visit.kind] if version == "4210" else visit.kind,
        "MA_KHOA": f"K01;{case.department}" if visit.ward else "K01",
        "MA_CSKCB": clinic.code,
        "MA_NOI_DEN": visit.referred_to,
        "MA_HSBA": f"{year}.{visit.serial:06d}",
        "MA_TTDV": f"{clinic.code[:2]}97{int(clinic.code[2:]):06d}" if version != "3176" else staff(clinic, 0, version),
    }
    if visit.referred_from or category == "1.3":
        values["MA_NOI_DI"] = visit.referred_from or registered
        values["GIAY_CHUYEN_TUYEN"] = visit.referral or f"{year}/{visit.serial:05d}"
    if visit.ward:
        values |= {
            "NGAY_VAO_NOI_TRU": lines.at(0, 35),
            "LY_DO_VNT": case.reason,
            "MA_LY_DO_VNT": "01",
            "MA_PTTT_QT": ";".join(lines.operations),
        }
    if visit.delivery:
        values["CAN_NANG_CON"] = ";".join(str(child.weight) for child in visit.delivery.children)
    if visit.days == 28:
        values["NGAY_TAI_KHAM"] = f"{visit.start + timedelta(days=28):%Y%m%d}"
    return full_row(
        "XML1", version, {**values, **_person(visit, card, registered), "MA_BN": patient, **_money(lines.totals)}
    )


def _paid(r: random.Random, end: datetime) -> datetime:
    return end + timedelta(minutes=r.randrange(5, 40))
