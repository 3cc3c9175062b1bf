"""What a look costs: the gate's call with 500 policies and five memberships, and the bare decision.

`gate_call`: all the gate does for one look (decision, scope, the limit on rows put into the statement, the event
committed to disk), the lake's own reading left out: in its place stands an empty answer, in the bench process only.
`record`: the part of it that writes the event. `insert_alone` is the physical limit of that: the same text put into a
bare table, `INSERT … COMMIT`, on the same connection in the same round; `commit_alone` a durable commit with next to
nothing in it. `whole_look`: with the lake's reading. `lake_alone`: the very statement the gate makes, limit on rows and
all, put to the lake without the gate. Decisions are made anew (`_first`: kept answers dropped, the handle of the
policies reused) or found again, as a portal at work does (`_again`); `decision_bare`: anew, for somebody with one
membership.

Every round measures everything once, bare limits beside what they limit; of the rounds' p50 and p99 the median, least
and most are told, because a busy machine spoils a round. Times are of the wall, in milliseconds. `…_cpu_ms` is
processor time of this process, `gate_call_postgres_cpu_ms` that of PostgreSQL for us: a busy machine spoils it less.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import psutil
import pyarrow as pa

from bench.homes import Made, temporary_home
from bienho.contracts import catalogue
from bienho.database import Role
from bienho.governance import Actor, Gate, Membership, Request, audit, decide
from bienho.governance import decision as deciding
from bienho.governance.policy import CURRENT, Engine
from bienho.governance.policy.engine import SCHEMA
from bienho.lake import Lake

POLICIES = 500
CALLS = 300
SLOW = {"lake_alone", "whole_look"}
FACILITY = "52001"
TARGETS = {"gate_call_p99_ms": 5.0, "decision_bare_p99_ms": 1.0}
PURPOSE = "tra-cuu-ho-so"
BARE_TABLE = """
CREATE TABLE governance.bench_bare (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text, hash bytea);
GRANT INSERT ON governance.bench_bare TO bienho_governance
"""
BARE_INSERT = "INSERT INTO governance.bench_bare (body, hash) VALUES (%s, %s)"
_MORE = """@id("more-{n}") @article("Luật") @reviewed("false") @title_vi("Chữ")
permit (principal in Role::"{role}", action in [Action::"{action}", Action::"query"], resource)
when {{ resource in Zone::"{zone}" && context.purpose.claimants.contains(Role::"{role}") &&
  ["", "open"].contains(context.class) }};
"""
_ROLES = ("viewer", "operator", "identifier-reader", "administrator", "clinician", "epidemiologist")
_ACTIONS = ("read", "aggregate", "identify", "export", "share")
_ZONES = ("standard", "conformed", "quality", "derived", "reference")


def run(*, rounds: int, persons: int, dossiers: int) -> dict[str, object]:
    """Figures of `rounds` rounds of CALLS calls."""
    del dossiers, persons
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

        statement, event = caught(gate, look)
        cursor = lake.connection.cursor()
        with made.database.connect(Role.ADMIN, autocommit=True) as admin:
            admin.execute(BARE_TABLE)
        with made.database.connect(Role.GOVERNANCE, autocommit=True) as connection:
            values = (audit._canonical(event), bytes(32))
            measures: dict[str, Callable[[], object]] = {
                "decision_bare": lambda: decided(one, anew=True),
                "decision_first": lambda: decided(who, anew=True),
                "decision_again": lambda: decided(who, anew=False),
                "lake_alone": lambda: cursor.execute(statement).fetchall(),
                "whole_look": look,
                "commit_alone": lambda: connection.execute(
                    "SELECT seq FROM governance.audit_head FOR UPDATE"
                ).fetchone(),
                "insert_alone": lambda: connection.execute(BARE_INSERT, values),
                "record": lambda: gate._audit.append(event),
            }
            found: dict[str, list[tuple[float, float]]] = {}
            for _ in range(rounds):
                for name, call in measures.items():
                    found.setdefault(name, []).append(measured(call, CALLS // 4 if name in SLOW else CALLS))
                with nothing_read(gate):
                    found.setdefault("gate_call", []).append(measured(look, CALLS))
                    found.setdefault("gate_call_first", []).append(measured(lambda: look(anew=True), CALLS))
            insert_cpu = server_side(connection, lambda: connection.execute(BARE_INSERT, values))
            with nothing_read(gate):
                call_cpu = processor(look, CALLS)
                call_postgres_cpu = server_side(gate._audit._connection, look)
    return {
        "policies": len(engine.policies),
        "memberships": len(who.memberships),
        "rounds": rounds,
        "calls_a_round": CALLS,
        **{f"{name}_ms": told(values) for name, values in sorted(found.items())},
        "gate_call_cpu_ms": call_cpu,
        "gate_call_postgres_cpu_ms": call_postgres_cpu,
        "insert_alone_postgres_cpu_ms": insert_cpu,
        "decision_bare_cpu_ms": processor(lambda: decided(one, anew=True), CALLS),
        "decision_first_cpu_ms": processor(lambda: decided(who, anew=True), CALLS),
        "targets": TARGETS,
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


def caught(gate: Gate, look: Callable[[], None]) -> tuple[str, Mapping[str, Any]]:
    """The statement the gate puts to the lake for a look, and the event it writes of it."""
    engine: Any = gate._engine
    said: list[str] = []
    told_of: list[Mapping[str, Any]] = []
    collect, append = engine.collect, gate._audit.append

    def listening(text: str, values: Sequence[Any]) -> pa.Table:
        said.append(text)
        return collect(text, values)

    def noting(event: Mapping[str, Any]) -> int:
        told_of.append(event)
        return append(event)

    with mock.patch.object(engine, "collect", listening), mock.patch.object(gate._audit, "append", noting):
        look()
    return said[0], told_of[0]


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


def server_side(connection: Any, call: Callable[[], object]) -> float:
    """Processor time of the server's process behind a connection, of one call in milliseconds."""
    serving = psutil.Process(connection.info.backend_pid)
    begun = sum(serving.cpu_times()[:2])
    for _ in range(CALLS):
        call()
    return round((sum(serving.cpu_times()[:2]) - begun) / CALLS * 1_000, 3)
