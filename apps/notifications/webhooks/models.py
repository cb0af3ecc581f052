"""Endpoints of webhooks, and one delivery for each endpoint and event."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.core.querysets import Clock
from apps.notifications.webhooks.signing import Scheme


class WebhookEndpointQuerySet(models.QuerySet):
    def visible_to(self, account: Any) -> WebhookEndpointQuerySet:
        """All endpoints for operators, none for others."""
        return self if account.has_role("operator") else self.none()

    def lock(self, endpoint_id: int) -> WebhookEndpointQuerySet:
        """Locks it until the transaction ends, but no planning of deliveries to it."""
        return self.filter(pk=endpoint_id).select_for_update(no_key=True)


class WebhookEndpoint(models.Model):
    """A server that is informed of events. Secrets are encrypted (apps.notifications.webhooks.endpoint_secrets).

    `previous_secrets`: those that were replaced, as [{"secret": encrypted, "until": instant}]; until then messages are
    signed with them too. `disabled_reason`: `operator`, or `gone` when the server answered 410.
    """

    id = models.BigAutoField(primary_key=True)
    url = models.TextField()
    description = models.TextField(blank=True, default="")
    event_types = ArrayField(models.TextField())
    scheme = models.TextField(choices=[(scheme.value, scheme.value) for scheme in Scheme])
    secret = models.TextField()
    previous_secrets = models.JSONField(default=list)
    enabled = models.BooleanField(default=True)
    disabled_reason = models.TextField(blank=True, default="", db_default="")
    created_at = models.DateTimeField(db_default=Clock())
    succeeded_at = models.DateTimeField(null=True, help_text="the last delivery")
    failing_since = models.DateTimeField(null=True, help_text="the first failure after the last delivery")
    paused_until = models.DateTimeField(null=True, help_text="it does not answer: nothing is sent before")

    objects = WebhookEndpointQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["url"], name="notifications_endpoint_once"),
            models.CheckConstraint(name="notifications_endpoint_url", condition=Q(url__regex=r"^https?://")),
            models.CheckConstraint(name="notifications_endpoint_types", condition=~Q(event_types=[])),
            models.CheckConstraint(name="notifications_endpoint_scheme", condition=Q(scheme__in=["hmac", "ed25519"])),
            models.CheckConstraint(
                name="notifications_endpoint_reason",
                condition=Q(enabled=True, disabled_reason="") | Q(enabled=False) & ~Q(disabled_reason=""),
            ),
        ]

    def __str__(self) -> str:
        # The rest of an address may hold a secret of its receiver.
        return urlsplit(self.url).netloc


class WebhookDelivery(models.Model):
    """One message to one endpoint, delivered at least once under the same `message_id` (ADR 83).

    `body` is stored as it is signed and sent. `status` and `milliseconds` are those of the last attempt; `error` says
    why it failed. No part of a response is stored.
    """

    class State(models.TextChoices):
        DUE = "due"
        DELIVERED = "delivered"
        FAILED = "failed"

    id = models.BigAutoField(primary_key=True)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, db_index=False)
    message_id = models.TextField()
    event_type = models.TextField()
    subject_key = models.TextField()
    body = models.TextField()
    state = models.TextField(choices=State, default=State.DUE)
    created_at = models.DateTimeField(db_default=Clock())
    due_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True, help_text="when a worker took it; after ten minutes another may")
    ended_at = models.DateTimeField(null=True, help_text="when it was delivered or had failed")
    attempts = models.IntegerField(default=0, db_default=0)
    status = models.IntegerField(null=True)
    milliseconds = models.IntegerField(null=True)
    error = models.TextField(blank=True, default="", db_default="")

    class Meta:
        indexes = [
            models.Index(fields=["endpoint", "due_at"], condition=Q(state="due"), name="notifications_webhook_due"),
            models.Index(fields=["created_at"], name="notifications_webhook_created"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint", "event_type", "subject_key"], name="notifications_webhook_once"
            ),
            models.CheckConstraint(
                name="notifications_webhook_ended",
                condition=Q(state="due", ended_at__isnull=True)
                | Q(state__in=["delivered", "failed"], ended_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.subject_key}: {self.state}"
