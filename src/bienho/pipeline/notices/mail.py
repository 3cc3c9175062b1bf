"""E-mail by the outgoing server of the house: always under TLS, but to a relay on this machine.

One connection serves all messages of one run. What a server says is not kept: only its code, or a word of this module.
"""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from bienho.config import Mail
from bienho.governance.notices.words import Text

SECONDS = 20.0
Trust = ssl.SSLContext
"""Whom to trust, in place of the system's list."""


class NotTaken(Exception):
    """The message was not taken; `why` is a word or a code of three digits. `final`: it never will be. `everybody`: the
    server itself was not reached, so that other messages need not be tried now."""

    def __init__(self, why: str, *, final: bool = False, everybody: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.final = final
        self.everybody = everybody


@dataclass(slots=True)
class Mailer:
    """Sends by one server; `close` it afterwards. `context`: whom to trust, the system's list by default."""

    server: Mail
    password: str = ""
    context: Trust | None = None
    seconds: float = SECONDS
    _line: smtplib.SMTP | None = field(default=None, repr=False)

    def send(self, to: str, text: Text, message_id: str, now: datetime) -> None:
        """Send one message; NotTaken when the server did not take it. `message_id` stays the same at every try."""
        letter = composed(self.server.sender, to, text, message_id, now)
        try:
            self._reached().send_message(letter, self.server.sender, [to])
        except smtplib.SMTPRecipientsRefused as error:
            self._rest()
            code = next(iter(error.recipients.values()), (0, b""))[0]
            raise NotTaken(str(code), final=500 <= code < 600) from None
        except smtplib.SMTPAuthenticationError as error:
            self._hang_up()
            raise NotTaken(str(error.smtp_code), everybody=True) from None
        except smtplib.SMTPResponseException as error:
            self._hang_up()
            raise NotTaken(str(error.smtp_code)) from None
        except smtplib.SMTPNotSupportedError:
            self._hang_up()
            raise NotTaken("no-tls", everybody=True) from None
        except (ssl.SSLError, ValueError):
            self._hang_up()
            raise NotTaken("tls", everybody=True) from None
        except (OSError, smtplib.SMTPException):
            self._hang_up()
            raise NotTaken("connection", everybody=True) from None

    def close(self) -> None:
        """Hang up, if a line is open."""
        self._hang_up()

    def _reached(self) -> smtplib.SMTP:
        if self._line is None:
            server, context = self.server, self.context or ssl.create_default_context()
            if server.security == "tls":
                line: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=self.seconds, context=context)
            else:
                line = smtplib.SMTP(server.host, server.port, timeout=self.seconds)
            self._line = line
            if server.security == "starttls":
                line.starttls(context=context)
            if server.user:
                line.login(server.user, self.password)
        return self._line

    def _rest(self) -> None:
        """After a refusal the connection serves the next message, where the server is still there."""
        try:
            if self._line is not None:
                self._line.rset()
        except (OSError, smtplib.SMTPException):
            self._hang_up()

    def _hang_up(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            try:
                line.quit()
            except (OSError, smtplib.SMTPException):
                line.close()


def composed(sender: str, to: str, text: Text, message_id: str, now: datetime) -> EmailMessage:
    """The message as it goes out: plain text, marked as sent by a program."""
    letter = EmailMessage(policy=SMTP)
    letter["From"] = sender
    letter["To"] = to
    letter["Subject"] = text.subject
    letter["Date"] = format_datetime(now)
    letter["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2]}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter["X-Auto-Response-Suppress"] = "All"
    letter.set_content(text.body, charset="utf-8", cte="base64")
    return letter
