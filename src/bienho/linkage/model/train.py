"""Weights are learned without labels: `random` from random pairs, `match` by expectation maximisation, both by Splink.

Splink sees the features and the very SQL of `comparisons`. What it cannot know from the data at hand is held by what
was said before training: a level that few pairs reach keeps its first share, the more so the fewer records.
The shares of matches, twins and, where households are met, of kin are then fitted to all pairs that blocking found.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from bienho.core.deferred import deferred
from bienho.linkage.model.blocking import BROAD, RULES
from bienho.linkage.model.comparisons import COMPARISONS
from bienho.linkage.model.score import Floats, Ints, Scale, odds, probability, unpack
from bienho.linkage.model.terms import SHARES
from bienho.linkage.model.weights import Shares, Weights, untrained
from bienho.linkage.model.workspace import Workspace, salt_of

if TYPE_CHECKING:
    import splink
else:
    splink = deferred("splink")

RANDOM_PAIRS = 5e5
EM_PAIRS = 3e5
FEWEST_PAIRS = 300
"""A training block with fewer pairs teaches nothing."""
PRIOR_MATCHES, PRIOR_PAIRS = 200.0, 20_000.0
"""What was said before training counts as this many pairs."""
PRECISION = 0.995
"""Expected share of true links among all links."""
ROUNDS = 30
"""Of fitting; it stops earlier where nothing moves."""
FEWEST = {"twin": 0.004, "kin": 0.5}
"""Of each kind of pair at least so many for a pair of one person: a file in which none were met is no promise that none
will come."""
AMONG_STRANGERS = {"twin": 0.0005, "kin": 0.02}
MOST = {"twin": 0.2, "kin": 8.0}
ASKED = -3.0
"""Bits: from one in nine on a person is asked."""

_BLOCKS = (("cccd",), ("insurance",), ("name_sorted", "birth"), ("birth", "commune"), ("name_sorted", "commune"))


def train(clean: pa.Table, seed: int, *, house: int | None = None) -> Weights:
    """Weights of a table of `CLEAN`; the same table and seed give the same weights.

    `house`: number of records the weights are meant for, where it is not that of the table: among more records two
    drawn at random are less likely one person's, and keys must be narrower.
    """
    with Workspace(clean) as workspace:
        weights = fit(workspace, seed, broad=(house or clean.num_rows) <= BROAD)
    if house is None:
        return weights
    return replace(weights, matches=_round(weights.matches * clean.num_rows / house))


def fit(
    workspace: Workspace, seed: int, *, learn: bool = True, strangers: bool = False, broad: bool | None = None
) -> Weights:
    """As `train`, and leaves the workspace with its pairs coded. Without `learn` levels keep their first shares.

    `strangers`: the file is known to hold no families, so their shares may be fitted down to next to nothing.
    """
    salt = salt_of(seed)
    classes = workspace.count_terms(salt)
    broad = workspace.size <= BROAD if broad is None else broad
    workspace.make_features(salt, classes, broad=broad)
    means = _means(workspace)
    workspace.pair()
    workspace.code()
    first = Weights(seed, salt, untrained(), 1 / max(2, workspace.size), means, classes, broad)
    fewest = AMONG_STRANGERS if strangers else FEWEST
    first = _settled(workspace, first, {"blocks": []}, fewest)
    if not learn:
        return first
    levels, learned = _with_splink(workspace, seed, first.matches)
    return _settled(workspace, replace(first, levels=levels), learned, fewest)


def _means(workspace: Workspace) -> dict[str, float]:
    """Probability that two strangers agree on a term: the sum of the squared shares."""
    found = {}
    for kind, column in (("name", "name_term"), ("pair", "pair_term")):
        rows = workspace.con.execute(
            f"SELECT {column}, count(*) FROM feature WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY 1"
        ).fetchall()
        everyone = sum(count for _, count in rows)
        found[kind] = _round(sum(count / everyone * SHARES[term] for term, count in rows)) if everyone else 1.0
    return found


def _round(number: float) -> float:
    """Six digits: what parallel sums leave behind them differs between runs."""
    return float(f"{number:.6g}")


@contextmanager
def _silent() -> Iterator[None]:
    """Splink tells its progress, and sometimes a rule's SQL; nothing of it belongs into our logs."""
    log = logging.getLogger("splink")
    before = log.disabled, log.level, log.propagate
    log.disabled, log.propagate = True, False
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.disabled, log.level, log.propagate = before


def _settings() -> splink.SettingsCreator:
    comparisons: list[Any] = []
    for comparison in COMPARISONS:
        levels: list[dict[str, Any]] = [
            {"sql_condition": comparison.null, "label_for_charts": "null", "is_null_level": True}
        ]
        for level in comparison.levels:
            levels.append(
                {
                    "sql_condition": level.sql or "ELSE", "label_for_charts": level.key,
                    "m_probability": level.match, "u_probability": min(level.random, 0.999999),
                }
            )  # fmt: skip
        comparisons.append({"output_column_name": comparison.name, "comparison_levels": levels})
    return splink.SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="i",
        comparisons=comparisons,
        blocking_rules_to_generate_predictions=[splink.block_on("name_sorted", "birth")],
        retain_matching_columns=False,
    )


def _with_splink(workspace: Workspace, seed: int, matches: float) -> tuple[Shares, dict[str, Any]]:
    """Shares of `match` and `random` from Splink, held by the shares before training."""
    con = workspace.con
    with _silent():
        api = splink.DuckDBAPI(con)
        linker = splink.Linker(api.register("feature"), _settings(), log_level=None, validate_settings=False)
        linker.training.estimate_u_using_random_sampling(
            max_pairs=RANDOM_PAIRS, seed=seed, min_count_per_level=None, num_chunks=1
        )
        used = []
        for block in _BLOCKS:
            both = " || '|' || ".join(block)
            row = con.execute(
                f"SELECT coalesce(sum(n * (n - 1) / 2), 0) FROM (SELECT count(*) AS n FROM feature "
                f"WHERE ({both}) IS NOT NULL GROUP BY {both})"
            ).fetchone()
            if row is None or row[0] < FEWEST_PAIRS:
                continue
            try:
                linker.training.estimate_parameters_using_expectation_maximisation(
                    splink.block_on(*block), estimate_without_term_frequencies=True, max_pairs=EM_PAIRS
                )
            except ValueError:
                # a level that no match of the block reaches sinks to 0, which Splink refuses: the block teaches nothing
                continue
            used.append("+".join(block))
        found = linker.misc.save_model_to_json()
    expected = matches * workspace.size * (workspace.size - 1) / 2
    return _held(found, matches, expected), {"blocks": used}


def _held(found: dict[str, Any], matches: float, expected: float) -> Shares:
    """Splink's probabilities drawn to the first ones, as far as there was little to see."""
    shares = untrained()
    for comparison in found["comparisons"]:
        into = shares[comparison["output_column_name"]]
        told = {level["label_for_charts"]: level for level in comparison["comparison_levels"]}
        for kind, key, weight, prior in (
            ("match", "m_probability", expected, PRIOR_MATCHES),
            ("random", "u_probability", RANDOM_PAIRS, PRIOR_PAIRS),
        ):
            first = {level: into[level][kind] for level in into}
            total = sum(first.values())
            seen = {level: told[level].get(key) or 0.0 for level in into}
            if kind == "random":
                # matches are among the random pairs too: in a small file they would hide how rare agreement is
                seen = {level: max(0.0, share - matches * into[level]["match"]) for level, share in seen.items()}
            for level in into:
                share = (seen[level] * weight + first[level] / total * prior) / (weight + prior)
                most = first[level] * 5 if kind == "random" and first[level] < 1e-5 else 1.0
                into[level][kind] = _round(min(most, max(share, first[level] / total / 5)))
    return shares


def _settled(workspace: Workspace, weights: Weights, learned: dict[str, Any], fewest: dict[str, float]) -> Weights:
    """Fits the shares of matches, households and twins to the pairs met, and draws the two lines."""
    rows = workspace.con.execute("SELECT code, count(*) FROM coded GROUP BY code ORDER BY code").fetchnumpy()
    codes, counts = rows["code"].astype(np.int64), rows["count_star()"].astype(np.float64)
    levels = unpack(codes)
    everyone = max(1.0, workspace.size * (workspace.size - 1) / 2)
    for _ in range(ROUNDS):
        kinds = Scale(weights).by_kind(levels)
        sure = probability(odds(kinds))
        total = float((sure * counts).sum())
        found = {kind: float((np.exp2(kinds[kind] - kinds["match"]) * sure * counts).sum()) for kind in ("kin", "twin")}
        before = weights
        share = {kind: _round(min(MOST[kind], max(fewest[kind], found[kind] / max(1.0, total)))) for kind in found}
        weights = replace(
            weights,
            matches=_round(max(1e-10, total / everyone)),
            twins=share["twin"],
            kin=share["kin"] if weights.broad else weights.kin,
        )
        moved = [abs(np.log2(getattr(weights, name) / getattr(before, name))) for name in ("matches", "twins", "kin")]
        if moved[0] < 0.01 and max(moved) < 0.05:
            break
    weight = Scale(weights).weigh(levels)
    learned |= {"blocking": _lost(workspace, codes, weight)}
    learned |= {"records": workspace.size, "pairs": int(counts.sum()), "matches": round(weights.matches * everyone)}
    return replace(weights, link=_line(weight, counts), review=ASKED, learned=learned)


LEAST_LINK = 1.5
"""Bits: no pair links on less, however sure all others are."""
SURELY = 3.0
"""Bits from which a pair counts as found when lost ones are estimated."""


def _lost(workspace: Workspace, codes: Ints, weight: Floats) -> dict[str, float]:
    """How many matches no key brought together, estimated from how many only one group of rules did.

    Chao's lower bound for a closed population (Chao 1987, Biometrics 43): f1 (f1 - 1) / 2 (f2 + 1), where f1 and f2
    matches were found by one and by two of the three groups of rules. Groups that fail together make it too low.
    """
    workspace.con.register("sure", pa.table({"code": pa.array(codes[weight >= SURELY])}))
    groups = sorted({rule.group for rule in RULES})
    bits = [sum(1 << place for place, rule in enumerate(RULES) if rule.group == group) for group in groups]
    found_by = " + ".join(f"(p.rules & {bit} <> 0)::INT" for bit in bits)
    rows = workspace.con.execute(f"""
        SELECT {found_by} AS groups, count(*) FROM coded AS c JOIN sure USING (code)
            JOIN pair AS p ON p.l = c.l AND p.r = c.r
        GROUP BY 1
    """).fetchall()
    workspace.con.unregister("sure")
    count = dict(rows)
    once, twice = count.get(1, 0), count.get(2, 0)
    lost = once * (once - 1) / (2 * (twice + 1))
    found = sum(count.values())
    return {
        "found": found,
        "lost_at_least": round(lost),
        "recall_at_most": _round(found / (found + lost)) if found else 1.0,
    }


def _line(weight: Floats, counts: Floats) -> float:
    """The least weight at which all links together keep the expected precision."""
    order = np.argsort(-weight, kind="stable")
    wrong = np.cumsum((1 - probability(weight[order])) * counts[order])
    precise = wrong <= (1 - PRECISION) * np.cumsum(counts[order])
    if not precise.any():
        return 12.0
    least = float(weight[order][np.flatnonzero(precise)[-1]])
    return _round(min(12.0, max(LEAST_LINK, least)))
