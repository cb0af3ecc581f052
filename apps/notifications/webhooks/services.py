"""What operators do with endpoints: add, rotate the secret, test, replay, disable, delete. Each is audited.

Locks are taken in one order: an endpoint, then its deliveries.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import DateTimeField, ExpressionWrapper, Value
from django.utils.translation import gettext as _

from apps.core.audit import SYSTEM, Actor, audit
from apps.core.clock import db_now
from apps.core.enqueue import enqueue_webhooks
from apps.core.errors import Refused
from apps.core.health import clear_webhook_failure
from apps.core.models import AuditEntry
from apps.core.querysets import Clock
from apps.core.text import clean_text
from apps.notifications.webhooks.addresses import MAX_URL_CHARS, InvalidAddress, parse_url
from apps.notifications.webhooks.endpoint_secrets import encrypt
from apps.notifications.webhooks.event_types import EVENT_KINDS, TEST_EVENT
from apps.notifications.webhooks.models import WebhookDelivery, WebhookEndpoint
from apps.notifications.webhooks.signing import Scheme, new_secret

MAX_ENDPOINTS = 20
MAX_DESCRIPTION_CHARS = 100
# How long messages are signed with a replaced secret too, and how many of these an endpoint can have.
ROTATION = timedelta(hours=24)
MAX_PREVIOUS_SECRETS = 5
# Of one endpoint, so that an operator's program does not flood a receiver.
MAX_REPLAYS, REPLAYS_WITHIN = 60, timedelta(hours=1)


def add_endpoint(
    *, url: str, description: str, event_types: Collection[str], scheme: str, by: Actor
) -> tuple[WebhookEndpoint, str]:
    """Add an endpoint; returns it with its secret, which no page shows again. Raises Refused."""
    url = url.strip()
    _validate(url, event_types, scheme)
    if WebhookEndpoint.objects.count() >= MAX_ENDPOINTS:
        raise Refused("too_many", _("There can be %(count)s endpoints at most.") % {"count": MAX_ENDPOINTS})
    secret, types = new_secret(scheme), sorted(set(event_types))
    try:
        with transaction.atomic():
            endpoint = WebhookEndpoint.objects.create(
                url=url, description=clean_text(description, MAX_DESCRIPTION_CHARS), event_types=types, scheme=scheme,
                secret=encrypt(secret), created_at=db_now(),
            )  # fmt: skip
            _audit("added", endpoint, by, event_types=types)
    except IntegrityError as error:
        raise Refused("duplicate", _("An endpoint with this address already exists."), "url") from error
    return endpoint, secret


def _validate(url: str, event_types: Collection[str], scheme: str) -> None:
    try:
        parse_url(url)
    except InvalidAddress as error:
        messages = {
            "too_long": _("An address can have %(count)s characters at most.") % {"count": MAX_URL_CHARS},
            "https": _("The address must begin with https://."),
            "url": _("This is not a valid address. Enter one such as https://example.com/hook, without a password."),
        }
        raise Refused("invalid_url", messages[error.code], "url") from error
    if not event_types or not set(event_types) <= set(EVENT_KINDS):
        raise Refused("invalid_choice", _("Choose at least one."), "event_types")
    if scheme not in set(Scheme):
        raise Refused("invalid_choice", _("Choose a signature."), "scheme")


def previous_secrets(endpoint: WebhookEndpoint, now: datetime) -> list[dict[str, Any]]:
    """The replaced secrets with which messages are still signed."""
    return [old for old in endpoint.previous_secrets if datetime.fromisoformat(old["until"]) > now]


def rotate_secret(*, endpoint: WebhookEndpoint, by: Actor, now: datetime) -> tuple[WebhookEndpoint, str]:
    """Replace the secret; for 24 hours messages are signed with the old one too. Returns the new one.

    Raises Refused.
    """
    with transaction.atomic():
        locked = WebhookEndpoint.objects.lock(endpoint.pk).first()
        if locked is None:
            raise Refused("deleted", _("The endpoint was deleted."), conflict=True)
        endpoint, previous = locked, previous_secrets(locked, now)
        if len(previous) >= MAX_PREVIOUS_SECRETS:
            raise Refused("too_many", _("The secret was replaced too often today. Try again tomorrow."), conflict=True)
        secret = new_secret(endpoint.scheme)
        replaced = {"secret": endpoint.secret, "until": (now + ROTATION).isoformat()}
        endpoint.secret, endpoint.previous_secrets = encrypt(secret), [replaced, *previous]
        endpoint.save(update_fields=["secret", "previous_secrets"])
        _audit("secret_rotated", endpoint, by)
    return endpoint, secret


def enable_endpoint(*, endpoint: WebhookEndpoint, by: Actor) -> bool:
    """Send to it again, at once what has waited; False when it was enabled already."""
    changes = {"enabled": True, "disabled_reason": "", "failing_since": None, "paused_until": None}
    with transaction.atomic():
        if not WebhookEndpoint.objects.filter(pk=endpoint.pk, enabled=False).update(**changes):
            return False
        WebhookDelivery.objects.filter(endpoint=endpoint, state=WebhookDelivery.State.DUE).update(due_at=Clock())
        _audit("enabled", endpoint, by)
        enqueue_webhooks()
    return True


def disable_endpoint(*, endpoint: WebhookEndpoint, by: Actor, reason: str = "operator") -> bool:
    """Send nothing to it and plan nothing for it; False when it was disabled already."""
    with transaction.atomic():
        enabled = WebhookEndpoint.objects.filter(pk=endpoint.pk, enabled=True)
        if not enabled.update(enabled=False, disabled_reason=reason):
            return False
        clear_webhook_failure(endpoint.pk)
        _audit("disabled", endpoint, by, **({"reason": "HTTP 410"} if reason == "gone" else {}))
    return True


def disable_gone_endpoint(endpoint_id: int) -> None:
    """The server has answered that it wants nothing more (410)."""
    for endpoint in WebhookEndpoint.objects.filter(pk=endpoint_id):
        disable_endpoint(endpoint=endpoint, by=SYSTEM, reason="gone")


def delete_endpoint(*, endpoint: WebhookEndpoint, by: Actor) -> None:
    """Delete the endpoint with its secrets and deliveries. Idempotent."""
    with transaction.atomic():
        # The lock first: Django deletes the deliveries before the endpoint.
        for locked in WebhookEndpoint.objects.lock(endpoint.pk):
            locked.delete()
            clear_webhook_failure(endpoint.pk)
            _audit("deleted", endpoint, by)


def send_test_event(*, endpoint: WebhookEndpoint, by: Actor, now: datetime) -> None:
    """Send a message without content to this endpoint, or attempt one at once that waits. Raises Refused."""
    with transaction.atomic():
        # The lock: of two clicks the second sees the first one's message.
        locked = WebhookEndpoint.objects.lock(endpoint.pk).filter(enabled=True).first()
        if locked is None:
            raise Refused("disabled", _("The endpoint is disabled. Enable it first."), conflict=True)
        waiting = WebhookDelivery.objects.filter(
            endpoint=locked, event_type=TEST_EVENT, state=WebhookDelivery.State.DUE
        )
        if not waiting.update(due_at=now):
            key = uuid.uuid4().hex
            body = json.dumps({"type": TEST_EVENT, "timestamp": now.isoformat(), "data": {}})
            WebhookDelivery.objects.create(
                endpoint=locked, message_id=f"msg_{key}", event_type=TEST_EVENT, subject_key=key, body=body,
                created_at=now, due_at=now,
            )  # fmt: skip
        _audit("tested", locked, by)
        _send_now(locked)


def replay_delivery(*, delivery: WebhookDelivery, by: Actor, now: datetime) -> None:
    """Send a message at once and, if it has ended, once more, under the same id. Raises Refused."""
    with transaction.atomic():
        locked = WebhookEndpoint.objects.lock(delivery.endpoint_id).filter(enabled=True).first()
        idle = WebhookDelivery.objects.filter(pk=delivery.pk, endpoint=locked, claimed_at=None)
        again = {"state": WebhookDelivery.State.DUE, "due_at": now, "ended_at": None, "attempts": 0}
        if locked is None or not idle.update(**again):
            message = _("This event is being sent now, or its endpoint is disabled.")
            raise Refused("not_possible", message, conflict=True)
        _refuse_many_replays(locked)
        _audit("replayed", locked, by, event_types=[delivery.event_type])
        _send_now(locked)


def _refuse_many_replays(endpoint: WebhookEndpoint) -> None:
    """Refuse, and so undo, what goes beyond the limit. The caller holds the endpoint's lock."""
    since = ExpressionWrapper(Clock() - Value(REPLAYS_WITHIN), output_field=DateTimeField())
    entries = AuditEntry.objects.filter(subject_kind="webhook", subject_id=str(endpoint.pk), at__gt=since)
    if entries.filter(action="webhook.replayed").count() >= MAX_REPLAYS:
        message = _("At most %(most)s events of an endpoint can be sent again in an hour. Try again later.")
        raise Refused("too_many", message % {"most": MAX_REPLAYS}, conflict=True)


def _send_now(endpoint: WebhookEndpoint) -> None:
    """Also to an endpoint that is paused: a person waits for the response."""
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(paused_until=None)
    enqueue_webhooks()


def _audit(action: str, endpoint: WebhookEndpoint, by: Actor, **detail: Any) -> None:
    audit(f"webhook.{action}", by=by, kind="webhook", id=endpoint.pk, label=str(endpoint), detail=detail)
