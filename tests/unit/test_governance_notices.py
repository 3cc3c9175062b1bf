"""Notices: hours by hand, words in both languages, what may not be said, addresses, the file, the e-mail itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bienho.config import Home, read_notice_ways
from bienho.core.errors import ConfigError, IntegrityError, UsageError
from bienho.governance.notices import KINDS, Notice, Preference, offered
from bienho.governance.notices.kinds import checked
from bienho.governance.notices.plan import checked as kept
from bienho.governance.notices.plan import due, due_at, is_quiet
from bienho.governance.notices.settings import checked_address
from bienho.governance.notices.words import Place, Text, as_json, confirming, written
from bienho.pipeline.notices.gather import LOOKS
from bienho.pipeline.notices.mail import composed
from bienho.pipeline.signed import signed

AT = datetime(2026, 11, 26, 22, 30, tzinfo=UTC)
"""05:30 on 27 November in Vietnam."""
NOTICE = Notice(
    "findings:64001:2026-11-26", "findings", AT, date(2026, 11, 26), "/sua-du-lieu/?co_so=64001", "64001",
    {"flawed": 1200, "dossiers": 3456},
)  # fmt: skip
PLACE = Place("https://kho.example.vn", "Gia Lai", lambda code: f"Bệnh viện mẫu ({code})")


def at(hour: int, minute: int = 0, day: int = 27) -> datetime:
    """A moment by the clock of Vietnam."""
    return datetime(2026, 11, day, (hour - 7) % 24, minute, tzinfo=UTC).replace(day=day if hour >= 7 else day - 1)


def test_hours_by_hand() -> None:
    usual = Preference()
    assert due_at(NOTICE, usual) == at(7)
    assert due_at(replace(NOTICE, at=at(7, 1)), usual) == at(7, day=28)
    now = Preference(modes={"findings": "now"})
    assert due_at(NOTICE, now) == at(6)  # quiet until six
    assert due_at(replace(NOTICE, at=at(20, 59)), now) == at(20, 59)
    assert due_at(replace(NOTICE, at=at(21)), now) == at(6, day=28)
    assert due_at(NOTICE, Preference(modes={"findings": "off"})) is None
    assert [is_quiet(at(hour), (time(21), time(6))) for hour in (20, 21, 5, 6)] == [False, True, True, False]
    assert not is_quiet(at(12), (time(9), time(9)))
    assert due([NOTICE], usual, at(6, 59)).message == ()
    assert due([NOTICE], Preference(modes={"findings": "off"}), at(7)).dropped == (NOTICE,)


@pytest.mark.parametrize(
    "preference",
    [
        Preference(language="fr"),
        Preference(modes=cast("Any", {"khac": "now"})),
        Preference(modes=cast("Any", {"findings": "mai"})),
        Preference(quiet=(time(6), time(5))),
    ],
)
def test_what_the_house_cannot_keep_is_refused(preference: Preference) -> None:
    with pytest.raises(UsageError, match="USE-NOTICES"):
        kept(preference)


@pytest.mark.parametrize(
    ("place", "notice"),
    [
        ("kind", replace(NOTICE, kind="khac")),
        ("key", replace(NOTICE, key="Nguyễn Văn A")),
        ("about", replace(NOTICE, about="Nguyễn Văn A")),
        ("about", replace(NOTICE, about="64001\n")),
        ("link", replace(NOTICE, link="https://ngoai.example/")),
        ("link", replace(NOTICE, link="/ho-so/?ten=Nguyen")),
        ("at", replace(NOTICE, at=AT.replace(tzinfo=None))),
        ("counts", replace(NOTICE, counts={"flawed": 1})),
        ("counts", replace(NOTICE, counts={"flawed": cast("int", "Nguyễn"), "dossiers": 1})),
        ("counts", replace(NOTICE, counts={"flawed": True, "dossiers": 1})),
        ("counts", replace(NOTICE, counts={"flawed": -1, "dossiers": 1})),
    ],
)
def test_a_notice_has_no_place_for_a_value(place: str, notice: Notice) -> None:
    with pytest.raises(IntegrityError, match=f"INT-NOTICE.*{place}"):
        checked(notice)
    assert checked(NOTICE) is NOTICE


def test_words_in_both_languages() -> None:
    counts = {"facilities": 3, "limit": 3}
    other = Notice("silent:x", "silent", AT, date(2026, 11, 27), "/theo-doi/#im-lang-muc", counts=counts)
    both = written([NOTICE, other], "vi", PLACE)
    assert both.subject == "Biển Hồ: 2 thông báo"
    assert "Bệnh viện mẫu (64001), nhận ngày 26/11/2026: 1.200 hồ sơ có phát hiện sai trong 3.456 hồ sơ." in both.body
    assert "https://kho.example.vn/sua-du-lieu/?co_so=64001" in both.body
    assert "https://kho.example.vn/tai-khoan/thong-bao/" in both.body
    english = written([NOTICE], "en", PLACE)
    assert english.subject == "Bienho: Dossiers of the day before with findings"
    assert "1,200 dossiers with findings out of 3,456" in english.body
    assert "12345678" in confirming("12345678", "vi", PLACE).body
    assert as_json([NOTICE], "en", PLACE)[0]["counts"] == {"flawed": 1200, "dossiers": 3456}
    for kind in KINDS.values():  # every line fills with what its kind counts, in both languages
        one = replace(NOTICE, kind=kind.code, counts=dict.fromkeys(kind.counts, 1))
        assert checked(one)
        assert all("{" not in written([one], language, PLACE).body for language in ("vi", "en"))


def test_what_concerns_whom() -> None:
    assert {one.code for one in offered(("facility-data-officer",), ())} == {
        "findings", "quarantine", "missing", "reminder", "report",
    }  # fmt: skip
    assert {one.code for one in offered((), ("security",))} == {"chain"}
    assert {one.code for one in offered(("operator",), ())} == {"silent", "late", "answer", "report"}
    assert offered(("citizen",), ()) == ()
    assert sorted(code for codes, _ in LOOKS for code in codes) == sorted(k.code for k in KINDS.values() if k.daily)


@pytest.mark.parametrize(
    ("kind", "address", "domains"),
    [
        ("mail", "khong-phai", ()),
        ("mail", "a@b.vn\nBcc: c@d.vn", ()),
        ("mail", "a@b.vn, c@d.vn", ()),
        ("mail", "a@ngoai.vn", ("don-vi.vn",)),
        ("mail", "a" * 250 + "@b.vn", ()),
        ("webhook", "http://nhan.example.vn/", ()),
        ("webhook", "https://ten:mat-khau@nhan.example.vn/", ()),
        ("webhook", "https://nhan.example.vn:99999/", ()),
        ("webhook", "https://nhan.example.vn/a b", ()),
    ],
)
def test_addresses_nobody_is_written_to(kind: Any, address: str, domains: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="USE-NOTICE-ADDRESS"):
        checked_address(kind, address, domains)


def test_addresses_that_are_fine() -> None:
    assert checked_address("mail", " an.nguyen@Don-Vi.vn ", {"don-vi.vn"}) == "an.nguyen@Don-Vi.vn"
    assert checked_address("webhook", "https://nhan.example.vn:8443/bao?x=1") == "https://nhan.example.vn:8443/bao?x=1"


@pytest.fixture
def say(tmp_path: Path) -> Callable[[str], Home]:
    def write(text: str) -> Home:
        (tmp_path / "notices.yaml").write_text(text, encoding="utf-8")
        return cast("Home", SimpleNamespace(path=tmp_path))

    return write


def test_the_file_says_which_ways_are_open(say: Callable[[str], Home], tmp_path: Path) -> None:
    assert not read_notice_ways(cast("Home", SimpleNamespace(path=tmp_path))).any
    text = "mail: {host: smtp.example.vn, port: 587, security: starttls, sender: kho@example.vn, domains: [example.vn]}"
    ways = read_notice_ways(say(f"{text}\nwebhooks: true\n"))
    assert ways.webhooks
    assert ways.mail is not None
    assert (ways.mail.port, ways.mail.security, ways.mail.domains) == (587, "starttls", {"example.vn"})


@pytest.mark.parametrize(
    "text",
    [
        "mial: {}",
        "webhooks: co",
        "mail: {host: smtp.example.vn, port: 25, security: none, sender: kho@example.vn}",
        "mail: {host: smtp.example.vn, port: 25, security: local, sender: kho@example.vn}",
        "mail: {host: 127.0.0.1, port: 25, security: local, sender: kho@example.vn, user: kho}",
        "mail: {host: smtp.example.vn, port: '25', security: tls, sender: kho@example.vn}",
        "mail: {host: smtp.example.vn, port: 25, security: tls, sender: kho}",
        "mail: {host: smtp.example.vn, port: 25, security: tls, sender: kho@example.vn, password: a}",
        "mail: {host: smtp.example.vn, port: 25, security: tls, sender: kho@example.vn, domains: don-vi}",
        "mail: [",
    ],
)
def test_a_file_that_says_anything_else_is_refused(say: Callable[[str], Home], text: str) -> None:
    with pytest.raises(ConfigError, match="CFG-NOTICES"):
        read_notice_ways(say(text))


def test_the_e_mail_itself() -> None:
    letter = composed("kho@example.vn", "an@example.vn", Text("Biển Hồ: 2 thông báo", "Dòng một\n"), "a1-mail", AT)
    raw = letter.as_bytes()
    assert raw.isascii()
    assert letter["Message-ID"] == "<a1-mail@example.vn>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter.get_content().splitlines() == ["Dòng một"]
    with pytest.raises(ValueError, match="linefeed"):
        composed("kho@example.vn", "an@example.vn\r\nBcc: x@example.vn", Text("", ""), "a", AT)


def test_a_signature_changes_with_time_body_and_secret() -> None:
    """Against the public description: HMAC-SHA256 of `timestamp.body`, by hand with openssl."""
    headers = signed("khoa", "a1-webhook", b"{}", datetime(2026, 11, 27, tzinfo=UTC))
    assert headers["Bienho-Timestamp"] == "1795737600"
    assert headers["Bienho-Signature"] == "v1=9826361cc68ebd90af3a0ac7472b6b21a13e197350241d7d6a61d8f4010169ca"
    others = {
        signed(secret, "a1-webhook", body, moment)["Bienho-Signature"]
        for secret, body, moment in (("khoa2", b"{}", AT), ("khoa", b"{ }", AT), ("khoa", b"{}", AT))
    }
    assert len({*others, headers["Bienho-Signature"]}) == 4
