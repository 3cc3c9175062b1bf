"""Rows of the two treatment programmes: XML6 (care of people with HIV) and XML15 (tuberculosis)."""

from __future__ import annotations

import random
from datetime import date, timedelta

from bienho.synthetic.dossiers.courses import TB_DAYS, Hiv, Tb
from bienho.synthetic.dossiers.lines import Row
from bienho.synthetic.dossiers.visits import Visit

_FIRST_REGIMEN, _REGIMEN = "TDF+3TC+EFV", "TDF+3TC+DTG"


def _text(day: date) -> str:
    return f"{day:%Y%m%d}"


def hiv_care(visit: Visit, hiv: Hiv, r: random.Random) -> Row:
    """A visit for ARV of a stable person without tuberculosis; viral load once a year."""
    day = visit.start.date()
    sampled = day - timedelta(days=(day - hiv.arv).days % 365)  # on the anniversary of ARV
    return {
        "NGAYKD_HIV": _text(hiv.confirmed),
        "NOI_LAY_MAU_XN": visit.clinic.code,
        "NOI_XN_KD": visit.clinic.code,
        "NOI_BDDT_ARV": visit.clinic.code,
        "BDDT_ARV": _text(hiv.arv),
        "MA_PHAC_DO_DIEU_TRI_BD": _FIRST_REGIMEN,
        "MA_BAC_PHAC_DO_BD": "1",
        "MA_LYDO_DTRI": "1",
        "LOAI_DTRI_LAO": "0",
        "SANG_LOC_LAO": "2",
        "KQ_DTRI_LAO": "7",
        "MA_LYDO_XNTL_VR": "1",
        "NGAY_XN_TLVR": _text(sampled),
        "KQ_XNTL_VR": r.choice("11111112"),
        "NGAY_KQ_XN_TLVR": _text(min(day, sampled + timedelta(days=7))),
        "MA_LOAI_BN": "1",
        "GIAI_DOAN_LAM_SANG": "1",
        "NHOM_DOI_TUONG": "0",
        "MA_TINH_TRANG_DK": "9",
        "MA_XU_TRI": "1",
        "NGAY_BAT_DAU_XU_TRI": _text(day),
        "NGAY_KET_THUC_XU_TRI": _text(day + timedelta(days=visit.days)),
        "MA_PHAC_DO_DIEU_TRI": _REGIMEN,
        "MA_BAC_PHAC_DO": "1",
        "SO_NGAY_CAP_THUOC_ARV": str(visit.days),
        "NGAY_CHUYEN_PHAC_DO": _text(hiv.switched),
        "LY_DO_CHUYEN_PHAC_DO": "5",
    }


def tb_treatment(visit: Visit, tb: Tb) -> Row:
    """One visit of a course: under way, or completed at the last."""
    day = visit.end.date()
    done = (visit.start.date() - tb.started).days >= TB_DAYS - 7
    values = {
        "STT": "1",
        "PHANLOAI_LAO_VITRI": "1",
        "PHANLOAI_LAO_TS": "2" if tb.retreated else "1",
        "PHANLOAI_LAO_HIV": "1" if tb.hiv else "2",
        "PHANLOAI_LAO_VK": "1" if tb.confirmed else "2",
        "LOAI_DTRI_LAO": "2",
        "NGAYBD_DTRI_LAO": _text(tb.started),
        "PHACDO_DTRI_LAO": "1",
        "NGAYKT_DTRI_LAO": _text(day) if done else "",
        "KET_QUA_DTRI_LAO": "2" if done else "1",
    }
    if tb.hiv:
        values |= {
            "NGAYKD_HIV": _text(tb.hiv.confirmed),
            "BDDT_ARV": _text(tb.hiv.arv),
            "NGAY_BAT_DAU_DT_CTX": _text(tb.started + timedelta(days=14)),
        }
    return values
