"""What reading gives: Dossier, UnreadableDossier, Unreadable."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import orjson

from bienho.core.errors import InputError
from bienho.core.finding import Finding
from bienho.standards.xml130.versions import Evidence

Row = dict[str, str]
Tables = dict[str, list[Row]]


class Unreadable(InputError):
    """The whole envelope cannot be read; `code` says why (room README)."""


@dataclass(frozen=True)
class Dossier:
    """One HOSO as received.

    `tables`: XML1 … XML5, only those with rows, official field names, text exactly as received; a key that is missing
    was absent, '' was empty. A field met twice in a row has its second text under NAME#2; an element the table does not
    know keeps its own name. `kept`: what this release does not take apart (other LOAIHOSO under {"#xml": text}, or
    {"#base64": text} when it is no text; elements beside the rows under "XML2#outside"). `received_names`: table →
    {official: received} where they differ. `shape_vaulted`: (table, row from 1, field) of lake texts that look like
    something else than their field and therefore go to the vault.
    """

    hoso: int
    facility: str
    ma_lk: str
    ma_bn: str | None
    format_version: str
    version_evidence: Evidence
    tables: Tables
    kept: Tables = field(default_factory=dict)
    received_names: dict[str, dict[str, str]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    shape_vaulted: frozenset[tuple[str, int, str]] = frozenset()

    @cached_property
    def content(self) -> bytes:
        """Canonical bytes of everything received: equal exactly when tables, rows and texts are equal.

        JSON with sorted keys under the official names, so the order and case of elements in the file do not matter.
        """
        return orjson.dumps([self.format_version == "4210", self.tables, self.kept], option=orjson.OPT_SORT_KEYS)


@dataclass(frozen=True)
class UnreadableDossier:
    """One HOSO that cannot be taken in, with the reason; its neighbours are not touched. `hoso` counts from 1."""

    hoso: int
    facility: str
    ma_lk: str | None
    code: str
    message: str
    findings: tuple[Finding, ...] = ()
