"""Runs the project's checks in order, cheapest first, and closes with one line in pytest's form.

    run_tests.py all | static | unit | integration | pages

Every phase runs even when an earlier one failed: one run tells everything that is wrong. Time beyond a phase's
budget is reported; it fails the run only under BIENHO_STRICT_BUDGET=1, because machines differ.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORES = os.cpu_count() or 1
# Files as tests/conftest.py orders them, not by their number of tests.
BY_FILE = ("--dist", "loadfile", "--no-loadscope-reorder")
PARALLEL = min(CORES, 8)
# Some of these wait for servers and browsers a third of their time.
WAITING = min(2 * CORES, 8)
FORKED = Path("tools", "forked_python.py")
# Throw-away homes lie in memory where plenty of it is free: what tests wait for most is a disk that syncs.
MEMORY = Path("/dev/shm")
MEMORY_BYTES = 6 << 30
# Console scripts cannot be relied on in a path with blanks, and import-linter has no __main__.
LINT_IMPORTS = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"


@dataclass(frozen=True)
class Phase:
    """`budget_s` is what the phase may take on 2 cores; `folders` are below tests/, `workers` run their files."""

    name: str
    title: str
    budget_s: int
    folders: tuple[str, ...] = ()
    workers: int = 0


STATIC = Phase("static", "static checks", 60)
# Side by side, because what waits for servers and browsers leaves a third of the cores to what only computes.
TOGETHER = Phase(
    "tests",
    "unit to pages, side by side",
    600,
    ("unit", "property", "conformance", "integration", "acceptance", "e2e"),
    WAITING,
)
PARTS = (
    Phase("unit", "unit, property, conformance", 240, ("unit", "property", "conformance"), PARALLEL),
    Phase("integration", "integration, acceptance", 360, ("integration", "acceptance"), WAITING),
    Phase("pages", "pages in a real browser", 180, ("e2e",), WAITING),
)
STATIC_STEPS = (
    ("ruff check", ("-m", "ruff", "check", ".")),
    ("ruff format", ("-m", "ruff", "format", "--check", "-q", ".")),
    ("mypy", ("-m", "mypy")),
    ("import rules", ("-c", LINT_IMPORTS)),
)


@dataclass
class Result:
    failed: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    skips: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


def quick_place() -> Path | None:
    """A folder for temporary files that is quicker than the usual one; None when there is none, or one was chosen."""
    if "TMPDIR" in os.environ or sys.platform != "linux" or not os.access(MEMORY, os.W_OK | os.X_OK):
        return None
    found = os.statvfs(MEMORY)
    told = dict(line.split(":") for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines())
    free = min(found.f_bavail * found.f_frsize, int(told.get("MemAvailable", "0 kB").split()[0]) * 1024)
    return MEMORY if free >= MEMORY_BYTES and not found.f_flag & os.ST_NOEXEC else None


def run_static(result: Result) -> None:
    for title, arguments in STATIC_STEPS:
        done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        print(f"  {title}: {'ok' if done.returncode == 0 else 'FAILED'}", flush=True)
        if done.returncode != 0:
            print(done.stdout + done.stderr, flush=True)
            result.failed.append(title)
            result.counts["error"] += 1


@contextmanager
def workplace() -> Iterator[Mapping[str, str]]:
    """The environment of tests: where they put what they throw away, one folder of keys for all of their processes."""
    with tempfile.TemporaryDirectory(prefix="bienho-tests-", dir=quick_place()) as scratch:
        os.chmod(scratch, 0o711)  # as in /tmp, other accounts may walk through and not look: PostgreSQL's may
        config = Path(scratch, "config")
        config.mkdir(mode=0o700)
        keys = {"BIENHO_TEST_CONFIG": str(config), "XDG_CONFIG_HOME": str(config)}
        yield {**kept_bytecode(), **keys, "XDG_CACHE_HOME": str(config / "cache"), "TMPDIR": scratch}


@contextmanager
def reading(environment: Mapping[str, str]) -> Iterator[str]:
    """How xdist starts a worker: as a fork of one process that reads all tests meanwhile; elsewhere than on Linux, and
    where that process cannot be, as a Python of its own.
    """
    if sys.platform != "linux":
        yield "popen"
        return
    place = Path(environment["TMPDIR"], "python")
    command = [sys.executable, str(FORKED), "serve", str(place)]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE) as process:
        while process.poll() is None and not place.exists():
            time.sleep(0.05)
        yield f"popen//python={shlex.join([sys.executable, str(FORKED), str(place)])}"


def kept_bytecode() -> dict[str, str]:
    """The environment of tests. They start hundreds of processes: where none may keep what it compiled, each compiles
    the whole house again.
    """
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def run_pytest(phase: Phase, environment: Mapping[str, str], worker: str, result: Result) -> None:
    folders = [f"tests/{name}" for name in phase.folders if any((ROOT / "tests" / name).rglob("test_*.py"))]
    if not folders:
        # A phase without tests proves nothing, so it does not pass.
        print(f"  no tests below {', '.join(phase.folders)}", flush=True)
        result.failed.append(phase.title)
        return
    report = Path(environment["TMPDIR"], f"{phase.name}.json")
    workers = ("--tx", f"{phase.workers}*{worker}", f"--max-worker-restart={4 * phase.workers}")
    command = [sys.executable, "-m", "pytest", "--durations=6", *workers, *BY_FILE, *folders]
    reported = {**environment, "BIENHO_TEST_REPORT": str(report)}
    code = subprocess.run(command, cwd=ROOT, env=reported, check=False).returncode
    told = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {"counts": {}, "skips": {}}
    result.counts.update(told["counts"])
    result.skips.update(told["skips"])
    if code != 0:
        result.failed.append(phase.title)
        # A run that broke off, or a rule of conftest.py that failed it, must not close with a green line.
        if not told["counts"].get("failed") and not told["counts"].get("error"):
            result.counts["error"] += 1


def timed(phase: Phase, environment: Mapping[str, str], worker: str, result: Result) -> None:
    print(f"\n== {phase.title}", flush=True)
    began = time.monotonic()
    run_pytest(phase, environment, worker, result) if phase.folders else run_static(result)
    took = time.monotonic() - began
    result.seconds += took
    over = took > phase.budget_s
    print(f"== {phase.title}: {took:.0f} s of {phase.budget_s} s{' (OVER BUDGET)' if over else ''}", flush=True)
    if over and os.environ.get("BIENHO_STRICT_BUDGET") == "1":
        result.failed.append(f"{phase.title} over budget")


def closing_line(result: Result) -> str:
    order = ("failed", "error", "passed", "skipped", "xfailed", "xpassed")
    parts = [f"{result.counts[word]} {word}" for word in order if result.counts[word]]
    return f"{', '.join(parts) or 'no tests ran'} in {result.seconds:.2f}s"


def main(wanted: str) -> int:
    result = Result()
    phases = [STATIC, TOGETHER] if wanted == "all" else [p for p in (STATIC, *PARTS) if wanted == p.name]
    if not phases:
        print(__doc__)
        return 2
    if phases == [STATIC]:
        timed(STATIC, {}, "", result)
    else:
        with workplace() as environment, reading(environment) as worker:
            for phase in phases:
                timed(phase, environment, worker, result)
    print()
    for reason, count in sorted(result.skips.items()):
        print(f"SKIPPED {count}: {reason}")
    if result.failed:
        print(f"FAILED: {'; '.join(result.failed)}")
    if phases == [STATIC]:
        return int(bool(result.failed))
    print(f"{'=' * 10} {closing_line(result)} {'=' * 10}")
    return int(bool(result.failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) == 2 else "help"))
