"""Which dossier travels in which file, when, and in what dress: the sending habits of facilities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from bienho.synthetic.chance import stream
from bienho.synthetic.dossiers.bare import check_in_version
from bienho.synthetic.dossiers.dossier import ma_lk
from bienho.synthetic.dossiers.visits import Visit
from bienho.synthetic.places import Clinic
from bienho.synthetic.plan import Plan
from bienho.synthetic.sending.dress import BARE_DRESSES, CHANGES_TEXT, DRESSES

MOST_PER_FILE = 60
_TEXT_KEPT = tuple(dress for dress in DRESSES if dress not in CHANGES_TEXT)


@dataclass(slots=True)
class Item:
    """One HOSO to be sent: `kind` is first, resend (corrected), duplicate (unchanged) or check_in.

    `again`: it is one of several of the same visit."""

    visit: Visit
    kind: str
    corrected: bool
    again: bool = False


@dataclass(slots=True)
class Shipment:
    """One file: `name` is its path under the output folder, `created` its NGAYLAP or the day of the check-ins.

    `late`: days after it was due. `missing`: it never left, and is not written."""

    clinic: Clinic
    created: date
    version: str
    style: str
    name: str
    items: list[Item]
    late: int = 0
    missing: bool = False

    @property
    def check_in(self) -> bool:
        """Whether it holds arrivals, not dossiers."""
        return self.items[0].kind == "check_in"


def shipments(plan: Plan, visits: Sequence[Visit]) -> Iterator[Shipment]:
    """All files, facility by facility, in the order in which they are sent; visits get their serial numbers here."""
    for mine in numbered(visits):
        yield from _of_clinic(plan, mine)


def numbered(visits: Sequence[Visit]) -> Iterator[list[Visit]]:
    """The visits of each facility in order of time, with their serial numbers, which they get here."""
    by_clinic: dict[str, list[Visit]] = {}
    for visit in visits:
        by_clinic.setdefault(visit.clinic.code, []).append(visit)
    for code in sorted(by_clinic):
        mine = sorted(by_clinic[code], key=lambda v: (v.start, v.person.index, v.seed))
        for serial, visit in enumerate(mine, 1):
            visit.serial = serial
        yield mine


def _of_clinic(plan: Plan, visits: Sequence[Visit]) -> Iterator[Shipment]:
    clinic = visits[0].clinic
    last = plan.end - timedelta(days=1)
    bundles: dict[tuple[date, int, str], list[Item]] = {}

    def put(day: date, turn: int, version: str, item: Item) -> None:
        bundles.setdefault((day, turn, version), []).append(item)

    reports = stream(plan.seed, "checkin", clinic.code).random() < plan.share_checkin
    for visit in visits:
        if visit.delay < 0:
            continue  # the facility has fallen silent
        r = stream(plan.seed, "send", ma_lk(visit, plan.seed))
        ended = visit.end.date()
        arrival = check_in_version(visit) if reports and ended >= plan.start and not visit.emergency else None
        if arrival:
            put(visit.start.date(), 0, arrival, Item(visit, "check_in", corrected=False))
        sent = ended + timedelta(days=visit.delay)
        roll = r.random()
        again = roll < plan.share_resent + plan.share_duplicate
        put(sent, 1, visit.version, Item(visit, "first", corrected=False, again=again))
        if roll < plan.share_resent:
            later = max(sent, min(sent + timedelta(days=r.randrange(7, 30)), last))
            put(later, 2, visit.version, Item(visit, "resend", corrected=True, again=True))
        elif again:
            later = max(sent, min(sent + timedelta(days=r.randrange(1, 12)), last))
            put(later, 2, visit.version, Item(visit, "duplicate", corrected=False, again=True))
    single = clinic.level == 3 and stream(plan.seed, "single", clinic.code).random() < 0.2
    most = 1 if single else MOST_PER_FILE
    numbers: dict[date, int] = {}
    for day, turn, version in sorted(bundles):
        items = bundles[day, turn, version]
        for start in range(0, len(items), most):
            number = numbers[day] = numbers.get(day, 0) + 1
            name = f"{clinic.code}/{day:%Y%m%d}_{number:04d}"
            part = items[start : start + most]
            style = _dress(plan, name, part)
            yield Shipment(clinic, day, version, style, f"{name}.{'zip' if style == 'zip' else 'xml'}", part)


def _dress(plan: Plan, name: str, items: Sequence[Item]) -> str:
    """The dress of one file. What is sent twice keeps its code points, so that a repeat stays one."""
    r = stream(plan.seed, "dress", name)
    choice = _TEXT_KEPT if any(item.again for item in items) else DRESSES
    if items[0].kind == "check_in":
        choice = BARE_DRESSES
    return r.choice(choice) if r.random() < plan.share_noncanonical else "canonical"
