"""What `doors.yaml` may say, and what stops the program before a door opens wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest

from bienho.config import Doors, Home, read_doors
from bienho.core.errors import ConfigError

WHOLE = """
address: https://kho.example.vn/
proxies: [127.0.0.1, "::1"]
certificates: true
sso:
  issuer: https://sso.example.vn/realms/tinh
  client_id: bienho
  acr_two_factors: [loa3]
"""


def read(folder: Path, text: str) -> Doors:
    (folder / "doors.yaml").write_text(text, encoding="utf-8")
    return read_doors(Home(folder, "0" * 16, "production"))


def test_without_a_file_only_this_machine_reaches_the_house(tmp_path: Path) -> None:
    assert read_doors(Home(tmp_path, "0" * 16, "production")) == Doors()
    assert read(tmp_path, "") == Doors()


def test_what_a_file_says(tmp_path: Path) -> None:
    doors = read(tmp_path, WHOLE)
    assert (doors.address, doors.host) == ("https://kho.example.vn", "kho.example.vn")
    assert doors.proxies == {"127.0.0.1", "::1"}
    assert doors.certificates
    assert doors.sso is not None
    assert doors.sso.title_vi == "sso.example.vn", "its host, when it has no name"
    assert doors.sso.acr_two_factors == {"loa3"}
    assert doors.sso.amr_two_factors == frozenset(), "nothing stands for two factors unless it is named"


@pytest.mark.parametrize(
    "text",
    [
        "addres: https://kho.example.vn",
        "address: http://kho.example.vn",
        "address: https://kho.example.vn/cong",
        "address: https://ai:do@kho.example.vn",
        "address: kho.example.vn",
        "proxies: [mot.hai]",
        "proxies: 7",
        "certificates: 1",
        "- a",
        "address: [",
        "sso: {issuer: https://sso.example.vn, client_id: a}",
        "address: https://kho.example.vn\nsso: {issuer: http://sso.example.vn, client_id: a}",
        "address: https://kho.example.vn\nsso: {issuer: https://sso.example.vn}",
        "address: https://kho.example.vn\nsso: {issuer: https://sso.example.vn, client_id: a, secret: b}",
        "address: https://kho.example.vn\nsso: {issuer: https://sso.example.vn, client_id: a, hosts: b}",
    ],
)
def test_what_no_file_may_say(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(tmp_path, text)
    assert error.value.code == "CFG-DOORS"
