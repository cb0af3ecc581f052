"""What a monitor reads is what is the case."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from apps.accounts.services import audit_refused
from apps.campaigns.models import Campaign
from apps.core.audit import audit
from apps.core.models import AuditOutboxRow
from apps.core.outbox import queue_reevaluation
from apps.core.task_runs import last_runs, record_task_run, scheduled_tasks
from apps.core.version import program_version
from apps.employees.models import Employee
from apps.monitoring import figures
from apps.notifications.models import Notification
from apps.operations.tasks import freeze_due
from apps.roster.directory_models import DirectoryUser
from apps.standings.recount import compare_all, record_drift
from config.celery import _record_run
from tests import files, people
from tests.brokers import no_broker
from tests.fixtures import Clock
from tests.monitoring.scraping import samples, scraped, value
from tests.standings import drifting

pytestmark = pytest.mark.django_db


def test_the_outbox_is_shown_with_its_length_and_age(monitored: Client, alice: Employee, clock: Clock) -> None:
    people.mark()
    assert value(monitored, "hundred_work_waiting", work="outbox") == 0
    assert value(monitored, "hundred_work_oldest_seconds", work="outbox") == 0
    clock.set("2026-11-23T12:10:00+08:00")
    queue_reevaluation([alice.pk])
    clock.set("2026-11-23T12:15:00+08:00")
    assert value(monitored, "hundred_work_waiting", work="outbox") == 1
    assert value(monitored, "hundred_work_oldest_seconds", work="outbox") == 300


def test_other_waiting_work_is_shown(monitored: Client, alice: Employee) -> None:
    files.sent(alice, "handle\nw1\n")
    found = samples(scraped(monitored))
    waiting = {dict(labels)["work"]: n for (name, labels), n in found.items() if name == "hundred_work_waiting"}
    assert set(waiting) == {
        "outbox", "events", "ranges", "submissions", "previews", "roster_loads", "exports", "security_mails",
    }  # fmt: skip
    assert (waiting["previews"], waiting["exports"], waiting["submissions"]) == (1, 0, 0)


def test_the_audit_entries_that_wait_are_shown_where_a_stream_is_set(
    monitored: Client, clock: Clock, settings: Any
) -> None:
    """A receiver that is away for a week fills the database."""
    audit("test.one", by=people.TESTER)
    assert value(monitored, "hundred_work_waiting", work="audit_stream") is None
    settings.AUDIT_STREAM = "stdout"
    AuditOutboxRow.objects.all().delete()
    assert value(monitored, "hundred_work_oldest_seconds", work="audit_stream") == 0
    clock.set("2026-11-23T12:00:00+08:00")
    audit("test.two", by=people.TESTER)
    clock.set("2026-11-23T12:05:00+08:00")
    audit("test.three", by=people.TESTER)
    assert value(monitored, "hundred_work_waiting", work="audit_stream") == 2
    assert value(monitored, "hundred_work_oldest_seconds", work="audit_stream") == 300


def test_the_changes_of_the_directory_that_wait_are_shown_where_it_is_the_source(
    monitored: Client, hr: Employee, clock: Clock, settings: Any
) -> None:
    """A new employee of the directory is missing until the load."""
    clock.set("2026-11-23T12:00:00+08:00")
    for number, state in ((1, "waiting"), (2, "applied")):
        DirectoryUser.objects.create(
            document={}, user_name=f"u{number}", active=True, actor_id=1, actor_label="x", state=state
        )
    clock.set("2026-11-23T13:00:00+08:00")
    assert value(monitored, "hundred_work_waiting", work="directory") is None
    settings.ROSTER_SOURCE = "scim"
    assert value(monitored, "hundred_work_waiting", work="directory") == 1
    assert value(monitored, "hundred_work_oldest_seconds", work="directory") == 3600


@pytest.mark.django_db(transaction=True)
def test_marks_are_counted(monitored: Client, alice: Employee, campaign: Campaign) -> None:
    """Marks per second: the rate of a counter that no mark has to wait for."""

    def counted(name: str) -> float:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_force_next_flush()")
        return value(monitored, name) or 0

    queued, evaluated = counted("hundred_outbox_queued_total"), counted("hundred_outbox_evaluated_total")
    people.record_one(alice, people.outsider())
    assert counted("hundred_outbox_queued_total") == queued + 1
    people.mark()
    assert counted("hundred_outbox_evaluated_total") == evaluated + 1


def test_a_campaign_shows_its_state_and_the_seconds_to_the_cut_off(
    monitored: Client, campaign: Campaign, clock: Clock
) -> None:
    clock.set("2026-11-30T23:00:00+08:00")
    assert value(monitored, "hundred_campaign_state", campaign="november", state="open") == 1
    assert value(monitored, "hundred_campaign_seconds_to_cutoff", campaign="november") == 3600
    assert value(monitored, "hundred_campaign_freeze_overdue_seconds", campaign="november") == 0
    clock.set("2026-12-01T00:10:00+08:00")
    assert value(monitored, "hundred_campaign_seconds_to_cutoff", campaign="november") == -600
    assert value(monitored, "hundred_campaign_freeze_overdue_seconds", campaign="november") == 600
    clock.set("2026-12-01T00:10:00+08:00", ticks=True)
    freeze_due()
    assert value(monitored, "hundred_campaign_state", campaign="november", state="frozen") == 1
    assert value(monitored, "hundred_campaign_freeze_overdue_seconds", campaign="november") == 0
    assert value(monitored, "hundred_campaign_seconds_to_cutoff", campaign="november") is None
    clock.set("2026-12-20T00:00:00+08:00")
    assert "november" not in scraped(monitored).replace('hundred_drift_standings{campaign="november"}', "")


def test_a_freeze_that_waits_for_a_feed_or_a_person_is_not_overdue(
    monitored: Client, campaign: Campaign, clock: Clock
) -> None:
    """An alarm for what HR has decided would be switched off before the deadline."""
    clock.set("2026-12-01T00:10:00+08:00")
    Campaign.objects.update(feed_until=datetime.fromisoformat("2026-12-01T00:30:00+08:00"))
    assert value(monitored, "hundred_campaign_freeze_overdue_seconds", campaign="november") == 0
    Campaign.objects.update(feed_until=None, backdated=True)
    assert value(monitored, "hundred_campaign_freeze_overdue_seconds", campaign="november") == 0


def test_drift_and_the_age_of_the_recount_are_shown(
    monitored: Client, campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    clock.set("2026-11-23T12:00:00+08:00")
    age = value(monitored, "hundred_campaign_recount_age_seconds", campaign="november")
    assert age is not None
    assert 0 <= age < 60, "since it was created, before the first recount"
    clock.set("2026-11-24T12:00:00+08:00")
    age = value(monitored, "hundred_campaign_recount_age_seconds", campaign="november")
    assert age is not None
    assert age >= timedelta(days=1).total_seconds() - 60
    clock.set("2026-11-23T12:00:00+08:00", ticks=True)
    drifting.inject(campaign, alice, by=3)
    record_drift(campaign, len(compare_all(campaign).differences))
    assert value(monitored, "hundred_drift_standings", campaign="november") == 1
    assert value(monitored, "hundred_check_ok", check="drift") == 0


def test_a_scheduled_task_is_late_when_no_worker_has_finished_it(monitored: Client, clock: Clock) -> None:
    """A dead beat leaves everything else looking quiet."""
    clock.set("2026-11-30T20:00:00+08:00")
    for task in scheduled_tasks():
        _record_run(SimpleNamespace(name=f"apps.operations.tasks.{task}"))
    _record_run(SimpleNamespace(name="apps.operations.tasks.make_preview"))
    assert set(last_runs()) == set(scheduled_tasks())
    interval = value(monitored, "hundred_task_interval_seconds", task="freeze_due")
    assert interval == 15
    clock.set("2026-11-30T20:02:00+08:00")
    assert value(monitored, "hundred_task_age_seconds", task="freeze_due") == 120
    assert value(monitored, "hundred_task_late_seconds", task="freeze_due") == 105
    assert value(monitored, "hundred_task_late_seconds", task="nightly_recount") == 0


def test_a_task_that_never_ran_becomes_late_with_the_age_of_the_process(
    monitored: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an installation beat may never have started."""
    monkeypatch.setattr(figures, "_process_began", figures.time.monotonic() - 1000)
    late = value(monitored, "hundred_task_late_seconds", task="freeze_due")
    assert late is not None
    assert late >= 985


def test_a_burst_of_messages_writes_a_run_once(clock: Clock) -> None:
    clock.set("2026-11-30T20:00:00+08:00")
    record_task_run("sweep")
    clock.set("2026-11-30T20:00:04+08:00")
    record_task_run("sweep")
    assert last_runs()["sweep"] == datetime.fromisoformat("2026-11-30T20:00:00+08:00")
    clock.set("2026-11-30T20:00:05+08:00")
    record_task_run("sweep")
    assert last_runs()["sweep"] == datetime.fromisoformat("2026-11-30T20:00:05+08:00")


def test_notifications_are_shown_by_channel_and_state(monitored: Client, alice: Employee, clock: Clock) -> None:
    clock.set("2026-11-23T12:00:00+08:00")
    now = clock.now()
    ago, later = now - timedelta(minutes=20), now + timedelta(hours=1)
    rows = [("email", "due", ago), ("email", "due", later), ("chat", "failed", now)]
    for number, (channel, state, due_at) in enumerate(rows):
        Notification.objects.create(
            employee=alice, kind="weekly", subject_key=str(number), channel=channel, state=state, due_at=due_at
        )
    assert value(monitored, "hundred_notifications", channel="email", state="due") == 2
    assert value(monitored, "hundred_notifications", channel="chat", state="failed") == 1
    assert value(monitored, "hundred_notifications_overdue_seconds", channel="email", state="due") == 1200
    clock.set("2026-11-25T12:00:00+08:00")
    assert value(monitored, "hundred_notifications", channel="chat", state="failed") is None, "of the last hour"


def test_refused_sign_ins_are_counted_without_a_name(monitored: Client, alice: Employee, clock: Clock) -> None:
    clock.set("2026-11-23T12:00:00+08:00")
    audit_refused("A001")
    audit_refused("a password typed into the wrong field")
    assert value(monitored, "hundred_sign_in_failures", reason="sign_in_refused") == 2
    clock.set("2026-11-23T12:16:00+08:00")
    assert value(monitored, "hundred_sign_in_failures", reason="sign_in_refused") is None


def test_stored_bytes_versions_and_the_state_of_services_are_shown(
    monitored: Client, alice: Employee, broker: None
) -> None:
    before = value(monitored, "hundred_stored_bytes")
    files.sent(alice, b"x" * 1000)
    assert before is not None
    assert value(monitored, "hundred_stored_bytes") == before + 1000
    found = samples(scraped(monitored))
    [(_name, labels)] = [key for key in found if key[0] == "hundred_build_info"]
    assert dict(labels)["version"] == program_version()
    assert re.fullmatch(r"\d+\.\d+", dict(labels)["postgresql"])
    assert found[("hundred_check_ok", frozenset({("check", "broker")}))] == 1
    assert found[("hundred_database_connections", frozenset())] >= 1
    with no_broker():
        assert value(monitored, "hundred_check_ok", check="broker") == 0
