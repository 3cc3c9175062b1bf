"""A form: labels above, help under, the error beside its field with how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True, slots=True)
class Field:
    """`options` are (value, label) pairs of a choice or of check boxes; `values` are the chosen ones.

    `autocomplete` tells a password manager what belongs here; `digits` brings up the keys of numbers on a phone;
    `accept` says which kinds of file a `file` takes. `offers` names a list on the page (`Offers`) of what may be
    picked; `rows` is the height of an area.
    """

    name: str
    label: str
    kind: Literal["text", "password", "choice", "area", "checks", "hidden", "file"] = "text"
    value: str = ""
    values: Sequence[str] = ()
    options: Sequence[tuple[str, str]] = ()
    help: str = ""
    error: str = ""
    required: bool = False
    hint: str = ""
    autocomplete: str = "off"
    digits: bool = False
    accept: str = ""
    offers: str = ""
    rows: int = 3


@dataclass(frozen=True, slots=True)
class Form:
    """`method` get for filters (the state is in the address), post for anything that changes or reveals.

    `quiet`: the second of two things to do on a page. `username`: whose password
    is asked for, told to a password manager.
    """

    id: str
    fields: Sequence[Field]
    submit: str
    action: str = ""
    method: Literal["get", "post"] = "get"
    inline: bool = False
    reset_url: str = ""
    title: str = ""
    quiet: bool = False
    username: str = ""
    component: ClassVar[str] = "form"

    @property
    def sends_a_file(self) -> bool:
        return any(field.kind == "file" for field in self.fields)

    @property
    def errors(self) -> list[Field]:
        return [field for field in self.fields if field.error]
