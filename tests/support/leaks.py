"""Looks for people's direct identifiers where none may be (promise 1).

Every needle is searched in many dresses: as written, other Unicode form, without marks, upper and lower case, base64 at
each of the three alignments, UTF-16, as JSON, HTML and addresses write it, and unkeyed hashes as hex. The search itself
is `grep -F`, so a few thousand needles over a few hundred megabytes take seconds.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import subprocess
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus

from bienho.core.text import nfc, unaccented

SHORTEST = 6
HASHES = ("md5", "sha1", "sha256", "sha512", "blake2b")


@dataclass(frozen=True, slots=True)
class Leak:
    """Where a needle was found, and which it was. The text itself is synthetic, so it may be shown."""

    place: str
    needle: str
    dress: str


def dresses(text: str) -> dict[bytes, str]:
    """Every byte form of one value that would give it away, with the name of the form."""
    forms: dict[bytes, str] = {}
    spoken = {
        "as written": text,
        "NFC": nfc(text),
        "NFD": unicodedata.normalize("NFD", text),
        "without marks": unaccented(text),
    }
    for name, form in spoken.items():
        for case, cased in (("", form), (" upper", form.upper()), (" lower", form.lower())):
            forms.setdefault(cased.encode(), name + case)
            forms.setdefault(cased.encode("utf-16-le"), name + case + " UTF-16")
            forms.setdefault(cased.encode("unicode_escape"), name + case + " escaped")
            forms.setdefault(json.dumps(cased)[1:-1].encode(), name + case + " JSON")
            forms.setdefault(html.escape(cased).encode(), name + case + " HTML")
            forms.setdefault(quote(cased).encode(), name + case + " in an address")
            forms.setdefault(quote_plus(cased).encode(), name + case + " in a form")
            for shift in range(3):
                forms.setdefault(_base64_core(cased.encode(), shift), f"{name}{case} base64+{shift}")
            for algorithm in HASHES:
                digest = hashlib.new(algorithm, cased.encode())
                forms.setdefault(digest.hexdigest().encode(), f"{name}{case} {algorithm}")
                forms.setdefault(digest.hexdigest().upper().encode(), f"{name}{case} {algorithm} upper")
    return {form: name for form, name in forms.items() if len(form) >= SHORTEST and b"\n" not in form}


def _base64_core(data: bytes, shift: int) -> bytes:
    """The part of base64 text that is the same whatever stands before and after `data` at this alignment."""
    encoded = base64.b64encode(b"\0" * shift + data + b"\0" * 2)
    start = {0: 0, 1: 2, 2: 3}[shift]
    whole = ((shift + len(data)) // 3) * 4
    return encoded[start:whole] if whole - start >= 2 * SHORTEST else b""


class Searcher:
    """Searches files for a set of needles."""

    def __init__(self, needles: Iterable[str], work: Path) -> None:
        self._names: dict[bytes, tuple[str, str]] = {}
        for needle in needles:
            if len(needle.strip()) >= SHORTEST:
                for form, dress in dresses(needle.strip()).items():
                    self._names.setdefault(form, (needle, dress))
        self._patterns = work / "needles.bin"
        self._patterns.write_bytes(b"\n".join(self._names) + b"\n")

    @property
    def forms(self) -> int:
        return len(self._names)

    def search(self, *places: Path) -> list[Leak]:
        """Every needle found in the given files and folders (recursively, as bytes); a place that is not there is none
        without leaks but a mistake, FileNotFoundError."""
        for place in places:
            place.stat()
        done = subprocess.run(
            [
                "grep",
                "-r",
                "-a",
                "-o",
                "-F",
                "-Z",
                "--with-filename",
                "-f",
                str(self._patterns),
                "--",
                *map(str, places),
            ],
            capture_output=True,
            env={"LC_ALL": "C", "PATH": "/usr/bin:/bin:/usr/local/bin"},
            check=False,
        )
        # a server at work makes and removes files of its own meanwhile
        told = [line for line in done.stderr.splitlines() if not line.endswith(b": No such file or directory")]
        if done.returncode > 1 and told:
            raise RuntimeError(b"\n".join(told).decode(errors="replace"))
        leaks = []
        for line in done.stdout.split(b"\n"):
            place, _, form = line.partition(b"\0")
            if form:
                needle, dress = self._names.get(form, (form.decode(errors="replace"), "?"))
                leaks.append(Leak(place.decode(errors="replace"), needle, dress))
        return leaks
