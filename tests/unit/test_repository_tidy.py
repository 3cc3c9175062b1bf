"""The repository tests itself: sizes, words, places and promises that reviews forget."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from support.sources import nodes

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "bienho"
OWN_FOLDERS = ("src", "tests", "tools", "bench", "docs", ".ci")
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
SOURCE = {".py", ".sql", ".css", ".js", ".html", ".sh", ".md"}
TEXT = SOURCE | {".yaml", ".yml", ".toml", ".json", ".csv", ".lock", ".in", ""}
ROOMS = sorted(path.parent for path in PACKAGE.glob("*/__init__.py"))
# Rooms whose results must be reproducible: time comes in as a receipt date or an explicit as_of.
TIMELESS = (
    "core",
    "terminology",
    "contracts",
    "standards",
    "quality",
    "linkage",
    "indicators",
    "surveillance",
    "synthetic",
)


@cache
def own_files() -> tuple[Path, ...]:
    """Every text file of the project; generated, fetched and hidden folders are not ours."""
    found = [path for path in ROOT.iterdir() if path.is_file() and path.name not in ("LICENSE", ".git")]
    for folder in OWN_FOLDERS:
        found += [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    return tuple(
        sorted(
            path
            for path in found
            if path.suffix in TEXT
            and "__pycache__" not in path.parts
            and not any(part.endswith(".egg-info") for part in path.parts)
            and b"\0" not in path.read_bytes()[:4096]
        )
    )


def python_files(below: Path = PACKAGE) -> list[Path]:
    return [path for path in own_files() if path.suffix == ".py" and path.is_relative_to(below)]


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def matches(pattern: str, paths: list[Path] | tuple[Path, ...]) -> list[str]:
    compiled = re.compile(pattern)
    return [
        f"{shown(path)}:{number}: {line.strip()[:80]}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if compiled.search(line)
    ]


def test_the_walk_sees_the_project() -> None:
    seen = {shown(path) for path in own_files()}
    assert {"Makefile", "pyproject.toml", ".ci/run", "src/bienho/core/errors.py"} <= seen
    assert len(ROOMS) > 10


def test_files_are_short() -> None:
    long = [
        f"{shown(path)}: {count}"
        for path in own_files()
        if path.suffix in SOURCE and (count := len(path.read_bytes().splitlines())) > FILE_LINES_MAX
    ]
    assert not long


def test_functions_are_short() -> None:
    long = [
        f"{shown(path)}:{node.lineno} {node.name}"
        for folder in (PACKAGE, ROOT / "tests", ROOT / "tools", ROOT / "bench")
        for path in python_files(folder)
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES_MAX
    ]
    assert not long


def test_nothing_is_left_unfinished() -> None:
    # Written apart so that this file does not find itself.
    pattern = r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b|raise NotImplemented" r"Error"
    assert not matches(pattern, own_files())


def test_no_path_of_a_machine_is_named() -> None:
    # Written apart so that this file does not find itself.
    pattern = "|".join(
        (r"(?<![\w.])/wo" + r"rk/", r"/opt/(wh" + "eels|py" + r"pi)", r"(?<![\w.<>])/(home|Users)/[a-z]\w*/")
    )
    assert not matches(pattern, own_files())


def test_line_ends_are_one_byte() -> None:
    assert not [shown(path) for path in own_files() if b"\r\n" in path.read_bytes() and path.suffix != ".csv"]


def test_text_is_utf8_without_a_mark() -> None:
    for path in own_files():
        assert not path.read_text(encoding="utf-8").startswith("\ufeff"), shown(path)


def test_only_the_command_line_prints() -> None:
    calls = [
        f"{shown(path)}:{node.lineno}"
        for path in python_files()
        if not path.is_relative_to(PACKAGE / "cli")
        for node in nodes(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not calls


def test_no_import_hides_in_a_function() -> None:
    inner = [
        f"{shown(path)}:{node.lineno}"
        for path in python_files()
        for function in nodes(path)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert not inner


def test_rules_and_models_read_no_clock() -> None:
    paths = [path for path in own_files() if path.is_relative_to(PACKAGE)]
    rooms = [path for path in paths if path.relative_to(PACKAGE).parts[0] in TIMELESS]
    python = [path for path in rooms if path.suffix == ".py"]
    models = [path for path in paths if path.suffix == ".sql" and "migrations" not in path.parts]
    assert not matches(r"\b(datetime\.now|utcnow|date\.today|time\.time|time_ns)\(", python)
    sql = r"(?i)\b(now|today|get_current_\w+|transaction_timestamp)\(\)|\bcurrent_(date|time|timestamp)\b"
    assert not matches(sql, models)


def test_rules_and_models_use_no_unseeded_chance() -> None:
    rooms = [path for path in python_files() if path.relative_to(PACKAGE).parts[0] in TIMELESS]
    assert not matches(
        r"\brandom\.(random|randint|choice|choices|shuffle|sample|uniform)\(|\bRandom\(\)|default_rng\(\)", rooms
    )


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_has_a_readme_with_its_public_names(room: Path) -> None:
    text = (room / "README.md").read_text(encoding="utf-8")
    public = importlib.import_module(f"bienho.{room.name}").__dict__.get("__all__", ())
    assert not [name for name in public if not re.search(rf"\b{re.escape(name)}\b", text)]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_the_names_of_a_room_exist(room: Path) -> None:
    module = importlib.import_module(f"bienho.{room.name}")
    parts = {path.stem for path in room.glob("*.py")} | {path.parent.name for path in room.glob("*/__init__.py")}
    assert not [name for name in getattr(module, "__all__", ()) if not hasattr(module, name) and name not in parts]


def links(path: Path) -> Iterator[str]:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"(?i)[a-z]+:|#", target):
            yield target.split("#")[0]


def test_links_between_documents_resolve() -> None:
    broken = [
        f"{shown(path)} → {target}"
        for path in own_files()
        if path.suffix == ".md"
        for target in links(path)
        if not (path.parent / target).exists()
    ]
    assert not broken


def test_adrs_have_their_four_parts() -> None:
    adrs = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert [int(path.name[:4]) for path in adrs] == list(range(1, len(adrs) + 1))
    for path in adrs:
        titles = re.findall(r"^## (\w+)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert titles[:4] == ["Status", "Context", "Decision", "Consequences"], shown(path)


def test_the_two_locks_agree_and_are_hashed() -> None:
    def versions(name: str) -> dict[str, str]:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "--index-url" not in text
        blocks = re.findall(r"^([a-z0-9][\w.-]*)(?:\[[\w,-]+\])?==(\S+)(.*?)(?=^[a-z0-9]|\Z)", text, flags=re.M | re.S)
        assert all("--hash=sha256:" in rest for _, _, rest in blocks)
        return {package: version for package, version, _ in blocks}

    runtime, everything = versions("requirements.lock"), versions("requirements-dev.lock")
    assert len(runtime) > 20
    assert {name: everything.get(name) for name in runtime} == runtime


def test_readme_names_every_dependency() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = project.split("dependencies = [", 1)[1].split("]\n", 1)[0]
    names = re.findall(r'^\s*"([a-z0-9-]+)', block, flags=re.MULTILINE)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(names) > 10
    assert not [name for name in names if f"`{name}`" not in readme]
