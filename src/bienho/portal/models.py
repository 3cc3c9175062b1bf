"""What Django stores: accounts as seen by pages, one-time sign-in links, written reasons. Never a clinical row."""

from __future__ import annotations

from django.db import models


class Account(models.Model):
    """A governance account that has signed in here; what it may do is asked of governance at every request."""

    account_id = models.CharField(max_length=64, primary_key=True)
    last_signed_in = models.DateTimeField()

    class Meta:
        app_label = "portal"


class SignInLink(models.Model):
    """A one-time link. Only the digest of the token is kept; it works once and for ten minutes."""

    digest = models.CharField(max_length=64, primary_key=True)
    account_id = models.CharField(max_length=64)
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "portal"


class Reason(models.Model):
    """Why somebody opened the identifiers of a dossier, in their words; written before the gate is asked.

    `dossier_key` is a keyed digest. `decisions` names the gate's decisions, under which the audit log has the look.
    """

    account_id = models.CharField(max_length=64)
    dossier_key = models.CharField(max_length=32, db_index=True)
    purpose = models.CharField(max_length=64)
    reason = models.CharField(max_length=300)
    asked_at = models.DateTimeField()
    decisions = models.TextField(default="")

    class Meta:
        app_label = "portal"
