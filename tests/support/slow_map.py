"""The mapping of XML130 rows written again in plain Python, row by row, as an oracle for the SQL models.

It shares no code with them: dates by `datetime`, amounts by `decimal`, communes by the province profile, ICD codes by
the type in `terminology`, code sets typed out here.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from bienho.config.profile import load_profile
from bienho.terminology import Icd10Code, chapter_of

PROFILE = load_profile("gialai")
Row = Mapping[str, Any]
CLASS = dict.fromkeys(("01", "02", "05", "07", "08"), "AMB") | {"03": "IMP", "09": "IMP", "04": "SS", "06": "OBSENC"}
CLASS_2026 = CLASS | {"11": "FLD", "12": "HH", "13": "AMB", "14": "VR", "15": "AMB", "16": "AMB"}
RESULTS = ["cured", "improved", "unchanged", "worse", "dead", "critical", "undetermined", "dead-on-arrival"]
RESULT_COUNT = {"4210": 5, "130": 7, "4750": 8, "3176": 8}
DISCHARGE = ["home", "other-hcf", "absconded", "aadvice", "other-hcf"]


def text(value: str | None) -> str | None:
    clean = unicodedata.normalize("NFC", value or "").strip(" \t\n\r\xa0\ufeff")
    return clean if clean not in ("", "*") else None


def present(*values: str | None) -> bool:
    return any(text((value or "").replace("*", "x")) for value in values)


def moment(value: str | None) -> tuple[datetime, str] | None:
    digits = (value or "").strip(" \t\r\n")
    if not re.fullmatch(r"(1[89]|2[01])[0-9]{6}([0-9]{4})?", digits):
        return None
    year, month, day = int(digits[:4]), int(digits[4:6]), int(digits[6:8])
    hour, minute = (int(digits[8:10]), int(digits[10:12])) if len(digits) == 12 else (0, 0)
    if month == 0 and day != 0:
        return None
    try:
        at = datetime(year, month or 1, day or 1, hour, minute)
    except ValueError:
        return None
    timed = len(digits) == 12 and digits[8:] != "0000"
    return at, "year" if month == 0 else "month" if day == 0 else "minute" if timed else "day"


def at(value: str | None) -> datetime | None:
    found = moment(value)
    return found[0] if found else None


def day(value: str | None) -> date | None:
    found = moment(value)
    return found[0].date() if found else None


def decimal(value: str | None, places: int) -> Decimal | None:
    clean = (value or "").strip(" \t\r\n")
    if not re.fullmatch(r"[+-]?[0-9]{1,16}(\.[0-9]{1,12})?", clean):
        return None
    return Decimal(clean).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def integer(value: str | None) -> int | None:
    clean = (value or "").strip(" \t\r\n")
    return int(clean) if re.fullmatch(r"[+-]?[0-9]{1,18}", clean) else None


def years(born: date, on: date) -> int:
    birthday_day = 28 if (born.month, born.day) == (2, 29) and on.year % 4 else born.day
    return on.year - born.year - ((on.month, on.day) < (born.month, birthday_day))


def facility(code: str | None, on: date | None) -> str | None:
    return code if on and code in PROFILE.facility_by_code else None


def service_date(x: Row) -> date | None:
    return day(x.get("NGAY_RA")) or day(x.get("NGAY_VAO"))


def residence(x: Row, on: date | None) -> dict[str, Any]:
    province, commune = text(x.get("MATINH_CU_TRU")), text(x.get("MAXA_CU_TRU"))
    canonical = PROFILE.canonical_commune(commune, on) if commune and on else None
    after = on is not None and on >= PROFILE.merged_on
    basis = None
    if commune:
        current = after and commune in PROFILE.commune_by_code
        basis = "unknown" if canonical is None else "current" if current else "late" if after else "mapped"
    merged = {"52": "52", "64": "52"}
    return {
        "province_code": province,
        "province_canonical": merged.get(province or "") if on else None,
        "commune_code": commune,
        "commune_canonical": canonical,
        "commune_basis": basis,
        "commune_divided": bool(canonical and basis != "current" and PROFILE.is_divided(commune or "")),
    }


def category(code: str | None, version: str) -> str | None:
    if version == "4210":
        return {"1": "in-network", "2": "emergency", "3": "out-of-network", "4": "open-network"}.get(code or "")
    families = {"2": "emergency", "7": "medicine-pickup", "8": "recall", "9": "not-insured", "10": "other"}
    if code in families:
        return families[code]
    found = re.fullmatch(r"([137])\.([1-9][0-9]?)", code or "")
    if not found:
        return None
    family, number = found[1], int(found[2])
    if family == "1" and number <= 18:
        return "in-network" if number <= 10 else "open-network"
    if family == "3" and number <= 7:
        return "out-of-network"
    return "medicine-pickup" if family == "7" and number <= 4 else None


def encounter(d: Row, x: Row) -> dict[str, Any]:
    on, version = service_date(x), d["format_version"]
    came, left = at(x.get("NGAY_VAO")), at(x.get("NGAY_RA"))
    kind = text(x.get("MA_LOAI_KCB"))
    two = kind.zfill(2) if kind and re.fullmatch(r"[0-9]{1,2}", kind) else None
    classes = CLASS if version == "4210" or (on and on < date(2026, 8, 1)) else CLASS_2026
    if version == "4210":
        classes = {k: v for k, v in classes.items() if k in ("01", "02", "03")}
    outcome, leaving = text(x.get("KET_QUA_DTRI")), text(x.get("MA_LOAI_RV"))
    results = {str(i + 1): r for i, r in enumerate(RESULTS[: RESULT_COUNT[version]])}
    endings = {str(i + 1): r for i, r in enumerate(DISCHARGE[: 4 if version == "4210" else 5])}
    born, arrival = moment(x.get("NGAY_SINH")), (came.date() if came else on)
    age = age_days = None
    if born and arrival and born[0].date() <= arrival:
        age = years(born[0].date(), arrival)
        age_days = (arrival - born[0].date()).days if age == 0 and born[1] in ("day", "minute") else None
    group = category(text(x.get("MA_DOITUONG_KCB")), version) if on else None
    departments = text(x.get("MA_KHOA"))
    return {
        "version_id": d["version_id"],
        "facility_canonical": facility(d["facility_code"], on),
        "visit_type_code": kind,
        "visit_type": two,
        "encounter_class": classes.get(two or "") if on else None,
        "admitted_at": came,
        "discharged_at": left,
        "service_date": on,
        "week_start": on - timedelta(days=on.weekday()) if on else None,
        "length_minutes": int((left - came).total_seconds() // 60) if came and left and left >= came else None,
        "treatment_days": integer(x.get("SO_NGAY_DTRI")),
        "discharge_disposition": endings.get(leaving or "") if on else None,
        "result": results.get(outcome or "") if on else None,
        "department_first": text((departments or "").split(";")[0]),
        "department_list": departments,
        "referral_from_code": text(x.get("MA_NOI_DI")),
        "referral_from_canonical": facility(text(x.get("MA_NOI_DI")), on),
        "patient_category": group,
        "emergency": group == "emergency",
        "insured": x.get("MA_THE_BHYT") == "*",
        "sex": {"1": "male", "2": "female", "3": "other"}.get(text(x.get("GIOI_TINH")) or "") if on else None,
        "age_years": age,
        "age_days": age_days,
        **residence(x, on),
    }


def patient(d: Row, x: Row) -> dict[str, Any]:
    on, born, job = service_date(x), moment(x.get("NGAY_SINH")), text(x.get("MA_NGHE_NGHIEP"))
    return {
        "version_id": d["version_id"],
        "patient_key": d["patient_key"],
        "birth_date": born[0].date() if born else None,
        "birth_precision": born[1] if born else None,
        "birth_at": born[0] if born and born[1] == "minute" else None,
        "occupation_code": job,
        "occupation_group": job[0] if job and re.fullmatch(r"[0-9]{2,5}", job) and job != "00000" else None,
        **residence(x, on),
        "service_date": on,
    }


def conditions(d: Row, x: Row) -> list[dict[str, Any]]:
    on = service_date(x)

    def split(name: str) -> list[str]:
        return [part.strip(" ") for part in (x.get(name) or "").split(";") if part.strip(" ")]

    main, others, folk = split("MA_BENH_CHINH"), split("MA_BENH_KT"), split("MA_BENH_YHCT")
    ranked = [("main", i + 1, c) for i, c in enumerate(main)]
    first = max(len(main), 1)
    ranked += [("accompanying", first + i + 1, c) for i, c in enumerate(others)]
    ranked += [("traditional", first + len(others) + i + 1, c) for i, c in enumerate(folk)]
    rows = []
    for role, rank, received in ranked:
        code = Icd10Code.parse(unicodedata.normalize("NFC", received)) if role != "traditional" else None
        rows.append(
            {
                "version_id": d["version_id"],
                "rank": rank,
                "role": role,
                "code_received": unicodedata.normalize("NFC", received),
                "icd10": code.code if code else None,
                "mark": (code.mark or None) if code else None,
                "well_formed": code is not None,
                "chapter": chapter_of(code) if code and on else None,
                "service_date": on,
            }
        )
    return rows


def claim(d: Row, x: Row) -> dict[str, Any]:
    names = {"drugs": "T_THUOC", "total_hospital": "T_TONGCHI_BV", "insurer_paid": "T_BHTT", "copaid": "T_BNCCT"}
    return {
        "version_id": d["version_id"],
        **{column: decimal(x.get(field), 2) for column, field in names.items()},
        "settlement_year": integer(x.get("NAM_QT")),
        "card_from": day((x.get("GT_THE_TU") or "").split(";")[0]),
        "card_to": day((x.get("GT_THE_DEN") or "").split(";")[-1]),
    }


def line_kind(table: str, x: Row) -> str:
    """Where a line goes: the clinical table, or a reason for being unmapped."""
    get = x.get
    if table == "XML2":
        return "medication_request" if present(get("MA_THUOC"), get("TEN_THUOC")) else "no_code_no_name"
    if table == "XML3":
        if present(get("MA_VAT_TU")):
            return "supply"
        if present(get("MA_DICH_VU"), get("TEN_DICH_VU")):
            return "procedure"
        return "supply" if present(get("TEN_VAT_TU")) else "no_code_no_name"
    if table == "XML4":
        names = ("MA_DICH_VU", "MA_CHI_SO", "TEN_CHI_SO", "GIA_TRI", "MO_TA", "KET_LUAN")
        return "observation" if present(*(get(n) for n in names)) else "empty_result"
    names = ("DIEN_BIEN_LS", "GIAI_DOAN_BENH", "HOI_CHAN", "PHAU_THUAT", "THOI_DIEM_DBLS")
    return "clinical_note" if present(*(get(n) for n in names)) else "empty_note"


def number(value: str | None) -> tuple[float | None, str | None]:
    clean = (text(value) or "").replace("≤", "<=").replace("≥", ">=")
    found = re.fullmatch(r"(<=|>=|<|>)?[ ]*([+-]?[0-9]{1,15}(?:\.[0-9]{1,10})?)", clean)
    return (float(found[2]), found[1]) if found else (None, None)


def facility_weeks(visits: Sequence[tuple[Row, Row]]) -> list[dict[str, Any]]:
    """derived.facility_week_chapter, by a dictionary."""
    cells: dict[tuple[str, date, str], list[tuple[str, Decimal | None]]] = defaultdict(list)
    for d, x in visits:
        on = service_date(x)
        if on is None:
            continue
        first = [c for c in conditions(d, x) if c["rank"] == 1]
        chapter = (first[0]["chapter"] if first else None) or "chưa phân loại"
        week = on - timedelta(days=on.weekday())
        cells[(d["facility_code"], week, chapter)].append((d["patient_key"], decimal(x.get("T_TONGCHI_BV"), 2)))
    rows: list[dict[str, Any]] = []
    for (code, week, chapter), found in cells.items():
        costs = [c for _, c in found]
        row = {
            "facility_code": code,
            "week_start": week,
            "chapter": chapter,
            "encounters": len(found),
            "patients": len({key for key, _ in found}),
            "cost": sum((c for _, c in found if c is not None), Decimal())
            if any(c is not None for _, c in found)
            else None,
            "encounters_without_cost": sum(c is None for c in costs),
        }
        rows.append(row)
    return rows
