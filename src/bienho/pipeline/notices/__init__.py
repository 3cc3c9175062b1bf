"""Notices leave the house: what there is to tell is gathered, put into messages, and sent. One job of the worker."""

from __future__ import annotations

from datetime import datetime

from bienho.config import read_notice_ways
from bienho.governance.notices import Preference
from bienho.governance.notices.outbox import Outbox
from bienho.governance.notices.settings import Settings
from bienho.pipeline.app import App
from bienho.pipeline.notices import gather, sending
from bienho.pipeline.notices.mail import Trust
from bienho.pipeline.outward import Post

__all__ = ["run"]


def run(app: App, now: datetime, *, post: Post | None = None, context: Trust | None = None) -> dict[str, int]:
    """Everything that is due at a moment; {noted, bundled, sent, waiting, dead}, or {off} where nothing is configured.

    `post` and `context` take the place of the real way out and of the system's list of authorities.
    """
    ways = read_notice_ways(app.home)
    if not ways.any:
        return {"off": 1}
    settings, outbox = Settings(app.database, app.keys, app.home), Outbox(app.database)
    subscribers = settings.subscribers()
    noted = gather.gather(app, subscribers, now)
    bundled, waiting = 0, outbox.waiting()
    open_ = {"mail"} if ways.mail else set()
    open_ |= {"webhook"} if ways.webhooks else set()
    for one in subscribers:
        if one.account_id in waiting:
            kinds = [channel.kind for channel in one.channels if channel.kind in open_]
            bundled += len(outbox.bundle(one.account_id, one.preference or Preference(), kinds, now))
    mail = sending.mailer(app, ways, context)
    way = (post or sending.post(app, ways)) if ways.webhooks else None
    try:
        told = sending.Sender(app, settings, sending.place(app), now, mail, way).send_due()
    finally:
        if mail is not None:
            mail.close()
    outbox.forget(now)
    return {"noted": noted, "bundled": bundled, **told}
