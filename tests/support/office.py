"""LibreOffice as a reader: what a file's cells hold once a real spreadsheet program has opened it.

The file is written out again as flat OpenDocument, which says of every cell whether it is text, number or formula.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree

SPACES = {
    "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
    "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
    "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
    "xlink": "http://www.w3.org/1999/xlink",
}
SECONDS = 120
# Comma, double quote, UTF-8, from the first line; numbers and dates are looked for as a person's import would.
CSV_FILTER = "CSV:44,34,76,1,,0,false,true"


@dataclass
class Cells:
    """`texts` of cells that hold text, `numbers` (kind, value, as shown) of the others, `formulas`, `links`."""

    texts: list[str] = field(default_factory=list)
    numbers: list[tuple[str, str, str]] = field(default_factory=list)
    formulas: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)


class Office:
    """One LibreOffice with a profile of its own, so that it meets no other."""

    def __init__(self, path: str, folder: Path) -> None:
        self._path = path
        self._folder = folder

    def cells(self, *files: Path) -> list[Cells]:
        """Open files of one kind and read what their cells are; one start of the program for all of them."""
        out = self._folder / "out"
        command = [
            self._path,
            f"-env:UserInstallation={(self._folder / 'profile').as_uri()}",
            "--headless",
            *(["--infilter=" + CSV_FILTER] if files[0].suffix == ".csv" else []),
            "--convert-to",
            "fods",
            "--outdir",
            str(out),
            *map(str, files),
        ]
        environment = os.environ | {"HOME": str(self._folder), "LC_ALL": "C.UTF-8"}
        subprocess.run(command, check=True, capture_output=True, timeout=SECONDS, env=environment)
        return [read(out / f"{file.stem}.fods") for file in files]


def read(path: Path) -> Cells:
    found = Cells()
    for cell in etree.parse(path, etree.XMLParser(huge_tree=True)).iter(f"{{{SPACES['table']}}}table-cell"):
        lines = ["".join(_text(line)) for line in cell.iterfind("text:p", SPACES)]
        kind = cell.get(f"{{{SPACES['office']}}}value-type")
        formula = cell.get(f"{{{SPACES['table']}}}formula")
        if formula:
            found.formulas.append(formula)
        if kind == "string":
            found.texts.append("\n".join(lines))
        elif kind:
            names = (f"{{{SPACES['office']}}}value", f"{{{SPACES['office']}}}date-value")
            found.numbers.append((kind, cell.get(names[0]) or cell.get(names[1]) or "", "\n".join(lines)))
        found.links += [str(a.get(f"{{{SPACES['xlink']}}}href")) for a in cell.iterfind(".//text:a", SPACES)]
    return found


def _text(node: etree._Element) -> list[str]:
    """Text of a paragraph: OpenDocument writes runs of blanks and tabs as elements."""
    parts = [node.text or ""]
    for child in node:
        name = etree.QName(child).localname
        if name == "s":
            parts.append(" " * int(child.get(f"{{{SPACES['text']}}}c") or 1))
        elif name == "tab":
            parts.append("\t")
        else:
            parts += _text(child)
        parts.append(child.tail or "")
    return parts
