"""Template tags of the portal: `{% t %}` for texts, `{% show %}` for components, a few filters."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.context import Context
from django.template.loader import get_template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from bienho.portal import language

register = template.Library()


@register.simple_tag(name="t")
def translate(text: str, **values: object) -> str:
    """The text in the reader's language; values are escaped by the template like any other output."""
    return language.t(text, **values)


@register.simple_tag(takes_context=True)
def show(context: Context, it: Any) -> SafeString:
    """Render a component with its own template. Nothing (None, empty text) shows nothing."""
    if not it:
        return SafeString("")
    name = it.component
    rendered = get_template(f"components/{name}/{name}.html")
    return mark_safe(rendered.template.render(context.new({**_shared(context), "it": it})))  # noqa: S308 - escaped inside


def _shared(context: Context) -> dict[str, Any]:
    return {key: context[key] for key in ("csrf_token", "request") if key in context}


@register.filter
def inline(text: str) -> SafeString:
    """Text with `code` between back quotes; everything else is escaped."""
    parts = [escape(part) for part in text.split("`")]
    marked = [f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts)]
    return mark_safe("".join(marked))  # noqa: S308 - every part is escaped above


@register.simple_tag(name="language")
def language_code() -> str:
    """The reader's language, for the page's lang attribute."""
    return language.current_language()
