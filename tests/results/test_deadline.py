"""A contact brought in time always counts, and there is one result, whatever happens."""

import os
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings

from apps.campaigns import rules
from apps.campaigns.models import Campaign
from apps.contacts.drafts import Draft
from apps.contacts.file_receipt import receive_file
from apps.contacts.models import Contact, Submission
from apps.contacts.services.submissions import finish_submission, receive
from apps.core.closed_periods import BackdatingBlocked
from apps.core.files import store_file
from apps.employees.models import Employee
from apps.reports.standings_report import Standings
from apps.results import close_submissions
from apps.results import freeze as freeze_module
from apps.results.close_submissions import REFUSED_CODE, STUCK_AFTER, refused_at_closing
from apps.results.freeze import freeze, freeze_due_campaigns
from apps.results.models import FrozenResult
from apps.results.result_files import signature_file
from apps.standings.process_runs import sweep
from apps.standings.report_people import WholeCompany
from tests import plugin
from tests.crowd import at_once, no_lock
from tests.fixtures import Clock
from tests.oracle import oracle
from tests.people import TESTER, load, outsider, record
from tests.results import deadline
from tests.results.deadline import TICK, verdicts

pytestmark = pytest.mark.django_db(transaction=True)
SEED = int(os.environ.get("FAULT_SEED", "4"))
CARDS = b"name,email\r\nLate Lee,late.lee@outside.example.org\r\n"


# -- D1: to the microsecond ----------------------------------------------------------------------------------------


def test_the_last_microsecond_counts_in_every_zone_and_the_next_one_does_not(
    clock: Clock, as_owner: Callable[[str], Any]
) -> None:
    as_owner(f"ALTER DATABASE {plugin.DATABASE} SET timezone = 'Pacific/Chatham'")
    try:
        assert deadline.to_the_microsecond(len(deadline.ZONES), SEED, clock) == [], f"seed {SEED}"
    finally:
        as_owner(f"ALTER DATABASE {plugin.DATABASE} RESET timezone")


def test_mutant_a_cut_off_in_the_servers_zone_marks_the_wrong_people_red(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = rules.period
    monkeypatch.setattr(rules, "period", lambda opens, last, zone: real(opens, last, settings.TIME_ZONE))
    assert deadline.to_the_microsecond(len(deadline.ZONES), SEED, clock)


def test_the_days_of_a_campaign_over_a_change_of_clocks_are_local_days(clock: Clock) -> None:
    """New York, 1 November 2026: that day has 25 hours, and the cut-off is still a midnight."""
    opens, ends = rules.period(date(2026, 10, 31), date(2026, 11, 1), "America/New_York")
    assert ends - opens == timedelta(hours=49)
    assert ends.astimezone(ZoneInfo("America/New_York")).hour == 0


# -- D2: late writers ----------------------------------------------------------------------------------------------


def test_a_writer_of_the_last_microsecond_is_waited_for(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    assert deadline.late_writer(campaign, alice, clock) == []
    assert verdicts(campaign) == oracle(Campaign.objects.get())
    assert deadline.late_writers(3, SEED, clock) == [], f"seed {SEED}"


def test_mutant_without_the_barrier_the_last_microsecond_is_lost(
    campaign: Campaign, alice: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(close_submissions, "lock_facts", no_lock)
    wrong = deadline.late_writer(campaign, alice, clock, barrier=False)
    assert [line for line in wrong if "missing" in line]
    assert Contact.objects.get().recorded_at < campaign.rule.cutoff_at, "it was there in time"


def test_what_a_dead_process_had_received_is_recorded_before_the_freeze(
    campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    clock.set(campaign.rule.cutoff_at - TICK)
    receive(employee=alice, drafts=[Draft("Lee", (outsider(),))], source="page", by=TESTER)
    clock.set(campaign.rule.cutoff_at + timedelta(seconds=1), ticks=True)
    receive(employee=alice, drafts=[Draft("Too late", (outsider(),))], source="page", by=TESTER)
    freeze_due_campaigns(TESTER)
    assert {row[0]: row[1] for row in verdicts(campaign)}["A001"] == 1


def upload(employee: Employee, content: bytes = CARDS, **fields: Any) -> Submission:
    """A confirmed file that is not processed yet."""
    stored = store_file(
        name="late.csv", content=[content], content_type="text/csv", owner_id=None,
        expires_at=deadline.db_now() + timedelta(days=30),
    )  # fmt: skip
    given = {"file": stored, "sha256": bytes(stored.sha256), "layout": {
        "format": "csv", "encoding": "utf-8", "roles": ["name", "email"]}}  # fmt: skip
    return receive_file(employee=employee, by=TESTER, source="csv", file_name="late.csv", **{**given, **fields})


def test_an_upload_of_23_59_59_is_read_ten_minutes_later_and_counts(
    campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    clock.set(campaign.rule.cutoff_at - timedelta(seconds=1))
    upload(alice)
    clock.set(campaign.rule.cutoff_at + timedelta(minutes=10), ticks=True)
    freeze_due_campaigns(TESTER)
    assert {row[0]: row[1] for row in verdicts(campaign)}["A001"] == 1
    assert verdicts(campaign) == oracle(Campaign.objects.get())


def test_what_cannot_be_finished_holds_the_freeze_for_half_an_hour_and_is_then_refused_with_a_receipt(
    campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    clock.set(campaign.rule.cutoff_at - timedelta(seconds=1))
    stuck = upload(alice, file=None)
    for late in (timedelta(seconds=15), STUCK_AFTER - timedelta(seconds=1)):
        clock.set(campaign.rule.cutoff_at + late, ticks=True)
        assert freeze_due_campaigns(TESTER) == []
    assert Campaign.objects.get().state == "closing"
    clock.set(campaign.rule.cutoff_at + STUCK_AFTER + timedelta(minutes=1), ticks=True)
    assert len(freeze_due_campaigns(TESTER)) == 1
    stuck.refresh_from_db()
    assert (stuck.state, stuck.report["refused"]) == ("refused", REFUSED_CODE)
    [listed] = refused_at_closing(Campaign.objects.get())
    assert (listed.staff_no, listed.received_at, listed.recorded) == ("A001", stuck.received_at, 0)


def test_one_that_fails_does_not_hold_up_the_others_and_says_how_many_people_it_held(
    campaign: Campaign, alice: Employee, alan: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.set(campaign.rule.cutoff_at - timedelta(seconds=2))
    broken = receive(employee=alice, drafts=[Draft("X", (outsider(),))] * 3, source="api", by=TESTER)
    receive(employee=alan, drafts=[Draft("Y", (outsider(),))], source="api", by=TESTER)

    def finish(submission_id: Any) -> Any:
        if submission_id == broken.pk:
            raise RuntimeError("no")
        return finish_submission(submission_id)

    monkeypatch.setattr(close_submissions, "finish_submission", finish)
    clock.set(campaign.rule.cutoff_at + timedelta(seconds=15), ticks=True)
    assert freeze_due_campaigns(TESTER) == []
    clock.set(campaign.rule.cutoff_at + timedelta(hours=1), ticks=True)
    [result] = freeze_due_campaigns(TESTER)
    assert {row[0]: row[1] for row in verdicts(campaign)}["A002"] == 1
    assert [(one.staff_no, one.submitted) for one in refused_at_closing(result.campaign)] == [("A001", 3)]
    assert finish_submission(broken.pk).created == 0, "refused is refused"


def test_while_a_result_is_made_the_past_cannot_be_changed(
    campaign: Campaign, alice: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*args: Any) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(freeze_module, "store_result", die)
    record(alice)
    clock.set(campaign.rule.cutoff_at + timedelta(seconds=15), ticks=True)
    assert freeze_due_campaigns(TESTER) == []
    sweep()
    # A contact that no marking has counted, and none will: between snapshot and result pages evaluate the facts.
    seen = Standings(Campaign.objects.get(), WholeCompany()).page(limit=20).rows
    assert {row.staff_no: row.counted for row in seen}["A001"] == 1
    roster = "staff_no,name,email,left_on\nA001,Alice,alice@corp.example.com,2026-11-20\n"
    with pytest.raises(BackdatingBlocked):
        load(roster)
    monkeypatch.undo()
    assert len(freeze_due_campaigns(TESTER)) == 1, "the next one goes on where the last one died"
    load(roster)
    assert {row[0] for row in verdicts(campaign)} >= {"A001"}


# -- D3: one result ------------------------------------------------------------------------------------------------


def test_five_at_once_and_ten_in_a_row_make_one_result(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    record(alice, 100)
    assert deadline.five_at_once(campaign, clock) == []
    assert FrozenResult.objects.get().red == 8


def test_behind_a_pool_that_loses_the_lock_there_is_still_one_result(
    campaign: Campaign, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Advisory locks need one connection; the database's unique key guarantees one result."""
    clock.set(campaign.rule.cutoff_at + timedelta(seconds=15), ticks=True)
    monkeypatch.setattr(freeze_module, "advisory_lock", lambda *args, **options: Nothing())
    found = at_once(*[partial(freeze, campaign=campaign, by=TESTER, wait=True)] * 5)
    assert len({signature_file(one) for one in found}) == FrozenResult.objects.count() == 1


class Nothing:
    """A lock that locks nothing."""

    def __enter__(self) -> bool:
        return True

    def __exit__(self, *error: object) -> None:
        pass


@pytest.mark.parametrize("step", ["begin_closing", "finish_received", "fix_snapshot", "store_result"])
def test_after_a_crash_at_any_step_the_next_call_continues(
    campaign: Campaign, alice: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    record(alice, 100)
    clock.set(campaign.rule.cutoff_at + timedelta(seconds=15), ticks=True)
    real = getattr(freeze_module, step)

    def dies_behind(*args: Any) -> None:
        real(*args)
        raise SystemExit

    monkeypatch.setattr(freeze_module, step, dies_behind)
    with pytest.raises(SystemExit):
        freeze(campaign=campaign, by=TESTER, wait=False)
    monkeypatch.undo()
    assert freeze(campaign=campaign, by=TESTER, wait=False)
    assert verdicts(campaign) == oracle(Campaign.objects.get())
