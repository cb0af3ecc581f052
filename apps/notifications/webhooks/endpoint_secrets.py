"""The secrets of endpoints, encrypted with SECRET_KEY: a copy of the database alone signs nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import transaction

from apps.core.encryption import fernet_for, reencrypt
from apps.notifications.webhooks.models import WebhookEndpoint

# Key derivation purpose; another value would make every stored secret unreadable.
PURPOSE = "webhook secrets"


class UndecryptableSecret(Exception):
    """The secret was encrypted with another SECRET_KEY: the operator must rotate it."""


def encrypt(secret: str) -> str:
    return fernet_for(PURPOSE).encrypt(secret.encode()).decode()


def decrypt(encrypted: str) -> str:
    try:
        return fernet_for(PURPOSE).decrypt(encrypted.encode()).decode()
    except InvalidToken as error:
        raise UndecryptableSecret from error


def secrets_in_force(secret: str, previous: list[dict[str, Any]], now: datetime) -> list[str]:
    """The secrets that sign a message now, the newest first. Raises UndecryptableSecret for the newest."""
    found = [decrypt(secret)]
    for entry in previous:
        if datetime.fromisoformat(entry["until"]) > now:
            try:
                found.append(decrypt(entry["secret"]))
            except UndecryptableSecret:
                continue
    return found


def reencrypt_secrets() -> int:
    """Re-encrypt secrets from SECRET_KEY_FALLBACKS with the current SECRET_KEY; returns of how many endpoints."""
    if not settings.SECRET_KEY_FALLBACKS:
        return 0
    changed = 0
    with transaction.atomic():
        for endpoint in WebhookEndpoint.objects.select_for_update(no_key=True).order_by("pk"):
            before = (endpoint.secret, endpoint.previous_secrets)
            endpoint.secret = _reencrypt(endpoint.secret)
            endpoint.previous_secrets = [
                {**entry, "secret": _reencrypt(entry["secret"])} for entry in endpoint.previous_secrets
            ]
            if before != (endpoint.secret, endpoint.previous_secrets):
                endpoint.save(update_fields=["secret", "previous_secrets"])
                changed += 1
    return changed


def _reencrypt(encrypted: str) -> str:
    try:
        return reencrypt(encrypted, PURPOSE)
    except InvalidToken:
        return encrypted
