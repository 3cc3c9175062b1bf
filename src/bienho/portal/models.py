"""What Django stores: accounts as seen by pages and one-time sign-in links. Never a clinical row."""

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
