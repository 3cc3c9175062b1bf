"""The rules of tests/conftest.py, tried on small projects of their own: what skips, what is counted, what fails."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"
SETTINGS = """[pytest]
addopts = -q -p no:cacheprovider --strict-markers
markers =
    shared: needs facts
    browser: needs a browser
    office: needs LibreOffice
    database: needs a database
"""
TESTS = """
import os
import pytest

@pytest.mark.shared
def test_with_facts(shared_facts):
    assert shared_facts.name == "facts"

@pytest.mark.browser
def test_with_a_browser(chromium_path):
    assert chromium_path

@pytest.mark.office
def test_with_libreoffice(office_path):
    assert office_path

def test_that_passes():
    assert "bienho-test-config-" in os.environ["XDG_CONFIG_HOME"]
    assert "BIENHO_HOME" not in os.environ
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "test_it.py").write_text(TESTS, encoding="utf-8")
    shutil.copy(CONFTEST, tmp_path)
    (tmp_path / "support").mkdir()
    for name in ("examples.py", "facts.py"):
        shutil.copy(CONFTEST.parent / "support" / name, tmp_path / "support")
    (tmp_path / "facts-are-here" / "facts").mkdir(parents=True)
    return tmp_path


def run(project: Path, *options: str, **settings: str) -> tuple[int, str, dict[str, dict[str, int]]]:
    """Exit code, output and report of pytest in a project; all that can be absent is, unless `settings` name it."""
    report = project / "report.json"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("BIENHO_", "PYTEST_"))}
    absent = {"BIENHO_SHARED": str(project / "absent"), "BIENHO_HOME": "/my/own"}
    absent |= {"BIENHO_CHROMIUM": "/nonexistent", "BIENHO_OFFICE": "/nonexistent"}
    environment |= absent | settings | {"BIENHO_TEST_REPORT": str(report)}
    # Only the plugin that is under test with them: whatever else is installed takes seconds to load, each time.
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    command = [sys.executable, "-m", "pytest", *options]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, json.loads(report.read_text(encoding="utf-8"))


@pytest.mark.parametrize("options", [(), ("-p", "xdist", "-n", "1")], ids=["alone", "parallel"])
def test_what_is_absent_is_skipped_counted_said_and_fails_when_required(
    project: Path, options: tuple[str, ...]
) -> None:
    code, text, report = run(project, *options, BIENHO_REQUIRE_SHARED="1")
    assert code == 1
    assert report["counts"] == {"passed": 1, "skipped": 3}
    assert "skipped 1: shared: no facts folder beside the checkout" in text
    assert "skipped 1: browser: no Chromium found" in text
    assert "skipped 1: office: no LibreOffice found" in text
    assert "FAILED: 1 test(s) marked `shared` were skipped" in text


def test_what_is_absent_is_no_fault_when_not_required(project: Path) -> None:
    code, _, report = run(project)
    assert code == 0
    assert report["counts"] == {"passed": 1, "skipped": 3}


def test_with_facts_there_nothing_fails(project: Path) -> None:
    facts = {"BIENHO_SHARED": str(project / "facts-are-here"), "BIENHO_REQUIRE_SHARED": "1"}
    code, _, report = run(project, **facts)
    assert code == 0
    assert report["counts"] == {"passed": 2, "skipped": 2}


def test_a_skip_inside_a_required_test_counts_too(project: Path) -> None:
    text = 'import pytest\n@pytest.mark.shared\ndef test_it():\n    pytest.skip("no reason")\n'
    (project / "test_it.py").write_text(text, encoding="utf-8")
    facts = {"BIENHO_SHARED": str(project / "facts-are-here"), "BIENHO_REQUIRE_SHARED": "1"}
    assert run(project, **facts)[0] == 1


def test_a_module_skipped_as_a_whole_hides_no_marker(project: Path) -> None:
    text = 'import pytest\npytest.importorskip("no_such_module")\n'
    (project / "test_it.py").write_text(text, encoding="utf-8")
    (project / "test_other.py").write_text("def test_it():\n    pass\n", encoding="utf-8")
    assert run(project, BIENHO_REQUIRE_SHARED="1")[0] == 1
