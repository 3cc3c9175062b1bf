"""Questions about scores, asked of the gate as the caller: what they are, why, what would raise them, what if."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from bienho.contracts import casts
from bienho.core.errors import InputError
from bienho.core.ids import delivery_seq
from bienho.governance import Actor, Gate
from bienho.governance.purposes import QUALITY, claimed
from bienho.pipeline import score_freeze
from bienho.pipeline.app import App
from bienho.pipeline.ask import caller
from bienho.pipeline.scores import LOSSES, RUN, SCORE, computed
from bienho.quality.expiry import LOCAL
from bienho.quality.scores import READS, RESULT, read_formula

KEYS = ("facility_code", "dataset", "week_start", "dimension", "standing", "formula")
FIGURES = ("score", "share", "units", "losses", "dossiers", "expected", "peers", "peer_low", "peer_middle", "peer_high")
CAUSE = ("dimension", "code", "rule", "table_name", "field", "owner")
ROW = (
    "loss_no", "dimension", "code", "rule", "severity", "owner", "delivery_id", "dossier_key", "table_name", "row_no",
    "field", "day", "lost", "points", "points_total",
)  # fmt: skip
Row = dict[str, Any]
Filters = tuple[tuple[str, str, Any], ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which scores are asked for; None is every one. `week` is any day of it."""

    facility: str | None = None
    week: date | None = None
    dataset: str | None = None

    @property
    def filters(self) -> Filters:
        monday = self.week - timedelta(days=self.week.weekday()) if self.week else None
        named = (("facility_code", self.facility), ("week_start", monday), ("dataset", self.dataset))
        return tuple((column, "=", value) for column, value in named if value is not None)


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody's questions for one purpose."""

    gate: Gate
    actor: Actor
    purpose: str

    @classmethod
    def of(cls, gate: Gate, app: App, purpose: str) -> Asker:
        """Those of the caller; without a purpose that of judging quality, or the first the caller may claim."""
        actor = caller(app)
        return cls(gate, actor, purpose or claimed(actor.roles, QUALITY))

    def totals(self, dataset: str, by: Sequence[str], figures: Mapping[str, Any], filters: Filters) -> list[Row]:
        _, reader = self.gate.aggregate(
            self.actor, self.purpose, dataset, by, figures, filter=filters, order=[(name, "asc") for name in by]
        )
        rows: list[Row] = reader.read_all().to_pylist()
        return rows

    def rows(self, dataset: str, columns: Sequence[str], filters: Filters = (), order: Sequence[Any] = ()) -> pa.Table:
        _, reader = self.gate.read(self.actor, self.purpose, dataset, columns, filter=filters, order=order)
        return reader.read_all()


def scores(app: App, purpose: str, wanted: Wanted) -> list[Row]:
    """Scores by facility, dataset, week and dimension; without a week those of the newest week that is closed."""
    with app.reading() as gate:
        return _scores(Asker.of(gate, app, purpose), wanted)


def _scores(ask: Asker, wanted: Wanted) -> list[Row]:
    filters = wanted.filters
    if wanted.week is None and wanted.facility is None:
        closed = ask.totals(SCORE, (), {"week": ("max", "week_start")}, (*filters, ("standing", "=", "closed")))
        filters = (*filters, ("week_start", "=", closed[0]["week"]))
    return ask.totals(SCORE, KEYS, {name: ("max", name) for name in FIGURES}, filters)


def explain(app: App, purpose: str, wanted: Wanted) -> list[Row]:
    """Every row that costs the wanted scores points; their `points_total` add up to what the score lacks."""
    order = [(name, "asc") for name in ("facility_code", "dataset", "week_start", "loss_no")]
    columns = ("facility_code", "dataset", "week_start", *ROW)
    with app.reading() as gate:
        found: list[Row] = Asker.of(gate, app, purpose).rows(LOSSES, columns, wanted.filters, order).to_pylist()
    return found


def causes(app: App, purpose: str, wanted: Wanted) -> list[Row]:
    """What costs most, the worst first: dimension, code, rule, place, owner, rows, and the points in them."""
    figures = {"rows": ("count", None), "points_total": ("sum", "points_total"), "points": ("sum", "points")}
    with app.reading() as gate:
        found = Asker.of(gate, app, purpose).totals(LOSSES, CAUSE, figures, wanted.filters)
    return sorted(found, key=lambda row: -row["points_total"])


def run_of(app: App, purpose: str) -> Row | None:
    """{formula, as_of, through}: by what and up to where the scores there were computed; None before the first time."""
    with app.reading() as gate:
        found: list[Row] = Asker.of(gate, app, purpose).rows(RUN, ["formula", "as_of", "through"]).to_pylist()
    return found[0] if found else None


def simulate(app: App, purpose: str, text: str, wanted: Wanted, as_of: date | None = None) -> list[Row]:
    """Scores by the formula of a file's text over the same rows: {…, score, standing_score, difference}.

    Needs the right to read what scores are made of. InputError IN-FORMULA, IN-SCORE-NONE when nothing was received.
    """
    own: Filters = (("facility_code", "=", wanted.facility),) if wanted.facility else ()
    with app.reading() as gate:
        ask = Asker.of(gate, app, purpose)
        there = {
            _key(row): row["score"] for row in ask.totals(SCORE, KEYS, {"score": ("max", "score")}, wanted.filters)
        }
        formula = read_formula(text)
        as_of = as_of or _as_of(ask, own)
        sources: dict[str, str | pa.Table] = {}
        for name, columns in READS.items():
            narrow = own if name in ("standard.xml130_dossier", "standard.delivery", "quality.quarantine") else ()
            sources[name] = ask.rows(name, columns, narrow)
    with duckdb.connect() as connection:
        connection.execute(casts.MACROS)
        with computed(connection, formula, as_of, sources):
            told = connection.execute(f"SELECT * FROM {RESULT} ORDER BY ALL").to_arrow_table().to_pylist()
    made = []
    for row in told:
        if all(row[column] == value for column, _, value in wanted.filters):
            before = there.get(_key(row))
            made.append(
                {**{name: row[name] for name in ("facility_code", "dataset", "week_start", "dimension", "score")},
                 "standing_score": before, "difference": None if before is None else row["score"] - before}
            )  # fmt: skip
    return made


def verify(app: App, purpose: str) -> list[Row]:
    """Every frozen week with whether its bytes are as this house signed them and its rows as those bytes say."""
    with app.reading() as gate:
        ask = Asker.of(gate, app, purpose)
        order = [("week_start", "asc"), ("delivery_id", "asc")]
        names = ("week_start", "delivery_id", "formula", "as_of", "through", "rows", "digest", "public_key")
        weeks: list[Row] = ask.rows(score_freeze.FREEZE, names, order=order).to_pylist()
        kept = ask.rows(score_freeze.FROZEN, ("delivery_id", *score_freeze.COLUMNS)).to_pylist()
    for week in weeks:
        data = app.raw.read(delivery_seq(week["delivery_id"]))[1]
        said = [score_freeze.told(row) for row in score_freeze.unwrap(data).rows]
        rows = [{k: v for k, v in row.items() if k != "delivery_id"} for row in kept if _same(row, week)]
        mine = [row for row in said if row["week_start"] == week["week_start"]]
        week["genuine"] = score_freeze.genuine(data, app.keys)
        week["unchanged"] = sorted(map(repr, rows)) == sorted(map(repr, mine))
    return weeks


def _same(row: Row, week: Row) -> bool:
    return bool((row["week_start"], row["delivery_id"]) == (week["week_start"], week["delivery_id"]))


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEYS[:4])


def _as_of(ask: Asker, own: Filters) -> date:
    filters = (*own, ("kind", "=", "xml130"))
    newest = ask.totals("standard.delivery", (), {"newest": ("max", "received_at")}, filters)[0]["newest"]
    if newest is None:
        raise InputError("IN-SCORE-NONE", "Chưa nhận lần nào nên chưa chấm điểm được.", who="cơ sở gửi")
    day: date = newest.astimezone(LOCAL).date()
    return day
