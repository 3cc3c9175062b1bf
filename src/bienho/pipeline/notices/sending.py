"""Sending what is due: by e-mail, or as a signed JSON message to an https address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from bienho.config import NoticeWays, load_profile, read_doors
from bienho.core.errors import ConfigError
from bienho.governance import accounts, people
from bienho.governance.notices import Notice, Preference, words
from bienho.governance.notices.outbox import Message, Outbox, Tried
from bienho.governance.notices.plan import DEAD_AFTER, awake, is_quiet, next_try
from bienho.governance.notices.settings import Channel, Settings
from bienho.governance.people.door_secrets import SMTP
from bienho.pipeline.app import App
from bienho.pipeline.notices.mail import Mailer, NotTaken, Trust
from bienho.pipeline.outward import Outward, Post, Unreached
from bienho.pipeline.signed import signed

MOST = 50
"""Messages sent by one job; the next one has the others."""
GONE = 410
"""What a receiver answers that wants nothing any more."""


def mailer(app: App, ways: NoticeWays, context: Trust | None = None) -> Mailer | None:
    """The way of e-mail, None where there is none; ConfigError CFG-NOTICE-SECRET without the password it needs."""
    if ways.mail is None:
        return None
    secret = people.door_secrets.find(app.database, app.home, SMTP) if ways.mail.user else ""
    if secret is None:
        raise ConfigError(
            "CFG-NOTICE-SECRET",
            "Máy chủ thư cần mật khẩu mà kho chưa cất.",
            hint="Nhập bằng `bienho notices secret`.",
            who="người quản trị",
        )
    return Mailer(ways.mail, secret, context)


def place(app: App) -> words.Place:
    """What the words of a message need of this house."""
    profile = load_profile()

    def facility(code: str) -> str:
        known = profile.facility_by_code.get(code)
        return f"{known.name} ({code})" if known else code

    return words.Place(read_doors(app.home).address, profile.name_vi, facility)


@dataclass(slots=True)
class Sender:
    """Sends messages of one run. `mail` and `post` are the ways; `shut`: the mail server was not reached."""

    app: App
    settings: Settings
    place: words.Place
    now: datetime
    mail: Mailer | None
    post: Post | None
    shut: bool = False

    def send_due(self) -> dict[str, int]:
        """Send what is due; {sent, waiting, dead}."""
        outbox = Outbox(self.app.database)
        told = {"sent": 0, "waiting": 0, "dead": 0}
        for message_id in outbox.due(self.now, MOST):
            state = outbox.deliver(message_id, self.now, self.send)
            if state is not None:
                told[state] += 1
        return told

    def send(self, message: Message, notices: Sequence[Notice]) -> Tried:
        """Try one message. Never raises for what the other side does."""
        account = accounts.find(self.app.database, message.account_id)
        channels = self.settings.channels(message.account_id) if account else []
        channel = next((one for one in channels if one.kind == message.channel), None)
        if channel is None:
            return Tried("dead", "account" if account is None else "no-channel", self.now)
        chosen = self.settings.preference(message.account_id) or Preference()
        if message.purpose == "notices" and is_quiet(self.now, chosen.quiet):
            return Tried("waiting", message.answer, awake(self.now, chosen.quiet), counted=False)
        try:
            if message.purpose == "notices" and channel.confirmed_at is None:
                raise NotTaken("unconfirmed")
            self._out(message, notices, channel, chosen.language)
        except NotTaken as error:
            quiet = chosen.quiet if message.purpose == "notices" else None
            return self._again(message, error, next_try(self.now, message.attempts, quiet))
        return Tried("sent", "", self.now)

    def _again(self, message: Message, error: NotTaken, later: datetime) -> Tried:
        self.shut = self.shut or error.everybody
        given_up = error.final or self.now - message.made_at >= DEAD_AFTER
        return Tried("dead" if given_up else "waiting", error.why, later)

    def _out(self, message: Message, notices: Sequence[Notice], channel: Channel, language: str) -> None:
        if channel.kind == "mail":
            if self.mail is None or self.shut:
                raise NotTaken("off" if self.mail is None else "connection")
            text = (
                words.written(notices, language, self.place)
                if message.purpose == "notices"
                else words.confirming(self.settings.code(channel), language, self.place)
            )
            self.mail.send(channel.address, text, message.message_id, self.now)
            return
        if self.post is None:
            raise NotTaken("off")
        said = (
            {"notices": words.as_json(notices, language, self.place)}
            if message.purpose == "notices"
            else {"code": self.settings.code(channel)}
        )
        body = orjson.dumps({"message": message.message_id, "purpose": message.purpose, **said})
        try:
            status = self.post(channel.address, body, signed(channel.secret, message.message_id, body, self.now)).status
        except Unreached as error:
            raise NotTaken(error.why) from None
        if not 200 <= status < 300:
            raise NotTaken(str(status), final=status == GONE)


def trial(
    app: App, ways: NoticeWays, to: str, language: str, message_id: str, now: datetime,
    context: Trust | None = None,
) -> None:  # fmt: skip
    """Send one message without any news; ConfigError CFG-NOTICE-MAIL says with which word or code it was not taken."""
    line = mailer(app, ways, context)
    if line is None:
        return
    try:
        line.send(to, words.trial(language), message_id, now)
    except NotTaken as error:
        raise ConfigError(
            "CFG-NOTICE-MAIL",
            f"Máy chủ thư không nhận thư thử: {error.why}.",
            hint="connection: không tới được máy chủ; tls, no-tls: chứng thư, TLS; ba chữ số: mã của máy chủ.",
            who="người vận hành",
        ) from None
    finally:
        line.close()


def post(app: App, ways: NoticeWays) -> Post | None:
    """The way of webhooks, None where the house has none."""
    return Outward(read_doors(app.home).outgoing) if ways.webhooks else None
