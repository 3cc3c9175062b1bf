"""Errors in who people are and how they belong together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

from plausibility.planted.sheets import FORMAT, MERGED, Key, Planted, Sheets

CROWD = 60
GONE = ("21550", "21556", "21559")
"""Codes of communes that are gone since the merger of 2025-07-01."""
_YEAR = 365.25


def visit_after_death(sheets: Sheets) -> Planted:
    """A person dies the day before a visit."""
    key, number = sheets.choose_dossier(lambda one: sheets.age(sheets.person_of[one], sheets.head(one, "NGAY_VAO")) > 1)
    day = datetime.strptime(sheets.head(key, "NGAY_VAO"), FORMAT).date() - timedelta(days=1)
    sheets.put_person(number, "died", day)
    return Planted("visit_after_death", "people", "died", number, *key)


def birth_after_visit(sheets: Sheets) -> Planted:
    """A person is born the day after leaving, by their own papers or by those of the dossier."""
    key, number = sheets.choose_dossier(lambda one: bool(sheets.head(one, "NGAY_RA")))
    born, near = datetime.strptime(sheets.head(key, "NGAY_RA"), FORMAT) + timedelta(days=1), sheets.family(number)
    if sheets.r.random() < 0.5:
        sheets.put_person(number, "birth", born.date())
        return Planted("birth_after_visit", "people", "birth", number, *key, others=frozenset(near))
    sheets.put_head(key, "NGAY_SINH", born.strftime(FORMAT))
    return Planted("birth_after_visit", "xml1", "NGAY_SINH", number, *key)


def births_too_close(sheets: Sheets) -> Planted:
    """A mother gives birth again after three months: a stay at which it happens, or a child among the people."""
    adult = date(2007, 1, 1)
    if sheets.r.random() < 0.5 and sheets.count("births"):
        places = [
            place for place in range(sheets.count("births")) if sheets.free(sheets.get("births", place, "mother_no"))
        ]
        if places:
            first = sheets.r.choice(places)
            mother, born = (sheets.get("births", first, field) for field in ("mother_no", "born"))
            facility = sheets.get("births", first, "facility")
            sheets.take([mother])
            born += timedelta(days=92)
            sheets.add("births", facility=facility, ma_lk="?", mother_no=mother, child_no=-1, born=born)
            return Planted("births_too_close", "births", "born", mother)
    child = sheets.choose_person(
        lambda one: sheets.person(one, "mother_no") >= 0 and sheets.free(sheets.person(one, "mother_no"))
        and sheets.person(one, "birth") > adult
    )  # fmt: skip
    mother = sheets.person(child, "mother_no")
    other = sheets.choose_person(
        lambda one: sheets.person(one, "mother_no") < 0 and not sheets.dossiers_of(one)
        and not any(sheets.person(other, "mother_no") == one for other in sheets.place)
    )  # fmt: skip
    sheets.put_person(other, "birth", sheets.person(child, "birth") + timedelta(days=92))
    sheets.put_person(other, "mother_no", mother)
    return Planted("births_too_close", "people", "birth", mother, others=frozenset({child, other}))


def age_over_115(sheets: Sheets) -> Planted:
    """Somebody has been seen at the age of 117."""

    def old(key: Key) -> bool:
        return sheets.age(sheets.person_of[key], sheets.head(key, "NGAY_VAO")) > 60

    key, number = sheets.choose_dossier(old)
    seen = datetime.strptime(sheets.head(key, "NGAY_VAO"), FORMAT).date()
    sheets.put_person(number, "birth", seen - timedelta(days=round(117 * _YEAR)))
    return Planted("age_over_115", "people", "birth", number, others=frozenset(sheets.family(number)))


def sex_against_name(sheets: Sheets) -> Planted:
    """A man's middle name on a woman or a woman's on a man, among the people or in a dossier."""

    def marked(number: int) -> bool:
        parts = sheets.person(number, "name").split(" ")
        return len(parts) > 2 and parts[1] == ("Thị" if sheets.person(number, "sex") == "F" else "Văn")

    def turned(name: str) -> str:
        return name.replace(" Thị ", " Văn ", 1) if " Thị " in name else name.replace(" Văn ", " Thị ", 1)

    if sheets.r.random() < 0.5:
        number = sheets.choose_person(marked)
        sheets.put_person(number, "name", turned(sheets.person(number, "name")))
        return Planted("sex_against_name", "people", "name", number)
    key, number = sheets.choose_dossier(lambda one: marked(sheets.person_of[one]))
    sheets.put_head(key, "HO_TEN", turned(sheets.head(key, "HO_TEN")))
    return Planted("sex_against_name", "xml1", "HO_TEN", number, *key)


def wrong_commune_code(sheets: Sheets) -> Planted:
    """A commune that was no more on the day: of a dossier, or of today's address."""
    code = sheets.r.choice(GONE)
    if sheets.r.random() < 0.3:
        number = sheets.choose_person(lambda one: True)
        sheets.put_person(number, "commune", code)
        return Planted("wrong_commune_code", "people", "commune", number)
    key, number = sheets.choose_dossier(
        lambda one: sheets.head(one, "NGAY_VAO") >= MERGED and bool(sheets.head(one, "MAXA_CU_TRU"))
    )
    sheets.put_head(key, "MAXA_CU_TRU", code)
    return Planted("wrong_commune_code", "xml1", "MAXA_CU_TRU", number, *key)


def immunised_before_birth(sheets: Sheets) -> Planted:
    """A first dose the day before birth."""
    number = sheets.choose_person(lambda one: sheets.person(one, "birth") > date(2020, 1, 1))
    day = sheets.person(number, "birth") - timedelta(days=1)
    facility = sheets.get("visits", 0, "facility")
    sheets.add("immunisations", person_no=number, vaccine="BCG", dose=1, day=day, facility=facility)
    return Planted("immunised_before_birth", "immunisations", "day", number)


def crowded_household(sheets: Sheets) -> Planted:
    """Sixty people in one household."""
    numbers = sheets.r.sample([one for one in sheets.place if sheets.free(one)], CROWD)
    first, household = numbers[0], sheets.person(numbers[0], "household_no")
    before = [one for one in sheets.place if sheets.person(one, "household_no") == household]
    for number in numbers:
        sheets.put_person(number, "household_no", household)
    sheets.take(numbers, families=False)
    return Planted("crowded_household", "people", "household_no", first, others=frozenset([*numbers, *before]))


def twins_of_two_mothers(sheets: Sheets) -> Planted:
    """A twin of another mother's child of the same day: by kinship, or as a second child of one delivery."""
    if sheets.r.random() < 0.5 and sheets.count("births"):
        places = [
            place for place in range(sheets.count("births"))
            if sheets.free(sheets.get("births", place, "mother_no")) and sheets.get("births", place, "ma_lk") != "?"
        ]  # fmt: skip
        if places:
            first = sheets.r.choice(places)
            facility, ma_lk, mother, born = (
                sheets.get("births", first, field) for field in ("facility", "ma_lk", "mother_no", "born")
            )
            sheets.take([mother])
            other = sheets.choose_person(
                lambda one: sheets.person(one, "sex") == "F" and not sheets.dossiers_of(one)
                and 20 < sheets.age(one, f"{born:%Y%m%d}") < 40
                and not any(sheets.person(child, "mother_no") == one for child in sheets.place)
            )  # fmt: skip
            sheets.add("births", facility=facility, ma_lk=ma_lk, mother_no=other, child_no=-1, born=born)
            return Planted(
                "twins_of_two_mothers", "births", "mother_no", mother, facility, ma_lk, others=frozenset({other})
            )
    young = date(2010, 1, 1)
    first = sheets.choose_person(
        lambda one: sheets.person(one, "mother_no") >= 0 and sheets.person(one, "birth") > young
    )
    second = sheets.choose_person(
        lambda one: sheets.person(one, "mother_no") >= 0 and sheets.person(one, "birth") > young
        and sheets.person(one, "mother_no") != sheets.person(first, "mother_no") and not sheets.dossiers_of(one)
    )  # fmt: skip
    sheets.put_person(second, "birth", sheets.person(first, "birth"))
    sheets.put_person(second, "twin_of", first)
    others = frozenset({first, sheets.person(first, "mother_no"), sheets.person(second, "mother_no")})
    return Planted("twins_of_two_mothers", "people", "twin_of", second, others=others)


PEOPLE_ERRORS: dict[str, Callable[[Sheets], Planted]] = {
    maker.__name__: maker
    for maker in (
        twins_of_two_mothers, births_too_close, immunised_before_birth, age_over_115, sex_against_name,
        visit_after_death, birth_after_visit, wrong_commune_code, crowded_household,
    )
}  # fmt: skip
