"""The user guide: Markdown files that are both the help beside each page and the guide of its own."""

from __future__ import annotations

import html
import re
from functools import cache
from pathlib import Path

from bienho.portal.components import Help
from bienho.portal.language import current_language

FOLDER = Path(__file__).parent / "guide_text"
LINK = re.compile(r"\[([^\]]+)\]\((/[^)\s]*)\)")
STRONG = re.compile(r"\*\*([^*]+)\*\*")
CODE = re.compile(r"`([^`]+)`")


def chapters() -> list[str]:
    """Names of the chapters, in the order of the guide (file names carry it)."""
    return sorted(path.stem for path in (FOLDER / "vi").glob("*.md"))


def chapter(name: str) -> tuple[str, str]:
    """(title, HTML) of a chapter in the reader's language; KeyError when there is none."""
    return _load(name, current_language())


def help_for(guide: str) -> Help | None:
    """Help of the page whose chapter ends with `guide` (chapters are numbered)."""
    for name in chapters():
        if name.partition("-")[2] == guide:
            title, body = chapter(name)
            return Help(title, body, f"/huong-dan/{guide}/")
    return None


def slug(name: str) -> str:
    """`02-giao-nhan` → `giao-nhan`, as used in addresses."""
    return name.partition("-")[2]


@cache
def _load(name: str, language: str) -> tuple[str, str]:
    path = FOLDER / language / f"{name}.md"
    if not path.is_file():
        raise KeyError(name)
    return markdown(path.read_text(encoding="utf-8"))


def markdown(text: str) -> tuple[str, str]:
    """The little Markdown the guide uses: one title, sub-titles, paragraphs, lists, bold, code, links inside."""
    title, out, kind = "", [], ""
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = block.strip().splitlines()
        if lines[0].startswith("# "):
            title = lines[0][2:].strip()
        elif lines[0].startswith("## "):
            out.append(f"<h2>{_inline(lines[0][3:])}</h2>")
        elif lines[0].startswith(("- ", "1. ")):
            kind = "ul" if lines[0].startswith("- ") else "ol"
            items = re.split(r"^(?:- |\d+\. )", block.strip(), flags=re.MULTILINE)[1:]
            out.append(f"<{kind}>" + "".join(f"<li>{_inline(item)}</li>" for item in items) + f"</{kind}>")
        else:
            out.append(f"<p>{_inline(block)}</p>")
    return title, "".join(out)


def _inline(text: str) -> str:
    text = html.escape(" ".join(text.split()), quote=False)
    text = CODE.sub(r"<code>\1</code>", STRONG.sub(r"<strong>\1</strong>", text))
    return LINK.sub(r'<a href="\2">\1</a>', text)
