"""Rules of the lines and results (XML2 to XML5) and of the presence of tables, row by row; see `slow_rules`."""

# ruff: noqa: SIM102 - the outer condition is the rule's "when", the inner its "must"
from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from support.slow_rules_visit import Case, Place, Row, near, total

BEDS, TESTS, DONE = (14, 15, 16), (1, 2, 3), (1, 2, 3, 8, 18)
CENT = Decimal("0.01")


def lines(case: Case) -> Iterator[Place]:
    for table, judge in (("XML2", _drug), ("XML3", _service), ("XML4", _result), ("XML5", _note)):
        for number, row in enumerate(case.rows(table), 1):
            for rule, name in judge(case, row):
                yield rule, table, number, name
            if table in ("XML2", "XML3"):
                for rule, name in _shares(case, row):
                    yield rule, table, number, name
    yield from _between(case)
    yield from _tables(case)


def _coded(row: Row, name: str, allowed: tuple[int, ...]) -> bool:
    value = row.number(name)
    return value is not None and value not in allowed


def _outside(row: Row, name: str, low: int, high: int) -> bool:
    value = row.number(name)
    return value is not None and not low <= value <= high


def _unlike(row: Row, name: str, pattern: str) -> bool:
    text = row[name]
    return text is not None and not re.fullmatch(pattern, text, re.DOTALL)


def _drug(case: Case, row: Row) -> Iterator[tuple[int, str]]:
    new = case.rank >= 1
    if _coded(row, "MA_NHOM", (4, 5, 6, 7, 17) if new else (4, 5, 6, 7)):
        yield 79, "MA_NHOM"
    if _coded(row, "PHAM_VI", (1, 2, 3) if new else (1, 2)):
        yield 80, "PHAM_VI"
    rate = row.number("TYLE_TT_BH")
    if rate is not None and not (0 <= rate <= 100 and rate == int(rate)):
        yield 82, "TYLE_TT_BH"
    if _outside(row, "MUC_HUONG", 0, 100):
        yield 83, "MUC_HUONG"
    for name in ("SO_LUONG", "DON_GIA"):
        if row.number(name) is not None and re.search(r"[.][0-9]{4}", row[name] or ""):
            yield 84, name
    quantity, price = row.quantity("SO_LUONG"), row.number("DON_GIA")
    if quantity is not None and price is not None:
        if near(row.number("THANH_TIEN_BV"), quantity * price) is False:
            yield 85, "THANH_TIEN_BV"
        part = row.rate("TYLE_TT_BH")
        if new and part is not None and near(row.number("THANH_TIEN_BH"), quantity * price * part * CENT) is False:
            yield 86, "THANH_TIEN_BH"
    if not row.has("MA_BAC_SI"):
        yield 96, "MA_BAC_SI"
    exempt = re.fullmatch(r"40[.]17|40[.]573|(05V|05C|HD).*", row["MA_THUOC"] or "", re.DOTALL)
    if row.number("MA_NHOM") in (4, 5) and not exempt:
        for name in ("SO_DANG_KY", "TT_THAU"):
            if not row.has(name):
                yield 97, name
    parts = (row["TT_THAU"] or "").split(";")
    if row.has("TT_THAU"):
        right = len(parts) >= 4 and all(parts) and re.fullmatch("G[1-9][0-9]?", parts[1])
        if not (right and re.fullmatch("N[1-9][0-9]?", parts[2]) and re.fullmatch("[0-9]{4}", parts[3])):
            yield 98, "TT_THAU"
    yield from _ordered(case, row, 94)
    ordered, done = row.moment("NGAY_YL"), row.moment("NGAY_TH_YL")
    if new and ordered and done and done < ordered:
        yield 95, "NGAY_TH_YL"
    out_of_line = case.head["MA_LOAI_KCB"] == "03" and (case.head["MA_DOITUONG_KCB"] or "").startswith("3")
    if new and out_of_line and row["MA_KHOA"] == "K01":
        yield 101, "MA_KHOA"
    if _coded(row, "MA_PTTT", (1, 2, 3)):
        yield 102, "MA_PTTT"
    if new and _outside(row, "NGUON_CTRA", 1, 4):
        yield 103, "NGUON_CTRA"


def _ordered(case: Case, row: Row, rule: int) -> Iterator[tuple[int, str]]:
    ordered = row.moment("NGAY_YL")
    came, left = case.head.moment("NGAY_VAO"), case.head.moment("NGAY_RA")
    if ordered and ((came and ordered < came) or (left and ordered > left)):
        yield rule, "NGAY_YL"


def _shares(case: Case, row: Row) -> Iterator[tuple[int, str]]:
    new = case.rank >= 1
    whole, insured, own, copay, fund, other = (
        row.number(n) for n in ("THANH_TIEN_BV", "THANH_TIEN_BH", "T_BNTT", "T_BNCCT", "T_BHTT", "T_NGUONKHAC")
    )
    nothing = Decimal(0)
    sources = sum((row.number(f"T_NGUONKHAC_{n}") or nothing for n in ("NSNN", "VTNN", "VTTN", "CL")), nothing)
    if new and near(other, sources) is False:
        yield 87, "T_NGUONKHAC"
    if other is not None and (whole or nothing) >= 0 and (other < 0 or (whole is not None and other > whole)):
        yield 88, "T_NGUONKHAC"
    level = row.rate("MUC_HUONG")
    given = other or nothing
    if new and insured is not None:
        due = None if level is None else insured * level * CENT
        spared = whole is not None and due is not None and given <= whole - due + Decimal("0.005")
        if (given <= 0 or spared) and near(fund, due) is False:
            yield 89, "T_BHTT"
        outside = None if whole is None else whole - insured
        if outside is not None and given <= outside:
            if fund is not None and near(copay, insured - fund) is False:
                yield 90, "T_BNCCT"
            if near(own, outside - given) is False:
                yield 91, "T_BNTT"
        if outside is not None and whole is not None and given > 0 and given > outside:
            if own is not None and own != 0:
                yield 92, "T_BNTT"
            if due is not None and near(copay, max(whole - given - due, nothing)) is False:
                yield 92, "T_BNCCT"
        if whole is not None and due is not None and given > 0 and given > whole - due + Decimal("0.005"):
            if near(fund, whole - given) is False:
                yield 92, "T_BHTT"
    if whole is not None:
        paid = sum((part or nothing for part in (own, copay, fund, other)), nothing)
        if abs(whole - paid) > Decimal("0.05"):
            yield 93, "T_BNTT"
    if new and row.number("VET_THUONG_TP") not in (None, Decimal(1)):
        yield 104, "VET_THUONG_TP"


def _service(case: Case, row: Row) -> Iterator[tuple[int, str]]:
    new, group = case.rank >= 1, row.number("MA_NHOM")
    if not row.has("MA_DICH_VU", "MA_VAT_TU"):
        yield 105, "MA_DICH_VU"
    if group is not None:
        old = (1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15)
        if (group not in old) if not new else not 1 <= group <= (18 if case.rank == 1 else 19):
            yield 106, "MA_NHOM"
    code = row["MA_DICH_VU"]
    if code and not _well_formed(code):
        yield 108, "MA_DICH_VU"
    if _unlike(row, "GOI_VTYT", "G[1-9][0-9]{0,2}"):
        yield 109, "GOI_VTYT"
    if _coded(row, "PHAM_VI", (1, 2, 3)):
        yield 110, "PHAM_VI"
    if new and _outside(row, "TYLE_TT_DV", 0, 100):
        yield 111, "TYLE_TT_DV"
    if _outside(row, "TYLE_TT_BH", 0, 100):
        yield 112, "TYLE_TT_BH"
    if new:
        yield from _priced(row)
    ceiling, fund = row.number("T_TRANTT"), row.number("T_BHTT")
    if ceiling is not None and fund is not None and fund > ceiling:
        yield 115, "T_BHTT"
    yield from _ordered(case, row, 119)
    yield from _done(case, row, group)
    if group == 8 and (row.number("SO_LUONG") or 0) > 1:
        yield 127, "SO_LUONG"
    if case.there("icd10"):
        if any(not case.known("icd10", part.rstrip("†*+")) for part in row.parts("MA_BENH") if part.rstrip("†*+")):
            yield 128, "MA_BENH"
    if group in BEDS and (row.number("SO_LUONG") or 0) > 1:
        yield 134, "SO_LUONG"
    if group in (10, 11):
        for name in ("MA_VAT_TU", "TEN_VAT_TU", "TT_THAU"):
            if not row.has(name):
                yield 138, name
    free = (case.head["MA_THE_BHYT"] or "")[:2] in ("CC", "TE", "QN", "CA", "CY")
    stents = (row["MA_VAT_TU"] or "").startswith("N06.02.020") and (row.number("SO_LUONG") or 0) > 1
    if stents and not free:
        yield 140, "SO_LUONG"


def _well_formed(code: str) -> bool:
    if "_" in code and not re.fullmatch("[^_]+_(GT|TB|TT)", code):
        return False
    if code.startswith("VC.") and not re.fullmatch("VC[.][0-9A-Z]{5}", code):
        return False
    return ".K." not in code or bool(re.fullmatch("(?s).+[.]K[.][0-9A-Z]{5}(_(GT|TB|TT))?", code))


def _priced(row: Row) -> Iterator[tuple[int, str]]:
    quantity, price, insured = row.quantity("SO_LUONG"), row.number("DON_GIA_BV"), row.number("DON_GIA_BH")
    part, rate, whole = row.rate("TYLE_TT_DV"), row.rate("TYLE_TT_BH"), row.number("THANH_TIEN_BV")
    if None not in (quantity, price, part, whole):
        assert quantity is not None
        assert price is not None
        assert part is not None
        assert whole is not None
        near_one = abs(whole - quantity * price * part * CENT) <= Decimal("0.02")
        other = insured is not None and abs(
            whole - (quantity * price - quantity * insured * (100 - part) * CENT)
        ) <= Decimal("0.02")
        if not near_one and not other:
            yield 113, "THANH_TIEN_BV"
    if quantity is not None and insured is not None and part is not None and rate is not None:
        if near(row.number("THANH_TIEN_BH"), quantity * insured * part * rate * Decimal("0.0001")) is False:
            yield 114, "THANH_TIEN_BH"
    ceiling = row.number("T_TRANTT")
    if price is not None and ceiling is not None and price > ceiling and insured is not None and insured != ceiling:
        yield 116, "DON_GIA_BH"
    if row.number("TAI_SU_DUNG") == 1 and price is not None and insured is not None and price != insured:
        yield 117, "DON_GIA_BH"
    code = row["MA_DICH_VU"]
    if insured == 0 and row.number("PHAM_VI") == 1 and not row.has("MA_VAT_TU") and code:
        if not code.endswith((".0000", "_TB", "_TT")):
            yield 118, "DON_GIA_BH"
    if row.number("TAI_SU_DUNG") not in (None, Decimal(1)):
        yield 143, "TAI_SU_DUNG"


def _done(case: Case, row: Row, group: Decimal | None) -> Iterator[tuple[int, str]]:
    ordered, done, told = (row.moment(n) for n in ("NGAY_YL", "NGAY_TH_YL", "NGAY_KQ"))
    left = case.head.moment("NGAY_RA")
    if told and ((ordered and told < ordered) or (done and told < done) or (left and told > left)):
        yield 121, "NGAY_KQ"
    if case.rank == 0:
        return
    if ordered and done and done < ordered:
        yield 120, "NGAY_TH_YL"
    if group in DONE:
        if not row.has("NGAY_TH_YL"):
            yield 120, "NGAY_TH_YL"
        if not row.has("NGUOI_THUC_HIEN"):
            yield 122, "NGUOI_THUC_HIEN"
    if group in TESTS and not row.has("MA_MAY"):
        yield 124, "MA_MAY"
    if _unlike(row, "MA_MAY", r"[A-Z0-9]{2,3}[.][123](\[[^\]]*\])?[.].+"):
        yield 125, "MA_MAY"
    if group == 8 and (not row.has("PP_VO_CAM") or _outside(row, "PP_VO_CAM", 1, 4)):
        yield 126, "PP_VO_CAM"
    if group == 12 and not row.has("MA_XANG_DAU"):
        yield 129, "MA_XANG_DAU"
    if group in BEDS:
        if case.head["MA_LOAI_KCB"] in ("01", "02"):
            yield 130, "MA_NHOM"
        if not row.has("MA_GIUONG"):
            yield 131, "MA_GIUONG"
        code, ward = row["MA_DICH_VU"], row["MA_KHOA"]
        if code and ward and not ward.startswith(code.split(".")[0]):
            yield 133, "MA_DICH_VU"
    if _unlike(row, "MA_GIUONG", "[HTCK][0-9]{3}(;[HTCK][0-9]{3})*"):
        yield 131, "MA_GIUONG"
    khoa = row["MA_KHOA"]
    if khoa and case.there("value_set MA_KHOA") and not case.known("value_set MA_KHOA", khoa):
        yield 142, "MA_KHOA"


def _between(case: Case) -> Iterator[Place]:
    """Rows that need or exclude one another."""
    services = case.rows("XML3")
    seen = set()
    for number, row in enumerate(services, 1):
        code, day = row["MA_DICH_VU"], row.day("NGAY_YL")
        if row.has("MA_VAT_TU") and code and day:
            if not any(
                not r.has("MA_VAT_TU") and r["MA_DICH_VU"] == code and r.day("NGAY_YL") == day for r in services
            ):
                yield 139, "XML3", number, "MA_DICH_VU"
        moment = row.moment("NGAY_YL")
        if row.number("MA_NHOM") in (8, 18) and code and moment and not row.has("MA_VAT_TU"):
            if (code, moment) in seen:
                yield 141, "XML3", number, "MA_DICH_VU"
            seen.add((code, moment))
    pictures = {row["MA_DICH_VU"] for row in services if row.number("MA_NHOM") == 2} - {None}
    for number, row in enumerate(case.rows("XML4"), 1):
        for name in ("MO_TA", "KET_LUAN"):
            if row["MA_DICH_VU"] in pictures and not row.has(name):
                yield 145, "XML4", number, name


def _result(case: Case, row: Row) -> Iterator[tuple[int, str]]:
    new, code = case.rank >= 1, row["MA_CHI_SO"]
    if not row.has("MA_DICH_VU"):
        yield 144, "MA_DICH_VU"
    if code and re.search(r"[\t\n\f\r ]", code):
        yield 146, "MA_CHI_SO"
    if new and row.has("DON_VI_DO") and not code:
        yield 147, "MA_CHI_SO"
    if row.has("GIA_TRI") and row.has("KET_LUAN"):
        yield 148, "KET_LUAN"
    if code and not row.has("GIA_TRI", "MO_TA", "KET_LUAN"):
        yield 149, "GIA_TRI"
    if not row.has("NGAY_KQ"):
        yield 150, "NGAY_KQ"
    reader = row["MA_BS_DOC_KQ"]
    if new and not reader:
        yield 150, "MA_BS_DOC_KQ"
    if case.rank == 3 and reader and "." in reader and not re.fullmatch("[^.]+[.](TX|CG)[.][0-9A-Z]{5}", reader):
        yield 150, "MA_BS_DOC_KQ"


def _note(case: Case, row: Row) -> Iterator[tuple[int, str]]:
    moment, came, left = row.moment("THOI_DIEM_DBLS"), case.head.moment("NGAY_VAO"), case.head.moment("NGAY_RA")
    if moment and ((came and moment < came) or (left and moment > left)):
        yield 152, "THOI_DIEM_DBLS"
    text = row["DIEN_BIEN_LS"]
    if case.rank >= 2 and text and "CSST" in text:
        if not re.search(r"CSST[\t\n\f\r ]*<[^<>]*(M|T|HA|NT|SP|HL)[^<>]*>", text):
            yield 153, "DIEN_BIEN_LS"


def _tables(case: Case) -> Iterator[Place]:
    if not case.is_visit:
        return
    head, new, visit = case.head, case.rank >= 1, case.head["MA_LOAI_KCB"]
    services = case.rows("XML3")
    if not any(row.number("MA_NHOM") in TESTS for row in services) and case.rows("XML4"):
        yield 72, "XML4", 1, None
    if not new:
        return
    if visit in ("03", "04", "09") and head.number("MA_LOAI_RV") != 3 and not case.rows("XML7"):
        yield 69, "XML7", None, None
    if visit and visit not in ("03", "04", "06") and case.rows("XML8"):
        yield 70, "XML8", 1, None
    if visit and visit not in ("02", "03", "04", "05", "06", "08", "09") and case.rows("XML5"):
        yield 71, "XML5", 1, None
    if case.rank >= 2:
        leaving = head.number("MA_LOAI_RV")
        if leaving is not None and leaving not in (2, 5) and case.rows("XML13"):
            yield 73, "XML13", 1, None
        if not head.has("NGAY_TAI_KHAM") and case.rows("XML14"):
            yield 74, "XML14", 1, None
        codes = f"{head['MA_BENH_CHINH'] or ''};{head['MA_BENH_KT'] or ''}".split(";")
        starts = ("A15", "A16", "A17", "A18", "A19", "B90", "O98.0", "Z03.0", "R76.1", "Z20.1", "Z22.7")
        if case.rows("XML15") and not any(code.startswith(starts) for code in codes):
            yield 75, "XML15", 1, None
    yield from _beds(case, services, visit)


def _beds(case: Case, services: list[Row], visit: str | None) -> Iterator[Place]:
    head = case.head
    days = None
    if total(services, "SO_LUONG") is not None:
        days = total([row for row in services if row.number("MA_NHOM") in BEDS], "SO_LUONG")
    stay = head.number("SO_NGAY_DTRI")
    gone = head.number("KET_QUA_DTRI") in (3, 4, 5, 6) or head.number("MA_LOAI_RV") in (2, 3, 4)
    if days is not None and days > 0 and stay is not None and stay > 0 and not gone:
        if not (days < stay or (stay == 1 and days <= 1)):
            yield 135, "XML3", None, "SO_LUONG"
    came, left = head.moment("NGAY_VAO"), head.moment("NGAY_RA")
    if came and left and days is not None and days > 0 and left - came < timedelta(hours=24):
        if left - came < timedelta(hours=4) or days > 1:
            yield 136, "XML3", None, "SO_LUONG"
    if visit == "03" and sum(row.number("MA_NHOM") == 13 for row in services) > 1:
        yield 137, "XML3", None, "MA_NHOM"
