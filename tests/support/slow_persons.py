"""A slow `persons.resolve`: dictionaries and exact fractions, pair by pair, one component after the other."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

from bienho.linkage.persons import Decision, Rules

Row = dict[str, Any]


class Pair(NamedTuple):
    left: str
    right: str
    weight: float
    veto: str | None


def slow_resolve(records: list[Row], pairs: list[Pair], decisions: list[Decision], rules: Rules) -> dict[str, str]:
    """record_id → person_id."""
    by_id = {row["record_id"]: row for row in records}
    joined, apart = _heard([one for one in decisions if one.left in by_id and one.right in by_id])
    node = {record: joined.get(record, record) for record in by_id}
    told = dict[frozenset[str], tuple[int, bool]]()
    for pair in pairs:
        if pair.left in by_id and pair.right in by_id and pair.weight >= rules.floor:
            between = frozenset((node[pair.left], node[pair.right]))
            if len(between) == 2:
                steps = round(min(pair.weight, rules.bound) * 1024)
                this = (steps, pair.veto is not None)
                best = told.get(between, this)
                told[between] = min(best, this, key=lambda one: (one[1], -one[0]))
    kept_apart = {frozenset((node[one], node[other])) for one, other in apart}
    result = {}
    for component in _components(set(node.values()), told, kept_apart, rules):
        members = {one: [by_id[record] for record in by_id if node[record] == one] for one in component}
        for group in _grown(members, told, kept_apart, rules):
            rows = [row for one in group for row in members[one]]
            first = min(rows, key=lambda row: (row["arrived"], row["record_id"]))
            result |= {row["record_id"]: first["record_id"] for row in rows}
    return result


def _heard(decisions: list[Decision]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """The group of every record people joined, and the pairs they hold apart: the newest decision first."""
    group, apart = dict[str, frozenset[str]](), list[tuple[str, str]]()
    pairs = {(one.left, one.right) for one in decisions}
    newest = [max(one for one in decisions if (one.left, one.right) == pair) for pair in pairs]
    for one in sorted(newest, reverse=True):
        here, there = (group.get(side, frozenset([side])) for side in (one.left, one.right))
        if one.verdict == "different":
            if here != there:
                apart.append((one.left, one.right))
            continue
        both = here | there
        if here != there and not any(left in both and right in both for left, right in apart):
            group |= dict.fromkeys(both, both)
    return {record: min(members) for record, members in group.items()}, apart


def _components(nodes: set[str], told: Any, apart: Any, rules: Rules) -> list[list[str]]:
    left = sorted(nodes)
    strong = {pair for pair, (steps, veto) in told.items() if steps >= rules.link * 1024 and not veto}
    links = strong - apart
    found = []
    while left:
        component, more = {left[0]}, True
        while more:
            more = False
            for pair in links:
                if component & pair and not pair <= component:
                    component |= pair
                    more = True
        found.append(sorted(component))
        left = [one for one in left if one not in component]
    return found


def _grown(members: dict[str, list[Row]], told: Any, apart: Any, rules: Rules) -> list[list[str]]:
    alias = _aliases(members)
    groups = [[one] for one in sorted(members)]
    while True:
        fit = []
        for i, one in enumerate(groups):
            for other in groups[i + 1 :]:
                mean = _mean(one, other, told, apart, rules)
                near = mean is not None and mean >= Fraction(rules.stop) * 1024
                if near and _agree(one, other, members, alias, rules):
                    fit.append((-mean, one[0], other[0]))
        if not fit:
            return groups
        fit.sort()
        best = {side: next(one for one in fit if side in one[1:]) for _, *sides in fit for side in sides}
        for _, left, right in {one for one in fit if best[one[1]] == best[one[2]] == one}:
            taken = next(group for group in groups if group[0] == right)
            groups.remove(taken)
            group = next(group for group in groups if group[0] == left)
            group.extend(taken)
        groups = sorted(sorted(group) for group in groups)


def _mean(one: list[str], other: list[str], told: Any, apart: Any, rules: Rules) -> Fraction | None:
    total, links = 0, False
    for left in one:
        for right in other:
            pair = frozenset((left, right))
            steps, veto = told.get(pair, (round(rules.absent * 1024), False))
            if veto or pair in apart:
                return None
            links |= pair in told and steps >= rules.link * 1024
            total += steps
    return Fraction(total, len(one) * len(other)) if links else None


def _aliases(members: dict[str, list[Row]]) -> dict[str, str]:
    """Numbers that records joined by people hold are one number."""
    alias = dict[str, str]()
    changed = True
    while changed:
        changed = False
        for rows in members.values():
            numbers = {alias.get(row["cccd"], row["cccd"]) for row in rows if row["firm_number"]}
            for number in numbers - {min(numbers)} if numbers else ():
                for known in [*alias, number]:
                    if alias.get(known, known) == number:
                        alias[known] = min(numbers)
                        changed = True
    return alias


def _agree(one: list[str], other: list[str], members: Any, alias: dict[str, str], rules: Rules) -> bool:
    sides = [[row for node in group for row in members[node]] for group in (one, other)]
    numbers = [{alias.get(row["cccd"], row["cccd"]) for row in rows if row["firm_number"]} for rows in sides]
    sexes = [{row["sex"] for row in rows if row["sex"]} for rows in sides]
    years = [[row["birth_year"] for row in rows if row["birth_year"] is not None] for rows in sides]
    span = [max(known) - min(known) if known else 0 for known in (*years, years[0] + years[1])]
    return (
        not (numbers[0] and numbers[1] and not numbers[0] & numbers[1])
        and not (sexes[0] and sexes[1] and not sexes[0] & sexes[1])
        and span[2] <= max(rules.years, span[0], span[1])
    )
