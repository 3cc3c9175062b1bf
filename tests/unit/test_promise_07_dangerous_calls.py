"""Promise 7: no text from outside becomes a program, a template, a pattern or an address. Held by reading the source.

Where something dangerous is needed, the place is listed here with why it is safe; a new place fails until somebody
has looked at it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from support.sources import files, tree

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "bienho"
BANNED_CALLS = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "os.execv", "os.execvp", "os.spawnl",
    "subprocess.getoutput", "subprocess.getstatusoutput", "subprocess.call", "tempfile.mktemp", "pickle.loads",
    "pickle.load", "marshal.loads", "marshal.load", "shelve.open", "yaml.unsafe_load", "yaml.full_load",
    "hashlib.md5", "hashlib.sha1", "ssl._create_unverified_context", "lxml.objectify.fromstring",
}  # fmt: skip
# What a wire outside the house forces; what rests on it is said there.
FORCED = {
    ("governance/people/portal_api.py", "hashlib.md5"): "clients of the insurance portal send nothing else; of 160"
    " random bits of the house, kept as Argon2id",
    ("linkage/model/single.py", "eval"): "the comparisons' own SQL written as Python once, when it is loaded; no text"
    " that comes with data or settings is part of it",
}
BANNED_MODULES = {"pickle", "marshal", "shelve", "dill", "telnetlib", "ftplib", "smtplib", "urllib.request", "requests"}
# Who starts programs: fixed ones with arguments of their own, never through a shell.
STARTS_PROGRAMS = {
    "database/accounts.py": "PostgreSQL's own programs, under another account of the system",
    "database/binaries.py": "asks PostgreSQL's own program for its version",
    "pipeline/signature_process.py": "the process that judges signatures",
    "pipeline/rehearsal.py": "the process that judges one file and forgets it",
    "pipeline/worker/supervisor.py": "the worker",
}
# Who may open a connection to another machine, and where its address comes from.
SPEAKS_OUTSIDE = {
    "config/kms.py": "BIENHO_KMS_URL, https only: the key service that the administrator set",
    "governance/people/outside.py": "the issuer of doors.yaml and the hosts named there, https only, no redirects",
    "pipeline/outward.py": "an address that an account named and proved, or a facility's data officer with two factors:"
    " https only, no redirects, looked up once, none of a private network unless doors.yaml allows it",
    "pipeline/notices/mail.py": "the mail server of notices.yaml, under TLS",
}
NETWORK = {"smtplib", "http.client", "socket", "ssl", "httpx", "aiohttp", "urllib3"}
LISTENS = {
    "portal/serve.py": "is its own port free",
    "pipeline/doctor/check.py": "is a port free",
    "pipeline/signature_process.py": "a pair of sockets with its own child",
    "standards/xml130/signature_worker.py": "the other end of that pair",
    "pipeline/rehearsal.py": "a pair of sockets with its own child",
    "pipeline/rehearsal_worker.py": "the other end of that pair",
}
SAFE_HTML = {
    "components/chart/chart.html": {"it.wide|safe", "it.narrow|safe"},  # SVG drawn by the chart library from data
    "components/help/help.html": {"it.html|safe"},  # the guide's own text
    "templates/guide.html": {"body|safe"},  # the guide's own text
}


@cache
def sources() -> dict[str, ast.Module]:
    return {str(path.relative_to(PACKAGE)): tree(path) for path in files()}


def name_of(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def calls_in(place: str, tree: ast.Module) -> Iterator[tuple[str, str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield place, name_of(node.func), node


def imports_in(place: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((place, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield place, node.module


@cache
def calls() -> tuple[tuple[str, str, ast.Call], ...]:
    return tuple(one for place, tree in sources().items() for one in calls_in(place, tree))


@cache
def imports() -> tuple[tuple[str, str], ...]:
    return tuple(one for place, tree in sources().items() for one in imports_in(place, tree))


def test_no_text_is_run_or_made_an_object() -> None:
    assert {(place, name) for place, name, _ in calls() if name in BANNED_CALLS} == FORCED.keys()
    banned = [(place, module) for place, module in imports() if module in BANNED_MODULES]
    assert banned == [("pipeline/notices/mail.py", "smtplib")], "e-mail goes out in one place, under TLS"


def test_programs_are_started_in_known_places_and_through_no_shell() -> None:
    started = {place for place, module in imports() if module == "subprocess"}
    assert started == set(STARTS_PROGRAMS)
    shells = [
        (place, name)
        for place, name, call in calls()
        for word in call.keywords
        if word.arg == "shell" or (name.startswith("subprocess.") and word.arg == "executable")
    ]
    assert shells == []
    texts = [
        (place, name)
        for place, name, call in calls()
        if name in ("subprocess.run", "subprocess.Popen")
        and call.args
        and isinstance(call.args[0], ast.Constant | ast.JoinedStr | ast.BinOp)
        and not isinstance(getattr(call.args[0], "left", None), ast.List)
    ]
    assert texts == [], "a command in one text is taken apart by somebody"


def test_only_listed_places_speak_to_other_machines() -> None:
    """And their addresses come from settings or were proved by who named them; none that came with data is asked."""
    users = {place for place, module in imports() if module in NETWORK}
    assert users == set(SPEAKS_OUTSIDE) | set(LISTENS)
    asking = {place for place, module in imports() if module.endswith("people.outside")}
    asking |= {place for place in sources() if "outside.https" in (PACKAGE / place).read_text(encoding="utf-8")}
    assert asking == {"governance/people/oidc.py", "portal/house.py"}, "the house hands it to the sign-in service only"


def test_yaml_and_xml_are_read_by_the_careful_readers_only() -> None:
    assert {place for place, name, _ in calls() if name == "yaml.load"} == {"core/documents.py"}
    bare = [
        place
        for place, name, call in calls()
        if name in ("etree.fromstring", "etree.parse", "etree.XML", "etree.iterparse")
        and not any(word.arg == "parser" for word in call.keywords)
        and len(call.args) < 2
    ]
    assert bare == [], "without a parser of ours, entities and network are as the library has them"
    parsers = [
        (place, {word.arg: getattr(word.value, "value", None) for word in call.keywords})
        for place, name, call in calls()
        if name in ("etree.XMLParser", "etree.XMLPullParser")
    ]
    assert parsers
    for place, given in parsers:
        assert given.get("resolve_entities", 1) is False, place
        assert given.get("no_network", True) is True, place


def test_no_path_or_query_in_xml_is_built_of_a_text() -> None:
    built = [
        (place, call.lineno)
        for place, name, call in calls()
        if name.endswith((".xpath", ".XPath", ".iterfind", ".findall", ".find", ".findtext"))
        and call.args
        and isinstance(call.args[0], ast.JoinedStr | ast.BinOp)
        and (place, "lxml") in imports()
        and not all(word.id.isupper() for word in ast.walk(call.args[0]) if isinstance(word, ast.Name))
    ]
    assert built == []


def test_templates_are_files_and_what_they_mark_as_safe_is_known() -> None:
    made = [(place, name) for place, name, _ in calls() if name.endswith(("from_string", ".Template", "Template"))]
    assert made == []
    found: dict[str, set[str]] = {}
    for path in (PACKAGE / "portal").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "autoescape" not in text, path.name
        if safe := set(re.findall(r"\{\{\s*(\S+?\|safe)\b", text)):
            found[str(path.relative_to(PACKAGE / "portal"))] = safe
    assert found == SAFE_HTML
    marked = [place for place, name, _ in calls() if name.endswith("mark_safe")]
    assert marked == ["portal/templatetags/bienho.py"] * 2


def test_scripts_of_pages_write_texts_and_keep_nothing() -> None:
    banned = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|setTimeout\(\s*['\"]"
        r"|localStorage|sessionStorage|indexedDB|document\.cookie|postMessage|jsonp|location\s*=|window\.open"
    )
    scripts = list((PACKAGE / "portal").rglob("*.js"))
    assert scripts
    for path in scripts:
        text = path.read_text(encoding="utf-8")
        assert not banned.search(text), path.name
        assert '"use strict"' in text, path.name


def test_chance_that_guards_something_comes_from_the_system() -> None:
    """The module `random` is for the twin, which must come out the same each time, and for waiting times."""
    users = {place for place, module in imports() if module == "random" and not place.startswith("synthetic/")}
    assert users == {"lake/commits.py", "standards/xml130/write.py"}


CIPHERS = {"cryptography.hazmat.primitives.ciphers.aead.AESGCM"}


def test_what_is_sealed_is_sealed_by_aes_gcm_only() -> None:
    """No block mode, no padding, no cipher without a tag; the two names beside are told apart where they stand."""
    named = {
        f"{node.module}.{alias.name}"
        for tree in sources().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and node.module
        and node.module.startswith("cryptography.hazmat.primitives.")
        for alias in node.names
    }
    ciphers = {name for name in named if ".ciphers" in name or "padding" in name}
    assert ciphers == CIPHERS | {
        f"cryptography.hazmat.primitives.ciphers.{one}" for one in ("Cipher", "algorithms", "modes")
    }
    modes = {name for _, name, _ in calls() if name.startswith(("modes.", "algorithms."))}
    assert modes == {"modes.GCM", "algorithms.AES256"}


@pytest.mark.parametrize("text", ["import pickle", "eval('1')", "subprocess.run('ls', shell=True)"])
def test_the_reading_sees_what_it_looks_for(text: str) -> None:
    tree = ast.parse(text)
    found = [name for _, name, _ in calls_in("x.py", tree) if name in BANNED_CALLS]
    found += [module for _, module in imports_in("x.py", tree) if module in BANNED_MODULES]
    found += [word.arg for _, _, call in calls_in("x.py", tree) for word in call.keywords if word.arg == "shell"]
    assert len(found) == 1
