"""The people of a block as plain columns: what the makers of visits look at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from bienho.synthetic.events.days import number
from bienho.synthetic.events.draw import Array
from bienho.synthetic.events.frame import FAR
from bienho.synthetic.events.world import World
from bienho.synthetic.people.names import KINH
from bienho.synthetic.places import MERGED

_NEEDED = (
    "person_no", "sex", "birth", "birth_minute", "people", "name", "commune", "insurance_group", "mother_no",
    "father_no", "since", "until", "died",
)  # fmt: skip


def _days(column: Any, missing: int) -> Array:
    return column.cast(pa.int32()).fill_null(missing).to_numpy(zero_copy_only=False).astype(np.int64)


def _looked_up(column: Any, table: dict[str, int], other: int) -> Array:
    """Numbers for texts that repeat."""
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    values = np.array([table.get(value, other) for value in coded.dictionary.to_pylist()] or [other])
    return values[coded.indices.fill_null(0).to_numpy(zero_copy_only=False)]


class Folk:
    """Columns of the people of a block, in the order of the table.

    `enter`: first day in the province; `leave`: last day there or alive; `died`: FAR for those who live. `mother`,
    `father`: rows of the block, -1 for nobody in it.
    """

    def __init__(self, world: World, people: pa.RecordBatch | pa.Table, moves: Any = None) -> None:
        table = pa.table(people).combine_chunks() if isinstance(people, pa.Table) else people
        column = {name: _whole(table.column(name)) for name in _NEEDED}
        self.no = column["person_no"].to_numpy().astype(np.int64)
        self.size = len(self.no)
        self.female = _looked_up(column["sex"], {"F": 1}, 0).astype(np.int8)
        self.birth = _days(column["birth"], 0)
        self.minute = column["birth_minute"].fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
        self.kinh = _looked_up(column["people"], {KINH: 1}, 0).astype(bool)
        self.employed = _looked_up(column["insurance_group"], {"DN4": 1}, 0).astype(bool)
        self.place = _looked_up(column["commune"], world.places, 0).astype(np.int16)
        self.enter = np.maximum(_days(column["since"], -FAR), self.birth)
        self.died = _days(column["died"], FAR)
        self.leave = np.minimum(_days(column["until"], FAR), self.died)
        self.mother = self._rows(column["mother_no"])
        self.father = self._rows(column["father_no"])
        self.names, self.peoples = column["name"], column["people"]
        self.side = world.side[self.place]
        self._moves = self._moved(world, moves)
        self._moves_at_all = np.zeros(self.size, dtype=bool)
        self._moves_at_all[self._moves[1][:-1]] = True

    def _rows(self, column: Any) -> Array:
        """Rows of some person numbers, -1 where they are not in the block."""
        wanted = column.fill_null(-1).to_numpy(zero_copy_only=False)
        at = np.minimum(np.searchsorted(self.no, wanted), self.size - 1)
        return np.where(self.no[at] == wanted, at, -1)

    def _moved(self, world: World, moves: Any) -> tuple[Array, Array, Array]:
        """(person and day, row, commune until then), in that order, of the moves within the province."""
        if moves is None:
            return np.empty(0, np.int64), np.array([-1]), np.empty(0, np.int64)
        who = self._rows(_whole(moves.column("person_no")))
        day = _days(_whole(moves.column("day")), 0)
        code = _whole(moves.column("from_commune"))
        merged = day >= number(MERGED)  # codes are those valid on the day
        origin = np.where(merged, _looked_up(code, world.places, -1), _looked_up(code, world.old_places, -1))
        known = np.flatnonzero((who >= 0) & (origin >= 0))
        key = _moment(who, day)
        known = known[np.argsort(key[known], kind="stable")]
        return key[known], np.append(who[known], -1), origin[known]

    def place_on(self, who: Array, day: Array) -> Array:
        """Commune of each person on a day: where their next move is from, else where they live at the end."""
        place = self.place[who]
        key, mover, origin = self._moves
        at = np.flatnonzero(self._moves_at_all[who])
        following = np.searchsorted(key, _moment(who[at], day[at]), side="right")
        of_them = mover[following] == who[at]
        place[at[of_them]] = origin[following[of_them]]
        return place

    def there(self, who: Array, day: Array) -> Array:
        """Whether each person is alive and in the province on a day."""
        return (day >= self.enter[who]) & (day <= self.leave[who])


def _moment(who: Array, day: Array) -> Array:
    """One number for a person and a day, by which both are ordered."""
    return (who.astype(np.int64) << 32) + day


def _whole(column: Any) -> Any:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
