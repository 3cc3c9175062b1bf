"""From a block of people to everything that happens to them within a plan."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from bienho.synthetic.events import births as birth
from bienho.synthetic.events.acute import Chance, everyday, overbilled
from bienho.synthetic.events.archive import archive
from bienho.synthetic.events.chronic import Courses, fates, programmes, reexaminations
from bienho.synthetic.events.draw import Array, generator
from bienho.synthetic.events.folk import Folk
from bienho.synthetic.events.frame import FAR, Rows
from bienho.synthetic.events.immunise import immunise
from bienho.synthetic.events.infection import care, cases, with_tuberculosis
from bienho.synthetic.events.settle import settle
from bienho.synthetic.events.tables import (
    Events,
    births_table,
    cases_table,
    courses_table,
    immunisations_table,
    visits_table,
)
from bienho.synthetic.events.world import World
from bienho.synthetic.places import Map
from bienho.synthetic.plan import Plan


class Maker:
    """Makes the events of blocks; what blocks share is made once."""

    def __init__(self, plan: Plan, atlas: Map) -> None:
        self.world = World(plan, atlas)

    def make(self, block: int, people: pa.RecordBatch | pa.Table, moves: Any = None) -> Events:
        """The events of the people of block number `block` (the table PEOPLE, ordered by person_no).

        The same plan, number and people give the same events in any process and any order of blocks. Visits are
        ordered by person and start; none lies outside a person's life, none outside the window but for archives, and
        nobody is in two places at once. Kin in another block are strangers here.
        """
        w, folk = self.world, Folk(self.world, people, moves)

        def rng(purpose: str) -> Chance:
            return generator(w.seed, "events", purpose, block)

        courses, fate = Courses(), fates(w, rng("fates"), folk)
        within = birth.births_within(w, rng("children"), folk)
        born = birth.window_births(w, rng("births"), folk, within)
        stays = birth.birth_stays(w, rng("stays"), folk, born)
        doses = immunise(w, rng("doses"), folk)
        found = cases(w, rng("cases"), folk, doses)
        parts = [stays, birth.pregnancy_visits(w, rng("pregnancy"), folk, born, stays)]
        parts += [birth.newborn_visits(w, rng("newborn"), folk), birth.last_stays(w, rng("deaths"), folk)]
        treated = programmes(w, rng("programmes"), folk, courses)
        parts += [care(w, rng("care"), folk, found), treated]
        found = with_tuberculosis(w, rng("tuberculosis"), folk, found, courses, treated)
        for part in w.segments:
            ill = everyday(w, rng(f"everyday/{part.number}"), folk, part)
            parts.append(birth.possible(w, ill, within, born))
            parts.append(reexaminations(w, rng(f"chronic/{part.number}"), folk, part, fate, courses))
        rows = Rows.concat(parts)
        overbilled(w, rng("billing"), rows)
        rows = settle(rows, folk, w.first, w.end)
        rows["version"] = w.versions[rows.last_day - w.first]
        old, old_births = archive(w, rng("archive"), folk, len(rows), fate, courses, within, born)
        regular = np.concatenate([np.ones(len(rows), dtype=bool), np.zeros(len(old), dtype=bool)])
        rows = Rows.concat([rows, old])
        order = np.argsort((rows["person"].astype(np.int64) << 32) + rows["start"], kind="stable")
        rows, regular = rows.take(order), regular[order]
        delay = delays(w, rng("delay"), rows, regular)
        return Events(
            visits_table(w, folk, block, rows, delay),
            births_table(folk, block, birth.Births.joined(born, old_births)),
            courses_table(w, folk, block, courses, rows),
            cases_table(w, rng("reports"), folk, block, found, rows, delay),
            immunisations_table(w, folk, doses),
        )


def delays(w: World, rng: Chance, rows: Rows, regular: Array) -> Array:
    """Days from the end of each visit to its sending by the habit of the facility, -1 for never.

    Some miss their turn and go with a later one. What the window leaves over is sent on its last day; archives travel
    once in half a year.
    """
    ended, clinic = rows.last_day, rows["clinic"]
    habit = w.nearby.habit[clinic]

    def turn(day: Array) -> Array:
        return np.where(habit == 0, day + 1, np.where(habit == 1, day + 7 - (day + 3) % 7, w.days.next_month(day)))

    sent = turn(ended)
    late = rng.random(len(rows)) < w.nearby.late[clinic]
    sent = np.where(late, turn(sent + rng.geometric(0.12, len(rows))), sent)
    sent = np.where(regular, np.minimum(sent, w.last_sending), w.days.next_half(ended))
    sent = np.maximum(sent, ended)
    for effect in w.staging.effects:
        if effect.does == "silence":
            first, end = w.day(effect.first), w.day(effect.end)
            held = (clinic == w.clinics[effect.facility]) & (sent >= first) & (sent < end)
            sent = np.where(held, end if end <= w.last_sending else FAR, sent)
    return np.where(sent >= FAR, -1, sent - ended)
