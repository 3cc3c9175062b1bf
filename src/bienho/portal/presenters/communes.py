"""Where patients live: encounters by commune, as map and table."""

from __future__ import annotations

from typing import Any

from bienho.portal import formats
from bienho.portal.components import Area, Cell, Column, Map, State, Table
from bienho.portal.components.map import levels, shapes
from bienho.portal.desk import Desk
from bienho.portal.formats import number
from bienho.portal.language import current_language, t


def nothing_yet() -> State:
    """A store that has received nothing."""
    return State(
        "empty",
        t("Kho chưa có dữ liệu"),
        t("Sau lần nhận đầu tiên, trang này cho biết cái gì đã về, từ ai, chậm bao lâu."),
        do=t("Trên máy chủ, chạy `bienho ingest THƯ_MỤC` với các tệp XML của cơ sở."),
    )


def commune_map(desk: Desk) -> Map | State:
    """Encounters by the commune in force today where the patient lives."""
    rows = desk.totals("conformed.encounter", ["commune_canonical"], {"n": ("count", None)}, order=[("n", "desc")])
    if not rows:
        return nothing_yet()
    profile = desk.profile
    inside = {row["commune_canonical"]: row["n"] for row in rows if row["commune_canonical"] in profile.commune_by_code}
    outside = sum(row["n"] for row in rows) - sum(inside.values())
    values = {code: inside.get(code, 0) for code in profile.commune_by_code}
    step, bounds = levels(values)
    paths = shapes(profile.id).paths
    areas = [
        Area(
            c.code,
            t("{name}: {n} lượt", name=commune_name(c), n=number(values[c.code])),
            step[c.code],
            f"/ho-so/?xa={c.code}",
            paths[c.code],
        )
        for c in sorted(profile.communes, key=lambda c: (-c.lat, c.lon))
        if c.code in paths
    ]
    return Map(
        "ban-do",
        t("Lượt khám theo nơi cư trú của người bệnh"),
        t(
            "{k} trong {all} xã, phường có người bệnh; {n} lượt ở ngoài tỉnh hoặc chưa rõ xã.",
            k=number(len(inside)),
            all=number(len(values)),
            n=number(outside),
        ),
        areas,
        _legend(bounds, values),
        _commune_table(desk, inside),
        t("Ô bản đồ tính từ điểm trung tâm xã, không phải địa giới pháp lý."),
        csv_url="?xuat=ban-do-bang.csv",
    )


def commune_name(commune: Any) -> str:
    kind = {"xã": t("Xã"), "phường": t("Phường")}.get(commune.type, "")
    return f"{kind} {commune.name}".strip() if current_language() == "vi" else f"{commune.name} ({kind.lower()})"


def _legend(bounds: list[float], values: dict[str, int]) -> list[tuple[int, str]]:
    legend, lower = [(0, t("không có"))], 1
    for step, bound in enumerate(bounds, 1):
        text = number(lower) if lower == bound else f"{number(lower)}–{number(bound)}"
        legend.append((step, text))
        lower = int(bound) + 1
    return legend


def _commune_table(desk: Desk, inside: dict[str, int]) -> Table:
    sides = {side.id: side.name_en if current_language() == "en" else side.name_vi for side in desk.profile.sides}
    rows = []
    for code, n in sorted(inside.items(), key=lambda item: -item[1]):
        commune = desk.profile.commune_by_code[code]
        rows.append(
            {
                "xa": Cell(commune_name(commune), f"/ho-so/?xa={code}"),
                "nua": Cell(sides[commune.side]),
                "n": Cell(number(n), raw=n),
                "ty": Cell(number(n / commune.population * 1000, 2) if commune.population else formats.DASH),
            }
        )
    return Table(
        "ban-do-bang",
        t("Lượt khám theo xã, phường"),
        [
            Column("xa", t("Xã, phường"), lead=True),
            Column("nua", t("Nửa tỉnh")),
            Column("n", t("Lượt khám"), "number"),
            Column("ty", t("Trên 1.000 dân"), "number"),
        ],
        rows,
        dense=True,
    )
