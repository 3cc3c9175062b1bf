"""People by commands: a house in production from its first account to its first opening, units, members, reviews."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pyotp
import pytest

from bienho.governance.accounts import os_user
from support import commands
from support.homes import Made, temporary_home

pytestmark = pytest.mark.database

DOC = ("--document", "12/QĐ-SYT")
GOOD, OTHER = "bốn con voi uống trà", "năm con kiến leo núi"


@pytest.fixture(scope="module")
def made() -> Iterator[Made]:
    with temporary_home() as home:
        marker = home.home.path / "home.json"
        marker.write_text(json.dumps({**json.loads(marker.read_text()), "mode": "production"}), encoding="utf-8")
        said(home, "init")
        said(home, "account", "add", "chu", "--name", "Chủ", "--role", "administrator", "--os-user", os_user())
        yield home


def run(made: Made, *arguments: str, given: str = "") -> CompletedProcess[str]:
    return commands.run(made.environment, *arguments, given=given)


def said(made: Made, *arguments: str, given: str = "") -> str:
    done = run(made, *arguments, given=given)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def answer(made: Made, *arguments: str) -> Any:
    return json.loads(said(made, *arguments, "--json"))


def test_from_first_account_to_first_opening(made: Made) -> None:
    assert "CFG-NO-MFA" in run(made, "serve", "--port", "8998").stderr
    assert "USE-PASSWORD-COMMON" in run(made, "account", "password", given="matkhau123matkhau\n").stderr
    said(made, "account", "password", given=GOOD + "\n")
    assert "CFG-NO-MFA" in run(made, "serve", "--port", "8998").stderr
    address = re.search(r"otpauth://\S+", said(made, "account", "second-factor"))
    assert address
    device = pyotp.parse_uri(address[0])
    assert isinstance(device, pyotp.TOTP)
    assert "USE-CODE" in run(made, "account", "second-factor", "--confirm", given="000000\n").stderr
    shown = said(made, "account", "second-factor", "--confirm", given=device.now() + "\n")
    codes = re.findall(r"\b[a-z2-7]{4}(?:-[a-z2-7]{4}){3}\b", shown)
    assert len(codes) == 10
    with socket.create_server(("127.0.0.1", 0)) as taken:  # the house would open now, were its port free
        opened = run(made, "serve", "--port", str(taken.getsockname()[1]))
    assert "CFG-PORTAL-PORT" in opened.stderr
    assert "dang-nhap" not in opened.stdout + opened.stderr, "no one-time link in production"
    assert "USE-SECRET" in run(made, "account", "second-factor").stderr
    said(made, "account", "add", "ban", "--name", "Bạn")
    token = said(made, "account", "invite", "ban").split()[-1]
    said(made, "account", "password", "--invited", given=f"{token}\n{OTHER}\n")
    assert "DENY-SIGN-IN" in run(made, "account", "recover", "ban", *DOC, given=f"{GOOD}\n000000\n").stderr
    said(made, "account", "recover", "ban", *DOC, given=f"{GOOD}\n{codes[0]}\n")
    assert "ban" in said(made, "account", "recoveries")
    assert "DENY-TWO-PERSONS" in run(made, "account", "approve", "1", given=f"{GOOD}\n{codes[1]}\n").stderr
    assert "USE-IDENTITY-CODE" in run(made, "account", "bind", "ban", *DOC, given="aaaa-bbbb\n").stderr
    said(made, "account", "unbind", "ban", *DOC)
    said(made, "account", "identities")
    said(made, "client", "sso-secret", *DOC, given="bí mật\n")
    doors = made.home.path / "doors.yaml"
    doors.write_text("address: http://kho.example.vn", encoding="utf-8")
    assert "CFG-DOORS" in run(made, "serve", "--port", "8998").stderr
    doors.unlink()


def test_first_steps_are_found_out_and_never_ticked_off(made: Made, tmp_path: Path) -> None:
    """After the opening above: one administrator is ready; each further step shows as soon as it is really done."""

    def steps() -> dict[str, tuple[int, int, bool]]:
        return {one["step"]: (one["have"], one["want"], one["done"]) for one in answer(made, "start")}

    before = steps()
    assert before["profile"][2]
    assert before["units"][2]
    assert before["administrators"] == (1, 2, False)
    assert before["factors"] == (1, 2, False)
    undone = {name for name, (_, _, done) in before.items() if not done}
    assert undone == {"administrators", "factors", "contacts", "envelopes", "backup", "delivery"}
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    said(made, "keys", "split", str(tmp_path / "a" / "mot"), str(tmp_path / "b" / "hai"))
    said(made, "unit", "contact", "so-y-te", "--matter", "data", "--account", "chu", *DOC)
    said(made, "account", "add", "hai", "--name", "Hai", "--role", "administrator")
    said(made, "backup", str(tmp_path / "ban.sao"))
    after = steps()
    assert after["envelopes"][2]
    assert after["backup"][2]
    assert after["contacts"] == (1, 2, False)
    assert after["administrators"] == (2, 2, True)
    assert after["factors"] == (1, 2, False)
    assert "bienho ingest" in said(made, "start")
    said(made, "account", "change", "hai", "--close")


def test_units_members_reviews_and_systems(made: Made) -> None:
    said(made, "account", "add", "tram", "--name", "Nhân viên trạm")
    assert len(answer(made, "unit", "list", "--kind", "station")) == 135
    said(
        made,
        "unit",
        "add",
        "pk-1",
        "--name",
        "Phòng khám Thử",
        "--kind",
        "private-practice",
        "--commune",
        "21583",
        *DOC,
    )
    said(made, "unit", "change", "pk-1", "--name", "Phòng khám Thử 1", *DOC)
    said(made, "unit", "contact", "pk-1", "--matter", "data", "--account", "tram", *DOC)
    said(
        made, "unit", "contact", "pk-1", "--matter", "security", "--name", "Ông Trực", "--phone", "0269 3824 000", *DOC
    )
    (found,) = answer(made, "unit", "list", "--kind", "private-practice")[1:]
    assert (found["name"], found["data_contact"]) == ("Phòng khám Thử 1", "Nhân viên trạm")
    assert found["security_contact"] == "Ông Trực 0269 3824 000"
    assert "USE-MEMBERSHIP-ROLE" in run(made, "member", "add", "tram", "pk-1", "station-worker", *DOC).stderr
    said(made, "member", "add", "tram", "cs-52102", "station-worker", "--until", "2099-01-01", *DOC)
    (one,) = answer(made, "member", "list", "--account", "tram")
    assert (one["unit"], one["role"], one["given_by"]) == ("cs-52102", "station-worker", "chu")
    assert answer(made, "review", "list") == []
    (item,) = answer(made, "review", "list", "--all", "--unit", "cs-52102")
    assert (item["state"], item["confirmers"]) == ("confirmed", ["chu"])
    number = str(one["membership"])
    said(made, "review", "confirm", number)
    said(made, "review", "end", number, "--reason", "nghi-viec")
    assert "USE-MEMBERSHIP-ENDED" in run(made, "review", "end", number, "--reason", "nghi-viec").stderr
    assert answer(made, "member", "list", "--account", "tram") == []
    year = str(datetime.now(UTC).year + 1)
    said(
        made,
        "client",
        "add",
        "his-1",
        "--name",
        "HIS",
        "--unit",
        "pk-1",
        "--scope",
        "send",
        "--until",
        f"{year}-12-31",
        *DOC,
    )
    (client,) = answer(made, "client", "list")
    assert (client["client"], client["scopes"], client["ended"]) == ("his-1", "send", None)
    said(made, "client", "end", "his-1", *DOC)
    assert answer(made, "client", "list")[0]["ended"] is not None
