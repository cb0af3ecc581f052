"""A receiver gets every event at least once under one id, and operators learn when it does not."""

from datetime import timedelta
from typing import Any

import pytest

from apps.core import health
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.models import AuditEntry, Setting
from apps.notifications.delivery import RETRY_MINUTES
from apps.notifications.retention import delete_old_deliveries
from apps.notifications.webhooks import delivery, services
from apps.notifications.webhooks.delivery import send_webhooks
from apps.notifications.webhooks.models import WebhookDelivery
from apps.operations import tasks
from tests.fixtures import Clock
from tests.notifications.webhooks.conftest import AddEndpoint, row, send_test, verified, waiting
from tests.notifications.webhooks.receiver import Receiver
from tests.people import TESTER

pytestmark = pytest.mark.django_db


def test_a_delivered_message_verifies_and_is_a_plain_post(
    server: Receiver, add: AddEndpoint, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint, secret = add(server.url)
    sent = send_test(endpoint)
    assert send_webhooks()
    [request] = server.received
    assert verified(secret, request, clock.now(), monkeypatch) == {
        "type": "endpoint.test", "timestamp": sent.created_at.isoformat(), "data": {},
    }  # fmt: skip
    assert request.line == "POST /hook?from=hundred HTTP/1.1"
    assert request.headers["host"] == server.url.split("/")[2]
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == sent.message_id
    assert row(sent) == ("delivered", 1, 200, "")
    assert sent.milliseconds is not None
    endpoint.refresh_from_db()
    assert (endpoint.succeeded_at is not None, endpoint.failing_since) == (True, None)
    send_webhooks()
    assert len(server.received) == 1, "a delivered message would be sent again"


def test_a_failed_message_is_sent_again_later_with_the_same_id_and_a_new_signature(
    server: Receiver, add: AddEndpoint, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers = [500]
    endpoint, secret = add(server.url)
    sent = send_test(endpoint)
    send_webhooks()
    assert row(sent) == ("due", 1, 500, "status")
    send_webhooks()
    assert len(server.received) == 1, "a retry without a wait hammers a server in trouble"
    clock.set(clock.now() + timedelta(minutes=RETRY_MINUTES[0]), ticks=True)
    send_webhooks()
    assert row(sent) == ("delivered", 2, 200, "")
    first, second = server.received
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    for name in ("webhook-timestamp", "webhook-signature"):
        assert first.headers[name] != second.headers[name]
    verified(secret, second, clock.now(), monkeypatch)


def test_after_a_day_of_attempts_it_has_failed_and_the_endpoint_stays(
    server: Receiver, add: AddEndpoint, clock: Clock
) -> None:
    server.answers = [500] * 20
    endpoint, _secret = add(server.url)
    sent, begin = send_test(endpoint), clock.now()
    while row(sent)[0] == "due":
        clock.set(sent.due_at, ticks=True)
        send_webhooks()
    assert row(sent) == ("failed", len(RETRY_MINUTES) + 1, 500, "status")
    assert timedelta(hours=23) < clock.now() - begin < timedelta(hours=25)
    endpoint.refresh_from_db()
    assert endpoint.enabled


def test_monitoring_sees_an_endpoint_that_has_failed_for_an_hour_until_it_works(
    server: Receiver, add: AddEndpoint, clock: Clock, client: Any
) -> None:
    def reported() -> str:
        health._checks.cache_clear()
        return str(client.get("/health/ready").json()["checks"]["webhooks"])

    server.answers = [500] * 5
    sent = send_test(add(server.url)[0])
    for failures in range(1, 6):
        clock.set(max(sent.due_at, clock.now()), ticks=True)
        send_webhooks()
        sent.refresh_from_db()
        assert sent.attempts == failures
        assert reported() == ("failing: 1" if failures == 5 else "ok")
    clock.set(sent.due_at, ticks=True)
    send_webhooks()
    assert reported() == "ok"


@pytest.mark.parametrize("end", [services.disable_endpoint, services.delete_endpoint])
def test_monitoring_forgets_an_endpoint_that_was_disabled_or_deleted(end: Any, add: AddEndpoint) -> None:
    endpoint, _secret = add()
    health.record_webhook_failure(endpoint.pk)
    end(endpoint=endpoint, by=TESTER)
    assert not Setting.objects.filter(name__startswith=health.FAILING_WEBHOOK).exists()


def test_a_server_that_is_gone_is_disabled_and_asked_no_more(server: Receiver, add: AddEndpoint) -> None:
    server.answers = [410]
    endpoint, _secret = add(server.url)
    sent = send_test(endpoint)
    send_webhooks()
    assert row(sent) == ("failed", 1, 410, "status")
    endpoint.refresh_from_db()
    assert (endpoint.enabled, endpoint.disabled_reason) == (False, "gone")
    entry = AuditEntry.objects.get(action="webhook.disabled")
    assert (entry.actor_label, entry.detail) == ("system", {"reason": "HTTP 410"})


def test_a_worker_that_dies_after_sending_leaves_a_message_that_is_sent_again(
    server: Receiver, add: AddEndpoint, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint, _secret = add(server.url)
    sent = send_test(endpoint)

    def die(*arguments: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(delivery, "_record", die)
        with pytest.raises(SystemExit):
            send_webhooks()
    send_webhooks()
    assert len(server.received) == 1, "the claim protects a message that is being sent"
    clock.set(clock.now() + timedelta(minutes=11), ticks=True)
    send_webhooks()
    assert row(sent) == ("delivered", 1, 200, "")
    first, second = server.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


def test_a_worker_whose_claim_was_taken_over_records_nothing(server: Receiver, add: AddEndpoint, clock: Clock) -> None:
    endpoint, _secret = add(server.url)
    sent = send_test(endpoint)
    claimed = WebhookDelivery.objects.select_related("endpoint").get(pk=sent.pk)
    claimed.claimed_at = clock.now()
    WebhookDelivery.objects.filter(pk=sent.pk).update(claimed_at=clock.now())
    delivery._record(claimed, delivery.Outcome("status", 500, 1), clock.now())
    assert row(sent) == ("due", 0, None, "")
    endpoint.refresh_from_db()
    assert endpoint.failing_since is None


def test_nothing_is_sent_to_a_disabled_endpoint_and_what_waited_after_it_is_enabled(
    server: Receiver, add: AddEndpoint
) -> None:
    endpoint, _secret = add(server.url)
    sent = send_test(endpoint)
    WebhookDelivery.objects.update(due_at=db_now() + timedelta(hours=5), attempts=4)
    services.disable_endpoint(endpoint=endpoint, by=TESTER)
    send_webhooks()
    assert server.connections == 0
    services.enable_endpoint(endpoint=endpoint, by=TESTER)
    send_webhooks()
    assert row(sent) == ("delivered", 5, 200, "")


def test_what_waited_for_a_week_is_not_sent(server: Receiver, add: AddEndpoint, clock: Clock) -> None:
    """For example in a backup that is restored."""
    sent = send_test(add(server.url)[0])
    clock.set(clock.now() + timedelta(days=7, minutes=1), ticks=True)
    send_webhooks()
    assert row(sent) == ("failed", 0, None, "too_old")
    assert server.connections == 0


def test_a_replay_has_the_same_id_and_body(server: Receiver, add: AddEndpoint, clock: Clock) -> None:
    sent = send_test(add(server.url)[0])
    send_webhooks()
    clock.set(clock.now() + timedelta(days=2), ticks=True)
    sent.refresh_from_db()
    services.replay_delivery(delivery=sent, by=TESTER, now=clock.now())
    send_webhooks()
    first, second = server.received
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]


def test_sixty_events_of_an_endpoint_are_sent_again_in_an_hour(add: AddEndpoint, clock: Clock) -> None:
    sent, other = send_test(add()[0]), send_test(add("https://two.example.com/")[0])
    for _time in range(services.MAX_REPLAYS):
        services.replay_delivery(delivery=sent, by=TESTER, now=clock.now())
    WebhookDelivery.objects.filter(pk=sent.pk).update(state="failed", ended_at=clock.now(), attempts=9)
    with pytest.raises(Refused) as refused:
        services.replay_delivery(delivery=sent, by=TESTER, now=clock.now())
    assert refused.value.code == "too_many"
    assert row(sent)[:2] == ("failed", 9), "a refused repetition changes nothing"
    services.replay_delivery(delivery=other, by=TESTER, now=clock.now())
    clock.set(clock.now() + timedelta(hours=1, minutes=1), ticks=True)
    services.replay_delivery(delivery=sent, by=TESTER, now=clock.now())


def test_deliveries_are_kept_for_thirty_days_and_what_waits_longer(
    server: Receiver, add: AddEndpoint, clock: Clock
) -> None:
    endpoint, _secret = add(server.url)
    send_test(endpoint)
    send_webhooks()
    waiting = send_test(endpoint)
    assert delete_old_deliveries(clock.now() + timedelta(days=29)) == 0
    assert delete_old_deliveries(clock.now() + timedelta(days=31)) == 1
    assert WebhookDelivery.objects.get() == waiting


def test_the_daily_task_deletes_old_deliveries_and_renews_keys(add: AddEndpoint, clock: Clock, settings: Any) -> None:
    endpoint, _secret = add()
    sent = waiting(endpoint, clock)
    WebhookDelivery.objects.filter(pk=sent.pk).update(state="failed", ended_at=clock.now())
    before = endpoint.secret
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another " * 10
    clock.set(clock.now() + timedelta(days=31), ticks=True)
    tasks.retain()
    assert not WebhookDelivery.objects.exists()
    endpoint.refresh_from_db()
    assert endpoint.secret != before
