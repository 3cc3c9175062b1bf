"""Both languages are complete: every text of pages and code has its English, and no English is left over."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

from bienho import portal
from bienho.governance import PURPOSES, ROLES
from bienho.governance.people import reviews
from bienho.governance.people.contacts import MATTERS
from bienho.governance.people.units import KINDS
from bienho.pipeline.start import GUIDES
from bienho.portal import guide, language
from bienho.quality import rule_manual, rule_model
from support.sources import every_node

HOME = Path(portal.__file__).parent
TAG = re.compile(r"""\{%\s*t\s+(?:"([^"]*)"|'([^']*)')""")
PLACE = re.compile(r"\{(\w+)\}")


def texts_of_code() -> set[str]:
    found: set[str] = set()
    for _, node in every_node(HOME):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("t", "later"):
            first = node.args[0]
            if isinstance(first, ast.Constant):
                found.add(first.value)
    return found


def texts_of_pages() -> set[str]:
    pages = [*(HOME / "templates").rglob("*.html"), *(HOME / "components").rglob("*.html")]
    return {a or b for path in pages for a, b in TAG.findall(path.read_text(encoding="utf-8"))}


def texts_of_lists() -> set[str]:
    """Words of reviewed lists that pages show."""
    told = [*ROLES.values(), *PURPOSES.values()]
    found = {one.title_vi for one in told} | {one.description_vi for one in told}
    found |= {text for one in GUIDES.values() for text in (one.title_vi, one.why_vi)}
    for rule in rule_model.rules():
        found |= {rule.title, rule.group, rule.screen}
    found |= {*rule_manual.STATES.values(), *rule_manual.SOURCES.values()}
    return found | {one.title_vi for one in KINDS.values()} | set(MATTERS.values()) | set(reviews.REASONS.values())


def texts() -> set[str]:
    return texts_of_code() | texts_of_pages() | texts_of_lists()


def test_every_text_has_its_english() -> None:
    missing = sorted(texts() - language.english().keys())
    assert not missing, yaml.safe_dump(missing, allow_unicode=True, width=200)


def test_no_english_is_left_over() -> None:
    assert not sorted(language.english().keys() - texts())


def test_places_to_fill_are_the_same() -> None:
    wrong = [vi for vi, en in language.english().items() if set(PLACE.findall(vi)) != set(PLACE.findall(en))]
    assert not wrong


def test_no_text_of_a_page_is_outside_the_catalogue() -> None:
    """A letter with a Vietnamese mark in a template stands inside a {% t %} (the name of the place is a name)."""
    marked = re.compile(r"[À-ỹĐđ]")
    for path in [*(HOME / "templates").rglob("*.html"), *(HOME / "components").rglob("*.html")]:
        rest = re.sub(r"\{%.*?%\}", "", path.read_text(encoding="utf-8"))
        rest = rest.replace("Biển Hồ", "").replace("Tiếng Việt", "")
        assert not marked.search(rest), path.name


def test_unknown_language_is_vietnamese() -> None:
    language.use_language("xx")
    assert language.current_language() == "vi"
    language.use_language("en")
    assert language.t("Hồ sơ") == "Dossiers"
    language.use_language("vi")
    assert language.t("Hồ sơ") == "Hồ sơ"


def test_guide_has_the_same_chapters_in_both_languages() -> None:
    names = {code: {p.stem for p in (guide.FOLDER / code).glob("*.md")} for code in language.LANGUAGES}
    assert names["vi"] == names["en"]
    assert names["vi"]


@pytest.mark.parametrize("code", list(language.LANGUAGES))
def test_guide_renders(code: str) -> None:
    language.use_language(code)
    for name in guide.chapters():
        title, body = guide.chapter(name)
        assert title
        assert "<p>" in body
        assert "**" not in body
        assert "`" not in body
    language.use_language("vi")


def test_written_guide_is_the_same_text() -> None:
    folder = Path(__file__).resolve().parents[2] / "docs" / "guide"
    found = {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.md")}
    assert found == guide.files(), "run `python -m bienho.portal.guide docs/guide`"


def test_pictures_of_the_guide_exist_and_are_small() -> None:
    folder = Path(__file__).resolve().parents[2] / "docs" / "images"
    named = {f"{file}.png" for pictures in guide.PICTURES.values() for file, _ in pictures}
    sizes = {path.name: path.stat().st_size for path in folder.glob("*.png")}
    assert named <= sizes.keys()
    assert max(sizes.values()) <= 120_000


def test_links_between_chapters_lead_somewhere() -> None:
    known = {guide.slug(name) for name in guide.chapters()}
    for code in language.LANGUAGES:
        language.use_language(code)
        for name in guide.chapters():
            body = guide.chapter(name)[1]
            assert set(re.findall(r'href="/huong-dan/([^/]+)/"', body)) <= known
            assert "](" not in body
    language.use_language("vi")


def test_guide_escapes_html() -> None:
    assert guide.markdown("# T\n\n<script>x</script> **đậm**") == (
        "T",
        "<p>&lt;script&gt;x&lt;/script&gt; <strong>đậm</strong></p>",
    )
