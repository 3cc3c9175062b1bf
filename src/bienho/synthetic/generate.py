"""Make a twin: people, visits, dossiers, files, truth. The same plan gives the same bytes, anywhere, at any time."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import accumulate
from pathlib import Path

from bienho.config import ProvinceProfile, load_profile
from bienho.core.errors import StorageError, UsageError
from bienho.core.garbage import uncollected
from bienho.synthetic.crew import in_order, workers
from bienho.synthetic.dirt import delayed
from bienho.synthetic.dossiers.bare import assessments
from bienho.synthetic.events import Events, Maker, effects_table, outbreaks_table, together
from bienho.synthetic.events.adapt import visits as visits_of
from bienho.synthetic.people import Person, blocks, make, persons
from bienho.synthetic.places import Map
from bienho.synthetic.plan import Plan, Summary
from bienho.synthetic.sending.deliver import Shipment, shipments
from bienho.synthetic.sending.files import FileMaker, Made
from bienho.synthetic.truth import DOSSIER_TABLES, Truth, outcomes

Progress = Callable[[int, int], None]
"""Called with (dossiers written, dossiers in all)."""
_ALONE = 6_000
"""Dossiers up to which one process is done sooner than several are under way."""
_PORTION = 250
"""Dossiers, about, that a process makes between two words with the others."""


def generate(plan: Plan, out: Path, progress: Progress | None = None, *, processes: int | None = None) -> Summary:
    """Write a twin under `out`: `<facility>/<yyyymmdd>_<n>.xml` (or .zip) per delivery, and `truth/`.

    `out` must be new or empty, so that nothing of an older twin remains, or hold the same twin up to an earlier day
    (`plan.until`): then the files sent since are added and the truth is written anew. Order of receipt within a
    facility is that of file names. `processes` make the files, None: as many as `BIENHO_CORES` allows where the twin is
    large, else one; what is written does not depend on it. Errors: UsageError (plan, folder not empty), StorageError
    (disk).
    """
    profile = load_profile("gialai")
    atlas = Map(profile, plan.facilities)
    if out.exists() and any(out.iterdir()) and not _goes_on(plan, out):
        raise UsageError("USE-SYNTH-OUT", "Thư mục đích không trống.", hint="chọn một thư mục mới")
    try:
        out.mkdir(parents=True, exist_ok=True)
        with uncollected():  # nothing that is made here goes in circles, and a search walks through every visit
            return _Making(plan, out, atlas, _board_of(profile, plan), progress).run(processes)
    except OSError as error:
        raise StorageError("STO-SYNTH-WRITE", f"Không ghi được dữ liệu mô phỏng: {error.strerror}.") from error


def _goes_on(plan: Plan, out: Path) -> bool:
    """Whether `out` holds the twin of this plan cut at an earlier day."""
    told = out / "truth" / "plan.json"
    if not told.is_file():
        return False
    before, now = json.loads(told.read_text(encoding="utf-8")), json.loads(json.dumps(plan.as_dict()))
    cut, until = before.pop("until", None), now.pop("until")
    return before == now and cut is not None and (until is None or cut <= until)


def _board_of(profile: ProvinceProfile, plan: Plan) -> str | None:
    """Code of the medical assessment board, None when it sends nothing under this plan."""
    code = profile.assessment_board
    return code if plan.board and code and (not plan.facilities or code in plan.facilities) else None


class _Making:
    """One run."""

    def __init__(self, plan: Plan, out: Path, atlas: Map, board: str | None, progress: Progress | None) -> None:
        self._plan, self._out, self._atlas, self._board, self._progress = plan, out, atlas, board, progress
        self._maker = FileMaker(plan, out, atlas)
        self._events = Maker(plan, atlas)
        self._truth = Truth()
        self._summary = Summary()
        self._digest = hashlib.sha256()
        self._rows: Counter[str] = Counter(dict.fromkeys(DOSSIER_TABLES, 0))

    def run(self, processes: int | None) -> Summary:
        plan, summary = self._plan, self._summary
        last = plan.end - timedelta(days=1)
        everyone, events = self._happen()
        for person in everyone:
            self._truth.add_person(person, last)
        visits = list(visits_of(events, {person.index: person for person in everyone}, self._atlas))
        sent = delayed(list(shipments(plan, visits)), plan.seed, last, late=plan.share_late, missing=plan.share_missing)
        ready = [one for one in sent if plan.until is None or one.created <= plan.until]
        for made in self._files(ready, processes):
            self._add(made)
        for seen in assessments(plan, everyone) if self._board else ():
            if plan.until is None or seen[0].met <= plan.until:
                self._add(self._maker.assess(self._board or "", seen))
        self._truth.settle()
        self._truth.write(self._out / "truth", plan)
        summary.persons, summary.births = len(everyone), len(self._truth.births)
        summary.digest = self._digest.hexdigest()
        summary.outcomes = outcomes(self._truth.dossiers)
        summary.by_version, summary.by_kind, summary.by_style = (
            dict(sorted(Counter(entry[key] for entry in self._truth.dossiers).items()))
            for key in ("version", "kind", "style")
        )
        summary.rows = dict(sorted(self._rows.items()))
        summary.injected = dict(sorted(Counter(error["kind"] for error in self._truth.errors).items()))
        return summary

    def _happen(self) -> tuple[list[Person], Events]:
        """The people, and what happens to them."""
        everyone: list[Person] = []
        parts = []
        for block in blocks(self._plan, self._atlas):
            people, moves = make(self._plan, self._atlas, block)
            everyone += persons(people, moves, self._atlas)
            parts.append(self._events.make(block.number, people, moves))
        events = together(parts)
        self._truth.add_events(
            events, outbreaks_table(self._events.world, events.cases), effects_table(self._events.world)
        )
        return everyone, events

    def _files(self, ready: Sequence[Shipment], processes: int | None) -> Iterator[Made]:
        """What every shipment became, in their order, whoever made it."""
        counts = [0 if shipment.check_in else len(shipment.items) for shipment in ready]
        firsts = list(accumulate(counts, initial=1))
        total = firsts[-1] - 1

        def portion(start: int, stop: int) -> list[Made]:
            made = (self._maker.make(ready[place], firsts[place]) for place in range(start, stop))
            return [one for one in made if one]

        crew = workers(1 if total <= _ALONE else None) if processes is None else processes
        for done in in_order(portion, _portions(counts), crew):
            for made in done:
                yield made
                if self._progress and made.dossiers:
                    self._progress(self._summary.dossiers, total)

    def _add(self, made: Made) -> None:
        truth, summary = self._truth, self._summary
        truth.dossiers += made.dossiers
        truth.check_ins += made.check_ins
        truth.assessments += made.assessments
        truth.births += made.births
        truth.errors += made.errors
        self._rows.update(made.rows)
        if made.digest:  # what never left the facility is told and not there
            self._digest.update(made.name.encode() + b"\0" + made.digest)
            summary.files += 1
        summary.bytes += made.size
        summary.dossiers += len(made.dossiers)
        summary.check_ins += len(made.check_ins)
        summary.assessments += len(made.assessments)


def _portions(counts: Sequence[int]) -> list[tuple[int, int]]:
    """Neighbouring shipments in portions of about the same work: (first, after the last)."""
    portions, start, weight = [], 0, 0
    for place, count in enumerate(counts, 1):
        weight += count + 1
        if weight >= _PORTION or place == len(counts):
            portions.append((start, place))
            start, weight = place, 0
    return portions
