"""The engine: one set of Cedar policies, read and checked once, asked many times.

A question is about one reach of one account (its roles over one set of rows) and the classes of columns it wants to
see: they are answered in one batch. Policies whose scope names another action or a role not held cannot matter, nor can
a permit that holds in other zones only, so a question is put to the slice that can; slices are cut once and kept, and
so is what words of reviewed lists say of purposes, agreements and datasets. Answers depend on the question alone and
are kept too: no value of a patient is in a question.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cedarpy
import orjson

from bienho.core.errors import ConfigError
from bienho.governance.policy.memory import Memory

SCHEMA = "schema.cedarschema"
WHOLE = ""
"""The class that stands for the dataset as a whole."""
KEPT = 20_000
KEPT_DECISIONS = 2_000
_ANNOTATIONS = ("id", "article", "reviewed", "title_vi")


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


@dataclass(frozen=True, slots=True)
class Question:
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


class Engine:
    """One set of policies. Thread-safe."""

    def __init__(self, texts: Mapping[str, str], schema: str) -> None:
        """`texts`: theme → Cedar text. ConfigError CFG-POLICY when a policy is not well formed or says too little."""
        self.revision = digest({**texts, SCHEMA: schema})
        self.policies, self._parts = _checked(texts, schema)
        self._zones = {name: _zones(part) for name, part in self._parts.items()}
        self._slices: dict[tuple[str, frozenset[str], str], cedarpy.PolicySet] = {}
        self._named: Memory[bytes, cedarpy.Entities] = Memory(KEPT_DECISIONS)
        self._answers: Memory[Question, Answer] = Memory(KEPT)
        self.decisions: Memory[Any, Any] = Memory(KEPT_DECISIONS)

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """One answer per question; those not known yet are put to Cedar in one batch per slice."""
        found = {question: self._answers.get(question) for question in questions}
        missing = [question for question, answer in found.items() if answer is None]
        if missing:
            for question, fresh in self._evaluate(missing).items():
                found[question] = self._answers.put(question, fresh)
        return [answer for question in questions if (answer := found[question]) is not None]

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

    def _slice(self, action: str, roles: frozenset[str], zone: str) -> cedarpy.PolicySet:
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
            found = self._slices[key] = cedarpy.PolicySet.from_json_str(text)
        return found

    def _evaluate(self, questions: Sequence[Question]) -> dict[Question, Answer]:
        """Answers by question. What they speak of is read by Cedar once, each slice is asked once."""
        actors: list[dict[str, Any]] = []
        named: dict[tuple[str, str], dict[str, Any]] = {}
        slices: dict[tuple[str, frozenset[str], str], list[tuple[Question, str, dict[str, Any]]]] = {}
        for place, question in enumerate(questions):
            base = _request(question, str(place), actors, named)
            for name in (WHOLE, *question.classes):
                key = (question.action, question.roles, question.zone)
                slices.setdefault(key, []).append((question, name, base))
        text = orjson.dumps(list(named.values()))
        known = self._named.get(text) or self._named.put(text, cedarpy.Entities.from_json_str(text.decode()))
        known = known.with_added_json_str(orjson.dumps(actors).decode())
        results: dict[Question, dict[str, cedarpy.AuthzResult]] = {}
        for key, asked in slices.items():
            requests = [_about(base, name) for _, name, base in asked]
            told = cedarpy.is_authorized_batch(requests, self._slice(*key), known)
            for (question, name, _), result in zip(asked, told, strict=True):
                results.setdefault(question, {})[name] = result
        return {question: self._answer(parts) for question, parts in results.items()}

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


def _request(
    question: Question,
    place: str,
    actors: list[dict[str, Any]],
    named: dict[tuple[str, str], dict[str, Any]],
) -> dict[str, Any]:
    """Puts what a question speaks of among the actors and the things named, what is shared once; the request about the
    whole."""

    def put(kind: str, name: str, parents: Sequence[dict[str, str]], **attributes: Any) -> dict[str, str]:
        uid = {"type": kind, "id": name}
        named[kind, name] = {"uid": uid, "attrs": attributes, "parents": list(parents)}
        return uid

    def shared(kind: str, **attributes: Any) -> dict[str, str]:
        same = (known for known in named.values() if known["uid"]["type"] == kind and known["attrs"] == attributes)
        return next((known["uid"] for known in same), None) or put(kind, place, (), **attributes)

    roles = [{"type": "Role", "id": name} for name in sorted(question.roles)]
    actor = {"type": "Actor", "id": place}
    holds = {
        "roles": [{"__entity": role} for role in roles],
        "by_facility": question.limited[0],
        "by_commune": question.limited[1],
    }
    actors.append({"uid": actor, "attrs": holds, "parents": roles})
    purpose = shared(
        "Purpose",
        known=question.known,
        identifies=question.identifies,
        claimants=[{"__entity": {"type": "Role", "id": name}} for name in sorted(question.claimants)],
    )
    agreement = shared(
        "Agreement",
        standing=question.standing,
        in_force=question.in_force,
        covers=question.covers,
        classes=sorted(question.agreed),
    )
    if question.dataset is None:
        resource = put("House", "house", ())
    else:
        zones = [{"type": "Zone", "id": zone} for zone in question.zone.split()]
        resource = put(
            "Dataset", question.dataset, zones,
            persons=question.persons, by_facility=question.scoped[0], by_commune=question.scoped[1],
            domain=question.domain,
        )  # fmt: skip
    situation = {
        "purpose": {"__entity": purpose},
        "agreement": {"__entity": agreement},
        "door": question.door,
        "assurance": question.assurance,
        "emergency": question.emergency,
        "reason": question.reason,
        "class": WHOLE,
    }
    action = {"type": "Action", "id": question.action}
    return {"principal": actor, "action": action, "resource": resource, "context": situation}


def _about(request: dict[str, Any], name: str) -> dict[str, Any]:
    """The same request about one class of columns."""
    return {**request, "context": orjson.dumps({**request["context"], "class": name}).decode()}
