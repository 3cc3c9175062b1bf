"""Where Articles 16 and 22 of Circular 15/2026 stand on a day, by commune and disease, asked of the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from bienho.config import load_profile
from bienho.governance import Actor, Gate
from bienho.pipeline.app import App
from bienho.pipeline.ask import caller
from bienho.surveillance import legal
from bienho.surveillance.legal.words import STATES, Channel, sentence

CASES = "derived.notifiable_case"
SURE = {"suspected": ("suspected", "probable", "confirmed"), "probable": ("probable", "confirmed"),
        "confirmed": ("confirmed",)}  # fmt: skip
"""What is counted from a given certainty on."""
BASES = {"seen": "seen_date", "report": "report_date"}
"""The day by which a case is counted."""
NAMES = {-1: "unknown", 0: "normal", 1: "check", 2: "warning", 3: "epidemic"}


@dataclass(frozen=True, slots=True)
class LegalStanding:
    """`rows`: one per commune and disease that is not normal (or has a case, when all were asked for).

    `since`: from when the warehouse counts; None when it has less than two months. `unplaced`: cases of the month
    without a commune of the province; they are in no row.
    """

    as_of: date
    since: date | None
    rows: list[dict[str, Any]]
    unplaced: int


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody's questions for one purpose."""

    gate: Gate
    actor: Actor
    purpose: str

    def listed(self, dataset: str, columns: Sequence[str], on: date) -> list[dict[str, Any]]:
        """Rows of a code list in force on a day."""
        names = [*columns, "valid_from", "valid_to"]
        _, reader = self.gate.read(self.actor, self.purpose, dataset, names)
        rows: list[dict[str, Any]] = reader.read_all().to_pylist()
        return [r for r in rows if r["valid_from"] <= on and (r["valid_to"] is None or r["valid_to"] > on)]

    def counted(
        self,
        day: str,
        until: date,
        sure: Sequence[str],
        period: str,
        groups: Sequence[str],
        disease: str = "",
        first: date | None = None,
    ) -> list[dict[str, Any]]:
        """Cases by `groups` and period (`start`, its first day) up to a day, from `first` on, perhaps of one."""
        filters: list[tuple[str, str, Any]] = [(day, "<=", until), ("certainty", "in", list(sure))]
        filters += [(day, ">=", first)] if first else []
        filters += [("disease", "=", disease)] if disease else []
        by: list[str | tuple[str, str]] = [*groups, (period, day)]
        _, reader = self.gate.aggregate(self.actor, self.purpose, CASES, by, {"cases": ("count", None)}, filter=filters)
        return [{**row, "start": _day(row[f"{day}_{period}"])} for row in reader.read_all().to_pylist()]

    def by_commune(
        self, day: str, until: date, sure: Sequence[str], period: str, first: date | None = None
    ) -> list[dict[str, Any]]:
        """Cases of every disease by commune and period."""
        rows = self.counted(day, until, sure, period, ["commune_canonical", "disease"], first=first)
        return [{**row, "commune": row["commune_canonical"]} for row in rows]


def standing(
    app: App,
    purpose: str,
    as_of: date,
    *,
    since: date | None = None,
    basis: str = "seen",
    sure: str = "probable",
    everything: bool = False,
) -> LegalStanding:
    """What the law's numbers say on `as_of`, of the cases known now.

    `since`: first day from which the warehouse holds all cases; found out when not told. `basis`: a key of `BASES`;
    `sure`: the least certainty that counts. Denied without the right to cases and communes.
    """
    day = BASES[basis]
    with app.reading() as gate:
        ask = Asker(gate, caller(app), purpose)
        listed = {
            r["disease"]: r
            for r in ask.listed("reference.notifiable", ("disease", "name_vi", "deadline", "law_group"), as_of)
        }
        communes = {r["code"]: r["name"] for r in ask.listed("reference.commune", ("code", "name"), as_of)}
        decisions = ask.listed(
            "reference.epidemic_decision", ("disease", "commune", "kind", "year", "decided_on"), as_of
        )
        older = ask.listed("reference.case_history", ("disease", "commune", "unit", "year", "number", "cases"), as_of)
        months = ask.by_commune(day, as_of, SURE[sure], "month")
        weeks = ask.by_commune(day, as_of, SURE[sure], "week")
        confirmed = ask.by_commune(day, as_of, SURE["confirmed"], "month", as_of.replace(day=1))
    since = since or legal.run_begins(row["start"] for row in months)
    places = legal.Places(tuple(sorted(communes)), tuple(sorted(listed)))
    rebuilt = legal.rebuilt(older, load_profile().canonical_commune)
    pasts = {
        "month": legal.past(places, "month", as_of, months, rebuilt, since),
        "week": legal.past(places, "week", as_of, weeks, rebuilt, since),
    }
    judged = _judge(places, as_of, pasts, decisions, listed, (months, weeks, confirmed))
    rows = [
        {**row, "name": communes[row["commune"]], "name_vi": listed[row["disease"]]["name_vi"],
         "deadline": listed[row["disease"]]["deadline"]}
        for row in judged
        if row["state"] != "normal" or (everything and row["month"] + row["week"])
    ]  # fmt: skip
    unplaced = sum(r["cases"] for r in months if r["start"] == as_of.replace(day=1) and r["commune"] not in communes)
    return LegalStanding(as_of, since, rows, unplaced)


def _judge(
    places: legal.Places,
    as_of: date,
    pasts: Mapping[str, legal.Past],
    decisions: Sequence[Mapping[str, Any]],
    listed: Mapping[str, Mapping[str, Any]],
    counted: tuple[Sequence[Mapping[str, Any]], ...],
) -> list[dict[str, Any]]:
    """A row per place with a case or a state, the gravest first."""
    said, declared_month = legal.decided(places, decisions, pasts["month"].years)
    _, declared_week = legal.decided(places, decisions, pasts["week"].years)
    assumed = legal.assume_endemic(pasts["month"].counts, pasts["month"].present)
    endemic = np.where(said < 0, assumed, said)
    group_a = np.tile([listed[name]["law_group"] == "A" for name in places.diseases], len(places.communes))
    starts = [as_of.replace(day=1), legal.period_start("week", *legal.period_of("week", as_of)), as_of.replace(day=1)]
    now = legal.Now(*(_current(places, rows, start) for rows, start in zip(counted, starts, strict=True)))
    month = legal.baseline(pasts["month"].counts, pasts["month"].present, declared_month)
    week = legal.baseline(pasts["week"].counts, pasts["week"].present, declared_week)
    verdict = legal.judge(now, month, week, endemic, group_a)
    keys = list(places.index())
    found = []
    for place in np.flatnonzero((verdict.state != 0) | (now.month + now.week > 0)).tolist():
        channels = [_channel(line, pasts[unit], place) for unit, line in (("month", month), ("week", week))]
        article = legal.ARTICLES[verdict.article[place]]
        cases = int(now.month[place]), int(now.week[place])
        lives_here = None if endemic[place] < 0 else bool(endemic[place])
        found.append(
            {
                "commune": keys[place][0], "disease": keys[place][1], "state": NAMES[int(verdict.state[place])],
                "state_vi": STATES[int(verdict.state[place])], "article": article or None, "month": cases[0],
                "week": cases[1], "confirmed": int(now.confirmed[place]), "endemic": lives_here,
                "endemic_basis": "assumed" if said[place] < 0 else "decided",
                "short": len(channels[0].years) < legal.YEARS,
                **_told("month", channels[0], 2), **_told("week", channels[1], 1),
                "reason": sentence(article, as_of, *cases, *channels),
            }
        )  # fmt: skip
    order = {"epidemic": 0, "warning": 1, "check": 2, "unknown": 3, "normal": 4}
    return sorted(found, key=lambda row: (order[row["state"]], row["disease"], row["commune"]))


def _current(places: legal.Places, rows: Sequence[Mapping[str, Any]], start: date) -> Any:
    counts, index = np.zeros(len(places), dtype=np.int64), places.index()
    for row in rows:
        place = index.get((row["commune"], row["disease"]))
        if row["start"] == start and place is not None:
            counts[place] += row["cases"]
    return counts


def _channel(line: legal.Baseline, past: legal.Past, place: int) -> Channel:
    used = [(past.years[n], int(past.counts[place, n])) for n in np.flatnonzero(line.used[place]).tolist()]
    dropped = [past.years[n] for n in np.flatnonzero(line.declared[place]).tolist()]
    return Channel(float(line.mean[place]), float(line.sd[place]), used, dropped)


def _told(unit: str, channel: Channel, deviations: int) -> dict[str, Any]:
    enough = len(channel.years) >= legal.LEAST
    return {
        f"{unit}_mean": round(channel.mean, 3) if channel.years else None,
        f"{unit}_sd": round(channel.sd, 3) if len(channel.years) > 1 else None,
        f"{unit}_limit": round(channel.mean + deviations * channel.sd, 3) if enough else None,
        f"{unit}_years": [{"year": year, "cases": cases} for year, cases in channel.years],
        f"{unit}_years_dropped": list(channel.dropped),
    }


def _day(value: Any) -> date:
    return value.date() if hasattr(value, "date") else value
