"""Make a twin: people, visits, dossiers, files, truth. The same plan gives the same bytes, anywhere, at any time."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from bienho.config import load_profile
from bienho.core.errors import StorageError, UsageError
from bienho.standards.xml130.write import STYLES, TABLES, encode_content, write_dossier, write_envelope
from bienho.synthetic import dirt
from bienho.synthetic.chance import stream
from bienho.synthetic.deliver import Shipment, shipments
from bienho.synthetic.dossier import build, ma_bn, ma_lk
from bienho.synthetic.people import Population
from bienho.synthetic.places import Map
from bienho.synthetic.plan import Plan, Summary
from bienho.synthetic.truth import LOST, Truth, outcomes
from bienho.synthetic.visits import Schedule, Visit

Progress = Callable[[int, int], None]
"""Called with (dossiers written, dossiers in all)."""


def generate(plan: Plan, out: Path, progress: Progress | None = None) -> Summary:
    """Write a twin under `out`: `<facility>/<yyyymmdd>_<n>.xml` per delivery, and `truth/`.

    `out` must be new or empty, so that nothing of an older twin remains. Order of receipt within a facility is that of
    file names. Errors: UsageError (plan, folder not empty), StorageError (disk).
    """
    atlas = Map(load_profile("gialai"), plan.facilities)
    if out.exists() and any(out.iterdir()):
        raise UsageError("USE-SYNTH-OUT", "Thư mục đích không trống.", hint="chọn một thư mục mới")
    try:
        out.mkdir(parents=True, exist_ok=True)
        return _Making(plan, out, atlas, progress).run()
    except OSError as error:
        raise StorageError("STO-SYNTH-WRITE", f"Không ghi được dữ liệu mô phỏng: {error.strerror}.") from error


class _Making:
    """One run."""

    def __init__(self, plan: Plan, out: Path, atlas: Map, progress: Progress | None) -> None:
        self._plan, self._out, self._atlas, self._progress = plan, out, atlas, progress
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
        schedule = Schedule(plan, self._atlas)
        visits: list[Visit] = [visit for person in persons for visit in schedule.of_person(person)]
        visits += list(schedule.archive(persons, len(visits)))
        ready = list(shipments(plan, visits))
        self._total = sum(len(shipment.items) for shipment in ready)
        for shipment in ready:
            self._ship(shipment)
        self._truth.settle()
        self._truth.write(self._out / "truth", plan)
        summary.persons = len(persons)
        summary.digest = self._digest.hexdigest()
        summary.outcomes = outcomes(self._truth.dossiers)
        by = self._counts
        summary.by_version, summary.by_kind, summary.by_style = (
            dict(sorted(by[k].items())) for k in ("version", "kind", "style")
        )
        summary.rows, summary.injected = dict(sorted(by["rows"].items())), dict(sorted(by["error"].items()))
        return summary

    def _ship(self, shipment: Shipment) -> None:
        plan, style = self._plan, STYLES[shipment.style]
        file_error, faults = self._choose_dirt(shipment)
        hosos, entries = [], []
        for number, item in enumerate(shipment.items, 1):
            tables = build(item.visit, self._atlas, plan.seed, corrected=item.corrected)
            entry = self._entry(shipment, number, item.kind, item.visit, tables)
            subfiles = write_dossier(tables, version=shipment.version, style=style)
            fault, done = faults.get(number), None
            if fault and fault != "broken_base64":
                subfiles, done = dirt.inject(fault, subfiles, shipment.version)
            files = [(kind, encode_content(data, style)) for kind, data in subfiles]
            if fault == "broken_base64":
                files, done = dirt.break_base64(files)
            if done:
                entry["injected"], entry["outcome"] = done.kind, done.outcome
                self._truth.add_error(entry, shipment.clinic.code, shipment.name, done)
                self._counts["error"][done.kind] += 1
            entry["content"] = (item.corrected, entry["injected"])
            hosos.append(files)
            entries.append(entry)
        data = write_envelope(hosos, facility=shipment.clinic.code, created=f"{shipment.created:%Y%m%d}", style=style)
        if file_error:
            data = self._spoil(shipment, file_error, data, entries)
        self._store(shipment, data, entries)

    def _choose_dirt(self, shipment: Shipment) -> tuple[str | None, dict[int, str]]:
        """(error of the file or None, HOSO number → error). Only canonical files are spoilt: one cause at a time."""
        plan = self._plan
        if plan.dirt <= 0 or shipment.style != "canonical":
            return None, {}
        r = stream(plan.seed, "dirt", shipment.name)
        rate = min(1.0, plan.dirt / max(0.05, 1 - plan.share_noncanonical))
        of_file = [kind for kind in plan.dirt_kinds if kind in dirt.FILE_KINDS]
        of_dossier = [kind for kind in plan.dirt_kinds if kind not in dirt.FILE_KINDS]
        if of_file and r.random() < rate * len(of_file) / len(plan.dirt_kinds):
            return r.choice(of_file), {}
        return None, {
            number: r.choice(of_dossier)
            for number, item in enumerate(shipment.items, 1)
            if of_dossier and item.kind == "first" and r.random() < rate
        }

    def _spoil(self, shipment: Shipment, kind: str, data: bytes, entries: list[dict[str, Any]]) -> bytes:
        if kind == "wrong_count":
            injected = dirt.Injected(kind, "", "SOLUONGHOSO", dirt.CLEAN, 188, "one more than the file holds")
            data = dirt.miscount(data, len(entries))
        else:
            keep = 0.35 + 0.55 * stream(self._plan.seed, "cut", shipment.name).random()
            data, whole = dirt.truncate(data, keep)
            for place, entry in enumerate(entries):
                if place >= whole:
                    entry["injected"] = kind
                    entry["outcome"] = dirt.ASIDE if place == whole else LOST
            injected = dirt.Injected(kind, "", "", dirt.ASIDE, None, f"{whole} of {len(entries)} HOSO are whole")
        self._truth.add_error(None, shipment.clinic.code, shipment.name, injected)
        self._counts["error"][kind] += 1
        return data

    def _entry(
        self, shipment: Shipment, number: int, kind: str, visit: Visit, tables: dict[str, list[dict[str, str]]]
    ) -> dict[str, Any]:
        counts = self._counts
        counts["version"][shipment.version] += 1
        counts["kind"][kind] += 1
        counts["style"][shipment.style] += 1
        for table in TABLES:
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
            "rows_xml1": 1,
            **{f"rows_{table.lower()}": len(tables.get(table, ())) for table in TABLES[1:]},
            "total_cost": Decimal(tables["XML1"][0]["T_TONGCHI_BV"]),
            "injected": None,
            "outcome": dirt.CLEAN,
        }

    def _store(self, shipment: Shipment, data: bytes, entries: list[dict[str, Any]]) -> None:
        path = self._out / shipment.name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        self._digest.update(shipment.name.encode() + b"\0" + hashlib.sha256(data).digest())
        self._truth.dossiers += entries
        self._summary.files += 1
        self._summary.bytes += len(data)
        if self._progress:
            self._progress(self._summary.dossiers, self._total)
