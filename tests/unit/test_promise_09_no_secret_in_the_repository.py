"""Promise 9: no key, password, token or real person's number is in what we publish, nor was it ever.

Every tracked file and every line that the history ever added is searched, by shapes of known secrets and by chance
(entropy) of long words. What only looks like one is named in `tools/supply/secrets_allowed.csv` by its digest, with a
reason: the file does not repeat it.
"""

from __future__ import annotations

import csv
import hashlib
import math
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHAPES = {
    "private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "cloud key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "forge token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{60,}|glpat-[\w-]{20,})",
    "chat token": r"\bxox[abprs]-[\w-]{10,}",
    "vault token": r"\bhv[sb]\.[\w-]{24,}",
    "index token": r"\bpypi-[\w-]{50,}",
    "web token": r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",
    "password in an address": r"\b[a-z][a-z0-9+]{2,20}://[^\s:/@'\"{}<>]{1,60}:[^\s@'\"{}<>]{3,60}@[\w.-]+",
    "assigned": r"(?i)\b(?:passw(?:or)?d|secret|api_?key|token|mat_khau)\b['\"]?\s*[:=]\s*['\"][^'\"\s{}<>]{12,}['\"]",
}
_SHAPES = {name: re.compile(shape) for name, shape in SHAPES.items()}
# Long words that nobody would type: hex, base64. Mixed letters and digits, so that words of languages do not count.
_WORD = re.compile(r"(?<![\w+/=-])[A-Za-z0-9+/_-]{32,200}={0,2}(?![\w+/=-])")
LEAST_BITS = 4.3
LEAST_HEX_BITS = 3.5
# Locks are lists of digests; pictures, shapes and results are made by programs, and people in data are invented.
PASSED_OVER = re.compile(r"(\.lock|\.svg|\.png|\.geojson)$|^docs/(results|images)/")


def bits(word: str) -> float:
    """Shannon entropy per character."""
    return -sum(n / len(word) * math.log2(n / len(word)) for n in Counter(word).values())


def looks_random(word: str) -> bool:
    if re.fullmatch(r"[0-9a-f]+|[0-9A-F]+", word):
        return bool(re.search(r"[0-9]", word) and re.search(r"(?i)[a-f]", word)) and bits(word) > LEAST_HEX_BITS
    mixed = all(re.search(kind, word) for kind in ("[0-9]", "[a-z]", "[A-Z]"))
    return mixed and bits(word) > LEAST_BITS


def secrets_in(text: str) -> Iterator[tuple[str, str, int]]:
    """(kind, what was found, where it begins) of a text of any number of lines."""
    for kind, shape in _SHAPES.items():
        for found in shape.finditer(text):
            yield kind, found[0], found.start()
    for found in _WORD.finditer(text):
        if looks_random(found[0]):
            yield "random word", found[0], found.start()


def digest(found: str) -> str:
    return hashlib.sha256(found.encode()).hexdigest()[:24]


@cache
def allowed() -> dict[str, str]:
    with (ROOT / "tools" / "supply" / "secrets_allowed.csv").open(encoding="utf-8", newline="") as file:
        return {line["digest"]: line["reason"] for line in csv.DictReader(file)}


def git(*arguments: str) -> str:
    # a checkout may belong to another account than the one that tests it
    command = ["git", "-c", "safe.directory=*", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return done.stdout.decode("utf-8", "replace")


def published() -> Iterator[tuple[str, str]]:
    """(place, line) of every tracked file; of every file of ours where there is no history beside."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        names = git("ls-files", "-z").split("\0")
    else:
        kept = ("src", "tests", "tools", "bench", "docs", ".ci")
        names = [str(path.relative_to(ROOT)) for folder in kept for path in (ROOT / folder).rglob("*")]
    for name in filter(None, names):
        path = ROOT / name
        if path.is_file() and not PASSED_OVER.search(name) and b"\0" not in path.read_bytes()[:4096]:
            yield from ((name, line) for line in path.read_text(encoding="utf-8").splitlines())


def added_ever() -> Iterator[tuple[str, str]]:
    """(place, line) of all lines that any commit behind this one added."""
    name, passed = "", False
    for line in git("log", "-p", "--no-color", "--no-ext-diff", "--unified=0", "--format=%x00%h", "HEAD").splitlines():
        if line.startswith("+++ "):
            name = line[6:]
            passed = bool(PASSED_OVER.search(name))
        elif line.startswith("+") and not passed:
            yield name, line[1:]


def met(lines: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Digest of whatever looks like a secret → its kind and where it stands; each line is looked at once."""
    places: dict[str, str] = {}
    for place, line in lines:
        places.setdefault(line, place)
    text = "\n".join(places)
    found = {}
    for kind, secret, start in secrets_in(text):
        line = text[text.rfind("\n", 0, start) + 1 :].partition("\n")[0]
        found[digest(secret)] = f"{kind} in {places.get(line, '?')}"
    return found


@cache
def everything() -> dict[str, str]:
    """All that is published and was ever added."""
    has_history = (ROOT / ".git").exists() and shutil.which("git")
    return met([*published(), *(added_ever() if has_history else ())])


def judged(found: dict[str, str]) -> dict[str, str]:
    return {key: place for key, place in found.items() if key not in allowed()}


def test_nothing_is_or_ever_was_a_secret() -> None:
    assert judged(everything()) == {}


def test_what_is_allowed_is_still_there_and_has_a_reason() -> None:
    assert all(len(reason) > 10 for reason in allowed().values())
    if (ROOT / ".git").exists() and shutil.which("git"):
        assert set(allowed()) <= set(everything())


@pytest.mark.parametrize(
    "planted",
    [
        "-----BEGIN RSA PRIVATE " + "KEY-----",
        "AKIA" + "Q3EXAMPLE7ZX2M4K",
        "ghp_" + "a1B2c3D4e5F6g7H8i9J0" + "k1L2m3N4o5P6q7R8",
        "postgresql://kho:" + "mat-khau-that@db.example/kho",
        "BIENHO_TOKEN: " + hashlib.sha256(b"planted").hexdigest(),
        'password = "' + 'Tr0ub4dor&3-dai-hon"',
        "khóa: " + "q7Zr2LmX9vB4nT6y" + "Kc1WpE8sHd3JfGa5",
        "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0." + "dozjgNryP4J3jVmNHl0w5N",
    ],
)
def test_a_planted_secret_is_found(planted: str) -> None:
    assert judged(met([("x", "một dòng"), ("y", planted)])).popitem()[1].endswith(" in y")
