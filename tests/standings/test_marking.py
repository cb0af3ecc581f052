"""The evaluation and the sweep: every queued employee is evaluated, even if processes die midway."""

import logging
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from apps.campaigns.models import Campaign
from apps.contacts.drafts import Draft
from apps.contacts.models import Contact, Submission
from apps.contacts.services import changes, submissions
from apps.contacts.services.submissions import receive
from apps.core.clock import db_now
from apps.core.models import OutboxRow
from apps.employees.models import Employee
from apps.standings import marking
from apps.standings.marking import mark_outbox
from apps.standings.models import DailyCount, StandingChange
from apps.standings.process_runs import mark_all, sweep
from tests.fixtures import Clock
from tests.oracle import oracle, recount, stored
from tests.people import TESTER, adjust, mark, outsider, record, standing


def written() -> tuple[Any, ...]:
    """All rows that an evaluation writes, with their versions: even an update without a change is visible."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 's', id, xmin::text::bigint, ctid::text FROM standings_standing"
            " UNION ALL SELECT 'd', id, xmin::text::bigint, ctid::text FROM standings_dailycount ORDER BY 1, 2"
        )
        return tuple(cursor.fetchall())


def test_a_mark_of_what_has_not_changed_writes_nothing(campaign: Campaign, alice: Employee) -> None:
    record(alice, 3)
    mark()
    before = written(), StandingChange.objects.count()
    result = mark_all(campaign)
    assert (result.employees, result.counted, result.red, result.written) == (9, 3, 9, 0)
    assert (written(), StandingChange.objects.count()) == before


def test_a_mark_counts_what_it_did(campaign: Campaign, alice: Employee, alan: Employee) -> None:
    for one in (alice, alan):
        adjust(campaign=campaign, employee=one, target=1, reason="trial")
    record(alan)
    mark()
    record(alice)
    Contact.objects.of(alan).update(ended_at=db_now(), end_reason="removed")
    result = mark_all(campaign)
    assert (result.turned_red, result.turned_green, result.red, result.counted, result.written) == (1, 1, 8, 1, 2)


def test_marking_again_twice_or_in_parts_gives_the_same(campaign: Campaign, alice: Employee) -> None:
    record(alice, 5)
    mark()
    first = stored(campaign)
    for _ in range(2):
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO core_outbox (employee_id) SELECT id FROM employees_employee")
        mark()
    assert stored(campaign) == first == oracle(campaign)


def test_the_notes_are_gone_exactly_with_the_mark(
    campaign: Campaign, alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(alice)
    real = marking.mark_standings

    def dies(**options: Any) -> Any:
        real(**options)
        raise ConnectionError("the worker is gone")

    monkeypatch.setattr(marking, "mark_standings", dies)
    with pytest.raises(ConnectionError), transaction.atomic():
        mark_outbox()
    assert OutboxRow.objects.filter(employee_id=alice.pk).count() == 1
    assert standing(campaign, alice).counted == 0
    monkeypatch.undo()
    assert mark_outbox() == 1
    assert (OutboxRow.objects.count(), standing(campaign, alice).counted) == (0, 1)


def test_more_people_than_one_mark_takes_are_all_marked(
    campaign: Campaign, company: dict[str, Employee], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marking, "BATCH_SIZE", 2)
    for one in company.values():
        record(one)
    assert mark_outbox() == 2
    mark()
    assert stored(campaign) == oracle(campaign)
    assert {counted for _no, counted, *_ in stored(campaign)} == {1}
    seen: list[tuple[int, int]] = []
    assert mark_all(campaign, lambda done, total: seen.append((done, total))).employees == 9
    assert seen == [(2, 9), (4, 9), (6, 9), (8, 9), (9, 9)]


def test_counts_by_day_are_days_of_the_campaigns_zone(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    for at in ("2026-11-24T23:59:59+08:00", "2026-11-25T00:00:00+08:00", "2026-11-25T07:59:59+08:00"):
        clock.set(at)
        record(alice)
    clock.set("2026-11-26T00:00:00+08:00", ticks=True)
    mark()
    days = DailyCount.objects.filter(employee=alice).order_by("day").values_list("day", "count")
    assert [(day.day, count) for day, count in days] == [(24, 1), (25, 2)]
    earliest = Contact.objects.order_by("recorded_at")[:1].values("pk")
    Contact.objects.filter(pk__in=earliest).update(ended_at="2026-11-25T12:00:00+08:00", end_reason="removed")
    mark_all(campaign)
    assert [(day.day, count) for day, count in days.all()] == [(25, 2)]


def test_the_newest_day_is_kept_beside_the_verdict_and_goes_back_with_its_contact(
    campaign: Campaign, alice: Employee, alan: Employee, clock: Clock
) -> None:
    """Lists, files and the API derive from it for how many days no contact has counted."""
    record(alice)
    clock.set("2026-11-25T12:00:00+08:00", ticks=True)
    record(alice)
    mark()
    assert (standing(campaign, alice).last_counted_on, standing(campaign, alan).last_counted_on) == (
        date(2026, 11, 25),
        None,
    )
    changes.end_contact(contact_id=Contact.objects.of(alice).latest("pk").pk, employee=alice, by=TESTER)
    # Another contact as old as the first: the count stays the same, but the newest day changes.
    first = Contact.objects.of(alice).earliest("pk")
    record(alice)
    Contact.objects.filter(pk=Contact.objects.of(alice).latest("pk").pk).update(recorded_at=first.recorded_at)
    mark_all(campaign)
    after = standing(campaign, alice)
    assert (after.counted, after.last_counted_on) == (2, date(2026, 11, 23))
    assert recount(campaign) == []


def test_frozen_closing_and_cancelled_campaigns_are_left_alone(campaign: Campaign, alice: Employee) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(state="closing")
    Campaign.objects.filter(pk=campaign.pk).update(snapshot_at=db_now())
    record(alice)
    mark()
    assert mark_all(campaign).employees == 0
    assert standing(campaign, alice).counted == 0


def abandon(employee: Employee, people: int = 2) -> Submission:
    """A submission from a process that died before it recorded the contacts."""
    drafts = [Draft(f"W{n}", (outsider(),)) for n in range(people)]
    return receive(employee=employee, drafts=drafts, source="page", by=TESTER)


def test_what_a_dead_process_left_is_finished_and_marked_by_the_sweep(
    campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    submission = abandon(alice)
    sweep()
    assert not Contact.objects.exists(), "its process may still be at work"
    clock.set(submission.received_at + submissions.ABANDONED_AFTER + timedelta(seconds=1), ticks=True)
    sweep()
    submission.refresh_from_db()
    assert submission.state == "done"
    assert standing(campaign, alice).counted == 2
    assert set(Contact.objects.values_list("recorded_at", flat=True)) == {submission.received_at}


def test_one_submission_that_cannot_be_finished_stops_nobody_else(
    campaign: Campaign, alice: Employee, alan: Employee, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    broken, good = abandon(alice), abandon(alan)
    Submission.objects.filter(pk=broken.pk).update(payload=[{"no": "draft"}])
    clock.set(good.received_at + submissions.ABANDONED_AFTER + timedelta(seconds=1), ticks=True)
    with caplog.at_level(logging.ERROR):
        sweep()
    assert standing(campaign, alan).counted == 2
    assert str(broken.pk) in caplog.text
    broken.refresh_from_db()
    assert broken.state == "received", "nothing is thrown away"


def test_without_any_doorbell_the_sweep_marks_everybody_touched(campaign: Campaign, alice: Employee) -> None:
    record(alice, 2)
    assert standing(campaign, alice).counted == 0
    assert sweep() > 0
    assert sweep() == 0
    assert stored(campaign) == oracle(campaign)


def test_a_mark_that_began_before_a_change_of_the_rule_does_not_judge_by_the_old_one(
    campaign: Campaign, alice: Employee
) -> None:
    record(alice)
    mark()
    assert campaign.rule.target == 100
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO campaigns_campaignrule (campaign_id, version, target, time_zone, opens_on, deadline, opens_at,"
            " cutoff_at, company_domains, exclusive, confirmed_only, scope, reason) SELECT campaign_id, 2, 1,"
            " time_zone, opens_on, deadline, opens_at, cutoff_at, company_domains, exclusive, confirmed_only, scope,"
            " 'x'"
            " FROM campaigns_campaignrule WHERE campaign_id = %s",
            [campaign.pk],
        )
    with transaction.atomic():
        marking.mark_range(campaign, [alice.pk])
    assert (standing(campaign, alice).target, standing(campaign, alice).red) == (1, False)
