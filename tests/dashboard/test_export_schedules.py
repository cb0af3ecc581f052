"""Scheduled files on pages: who may ask for one, the list, and its buttons."""

import uuid
from datetime import date
from typing import Any

import pytest
from django.test import Client

from apps.accounts.services import account_for, grant_role
from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from apps.exports import build_export, schedules
from apps.exports.models import Export, ExportSchedule
from apps.exports.schedule_runs import request_scheduled_files
from tests import files, people
from tests.dashboard.strict import words
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db
LIST = "/exports/schedules/"


def ask(client: Client, kind: str = "standings", **fields: Any) -> Any:
    usual = {"key": uuid.uuid4(), "form": "csv", "sort": "staff_no", "repeat": "daily", "weekday": "0", "hour": "8"}
    return client.post(f"/exports/new/{kind}/", usual | fields)


def test_hr_repeats_a_file_and_sees_when_it_comes(client: Client, campaign: Campaign, hr: Employee) -> None:
    people.sign_in(client, hr)
    answer = ask(client, status="red", repeat="weekly", weekday="2", hour="17", until="2026-11-29", form="xlsx")
    assert (answer.status_code, answer.url) == (302, LIST)
    schedule = ExportSchedule.objects.get()
    assert (schedule.weekday, schedule.hour, schedule.ends_on) == (2, 17, date(2026, 11, 29))
    assert (schedule.filters, schedule.format, schedule.root) == ({"status": "red", "sort": "staff_no"}, "xlsx", None)
    assert not Export.objects.exists(), "the first one is made at its hour"
    page = words(client.get(LIST))
    assert "every Wednesday at 17:00" in page
    assert "25 Nov 17:00" in page
    assert "none yet" in page


def test_a_form_without_the_new_fields_makes_one_file(client: Client, campaign: Campaign, hr: Employee) -> None:
    """As a page that was open during an update sends it."""
    people.sign_in(client, hr)
    sent = {"key": uuid.uuid4(), "form": "csv", "sort": "staff_no"}
    assert client.post("/exports/new/standings/", sent).status_code == 302
    assert Export.objects.count() == 1
    assert not ExportSchedule.objects.exists()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"day": "2026-11-20"}, "day"), ({"repeat": "hourly"}, "repeat"), ({"weekday": "7"}, "weekday"),
        ({"hour": "24"}, "hour"), ({"until": "tomorrow"}, "until"), ({"until": "2026-11-22"}, "until"),
    ],
)  # fmt: skip
def test_what_cannot_be_repeated_is_said_at_its_field(
    client: Client, campaign: Campaign, hr: Employee, fields: dict[str, str], field: str
) -> None:
    people.sign_in(client, hr)
    answer = ask(client, **fields)
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not ExportSchedule.objects.exists()
    assert "<details open" in answer.content.decode(), "what was chosen stays in sight"


@pytest.mark.parametrize("team", ["", "C001", "D001"])
def test_a_manager_repeats_the_own_team_alone(client: Client, campaign: Campaign, bob: Employee, team: str) -> None:
    people.sign_in(client, bob)
    assert ask(client, team=team).status_code == 422
    assert not ExportSchedule.objects.exists()
    assert ask(client, team="B001").status_code == 302
    assert ExportSchedule.objects.get().root == bob


def test_a_result_and_a_campaign_that_is_over_are_not_repeated(
    client: Client, campaign: Campaign, hr: Employee, clock: Clock
) -> None:
    people.sign_in(client, hr)
    assert "repeat" in client.get("/exports/new/standings/").context["form"].fields
    clock.set("2026-12-01T12:00:00+08:00", ticks=True)
    people.sign_in(client, hr)
    assert "repeat" not in client.get("/exports/new/standings/").context["form"].fields
    assert ask(client).status_code == 302
    assert not ExportSchedule.objects.exists()


def test_the_list_pauses_resumes_and_deletes(client: Client, campaign: Campaign, hr: Employee, clock: Clock) -> None:
    schedule = files.schedule(campaign, hr)
    people.sign_in(client, hr)
    for step, shown in (("pause", "paused"), ("resume", "Pause"), ("delete", "No scheduled files")):
        answer = client.post(f"{LIST}{schedule.pk}/{step}/", follow=True)
        assert shown in words(answer)
    assert ExportSchedule.objects.get().state == "deleted"


def test_the_last_file_and_its_result_are_listed(
    client: Client, campaign: Campaign, hr: Employee, clock: Clock
) -> None:
    files.schedule(campaign, hr)
    clock.set("2026-11-24T08:00:00+00:00", ticks=True)
    request_scheduled_files(clock.now())
    people.sign_in(client, hr)
    assert "being created" in words(client.get(LIST))
    made = Export.objects.get()
    build_export.make_export(made.pk)
    page = client.get(LIST)
    assert f"/exports/{made.pk}/" in page.content.decode()
    assert "9 lines" in words(page)
    assert "scheduled file" in words(client.get(f"/exports/{made.pk}/"))


def test_nobody_sees_or_stops_a_colleague_s(client: Client, campaign: Campaign, hr: Employee, bob: Employee) -> None:
    schedule = files.schedule(campaign, bob, root=bob)
    people.sign_in(client, hr)
    assert "No scheduled files" in words(client.get(LIST))
    for step in ("pause", "resume", "delete"):
        assert client.post(f"{LIST}{schedule.pk}/{step}/").status_code == 404
    schedule.refresh_from_db()
    assert schedule.state == "active"


def test_who_lost_the_right_still_sees_why_and_tidies_up(
    client: Client, campaign: Campaign, hr: Employee, clock: Clock
) -> None:
    schedule = files.schedule(campaign, hr)
    paused = files.schedule(campaign, hr, "days")
    schedules.pause_schedule(schedule_id=paused.pk, by=account_for(hr))
    grant_role(employee=hr, role="hr", by=people.TESTER, revoke=True)
    clock.set("2026-11-24T08:00:00+00:00", ticks=True)
    request_scheduled_files(clock.now())
    people.sign_in(client, hr)
    assert "you no longer have the role HR" in words(client.get(LIST))
    answer = client.post(f"{LIST}{paused.pk}/resume/", follow=True)
    assert "You no longer have access to this file." in words(answer)
    for pk in (schedule.pk, paused.pk):
        assert client.post(f"{LIST}{pk}/delete/").status_code == 302
    assert client.get(LIST).status_code == 404
