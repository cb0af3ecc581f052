"""A receiver on this machine that delivery trusts, and an endpoint for it."""

import ssl
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import webhooks as published

from apps.core.clock import db_now
from apps.notifications.webhooks import posting, services
from apps.notifications.webhooks.event_types import EVENT_KINDS
from apps.notifications.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.fixtures import Clock
from tests.notifications.webhooks.receiver import Receiver, Request, receiver, write_certificate
from tests.people import TESTER

AddEndpoint = Callable[..., tuple[WebhookEndpoint, str]]
LOCAL = ["127.0.0.0/8", "::1/128"]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("tls") / "localhost.pem")


@pytest.fixture
def server(certificate: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """With TLS, at an address that the settings allow."""
    settings.WEBHOOK_ALLOWED_NETWORKS = LOCAL
    monkeypatch.setattr(posting, "tls_context", lambda: ssl.create_default_context(cafile=certificate))
    with receiver(certificate) as running:
        yield running


@pytest.fixture
def add(noon: Clock) -> AddEndpoint:
    """Adds an endpoint for all events; returns it and its secret."""

    def add_endpoint(url: str = "https://hooks.example.com/", **more: Any) -> tuple[WebhookEndpoint, str]:
        usual = {"description": "", "event_types": list(EVENT_KINDS), "scheme": "hmac", "by": TESTER}
        return services.add_endpoint(url=url, **usual | more)

    return add_endpoint


def send_test(endpoint: WebhookEndpoint) -> WebhookDelivery:
    services.send_test_event(endpoint=endpoint, by=TESTER, now=db_now())
    return WebhookDelivery.objects.filter(endpoint=endpoint).latest("pk")


def row(sent: WebhookDelivery) -> tuple[str, int, int | None, str]:
    sent.refresh_from_db()
    return sent.state, sent.attempts, sent.status, sent.error


def verified(secret: str, request: Request, at: datetime, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The message as the published library reads it at this instant. Raises for a wrong signature."""

    class Then(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return at.astimezone(tz)

    monkeypatch.setattr(published, "datetime", Then)
    return published.Webhook(secret).verify(request.body, request.headers)


def waiting(endpoint: WebhookEndpoint, clock: Clock, number: int = 1) -> WebhookDelivery:
    now = clock.now()
    return WebhookDelivery.objects.create(
        endpoint=endpoint, message_id=f"msg_{number}", event_type="drift.found", subject_key=str(number), body="{}",
        created_at=now, due_at=now,
    )  # fmt: skip
