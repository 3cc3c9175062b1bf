"""What the project says of itself in its pages is true of its files: promises, error codes, make targets."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATUSES = {"held", "part", "open"}
PREFIX_OF = {"USE": 2, "IN": 3, "LIM": 8, "CFG": 4, "STO": 5, "BUSY": 6, "DENY": 7, "INT": 9}


def promises() -> dict[int, str]:
    """Number → first word of its status, from the table of docs/security.md."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| [^|]+ \| \**(\w+)\**[^|]* \|", text, flags=re.MULTILINE)
    return {int(number): status for number, status in rows}


def promise_tests() -> dict[int, list[Path]]:
    found: dict[int, list[Path]] = defaultdict(list)
    for path in (ROOT / "tests").rglob("test_promise_*.py"):
        number = re.match(r"test_promise_(\d\d)_\w+\.py", path.name)
        assert number, f"{path.name}: a promise has two digits and a name"
        found[int(number[1])].append(path)
    return found


def test_there_are_ten_promises_with_a_known_status() -> None:
    assert list(promises()) == list(range(1, 11))
    assert set(promises().values()) <= STATUSES


def test_a_promise_called_held_has_a_test_of_its_number() -> None:
    tests = promise_tests()
    assert not [number for number, status in promises().items() if status != "open" and number not in tests]


def test_a_promise_with_tests_is_not_called_open() -> None:
    assert not [number for number in promise_tests() if promises().get(number, "open") == "open"]


def test_promise_files_hold_tests() -> None:
    empty = [
        path.name
        for paths in promise_tests().values()
        for path in paths
        if not re.search(r"^(async )?def test_|^    def test_", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    ]
    assert not empty


@pytest.fixture(scope="module")
def error_codes() -> ModuleType:
    spec = importlib.util.spec_from_file_location("error_codes", ROOT / "tools" / "error_codes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks its module up by name while it is being made.
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "error_codes", module)
        spec.loader.exec_module(module)
    return module


def test_an_error_code_has_one_exit_code_and_the_prefix_of_its_class(error_codes: ModuleType) -> None:
    exits = error_codes.error_classes()
    found: dict[str, set[int]] = defaultdict(set)
    for item in error_codes.raised():
        found[item.code].add(exits[item.kind])
    assert len(found) > 20
    assert not [code for code, codes in found.items() if codes != {PREFIX_OF[code.split("-")[0]]}]


def test_every_error_code_is_on_its_page(error_codes: ModuleType) -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    missing = {item.code for item in error_codes.raised() if f"| `{item.code}` |" not in page}
    assert not missing, "run `make errors`"


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("target", ["demo", "test", "check", "bench", "soak", "wheels", "install", "lock", "audit"])
def test_a_make_target_that_the_pages_name_exists(target: str) -> None:
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_shell_scripts_are_posix_and_parse() -> None:
    for name in ("tools/install.sh", "tools/find-python.sh"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert text.startswith("#!/bin/sh")
        assert not re.search(r"\[\[|\blocal\b|<\(|\bfunction\b", text), name
        done = subprocess.run(["sh", "-n", name], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
