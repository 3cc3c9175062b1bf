"""The maker of one file: the dossiers of a shipment built, spoilt where the plan says so, dressed, enclosed, written.

Nothing is kept between two files, so any process may make any of them: what a file brought (`Made`) goes back to the
one place where truth is put together in order.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from bienho.standards.xml130.write import (
    encode_content,
    write_assessment,
    write_check_in,
    write_dossier,
    write_envelope,
)
from bienho.synthetic import dirt
from bienho.synthetic.chance import stream
from bienho.synthetic.dossiers.bare import Assessment, assessment_row, check_in
from bienho.synthetic.dossiers.dossier import Tables, build, ma_bn, ma_lk
from bienho.synthetic.dossiers.lines import Row
from bienho.synthetic.dossiers.visits import Visit
from bienho.synthetic.events.scenarios import stage
from bienho.synthetic.places import Map
from bienho.synthetic.plan import Plan, version_on
from bienho.synthetic.sending.deliver import Shipment
from bienho.synthetic.sending.dress import BARE_DRESSES, archive, dress_bare, dress_file, dress_subfile, style_of
from bienho.synthetic.truth import DOSSIER_TABLES, birth_rows, error_row

_PER_MEMBER = 20  # dossiers in one envelope of a zip
_ROWS = tuple((table, f"rows_{table.lower()}") for table in DOSSIER_TABLES)
Entry = dict[str, Any]


@dataclass(slots=True)
class Made:
    """One written file: what goes into the digest, and the truth about what is in it, table by table."""

    name: str
    size: int = 0
    digest: bytes = b""
    dossiers: list[Entry] = field(default_factory=list)
    check_ins: list[Entry] = field(default_factory=list)
    assessments: list[Entry] = field(default_factory=list)
    births: list[Entry] = field(default_factory=list)
    errors: list[Entry] = field(default_factory=list)
    rows: Counter[str] = field(default_factory=Counter)


class FileMaker:
    """Writes the files of one plan under `out`."""

    def __init__(self, plan: Plan, out: Path, atlas: Map) -> None:
        self._plan, self._out, self._atlas = plan, out, atlas
        self._staging = stage(plan, atlas)

    def make(self, shipment: Shipment, first: int) -> Made | None:
        """Write one shipment; its dossiers are numbered from `first`. None when there is nothing to tell."""
        if shipment.check_in:
            return self._report_arrivals(shipment)
        return self._ship(shipment, first)

    def _ship(self, shipment: Shipment, first: int) -> Made:
        made, style = Made(shipment.name), style_of(shipment.style)
        file_error, faults = self._choose_dirt(shipment)
        hosos = []
        for number, item in enumerate(shipment.items, 1):
            tables = build(item.visit, self._atlas, self._plan.seed, corrected=item.corrected)
            entry = self._entry(shipment, number, item.kind, item.visit, tables)
            entry["dossier_no"] = first + number - 1
            if item.visit.delivery and item.kind == "first" and "XML9" in tables:
                made.births += birth_rows(item.visit, item.visit.delivery, entry["ma_lk"], tables["XML9"])
            subfiles = write_dossier(tables, version=shipment.version, style=style)
            soiled: list[dirt.Injected] = []
            if not faults.get(number) and shipment.style == "canonical":
                subfiles, soiled = dirt.soil(self._plan, item.visit, entry["ma_lk"], subfiles, shipment.version)
            subfiles, done = self._inject(faults.get(number), subfiles, shipment.version, item.visit, entry["ma_lk"])
            files = [(kind, encode_content(dress_subfile(data, shipment.style), style)) for kind, data in subfiles]
            if faults.get(number) == "broken_base64":
                files, done = dirt.break_base64(files)
            for one in (*soiled, done) if done else soiled:
                entry["injected"] = entry["injected"] or one.kind
                entry["outcome"] = one.outcome if one.outcome != dirt.CLEAN else entry["outcome"]
                made.errors.append(error_row(entry, shipment.clinic.code, shipment.name, one))
            entry["content"] = (item.corrected, entry["injected"], tuple(soiled))
            made.rows.update({table: len(rows) for table, rows in tables.items()})
            hosos.append(files)
            made.dossiers.append(entry)
        data = self._enclose(shipment, hosos)
        if file_error:
            data = self._spoil(shipment, file_error, data, made)
        if befallen := dirt.befallen(shipment):
            made.errors.append(error_row(None, shipment.clinic.code, shipment.name, befallen))
        if befallen and shipment.missing:
            for entry in made.dossiers:
                entry["injected"], entry["outcome"] = befallen.kind, dirt.LOST
            return made
        return self._store(made, data)

    def _inject(
        self, fault: str | None, subfiles: list[tuple[str, bytes]], version: str, visit: Visit, key: str
    ) -> tuple[list[tuple[str, bytes]], dirt.Injected | None]:
        """Sub-files with an error put in, where there is one to be put in before they are packed."""
        if not fault or fault == "broken_base64":
            return subfiles, None
        if fault == "board_inside":
            return dirt.board_inside(subfiles, self._record(visit)) if version != "4210" else (subfiles, None)
        return dirt.inject(fault, subfiles, version, stream(self._plan.seed, "fault", key)) or (subfiles, None)

    def _record(self, visit: Visit) -> bytes:
        """A record of the board on the patient of a visit."""
        row = assessment_row(self._plan.seed, Assessment(visit.person, visit.end.date(), visit.serial))
        row["DIEN_THOAI"] = row["DIEN_THOAI"] or "0" * 10
        return write_assessment([row], version=version_on(visit.end.date()))

    def _enclose(self, shipment: Shipment, hosos: Sequence[Sequence[tuple[str, str]]]) -> bytes:
        """The file of a shipment: one envelope, or a zip of several."""
        size = _PER_MEMBER if shipment.style == "zip" else len(hosos)
        envelopes = [
            write_envelope(
                hosos[start : start + size],
                facility=shipment.clinic.code,
                created=f"{shipment.created:%Y%m%d}",
                style=style_of(shipment.style),
            )
            for start in range(0, len(hosos), size)
        ]
        return archive(envelopes) if shipment.style == "zip" else dress_file(envelopes[0], shipment.style)

    def _report_arrivals(self, shipment: Shipment) -> Made | None:
        """One file of check-ins; every person's rows stand together."""
        plan, rows, made = self._plan, list[Row](), Made(shipment.name)
        common = _bare_entry(shipment.clinic.code, shipment.name, shipment.version, shipment.style)
        for item in shipment.items:
            visit = item.visit
            told = check_in(visit, build(visit, self._atlas, plan.seed))
            if not told:
                continue
            entry: Entry = {
                "hoso": len(rows) + 1,
                "rows": len(told),
                "ma_lk": ma_lk(visit, plan.seed),
                "ma_bn": ma_bn(visit, plan.seed),
                "person_id": visit.person.key,
                "arrived": visit.start,
            }
            made.check_ins.append(common | entry)
            rows += [row | {"STT": str(entry["hoso"] + place)} for place, row in enumerate(told)]
        if not rows:
            return None
        data = write_check_in(rows, version=shipment.version, style=style_of(shipment.style))
        return self._store_bare(made, made.check_ins, "XML0", len(rows), data)

    def assess(self, board: str, seen: Sequence[Assessment]) -> Made:
        """The records of one meeting of the board."""
        plan = self._plan
        name = f"{board}/{seen[0].met:%Y%m%d}_0001.xml"
        r = stream(plan.seed, "dress", name)
        style = r.choice(BARE_DRESSES) if r.random() < plan.share_noncanonical else "canonical"
        version = version_on(seen[0].met)
        rows = [assessment_row(plan.seed, one) for one in seen]
        common = _bare_entry(board, name, version, style)
        made = Made(name)
        made.assessments += [
            common | {
                "hoso": number,
                "record": one.record,
                "person_id": one.person.key,
                "met": one.met,
                "rate": int(row["TONG_TYLE_TTCT"]),
            }
            for number, (one, row) in enumerate(zip(seen, rows, strict=True), 1)
        ]  # fmt: skip
        data = write_assessment(rows, version=version, style=style_of(style))
        return self._store_bare(made, made.assessments, "XML12", len(rows), data)

    def _store_bare(self, made: Made, entries: Sequence[Entry], table: str, rows: int, data: bytes) -> Made:
        """Write one bare file, perhaps with an error in its first row."""
        plan, first = self._plan, entries[0]
        r = stream(plan.seed, "dirt", made.name)
        if "bare_missing" in plan.dirt_kinds and first["style"] == "canonical" and r.random() < plan.dirt:
            data, done = dirt.bare_missing(data, table)
            first["injected"], first["outcome"] = done.kind, done.outcome
            document = "check_in" if table == "XML0" else "assessment"
            made.errors.append(error_row(first, first["facility"], made.name, done, document))
        made.rows[table] += rows
        return self._store(made, dress_bare(data, first["style"]))

    def _choose_dirt(self, shipment: Shipment) -> tuple[str | None, dict[int, str]]:
        """(error of the file or None, HOSO number → error). Only canonical files are spoilt: one cause at a time."""
        plan = self._plan
        spoilt = max(plan.dirt, self._staging.entry_errors(shipment.clinic.code, shipment.created))
        if spoilt <= 0 or shipment.style != "canonical":
            return None, {}
        r = stream(plan.seed, "dirt", shipment.name)
        rate = min(1.0, spoilt / max(0.05, 1 - plan.share_noncanonical))
        of_file = [kind for kind in plan.dirt_kinds if kind in dirt.FILE_KINDS]
        of_dossier = [kind for kind in plan.dirt_kinds if kind not in (*dirt.FILE_KINDS, *dirt.BARE_KINDS)]
        if of_file and r.random() < rate * len(of_file) / len(plan.dirt_kinds):
            return r.choice(of_file), {}
        return None, {
            number: r.choice(of_dossier)
            for number, item in enumerate(shipment.items, 1)
            if of_dossier and item.kind == "first" and r.random() < rate
        }

    def _spoil(self, shipment: Shipment, kind: str, data: bytes, made: Made) -> bytes:
        entries = made.dossiers
        if kind == "wrong_count":
            note = "one more than the file holds"
            injected = dirt.Injected(kind, "", "SOLUONGHOSO", dirt.CLEAN, 188, note, "IN-HOSO-COUNT")
            data = dirt.miscount(data, len(entries))
        else:
            keep = 0.35 + 0.55 * stream(self._plan.seed, "cut", shipment.name).random()
            data, whole = dirt.truncate(data, keep)
            for place, entry in enumerate(entries):
                if place >= whole:
                    entry["injected"] = kind
                    entry["outcome"] = dirt.ASIDE if place == whole else dirt.LOST
            note = f"{whole} of {len(entries)} HOSO are whole"
            injected = dirt.Injected(kind, "", "", dirt.ASIDE, None, note, "IN-TRUNCATED")
        made.errors.append(error_row(None, shipment.clinic.code, shipment.name, injected))
        return data

    def _entry(self, shipment: Shipment, number: int, kind: str, visit: Visit, tables: Tables) -> Entry:
        return {
            "facility": shipment.clinic.code,
            "ma_lk": ma_lk(visit, self._plan.seed),
            "ma_bn": ma_bn(visit, self._plan.seed),
            "person_id": visit.person.key,
            "version": shipment.version,
            "style": shipment.style,
            "file": shipment.name,
            "hoso": number,
            "kind": kind,
            "visit_kind": visit.kind,
            "icd10": visit.condition.code,
            "admitted": visit.start,
            "discharged": visit.end,
            "created": shipment.created,
            **{name: len(tables.get(table, ())) for table, name in _ROWS},
            "total_cost": Decimal(tables["XML1"][0]["T_TONGCHI_BV"]),
            "injected": None,
            "outcome": dirt.CLEAN,
        }

    def _store(self, made: Made, data: bytes) -> Made:
        path = self._out / made.name
        try:
            path.write_bytes(data)
        except FileNotFoundError:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        made.size, made.digest = len(data), hashlib.sha256(data).digest()
        return made


def _bare_entry(facility: str, file: str, version: str, style: str) -> Entry:
    """What the truth says of everything in one bare file."""
    return {
        "facility": facility, "file": file, "version": version, "style": style, "injected": None,
        "outcome": dirt.CLEAN,
    }  # fmt: skip
