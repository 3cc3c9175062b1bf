"""What a look costs: the gate's whole call with 500 policies and five memberships, and the bare decision.

The call: decision, limit on rows, the answer of a small question on a snapshot, the event committed. Times are measured
around the call, in milliseconds. Beside them stands the same question put to DuckDB alone, and a commit of one row in
PostgreSQL alone: what no gate could be faster than.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pyarrow as pa

from bench.homes import Made, temporary_home
from bienho.contracts import catalogue
from bienho.database import Role
from bienho.governance import Actor, Gate, Membership, Request, decide
from bienho.governance import decision as deciding
from bienho.governance.policy import CURRENT, Engine
from bienho.governance.policy.engine import SCHEMA
from bienho.lake import Lake

POLICIES = 500
CALLS = 400
FACILITY = "52001"
TARGETS = {"gate_p99_ms": 5.0, "decision_p99_ms": 1.0}
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
    """Figures of `rounds` × CALLS calls; p50 and p99 over all of them."""
    del persons, dossiers
    engine = crowded()
    who = Actor("an", "Nguyễn An", (), "portal", memberships())
    contract = catalogue()["conformed.encounter"]
    request = Request("r", who, PURPOSE, "aggregate", contract, ("facility_code",))

    def first() -> None:
        engine.forget()
        decide(request, engine)

    figures: dict[str, object] = {"policies": len(engine.policies), "memberships": len(who.memberships), "calls": CALLS}
    figures["decision_first_ms"] = measured(first, rounds * CALLS)
    figures["decision_again_ms"] = measured(lambda: decide(request, engine), rounds * CALLS)
    with house(20_000) as (made, lake, gate), in_place_of_the_set(engine):

        def look(*, forget: bool) -> None:
            if forget:
                engine.forget()
            _, reader = gate.aggregate(who, PURPOSE, "conformed.encounter", ["facility_code"], {"n": ("count", None)})
            reader.read_all()

        cursor = lake.connection.cursor()
        with made.database.connect(Role.GOVERNANCE, autocommit=True) as connection:
            figures["engine_alone_ms"] = measured(
                lambda: cursor.execute(
                    "SELECT facility_code, count(*) FROM lake.conformed.encounter GROUP BY 1"
                ).fetchall(),
                CALLS,
            )
            figures["commit_alone_ms"] = measured(lambda: connection.execute("SELECT txid_current()").fetchone(), CALLS)
        figures["gate_first_ms"] = measured(lambda: look(forget=True), rounds * CALLS)
        figures["gate_again_ms"] = measured(lambda: look(forget=False), rounds * CALLS)
    return figures | {"targets": TARGETS}


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


def measured(call: Callable[[], object], times: int) -> dict[str, float]:
    """p50 and p99 in milliseconds after ten calls to warm up."""
    for _ in range(10):
        call()
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        call()
        taken.append((time.perf_counter() - begun) * 1_000)
    cuts = statistics.quantiles(taken, n=100)
    return {"p50": round(cuts[49], 3), "p99": round(cuts[98], 3)}
