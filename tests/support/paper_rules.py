"""Rules of the papers beside a dossier (XML6 to XML15) and of check-ins, written from their text for judging the twin.

Row names are those on the wire of the version. No code is shared with the twin.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime

Row = dict[str, str]
Tables = dict[str, list[Row]]

WARD = {"03", "04", "06", "09"}
LONGEST_REST, LONGEST_LEAVE, LONGEST_TB_LEAVE = 180, 30, 180
SHARED_6 = (
    "MA_THE_BHYT", "SO_CCCD", "NGAY_SINH", "GIOI_TINH", "DIA_CHI", "MATINH_CU_TRU", "MAHUYEN_CU_TRU", "MAXA_CU_TRU",
    "MA_CSKCB",
)  # fmt: skip
SHARED_13 = (
    "HO_TEN", "NGAY_SINH", "GIOI_TINH", "MA_QUOCTICH", "MA_DANTOC", "MA_NGHE_NGHIEP", "DIA_CHI", "MA_THE_BHYT",
    "GT_THE_DEN", "NGAY_VAO", "NGAY_VAO_NOI_TRU", "NGAY_RA", "CHAN_DOAN_RV", "MA_BENH_CHINH", "MA_BENH_KT",
    "MA_BENH_YHCT", "MA_LOAI_RV",
)  # fmt: skip
NEEDED_13 = (
    "SO_HOSO", "SO_CHUYENTUYEN", "GIAY_CHUYEN_TUYEN", "DAU_HIEU_LS", "QT_BENHLY", "HUONG_DIEU_TRI", "PHUONGTIEN_VC",
    "MA_LYDO_CT", "MA_BAC_SI", "MA_TTDV",
)  # fmt: skip
SHARED_14 = (
    "HO_TEN", "NGAY_SINH", "GIOI_TINH", "DIA_CHI", "MA_THE_BHYT", "GT_THE_DEN", "NGAY_VAO", "NGAY_VAO_NOI_TRU",
    "NGAY_RA", "CHAN_DOAN_RV", "MA_BENH_CHINH", "MA_BENH_KT", "MA_DOITUONG_KCB", "MA_CSKCB",
)  # fmt: skip


def day(text: str) -> date:
    assert len(text) in (8, 12)
    return datetime.strptime(text[:8], "%Y%m%d").date()


def is_day(text: str) -> bool:
    try:
        return len(text) == 8 and bool(day(text))
    except ValueError:
        return False


def differ(row: Row, head: Row, names: tuple[str, ...]) -> bool:
    """Whether a shared field is filled and says something else than XML1."""
    return any(row[name] and row[name] != head[name] for name in names if name in row)


def counted(row: Row, days: str, first: str, last: str) -> bool:
    """Whether the number of days is that of the two days, both ends counted."""
    return int(row[days]) == (day(row[last]) - day(row[first])).days + 1


def broken_papers(tables: Tables, version: str) -> Iterator[int]:
    head = tables["XML1"][0]
    if any(row["MA_LK"] != head["MA_LK"] for rows in tables.values() for row in rows):
        yield 77
    if {"XML0", "XML12"} & set(tables):
        yield 76
    if version == "4210":
        return
    kind = head["MA_LOAI_KCB"]
    if kind in WARD and head["MA_LOAI_RV"] != "3" and "XML7" not in tables:
        yield 69
    if "XML8" in tables and kind not in {"03", "04", "06"}:
        yield 70
    if "XML13" in tables and head["MA_LOAI_RV"] not in {"2", "5"}:
        yield 73
    if "XML14" in tables and not head["NGAY_TAI_KHAM"]:
        yield 74
    codes = [head["MA_BENH_CHINH"], *head["MA_BENH_KT"].split(";")]
    if "XML15" in tables and not any(re.match(r"A1[5-9]|B20\.0", code) for code in codes):
        yield 75
    for table, rules in _RULES.items():
        for row in tables.get(table, []):
            yield from rules(row, head)


def _hiv(row: Row, head: Row) -> Iterator[int]:
    if differ(row, head, SHARED_6):
        yield 154
    if "1" in row["MA_TINH_TRANG_DK"].split(";") and not row["LAN_XN_PCR"]:
        yield 155
    if "1" in row["MA_XU_TRI"].split(";"):
        span = (day(row["NGAY_KET_THUC_XU_TRI"]) - day(row["NGAY_BAT_DAU_XU_TRI"])).days
        if not row["SO_NGAY_CAP_THUOC_ARV"] or int(row["SO_NGAY_CAP_THUOC_ARV"]) > span:
            yield 156


def _ended(row: Row) -> Iterator[int]:
    if row["MA_DINH_CHI_THAI"] == "1":
        named = row["NGUYENNHAN_DINHCHI"] and row.get("THOIGIAN_DINHCHI", "-")
        if not named or not 1 <= int(row["TUOI_THAI"] or "0") <= 42:
            yield 157


def _discharge(row: Row, head: Row) -> Iterator[int]:
    yield from _ended(row)
    leave = (row["SO_NGAY_NGHI"], row["NGOAITRU_TUNGAY"], row["NGOAITRU_DENNGAY"])
    if any(leave) and not (all(leave) and counted(row, "SO_NGAY_NGHI", "NGOAITRU_TUNGAY", "NGOAITRU_DENNGAY")):
        yield 158
    if not (row["PP_DIEUTRI"] and row["MA_TTDV"] and row["MA_BS"]):
        yield 159


def _summary(row: Row, head: Row) -> Iterator[int]:
    if not 0 < len(row["TOMTAT_KQ"]) <= 4000:
        yield 160
    dead = (row["NGAY_SINHCON"], row["NGAY_CONCHET"], row["SO_CONCHET"])
    if any(dead) and not (all(dead) and dead[0] <= dead[1] and int(dead[2]) >= 1):
        yield 161
    if day(row["NGAY_CT"]) < day(head["NGAY_RA"]):
        yield 162


def _birth(row: Row, head: Row) -> Iterator[int]:
    if row["MA_BHXH_NND"] and not re.fullmatch(r"(?!0{10})\d{10}", row["MA_BHXH_NND"]):
        yield 163
    if row["MA_THE_NND"] and len(row["MA_THE_NND"]) != 15:
        yield 164
    dates = (row["NGAYSINH_NND"], row["NGAYCAP_CCCD_NND"], row["NGAY_CT"])
    if not all(map(is_day, dates)) or row["NGAYCAP_CCCD_NND"] > row["NGAY_CT"]:
        yield 165
    sizes = (("MA_DANTOC_NND", 2), ("MA_QUOCTICH", 3), ("MATINH_CU_TRU", 2), ("MAXA_CU_TRU", 5))
    if not all(re.fullmatch(rf"\d{{{size}}}", row[name]) for name, size in sizes):
        yield 166
    if not re.fullmatch(r"TE1\d{12}", row["MA_THE_TAM"]):
        yield 167
    phrases = (("SINHCON_PHAUTHUAT", "phẫu thuật"), ("SINHCON_DUOI32TUAN", "dưới 32 tuần"))
    if any(row[flag] not in {"0", "1"} or (row[flag] == "1") != (words in row["GHI_CHU"]) for flag, words in phrases):
        yield 168
    if int(row["SO_CON"]) < 1 or int(row["LAN_SINH"]) < 1 or int(row["CAN_NANG_CON"]) <= 0:
        yield 169


def _rest(row: Row, head: Row) -> Iterator[int]:
    if not 1 <= int(row["SO_NGAY"]) <= LONGEST_REST or not counted(row, "SO_NGAY", "TU_NGAY", "DEN_NGAY"):
        yield 170
    if "dưỡng thai" not in row["CHAN_DOAN_RV"]:
        yield 171


def _leave(row: Row, head: Row) -> Iterator[int]:
    yield from _ended(row)
    if not re.fullmatch(r"(?!0{10})\d{10}", row["MA_BHXH"]):
        yield 172
    longest = LONGEST_TB_LEAVE if re.match("A1[5-9]", head["MA_BENH_CHINH"]) else LONGEST_LEAVE
    if not 0 < int(row["SO_NGAY_NGHI"]) <= longest or not counted(row, "SO_NGAY_NGHI", "TU_NGAY", "DEN_NGAY"):
        yield 173
    within = row["TU_NGAY"] <= head["NGAY_RA"][:8] and row["DEN_NGAY"] >= head["NGAY_VAO"][:8]
    if not (within and row["TU_NGAY"] <= row["DEN_NGAY"]):
        yield 174
    if row["MAU_SO"] not in {"CT07", ""}:
        yield 175


def _referral(row: Row, head: Row) -> Iterator[int]:
    old = "MA_NOI_DEN" in row  # spelling of 4750
    source, target = ("MA_NOI_DI", "MA_NOI_DEN") if old else ("MA_CSKCB_DI", "MA_CSKCB_DEN")
    other = row["PP_DIEU_TRI"] != head["PP_DIEU_TRI"] if old else not row["TINH_TRANG_CT"]
    apart = (row[source], row[target]) != (head["MA_NOI_DI"], head["MA_NOI_DEN"])
    if differ(row, head, SHARED_13) or row["PP_DIEUTRI"] != head["PP_DIEU_TRI"] or other or apart:
        yield 176
    if not all(row[name] for name in (*NEEDED_13, target)):
        yield 177
    if row["NGAY_VAO_NOI_TRU"] and not row["TOMTAT_KQ"]:
        yield 178
    if not all(len(part) == 5 for part in row[source].split(";") if part):
        yield 179
    if row["MA_LYDO_CT"] not in {"1", "2", "3"}:
        yield 180


def _appointment(row: Row, head: Row) -> Iterator[int]:
    if differ(row, head, SHARED_14) or row["NGAY_HEN_KL"] != head["NGAY_TAI_KHAM"]:
        yield 176
    if day(row["NGAY_HEN_KL"]) <= day(head["NGAY_RA"]):
        yield 182
    if day(row["NGAY_CT"]) < day(head["NGAY_RA"]):
        yield 183


def _tb(row: Row, head: Row) -> Iterator[int]:
    if differ(row, head, ("HO_TEN", "SO_CCCD", "MA_CSKCB", "MA_BN")):
        yield 184


_RULES = {
    "XML6": _hiv, "XML7": _discharge, "XML8": _summary, "XML9": _birth, "XML10": _rest, "XML11": _leave,
    "XML13": _referral, "XML14": _appointment, "XML15": _tb,
}  # fmt: skip


def broken_check_in(row: Row) -> Iterator[int]:
    if row["MA_DOITUONG_KCB"] in {"", "2"}:
        yield 185
    if row.get("NGAY_VAO_NOI_TRU") and row["NGAY_VAO_NOI_TRU"] < row["NGAY_VAO"]:
        yield 186
    if row["NGAY_YL"] < row["NGAY_VAO"] or not (row["MA_DICH_VU"] or row.get("MA_THUOC")):
        yield 187
