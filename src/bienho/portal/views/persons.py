"""Clerical review of persons: the list without values, and one pair after the other, opened for one answer each."""

from __future__ import annotations

import re
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from bienho.governance.purposes import PERSON_REVIEW
from bienho.pipeline.reviewing import Question, Reviews
from bienho.portal.components import State
from bienho.portal.desk import Desk
from bienho.portal.language import t
from bienho.portal.pages import Page, render_page
from bienho.portal.presenters import persons as presenter

_KEY = re.compile(r"[0-9a-f]{32}")


@require_http_methods(["GET", "POST"])
def review(request: HttpRequest) -> HttpResponse:
    """GET shows what waits, without a value; POST opens one pair, takes an answer and opens the next.

    An answer is told with the next pair in one page, so that no address leads to a name and one key is enough.
    """
    desk = Desk.of(request, PERSON_REVIEW)
    reviews = desk.house.reviews
    if reviews is None:
        desk.permit("person-review", "list")
        return _show(request, desk, {"empty": presenter.no_index()})
    waiting = reviews.questions(desk.actor)
    if request.method == "GET":
        return _show(request, desk, presenter.waiting(desk, reviews, waiting))
    said, order = _done(request, desk, reviews, waiting)
    opened = presenter.first_open(desk, order)
    if opened is None:
        return _show(request, desk, {"said": said, **presenter.waiting(desk, reviews, reviews.questions(desk.actor))})
    context = {"said": said, **presenter.asked(desk, *opened), **presenter.standing(desk, reviews, len(waiting))}
    return _show(request, desk, context)


def _done(
    request: HttpRequest, desk: Desk, reviews: Reviews, waiting: list[Question]
) -> tuple[State | None, list[Question]]:
    """What was done, to be told, and the pairs to open, the first of which there is comes next."""
    deed = request.POST.get("viec", "")
    left, right = (request.POST.get(name, "") for name in ("trai", "phai"))
    if deed == "undo":
        again = reviews.undo(desk.actor)
        return presenter.undone(again), [again] if again else waiting
    here = next((n for n, one in enumerate(waiting) if (one.asked.left, one.asked.right) == (left, right)), None)
    order = waiting if here is None else [*waiting[here + 1 :], *waiting[:here]]
    if deed == "skip":
        return None, order or waiting
    if deed not in presenter.ANSWERS or not (_KEY.fullmatch(left) and _KEY.fullmatch(right)):
        return None, waiting
    state = reviews.answer(desk.actor, left, right, deed, request.POST.get("can_cu", ""), desk.now)
    return presenter.told(state, deed), order


def _show(request: HttpRequest, desk: Desk, context: dict[str, Any]) -> HttpResponse:
    page = Page(
        t("Xét người"),
        t("Chỉ mục còn ngờ những cặp hồ sơ này. Trả lời của bạn thành quyết định có hiệu lực, và xét lại được."),
        guide="xet-nguoi",
    )
    return render_page(request, "person_review.html", page, {**context, "snapshot": desk.snapshot})
