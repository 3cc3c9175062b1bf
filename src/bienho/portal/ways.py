"""Which pages are open to somebody: what stands in the navigation, and where the links of a page may lead.

Nothing is decided here: each page asks the gate or `permit` when it is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings

from bienho.governance import permits
from bienho.governance.decision import Action
from bienho.governance.purposes import OPERATIONS, PERSON_REVIEW, QUALITY, claimed
from bienho.portal.desk import CARE
from bienho.portal.presenters import emergencies, mending


def _sees(dataset: str, *columns: str, purpose: str = OPERATIONS, action: Action = "read") -> Callable[[Any], bool]:
    return lambda actor: permits.may_see(actor, dataset, claimed(actor.roles, purpose), action, columns)


#: Beginning of an address → whether the policies let an actor in; pages that are not here are for everybody. Whom
#: nobody asks to remind senders is not led to the page about them, though they may count what it counts.
OPEN_TO: dict[str, Callable[[Any], bool]] = {
    "/giao-nhan/": _sees("standard.delivery"),
    "/ho-so/": _sees("conformed.encounter"),
    "/phat-hien/": _sees("quality.finding", "dossier_key", "message"),
    "/cach-ly/": _sees("quality.quarantine"),
    "/chat-luong/": _sees("quality.score", purpose=QUALITY, action="aggregate"),
    "/gui-ho-so/": lambda actor: permits.may(actor, "send", claimed(actor.roles)),
    "/sua-du-lieu/": lambda actor: mending.may_begin(actor, claimed(actor.roles, QUALITY)),
    "/theo-doi/": lambda actor: permits.may(actor, "remind", claimed(actor.roles, QUALITY)),
    "/kham-benh/": lambda actor: settings.BIENHO_HOUSE.visits is not None
    and permits.may(actor, "visit-write", claimed(actor.roles, CARE)),
    "/thoa-thuan/": lambda actor: permits.may(actor, "agreement-read", claimed(actor.roles)),
    "/con-nguoi/xet/": lambda actor: permits.may(actor, "person-review", claimed(actor.roles, PERSON_REVIEW)),
    "/khan-cap/": lambda actor: emergencies.may_open(actor)
    or permits.may(actor, "emergency-review", claimed(actor.roles)),
}


def is_open(actor: Any, href: str) -> bool:
    """Whether the page at an address of the portal lets the actor in."""
    return all(may(actor) for start, may in OPEN_TO.items() if href.startswith(start))


def first_open(actor: Any, *ways: tuple[str, str]) -> tuple[str, str]:
    """The first of (address, words of its link) that lets the actor in; ("", "") where none does."""
    return next((way for way in ways if is_open(actor, way[0])), ("", ""))
