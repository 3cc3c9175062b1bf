"""A real portal over a real home, and a reader who follows every link and keeps every answer byte for byte.

    with serving(made, folder / "server.log") as portal:
        visitor = Visitor(portal, folder)
        visitor.sign_in(portal.link)
        visitor.follow(["/"], most={"dossier": 40})

The portal is `bienho serve` as a process of its own. What `Visitor` keeps of one exchange is one file below the folder
of its route: the line of the address, the status line, all headers with the cookies, the body.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from multiprocessing.process import BaseProcess
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from bench import ports
from bienho.portal.urls import urlpatterns
from support import commands
from support.assets import shared_assets
from support.homes import Made

READY_SECONDS = 120
LINK = re.compile(r"http://127\.0\.0\.1:\d+(/dang-nhap/\?ma=[\w-]+)")
STATIC = "/tinh/"
NOWHERE = "no-route"
ROUTES = frozenset(pattern.name for pattern in urlpatterns)


@dataclass(frozen=True)
class Portal:
    """A portal that answers on a port of this machine, and its one-time link."""

    port: int
    link: str


@contextmanager
def serving(made: Made, log: Path) -> Iterator[Portal]:
    """`bienho serve` over a home until the block ends; its output goes to the file `log`."""
    port = ports.free()
    log.touch()
    with ExitStack() as starting:
        starting.enter_context(shared_assets(made.home))
        with commands.living(made.environment, "serve", "--port", str(port), log=log) as server:
            link = _link(server, log)
            starting.close()
            yield Portal(port, link)


def _link(server: BaseProcess, log: Path) -> str:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and server.is_alive():
        found = LINK.search(log.read_text(encoding="utf-8"))
        if found:
            return found[1]
        time.sleep(0.05)
    raise RuntimeError(log.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Answer:
    """What came back; header names in lower case, the last of several."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def is_page(self) -> bool:
        return self.headers.get("content-type", "").startswith("text/html")


class _Links(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        method = dict(attrs).get("method", "get")
        for name, value in attrs:
            if value and (name in ("href", "src", "data-src") or (name == "action" and method == "get")):
                self.found.append(value)


def links(answer: Answer, path: str) -> list[str]:
    """Addresses of this portal that a page leads to by GET, without static files and fragments, in order."""
    joined = [urlsplit(urljoin(path, link)) for link in _Links(answer.text).found]
    own = [link for link in joined if not link.netloc and not link.path.startswith(STATIC)]
    return list(dict.fromkeys(link.path + (f"?{link.query}" if link.query else "") for link in own))


def route_of(path: str) -> str:
    """Name of the route an address belongs to."""
    wanted = urlsplit(path).path.removeprefix("/")
    return next((str(pattern.name) for pattern in urlpatterns if pattern.resolve(wanted)), NOWHERE)


def kind_of(path: str) -> str:
    """The route of an address and the names of what it asks, in order: `deliveries?sap&trang`."""
    names = sorted({name for name, _ in parse_qsl(urlsplit(path).query)})
    return route_of(path) + ("?" + "&".join(names) if names else "")


@dataclass
class Visitor:
    """One browser without a screen. `kept` counts what was kept of each (route, status)."""

    portal: Portal
    folder: Path
    cookies: dict[str, str] = field(default_factory=dict)
    kept: Counter[tuple[str, int]] = field(default_factory=Counter)

    def ask(self, path: str, form: Mapping[str, str] | None = None, *, keep: str = "", **headers: str) -> Answer:
        """One request; what comes back is kept below `keep` instead of the route's name."""
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), **headers}
        if form is None:
            return self._exchange("GET", path, b"", sent, keep)
        sent["Content-Type"] = "application/x-www-form-urlencoded"
        return self._exchange("POST", path, urlencode(form).encode(), sent, keep)

    def put(self, path: str, body: bytes, **headers: str) -> Answer:
        """A POST of bytes, as a program sends them."""
        return self._exchange("POST", path, body, headers, "")

    def _exchange(self, method: str, path: str, body: bytes, sent: Mapping[str, str], keep: str) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.portal.port, timeout=60)
        try:
            connection.request(method, path, body or None, dict(sent))
            response = connection.getresponse()
            answer = Answer(
                response.status, {name.lower(): text for name, text in response.getheaders()}, response.read()
            )
            for name, text in response.getheaders():
                if name.lower() == "set-cookie":
                    self._take(text)
            self._keep(keep or route_of(path), f"{method} {path}", answer, response.getheaders())
        finally:
            connection.close()
        return answer

    def sign_in(self, link: str) -> None:
        """By the button of the one-time link."""
        page = self.ask(link)
        self.ask("/dang-nhap/", {"ma": link.partition("ma=")[2], "csrfmiddlewaretoken": token_of(page)})

    def post(self, page: str, path: str, form: Mapping[str, str], *, keep: str = "") -> Answer:
        """Send a form found on a page."""
        return self.ask(path, {"csrfmiddlewaretoken": token_of(self.ask(page)), **form}, keep=keep)

    def follow(self, start: Iterable[str], *, most: Mapping[str, int], otherwise: int = 1) -> int:
        """Read `start` and all it leads to; how many addresses were read.

        Filters, orders and columns of lists combine without end, so of one kind at most `otherwise` addresses are read,
        and of a kind that asks several things none: a kind is a route with the names of what the address asks, and
        `most` counts by that text (`dossier?phan`).
        """
        waiting = deque(dict.fromkeys(start))
        seen = set(waiting)
        read: Counter[str] = Counter()
        while waiting:
            path = waiting.popleft()
            kind = kind_of(path)
            if read[kind] >= most.get(kind, 0 if "&" in kind else otherwise):
                continue
            read[kind] += 1
            answer = self.ask(path)
            if answer.is_page:
                fresh = [link for link in links(answer, path) if link not in seen]
                seen.update(fresh)
                waiting.extend(fresh)
        return read.total()

    def _take(self, text: str) -> None:
        for name, morsel in SimpleCookie(text).items():
            self.cookies[name] = morsel.value

    def _keep(self, route: str, line: str, answer: Answer, headers: Iterable[tuple[str, str]]) -> None:
        self.kept[route, answer.status] += 1
        folder = self.folder / route
        folder.mkdir(parents=True, exist_ok=True)
        number = len(os.listdir(folder))
        head = "\n".join([line, str(answer.status), *(f"{name}: {text}" for name, text in headers)])
        (folder / f"{number:05d}.txt").write_bytes(head.encode() + b"\n\n" + answer.body)


def token_of(page: Answer) -> str:
    """The token of a page's forms."""
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert found, "the page has no form"
    return found[1]
