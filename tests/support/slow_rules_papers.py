"""Rules of the papers beside a visit (XML6 to XML15) and of check-ins (XML0), row by row; see `slow_rules`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal

from support.slow_rules_visit import Case, Place, Row

Found = Iterator[tuple[int, str]]
SAME = {
    "XML6": (
        154,
        1,
        "MA_THE_BHYT SO_CCCD NGAY_SINH GIOI_TINH DIA_CHI MATINH_CU_TRU MAHUYEN_CU_TRU MAXA_CU_TRU MA_CSKCB",
    ),
    "XML13": (
        176,
        2,
        "HO_TEN NGAY_SINH GIOI_TINH MA_QUOCTICH MA_DANTOC MA_NGHE_NGHIEP DIA_CHI MA_THE_BHYT GT_THE_DEN NGAY_VAO"
        " NGAY_VAO_NOI_TRU NGAY_RA CHAN_DOAN_RV MA_BENH_CHINH MA_BENH_KT MA_BENH_YHCT MA_LOAI_RV",
    ),
    "XML15": (184, 2, "HO_TEN SO_CCCD MA_CSKCB"),
}


def papers(case: Case) -> Iterator[Place]:
    judges = {
        "XML0": _check_in, "XML6": _hiv, "XML7": _discharge, "XML8": _summary, "XML9": _birth, "XML10": _rest,
        "XML11": _leave, "XML13": _referral, "XML14": _appointment,
    }  # fmt: skip
    for table, judge in judges.items():
        for number, row in enumerate(case.rows(table), 1):
            for rule, name in judge(case, row):
                yield rule, table, number, name
    for table, (rule, since, names) in SAME.items():
        for number, row in enumerate(case.rows(table), 1):
            for name in names.split():
                here, there = row[name], case.head[name]
                if case.rank >= since and here and there and here != there:
                    yield rule, table, number, name


def _folded(text: str | None) -> str:
    return unicodedata.normalize("NFC", text or "").lower()


def _check_in(case: Case, row: Row) -> Found:
    kind, listed = row["MA_DOITUONG_KCB"], "value_set MA_DOITUONG_KCB"
    if case.rank == 3 and kind and case.there(listed) and not case.known(listed, kind):
        yield 185, "MA_DOITUONG_KCB"
    came, ward = row.moment("NGAY_VAO"), row.moment("NGAY_VAO_NOI_TRU")
    if came and ward and ward < came:
        yield 186, "NGAY_VAO_NOI_TRU"


def _hiv(case: Case, row: Row) -> Found:
    if case.rank < 1:
        return
    if "1" in (row["MA_TINH_TRANG_DK"] or "").split(";") and not row.has("LAN_XN_PCR"):
        yield 155, "LAN_XN_PCR"
    days, first, last = (
        row.number("SO_NGAY_CAP_THUOC_ARV"),
        row.day("NGAY_BAT_DAU_XU_TRI"),
        row.day("NGAY_KET_THUC_XU_TRI"),
    )
    missing = "1" in (row["MA_XU_TRI"] or "").split(";") and not row.has("SO_NGAY_CAP_THUOC_ARV")
    if missing or (days is not None and first and last and days > (last - first).days):
        yield 156, "SO_NGAY_CAP_THUOC_ARV"


def _discharge(case: Case, row: Row) -> Found:
    if case.rank < 1:
        return
    if row.number("MA_DINH_CHI_THAI") == 1:
        for name in ("NGUYENNHAN_DINHCHI", "THOIGIAN_DINHCHI", "TUOI_THAI"):
            if not row.has(name):
                yield 157, name
        age = row.number("TUOI_THAI")
        if age is not None and not 1 <= age <= 42:
            yield 157, "TUOI_THAI"
    group = ("SO_NGAY_NGHI", "NGOAITRU_TUNGAY", "NGOAITRU_DENNGAY")
    if row.has(*group):
        for name in group:
            if not row.has(name):
                yield 158, name


def _summary(case: Case, row: Row) -> Found:
    if case.rank < 1:
        return
    born, died = row.day("NGAY_SINHCON"), row.day("NGAY_CONCHET")
    came, left = case.head.day("NGAY_VAO"), case.head.day("NGAY_RA")
    if born and died and died < born:
        yield 161, "NGAY_CONCHET"
    if row.has("NGAY_CONCHET") and (row.number("SO_CONCHET") or 0) < 1:
        yield 161, "SO_CONCHET"
    if row.has("NGAY_CONCHET") and not row.has("NGAY_SINHCON"):
        yield 161, "NGAY_SINHCON"
    if (row.number("SO_CONCHET") or 0) >= 1 and not row.has("NGAY_CONCHET"):
        yield 161, "NGAY_CONCHET"
    if born and ((came and born < came) or (left and born > left)):
        yield 161, "NGAY_SINHCON"
    signed = row.day("NGAY_CT")
    if signed and left and signed < left:
        yield 162, "NGAY_CT"


def _birth(case: Case, row: Row) -> Found:
    if case.rank < 1:
        return
    number = row["MA_BHXH_NND"]
    if number and (not re.fullmatch("[0-9]{10}", number) or number == "0" * 10):
        yield 163, "MA_BHXH_NND"
    if row["MA_THE_NND"] and len(row["MA_THE_NND"] or "") != 15:
        yield 164, "MA_THE_NND"
    issued = row.day("NGAYCAP_CCCD_NND")
    if issued and issued > case.received:
        yield 165, "NGAYCAP_CCCD_NND"
    for name, size in (("MA_DANTOC_NND", 2), ("MA_QUOCTICH", 3), ("MATINH_CU_TRU", 2), ("MAXA_CU_TRU", 5)):
        if row[name] and not re.fullmatch(f"[0-9]{{{size}}}", row[name] or ""):
            yield 166, name
    if row["MA_THE_TAM"] and not re.fullmatch("TE1[0-9]{12}", row["MA_THE_TAM"] or ""):
        yield 167, "MA_THE_TAM"
    note, silent = _folded(row["GHI_CHU"]), False
    for name, phrase in (("SINHCON_PHAUTHUAT", "phẫu thuật"), ("SINHCON_DUOI32TUAN", "32 tuần")):
        value = row.number(name)
        if value not in (None, Decimal(0), Decimal(1)):
            yield 168, name
        silent |= value == 1 and phrase not in note
    if silent:
        yield 168, "GHI_CHU"
    for name in ("SO_CON", "LAN_SINH"):
        value = row.number(name)
        if value is not None and value < 1:
            yield 169, name
    weight = row.number("CAN_NANG_CON")
    if weight is not None and weight <= 0:
        yield 169, "CAN_NANG_CON"


def _span(row: Row, days: Decimal | None) -> bool:
    """Whether the days from TU_NGAY to DEN_NGAY, both counted, are known to be others."""
    first, last = row.day("TU_NGAY"), row.day("DEN_NGAY")
    return days is not None and first is not None and last is not None and days != (last - first).days + 1


def _rest(case: Case, row: Row) -> Found:
    if case.rank < 1:
        return
    days = row.number("SO_NGAY")
    if days is not None and (not 1 <= days <= 180 or _span(row, days)):
        yield 170, "SO_NGAY"
    if row.has("CHAN_DOAN_RV") and "dưỡng thai" not in _folded(row["CHAN_DOAN_RV"]):
        yield 171, "CHAN_DOAN_RV"


def _leave(case: Case, row: Row) -> Found:
    if case.rank < 1:
        return
    number = row["MA_BHXH"]
    if number and (not re.fullmatch("[0-9]{10}", number) or number == "0" * 10):
        yield 172, "MA_BHXH"
    days = row.number("SO_NGAY_NGHI")
    if days is not None:
        codes = f"{case.head['MA_BENH_CHINH'] or ''};{case.head['MA_BENH_KT'] or ''}".split(";")
        most = 30
        if any(re.match("A1[5-9]", code) for code in codes):
            most = 180
        elif row.number("MA_DINH_CHI_THAI") == 1 and (row.number("TUOI_THAI") or 0) >= 13:
            most = 50
        if not 1 <= days <= most or (days <= 30 and _span(row, days)):
            yield 173, "SO_NGAY_NGHI"
    first, last = row.day("TU_NGAY"), row.day("DEN_NGAY")
    came, left = case.head.day("NGAY_VAO"), case.head.day("NGAY_RA")
    if first and ((last and first > last) or (left and first > left)):
        yield 174, "TU_NGAY"
    if last and came and last < came:
        yield 174, "DEN_NGAY"
    if row["MAU_SO"] not in (None, "CT07"):
        yield 175, "MAU_SO"


def _referral(case: Case, row: Row) -> Found:
    if case.rank < 2:
        return
    if not row.has("MA_CSKCB_DEN"):
        yield 177, "MA_CSKCB_DEN"
    if case.rank == 3 and not row.has("TINH_TRANG_CT", "PP_DIEUTRI"):
        yield 177, "TINH_TRANG_CT"
    sender = row["MA_CSKCB_DI"]
    if sender and any(len(part) != 5 for part in sender.split(";")):
        yield 179, "MA_CSKCB_DI"
    if row.number("MA_LYDO_CT") not in (None, Decimal(1), Decimal(2), Decimal(3)):
        yield 180, "MA_LYDO_CT"
    doctor = row["MA_BAC_SI"]
    if case.rank == 3 and doctor and "." in doctor and not re.fullmatch("[^.]+[.]HD[.][0-9A-Z]{5}", doctor):
        yield 181, "MA_BAC_SI"


def _appointment(case: Case, row: Row) -> Found:
    if case.rank < 2:
        return
    due, signed = row.day("NGAY_HEN_KL"), row.day("NGAY_CT")
    left, came = case.head.day("NGAY_RA"), case.head.day("NGAY_VAO")
    if due and left and due <= left:
        yield 182, "NGAY_HEN_KL"
    if signed and came and signed < came:
        yield 183, "NGAY_CT"
