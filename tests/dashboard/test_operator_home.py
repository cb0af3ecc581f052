"""`/operator/`: a failure hides from the operator that work waits, a job stands still or deliveries fail."""

from datetime import timedelta
from typing import Any

import pytest

from apps.core.audit import audit
from apps.core.clock import db_now
from apps.core.health import record_channel_failure
from apps.core.models import Job, OutboxRow, Setting
from apps.employees.models import Employee
from apps.notifications.webhooks import services
from apps.notifications.webhooks.models import WebhookDelivery, WebhookEndpoint
from apps.standings.effective_dates import process_effective_dates
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import StrictClient, words
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db
PAGE = "/operator/"


@pytest.fixture
def browser(as_: SignIn, operator: Employee) -> StrictClient:
    return as_(operator)


def part(browser: StrictClient, name: str) -> str:
    """The text of one card of the page."""
    html = browser.get(PAGE).content.decode()
    section = html.partition(f'id="{name}">')[2].partition("</section>")[0]

    class Answer:
        content = section.encode()

    return str(words(Answer()))


def test_versions_and_checks_are_shown(browser: StrictClient) -> None:
    text = words(browser.get(PAGE))
    for name in ("Hundred 0.", "Python 3.", "Django 5.", "Celery 5.", "PostgreSQL 1", "Database OK", "Tables OK"):
        assert name in text


def test_an_old_outbox_row_says_that_no_worker_runs(browser: StrictClient, noon: Clock) -> None:
    OutboxRow.objects.all().delete()
    assert "Standings to evaluate Nothing waits" in part(browser, "queues")
    OutboxRow.objects.create(employee_id=1)
    assert "Being processed" in part(browser, "queues")
    noon.set(db_now() + timedelta(minutes=3), ticks=True)
    text = part(browser, "queues")
    assert "Late" in text
    assert "Check that a worker runs" in text


def test_audit_entries_wait_where_a_stream_is_set(browser: StrictClient, noon: Clock, settings: Any) -> None:
    assert "Audit entries" not in part(browser, "queues")
    settings.AUDIT_STREAM, settings.ROSTER_SOURCE = "stdout", "scim"
    audit("test.one", by=people.TESTER)
    noon.set(db_now() + timedelta(minutes=16), ticks=True)
    text = part(browser, "queues")
    assert "Changes of the directory to load Nothing waits" in text
    assert "“manage.py stream_audit_trail” shows why" in text


def test_a_silent_scheduler_is_late(browser: StrictClient, noon: Clock) -> None:
    process_effective_dates()
    assert "Scheduler, every minute last run" in part(browser, "jobs")
    assert "Late" not in part(browser, "jobs")
    noon.set(db_now() + timedelta(minutes=6), ticks=True)
    assert "Check that the scheduler (beat) and a worker run" in part(browser, "jobs")


def test_a_nightly_job_is_late_after_a_missed_night(browser: StrictClient, noon: Clock) -> None:
    process_effective_dates()
    assert "Retention, every night Not run yet" in part(browser, "jobs")
    Job.objects.create(job="retention", period="x")
    Job.objects.create(job="recount:november", period="x")
    assert "Late" not in part(browser, "jobs")
    noon.set(db_now() + timedelta(hours=37), ticks=True)
    process_effective_dates()
    assert part(browser, "jobs").count("Late") == 2


def test_failed_deliveries_lead_to_where_they_are_mended(browser: StrictClient) -> None:
    endpoint, _secret = services.add_endpoint(
        url="https://hooks.example.com/", description="", event_types=["campaign.frozen"], scheme="hmac",
        by=people.TESTER,
    )  # fmt: skip
    services.send_test_event(endpoint=endpoint, by=people.TESTER, now=db_now())
    WebhookDelivery.objects.update(state="failed", ended_at=db_now())
    WebhookEndpoint.objects.update(failing_since=db_now())
    record_channel_failure("email", "auth")
    page = browser.get(PAGE)
    text = part(browser, "failures")
    assert "fails now: hooks.example.com" in text
    assert "fails now: e-mail" in text.lower()
    for link in (f"/operator/webhooks/{endpoint.pk}/", "/company/notifications/", "/operator/accounts/"):
        assert f'href="{link}"' in page.content.decode()


def test_a_failed_check_says_what_to_do(browser: StrictClient, monkeypatch: pytest.MonkeyPatch) -> None:
    state = {"database": "ok", "signing": "no_key", "webhooks": "failing: 1"}
    monkeypatch.setattr("apps.dashboard.views.operator.home.current_checks", lambda: state)
    text = part(browser, "health")
    assert "Set SIGNING_KEY for the worker" in text
    assert "See the responses of the failing servers" in text


def test_the_menu_leads_there_for_operators_alone(as_: SignIn, operator: Employee, hr: Employee) -> None:
    assert f'href="{PAGE}"' in as_(operator).get("/").content.decode()
    assert f'href="{PAGE}"' not in as_(hr).get("/").content.decode()


def test_it_names_no_person(browser: StrictClient, alice: Employee, campaign: Any) -> None:
    Setting.objects.get_or_create(name="x", defaults={"value": 1})
    html = browser.get(PAGE).content.decode()
    assert "Alice" not in html
    assert "A001" not in html
