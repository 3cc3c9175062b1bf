"""The index of persons at the size of the province: filled, then asked by deliveries of a hundred and by single ones.

People are the twin's, one record each (`bienho.synthetic`), sealed under keys of their own as the house does it. A
delivery holds people who have a record elsewhere, under other spellings and without some of their numbers, and new
ones. Times are of the wall, and CPU of this process and of PostgreSQL beside them: a machine with other work lengthens
the first.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc

from bench.measure import Spent, fresh_app, spending
from bienho.config import load_profile
from bienho.core.ids import delivery_id
from bienho.database import Role
from bienho.linkage import RECORDS, clean
from bienho.linkage.index import Cause, Index, PostgresStore, digester, filling
from bienho.linkage.index.contradictions import contradictions
from bienho.linkage.index.tables import tidy
from bienho.linkage.index.waiting import unsettled
from bienho.linkage.model.matcher import Matcher
from bienho.linkage.shipped import shipped
from bienho.pipeline import App
from bienho.privacy import Vault, VaultEntry
from bienho.synthetic.people import blocks, make
from bienho.synthetic.places import Map
from bienho.synthetic.plan import Plan

PROVINCE = 3_600_000
DELIVERIES, DELIVERY, SINGLES = 10, 100, 300
SEED = 20261127
CAUSE = Cause("delivery", delivery_id(1))
SEALED, ASKED = 100_000, 5_000
_SHOWN = {"personal_id": 0.8, "insurance_no": 0.75, "phone": 0.8, "address_text": 0.95}
_AGAIN = 0.7
"""Of the records of a delivery, so many are of people who have one already."""
_DAY = "20260115"


def run(
    records: int = PROVINCE,
    deliveries: int = DELIVERIES,
    singles: int = SINGLES,
    keep: Callable[..., None] | None = None,
) -> dict[str, Any]:
    """Figures of an index of `records` records; `keep` is given what stands so far."""
    figures: dict[str, Any] = {"records": records, "seed": SEED}
    everyone = people(records + deliveries * DELIVERY + singles)
    chance = np.random.default_rng(SEED)
    with fresh_app("twin") as app, app.database.connect(Role.WORKER) as connection:
        cleaned = clean(_shown(everyone.slice(0, records), chance))
        asked = _asked(everyone, records, deliveries * DELIVERY + singles, chance)
        _patients(app, everyone["record_id"].to_pylist())
        del everyone
        matcher = Matcher(shipped())
        keys = digester(app.keys.derive("linkage/blocks"), matcher)
        store = PostgresStore(connection, app.keys)
        with spending(app.home) as spent:
            filling.fill(store, matcher, keys, cleaned, CAUSE)
            connection.commit()
            tidy(connection, "lake")
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        figures["fill"] = _spent(spent) | {"most_memory_gib": round(memory, 2)}
        del cleaned
        figures["index"] = _size(connection, records)
        if keep:
            keep(figures)
        figures["worklist"] = _listed(connection, store, matcher)
        index = Index(store, matcher, keys)

        def put(some: pa.Table) -> None:
            index.add(clean(some), CAUSE)
            connection.commit()

        put(asked.slice(asked.num_rows - 1, 1))  # what is made once a process
        for name, size, count in (("delivery", DELIVERY, deliveries), ("single", 1, singles - 1)):
            start = 0 if name == "delivery" else deliveries * DELIVERY
            some = [asked.slice(start + place * size, size) for place in range(count)]
            figures[name] = {"records": size, **_timed(app, put, some)}
            if keep:
                keep(figures)
    return figures


def people(count: int) -> pa.Table:
    """RECORDS of so many people of the twin, everything on their papers shown, each at a facility near them."""
    plan, atlas = Plan(persons=count, seed=SEED), Map(load_profile("gialai"))
    clinics = pa.array([clinic.code for clinic in atlas.clinics])
    made: list[pa.Table] = []
    for block in blocks(plan, atlas):
        some = pa.table(make(plan, atlas, block)[0])
        number = some["person_no"].to_numpy()
        texts = {
            "record_id": pa.array([f"{one:032x}" for one in number.tolist()]),
            "facility_code": clinics.take(pa.array(number * 7919 % len(clinics))),
            "patient_local_id": pa.array([f"BN{one:08d}" for one in number.tolist()]),
            "full_name": some["name"],
            "birth_date": pc.strftime(some["birth"], "%Y%m%d"),
            "sex": pc.if_else(pc.equal(some["sex"].cast(pa.string()), "M"), "1", "2"),
            "personal_id": some["personal_id"],
            "insurance_no": some["insurance_id"],
            "phone": some["phone"],
            "address_text": some["hamlet"].cast(pa.string()),
            "commune_code": some["commune"].cast(pa.string()),
            "province_code": pa.array(["52"] * some.num_rows),
            "ethnic_code": some["ethnic_code"].cast(pa.string()),
            "visit_date": pa.array([_DAY] * some.num_rows),
            "arrived": pa.array(number),
        }
        columns = [texts.get(field.name, pa.nulls(some.num_rows, field.type)) for field in RECORDS]
        made.append(pa.table(columns, names=RECORDS.names).cast(RECORDS))
    return pa.concat_tables(made).slice(0, count).combine_chunks()


def _shown(records: pa.Table, chance: np.random.Generator) -> pa.Table:
    """The same with what people did not show left out."""
    for name, share in _SHOWN.items():
        shown = pa.array(chance.random(records.num_rows) < share)
        place = records.schema.get_field_index(name)
        records = records.set_column(place, name, pc.if_else(shown, records[name], pa.scalar(None, pa.string())))
    return records


def _asked(everyone: pa.Table, records: int, count: int, chance: np.random.Generator) -> pa.Table:
    """Records that come later, each under a key of its own: of people who are there, half of them without marks, and
    of new ones."""
    new = np.arange(records, records + count)
    of = np.where(chance.random(count) < _AGAIN, chance.integers(0, records, count), new)
    found = _shown(everyone.take(pa.array(of)), chance)
    plain = pc.utf8_upper(pc.utf8_normalize(found["full_name"], form="NFD"))
    plain = pc.replace_substring(pc.replace_substring_regex(plain, r"\p{Mn}", ""), "Đ", "D")
    bare = pc.if_else(pa.array(chance.random(count) < 0.5), plain, found["full_name"])
    clinics = pc.unique(everyone["facility_code"])
    changed = {
        "record_id": everyone["record_id"].take(pa.array(new)),
        "arrived": pa.array(new),
        "full_name": bare,
        "facility_code": clinics.take(pa.array(chance.integers(0, len(clinics), count))),
        "patient_local_id": pa.array([f"L{one:08d}" for one in new.tolist()]),
    }
    return pa.table({name: changed.get(name, found[name]) for name in RECORDS.names}).cast(RECORDS)


def _patients(app: App, ids: list[str]) -> None:
    """Everyone has a data key in the vault, as whoever came in has."""
    vault = Vault(app.keys, app.database)
    for start in range(0, len(ids), SEALED):
        some = ids[start : start + SEALED]
        vault.seal([VaultEntry("64001", one, one, b"{}") for one in some], fresh=True)


def _timed(app: App, put: Callable[[pa.Table], None], some: list[pa.Table]) -> dict[str, Any]:
    times = []
    with spending(app.home) as spent:
        for one in some:
            began = time.perf_counter()
            put(one)
            times.append((time.perf_counter() - began) * 1000)
    return {
        "count": len(some),
        "ms_p50": round(float(np.percentile(times, 50)), 1),
        "ms_p95": round(float(np.percentile(times, 95)), 1),
        "ms_max": round(max(times), 1),
        "cpu_ms_python": round(spent.own_s * 1000 / len(some), 1),
        "cpu_ms_postgres": round(spent.postgres_s * 1000 / len(some), 1),
    }


def _listed(connection: psycopg.Connection[Any], store: PostgresStore, matcher: Matcher) -> dict[str, Any]:
    """Pairs of persons that people could be asked about, and what looking for what their joins would break costs."""
    began = time.perf_counter()
    found = unsettled(connection, "lake", matcher.review)
    listed = time.perf_counter()
    broken = contradictions(store, matcher, [(one.left, one.right) for one in found[:ASKED]])
    return {
        "pairs": len(found), "seconds": round(listed - began, 2), "looked_into": min(len(found), ASKED),
        "broken": len(broken), "contradictions_seconds": round(time.perf_counter() - listed, 2),
    }  # fmt: skip


def _size(connection: psycopg.Connection[Any], records: int) -> dict[str, Any]:
    """Bytes on disk of the tables of the index with their indexes, keys and ties a record."""
    rows = connection.execute(
        "SELECT relname, pg_total_relation_size(c.oid), c.reltuples::bigint FROM pg_class AS c"
        " JOIN pg_namespace AS n ON n.oid = relnamespace"
        " WHERE n.nspname = 'linkage' AND relkind = 'r' AND relname IN ('lake_record', 'lake_block', 'lake_tie')"
    ).fetchall()
    return {
        "bytes": sum(size for _, size, _ in rows),
        "bytes_a_record": round(sum(size for _, size, _ in rows) / records),
        "tables": {name: {"bytes": size, "rows": count} for name, size, count in sorted(rows)},
    }


def _spent(spent: Spent) -> dict[str, float]:
    return {
        "seconds": round(spent.wall_s, 1), "cpu_s_python": round(spent.own_s, 1),
        "cpu_s_postgres": round(spent.postgres_s, 1),
    }  # fmt: skip
