"""The data catalogue, straight from the contracts: it needs no gate, for it shows no data."""

from __future__ import annotations

from bienho.contracts import Contract, Field, catalogue
from bienho.portal import words
from bienho.portal.components import Badge, Cell, Column, Fact, Facts, Tab, Table, Tabs
from bienho.portal.desk import Desk
from bienho.portal.formats import number
from bienho.portal.language import current_language, t


def title(contract: Contract) -> str:
    return contract.title_en if current_language() == "en" else contract.title_vi


def owner(desk: Desk, unit: str) -> str:
    """Name of the unit that owns a dataset."""
    return next((known.name_vi for known in desk.profile.units if known.id == unit), unit)


def zone_tabs(chosen: str) -> Tabs:
    counts: dict[str, int] = {}
    for contract in catalogue().values():
        counts[contract.zone] = counts.get(contract.zone, 0) + 1
    items = [Tab(t("Tất cả"), "/danh-muc-du-lieu/", not chosen, number(len(catalogue())))]
    for zone, name in words.ZONES.items():
        if zone in counts:
            items.append(Tab(t(name), f"/danh-muc-du-lieu/?vung={zone}", chosen == zone, number(counts[zone])))
    return Tabs(t("Vùng dữ liệu"), items)


def datasets(desk: Desk, zone: str) -> Table:
    rows = []
    for contract in sorted(catalogue().values(), key=_in_order):
        if zone and contract.zone != zone:
            continue
        sealed = len(contract.vault_fields)
        rows.append(
            {
                "ten": Cell(title(contract), f"/danh-muc-du-lieu/{contract.id}/", note=contract.id),
                "vung": Cell(words.word(words.ZONES, contract.zone)),
                "truong": Cell(number(len(contract.fields))),
                "ket": Cell(number(sealed) if sealed else "—", raw=sealed),
                "chu": Cell(owner(desk, contract.owner)),
                "nhip": Cell(t(contract.cadence)),
                "luu": Cell(retention(contract.retention)),
            }
        )
    return Table(
        "danh-muc",
        t("Các bộ dữ liệu"),
        [
            Column("ten", t("Bộ dữ liệu"), lead=True),
            Column("vung", t("Vùng")),
            Column("truong", t("Số trường"), "number"),
            Column("ket", t("Trường trong két"), "number"),
            Column("chu", t("Đơn vị chủ")),
            Column("nhip", t("Nhịp")),
            Column("luu", t("Lưu giữ")),
        ],
        rows,
        csv_url=f"?vung={zone}&xuat=danh-muc.csv" if zone else "?xuat=danh-muc.csv",
    )


def _in_order(contract: Contract) -> tuple[int, list[str]]:
    """By zone, then by name with numbers as numbers: XML2 before XML10."""
    return list(words.ZONES).index(contract.zone), [part.rjust(3, "0") for part in contract.name.split("_")]


def retention(value: str) -> str:
    """`10 y` as `10 năm`."""
    count, _, unit = value.strip().partition(" ")
    if not unit and count[-1:].isalpha():
        count, unit = count[:-1], count[-1]
    known = {"y": t("{n} năm", n=count), "m": t("{n} tháng", n=count), "d": t("{n} ngày", n=count)}
    return known.get(unit, value)


def facts(desk: Desk, contract: Contract) -> Facts:
    sealed = len(contract.vault_fields)
    return Facts(
        [
            Fact(t("Tên trong kho"), contract.id, code=True),
            Fact(t("Vùng"), words.word(words.ZONES, contract.zone)),
            Fact(t("Một dòng là"), contract.grain),
            Fact(t("Khóa"), ", ".join(contract.key), code=True),
            Fact(t("Đơn vị chủ"), owner(desk, contract.owner)),
            Fact(t("Căn cứ pháp lý"), contract.legal_basis),
            Fact(t("Nhịp cập nhật"), t(contract.cadence)),
            Fact(t("Lưu giữ"), retention(contract.retention)),
            Fact(t("Có phiên bản"), t("có, xem bản hiện hành") if contract.versioned else t("không")),
            Fact(
                t("Trường trong két"),
                number(sealed) if sealed else "—",
                note=t("giá trị mã hóa riêng, chỉ mở khi có mục đích và lý do")
                if sealed
                else t("không có định danh trực tiếp"),
            ),
        ]
    )


def fields(contract: Contract) -> Table:
    return Table(
        "cac-truong",
        t("{n} trường", n=number(len(contract.fields))),
        [
            Column("ten", t("Trường"), "code", lead=True),
            Column("nghia", t("Ý nghĩa")),
            Column("kieu", t("Kiểu")),
            Column("lop", t("Lớp bảo vệ")),
            Column("ma", t("Bộ mã, khuôn dạng")),
            Column("buoc", t("Bắt buộc")),
        ],
        [_field(contract, field) for field in contract.fields],
        csv_url="?xuat=cac-truong.csv",
    )


def _field(contract: Contract, field: Field) -> dict[str, Cell]:
    length = t("tối đa {n} ký tự", n=number(field.max_length)) if field.max_length else ""
    required = t("có") if field.required else "—"
    return {
        "ten": Cell(field.name, note=t("trong két") if field.in_vault else ""),
        "nghia": Cell(field.description or "—", lang="vi", note=_history(field)),
        "kieu": Cell(field.received_type or field.logical_type, note=length),
        "lop": Cell("", badge=words.data_class(field.data_class)),
        "ma": Cell(field.code_system or "—", lang="vi" if field.code_system else ""),
        "buoc": Cell(required, note=field.required_when or ""),
    }


def _history(field: Field) -> str:
    parts = []
    if field.introduced_in:
        parts.append(t("từ QĐ {v}", v=field.introduced_in))
    if field.renamed_from:
        parts.append(t("trước QĐ {v} gọi {name}", v=field.renamed_in, name=field.renamed_from))
    if field.dropped_in:
        parts.append(t("QĐ {v} đã bỏ", v=field.dropped_in))
    return "; ".join(parts)


def access(contract: Contract) -> Badge:
    """In one badge: how carefully this dataset is to be handled."""
    classes = {field.data_class for field in contract.fields}
    worst = next(code for code in ("text", "sensitive", "personal", "open") if code in classes)
    return words.data_class(worst)
