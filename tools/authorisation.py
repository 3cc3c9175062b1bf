"""Writes docs/authorisation.md: who may do what, computed from the policies; a test compares it with a table by hand.

authorisation.py FILE    write the page        authorisation.py    print it
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import get_args

from bienho.contracts import catalogue
from bienho.governance import ACCOUNT_ROLES, PURPOSES, ROLES, Actor, Membership, Request, decide
from bienho.governance.decision import Action, field_class
from bienho.governance.people import leading
from bienho.governance.people.units import KINDS, Unit
from bienho.governance.policy import DATA_ACTIONS, revision
from bienho.governance.purposes import claimed

FACILITY, OTHER_FACILITY, COMMUNE = "52901", "52902", "23551"
REACHES: dict[str, tuple[frozenset[str] | None, frozenset[str] | None]] = {
    "province": (None, None),
    "facility": (frozenset({FACILITY}), None),
    "commune": (None, frozenset({COMMUNE})),
    "none": (frozenset(), frozenset()),
}
_SINCE = date(2026, 1, 1)
UNITS = {
    "province": Unit("dt-tinh", "Đơn vị toàn tỉnh", "department", None, None, None, (), _SINCE),
    "facility": Unit("dt-co-so", "Đơn vị cơ sở", "hospital", "dt-tinh", FACILITY, None, (), _SINCE),
    "commune": Unit("dt-xa", "Đơn vị xã", "commune-committee", None, None, COMMUNE, (), _SINCE),
    "none": Unit("dt-quan-tri", "Đơn vị quản trị", "administration", "dt-tinh", None, None, (), _SINCE),
}
"""A unit of each reach."""
OTHER_UNIT = Unit("dt-co-so-khac", "Đơn vị cơ sở khác", "hospital", "dt-tinh", OTHER_FACILITY, None, (), _SINCE)
TREE = {unit.code: unit for unit in (*UNITS.values(), OTHER_UNIT)}

Need = tuple[str, str, str]
_DELIVERY: Need = ("read", "standard.delivery", "open")
_DOSSIER: Need = ("read", "standard.xml130_dossier", "open personal")
_VISIT: Need = ("read", "conformed.encounter", "open personal")
LOOKS: dict[str, tuple[Need, ...]] = {
    "deliveries": (_DELIVERY,),
    "delivery": (_DELIVERY, _DOSSIER),
    "records": (_VISIT,),
    "record": (_DOSSIER, _DELIVERY, _VISIT, ("read", "standard.xml130_1", "open personal sensitive marker")),
    "findings": (("read", "quality.finding", "open personal"), ("aggregate", "quality.finding", "open")),
    "quarantine": (("read", "quality.quarantine", "open"),),
    "numbers": (("aggregate", "derived.facility_week_chapter", "open sensitive"),),
    "warnings": (
        ("read", "reference.notifiable", "open"), ("read", "reference.case_history", "open personal"),
        ("aggregate", "derived.notifiable_case", "open personal sensitive"),
    ),
    "scores": (("aggregate", "quality.score", "open"), ("aggregate", "quality.score_loss", "open")),
    "rules": (
        ("aggregate", "quality.finding", "open"), ("aggregate", "quality.finding_waived", "open"),
        ("aggregate", "quality.score", "open"), ("aggregate", "quality.score_loss", "open"),
        ("read", "reference.rule_waiver", "open"),
    ),
    "score-rows": (("read", "quality.score_loss", "open personal"),),
    "score-sources": (
        _DOSSIER, _DELIVERY, _VISIT, ("read", "standard.xml130_1", "marker"), ("read", "quality.finding", "open"),
        ("aggregate", "quality.score", "open"),
    ),
    "mending": (
        ("query", "quality.finding", "open personal"), ("query", "standard.xml130_dossier", "open personal"),
        ("query", "standard.delivery", "open"), ("query", "conformed.claim", "open"),
        ("query", "quality.score_loss", "open"), ("aggregate", "conformed.encounter", "open"),
        ("query", "standard.superseded", "open"), ("query", "quality.finding_waived", "open"),
    ),
    "mending-file": (
        ("export", "quality.finding", "open personal"), ("export", "standard.xml130_dossier", "open personal"),
        ("dossier-number", "standard.xml130_1", "marker"),
    ),
    "calendar": (("aggregate", "conformed.encounter", "open"), ("aggregate", "quality.score_loss", "open")),
    "senders": (
        ("aggregate", "standard.delivery", "open"), ("aggregate", "quality.finding", "open"),
        ("aggregate", "quality.score", "open"), ("aggregate", "quality.score_loss", "open"),
    ),
    "score-freezes": (("read", "quality.score_freeze", "open"),),
    "statement": (("query", "conformed.encounter", "open personal"),),
    "export": (_VISIT, ("export", "conformed.encounter", "open personal")),
    "identify": (_DOSSIER, _DELIVERY, _VISIT, ("identify", "standard.xml130_1", "marker")),
}  # fmt: skip
"""What a look needs of the gate, all of it: (action, dataset, classes of the columns named)."""
PURPOSE = {
    "identify": "tra-cuu-ho-so",
    "break-glass": "tra-cuu-ho-so",
    "audit": "kiem-tra",
    "numbers": "giam-sat",
    "warnings": "giam-sat",
    **dict.fromkeys(
        (
            "scores",
            "rules",
            "score-rows",
            "score-sources",
            "score-freezes",
            "mending",
            "mending-file",
            "calendar",
            "senders",
            "remind",
            "remind-answer",
        ),
        "chat-luong",
    ),
}
"""Purpose a door claims when it is not the operation of the house; who may not claim it comes with one of theirs."""
DEEDS = [action for action in get_args(Action) if action not in DATA_ACTIONS]
CLASSES = [*LOOKS, *DEEDS]
LED = ("list-members", "manage-members")
"""Deeds about people of units: a policy lets somebody at all, the tree of units says whose people they are."""

HEAD = """# Who may do what

Computed from the policies by `make authorisation`; revision `{revision}`. A table written by hand,
`tests/integration/data/authorisation.csv`, says the same: a test compares the two, and both with what the pages and the
commands really answer.

`all`: over the whole province. `own`: rows of the own unit only (facility or commune), people of the own unit and those
below it; others are not there. Nothing: refused. A role is listed once for each reach a unit may give it. An inspector
and a partner's system see the log of their own looks only without a signed paper in force, and what it names with one.
A citizen sees nothing until there is an index of persons. `report`: make, change, end scheduled reports of one's
own; `report-open`: ask to open those addressed to one, which the gate then judges as a look of theirs. `mending-file`:
the rows to mend under the facility's own numbers of dossiers. `remind-answer`: those sent to one's own facility only.

"""


@dataclass(frozen=True, slots=True)
class Who:
    """A role with a reach its units give."""

    role: str
    reach: str

    def actor(self, account_id: str = "an") -> Actor:
        """Somebody in a unit of that reach."""
        return Actor(
            account_id,
            account_id,
            (self.role,),
            "portal",
            (Membership(self.role, UNITS[self.reach].code, *REACHES[self.reach]),),
        )


def everybody() -> Iterator[Who]:
    """Every role with every reach. A unit that reaches what the one above it does stands below one with a limit."""
    for code, role in ROLES.items():
        found = {KINDS[kind].reach for kind in role.kinds}
        if "parent" in found:
            found = found - {"parent"} | {"commune" if code == "digital-team-member" else "facility"}
        if code in ACCOUNT_ROLES:  # held by an account itself
            found = found | {"province"}
        for reach in REACHES:
            if reach in found:
                yield Who(code, reach)


def may(who: Who, wanted: str) -> str:
    """`all`, `own` or '' for one class of looks or one deed."""
    purpose = claimed((who.role,), PURPOSE.get(wanted, "van-hanh"))
    if wanted not in LOOKS:
        if not decide(Request("", who.actor(), purpose, wanted, None)).allowed:  # type: ignore[arg-type]
            return ""
        return "own" if wanted in LED and not leading.leads(who.actor(), TREE, OTHER_UNIT.code) else "all"
    limited = False
    for action, dataset, classes in LOOKS[wanted]:
        contract = catalogue()[dataset]
        columns = tuple(item.name for item in contract.fields if field_class(item) in classes.split())
        decision = decide(Request("", who.actor(), purpose, action, contract, columns))  # type: ignore[arg-type]
        if not decision.allowed:
            return ""
        limited = limited or decision.reach is not None
    return "own" if limited else "all"


def table() -> list[list[str]]:
    """Rows of the page: role, reach, then one cell per class."""
    return [[who.role, who.reach, *(may(who, wanted) for wanted in CLASSES)] for who in everybody()]


def page() -> str:
    """The whole page."""
    rows = table()
    looks = len(LOOKS)
    text = HEAD.format(revision=revision())
    for title, start, stop in (("Looks at data", 0, looks), ("Deeds", looks, len(CLASSES))):
        names = CLASSES[start:stop]
        text += f"## {title}\n\n| role | reach | {' | '.join(names)} |\n|{'---|' * (len(names) + 2)}\n"
        for role, reach, *cells in rows:
            text += f"| {role} | {reach} | {' | '.join(cells[start:stop])} |\n"
        text += "\n"
    text += "## Purposes\n\n| purpose | legal basis | under | who may claim it | opens identifiers |\n"
    text += "|---|---|---|---|---|\n"
    for one in PURPOSES.values():
        who = ", ".join(role for role in ROLES if role in one.roles)
        text += f"| {one.code} | {one.legal_basis} | {one.agreement} | {who} | {'yes' if one.identifies else ''} |\n"
    return text


if __name__ == "__main__":
    if len(sys.argv) == 2:
        Path(sys.argv[1]).write_text(page(), encoding="utf-8")
    else:
        sys.stdout.write(page())
