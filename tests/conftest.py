"""What holds for every test: a throw-away place for keys, the meaning of the markers, and an honest count of skips.

shared      needs the facts folder beside the checkout; skipped without it; a skip fails under BIENHO_REQUIRE_SHARED=1
browser     drives a real Chromium; skipped without one
office      opens a file in LibreOffice; skipped without it
database    starts a real PostgreSQL
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from bienho.database import binaries
from support.examples import some
from support.facts import SHARED

# A loaded machine is slow, not wrong; and the same commit must find the same examples everywhere.
settings.register_profile("project", deadline=None, derandomize=True, max_examples=some(100))
settings.load_profile("project")

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OFFICES = ("soffice", "libreoffice")
# Files that take longest begin first, so that no worker is left alone with one at the end.
LONG_FIRST = (
    "test_law_02_killed_anywhere",
    "test_promise_01_no_identifier_outside_the_vault",
    "test_portal_browser",
    "test_visit_browser",
    "test_linkage_house",
    "test_authorisation_matrix",
    "test_law_04_incremental_equals_rebuild",
    "test_worker_process",
    "test_injection",
    "test_promise_07_hostile_senders",
    "test_signatures",
    "test_fix_loop",
    "test_rebuild",
    "test_lake_maintenance",
    "test_standards_hostile_costs",
    "test_doctor_faults",
    "test_portal_pages",
    "test_law_13_erasure",
    "test_database_server",
    "test_check_agrees",
    "test_promise_07_hostile_files",
    "test_synthetic_year",
    "test_door",
    "test_worker_isolation",
    "test_policy_matrix",
    "test_cli_contract",
    "test_law_13_under_load",
    "test_promise_08_backup_is_restored",
    "test_synthetic_twin",
    "test_synthetic_lake",
    "test_worker_page",
)
SLOW = ("integration", "acceptance", "e2e")
REQUIRED = {
    "shared": "BIENHO_REQUIRE_SHARED",
    "browser": "BIENHO_REQUIRE_BROWSER",
    "office": "BIENHO_REQUIRE_OFFICE",
}
# A developer's own home, key or database must never be what a test works on.
OWN = ("BIENHO_HOME", "BIENHO_KEY_FILE", "BIENHO_DATABASE_URL")
CONFIG_MARK = "BIENHO_TEST_CONFIG"


def _isolate() -> None:
    """Before any test module is imported: keys go to a temporary folder, shared with the parallel workers."""
    for name in OWN:
        os.environ.pop(name, None)
    if CONFIG_MARK in os.environ and Path(os.environ[CONFIG_MARK]).is_dir():
        return
    folder = tempfile.mkdtemp(prefix="bienho-test-config-")
    os.environ[CONFIG_MARK] = os.environ["XDG_CONFIG_HOME"] = folder
    os.environ["XDG_CACHE_HOME"] = str(Path(folder, "cache"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)


_isolate()
# Parallel test processes share the cores; on tables of a few rows a second thread is only waited for.
os.environ.setdefault("BIENHO_CORES", "1")
# As root, servers of test homes lie where the homes do, not on the disk of the machine: hundreds of them are made.
binaries.STATE = Path(tempfile.gettempdir(), "bienho-state")


def find_chromium() -> str | None:
    """The Chromium that page tests drive: BIENHO_CHROMIUM, else the first one on the PATH."""
    named = os.environ.get("BIENHO_CHROMIUM")
    if named:
        return named if os.access(named, os.X_OK) else None
    return next((path for path in map(shutil.which, BROWSERS) if path), None)


def find_office() -> str | None:
    """The LibreOffice that opens exported files: BIENHO_OFFICE, else the first one on the PATH."""
    named = os.environ.get("BIENHO_OFFICE")
    if named:
        return named if os.access(named, os.X_OK) else None
    return next((path for path in map(shutil.which, OFFICES) if path), None)


@pytest.fixture(scope="session")
def shared_facts() -> Path:
    """The folder of facts; only tests marked `shared` may ask for it."""
    return SHARED / "facts"


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Path of the browser; only tests marked `browser` may ask for it."""
    path = find_chromium()
    assert path is not None, "a test that asks for a browser must be marked `browser`"
    return path


@pytest.fixture(scope="session")
def office_path() -> str:
    """Path of LibreOffice; only tests marked `office` may ask for it."""
    path = find_office()
    assert path is not None, "a test that asks for LibreOffice must be marked `office`"
    return path


@pytest.fixture(scope="module", autouse=True)
def usual_house() -> None:
    """A file of tests that put another house behind the pages of this process leaves it to no other file."""
    portal: Any = sys.modules.get("support.portal")
    if portal is not None and portal.base.cache_info().currsize:
        portal.use_usual()


def pytest_collection_finish() -> None:
    """What was imported stays: a search for lost objects need not walk all of it every few hundred new ones."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {name: place for place, name in enumerate(LONG_FIRST)}
    items.sort(key=lambda item: (rank.get(item.path.stem, len(rank)), item.path.parent.name not in SLOW))
    absent: dict[str, pytest.MarkDecorator] = {}
    if not SHARED.is_dir():
        absent["shared"] = pytest.mark.skip(reason="shared: no facts folder beside the checkout")
    if find_chromium() is None:
        absent["browser"] = pytest.mark.skip(reason="browser: no Chromium found (install it or set BIENHO_CHROMIUM)")
    if find_office() is None:
        absent["office"] = pytest.mark.skip(reason="office: no LibreOffice found (install it or set BIENHO_OFFICE)")
    for item in items:
        for marker, skip in absent.items():
            if item.get_closest_marker(marker):
                item.add_marker(skip)


class Tally:
    """Counts outcomes on the process that reports (with xdist: the controller) and judges the skips."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.skips: Counter[str] = Counter()
        self.skipped_by_marker: Counter[str] = Counter()

    def note(self, report: Any, markers: Iterable[str]) -> None:
        if report.failed:
            self.counts["failed" if report.when == "call" else "error"] += 1
        elif report.skipped and hasattr(report, "wasxfail"):
            self.counts["xfailed"] += 1
        elif report.skipped:
            self.counts["skipped"] += 1
            self.skips[reason_of(report)] += 1
            self.skipped_by_marker.update(set(markers) & set(REQUIRED))
        elif report.when == "call":
            self.counts["xpassed" if hasattr(report, "wasxfail") else "passed"] += 1

    def broken_rules(self) -> list[str]:
        return [
            f"{self.skipped_by_marker[marker]} test(s) marked `{marker}` were skipped although {variable}=1"
            for marker, variable in REQUIRED.items()
            if os.environ.get(variable) == "1" and self.skipped_by_marker[marker]
        ]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.note(report, report.keywords)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.counts["error"] += 1
        elif report.skipped:
            # A module skipped as a whole hides its markers: it counts against every rule.
            self.counts["skipped"] += 1
            self.skips[reason_of(report)] += 1
            self.skipped_by_marker.update(REQUIRED)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        path = os.environ.get("BIENHO_TEST_REPORT")
        if path:
            told = {"counts": dict(self.counts), "skips": dict(self.skips)}
            Path(path).write_text(json.dumps(told), encoding="utf-8")
        if self.broken_rules() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for reason, count in sorted(self.skips.items()):
            terminalreporter.write_line(f"skipped {count}: {reason}")
        for broken in self.broken_rules():
            terminalreporter.write_line(f"FAILED: {broken}", red=True)


def reason_of(report: Any) -> str:
    """Why a test was skipped, without the place."""
    longrepr = report.longrepr
    text = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
    return text.removeprefix("Skipped: ")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Tally(), "bienho-tally")
