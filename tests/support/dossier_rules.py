"""Rules of the dossier written from their text, in decimals, for judging files the twin made (no code shared with it).

`broken(tables, version)` gives the numbers of the rules (project rule list) a dossier does not keep.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from support.paper_rules import broken_papers

Row = dict[str, str]
Tables = dict[str, list[Row]]

CENT = Decimal("0.01")
MOMENT = ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12))
"""Year, month, day, hour and minute; strptime takes ten times as long, and a twin has a hundred thousand of them."""
ONE_DAY = {"01", "07", "09"}
STAY = {"02", "03", "04", "06"}


def number(row: Row, name: str) -> Decimal:
    return Decimal(row[name] or "0")


@lru_cache(4096)
def when(text: str) -> datetime:
    assert len(text) == 12
    assert text.isdecimal()
    return datetime(*(int(text[start:end]) for start, end in MOMENT))


def cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


def broken(tables: Tables, version: str) -> list[int]:
    head = tables["XML1"][0]
    drugs, services = tables.get("XML2", []), tables.get("XML3", [])
    found = [*_sums(head, drugs, services, version), *_dates(tables), *_presence(tables, version)]
    found += broken_papers(tables, version)
    for row in drugs:
        found += _drug(row, version)
    for row in services:
        found += _service(row, version, services)
    if version != "4210":
        found += _days(head, services)
    return sorted(set(found))


def _sums(head: Row, drugs: list[Row], services: list[Row], version: str) -> Iterator[int]:
    lines = drugs + services

    def total(name: str, rows: list[Row]) -> Decimal:
        return sum((number(r, name) for r in rows), Decimal(0))

    if number(head, "T_THUOC") != cents(total("THANH_TIEN_BV", drugs)):
        yield 53
    if number(head, "T_VTYT") != total("THANH_TIEN_BV", [r for r in services if r["MA_VAT_TU"]]):
        yield 54
    if number(head, "T_TONGCHI_BV") != total("THANH_TIEN_BV", lines):
        yield 55
    for rule, name in ((57, "T_BNTT"), (58, "T_BNCCT"), (60, "T_BHTT"), (61, "T_NGUONKHAC")):
        if number(head, name) != total(name, lines):
            yield rule
    if number(head, "T_BHTT_GDV") != total("T_BHTT", [r for r in lines if r["MA_PTTT"] == "1"]):
        yield 62
    if number(head, "T_TONGCHI_BV") != sum(number(head, n) for n in ("T_BNTT", "T_BNCCT", "T_BHTT", "T_NGUONKHAC")):
        yield 63
    if version == "4210":
        return
    if number(head, "T_TONGCHI_BH") != total("THANH_TIEN_BH", lines):
        yield 56
    if number(head, "T_BHTT") != number(head, "T_TONGCHI_BH") - number(head, "T_BNCCT"):
        yield 59


def _shares(row: Row, version: str) -> Iterator[int]:
    whole = number(row, "THANH_TIEN_BV")
    if whole != sum(number(row, n) for n in ("T_BNTT", "T_BNCCT", "T_BHTT", "T_NGUONKHAC")):
        yield 93
    if not 0 <= number(row, "T_NGUONKHAC") <= whole:
        yield 88
    if row["PHAM_VI"] not in {"1", "2"}:
        yield 80
    if not 0 <= number(row, "MUC_HUONG") <= 100:
        yield 83
    if version == "4210":
        return
    insured = number(row, "THANH_TIEN_BH")
    other = number(row, "T_NGUONKHAC")
    if other != sum(number(row, f"T_NGUONKHAC_{n}") for n in ("NSNN", "VTNN", "VTTN", "CL")):
        yield 87
    if number(row, "T_BHTT") != cents(insured * number(row, "MUC_HUONG") / 100):
        yield 89
    if number(row, "T_BNCCT") != insured - number(row, "T_BHTT"):
        yield 90
    if number(row, "T_BNTT") != whole - insured - other:
        yield 91


def _drug(row: Row, version: str) -> Iterator[int]:
    yield from _shares(row, version)
    gross = number(row, "SO_LUONG") * number(row, "DON_GIA")
    if number(row, "THANH_TIEN_BV") != cents(gross):
        yield 85
    if version != "4210" and number(row, "THANH_TIEN_BH") != cents(gross * number(row, "TYLE_TT_BH") / 100):
        yield 86
    if row["MA_NHOM"] not in {"4", "5", "6"}:
        yield 79
    if not re.fullmatch(r"[^;]+;G\d{1,2};N\d{1,2};\d{4}", row["TT_THAU"]):
        yield 98
    if not all(row[n] for n in ("MA_THUOC", "TEN_THUOC", "HAM_LUONG", "SO_DANG_KY")):
        yield 97
    if not row["MA_BAC_SI"]:
        yield 96


def _service(row: Row, version: str, services: list[Row]) -> Iterator[int]:
    yield from _shares(row, version)
    group = row["MA_NHOM"]
    if version != "4210":
        quantity, rate = number(row, "SO_LUONG"), number(row, "TYLE_TT_DV") / 100
        if number(row, "THANH_TIEN_BV") != cents(quantity * number(row, "DON_GIA_BV") * rate):
            yield 113
        insured = quantity * number(row, "DON_GIA_BH") * rate * number(row, "TYLE_TT_BH") / 100
        if number(row, "THANH_TIEN_BH") != cents(insured):
            yield 114
        if group in {"1", "2", "3", "8", "18"} and not (row["NGAY_TH_YL"] and row["NGUOI_THUC_HIEN"]):
            yield 120
        if group in {"1", "2", "3"} and not re.fullmatch(r"[A-Z]{2}\.[123]\.\w+", row["MA_MAY"]):
            yield 124
        if group == "8" and row["PP_VO_CAM"] not in {"1", "2", "3", "4"}:
            yield 126
        if group in {"14", "15", "16"}:
            if not re.fullmatch(r"[HTCK]\d{3}", row["MA_GIUONG"]):
                yield 131
            if not row["MA_DICH_VU"].startswith(row["MA_KHOA"] + "."):
                yield 133
    if group in {"8", "14", "15", "16"} and number(row, "SO_LUONG") > 1:
        yield 134
    if not (row["MA_DICH_VU"] or row["MA_VAT_TU"]):
        yield 105
    if group not in ({"1", "2", "3", *map(str, range(8, 16))} if version == "4210" else set(map(str, range(1, 20)))):
        yield 106
    if row["MA_VAT_TU"]:
        if not (row["TEN_VAT_TU"] and row["TT_THAU"] and group == "10"):
            yield 138
        host = any(
            r["MA_DICH_VU"] == row["MA_DICH_VU"] and not r["MA_VAT_TU"] and r["NGAY_YL"][:8] == row["NGAY_YL"][:8]
            for r in services
        )
        if not host:
            yield 139


def _dates(tables: Tables) -> Iterator[int]:
    head = tables["XML1"][0]
    start, end = when(head["NGAY_VAO"]), when(head["NGAY_RA"])
    if end < start:
        yield 35
    if head.get("NGAY_VAO_NOI_TRU") and not start <= when(head["NGAY_VAO_NOI_TRU"]) <= end:
        yield 36
    for rule, table in ((94, "XML2"), (119, "XML3")):
        for row in tables.get(table, []):
            ordered = when(row["NGAY_YL"])
            if not start <= ordered <= end:
                yield rule
            done = row.get("NGAY_TH_YL")
            if done and not ordered <= when(done) <= end:
                yield 95 if table == "XML2" else 120
            if row.get("NGAY_KQ") and not when(done or row["NGAY_YL"]) <= when(row["NGAY_KQ"]) <= end:
                yield 121
    for row in tables.get("XML4", []):
        if not row["NGAY_KQ"] or not start <= when(row["NGAY_KQ"]) <= end:
            yield 150
    for row in tables.get("XML5", []):
        if not start <= when(row["THOI_DIEM_DBLS"]) <= end:
            yield 152
    if head["NGAY_SINH"][4:8] != "0000" and when(head["NGAY_SINH"]).date() > start.date():
        yield 29


def _days(head: Row, services: list[Row]) -> Iterator[int]:
    kind, days = head["MA_LOAI_KCB"], int(head["SO_NGAY_DTRI"])
    start, end = when(head["NGAY_VAO"]), when(head["NGAY_RA"])
    if kind in ONE_DAY and days:
        yield 47
    if kind in STAY and days != (end.date() - start.date()).days + 1:
        yield 48
    if kind == "01" and (end.date() - start.date()).days > 1:
        yield 50
    if kind == "08" and days != len({r["NGAY_YL"][:8] for r in services}):
        yield 49
    if kind in {"03", "04", "09"} and not all(
        head[n] for n in ("LY_DO_VNT", "MA_LY_DO_VNT", "NGAY_VAO_NOI_TRU", "PP_DIEU_TRI")
    ):
        yield 51
    beds = [r for r in services if r["MA_NHOM"] in {"14", "15", "16"}]
    if beds and kind in {"01", "02", "05", "07", "08", "09"}:
        yield 130
    if len(beds) >= max(1, days) and beds:
        yield 135
    hours = (end - start).total_seconds() / 3600
    if beds and (hours < 4 or (hours < 24 and len(beds) > 1)):
        yield 136
    if kind == "03" and sum(r["MA_NHOM"] == "13" for r in services) > 1:
        yield 137


def _presence(tables: Tables, version: str) -> Iterator[int]:
    head = tables["XML1"][0]
    tests = {r["MA_DICH_VU"] for r in tables.get("XML3", []) if r["MA_NHOM"] in {"1", "2", "3"}}
    if not {r["MA_DICH_VU"] for r in tables.get("XML4", [])} <= tests:
        yield 72
    for row in tables.get("XML4", []):
        if row["GIA_TRI"] and row["KET_LUAN"]:
            yield 148
        if not (row["GIA_TRI"] or row["MO_TA"] or row["KET_LUAN"]):
            yield 149
        if " " in row["MA_CHI_SO"]:
            yield 146
    kinds = {"2", "3", "1"} if version == "4210" else {"02", "05", "08", "03", "04", "06", "09"}
    if tables.get("XML5") and head["MA_LOAI_KCB"] not in kinds:
        yield 71
    if head["MA_NOI_DI"] and version != "4210" and not head["GIAY_CHUYEN_TUYEN"]:
        yield 18
    if head["MA_THE_BHYT"]:
        if not re.fullmatch(r"[A-Z]{2}[1-5]\d{12}", head["MA_THE_BHYT"]):
            yield 22
        if not (head["MA_DKBD"] and head["GT_THE_TU"] and head["GT_THE_DEN"]):
            yield 21
    if len([c for c in head["MA_BENH_KT"].split(";") if c]) > 12:
        yield 12
    if head["KET_QUA_DTRI"] not in set("12345") or head["MA_LOAI_RV"] not in set("1234"):
        yield 38
