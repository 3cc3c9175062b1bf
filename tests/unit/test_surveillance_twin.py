"""The twin's truth as oracle: which of its cases are found, how often one is counted twice, how true now-casts are."""

from __future__ import annotations

from datetime import date

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from bienho.config import load_profile
from bienho.surveillance import cases
from bienho.surveillance.nowcast import nowcast, triangle
from bienho.synthetic import Plan
from bienho.synthetic.events import Events, Maker, together
from bienho.synthetic.people import blocks, make
from bienho.synthetic.places import Map
from support.model_runner import arrow_rows, fetch, put, run, warehouse

PLAN = Plan(persons=50_000, months=18, seed=6, start=date(2025, 1, 1), versions={"3176": 1.0})
ATLAS = Map(load_profile("gialai"))
EPOCH = date(1970, 1, 1).toordinal()
# Visits as the conformed tables hold them; a patient is a person at one facility.
ENCOUNTERS = """CREATE OR REPLACE TABLE conformed.encounter AS
SELECT (1 + row_number() OVER (ORDER BY visit_no)) * 1000000 + 1 AS version_id, 'e' || visit_no AS encounter_key,
  person_no || '|' || facility::VARCHAR AS patient_key, facility::VARCHAR AS facility_code,
  "start"::TIMESTAMP AS admitted_at,
  "end"::DATE AS service_date, NULL::TIMESTAMP AS inpatient_from,
  NULL::VARCHAR AS encounter_class, NULL::VARCHAR AS result,
  NULL::VARCHAR AS commune_canonical, false AS commune_divided, 'male' AS sex, 5 AS age_years, visit_no
FROM visits"""
CONDITIONS = """CREATE OR REPLACE TABLE conformed.condition AS
SELECT e.version_id, v.rank, v.code AS icd10, left(v.code, 3) AS category3, e.service_date
FROM conformed.encounter AS e JOIN (
  SELECT visit_no, unnest(list_prepend(condition::VARCHAR, others)) AS code,
         generate_subscripts(list_prepend(condition::VARCHAR, others), 1) AS rank FROM visits
) AS v USING (visit_no)"""
DELIVERIES = """CREATE OR REPLACE TABLE standard.delivery AS
SELECT version_id // 1000000 AS delivery_seq, TIMESTAMPTZ '2026-07-01 00:00:00+00' AS received_at
FROM conformed.encounter"""
JUDGED = """WITH told AS (
  SELECT t.disease::VARCHAR AS disease, t.person_no, t.visited, v.facility::VARCHAR AS facility
  FROM truth AS t JOIN visits AS v USING (visit_no)
),
found AS (
  SELECT disease, split_part(patient_key, '|', 1)::BIGINT AS person_no, facility_code AS facility, seen_date, last_seen
  FROM derived.notifiable_case
)
SELECT disease, count(*) AS cases,
  count(*) FILTER (EXISTS (FROM found AS f WHERE f.disease = t.disease AND f.person_no = t.person_no
    AND f.facility = t.facility AND t.visited BETWEEN f.seen_date AND f.last_seen)) AS seen,
  (SELECT count(*) FROM found AS f WHERE f.disease = t.disease) AS counted,
  (SELECT count(*) FROM found AS f WHERE f.disease = t.disease AND NOT EXISTS (FROM told AS o
    WHERE o.disease = f.disease AND o.person_no = f.person_no
      AND f.seen_date BETWEEN o.visited AND o.visited + 60)) AS none
FROM told AS t WHERE disease IN (SELECT disease FROM reference.notifiable) GROUP BY disease"""


@pytest.fixture(scope="module")
def events() -> Events:
    maker = Maker(PLAN, ATLAS)
    return together(maker.make(block.number, *make(PLAN, ATLAS, block)) for block in blocks(PLAN, ATLAS))


def fill(connection: duckdb.DuckDBPyConnection, events: Events) -> None:
    connection.register("visits", events.visits)
    connection.register("truth", events.cases)
    for statement in (ENCOUNTERS, CONDITIONS, DELIVERIES):
        connection.execute(statement)
    put(connection, "standard.superseded", arrow_rows("standard.superseded", []))


def test_every_case_that_came_to_a_facility_is_found_and_only_referrals_are_counted_twice(events: Events) -> None:
    connection = warehouse({})
    fill(connection, events)
    run(connection, cases.models())
    judged = {row["disease"]: row for row in fetch(connection, JUDGED)}
    assert judged.keys() >= {"dengue", "hfmd", "measles", "chickenpox", "mumps", "influenza", "tuberculosis"}
    for disease, row in judged.items():
        assert row["seen"] == row["cases"], disease
        if disease != "tuberculosis":  # courses that began before the twin's window have no case in its truth
            assert row["none"] == 0, disease
            # a patient sent on is a second patient until persons are linked
            assert row["counted"] <= 1.08 * row["cases"] + 2, disease
    doubled = sum(row["counted"] - row["cases"] for name, row in judged.items() if name != "tuberculosis")
    assert 0 < doubled < 0.05 * sum(row["cases"] for row in judged.values())


def test_now_casts_of_weeks_hold_what_came_in_the_end(events: Events) -> None:
    """Weeks of onset by disease and half, late by visit, dispatch and report; every second week of half a year."""
    told = events.cases.filter(pc.is_valid(events.cases["reported"]))
    side = {place.code: int(place.side == "west") for place in ATLAS.places}
    disease, commune = (told[name].combine_chunks() for name in ("disease", "commune"))
    half = np.array([side[code] for code in commune.cast(pa.string()).to_pylist()])
    series = disease.indices.to_numpy() * 2 + half
    onset, report = ((told[name].cast(pa.int32()).to_numpy() + 3) // 7 for name in ("onset", "reported"))
    names, most, weeks = len(disease.dictionary) * 2, 8, 36
    start = (PLAN.start.toordinal() - EPOCH + 3) // 7
    within, sums = [], np.zeros(3)
    for now in range(start + 40, start + 66, 2):
        shape = (names, weeks, most + 1)
        found = nowcast(triangle(onset, report, series, now=now, shape=shape), np.arange(names) // 2)
        final = triangle(onset, report, series, now=now + most, shape=(names, weeks + most, most + 1))[:, :weeks].sum(
            axis=2
        )
        for place in range(weeks - 3, weeks):
            big = found.mean[:, place] >= 5
            low, high = found.quantiles[big, place, 1], found.quantiles[big, place, -2]
            within += ((final[big, place] >= low) & (final[big, place] <= high)).tolist()
            sums += [part[:, place].sum() for part in (found.observed, found.mean, final)]
    assert len(within) > 100
    assert 0.78 < np.mean(within) < 0.97
    observed, mean, final_sum = sums
    # what is known of the last three weeks is hardly half; the now-cast is near all of it
    assert observed < 0.6 * final_sum
    assert mean == pytest.approx(final_sum, rel=0.1)
