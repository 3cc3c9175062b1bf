"""One dossier: the way of its data from the bytes received to the number it counts in, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa

from bienho.contracts import VAULT_MARKER, Contract, Field, catalogue
from bienho.contracts.counts import noted_rows
from bienho.core.ids import delivery_id, split_version
from bienho.portal import formats, words
from bienho.portal.components import Badge, Cell, Column, Fact, Facts, State, Step, Tab, Table, Tabs, Trail
from bienho.portal.desk import Desk, Row
from bienho.portal.formats import number
from bienho.portal.language import current_language, t
from bienho.portal.presenters import linked

SEALED = "•••"
ROWS_SHOWN = 200
#: XML1 first, then in the order of the decision; a check-in (XML0) comes alone.
SOURCE = tuple(f"standard.xml130_{n}" for n in (1, 0, *range(2, 16)))
#: Lines of an account or of a course of illness: a table even when there is one only.
LINES = frozenset(f"standard.xml130_{n}" for n in (2, 3, 4, 5))
CONFORMED = (
    "conformed.check_in",
    "conformed.encounter",
    "conformed.patient",
    "conformed.condition",
    "conformed.medication_request",
    "conformed.procedure",
    "conformed.supply",
    "conformed.observation",
    "conformed.clinical_note",
    "conformed.claim",
    "conformed.claim_item",
    "conformed.document",
    "conformed.birth",
    "conformed.referral",
    "conformed.appointment",
    "conformed.hiv_care",
    "conformed.tb_care",
    "conformed.assessment",
    "conformed.unmapped",
)
#: What a dossier of each kind becomes first.
FIRST = {"visit": "conformed.encounter", "check_in": "conformed.check_in", "assessment": "conformed.assessment"}
#: Keys say nothing to a reader of one dossier.
NOT_SHOWN = {"version_id", "encounter_key", "patient_key"}
PARTS = ("goc", "chuan-hoa", "phat-hien", "phien-ban")
Opened = Mapping[tuple[str, int], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Dossier:
    """The current version and what is known around it."""

    row: Row
    delivery: Row | None
    counts: Mapping[str, int]
    encounter: Row | None
    standardised: bool
    chapter: str

    @property
    def document(self) -> str:
        """visit, check_in or assessment."""
        return str(self.row["document"] or "visit")

    @property
    def received(self) -> list[str]:
        """Datasets in which this version has rows as received."""
        return [dataset for dataset in SOURCE if self.counts.get(dataset)]

    @property
    def version_id(self) -> int:
        return int(self.row["version_id"])

    @property
    def key(self) -> str:
        return str(self.row["dossier_key"])


def find(desk: Desk, key: str) -> Dossier | None:
    """The current version of a dossier, or None."""
    columns = [field.name for field in catalogue()["standard.xml130_dossier"].fields]
    rows = desk.rows("standard.xml130_dossier", columns, [("dossier_key", "=", key)], limit=1)
    if not rows:
        return None
    version = [("version_id", "=", rows[0]["version_id"])]
    delivery = desk.rows(
        "standard.delivery",
        ["delivery_id", "received_at", "bytes", "outcome"],
        [("delivery_id", "=", rows[0]["delivery_id"])],
        limit=1,
    )
    counts = _counts(desk, rows[0], SOURCE) if rows[0]["row_counts"] is None else _noted(rows[0]["row_counts"])
    encounter = desk.rows("conformed.encounter", ["week_start", "facility_code", "discharged_at"], version, limit=1)
    main = desk.rows("conformed.condition", ["chapter"], [*version, ("rank", "=", 1)], limit=1)
    chapter = (main[0]["chapter"] if main else None) or "chưa phân loại"
    first = FIRST[str(rows[0]["document"] or "visit")]
    standardised = bool(encounter or desk.rows(first, ["version_id"], version, limit=1))
    return Dossier(
        rows[0], delivery[0] if delivery else None, counts, encounter[0] if encounter else None, standardised, chapter
    )


def _noted(text: str) -> dict[str, int]:
    """Rows by dataset, from what the head notes of them (`XML1=1 XML2=3`)."""
    return {f"standard.xml130_{table.removeprefix('XML')}": count for table, count in noted_rows(text).items()}


def _counts(desk: Desk, head: Row, datasets: Sequence[str]) -> dict[str, int]:
    """Rows by dataset, counted in one statement, for every look through the gate is recorded."""
    # the version is current, so its rows need not be asked for that again
    asked = " UNION ALL ".join(
        f"SELECT '{name}' AS dataset, count(*) AS n FROM {name} WHERE version_id = {int(head['version_id'])}"
        for name in datasets
    )
    return {row["dataset"]: int(row["n"]) for row in desk.answer(asked, versions="all")}


def trail(dossier: Dossier, part: str) -> Trail:
    """Receipt → rows as received → standardised rows → number."""
    here = f"/ho-so/{dossier.key}/"
    delivery = dossier.row["delivery_id"]
    rows = sum(dossier.counts[dataset] for dataset in dossier.received)
    tables = ", ".join(str(catalogue()[dataset].standard_table) for dataset in dossier.received)
    common = t(words.STANDARDISED[dossier.document]) if dossier.standardised else ""
    week = dossier.encounter["week_start"] if dossier.encounter else None
    steps = [
        Step(
            t("1. Bản gốc đã nhận"),
            delivery,
            t("{when}, hồ sơ thứ {n}", when=formats.moment(dossier.row["received_at"]), n=dossier.row["hoso"]),
            f"/giao-nhan/{delivery}/",
        ),
        Step(
            t("2. Dòng như đã nhận"),
            t("{n} dòng", n=number(rows)),
            t("bảng {names}", names=tables),
            here,
            part == "goc",
        ),
        Step(
            t("3. Dòng chuẩn hóa"),
            common or t("Chưa chuẩn hóa"),
            t("ngày ra viện {d}", d=formats.day(dossier.encounter["discharged_at"])) if dossier.encounter else "",
            f"{here}?phan=chuan-hoa",
            part == "chuan-hoa",
        ),
        Step(
            t("4. Con số có hồ sơ này"),
            formats.week(week) if week else t("Không vào số nào"),
            t("lượt khám, chương {c}", c=dossier.chapter) if week else _why_in_no_number(dossier),
            number_url(dossier) if week else "",
        ),
    ]
    return Trail(t("Đường đi của dữ liệu"), steps)


def _why_in_no_number(dossier: Dossier) -> str:
    return t("không đọc được ngày") if dossier.document == "visit" else t("chỉ số đếm lượt khám, chữa bệnh")


def number_url(dossier: Dossier) -> str:
    """The explained number this dossier counts in."""
    if not dossier.encounter or not dossier.encounter["week_start"]:
        return ""
    query = {
        "co_so": dossier.row["facility_code"],
        "tuan": dossier.encounter["week_start"].isoformat(),
        "chuong": dossier.chapter,
    }
    return f"/chi-so/encounters/?{urlencode(query)}"


def facts(desk: Desk, dossier: Dossier) -> Facts:
    row = dossier.row
    person = linked.of_patient(desk, row["patient_key"])
    return Facts(
        [
            Fact(
                t("Cơ sở"),
                desk.facility_name(row["facility_code"]),
                f"/ho-so/?{urlencode({'co_so': row['facility_code'] or ''})}",
                note=row["facility_code"] or "",
            ),
            Fact(
                t("Định dạng"),
                words.word(words.VERSIONS, row["format_version"]),
                note=words.word(words.EVIDENCE, row["version_evidence"]),
            ),
            _document(desk, dossier),
            *([person] if person else []),
            Fact(t("Khóa hồ sơ"), row["dossier_key"], code=True, clipped=True, note=t("bấm để thấy đủ và chép")),
            Fact(
                t("Mã phiên bản"),
                str(row["version_id"]),
                code=True,
                note=t("lần nhận {d}, hồ sơ thứ {n}", d=row["delivery_id"], n=row["hoso"]),
            ),
        ]
    )


def _document(desk: Desk, dossier: Dossier) -> Fact:
    """What kind of dossier it is; from a check-in, the way to the visit it belongs to."""
    name, word = t("Loại hồ sơ"), words.word(words.DOCUMENTS, dossier.document)
    visit = dossier.row["encounter_key"]
    if dossier.document != "check_in" or not visit:
        return Fact(name, word)
    if not desk.count("standard.xml130_dossier", [("dossier_key", "=", visit)]):
        return Fact(name, word, note=t("hồ sơ của lượt khám chưa gửi"))
    return Fact(name, word, f"/ho-so/{visit}/", note=t("bấm để xem hồ sơ của lượt khám"))


def tabs(dossier: Dossier, part: str) -> Tabs:
    here = f"/ho-so/{dossier.key}/"
    titles = {
        "goc": t("Như đã nhận"),
        "chuan-hoa": t("Chuẩn hóa"),
        "phat-hien": t("Phát hiện"),
        "phien-ban": t("Các phiên bản"),
    }
    items = [
        Tab(title, here if name == "goc" else f"{here}?phan={name}", part == name) for name, title in titles.items()
    ]
    return Tabs(t("Các phần của hồ sơ"), items)


def source_rows(desk: Desk, dossier: Dossier) -> dict[str, list[Row]]:
    """Rows as received by dataset, at most `ROWS_SHOWN` of each, in file order."""
    found: dict[str, list[Row]] = {}
    for dataset in dossier.received:
        columns = [field.name for field in catalogue()[dataset].fields]
        version = [("version_id", "=", dossier.version_id)]
        found[dataset] = desk.rows(dataset, columns, version, [("row_no", "asc")], ROWS_SHOWN)
    return found


def source_tables(dossier: Dossier, rows: Mapping[str, list[Row]], opened: Mapping[str, Opened]) -> list[Table]:
    """A record that comes alone as a list of fields, lines as tables of those that occur. Sealed texts are `•••`."""
    tables = []
    for dataset, found in rows.items():
        contract = catalogue()[dataset]
        texts = opened.get(dataset, {})
        tables.append(
            _lines(dossier, contract, found, texts)
            if dataset in LINES or len(found) > 1
            else _field_list(contract, found[0], texts)
        )
    return tables


def _field_list(contract: Contract, row: Row, opened: Opened) -> Table:
    rows = [
        {"ten": Cell(f.name), "nghia": Cell(f.description, lang="vi"), "gia": _value(contract, f, row, opened)}
        for f in contract.official_fields
        if row[f.name] is not None
    ]
    absent = [f.name for f in contract.official_fields if row[f.name] is None]
    note = t("{n} trường không có trong tệp: {names}", n=len(absent), names=", ".join(absent)) if absent else ""
    columns = [
        Column("ten", t("Trường"), "code", lead=True),
        Column("nghia", t("Ý nghĩa")),
        Column("gia", t("Giá trị")),
    ]
    return Table(contract.name, title(contract), columns, rows, dense=True, note=note, pairs=True)


def _lines(dossier: Dossier, contract: Contract, rows: list[Row], opened: Opened) -> Table:
    used = [f for f in contract.official_fields if any(row[f.name] for row in rows)]
    unused = [f.name for f in contract.official_fields if f not in used]
    total = dossier.counts[contract.id]
    notes = []
    if total > len(rows):
        notes.append(t("Chỉ hiện {n} trong {total} dòng.", n=number(len(rows)), total=number(total)))
    if unused:
        names = ", ".join(unused)
        notes.append(t("{n} trường để trống hoặc không có trong tệp: {names}", n=len(unused), names=names))
    note = " ".join(notes)
    return Table(
        contract.name,
        title(contract),
        [Column("row_no", t("Dòng"), "number"), *(Column(f.name, f.name) for f in used)],
        [
            {"row_no": Cell(number(row["row_no"])), **{f.name: _value(contract, f, row, opened) for f in used}}
            for row in rows
        ],
        dense=True,
        note=note,
    )


def _value(contract: Contract, field: Field, row: Row, opened: Opened) -> Cell:
    value = row[field.name]
    if value is None:
        return Cell(formats.DASH)
    if value == "":
        return Cell(t("(để trống)"))
    if value == VAULT_MARKER:
        text = opened.get((contract.id, int(row["row_no"])), {}).get(field.name)
        return Cell(SEALED, note="") if text is None else Cell(text, opened=True, lang="vi")
    return Cell(str(value))


def title(contract: Contract) -> str:
    return contract.title_en if current_language() == "en" else contract.title_vi


def identify(
    desk: Desk, dossier: Dossier, rows: Mapping[str, list[Row]], purpose: str, reason: str
) -> dict[str, Opened]:
    """Open the sealed texts of the shown rows through the gate, which records each look with its reason."""
    texts: dict[str, Opened] = {}
    for dataset, found in rows.items():
        sealed = [f.name for f in catalogue()[dataset].official_fields if any(r[f.name] == VAULT_MARKER for r in found)]
        if not sealed:
            continue
        asked: dict[str, Sequence[Any]] = {
            "record_id": [dossier.row["record_id"]] * len(found),
            "table_name": [catalogue()[dataset].standard_table] * len(found),
            "row_no": [int(row["row_no"]) for row in found],
            **{name: [row[name] for row in found] for name in sealed},
        }
        schema = pa.schema(
            [
                ("record_id", pa.string()),
                ("table_name", pa.string()),
                ("row_no", pa.int64()),
                *((n, pa.string()) for n in sealed),
            ]
        )
        _, answer = desk.house.gate.identify(desk.actor, purpose, pa.table(asked, schema=schema), sealed, reason)
        texts[dataset] = {
            (dataset, row["row_no"]): {n: row[n] for n in sealed if row[n] not in (None, "", VAULT_MARKER)}
            for row in answer.to_pylist()
        }
    return texts


def conformed_tables(desk: Desk, dossier: Dossier) -> list[Table]:
    """Standardised rows by dataset; columns without a value in any row are left out."""
    tables = []
    counts = _counts(desk, dossier.row, CONFORMED)
    for dataset in CONFORMED:
        if not counts[dataset]:
            continue
        contract = catalogue()[dataset]
        names = [field.name for field in contract.fields]
        rows = desk.rows(dataset, names, [("version_id", "=", dossier.version_id)], limit=ROWS_SHOWN)
        used = [f for f in contract.fields if f.name not in NOT_SHOWN and any(row[f.name] is not None for row in rows)]
        if len(rows) == 1:
            tables.append(_one(contract, used, rows[0]))
            continue
        kinds = {
            f.name: "number" if f.physical_type.startswith(("DECIMAL", "BIGINT", "INTEGER")) else "text" for f in used
        }
        tables.append(
            Table(
                contract.name,
                title(contract),
                [Column(f.name, f.name, kinds[f.name]) for f in used],  # type: ignore[arg-type]
                [{f.name: Cell(plain(row[f.name])) for f in used} for row in rows],
                dense=True,
            )
        )
    return tables


def _one(contract: Contract, used: Sequence[Field], row: Row) -> Table:
    columns = [
        Column("ten", t("Trường"), "code", lead=True),
        Column("nghia", t("Ý nghĩa")),
        Column("gia", t("Giá trị")),
    ]
    rows = [
        {"ten": Cell(f.name), "nghia": Cell(f.description, lang="vi"), "gia": Cell(plain(row[f.name]))} for f in used
    ]
    return Table(contract.name, title(contract), columns, rows, dense=True, pairs=True)


def plain(value: Any) -> str:
    """A typed value as people read it."""
    if value is None:
        return formats.DASH
    if isinstance(value, bool):
        return t("có") if value else t("không")
    if hasattr(value, "hour"):
        return formats.moment(value)
    if hasattr(value, "isoformat"):
        return formats.day(value)
    if isinstance(value, Decimal | float):
        return number(value, 3)
    return str(value)


def versions(desk: Desk, dossier: Dossier) -> Table:
    """All versions, newest first."""
    old = desk.rows(
        "standard.superseded",
        ["version_id", "by_version_id"],
        [("dossier_key", "=", dossier.key)],
        [("version_id", "desc")],
    )
    rows = [{"tt": Cell("", badge=Badge(t("Hiện hành"), "ok")), **_version(dossier.version_id)}]
    rows += [
        {
            "tt": Cell("", badge=Badge(t("Đã thay"), "quiet")),
            **_version(row["version_id"]),
            "boi": Cell(str(row["by_version_id"])),
        }
        for row in old
    ]
    return Table(
        "cac-phien-ban",
        t("{n} phiên bản; bản mới nhất là bản hiện hành", n=number(len(rows))),
        [
            Column("ma", t("Mã phiên bản"), "code", lead=True),
            Column("tt", t("Tình trạng")),
            Column("lan", t("Lần nhận"), "code"),
            Column("boi", t("Bị thay bởi"), "code"),
        ],
        rows,
    )


def _version(version_id: int) -> dict[str, Cell]:
    name = delivery_id(split_version(version_id)[0])
    return {"ma": Cell(str(version_id)), "lan": Cell(name, f"/giao-nhan/{name}/")}


def sealed_state(dossier: Dossier) -> State:
    return State(
        "partial",
        t("Định danh đang được giữ kín"),
        t("Ô “•••” là giá trị mã hóa trong két. Muốn xem, chọn mục đích và ghi lý do; lần xem sẽ được ghi tên bạn."),
    )
