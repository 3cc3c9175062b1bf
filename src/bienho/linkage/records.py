"""What linkage takes in (`RECORDS`) and what it compares (`CLEAN`): two Arrow schemas, one row per record of a patient.

Nothing of either is ever written to disk or to a log by this room: the values name people.
"""

from __future__ import annotations

import pyarrow as pa

REQUIRED = (
    "record_id", "facility_code", "patient_local_id", "full_name", "birth_date", "sex", "personal_id", "insurance_no",
    "phone", "address_text", "commune_code", "province_code", "ethnic_code", "visit_date",
)  # fmt: skip
"""Columns of `RECORDS` that must be there, null where a record is silent."""
OPTIONAL = ("mother_name", "father_name", "mother_id", "arrived")

RECORDS = pa.schema([*((name, pa.string()) for name in (*REQUIRED, *OPTIONAL[:-1])), ("arrived", pa.int64())])
"""Records as received, all text. `record_id` is unique and not null. `birth_date` is yyyymmdd, longer with a time,
zeros for what is not known; `visit_date` likewise. `arrived` is the order of receipt, the place in the table where it
is absent."""

CLEAN = pa.schema(
    [
        ("record_id", pa.string()), ("facility_code", pa.string()), ("patient_local_id", pa.string()),
        ("arrived", pa.int64()),
        ("name", pa.string()), ("name_plain", pa.string()), ("name_marked", pa.bool_()),
        ("family", pa.string()), ("middle", pa.string()), ("given", pa.string()), ("name_sorted", pa.string()),
        ("newborn_of", pa.string()), ("newborn_no", pa.int8()), ("name_sex", pa.string()),
        ("mother", pa.string()), ("father", pa.string()), ("mother_id", pa.string()),
        ("birth_year", pa.int16()), ("birth_month", pa.int8()), ("birth_day", pa.int8()),
        ("birth_placeholder", pa.bool_()), ("sex", pa.string()),
        ("cccd", pa.string()), ("cccd_birth_year", pa.int16()), ("cccd_sex", pa.string()),
        ("cccd_province", pa.string()), ("cmnd", pa.string()), ("id_tail", pa.string()),
        ("insurance", pa.string()), ("insurance_prefix", pa.string()), ("phone", pa.string()),
        ("address", pa.string()), ("commune", pa.string()), ("commune_old", pa.string()), ("province", pa.string()),
        ("ethnic", pa.string()), ("visit", pa.int32()),
    ]
)  # fmt: skip
"""Records as compared; null is "not known". What is no text of its own:

name              folded with its marks, lower-case, clan or family first: `nguyễn thị hà`, `rơ châm h'nhung`
name_plain        the same without marks, i for y after a consonant, đ as d: `nguyen thi ha`, `rocham hnhung`
name_marked       whether the text carried marks at all
family, middle, given   parts of `name_plain` by the custom of the people; given names without the marker H'
name_sorted       syllables of `name_plain` in alphabetical order
newborn_of        `name_plain` of the mother where the text is "Con bà …"; then the name and its parts are null
newborn_no        1, 2 … where such a text numbers twins
name_sex          '1' male, '2' female, as Thị, Văn, H', Y, A say among that people
mother, father    `name_plain` of a parent who was told; `mother` is also `newborn_of`. mother_id: her CCCD, else CMND
birth_placeholder the date was 0000 or 01/01 (month and day are null then)
sex               '1' male, '2' female
cccd              12 digits that are no filler; cccd_birth_year, cccd_sex, cccd_province (3 digits) are what it says
cmnd              9 digits that are no filler; id_tail: last 6 of the CCCD, else the whole CMND
insurance         last 10 of a card; insurance_prefix: first 5 (group, level, province) where all 15 are there
phone             10 digits from 0 (a landline 11), no filler
address           plain words below the commune: hamlet, street, number
commune           code in force now; commune_old: the code before the merger where that is what was written
province, ethnic  2 digits; province as of now. visit: days since 1970-01-01
"""
