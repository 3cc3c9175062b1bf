"""Promise 10: every package is named, licensed, wanted and without a known hole; none came in another way.

`tools/supply/packages.csv` says of each locked package its licence and why it is here; `advisories.csv` holds what was
published about versions of them, so that a lock cannot go back to one unseen. `make audit` asks the network as well.
"""

from __future__ import annotations

import ast
import csv
import importlib.metadata
import re
import sys
from datetime import date
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from support.sources import every_node

ROOT = Path(__file__).resolve().parents[2]
PIN = re.compile(r"^([a-z0-9][\w.-]*)(?:\[[\w,-]+\])?==(\S+)", re.M)
# Compatible with Apache-2.0 for what we do: link, run, hand on unchanged.
LICENCES = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "LGPL-3.0-only", "MIT", "MIT-0", "MPL-2.0",
    "PSF-2.0", "Zlib",
}  # fmt: skip
# Part of every virtual environment, or us.
BESIDE = {"bienho", "pip", "setuptools"}


def locked() -> dict[str, str]:
    return dict(PIN.findall((ROOT / "requirements-dev.lock").read_text(encoding="utf-8")))


def lines(name: str) -> list[dict[str, str]]:
    with (ROOT / "tools" / "supply" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def hit(versions: dict[str, str], known: list[dict[str, str]]) -> list[str]:
    """Advisories that a version falls in and nobody has accepted with a reason."""
    return [
        f"{line['package']} {versions[line['package']]}: {line['advisory']}"
        for line in known
        if line["package"] in versions
        and not line["judged"].startswith("accepted: ")
        and SpecifierSet(line["affected"]).contains(versions[line["package"]], prereleases=True)
    ]


def test_every_locked_package_has_a_licence_and_a_reason() -> None:
    known = lines("packages.csv")
    assert [line["package"] for line in known] == sorted(locked())
    for line in known:
        assert len(line["reason"]) > 8, line["package"]
        parts = set(re.split(r" AND | OR |[()]", line["licence"])) - {""}
        assert parts <= LICENCES, line["package"]


def test_licences_are_those_the_packages_state() -> None:
    told = {line["package"]: line["licence"] for line in lines("packages.csv")}
    checked = 0
    for found in importlib.metadata.distributions():
        stated = found.metadata.get("License-Expression")
        if stated and plain(found.metadata["Name"]) in told:
            assert told[plain(found.metadata["Name"])] == stated, found.metadata["Name"]
            checked += 1
    assert checked > 40


def test_nothing_is_installed_that_is_not_locked_and_at_its_version() -> None:
    here = Path(sys.prefix).resolve()
    found = {
        plain(one.metadata["Name"]): one.version
        for one in importlib.metadata.distributions()
        if Path(str(one.locate_file(""))).resolve().is_relative_to(here)
    }
    pins = {plain(name): version for name, version in locked().items()}
    assert len(found) > 80
    assert {name: version for name, version in found.items() if name not in BESIDE and pins.get(name) != version} == {}


def test_the_program_imports_only_what_it_declares() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = project.split("dependencies = [", 1)[1].split("]\n", 1)[0]
    declared = {plain(Requirement(text).name) for text in re.findall(r'"([^"]+)"', block)}
    whose = importlib.metadata.packages_distributions()
    foreign = {}
    for path, node in every_node():
        modules = [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for module in {str(module).split(".")[0] for module in modules} - sys.stdlib_module_names - {"bienho"}:
            if not {plain(name) for name in whose.get(module, [module])} & declared:
                foreign[module] = path.name
    assert foreign == {}


def test_no_locked_version_has_a_published_hole() -> None:
    assert hit(locked(), lines("advisories.csv")) == []


def test_advisories_are_dated_and_about_what_we_lock() -> None:
    known = lines("advisories.csv")
    assert len({(line["package"], line["advisory"]) for line in known}) == len(known) > 20
    for line in known:
        assert line["package"] in locked(), line["package"]
        assert re.fullmatch(r"(CVE-\d{4}-\d{4,}|GHSA(-\w{4}){3}|PYSEC-\d{4}-\d+)", line["advisory"])
        assert str(SpecifierSet(line["affected"])) == line["affected"]
        assert date.fromisoformat(line["on"])
        assert re.match(r"fixed in what is locked$|accepted: .{10,}", line["judged"])


@pytest.mark.parametrize(
    ("package", "version", "expected"),
    [("authlib", "1.6.4", 2), ("authlib", "1.6.5", 0), ("django", "5.2.7", 1), ("cryptography", "44.0.1", 0)],
)
def test_a_version_that_went_back_would_be_seen(package: str, version: str, expected: int) -> None:
    assert len(hit({package: version}, lines("advisories.csv"))) == expected
