"""Why somebody opened identifiers, in their own words: page paperwork beside the gate's audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.apps import apps


def write_reason(account_id: str, dossier_key: str, purpose: str, reason: str, now: datetime) -> Any:
    """Keep the reason before the gate is asked; the decisions are added when there are any."""
    return apps.get_model("portal", "Reason").objects.create(
        account_id=account_id, dossier_key=dossier_key, purpose=purpose, reason=reason, asked_at=now
    )
