"""Naming and ending the outside addresses of a facility, as pages do it: asked of the policies, recorded, then done."""

from __future__ import annotations

import secrets
from datetime import datetime

from bienho.governance import Actor, permits
from bienho.governance.connections import Connection, Connections, checked
from bienho.pipeline.app import App
from bienho.pipeline.forwarding import secret_of
from bienho.pipeline.outgoing import Sendings, log
from bienho.pipeline.sending import facility_of, own_facilities


class Connecting:
    """The connections of an opened home, for whoever may `connect`."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._book = Connections(app.database, app.keys)

    def listed(self, actor: Actor) -> list[Connection]:
        """Those of the actor's facilities, ended ones too; the question is recorded. Denied."""
        permits.permit(self._app.database, self._app.keys, self._app.home, actor, "connect", "list")
        return self._book.of(own_facilities(actor, "connect"))

    def told(self, actor: Actor) -> list[Sendings]:
        """What was sent to them of late, and what they answered."""
        return log(self._app, self.listed(actor))

    def add_webhook(self, actor: Actor, facility: str, url: str, now: datetime) -> tuple[Connection, str]:
        """A place to be told at, and the secret by which it knows us: it is shown this once."""
        own = self._own(actor, facility, url)
        secret = secrets.token_urlsafe(32)
        last = self._app.raw.last_seq()
        return self._book.add(actor, "webhook", own, url, {"secret": secret}, last, now), secret

    def add_forward(
        self, actor: Actor, facility: str, url: str, username: str, password: str, now: datetime
    ) -> Connection:
        """The portal to which the facility's files go on, with the facility's own account there."""
        own = self._own(actor, facility, url)
        return self._book.add(actor, "forward", own, url, secret_of(username, password), self._app.raw.last_seq(), now)

    def end(self, actor: Actor, connection_id: str, now: datetime) -> None:
        """End one of the actor's facilities; what waits for it is not sent any more."""
        permits.permit(self._app.database, self._app.keys, self._app.home, actor, "connect", "end")
        self._book.end(actor, connection_id, own_facilities(actor, "connect"), now)

    def _own(self, actor: Actor, facility: str, url: str) -> str:
        own = facility_of(self._app, actor, facility, "connect")
        checked(url)
        return own
