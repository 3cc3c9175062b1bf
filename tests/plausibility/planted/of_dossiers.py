"""Errors in what was done and written at a visit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from plausibility.planted.sheets import FORMAT, MERGED, STAYS, Key, Planted, Sheets, moved


def man_pregnant(sheets: Sheets) -> Planted:
    """A man with a diagnosis of pregnancy, as the main one or beside it."""
    key, number = sheets.choose_dossier(lambda one: sheets.person(sheets.person_of[one], "sex") == "M")
    if sheets.r.random() < 0.5:
        sheets.put_head(key, "MA_BENH_CHINH", "O20.0")
        return Planted("man_pregnant", "xml1", "MA_BENH_CHINH", number, *key)
    before = sheets.head(key, "MA_BENH_KT")
    sheets.put_head(key, "MA_BENH_KT", f"{before};O47.9" if before else "O47.9")
    return Planted("man_pregnant", "xml1", "MA_BENH_KT", number, *key)


def code_of_other_sex(sheets: Sheets) -> Planted:
    """A disease of the prostate of a woman, or of the vagina of a man."""
    key, number = sheets.choose_dossier(lambda one: True)
    sheets.put_head(key, "MA_BENH_CHINH", {"F": "N40", "M": "N76.0"}[sheets.person(number, "sex")])
    return Planted("code_of_other_sex", "xml1", "MA_BENH_CHINH", number, *key)


def card_against_group(sheets: Sheets) -> Planted:
    """A card whose level of benefit is not that of its group."""
    key, number = sheets.choose_dossier(lambda one: (sheets.head(one, "MA_THE_BHYT") or "")[:2] in ("GD", "HN", "TE"))
    card = sheets.head(key, "MA_THE_BHYT")
    level = sheets.r.choice([level for level in "12345" if level != card[2]])
    sheets.put_head(key, "MA_THE_BHYT", f"{card[:2]}{level}{card[3:]}")
    return Planted("card_against_group", "xml1", "MA_THE_BHYT", number, *key)


def negative_cost(sheets: Sheets) -> Planted:
    """A cost below nothing, on a line or on the sheet."""
    if sheets.r.random() < 0.3:
        key, number = sheets.choose_dossier(lambda one: True)
        field = sheets.r.choice(("T_BNTT", "T_BNCCT", "T_NGUONKHAC"))
        sheets.put_head(key, field, "-500")
        return Planted("negative_cost", "xml1", field, number, *key)
    table = sheets.r.choice(("xml2", "xml3"))
    field = sheets.r.choice(("THANH_TIEN_BV", "DON_GIA" if table == "xml2" else "DON_GIA_BV"))
    key, number, place = sheets.choose_line(table, lambda one: float(sheets.get(table, one, field) or 0) > 0)
    sheets.put(table, place, field, f"-{sheets.get(table, place, field)}")
    return Planted("negative_cost", table, field, number, *key, sheets.get(table, place, "STT"))


def sum_off_by_one(sheets: Sheets) -> Planted:
    """A total one đồng too high."""
    key, number = sheets.choose_dossier(lambda one: True)
    field = sheets.r.choice(("T_TONGCHI_BV", "T_THUOC", "T_BHTT", "T_BNTT"))
    whole, dot, part = sheets.head(key, field).partition(".")
    sheets.put_head(key, field, f"{int(whole) + 1}{dot}{part}")
    return Planted("sum_off_by_one", "xml1", field, number, *key)


def never_discharged(sheets: Sheets) -> Planted:
    """Somebody lies in a ward for over a year and never leaves."""
    last = max(sheets.head(key, "NGAY_RA") for key in sheets.person_of if sheets.lines("xml1", key))
    year_ago = moved(last, -timedelta(days=400))

    def ward(key: Key) -> bool:
        return sheets.kind_of[key] in ("03", "04", "06") and not sheets.has_birth(key)

    key, number = sheets.choose_dossier(ward)
    sheets.put_head(key, "NGAY_RA", None)
    if sheets.head(key, "NGAY_VAO") > year_ago:
        sheets.put_head(key, "NGAY_VAO", year_ago)
    return Planted("never_discharged", "xml1", "NGAY_RA", number, *key)


def bed_taken_twice(sheets: Sheets) -> Planted:
    """Somebody lies in the bed another person has not left yet."""

    def beds(key: Key) -> list[int]:
        return [place for place in sheets.lines("xml3", key) if sheets.get("xml3", place, "MA_GIUONG")]

    def may(key: Key) -> bool:
        return bool(beds(key)) and not sheets.has_birth(key) and sheets.head(key, "NGAY_VAO") >= MERGED

    ready = [key for key, number in sheets.person_of.items() if sheets.free(number) and may(key)]

    def others(key: Key) -> list[Key]:
        return [one for one in ready if one[0] == key[0] and sheets.person_of[one] != sheets.person_of[key]]

    key, number = sheets.choose_dossier(lambda one: may(one) and bool(others(one)))
    lying = sheets.r.choice(others(key))
    sheets.take([sheets.person_of[lying]])
    taken, first = beds(lying)[0], beds(key)[0]
    sheets.shift(
        key,
        datetime.strptime(sheets.get("xml3", taken, "NGAY_YL"), FORMAT)
        - datetime.strptime(sheets.get("xml3", first, "NGAY_YL"), FORMAT),
    )
    for place in beds(key):
        for field in ("MA_GIUONG", "MA_KHOA"):
            sheets.put("xml3", place, field, sheets.get("xml3", taken, field))
    stt = sheets.get("xml3", first, "STT")
    return Planted(
        "bed_taken_twice", "xml3", "MA_GIUONG", number, *key, stt, others=frozenset({sheets.person_of[lying]})
    )


def drug_after_discharge(sheets: Sheets) -> Planted:
    """A drug ordered the day after leaving."""
    key, number, place = sheets.choose_line("xml2", lambda one: True)
    later = moved(sheets.head(key, "NGAY_RA"), timedelta(days=1))
    sheets.put("xml2", place, "NGAY_YL", later)
    if sheets.get("xml2", place, "NGAY_TH_YL"):
        sheets.put("xml2", place, "NGAY_TH_YL", moved(later, timedelta(minutes=20)))
    return Planted("drug_after_discharge", "xml2", "NGAY_YL", number, *key, sheets.get("xml2", place, "STT"))


def result_before_order(sheets: Sheets) -> Planted:
    """A result forty minutes before anybody asked for it."""
    table = sheets.r.choice(("xml3", "xml4"))

    def orders(place: int) -> list[str]:
        key = (sheets.get(table, place, "facility"), sheets.get(table, place, "ma_lk"))
        code = sheets.get(table, place, "MA_DICH_VU")
        return [
            sheets.get("xml3", one, "NGAY_YL") for one in sheets.lines("xml3", key)
            if sheets.get("xml3", one, "MA_DICH_VU") == code
        ]  # fmt: skip

    key, number, place = sheets.choose_line(
        table, lambda one: bool(sheets.get(table, one, "NGAY_KQ") and orders(one)) and (
            table == "xml4" or not sheets.get(table, one, "MA_GIUONG")
        )
    )  # fmt: skip
    sheets.put(table, place, "NGAY_KQ", moved(min(orders(place)), -timedelta(minutes=40)))
    return Planted("result_before_order", table, "NGAY_KQ", number, *key, sheets.get(table, place, "STT"))


def referral_to_itself(sheets: Sheets) -> Planted:
    """A facility sends on to itself, or receives from itself."""
    sent = [
        (sheets.get("xml13", place, "facility"), sheets.get("xml13", place, "ma_lk"))
        for place in range(sheets.count("xml13"))
    ]
    sent = [key for key in sent if sheets.free(sheets.person_of[key])]
    if sent and sheets.r.random() < 0.4:
        key = sheets.r.choice(sent)
        sheets.take([sheets.person_of[key]])
        sheets.put("xml13", sheets.lines("xml13", key)[0], "MA_CSKCB_DEN", key[0])
        return Planted("referral_to_itself", "xml13", "MA_CSKCB_DEN", sheets.person_of[key], *key)
    key, number = sheets.choose_dossier(lambda one: True)
    field = sheets.r.choice(("MA_NOI_DEN", "MA_NOI_DI"))
    sheets.put_head(key, field, key[0])
    return Planted("referral_to_itself", "xml1", field, number, *key)


def two_places_at_once(sheets: Sheets) -> Planted:
    """Somebody arrives at one facility while still at another."""

    def may(key: Key) -> bool:
        return sheets.head(key, "NGAY_VAO") >= MERGED and not sheets.has_birth(key)

    def elsewhere(key: Key) -> list[Key]:
        return [
            one for one in sheets.dossiers_of(sheets.person_of[key])
            if one[0] != key[0] and may(one) and sheets.kind_of[one] in STAYS
            # an order of treatment at home may come hours after arrival
            and (sheets.kind_of[key] in STAYS or sheets.kind_of[one] == "03")
        ]  # fmt: skip

    key, number = sheets.choose_dossier(lambda one: may(one) and bool(elsewhere(one)))
    other = sheets.r.choice(elsewhere(key))
    there = datetime.strptime(sheets.head(other, "NGAY_VAO"), FORMAT)
    sheets.shift(key, there - datetime.strptime(sheets.head(key, "NGAY_VAO"), FORMAT) + timedelta(minutes=5))
    return Planted("two_places_at_once", "xml1", "NGAY_VAO", number, *key)


DOSSIER_ERRORS: dict[str, Callable[[Sheets], Planted]] = {
    maker.__name__: maker
    for maker in (
        bed_taken_twice, never_discharged, two_places_at_once, man_pregnant, code_of_other_sex, card_against_group,
        negative_cost, sum_off_by_one, drug_after_discharge, result_before_order, referral_to_itself,
    )
}  # fmt: skip
