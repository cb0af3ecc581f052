"""Every event becomes one delivery for each endpoint that wants it, as documented and without personal data."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.campaigns.rule_draft import RuleDraft
from apps.core import enqueue
from apps.core.clock import db_now
from apps.core.events import record_event
from apps.core.models import Event
from apps.employees.models import Employee
from apps.localstack.paths import BASE_DIR
from apps.notifications.models import Notification
from apps.notifications.planning import plan_notifications
from apps.notifications.webhooks import services
from apps.notifications.webhooks.event_types import EVENT_KINDS, TEST_EVENT
from apps.notifications.webhooks.models import WebhookDelivery
from apps.results.corrections import CorrectionDraft, grant_correction, request_correction
from apps.results.freeze import freeze
from apps.standings.effective_dates import process_effective_dates
from apps.standings.recount import record_drift
from apps.standings.rule_changes import change_rule
from tests import files, people
from tests.canary import EMAIL, HANDLE, NAME, SPELLED, signs_in
from tests.fixtures import Clock
from tests.notifications.webhooks.conftest import AddEndpoint, send_test
from tests.people import TESTER

pytestmark = pytest.mark.django_db
DOCUMENT = (BASE_DIR / "docs" / "webhooks.md").read_text(encoding="utf-8")


def documented() -> Iterator[tuple[str, dict[str, Any]]]:
    """(type, data) of each line of the table of events."""
    for types, data in re.findall(r"^\| ((?:`[\w.]+`(?:, )?)+) \| `(\{.*\})` \|$", DOCUMENT, flags=re.MULTILINE):
        yield from ((name, json.loads(data)) for name in re.findall(r"`([\w.]+)`", types))


def plan() -> None:
    while plan_notifications(db_now()).events:
        pass


def bodies() -> dict[str, dict[str, Any]]:
    """The newest message of each type."""
    return {row.event_type: json.loads(row.body) for row in WebhookDelivery.objects.order_by("pk")}


def cause_every_event(alice: Employee, hr: Employee, clock: Clock) -> None:
    """The life of a campaign, with people whose names and identities are marked."""
    people.load(people.ROSTER.replace("Alan,alan@", f"{NAME},{EMAIL.partition('@')[0]}@"))
    campaign = people.november()
    process_effective_dates()
    people.record_one(alice, ("phone", SPELLED), ("email", EMAIL), ("handle", HANDLE), name=NAME)
    rule = campaign.rule
    draft = RuleDraft(target=80, opens_on=rule.opens_on, deadline=rule.deadline, time_zone=rule.time_zone)
    change_rule(campaign=campaign, draft=draft, expected_version=1, reason=f"for {NAME}", by=TESTER)
    people.mark()
    record_drift(campaign, 1)
    files.export(Campaign.objects.get(pk=campaign.pk), hr)
    plan()
    clock.set(rule.cutoff_at + timedelta(minutes=5), ticks=True)
    campaign = Campaign.objects.get(pk=campaign.pk)
    assert freeze(campaign=campaign, by=TESTER, wait=False)
    plan()
    correction = request_correction(
        campaign=Campaign.objects.get(pk=campaign.pk), drafts=[CorrectionDraft("A001", counted=100)],
        reason=f"for {NAME}", evidence=EMAIL, by=account_for(hr),
    )  # fmt: skip
    second = account_for(people.with_account(people.person("D001"), "hr"))
    assert grant_correction(correction_id=correction.pk, by=second)
    plan()


def test_the_documented_payloads_are_those_that_are_sent(
    alice: Employee, hr: Employee, add: AddEndpoint, clock: Clock
) -> None:
    """A program is written by the document: another field or type breaks it."""
    endpoint, _secret = add()
    cause_every_event(alice, hr, clock)
    send_test(endpoint)
    sent, examples = bodies(), dict(documented())
    assert set(examples) == set(sent) == {*EVENT_KINDS, TEST_EVENT}
    for name, body in sent.items():
        assert list(body) == ["type", "timestamp", "data"]
        assert body["type"] == name
        assert datetime.fromisoformat(body["timestamp"]).tzinfo is not None
        assert list(body["data"]) == list(examples[name]), name
        for field, example in examples[name].items():
            value = body["data"][field]
            assert type(value) is type(example), (name, field)
            if field.endswith("_at"):
                assert datetime.fromisoformat(value).tzinfo is not None
    assert sent["campaign.rule_changed"]["data"]["rule_version"] == 2
    assert sent["campaign.rule_changed"]["data"]["target"] == 80
    assert sent["result.corrected"]["data"] == sent["campaign.frozen"]["data"] | {"result_version": 2, "red": 8}
    assert sent["drift.found"]["data"] == examples["drift.found"]


@pytest.mark.parametrize(("at_target", "red"), [(9, 0), (8, None), (5, None), (4, 5), (0, 9)])
def test_a_count_of_fewer_than_five_people_is_not_sent(
    company: dict[str, Employee], campaign: Campaign, add: AddEndpoint, clock: Clock, at_target: int, red: int | None
) -> None:
    add()
    for employee in list(company.values())[:at_target]:
        people.adjust(campaign=campaign, employee=employee, exempt=True)
    people.mark()
    clock.set(campaign.rule.cutoff_at + timedelta(minutes=5), ticks=True)
    assert freeze(campaign=Campaign.objects.get(pk=campaign.pk), by=TESTER, wait=False)
    plan()
    data = bodies()["campaign.frozen"]["data"]
    assert (data["employees"], data["red"]) == (9, red)


def test_the_example_in_full_is_a_message() -> None:
    [line] = re.findall(r"^    (\{.*\})$", DOCUMENT, flags=re.MULTILINE)
    example = json.loads(line)
    assert list(example) == ["type", "timestamp", "data"]
    assert example["data"] == dict(documented())[example["type"]]


def test_no_message_has_a_name_or_an_identity(alice: Employee, hr: Employee, add: AddEndpoint, clock: Clock) -> None:
    add()
    cause_every_event(alice, hr, clock)
    sent = "\n".join(f"{row.body} {row.subject_key} {row.message_id}" for row in WebhookDelivery.objects.all())
    assert signs_in(sent) == []
    for word in ("Alice", "alice", "A001", "Hedda", "corp.example.com", "test"):
        assert word not in sent, word


def test_an_event_is_one_delivery_for_each_endpoint_that_wants_it(campaign: Campaign, add: AddEndpoint) -> None:
    first, _secret = add("https://one.example.com/")
    second, _secret = add("https://two.example.com/", event_types=["drift.found"])
    add("https://three.example.com/", event_types=["roster.applied"])
    disabled, _secret = add("https://four.example.com/")
    services.disable_endpoint(endpoint=disabled, by=TESTER)
    record_drift(campaign, 3)
    record_drift(campaign, 3)
    plan()
    record_drift(campaign, 3)
    plan()
    rows = WebhookDelivery.objects.order_by("endpoint")
    assert [row.endpoint_id for row in rows] == [first.pk, second.pk]
    assert len({row.message_id for row in rows}) == 1, "one event is one message"
    assert not Event.objects.exists()


def test_deliveries_and_notifications_are_planned_together_or_not_at_all(
    campaign: Campaign, hr: Employee, add: AddEndpoint
) -> None:
    add()
    record_drift(campaign, 1)
    with transaction.atomic():
        plan()
        assert WebhookDelivery.objects.exists()
        assert Notification.objects.filter(kind="drift_found").exists()
        transaction.set_rollback(True)
    assert not WebhookDelivery.objects.exists()
    assert Event.objects.exists(), "the event would be lost"


def test_an_event_without_a_notification_is_planned_and_deleted(campaign: Campaign, add: AddEndpoint) -> None:
    add()
    record_event("campaign_closing", subject=campaign.pk, campaign_id=campaign.pk)
    plan()
    assert [row.event_type for row in WebhookDelivery.objects.all()] == ["campaign.closing"]
    assert not Event.objects.exists()
    assert not Notification.objects.filter(kind="campaign_closing").exists()


def test_without_endpoints_these_events_are_deleted_all_the_same(campaign: Campaign) -> None:
    record_event("campaign_closing", subject=campaign.pk, campaign_id=campaign.pk)
    plan()
    assert not Event.objects.exists()


def test_an_event_of_an_unknown_kind_waits_for_a_newer_process(campaign: Campaign, add: AddEndpoint) -> None:
    add()
    record_event("later_kind", subject=1)
    plan()
    assert Event.objects.get().kind == "later_kind"


def test_an_event_that_is_a_week_old_is_not_sent(campaign: Campaign, add: AddEndpoint, clock: Clock) -> None:
    add()
    record_drift(campaign, 1)
    clock.set(clock.now() + timedelta(days=8), ticks=True)
    plan()
    assert not WebhookDelivery.objects.exists()


def test_a_message_that_is_planned_again_after_a_restore_keeps_its_id(campaign: Campaign, add: AddEndpoint) -> None:
    add()
    record_drift(campaign, 1)
    ids = []
    for _time in range(2):
        with transaction.atomic():
            plan()
            ids.append(WebhookDelivery.objects.get().message_id)
            transaction.set_rollback(True)
    assert ids[0] == ids[1]
    assert re.fullmatch(r"msg_[0-9a-f]{32}", ids[0])


def test_planning_asks_a_worker_to_send(
    campaign: Campaign, add: AddEndpoint, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(enqueue, "_send", lambda task, *rest: asked.append(task))
    add()
    record_drift(campaign, 1)
    with django_capture_on_commit_callbacks(execute=True):
        plan()
    assert enqueue.SEND_WEBHOOKS in asked
