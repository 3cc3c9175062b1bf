"""The roll of a block: ages, kin, names, numbers and status put together as the columns of `PEOPLE` and `MOVES`."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa

from bienho.synthetic.columns import WORD, days, numerals, words
from bienho.synthetic.draws import Choice, Curve, Draws, Ints, sorting
from bienho.synthetic.people import status
from bienho.synthetic.people.crowd import NEVER, Block, Crowd, crowd, last_day, number_of
from bienho.synthetic.people.kin import Kin, relate, settle_elders
from bienho.synthetic.people.moves import move
from bienho.synthetic.people.namebook import namebook
from bienho.synthetic.people.names import KINH
from bienho.synthetic.places import MERGED, Map, Place
from bienho.synthetic.plan import Plan
from bienho.synthetic.reference import document

PEOPLE = pa.schema(
    [
        ("person_no", pa.int64()), ("household_no", pa.int64()), ("sex", WORD), ("birth", pa.date32()),
        ("birth_minute", pa.int16()), ("birth_known", pa.bool_()), ("ethnic_code", WORD), ("people", WORD),
        ("family", WORD), ("name", pa.string()), ("commune", WORD), ("old_commune", WORD), ("hamlet", WORD),
        ("personal_id", pa.string()), ("former_id", pa.string()), ("insurance_id", pa.string()),
        ("insurance_group", WORD), ("phone", pa.string()), ("job", WORD), ("blood", WORD), ("height", pa.float32()),
        ("mother_no", pa.int64()), ("father_no", pa.int64()), ("twin_of", pa.int64()), ("since", pa.date32()),
        ("until", pa.date32()), ("died", pa.date32()), ("social_protection", WORD), ("disability", WORD),
    ]
)  # fmt: skip
"""One person per row. `household_no` is the number of its first person; `commune` that of the end of the window, or of
death or leaving. `until` is the day of death or leaving, `died` the first alone. `insurance_group` is that of an adult:
`Person.card_on` gives children the cards of their age. `twin_of` is the elder twin."""
MOVES = pa.schema(
    [("person_no", pa.int64()), ("day", pa.date32()), ("from_commune", pa.string()), ("to_commune", pa.string()),
     ("from_hamlet", pa.string())]
)  # fmt: skip
"""One move per row; the codes are those valid on the day."""

# Numbers of the right shape that belong to nobody: mobile prefixes no operator is known to use, serial ranges that no
# register reaches.
_PHONE_PREFIXES = np.array([30, 31, 53, 54, 71, 72, 73, 74, 75, 80, 95])
_SERIALS = 100_000
_ELSEWHERE = np.array([0, 49, 51, 54, 66, 30, 37])  # other provinces where a birth may have been registered
_CARDS = {"east": 219_000_000, "west": 239_000_000}  # CMND
_CARDS_ROOM = 1_000_000  # numbers of a side, three times those who hold one
_SETTLERS = ("Tày", "Nùng", "Mường", "Thái", "Dao", "Mông")  # peoples who live in villages like those of the Kinh
_HEIGHT = Curve({0.0: 7_200, 0.01: 7_210, 0.05: 8_026, 0.2: 8_990, 0.5: 10_000, 0.8: 11_010, 0.95: 11_974, 0.99: 12_792,
                 1.0: 13_500})  # fmt: skip


def make(plan: Plan, atlas: Map, block: Block) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """(`PEOPLE`, `MOVES`) of a block: the same plan gives the same rows whatever else is made, or where."""
    first, last = number_of(plan.start), last_day(plan)
    people = crowd(plan, block)
    kin = relate(people, Draws(plan.seed, "kin", block.number), last, west=block.side == "west")
    people.until = np.where(people.until == NEVER, NEVER, np.clip(people.until, np.maximum(first, people.birth), last))
    people, kin = _ordered(people, kin)
    return _Roll(plan, atlas, block, people, kin).columns()


def _ordered(people: Crowd, kin: Kin) -> tuple[Crowd, Kin]:
    """The same with households together, their eldest first; `root` becomes a new row like all others."""
    order = sorting((kin.root << 20) | (people.birth + (1 << 19)))
    new = np.empty(len(order) + 1, np.int64)
    new[order], new[-1] = np.arange(len(order)), -1
    mine = Kin(*(new[getattr(kin, name)[order]] for name in Kin.__slots__))
    return Crowd(*(getattr(people, name)[order] for name in Crowd.__slots__)), mine


@cache
def _peoples() -> tuple[dict[str, int], Choice]:
    """Group of every old district and the peoples who live there; the last group is of districts of Kinh alone."""
    book, shares = namebook(), document("names.yaml")["districts"]
    place = {name: number for number, name in enumerate(book.peoples)}
    groups = []
    for district in (*shares, ""):  # what a table leaves is Kinh
        mine = shares.get(district, {})
        groups.append({place[name]: weight for name, weight in mine.items()} | {0: 100 - sum(mine.values())})
    return {name: number for number, name in enumerate(shares)}, Choice(groups)


@cache
def _hamlets() -> tuple[list[str], dict[str, tuple[int, int]]]:
    """All texts, and where those of towns, of either side and of the uplands begin, with how many there are."""
    data, texts, found = document("names.yaml"), list[str](), {}
    lists = {"town": [f"{number} {street}" for street in data["streets"] for number in range(1, 400)]}
    for kind, names in {**lists, **data["hamlets"]}.items():
        found[kind] = (len(texts), len(names))
        texts += names
    return texts, found


def district_of(place: Place) -> str:
    """Old district of a place without its kind: `Hoài Ân` for `Huyện Hoài Ân`."""
    name = place.old[0].district
    return next(
        (name.removeprefix(kind) for kind in ("Thành phố ", "Thị xã ", "Huyện ") if name.startswith(kind)), name
    )


class _Roll:
    """One block being written up: every group of columns is drawn from a stream of its own."""

    def __init__(self, plan: Plan, atlas: Map, block: Block, people: Crowd, kin: Kin) -> None:
        self._plan, self._atlas, self._block, self._people, self._kin = plan, atlas, block, people, kin
        self._count, self._last, self._book = block.rows, last_day(plan), namebook()
        self._years = np.maximum((np.minimum(people.until, self._last) - people.birth) * 4 // 1461, 0)
        self._year = people.birth.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
        self._group = self._peoples()
        self._family = self._families()
        window = (number_of(plan.start), self._last)
        self._since, self._moves = move(atlas, block, people, kin.root, self._draws("moves"), window)
        place_of = {place.code: number for number, place in enumerate(atlas.places)}
        self._places = np.array([place_of[part.place.code] for part in block.parts])
        olds = np.array([len(place.old) for place in atlas.places])
        self._olds, self._old_start = olds, np.cumsum(olds) - olds

    def _draws(self, purpose: str) -> Draws:
        return Draws(self._plan.seed, purpose, self._block.number)

    def columns(self) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """The columns in the order of the schemas."""
        block, people, kin, count, book, group = (
            self._block, self._people, self._kin, self._count, self._book, self._group,
        )  # fmt: skip
        number = block.first + np.arange(count)
        starts = np.flatnonzero(np.diff(kin.root, prepend=-1))
        household = block.first + np.repeat(starts, np.diff(starts, append=count))
        place = self._places[people.place]
        olds = [old for one in self._atlas.places for old in one.old]
        old = self._old_start[place] + self._draws("old").below(count, self._olds[place])[kin.root]
        hamlet, hamlets = self._hamlets(group, people.place, "home")
        insurance, assistance, phone = self._standing(number)
        columns = [
            pa.array(number), pa.array(household), words(people.female.astype(np.int64), ("M", "F")),
            days(people.birth), *self._birth_papers(), words(group, book.codes), words(group, book.peoples),
            words(self._family, book.families),
            book.names(self._draws("names"), group, self._family, people.female, self._year),
            words(place, [one.code for one in self._atlas.places]), words(old, [one.code for one in olds]),
            words(hamlet, hamlets), *self._identifiers(number), *insurance, phone, *self._body(),
            *(pa.array(np.where(row >= 0, row + block.first, -1)) for row in (kin.mother, kin.father, kin.twin_of)),
            days(self._since), days(people.until, people.until == NEVER), days(people.until, ~people.died), *assistance,
        ]  # fmt: skip
        return pa.RecordBatch.from_arrays(columns, schema=PEOPLE), self._moved(old)

    def _peoples(self) -> Ints:
        """One people for a household, as they live in the old district."""
        of_district, choice = _peoples()
        districts = [of_district.get(district_of(part.place), len(of_district)) for part in self._block.parts]
        drawn = choice.pick(np.array(districts)[self._people.place], self._draws("peoples").raw(self._count))
        return drawn[self._kin.root]

    def _families(self) -> Ints:
        """Family names: of the father, among some peoples of the mother; drawn for those whose parents are unknown."""
        kin, by_mother = self._kin, self._book.by_mother[self._group]
        family = self._book.family(self._group, self._block.side, self._draws("families").raw(self._count))
        settle_elders(self._people, kin, by_mother)
        line = np.where(by_mother | (kin.father < 0), kin.mother, kin.father)
        for _ in range(2):  # from the old to their grown children, from those to theirs
            family = np.where(line >= 0, family[line], family)
        return family

    def _hamlets(self, group: Ints, part: Ints, purpose: str) -> tuple[Ints, list[str]]:
        """A house in a street of a town, a village elsewhere: one for a household."""
        texts, lists = _hamlets()
        towns = np.array([one.place.town for one in self._block.parts])[part]
        settlers = np.array([self._book.peoples.index(name) for name in (KINH, *_SETTLERS)])
        upland = ~np.isin(group, settlers) & (self._block.side == "west")
        start, size = (
            np.where(towns, lists["town"][n], np.where(upland, lists["upland"][n], lists[self._block.side][n]))
            for n in (0, 1)
        )
        return (start + self._draws(purpose).below(self._count, size))[self._kin.root], texts

    def _birth_papers(self) -> tuple[pa.Array, pa.Array]:
        """(minute of birth of the youngest, whether papers know day and month)."""
        people, kin, draws = self._people, self._kin, self._draws("birth")
        recent = people.birth > min(number_of(self._plan.start), self._last - 550)
        minute = np.where(recent, 1 + draws.below(self._count, 1_400), 0)
        second = np.flatnonzero(recent & (kin.twin_of >= 0))
        minute[second] = minute[kin.twin_of[second]] + 3 + draws.below(len(second), 22)
        unknown = draws.chance(self._count, np.where(self._group == 0, 0.06, 0.3)) & (self._years > 60)
        return pa.array(minute.astype(np.int16)), pa.array(~unknown)

    def _identifiers(self, number: Ints) -> tuple[pa.Array, pa.Array, pa.Array]:
        """CCCD, CMND, number of social insurance. Serials of a block lie in a range of its own."""
        people, block, draws = self._people, self._block, self._draws("papers")
        first, end = (_SERIALS * at // block.total for at in (block.first, block.first + block.rows))
        foreign = draws.chance(self._count, np.where(self._since > people.birth, 0.7, 0.02))
        registry = np.where(foreign, 1 + draws.below(self._count, len(_ELSEWHERE) - 1), 0)
        century = (self._year // 100 - 19) * 2 + people.female
        prefix = registry * 1_000 + century * 100 + self._year % 100
        order = sorting(prefix)
        ranked = prefix[order]
        starts = np.flatnonzero(np.diff(ranked, prepend=-1))
        rank = np.empty(self._count, np.int64)
        rank[order] = np.arange(self._count) - np.repeat(starts, np.diff(starts, append=self._count))
        if int(rank.max(initial=0)) >= max(end - first, 1):
            raise AssertionError("a block has more people of one year than serial numbers")
        serial = 900_000 + (first + rank) * 37 % _SERIALS
        province = 52 if block.side == "east" else 64
        code = np.where(foreign, _ELSEWHERE[registry], province) * 10 + century
        personal = numerals((code * 100 + self._year % 100) * 1_000_000 + serial, 12)
        young = (self._year > 2006) | ~draws.chance(self._count, 0.22)
        room = _CARDS_ROOM * block.first // block.total
        card = _CARDS[block.side] + (room + np.cumsum(~young)) * 619_573 % _CARDS_ROOM
        former = numerals(card, 9, young, null=True)
        insurance = numerals(province * 100_000_000 + 90_000_000 + (number * 3_877_421 + 11) % 10_000_000, 10)
        return personal, former, insurance

    def _standing(self, number: Ints) -> tuple[list[pa.Array], list[pa.Array], pa.Array]:
        """([insurance group], [social assistance, disability], phone)."""
        kin, years = self._kin, self._years
        grown = years >= 16
        size = np.bincount(kin.root, minlength=self._count)[kin.root]
        parent = np.zeros(self._count, bool)
        parent[kin.mother[(kin.mother >= 0) & (kin.father < 0) & ~grown]] = True
        member = status.Member(
            years=years, root=kin.root, minority=self._group > 0, alone=size == 1,
            orphan=(kin.mother < 0) & (kin.father < 0), single_parent=parent & (kin.partner < 0), grown=grown,
        )  # fmt: skip
        group = status.insurance(self._draws("insurance"), member)
        pension_age = 75 if self._plan.end > MERGED else 80
        helped, degree = status.protection(self._draws("assistance"), member, group, pension_age=pension_age)
        owner, none = status.phone_of(self._draws("phones"), member)
        phone = number[owner]
        digits = _PHONE_PREFIXES[phone % len(_PHONE_PREFIXES)] * 10_000_000 + (phone * 3_571_429 + 5) % 10_000_000
        return (
            [words(status.assisted(group, helped), status.GROUPS)],
            [words(helped, status.PROTECTION), words(degree, status.DISABILITY)],
            numerals(digits, 10, none),
        )

    def _body(self) -> tuple[pa.Array, pa.Array, pa.Array]:
        """Work, blood group, height as a factor of the usual."""
        draws = self._draws("body")
        height = (_HEIGHT.pick(draws.raw(self._count)) / 10_000).astype(np.float32)
        job = words(status.work(draws, self._years), status.JOBS)
        return job, words(status.blood(draws, self._count), status.BLOOD), pa.array(height)

    def _moved(self, old: Ints) -> pa.RecordBatch:
        """The moves, with the codes of their day."""
        row, day, origin = self._moves.row, self._moves.day, self._moves.origin
        part = self._people.place[row]
        draws = self._draws("origins")
        before = day < number_of(MERGED)
        choice = draws.below(self._count, 720)[self._kin.root[row]] % self._olds[origin]
        olds = [one.code for place in self._atlas.places for one in place.old]
        texts = pa.array([*(place.code for place in self._atlas.places), *olds], pa.string())
        count = len(self._atlas.places)
        origins = np.where(before, count + self._old_start[origin] + choice, origin)
        targets = np.where(before, count + old[row], self._places[part])
        towns = np.array([place.town for place in self._atlas.places])[origin]
        names, lists = _hamlets()
        start, size = (np.where(towns, lists["town"][n], lists[self._block.side][n]) for n in (0, 1))
        hamlet = start + draws.below(self._count, 65_536)[self._kin.root[row]] % size
        columns = [
            pa.array(self._block.first + row), days(day), texts.take(pa.array(origins)), texts.take(pa.array(targets)),
            pa.array(names, pa.string()).take(pa.array(hamlet)),
        ]  # fmt: skip
        return pa.RecordBatch.from_arrays(columns, schema=MOVES)
