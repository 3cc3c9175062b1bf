"""From a sheet as typed to a visit whose every value has a kind, or the faults that stand in the way, field by field.

Only what the dossier cannot be written without, or what nobody could mean, is a fault. Whether the visit is well told
is for the rules of the house, which judge it as they judge everybody's. The texts of faults are the portal's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from bienho.pipeline.visits.sheet import Sheet
from bienho.terminology import FacilityCode, Icd10Code

MONTHS_OF_A_CHILD = 72
"""Below this age a prescription needs weight and whoever brought the child (Circular 26/2025/TT-BYT)."""
DAYS_MOST = 90
TIMES_MOST = 24
OTHER_DISEASES_MOST = 12
SEXES, RESULTS, REASONS = "123", "12345678", "123"
_ID = re.compile(r"[0-9]{9}|[0-9]{12}|[A-Z][0-9]{7}")
_PROVINCE = re.compile(r"[0-9]{2}")
_COMMUNE = re.compile(r"[0-9]{5}")
_ROUTE = re.compile(r"[0-9]\.[0-9]{2}")
_STAFF = re.compile(r"[0-9A-Za-z./-]{3,100}")
_BIRTH = re.compile(r"(?:(?:(\d{1,2})[/.-])?(\d{1,2})[/.-])?(\d{4})(?: +(\d{1,2})[:hg](\d{2}))?|(\d{2})(\d{2})(\d{4})")
_MOMENT = re.compile(r"(?:(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}) +)?(\d{1,2})[:hg](\d{2})")
_DAY = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})|(\d{2})(\d{2})(\d{4})")


@dataclass(frozen=True, slots=True)
class Fault:
    """`field` is a field of the sheet (`thuoc-2-ngay` of a drug line); `code` says what is wrong with it."""

    field: str
    code: str


@dataclass(frozen=True, slots=True)
class Drug:
    """One line of the prescription. `code` '' = typed in free words. `days` whole; the rest in units of the drug."""

    name: str
    code: str
    strength: str
    unit: str
    route: str
    per_time: Decimal
    times: int
    days: int
    quantity: Decimal
    price: Decimal
    advice: str
    registration: str


@dataclass(frozen=True, slots=True)
class Referral:
    """To which facility (code of five characters), why (MA_LYDO_CT: 3 = asked for by the patient), in which state."""

    to: str
    number: str
    reason: str
    signs: str
    course: str
    tests: str
    state: str
    plan: str
    transport: str
    escort: str
    escort_title: str


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit, checked. `birth` is NGAY_SINH (12 digits, 0000 for what is not known); moments are local.

    `patient` '' = the facility has not numbered this patient yet. `weight` in kg, prices in đồng.
    """

    name: str
    birth: str
    sex: str
    personal_id: str
    phone: str
    patient: str
    people: str
    job: str
    commune: str
    province: str
    address: str
    weight: Decimal
    brought_by: str
    came: datetime
    left: datetime
    reason: str
    disease: str
    diagnosis: str
    others: tuple[str, ...]
    treatment: str
    result: str
    advice: str
    again: date | None
    service: str
    service_code: str
    service_price: Decimal
    doctor: str
    head: str
    drugs: tuple[Drug, ...] = ()
    referral: Referral | None = None


class _Reader:
    """Reads fields of one sheet and gathers the faults."""

    def __init__(self, texts: Mapping[str, str], before: str = "") -> None:
        self.texts = texts
        self.before = before
        self.faults: list[Fault] = []

    def wrong(self, name: str, code: str) -> None:
        self.faults.append(Fault(self.before + name, code))

    def text(self, name: str, *, needed: bool = True) -> str:
        found = self.texts[name]
        if needed and not found:
            self.wrong(name, "needed")
        return found

    def like(self, name: str, fits: Callable[[str], object], code: str, *, needed: bool = True) -> str:
        found = self.text(name, needed=needed)
        if found and not fits(found):
            self.wrong(name, code)
        return found

    def number(
        self, name: str, least: str, most: str, *, places: int, empty: str = "", code: str = "number"
    ) -> Decimal:
        """A number as people write it here: comma or point before the decimals. `empty`: what nothing typed means."""
        found = self.texts[name].replace(" ", "").replace(",", ".") or empty
        if not found:
            self.wrong(name, "needed")
            return Decimal(0)
        try:
            value = Decimal(found) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", found, re.ASCII) else Decimal("NaN")
        except InvalidOperation:
            value = Decimal("NaN")
        if not (value.is_finite() and Decimal(least) <= value <= Decimal(most) and _places(value) <= places):
            self.wrong(name, code)
            return Decimal(0)
        return value

    def whole(self, name: str, most: int, code: str) -> int:
        return int(self.number(name, "1", str(most), places=0, code=code))


def checked(sheet: Sheet, now: datetime, is_commune: Callable[[str, str], bool]) -> tuple[Visit | None, list[Fault]]:
    """The visit in a sheet, None when there are faults. `now`: local time; nothing may lie after it.

    `is_commune` says whether there may be such a commune: (province, code).
    """
    read = _Reader(sheet.fields)
    came, left = _stay(read, now)
    birth, months = _birth(read, came)
    drugs = _drugs(read, sheet)
    child = months is not None and months < MONTHS_OF_A_CHILD
    province = read.like("tinh", _PROVINCE.fullmatch, "province")
    commune = read.like("xa", lambda text: _COMMUNE.fullmatch(text) and is_commune(province, text), "commune")
    doctor = read.like("ma_bac_si", _STAFF.fullmatch, "staff")
    head = read.like("ma_phu_trach", _STAFF.fullmatch, "staff", needed=False)
    disease = read.like("benh_chinh", Icd10Code.parse, "icd10")
    visit = Visit(
        name=read.text("ho_ten"),
        birth=birth,
        sex=read.like("gioi_tinh", lambda text: text in SEXES, "choice"),
        personal_id=read.like("cccd", _ID.fullmatch, "id", needed=bool(drugs) and not child),
        phone=read.like("dien_thoai", re.compile(r"\+?[0-9]{8,14}").fullmatch, "phone", needed=False),
        patient=sheet["ma_bn"],
        people=read.text("dan_toc"),
        job=read.text("nghe"),
        commune=commune,
        province=province,
        address=read.text("dia_chi"),
        weight=read.number("can_nang", "0.3", "200", places=2),
        brought_by=read.text("nguoi_dua", needed=bool(drugs) and child),
        came=came,
        left=left,
        reason=read.text("ly_do"),
        disease=_icd(disease),
        diagnosis=read.text("chan_doan"),
        others=_others(read),
        treatment=sheet["xu_tri"],
        result=read.like("ket_qua", lambda text: text in RESULTS, "choice"),
        advice=sheet["loi_dan"],
        again=_again(read, left),
        service=read.text("dich_vu"),
        service_code=sheet["ma_dich_vu"],
        service_price=read.number("gia_dich_vu", "0", "1000000000", places=3, empty="0"),
        doctor=doctor,
        head=head or doctor,
        drugs=drugs,
        referral=_referral(read) if sheet["chuyen"] else None,
    )
    return (None if read.faults else visit), read.faults


def _stay(read: _Reader, now: datetime) -> tuple[datetime, datetime]:
    came = _moment(read, "vao_luc", now, now)
    left = _moment(read, "ra_luc", now, max(came, now))
    if came > now:
        read.wrong("vao_luc", "future")
    elif left > now + timedelta(minutes=5):
        read.wrong("ra_luc", "future")
    elif left < came:
        read.wrong("ra_luc", "before")
    return came, left


def _moment(read: _Reader, name: str, now: datetime, empty: datetime) -> datetime:
    """A moment to the minute; an hour alone is one of today."""
    text = read.text(name, needed=False)
    if not text:
        return empty.replace(second=0, microsecond=0, tzinfo=None)
    found = _MOMENT.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        day, month, year, hour, minute = found.groups()
        on = (int(year), int(month), int(day)) if year else (now.year, now.month, now.day)
        return datetime(*on, int(hour), int(minute))
    except ValueError:
        read.wrong(name, "moment")
        return empty.replace(second=0, microsecond=0, tzinfo=None)


def _birth(read: _Reader, came: datetime) -> tuple[str, int | None]:
    """NGAY_SINH and, where the text tells it, the age in whole months when the patient came."""
    text = read.text("ngay_sinh")
    found = _BIRTH.fullmatch(text)
    if found is None:
        if text:
            read.wrong("ngay_sinh", "birth")
        return "", None
    day, month, year, hour, minute = (
        found[1] or found[6],
        found[2] or found[7],
        found[3] or found[8],
        found[4],
        found[5],
    )
    try:
        born = datetime(int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0))
    except ValueError:
        read.wrong("ngay_sinh", "birth")
        return "", None
    if born > came or came.year - born.year > 130:
        read.wrong("ngay_sinh", "birth-order")
    months = (came.year - born.year) * 12 + came.month - born.month - (came.day < born.day)
    when = f"{born:%Y}" + (f"{born:%m}{born:%d}" if day else f"{born:%m}00" if month else "0000")
    return when + (f"{born:%H%M}" if hour else "0000"), months


def _again(read: _Reader, left: datetime) -> date | None:
    text = read.text("tai_kham", needed=False)
    if not text:
        return None
    if re.fullmatch(r"[0-9]{1,3}", text, re.ASCII):
        return left.date() + timedelta(days=int(text))  # so many days from now
    found = _DAY.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        day, month, year = found[1] or found[4], found[2] or found[5], found[3] or found[6]
        again = date(int(year), int(month), int(day))
    except ValueError:
        read.wrong("tai_kham", "day")
        return None
    if again <= left.date():
        read.wrong("tai_kham", "again")
    return again


def _icd(text: str) -> str:
    code = Icd10Code.parse(text)
    return code.code if code else ""


def _others(read: _Reader) -> tuple[str, ...]:
    parts = [part for part in re.split(r"[;,\s]+", read.texts["benh_kem"]) if part]
    codes = [Icd10Code.parse(part) for part in parts]
    if len(parts) > OTHER_DISEASES_MOST:
        read.wrong("benh_kem", "too-many")
    elif not all(codes):
        read.wrong("benh_kem", "icd10")
    return tuple(dict.fromkeys(code.code for code in codes if code))


def _drugs(read: _Reader, sheet: Sheet) -> tuple[Drug, ...]:
    found = []
    for place, texts in enumerate(sheet.drugs, 1):
        line = _Reader(texts, f"thuoc-{place}-")
        per_time = line.number("moi_lan", "0.01", "1000", places=3)
        times, days = line.whole("lan", TIMES_MOST, "times"), line.whole("ngay", DAYS_MOST, "days")
        count = str(math.ceil(per_time * times * days)) if per_time and times and days else "0"
        found.append(
            Drug(
                line.text("ten"),
                texts["ma"],
                line.text("ham_luong"),
                line.text("don_vi"),
                line.like("duong", _ROUTE.fullmatch, "route"),
                per_time,
                times,
                days,
                line.number("so_luong", "0.001", "1000000", places=3, empty=count),
                line.number("gia", "0", "1000000000", places=3, empty="0"),
                texts["cach_dung"],
                texts["so_dk"].replace(" ", ""),
            )
        )
        read.faults += [one for one in line.faults if not (one.field.endswith("-so_luong") and count == "0")]
    return tuple(found)


def _referral(read: _Reader) -> Referral:
    return Referral(
        read.like("noi_den", FacilityCode.PATTERN.fullmatch, "facility"),
        read.text("so_giay"),
        read.like("ly_do_chuyen", lambda text: text in REASONS, "choice"),
        read.text("dau_hieu"),
        read.text("benh_ly"),
        read.text("can_lam_sang"),
        read.text("tinh_trang"),
        read.text("huong"),
        read.text("phuong_tien"),
        read.texts["nguoi_ho_tong"],
        read.texts["chuc_danh"],
    )


def _places(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
