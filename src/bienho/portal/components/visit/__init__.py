"""The sheet of one visit: groups of fields, lines of drugs, and several things to do with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from bienho.portal.components.form import Field
from bienho.portal.language import t


@dataclass(frozen=True, slots=True)
class Offers:
    """What may be picked in fields that name this list: (what is put in the field, what it means)."""

    id: str
    items: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Group:
    """Fields under a heading. `closed`: only the heading is seen until it is opened, or something in it is wrong."""

    id: str
    title: str
    fields: Sequence[Field]
    lead: str = ""
    closed: bool = False
    lines: Sequence[Sequence[Field]] = ()

    @property
    def open(self) -> bool:
        return not self.closed or any(field.error or field.value for field in self.fields)


@dataclass(frozen=True, slots=True)
class Press:
    """A button: what is sent under `viec`, its words, and the keys that press it where there is script."""

    value: str
    label: str
    quiet: bool = False
    keys: str = ""


@dataclass(frozen=True, slots=True)
class VisitSheet:
    """`revision` says which state was shown; `save_url` and `find_url` are for the script; `details` tells it what a
    drug that is picked brings along."""

    id: str
    action: str
    groups: Sequence[Group]
    presses: Sequence[Press]
    revision: int
    saved: str
    offers: Sequence[Offers] = ()
    save_url: str = ""
    find_url: str = ""
    details: Any = None
    component: ClassVar[str] = "visit"

    @property
    def errors(self) -> list[tuple[str, str]]:
        """(name of the field, what is said of it on top); of a drug which line it is."""
        found = []
        for group in self.groups:
            found += [(field.name, f"{field.label}: {field.error}") for field in group.fields if field.error]
            for number, line in enumerate(group.lines, 1):
                title = t("Thuốc {n}", n=number)
                found += [(one.name, f"{title}, {one.label}: {one.error}") for one in line if one.error]
        return found
