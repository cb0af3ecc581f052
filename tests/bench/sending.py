"""The work of B16, in a process of its own."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session
from django.conf import settings
from django.db import connection

from apps.campaigns.models import Campaign
from apps.core.clock import db_now
from apps.core.events import record_event
from apps.core.models import Event
from apps.notifications import delivery
from apps.notifications.models import Notification
from apps.notifications.planning import plan_notifications
from tests.notifications.smtp import AnyPort

# Mails after which the process has loaded everything that it needs.
FIRST = 500


class Counter:
    """Takes every mail and keeps none."""

    received = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.received += 1
        return "250 OK"


def measure() -> dict[str, Any]:
    """Plan a notification for every employee, then send all without a rate limit."""
    settings.QUIET_HOURS, settings.QUIET_DAYS, settings.NOTIFICATIONS_PER_SECOND = "", [], 1e9
    Event.objects.all().delete()
    record_event("rule_changed", subject="bench", campaign_id=Campaign.objects.get().pk)
    began = time.perf_counter()
    plan = plan_notifications(db_now())
    planned = time.perf_counter()
    counter = Counter()
    with _server(counter):
        vars(delivery)["PORTION_SECONDS"] = 0.5
        sent, base = 0, 0.0
        while not (done := delivery.send_notifications()).is_done or done.sent:
            sent += done.sent
            if sent >= FIRST and not base:
                base = _peak()
    seconds = time.perf_counter() - planned
    waiting = Notification.objects.filter(state__in=["due", "sending"]).count()
    connection.close()
    return {
        "planned": plan.planned, "plan_seconds": planned - began, "sent": sent, "received": counter.received,
        "send_seconds": seconds, "waiting": waiting, "first_mb": base or _peak(), "last_mb": _peak(),
    }  # fmt: skip


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextmanager
def _server(counter: Counter) -> Iterator[None]:
    controller = AnyPort(counter, hostname="127.0.0.1", port=0)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    try:
        yield
    finally:
        controller.stop()
