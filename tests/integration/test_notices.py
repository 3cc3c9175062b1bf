"""Notices over a real gate and a real mail dialogue: who is told what, once, when, and what becomes of what fails."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bienho.cli import notices as commands
from bienho.cli.main import main
from bienho.config import DEFAULT, Mail, load_profile
from bienho.core.errors import ConfigError, UsageError
from bienho.database import Role
from bienho.governance import Actor, accounts, audit, people
from bienho.governance.changes import SYSTEM
from bienho.governance.notices import Notice, Preference
from bienho.governance.notices.outbox import Outbox, Tried
from bienho.governance.notices.settings import MOST_CODES, MOST_WRONG, Settings
from bienho.governance.notices.words import Text
from bienho.governance.reminders import Reminders
from bienho.lake import Lake, RawStore
from bienho.pipeline import App, notices
from bienho.pipeline.doctor import notices as doctor
from bienho.pipeline.notices.mail import Mailer, NotTaken
from bienho.pipeline.outward import Answer
from support import portal
from support.governed import Governed, governed, table
from support.mailbox import Mailbox, certified, mailbox
from support.peopled import BOSS, DOC

pytestmark = pytest.mark.database
NOW = datetime(2026, 11, 26, 23, 30, tzinfo=UTC)
"""06:30 on Friday 27 November in Vietnam: quiet hours are over, the digest is due in half an hour."""
DIGEST = NOW + timedelta(minutes=30)
HOSPITAL, OTHER = "52001", "52002"
SILENT = Notice(
    "silent:x", "silent", NOW, date(2026, 11, 27), "/theo-doi/", counts={"facilities": 1, "limit": 3}
)  # fmt: skip
OFFICER = Actor("an", "Người cơ sở", (), "portal", (), "two")
CLERK = Actor("binh", "Người vận hành", ("operator",), "portal", (), "two")
GUARD = Actor("boss", "Sếp", ("administrator",), "portal", (), "two")


@dataclass(frozen=True)
class House:
    """The house, its program, its mail server."""

    governed: Governed
    app: App
    box: Mailbox

    @property
    def settings(self) -> Settings:
        return Settings(self.app.database, self.app.keys, self.app.home)

    @property
    def outbox(self) -> Outbox:
        return Outbox(self.app.database)

    def run(self, now: datetime, **ways: Any) -> dict[str, int]:
        return notices.run(self.app, now, **ways)

    def execute(self, statement: str) -> None:
        with self.app.database.connect(Role.ADMIN, autocommit=True) as admin:
            admin.execute(statement)  # type: ignore[call-overload]


def _deliveries() -> list[dict[str, Any]]:
    """Yesterday of one hospital, and one that is silent."""
    shared = {"kind": "dossiers", "source": "cli", "duplicates": 0, "superseded": 0, "outcome": "accepted"}
    return [
        {**shared, "delivery_seq": 11, "delivery_id": "D000000000011", "facility_code": HOSPITAL,
         "received_at": datetime(2026, 11, 26, 2, tzinfo=UTC), "hoso_found": 60, "accepted": 40,
         "accepted_with_findings": 17, "quarantined": 3},
        {**shared, "delivery_seq": 12, "delivery_id": "D000000000012", "facility_code": OTHER,
         "received_at": datetime(2026, 11, 20, 2, tzinfo=UTC), "hoso_found": 5, "accepted": 5,
         "accepted_with_findings": 0, "quarantined": 0},
    ]  # fmt: skip


def _visits() -> list[dict[str, Any]]:
    """Two visits each weekday for ten weeks; none on the last Tuesday."""
    days = [date(2026, 11, 25) - timedelta(days=back) for back in range(70)]
    return [
        {"version_id": 30_000_000 + 2 * place + twin, "facility_code": HOSPITAL, "service_date": day}
        for place, day in enumerate(days)
        if day.weekday() < 5 and day != date(2026, 11, 24)
        for twin in (0, 1)
    ]


@pytest.fixture(scope="module")
def whole() -> Iterator[tuple[Governed, App]]:
    with governed() as made:
        home = made.made
        with Lake.open(home.home, home.database, read_only=False) as lake:

            def fill(connection: Any) -> None:
                for dataset, rows in (("standard.delivery", _deliveries()), ("conformed.encounter", _visits())):
                    connection.register("incoming", table(dataset, rows))
                    connection.execute(f"INSERT INTO lake.{dataset} BY NAME SELECT * FROM incoming")
                    connection.unregister("incoming")

            lake.commit(fill, author="test", message="fill", deliveries=())
        people.units.ensure(home.database, home.home, people.units.first_units(load_profile()), NOW - timedelta(days=9))
        for one in (OFFICER, CLERK, GUARD):
            accounts.create(home.database, home.home, accounts.new(one.account_id, one.name, one.roles), by=SYSTEM)
        people.memberships.give(
            home.database, home.home, by=BOSS, account_id="an", unit=f"cs-{HOSPITAL}", role="facility-data-officer",
            document=DOC, now=NOW - timedelta(days=8),
        )  # fmt: skip
        yield made, App(home.home, home.keys, home.database, RawStore(home.home, home.keys), made.vault, DEFAULT)


@pytest.fixture
def house(whole: tuple[Governed, App], monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """Nothing told yet, a mail server on this machine that the house may use."""
    made, app = whole
    monkeypatch.setattr(App, "reading", lambda _app: nullcontext(made.gate))
    with mailbox() as box:
        built = House(made, app, box)
        built.execute(
            "TRUNCATE governance.notice, governance.notice_message, governance.notice_look, governance.notice_mark,"
            " governance.notice_channel, governance.notice_preference, governance.reminder, governance.reminder_answer"
        )
        say(built, f"mail: {{host: 127.0.0.1, port: {box.port}, security: local, sender: kho@example.vn}}")
        yield built
        (app.home.path / "notices.yaml").unlink(missing_ok=True)


def say(house: House, text: str) -> None:
    (house.app.home.path / "notices.yaml").write_text(text, encoding="utf-8")


def subscribed(house: House, *who: Actor) -> None:
    """Each of these with a confirmed address, a day before; what came meanwhile is taken out of the box."""
    before = NOW - timedelta(days=1)
    for one in who or (OFFICER, CLERK, GUARD):
        made = house.settings.put_channel("mail", f"{one.account_id}@example.vn", by=one, now=before)
        house.settings.confirm("mail", house.settings.code(made), by=one, now=before)
    house.execute("DELETE FROM governance.notice_message")


def reminded(house: House, at: datetime) -> str:
    book = Reminders(house.app.database, house.app.keys, house.app.home)
    made = book.send(
        by=CLERK, facility=HOSPITAL, matter="im-lang", due=date(2026, 12, 1), document="", now=at, known=[HOSPITAL]
    )
    return made.reminder_id


def test_without_a_file_nothing_leaves(house: House) -> None:
    subscribed(house)
    (house.app.home.path / "notices.yaml").unlink()
    assert house.run(DIGEST) == {"off": 1}
    assert house.box.letters == []


def test_each_is_told_once_what_concerns_them(house: House) -> None:
    subscribed(house)
    assert house.run(NOW)["bundled"] == 0  # looked up, but the digest is not due
    told = house.run(DIGEST)
    assert (told["sent"], told["waiting"], told["dead"]) == (2, 0, 0)
    letters = {str(one["To"]): body for one, body in zip(house.box.letters, house.box.bodies(), strict=True)}
    assert set(letters) == {"an@example.vn", "binh@example.vn"}
    own, theirs = letters["an@example.vn"], letters["binh@example.vn"]
    assert re.search(r"17 hồ sơ có phát hiện sai trong 60 hồ sơ", own)
    assert re.search(r"3 hồ sơ bị cách ly", own)
    assert re.search(r"1 ngày khám của 30 ngày gần đây chưa có hồ sơ", own)
    assert "1 cơ sở đã từng gửi nhưng im lặng quá 3 ngày" in theirs
    assert OTHER not in own
    assert "Nguyễn Thị Thử" not in own + theirs
    assert "LK000" not in own + theirs
    for moment in (DIGEST, DIGEST + timedelta(hours=5), DIGEST + timedelta(days=1)):
        house.run(moment)
    again = [
        body for one, body in zip(house.box.letters, house.box.bodies(), strict=True) if one["To"] == "an@example.vn"
    ]
    assert len(again) == 1  # the missing day was told; the next day had no deliveries


def test_reminders_and_answers_are_told_at_once_but_not_at_night(house: House) -> None:
    subscribed(house, OFFICER, CLERK)
    evening = NOW - timedelta(hours=9)  # 21:30
    house.settings.choose(Preference(language="en", modes={"answer": "now"}), by=CLERK, now=evening)
    house.run(evening - timedelta(hours=1))
    reminder = reminded(house, evening)
    assert house.run(evening + timedelta(minutes=5))["bundled"] == 0
    assert house.run(NOW - timedelta(minutes=30))["sent"] == 1  # six o'clock
    assert f"/theo-doi/tra-loi/{reminder}/" in house.box.bodies()[0]
    officer = people.actor_of(house.app.database, "an", "portal", "two", NOW)
    assert officer is not None
    Reminders(house.app.database, house.app.keys, house.app.home).answer(
        by=officer, reminder_id=reminder, answer="da-gui", until=None, document="", now=NOW
    )
    house.run(NOW + timedelta(minutes=1))
    assert [str(one["To"]) for one in house.box.letters] == ["an@example.vn", "binh@example.vn"]
    assert "answered the reminder of 26 Nov 2026" in house.box.bodies()[1]


def test_a_broken_chain_is_an_alarm(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    subscribed(house)
    found = audit.verify(house.app.database, house.app.keys, house.app.home)
    monkeypatch.setattr(audit, "verify", lambda *_: replace(found, ok=False))
    assert house.run(NOW)["sent"] == 1
    assert str(house.box.letters[0]["To"]) == "boss@example.vn"
    assert "KHÔNG còn nguyên vẹn" in house.box.bodies()[0]
    assert house.run(NOW + timedelta(minutes=5))["sent"] == 0


def test_whoever_lost_the_right_is_told_nothing(house: House) -> None:
    subscribed(house, CLERK)
    house.execute("UPDATE governance.account SET roles = '{administrator}' WHERE account_id = 'binh'")
    try:
        house.run(NOW)
        house.run(DIGEST)
        assert house.box.letters == []
        house.execute("UPDATE governance.account SET active = false WHERE account_id = 'binh'")
        house.outbox.put("binh", [SILENT])
        house.run(DIGEST + timedelta(minutes=5))
        assert house.box.letters == []
    finally:
        house.execute("UPDATE governance.account SET roles = '{operator}', active = true WHERE account_id = 'binh'")


def test_what_is_not_taken_is_tried_again_under_one_id_and_given_up_in_the_end(house: House) -> None:
    subscribed(house, CLERK)
    house.run(NOW)
    house.box.lose = True  # taken, but the line breaks before the house hears of it
    assert house.run(DIGEST)["waiting"] == 1
    house.box.lose = False
    assert house.run(DIGEST + timedelta(seconds=59))["sent"] == 0
    assert house.run(DIGEST + timedelta(seconds=60))["sent"] == 1
    assert len({one["Message-ID"] for one in house.box.letters}) == 1
    assert len(house.box.letters) == 2
    house.execute("UPDATE governance.notice_message SET state = 'waiting', attempts = 0, due_at = made_at")
    house.settings.choose(Preference(modes={"silent": "off", "late": "off"}), by=CLERK, now=DIGEST)  # no news meanwhile
    house.box.refuse, tries, now = 450, 0, DIGEST
    while house.outbox.standing()["waiting"]:
        tries += sum(house.run(now)[word] for word in ("waiting", "dead"))
        now += timedelta(hours=3)
    message = house.outbox.messages("binh")[0]
    assert (message.state, message.answer) == ("dead", "450")
    assert timedelta(days=3) <= now - DIGEST <= timedelta(days=3, hours=9)
    assert 8 <= tries <= 20
    house.outbox.again(message.message_id, now)
    house.box.refuse = 0
    assert house.run(now.replace(hour=3))["sent"] >= 1
    with pytest.raises(UsageError, match="USE-NOTICE-MESSAGE"):
        house.outbox.again(message.message_id, now)


def test_an_address_that_does_not_exist_is_given_up_at_once(house: House) -> None:
    subscribed(house, CLERK)
    house.run(NOW)
    house.box.refuse = 550
    assert house.run(DIGEST)["dead"] == 1
    assert house.outbox.messages("binh")[0].answer == "550"


def test_killed_between_sending_and_noting_it_is_sent_again(house: House) -> None:
    house.outbox.put("binh", [SILENT])
    assert len(house.outbox.bundle("binh", Preference(), ["mail"], DIGEST)) == 1
    assert house.outbox.bundle("binh", Preference(), ["mail"], DIGEST) == ()
    only = house.outbox.due(DIGEST, 9)
    sent: list[str] = []

    def killed(message: Any, told: Any) -> Tried:
        sent.append(message.message_id)
        assert [one.key for one in told] == ["silent:x"]
        assert house.outbox.deliver(only[0], DIGEST, killed) is None  # nobody else sends it meanwhile
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        house.outbox.deliver(only[0], DIGEST, killed)
    assert house.outbox.due(DIGEST, 9) == only
    assert house.outbox.deliver(only[0], DIGEST, lambda *_: Tried("sent", "", DIGEST)) == "sent"
    assert sent == only
    assert house.outbox.due(DIGEST, 9) == []
    assert house.outbox.put("binh", [SILENT]) == 0


def test_webhooks_are_signed_and_confirmed(house: House) -> None:
    say(house, "webhooks: true")
    seen: list[tuple[str, bytes, dict[str, str]]] = []
    status = [200]

    def post(url: str, body: bytes, headers: Any) -> Answer:
        seen.append((url, body, dict(headers)))
        return Answer(status[0], b"")

    before = NOW - timedelta(hours=1)
    made = house.settings.put_channel("webhook", "https://nhan.example.vn/bao", by=CLERK, now=before)
    assert house.run(before, post=post)["sent"] == 1
    house.settings.confirm("webhook", json.loads(seen[0][1])["code"], by=CLERK, now=before)
    house.run(NOW, post=post)
    house.run(DIGEST, post=post)
    url, body, headers = seen[-1]
    assert url == "https://nhan.example.vn/bao"
    said = f"{headers['Bienho-Timestamp']}.".encode() + body
    assert headers["Bienho-Signature"] == "v1=" + hmac.new(made.secret.encode(), said, hashlib.sha256).hexdigest()
    assert json.loads(body)["notices"][0]["counts"] == {"facilities": 1, "limit": 3}
    with house.app.database.connect(Role.ADMIN) as admin:
        row = admin.execute("SELECT sealed FROM governance.notice_channel").fetchone()
    assert row is not None
    assert b"nhan.example" not in bytes(row[0])
    assert made.secret.encode() not in bytes(row[0])
    house.execute("UPDATE governance.notice_message SET state = 'waiting' WHERE purpose = 'notices'")
    status[0] = 410
    assert house.run(DIGEST + timedelta(minutes=5), post=post)["dead"] == 1


def test_codes_are_few_and_end(house: House) -> None:
    settings = house.settings
    made = settings.put_channel("mail", "an@example.vn", by=OFFICER, now=NOW)
    right = settings.code(made)
    with pytest.raises(UsageError, match="USE-NOTICE-CODE"):
        settings.confirm("mail", right, by=CLERK, now=NOW)  # the code of another account
    with pytest.raises(UsageError, match="USE-NOTICE-CODE"):
        settings.confirm("mail", right, by=OFFICER, now=NOW + timedelta(days=2))
    for _ in range(MOST_WRONG - 1):
        with pytest.raises(UsageError, match="USE-NOTICE-CODE"):
            settings.confirm("mail", "00000000", by=OFFICER, now=NOW)
    with pytest.raises(UsageError, match="USE-NOTICE-CODE"):
        settings.confirm("mail", right, by=OFFICER, now=NOW)
    for place in range(MOST_CODES - 1):
        settings.put_channel("mail", "an@example.vn", by=OFFICER, now=NOW + timedelta(seconds=place + 1))
    with pytest.raises(UsageError, match="USE-NOTICE-CODES"):
        settings.put_channel("mail", "an@example.vn", by=OFFICER, now=NOW + timedelta(minutes=1))


def test_tls_is_a_must_and_the_password_goes_under_it(tmp_path: Path) -> None:
    shows, trusts = certified(tmp_path)
    text = Text("Thử", "Thử\n")

    def send(box: Mailbox, context: Any, password: str = "mot hai ba") -> None:
        server = Mail("127.0.0.1", box.port, "starttls", "kho@example.vn", "kho")
        line = Mailer(server, password, context, seconds=5)
        try:
            line.send("an@example.vn", text, "a1-mail", NOW)
        finally:
            line.close()

    with mailbox(tls=shows, password="mot hai ba") as box:
        send(box, trusts)
        assert (len(box.letters), box.logins) == (1, [("kho", "mot hai ba")])
        with pytest.raises(NotTaken, match="tls"):
            send(box, None)  # a certificate nobody vouches for
        with pytest.raises(NotTaken, match="535"):
            send(box, trusts, "sai")
    with mailbox(password="mot hai ba") as box, pytest.raises(NotTaken, match="no-tls"):
        send(box, trusts)
    assert box.logins == []
    with pytest.raises(NotTaken, match="connection"):
        send(replace(box, port=9), trusts)


def test_pages_choose_confirm_and_show_what_was_given_up(house: House) -> None:
    made = house.app
    portal.ACTORS.update({one.account_id: one for one in (CLERK, GUARD)})  # type: ignore[dict-item]
    portal.use(
        house.governed.gate,  # type: ignore[arg-type]
        database=made.database, keys=made.keys, home=made.home, clock=lambda: NOW,
    )  # fmt: skip
    try:
        browser, guard = portal.signed_in("binh"), portal.signed_in("boss")
        page = browser.get("/tai-khoan/thong-bao/").content.decode()
        assert "Cơ sở im lặng" in page
        assert "Báo động chuỗi nhật ký" not in page
        wrong = browser.post("/tai-khoan/thong-bao/", {"viec": "dia-chi", "cach": "mail", "dia_chi": "khong phai"})
        assert (wrong.status_code, "khong phai" in wrong.content.decode()) == (400, True)
        form = {"viec": "dia-chi", "cach": "mail", "dia_chi": "binh@example.vn"}
        assert browser.post("/tai-khoan/thong-bao/", form).status_code == 302
        assert browser.post("/tai-khoan/thong-bao/", {**form, "cach": "webhook"}).status_code == 404  # not open here
        house.run(NOW)
        code = re.search(r"\b\d{8}\b", house.box.bodies()[0])
        assert code is not None
        answer = browser.post(
            "/tai-khoan/thong-bao/", {"viec": "ma", "cach": "mail", "ma_so": f" {code[0][:4]} {code[0][4:]}"}
        )
        assert answer["Location"].endswith("?xong=ma")
        chosen = {"viec": "chon", "loai_silent": "now", "loai_late": "off", "gio_gop": "08", "ngon_ngu": "en"}
        assert browser.post("/tai-khoan/thong-bao/", {**chosen, "yen_tu": "06", "yen_den": "05"}).status_code == 400
        assert browser.post("/tai-khoan/thong-bao/", {**chosen, "yen_tu": "22", "yen_den": "05"}).status_code == 302
        kept = house.settings.preference("binh")
        assert kept is not None
        assert (kept.language, kept.digest_at, kept.quiet) == ("en", time(8), (time(22), time(5)))
        assert (kept.modes["silent"], kept.modes["late"], kept.modes["answer"]) == ("now", "off", "digest")
        house.execute("UPDATE governance.notice_message SET state = 'dead', answer = '550'")
        assert "mã 550" in browser.get("/tai-khoan/thong-bao/").content.decode()
        assert browser.get("/he-thong/thu-thong-bao/").status_code in (200, 403)
        listed = guard.get("/he-thong/thu-thong-bao/").content.decode()
        assert "Người vận hành" in listed
        assert "binh@example.vn" not in listed
        assert guard.post("/he-thong/thu-thong-bao/").status_code == 302
        assert house.outbox.standing() == {"waiting": 1, "sent": 0, "dead": 0}
        assert browser.post("/tai-khoan/thong-bao/", {"viec": "bo", "cach": "mail"}).status_code == 302
        assert house.settings.channels("binh") == []
    finally:
        for one in (CLERK, GUARD):
            portal.ACTORS.pop(one.account_id)
        portal.use(portal.base().gate)  # type: ignore[arg-type]


def test_commands_and_the_doctor(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "open_app", lambda _home: nullcontext(house.app))
    monkeypatch.setattr(people, "caller", lambda *_: replace(GUARD, door="cli", assurance="none"))

    def said(*words: str, **given: Any) -> str:
        result = CliRunner().invoke(main, ["notices", *words], **given)
        assert result.exit_code == 0, result.output
        return result.output

    class Scene:
        def the_home(self) -> Any:
            return house.app.home

        def the_database(self) -> Any:
            return house.app.database

        class probes:  # noqa: N801
            now = staticmethod(lambda: DIGEST)

    def examined() -> tuple[str, str]:
        found = doctor.notices(Scene())  # type: ignore[arg-type]
        return found.status, found.text

    said("test", "an@example.vn", "--language", "en")
    assert house.box.bodies() == ["Test message: the warehouse reaches this address.\n"]
    assert json.loads(said("status", "--json"))["mail"] is True
    assert examined()[0] == "warn"  # no address that links could lead to
    house.outbox.put("binh", [SILENT])
    house.outbox.bundle("binh", Preference(), ["mail"], DIGEST)
    house.execute("UPDATE governance.notice_message SET state = 'dead'")
    assert "1 thư thông báo đã bị bỏ" in examined()[1]
    say(house, "mail: {host: smtp.example.vn, port: 587, security: starttls, sender: kho@example.vn, user: kho}")
    assert examined() == ("fail", "Máy chủ thư cần mật khẩu mà kho chưa cất.")
    with pytest.raises(ConfigError, match="CFG-NOTICE-SECRET"):
        house.run(DIGEST)
    said("secret", "--document", DOC, input="mot hai ba\n")
    assert people.door_secrets.find(house.app.database, house.app.home, people.door_secrets.SMTP) == "mot hai ba"
    (house.app.home.path / "notices.yaml").unlink()
    assert examined()[0] == "ok"
    assert "Chưa bật" in examined()[1]
