"""From what is known of a request to a verdict: facts in, verdict out, both plain enough to be kept and made again.

An account reaches rows through its memberships. Each distinct set of rows is a reach with its roles; policies judge
every reach. A class of column that a wider reach may see is seen in a narrower one too. A question that names its
columns is answered over the rows of every reach that may see all of them; a question for all that may be seen gets the
classes every allowed reach may see: a row never brings a column that its own reach does not open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bienho.governance.policy.engine import Answer, Engine, Question
from bienho.governance.policy.rows import Rows

CLASSES = ("open", "personal", "sensitive", "text", "marker")
DATA_ACTIONS = frozenset({"read", "aggregate", "query", "identify", "export", "share", "dossier-number"})
NO_GRANT = "default-deny"
NO_IDENTIFIERS = "identify-role"
NO_COLUMN = "column-class"


@dataclass(frozen=True, slots=True)
class Reach:
    """Roles over one set of rows: None = no limit of that kind."""

    roles: frozenset[str]
    facilities: frozenset[str] | None = None
    communes: frozenset[str] | None = None

    def within(self, other: Reach) -> bool:
        """True when every row of this reach is a row of the other."""
        return _within(self.facilities, other.facilities) and _within(self.communes, other.communes)


def _within(own: frozenset[str] | None, other: frozenset[str] | None) -> bool:
    return other is None or (own is not None and own <= other)


@dataclass(frozen=True, slots=True)
class Facts:
    """All a decision depends on. `classes`: of the columns asked for by name, None = all of `held`, the dataset's own.

    `dataset` None = no dataset is asked about; see `Question` for the rest.
    """

    action: str
    reaches: tuple[Reach, ...]
    dataset: str | None
    zone: str
    domain: str
    persons: bool
    scoped: tuple[bool, bool]
    held: tuple[str, ...]
    classes: tuple[str, ...] | None
    purpose: str
    known: bool
    identifies: bool
    claimants: frozenset[str]
    agreement: str
    standing: bool = True
    in_force: bool = True
    covers: bool = True
    agreed: frozenset[str] = frozenset(CLASSES)
    door: str = "cli"
    assurance: str = "none"
    emergency: bool = False
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the record of looks; sets are sorted."""
        return dict(_as_dict(self))

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Facts:
        """The facts `as_dict` wrote; what a later release added is left at its default."""
        known = {name: value for name, value in given.items() if name in cls.__slots__}
        known["reaches"] = tuple(
            Reach(frozenset(one["roles"]), _set(one.get("facilities")), _set(one.get("communes")))
            for one in known["reaches"]
        )
        for name in ("claimants", "agreed"):
            known[name] = frozenset(known[name])
        for name in ("scoped", "held"):
            known[name] = tuple(known[name])
        known["classes"] = None if known["classes"] is None else tuple(known["classes"])
        return cls(**known)


@lru_cache(maxsize=2_000)
def _as_dict(facts: Facts) -> dict[str, Any]:
    return {
        name: [_reach_dict(reach) for reach in facts.reaches] if name == "reaches" else _plain(getattr(facts, name))
        for name in facts.__slots__
    }


@dataclass(frozen=True, slots=True)
class Verdict:
    """`policies` decided. `classes` may be seen. `rows`: see `Rows`."""

    allowed: bool
    rule: str
    policies: tuple[str, ...]
    classes: frozenset[str] = frozenset()
    rows: Rows = None


def judge(engine: Engine, facts: Facts) -> Verdict:
    """The verdict of one set of policies on facts. Pure: the same facts get the same verdict from the same set."""
    reaches = facts.reaches or (Reach(frozenset()),)
    if facts.emergency:  # one dossier, wherever it lies: the gate holds the look to it
        reaches = (Reach(frozenset().union(*(reach.roles for reach in reaches))),)
    answers = engine.ask([_question(facts, reach) for reach in reaches])
    allowed = [(reach, answer) for reach, answer in zip(reaches, answers, strict=True) if answer.allowed]
    if not allowed:
        return _refused(engine, facts.action, answers)
    if not facts.dataset:
        return Verdict(True, *_named(engine, [answer for _, answer in allowed]))
    seen = [
        (reach, answer, frozenset().union(*(other.classes for wider, other in allowed if reach.within(wider))))
        for reach, answer in allowed
    ]
    held = frozenset(facts.held)
    shared = frozenset.intersection(*(classes for _, _, classes in seen)) & held
    if facts.classes is not None:
        wanted = frozenset(facts.classes)
        seen = [item for item in seen if wanted <= item[2] and item[2] & held]
    if not seen or (facts.classes is None and not shared):
        return Verdict(False, NO_COLUMN, (), frozenset().union(*(answer.classes for _, answer in allowed)) & held)
    rule, policies = _named(engine, [answer for _, answer, _ in seen])
    shared = frozenset.intersection(*(classes for _, _, classes in seen)) & held
    return Verdict(True, rule, policies, shared, _rows(facts, [reach for reach, _, _ in seen]))


def _question(facts: Facts, reach: Reach) -> Question:
    return Question(
        reach.roles,
        (reach.facilities is not None, reach.communes is not None),
        facts.action,
        facts.dataset,
        facts.zone,
        facts.domain,
        facts.persons,
        facts.scoped,
        facts.purpose,
        facts.known,
        facts.identifies,
        facts.claimants,
        facts.agreement,
        facts.standing,
        facts.in_force,
        facts.covers,
        facts.agreed,
        facts.door,
        facts.assurance,
        facts.emergency,
        facts.reason,
        (facts.classes or facts.held) if facts.dataset else (),
    )


def _refused(engine: Engine, action: str, answers: Sequence[Answer]) -> Verdict:
    """No reach is allowed: the forbid that holds for most of the set's order is told, else that nothing permits."""
    decided = sorted({name for answer in answers for name in answer.policies}, key=lambda n: engine.policies[n].place)
    everywhere = [name for name in decided if all(name in answer.policies for answer in answers)]
    first = (everywhere or decided)[:1]
    none = NO_IDENTIFIERS if action == "identify" else NO_GRANT
    return Verdict(False, first[0] if first else none, tuple(decided))


def _named(engine: Engine, answers: Sequence[Answer]) -> tuple[str, tuple[str, ...]]:
    names = sorted({name for answer in answers for name in answer.policies}, key=lambda n: engine.policies[n].place)
    return "+".join(names), tuple(names)


def _rows(facts: Facts, reaches: Sequence[Reach]) -> Rows:
    """The rows of the reaches as the dataset can tell them apart; None when one of them reaches all."""
    rows = []
    for reach in reaches:
        limit = (
            reach.facilities if facts.scoped[0] else None,
            reach.communes if facts.scoped[1] else None,
        )
        if limit == (None, None):
            return None
        rows.append(limit)
    return tuple(dict.fromkeys(rows))


def _reach_dict(reach: Reach) -> dict[str, Any]:
    given = {"roles": reach.roles, "facilities": reach.facilities, "communes": reach.communes}
    return {name: sorted(value) for name, value in given.items() if value is not None}


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else list(value) if isinstance(value, tuple) else value


def _set(value: Sequence[str] | None) -> frozenset[str] | None:
    return None if value is None else frozenset(value)
