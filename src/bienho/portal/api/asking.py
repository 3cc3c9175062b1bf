"""What addresses of this door share: parameters that are known, pages of a long answer, JSON out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from bienho.core.errors import BienhoError, UsageError
from bienho.portal.api.door import of_error, problem

LEAST, USUAL, MOST = 1, 100, 500
"""Items of one page of an answer."""


def answer(told: Any, status: int = 200, **headers: str) -> HttpResponse:
    """An answer as JSON, Vietnamese as it is written."""
    return JsonResponse(told, status=status, headers=headers, json_dumps_params={"ensure_ascii": False})


def unknown(request: HttpRequest, *known: str) -> HttpResponse | None:
    """A parameter nobody knows is an error: a filter that is misspelt must not give everything."""
    strange = [name for name in request.GET if name not in known or len(request.GET.getlist(name)) > 1]
    if not strange:
        return None
    hint = f"Nhận: {', '.join(known) or 'không có'}."
    return problem(400, "USE-PARAMETER", "Tham số không có hoặc lặp lại.", hint)


def asked(*known: str) -> Callable[[Any], Any]:
    """A view that knows these parameters and no others; errors of the tree become their answers."""

    def mark(view: Any) -> Any:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if wrong := unknown(request, *known):
                return wrong
            try:
                made: HttpResponse = view(request, *args, **kwargs)
            except BienhoError as error:
                return of_error(error)
            return made

        return guarded

    return mark


def limit_of(request: HttpRequest) -> int:
    """How many items are wanted; UsageError USE-PARAMETER for what is no number of `LEAST` … `MOST`."""
    text = request.GET.get("limit", str(USUAL))
    if not (text.isascii() and text.isdigit() and len(text) < 6 and LEAST <= int(text) <= MOST):
        raise UsageError("USE-PARAMETER", f"limit phải là số từ {LEAST} đến {MOST}.")
    return int(text)


def page(name: str, rows: Sequence[Any], limit: int, cursor: Callable[[Any], str], **more: Any) -> dict[str, Any]:
    """`limit` of the rows, of which one more was read, and where the next page begins (None: this was the last)."""
    shown = rows[:limit]
    return {**more, name: list(shown), "next": cursor(shown[-1]) if len(rows) > limit else None}
