"""One reader at work: every read of a page goes through here to the gate, in that person's name and for a purpose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest

from bienho.config import ProvinceProfile, load_profile
from bienho.core.errors import DeniedError, StorageError
from bienho.governance import permits
from bienho.governance.decision import Action
from bienho.governance.purposes import claimed
from bienho.portal.components import State
from bienho.portal.house import Filter, House, Measures, Order, Versions
from bienho.portal.language import t

OPERATIONS = "van-hanh"
CARE = "kham-chua-benh"
SURVEILLANCE = "giam-sat"
MOST_ROWS = 100_000
"""No page holds more rows than this; the gate has its own limit beside it."""
Row = dict[str, Any]
T = TypeVar("T")


class Desk:
    """Reads for one request. `snapshot` is the newest lake snapshot an answer was pinned to, None before the first."""

    def __init__(self, house: House, actor: Any, purpose: str = OPERATIONS) -> None:
        self.house = house
        self.actor = actor
        self.purpose = purpose
        self.snapshot: int | None = None
        self.now: datetime = house.clock()
        self._totals: dict[str, list[Row]] = {}

    @classmethod
    def of(cls, request: HttpRequest, purpose: str = OPERATIONS) -> Desk:
        """The desk of whoever asks; where their roles may not claim the purpose, the first they may claim is taken."""
        return cls(settings.BIENHO_HOUSE, request.actor, claimed(request.actor.roles, purpose))

    def may(self, action: Action) -> bool:
        """Whether a button for this is shown; nothing is recorded."""
        return permits.may(self.actor, action, self.purpose)

    def sees(self, dataset: str, *columns: str, action: Action = "aggregate") -> bool:
        """Whether a part of a page made of these columns is for this reader; nothing is recorded."""
        return permits.may_see(self.actor, dataset, self.purpose, action, columns)

    def permit(self, action: Action, what: str = "") -> None:
        """The recorded leave to do this to the house; Denied when the policies do not let this reader."""
        house = self.house
        permits.permit(house.database, house.keys, house.home, self.actor, action, what, purpose=self.purpose)

    @property
    def profile(self) -> ProvinceProfile:
        return load_profile(self.house.province)

    def rows(
        self,
        dataset: str,
        columns: Sequence[str],
        filter: Filter = (),
        order: Order = (),
        limit: int = MOST_ROWS,
        offset: int = 0,
        versions: Versions = "current",
        export: bool = False,
    ) -> list[Row]:
        """Rows as dicts, never more than `MOST_ROWS`; `export`: for a file."""
        decision, reader = self.house.gate.read(
            self.actor,
            self.purpose,
            dataset,
            columns,
            filter,
            order,
            min(limit, MOST_ROWS),
            offset,
            versions=versions,
            export=export,
        )
        return self._take(decision, reader)

    def totals(
        self,
        dataset: str,
        group_by: Sequence[str],
        measures: Measures,
        filter: Filter = (),
        order: Order = (),
        limit: int = MOST_ROWS,
        versions: Versions = "current",
    ) -> list[Row]:
        """Grouped measures as dicts. What one page asks twice is read once: do not change the rows."""
        asked = repr((dataset, group_by, measures, filter, order, limit, versions))
        if asked not in self._totals:
            decision, reader = self.house.gate.aggregate(
                self.actor, self.purpose, dataset, group_by, measures, filter, order, limit, versions=versions
            )
            self._totals[asked] = self._take(decision, reader)
        return self._totals[asked]

    def answer(self, sql: str, versions: Versions = "current", export: bool = False) -> list[Row]:
        """Rows of one of the portal's own statements, checked by the gate like any other; `export`: for a file."""
        decision, reader = self.house.gate.query(self.actor, self.purpose, sql, versions=versions, export=export)
        return self._take(decision, reader)

    def count(self, dataset: str, filter: Filter = (), versions: Versions = "current") -> int:
        """How many rows there are."""
        return int(self.totals(dataset, (), {"n": ("count", None)}, filter, versions=versions)[0]["n"])

    def facility_name(self, code: str | None) -> str:
        """Name of a facility by the code it sends; the code itself when the profile does not know it."""
        if not code:
            return t("Chưa rõ cơ sở")
        known = self.profile.facility_by_code.get(code)
        return known.name if known else t("Cơ sở mã {code}", code=code)

    def try_part(self, make: Callable[[], T]) -> T | State:
        """A part of a page, or the state that says why it is missing: one closed dataset does not close the page."""
        try:
            return make()
        except DeniedError as error:
            return State("denied", t("Phần này không mở với tài khoản của bạn"), error.message, code=error.code)
        except StorageError as error:
            return State("partial", t("Phần này chưa đọc được"), error.message, do=error.hint, code=error.code)

    def _take(self, decision: Any, reader: Any) -> list[Row]:
        self.snapshot = decision.snapshot if decision.snapshot is not None else self.snapshot
        rows: list[Row] = reader.read_all().to_pylist()
        return rows
