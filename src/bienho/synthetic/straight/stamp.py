"""The stamp: SQL that gives every visit of a block the lines of its stencil, with its own person, place and times.

Formulas of people and visits are the builder's (dossier.py, people.py), written once more for whole blocks; `stencil`
compares the two on every stencil, and a test on every column.
"""

from __future__ import annotations

from collections.abc import Iterable

from bienho.contracts import VAULT_MARKER, catalogue
from bienho.synthetic.dossiers.courses import TB_DAYS
from bienho.synthetic.dossiers.orders import LONG, drugs_of_children
from bienho.synthetic.dossiers.papers import MOST_REST, employers, gives_leave
from bienho.synthetic.dossiers.visits import PREGNANCY
from bienho.synthetic.reference import conditions
from bienho.synthetic.straight import births, costs
from bienho.synthetic.straight.stencil import CORE, DAY, FROM_DAY, FROM_START, PIECES, TEXT, time_fields

_MERGED = "day >= DATE '2025-07-01'"

_WARD = "kind IN ('03', '04', '06', '09')"
_ASKED_OF_CASES = {
    "birth": lambda case: case.kind in births.KINDS,
    "tb": lambda case: case.kind == "tb",
    "awaited": lambda case: case.code in PREGNANCY,
    "leave": lambda case: gives_leave(case) or case.code in PREGNANCY,
    "for_children": drugs_of_children,
}
_CASES = ", ".join(
    f"('{case.code}', {', '.join(str(bool(asked(case))) for asked in _ASKED_OF_CASES.values())})"
    for case in conditions()
)
"""What the class asks of the condition of a visit, by its code: one join instead of many long lists."""
_HOME = """c.commune AS commune_now, o.old_commune AS commune_then, old_district, old_province,
    {hamlet} || ', ' || commune_name || ', Tỉnh Gia Lai' AS address_now,
    {hamlet} || ', ' || old_name || ', ' || district_name || ', ' || province_name AS address_then"""


def _piece(field: str, text: str) -> str:
    """SQL for a field of a payload with its text, nothing where there is none."""
    return f"CASE WHEN coalesce({text}, '') = '' THEN '' ELSE '\"{field}\":\"' || {text} || '\",' END"


def _of_home(column: str) -> str:
    return f"coalesce(w.{column}, p.{column})"


FOLK = f"""
SELECT p.person_no, replace(replace(p.name, '\\', '\\\\'), '"', '\\"') AS name, p.birth, p.personal_id, p.phone,
    p.insurance_id, p.insurance_group, p.job, p.blood, p.height, p.ethnic_code,
    CASE WHEN p.insurance_group IN ('GD4', 'DN4', 'GB4', 'HT3', '') THEN 'HS4' ELSE p.insurance_group END AS at_school,
    CASE WHEN p.sex = 'F' THEN '2' ELSE '1' END AS sex_code,
    format('{{:.2f}}', CASE WHEN p.sex = 'M' THEN 62 ELSE 53 END * p.height::DOUBLE) AS grown_weight,
    CASE WHEN p.birth_known
         THEN strftime(p.birth, '%Y%m%d') || printf('%02d%02d', p.birth_minute // 60, p.birth_minute % 60)
         ELSE printf('%04d00000000', year(p.birth)) END AS birth_text,
    {_piece("DIEN_THOAI", "p.phone")} AS phone_piece,
    {_HOME.format(hamlet="p.hamlet")}, old_province || p.insurance_id AS card_number, {births.OF_MOTHER},
    CASE WHEN p.person_no % 3 = 0 THEN c.centre ELSE c.station END AS home_clinic,
    {_piece("HO_TEN_ME", "m.name")} AS mother_name, {_piece("MA_ME", "m.insurance_id")} AS mother_number,
    {_piece("HO_TEN_CHA", "d.name")} AS father_name, {_piece("MA_CHA", "d.insurance_id")} AS father_number
FROM (FROM block_people SEMI JOIN block_visits USING (person_no)) AS p
    JOIN communes AS c USING (commune) JOIN olds AS o USING (old_commune)
    LEFT JOIN block_people AS m ON m.person_no = p.mother_no LEFT JOIN block_people AS d ON d.person_no = p.father_no
"""
"""Those whose visits a block holds, with what hangs on them alone, where they live and who their parents are: once for
all of their visits."""
AWAY = f"""
SELECT visit_no, {_HOME.format(hamlet="home_hamlet")}
FROM (FROM block_visits SEMI JOIN block_homes USING (person_no)) AS b
    ASOF JOIN block_homes AS w ON w.person_no = b.person_no AND b.start::DATE < w.until
    JOIN communes AS c ON commune = home_commune JOIN olds AS o ON old_commune = home_old"""
"""The visits of those who lived elsewhere on the day, and where."""
_COURSE_DAYS = {
    "course_began": "began", "course_guarded": "began + 14", "hiv_known": "hiv_confirmed", "hiv_treated": "hiv_arv",
    "hiv_changed": "hiv_switched",
}  # fmt: skip
COURSES = f"""
SELECT course_no, began, hiv_confirmed, hiv_arv,
    {", ".join(f"strftime({day}, '%Y%m%d') AS {name}" for name, day in _COURSE_DAYS.items())},
    CASE WHEN retreated THEN '2' ELSE '1' END AS tb_again, CASE WHEN confirmed THEN '1' ELSE '2' END AS tb_seen
FROM (FROM block_courses UNION ALL BY NAME SELECT -1 AS course_no)"""
"""The courses of a block, and none (-1): a join that finds something for every visit is the cheaper one."""
_SAMPLED = "day - ((day - hiv_arv) % 365)::INTEGER"  # on the anniversary of ARV
_EMPLOYED = "(insurance_group = 'DN4' AND age_then >= 18 AND age_then < 62)"
_LOOKED_AT = (
    "condition", "kind", "version", "days", '"end"::DATE - day', "level", "private", "died",
    "array_to_string(others, ';')", "referred_to <> ''",
    "card_group = ''",  # what a card pays is of the visit itself (costs)
    f"CASE WHEN age >= 16 OR kind IN ('01', '07') AND (age >= 12 OR days <= {LONG} AND NOT for_children) THEN 5"
    " WHEN age >= 12 THEN 4 WHEN kind IN ('01', '07') OR age >= 6 THEN 3"
    " WHEN age >= 3 THEN 2 WHEN age >= 1 THEN 1 ELSE 0 END",
    # births, those that came and those awaited: nobody is sent to rest beyond them
    *births.CLASS,
    f"CASE WHEN version <> '4210' AND awaited AND {_EMPLOYED}"
    f" THEN least({MOST_REST}, coalesce(expected - \"end\"::DATE, {MOST_REST})) END",
    # courses
    f"CASE WHEN tb THEN (hiv_confirmed IS NOT NULL)::INTEGER * 2 + (day - began >= {TB_DAYS - 7})::INTEGER END",
    # papers
    f"CASE WHEN version <> '4210' AND ({_WARD} OR kind IN ('01', '02') AND leave) THEN {_EMPLOYED} END",
)  # fmt: skip
CLASS = f"""concat_ws('|', {", ".join(f"coalesce(({one})::VARCHAR, '')" for one in _LOOKED_AT)})"""
"""What the builder looks at: two visits with one text get the same lines, whoever they are of. The rarer the classes,
the less is built: what no line depends on has no place in it."""

KNOWN = f"""
SELECT visit_no, person_no, facility, version, "end", referred_from, referred_to, referral, serial, bed, level, unit,
    course_no, delivered, day, age, sent, s, e, d, card_group, category, address, residence_province,
    residence_district, residence_commune, {CLASS} AS class
FROM (
    SELECT x.*, k.*, children, early, began, hiv_confirmed, level, unit, private, insurance_group,
        x.start::DATE AS day, x."end"::DATE + x.delay_days AS sent,
        (x.start::DATE - p.birth) / 365.25 AS age, (x."end"::DATE - p.birth) / 365.25 AS age_then,
        (year(x.start) - year(p.birth)) * 12 + month(x.start) - month(p.birth)
            - (dayofmonth(x.start) < dayofmonth(p.birth))::INTEGER AS months,
        epoch_ms(x.start) // 60000 AS s, epoch_ms(x."end") // 60000 AS e,
        epoch_ms(x.start::DATE::TIMESTAMP) // 60000 AS d, n.delivery_no AS delivered,
        CASE WHEN months < 72 THEN 'TE1' WHEN months < 216 THEN p.at_school
             WHEN p.insurance_group = '' AND x.version = '4210' THEN 'GD4' ELSE p.insurance_group END AS card_group,
        CASE WHEN card_group = '' THEN '9' WHEN x.emergency THEN '2'
             WHEN x.version = '4210' THEN CASE WHEN f.level < 3 OR x.referred_from <> '' THEN '1' ELSE '4' END
             WHEN x.referred_from <> '' THEN '1.3'
             WHEN x.version IN ('130', '4750') THEN CASE WHEN f.level < 3 THEN '1.1' ELSE '1.3' END
             WHEN f.level = 1 THEN '1.2' WHEN p.home_clinic = x.facility THEN '1.1' WHEN x.{_WARD} THEN '1.15'
             WHEN f.level = 2 THEN '1.12' ELSE '1.3' END AS category,
        CASE WHEN {_MERGED} THEN {_of_home("address_now")} ELSE {_of_home("address_then")} END AS address,
        CASE WHEN {_MERGED} THEN '52' ELSE {_of_home("old_province")} END AS residence_province,
        CASE WHEN {_MERGED} THEN '' ELSE {_of_home("old_district")} END AS residence_district,
        CASE WHEN {_MERGED} THEN {_of_home("commune_now")} ELSE {_of_home("commune_then")} END AS residence_commune
    FROM block_visits AS x JOIN folk AS p USING (person_no) LEFT JOIN away AS w USING (visit_no)
        JOIN facilities AS f USING (facility)
        JOIN (VALUES {_CASES}) AS k (code, {", ".join(_ASKED_OF_CASES)}) ON k.code = x.condition
        JOIN courses AS t USING (course_no)
        JOIN newborn AS n ON n.delivery_no = CASE WHEN k.birth THEN x.delivery_no ELSE -1 END
)"""
"""The visits of a block with their class and what a class asks of persons, births and places; what else is known of
these is for `texts` to join."""
LOOKED_UP = {"folk": FOLK, "away": AWAY, "courses": COURSES, "newborn": births.NEWBORN, "known": KNOWN}
"""Tables of a block, in the order in which they are made of each other."""


_SENT = "(referred_from <> '' OR category = '1.3')"
_PARENTS = ", ".join(
    f"CASE WHEN age < 16 THEN {name} ELSE '' END AS {name}"
    for name in ("mother_name", "father_name", "mother_number", "father_number")
)


def texts(seed: int) -> str:
    """The visits of a block (KNOWN) with every text of their own. Joined here and not in KNOWN, for a text that is only
    handed on is cheaper joined twice than held once more."""
    house = f"{seed % 1000:03d}"
    names = ", ".join("'" + name.replace("'", "''") + "'" for name in employers())
    return f"""
SELECT visit_no, version, facility, s, e, d, phone,
    concat(facility, strftime(day, '.%y%m%d.'), printf('%06d', serial), '{house}') AS ma_lk,
    'BN{house}' || lpad(((person_no * 7919 + facility::BIGINT * 31) % 100000000)::VARCHAR, 8, '0') AS ma_bn,
    name, personal_id, address, phone_piece, age < 16 AS young,
    CASE WHEN card_group = '' THEN '' ELSE card_group || card_number END AS card,
    strftime(day, '%y') || '.' || printf('%06d', serial) AS hsba,
    CASE WHEN referral <> '' THEN referral ELSE strftime(day, '%y') || '/' || printf('%05d', serial) END AS slip,
    CASE WHEN {_SENT} THEN {_piece("GIAY_CHUYEN_TUYEN", "slip")} ELSE '' END AS slip_piece,
    list_extract([{names}], person_no % {len(employers())} + 1) AS employer,
    {_PARENTS}, insurance_id,
    strftime("end", '%y') AS end_year, printf('%06d', serial) AS serial_text,
    birth_text, sex_code, blood, ethnic_code,
    CASE WHEN version = '3176' THEN job ELSE job || '000' END AS job_text,
    residence_province, residence_district, residence_commune, home_clinic,
    CASE WHEN year(birth) < year(day) THEN year(day) || '0101' ELSE birth_day END AS card_from,
    year(day) || '1231' AS card_until,
    CASE WHEN card_group <> '' AND person_no % 5 < 3 AND age > 18 THEN (2016 + person_no % 4) || '0101' ELSE ''
        END AS card_since,
    CASE WHEN age < 1 THEN format('{{:.2f}}', 3.2 + 6.2 * age * height::DOUBLE)
         WHEN age < 18 THEN format('{{:.2f}}', (8 + 2.55 * age) * height::DOUBLE) ELSE grown_weight END AS weight,
    referred_to,
    CASE WHEN referred_from <> '' THEN referred_from WHEN {_SENT} THEN home_clinic ELSE '' END AS came_from,
    unit, (year(day) - 1)::VARCHAR AS year_before, year("end")::VARCHAR AS end_year_long,
    month("end")::VARCHAR AS end_month,
    'H' || printf('%03d', CASE WHEN bed > 0 THEN bed ELSE serial END % 999 + 1) AS bed_text,
    (6 + serial % 12)::VARCHAR AS weeks,
    category, course_began, course_guarded, hiv_known, hiv_treated, hiv_changed,
    strftime({_SAMPLED}, '%Y%m%d') AS hiv_sampled, strftime(least(day, {_SAMPLED} + 7), '%Y%m%d') AS hiv_measured,
    tb_again, tb_seen, sent, {births.OF_VISIT},
    {costs.RATE} AS card_rate, {costs.SMALL} AS small_sum, {costs.IS_SPONSORED} AS sponsored
FROM known JOIN folk USING (person_no) JOIN courses USING (course_no)
    JOIN newborn ON delivery_no = delivered"""


_OWN = {
    "NGAY_SINH": "v.birth_text",
    "GIOI_TINH": "v.sex_code",
    "NHOM_MAU": "v.blood",
    "MA_DANTOC": "v.ethnic_code",
    "MA_NGHE_NGHIEP": "v.job_text",
    "MATINH_CU_TRU": "v.residence_province",
    "MAHUYEN_CU_TRU": "v.residence_district",
    "MAXA_CU_TRU": "v.residence_commune",
    "NAM_NAM_LIEN_TUC": "v.card_since",
    "CAN_NANG": "v.weight",
    "MA_CSKCB": "v.facility",
    "NAM_QT": "v.end_year_long",
    "THANG_QT": "v.end_month",
    "MA_MAY": "replace(s.\"MA_MAY\", '\ue000', v.facility)",
    "MA_DOITUONG_KCB": "v.category",
    "MA_DINH_CHI_THAI": "CASE WHEN s.\"MA_DINH_CHI_THAI\" = '1' THEN '1' WHEN v.sex_code = '2' THEN '0' ELSE '' END",
    "MA_NOI_DI": "v.came_from",
    "MA_CSKCB_DI": "v.came_from",
}
"""Fields that are the visit's own wherever the stencil has the field."""
_OWN_WHERE_SAID = {
    "MA_DKBD": "v.home_clinic",
    "GT_THE_TU": "v.card_from",
    "GT_THE_DEN": "v.card_until",
    "MA_NOI_DEN": "v.referred_to",
    "MA_CSKCB_DEN": "v.referred_to",
    "MA_GIUONG": "v.bed_text",
    "TUOI_THAI": "v.weeks",
    "NGAYKD_HIV": "v.hiv_known",
    "BDDT_ARV": "v.hiv_treated",
    "NGAY_CHUYEN_PHAC_DO": "v.hiv_changed",
    "NGAY_XN_TLVR": "v.hiv_sampled",
    "NGAY_KQ_XN_TLVR": "v.hiv_measured",
    "NOI_LAY_MAU_XN": "v.facility",
    "NOI_XN_KD": "v.facility",
    "NOI_BDDT_ARV": "v.facility",
    "NGAYBD_DTRI_LAO": "v.course_began",
    "NGAY_BAT_DAU_DT_CTX": "v.course_guarded",
    "PHANLOAI_LAO_TS": "v.tb_again",
    "PHANLOAI_LAO_VK": "v.tb_seen",
    "TT_THAU": 'v.unit || substring(s."TT_THAU", 4, length(s."TT_THAU") - 7) || v.year_before',
}
"""Those that are it where the stencil says something."""


_MARKED = {
    table: {
        field: f"CASE WHEN v.{piece} = '' THEN '' ELSE '{VAULT_MARKER}' END"
        for (of, field), piece in PIECES.items()
        if of == table
    }
    for table, _ in PIECES
}
_OF_TABLE = {
    **costs.OF_TABLE,
    **_MARKED,
    "XML1": {**costs.OF_TABLE["XML1"], **_MARKED["XML1"], **births.XML1},
    "XML9": births.XML9,
}


def lines(dataset: str, visits: str) -> str:
    """The rows of one table of lines: `visits`, a table of what `told` gives (v), beside its stencils (s)."""
    table = f"XML{dataset.rpartition('_')[2]}"
    moving = frozenset(time_fields(table))
    chosen = [_column(table, field.name, moving) for field in catalogue()[dataset].fields]
    return f"SELECT {', '.join(chosen)} FROM {visits} AS v JOIN {stencils(dataset)} AS s USING (stencil_no)"


def stencils(dataset: str) -> str:
    """Name of the table that holds the stencils of a dataset."""
    return "stencil_" + dataset.rpartition("_")[2]


def _column(table: str, name: str, moving: Iterable[str]) -> str:
    column = f's."{name}"'
    if name == "version_id":
        return "v.version_id"
    if name in moving:
        column = _moved(name)
    elif said := _OF_TABLE.get(table, {}).get(name):
        column = f"CASE WHEN {column} IS NULL THEN NULL ELSE {said} END"
    elif name in _OWN:
        column = f"CASE WHEN {column} IS NULL THEN NULL ELSE {_OWN[name]} END"
    elif name in _OWN_WHERE_SAID:
        column = f"CASE WHEN {column} IS NULL OR {column} = '' THEN {column} ELSE {_OWN_WHERE_SAID[name]} END"
    return f'{column} AS "{name}"'


def _moved(name: str) -> str:
    """A time at the same distance from its visit as in the stencil; nothing of the stay comes after its end."""
    way, far = f's."{name}:way"', f's."{name}:far"'
    return (
        f'CASE {way} WHEN {TEXT} THEN s."{name}"'
        f" WHEN {DAY} THEN strftime(make_timestamp(60000000 * (v.d + {far})), '%Y%m%d')"
        f" ELSE strftime(make_timestamp(60000000 * CASE {way} WHEN {FROM_START} THEN least(v.s + {far}, v.e)"
        f" WHEN {FROM_DAY} THEN greatest(v.s, least(v.d + {far}, v.e)) ELSE v.e + {far} END), '%Y%m%d%H%M') END"
    )


HEADS = """
SELECT v.version_id, v.delivery_seq, printf('D%012d', v.delivery_seq) AS delivery_id, v.hoso,
    v.facility AS facility_code, k.dossier_key, k.patient_key, 'visit' AS document, k.dossier_key AS encounter_key,
    k.record_id, CASE WHEN v.visit_no = s.delivery_seq THEN s.content_digest
        ELSE md5(s.content_digest || k.record_id || v.s || '/' || v.e) END AS content_digest,
    v.version AS format_version, s.version_evidence, s.row_counts, v.sent::TIMESTAMP AT TIME ZONE 'UTC' AS received_at
FROM {visits} AS v JOIN stencil_dossier AS s USING (stencil_no) JOIN sealed AS k USING (version_id)"""
"""Heads of dossiers (`visits` as in `lines`). Beside a visit of its own stencil the digest of content is not that of
its bytes, which were never written: it says that two dossiers differ, which is all that is asked of it."""

DELIVERIES = """
SELECT delivery_seq, printf('D%012d', delivery_seq) AS delivery_id, 'xml130' AS kind, 'twin' AS source, 0 AS bytes,
    any_value(sent)::TIMESTAMP AT TIME ZONE 'UTC' AS received_at, any_value(facility) AS facility_code,
    strftime(any_value(sent), '%Y%m%d') AS created, count(*)::VARCHAR AS hoso_declared, count(*) AS hoso_found,
    'accepted' AS outcome, count(*) AS accepted, 0 AS accepted_with_findings, 0 AS quarantined, 0 AS duplicates,
    0 AS superseded
FROM {visits} GROUP BY delivery_seq"""
"""One delivery per facility, day of sending and block: nothing was sent, but every dossier came in some delivery."""

NUMBERED = """
SELECT visit_no, coalesce(stencil_no, numbers[visit_no % len(numbers) + 1]) AS stencil_no,
    {last} + delivery AS delivery_seq, hoso, ({last} + delivery) * 1000000 + hoso AS version_id
FROM known JOIN classes USING (class) LEFT JOIN own_stencils USING (visit_no) JOIN (
    SELECT delivery, unnest(visits) AS visit_no, unnest(range(1, len(visits) + 1))::INTEGER AS hoso
    FROM (SELECT list(visit_no ORDER BY visit_no) AS visits, row_number() OVER (ORDER BY facility, sent) AS delivery
          FROM known GROUP BY facility, sent)
) USING (visit_no)"""
"""The numbers of the visits in the lake and their stencils: their own, or one of their class; `last` delivery
before."""


def named(seed: int) -> str:
    """The visits of a block (`known`, `numbered`) with all their texts: what they are sealed by is asked of it before
    their stencils are made."""
    return f"SELECT * FROM ({texts(seed)}) JOIN numbered USING (visit_no)"


_SEALED_ALONE = ", ".join((*(name for name in CORE if name not in PIECES.values()), "phone", "young", "newborn"))


def told(seed: int) -> str:
    """The visits as they are written: with what they cost by the sums of their stencils, without what only the vault
    holds."""
    return costs.SHARED_OUT.format(visits=f"SELECT * EXCLUDE ({_SEALED_ALONE}) FROM ({named(seed)})")
