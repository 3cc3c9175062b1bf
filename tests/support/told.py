"""Notices in a house whose pages are looked at: a way out that leads nowhere, two addresses, messages in each state."""

from __future__ import annotations

from typing import Any

from bienho.database import Role
from bienho.governance.notices.settings import Settings
from bienho.portal.house import House

FILE = (
    "mail: {host: 127.0.0.1, port: 9, security: local, sender: kho@example.vn, domains: [don-vi.vn]}\nwebhooks: true\n"
)


def lay_out(house: House, who: Any) -> None:
    """A confirmed e-mail address, a webhook that waits for its code, one message given up, one sent, one waiting."""
    (house.home.path / "notices.yaml").write_text(FILE, encoding="utf-8")
    settings, now = Settings(house.database, house.keys, house.home), house.clock()
    mail = settings.put_channel("mail", "dau-moi.du-lieu@don-vi.vn", by=who, now=now)
    settings.confirm("mail", settings.code(mail), by=who, now=now)
    settings.put_channel("webhook", "https://nhan.don-vi.vn/bien-ho/thong-bao", by=who, now=now)
    rows = [
        (f"{place:032x}-mail", f"{place:032x}", who.account_id, "mail", "notices", now, state, tries, now, now, answer)
        for place, (state, tries, answer) in enumerate(
            (("dead", 1, "550"), ("sent", 1, ""), ("waiting", 3, "connection"))
        )
    ]
    with house.database.connect(Role.ADMIN) as admin:
        for row in rows:
            admin.execute(
                "INSERT INTO governance.notice_message (message_id, bundle, account_id, channel, purpose, made_at,"
                " state, attempts, due_at, tried_at, answer) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                row,
            )
