"""Scheduled files: made once for a period, by the rights of that moment, and announced by a link."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, connection, transaction

from apps.accounts.deputies import end_deputyship
from apps.accounts.models import Account
from apps.accounts.services import account_for, grant_role
from apps.campaigns.models import Campaign
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.files import expire_files, read_file
from apps.core.models import AuditEntry, Event
from apps.core.time_zones import midnight
from apps.employees.models import Employee, Employment
from apps.exports import build_export, export_requests, schedule_runs, schedules
from apps.exports.models import Export, ExportSchedule
from apps.exports.schedule_runs import request_scheduled_files
from apps.notifications.models import Notification
from apps.notifications.processing import process_notifications
from apps.operations import tasks
from apps.standings.campaign_lifecycle import cancel_campaign
from tests import files, people
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def at(text: str) -> datetime:
    """An instant in November in Shanghai, the zone of the company and the campaign."""
    return datetime.fromisoformat(f"2026-11-{text}:00+08:00")


@pytest.fixture(autouse=True)
def _company_in_shanghai(settings: Any) -> Iterator[None]:
    settings.TIME_ZONE = "Asia/Shanghai"
    # It remembers days of the zone of other tests; an installation's zone never changes while it runs.
    midnight.cache_clear()
    yield
    midnight.cache_clear()


def run(clock: Clock, instant: datetime) -> list[tuple[str, str]]:
    """What a worker does at this instant; the day and state of each scheduled file so far."""
    clock.set(instant, ticks=True)
    request_scheduled_files(clock.now())
    for export in Export.objects.waiting():
        build_export.make_export(export.pk)
    made = Export.objects.exclude(schedule=None).order_by("period").values_list("period", "state")
    return [(f"{period:%m-%d}", state) for period, state in made]


def state_of(schedule: ExportSchedule) -> tuple[str, str]:
    schedule.refresh_from_db()
    return schedule.state, schedule.end_reason


def test_hr_gets_the_file_every_day_as_of_the_hour_and_a_link_by_mail(
    campaign: Campaign, alice: Employee, hr: Employee, clock: Clock
) -> None:
    files.schedule(campaign, hr, hour=9, filters={"status": "red"}, columns=["staff_no", "counted"])
    clock.set(at("24T08:59"), ticks=True)
    people.record(alice, 2)
    assert run(clock, at("24T08:59")) == []
    clock.set(at("24T09:00") + timedelta(seconds=30), ticks=True)
    people.record(alice, 3)
    assert run(clock, at("24T09:01")) == [("11-24", "done")]
    made = Export.objects.get()
    assert (made.as_of, made.asked_by_id) == (at("24T09:00"), account_for(hr).pk)
    assert made.file
    assert b"A001,2" in b"".join(read_file(made.file)), "the state of nine o'clock"
    Event.objects.exclude(kind="scheduled_export_ready").delete()
    process_notifications()
    [message] = mail.outbox
    assert message.to == ["hedda@corp.example.com"]
    assert message.subject == "A scheduled file is ready · 定期文件已生成"
    assert f"/exports/{made.pk}/" in str(message.body)
    assert message.attachments == []
    assert Notification.objects.filter(employee=hr, kind="scheduled_export_ready", channel="app").count() == 1
    assert not Event.objects.filter(kind="export_ready").exists()


def test_a_week_of_files_and_then_the_deadline(campaign: Campaign, hr: Employee, clock: Clock) -> None:
    daily, weekly = files.schedule(campaign, hr), files.schedule(campaign, hr, "days", weekday=4)
    instant = at("23T12:00")
    while instant < at("30T23:59") + timedelta(hours=3):
        made = run(clock, instant)
        instant += timedelta(hours=1)
    assert [day for day, _state in made] == [
        "11-24", "11-25", "11-26", "11-27", "11-27", "11-28", "11-29", "11-30",
    ]  # fmt: skip
    assert Export.objects.get(schedule=weekly).period == date(2026, 11, 27)
    assert state_of(daily) == state_of(weekly) == ("ended", "campaign_over")
    assert not Event.objects.filter(kind="scheduled_export_ended").exists(), "the deadline is no news"


def test_the_owner_s_clock_decides_to_the_minute(campaign: Campaign, hr: Employee, clock: Clock) -> None:
    Employee.objects.filter(pk=hr.pk).update(time_zone="America/Los_Angeles")
    files.schedule(campaign, hr, hour=8)
    due = datetime.fromisoformat("2026-11-23T08:00:00-08:00")
    assert run(clock, due - timedelta(minutes=1)) == []
    assert run(clock, due) == [("11-23", "done")]
    # HR moves to Shanghai: its morning has passed when the old hour comes.
    Employee.objects.filter(pk=hr.pk).update(time_zone="")
    assert run(clock, due + DAY) == [("11-23", "done"), ("11-24", "done")]
    assert ExportSchedule.objects.get().next_run_at == at("25T08:00")


def test_an_outage_of_days_is_made_good_by_one_file(campaign: Campaign, hr: Employee, clock: Clock) -> None:
    schedule = files.schedule(campaign, hr)
    assert run(clock, at("28T10:00")) == [("11-28", "done")]
    assert run(clock, at("28T10:01")) == [("11-28", "done")]
    # Over the deadline the last file before it is still made.
    assert run(clock, at("30T23:59") + 2 * DAY) == [("11-28", "done"), ("11-30", "done")]
    assert state_of(schedule) == ("ended", "campaign_over")


def test_files_that_no_worker_makes_do_not_pile_up(campaign: Campaign, hr: Employee, clock: Clock) -> None:
    files.schedule(campaign, hr)
    for day in range(24, 29):
        clock.set(at(f"{day}T08:00"), ticks=True)
        request_scheduled_files(clock.now())
    assert Export.objects.count() == 1
    assert run(clock, at("29T09:00")) == [("11-24", "done")]
    assert run(clock, at("29T09:01")) == [("11-24", "done"), ("11-29", "done")]


def test_scheduled_files_of_all_accounts_leave_room_for_people_who_wait(
    campaign: Campaign, hr: Employee, bob: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule_runs, "MAX_WAITING", 1)
    files.schedule(campaign, hr)
    files.schedule(campaign, bob, root=bob)
    clock.set(at("24T08:00"), ticks=True)
    assert [request_scheduled_files(clock.now()) for _call in range(2)] == [1, 0]
    assert len(run(clock, at("24T08:02"))) == 1
    assert len(run(clock, at("24T08:03"))) == 2


@pytest.mark.django_db(transaction=True)
def test_eight_workers_request_a_period_once(campaign: Campaign, hr: Employee, clock: Clock) -> None:
    schedule = files.schedule(campaign, hr)
    clock.set(at("24T08:00"))

    def work(_number: int) -> None:
        try:
            tasks.request_scheduled_files()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    export = Export.objects.get()
    assert AuditEntry.objects.filter(action="export.asked").count() == 1
    with pytest.raises(IntegrityError, match="exports_export_once_a_period"), transaction.atomic():
        Export.objects.create(
            campaign=campaign, kind="days", as_of=at("24T08:00"), rule_version=1, asked_at=at("24T08:00"),
            asked_by_id=1, asked_by_label="", schedule=schedule, period=export.period,
        )  # fmt: skip


def hr_is_revoked(hr: Employee, bob: Employee) -> None:
    grant_role(employee=hr, role="hr", by=people.TESTER, revoke=True)


def hr_leaves(hr: Employee, bob: Employee) -> None:
    Employment.objects.filter(employee=hr).update(ends_at=db_now())


def the_account_is_closed(hr: Employee, bob: Employee) -> None:
    Account.objects.filter(employee=hr).update(is_active=False)


@pytest.mark.parametrize(
    ("cause", "reason", "notified"),
    [(hr_is_revoked, "role_ended", 1), (hr_leaves, "account_closed", 0), (the_account_is_closed, "account_closed", 0)],
)
@pytest.mark.parametrize("requested", [False, True])
def test_a_file_of_the_company_ends_with_the_right(
    campaign: Campaign, hr: Employee, bob: Employee, clock: Clock, cause: Any, reason: str, notified: int,
    requested: bool,
) -> None:  # fmt: skip
    """Also when the right ends between the request and the worker that makes the file."""
    schedule = files.schedule(campaign, hr)
    clock.set(at("24T08:00"), ticks=True)
    if requested:
        request_scheduled_files(clock.now())
    cause(hr, bob)
    assert run(clock, at("24T08:01")) == ([("11-24", "failed")] if requested else [])
    assert state_of(schedule) == ("ended", reason)
    assert Event.objects.filter(kind="scheduled_export_ended").count() == notified
    assert not Event.objects.filter(kind="scheduled_export_ready").exists()
    assert not Export.objects.exclude(file=None).exists()
    entry = AuditEntry.objects.get(action="export.schedule_ended")
    assert (entry.detail, entry.actor_label) == ({"reason": reason}, "system")
    assert run(clock, at("26T08:01")) == ([("11-24", "failed")] if requested else [])


def test_a_manager_s_file_ends_with_the_team(campaign: Campaign, bob: Employee, clock: Clock) -> None:
    schedule = files.schedule(campaign, bob, root=bob)
    assert run(clock, at("24T08:00")) == [("11-24", "done")]
    people.load(
        "staff_no,name,email,manager_staff_no\nA001,Alice 艾,alice@corp.example.com,C001\n"
        "A002,Alan,alan@corp.example.com,C001\n"
    )
    assert run(clock, at("25T08:00")) == [("11-24", "done")]
    assert state_of(schedule) == ("ended", "no_team")


def test_a_deputy_s_file_ends_with_the_deputyship(
    campaign: Campaign, bob: Employee, carol: Employee, clock: Clock
) -> None:
    deputyship = people.stands_in(bob, carol, until=date(2026, 11, 30))
    schedule = files.schedule(campaign, carol, root=bob)
    assert run(clock, at("24T08:00")) == [("11-24", "done")]
    end_deputyship(deputyship_id=deputyship.pk, by=account_for(bob))
    assert run(clock, at("25T08:00")) == [("11-24", "done")]
    assert state_of(schedule) == ("ended", "no_team")
    assert not Export.objects.visible_to(account_for(carol)).exists(), "nor is the file of yesterday open to her"


def test_a_manager_s_file_holds_no_review_mark_that_hr_scheduled_as_hr(
    campaign: Campaign, bob: Employee, clock: Clock
) -> None:
    """Otherwise a former HR user would learn every day who asks HR for a review."""
    people.with_account(bob, "hr")
    schedule = files.schedule(campaign, bob, root=bob, filters={"status": "under_review"})
    grant_role(employee=bob, role="hr", by=people.TESTER, revoke=True)
    assert run(clock, at("24T08:00")) == []
    assert state_of(schedule) == ("ended", "role_ended")


def test_a_cancelled_campaign_has_no_further_file(campaign: Campaign, hr: Employee, clock: Clock) -> None:
    schedule = files.schedule(campaign, hr)
    cancel_campaign(campaign=campaign, reason="wrong", by=people.TESTER)
    assert run(clock, at("24T08:00")) == []
    assert state_of(schedule) == ("ended", "campaign_over")


def test_a_last_day_is_the_owner_s(campaign: Campaign, hr: Employee, clock: Clock) -> None:
    schedule = files.schedule(campaign, hr, hour=23, ends_on=date(2026, 11, 24))
    assert run(clock, at("23T23:00")) == [("11-23", "done")]
    assert run(clock, at("24T23:00")) == [("11-23", "done"), ("11-24", "done")]
    assert run(clock, at("25T00:00")) == [("11-23", "done"), ("11-24", "done")]
    assert state_of(schedule) == ("ended", "last_day")


def test_a_paused_file_is_not_made_nor_made_good(campaign: Campaign, hr: Employee, clock: Clock) -> None:
    schedule, account = files.schedule(campaign, hr), account_for(hr)
    schedules.pause_schedule(schedule_id=schedule.pk, by=account)
    assert run(clock, at("25T12:00")) == []
    schedules.resume_schedule(schedule_id=schedule.pk, by=account)
    assert run(clock, at("25T12:01")) == []
    assert run(clock, at("26T08:00")) == [("11-26", "done")]
    schedules.delete_schedule(schedule_id=schedule.pk, by=account)
    assert run(clock, at("27T08:00")) == [("11-26", "done")]
    assert not ExportSchedule.objects.of(account).exists()
    trail = AuditEntry.objects.filter(subject_kind="export_schedule").order_by("pk").values_list("action", flat=True)
    assert list(trail) == [
        "export.scheduled", "export.schedule_paused", "export.schedule_resumed", "export.schedule_deleted",
    ]  # fmt: skip


def test_without_the_right_it_is_not_resumed(campaign: Campaign, hr: Employee, clock: Clock) -> None:
    schedule, account = files.schedule(campaign, hr), account_for(hr)
    schedules.pause_schedule(schedule_id=schedule.pk, by=account)
    grant_role(employee=hr, role="hr", by=people.TESTER, revoke=True)
    with pytest.raises(Refused):
        schedules.resume_schedule(schedule_id=schedule.pk, by=account)


def test_another_account_changes_nothing(campaign: Campaign, hr: Employee, bob: Employee) -> None:
    schedule = files.schedule(campaign, bob, root=bob)
    for change in (schedules.pause_schedule, schedules.resume_schedule, schedules.delete_schedule):
        with pytest.raises(ExportSchedule.DoesNotExist):
            change(schedule_id=schedule.pk, by=account_for(hr))


def test_a_person_has_a_limited_number_and_a_form_sent_twice_makes_one(
    campaign: Campaign, hr: Employee, bob: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedules, "MAX_SCHEDULES", 2)
    key = uuid.uuid4()
    wish: dict[str, Any] = {
        "campaign": campaign, "request": export_requests.ExportRequest("days"),
        "repetition": schedules.Repetition(8), "by": account_for(hr),
    }  # fmt: skip
    first = schedules.create_schedule(**wish, key=key)
    assert schedules.create_schedule(**wish, key=key) == first
    schedules.create_schedule(**wish, key=uuid.uuid4())
    with pytest.raises(Refused) as refused:
        schedules.create_schedule(**wish, key=uuid.uuid4())
    assert refused.value.code == "too_many"
    schedules.delete_schedule(schedule_id=first.pk, by=account_for(hr))
    schedules.create_schedule(**wish, key=uuid.uuid4())
    files.schedule(campaign, bob, root=bob)


def test_stored_files_are_bounded_and_the_list_says_so(
    campaign: Campaign, hr: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = files.schedule(campaign, hr)
    assert run(clock, at("24T08:00")) == [("11-24", "done")]
    monkeypatch.setattr(export_requests, "MAX_STORED_BYTES", 1)
    assert run(clock, at("25T08:00")) == [("11-24", "done")]
    schedule.refresh_from_db()
    assert (schedule.problem, schedule.state) == ("too_many", "active")
    monkeypatch.undo()
    assert run(clock, at("26T08:00")) == [("11-24", "done"), ("11-26", "done")]
    schedule.refresh_from_db()
    assert schedule.problem == ""
    clock.set(at("24T08:01") + 30 * DAY, ticks=True)
    expire_files(clock.now())
    assert [export.file is None for export in Export.objects.order_by("period")] == [True, False]


def test_one_schedule_that_fails_stops_no_other(
    campaign: Campaign, hr: Employee, bob: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = files.schedule(campaign, hr)
    files.schedule(campaign, bob, root=bob)
    store = schedule_runs.store_request

    def fails(**request: Any) -> Export:
        if request["schedule"] == broken:
            raise RuntimeError("broken")
        return store(**request)

    monkeypatch.setattr(schedule_runs, "store_request", fails)
    assert run(clock, at("24T08:00")) == [("11-24", "done")]
    monkeypatch.undo()
    assert run(clock, at("24T08:05")) == [("11-24", "done"), ("11-24", "done")]


def test_what_was_searched_for_is_not_in_the_trail(campaign: Campaign, hr: Employee) -> None:
    files.schedule(campaign, hr, filters={"q": "Canary"}, weekday=2)
    entry = AuditEntry.objects.get(action="export.scheduled")
    assert "Canary" not in str(entry.detail)
    assert entry.detail["weekday"] == "2"
    assert Actor(entry.actor_id, entry.actor_label) == account_for(hr).actor


@pytest.mark.parametrize(
    ("kind", "options"), [("handover", {}), ("standings", {"ends_on": date(2026, 11, 22)}), ("roster_changes", {})]
)
def test_what_would_make_no_file_is_refused(
    campaign: Campaign, hr: Employee, clock: Clock, kind: str, options: dict[str, Any]
) -> None:
    if kind == "roster_changes":
        options = {"since": clock.now() + DAY}
    with pytest.raises(Refused):
        files.schedule(campaign, hr, kind, **options)


def test_after_the_deadline_nothing_can_be_repeated(campaign: Campaign, hr: Employee, clock: Clock) -> None:
    clock.set(at("30T23:30"), ticks=True)
    with pytest.raises(Refused, match="end before its first file"):
        files.schedule(campaign, hr)
    clock.set(at("30T23:59") + DAY, ticks=True)
    with pytest.raises(Refused, match="can no longer be scheduled"):
        files.schedule(campaign, hr)


def test_a_return_revives_no_schedule(campaign: Campaign, bob: Employee, clock: Clock) -> None:
    """A weekly one sees neither the leaving nor the return."""
    schedule = files.schedule(campaign, bob, hour=9, weekday=4, root=bob)
    clock.set(at("24T09:00"), ticks=True)
    people.load("staff_no,name,email,left_on\nB001,Bob 白,bob@corp.example.com,2026-11-23\n")
    clock.set(at("25T09:00"), ticks=True)
    people.load(people.ROSTER)
    assert people.person("B001").is_manager
    assert run(clock, at("27T09:01")) == []
    assert state_of(schedule) == ("ended", "account_closed")
