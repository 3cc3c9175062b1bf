"""A generated twin in memory with its truth, and a parser of the tests' own for its canonical files."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from lxml import etree

from bienho.config import load_profile
from bienho.core.finding import Finding
from bienho.standards.xml130 import Dossier, UnreadableDossier, read_delivery
from bienho.synthetic import Plan, Summary, generate
from support.dossier_rules import Tables

BOARD = load_profile("gialai").assessment_board
DOSSIER_TABLES = [f"XML{n}" for n in range(1, 16) if n != 12]
Parsed = list[tuple[dict[str, Any], Tables]]
RENAMED = {
    "MA_THE": "MA_THE_BHYT", "TEN_BENH": "CHAN_DOAN_RV", "MA_BENH": "MA_BENH_CHINH", "MA_BENHKHAC": "MA_BENH_KT",
    "MA_LYDO_VVIEN": "MA_DOITUONG_KCB", "MA_NOI_CHUYEN": "MA_NOI_DI", "TINH_TRANG_RV": "MA_LOAI_RV",
    "T_TONGCHI": "T_TONGCHI_BV", "T_NGOAIDS": "T_BHTT_GDV", "TYLE_TT": "TYLE_TT_BH", "THANH_TIEN": "THANH_TIEN_BV",
    "DIEN_BIEN": "DIEN_BIEN_LS", "MIEN_CUNG_CT": "NGAY_MIEN_CCT",
}  # fmt: skip


def parse(data: bytes) -> Iterator[Tables]:
    """Dossiers of a canonical file by a parser of this test's own; those of 4210 under today's names."""
    for hoso in etree.fromstring(data).iter("HOSO"):
        tables: Tables = {}
        for part in hoso:
            kind = part.findtext("LOAIHOSO") or ""
            root = etree.fromstring(base64.b64decode(part.findtext("NOIDUNGFILE") or ""))
            rows = [e for e in root.iter() if len(e) and not len(e[0])]
            old = root.tag.startswith("DSACH") or root.find("MA_THE") is not None
            tables[kind] = [
                {_today(kind, str(e.tag)) if old else str(e.tag): e.text or "" for e in row} for row in rows
            ]
        yield tables


def _today(table: str, name: str) -> str:
    if table == "XML5" and name == "NGAY_YL":
        return "THOI_DIEM_DBLS"
    if table == "XML3" and name == "DON_GIA":
        return "DON_GIA_BH"
    return RENAMED.get(name, name)


class Made:
    """A generated twin with its truth in memory."""

    def __init__(self, plan: Plan, out: Path) -> None:
        self.plan, self.out = plan, out
        self.summary: Summary = generate(plan, out)
        self.dossiers: list[dict[str, Any]] = pq.read_table(out / "truth" / "dossiers.parquet").to_pylist()
        self.people = {p["person_id"]: p for p in pq.read_table(out / "truth" / "people.parquet").to_pylist()}
        self.errors: list[dict[str, Any]] = pq.read_table(out / "truth" / "errors.parquet").to_pylist()
        self.births, self.check_ins, self.assessments = (
            pq.read_table(out / "truth" / f"{name}.parquet").to_pylist()
            for name in ("births", "checkins", "assessments")
        )
        self.files = sorted({d["file"] for d in self.dossiers})
        self.bare = sorted({one["file"] for one in (*self.check_ins, *self.assessments)})

    def read(self, file: str) -> tuple[list[Finding], list[Dossier | UnreadableDossier]]:
        """What the reader makes of a file: findings of its envelopes, HOSO numbered through the members of a zip."""
        data, findings, dossiers = self.data(file), [], []
        parts = [data]
        if file.endswith(".zip"):
            with zipfile.ZipFile(io.BytesIO(data)) as packed:
                parts = [packed.read(name) for name in sorted(packed.namelist())]
        for part in parts:
            envelope = read_delivery(part, board_facility=BOARD)
            findings += envelope.findings
            dossiers += [replace(one, hoso=one.hoso + len(dossiers)) for one in envelope.dossiers]
        return findings, dossiers

    def data(self, file: str) -> bytes:
        return (self.out / file).read_bytes()


def parse_all(made: Made) -> Parsed:
    """(truth, tables) of every dossier of a canonical twin."""
    by_place = {(d["file"], d["hoso"]): d for d in made.dossiers}
    return [
        (by_place[file, number], tables)
        for file in made.files
        for number, tables in enumerate(parse(made.data(file)), 1)
    ]
