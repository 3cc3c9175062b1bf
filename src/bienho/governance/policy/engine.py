"""The engine: one set of Cedar policies, read and checked once, asked many times.

A question is about one reach of one account (its roles over one set of rows) and the classes of columns it wants to
see: they are answered in one batch. Policies whose scope names another action or a role not held cannot matter, nor can
a permit that holds in other zones only, so a question is put to the slice that can, once for all classes the slice
cannot tell apart (`alike`). Slices are cut once and kept, and so is what Cedar has read of roles, purposes, agreements
and datasets: the same few for many accounts. Answers depend on the question alone and are kept too: no value of a
patient is in a question.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import cedarpy
import orjson

from bienho.core.errors import ConfigError
from bienho.governance.policy.alike import Test, lessons, stand_ins
from bienho.governance.policy.memory import Memory

SCHEMA = "schema.cedarschema"
WHOLE = ""
"""The class that stands for the dataset as a whole."""
KEPT = 20_000
KEPT_DECISIONS = 2_000
KEPT_ENTITIES = 1_000
"""Entities one handle holds at most: it is copied whenever one is added."""
_ANNOTATIONS = ("id", "article", "reviewed", "title_vi")
_NAMELESS = ("Actor", "Purpose", "Agreement")
"""Kinds whose entities have a number for a name, given when a question first speaks of them: no policy can name one."""
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy: `place` is its place in the set, `theme` its file; `article` its law; `reviewed` by a lawyer."""

    id: str
    place: int
    theme: str
    forbids: bool
    article: str
    reviewed: bool
    title_vi: str


class Question(NamedTuple):
    """What Cedar is asked about one reach; `classes` are asked besides the dataset as a whole.

    `dataset` None = the house, no dataset; '' = a statement over no dataset. `claimants`: roles that may claim the
    purpose. Everything is a word of a reviewed list or a yes or no.
    """

    roles: frozenset[str]
    limited: tuple[bool, bool]
    action: str
    dataset: str | None
    zone: str
    domain: str
    persons: bool
    scoped: tuple[bool, bool]
    purpose: str
    known: bool
    identifies: bool
    claimants: frozenset[str]
    agreement: str
    standing: bool
    in_force: bool
    covers: bool
    agreed: frozenset[str]
    door: str
    assurance: str
    emergency: bool
    reason: str
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """`policies`: those that decided about the whole, in the order of the set; `classes`: allowed ones of the asked."""

    allowed: bool
    policies: tuple[str, ...]
    classes: frozenset[str]


SliceKey = tuple[str, frozenset[str], str]
"""Action, roles and zones of a question."""


class Engine:
    """One set of policies. Thread-safe."""

    def __init__(self, texts: Mapping[str, str], schema: str) -> None:
        """`texts`: theme → Cedar text. ConfigError CFG-POLICY when a policy is not well formed or says too little."""
        self.revision = digest({**texts, SCHEMA: schema})
        self.policies, self._parts = _checked(texts, schema)
        self._zones = {name: _zones(part) for name, part in self._parts.items()}
        self._slices: dict[SliceKey, tuple[cedarpy.PolicySet, tuple[Test, ...]]] = {}
        self._alike: Memory[tuple[Any, ...], dict[str, str]] = Memory(KEPT)
        self._read: Memory[tuple[Any, ...], tuple[frozenset[str], cedarpy.Entities]] = Memory(KEPT_DECISIONS)
        self._answers: Memory[Question, Answer] = Memory(KEPT)
        self.decisions: Memory[Any, Any] = Memory(KEPT_DECISIONS)

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """One answer per question; those not known yet are put to Cedar in one batch per slice."""
        found = [self._answers.get(question) for question in questions]
        missing = dict.fromkeys(question for question, answer in zip(questions, found, strict=True) if answer is None)
        if not missing:
            return [answer for answer in found if answer is not None]
        fresh = self._evaluate(missing)
        for question, answer in fresh.items():
            self._answers.put(question, answer)
        return [answer or fresh[question] for question, answer in zip(questions, found, strict=True)]

    def forget(self) -> None:
        """Drop kept answers and decisions, as a bench or a test wants it."""
        self._answers.clear()
        self.decisions.clear()

    def permitting(self, action: str, role: str) -> tuple[Policy, ...]:
        """Permits whose scope does not rule out that a role does this; their conditions may still."""
        return tuple(
            policy
            for name, policy in self.policies.items()
            if not policy.forbids and _may_matter(self._parts[name], action, frozenset({role}))
        )

    def names(self, dataset: str) -> bool:
        """Whether a policy speaks of this dataset by its name."""
        return f'"{dataset}"'.encode() in orjson.dumps(self._parts)

    def article(self, policies: Iterable[str]) -> tuple[str, ...]:
        """Laws and articles of the policies, each once."""
        return tuple(dict.fromkeys(self.policies[name].article for name in policies))

    def _slice(self, action: str, roles: frozenset[str], zone: str) -> tuple[cedarpy.PolicySet, tuple[Test, ...]]:
        """The policies that can matter, and all they can learn of a class."""
        key = (action, roles, zone)
        found = self._slices.get(key)
        if found is None:
            lies_in = set(zone.split())
            kept = {
                name: part
                for name, part in self._parts.items()
                if _may_matter(part, action, roles) and ((zones := self._zones[name]) is None or zones & lies_in)
            }
            text = orjson.dumps({"staticPolicies": kept, "templates": {}, "templateLinks": []}).decode()
            found = self._slices[key] = (
                cedarpy.PolicySet.from_json_str(text),
                tuple(test for part in kept.values() for test in lessons(part["conditions"])),
            )
        return found

    def _evaluate(self, questions: Iterable[Question]) -> dict[Question, Answer]:
        """Answers by question. Each slice is asked once; those of one slice and resource share what Cedar reads."""
        groups: dict[tuple[SliceKey, tuple[Any, ...]], list[Question]] = {}
        for question in questions:
            key = (question.action, question.roles, question.zone)
            groups.setdefault((key, _resource_key(question)), []).append(question)
        answers = {}
        for (key, resource), group in groups.items():
            policies, learned = self._slice(*key)
            requests: list[dict[str, Any]] = []
            entities: list[dict[str, Any]] = []
            asked = []
            for question in group:
                alike = self._stand_ins(key, learned, question)
                requests += _requests(question, dict.fromkeys(alike.values()), entities)
                asked.append((question, alike))
            told = iter(cedarpy.is_authorized_batch(requests, policies, self._known(resource, entities)))
            for question, alike in asked:
                results = {name: next(told) for name in dict.fromkeys(alike.values())}
                answers[question] = self._answer({name: results[one] for name, one in alike.items()})
        return answers

    def _stand_ins(self, key: SliceKey, learned: tuple[Test, ...], question: Question) -> dict[str, str]:
        """The whole and each class asked about, with the one Cedar is asked about in its stead."""
        wanted = (key, question.agreed, question.classes)
        found = self._alike.get(wanted)
        return found or self._alike.put(wanted, stand_ins(learned, (WHOLE, *question.classes), question.agreed))

    def _known(self, resource: tuple[Any, ...], entities: Sequence[dict[str, Any]]) -> cedarpy.Entities:
        """A handle that holds a resource and, among others never named, these entities; what is new to it is added."""
        held, handle = self._read.get(resource) or (frozenset[str](), None)
        new = {name: one for one in entities if (name := one["uid"]["id"]) not in held}
        if handle is None or len(held) + len(new) > KEPT_ENTITIES:
            held, handle = frozenset(), cedarpy.Entities.from_json_str(orjson.dumps([_resource(*resource)]).decode())
            new = {one["uid"]["id"]: one for one in entities}
        if new:
            handle = handle.with_added_json_str(orjson.dumps(list(new.values())).decode())
            self._read.put(resource, (held | new.keys(), handle))
        return handle

    def _answer(self, parts: dict[str, cedarpy.AuthzResult]) -> Answer:
        if any(result.diagnostics.errors for result in parts.values()):
            return Answer(False, (), frozenset())  # a policy that cannot be computed allows nothing
        whole = parts[WHOLE]
        decided = sorted(whole.diagnostics.reasons, key=lambda name: self.policies[name].place)
        allowed = frozenset(name for name, part in parts.items() if name != WHOLE and part.allowed)
        return Answer(whole.allowed, tuple(decided), allowed if whole.allowed else frozenset())


@cache
def engine(folder: Path) -> Engine:
    """The engine over the `*.cedar` files and the schema of a folder; read and checked once per process."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.cedar"))}
    schema = folder / SCHEMA
    if not texts or not schema.is_file():
        raise ConfigError("CFG-POLICY", "Thiếu tệp chính sách của bản này.", hint="Cài lại phần mềm.")
    return Engine(texts, schema.read_text(encoding="utf-8"))


def digest(texts: Mapping[str, str]) -> str:
    """Revision of a set of files: 16 hexadecimal digits over their names and contents."""
    summed = hashlib.sha256()
    for name in sorted(texts):
        summed.update(f"{name}\0{texts[name]}\0".encode())
    return summed.hexdigest()[:16]


def _checked(texts: Mapping[str, str], schema: str) -> tuple[dict[str, Policy], dict[str, Any]]:
    policies: dict[str, Policy] = {}
    parts: dict[str, Any] = {}
    try:
        handle = cedarpy.Schema.from_str(schema)
        for theme in sorted(texts):
            valid = cedarpy.validate_policies(texts[theme], handle)
            if not valid.validation_passed:
                raise _bad(theme, str(valid.errors[0]))
            found: Any = orjson.loads(cedarpy.policies_to_json_str(texts[theme]))
            if found.get("templates"):
                raise _bad(theme, "không dùng mẫu chính sách")
            for _, part in sorted(found["staticPolicies"].items(), key=lambda item: int(item[0][len("policy") :])):
                notes = part.get("annotations", {})
                missing = [name for name in _ANNOTATIONS if not notes.get(name)]
                if any(f'"type":"{kind}"'.encode() in orjson.dumps(part) for kind in _NAMELESS):
                    raise _bad(theme, f"chính sách {notes.get('id')} gọi tên một {', '.join(_NAMELESS)}")
                if missing or notes["reviewed"] not in ("true", "false") or notes["id"] in policies:
                    raise _bad(theme, f"chính sách {notes.get('id')} thiếu {missing} hoặc trùng mã")
                policies[notes["id"]] = Policy(
                    notes["id"],
                    len(policies),
                    theme,
                    part["effect"] == "forbid",
                    notes["article"],
                    notes["reviewed"] == "true",
                    notes["title_vi"],
                )
                parts[notes["id"]] = part
    except ValueError as error:
        raise _bad("?", str(error)) from None
    return policies, parts


def _bad(theme: str, why: str) -> ConfigError:
    return ConfigError(
        "CFG-POLICY", f"Tệp chính sách {theme} không dùng được: {why[:300]}.", hint="Sửa tệp hoặc cài lại phần mềm."
    )


def _may_matter(part: Mapping[str, Any], action: str, roles: frozenset[str]) -> bool:
    """False only when the scope of a policy rules the question out; conditions are Cedar's to judge."""
    asked = part["action"]
    entities = asked.get("entities") or ([asked["entity"]] if "entity" in asked else [])
    if entities and action not in {entity["id"] for entity in entities}:
        return False
    principal = part["principal"]
    entity = principal.get("entity")
    if principal["op"] == "in" and entity is not None and entity["type"] == "Role":
        return entity["id"] in roles
    return True


def _zones(part: Mapping[str, Any]) -> frozenset[str] | None:
    """Zones outside which a permit cannot hold, because one of the terms its condition joins by && says so; None when
    none does. A forbid always stays: what is left out by mistake could only refuse."""
    terms = [one["body"] for one in part["conditions"] if one["kind"] == "when"] if part["effect"] == "permit" else []
    while terms:
        term = terms.pop()
        if "&&" in term:
            terms += term["&&"].values()
        elif "in" in term and term["in"]["left"] == {"Var": "resource"}:
            right = term["in"]["right"]
            named = [one.get("Value", {}).get("__entity", {}) for one in right.get("Set", [right])]
            if all(one.get("type") == "Zone" for one in named):
                return frozenset(one["id"] for one in named)
    return None


def _requests(question: Question, names: Iterable[str], entities: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What Cedar is asked, of each name (`WHOLE` or a class). Puts the entities they speak of among those given."""
    actor = _actor(question.roles, question.limited)
    purpose = _purpose(question.known, question.identifies, question.claimants)
    agreement = _agreement(question.standing, question.in_force, question.covers, question.agreed)
    entities += (actor, purpose, agreement)
    request = {
        "principal": actor["uid"],
        "action": {"type": "Action", "id": question.action},
        "resource": _resource_uid(question.dataset),
    }
    situation = (
        purpose["uid"]["id"], agreement["uid"]["id"],
        question.door, question.assurance, question.emergency, question.reason,
    )  # fmt: skip
    return [{**request, "context": _context(*situation, name)} for name in names]


@lru_cache(KEPT)
def _context(purpose: str, agreement: str, door: str, assurance: str, emergency: bool, reason: str, about: str) -> str:
    situation = {
        "purpose": _named("Purpose", purpose),
        "agreement": _named("Agreement", agreement),
        "door": door,
        "assurance": assurance,
        "emergency": emergency,
        "reason": reason,
        "class": about,
    }
    return orjson.dumps(situation).decode()


@lru_cache(KEPT)
def _actor(roles: frozenset[str], limited: tuple[bool, bool]) -> dict[str, Any]:
    parents = [{"type": "Role", "id": name} for name in sorted(roles)]
    holds = {
        "roles": [{"__entity": role} for role in parents],
        "by_facility": limited[0],
        "by_commune": limited[1],
    }
    return _numbered("Actor", holds, parents)


@lru_cache(KEPT)
def _purpose(known: bool, identifies: bool, claimants: frozenset[str]) -> dict[str, Any]:
    roles = [_named("Role", name) for name in sorted(claimants)]
    return _numbered("Purpose", {"known": known, "identifies": identifies, "claimants": roles})


@lru_cache(KEPT)
def _agreement(standing: bool, in_force: bool, covers: bool, agreed: frozenset[str]) -> dict[str, Any]:
    says = {"standing": standing, "in_force": in_force, "covers": covers, "classes": sorted(agreed)}
    return _numbered("Agreement", says)


def _numbered(kind: str, attributes: dict[str, Any], parents: Sequence[dict[str, str]] = ()) -> dict[str, Any]:
    return {"uid": {"type": kind, "id": str(next(_numbers))}, "attrs": attributes, "parents": parents}


def _named(kind: str, name: str) -> dict[str, dict[str, str]]:
    return {"__entity": {"type": kind, "id": name}}


def _resource_key(question: Question) -> tuple[Any, ...]:
    if question.dataset is None:
        return (None, "", "", False, (False, False))
    return (question.dataset, question.zone, question.domain, question.persons, question.scoped)


def _resource_uid(dataset: str | None) -> dict[str, str]:
    return {"type": "House", "id": "house"} if dataset is None else {"type": "Dataset", "id": dataset}


def _resource(dataset: str | None, zone: str, domain: str, persons: bool, scoped: tuple[bool, bool]) -> dict[str, Any]:
    uid = _resource_uid(dataset)
    if dataset is None:
        return {"uid": uid, "attrs": {}, "parents": []}
    holds = {"persons": persons, "by_facility": scoped[0], "by_commune": scoped[1], "domain": domain}
    return {"uid": uid, "attrs": holds, "parents": [{"type": "Zone", "id": one} for one in zone.split()]}
