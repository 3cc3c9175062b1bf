"""One home under siege: the same work as in an undisturbed home, with every command killed again and again.

A work is a command with its arguments. Under siege it is given until it ends by itself; between, it dies at named
points and at moments of chance, PostgreSQL dies, the disk is full or does not sync, and after each death the power is
gone too: of raw only what was synced is left. In the end both homes must hold the same, row by row.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq

from bench.faults import disk
from bench.faults.events import Events
from bench.faults.nursery import Ended, Nursery
from bench.faults.points import EFFECTS, MOMENT, Fault
from bench.faults.state import State, differences, lost_receipts, state_of, stray_files, wrong_heads
from bench.homes import Made, temporary_home
from bienho.core.errors import StorageError
from bienho.core.ids import delivery_seq
from bienho.lake import maintenance
from bienho.pipeline import open_app
from bienho.synthetic import Plan, generate

Work = tuple[str, ...]
Stop = tuple[str, int]
"""A point and its passage."""
INGEST_STOPS: tuple[Stop, ...] = (
    ("raw-written", 1), ("raw-synced", 1), ("vault-open", 1), ("vault-committed", 1), ("lake-open", 1),
    ("lake-committed", 1), ("heads-moved", 1), ("lake-committed", 2),
)  # fmt: skip
"""In this order each death lies a little further on, so that every one of them happens; the last is after `derived`."""
POSTGRES_SHARE = 0.2
SOMETIME: Stop = (MOMENT, 1)
JOB_STOPS: dict[str, tuple[Stop, ...]] = {
    "compact": (("compacting", 1), ("compacting", 3), ("compacting", 6), SOMETIME),
    "drop-superseded": (("lake-committed", 1), SOMETIME),
    "signatures": (("lake-committed", 1), SOMETIME),
    "run": (SOMETIME,),
    "rebuild": (SOMETIME, ("lake-committed", 2)),
}
DISK_FAULTS = (Fault("write", effect="full"), Fault("sync", effect="broken"))
LIMIT_BYTES = (100, 900)
"""No file of the lake is that small: a command that may write no more fails in the middle of its transaction."""


class Broken(AssertionError):
    """A law did not hold; the message says which and where."""


@dataclass
class Told:
    """What was done to one home, for the report."""

    kills: Counter[str] = field(default_factory=Counter)
    postgres_kills: int = 0
    disk_faults: Counter[str] = field(default_factory=Counter)
    power_losses: int = 0
    bytes_lost: int = 0
    receipts: int = 0
    cpu_s: float = 0.0

    def add(self, other: Told) -> None:
        self.kills += other.kills
        self.disk_faults += other.disk_faults
        for name in ("postgres_kills", "power_losses", "bytes_lost", "receipts", "cpu_s"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def works_of(folder: Path, plan: Plan, files_a_work: int) -> list[Work]:
    """A twin's files as `ingest` commands, in order of receipt.

    No command holds two contents of one dossier: given twice it would rightly make a version more.
    """
    generate(plan, folder)
    visits: dict[str, set[tuple[str, str]]] = {}
    for row in pq.read_table(folder / "truth" / "dossiers.parquet").to_pylist():
        visits.setdefault(row["file"], set()).add((row["facility"], row["ma_lk"]))
    works: list[Work] = []
    group: list[str] = []
    held: set[tuple[str, str]] = set()
    for path in sorted(path for path in folder.glob("*/*") if path.parent.name != "truth"):
        named = visits.get(str(path.relative_to(folder)), set())
        if group and (len(group) == files_a_work or named & held):
            works.append(("ingest", *group))
            group, held = [], set()
        group.append(str(path))
        held |= named
    return [*works, ("ingest", *group)]


class Siege:
    """The home that suffers. `made` is open in this process, which keeps its PostgreSQL up between commands."""

    def __init__(self, made: Made, nursery: Nursery, folder: Path, chance: random.Random) -> None:
        self.made = made
        self.nursery = nursery
        self.chance = chance
        self.events = Events(folder / "events")
        self.told = Told()
        self.printed: dict[int, str] = {}
        self._usual_s = 1.0  # what a command took last: moments of chance lie within
        disk.note_durable(made.home.raw_dir, self.events)

    def suffer(self, work: Work, stops: Sequence[Stop], *, whole: bool = True) -> None:
        """Give a command again and again, with a fault at each of the stops, at last (`whole`) undisturbed."""
        for point, passage in stops:
            effect = self.chance.choice(EFFECTS) if self.chance.random() < POSTGRES_SHARE else "kill"
            self._give(work, Fault(point, passage, effect, seconds=self.chance.uniform(0, 0.8 * self._usual_s)))
        if not whole:
            return
        began = time.monotonic()
        ended = self._give(work, None)
        if ended.code != 0:
            raise Broken(f"{work[:2]} undisturbed ended with {ended.code}\n{ended.out}{ended.err}")
        self._usual_s = time.monotonic() - began

    def refuse(self, work: Work, faults: Sequence[Fault]) -> None:
        """Give a command while the disk refuses; each time it must say so and lose nothing."""
        for fault in faults:
            self._give(work, fault)

    def _give(self, work: Work, fault: Fault | None) -> Ended:
        before = len(self.events.fired())
        ended = self.nursery.run(self.made.home.path, *work, events=self.events, fault=fault)
        fired = len(self.events.fired()) > before
        if ended.code not in (0, StorageError.exit_code) and not ended.killed:
            raise Broken(f"{' '.join(work[:2])} with {fault} ended with {ended.code}\n{ended.out}{ended.err}")
        if ended.code == StorageError.exit_code and not fired:
            raise Broken(f"{' '.join(work[:2])} failed without a fault\n{ended.out}{ended.err}")
        if ended.code == 0 and work[0] == "ingest":
            self._remember(ended.out)
        if fault and fired:
            if fault.effect not in EFFECTS:
                self.told.disk_faults[fault.effect] += ended.code != 0
            else:
                self.told.kills[fault.point] += 1
                self.told.postgres_kills += fault.effect != "kill"
        if ended.killed:
            self.told.bytes_lost += disk.lose_power(self.made.home.raw_dir, self.events, self.chance)
            self.told.power_losses += 1
        self.told.cpu_s += ended.cpu_s
        return ended

    def _remember(self, printed: str) -> None:
        """The receipts a command printed, with the bytes they stand for."""
        for entry in json.loads(printed)["deliveries"]:
            if entry["path"]:
                data = Path(entry["path"]).read_bytes()
                self.printed[delivery_seq(entry["id"])] = hashlib.sha256(data).hexdigest()

    def judge(self, undisturbed: State) -> None:
        """Everything that must hold at the end; Broken says what does not."""
        given = self.events.receipts()
        self.told.receipts = len(given)
        with open_app(self.made.home.path) as app:
            for what, receipts in (("given", given), ("printed", self.printed)):
                if lost := lost_receipts(app, receipts):
                    raise Broken(f"receipts {what} without their bytes in raw: {lost}")
            if wrong := wrong_heads(app):
                raise Broken(f"{wrong} heads are not the lake's current versions")
            if found := differences(state_of(app), undisturbed):
                raise Broken(f"differs from the undisturbed home (rows only here, only there): {found}")
            self._sweep(app)
        self.compare()

    def compare(self) -> None:
        """`rebuild --compare` as a user gives it."""
        ended = self.nursery.run(self.made.home.path, "rebuild", "--compare", "--json", events=self.events)
        self.told.cpu_s += ended.cpu_s
        if ended.code != 0 or not json.loads(ended.out)["equal"]:
            raise Broken(f"rebuild --compare ended with {ended.code}\n{ended.out}{ended.err}")

    def _sweep(self, app) -> None:  # type: ignore[no-untyped-def]
        """What killed transactions left on the disk is swept, and no row with it."""
        with app.writing() as lake:
            later = datetime.now(UTC) + timedelta(days=3)
            maintenance.retain(lake, 1, later)
            if stray := stray_files(lake):
                raise Broken(f"{stray} files that no catalog knows were not swept")
            if wrong := maintenance.check_counts(lake):
                raise Broken(f"counts do not agree: {wrong}")


def besiege(
    folder: Path, nursery: Nursery, plan: Plan, *, works: int, files_a_work: int, seed: int, jobs: Sequence[str]
) -> Told:
    """One siege from beginning to end: `works` ingests, `jobs` between them, then the comparison."""
    chance = random.Random(seed)
    ingests = works_of(folder / "files", plan, files_a_work)[:works]
    steps = list(_steps(ingests, jobs))
    nursery.warm([path for work in ingests for path in work[1:]])
    state = undisturbed(nursery, folder, steps)
    with temporary_home("besieged", ready=True) as made:
        siege = Siege(made, nursery, folder, chance)
        for number, work in enumerate(steps):
            if work[0] == "ingest":
                if number % 4 == 0:
                    siege.refuse(work, DISK_FAULTS)
                    siege.suffer(work, INGEST_STOPS[:2], whole=False)
                    siege.refuse(work, [Fault("limit", chance.randrange(*LIMIT_BYTES), "limit")])
                    siege.suffer(work, [*INGEST_STOPS[2:], SOMETIME])
                else:
                    siege.suffer(work, [*INGEST_STOPS, SOMETIME])
            else:
                siege.suffer(work, JOB_STOPS[work[1] if work[0] == "job" else work[0]])
        siege.judge(state)
        return siege.told


def undisturbed(nursery: Nursery, folder: Path, works: Sequence[Work]) -> State:
    """What a home holds that did the same work in peace."""
    events = Events(folder / "undisturbed")
    with temporary_home("undisturbed", ready=True) as calm:
        for work in works:
            ended = nursery.run(calm.home.path, *work, events=events)
            if ended.code != 0:
                raise Broken(f"{work[:2]} in the undisturbed home ended with {ended.code}\n{ended.out}{ended.err}")
        with open_app(calm.home.path) as app:
            return state_of(app)


def _steps(ingests: Sequence[Work], jobs: Sequence[str]) -> Iterator[Work]:
    """Ingests with a job after every second one, the other jobs at last."""
    left = list(jobs)
    for number, work in enumerate(ingests):
        yield (*work, "--json")
        if number % 2 and left:
            job = left.pop(0)
            yield (job, "--json") if job in ("run", "rebuild") else ("job", job, "--json")
    for job in left:
        yield (job, "--json") if job in ("run", "rebuild") else ("job", job, "--json")
