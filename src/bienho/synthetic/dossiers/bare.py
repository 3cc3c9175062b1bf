"""The files that travel outside the dossier envelope: check-ins (XML0) and the medical assessment board (XML12)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from bienho.standards.xml130.versions import known_tables, rank_of
from bienho.synthetic.chance import stream
from bienho.synthetic.dossiers.lines import Row, full_row
from bienho.synthetic.dossiers.papers import day_text
from bienho.synthetic.dossiers.visits import Visit
from bienho.synthetic.people import Person, residence
from bienho.synthetic.plan import Plan, version_on
from bienho.synthetic.reference import document

_SHARED = (
    "MA_LK", "MA_BN", "HO_TEN", "SO_CCCD", "NGAY_SINH", "GIOI_TINH", "MA_THE_BHYT", "MA_DKBD", "GT_THE_TU",
    "GT_THE_DEN", "MA_DOITUONG_KCB", "NGAY_VAO", "MA_LOAI_KCB", "MA_CSKCB",
)  # fmt: skip
_WARD = ("NGAY_VAO_NOI_TRU", "LY_DO_VNT", "MA_LY_DO_VNT")
_COST = ("MA_DICH_VU", "TEN_DICH_VU", "MA_THUOC", "TEN_THUOC", "NGAY_YL")
_CHAIRS = ("Nguyễn Thanh Mẫu", "Trần Thị Thí Dụ", "Lê Văn Giả Định")  # three invented people
ASSESSED_PER_YEAR = 0.003  # of people of working age, a planning figure


def check_in_version(visit: Visit) -> str | None:
    """Edition of a check-in: the one in force on arrival; None where there was no check-in yet."""
    version = version_on(visit.start.date())
    return None if version == "4210" else version


def check_in(visit: Visit, tables: Mapping[str, Sequence[Row]]) -> list[Row]:
    """Rows for one visit: at its first cost and, for those who stay, at the first cost in the ward.

    Emergencies are not reported. STT is set by the file. Facts are those of the dossier that follows (`tables`).
    """
    head, version = tables["XML1"][0], check_in_version(visit)
    if version is None or visit.emergency:
        return []
    with_drugs = rank_of(version) >= rank_of("4750")
    costs = [row for row in tables.get("XML3", ()) if not row["MA_VAT_TU"]]
    costs += tables.get("XML2", ()) if with_drugs else ()
    costs.sort(key=lambda row: row["NGAY_YL"])
    if not costs:
        return []
    arrival = {name: head.get(name, "") for name in _SHARED}
    if version == "130":  # one digit then: the group without its case
        arrival["MA_DOITUONG_KCB"] = arrival["MA_DOITUONG_KCB"].partition(".")[0]
    rows = [arrival | _cost(costs[0])]
    admitted = head.get("NGAY_VAO_NOI_TRU", "")
    in_ward = next((row for row in costs if admitted and row["NGAY_YL"] >= admitted), None)
    if in_ward and with_drugs:
        rows.append(arrival | {name: head[name] for name in _WARD} | _cost(in_ward))
    return [full_row("XML0", version, row) for row in rows]


def _cost(line: Row) -> Row:
    return {name: line[name] for name in _COST if line.get(name)}


@dataclass(frozen=True, slots=True)
class Assessment:
    """One person before the board: `number` counts the records of a year."""

    person: Person
    met: date
    number: int

    @property
    def record(self) -> str:
        """SO_BIEN_BAN."""
        return f"{self.number:05d}/GĐYK"


def assessments(plan: Plan, persons: Sequence[Person]) -> Iterator[list[Assessment]]:
    """The meetings of the board within the plan (Thursdays), each with the people it saw.

    There is none before the edition that first has the board's records (XML12): nobody could have sent them.
    """
    length = (plan.end - plan.start).days
    meetings: dict[date, list[Person]] = {}
    for person in persons:
        r = stream(plan.seed, "board", person.index)
        known = bool(person.phone) and 20 <= person.age_on(plan.start) < 65
        if not known or r.random() >= ASSESSED_PER_YEAR * length / 365:
            continue
        day = plan.start + timedelta(days=r.randrange(length))
        day += timedelta(days=(3 - day.weekday()) % 7)
        if day < plan.end and person.lives_here(day) and rank_of(version_on(day)) >= known_tables()["XML12"]:
            meetings.setdefault(day, []).append(person)
    counts: dict[int, int] = {}
    for day in sorted(meetings):
        seen = []
        for person in meetings[day]:
            counts[day.year] = counts.get(day.year, 0) + 1
            seen.append(Assessment(person, day, counts[day.year]))
        yield seen


def assessment_row(seed: int, one: Assessment) -> Row:
    """The XML12 row of one person."""
    person, met, texts = one.person, one.met, document("papers.yaml")
    r = stream(seed, "assessment", person.index)
    kind = r.choice(texts["board"]["kinds"])
    again = r.random() < 0.3
    before = r.randrange(11, 50) if again else 0
    now = r.randrange(11, 62)
    asked = met - timedelta(days=r.randrange(15, 60))
    unit, referrer = texts["board"]["referrers"][person.index % 2]
    values: Row = {
        "NGUOI_CHU_TRI": r.choice(_CHAIRS),
        "CHUC_VU": "1" if r.random() < 0.7 else "2",
        "NGAY_HOP": day_text(met),
        "HO_TEN": person.name,
        "NGAY_SINH": person.birth_text()[:8],
        "SO_CCCD": person.personal_id,
        "NGAY_CAP_CCCD": day_text(date(2021, 3, 1) + timedelta(days=person.index % 600)),
        "NOI_CAP_CCCD": texts["issuer"],
        "DIA_CHI": person.address_on(met),
        "MA_BHXH": person.insurance_id,
        "MA_THE_BHYT": person.card_on(met),
        "NGHE_NGHIEP": texts["jobs"][person.job],
        "DIEN_THOAI": person.phone,
        "MA_DOI_TUONG": kind["object"],
        "KHAM_GIAM_DINH": "2" if again else "1",
        "SO_BIEN_BAN": one.record,
        "TYLE_TTCT_CU": str(before) if again else "",
        "DANG_HUONG_CHE_DO": kind["scheme"],
        "NGAY_CHUNG_TU": day_text(asked),
        "SO_GIAY_GIOI_THIEU": f"{asked:%y}/GGT-{person.index % 100_000:05d}",
        "NGAY_DE_NGHI": day_text(asked + timedelta(days=2)),
        "MA_DONVI": unit,
        "GIOI_THIEU_CUA": referrer,
        "KET_QUA_KHAM": f"{kind['found']}, tỷ lệ tổn thương cơ thể {now} %.",
        "SO_VAN_BAN_CAN_CU": kind["basis"],
        "TYLE_TTCT_MOI": str(now),
        "TONG_TYLE_TTCT": str(now + round(before * (100 - now) / 100)),
        "DANG_KHUYETTAT": "1" if kind.get("disability") else "",
        "MUC_DO_KHUYETTAT": "2" if kind.get("disability") else "",
        "DE_NGHI": texts["board"]["proposal"],
        "DUOC_XACDINH": texts["board"]["established"],
    }
    return full_row("XML12", version_on(met), values | residence(person, met))
