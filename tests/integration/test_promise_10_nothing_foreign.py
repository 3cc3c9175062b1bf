"""Promise 10: nothing foreign runs. Dependencies are locked and hashed, nothing is fetched while running, pages take
nothing from elsewhere."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.sources import every_node

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "bienho"
# Names of namespaces look like addresses and are never fetched.
NAMESPACES = ("http://www.w3.org/", "https://www.w3.org/")
OFFLINE = """
import socket, sys
from pathlib import Path

real = socket.socket.connect
def connect(self, address):
    if self.family != socket.AF_UNIX:
        print("CONNECT", address, flush=True)
        raise OSError("no network here")
    return real(self, address)
socket.socket.connect = connect
socket.getaddrinfo = lambda *a, **k: (_ for _ in ()).throw(OSError("no names here"))

from bienho.config import Home, create_key
from bienho.pipeline import open_app, setup
from bienho.pipeline.doctor import diagnose
home = Home.create(Path(sys.argv[1]))
create_key(home)
with open_app(home.path) as app:
    setup.first_run(app)
    with app.reading():
        pass
failed = [check.code for check in diagnose(home.path) if check.status == "fail"]
print("FAILED", failed)
from bienho.database import remove_database
remove_database(home)
"""


def test_every_locked_package_is_held_to_a_hash() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")
        pins = re.findall(r"^[a-z0-9][\w.\[\],-]*==", text, flags=re.MULTILINE)
        blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
        assert len(pins) == len(blocks) > 20
        assert all("--hash=sha256:" in block for block in blocks)
        assert not re.search(r"^\s*(-e|--index|--extra-index|git\+|https?:)", text, flags=re.MULTILINE)


def test_installation_always_asks_for_hashes() -> None:
    script = (ROOT / "tools" / "install.sh").read_text(encoding="utf-8")
    installs = [line for line in script.splitlines() if re.search(r"pip (install|download)", line) and "#" not in line]
    assert len(installs) >= 3
    assert script.count("--require-hashes") == 2
    assert "--no-deps --no-build-isolation --no-index -e ." in script


def test_no_statement_fetches_an_extension() -> None:
    found = []
    for path, node in every_node():
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
            if re.match(r"\s*(FORCE\s+)?INSTALL\s+\w", text) or re.search(
                r"autoinstall_known_extensions\s*=\s*true", text
            ):
                found.append(f"{path.name}:{node.lineno}")
    assert not found


#: Files that speak to one host an operator named, and to none before that.
NAMED_HOSTS = {"config/kms.py", "governance/people/outside.py", "pipeline/outward.py", "pipeline/notices/mail.py"}


def test_no_program_file_talks_to_other_hosts() -> None:
    clients = re.compile(
        r"^\s*(import|from) (urllib\.request|http\.client|requests|httpx|aiohttp|ftplib|smtplib)\b", re.M
    )
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if clients.search(path.read_text(encoding="utf-8"))
    }
    assert found == NAMED_HOSTS


def test_pages_take_nothing_from_elsewhere() -> None:
    loading = re.compile(
        r"""(?:src|href|action|url\(|@import|fetch\()\s*[=(]?\s*["']?((?:https?:)?//[^"'\s)>]+)""", re.I
    )
    foreign = [
        f"{path.relative_to(ROOT)}: {address}"
        for suffix in ("*.html", "*.css", "*.js", "*.svg")
        for path in (PACKAGE / "portal").rglob(suffix)
        for address in loading.findall(path.read_text(encoding="utf-8"))
        if not address.startswith(NAMESPACES)
    ]
    assert not foreign


@pytest.mark.database
def test_a_home_is_made_used_and_examined_without_a_network(tmp_path: Path) -> None:
    """Every connection but a local socket is refused inside the process, and none is even tried."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BIENHO_")}
    environment |= {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, str(tmp_path / "home")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "CONNECT" not in done.stdout
    assert "FAILED []" in done.stdout
