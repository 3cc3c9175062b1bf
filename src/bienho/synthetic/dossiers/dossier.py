"""From a visit to the tables of its dossier in the fields and codes of its version, with costs that add up."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta

from bienho.synthetic.chance import stream
from bienho.synthetic.dossiers.lines import Lines, Row, full_row, staff, stamp
from bienho.synthetic.dossiers.money import Totals, amount_text
from bienho.synthetic.dossiers.papers import Desk, papers
from bienho.synthetic.dossiers.visits import Visit
from bienho.synthetic.people import names, residence
from bienho.synthetic.places import Map
from bienho.synthetic.reference import Drug, document, drugs, services

Tables = dict[str, list[Row]]

_KIND_4210 = {"01": "1", "02": "2", "03": "3", "04": "3", "05": "1", "06": "3", "07": "1", "08": "1", "09": "3"}
_EXAM = {
    "K18": "exam_kid", "K19": "exam_surg", "K27": "exam_obgyn", "K30": "exam_eye", "K28": "exam_ent",
    "K29": "exam_dental", "K15": "exam_mental", "K16": "exam_trad",
}  # fmt: skip
# Base salary by date (general knowledge): a visit of less than 15 % of it is paid whole.
_BASE_SALARY = ((date(2024, 7, 1), 2_340_000), (date(2023, 7, 1), 1_800_000), (date(1900, 1, 1), 1_490_000))
_CARD_RATE = {"1": 100, "2": 100, "3": 95, "4": 80, "5": 100}
_FOUND_LATER = ("E78.5", "K29.7", "M54.5", "M25.5", "R42", "G44.2")  # a diagnosis forgotten the first time
_CHILD_DRUG = {"para": "para_kid", "amox": "amox_kid", "amoxclav": "amox_kid", "cipro": "cefixim", "doxy": "azi"}


def ma_lk(visit: Visit, seed: int) -> str:
    """Key of the visit, unique across facilities, and across twins whose seeds differ in the last three digits."""
    return f"{visit.clinic.code}.{visit.start:%y%m%d}.{visit.serial:06d}{seed % 1000:03d}"


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
    if corrected:
        others.append(next(code for code in _FOUND_LATER if code not in (visit.condition.code, *others)))
    number = r.randrange(clinic.doctors)
    doctor = staff(clinic, number, visit.version)
    diseases = ";".join([visit.condition.code, *others])
    capitation = bool(card) and clinic.level == 1 and visit.kind != "06"
    lines = Lines(visit, r, ma_lk(visit, seed), bool(card), capitation, diseases, doctor)
    _order(lines)
    _write_notes(lines)
    if corrected:
        lines.drop_last_drug()
    level = _benefit(visit, card, lines.insured_total())
    sponsored = card[:2] in ("HN", "DT", "DK") and r.random() < 0.1
    tables: Tables = {"XML1": []}
    tables |= lines.settle(level, sponsored=sponsored)
    tables |= {"XML4": lines.results, "XML5": lines.notes}
    tables["XML1"] = [_summary(visit, atlas, lines, card, others, ma_bn(visit, seed))]
    tables |= papers(Desk(visit, tables, stream(seed, "papers", visit.seed), number))
    return {table: rows for table, rows in tables.items() if rows}


def _benefit(visit: Visit, card: str, insured: int) -> int:
    """MUC_HUONG: by the card, whole at stations and for small sums, nothing without a card."""
    if not card:
        return 0
    base = next(amount for start, amount in _BASE_SALARY if start <= visit.start.date())
    if visit.clinic.level == 1 or insured < base * 15:  # both in hundredths of a đồng
        return 100
    return _CARD_RATE[card[2]]


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
            if test.level <= level and (visit.ward or r.random() < 0.75):
                lines.service(test, 0, minute, "K01")
                minute += 2
        if visit.ward and visit.days >= 5 and any(test.key == "cbc" for test in visit.condition.tests):
            lines.service(catalogue["cbc"], 2, 15, department)
    _treat(lines, department)
    if visit.kind in ("03", "04", "06"):
        bed = catalogue[{"03": "bed", "04": "bed_day", "06": "bed_station"}[visit.kind]]
        if department == "K19" and visit.kind == "03":
            bed = catalogue["bed_surg"]
        place = f"H{(visit.bed or visit.serial) % 999 + 1:03d}"
        for day in range(visit.days - 1):
            lines.bed(bed, day, department, place, last=day == visit.days - 2)
    _prescribe(lines, department)


def _treat(lines: Lines, department: str) -> None:
    visit, r = lines.visit, lines.r
    for treatment in visit.condition.treatments:
        if treatment.level > visit.clinic.level or visit.kind in ("05", "07"):
            continue
        if treatment.key == "dialysis":
            days = [week * 7 + step for week in range(4) for step in (0, 2, 4)] if visit.kind == "02" else [0]
        elif treatment.key == "acup":
            days = list(range(visit.days)) if visit.kind in ("02", "04") or visit.ward else []
        elif treatment.key in ("iv", "neb"):
            days = list(range(min(3, visit.days))) if visit.ward else []
        elif treatment.group == "8" and not visit.ward:
            days = []
        else:
            days = [0] if visit.ward or r.random() < 0.8 else []
        for day in days:
            lines.service(treatment, day, 50 if day == 0 else 30, department)


def _prescribe(lines: Lines, department: str) -> None:
    visit, r = lines.visit, lines.r
    child = visit.person.age_on(visit.start.date()) < 12
    chosen = []
    for drug in visit.condition.drugs:
        chosen.append(_for_child(drug) if child else drug)
    chosen = list(dict.fromkeys(chosen))
    if not visit.ward:
        fit = [d for d in chosen if not d.route.startswith(("2.1", "2.15")) or visit.condition.kind == "injury"]
        kept = [d for place, d in enumerate(fit) if place == 0 or visit.days > 20 or r.random() < 0.85]
        for drug in kept:
            lines.drug(drug, 0, 55 if visit.clinic.level > 1 else 15, visit.days, department)
        return
    for day in range(0, max(1, visit.days - 1), 2):
        span = min(2, visit.days - day)
        for drug in chosen:
            lines.drug(drug, day, 40, span, department)


def _for_child(drug: Drug) -> Drug:
    table = drugs()
    return next((table[new] for old, new in _CHILD_DRUG.items() if table[old] == drug), drug)


def _vitals(r: random.Random, visit: Visit, *, fever: bool) -> str:
    age = visit.person.age_on(visit.start.date())
    pulse = round(r.gauss(118 - 2.6 * min(age, 16), 7))
    heat = r.uniform(38.2, 39.4) if fever else r.uniform(36.5, 37.2)
    high = visit.condition.code.startswith("I1")
    systolic = round(r.gauss(148 if high else 92 + 1.8 * min(age, 16), 7) / 10) * 10
    return (
        f"CSST<M{pulse}_T{heat:.1f}_HA{systolic}/{round(systolic * 0.62 / 10) * 10}"
        f"_NT{round(r.gauss(19, 1.5))}_SP{r.randrange(95, 100)}>"
    )


def _write_notes(lines: Lines) -> None:
    visit, r = lines.visit, lines.r
    if visit.kind not in ("02", "03", "04", "05", "06", "08", "09"):
        return
    texts = document("notes.yaml")
    if not visit.ward:
        text = f"{r.choice(texts['outpatient'])} {_vitals(r, visit, fever=False)}"
        lines.note(text, lines.at(0, 12), lines.doctor)
        return
    fever = visit.condition.department in ("K11", "K18")
    reason = visit.condition.reason[:1].lower() + visit.condition.reason[1:]
    first = r.choice(texts["first"]).format(reason=reason)
    lines.note(f"{first} {_vitals(r, visit, fever=fever)}", lines.at(0, 45), lines.doctor)
    for day in range(1, min(visit.days - 1, 6)):
        text = f"{r.choice(texts['middle'])} {_vitals(r, visit, fever=fever and day == 1)}"
        lines.note(text, lines.at(day, 45), lines.doctor)
    if visit.died:
        lines.note(r.choice(texts["last_of_life"]), visit.end, lines.doctor)
        return
    lines.note(f"{r.choice(texts['last'])} {_vitals(r, visit, fever=False)}", visit.end, lines.doctor)


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
    moved = bool(visit.referred_to)
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
        "NGAY_VAO": stamp(visit.start),
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
        "MA_HSBA": f"{visit.start:%y}.{visit.serial:06d}",
        "MA_TTDV": f"{clinic.code[:2]}97{int(clinic.code[2:]):06d}" if version != "3176" else staff(clinic, 0, version),
    }
    if visit.referred_from or category == "1.3":
        values["MA_NOI_DI"] = visit.referred_from or registered
        values["GIAY_CHUYEN_TUYEN"] = visit.referral or f"{visit.start:%y}/{visit.serial:05d}"
    if visit.ward:
        codes = (line.values.get("MA_PTTT_QT") for line in lines.pending)
        values |= {
            "NGAY_VAO_NOI_TRU": stamp(lines.at(0, 35)),
            "LY_DO_VNT": case.reason,
            "MA_LY_DO_VNT": "01",
            "MA_PTTT_QT": ";".join(dict.fromkeys(code for code in codes if code)),
        }
    if visit.delivery:
        values["CAN_NANG_CON"] = ";".join(str(child.weight) for child in visit.delivery.children)
    if visit.days == 28:
        values["NGAY_TAI_KHAM"] = f"{visit.start + timedelta(days=28):%Y%m%d}"
    return full_row(
        "XML1", version, values | _person(visit, card, registered) | {"MA_BN": patient} | _money(lines.totals)
    )


def _paid(r: random.Random, end: datetime) -> datetime:
    return end + timedelta(minutes=r.randrange(5, 40))
