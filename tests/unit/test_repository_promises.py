"""What the project says of itself in its pages is true of its files: promises, error codes, commands, make targets."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from types import ModuleType

import click
import pytest

from bienho.cli.main import main as command_line

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


def test_the_page_of_error_codes_is_as_the_program_makes_it(error_codes: ModuleType) -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert page == error_codes.page(), "run `make errors`"


def spoken() -> dict[str, str]:
    """Every page, and every file of the program with what it says to people; path → text."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench").rglob("*.md")]
    pages += [path for path in (ROOT / "src").rglob("*") if path.suffix in (".md", ".py", ".yaml", ".html")]
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in pages}


def fault_of(words: list[str]) -> str | None:
    """What is wrong with a command as it is told to people; None when it can be typed."""
    command: click.Command = command_line
    while words and isinstance(command, click.Group):
        if words[0] == "--home":
            del words[:2]
            continue
        if words[0].startswith("--") and command.invoke_without_command:
            break
        found = command.get_command(click.Context(command), words.pop(0).rstrip(".,;"))
        if found is None:
            return "no such command"
        command = found
    options = {name for one in command.params for name in (*one.opts, *one.secondary_opts)} | {"--help"}
    unknown = [word for word in words if word.startswith("--") and word.rstrip(".,;") not in options]
    choices = [
        one.type.choices for one in command.params if isinstance(one.type, click.Choice) and "-" not in one.opts[0]
    ]
    wrong = [word for word in words[:1] for known in choices if re.fullmatch("[a-z-]+", word) and word not in known]
    return f"no such option: {unknown}" if unknown else f"no such choice: {wrong}" if wrong else None


def test_every_command_that_is_told_to_people_exists() -> None:
    told = [
        (path, words)
        for path, text in spoken().items()
        for words in re.findall(
            r"`bienho ([^`\n{]+)`|^(?:\.venv/bin/python -m )?bienho (.+?)(?: +#.*)?$", text, flags=re.M
        )
    ]
    assert len(told) > 60
    faults = {f"{path}: bienho {''.join(words)}": fault_of("".join(words).split()) for path, words in told}
    assert {what: fault for what, fault in faults.items() if fault} == {}


def make_targets() -> list[str]:
    """What the pages tell people to make."""
    pages = [text for path, text in spoken().items() if path.endswith(".md")]
    return sorted({name for text in pages for name in re.findall(r"(?:^|`)make ([a-z-]+)", text, flags=re.M)})


def test_the_pages_name_the_targets_of_a_newcomer() -> None:
    assert {"demo", "test", "check", "bench", "soak", "wheels", "install-dev", "unit", "errors"} <= set(make_targets())


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("target", make_targets())
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


DOWNLOADER = """#!/bin/sh
# A Python whose `pip download` takes one package and then fails, unless the file `whole` is there.
case "$*" in
*download*) for folder; do :; done; : > "$folder/one.whl"; [ -f whole ] ;;
*version_info*) echo 3.11 ;;
esac
"""


def test_a_download_cut_short_is_no_folder_of_wheels(tmp_path: Path) -> None:
    """An install takes ./wheels for everything there is; what was fetched is kept for the next try."""
    for folder in ("tools", ".venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "tools" / "install.sh", tmp_path / "tools")
    program = tmp_path / ".venv" / "bin" / "python"
    program.write_text(DOWNLOADER, encoding="utf-8")
    program.chmod(0o755)
    command = ["sh", "tools/install.sh", "wheels"]
    for _ in range(2):
        assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode != 0
        assert not (tmp_path / "wheels").exists()
        assert (tmp_path / "wheels.part" / "one.whl").exists()
    (tmp_path / "whole").touch()
    for _ in range(2):
        assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
        assert sorted(path.name for path in (tmp_path / "wheels").iterdir()) == ["one.whl", "python-version"]
        assert not (tmp_path / "wheels.part").exists()
