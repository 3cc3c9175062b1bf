"""Addresses of the portal. Identifiers in an address are delivery ids and keyed digests, never a patient's value."""

from __future__ import annotations

from typing import Any

from django.urls import path

from bienho.portal.views import errors, overview, session
from bienho.portal.views.errors import catch


def _page(route: str, view: Any, name: str) -> Any:
    return path(route, catch(view), name=name)


urlpatterns = [
    _page("", overview.show, "overview"),
    _page("dang-nhap/", session.sign_in, "sign-in"),
    _page("dang-xuat/", session.sign_out, "sign-out"),
    _page("ngon-ngu/", session.language, "language"),
    _page("tim/", session.search, "search"),
    _page("robots.txt", session.robots, "robots"),
]

handler400 = errors.bad_request
handler403 = errors.denied
handler404 = errors.not_found
handler500 = errors.failed
