"""A browser's session: the cookie that carries its token, where it may go next, and how a page asks for two factors.

The session itself is governance's: what lies in the browser is a random token and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import rotate_token
from django.utils.http import url_has_allowed_host_and_scheme

from bienho.governance import people
from bienho.governance.people.sessions import Pending, Session
from bienho.governance.people.signing_in import Entered
from bienho.portal.house import House

SIGN_IN, SECOND, ENROL, PASSWORD, UNLOCK = (
    "/dang-nhap/",
    "/dang-nhap/lop-hai/",
    "/tai-khoan/lop-hai/",
    "/tai-khoan/mat-khau/",
    "/dang-nhap/mo-khoa/",
)
STEPS: dict[Pending, str] = {"second-factor": SECOND, "enrol": ENROL, "password": PASSWORD}
DOOR = "portal"
LONGEST_PATH = 1_000


def house() -> House:
    """The house behind the pages of this process."""
    found: House = settings.BIENHO_HOUSE
    return found


def cookie_name(of: House) -> str:
    """`__Host-` ties the cookie to this host, to HTTPS and to `/`; a demo on 127.0.0.1 has no HTTPS."""
    return "__Host-bienho" if of.home.mode == "production" else "bienho_session"


def language_cookie(of: House) -> str:
    """The name of the cookie that remembers the language; tied to host and HTTPS as above."""
    return "__Host-bienho-lang" if of.home.mode == "production" else "bienho_lang"


def address(request: HttpRequest) -> str:
    """Where the request comes from, as the proxy middleware found it."""
    return str(request.META.get("REMOTE_ADDR", ""))


def open_to_all(view: Any) -> Any:
    """Marks one of the few views that need no signed-in actor."""
    view.open_to_all = True
    return view


def also_while(*steps: str) -> Callable[[Any], Any]:
    """Marks a view that a session may reach while this is pending (or `idle`), beside whoever is signed in."""

    def mark(view: Any) -> Any:
        view.steps = frozenset(steps)
        return view

    return mark


def local(path: str) -> str:
    """The path when it leads to a page of this portal, else the first page: nobody is sent elsewhere."""
    safe = url_has_allowed_host_and_scheme(path, allowed_hosts=None) and path.startswith("/")
    return path if safe and len(path) <= LONGEST_PATH else "/"


def following(request: HttpRequest) -> str:
    """Where somebody was going when they had to sign in."""
    return local(request.POST.get("tiep") or request.GET.get("tiep") or "/")


def with_following(path: str, onward: str, **more: str) -> str:
    """An address that remembers where to go afterwards."""
    asked = {**({"tiep": onward} if onward != "/" else {}), **more}
    return f"{path}?{urlencode(asked)}" if asked else path


def next_step(session: Session | None) -> str:
    """The page on which a session that does not open goes on."""
    if session is None or session.state in ("expired", "ended"):
        return SIGN_IN
    return UNLOCK if session.state == "idle" else STEPS.get(session.pending, SIGN_IN)


def to_next(request: HttpRequest, session: Session | None) -> HttpResponse:
    """Send whoever may not be here to where they go on, and remember where they were going."""
    here = request.get_full_path() if request.method == "GET" else "/"
    return HttpResponseRedirect(with_following(next_step(session), local(here)))


def enter(request: HttpRequest, entered: Entered, onward: str) -> HttpResponse:
    """Onward with a session that was just made."""
    path = STEPS.get(entered.pending)
    answer = HttpResponseRedirect(with_following(path, onward) if path else onward)
    return carry(request, answer, entered)


def carry(request: HttpRequest, answer: HttpResponse, entered: Entered) -> HttpResponse:
    """Put the new session's token in the browser; the one before ends, and forms get a new token too (no fixation)."""
    of = house()
    before = request.COOKIES.get(cookie_name(of))
    if before and before != entered.token:
        people.sessions.end(of.database, before, of.clock(), "replaced")
    rotate_token(request)
    answer.set_cookie(
        cookie_name(of), entered.token, path="/", secure=of.home.mode == "production", httponly=True, samesite="Lax"
    )
    return answer


def leave(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """End the browser's session and take the cookie away."""
    of = house()
    token = request.COOKIES.get(cookie_name(of))
    if token:
        people.sessions.end(of.database, token, of.clock())
    answer.delete_cookie(cookie_name(of), path="/", samesite="Lax")
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


def passkey_place(request: HttpRequest) -> tuple[str, str] | None:
    """(rp id, origin) of passkeys here; None where there can be none: an address in numbers is no host to a browser."""
    of = house()
    if of.doors.address:
        return of.doors.host, of.doors.address
    host = request.get_host()
    name = host.partition(":")[0]
    return (name, f"{request.scheme}://{host}") if name == "localhost" else None
