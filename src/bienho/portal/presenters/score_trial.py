"""Another formula tried on one week: every weight the formula holds, nothing kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from bienho.portal import formats, words
from bienho.portal.components import Cell, Column, Field, Form, State, Table
from bienho.portal.desk import MOST_ROWS, Desk
from bienho.portal.language import t
from bienho.portal.presenters.scores import (
    FACILITY_HREF,
    LOSS,
    TRIAL_HREF,
    ByFacility,
    Scope,
    dimension_title,
    dimensions,
    nothing_yet,
    points,
)
from bienho.quality.scores import TOTAL, Formula, Lost, reshare, reweigh, standing

ASIDE = "quality.quarantine"
SEVERITIES = {"error": "loi", "warning": "canh-bao"}
QUARANTINE = "cach-ly"
WHOLE = 1000


def weights(formula: Formula) -> dict[str, tuple[str, int, int]]:
    """Every weight of a formula: name in the address → (what it is called, its value, the most it may be)."""
    made = {one.id: (dimension_title(one.id), one.weight, 100) for one in formula.dimensions}
    for code, name in SEVERITIES.items():
        made[name] = (t("Phát hiện mức {s}", s=t(words.SEVERITIES[code][0])), formula.severity[code], WHOLE)
    made[QUARANTINE] = (t("Phần bị cách ly"), formula.quarantine, WHOLE)
    told = [(one.code, one.weight) for one in formula.late]
    told += [(one.code, one.weight) for one in formula.faults if one.code and one.weight is not None]
    for code, weight in told:
        title = t(words.CAUSES[code]) if code in words.CAUSES else code
        made[code.lower()] = (title, weight, WHOLE)
    return made


def form(scope: Scope, given: Mapping[str, str]) -> tuple[Form, Formula | None]:
    """The weights as they are or were typed, and the formula with them; None where they cannot be used."""
    formula, fields, typed = standing(), [], {}
    known = weights(formula)
    for name, (title, value, most) in known.items():
        text = given.get(name, str(value)).strip()[:5]
        right = text.isascii() and text.isdigit() and int(text) <= most
        if right:
            typed[name] = int(text)
        error = "" if right else t("Ghi một số nguyên từ 0 đến {n}.", n=most)
        fields.append(Field(name, title, value=text, digits=True, error=error))
    summed = sum(typed.get(name, 0) for name in dimensions())
    if len(typed) == len(known) and summed != 100:
        error = t("Sáu trọng số phải cộng thành 100, nay là {n}.", n=summed)
        fields[0] = replace(fields[0], error=error)
    kept = [Field("tuan", "", "hidden", scope.week.isoformat()), Field("bo", "", "hidden", scope.dataset)]
    title = t("Trọng số của sáu chiều (cộng thành 100), và phần nghìn hồ sơ mà mỗi phát hiện trừ")
    made = Form("thu", [*fields, *kept], t("Thử"), TRIAL_HREF, inline=True, title=title)
    return made, None if made.errors else changed(formula, typed)


def changed(formula: Formula, typed: Mapping[str, int]) -> Formula:
    """The formula with other weights."""
    return replace(
        formula,
        dimensions=tuple(replace(one, weight=typed[one.id]) for one in formula.dimensions),
        severity={**formula.severity, **{code: typed[name] for code, name in SEVERITIES.items()}},
        quarantine=typed[QUARANTINE],
        late=tuple(replace(one, weight=typed[one.code.lower()]) for one in formula.late),
        faults=tuple(
            replace(one, weight=typed[one.code.lower()]) if one.code and one.weight is not None else one
            for one in formula.faults
        ),
    )


def trial(desk: Desk, scope: Scope, found: ByFacility, formula: Formula) -> Table | State:
    """Scores over all by the formula beside those that stand, the largest change first."""
    if replace(formula, dimensions=standing().dimensions) == standing():
        tried = {
            code: reshare(formula, {name: row["score"] for name, row in held.items() if name != TOTAL})
            for code, held in found.items()
        }
    else:
        lost = _lost(desk, scope)
        if lost is None:
            return State("partial", t("Tuần này có quá nhiều dòng để thử trên trang"),
                         do=t("Thử trên máy chủ: `bienho quality simulate --formula TỆP`."))  # fmt: skip
        tried = {
            code: reweigh(formula, {name: row["units"] for name, row in held.items() if name != TOTAL},
                          lost.get(code, ()))
            for code, held in found.items()
        }  # fmt: skip
    made = [(code, held[TOTAL]["score"], tried[code][TOTAL]) for code, held in found.items()
            if TOTAL in held and TOTAL in tried[code]]  # fmt: skip
    made.sort(key=lambda one: (-abs(one[2] - one[1]), one[0]))
    rows: list[dict[str, Any]] = [
        {
            "cs": Cell(desk.facility_name(code), replace(scope, facility=code).url(FACILITY_HREF), note=code),
            "co": Cell(points(now), raw=now),
            "thu": Cell(points(then), raw=then),
            "lech": Cell(_signed(then - now), raw=then - now),
        }
        for code, now, then in made
    ]
    return Table(
        "thu-diem",
        t("Điểm chung nếu đổi trọng số: {week}", week=formats.week(scope.week)),
        [
            Column("cs", t("Cơ sở"), lead=True),
            Column("co", t("Đang có"), "number"),
            Column("thu", t("Thử"), "number"),
            Column("lech", t("Chênh lệch"), "number"),
        ],
        rows,
        empty=nothing_yet(),
        note=t("Không lưu gì. Đổi cả hạn gửi, số mong đợi, số tuần: `bienho quality simulate --formula TỆP`."),
        dense=True,
    )


def _lost(desk: Desk, scope: Scope) -> dict[str, list[Lost]] | None:
    """Facility → its rows that cost points in the week; None where there are more than a page may hold."""
    by = ["facility_code", "dimension", "version_id", "code", "rule", "severity"]
    rows = desk.totals(LOSS, by, {"n": ("count", None), "lost": ("sum", "lost")}, scope.filter)
    aside = desk.totals(ASIDE, ["version_id"], {"n": ("count", None)})
    if MOST_ROWS in (len(rows), len(aside)):
        return None
    loose = {row["version_id"] for row in aside}
    found: dict[str, list[Lost]] = {}
    for row in rows:
        found.setdefault(row["facility_code"], []).append(
            Lost(row["dimension"], row["code"], row["rule"], row["severity"], row["version_id"], row["n"],
                 int(row["lost"]), row["version_id"] in loose)
        )  # fmt: skip
    return found


def _signed(value: Decimal) -> str:
    shown = points(abs(value))
    return shown if shown == points(Decimal(0)) else f"+{shown}" if value > 0 else f"−{shown}"
