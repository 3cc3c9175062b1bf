"""A few records cleaned one by one: the same rules as the columns of `clean`, without the price of starting them.

A record that has just arrived waits for this; a batch never comes here. Tests hold the two ways equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bienho.linkage.normalise import codes, dates, names, numbers
from bienho.linkage.normalise import places as where
from bienho.linkage.normalise.dates import OLDEST, SOONEST
from bienho.linkage.normalise.places import Places

Record = Mapping[str, str | None]


def clean_one(record: Record, arrived: int | None, places: Places) -> dict[str, Any]:
    """The columns of CLEAN of one record, whose texts are None where nothing stands."""
    visit = dates.day_number(record["visit_date"])
    ethnic = codes.ethnic(record["ethnic_code"])
    return {
        "record_id": record["record_id"],
        "facility_code": codes.facility(record["facility_code"]),
        "patient_local_id": codes.local(record["patient_local_id"]),
        "arrived": arrived,
        **_name(record, ethnic),
        **_birth(record["birth_date"], visit),
        "sex": codes.sex(record["sex"]),
        **_personal(record["personal_id"]),
        **_insurance(record["insurance_no"]),
        "phone": numbers.phone(record["phone"]),
        **_place(record, visit, places),
        "ethnic": ethnic,
        "visit": visit,
    }


def _name(record: Record, ethnic: str | None) -> dict[str, Any]:
    name = names.parse(record["full_name"])
    mother, father = names.parse(record["mother_name"]).plain, names.parse(record["father_name"]).plain
    mother_ids = numbers.personal_numbers(record["mother_id"])
    return {
        "name": name.name,
        "name_plain": name.plain,
        "name_marked": name.marked,
        "family": name.family,
        "middle": name.middle,
        "given": name.given,
        "name_sorted": names.in_order(name.plain),
        "newborn_of": name.newborn_of,
        "newborn_no": name.newborn_no,
        "name_sex": name.sex or names.marker_sex(name.marker, ethnic, name.people),
        "mother": mother or name.newborn_of,
        "father": father,
        "mother_id": mother_ids.cccd or mother_ids.cmnd,
    }


def _birth(text: str | None, visit: int | None) -> dict[str, Any]:
    born = dates.birth(text)
    year, seen = born.year, dates.year_of(visit)
    if year and seen and year > seen:
        year = None if born.placeholder else year - 100
    if not year or year <= SOONEST or (seen or year) - year > OLDEST:
        born, year = dates.Birth(placeholder=born.placeholder), None
    return {
        "birth_year": year,
        "birth_month": born.month,
        "birth_day": born.day,
        "birth_placeholder": born.placeholder,
    }


def _personal(text: str | None) -> dict[str, Any]:
    cccd, cmnd = numbers.personal_numbers(text)
    century = int(cccd[3]) if cccd else 0
    return {
        "cccd": cccd,
        "cccd_birth_year": 1900 + 100 * (century // 2) + int(cccd[4:6]) if cccd else None,
        "cccd_sex": "12"[century % 2] if cccd else None,
        "cccd_province": cccd[:3] if cccd else None,
        "cmnd": cmnd,
        "id_tail": cccd[6:] if cccd else cmnd,
    }


def _insurance(text: str | None) -> dict[str, Any]:
    card = numbers.card(text)
    return {"insurance": card.insurance, "insurance_prefix": card.prefix}


def _place(record: Record, visit: int | None, places: Places) -> dict[str, Any]:
    told = where.commune_code(record["commune_code"])
    address = where.address(record["address_text"], places)
    before = visit is not None and visit < places.merged
    commune, old = places.commune(told, before=before)
    commune = commune or address.commune
    return {
        "address": address.words,
        "commune": commune,
        "commune_old": old,
        "province": places.province
        if commune in places.here
        else places.province_of(where.province_code(record["province_code"]), before=before),
    }
