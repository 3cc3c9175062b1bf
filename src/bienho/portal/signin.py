"""Signing in with a one-time link: it works on this machine, once, for ten minutes.

Opening its address shows a page, and only the button there (a POST) uses the token up, so that programs which fetch
links beforehand cannot.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.db import transaction

LIFETIME = timedelta(minutes=10)


def digest(token: str) -> str:
    """What is stored of a token: 256 random bits need no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_token(account_id: str, now: datetime) -> str:
    """Store a new link of the account and return its token (43 URL-safe characters)."""
    links = _links()
    token = secrets.token_urlsafe(32)
    links.filter(expires_at__lt=now - timedelta(days=1)).delete()
    links.create(digest=digest(token), account_id=account_id, expires_at=now + LIFETIME)
    return token


def consume(token: str, now: datetime) -> str | None:
    """The account of an unused, unexpired token, which is used up by this; None otherwise. Safe against two at once."""
    links = _links()
    with transaction.atomic():
        taken = links.filter(digest=digest(token), used_at=None, expires_at__gt=now).update(used_at=now)
        return str(links.get(digest=digest(token)).account_id) if taken else None


def note_sign_in(account_id: str, now: datetime) -> None:
    """Remember when the account last came in."""
    _models().Account.objects.update_or_create(account_id=account_id, defaults={"last_signed_in": now})


def _models() -> Any:
    return apps.get_app_config("portal").models_module


def _links() -> Any:
    return _models().SignInLink.objects
