"""Rules as data: what a rule is, and the reader of the files in `rules/` (ADR 19).

A *rule* is one row of the rule list, under its number there. A *check* is one question of a rule about one field of
one table, in the editions and on the days of service the rule is in force; most rules have one check a field. How the
SQL in the files names things: `rule_text`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib import resources
from typing import Any, cast

from bienho.core.documents import read_yaml
from bienho.core.errors import IntegrityError
from bienho.core.finding import Severity

EDITIONS = ("4210", "130", "4750", "3176")
"""Editions of the dossier format, oldest first; a check holds from one to another, both counted."""
UNREVIEWED = "chưa duyệt"
FOLDER = resources.files("bienho.quality") / "rules"
NOT_RULES = ("sums.yaml", "example.yaml")
CODES = (
    "RULE-REQUIRED",
    "RULE-FORMAT",
    "RULE-VALUE",
    "RULE-LIST",
    "RULE-ORDER",
    "RULE-SUM",
    "RULE-CROSS",
    "RULE-TABLE",
    "RULE-BUSINESS",
)


@dataclass(frozen=True, slots=True)
class Lookup:
    """The field's code must stand in a list on the day of service (with `forbid`: must not).

    `each`: the separator of a field with several codes. `only`: other fields whose code must stand in another list for
    the question to be asked.
    """

    list: str
    each: str | None = None
    forbid: bool = False
    only: tuple[tuple[str, str], ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.list, *(name for _, name in self.only))


@dataclass(frozen=True, slots=True)
class Partner:
    """A row for which `of` holds must have a row of `table` (None: its own) in the same dossier with equal `same`.

    With `forbid` it must have none. `unique`: no two rows for which `of` holds may be equal in `same`.
    """

    of: str
    same: tuple[str, ...]
    inside: str = "true"
    table: str | None = None
    forbid: bool = False
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """One question; exactly one of `must`, `lookup`, `partner` is there. SQL is that of the rule files.

    `first`, `last`: positions in EDITIONS. `since` ≤ day of service < `until`. `whole_table`: asked once a visit and
    told of a table without a row; `first_row`: asked of the first row only.
    """

    rule: int
    table: str
    field: str | None
    code: str
    severity: Severity
    found: str
    expect: str
    screen: str
    example: str
    when: str | None = None
    must: str | None = None
    lookup: Lookup | None = None
    partner: Partner | None = None
    first: int = 0
    last: int = len(EDITIONS) - 1
    since: date | None = None
    until: date | None = None
    whole_table: bool = False
    first_row: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """Lists without which it is not evaluable."""
        return self.lookup.needs if self.lookup else ()

    @property
    def advice(self) -> str:
        """What the message says after the place: class of what was found, what was expected, where to correct, how."""
        said = f"{self.found}. Cần: {self.expect}. Sửa tại: {self.screen}"
        if self.field:
            said += f", ô {self.field}"
        return said + (f". Ví dụ đúng: {self.example}." if self.example else ".")


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the rule list.

    `held_by`: codes of findings by which reading holds it, wholly or in part; `behaviour`: the test or monitor of a
    rule that no row can show; `missing`: what it would need. `good` and `bad` are changes to the example dossier.
    """

    id: int
    group: str
    tables: tuple[str, ...]
    fields: tuple[str, ...]
    title: str
    source: str
    severity: Severity
    screen: str
    reviewer: str
    on: bool
    held_by: tuple[str, ...]
    behaviour: str
    missing: str
    note: str
    good: Mapping[str, Any]
    bad: Mapping[str, Any]
    checks: tuple[Check, ...] = field(default=(), repr=False)

    def status(self, lists: frozenset[str]) -> tuple[str, str]:
        """(state, why): off, evaluable, behaviour or not_evaluable, with the lists there are.

        A rule is evaluable when at least one of its checks can be asked, or when reading holds all of it.
        """
        absent = sorted({name for check in self.checks for name in check.needs} - lists)
        lacking = "; ".join([*([self.missing] if self.missing else []), *(f"danh mục {name}" for name in absent)])
        if not self.on:
            return "off", self.note
        if any(set(check.needs) <= lists for check in self.checks) or (self.held_by and not self.checks):
            return "evaluable", lacking
        if self.behaviour:
            return "behaviour", self.behaviour
        return "not_evaluable", lacking


_RULE_KEYS = {
    "id", "tables", "fields", "title", "code", "held_by", "editions", "since", "until", "severity", "screen", "when",
    "must", "lookup", "partner", "unique", "found", "expect", "source", "note", "reviewer", "on", "missing",
    "behaviour",
    "good", "bad", "checks", "whole_table", "first_row",
}  # fmt: skip
_CHECK_KEYS = {
    "fields", "code", "editions", "since", "until", "severity", "when", "must", "lookup", "partner", "unique", "found",
    "expect",
}  # fmt: skip
_QUESTIONS = ("must", "lookup", "partner", "unique")


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule of this release by number; IntegrityError INT-RULE names the file and the rule that cannot be read."""
    found: list[Rule] = []
    for entry in sorted(FOLDER.iterdir(), key=lambda one: one.name):
        if entry.name.endswith(".yaml") and entry.name not in NOT_RULES:
            found += read_rules(entry.read_text(encoding="utf-8"), entry.name)
    numbers = [rule.id for rule in found]
    if len(numbers) != len(set(numbers)):
        raise _broken("rules", "hai quy tắc cùng một số")
    return tuple(sorted(found, key=lambda rule: rule.id))


@cache
def sums() -> Mapping[str, Mapping[str, Any]]:
    """What checks call s.NAME, from `sums.yaml`."""
    return cast(Mapping[str, Mapping[str, Any]], read_yaml((FOLDER / "sums.yaml").read_text(encoding="utf-8")))


@cache
def revision() -> str:
    """Changes when any rule changes."""
    digest = hashlib.sha256()
    for entry in sorted(FOLDER.iterdir(), key=lambda one: one.name):
        if entry.name.endswith(".yaml"):
            digest.update(f"{entry.name}\0".encode() + entry.read_bytes())
    return digest.hexdigest()[:12]


def read_rules(text: str, origin: str) -> Iterator[Rule]:
    """The rules of one file."""
    document = read_yaml(text)
    for entry in document["rules"]:
        where = f"{origin}: {entry.get('id')}"
        unknown = set(entry) - _RULE_KEYS
        if unknown or not {"id", "title", "source", "good", "bad"} <= set(entry):
            raise _broken(where, f"khóa lạ {sorted(unknown)} hoặc thiếu id, title, source, good, bad")
        yield _rule(document, entry, where)


def _rule(document: Mapping[str, Any], entry: Mapping[str, Any], where: str) -> Rule:
    tables = tuple(entry.get("tables", document["tables"]))
    fields = tuple(entry.get("fields", ()))
    screen = entry.get("screen", document["screen"])
    checks: list[Check] = []
    asked = entry.get("checks") or ([entry] if set(entry) & set(_QUESTIONS) else [])
    for one in asked:
        if one is not entry and set(one) - _CHECK_KEYS:
            raise _broken(where, f"khóa lạ trong checks: {sorted(set(one) - _CHECK_KEYS)}")
        for table in tables:
            for name in one.get("fields", fields) or (None,):
                checks.append(_check({**entry, **one}, table, name, screen, where))
    ways = bool(checks), bool(entry.get("held_by")), bool(entry.get("behaviour")), bool(entry.get("missing"))
    if not any(ways):
        raise _broken(where, "không có câu hỏi, không ai xét, cũng không nói thiếu gì")
    return Rule(
        id=entry["id"],
        group=document["group"],
        tables=tables,
        fields=fields,
        title=entry["title"],
        source=str(entry["source"]),
        severity=entry.get("severity", "error"),
        screen=screen,
        reviewer=entry.get("reviewer", UNREVIEWED),
        on=entry.get("on", True),
        held_by=tuple(entry.get("held_by", ())),
        behaviour=entry.get("behaviour", ""),
        missing=entry.get("missing", ""),
        note=entry.get("note", ""),
        good=entry["good"],
        bad=entry["bad"],
        checks=tuple(checks),
    )


def _check(entry: Mapping[str, Any], table: str, name: str | None, screen: str, where: str) -> Check:
    given = [key for key in _QUESTIONS if key in entry]
    if len(given) != 1 or entry.get("code") not in CODES or not entry.get("found") or not entry.get("expect"):
        raise _broken(where, "mỗi câu hỏi cần một trong must, lookup, partner, unique, cùng code, found, expect")

    def sql(key: str) -> str | None:
        text = entry.get(key)
        return None if text is None else str(text).replace("{f}", name or "")

    low, high = editions(entry.get("editions"), where)
    example = entry["good"].get(name, "") if name else ""
    return Check(
        rule=entry["id"],
        table=table,
        field=name,
        code=entry["code"],
        severity=entry.get("severity", "error"),
        found=entry["found"],
        expect=str(entry["expect"]),
        screen=screen,
        example=str(example),
        when=sql("when"),
        must=sql("must"),
        lookup=_lookup(entry["lookup"]) if "lookup" in entry else None,
        partner=_partner(entry, name),
        first=low,
        last=high,
        since=entry.get("since"),
        until=entry.get("until"),
        whole_table=entry.get("whole_table", False),
        first_row=entry.get("first_row", False),
    )


def editions(text: str | None, where: str = "") -> tuple[int, int]:
    """Positions of the first and last edition of `130-`, `-4210`, `130-4750`; both ends when nothing is said."""
    if text is None:
        return 0, len(EDITIONS) - 1
    first, dash, last = str(text).partition("-")
    try:
        if not dash:
            raise ValueError(text)
        return EDITIONS.index(first or EDITIONS[0]), EDITIONS.index(last or EDITIONS[-1])
    except ValueError as error:
        raise _broken(where, f"editions {text} không đọc được") from error


def _lookup(given: Mapping[str, Any]) -> Lookup:
    return Lookup(given["list"], given.get("each"), given.get("forbid", False), tuple(given.get("only", {}).items()))


def _partner(entry: Mapping[str, Any], name: str | None) -> Partner | None:
    given: Mapping[str, Any] | None = entry.get("partner") or entry.get("unique")
    if given is None:
        return None
    same: Sequence[str] = given["same"]
    return Partner(
        of=str(given["of"]).replace("{f}", name or ""),
        same=tuple(same),
        inside=str(given.get("in", "true")),
        table=given.get("table"),
        forbid=given.get("forbid", False),
        unique="unique" in entry,
    )


def _broken(origin: str, problem: str) -> IntegrityError:
    return IntegrityError("INT-RULE", f"Quy tắc sai ở {origin}: {problem}.", who="đội phát triển")
