"""Which dossier travels in which file, when, and in what dress: the sending habits of facilities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from bienho.standards.xml130.write import STYLES
from bienho.synthetic.chance import stream
from bienho.synthetic.dossier import ma_lk
from bienho.synthetic.places import Clinic
from bienho.synthetic.plan import Plan
from bienho.synthetic.visits import Visit

MOST_PER_FILE = 60
_DRESSES = tuple(sorted(set(STYLES) - {"canonical"}))


@dataclass(slots=True)
class Item:
    """One HOSO to be sent: `kind` is first, resend (corrected) or duplicate (unchanged)."""

    visit: Visit
    kind: str
    corrected: bool


@dataclass(slots=True)
class Shipment:
    """One file: `name` is its path under the output folder, `created` its NGAYLAP."""

    clinic: Clinic
    created: date
    version: str
    style: str
    name: str
    items: list[Item]


def _period(habit: float, clinic: Clinic, ended: date) -> date:
    """Day on which a facility of that habit (0 to 1) sends what ended on `ended`: next day, week or month."""
    if clinic.level == 1 and habit < 0.8:
        following = ended.replace(day=28) + timedelta(days=4)
        return following.replace(day=1)
    if clinic.level == 3 and habit < 0.25:
        return ended + timedelta(days=1)
    return ended + timedelta(days=7 - ended.weekday())


def shipments(plan: Plan, visits: Sequence[Visit]) -> Iterator[Shipment]:
    """All files, facility by facility, in the order in which they are sent; visits get their serial numbers here."""
    by_clinic: dict[str, list[Visit]] = {}
    for visit in visits:
        by_clinic.setdefault(visit.clinic.code, []).append(visit)
    for code in sorted(by_clinic):
        mine = sorted(by_clinic[code], key=lambda v: (v.start, v.person.index, v.seed))
        for serial, visit in enumerate(mine, 1):
            visit.serial = serial
        yield from _of_clinic(plan, mine)


def _of_clinic(plan: Plan, visits: Sequence[Visit]) -> Iterator[Shipment]:
    clinic = visits[0].clinic
    last = plan.end - timedelta(days=1)
    habit = stream(plan.seed, "habit", clinic.code).random()
    bundles: dict[tuple[date, int, str], list[Item]] = {}

    def put(day: date, turn: int, item: Item) -> None:
        bundles.setdefault((day, turn, item.visit.version), []).append(item)

    for visit in visits:
        r = stream(plan.seed, "send", ma_lk(visit, plan.seed))
        ended = visit.end.date()
        if ended >= plan.start:
            sent = min(_period(habit, clinic, ended), last)
        else:  # archives travel once in half a year
            sent = date(ended.year, 7, 1) if ended.month < 7 else date(ended.year + 1, 1, 1)
        sent = max(sent, ended)
        put(sent, 0, Item(visit, "first", corrected=False))
        roll = r.random()
        if roll < plan.share_resent:
            again = max(sent, min(sent + timedelta(days=r.randrange(7, 30)), last))
            put(again, 1, Item(visit, "resend", corrected=True))
        elif roll < plan.share_resent + plan.share_duplicate:
            again = max(sent, min(sent + timedelta(days=r.randrange(1, 12)), last))
            put(again, 1, Item(visit, "duplicate", corrected=False))
    single = clinic.level == 3 and stream(plan.seed, "single", clinic.code).random() < 0.2
    most = 1 if single else MOST_PER_FILE
    numbers: dict[date, int] = {}
    for day, turn, version in sorted(bundles):
        items = bundles[day, turn, version]
        for start in range(0, len(items), most):
            number = numbers[day] = numbers.get(day, 0) + 1
            name = f"{clinic.code}/{day:%Y%m%d}_{number:04d}.xml"
            r = stream(plan.seed, "dress", name)
            style = r.choice(_DRESSES) if r.random() < plan.share_noncanonical else "canonical"
            yield Shipment(clinic, day, version, style, name, items[start : start + most])
