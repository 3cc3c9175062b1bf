"""The rules: what they find of what was broken on purpose, whether a slow judge agrees, what they and an ingest cost.

The twin breaks rules from a table of its own (`synthetic/data/violations.csv`), which shares no condition with the rule
files. Of every rule: broken how often, found at the very place, found at all; and what was found of dossiers in which
nothing was broken, which must be nothing.
"""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

from bench.agree import agreement
from bench.ingest import one_ingest
from bench.judged import House, Place, Twin, lists_of
from bench.measure import mean
from bench.rules_cost import cost
from bienho.pipeline.ruling import RuleScan
from bienho.quality.rule_model import rules
from bienho.quality.rule_rows import contract_of
from bienho.standards.xml130 import TABLES
from bienho.synthetic import Plan, generate

BROKEN = Plan(persons=6000, months=12, seed=20261126, share_noncanonical=0.0, violations=0.9)
CLEAN = Plan(persons=3000, months=12, seed=20261127)
DOSSIERS = 1_000_000
"""So many are judged."""
TAKEN_IN, ROUNDS = 900, 3
AGREE = 1_000
"""Dossiers that the slow judge sees here; `make soak` shows it 20,000."""


def confusion(twin: Twin, house: House) -> dict[str, Any]:
    """Per rule: broken, found at the place and field, found in the dossier; and what clean dossiers were blamed for."""
    found: dict[Place, set[tuple[int, str, int | None, str | None]]] = defaultdict(set)
    for version, rule, table, row, name in house.found():
        found[twin.places[version - 1]].add((rule, table, row, name))
    for place, one in zip(twin.places, twin.versions, strict=True):
        for told in one.dossier.findings:
            if told.rule is not None:
                found[place].add((told.rule, told.table or "", told.row, told.field))
    named = {rule.id: {*rule.fields} | _triggers(rule.id) for rule in rules()}
    broken: Counter[int] = Counter()
    exact: Counter[int] = Counter()
    rule_found: Counter[int] = Counter()
    dirty = set()
    read = set(twin.places)
    for error in (one for one in twin.errors if (one["file"], one["hoso"]) in read and one["rule"] is not None):
        place, rule = (error["file"], error["hoso"]), error["rule"]
        dirty.add(place)
        broken[rule] += 1
        mine = [one for one in found[place] if one[0] == rule]
        rule_found[rule] += bool(mine)
        exact[rule] += any(_matches(error, one, named[rule]) for one in mine)
    blamed: Counter[int] = Counter(
        rule for place, places in found.items() if place not in dirty for rule in {one[0] for one in places}
    )
    beside: Counter[int] = Counter()
    for place in dirty:
        caused = {error["rule"] for error in twin.errors if (error["file"], error["hoso"]) == place}
        beside.update({one[0] for one in found[place]} - caused)
    states = {rule.id: rule.status(house.lists)[0] for rule in rules()}
    evaluable = [number for number, state in states.items() if state == "evaluable"]
    asked = {rule: count for rule, count in broken.items() if states[rule] == "evaluable"}
    return {
        "dossiers": len(twin.versions),
        "dossiers_broken": len(dirty),
        "rules": len(states),
        "evaluable": len(evaluable),
        "not_evaluable": {
            rule.id: rule.status(house.lists)[1] for rule in rules() if states[rule.id] == "not_evaluable"
        },
        "behaviour": [number for number, state in states.items() if state == "behaviour"],
        "rules_broken": len(asked),
        "violations": sum(asked.values()),
        "found_rule_and_field": sum(exact[rule] for rule in asked),
        "share_rule_and_field": round(sum(exact[rule] for rule in asked) / max(1, sum(asked.values())), 5),
        "blamed_clean": dict(blamed),
        "per_rule": {
            rule: {"broken": broken[rule], "exact": exact[rule], "rule_found": rule_found[rule], "beside": beside[rule]}
            for rule in sorted(broken)
        },
    }


def _triggers(number: int) -> set[str]:
    """Fields a rule's conditions name: changing one of them breaks the rule, though another field must be mended."""
    texts = [
        f"{check.when or ''} {check.must or ''} {check.lookup or ''} {check.partner or ''}"
        for rule in rules()
        if rule.id == number
        for check in rule.checks
    ]
    names = {field.name for table in TABLES for field in contract_of(table).official_fields}
    return {
        word
        for text in texts
        for word in text.replace(".", " ").replace("(", " ").replace(")", " ").split()
        if word in names
    }


def _matches(error: Mapping[str, Any], one: tuple[int, str, int | None, str | None], names: set[str]) -> bool:
    _, table, row, name = one
    right = not error["field"] or name == error["field"] or (error["field"] in names and name in names)
    return table == error["table"] and right and (not error["field"] or row in (None, error["row"]))


def taken_in(folder: Path, rounds: int) -> dict[str, Any]:
    """CPU of one ingest with the rules and without them, in turns; without: nobody asks the writer's rules."""
    corpus = folder / "corpus"
    generate(Plan(persons=TAKEN_IN, months=12, seed=CLEAN.seed), corpus)
    spent: dict[str, list[float]] = {"with": [], "without": []}
    one_ingest(corpus, conformed=True)  # what a process pays once
    dossiers = 0
    for number in range(2 * rounds):
        name = ("with", "without")[number % 2]
        silent = mock.patch.object(RuleScan, "run", return_value={}) if name == "without" else nullcontext()
        with silent:
            one, dossiers = one_ingest(corpus, conformed=True)
        spent[name].append(one.cpu_s)
    shares = [without / ruled for ruled, without in zip(spent["with"], spent["without"], strict=True)]
    return {
        "dossiers": dossiers,
        **{f"cpu_s_{name}_rules": mean(given) for name, given in spent.items()},
        "share_of_ingest_without_rules": mean(shares),
        "target": 0.8,
    }


def run(rounds: int = 3, **_: int) -> dict[str, Any]:
    """All figures of the rules."""
    with tempfile.TemporaryDirectory(prefix="bienho-bench-") as name:
        folder = Path(name)
        peace = Plan(persons=BROKEN.persons, months=BROKEN.months, seed=BROKEN.seed, share_noncanonical=0.0)
        known = lists_of(Twin(peace, folder / "peace").versions)
        broken = Twin(BROKEN, folder / "broken")
        figures = {"seed": BROKEN.seed, "broken": confusion(broken, House(broken.versions, known))}
        del broken
        clean = Twin(CLEAN, folder / "clean")
        calm = House(clean.versions, lists_of(clean.versions))
        figures["clean"] = {"dossiers": len(clean.versions), "findings": len(calm.found())}
        del clean, calm
        figures["cost"] = cost(DOSSIERS)
        figures["ingest"] = taken_in(folder, min(rounds, ROUNDS))
    figures["slow_judge"] = agreement(AGREE)
    return figures
