"""Nobody is in two places at once: visits that cannot be, or that would overlap another, are left out."""

from __future__ import annotations

import numpy as np

from bienho.synthetic.events.draw import Array
from bienho.synthetic.events.folk import Folk
from bienho.synthetic.events.frame import DAY, Rows


def settle(rows: Rows, folk: Folk, first: int, end: int) -> Rows:
    """Rows by person and start that fit: within the days `first` … `end` - 1, within the person's life, one at a time.

    Of two that overlap the earlier stays; births and last stays come before all others.
    """
    who, start, last = rows["person"], rows["start"] // DAY, rows.last_day
    fits = (start >= first) & (last < end) & (start >= folk.enter[who]) & (last <= folk.leave[who])
    fitting = _paired(rows, fits)
    case, sure, start, who = (rows[name][fitting].astype(np.int64) for name in ("condition", "firm", "start", "person"))
    # one number, to sort once: 26 bits of minutes, 10 of conditions
    key = (((who << 26 | start) << 1 | (1 - sure)) << 10) | case
    rows = rows.take(fitting[np.argsort(key, kind="stable")])
    firm = np.flatnonzero(rows["firm"])
    kept = np.zeros(len(rows), dtype=bool)
    kept[firm[_first_come(rows, firm)]] = True
    free = np.flatnonzero(~rows["firm"] & ~_meets_firm(rows, kept))
    kept[free[_first_come(rows, free)]] = True
    return rows.take(_paired(rows, kept))


def _paired(rows: Rows, kept: Array) -> Array:
    """Places of the kept rows, without visits after a referral whose first visit is not kept."""
    pair = rows["pair"]
    return np.flatnonzero(kept & ((rows["origin"] < 0) | ((pair >= 0) & kept[pair])))


def _first_come(rows: Rows, at: Array) -> Array:
    """Which of some rows (ordered by person and start) stay when the earlier one does, as places among `at`."""
    busy = rows.busy
    alive = np.arange(len(at))
    while len(alive) > 1:
        who, start, end = rows["person"][at[alive]], rows["start"][at[alive]], busy[at[alive]]
        # The latest end so far within a person: persons are set apart by more than any moment.
        base = who.astype(np.int64) << 34
        latest = np.maximum.accumulate(base + end)
        clash = np.zeros(len(alive), dtype=bool)
        clash[1:] = (who[1:] == who[:-1]) & (base[1:] + start[1:] < latest[:-1])
        if not clash.any():
            break
        # A clash right after a row without one is with that row, which stays; later ones may be free again.
        lost = clash.copy()
        lost[1:] &= ~clash[:-1]
        alive = alive[~lost]
    return alive


def _meets_firm(rows: Rows, firm: Array) -> Array:
    """Rows that overlap a row of `firm` of the same person (and are none of them)."""
    at = np.flatnonzero(firm)
    found = np.zeros(len(rows), dtype=bool)
    if not len(at):
        return found
    who, start, end = rows["person"], rows["start"], rows.busy
    left, right = np.searchsorted(who, who[at]), np.searchsorted(who, who[at], side="right")
    count = right - left
    of = np.repeat(np.arange(len(at)), count)
    row = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count) + left[of]
    meets = (start[row] < end[at[of]]) & (end[row] > start[at[of]]) & ~firm[row]
    found[row[meets]] = True
    return found
