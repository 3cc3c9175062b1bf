"""Promise 7: a name that somebody sent is never a path here, and no outside address is believed without HTTPS."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from bienho.config import DEFAULT, Home, read_doors
from bienho.config.kms import KmsKeys
from bienho.core.errors import ConfigError
from bienho.standards.xml130 import Archive, read_received
from bienho.standards.xml130.scan import scan
from bienho.standards.xml130.write import write_delivery
from support.xml130_samples import make_tables

CANARY = "chim hoàng yến trong tệp của máy"
REGULAR, LINK, DEVICE = stat.S_IFREG, stat.S_IFLNK, stat.S_IFBLK


def zip_of(members: list[tuple[str, bytes, int]]) -> bytes:
    """A zip of (name, bytes, kind of file as Unix says it)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data, kind in members:
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, (kind | 0o777) << 16
            archive.writestr(info, data)
    return out.getvalue()


def test_names_and_links_inside_a_zip_write_and_open_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work, outside = tmp_path / "a" / "b", tmp_path / "canary.xml"
    work.mkdir(parents=True)
    outside.write_text(CANARY, encoding="utf-8")
    monkeypatch.chdir(work)
    good = write_delivery([make_tables("3176", lines=1)], facility="64001", created="20260103", version="3176")
    data = zip_of(
        [
            ("link.xml", str(outside).encode(), LINK),
            ("../../canary.xml", good, REGULAR),
            (str(outside), good, REGULAR),
            ("..\\..\\canary.xml", good, REGULAR),
            ("link.xml/under.xml", good, REGULAR),
            ("device.xml", b"", DEVICE),
        ]
    )
    scan(data, DEFAULT)
    found = read_received(data)
    assert isinstance(found, Archive)
    items = list(found.dossiers)
    codes = [getattr(item, "code", None) for item in items]
    assert codes.count(None) == 4, "what was sent under odd names is read all the same"
    assert len(codes) == 6, "a link and a device are texts that are no XML"
    assert CANARY not in repr(items)
    assert outside.read_text(encoding="utf-8") == CANARY
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b", "canary.xml"]


DOORS = [
    "address: http://kho.example.vn",
    "address: https://kho.example.vn/path",
    "address: https://user@kho.example.vn",
    "address: file:///etc/passwd",
    "address: javascript:alert(1)",
    "{address: https://kho.example.vn, sso: {issuer: http://sso.example.vn, client_id: x}}",
    "{address: https://kho.example.vn, sso: {issuer: 'https://sso.example.vn?x=1', client_id: x}}",
    "{address: https://kho.example.vn, sso: {issuer: https://u@sso.example.vn, client_id: x}}",
    "{sso: {issuer: https://sso.example.vn, client_id: x}}",
    "{address: https://kho.example.vn, proxies: [kho.example.vn]}",
    "{address: https://kho.example.vn, proxies: [10.0.0.0/8]}",
]


@pytest.mark.parametrize("text", DOORS)
def test_outside_addresses_are_https_or_nothing(text: str, tmp_path: Path) -> None:
    home = Home.create(tmp_path / "home")
    (home.path / "doors.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="CFG-DOORS"):
        read_doors(home)


@pytest.mark.parametrize(
    "address", ["http://kms.example/v1/transit", "https://u@kms.example/", "file:///k", "https://"]
)
def test_a_key_service_is_reached_by_https_only(address: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="CFG-KMS"):
        KmsKeys(address, "k", tmp_path / "token")
