"""The list of dossiers, filtered by what the standardised encounter says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.http import HttpRequest

from bienho.core.ids import delivery_id, split_version
from bienho.portal import formats, words
from bienho.portal.components import Badge, Cell, State
from bienho.portal.desk import Desk, Row
from bienho.portal.formats import number
from bienho.portal.language import t
from bienho.portal.listing import Listing, Select, Show
from bienho.portal.presenters.deliveries import facility_options, moment_cell, short

ENCOUNTER = "conformed.encounter"
WEEKS_SHOWN = 60
MOST_VERSIONS = 10_000
NEEDS = (
    "version_id",
    "encounter_key",
    "facility_code",
    "format_version",
    "visit_type_name",
    "discharged_at",
    "week_start",
    "commune_canonical",
    "age_years",
)


def listing(desk: Desk, request: HttpRequest) -> Listing:
    """Current dossiers. Filters on findings and on the chapter of the main diagnosis become lists of versions."""
    badges: dict[int, Badge] = {}
    return Listing(
        id="ho-so",
        caption=t("Hồ sơ hiện hành"),
        dataset=ENCOUNTER,
        needs=NEEDS,
        order=("version_id", "desc"),
        tie="version_id",
        fixed=_narrowed(desk, request),
        prepare=lambda rows: badges.update(_states(desk, rows)),
        selects=(
            Select("co_so", t("Cơ sở"), "facility_code", options=facility_options(desk)),
            Select("mau", t("Định dạng"), "format_version", options=list(words.VERSIONS.items())),
            Select("tuan", t("Tuần ra viện"), "week_start", options=_weeks(desk), convert=date.fromisoformat),
            Select("xa", t("Nơi cư trú"), "commune_canonical", options=_communes(desk)),
        ),
        shows=_shows(desk, badges),
        empty=State(
            "empty",
            t("Kho chưa có hồ sơ nào"),
            t("Hồ sơ hiện ở đây sau khi một lần nhận được xử lý xong."),
            href="/giao-nhan/",
            link=t("Xem các lần nhận"),
        ),
    )


def _shows(desk: Desk, badges: dict[int, Badge]) -> tuple[Show, ...]:
    """The columns of the list; `badges` are filled once its rows are read."""
    return (
        Show(
            "khoa",
            t("Khóa hồ sơ"),
            lambda r: Cell(short(r["encounter_key"]), f"/ho-so/{r['encounter_key']}/", raw=r["encounter_key"]),
            "code",
            lead=True,
            about=t("Khóa của hồ sơ trong kho; không chứa số của người bệnh"),
        ),
        Show(
            "cs",
            t("Cơ sở"),
            lambda r: Cell(desk.facility_name(r["facility_code"]), note=r["facility_code"] or ""),
            sort="facility_code",
        ),
        Show("ra", t("Ra viện"), lambda r: moment_cell(r["discharged_at"]), "date", sort="discharged_at"),
        Show("tuan", t("Tuần"), lambda r: Cell(formats.week(r["week_start"])), sort="week_start", shown=False),
        Show(
            "loai",
            t("Loại hình"),
            lambda r: Cell(r["visit_type_name"] or formats.DASH, lang="vi"),
            sort="visit_type_name",
        ),
        Show(
            "tuoi",
            t("Tuổi"),
            lambda r: Cell(number(r["age_years"]), raw=r["age_years"]),
            "number",
            sort="age_years",
            shown=False,
        ),
        Show(
            "xa",
            t("Nơi cư trú"),
            lambda r: Cell(_commune(desk, r["commune_canonical"])),
            sort="commune_canonical",
            shown=False,
        ),
        Show(
            "mau",
            t("Định dạng"),
            lambda r: Cell(words.word(words.VERSIONS, r["format_version"])),
            sort="format_version",
        ),
        Show(
            "lan",
            t("Lần nhận"),
            _delivery,
            "code",
            sort="version_id",
            about=t("Lần nhận đã mang bản hiện hành của hồ sơ tới"),
        ),
        Show(
            "kq",
            t("Tình trạng"),
            lambda r: Cell("", badge=badges.get(r["version_id"]) or words.outcome("accepted")),
            about=t("Số phát hiện đang mở của hồ sơ, theo mức nặng nhất"),
        ),
    )


def extra_filters(request: HttpRequest) -> list[tuple[str, str, str]]:
    """(name, value, words) of the filters that come by link rather than by form."""
    found = []
    chapter, flaw = request.GET.get("chuong", ""), request.GET.get("phat_hien", "")
    if chapter:
        found.append(("chuong", chapter, t("Chương bệnh {c}", c=chapter)))
    if flaw in words.SEVERITIES:
        found.append(("phat_hien", flaw, t("Có phát hiện mức “{s}”", s=t(words.SEVERITIES[flaw][0]))))
    return found


def not_standardised(desk: Desk) -> int:
    """Dossiers in the store without an encounter: their XML1 row is listed as not standardised, with a reason."""
    return desk.count("conformed.unmapped", [("table_name", "=", "XML1")])


def _narrowed(desk: Desk, request: HttpRequest) -> Sequence[tuple[str, str, Any]]:
    filters: list[tuple[str, str, Any]] = []
    for name, value, _ in extra_filters(request):
        if name == "chuong":
            filters.append(("version_id", "in", _of_chapter(desk, request, value)))
        else:
            rows = desk.totals(
                "quality.finding",
                ["version_id"],
                {"n": ("count", None)},
                [("severity", "=", value), ("version_id", "not_null", None)],
                [("version_id", "desc")],
                MOST_VERSIONS,
            )
            filters.append(("version_id", "in", [row["version_id"] for row in rows]))
    return filters


def _of_chapter(desk: Desk, request: HttpRequest, chapter: str) -> list[int]:
    """Versions whose main diagnosis is of the chapter, newest first; the facility narrows the search when given."""
    filters: list[tuple[str, str, Any]] = [("rank", "=", 1)]
    filters.append(("chapter", "=", chapter) if chapter != "chưa phân loại" else ("chapter", "is_null", None))
    if request.GET.get("co_so"):
        filters.append(("facility_code", "=", request.GET["co_so"]))
    order = [("version_id", "desc")]
    rows = desk.rows("conformed.condition", ["version_id"], filters, order, MOST_VERSIONS)
    return [row["version_id"] for row in rows]


def _states(desk: Desk, rows: list[Row]) -> dict[int, Badge]:
    """What is worst about each shown version; nothing for whoever may read dossiers and no findings."""
    ids = [row["version_id"] for row in rows]
    if not ids:
        return {}
    measures = {"n": ("count", None)}
    among = [("version_id", "in", ids)]
    found = desk.try_part(lambda: desk.totals("quality.finding", ["version_id", "severity"], measures, among))
    if isinstance(found, State):
        return {}
    rank = {"info": 0, "warning": 1, "error": 2}
    worst: dict[int, Row] = {}
    for row in found:
        held = worst.get(row["version_id"])
        if held is None or rank.get(row["severity"], 0) > rank.get(held["severity"], 0):
            worst[row["version_id"]] = row
    tones = {code: tone for code, (_, tone) in words.SEVERITIES.items()}
    return {
        version: Badge(t("{n} phát hiện", n=number(row["n"])), tones.get(row["severity"], "quiet"))
        for version, row in worst.items()
    }


def _weeks(desk: Desk) -> list[tuple[str, str]]:
    rows = desk.totals(
        ENCOUNTER,
        ["week_start"],
        {"n": ("count", None)},
        [("week_start", "not_null", None)],
        [("week_start", "desc")],
        WEEKS_SHOWN,
    )
    return [(row["week_start"].isoformat(), formats.week(row["week_start"])) for row in rows]


def _communes(desk: Desk) -> list[tuple[str, str]]:
    return sorted(((c.code, c.name) for c in desk.profile.communes), key=lambda pair: pair[1])


def _commune(desk: Desk, code: str | None) -> str:
    known = desk.profile.commune_by_code.get(code or "")
    return known.name if known else (code or formats.DASH)


def _delivery(row: Row) -> Cell:
    name = delivery_id(split_version(row["version_id"])[0])
    return Cell(name, f"/giao-nhan/{name}/")
