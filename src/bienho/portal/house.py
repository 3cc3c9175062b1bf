"""What the portal needs of the rest of the program, gathered once when it starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from bienho.config import DEFAULT, Doors, Home, KeyRing, Limits
from bienho.core.errors import BienhoError
from bienho.database import Database
from bienho.governance.people.outside import Fetch, https
from bienho.pipeline.connecting import Connecting
from bienho.pipeline.reviewing import Reviews
from bienho.pipeline.sending import Sending
from bienho.pipeline.start import Step
from bienho.pipeline.visits import Writing
from bienho.pipeline.worker.standing import Standing
from bienho.sources.portal_api import Kept, Parcel

Filter = Sequence[tuple[str, str, Any]]
Order = Sequence[tuple[str, str]]
Measures = Mapping[str, tuple[str, str | None]]
Versions = Literal["current", "all"]


class Rehearse(Protocol):
    """Judges a file without keeping it, as `pipeline.rehearsal.Rehearsal` does."""

    def __call__(self, data: bytes, facility: str, keys: bool, moment: datetime) -> dict[str, Any]: ...


class ActorLike(Protocol):
    """A signed-in account as governance knows it."""

    @property
    def account_id(self) -> Any: ...
    @property
    def name(self) -> str: ...
    @property
    def roles(self) -> Any: ...


class GateLike(Protocol):
    """The doors of governance.Gate that pages use."""

    def read(
        self,
        actor: Any,
        purpose: str,
        dataset: str,
        columns: Sequence[str],
        filter: Filter = (),
        order: Order = (),
        limit: int | None = None,
        offset: int = 0,
        at: int | None = None,
        versions: Versions = "current",
        export: bool = False,
    ) -> tuple[Any, Any]: ...

    def aggregate(
        self,
        actor: Any,
        purpose: str,
        dataset: str,
        group_by: Sequence[str],
        measures: Measures,
        filter: Filter = (),
        order: Order = (),
        limit: int | None = None,
        at: int | None = None,
        versions: Versions = "current",
    ) -> tuple[Any, Any]: ...

    def query(
        self,
        actor: Any,
        purpose: str,
        sql: str,
        at: int | None = None,
        with_identifiers: bool = False,
        versions: Versions = "current",
        export: bool = False,
    ) -> tuple[Any, Any]: ...

    def identify(
        self,
        actor: Any,
        purpose: str,
        relation: Any,
        columns: Sequence[str],
        reason: str = "",
        emergency: str = "",
        number_only: bool = False,
    ) -> tuple[Any, Any]: ...

    def payload(
        self, actor: Any, purpose: str, record_id: str, reason: str = "", emergency: str = ""
    ) -> dict[str, list[dict[str, Any]]]: ...


class ReceptionLike(Protocol):
    """Where files are taken in, of many senders at once (pipeline.Reception)."""

    def keep(self, parcel: Parcel) -> Kept: ...
    def note(self, error: BienhoError, sender: str, size: int, sha256: str | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class House:
    """One opened Bienho as the portal sees it: no lake, no vault, only the gate.

    `find_actor(account_id)` gives the account or None when it is unknown or closed; `doors` says how the house is
    reached from outside, `fetch` asks an outside sign-in service; `standing(now)` says how the work
    of the worker stands, None where there is no worker to ask about. `clock` is the only clock of the
    pages (lateness is a fact of now); tests and screenshots pass a fixed one. `first_steps(now)` says how far a new
    house has come, None where nobody can tell. `reception` takes in what the insurance portal's clients send, `sending`
    what facilities send else; None where nothing is received. `rehearse` judges a file without keeping it, `connecting`
    holds the outside addresses of facilities. `visits`: visits may be written here, None where nothing is received.
    `reviews`: the pairs of patients that people look at, None where no index of persons stands behind the pages.
    """

    home: Home
    keys: KeyRing
    database: Database
    gate: GateLike
    find_actor: Callable[[str], ActorLike | None]
    province: str = "gialai"
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    limits: Limits = DEFAULT
    standing: Callable[[datetime], Standing] | None = None
    doors: Doors = Doors()  # noqa: RUF009 - frozen
    fetch: Fetch = https
    first_steps: Callable[[datetime], Sequence[Step]] | None = None
    reception: ReceptionLike | None = None
    sending: Sending | None = None
    rehearse: Rehearse | None = None
    connecting: Connecting | None = None
    visits: Writing | None = None
    reviews: Reviews | None = None
