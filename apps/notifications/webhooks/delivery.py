"""Delivery: a worker claims deliveries that are due, sends them and records what happened (ADR 83).

The claim is committed before anything is sent: a message whose worker dies is sent again under the same id. Endpoints
are served side by side, in threads that use no database: a slow one delays no other, and one call ends within seconds.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from apps.core.clock import db_now
from apps.core.health import clear_webhook_failure, record_webhook_failure
from apps.core.locks import advisory_lock
from apps.core.mail_portions import PORTION_SECONDS
from apps.core.sql import execute, fetch_all, statement
from apps.notifications.delivery import RETRY_MINUTES
from apps.notifications.webhooks.addresses import InvalidAddress, parse_url
from apps.notifications.webhooks.endpoint_secrets import UndecryptableSecret, secrets_in_force
from apps.notifications.webhooks.models import WebhookDelivery, WebhookEndpoint
from apps.notifications.webhooks.posting import TIMEOUT_SECONDS, Unanswered, post
from apps.notifications.webhooks.services import disable_gone_endpoint
from apps.notifications.webhooks.signing import signed_headers

logger = logging.getLogger(__name__)
CLAIM = statement("notifications", "webhooks", "claim")
FINISH = statement("notifications", "webhooks", "finish")
RELEASE = statement("notifications", "webhooks", "release")
DROP_OLD = statement("notifications", "webhooks", "drop_old")
RECORD_SUCCESS = statement("notifications", "webhooks", "record_success")
RECORD_FAILURE = statement("notifications", "webhooks", "record_failure")
State = WebhookDelivery.State

MAX_PER_ENDPOINT = 10
# Beyond it a thread waits for a name that is not resolved; it ends by itself.
CALL_SECONDS = PORTION_SECONDS + TIMEOUT_SECONDS + 1
# From then on monitoring reports an endpoint.
REPORTED_AFTER = timedelta(hours=1)
GONE = 410
# Responses of a server that takes nothing now; others concern one message.
BUSY = (429, 502, 503, 504)


@dataclass(frozen=True)
class Outcome:
    """The result of one attempt; `error` is empty when the message was delivered."""

    error: str
    status: int | None = None
    milliseconds: int | None = None

    @property
    def pauses_endpoint(self) -> bool:
        """Whether its other messages would fail too."""
        return bool(self.error) and (self.status is None or self.status in BUSY)

    @property
    def ends_batch(self) -> bool:
        return self.pauses_endpoint or self.status == GONE


def send_webhooks(clock: Callable[[], datetime] = db_now) -> bool:
    """Send due deliveries for some seconds; returns False when more are due now.

    Repeated, late and concurrent calls are safe.
    """
    # One worker at a time: endpoints that do not answer leave the other workers to other tasks.
    with advisory_lock("webhooks") as acquired:
        return not acquired or _send_portion(clock)


def _send_portion(clock: Callable[[], datetime]) -> bool:
    now = clock()
    execute(DROP_OLD, {"now": now})
    ids = [row_id for (row_id,) in fetch_all(CLAIM, {"now": now, "most": MAX_PER_ENDPOINT})]
    batches: dict[int, list[WebhookDelivery]] = defaultdict(list)
    claimed = WebhookDelivery.objects.filter(pk__in=ids).select_related("endpoint")
    for delivery in claimed.order_by("attempts", "due_at", "pk"):
        batches[delivery.endpoint_id].append(delivery)
    if not batches:
        return True
    outcomes: dict[int, list[Outcome]] = {endpoint: [] for endpoint in batches}
    pool = ThreadPoolExecutor(len(batches), thread_name_prefix="webhooks")
    futures = {key: pool.submit(_send_batch, batches[key], now, outcomes[key]) for key in batches}
    wait(futures.values(), timeout=CALL_SECONDS)
    pool.shutdown(wait=False)
    is_done = True
    for key, future in futures.items():
        stuck = [] if future.done() else [Outcome("timeout")]
        is_done &= _record_batch(batches[key], [*outcomes[key], *stuck], clock)
    return is_done


def _send_batch(batch: Sequence[WebhookDelivery], now: datetime, outcomes: list[Outcome]) -> None:
    """Send the messages of one endpoint in turn, in a thread; the outcomes so far are in `outcomes`."""
    began = time.monotonic()
    for delivery in batch:
        elapsed = time.monotonic() - began
        if elapsed > PORTION_SECONDS:
            return
        outcome = _attempt(delivery, now + timedelta(seconds=elapsed))
        outcomes.append(outcome)
        if outcome.ends_batch:
            return


def _attempt(delivery: WebhookDelivery, at: datetime) -> Outcome:
    """One attempt at the instant `at`, which is signed. Uses no database and raises nothing."""
    began, endpoint, body = time.monotonic(), delivery.endpoint, delivery.body.encode()
    try:
        secrets = secrets_in_force(endpoint.secret, endpoint.previous_secrets, at)
        status = post(parse_url(endpoint.url), signed_headers(secrets, delivery.message_id, at, body), body)
    except Unanswered as error:
        return Outcome(error.code, milliseconds=_milliseconds_since(began))
    except InvalidAddress:
        # Plain HTTP, which the settings have ceased to allow.
        return Outcome("blocked")
    except UndecryptableSecret:
        return Outcome("secret")
    except Exception:
        logger.exception("webhook delivery %s could not be attempted", delivery.pk)
        return Outcome("internal")
    code = "" if 200 <= status < 300 else "redirect" if 300 <= status < 400 else "status"
    return Outcome(code, status, _milliseconds_since(began))


def _milliseconds_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def _record_batch(batch: Sequence[WebhookDelivery], outcomes: list[Outcome], clock: Callable[[], datetime]) -> bool:
    """Record the outcomes and release what was not attempted; returns False when more of this endpoint may be due."""
    for delivery, outcome in zip(batch, outcomes, strict=False):
        _record(delivery, outcome, clock())
    rest = batch[len(outcomes) :]
    if rest:
        execute(RELEASE, {"ids": [delivery.pk for delivery in rest], "claimed_at": rest[0].claimed_at})
    return outcomes[-1].ends_batch or (not rest and len(batch) < MAX_PER_ENDPOINT)


@transaction.atomic
def _record(delivery: WebhookDelivery, outcome: Outcome, now: datetime) -> None:
    is_final = not outcome.error or outcome.status == GONE or delivery.attempts >= len(RETRY_MINUTES)
    due_at = None if is_final else now + timedelta(minutes=RETRY_MINUTES[delivery.attempts])
    state = State.DUE if not is_final else State.FAILED if outcome.error else State.DELIVERED
    # In the order of locks (services): the endpoint before its delivery.
    if WebhookEndpoint.objects.lock(delivery.endpoint_id).first() is None:
        return
    recorded = execute(FINISH, {
        "id": delivery.pk, "claimed_at": delivery.claimed_at, "now": now, "state": str(state), "attempts": 1,
        "due_at": due_at, "status": outcome.status, "milliseconds": outcome.milliseconds, "error": outcome.error,
    })  # fmt: skip
    if not recorded:
        return
    if not outcome.error:
        execute(RECORD_SUCCESS, {"endpoint": delivery.endpoint_id, "now": now})
        clear_webhook_failure(delivery.endpoint_id)
    elif outcome.status == GONE:
        disable_gone_endpoint(delivery.endpoint_id)
    else:
        logger.warning("webhook delivery %s failed: %s %s", delivery.pk, outcome.error, outcome.status or "")
        failure = {"endpoint": delivery.endpoint_id, "now": now, "pauses": outcome.pauses_endpoint}
        for (failing_since,) in fetch_all(RECORD_FAILURE, failure):
            if now - failing_since >= REPORTED_AFTER:
                record_webhook_failure(delivery.endpoint_id)
