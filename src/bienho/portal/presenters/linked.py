"""How right the linkage of persons is, beside whatever rests on it: measured on made-up people, and by reviewers."""

from __future__ import annotations

from bienho.core.errors import DeniedError
from bienho.pipeline.estimate import Kind, estimate
from bienho.pipeline.reviewing import Calibration
from bienho.portal.components import Badge, Fact, Facts
from bienho.portal.desk import Desk
from bienho.portal.formats import number
from bienho.portal.language import later, t

CHAPTER = "/huong-dan/xet-nguoi/"


def quality(calibration: Calibration | None = None) -> Facts:
    """The estimate of this release with its data, and the answers of reviewers where there are enough."""
    found = estimate()
    items = [
        Fact(
            t("Cặp ghép đúng"),
            f"{number(100 * found.precision, 2)} %",
            badge=None if found.current else Badge(t("đo ở bản trước"), "warn"),
            note=t("trong các cặp đã ghép"),
        ),
        Fact(t("Cặp tìm thấy"), f"{number(100 * found.recall, 2)} %", note=t("trong các cặp đúng là một người")),
        Fact(t("Người đúng trọn"), f"{number(100 * found.whole, 2)} %", note=t("đủ mọi hồ sơ, không lẫn ai")),
        Fact(
            t("Đo trên"),
            t("{n} bản ghi giả lập", n=number(found.records)),
            note=t(
                "biết trước ai là ai; {k} bộ, đa số có số định danh, lỗi nhập như đã đo. Dữ liệu thật có thể khác.",
                k=number(found.packs),
            ),
        ),
    ]
    items += [_harder(kind) for kind in HARDER]
    if calibration is not None:
        items.append(
            Fact(
                t("Người xét trả lời một người"),
                t("{n} trong {m} cặp", n=number(calibration.same), m=number(calibration.answers)),
                note=t("chỉ mục ước {n}", n=number(round(calibration.expected, 1), 1)),
            )
        )
    return Facts(items)


HARDER: dict[Kind, str] = {
    "no_ids": later("Nếu ba trong năm người không có số định danh"),
    "twice": later("Nếu lỗi nhập nhiều gấp đôi"),
}


def _harder(kind: Kind) -> Fact:
    """The same figures on people who are harder to tell apart."""
    found = estimate(kind)
    right, seen = (f"{number(100 * share, 2)} %" for share in (found.precision, found.recall))
    return Fact(t(HARDER[kind]), t("{p} đúng, {r} tìm thấy", p=right, r=seen), note=t("trên dữ liệu giả lập khó hơn"))


LINK, PATIENT = "conformed.person_link", "standard.xml130_dossier"


def of_patient(desk: Desk, patient: str) -> Fact | None:
    """Whose record a patient of a facility is, with how right that is; None where the reader may not know."""
    try:
        own = desk.rows(LINK, ["person_key", "basis"], [("patient_key", "=", patient)], limit=1)
        if not own:
            return None
        if own[0]["basis"] != "index":
            return Fact(t("Người này"), t("chưa đối chiếu với cơ sở khác"), CHAPTER)
        patients = desk.rows(LINK, ["patient_key"], [("person_key", "=", own[0]["person_key"])])
        keys = [row["patient_key"] for row in patients]
        places = desk.totals(PATIENT, ["facility_code"], {"n": ("count", None)}, [("patient_key", "in", keys)])
    except DeniedError:
        return None
    told = t("{n} bản ghi ở {m} cơ sở", n=number(len(keys)), m=number(len(places)))
    return Fact(t("Người này"), told, CHAPTER, note=beside())


def beside() -> str:
    """The estimate in one line, for beside whatever rests on persons."""
    share = number(100 * estimate().precision, 2)
    return t("theo chỉ mục con người; ghép đúng {p} % trên dữ liệu giả lập đa số có số định danh", p=share)
