"""What a look costs: the gate's call with 500 policies and five memberships, and the bare decision.

`gate_call`: all the gate does for one look (decision, scope, the limit on rows put into the statement, the event
committed to disk), the lake's own reading left out: in its place stands an empty answer, in the bench process only.
`whole_look`: with the lake's reading. `lake_alone`: the very statement the gate makes, limit on rows and all, put to
the lake without the gate. `commit_alone`: one durable commit in PostgreSQL. Decisions are made anew (`_first`: kept
answers dropped, the handle of the policies reused) or found again, as a portal at work does (`_again`);
`decision_bare`: anew, for somebody with one membership. `ingest`: with the record of looks and, in this process only,
without it.

Every round measures everything once; of the rounds' p50 and p99 the median, least and most are told, because a busy
machine spoils a round. Times are of the wall, in milliseconds; `cpu` beside a decision is processor time.
"""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa

from bench.homes import Made, temporary_home
from bench.measure import fresh_app, mean, spending
from bienho.contracts import catalogue
from bienho.database import Role
from bienho.governance import Actor, Gate, Membership, Request, audit, decide
from bienho.governance import decision as deciding
from bienho.governance.policy import CURRENT, Engine
from bienho.governance.policy.engine import SCHEMA
from bienho.lake import Lake
from bienho.pipeline import ask
from bienho.pipeline.ingest import ingest
from bienho.synthetic import Plan, generate

POLICIES = 500
CALLS = 300
SLOW = {"lake_alone", "whole_look"}
INGESTED = 400
SEED = 20261123
FACILITY = "52001"
TARGETS = {"gate_call_p99_ms": 5.0, "decision_bare_p99_ms": 1.0, "record_costs_ingest_percent": 5.0}
PURPOSE = "tra-cuu-ho-so"
_MORE = """@id("more-{n}") @article("Luật") @reviewed("false") @title_vi("Chữ")
permit (principal in Role::"{role}", action in [Action::"{action}", Action::"query"], resource)
when {{ resource in Zone::"{zone}" && context.purpose.claimants.contains(Role::"{role}") &&
  ["", "open"].contains(context.class) }};
"""
_ROLES = ("viewer", "operator", "identifier-reader", "administrator", "clinician", "epidemiologist")
_ACTIONS = ("read", "aggregate", "identify", "export", "share")
_ZONES = ("standard", "conformed", "quality", "derived", "reference")


def run(*, rounds: int, persons: int, dossiers: int) -> dict[str, object]:
    """Figures of `rounds` rounds of CALLS calls; `persons` is the size of the twin taken in, at most INGESTED."""
    del dossiers
    engine = crowded()
    who = Actor("an", "Nguyễn An", (), "portal", memberships())
    one = Actor("an", "Nguyễn An", (), "portal", memberships()[:1])
    contract = catalogue()["conformed.encounter"]

    def decided(actor: Actor, *, anew: bool) -> None:
        if anew:
            engine.forget()
        decide(Request("r", actor, PURPOSE, "aggregate", contract, ("facility_code",)), engine)

    with house(20_000) as (made, lake, gate), in_place_of_the_set(engine):

        def look(*, anew: bool = False) -> None:
            if anew:
                engine.forget()
            _, reader = gate.aggregate(who, PURPOSE, "conformed.encounter", ["facility_code"], {"n": ("count", None)})
            reader.read_all()

        statement = caught(gate, look)
        cursor = lake.connection.cursor()
        with made.database.connect(Role.GOVERNANCE, autocommit=True) as connection:
            measures: dict[str, Callable[[], object]] = {
                "decision_bare": lambda: decided(one, anew=True),
                "decision_first": lambda: decided(who, anew=True),
                "decision_again": lambda: decided(who, anew=False),
                "commit_alone": lambda: connection.execute(
                    "SELECT seq FROM governance.audit_head FOR UPDATE"
                ).fetchone(),
                "lake_alone": lambda: cursor.execute(statement).fetchall(),
                "whole_look": look,
            }
            found: dict[str, list[tuple[float, float]]] = {}
            for _ in range(rounds):
                for name, call in measures.items():
                    found.setdefault(name, []).append(measured(call, CALLS // 4 if name in SLOW else CALLS))
                with nothing_read(gate):
                    found.setdefault("gate_call", []).append(measured(look, CALLS))
                    found.setdefault("gate_call_first", []).append(measured(lambda: look(anew=True), CALLS))
    return {
        "policies": len(engine.policies),
        "memberships": len(who.memberships),
        "rounds": rounds,
        "calls_a_round": CALLS,
        **{f"{name}_ms": told(values) for name, values in sorted(found.items())},
        "decision_bare_cpu_ms": processor(lambda: decided(one, anew=True), CALLS),
        "decision_first_cpu_ms": processor(lambda: decided(who, anew=True), CALLS),
        "ingest": audited_ingest(rounds, min(persons, INGESTED)),
        "targets": TARGETS,
    }


def audited_ingest(rounds: int, persons: int) -> dict[str, object]:
    """CPU-seconds of one ingest command's work with the record and with an `append` that does nothing, turn by turn."""
    spent: dict[str, list[float]] = {"with": [], "without": []}
    with tempfile.TemporaryDirectory(prefix="bienho-bench-corpus-") as folder:
        corpus = Path(folder, "files")
        generate(Plan(persons=persons, months=12, seed=SEED), corpus)
        for turn in range(-1, 2 * rounds):  # the first only warms up
            kind = ("with", "without")[turn % 2]
            silent = mock.patch.object(audit.AuditLog, "append", _unwritten)
            with fresh_app() as app, silent if kind == "without" else nullcontext(), spending(app.home) as one:
                ask.permit(app, "ingest", "files")
                ingest(app, [corpus], threads=1, compute=False)
            if turn >= 0:
                spent[kind].append(one.cpu_s)
    extra = [a / b - 1 for a, b in zip(spent["with"], spent["without"], strict=True)]
    return {
        "persons": persons,
        "cpu_s_with_record": mean(spent["with"]),
        "cpu_s_without": mean(spent["without"]),
        "record_costs_percent": {
            "median": round(100 * statistics.median(extra), 2),
            "of_least_times": round(100 * (min(spent["with"]) / min(spent["without"]) - 1), 2),
        },
    }


@contextmanager
def house(rows: int) -> Iterator[tuple[Made, Lake, Gate]]:
    """A home whose lake holds encounters of seven facilities, and a gate over it."""
    contract = catalogue()["conformed.encounter"]
    nullable = pa.schema([pa.field(field.name, field.type) for field in contract.arrow_schema()])
    given = [{"version_id": 1_000_000 + n, "facility_code": f"5200{n % 7}"} for n in range(rows)]
    data = pa.Table.from_pylist(given, nullable)
    with temporary_home() as made:
        with Lake.open(made.home, made.database, read_only=False) as lake:
            lake.create_tables(list(catalogue().values()))

            def fill(connection: Any) -> None:
                connection.register("incoming", data)
                connection.execute(f"INSERT INTO lake.{contract.id} BY NAME SELECT * FROM incoming")
                connection.unregister("incoming")

            lake.commit(fill, author="bench", message="fill", deliveries=())
        with Lake.open(made.home, made.database, read_only=True, sandbox=True) as lake:
            gate = Gate(lake, made.database, made.keys, made.home)
            try:
                yield made, lake, gate
            finally:
                gate.close()


def memberships() -> tuple[Membership, ...]:
    """Five of one account: four of facilities, one of two communes."""
    few = [frozenset({FACILITY, f"5200{n}"}) for n in range(4)]
    roles = ("clinician", "operator", "identifier-reader", "epidemiologist")
    return (
        *(Membership(role, f"u{n}", places, None) for n, (role, places) in enumerate(zip(roles, few, strict=True))),
        Membership("clinician", "xa", None, frozenset({"23551", "23554"})),
    )


def crowded() -> Engine:
    """The set in force with so many further policies that there are 500."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in CURRENT.glob("*.cedar")}
    schema = (CURRENT / SCHEMA).read_text(encoding="utf-8")
    missing = POLICIES - len(Engine(texts, schema).policies)
    texts["90-more"] = "".join(
        _MORE.format(n=n, role=_ROLES[n % 6], action=_ACTIONS[n % 5], zone=_ZONES[n // 7 % 5]) for n in range(missing)
    )
    return Engine(texts, schema)


@contextmanager
def in_place_of_the_set(engine: Engine) -> Iterator[None]:
    """The gate decides with this set, here only."""
    with mock.patch.object(deciding, "engine", return_value=engine):
        yield


def caught(gate: Gate, look: Callable[[], None]) -> str:
    """The statement the gate puts to the lake for a look."""
    engine: Any = gate._engine
    said: list[str] = []
    real = engine.collect

    def listening(text: str, values: Sequence[Any]) -> pa.Table:
        said.append(text)
        return real(text, values)

    with mock.patch.object(engine, "collect", listening):
        look()
    return said[0]


def _unwritten(_log: audit.AuditLog, event: Mapping[str, Any]) -> int:
    """In place of `AuditLog.append`, in this process only."""
    del event
    return 0


@contextmanager
def nothing_read(gate: Gate) -> Iterator[None]:
    """The lake answers at once and with nothing."""
    engine: Any = gate._engine
    empty = pa.table({"facility_code": pa.array([], pa.string()), "n": pa.array([], pa.int64())})
    with (
        mock.patch.object(engine, "collect", return_value=empty),
        mock.patch.object(engine, "moment", return_value=1),
    ):
        yield


def measured(call: Callable[[], object], times: int) -> tuple[float, float]:
    """(p50, p99) in milliseconds after ten calls to warm up."""
    for _ in range(10):
        call()
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        call()
        taken.append((time.perf_counter() - begun) * 1_000)
    cuts = statistics.quantiles(taken, n=100)
    return cuts[49], cuts[98]


def told(rounds: list[tuple[float, float]]) -> dict[str, dict[str, float]]:
    """Of the rounds' p50 and p99: median, least and most."""
    return {
        name: {
            "median": round(statistics.median(values), 3),
            "min": round(min(values), 3),
            "max": round(max(values), 3),
        }
        for name, values in zip(("p50", "p99"), zip(*rounds, strict=True), strict=True)
    }


def processor(call: Callable[[], object], times: int) -> float:
    """Processor time of one call in milliseconds, the least mean of eight blocks."""
    best = math.inf
    for _ in range(8):
        begun = time.process_time()
        for _ in range(times // 8):
            call()
        best = min(best, (time.process_time() - begun) / (times // 8) * 1_000)
    return round(best, 3)
