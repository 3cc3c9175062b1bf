"""Make a twin: people, visits, dossiers, files, truth. The same plan gives the same bytes, anywhere, at any time."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from bienho.config import ProvinceProfile, load_profile
from bienho.core.errors import StorageError, UsageError
from bienho.standards.xml130.write import (
    encode_content,
    write_assessment,
    write_check_in,
    write_dossier,
    write_envelope,
)
from bienho.synthetic import dirt
from bienho.synthetic.bare import Assessment, assessment_row, assessments, check_in
from bienho.synthetic.chance import stream
from bienho.synthetic.deliver import Shipment, shipments
from bienho.synthetic.dossier import Tables, build, ma_bn, ma_lk
from bienho.synthetic.dress import BARE_DRESSES, archive, dress_bare, dress_file, dress_subfile, style_of
from bienho.synthetic.lines import Row
from bienho.synthetic.people import Person, Population
from bienho.synthetic.places import Map
from bienho.synthetic.plan import Plan, Summary, version_on
from bienho.synthetic.truth import DOSSIER_TABLES, LOST, Truth, outcomes
from bienho.synthetic.visits import Schedule, Visit

Progress = Callable[[int, int], None]
"""Called with (dossiers written, dossiers in all)."""
_PER_MEMBER = 20  # dossiers in one envelope of a zip


def generate(plan: Plan, out: Path, progress: Progress | None = None) -> Summary:
    """Write a twin under `out`: `<facility>/<yyyymmdd>_<n>.xml` (or .zip) per delivery, and `truth/`.

    `out` must be new or empty, so that nothing of an older twin remains. Order of receipt within a facility is that of
    file names. Errors: UsageError (plan, folder not empty), StorageError (disk).
    """
    profile = load_profile("gialai")
    atlas = Map(profile, plan.facilities)
    if out.exists() and any(out.iterdir()):
        raise UsageError("USE-SYNTH-OUT", "Thư mục đích không trống.", hint="chọn một thư mục mới")
    try:
        out.mkdir(parents=True, exist_ok=True)
        return _Making(plan, out, atlas, _board_of(profile, plan), progress).run()
    except OSError as error:
        raise StorageError("STO-SYNTH-WRITE", f"Không ghi được dữ liệu mô phỏng: {error.strerror}.") from error


def _board_of(profile: ProvinceProfile, plan: Plan) -> str | None:
    """Code of the medical assessment board, None when it sends nothing under this plan."""
    code = profile.assessment_board
    return code if plan.board and code and (not plan.facilities or code in plan.facilities) else None


class _Making:
    """One run."""

    def __init__(self, plan: Plan, out: Path, atlas: Map, board: str | None, progress: Progress | None) -> None:
        self._plan, self._out, self._atlas, self._board, self._progress = plan, out, atlas, board, progress
        self._truth = Truth()
        self._summary = Summary()
        self._digest = hashlib.sha256()
        self._counts: dict[str, Counter[str]] = {
            name: Counter() for name in ("version", "kind", "style", "rows", "error")
        }
        self._total = 0

    def run(self) -> Summary:
        plan, summary = self._plan, self._summary
        last = plan.end - timedelta(days=1)
        persons = list(Population(plan.seed, plan.persons, self._atlas, last))
        for person in persons:
            self._truth.add_person(person, last)
        schedule = Schedule(plan, self._atlas, persons)
        visits: list[Visit] = [visit for person in persons for visit in schedule.of_person(person)]
        visits += list(schedule.archive(persons, len(visits)))
        ready = list(shipments(plan, visits))
        self._total = sum(len(shipment.items) for shipment in ready if not shipment.check_in)
        for shipment in ready:
            if shipment.check_in:
                self._report_arrivals(shipment)
            else:
                self._ship(shipment)
        if self._board:
            self._assess(self._board, persons)
        self._truth.settle()
        self._truth.write(self._out / "truth", plan)
        summary.persons, summary.births = len(persons), len(self._truth.births)
        summary.digest = self._digest.hexdigest()
        summary.outcomes = outcomes(self._truth.dossiers)
        by = self._counts
        summary.by_version, summary.by_kind, summary.by_style = (
            dict(sorted(by[k].items())) for k in ("version", "kind", "style")
        )
        summary.rows, summary.injected = dict(sorted(by["rows"].items())), dict(sorted(by["error"].items()))
        return summary

    def _ship(self, shipment: Shipment) -> None:
        plan, style = self._plan, style_of(shipment.style)
        file_error, faults = self._choose_dirt(shipment)
        hosos, entries = [], []
        for number, item in enumerate(shipment.items, 1):
            tables = build(item.visit, self._atlas, plan.seed, corrected=item.corrected)
            entry = self._entry(shipment, number, item.kind, item.visit, tables)
            if item.visit.delivery and item.kind == "first" and "XML9" in tables:
                self._truth.add_births(item.visit, item.visit.delivery, entry["ma_lk"], tables["XML9"])
            subfiles = write_dossier(tables, version=shipment.version, style=style)
            fault, done = faults.get(number), None
            if fault == "board_inside" and shipment.version != "4210":
                subfiles, done = dirt.board_inside(subfiles, self._record(item.visit))
            elif fault and fault not in ("board_inside", "broken_base64"):
                chance = stream(plan.seed, "fault", entry["ma_lk"])
                subfiles, done = dirt.inject(fault, subfiles, shipment.version, chance) or (subfiles, None)
            files = [(kind, encode_content(dress_subfile(data, shipment.style), style)) for kind, data in subfiles]
            if fault == "broken_base64":
                files, done = dirt.break_base64(files)
            if done:
                entry["injected"], entry["outcome"] = done.kind, done.outcome
                self._truth.add_error(entry, shipment.clinic.code, shipment.name, done)
                self._counts["error"][done.kind] += 1
            entry["content"] = (item.corrected, entry["injected"])
            hosos.append(files)
            entries.append(entry)
        data = self._enclose(shipment, hosos)
        if file_error:
            data = self._spoil(shipment, file_error, data, entries)
        self._truth.dossiers += entries
        self._store(shipment.name, data)
        if self._progress:
            self._progress(self._summary.dossiers, self._total)

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

    def _report_arrivals(self, shipment: Shipment) -> None:
        """One file of check-ins; every person's rows stand together."""
        plan, rows = self._plan, list[Row]()
        entries: list[dict[str, Any]] = []
        common = _bare_entry(shipment.clinic.code, shipment.name, shipment.version, shipment.style)
        for item in shipment.items:
            visit = item.visit
            told = check_in(visit, build(visit, self._atlas, plan.seed))
            if not told:
                continue
            entry: dict[str, Any] = {
                "hoso": len(rows) + 1,
                "rows": len(told),
                "ma_lk": ma_lk(visit, plan.seed),
                "ma_bn": ma_bn(visit, plan.seed),
                "person_id": visit.person.key,
                "arrived": visit.start,
            }
            entries.append(common | entry)
            rows += [row | {"STT": str(entry["hoso"] + place)} for place, row in enumerate(told)]
        if not rows:
            return
        data = write_check_in(rows, version=shipment.version, style=style_of(shipment.style))
        self._truth.check_ins += entries
        self._summary.check_ins += len(entries)
        self._store_bare(common, "XML0", len(rows), data, entries)

    def _assess(self, board: str, persons: Sequence[Person]) -> None:
        """The records of the board, a file per meeting."""
        plan = self._plan
        for seen in assessments(plan, persons):
            name = f"{board}/{seen[0].met:%Y%m%d}_0001.xml"
            r = stream(plan.seed, "dress", name)
            style = r.choice(BARE_DRESSES) if r.random() < plan.share_noncanonical else "canonical"
            version = version_on(seen[0].met)
            rows = [assessment_row(plan.seed, one) for one in seen]
            common = _bare_entry(board, name, version, style)
            entries = [
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
            self._truth.assessments += entries
            self._summary.assessments += len(entries)
            self._store_bare(common, "XML12", len(rows), data, entries)

    def _store_bare(
        self, common: dict[str, Any], table: str, rows: int, data: bytes, entries: list[dict[str, Any]]
    ) -> None:
        """Write one bare file, perhaps with an error in its first row."""
        plan, name, style = self._plan, common["file"], common["style"]
        r = stream(plan.seed, "dirt", name)
        if "bare_missing" in plan.dirt_kinds and style == "canonical" and r.random() < plan.dirt:
            data, done = dirt.bare_missing(data, table)
            entries[0]["injected"], entries[0]["outcome"] = done.kind, done.outcome
            document = "check_in" if table == "XML0" else "assessment"
            self._truth.add_error(entries[0], common["facility"], name, done, document)
            self._counts["error"][done.kind] += 1
        self._counts["rows"][table] += rows
        self._store(name, dress_bare(data, style))

    def _choose_dirt(self, shipment: Shipment) -> tuple[str | None, dict[int, str]]:
        """(error of the file or None, HOSO number → error). Only canonical files are spoilt: one cause at a time."""
        plan = self._plan
        if plan.dirt <= 0 or shipment.style != "canonical":
            return None, {}
        r = stream(plan.seed, "dirt", shipment.name)
        rate = min(1.0, plan.dirt / max(0.05, 1 - plan.share_noncanonical))
        of_file = [kind for kind in plan.dirt_kinds if kind in dirt.FILE_KINDS]
        of_dossier = [kind for kind in plan.dirt_kinds if kind not in (*dirt.FILE_KINDS, *dirt.BARE_KINDS)]
        if of_file and r.random() < rate * len(of_file) / len(plan.dirt_kinds):
            return r.choice(of_file), {}
        return None, {
            number: r.choice(of_dossier)
            for number, item in enumerate(shipment.items, 1)
            if of_dossier and item.kind == "first" and r.random() < rate
        }

    def _spoil(self, shipment: Shipment, kind: str, data: bytes, entries: list[dict[str, Any]]) -> bytes:
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
                    entry["outcome"] = dirt.ASIDE if place == whole else LOST
            note = f"{whole} of {len(entries)} HOSO are whole"
            injected = dirt.Injected(kind, "", "", dirt.ASIDE, None, note, "IN-TRUNCATED")
        self._truth.add_error(None, shipment.clinic.code, shipment.name, injected)
        self._counts["error"][kind] += 1
        return data

    def _entry(self, shipment: Shipment, number: int, kind: str, visit: Visit, tables: Tables) -> dict[str, Any]:
        counts = self._counts
        counts["version"][shipment.version] += 1
        counts["kind"][kind] += 1
        counts["style"][shipment.style] += 1
        for table in DOSSIER_TABLES:
            counts["rows"][table] += len(tables.get(table, ()))
        self._summary.dossiers += 1
        return {
            "dossier_no": self._summary.dossiers,
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
            **{f"rows_{table.lower()}": len(tables.get(table, ())) for table in DOSSIER_TABLES},
            "total_cost": Decimal(tables["XML1"][0]["T_TONGCHI_BV"]),
            "injected": None,
            "outcome": dirt.CLEAN,
        }

    def _store(self, name: str, data: bytes) -> None:
        path = self._out / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        self._digest.update(name.encode() + b"\0" + hashlib.sha256(data).digest())
        self._summary.files += 1
        self._summary.bytes += len(data)


def _bare_entry(facility: str, file: str, version: str, style: str) -> dict[str, Any]:
    """What the truth says of everything in one bare file."""
    return {
        "facility": facility, "file": file, "version": version, "style": style, "injected": None,
        "outcome": dirt.CLEAN,
    }  # fmt: skip
