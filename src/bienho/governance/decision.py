"""`decide`: may this actor, for this purpose, do this with these columns of this dataset? Pure; default deny.

A decision reads the request, the contract of the dataset and the policies of this release, nothing else: the same
request is answered the same way tomorrow. What a decision depends on is kept with it (`Decision.facts`), so that one of
the past can be made again with the policies of its day.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from bienho.contracts import Contract, Field
from bienho.core.errors import DeniedError
from bienho.governance.actor import Actor, Membership
from bienho.governance.policy import CLASSES, CURRENT, DATA_ACTIONS, Engine, Facts, Reach, Verdict, engine, judge
from bienho.governance.policy.rows import Rows
from bienho.governance.purposes import ANY_PAPER, PURPOSES, STANDING_RULE
from bienho.governance.roles import ROLES
from bienho.governance.scope import RowFilter, as_filter, scope_of

__all__ = ["Actor", "Decision", "Denied", "Membership", "Request", "decide"]

Action = Literal[
    "read", "aggregate", "query", "identify", "export", "share", "audit", "manage", "break-glass", "emergency-review",
    "audit-own", "agreement-read", "agreement-draft", "agreement-review", "agreement-sign", "agreement-steer", "ingest",
    "replay", "run", "work", "serve", "rebuild", "job", "backup", "import-codes", "list-accounts", "list-members",
    "manage-members", "erase-ask", "erase-confirm", "report", "report-open", "send", "connect", "dossier-number",
    "remind", "remind-answer", "visit-write", "person-review",
]  # fmt: skip

MARKER = "marker"
"""Class of a lake column whose text lies in the vault: it shows only that a text is there."""
ALL_ZONES = "standard conformed quality derived reference"
"""Zones of a statement that reads no dataset: it holds nothing that could be refused by its zone."""
_HOUSE = DATA_ACTIONS
OPENS_VAULT = frozenset({"identify", "dossier-number"})
"""Actions that bring a text of the vault: everything, or the facility's own number of a dossier."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What an agreement says on the day of a request: see `agreements.terms`; `datasets`, `classes`, `purposes` None =
    all, `units` None = whichever unit asks, `facilities` None = whichever facilities a membership reaches."""

    code: str
    in_force: bool
    purposes: frozenset[str] | None = None
    datasets: frozenset[str] | None = None
    classes: frozenset[str] | None = None
    units: frozenset[str] | None = None
    facilities: frozenset[str] | None = None


STANDING = Terms(STANDING_RULE, True)
"""The standing internal rule of the Department: inside it no separate agreement is signed."""


@dataclass(frozen=True, slots=True)
class Request:
    """One question to `decide`; `contract` None = no dataset is read.

    `columns` None = all that may be seen, () = rows are only counted. `terms`: of the agreement the purpose names; None
    stands for the internal rule, and for nothing in force when the purpose names another. `emergency`: the look is
    under an opened emergency, `reason` its code.
    """

    request_id: str
    actor: Actor
    purpose: str
    action: Action
    contract: Contract | None
    columns: tuple[str, ...] | None = None
    terms: Terms | None = None
    emergency: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer. `rule` names the rule that allowed or refused; `columns` may be seen, `hidden` may not.

    `policies` decided, under `articles`, in the set `revision`. `rows` limits the answer (alternatives of conditions,
    None = every row); `reach` is the same before it was put in the dataset's columns. `facts` is all the decision
    depends on. `snapshot` is the lake snapshot the data was read at, None when nothing was read.
    """

    decision_id: str
    allowed: bool
    rule: str
    reason_vi: str
    action: Action
    purpose: str
    agreement: str
    dataset: str
    columns: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    obligations: tuple[str, ...] = ()
    snapshot: int | None = None
    rows: RowFilter = None
    reach: Rows = None
    policies: tuple[str, ...] = ()
    articles: tuple[str, ...] = ()
    revision: str = ""
    facts: tuple[Facts, ...] = field(default=(), repr=False)


class Denied(DeniedError):
    """A refusal by the gate; carries the Decision."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(
            "DENY-" + decision.rule.upper(),
            decision.reason_vi,
            hint=f"Chọn một mục đích mở được định danh: {', '.join(p.code for p in PURPOSES.values() if p.identifies)}."
            if decision.rule == "identify-purpose"
            else "Đề nghị người quản trị cấp vai trò, hoặc chọn đúng mục đích.",
            who="người quản trị tài khoản",
        )
        self.decision = decision


OBLIGATION_LOGGED = "ghi-nhat-ky"
OBLIGATION_NO_COPY = "khong-luu-ban-sao-dinh-danh"
OBLIGATION_HIDDEN = "che-cot"
OBLIGATION_ROWS = "gioi-han-dong"
OBLIGATION_REVIEW = "xet-lai-sau"


def field_class(field: Field) -> str:
    """Class of what the lake column holds: the field's own, or `marker` when the text lies in the vault."""
    return MARKER if field.in_vault else field.data_class


def decide(request: Request, policies: Engine | None = None) -> Decision:
    """The decision on one request. Never raises for a refusal; what no policy permits is denied."""
    used = policies or engine(CURRENT)
    key = _asked(request)
    known: tuple[Contract | None, Decision] | None = used.decisions.get(key)
    if known is None or known[0] is not request.contract:
        known = used.decisions.put(key, (request.contract, _decided(request, used)))
    return replace(known[1], decision_id=request.request_id)


def _asked(request: Request) -> tuple[Any, ...]:
    """All of a request that a decision reads; nobody's name is in it."""
    actor, contract = request.actor, request.contract
    return (
        actor.roles, actor.memberships, actor.door, actor.assurance, request.purpose, request.action,
        contract.id if contract else None, request.columns, request.terms, request.emergency, request.reason,
    )  # fmt: skip


def _decided(request: Request, used: Engine) -> Decision:
    facts = facts_of(request)
    verdict = judge(used, facts)
    if not verdict.allowed:
        return _decision(request, used, facts, verdict, _why(request, used, facts, verdict))
    contract = request.contract
    if contract is None:
        return _decision(request, used, facts, verdict, _titles(used, verdict))
    classes = {item.name: field_class(item) for item in contract.fields}
    columns = tuple(name for name, kind in classes.items() if kind in verdict.classes)
    hidden = tuple(name for name, kind in classes.items() if kind not in verdict.classes)
    if request.columns is not None:
        columns, hidden = request.columns, ()
    return _decision(request, used, facts, verdict, _titles(used, verdict), columns, hidden)


def facts_of(request: Request) -> Facts:
    """What the policies are asked, from a request: words of reviewed lists, codes of facilities and communes."""
    actor, contract = request.actor, request.contract
    purpose = PURPOSES.get(request.purpose)
    paper = purpose.agreement if purpose else STANDING_RULE
    terms = request.terms or (STANDING if paper == STANDING_RULE else Terms(paper, False))
    if terms.code != paper and (paper != ANY_PAPER or terms.code == STANDING_RULE):
        terms = Terms(paper, False)
    scope = scope_of(contract) if contract else None
    held = {field_class(item) for item in contract.fields} if contract else set()
    asked = None
    if contract is not None and request.columns is not None:
        asked = tuple(
            sorted({field_class(contract.by_name[name]) for name in request.columns if name in contract.by_name})
        )
    data = request.action in _HOUSE
    return Facts(
        action=request.action,
        reaches=_reaches(actor, terms),
        dataset=contract.id if contract else "" if data else None,
        zone=contract.zone if contract else ALL_ZONES if data else "",
        domain="",
        persons=bool(held & {"personal", "sensitive", "text", MARKER}),
        scoped=(bool(scope and scope.facility), bool(scope and scope.commune)),
        held=tuple(sorted(held)),
        classes=asked,
        purpose=purpose.code if purpose else "",
        known=purpose is not None,
        identifies=purpose is not None and purpose.identifies,
        claimants=purpose.roles if purpose else frozenset(),
        agreement=terms.code,
        standing=terms.code == STANDING_RULE,
        in_force=terms.in_force,
        covers=_covers(request, terms),
        agreed=frozenset(CLASSES) if terms.classes is None else terms.classes,
        door=actor.door,
        assurance=actor.assurance,
        emergency=request.emergency,
        reason=request.reason,
    )


def _covers(request: Request, terms: Terms) -> bool:
    named = (terms.purposes is None or request.purpose in terms.purposes) and (
        terms.units is None or any(one.unit in terms.units for one in request.actor.memberships)
    )
    if request.contract is None:
        return named
    return named and (terms.datasets is None or request.contract.id in terms.datasets)


def _reaches(actor: Actor, terms: Terms) -> tuple[Reach, ...]:
    """One reach per set of rows; memberships of a unit the agreement does not name reach nothing."""
    if not actor.memberships:
        roles = frozenset(role for role in actor.roles if role in ROLES)
        return (Reach(roles, terms.facilities),)
    found: dict[tuple[frozenset[str] | None, frozenset[str] | None], set[str]] = {}
    units = terms.units
    named = [one for one in actor.memberships if units is None or one.unit in units]
    for one in named or actor.memberships:  # with none named, `covers` is false and nothing is allowed
        if one.role in ROLES:
            found.setdefault((_both(one.facilities, terms.facilities), one.communes), set()).add(one.role)
    return tuple(Reach(frozenset(roles), *rows) for rows, roles in found.items())


def _both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    """What lies within two limits, None = no limit."""
    return other if one is None else one if other is None else one & other


def _decision(
    request: Request,
    used: Engine,
    facts: Facts,
    verdict: Verdict,
    reason: str,
    columns: tuple[str, ...] = (),
    hidden: tuple[str, ...] = (),
) -> Decision:
    contract = request.contract
    given = {
        OBLIGATION_LOGGED: verdict.allowed,
        OBLIGATION_NO_COPY: verdict.allowed and request.action in OPENS_VAULT,
        OBLIGATION_HIDDEN: bool(hidden),
        OBLIGATION_ROWS: verdict.allowed and verdict.rows is not None,
        OBLIGATION_REVIEW: verdict.allowed and request.emergency,
    }
    return Decision(
        request.request_id,
        verdict.allowed,
        verdict.rule,
        reason,
        request.action,
        facts.purpose,
        facts.agreement if facts.known else "",
        contract.id if contract else "",
        columns,
        hidden,
        tuple(name for name, holds in given.items() if holds),
        rows=as_filter(contract, verdict.rows) if contract else None,
        reach=verdict.rows,
        policies=verdict.policies,
        articles=used.article(verdict.policies),
        revision=used.revision,
        facts=(facts,),
    )


def refusal(decision: Decision, rule: str, reason_vi: str) -> Decision:
    """A decision that allowed, turned into a refusal by what the gate then found."""
    return replace(decision, allowed=False, rule=rule, reason_vi=reason_vi, columns=(), obligations=())


def _titles(used: Engine, verdict: Verdict) -> str:
    return " ".join(used.policies[name].title_vi for name in verdict.policies)


def _why(request: Request, used: Engine, facts: Facts, verdict: Verdict) -> str:
    """Why not, in the words of the policy that refused, or of what was missing."""
    dataset = request.contract.id if request.contract else "dữ liệu này"
    if verdict.rule in used.policies:
        purpose = PURPOSES.get(request.purpose)
        return used.policies[verdict.rule].title_vi.format(
            purpose=purpose.title_vi if purpose else "",
            purposes=", ".join(PURPOSES),
            agreement=facts.agreement,
            dataset=dataset,
        )
    if verdict.rule == "column-class":
        return f"Vai trò này không được xem cột {_refused_columns(request, verdict)}."
    if request.action == "identify":
        return "Tài khoản không có vai trò được xem định danh."
    if request.action == "dossier-number":
        return "Chỉ cán bộ dữ liệu của cơ sở được lấy mã hồ sơ (MA_LK) của chính cơ sở mình."
    if request.action in ("audit", "manage"):
        return "Chỉ người quản trị được làm việc này."
    if request.action == "aggregate":
        return f"Vai trò và mục đích này không được tổng hợp {dataset}."
    if request.action in _HOUSE:
        return f"Vai trò và mục đích này không được đọc {dataset}."
    return "Vai trò của tài khoản không được làm việc này."


def _refused_columns(request: Request, verdict: Verdict) -> str:
    contract = request.contract
    if contract is None or not request.columns:
        return f"nào của {contract.id if contract else 'dữ liệu này'}"
    refused = [name for name in request.columns if field_class(contract.by_name[name]) not in verdict.classes]
    return f"{', '.join(refused or request.columns)} của {contract.id}"


def merged_facts(decisions: Iterable[Decision]) -> list[dict[str, Any]]:
    """Facts of several decisions for the record of one look, each once."""
    return [facts.as_dict() for facts in dict.fromkeys(one for decision in decisions for one in decision.facts)]
