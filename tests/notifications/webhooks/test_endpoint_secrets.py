"""A secret that is replaced is valid for another day; one of another key signs nothing."""

from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks import webhooks as published

from apps.notifications.webhooks import services
from apps.notifications.webhooks.delivery import send_webhooks
from apps.notifications.webhooks.endpoint_secrets import reencrypt_secrets, secrets_in_force
from apps.notifications.webhooks.models import WebhookEndpoint
from tests.fixtures import Clock
from tests.notifications.webhooks.conftest import AddEndpoint, row, send_test, verified
from tests.notifications.webhooks.receiver import Receiver
from tests.people import TESTER

pytestmark = pytest.mark.django_db


def test_a_secret_of_another_secret_key_sends_nothing(server: Receiver, add: AddEndpoint, settings: Any) -> None:
    """A copy of the installation with another key must not inform the receivers of the first."""
    sent = send_test(add(server.url)[0])
    settings.SECRET_KEY = "another " * 10
    send_webhooks()
    assert row(sent) == ("due", 1, None, "secret")
    assert server.received == []


def test_during_a_rotation_both_secrets_verify_and_after_a_day_only_the_new_one(
    server: Receiver, add: AddEndpoint, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint, old = add(server.url)
    endpoint, new = services.rotate_secret(endpoint=endpoint, by=TESTER, now=clock.now())
    send_test(endpoint)
    send_webhooks()
    for secret in (old, new):
        verified(secret, server.received[-1], clock.now(), monkeypatch)
    clock.set(clock.now() + timedelta(hours=24, minutes=1), ticks=True)
    send_test(endpoint)
    send_webhooks()
    verified(new, server.received[-1], clock.now(), monkeypatch)
    with pytest.raises(published.WebhookVerificationError):
        verified(old, server.received[-1], clock.now(), monkeypatch)


def test_the_secrets_are_encrypted_and_get_the_new_key(add: AddEndpoint, settings: Any, clock: Clock) -> None:
    endpoint, secret = add()
    endpoint, new = services.rotate_secret(endpoint=endpoint, by=TESTER, now=clock.now())
    stored = str(WebhookEndpoint.objects.values().get(pk=endpoint.pk))
    assert secret not in stored
    assert new not in stored
    old_key, settings.SECRET_KEY = settings.SECRET_KEY, "another " * 10
    assert reencrypt_secrets() == 0, "without the old key it cannot be read"
    settings.SECRET_KEY_FALLBACKS = [old_key]
    assert (reencrypt_secrets(), reencrypt_secrets()) == (1, 0)
    settings.SECRET_KEY_FALLBACKS = []
    endpoint.refresh_from_db()
    assert secrets_in_force(endpoint.secret, endpoint.previous_secrets, clock.now()) == [new, secret]
